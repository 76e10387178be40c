"""Verbs that read: rows, as a table and in other forms."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import orjson

from cuectl.errors import CallError, InvalidCall
from cuectl.requests import parameter, put_arguments, request_of
from cuectl.rows import Column, Form, columns_of, paths_of, rows_at, table_lines, text_of, titles_of
from cuectl.session import Session, Verb
from cuectl.terminal.exits import CUT, complain

if TYPE_CHECKING:
    from cuectl.client.client import Answer

PROGRAM = "cuectl"


def read(session: Session, verb: Verb, given: Mapping[str, Any]) -> None:
    from cuectl.client.arguments import Arguments
    from cuectl.client.client import of_option

    form: Form = given["output"]
    body = put_arguments(request_of(verb, given, session), verb.get("arguments", ()), given, None)
    columns = columns_of(verb, form)
    view = view_of(verb, given, columns, form)
    arguments = Arguments(orjson.dumps(body))
    try:
        answer = session.run(
            lambda client: client.call(verb["method"], arguments, view=view), given["timeout"]
        )
    except CallError as error:
        wrong = of_option(error, "table")
        if wrong is None:
            from cuectl.names import Names, explained, named_arguments

            raise explained(error, Names(session), named_arguments(verb, given, None)) from None
        problem = str(wrong).replace("--sort:", "--sort-by:")
        raise InvalidCall(with_column(problem, verb)) from None
    if not show(answer, verb, columns, session.colors, given):
        tell_unknown_names(session, verb, given)
    if answer.cut_at:
        complain(f"warning: there may be more than these {answer.cut_at} rows", PROGRAM)
        sys.exit(CUT)


def tell_unknown_names(session: Session, verb: Verb, given: Mapping[str, Any]) -> None:
    """Say which names may be the reason for an answer without rows."""
    from cuectl.names import Names, arguments_of, named_options

    names, arguments = Names(session), arguments_of(verb, given, ())
    for name, kind in named_options(verb, given):
        if problem := names.problem(name, kind, arguments):
            complain(problem, PROGRAM)


def view_of(
    verb: Verb, given: Mapping[str, Any], columns: Sequence[Column], form: Form
) -> dict[str, str]:
    flags = [
        about["where"]
        for name, about in verb.get("options", {}).items()
        if "where" in about and given.get(parameter(name))
    ]
    conditions = [each for each in (verb.get("where"), *flags, given["where"]) if each]
    sort = sorted_by(given["sort_by"], verb) or verb.get("sort")
    view = {}
    if form in ("table", "wide", "csv", "name"):
        view["_fields"] = ",".join(paths_of(columns))
    if conditions:
        joined = " and ".join(f"({each})" for each in conditions)
        view["_where"] = conditions[0] if len(conditions) == 1 else joined
    if sort:
        view["_sort"] = sort
    if given["limit"] is not None:
        view["_limit"] = str(given["limit"])
    return view


def sorted_by(names: str | None, verb: Verb) -> str:
    """Columns, named as above the table or by their fields, as the fields of `_sort`."""
    paths = {title: path for path, title in reversed(titles_of(columns_of(verb, "wide")))}
    found = []
    for each in (names or "").split(","):
        name = each.strip().removeprefix("-")
        found.append(each.strip().removesuffix(name) + paths.get(name.upper(), name))
    return ",".join(found)


def with_column(problem: str, verb: Verb) -> str:
    """The problem with the field that a column shows, if what is no field is above it."""
    before, said, rest = problem.partition("has no field '")
    name = rest.partition("'")[0]
    for path, title in titles_of(columns_of(verb, "wide")):
        if said and name.upper() == title:
            return f"{before}{said}{name}'; the column {title} shows {path}"
    return problem


def show(
    answer: "Answer",
    verb: Verb,
    columns: Sequence[Column],
    colors: Mapping[str, str],
    given: Mapping[str, Any],
) -> bool:
    """Print the answer. Whether it has rows."""
    form: Form = given["output"]
    whole = orjson.loads(answer.content)
    rows = rows_at(whole, verb.get("rows"))
    headers = not given["no_headers"]
    if form in ("table", "wide"):
        terminal = sys.stdout.isatty()
        lines = table_lines(
            columns,
            rows,
            colors,
            raw=given["raw"],
            headers=headers,
            width=terminal_width() if terminal and form == "table" else None,
            colored=terminal and is_colored(),
        )
        if not rows and terminal:
            click.echo("nothing fits", err=True)
            return False
    elif form == "json" and sys.stdout.isatty():
        lines = [orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()]
    else:
        lines = list(text_of(form, whole, rows, columns, headers=headers))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return bool(rows)


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def is_colored() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
