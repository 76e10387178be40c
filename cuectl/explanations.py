"""Why a read has failed, or has found nothing, in terms of its options."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cuectl import PROGRAM
from cuectl.client.client import of_option
from cuectl.errors import CallError, InvalidCall
from cuectl.headings import nearest_heading, unquoted_hint
from cuectl.names import Names, arguments_of, named_arguments, named_options, with_near_name
from cuectl.requests import SUBJECT, parameter
from cuectl.rows import columns_of, titles_of
from cuectl.session import Session, Verb
from cuectl.terminal.exits import NOT_FOUND, complain


def explained(
    error: CallError,
    session: Session,
    verb: Verb,
    given: Mapping[str, Any],
    name: str | None = None,
) -> Exception:
    """The error in terms of the options, or with the name that somebody may have meant."""
    wrong = of_option(error, "table")
    if wrong is None:
        return with_near_name(error, Names(session), named_arguments(verb, given, name))
    problem = str(wrong)
    if problem.startswith("--where:"):
        problem += unquoted_hint(given["where"])
    for theirs, ours in (("--sort:", "--sort-by:"), ("--group:", "--count-by:")):
        problem = problem.replace(theirs, ours)
    return InvalidCall(with_column(problem, verb))


def with_column(problem: str, verb: Verb) -> str:
    """The problem, with the field of a column if a column's title was written instead."""
    before, said, rest = problem.partition("has no field '")
    name = rest.partition("'")[0]
    for path, title in titles_of(columns_of(verb, "wide")):
        if said and name.upper() == title:
            return f"{before}{said}{name}'; the column {title} shows {path}"
    if said and (near := nearest_heading(name, verb)):
        return f"{before}{said}{name}'{near}"
    return problem


def tell_nothing_fits(
    session: Session, name: str, verb: Verb, given: Mapping[str, Any], about: Sequence[str | None]
) -> None:
    """Say on standard error that there are no rows, and why that may be.

    Exits with NOT_FOUND if a name is misspelled.
    """
    told = tell_why_nothing_fits(session, verb, given, about)
    if not told and given["output"] in ("table", "wide", "csv", "name"):
        kind = verb.get("names", name)
        chosen = any(given.get(parameter(each)) for each in verb.get("options", {}))
        click.echo(f"no {kind} fit" if chosen or given["where"] else f"no {kind}", err=True)


def tell_why_nothing_fits(
    session: Session, verb: Verb, given: Mapping[str, Any], about: Sequence[str | None] = ()
) -> bool:
    """Say which names may be the reason for an answer without rows. Exits with NOT_FOUND if one is
    not in a list of all such names: it is misspelled.
    """
    names, arguments = Names(session), arguments_of(verb, given, about)
    missing = []
    for name, kind in named_options(verb, given):
        if problem := names.problem(name, kind, arguments):
            complain(problem, PROGRAM)
            missing.append(kind)
    if any(names.are_all(kind) for kind in missing):
        sys.exit(NOT_FOUND)
    return bool(missing) or tell_conditions(session, verb, given)


def tell_conditions(session: Session, verb: Verb, given: Mapping[str, Any]) -> bool:
    """Say that several options have left no row, because rows have to fit all of them; and who
    `--mine` is.
    """
    used = {
        f"--{name}": about
        for name, about in verb.get("options", {}).items()
        if given.get(parameter(name)) and about.get("value") is not True  # that asks for more
    }
    by_subject = [name for name, about in used.items() if about.get("value") == [SUBJECT]]
    if by_subject:
        complain(f"nothing fits: {by_subject[0]} is {session.subject}", PROGRAM)
        return True
    if len(used) < 2:
        return False
    # Names are not what somebody wants either of.
    are_conditions = not any("names" in about for about in used.values())
    either = f"; --where takes '{verb['example']}'" if are_conditions and "example" in verb else ""
    complain(f"no rows fit all of {', '.join(used)}{either}", PROGRAM)
    return True
