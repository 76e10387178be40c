"""The names that a verb is about: written, from a pipe, or chosen by options of the verb that lists
them.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import click
import orjson

from cuectl.errors import CallError, InvalidCall
from cuectl.requests import GIVEN, example_of, parameter, quoted, request_of
from cuectl.rows import rows_at, value_at
from cuectl.session import Session, Verb

Source = Literal["written", "piped", "chosen", "all"]
STANDARD_INPUT = "-"
WHERE, ALL = "where", "all"
"""Options that choose names, beside those of their list."""
MOST_READ = 500
"""Objects that one read is about, if their names are not written."""


def repeating(verb: Verb) -> Verb | None:
    """The argument that there may be several of, if one is."""
    return next((each for each in verb.get("arguments", ()) if each.get("repeats")), None)


def conditions_of(verb: Verb, given: Mapping[str, Any]) -> list[str]:
    """The conditions of a verb on its rows, of its options, and of --where."""
    found = [verb.get(WHERE)]
    for name, about in verb.get("options", {}).items():
        value = given.get(parameter(name))
        if WHERE in about and value:
            text = str(value)
            if mark := about.get("before"):  # a pattern for what is before the mark
                text = f"^{re.escape(text)}{re.escape(mark)}"
            found.append(about[WHERE].replace(GIVEN, quoted(text)))
    return [each for each in (*found, given.get(WHERE)) if each]


def all_of(conditions: Sequence[str]) -> str:
    """One condition; empty without any."""
    if len(conditions) < 2:
        return "".join(conditions)
    return " and ".join(f"({each})" for each in conditions)


def choosing(name: str) -> str:
    """The parameter of an option that chooses names."""
    return f"by_{parameter(name)}"


def choosing_options(verb: Verb, listing: Verb) -> dict[str, Verb]:
    """The options of `listing`, the verb that lists what a verb takes names of, except those whose
    names the verb has options of itself.
    """
    own = set(verb.get("options", {}))
    for each in verb.get("options", {}).values():
        own.update(each.get("aliases", ()))
    return {
        name: {**each, "aliases": [one for one in each.get("aliases", ()) if one not in own]}
        for name, each in listing.get("options", {}).items()
        # What asks for more, such as finished jobs, has nothing to change.
        if name not in own
        and (verb.get("reads") or not (each.get("value") is True or each.get("lists")))
    }


def names_of(
    session: Session, verb: Verb, given: Mapping[str, Any]
) -> tuple[list[str | None], Source]:
    """The names that a verb is about, without repetitions, and where they come from.

    A read is about all names of their list if none is given. One None if the verb takes one of
    each argument. Raises UsageError without any, InvalidCall and CallError.
    """
    about = repeating(verb)
    if about is None:
        return [None], "written"
    words = joined_parts(session, about, given[parameter(about["name"])])
    found = session.listing(verb)
    options = given_choosing(verb, found[1], given) if found is not None else []
    if words and options:
        return narrowed(session, verb, found, given, words, options), "written"
    if found is not None and not words and (options or verb.get("reads")):
        chosen = chosen_names(session, verb, *found, given)
        return [*chosen], "all" if ALL in options else "chosen"
    if not words:
        raise click.UsageError(missing(verb, about, found), click.get_current_context(silent=True))
    if STANDARD_INPUT not in words:
        return list(dict.fromkeys(words)), "written"
    piped = [line.strip() for line in sys.stdin.read().splitlines()]
    both = [*(word for word in words if word != STANDARD_INPUT), *filter(None, piped)]
    if not both:
        raise InvalidCall("there is no name on standard input")
    return list(dict.fromkeys(both)), "piped"


def joined_parts(session: Session, about: Verb, words: Sequence[str]) -> Sequence[str]:
    """Names of parts that may be words of their own: `local.general.demo` for `demo local.general`.

    Raises UsageError for what is no such name.
    """
    if not (kinds := about.get("parts")):
        return words
    from cuectl.names import Names

    known, found, parts = Names(session), list[str](), dict[str, str]()
    for word in words:
        if word == STANDARD_INPUT:
            return words
        whole = {each: known.whole(word, each) for each in kinds if each not in parts}
        kind = next((each for each, name in whole.items() if known.has(name, each, {})), "")
        if kind:
            parts[kind] = whole[kind]
        else:
            found.append(word)
        if len(parts) == len(kinds):
            found.append(".".join(parts[each] for each in kinds))
            parts.clear()
    for each in (*found, *parts.values()):
        if each in parts.values() or not re.fullmatch(about["pattern"], each, re.ASCII):
            name, context = about["name"], click.get_current_context(silent=True)
            raise click.UsageError(f"{each!r} is no {name}{example_of(about)}", context)
    return found


def narrowed(
    session: Session,
    verb: Verb,
    listing: tuple[str, Verb] | None,
    given: Mapping[str, Any],
    words: Sequence[str],
    options: Sequence[str],
) -> list[str | None]:
    """The names, all of which the options choose, too. Raises InvalidCall if they do not."""
    kind, lists = listing or ("", {})
    flags = " ".join(f"--{each}" for each in options)
    if STANDARD_INPUT in words:
        raise InvalidCall(f"leave out either {STANDARD_INPUT} or {flags}")
    anyhow = {name: about for name, about in verb.items() if name != "chooses"}
    chosen = {each.lower(): each for each in chosen_names(session, anyhow, kind, lists, given)}
    if others := [each for each in words if each.lower() not in chosen]:
        raise InvalidCall(f"{', '.join(others)}: not among the {kind} that {flags} chooses")
    return [*dict.fromkeys(chosen[each.lower()] for each in words)]


def missing(verb: Verb, about: Verb, found: tuple[str, Verb] | None) -> str:
    last = str(verb["arguments"][-1]["name"]).upper()
    name = str(about["name"]).upper()
    before = f", before {last}" if last != name else ""  # the last word is taken for the last one
    choose = ""
    if found is not None and (options := [*choosing_options(verb, found[1])]):
        choose = f"; --{options[0]} and others choose {found[0]}"
    return (
        f"Missing argument '{name}...'{before} ({STANDARD_INPUT} reads names from a pipe{choose})"
    )


def given_choosing(verb: Verb, listing: Verb, given: Mapping[str, Any]) -> list[str]:
    """The options that were given to choose names."""
    options = [*choosing_options(verb, listing), *([] if verb.get("reads") else [WHERE, ALL])]
    return [each for each in options if given.get(WHERE if each == WHERE else choosing(each))]


def chosen_names(
    session: Session, verb: Verb, kind: str, listing: Verb, given: Mapping[str, Any]
) -> list[str]:
    """The names of the rows that the options choose. Exits if there are none, as the list does.

    Raises CallError and InvalidCall.
    """
    from cuectl.client.arguments import Arguments
    from cuectl.explanations import explained, tell_why_nothing_fits
    from cuectl.headings import RowFields, with_fields

    listing = {**listing, "options": choosing_options(verb, listing)}
    chosen = {parameter(name): given.get(choosing(name)) for name in listing["options"]}
    chosen |= {"timeout": given["timeout"], WHERE: None}
    if not verb.get("reads") and given.get(WHERE):
        chosen[WHERE] = with_fields(given[WHERE], listing, RowFields(session, listing).has)
    chooses = [verb["chooses"]] if "chooses" in verb else []
    path = str(listing["columns"][0]["path"])
    view = {"_fields": path, "_where": all_of([*chooses, *conditions_of(listing, chosen)])}
    view["_sort"] = listing.get("sort", "")
    request = Arguments(orjson.dumps(request_of(listing, chosen, session)))
    try:
        answer = session.run(
            lambda client: client.call(
                listing["method"], request, view={name: text for name, text in view.items() if text}
            ),
            given["timeout"],
        )
    except CallError as error:
        raise explained(error, session, listing, chosen) from None
    rows = rows_at(orjson.loads(answer.content), listing.get("rows"))
    names = list(dict.fromkeys(str(value_at(row, path)) for row in rows))
    if not names:
        if not tell_why_nothing_fits(session, listing, chosen):
            left = " that this would change" if chooses else ""
            click.echo(f"there are no such {kind}{left}", err=True)
        sys.exit(0)
    if answer.cut_at or (verb.get("reads") and len(names) > MOST_READ):
        options = ", ".join(f"--{each}" for each in listing["options"])
        raise InvalidCall(
            f"there are {len(names)} {kind} or more; choose some by name, or with {options}"
        )
    return names
