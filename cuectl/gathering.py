"""Rows of several objects, such as the frames of all jobs of a show, in one table."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.counts import listed
from cuectl.errors import CallError, InvalidCall
from cuectl.explanations import explained, tell_nothing_fits
from cuectl.grouping import Grouping, merged
from cuectl.headings import RowFields, fields_of, local_columns, whole_paths
from cuectl.many import Request, outcomes
from cuectl.names import Names, named_arguments, with_near_name
from cuectl.printing import Showing, show
from cuectl.requests import put
from cuectl.rows import (
    COUNT,
    Column,
    Row,
    as_number,
    columns_of,
    paths_of,
    rows_at,
    spans_in,
    value_at,
    with_spans,
)
from cuectl.selection import repeating
from cuectl.session import Session, Verb
from cuectl.terminal.exits import CUT, FAILED, complain, failure_lines

FIELD = re.compile(r"\{([^{}]+)\}")


def show_all(
    session: Session,
    name: str,
    verb: Verb,
    requests: Sequence[Request],
    view: Mapping[str, str],
    given: Mapping[str, Any],
    showing: Showing,
    *,
    grouping: Grouping,
    fields: RowFields,
    tells_names: bool,
) -> None:
    """Print the rows of all requests, perhaps with a column with the name that each is about.

    Exits with FAILED if some of the calls fail. Raises InvalidCall.
    """
    argument = str((repeating(verb) or {}).get("name", ""))
    if given["watch"]:
        raise InvalidCall(f"--watch shows one {argument}")
    order = whole_paths(fields_of(given["sort_by"], verb), verb, fields)
    asked = view_of_each(view, verb, grouping, order)
    timeout = given["timeout"]
    found = session.run(
        lambda client: outcomes(client, verb["method"], requests, timeout, asked), timeout
    )
    refusals = {each.code for each in found.values() if isinstance(each, CallError)}
    failures = {
        name: with_near_name(error, Names(session), named_arguments(verb, given, name))
        for name, error in found.items()
        if isinstance(error, CallError)
    }
    if len(failures) == len(found) and refusals == {"INVALID_ARGUMENT"}:  # of what all were asked
        raise explained(next(iter(failures.values())), session, verb, given)
    rows: list[Row] = [
        {**({argument: name} if argument else {}), **row}
        for name, each in found.items()
        if not isinstance(each, CallError)
        for row in rows_at(each.answer, showing.place)
    ]
    if grouping:
        rows = [row for row in rows if row[COUNT] or not grouping.by]
        rows = merged(grouping.with_parts(rows), () if argument in grouping.by else (argument,))
        order = grouping.order(",".join(order)).split(",")
    else:
        rows = with_added(session, verb, with_spans(rows, all_spans(verb)), argument, timeout)
        if given["fields"] is None and tells_names:
            showing = replace(showing, columns=with_name(showing, rows, argument))
    rows = in_order(rows, order)[: given["limit"]]
    if not show(orjson.dumps(rows), replace(showing, place="")) and not failures:
        tell_nothing_fits(session, name, verb, given, [each for each, _ in requests])
    cut = [name for name, each in found.items() if not isinstance(each, CallError) and each.cut_at]
    if cut:
        complain(f"warning: there may be more rows of {listed(cut)}", PROGRAM)
    if failures:
        complain(f"{len(failures)} of {len(requests)} failed", PROGRAM)
        click.echo("\n".join(failure_lines([*failures.items()])), err=True)
        sys.exit(FAILED)
    if cut:
        sys.exit(CUT)


def view_of_each(
    view: Mapping[str, str], verb: Verb, grouping: Grouping, order: Sequence[str]
) -> dict[str, str]:
    """The view of each request. All rows are put in order, and counted, here."""
    asked = {name: text for name, text in view.items() if name not in ("_sort", "_limit")}
    local = {each["path"] for each in local_columns(verb)}
    if grouping:
        asked |= {"_group": ",".join(each for each in grouping.by if each not in local)}
    if "_fields" in asked:
        fields = [verb["columns"][0]["path"], *asked["_fields"].split(",")]
        fields += sorting_fields(order, verb)
        asked["_fields"] = ",".join(each for each in fields if each not in local)
    return {name: text for name, text in asked.items() if text}


def all_spans(verb: Verb) -> list[Column]:
    return spans_in(columns_of(verb, "wide"))


def sorting_fields(order: Sequence[str], verb: Verb) -> list[str]:
    """The fields by which rows are sorted; of the time between two, both."""
    spans = {each["path"]: each for each in all_spans(verb)}
    paths = [each.lstrip("-") for each in order]
    return paths_of([spans.get(path, {"path": path}) for path in paths])


def with_added(
    session: Session, verb: Verb, rows: list[Row], argument: str, timeout: float | None
) -> list[Row]:
    """The rows with what the verb adds to each. Raises CallError."""
    if not rows or (about := verb.get("adds")) is None:
        return rows
    names = dict.fromkeys(row[argument] for row in rows)
    requests: list[Request] = []
    for name in names:
        body: dict[str, Any] = {}
        put(body, about["put"], name)
        requests.append((name, body))
    found = session.run(
        lambda client: outcomes(client, about["method"], requests, timeout), timeout
    )
    texts: dict[str, str] = {}
    for name, each in found.items():
        if isinstance(each, CallError):
            raise each
        texts[name] = filled(about["text"], rows_at(each.answer, about["rows"])[0])
    path, first = about["title"].lower(), verb["columns"][0]["path"]
    return [
        {**row, path: texts[row[argument]].replace("{row}", str(value_at(row, first)))}
        for row in rows
    ]


def filled(text: str, row: Row) -> str:
    """The text with fields of a row in their places, as far as it has them."""
    return FIELD.sub(lambda found: str(value_at(row, found[1]) or found[0]), text)


def with_name(showing: Showing, rows: Sequence[Row], argument: str) -> Sequence[Column]:
    """The columns, and one with the names, unless the rows say it first."""
    first = showing.columns[0]["path"] if showing.columns else ""
    is_there = all(value_at(row, first) == row[argument] for row in rows)
    if showing.form == "name" or is_there:
        return showing.columns
    return [{"path": argument, "title": argument.upper()}, *showing.columns]


def in_order(rows: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """Sorted by fields, of which the first comes first; one that begins with `-` is descending.
    What has no value comes last.
    """
    found = list(rows)
    for field in reversed(order):
        path = field.lstrip("-")
        with_value = [row for row in found if value_at(row, path) is not None]
        without = [row for row in found if value_at(row, path) is None]
        with_value.sort(key=partial(sort_key, path), reverse=field.startswith("-"))
        found = with_value + without
    return found


def sort_key(path: str, row: Row) -> tuple[float, str]:
    value = value_at(row, path)
    number = as_number(value)
    return (0.0, str(value)) if number is None else (number, "")
