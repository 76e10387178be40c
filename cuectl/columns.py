"""Columns of lists: which fields of a row they show, and how people read the values."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway_client.paths import value_at
from gateway_client.terminal.layout import NOTHING, Cell
from gateway_client.terminal.text import printable

Row = Mapping[str, Any]
BYTES = {"kB": 2**10, "MB": 2**20}
SIZE_UNITS = "BKMGTP"
SUM_DIGITS = 6
LAST_MOMENT = 253_402_300_799  # the end of the year 9999
COLORS = {
    **dict.fromkeys(("DEAD", "DOWN"), "red"),
    **dict.fromkeys(("EATEN", "REPAIR"), "magenta"),
    "RUNNING": "green",
    **dict.fromkeys(("SUCCEEDED", "FINISHED"), "blue"),
    "DEPEND": "cyan",
    **dict.fromkeys(("LOCKED", "NIMBY_LOCKED", "REBOOTING", "REBOOT_WHEN_IDLE"), "yellow"),
}
"""Of states of frames, jobs and hosts."""


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    """The heading, by which people call it in any case: FREE MEM, free-mem."""
    path: str
    """The field of a row, with Cuebot's names, or the key of what `compute` answers."""
    _: KW_ONLY
    unit: str = ""
    """What numbers are: seconds since 1970 (`time`), seconds, kB or MB (of 1024), shares of 1."""
    of: str = ""
    """The field of which this is a part: 3/10."""
    per: int = 1
    """How many of Cuebot's units are one: 100 for hundredths of a core."""
    alert: bool = False
    """Whether any number but 0 is bad."""
    wide: bool = False
    """Whether only -o wide shows it, and who names it."""
    also: tuple[str, ...] = ()
    """Other names that people call it by."""
    extra: bool = False
    """Whether the gateway computes it: rows have it only if it is asked for."""
    compute: Callable[[Row], Any] | None = None
    """From a row's other fields to the value."""
    needs: tuple[str, ...] = ()
    """The fields that `compute` reads, or the list beside this one."""
    heading: str = ""
    """The heading in CSV, as somebody wrote it; else the field."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that have to be asked for."""
        if self.compute is not None:
            return self.needs
        return (self.path, *((self.of,) if self.of else ()), *self.needs)

    def value(self, row: Row) -> Any:
        """What a row has: a number for texts of numbers if there is a unit, else as in JSON."""
        found = value_at(row, self.path) if self.compute is None else self.compute(row)
        return scaled(found, self)


def scaled(value: Any, column: Column) -> Any:
    """Integers of 64 bits are texts in JSON."""
    if column.per == 1 and not column.unit and not column.of:
        return value
    number = as_number(value)
    return value if number is None else as_number(number / column.per)


def as_number(value: object) -> float | None:
    """A number, or a text that is one; None for others."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


# --- which columns ------------------------------------------------------------------------------


def as_called(name: str) -> str:
    """Names that differ only in case, blanks, `-` and `_` are the same."""
    return name.lower().replace(" ", "").replace("-", "").replace("_", "")


def named(columns: Iterable[Column], name: str) -> Column | None:
    """The column that somebody calls so: by its heading, another name, or its field."""
    found, sought = list(columns), as_called(name)
    for column in found:
        if sought in map(as_called, (column.title, *column.also, column.path)):
            return column
    for column in found:
        if as_called(column.path.rpartition(".")[2]) == sought:
            return column
    for column in found:  # the whole of a part, in the same unit
        if column.of and sought in (as_called(column.of), as_called(column.of.rpartition(".")[2])):
            return Column(name.upper(), column.of, unit=column.unit)
    return None


def chosen(columns: Sequence[Column], names: Iterable[str]) -> list[Column]:
    """The columns that --fields names; other words are fields of Cuebot's."""
    found = []
    for name in names:
        column = named(columns, name) or Column(name.upper(), name)
        found.append(replace(column, heading=name))
    return found


# --- what people read ---------------------------------------------------------------------------


def cell_of(row: Row, column: Column, *, raw: bool = False) -> Cell:
    value, unit = column.value(row), "" if raw else column.unit
    text = shown(value, unit)
    if column.of:
        whole = as_number(value_at(row, column.of))
        text = f"{text}/{shown(whole if whole is None else whole / column.per, unit)}"
    number = as_number(value)
    if column.alert and number:
        return Cell(text, "red", is_number=True)
    style = COLORS.get(value, "") if isinstance(value, str) else ""
    return Cell(text, style, is_number=number is not None and not isinstance(value, bool))


def shown(value: Any, unit: str = "") -> str:
    """A value on one line; with a unit, as people read it."""
    number = as_number(value) if unit or isinstance(value, float) else None
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if number is not None:
        if unit == "time":
            return age(number)
        if unit == "seconds":
            return duration(number)
        if unit == "share":
            return f"{number:.0%}"
        return (
            size(number * BYTES[unit]) if unit in BYTES else f"{number:.2f}".rstrip("0").rstrip(".")
        )
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


def for_spreadsheet(value: Any, unit: str) -> Any:
    """A time as a datetime, None for one that has not come, and a size in bytes."""
    number = as_number(value) if unit else None
    if number is None:
        return value
    if unit == "time":
        if not 0 < number <= LAST_MOMENT:
            return None
        return datetime.fromtimestamp(number, UTC)
    return round(number * BYTES[unit]) if unit in BYTES else number


# --- order and sums -----------------------------------------------------------------------------


def in_order(
    rows: Iterable[Row], columns: Sequence[Column], names: Sequence[str], *, upwards: bool | None
) -> list[Row]:
    """The rows by these columns. Numbers go down and texts up, unless `upwards` says otherwise for
    all; `-name` goes down. What is not set comes last.
    """
    found = list(rows)
    for name in reversed(names):
        down = name.startswith("-")
        column = named(columns, name.lstrip("-")) or Column("", name.lstrip("-"))
        values = [column.value(row) for row in found]
        numbers = [as_number(value) for value in values]
        is_number = all(
            n is not None for n, v in zip(numbers, values, strict=True) if v is not None
        )
        downwards = down or (is_number if upwards is None else not upwards)
        keys = numbers if is_number else [None if v in (None, "") else str(v) for v in values]
        there = [(key, row) for key, row in zip(keys, found, strict=True) if key is not None]
        there.sort(key=lambda each: each[0], reverse=downwards)
        found = [row for _, row in there] + [
            row for key, row in zip(keys, found, strict=True) if key is None
        ]
    return found


def counted_by(
    rows: Iterable[Row],
    groups: Sequence[Column],
    sums: Sequence[Column],
    known: Sequence[str] = (),
) -> tuple[list[Row], list[Column]]:
    """A row for each group of values, with how many rows have them and sums, and its columns.

    If there is one column of groups, the values that are `known` have a row in any case.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}

    def group_of(values: Sequence[Any]) -> dict[str, Any]:
        return found.setdefault(
            tuple(map(str, values)),
            {f"group{place}": value for place, value in enumerate(values)}
            | {"count": 0}
            | {f"sum{place}": 0 for place in range(len(sums))},
        )

    for value in known if len(groups) == 1 else ():
        group_of([value])
    for row in rows:
        group = group_of([each.value(row) for each in groups])
        group["count"] += 1
        for place, each in enumerate(sums):
            total = group[f"sum{place}"] + (as_number(each.value(row)) or 0)
            group[f"sum{place}"] = round(total, SUM_DIGITS)
    columns = [
        *(of_group(each, f"group{place}") for place, each in enumerate(groups)),
        Column("COUNT", "count"),
        *(of_group(each, f"sum{place}") for place, each in enumerate(sums)),
    ]
    ordered = [found[key] for key in sorted(found)] if groups else list(found.values())
    return [{each.path: group[each.path] for each in columns} for group in ordered], columns


def of_group(column: Column, path: str) -> Column:
    heading = column.heading or column.title.lower()
    return Column(
        column.title, path, unit=column.unit, heading=heading, also=(column.path, *column.also)
    )
