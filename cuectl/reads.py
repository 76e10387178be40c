"""Verbs that read: rows, as a table and in other forms."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from cuectl import PROGRAM
from cuectl.errors import CallError, InvalidCall
from cuectl.grouping import grouping_of
from cuectl.headings import RowFields, chosen_columns, fields_of, local_columns, with_fields
from cuectl.printing import Showing, show
from cuectl.requests import parameter, put_arguments, request_of, with_split_options
from cuectl.rows import GROUPS, Column, columns_of, paths_of, spans_in, with_spans
from cuectl.selection import all_of, conditions_of, names_of, repeating
from cuectl.session import Session, Verb
from cuectl.terminal.exits import CUT, complain
from cuectl.terminal.text import is_colored
from cuectl.words import WORDS, tell_unknown, with_words

if TYPE_CHECKING:
    from cuectl.client.client import Answer
    from cuectl.client.gateway import GatewayClient


def read(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> None:
    fields = RowFields(session, verb)
    given = with_split_options(verb, with_words(session, name, verb, given))
    if given.get("reverse") and (order := given["sort_by"] or usual_order(verb, given)):
        given = {**given, "sort_by": reversed_order(order)}
    if given["where"]:
        given = {**given, "where": with_fields(given["where"], verb, fields.has)}
    grouping = grouping_of(given, verb, fields)
    if given["fields"] is not None:
        check_fields(given)
        columns = chosen_columns(given["fields"], verb, fields)
    else:
        columns = grouping.columns(verb) if grouping else shown_columns(verb, given)
    names, source = names_of(session, verb, given)
    upright = not grouping and len(names) == 1 and source == "written" and in_detail(verb, given)
    if upright:
        columns = columns_of(verb, "wide")
    showing = Showing(
        form="wide" if given["fields"] and given["output"] == "table" else given["output"],
        columns=columns,
        place=GROUPS if grouping else verb.get("rows"),
        colors=session.colors,
        headers=not given["no_headers"],
        raw=given["raw"],
        colored=sys.stdout.isatty() and is_colored(),
        upright=upright,
    )
    view = view_of(verb, given, columns)
    if grouping:
        view = grouping.view(view)
    body = request_of(verb, given, session)
    requests = [
        (each or name, put_arguments(body, verb.get("arguments", ()), given, each))
        for each in names
    ]
    tells_names = len(requests) > 1 or source != "written"
    if tells_names or grouping.marks or needs_rows(verb, given, columns):
        from cuectl.gathering import show_all

        show_all(
            session,
            name,
            verb,
            requests,
            view,
            given,
            showing,
            grouping=grouping,
            fields=fields,
            tells_names=tells_names,
        )
    elif given["watch"]:
        showing = replace(showing, columns=[each for each in columns if "since" not in each])
        with explaining(session, verb, given, names[0]):
            watch(session, *requests[0], verb, view, showing)
    else:
        with explaining(session, verb, given, names[0]):
            answer, showing = asked(session, verb, requests[0][1], view, given, showing)
            answer, showing = with_columns(answer, showing, is_chosen=given["fields"] is not None)
        if not show(answer.content, showing):
            from cuectl.explanations import tell_nothing_fits

            tell_unknown(session, name, verb, given.get(WORDS, ()))
            tell_nothing_fits(session, name, verb, given, names)
        if answer.cut_at:
            complain(f"warning: there may be more than these {answer.cut_at} rows", PROGRAM)
            sys.exit(CUT)


@contextmanager
def explaining(
    session: Session, verb: Verb, given: Mapping[str, Any], name: str | None
) -> Iterator[None]:
    """Raise what a call raises in terms of the options."""
    try:
        yield
    except CallError as error:
        from cuectl.explanations import explained

        raise explained(error, session, verb, given, name) from None


def in_detail(verb: Verb, given: Mapping[str, Any]) -> bool:
    """Whether all of one object is shown."""
    return bool(verb.get("detail")) and given["output"] == "table" and given["fields"] is None


def needs_rows(verb: Verb, given: Mapping[str, Any], columns: Sequence[Column]) -> bool:
    """Whether rows have to be taken apart here: for a column that they get here, or to be put in
    order by the time between two others.
    """
    if given["watch"] or repeating(verb) is None:
        return False
    local = {each["path"] for each in local_columns(verb)}
    spans = {each["path"] for each in spans_in(columns_of(verb, "wide"))}
    sorted_by = {each.lstrip("-") for each in fields_of(given["sort_by"], verb)}
    return any(each["path"] in local for each in columns) or bool(sorted_by & spans)


def with_columns(
    answer: "Answer", showing: Showing, *, is_chosen: bool
) -> "tuple[Answer, Showing]":
    """The answer with columns that rows get here, and how it is shown then. Unless columns are
    chosen, a program gets the gateway's answer.
    """
    spans = spans_in(showing.columns)
    whole = showing.form in ("json", "yaml", "ndjson") and not is_chosen
    if not spans or whole:
        return answer, showing
    rows = with_spans(showing.rows(answer.content), spans)
    return replace(answer, content=orjson.dumps(rows)), replace(showing, place="")


def asked(
    session: Session,
    verb: Verb,
    request: Mapping[str, Any],
    view: Mapping[str, str],
    given: Mapping[str, Any],
    showing: Showing,
) -> "tuple[Answer, Showing]":
    """The answer, perhaps with reasons, and how it is shown then. Raises CallError."""
    from cuectl.client.arguments import Arguments
    from cuectl.reasons import REASON, with_reasons

    arguments = Arguments(orjson.dumps(request))
    has_reasons = bool(verb.get("reasons")) and showing.place != GROUPS
    if has_reasons and "_fields" in view:  # rows are told apart by the first column
        view = {**view, "_fields": f"{verb['columns'][0]['path']},{view['_fields']}"}

    async def ask(client: "GatewayClient") -> "Answer":
        answer = await client.call(verb["method"], arguments, view=view)
        if not has_reasons:
            return answer
        rows = await with_reasons(client, verb, arguments, view, answer.content, given["timeout"])
        return replace(answer, content=rows)

    answer = session.run(ask, given["timeout"])
    if has_reasons:
        showing = replace(showing, place="", columns=[*showing.columns, REASON])
    return answer, showing


def watch(
    session: Session,
    name: str,
    request: Mapping[str, Any],
    verb: Verb,
    view: Mapping[str, str],
    showing: Showing,
) -> None:
    """Show the answer whenever it changes, until Ctrl-C. Raises CallError."""
    import gc

    from cuectl import watching
    from cuectl.client.arguments import Arguments

    if verb.get("reasons"):
        raise InvalidCall("--watch shows no reasons")

    gc.enable()
    arguments = Arguments(orjson.dumps(request))

    async def run(client: "GatewayClient") -> None:
        every = watching.EVERY_SECONDS
        answers = client.watch(verb["method"], arguments, view=view, every=every, until="")
        if showing.is_table and sys.stdout.isatty():
            screen = watching.Screen(f"{PROGRAM} {name}", showing.table)
            await watching.watch_on_terminal(answers, screen)
        else:
            await watching.watch(answers, watching.Changes(PROGRAM, showing.changes))

    session.run(run)


def check_fields(given: Mapping[str, Any]) -> None:
    """Raises InvalidCall where rows are not shown by their fields."""
    if given["output"] == "name":
        raise InvalidCall("-o name prints names only; for other fields, use -o csv or table")
    if given["count_by"] is not None:
        raise InvalidCall("--count-by counts rows, and --fields shows them; leave out one of them")
    if given["sum"] is not None:
        raise InvalidCall("--sum adds rows up, and --fields shows them; leave out one of them")


def shown_columns(verb: Verb, given: Mapping[str, Any]) -> list[Column]:
    """The columns of a form, and those that options add behind the first."""
    columns = columns_of(verb, given["output"])
    if given["output"] == "name":
        return columns
    known = {each["path"] for each in columns}
    more = [
        each
        for name, about in verb.get("options", {}).items()
        if given.get(parameter(name))
        for each in about.get("columns", ())
        if each["path"] not in known
    ]
    shown = [*columns[:1], *more, *columns[1:]]
    paths = {each["path"] for each in shown}
    every = {each["path"]: each for each in columns_of(verb, "wide")}
    sorted_by = (each.lstrip("-") for each in fields_of(given["sort_by"], verb))
    missing = [every[path] for path in sorted_by if path in every and path not in paths]
    return [*shown, *missing, *local_columns(verb)[1:]]


def reversed_order(sort: str) -> str:
    """Descending where it was ascending, and the other way round."""
    fields = [each.strip() for each in sort.split(",") if each.strip()]
    return ",".join(each[1:] if each.startswith("-") else f"-{each}" for each in fields)


def usual_order(verb: Verb, given: Mapping[str, Any]) -> str:
    """The order that an option or the verb has of itself."""
    by_options = (
        about.get("sort")
        for name, about in verb.get("options", {}).items()
        if given.get(parameter(name))
    )
    return str(next(filter(None, by_options), None) or verb.get("sort", ""))


def view_of(verb: Verb, given: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, str]:
    is_grouped = given["count_by"] or given["sum"]
    sort = ",".join(fields_of(given["sort_by"], verb))
    sort = sort or ("" if is_grouped else usual_order(verb, given))
    view = {}
    if given["output"] in ("table", "wide", "csv", "name") or given["fields"] is not None:
        view["_fields"] = ",".join(paths_of(columns))
    if condition := all_of(conditions_of(verb, given)):
        view["_where"] = condition
    if sort:
        view["_sort"] = sort
    if given["limit"] is not None:
        view["_limit"] = str(given["limit"])
    return view
