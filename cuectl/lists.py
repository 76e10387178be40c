"""Lists: their options, their rows, and the forms in which they are printed."""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import orjson

from cuectl import PROGRAM
from cuectl.changes import verb_name
from cuectl.columns import (
    Column,
    Row,
    as_number,
    cell_of,
    chosen,
    counted_by,
    for_spreadsheet,
    in_order,
    named,
)
from cuectl.conditions import with_fields
from cuectl.farm import Farm, Json, as_option, rows_in
from cuectl.selection import (
    Decorator,
    Query,
    Selection,
    refuse_blank,
    refuse_unknown,
    taking,
    where_option,
)
from cuectl.values import each_of
from gateway_client.durations import time_option
from gateway_client.errors import CallError, InvalidCall
from gateway_client.paths import value_at
from gateway_client.terminal.exits import CUT, FAILED, complain, failure_lines
from gateway_client.terminal.layout import Cell, laid_out, left_out
from gateway_client.terminal.text import is_colored, printable, printable_json, printable_lines

if TYPE_CHECKING:
    from gateway_client.client import Answer
    from gateway_client.gateway import GatewayClient

FORMS = ("table", "wide", "json", "yaml", "ndjson", "csv", "name")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With what a text begins that a spreadsheet would run."""
MOST_READ = 500
"""Objects whose lists are read for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The options of all lists."""

    form: str = "table"
    fields: tuple[str, ...] = ()
    where: str | None = None
    """A condition, in which columns go by their headings."""
    sort: tuple[str, ...] = ()
    upwards: bool | None = None
    """Whether --asc was given, or --desc (False)."""
    limit: int | None = None
    count_by: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    watch: bool = False
    headers: bool = True
    raw: bool = False
    one: bool = False
    """Whether JSON and YAML have the only object itself, and no list of it."""
    groups: tuple[str, ...] = ()
    """Values of the first column of --count-by that are there, whether rows have them or not."""

    @property
    def counts(self) -> bool:
        return bool(self.count_by or self.sums)


def split(
    context: click.Context, parameter: click.Parameter, value: Sequence[str]
) -> tuple[str, ...]:
    """`a,b` and repeated options as one tuple."""
    return tuple(each_of(value))


def shown_by(farm: Farm, given: Json) -> Shown:
    farm.timeout = given.pop("timeout")
    if given.pop("quiet"):
        given["form"] = "name"
    names = [each.name for each in fields(Shown) if each.name in given]
    shown = Shown(**{each: given.pop(each) for each in names})
    refuse_blank({"where": shown.where})
    return shown


def list_options(complete: Callable[..., Any] | None = None) -> Decorator:
    """The options of a list; the function gets them as `shown`, and its Farm their time. `complete`
    completes names behind --fields.
    """
    many: dict[str, Any] = {"multiple": True, "callback": split, "metavar": "COLUMNS"}
    return taking(
        "shown",
        shown_by,
        click.option(
            "-o", "--output", "form", type=click.Choice(FORMS), default="table",
            help="Form of the output.",
        ),
        click.option(
            "--fields", **many, shell_complete=complete,
            help="These columns, or fields, in this order.",
        ),
        where_option("Only rows that fit: 'dead>2'."),
        click.option("--sort-by", "--sort", "sort", **many, help="Numbers go down, texts up."),
        click.option("--asc/--desc", "upwards", default=None, help="With --sort-by: which way."),
        click.option("--limit", type=click.IntRange(1), help="So many rows at most."),
        click.option("--count-by", **many, help="How many rows have which values."),
        click.option("--sum", "sums", **many, help="Sums of these columns."),
        click.option("-w", "--watch", is_flag=True, help="Again when it changes, until Ctrl-C."),
        click.option(
            "--no-headers", "headers", flag_value=False, default=True,
            help="Without the line of headings.",
        ),
        click.option("--raw", is_flag=True, help="Times and sizes as Cuebot has them."),
        click.option("-q", "--quiet", is_flag=True, help="Names alone, as -o name."),
        time_option("--timeout", help="Time for each call."),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is listed: the columns, and the order without --sort-by."""

    columns: tuple[Column, ...]
    method: str = ""
    """The read of one list, where each of several objects has its own."""
    parent: str = ""
    """What these belong to: the field of the request, and of rows of several lists."""
    named: str = ""
    """The column that -o name prints; the first one without it."""
    place: str = ""
    """The name of the list in the answer, where some columns are computed by the gateway."""
    sort: tuple[str, ...] = ("name",)
    upwards: bool | None = None
    arrange: Callable[[Iterable[Row], Shown], list[Row]] | None = None
    """The order without --sort-by that no column gives: a tree."""
    completed: Callable[[Farm, Sequence[Row]], Sequence[Row]] | None = None
    """What else is asked for, beside the rows; not with --watch."""

    def shown_in(self, shown: Shown) -> list[Column]:
        """The columns of an output."""
        if shown.fields:
            return chosen(self.columns, shown.fields)
        if shown.form == "name":
            return chosen(self.columns, [self.named]) if self.named else [self.columns[0]]
        is_whole = shown.form in ("wide", "json", "yaml", "ndjson")
        return [each for each in self.columns if is_whole or not each.wide]

    def view(self, shown: Shown, where: str) -> dict[str, str]:
        """The parameters of the read: only the fields that are needed, unless rows are whole."""
        columns = self.shown_in(shown)
        if shown.counts:
            columns = chosen(self.columns, (*shown.count_by, *shown.sums))
        names = [each.lstrip("-") for each in self.order(shown)[0]]
        columns += [named(self.columns, each) or Column("", each) for each in names]
        paths = dict.fromkeys(path for each in columns for path in each.paths)
        if is_whole(shown):
            extra = [each.path for each in columns if each.extra]
            paths = dict.fromkeys((self.place, *extra)) if extra else {}
        view = {"_fields": ",".join(paths)} if paths else {}
        return view | ({"_where": where} if where else {})

    def order(self, shown: Shown) -> tuple[Sequence[str], bool | None]:
        if shown.sort or shown.counts:
            return (() if shown.counts else shown.sort), shown.upwards
        return self.sort, self.upwards if shown.upwards is None else shown.upwards


def is_whole(shown: Shown) -> bool:
    """Whether rows are printed with all that they have."""
    return shown.form in ("json", "yaml", "ndjson") and not shown.fields and not shown.counts


# --- reading ------------------------------------------------------------------------------------


def show_named(farm: Farm, listing: Listing, selection: Selection, shown: Shown) -> None:
    """Read and print a list of what is named or chosen, as `show_list` does. Names that nothing has
    raise CallError (NOT_FOUND) before anything is printed.
    """
    show_list(farm, listing, selection.named_query(farm), shown)


def narrowed(query: Query, listing: Listing, shown: Shown) -> Query:
    """The read of rows that fit --where as well."""
    if shown.where is None:
        return query
    condition = with_fields(shown.where, listing.columns)
    return query.narrowed(condition)


def show_list(farm: Farm, listing: Listing, query: Query, shown: Shown) -> None:
    """Read the rows of one list, and print them. Exits with 5 if there may be more."""
    query = narrowed(query, listing, shown)
    view = listing.view(shown, query.where)
    if shown.watch:
        watch_list(farm, listing, query, view, shown)
        return
    answer, about = farm.read(query.method, query.request, view)
    rows: Sequence[Row] = rows_in(answer)
    if listing.completed is not None:
        rows = listing.completed(farm, rows)
    print_rows(listing, rows, shown)
    tell(about)


def show_all(
    farm: Farm, listing: Listing, selection: Selection, shown: Shown, *, several: bool = False
) -> None:
    """Read the lists of what is chosen, else of all, and print them as `show_lists` does."""
    names = selection.names(farm, for_list=True)
    requests: dict[str, Json] = {each: {listing.parent: each} for each in names}
    show_lists(farm, listing, requests, shown, several=several)


def show_lists(
    farm: Farm,
    listing: Listing,
    requests: Mapping[str, Json],
    shown: Shown,
    *,
    conditions: tuple[str, ...] = (),
    several: bool = False,
) -> None:
    """Read a list of each of several objects, by one request, and print all rows together.

    Rows of more than one say which one they are about, in a column, and with `several` in any
    case. Exits with 1 if some cannot be read, after those that can.
    """
    key = listing.parent
    about = {name: {key: each[key]} if key else {} for name, each in requests.items()}
    query = narrowed(Query(method=listing.method, conditions=conditions), listing, shown)
    if len(requests) > MOST_READ:
        raise InvalidCall(f"these are {len(requests)} {key or 'job'}s; choose fewer of them")
    several = several or len({each.get(key) for each in about.values()}) > 1
    together = with_parent(listing, key, several) if key else listing
    if shown.watch:
        if len(requests) != 1:
            raise InvalidCall(f"--watch is for one {key or 'job'}")
        (request,) = requests.values()
        show_list(farm, together, replace(query, request=request), replace(shown, where=None))
        return
    found = farm.each(query.method, requests, together.view(shown, query.where))
    failures = [(name, each) for name, each in found.items() if isinstance(each, CallError)]
    if len(failures) == len(found) and failures:
        raise as_option(failures[0][1]) or failures[0][1]
    read = {name: each for name, each in found.items() if not isinstance(each, CallError)}
    rows = [{**about[name], **row} for name in read for row in rows_in(read[name].json)]
    print_rows(together, rows, shown)
    if failures:
        complain("\n".join(("some could not be read:", *failure_lines(failures))), PROGRAM)
        sys.exit(FAILED)
    if short := [name for name, each in read.items() if each.cut_at]:
        complain(f"warning: there may be more rows of {', '.join(short)}", PROGRAM)
        sys.exit(CUT)


def with_parent(listing: Listing, key: str, is_shown: bool) -> Listing:
    """A list whose rows have the name of what they belong to at this key, as their second column
    and first order; who names that column sees it in any case.
    """
    about = Column(key.upper(), key, compute=lambda row: row.get(key), wide=not is_shown)
    columns = (*listing.columns[:1], about, *listing.columns[1:])
    return replace(listing, columns=columns, sort=(key, *listing.sort))


def tell(about: "Answer") -> None:
    """What the gateway says of an answer. Exits with 5 if there may be more, and with 3 if a name
    that was asked for is of nothing.
    """
    tell_ignored(about.ignored)
    refuse_unknown(about.no_match)
    if about.cut_at:
        complain(f"warning: there may be more than these {about.cut_at} rows", PROGRAM)
        sys.exit(CUT)


def tell_ignored(fields: Sequence[str]) -> None:
    if fields:
        complain(f"warning: fields ignored: {', '.join(fields)}", PROGRAM)


def watch_list(
    farm: Farm, listing: Listing, query: Query, view: Mapping[str, str], shown: Shown
) -> None:
    """Print the rows again whenever they change: on a terminal as a table, else the new lines."""
    from cuectl.watching import Changes, Lines, Screen, watch, watch_on_terminal, watched

    if shown.form not in ("table", "wide") and sys.stdout.isatty():
        raise InvalidCall(f"--watch on a terminal shows a table; leave out -o {shown.form}")

    def table(content: bytes, width: int) -> list[str]:
        rows, columns = arranged(listing, rows_in(orjson.loads(content)), shown)
        return table_lines(rows, columns, shown, width=width, colored=is_colored())

    def lines(content: bytes, first: bool) -> Lines:
        rows, columns = arranged(listing, rows_in(orjson.loads(content)), shown)
        as_rows = replace(shown, form="ndjson") if shown.form in ("json", "yaml") else shown
        has_head = shown.headers and shown.form in ("table", "wide", "csv")
        printed = lines_of(rows, columns, replace(as_rows, headers=has_head)) if rows else []
        head, body = printed[:has_head], printed[has_head:]
        keys = [orjson.dumps([each.value(row) for each in columns]).decode() for row in rows]
        names = frozenset(str(columns[0].value(row)) for row in rows)
        return Lines(head if first else (), [*zip(keys, body, strict=True)], names)

    async def main(client: "GatewayClient") -> None:
        answers = watched(client, query.method, query.request, view)
        if sys.stdout.isatty():
            await watch_on_terminal(answers, Screen(f"{PROGRAM} {verb_name()}", table))
        else:
            await watch(answers, Changes(PROGRAM, lines))

    farm.run(main)


# --- printing -----------------------------------------------------------------------------------


def arranged(listing: Listing, rows: Iterable[Row], shown: Shown) -> tuple[list[Row], list[Column]]:
    """The rows in their order, as many as are wanted, with the columns of the output."""
    columns = listing.shown_in(shown)
    if shown.counts:
        groups, sums = chosen(listing.columns, shown.count_by), chosen(listing.columns, shown.sums)
        rows = list(rows)
        for each in sums:
            values = (each.value(row) for row in rows)
            if each.unit == "time" or any(
                as_number(value) is None for value in values if value is not None
            ):
                raise InvalidCall(f"--sum {each.heading}: {each.title} is no number that adds up")
        found, columns = counted_by(rows, groups, sums, shown.groups)
        ordered = in_order(found, columns, shown.sort, upwards=shown.upwards)
    else:
        names, upwards = listing.order(shown)
        if listing.arrange is not None and not shown.sort:
            rows = listing.arrange(rows, shown)
        ordered = in_order(rows, listing.columns, names, upwards=upwards)
    return ordered[: shown.limit], columns


def print_rows(listing: Listing, rows: Iterable[Row], shown: Shown) -> None:
    """Print the rows; of a table that is cut to the terminal, what it leaves out."""
    found, columns = arranged(listing, rows, shown)
    is_table, width = shown.form in ("table", "wide"), None
    if is_table and not found:
        complain("there are none", PROGRAM)
        return
    if is_table and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        if gone := left_out(heads(columns), cells(found, columns, shown), width):
            complain(f"no room for {', '.join(gone)}: see -o csv, or --fields", PROGRAM)
    click.echo(
        "".join(f"{line}\n" for line in lines_of(found, columns, shown, width)),
        nl=False,
        color=True,
    )


def show_details(listing: Listing, rows: Sequence[Row], shown: Shown) -> None:
    """Print objects one below the other, a line for each column; in other forms as a list does."""
    if shown.form not in ("table", "wide"):
        print_rows(listing, rows, shown)
        return
    columns = chosen(listing.columns, shown.fields) if shown.fields else list(listing.columns)
    width = max(len(each.title) for each in columns)
    blocks = (
        "".join(
            f"{printable(each.title):<{width}}  {cell_of(row, each, raw=shown.raw).text}\n"
            for each in columns
        )
        for row in rows
    )
    click.echo("\n".join(blocks), nl=False)


def heads(columns: Sequence[Column]) -> list[Cell]:
    return [Cell(printable(each.title)) for each in columns]


def cells(rows: Iterable[Row], columns: Sequence[Column], shown: Shown) -> list[list[Cell]]:
    return [[cell_of(row, each, raw=shown.raw) for each in columns] for row in rows]


def table_lines(
    rows: Iterable[Row],
    columns: Sequence[Column],
    shown: Shown,
    *,
    width: int | None,
    colored: bool,
) -> list[str]:
    head = heads(columns) if shown.headers else None
    return laid_out(head, cells(rows, columns, shown), width=width, colored=colored)


def lines_of(
    rows: Sequence[Row], columns: Sequence[Column], shown: Shown, width: int | None = None
) -> list[str]:
    """The lines of a form. Raw characters only reach what is no terminal, of some `width`."""
    if shown.form in ("table", "wide"):
        colored = width is not None and is_colored()
        return table_lines(rows, columns, shown, width=width, colored=colored)
    safe: Callable[[str], str] = printable_lines if sys.stdout.isatty() else str
    if shown.form == "name":
        names = (columns[0].value(row) for row in rows)
        return [safe(str(name)) for name in names if name not in (None, "")]
    if shown.form == "csv":
        return [safe(line) for line in csv_lines(rows, columns, shown)]
    whole = [as_json(row, columns, shown) for row in rows]
    found = whole[0] if shown.one and len(whole) == 1 else whole
    if shown.form == "yaml":
        import yaml

        text: str = yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
        return [safe(line) for line in text.rstrip("\n").split("\n")]
    escaped: Callable[[str], str] = printable_json if sys.stdout.isatty() else str
    if shown.form == "ndjson":
        return [escaped(orjson.dumps(each).decode()) for each in whole]
    return [escaped(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())]


def as_json(row: Row, columns: Sequence[Column], shown: Shown) -> Json:
    """The row as the gateway has it, with what is computed here; with --fields, only these."""
    computed = {each.path: each.compute(row) for each in columns if each.compute is not None}
    if is_whole(shown):
        return {**row, **{key: each for key, each in computed.items() if key not in row}}
    if shown.counts:
        return {each.heading or each.path: value_at(row, each.path) for each in columns}
    return {**parts_of(row, [each.path for each in columns if not each.compute]), **computed}


def parts_of(row: Row, paths: Iterable[str]) -> Json:
    """The fields at these paths, in the objects that have them."""
    found: Json = {}
    for path in paths:
        *above, last = path.split(".")
        inside = found
        for name in above:
            inside = inside.setdefault(name, {})
        inside[last] = value_at(row, path)
    return found


def csv_lines(rows: Iterable[Row], columns: Sequence[Column], shown: Shown) -> Iterator[str]:
    """The values of columns, headed by their fields, or as they were written; what a column is a
    part of has a column of its own.

    Times are ISO 8601 and sizes bytes, unless --raw.
    """
    found: list[Column] = []
    for each in columns:
        found.append(each)
        if each.of and not each.heading:
            found.append(Column("", each.of, unit=each.unit, per=each.per))
    if shown.headers:
        yield ",".join(quoted(each.heading or each.path) for each in found)
    for row in rows:
        values = ((each.value(row), "" if shown.raw else each.unit) for each in found)
        yield ",".join(csv_cell(for_spreadsheet(value, unit)) for value, unit in values)


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if value.isascii() and value.isdecimal():  # an integer of 64 bits
            return value
        return quoted(f"'{value}" if value.startswith(FORMULA) else value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict | list):
        return quoted(orjson.dumps(value).decode())
    return orjson.dumps(value).decode()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
