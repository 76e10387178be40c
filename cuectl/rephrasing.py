"""Command lines in other words: `kill job X`, `job kill X`, `set X --priority 50`, `get jobs`, and
the line of this program that they mean.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import click

from cuectl.suggestions import nearest

LIKE_COMMANDS = 0.7
ONLY_LOOK = ("follow", "whoami")
"""Commands that are no verbs, and change nothing."""
LISTS = ("get", "list", "ls", "show")
SETS = ("set", "edit", "change", "update", "raise", "lower")
ADDS = ("add", "create", "new")
DROPS = ("delete", "remove", "drop", "rm")
"""Words that other programs have beside the kind of thing, where a verb here says it alone."""

Verbs = Mapping[str, Mapping[str, Any]]


def singular(word: str) -> str:
    return word.lower().removesuffix("s")


def reads(command: str, verbs: Verbs) -> bool:
    return bool(verbs.get(command, {}).get("reads"))


def nouns_of(verb: Mapping[str, Any]) -> set[str]:
    """What a verb is about, in the singular: its arguments, their lists, and what it counts."""
    arguments = verb.get("arguments", ())
    words = [each[key] for each in arguments for key in ("name", "names") if key in each]
    words += [verb["counts"]["noun"]] if "counts" in verb else []
    return {singular(str(each)) for each in words}


def joined(first: str, second: str, verbs: Verbs) -> str:
    """The verb of two words, in any order: `create-show` for `shows create`, `delete-limit` for
    `remove limit`; empty if none is.
    """
    for word, other in ((first.lower(), second.lower()), (second.lower(), first.lower())):
        same = next((each for each in (ADDS, DROPS) if word in each), ())
        for one in dict.fromkeys((word, singular(word), *same)):
            for last in dict.fromkeys((other, singular(other), f"{other}s")):
                if f"{one}-{last}" in verbs:
                    return f"{one}-{last}"
    return ""


def takes(verb: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Whether there are as many words as a verb needs."""
    needed = [each for each in verb.get("arguments", ()) if "default" not in each]
    return sum(not each.startswith("-") for each in words) >= max(len(needed), 1)


def takes_what_is_there(verb: Mapping[str, Any]) -> bool:
    """Whether its first argument is the name of something, and none that is made up."""
    return "names" in next(iter(verb.get("arguments", ())), {})


def rearranged(words: Sequence[str], verbs: Verbs, choosing: Container[str] = ()) -> list[str]:
    """The same line as this program has it: the verb first, and the kind of thing that is meant
    only where a verb needs it. `choosing` are options that choose what the first word is about.
    """
    if len(words) < 2 or words[1].startswith("-"):
        return split_verb(words, verbs)
    first, second, *rest = words
    if rest and (verb := joined(first, second, verbs)):
        return [verb, *rest]
    if rest and second in verbs and singular(first) in nouns_of(verbs[second]):
        return [second, *rest]  # job pause X
    if first in verbs and rest:
        if second in choosing and not rest[0].startswith("-"):
            return [first, f"--{second}", *rest]  # pause show demo
        named = takes(verbs[first], rest) or any(each.startswith("-") for each in rest)
        if singular(second) in nouns_of(verbs[first]) and named:
            return [first, *rest]  # pause job X
    if second in LISTS and reads(first, verbs):
        return [first, *rest]  # jobs list
    one = singular(first)
    # Not behind `new`, which may be a name: `subscribe new local.general 3 4`.
    adds = second in ("add", "create") and rest and not reads(one, verbs)
    if adds and takes_what_is_there(verbs.get(one, {})):
        return [one, *rest]  # comments add X
    return split_verb(words, verbs)


def split_verb(words: Sequence[str], verbs: Verbs) -> list[str]:
    """`pause X` for `pause-job X` and `set-priority X`; other lines as they are."""
    first, *rest = words
    if first in verbs or "-" not in first:
        return [*words]
    one, _, other = first.partition("-")
    for verb, noun in ((one, other), (other, one)):
        if verb in verbs and (noun == "set" or singular(noun) in nouns_of(verbs[verb])):
            return [verb, *rest]
    return [*words]


def setting(words: Sequence[str], verbs: Verbs) -> list[str]:
    """`priority X 50` for what stands behind `set`: `X --priority 50`, `X priority=50`, `X priority
    50`, `priority X 50`; empty for other words.
    """
    for index, each in enumerate(words):
        verb, _, value = each.removeprefix("--").partition("=")
        sets_a_value = len(verbs.get(verb, {}).get("arguments", ())) > 1
        if sets_a_value and not reads(verb, verbs):
            line = [verb, *words[:index], *([value] if value else []), *words[index + 1 :]]
            return rearranged(line, verbs)
    return []


@dataclass(frozen=True, slots=True)
class Meant:
    line: Sequence[str]
    is_certain: bool = True
    """Whether it says in other words what it does, and is not only alike."""


def command_meant(
    words: Sequence[str], tried: Mapping[str, str], verbs: Verbs, commands: Container[str]
) -> Meant | None:
    """The command line that somebody means, such as `hosts a` for `host a`, if there is one.

    `tried` are words of other programs. Those that look, such as `get`, mean nothing that changes;
    what asks before it changes something is only suggested.
    """
    if not words:
        return None
    first, rest = words[0].lower(), [*words[1:]]
    if first in SETS and (line := setting(rest, verbs)):
        return Meant(line)
    if first in ADDS and rest and takes_what_is_there(verbs.get(rest[0], {})):
        return Meant(rest, is_certain=not reads(rest[0], verbs))
    command = tried.get(" ".join(words[:2]).lower())
    if command is not None:
        rest = rest[1:]
    else:
        command = first if first in verbs or first in commands else tried.get(first)
    if command and rest and reads(command, verbs) and reads(rest[0], verbs):
        command = ""  # as in `show jobs`
    if command == "":  # as in `get jobs`
        line = rearranged(rest, verbs) if rest else []
        return as_a_look(command_meant(line, tried, verbs, commands), verbs)
    if command and (command in verbs or command in commands):
        return as_tried(command, rest, verbs)
    begun = [each for each in verbs if each.startswith(singular(first)) and reads(each, verbs)]
    if len(begun) == 1:  # as in `subs`
        return Meant([*begun, *rest])
    near = nearest(first, verbs, LIKE_COMMANDS)
    if not near:
        return None
    # A change may not do with these words what was meant.
    return Meant([near, *rest] if reads(near, verbs) else [near], is_certain=False)


def as_a_look(meant: Meant | None, verbs: Verbs) -> Meant | None:
    """The same, which is only suggested if it changes something."""
    if meant is None or reads(meant.line[0], verbs) or meant.line[0] in ONLY_LOOK:
        return meant
    return Meant(meant.line, is_certain=False)


def as_tried(command: str, rest: Sequence[str], verbs: Verbs) -> Meant | None:
    """What a word of another program means; None if it is about another kind of thing."""
    about = verbs.get(command, {})
    line = rearranged([command, *rest], verbs)
    if len(line) > 1 and about.get("arguments") and not about.get("reads"):
        others = {noun for each in verbs.values() for noun in nouns_of(each)} - nouns_of(about)
        if singular(line[1]) in others:
            return None  # delete host X
    return Meant(line, is_certain="confirm" not in about)


def option_called(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def with_forms(words: Sequence[str], forms: Container[str]) -> list[str]:
    """`-o csv` for `--csv`."""
    found: list[str] = []
    for word in words:
        form = word.removeprefix("--")
        found += ["-o", form] if word.startswith("--") and form in forms else [word]
    return found


def with_named_arguments(
    verb: Mapping[str, Any], words: Sequence[str], options: Mapping[str, bool]
) -> list[str]:
    """The words, with arguments that are written as options (`--job X`) in their places.

    That is as far as the others have a place then: those that are named have to be the first or the
    last ones. `options` are those that the verb has, and whether something is written behind each.
    Raises UsageError.
    """
    arguments: Sequence[Mapping[str, Any]] = verb.get("arguments", ())
    known = {
        option: index
        for index, about in enumerate(arguments)
        for option in map(option_called, (about["name"], *about.get("aliases", ())))
        if option not in options
    }
    named = dict[int, list[str]]()
    left: list[str] = []
    following = iter(words)
    for word in following:
        option, equals, value = word.partition("=")
        if word == "--":
            left += [word, *following]
        elif option in known:
            text = value if equals else next(following, "--")
            if text.startswith("--") and not equals:
                raise click.UsageError(f"Option '{option}' requires an argument.")
            named.setdefault(known[option], []).append(text)
        else:
            left.append(word)
            if options.get(word):
                left += [*islice(following, 1)]
    # What else is written belongs to the argument that repeats.
    repeats = next((index for index, each in enumerate(arguments) if each.get("repeats")), None)
    most = len(arguments) if repeats is None else repeats + 1
    first = [*leading(named, range(most))]
    last = [*leading(named, range(len(arguments) - 1, len(first) - 1, -1))][::-1]
    if len(first) + len(last) < len(named):
        return [*words]
    return [
        *(text for index in first for text in named[index]),
        *left,
        *(text for index in last for text in named[index]),
    ]


def leading(named: Container[int], indexes: range) -> Iterator[int]:
    """The first of these that are named, one behind the other."""
    for index in indexes:
        if index not in named:
            return
        yield index
