"""Verbs that read: rows, as a table and in other forms."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.errors import CallError, InvalidCall
from cuectl.headings import RowFields, chosen_columns, unquoted_hint, with_fields
from cuectl.requests import parameter, put_arguments, request_of, with_split_options
from cuectl.rows import (
    Column,
    Form,
    Row,
    columns_of,
    csv_lines,
    paths_of,
    rows_at,
    table_lines,
    text_of,
    titles_of,
    value_at,
    without_room,
)
from cuectl.selection import all_of, conditions_of, names_of, repeating
from cuectl.session import Session, Verb
from cuectl.terminal.exits import CUT, NOT_FOUND, complain
from cuectl.terminal.text import is_colored
from cuectl.words import WORDS, tell_unknown, with_words

if TYPE_CHECKING:
    from cuectl.client.arguments import Arguments
    from cuectl.client.gateway import GatewayClient
    from cuectl.watching import Lines

GROUPS, COUNT = "groups", "count"
"""The place of groups in an answer, and the field with the number of rows in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    form: Form
    columns: Sequence[Column]
    place: str | None
    """The place of the rows in an answer."""
    colors: Mapping[str, str]
    headers: bool
    raw: bool
    colored: bool
    """Whether it is for a terminal with colors."""

    @property
    def is_table(self) -> bool:
        return self.form in ("table", "wide")

    def rows(self, content: bytes) -> list[Row]:
        return rows_at(orjson.loads(content), self.place)

    def table(self, content: bytes, width: int | None) -> list[str]:
        return table_lines(
            self.columns,
            self.rows(content),
            self.colors,
            raw=self.raw,
            headers=self.headers,
            width=width,
            colored=self.colored,
        )

    def text(self, content: bytes) -> list[str]:
        """The lines of a form for programs."""
        whole = orjson.loads(content)
        rows = rows_at(whole, self.place)
        return [*text_of(self.form, whole, rows, self.columns, headers=self.headers)]

    def changes(self, content: bytes, is_first: bool) -> "Lines":
        """The lines of a form as they are told one by one."""
        from cuectl.watching import Lines

        rows = self.rows(content)
        names = frozenset(str(value_at(row, self.columns[0]["path"])) for row in rows)
        if self.form in ("json", "yaml"):
            between = [] if is_first or self.form == "json" else ["---"]
            return Lines([*between, *self.text(content)], (), names)
        lines = self.table(content, None) if self.is_table else self.text(content)
        has_head = self.headers and (self.is_table or self.form == "csv")
        head, told = lines[:has_head], lines[has_head:]
        # Texts for people change with the time, and with the width of other rows.
        keys = csv_lines(rows, self.columns, headers=False) if self.is_table else told
        return Lines(head if is_first else (), [*zip(keys, told, strict=True)], names)


def read(session: Session, name: str, verb: Verb, given: Mapping[str, Any]) -> None:
    from cuectl.client.arguments import Arguments

    fields = RowFields(session, verb)
    given = with_split_options(verb, with_words(session, name, verb, given))
    if given["where"]:
        given = {**given, "where": with_fields(given["where"], verb, fields.has)}
    counted = fields_of(given["count_by"], verb)
    named = False
    if given["fields"] is not None:
        check_fields(given)
        given, named = without_argument(verb, given)
        columns = chosen_columns(given["fields"], verb, fields)
    else:
        columns = counts_of(counted, verb) if counted else shown_columns(verb, given)
    names, source = names_of(session, verb, given)
    showing = Showing(
        form="wide" if given["fields"] and given["output"] == "table" else given["output"],
        columns=columns,
        place=GROUPS if counted else verb.get("rows"),
        colors=session.colors,
        headers=not given["no_headers"],
        raw=given["raw"],
        colored=sys.stdout.isatty() and is_colored(),
    )
    view = view_of(verb, given, columns)
    if counted:
        view = {key: text for key, text in view.items() if key != "_fields"}
        view |= {"_group": ",".join(counted), "_count": "true"}
    body = request_of(verb, given, session)
    requests = [
        (each or name, put_arguments(body, verb.get("arguments", ()), given, each))
        for each in names
    ]
    if len(requests) > 1 or source != "written" or named:
        from cuectl.gathering import show_all

        show_all(session, verb, requests, view, given, showing)
        return
    arguments = Arguments(orjson.dumps(requests[0][1]))
    try:
        if given["watch"]:
            watch(session, name, verb["method"], arguments, view, showing)
            return
        answer = session.run(
            lambda client: client.call(verb["method"], arguments, view=view), given["timeout"]
        )
    except CallError as error:
        raise explained(error, session, verb, given, names[0]) from None
    if not show(answer.content, showing):
        tell_unknown(session, name, verb, given.get(WORDS, ()))
        tell_nothing_fits(session, verb, given, names)
    if answer.cut_at:
        complain(f"warning: there may be more than these {answer.cut_at} rows", PROGRAM)
        sys.exit(CUT)


def watch(
    session: Session,
    name: str,
    method: str,
    arguments: "Arguments",
    view: Mapping[str, str],
    showing: Showing,
) -> None:
    """Show the answer whenever it changes, until Ctrl-C. Raises CallError."""
    import gc

    from cuectl import watching

    gc.enable()

    async def run(client: "GatewayClient") -> None:
        every = watching.EVERY_SECONDS
        answers = client.watch(method, arguments, view=view, every=every, until="")
        if showing.is_table and sys.stdout.isatty():
            screen = watching.Screen(f"{PROGRAM} {name}", showing.table)
            await watching.watch_on_terminal(answers, screen)
        else:
            await watching.watch(answers, watching.Changes(PROGRAM, showing.changes))

    session.run(run)


def explained(
    error: CallError,
    session: Session,
    verb: Verb,
    given: Mapping[str, Any],
    name: str | None = None,
) -> Exception:
    """The error in terms of the options, or with the name that somebody may have meant."""
    from cuectl.client.client import of_option
    from cuectl.names import Names, named_arguments, with_near_name

    wrong = of_option(error, "table")
    if wrong is None:
        return with_near_name(error, Names(session), named_arguments(verb, given, name))
    problem = str(wrong)
    if problem.startswith("--where:"):
        problem += unquoted_hint(given["where"])
    for theirs, ours in (("--sort:", "--sort-by:"), ("--group:", "--count-by:")):
        problem = problem.replace(theirs, ours)
    return InvalidCall(with_column(problem, verb))


def without_argument(verb: Verb, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The options without the argument's name in --fields, and whether it was there: rows are told
    apart by a column of that name.
    """
    about = repeating(verb)
    names = given["fields"].split(",")
    left = [each for each in names if about is None or each.strip().lower() != about["name"]]
    return {**given, "fields": ",".join(left)}, len(left) < len(names)


def check_fields(given: Mapping[str, Any]) -> None:
    """Raises InvalidCall where rows are not shown by their fields."""
    if given["output"] == "name":
        raise InvalidCall("-o name prints names only; for other fields, use -o csv or table")
    if given["count_by"] is not None:
        raise InvalidCall("--count-by counts rows, and --fields shows them; leave out one of them")


def tell_nothing_fits(
    session: Session, verb: Verb, given: Mapping[str, Any], about: Sequence[str | None]
) -> None:
    """Say on standard error that there are no rows, and why that may be.

    Exits with NOT_FOUND if a name is misspelled.
    """
    told = tell_why_nothing_fits(session, verb, given, about)
    if not told and given["output"] in ("table", "wide", "csv", "name"):
        click.echo("nothing fits", err=True)


def tell_why_nothing_fits(
    session: Session, verb: Verb, given: Mapping[str, Any], about: Sequence[str | None] = ()
) -> bool:
    """Say which names may be the reason for an answer without rows. Exits with NOT_FOUND if one is
    not in a list of all such names: it is misspelled.
    """
    from cuectl.names import Names, arguments_of, named_options

    names, arguments = Names(session), arguments_of(verb, given, about)
    missing = []
    for name, kind in named_options(verb, given):
        if problem := names.problem(name, kind, arguments):
            complain(problem, PROGRAM)
            missing.append(kind)
    if any(names.are_all(kind) for kind in missing):
        sys.exit(NOT_FOUND)
    return bool(missing) or tell_conditions(verb, given)


def tell_conditions(verb: Verb, given: Mapping[str, Any]) -> bool:
    """Say that several options have left no row, because rows have to fit all of them."""
    options = [
        f"--{name}"
        for name, about in verb.get("options", {}).items()
        if given.get(parameter(name)) and about.get("value") is not True  # that asks for more
    ]
    if len(options) > 1:
        either = f"; --where takes '{verb['example']}'" if "example" in verb else ""
        complain(f"no rows fit all of {', '.join(options)}{either}", PROGRAM)
    return len(options) > 1


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
    return [*columns[:1], *more, *columns[1:]]


def view_of(verb: Verb, given: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, str]:
    sort = ",".join(fields_of(given["sort_by"], verb))
    sort = sort or (f"-{COUNT}" if given["count_by"] else str(verb.get("sort", "")))
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


def fields_of(names: str | None, verb: Verb) -> list[str]:
    """Columns, named as above the table or by their fields, as fields; one may begin with `-`."""
    paths = {title: path for path, title in reversed(titles_of(columns_of(verb, "wide")))}
    found = []
    for each in names.split(",") if names is not None else ():
        name = each.strip().removeprefix("-")
        found.append(each.strip().removesuffix(name) + paths.get(name.upper(), name))
    return found


def counts_of(fields: Sequence[str], verb: Verb) -> list[Column]:
    """The columns of groups of rows that have the same values."""
    known = {each["path"]: each for each in reversed(columns_of(verb, "wide"))}
    groups: list[Column] = [
        {key: known.get(path, {}).get(key, "") for key in ("title", "unit")} | {"path": path}
        for path in fields
    ]
    return [*groups, {"path": COUNT, "title": COUNT.upper()}]


def with_column(problem: str, verb: Verb) -> str:
    """The problem, with the field of a column if a column's title was written instead."""
    before, said, rest = problem.partition("has no field '")
    name = rest.partition("'")[0]
    for path, title in titles_of(columns_of(verb, "wide")):
        if said and name.upper() == title:
            return f"{before}{said}{name}'; the column {title} shows {path}"
    return problem


def show(content: bytes, showing: Showing) -> bool:
    """Print an answer. Returns whether it has rows."""
    is_terminal = sys.stdout.isatty()
    rows, hidden = showing.rows(content), list[str]()
    if showing.is_table:
        if not rows and is_terminal:
            return False
        # What was chosen, and a path that is to be copied, are shown whole.
        is_narrow = is_terminal and showing.form == "table" and len(showing.columns) > 2
        width = terminal_width() if is_narrow else None
        lines = showing.table(content, width)
        if width:
            hidden = without_room(showing.columns, rows, width, raw=showing.raw)
    elif showing.form == "json" and is_terminal:
        lines = [orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2).decode()]
    else:
        lines = showing.text(content)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    if hidden:
        click.echo(f"no room for {', '.join(hidden)}: -o wide has all columns", err=True)
    return bool(rows)


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
