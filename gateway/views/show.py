"""Answers as views show them: from Cuebot's bytes to JSON, NDJSON or CSV, in pieces.

What is not asked for is never made into Python: rows are parsed a few at a time, those that do not
fit are dropped, and of the others only the wanted fields are read.
"""

import heapq
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import UNREADABLE, Encoders, MessageEncoder, unreadable
from gateway.codec.fields import owner_of
from gateway.codec.slices import records_in, rows_in
from gateway.views.csv_cells import MOST_COLUMNS, cell_of, columns_of, lines, quoted
from gateway.views.some_fields import shape_of, with_list_last
from gateway.views.view import Order, Rows, View

SHORT = 32 * 1024
"""Bytes of an answer of which a cheap view takes a few ms at most."""
AT_ONCE = 128
"""Rows of a view that asks for little; of others it is less."""
CHEAP = 64
"""What such a view may cost: some 10 µs a row and, with most of it, 50."""
FEWEST = 4
SORTED_AT_ONCE = 1024
"""Rows. Sorting so many takes 1 to 10 ms."""

Show = Callable[[bytes], Iterable[bytes]]
"""Cuebot's bytes to the pieces of a view. Raises GatewayError (INTERNAL) as an `Encode` does."""


def compile_view(view: View, encoders: Encoders) -> Show:
    """What shows answers so."""
    if view.rows is None:
        return MessageEncoder(shape_of(view.answer, view.answer_fields, encoders))
    return {"json": as_json, "ndjson": as_ndjson, "csv": as_csv}[view.format](
        view, view.rows, encoders
    )


def as_json(view: View, rows: Rows, encoders: Encoders) -> Show:
    """The answer in its shape, with the rows and the fields that are wanted."""
    row_to_json = shape_of(rows.descriptor, view.row_fields, encoders).to_json
    rest_to_json = shape_of(view.answer, view.answer_fields, encoders).to_json
    parse = GetMessageClass(view.answer).FromString
    shows_rows = view.row_fields is None or bool(view.row_fields)

    def pieces(payload: bytes) -> Iterator[bytes]:
        rest, found = yield from fitting(view, rows, payload)
        json = rest_to_json(parse(rest))
        if not shows_rows:
            yield orjson.dumps(json)
            return
        text, end = orjson.dumps(with_list_last(json, rows.names)), b"]" + b"}" * len(rows.names)
        yield text[: -len(end)]
        comma = b""
        for some in found:
            if some:
                yield comma + orjson.dumps([row_to_json(row) for row in some])[1:-1]
                comma = b","
            else:
                yield b""
        yield end

    return guarded(view, pieces)


def as_ndjson(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of JSON for each row."""
    row_to_json = shape_of(rows.descriptor, view.row_fields, encoders).to_json

    def pieces(payload: bytes) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload)
        for some in found:
            yield b"".join(
                orjson.dumps(row_to_json(row), option=orjson.OPT_APPEND_NEWLINE) for row in some
            )

    return guarded(view, pieces)


def as_csv(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of paths, and one for each row (RFC 4180)."""
    paths = view.row_fields
    if paths is None:
        paths = tuple(columns_of(rows.descriptor))
    cells = [cell_of(path, encoders) for path in paths]

    def pieces(payload: bytes) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload)
        yield lines([[quoted(path.text) for path in paths]])
        for some in found:
            yield lines([[cell(row) for cell in cells] for row in some])

    return guarded(view, pieces)


def guarded(view: View, pieces: Callable[[bytes], Iterator[bytes]]) -> Show:
    """With the error for bytes that are no such answer; of a short answer, all is one piece."""

    def guarded_pieces(payload: bytes) -> Iterator[bytes]:
        try:
            yield from pieces(payload)
        except UNREADABLE as error:
            raise unreadable(view.answer, error) from error

    short = SHORT * at_once(view) // AT_ONCE

    def show(payload: bytes) -> Iterable[bytes]:
        if len(payload) > short:
            return guarded_pieces(payload)
        return (b"".join(guarded_pieces(payload)),)

    return show


# --- rows -----------------------------------------------------------------------------------


def fitting(
    view: View, rows: Rows, payload: bytes
) -> Generator[bytes, None, tuple[bytes, Iterator[list[Any]]]]:
    """The answer without its rows, and the rows that the view shows, some at a time.

    Empty pieces come before it, as pauses.
    """
    rest, runs = yield from rows_in(memoryview(payload), rows.fields)
    holder: Any = GetMessageClass(owner_of(rows.fields[-1]))
    name, where = rows.fields[-1].name, view.where
    most = at_once(view)

    def matching() -> Iterator[list[Any]]:
        for run in runs:
            some = getattr(holder.FromString(run), name)
            for start in range(0, len(some), most):
                part = some[start : start + most]
                yield part if where is None else [row for row in part if where(row)]

    def with_bytes() -> Iterator[list[tuple[Any, memoryview]]]:
        for run in runs:
            some = zip(getattr(holder.FromString(run), name), records_in(run), strict=True)
            while part := list(islice(some, most)):
                yield part if where is None else [each for each in part if where(each[0])]

    if view.order is None:
        found = matching()
    else:
        parse = GetMessageClass(rows.descriptor).FromString
        found = in_order(with_bytes(), view.order, view.limit, parse, most)
    return rest, found if view.limit is None else first(found, view.limit)


def at_once(view: View) -> int:
    """How many rows are looked at before others may have a turn: some 5 ms."""
    columns = MOST_COLUMNS if view.format == "csv" and view.row_fields is None else 0
    return max(FEWEST, AT_ONCE * CHEAP // max(CHEAP, view.cost, columns))


def in_order(
    found: Iterator[list[tuple[Any, memoryview]]],
    order: Order,
    limit: int | None,
    parse: Callable[[Any], Any],
    most: int,
) -> Iterator[list[Any]]:
    """The rows, sorted, and no more than the limit. Pauses while they are gathered.

    They are sorted some at a time and merged when all are there, so that no step takes long. What
    is kept are their bytes, which are in memory anyway, and not what has been made of them.
    """
    count = itertools.count()  # of equal rows, the first stays the first
    runs: list[list[tuple[Any, int, memoryview]]] = [[]]
    few = limit is not None and limit <= SORTED_AT_ONCE
    for some in found:
        runs[-1] += [(order.key(row), next(count), record) for row, record in some]
        if len(runs[-1]) >= SORTED_AT_ONCE * (1 + few):
            runs[-1].sort()
            if few:
                del runs[-1][limit:]
            else:
                runs.append([])
        yield []
    runs[-1].sort()
    sorted_rows = (parse(record) for _, _, record in heapq.merge(*runs))
    while some_rows := list(islice(sorted_rows, most)):
        yield some_rows


def first(found: Iterator[list[Any]], limit: int) -> Iterator[list[Any]]:
    """So many rows. The others are not looked at."""
    left = limit
    for some in found:
        if len(some) >= left:
            yield some[:left]
            return
        left -= len(some)
        yield some
