"""Words behind a verb that lists: names of rows, such as `jobs 'demo-*'`, or what options say, such
as `hosts down`.
"""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cuectl import PROGRAM
from cuectl.names import Names
from cuectl.requests import is_flag, is_value_of, join_of, parameter, quoted
from cuectl.selection import ALL, STANDARD_INPUT, choosing, choosing_options, repeating
from cuectl.session import Session, Verb
from cuectl.terminal.exits import NOT_FOUND, complain

WORDS = "words"
"""The parameter of these words."""
ANY = {"*": ".*", "?": "."}


def kind_of(name: str, verb: Verb) -> str:
    """The list of the names that the rows of a verb have."""
    return str(verb.get("names", name))


def takes_words(verb: Verb) -> bool:
    return bool(verb.get("reads") and not verb.get("arguments") and verb.get("columns"))


def with_words(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with what the words mean in their places. Raises UsageError."""
    if (about := repeating(verb)) is not None:
        return with_words_behind(session, verb, about, given)
    words: Sequence[str] = given.get(WORDS, ())
    found, names = dict(given), list[str]()
    known, kind = Names(session), kind_of(name, verb)
    for word in words:
        if not word.strip():
            raise click.UsageError("a name is empty")
        is_name = is_pattern(word) or known.has(word, kind, {})
        option = None if is_name else option_meant(verb, word, known, {})
        if option is None:
            names.append(word)
        else:
            put_option(verb, option, known.spelled(word, verb["options"][option], {}), found)
    if names:
        path = str(verb["columns"][0]["path"])
        mark = verb["columns"][0].get("before", "")
        either = " or ".join(condition(path, each, mark, known, kind) for each in names)
        before = f"({given['where']}) and " if given["where"] else ""
        found["where"] = f"{before}({either})"
    return found


def with_words_behind(
    session: Session, verb: Verb, about: Verb, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The options, with words behind a name that are none, such as `dead` in `frames JOB dead`."""
    place, kind = parameter(about["name"]), about.get("names", "")
    known, found = Names(session), dict(given)
    words: Sequence[str] = [
        name
        for word in given[place]
        for name in (is_pattern(word) and known.fitting(word, kind)) or [word]
    ]
    found[place] = tuple(words)
    is_all = [each.lower() for each in words] == [ALL] and takes_all(session, verb)
    if is_all and not known.has(ALL, kind, {}):
        return {**found, place: (), choosing(ALL): True}  # as in `unlock all`
    for index, word in enumerate(words):
        if not (index or verb.get("reads")):  # a change is of what comes first
            continue
        arguments = {about["name"]: words[0]} if index else {}
        option = option_meant(verb, word, known, arguments)
        if option is not None and not verb.get("reads") and is_state(verb, option):
            continue  # it may change other things than was meant
        if option is not None and word != STANDARD_INPUT and not known.has(word, kind, {}):
            spelled = known.spelled(word, verb["options"][option], arguments)
            put_option(verb, option, spelled, found)
            found[place] = tuple(each for each in found[place] if each != word)
    return found


def takes_all(session: Session, verb: Verb) -> bool:
    """Whether a change may be of all that a list has."""
    reads = bool(verb.get("reads"))
    return not reads and session.listing(verb) is not None and ALL not in verb.get("options", {})


def is_state(verb: Verb, option: str) -> bool:
    """Whether an option is a flag, or has values of an enum."""
    about = verb["options"][option]
    return is_flag(about) or "values" in about


def tell_unknown(session: Session, name: str, verb: Verb, words: Sequence[str]) -> None:
    """Say which words nothing is called, and exit with NOT_FOUND if there is one."""
    known, kind = Names(session), kind_of(name, verb)
    kinds = [kind, *(each.get("names", "") for each in verb.get("options", {}).values())]
    unknown = [
        word
        for word in words
        if not option_meant(verb, word, known, {}) and not known.has(word, kind, {})
    ]
    for word in unknown:
        near = next(filter(None, (known.near(word, kind) for kind in kinds)), "")
        near = near or listed_elsewhere(session, known, word)
        complain(f"no {kind} have {word!r} in their names{near}", PROGRAM)
    if unknown:
        sys.exit(NOT_FOUND)


def listed_elsewhere(session: Session, known: Names, word: str) -> str:
    """`; for that: cuectl jobs demo-sh010`: another list that has the name."""
    for kind, about in session.known_verbs({}).items():
        if takes_words(about) and known.has(word, kind, {}):
            return f"; for that: {shlex.join((PROGRAM, kind, word))}"
    return ""


def is_pattern(word: str) -> bool:
    return any(each in word for each in ANY)


def condition(path: str, word: str, mark: str, known: Names, kind: str) -> str:
    """Rows of this name if there are such, else those with the word in their names."""
    if not is_pattern(word):
        spelled = known.spelled(word, {"names": kind}, {})
        return f"{path}{'=' if known.has(word, kind, {}) else ':'}{quoted(spelled)}"
    pattern = "".join(ANY.get(each) or re.escape(each) for each in word)
    end = f"({re.escape(mark)}.*)?$" if mark else "$"  # a row shows what is before the mark
    return f"{path}~{quoted(f'(?i)^{pattern}{end}')}"


def option_meant(verb: Verb, word: str, known: Names, arguments: Mapping[str, str]) -> str | None:
    """The option that a word is the name of, or a value."""
    options: Mapping[str, Verb] = verb.get("options", {})
    for name, about in options.items():
        if is_flag(about) and word.lower() in (name, *about.get("aliases", ())):
            return name
    return option_with_value(verb, word, known, arguments)


def option_with_value(
    verb: Verb, word: str, known: Names, arguments: Mapping[str, str]
) -> str | None:
    """The option that a word is a value of."""
    options: Mapping[str, Verb] = verb.get("options", {})
    for name, about in options.items():
        if is_flag(about):
            continue
        has = known.has(word, about.get("names", ""), arguments)
        if has or is_value_of(about, word) or word.upper() in about.get("values", ()):
            return name
    return None


def other_verb(session: Session, names: Names, verb: str, words: Sequence[str]) -> str:
    """`a is among the jobs; did you mean cuectl regroup a b?`: the verb that takes what this one
    does not.
    """
    from cuectl.rephrasing import joined

    verbs = session.known_verbs({})
    for kind in session.cache.verbs.get("names", {}):
        other = joined(kind, verb, verbs)
        if other not in ("", verb) and names.has(words[0], kind, {}):
            meant = shlex.join((PROGRAM, other, *words))
            return f"NOT_FOUND: {words[0]} is among the {kind}; did you mean {meant}?"
    for tried, other in session.tried.items():
        first, _, kind = tried.partition(" ")
        if first == verb and names.has(words[0], kind.strip("{}"), {}):
            meant = shlex.join((PROGRAM, other, *words))
            return f"NOT_FOUND: {words[0]} is among the {kind.strip('{}')}; did you mean {meant}?"
    return ""


def option_for(session: Session, names: Names, name: str, verb: Verb, word: str) -> str:
    """`NOT_FOUND: demo is among the shows; for its jobs: cuectl pause --show demo`: the option that
    chooses by what was written as a name.
    """
    kind, listing = session.listing(verb) or ("", {})
    for option, about in choosing_options(verb, listing).items():
        others = about.get("names", "")
        if names.has(word, others, {}):
            meant = shlex.join((PROGRAM, name, f"--{option}", word))
            return f"NOT_FOUND: {word} is among the {others}; for its {kind}: {meant}"
    return ""


def put_option(verb: Verb, name: str, word: str, found: dict[str, Any]) -> None:
    about = verb["options"][name]
    before = found.get(parameter(name))
    if is_flag(about):
        found[parameter(name)] = True
    elif about.get("many"):
        value = word.upper() if word.upper() in about.get("values", ()) else word
        found[parameter(name)] = (*(before or ()), value)
    elif before and (join := join_of(name, about)) is not None:
        found[parameter(name)] = join((before, word))
    elif before:
        raise click.UsageError(f"--{name} is given twice: {before}, and {word}")
    else:
        found[parameter(name)] = word
