"""Event streams, as a client reads them, and the answers that their changes add up to.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway_client.paths import value_at

MEDIA_TYPE = "text/event-stream"
ID = "id"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    id: str
    data: bytes


async def events_in(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events of a stream; comments, and an event that is cut, are left out."""
    fields: dict[bytes, bytes] = {}
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                name, _, value = line.partition(b":")
                value = value.removeprefix(b" ")
                if name == b"data" and name in fields:
                    value = b"%s\n%s" % (fields[name], value)
                fields[name] = value
                continue
            if b"data" in fields:
                kind, id_ = fields.get(b"event", b"message"), fields.get(b"id", b"")
                yield Event(kind.decode(), id_.decode(), fields[b"data"])
            fields = {}


class LostRows(Exception):
    """A change is about rows that the last answer does not have. A new snapshot has them."""


@dataclass(slots=True)
class Watched:
    """An answer with all changes so far."""

    sort: Sequence[str] = ()
    """Paths of the fields that the rows are sorted by; with `-` in front, descending."""
    hidden: Sequence[str] = ()
    """Paths of fields that are there only to tell rows apart and to sort them."""
    whole: Any = None
    rows: list[Row] = field(default_factory=list)

    def take(self, snapshot: bytes) -> None:
        self.whole = orjson.loads(snapshot)
        self.rows = rows_in(self.whole)

    def change(self, data: bytes) -> None:
        """Raises LostRows."""
        change = orjson.loads(data)
        places = {row.get(ID): place for place, row in enumerate(self.rows)}
        for row in change["changed"]:
            if row.get(ID) not in places:
                raise LostRows
            self.rows[places[row[ID]]] = row
        gone = frozenset(change["removed"])
        if not gone <= places.keys():
            raise LostRows
        kept = [row for row in self.rows if row.get(ID) not in gone]
        self.rows[:] = in_order([*kept, *change["added"]], self.sort)

    def shown(self) -> bytes:
        text = orjson.dumps(self.whole)
        if not self.hidden:
            return text
        whole = orjson.loads(text)
        for row in rows_in(whole):
            for path in self.hidden:
                remove(row, path)
        return orjson.dumps(whole)

    def lines(self) -> bytes:
        rows = rows_in(orjson.loads(self.shown()))
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def remove(row: Row, path: str) -> None:
    """Remove a field, and what it leaves empty."""
    name, _, below = path.partition(".")
    inner = row.get(name)
    if below and isinstance(inner, dict):
        remove(inner, below)
    if not below or inner == {}:
        row.pop(name, None)


def rows_in(answer: Any) -> list[Row]:
    """The only list of an answer, which may be changed in place."""
    while isinstance(answer, dict) and len(answer) == 1:
        (answer,) = answer.values()
    if isinstance(answer, dict):
        lists = [value for value in answer.values() if isinstance(value, list)]
        answer = lists[0] if len(lists) == 1 else []
    return answer if isinstance(answer, list) else []


def in_order(rows: list[Row], sort: Sequence[str]) -> list[Row]:
    """The rows, sorted as a view sorts them: what is not set comes last."""
    for path in reversed(sort):
        descending, name = path.startswith("-"), path.removeprefix("-")
        rows.sort(key=lambda row: sortable(value_at(row, name)), reverse=descending)
        rows.sort(key=lambda row: value_at(row, name) is None)
    return rows


def sortable(value: object) -> tuple[int, float, str]:
    """A key for values of one field; integers of 64 bits are texts in JSON."""
    try:
        return 0, float(value), ""  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 1, 0.0, str(value)
