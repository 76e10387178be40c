"""The list in an answer as a table."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from gateway_client.errors import InvalidCall
from gateway_client.openapi_document import json_name
from gateway_client.suggestions import did_you_mean
from gateway_client.terminal.layout import NOTHING, aligned
from gateway_client.terminal.text import printable

Row = Mapping[str, Any]
NO_UNITS: Mapping[str, str] = MappingProxyType({})


UNITS = {"kB": "KB", "seconds": "s", "time": "Unix time"}
"""Units as headings show them; others are shown as they are."""


def table(
    answer: object,
    fields: Sequence[str] = (),
    *,
    checked: bool = False,
    units: Mapping[str, str] = NO_UNITS,
) -> list[str]:
    """The lines of a table with these fields (`name`, `jobStats.runningFrames`), header first.

    Without fields, it has all, beginning with the name. `units` are by field. Raises InvalidCall
    for a field that no row has, unless they are `checked`, and for an answer that is not one list
    of objects.
    """
    rows = rows_of(answer, fields)
    if not fields:
        names = dict.fromkeys(name for row in rows for name in names_in(row))
        fields = sorted(names, key=lambda name: name != "name")
    elif not checked:
        for field in fields:
            check(field, rows)
    cells = [[cell(value_at(row, field)) for field in fields] for row in rows]
    return aligned(headings(fields, units), cells)


def headings(fields: Sequence[str], units: Mapping[str, str] = NO_UNITS) -> list[str]:
    """The last part of each field's name, or the whole name where the part is ambiguous; and its
    unit, if it has one.
    """
    last = [field.rpartition(".")[2] for field in fields]
    return [
        printable((short if last.count(short) == 1 else field) + unit_of(field, units))
        for field, short in zip(fields, last, strict=True)
    ]


def unit_of(field: str, units: Mapping[str, str]) -> str:
    """` (KB)`. The first name may be that of the whole object, or `sum` of a group."""
    path = json_name(field)
    unit = units.get(path) or units.get(path.partition(".")[2])
    return f" ({UNITS.get(unit, unit)})" if unit else ""


def rows_of(answer: object, fields: Sequence[str] = ()) -> Sequence[Row]:
    """The objects of the only list in the answer, or the answer as a single object.

    Wrappers (`{"jobs": {"jobs": […]}}`) are looked through. Raises InvalidCall.
    """
    first = {field.partition(".")[0] for field in fields}
    first |= {json_name(name) for name in first}
    while isinstance(answer, dict) and len(answer) == 1 and not first & answer.keys():
        (inner,) = answer.values()
        if not isinstance(inner, dict | list):
            break
        answer = inner
    if isinstance(answer, dict):
        lists = list(lists_in(answer, ""))
        full = [(path, found) for path, found in lists if found]
        if len(full) > 1:
            names = ", ".join(path for path, _ in full)
            raise InvalidCall(f"the answer has several lists ({names}); a table can show only one")
        return full[0][1] if full else [answer]
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise InvalidCall("the answer has no objects to list; use -o json, without --fields")
    return answer


def lists_in(answer: Row, path: str) -> Iterator[tuple[str, list[Row]]]:
    """The paths and values of the lists of objects in an object, at any depth."""
    for name, value in answer.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from lists_in(value, place)
        elif isinstance(value, list) and all(isinstance(row, dict) for row in value):
            yield place, value


def check(field: str, rows: Sequence[Row]) -> None:
    """Raises InvalidCall for a field that no row can have."""
    if not rows or known(rows, field.split(".")):
        return
    names = list(dict.fromkeys(names_in(rows[0])))
    last = field.rpartition(".")[2]
    hint = f"; did you mean {last}?" if last in names else did_you_mean(field, names)
    raise InvalidCall(f"there is no field {field!r}{hint} (there are: {', '.join(names)})")


def known(rows: Sequence[Row], path: Sequence[str]) -> bool:
    """Whether a row has this path, or could have it, in a message that is unset in every row."""
    values: Sequence[object] = rows
    for name in path:
        messages = [value for value in values if isinstance(value, dict)]
        if not messages:
            return None in values
        values = [message[name] for message in messages if name in message]
        if not values:
            return False
    return True


def names_in(row: Row, prefix: str = "") -> Iterator[str]:
    """The fields of a row, with dots in those of nested messages."""
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from names_in(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def value_at(row: Row, field: str) -> object:
    """The value of a dotted field, in either naming, or None."""
    if field in row:  # groups have whole paths as names
        return row[field]
    name, _, below = field.partition(".")
    value = row[name] if name in row else row.get(json_name(name))
    if not below:
        return value
    return value_at(value, below) if isinstance(value, dict) else None


def cell(value: object) -> str:
    if value is None or value == "":
        return NOTHING
    return printable(value if isinstance(value, str) else orjson.dumps(value).decode())
