"""Verbs that change something: one call for each name."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.client.gateway import GatewayClient
from cuectl.counts import amount_of, counts_of, described, listed, names_something
from cuectl.errors import CallError, Failure
from cuectl.many import Outcome, Request, outcomes, patiently
from cuectl.names import (
    Names,
    arguments_of,
    named_arguments,
    named_options,
    with_near_name,
)
from cuectl.requests import (
    is_value_of,
    parameter,
    put_arguments,
    quotes_hint,
    request_of,
    sent_by,
    with_defaults,
    with_split_options,
)
from cuectl.rows import rows_at, shown
from cuectl.selection import STANDARD_INPUT, names_of, repeating
from cuectl.session import Session, Verb
from cuectl.terminal.exits import (
    FAILED,
    NOT_FOUND,
    SHOWN_FAILURES,
    complain,
    failure_lines,
    status_of,
)
from cuectl.terminal.exits import text_of as error_text
from cuectl.terminal.text import counted, printable_lines
from cuectl.words import option_for, other_verb, with_words


def change(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> None:
    """Make the calls of a verb, one for each name.

    Exits with status 1 if one of several fails, and with NOT_FOUND, before any call, if one of
    several is in no list. Names that were listed before may have gone: they are not looked for.
    """
    given = with_split_options(verb, with_words(session, name, verb, given))
    given = with_whole_names(session, verb, with_defaults(verb, given))
    body = request_of(verb, given, session)
    names, source = names_of(session, verb, given)
    known = Names(session)
    check_names(name, verb, given, names, known, may_have_gone=source != "written")
    timeout = given["timeout"]
    requests: list[Request] = [
        (each or name, put_arguments(body, verb.get("arguments", ()), given, each))
        for each in names
    ]
    try:
        requests, counts = worth_calling(session, name, verb, given, requests)
        if not given["dry_run"] and not given["yes"]:
            everything = f"{name} all" if source == "all" else ""
            confirm(verb, given, [each for each, _ in requests], counts.values(), everything)
        if given["dry_run"]:
            answers = session.run(lambda client: rehearse(client, verb, requests), timeout)
            click.echo("\n".join(answers))
            would = summary(verb, given, counts, {}, len(names) - len(requests)) + beside(
                verb, given
            )
            click.echo(f"{name}: would be {would}", err=True)
            return
    except CallError as error:
        raise with_near_name(error, known, named_arguments(verb, given, names[0])) from None
    failed_first = done_also(session, verb, given, [each for each, _ in requests], first=True)
    requests = [each for each in requests if each[0] not in failed_first]
    found: dict[str, Outcome] = dict(failed_first)
    found |= session.run(
        lambda client: outcomes(client, verb["method"], requests, timeout), timeout
    )
    failures = {
        each: with_near_name(error, known, named_arguments(verb, given, each))
        for each, error in found.items()
        if isinstance(error, CallError)
    }
    if len(found) == 1 and failures:
        (failure,) = failures.values()
        other = ""
        if failure.code == "NOT_FOUND":
            words = words_of(verb, given)
            other = other_verb(session, known, name, words) or option_for(
                session, known, name, verb, words[0]
            )
        complain(other or error_text(failure), PROGRAM)
        sys.exit(status_of(failure))
    done = [each for each in names if (each or name) not in failures and (each or name) in counts]
    failures |= done_also(session, verb, given, done, first=False)
    told = summary(verb, given, counts, failures, len(names) - len(requests)) + beside(verb, given)
    told += made_names(verb, given, found.values())
    if source in ("chosen", "all"):
        told += f" ({listed([*counts])})"
    click.echo("\n".join((f"{name}: {told}", *failure_lines([*failures.items()]))), err=True)
    if note := verb.get("note"):
        click.echo(f"note: {note}", err=True)
    sys.exit(FAILED if failures else 0)


def with_whole_names(session: Session, verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """With `local.night` for `night`, in arguments whose lists say that this is enough."""
    known, found = Names(session), dict(given)
    for about in verb.get("arguments", ()):
        if "names" in about and not about.get("repeats"):
            place = parameter(about["name"])
            found[place] = known.whole(found[place], about["names"])
    return found


def words_of(verb: Verb, given: Mapping[str, Any]) -> list[str]:
    """What is written behind a verb."""
    values = [given[parameter(each["name"])] for each in verb.get("arguments", ())]
    return [
        str(word)
        for each in values
        for word in (each if isinstance(each, list | tuple) else [each])
    ]


def made_names(verb: Verb, given: Mapping[str, Any], found: Iterable[Outcome]) -> str:
    """` (local.night)`: what something new is called, if not as it was written."""
    if verb.get("reads") or not (place := verb.get("rows")):
        return ""
    answers = (each.answer for each in found if not isinstance(each, CallError))
    names = [str(row["name"]) for each in answers for row in rows_at(each, place) if "name" in row]
    written = {*words_of(verb, given)}
    return f" ({listed(names)})" if names and not {*names} & written else ""


def done_also(
    session: Session,
    verb: Verb,
    given: Mapping[str, Any],
    names: Sequence[str | None],
    *,
    first: bool,
) -> dict[str, CallError]:
    """Do for the same names what options say beside, such as a comment; why that has failed.

    That is `first` what comes before the call, and else what comes after it.
    """
    failures: dict[str, CallError] = {}
    for option, about in verb.get("options", {}).items():
        text = given.get(parameter(option))
        is_due = "also" in about and text and bool(about.get("first")) == first
        other = session.verb(about["also"], {}) if is_due else None
        if other is not None and names:
            found = call_also(session, other, str(text), names, given["timeout"])
            for each, error in found.items():
                if isinstance(error, CallError):
                    so_far = "not done, nor" if first else "done, but not"
                    told = f"{so_far} --{option}: {error.message}"
                    failures[each] = CallError(error.code, told)
    return failures


def beside(verb: Verb, given: Mapping[str, Any]) -> str:
    """`, with a comment`: what options add that is done by other verbs."""
    options = verb.get("options", {}).items()
    also = [name for name, about in options if "also" in about and given.get(parameter(name))]
    return "".join(f", with a {name}" for name in also)


def call_also(
    session: Session, verb: Verb, text: str, names: Sequence[str | None], timeout: float | None
) -> dict[str, Outcome]:
    """Call a verb of which the last argument is the text."""
    first, last = verb["arguments"]
    body, given = request_of(verb, {}, session), {parameter(last["name"]): text}
    requests = [(str(each), put_arguments(body, [first, last], given, each)) for each in names]
    return session.run(lambda client: outcomes(client, verb["method"], requests, timeout), timeout)


def check_names(
    name: str,
    verb: Verb,
    given: Mapping[str, Any],
    names: Sequence[str | None],
    known: Names,
    *,
    may_have_gone: bool,
) -> None:
    """Raises CallError, or exits, with NOT_FOUND, for what no list has."""
    for each, kind in named_options(verb, given):
        if problem := known.problem(each, kind, arguments_of(verb, given, names)):
            raise CallError("NOT_FOUND", problem)
    written = written_names(verb, given)
    looked_for = written if may_have_gone else names
    told = absent_names(name, verb, given, looked_for, len(names), known) if looked_for else []
    if told:
        click.echo(printable_lines("\n".join(told)), err=True)
        sys.exit(NOT_FOUND)


def worth_calling(
    session: Session,
    name: str,
    verb: Verb,
    given: Mapping[str, Any],
    requests: Sequence[Request],
) -> tuple[list[Request], dict[str, int | None]]:
    """The requests that would change something, and how much each would, if that can be known.

    Exits if none would: with NOT_FOUND if what is named beside, such as a layer, has nothing to
    change. Raises CallError.
    """
    counts = counts_of(session, verb, requests, given["timeout"], written_names(verb, given))
    left = [each for each in requests if counts.get(each[0]) != 0]
    if not left:
        nothing = described(verb, given, [each for each, _ in requests], 0)
        complain(f"{name}: nothing to do: {nothing}", PROGRAM)
        sys.exit(NOT_FOUND if names_something(verb, given) else 0)
    return left, {each: counts.get(each) for each, _ in left}


def new_values(verb: Verb, given: Mapping[str, Any]) -> str:
    """` -> 200`: the arguments behind the one that repeats, unless they are texts of any kind."""
    arguments = [*verb.get("arguments", ())]
    repeats = repeating(verb)
    behind = arguments[1 if repeats is None else arguments.index(repeats) + 1 :]
    told = (each for each in behind if not quotes_hint(each) and "default" not in each)
    values = [shown(given[parameter(each["name"])], "") for each in told]
    return f" -> {' '.join(values)}" if values else ""


def summary(
    verb: Verb,
    given: Mapping[str, Any],
    counts: Mapping[str, int | None],
    failures: Mapping[str, CallError],
    skipped: int,
) -> str:
    """`3 frames of 2 jobs`, or `1 of 2 jobs, 1 failed`; those `skipped` had nothing to change."""
    arguments: Sequence[Verb] = verb.get("arguments", ())
    made_up = (each for each in arguments if not each.keys() & {"names", "example", "default"})
    about = repeating(verb) or next(made_up, None) or next(iter(arguments), None)
    if about is None:
        return "done"
    told = counted(len(counts), str(about["name"]))
    if failures:
        told = f"{len(counts) - len(failures)} of {told}, {len(failures)} failed"
    told += new_values(verb, given)
    changed = total_of(number for each, number in counts.items() if each not in failures)
    if changed is not None:
        told = f"{amount_of(verb, given, changed)} of {told}"
    return f"{told}; {skipped} had none" if skipped else told


def total_of(numbers: Iterable[int | None]) -> int | None:
    """None if one of them is not known, or there are none."""
    known = [*numbers]
    return None if None in known or not known else sum(each or 0 for each in known)


def written_names(verb: Verb, given: Mapping[str, Any]) -> list[str]:
    """The names that are no list's and no pipe's."""
    about = repeating(verb)
    words: Sequence[str] = () if about is None else given[parameter(about["name"])]
    return [each for each in words if each != STANDARD_INPUT]


def absent_names(
    name: str,
    verb: Verb,
    given: Mapping[str, Any],
    names: Sequence[str | None],
    number: int,
    known: Names,
) -> list[str]:
    """Lines about those of several names that nothing has; only about the first if there are many.

    An option is named if one of them could be meant for it.
    """
    repeats = repeating(verb)
    if number < 2 or repeats is None:
        return []
    kind = repeats.get("names", "")
    arguments = arguments_of(verb, given, names)
    absent = known.absent(map(str, names), kind, arguments)
    if not absent:
        return []
    lines = [f"{name}: nothing was done, {len(absent)} of {number} not found"]
    lines += [f"  {known.problem(each, kind, arguments)}" for each in absent[:SHOWN_FAILURES]]
    if len(absent) > SHOWN_FAILURES:
        lines.append(f"  … and {len(absent) - SHOWN_FAILURES} more")
    there = [str(each) for each in names if each not in absent]
    if len(there) == 1:
        arguments[repeats["name"]] = there[0]
    if hint := quotes_hint(verb["arguments"][-1]):
        lines.append(f"  {hint}")
    for option, about in verb.get("options", {}).items():
        names_of_option = about.get("names", "")
        meant = [
            each
            for each in absent
            if is_value_of(about, each) or known.has(each, names_of_option, arguments)
        ]
        if meant:
            joined = ",".join(meant) if about.get("pattern") else meant[0]
            lines.append(f"  did you mean --{option} {joined}? {about['help']}")
    return lines


async def rehearse(client: GatewayClient, verb: Verb, requests: Iterable[Request]) -> list[str]:
    """Lines with the calls that would be made. Raises CallError for one that would fail."""
    lines = []
    for _, request in requests:
        found = await patiently(client, verb["method"], request, {}, dry_run=True)
        called = orjson.dumps(found.answer["request"]).decode()
        lines.append(f"would call {verb['method'].lstrip('/')} {called}")
    return lines


def confirm(
    verb: Verb,
    given: Mapping[str, Any],
    names: Sequence[str | None],
    numbers: Iterable[int | None],
    everything: str,
) -> None:
    """Ask the question of a verb, or of its options, such as `Eat 3 DEAD frames of demo-sh010? They
    are given up`, or whether `everything` is meant (`unlock all`). Raises Failure if the answer is
    no, as it is without a terminal.
    """
    asked = [verb.get("confirm")] + [
        about.get("asks")
        for _, about, value in sent_by(verb, given)
        if value != about.get("default")
    ]
    question = " ".join(filter(None, asked))
    if everything and not question and (about := repeating(verb)):
        told = f"{counted(len(names), str(about['name']))}{new_values(verb, given)}"
        question = f"{everything} {told}?"
    if not question:
        return
    values = {
        about["name"]: listed(names) if about.get("repeats") else given[parameter(about["name"])]
        for about in verb.get("arguments", ())
    }
    if "counts" in verb:
        values["counted"] = described(verb, given, names, total_of(numbers))
    for key, value in values.items():
        question = question.replace("{" + key + "}", str(value))
    if not sys.stdin.isatty():
        raise Failure(f"not done: {question} (no terminal to ask on: add --yes)")
    if not click.confirm(question, err=True):
        raise Failure("not done")
