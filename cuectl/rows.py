"""Rows as people read them, and in other forms."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import orjson

from cuectl.errors import InvalidCall
from cuectl.terminal.layout import NOTHING, Cell, laid_out, left_out
from cuectl.terminal.text import printable

Form = Literal["table", "wide", "json", "yaml", "ndjson", "csv", "name"]
FORMS: tuple[Form, ...] = get_args(Form)
SIZES = {"bytes": 1, "kB": 2**10, "MB": 2**20}
SIZE_UNITS = "BKMGTP"
LAST_MOMENT = 253_402_300_799  # the end of the year 9999
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

GROUPS, COUNT = "groups", "count"
"""The place of groups in an answer, and the field with the number of rows in each."""

Column = Mapping[str, Any]
Row = Mapping[str, Any]


def rows_at(answer: Any, place: str | None) -> list[Row]:
    """The rows of an answer, or its only object as one; of groups, each sum is a value."""
    if place == GROUPS:
        return [with_sums(each) for each in answer.get(GROUPS, [answer])]
    for name in place.split(".") if place else ():
        answer = answer.get(name) if isinstance(answer, dict) else None
    if answer is None:
        return []
    return answer if isinstance(answer, list) else [answer]


def with_sums(group: Row) -> Row:
    sums = {f"sum({path})": value for path, value in group.get("sum", {}).items()}
    return {**{name: value for name, value in group.items() if name != "sum"}, **sums}


def value_at(row: Any, path: str) -> Any:
    if isinstance(row, dict) and path in row:  # groups have whole paths as names
        return row[path]
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def paths_of(columns: Iterable[Column]) -> list[str]:
    """All fields that the columns show."""
    found: list[str] = []
    for each in columns:
        ends = (each["since"], each["until"]) if "since" in each else (each["path"], each.get("of"))
        found += filter(None, ends)
    return list(dict.fromkeys(found))


def spans_in(columns: Iterable[Column]) -> list[Column]:
    """Those columns that show the time between two others, or since one."""
    return [each for each in columns if "since" in each]


def with_spans(rows: Iterable[Row], spans: Sequence[Column]) -> list[Row]:
    return [{**row, **{each["path"]: span_of(row, each) for each in spans}} for row in rows]


def span_of(row: Row, column: Column) -> int | None:
    """Seconds; None if it has not begun."""
    begin, end = (as_number(value_at(row, column[each])) for each in ("since", "until"))
    return round((end or time.time()) - begin) if begin else None


def columns_of(verb: Mapping[str, Any], form: Form) -> list[Column]:
    columns: list[Column] = list(verb.get("columns", ()))
    if form == "name":
        return columns[:1]
    return columns + list(verb.get("wide", ())) if form == "wide" else columns


def titles_of(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """The fields of columns, each with the title above it."""
    return [(each["path"], str(each.get("title") or each["path"]).upper()) for each in columns]


# --- tables -------------------------------------------------------------------------------------


def cell_of(row: Row, column: Column, colors: Mapping[str, str], *, raw: bool) -> Cell:
    value, unit = part_of(row, column["path"], column.get("before", "")), column.get("unit", "")
    number = as_number(value)
    if number is not None and (per := column.get("per")) and not raw:
        value = number / per
    text = shown(value, "" if raw else unit)
    if whole := column.get("of"):
        of = shown(value_at(row, whole), "" if raw else unit)
        text = f"{text}/{of}"
    if column.get("alert") and number:
        return Cell(text, "red", is_number=True)
    style = colors.get(value, "") if isinstance(value, str) else ""
    return Cell(text, style, is_number=number is not None and not isinstance(value, bool))


def as_number(value: object) -> float | None:
    """A number; integers of 64 bits are texts in JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def shown(value: Any, unit: str) -> str:
    """A value on one line; with a unit, as people read it."""
    number = as_number(value)
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit and number is not None:
        if unit == "time":
            return age(number)
        return duration(number) if unit == "seconds" else size(number * SIZES.get(unit, 1))
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return printable(",".join(map(str, value)))
    return printable(value if isinstance(value, str) else orjson.dumps(value).decode())


def size(number: float) -> str:
    """`512M`, `1.5G`, in units of 1024."""
    power = 0
    while abs(number) >= 1000 and power < len(SIZE_UNITS) - 1:
        number /= 1024
        power += 1
    digits = f"{number:.1f}" if abs(number) < 10 and power else f"{number:.0f}"
    return digits.removesuffix(".0") + SIZE_UNITS[power]


def duration(seconds: float) -> str:
    """`45s`, `12m`, `3h05m`, `2d04h`."""
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 else ""
    if whole < 60:
        return f"{sign}{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 60:
        return f"{sign}{minutes}m{whole % 60:02}s" if minutes < 10 else f"{sign}{minutes}m"
    return f"{sign}{hours}h{minutes % 60:02}m" if days == 0 else f"{sign}{days}d{hours % 24:02}h"


def age(seconds_since_1970: float, now: float | None = None) -> str:
    """`5m ago`; a time of 0 has not come."""
    if seconds_since_1970 <= 0:
        return NOTHING
    past = (time.time() if now is None else now) - seconds_since_1970
    return f"{duration(past)} ago" if past >= 0 else f"in {duration(-past)}"


def table_lines(
    columns: Sequence[Column],
    rows: Iterable[Row],
    colors: Mapping[str, str],
    *,
    raw: bool = False,
    headers: bool = True,
    width: int | None = None,
    colored: bool = False,
) -> list[str]:
    """The lines of a table. With a `width`, texts are shortened and columns left out."""
    cells = [[cell_of(row, column, colors, raw=raw) for column in columns] for row in rows]
    return laid_out(head_of(columns) if headers else None, cells, width=width, colored=colored)


def upright_lines(
    columns: Sequence[Column], rows: Iterable[Row], colors: Mapping[str, str], *, raw: bool
) -> list[str]:
    """A line for each column of each row, and an empty one between two rows."""
    width = max((len(cell.text) for cell in head_of(columns)), default=0)
    found: list[str] = []
    for row in rows:
        found += [""] if found else []
        for head, column in zip(head_of(columns), columns, strict=True):
            found.append(f"{head.text:<{width}}  {cell_of(row, column, colors, raw=raw).text}")
    return found


def head_of(columns: Sequence[Column]) -> list[Cell]:
    return [Cell(str(column.get("title") or column["path"]).upper()) for column in columns]


def without_room(
    columns: Sequence[Column], rows: Iterable[Row], width: int, *, raw: bool = False
) -> list[str]:
    """The headings of columns that a table of this width leaves out."""
    cells = [[cell_of(row, column, {}, raw=raw) for column in columns] for row in rows]
    return left_out(head_of(columns), cells, width)


# --- other forms --------------------------------------------------------------------------------


def text_of(
    form: Form,
    answer: Any,
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    headers: bool,
    raw: bool,
) -> Iterator[str]:
    """The lines of an answer in a form for programs."""
    if form == "json":
        yield orjson.dumps(answer).decode()
    elif form == "ndjson":
        yield from (orjson.dumps(row).decode() for row in rows)
    elif form == "name":
        if not columns:
            raise InvalidCall("-o name: rows of this method have no name; use -o json")
        names = (value_at(row, columns[0]["path"]) for row in rows)
        yield from (printable(str(name)) for name in names if name)
    elif form == "yaml":
        import yaml

        text: str = yaml.safe_dump(answer, sort_keys=False, allow_unicode=True)
        yield text.rstrip("\n")
    else:
        yield from csv_lines(rows, columns, headers=headers, raw=raw)


def csv_lines(
    rows: Sequence[Row], columns: Sequence[Column], *, headers: bool, raw: bool = False
) -> Iterator[str]:
    """The values of columns, headed by their fields; those of which they are parts have columns,
    too. Times are ISO 8601 and sizes are bytes, unless `raw`.

    Columns that were chosen are headed as they were written, and stand alone. A part of a text is
    headed by its title.
    """
    heads: list[tuple[str, str, str, str]] = []
    for each in columns:
        mark, unit = each.get("before", ""), "" if raw else each.get("unit", "")
        own = str(each["title"]).lower() if mark else each["path"]
        heads.append((each.get("head", own), each["path"], mark, unit))
        if "of" in each and "head" not in each:
            heads.append((each["of"], each["of"], "", unit))
    if headers:
        yield ",".join(quoted(head) for head, *_ in heads)
    for row in rows:
        yield ",".join(
            csv_cell(for_spreadsheet(part_of(row, path, mark), unit))
            for _, path, mark, unit in heads
        )


def for_spreadsheet(value: Any, unit: str) -> Any:
    """A time as ISO 8601, nothing for one that has not come, and a size in bytes."""
    number = as_number(value) if unit else None
    if number is None:
        return value
    if unit == "time":
        return datetime.fromtimestamp(number, UTC) if 0 < number <= LAST_MOMENT else None
    return round(number * SIZES[unit]) if unit in SIZES else value


def part_of(row: Row, path: str, mark: str) -> Any:
    """The value at a path; with a mark, the text before it."""
    value = value_at(row, path)
    return str(value or "").partition(mark)[0] if mark else value


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # A spreadsheet would run it.
        if INTEGER.fullmatch(value):  # of 64 bits
            return value
        is_formula = value.startswith(FORMULA) and as_number(value) is None
        return quoted(f"'{value}" if is_formula else value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict | list):
        return quoted(orjson.dumps(value).decode())
    return orjson.dumps(value).decode()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
