"""The one list of an answer as a table: which list, which fields, and how they line up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from gateway.cli.client.caller import WrongCall
from gateway.cli.terminal.text import printable
from gateway.hints import did_you_mean

NOTHING = "-"
"""For what is not set: every column of every row has a word."""
GAP = "  "

Row = Mapping[str, Any]


def table(answer: object, fields: Sequence[str]) -> list[str]:
    """The lines of a table with these fields (`name`, `jobStats.runningFrames`) and a head.

    Raises WrongCall for a field that no row has, and for an answer that has several lists, or one
    of something other than objects.
    """
    rows = rows_of(answer)
    for field in fields:
        check(field, rows)
    cells = [[cell(value_at(row, field)) for field in fields] for row in rows]
    return aligned(fields, cells)


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, each column as wide as its widest cell."""
    columns = [align(column) for column in zip(head, *rows, strict=True)]
    return [GAP.join(line).rstrip() for line in zip(*columns, strict=True)]


def rows_of(answer: object) -> Sequence[Row]:
    """The objects of the one list in the answer; of a single object, a list of that one.

    Wrappers (`{"jobs": {"jobs": […]}}`) are looked through. Raises WrongCall otherwise.
    """
    while isinstance(answer, dict) and len(answer) == 1:
        (inner,) = answer.values()
        if not isinstance(inner, dict | list):
            break
        answer = inner
    if isinstance(answer, dict):
        lists = list(lists_in(answer, ""))
        full = [(path, found) for path, found in lists if found]
        if len(full) > 1:
            names = ", ".join(path for path, _ in full)
            raise WrongCall(f"the answer has several lists ({names}); a table shows one")
        return full[0][1] if full else [answer]
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise WrongCall("the answer holds no objects with fields; leave out --fields")
    return answer


def lists_in(answer: Row, path: str) -> Iterator[tuple[str, list[Row]]]:
    """The lists of objects in an object and the objects inside it, with their places."""
    for name, value in answer.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from lists_in(value, place)
        elif isinstance(value, list) and all(isinstance(row, dict) for row in value):
            yield place, value


def check(field: str, rows: Sequence[Row]) -> None:
    """Raise WrongCall, with those that there are, for a field that no row could have."""
    if not rows or known(rows, field.split(".")):
        return
    names = list(dict.fromkeys(names_in(rows[0])))
    last = field.rpartition(".")[2]
    hint = f"; did you mean {last}?" if last in names else did_you_mean(field, names)
    raise WrongCall(f"there is no field {field!r}{hint} (there are: {', '.join(names)})")


def known(rows: Sequence[Row], path: Sequence[str]) -> bool:
    """Whether some row has something at this path, or may have: its message is set in none."""
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
    """All fields of a row, those of its messages after a dot."""
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from names_in(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def value_at(row: Row, field: str) -> object:
    """The value of a dotted field; None where there is none."""
    value: object = row
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def cell(value: object) -> str:
    """A value as one line of text."""
    if value is None or value == "":
        return NOTHING
    return printable(value if isinstance(value, str) else orjson.dumps(value).decode())


def align(column: Sequence[str]) -> Iterable[str]:
    """A column, head first, at one width. Numbers are aligned to the right."""
    head, *cells = column
    width = max(map(len, column))
    if cells and all(is_number(text) or text == NOTHING for text in cells):
        return [head.rjust(width), *(text.rjust(width) for text in cells)]
    return [text.ljust(width) for text in column]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
