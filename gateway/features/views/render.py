"""Answers through views: from Cuebot's bytes to JSON, NDJSON or CSV, in pieces.

Rows are parsed a few at a time, and only the wanted fields of matching rows are converted. A row
may be expensive, so the clock is read after each.
"""

import heapq
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple, Protocol

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.answer_form import TimedPieces
from gateway.core.codec import slices
from gateway.core.codec.encode import UNREADABLE, Encoders, MessageEncoder, unreadable
from gateway.core.codec.fields import owner_of
from gateway.core.codec.interfaces import Shape
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, Step
from gateway.core.schema.rows import Rows
from gateway.features.views.fields import (
    around_rows,
    cell_of,
    columns_of,
    lines,
    quoted,
    shape_of,
    single_cell,
)
from gateway.features.views.filter_expressions import Test
from gateway.features.views.groups import Cells, Grouping, converted, gathered
from gateway.features.views.order import Order
from gateway.features.views.view import View

LARGEST_WHOLE = 32 * 1024
"""Bytes of an answer that may be one piece, if that takes no longer than a step."""
LARGEST_ROW = 2 * 2**20
"""Bytes. Parsing a row is one step; this many take 1 to 10 ms."""
LONG_ROW = slices.LARGEST_ITEM
"""Bytes above which a row is written in pieces."""
ROWS_PER_SORT = 256
"""Sorting them takes a part of the time that reading them took."""
BYTES_PER_SORT = 256 * 1024
"""Comparing long texts takes longer."""


class Show(Protocol):
    def __call__(self, payload: bytes, step: Step = ..., /) -> Iterable[bytes]:
        """Pieces and errors as of an `Encode`; several pieces with rows are a `Viewed`.

        Raises GatewayError (INVALID_ARGUMENT) for rows that are too long.
        """


@dataclass(slots=True)
class Progress:
    view: View
    rows: int = 0
    """All rows, once their number is known."""
    looked_at: int = 0

    def out_of_time(self) -> GatewayError:
        """The error for a view past its deadline: the progress, and ways to be faster."""
        ways = ["ask for fewer rows"]
        if self.view.where is not None:
            ways.append("use a condition that is decided faster (`=` and `:` before `~`)")
        if self.view.order is not None:
            ways.append("sort by fewer fields, or shorter ones")
        done = f"{self.looked_at} of {self.rows} rows had been looked at"
        if self.rows and self.looked_at == self.rows:
            done = f"all {self.rows} rows had been looked at, and were not written yet"
        return GatewayError(
            Code.DEADLINE_EXCEEDED,
            f"the view was not ready in time: {done}; {', or '.join(ways)}",
        )


class Viewed(TimedPieces[Progress]):
    """The pieces of a view that takes more than a step."""

    __slots__ = ()


class LongRow(NamedTuple):
    """A row that is written in pieces, as its bytes."""

    record: memoryview


Place = tuple[int, int, int]
"""The place of a row's bytes: the number of a run, and start and end in it."""
PLACE = Struct(">III")
INDEX = Struct(">I")
Found = Iterator[Any]
"""Rows, parsed or as a `LongRow`. None ends a step in which there was none."""


def compile_view(view: View, encoders: Encoders) -> Show:
    if view.rows is None:
        return MessageEncoder(shape_of(view.answer, view.answer_fields, encoders))
    if view.groups is not None:
        return as_groups(view, view.rows, view.groups, encoders)
    return {"json": as_json, "ndjson": as_ndjson, "csv": as_csv}[view.format](
        view, view.rows, encoders
    )


def as_json(view: View, rows: Rows, encoders: Encoders) -> Show:
    """The answer's own JSON, with the wanted rows and fields."""
    shape = shape_of(rows.descriptor, view.row_fields, encoders)
    rest_to_json = shape_of(view.answer, view.answer_fields, encoders).to_json
    row_to_json, parse = shape.to_json, GetMessageClass(view.answer).FromString
    shows_rows = view.row_fields is None or bool(view.row_fields)

    def write(row: Any) -> bytes:
        return orjson.dumps(row_to_json(row))

    def pieces(payload: bytes, step: Step, progress: Progress) -> Iterator[bytes]:
        rest, found = yield from fitting(view, rows, payload, step, progress)
        json = rest_to_json(parse(rest))
        if not shows_rows:
            yield orjson.dumps(json)
            return
        opening, end = around_rows(json, rows.names)
        yield from enclosed(opening, written(found, write, shape, step, between=b","), end)

    return guarded(view, pieces)


def as_ndjson(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of JSON for each row."""
    shape = shape_of(rows.descriptor, view.row_fields, encoders)
    row_to_json = shape.to_json

    def write(row: Any) -> bytes:
        return orjson.dumps(row_to_json(row), option=orjson.OPT_APPEND_NEWLINE)

    def pieces(payload: bytes, step: Step, progress: Progress) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload, step, progress)
        yield from written(found, write, shape, step, after=b"\n")

    return guarded(view, pieces)


def as_csv(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of headings, and one for each row (RFC 4180)."""
    paths = view.row_fields
    if paths is None:
        paths = tuple(columns_of(rows.descriptor))
    cells = [cell_of(path, encoders, view.units) for path in paths]
    parse: Any = GetMessageClass(rows.descriptor).FromString

    def write(row: Any) -> bytes:
        row = parse(row.record) if type(row) is LongRow else row
        return lines([[cell(row) for cell in cells]])

    def pieces(payload: bytes, step: Step, progress: Progress) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload, step, progress)
        opening = lines([[quoted(path.heading) for path in paths]])
        yield from enclosed(opening, written(found, write, None, step))

    return guarded(view, pieces)


def as_groups(view: View, rows: Rows, grouping: Grouping, encoders: Encoders) -> Show:
    """One object or line for each group, or for all rows."""
    opening, write, between, end = group_form(view, grouping, encoders)

    def pieces(payload: bytes, step: Step, progress: Progress) -> Iterator[bytes]:
        _, runs, progress.rows = yield from slices.rows_in(memoryview(payload), rows.fields, step)
        every = parsed(runs, rows, progress, with_places=False)
        fits = (each and each[0] for each in matching(every, view.where, step, progress))
        groups = yield from gathered(grouping, fits, encoders, step)
        found = cut(groups_in_order(groups, grouping, view, step), view, step)
        yield from enclosed(opening, written(found, write, None, step, between=between), end)

    return guarded(view, pieces)


def group_form(
    view: View, grouping: Grouping, encoders: Encoders
) -> tuple[bytes, Callable[[Cells], bytes], bytes, bytes]:
    """What stands before the groups, how each is written, and what is between and behind them."""
    to_json = grouping.to_json(encoders)
    if view.format == "csv":
        shown = grouping.shown(encoders, view.units)

        def line(cells: Cells) -> bytes:
            values = (
                (converted(cells[index], convert), number) for index, convert, number in shown
            )
            return lines([[single_cell(value, is_numeric=number) for value, number in values]])

        return lines([[quoted(name) for name in grouping.headings()]]), line, b"", b""
    if view.format == "ndjson":
        return (
            b"",
            lambda cells: orjson.dumps(to_json(cells), option=orjson.OPT_APPEND_NEWLINE),
            b"",
            b"",
        )
    opening, end = (b'{"groups":[', b"]}") if grouping.by else (b"", b"")
    return opening, lambda cells: orjson.dumps(to_json(cells)), b",", end


def groups_in_order(
    groups: Sequence[Cells], grouping: Grouping, view: View, step: Step
) -> Iterator[Cells | None]:
    """The groups, sorted; None ends a step."""
    keys = (grouping.order.key(cells, INDEX.pack(i)) for i, cells in enumerate(groups))
    for key in in_turn(keys, view, step):
        yield None if key is None else groups[INDEX.unpack(key[-INDEX.size :])[0]]


def written(
    found: Found,
    write: Callable[[Any], bytes],
    shape: Shape | None,
    step: Step,
    *,
    between: bytes = b"",
    after: bytes = b"",
) -> Iterator[bytes]:
    """The written rows of each step as a piece, with `between` between any two rows.

    With a shape, long rows are written as JSON, in pieces, with `after` after each.
    """
    done: list[bytes] = []
    comma = b""
    for row in found:
        if type(row) is LongRow and shape is not None:
            if done:
                yield comma + between.join(done)
                comma, done = between, []
            yield comma
            yield from slices.encode(shape, reader(row.record), len(row.record), step)
            yield after
            comma = between
            continue
        if row is not None:
            done.append(write(row))
        if row is None or step.is_over():
            if done:
                yield comma + between.join(done)
                comma, done = between, []
            else:
                yield b""
            step.begin()
    if done:
        yield comma + between.join(done)


def enclosed(opening: bytes, pieces: Iterable[bytes], end: bytes = b"") -> Iterator[bytes]:
    """The pieces, the first of them behind the opening. Empty ones are pauses."""
    for piece in pieces:
        yield opening + piece if piece else b""
        opening = b"" if piece else opening
    if opening or end:
        yield opening + end


def reader(record: memoryview) -> slices.ReadBytes:
    return lambda start, end: record[start:end]


def guarded(view: View, pieces: Callable[[bytes, Step, Progress], Iterator[bytes]]) -> Show:
    """A `Show` of these pieces, which reports unreadable bytes and joins a short answer."""

    def guarded_pieces(payload: bytes, step: Step, progress: Progress) -> Iterator[bytes]:
        try:
            yield from pieces(payload, step, progress)
        except UNREADABLE as error:
            raise unreadable(view.answer, error) from error

    def show(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
        progress = Progress(view)
        found, done = guarded_pieces(payload, step, progress), []
        if len(payload) > LARGEST_WHOLE:
            return Viewed(found, progress)
        for piece in found:
            done.append(piece)
            if step.is_over():
                return Viewed(itertools.chain((b"".join(done),), found), progress)
        return (b"".join(done),)

    return show


# --- rows -----------------------------------------------------------------------------------


def fitting(
    view: View, rows: Rows, payload: bytes, step: Step, progress: Progress
) -> Generator[bytes, None, tuple[bytes, Found]]:
    """The answer without its rows, and the rows that the view shows. Yields pauses."""
    rest, runs, progress.rows = yield from slices.rows_in(memoryview(payload), rows.fields, step)
    every = parsed(runs, rows, progress, with_places=view.order is not None)
    fits = matching(every, view.where, step, progress)
    if view.order is None:
        page: Iterator[tuple[Any, Place | None] | None] = cut(fits, view, step)
        return rest, (each and row_or_bytes(*each, runs) for each in page)
    return rest, in_order(fits, runs, rows, view.order, view, step)


def parsed(
    runs: Iterable[memoryview], rows: Rows, progress: Progress, *, with_places: bool
) -> Iterator[tuple[Any, Place | None]]:
    """Rows, and the places of long ones or of all; finding these takes half as long as parsing.

    Raises GatewayError for a row that is too long.
    """
    holder: Any = GetMessageClass(owner_of(rows.fields[-1]))
    name = rows.fields[-1].name
    for number, run in enumerate(runs):
        if len(run) > LARGEST_ROW:  # a run of one row
            raise GatewayError(
                Code.INVALID_ARGUMENT,
                f"row {progress.looked_at + 1} has {len(run):,} bytes, and views take rows of up to"
                f" {LARGEST_ROW:,}; ask for the answer without a view",
            )
        some = getattr(holder.FromString(run), name)
        if with_places or len(some) == 1:
            for row, (start, end) in zip(some, slices.places_in(run), strict=True):
                yield row, (number, start, end)
        else:
            yield from zip(some, itertools.repeat(None))


def row_or_bytes(row: Any, place: Place | None, runs: Sequence[memoryview]) -> Any:
    if place is None or place[2] - place[1] <= LONG_ROW:
        return row
    number, start, end = place
    return LongRow(runs[number][start:end])


def matching(
    found: Iterable[tuple[Any, Place | None]], where: Test | None, step: Step, progress: Progress
) -> Iterator[tuple[Any, Place | None] | None]:
    """The rows that fit, and None for a step in which none did."""
    for each in found:
        progress.looked_at += 1
        if where is None or where(each[0]):
            yield each
        elif step.is_over():
            yield None


def in_order(
    found: Iterator[tuple[Any, Any] | None],
    runs: Sequence[memoryview],
    rows: Rows,
    order: Order,
    view: View,
    step: Step,
) -> Found:
    """The rows of the view's page, sorted.

    Behind each key is the place of the row's bytes instead of the row, which also makes the sort
    stable.
    """
    keys = (each and order.key(each[0], PLACE.pack(*each[1])) for each in found)
    parse: Any = GetMessageClass(rows.descriptor).FromString
    for key in cut(in_turn(keys, view, step), view, step):
        if key is None:
            yield None
            continue
        number, start, end = PLACE.unpack(key[-PLACE.size :])
        record = runs[number][start:end]
        yield LongRow(record) if len(record) > LONG_ROW else parse(record)


def in_turn(keys: Iterable[bytes | None], view: View, step: Step) -> Iterator[bytes | None]:
    """The keys, sorted, as many as the view's page may need; None ends a step.

    Groups of keys are sorted and then merged, so that no step takes long.
    """
    sorted_runs: list[list[bytes]] = [[]]
    most = ROWS_PER_SORT + 1 if view.limit is None else view.offset + view.limit
    few = most if most <= ROWS_PER_SORT else 0
    size = 0
    for key in keys:
        if key is not None:
            last = sorted_runs[-1]
            last.append(key)
            size += len(key)
            if len(last) >= ROWS_PER_SORT + few or size >= BYTES_PER_SORT:
                size = 0
                last.sort()
                if few:
                    del last[few:]
                else:
                    sorted_runs.append([])
        if key is None or step.is_over():
            yield None
    sorted_runs[-1].sort()
    yield from heapq.merge(*map(emptied, sorted_runs))


def emptied(run: list[bytes]) -> Iterator[bytes]:
    """The items of a list, freed one by one: all at once takes several ms."""
    run.reverse()
    while run:
        yield run.pop()


def cut(found: Iterator[Any], view: View, step: Step) -> Iterator[Any]:
    found = skipping(view.offset, found, step) if view.offset else found
    return found if view.limit is None else first(found, view.limit)


def skipping(count: int, found: Iterator[Any], step: Step) -> Iterator[Any]:
    """All but the first so many, and None for a step in which there was none."""
    for each in found:
        if count and each is not None:
            count -= 1
            if step.is_over():
                yield None
        else:
            yield each


def first(found: Found, limit: int) -> Found:
    left = limit
    while left:
        row = next(found, END)
        if row is END:
            return
        left -= row is not None
        yield row


END = object()
