"""Whether an answer has changed, and what has: row by row, as a view shows them.

Of an answer only digests are kept. Rows are told apart by their `id`, which is read before the view
drops it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec import slices
from gateway.core.codec.encode import UNREADABLE, Encoders, unreadable
from gateway.core.long_work import STEP, Step
from gateway.core.schema.rows import Rows
from gateway.features.views.compiled_view import CompiledView, Goal
from gateway.features.views.fields import around_rows, shape_of
from gateway.features.views.render import LongRow, Progress, fitting, matching, parsed, reader
from gateway.features.views.view import View

PIECE_BYTES = 64 * 1024
DIGEST_BYTES = 16
BYTES_PER_CLOCK = 2**18
"""Bytes between two readings of the clock: 0.3 ms."""
ID = "id"

Pieces = tuple[bytes, ...]


@dataclass(slots=True)
class Known:
    """What is known of an answer. A comparison uses up the one before."""

    rest: bytes
    """A digest of what is not rows, or of everything."""
    rows: dict[str, int] | None = None
    """By id: Python's hash of the JSON, which has 64 bits and the process's own key. None if ids do
    not tell the rows apart."""


@dataclass(frozen=True, slots=True)
class Difference:
    known: Known
    whole: Pieces | None
    """The JSON of the answer, if it is wanted, or has changed in another way than by rows."""
    change: Pieces | None
    """`{"added": […], "changed": […], "removed": […]}`; None without a known answer before."""
    is_equal: bool
    """Whether nothing has changed. What has moved only is no change."""
    is_done: bool
    """Whether there is a row, and all fit the goal."""


Differences = Generator[object, None, Difference]
"""Yields whenever a step is over."""
Compare = Callable[[bytes, Known | None, bool, Goal | None, Step], Differences]
"""Takes Cuebot's bytes, what is known, whether the whole is wanted, the goal, and the step.

Raises GatewayError for an answer that cannot be read, or a row that is too long.
"""


class Joined:
    __slots__ = ("_parts", "_pieces", "_size")

    def __init__(self, opening: bytes = b"") -> None:
        self._pieces: list[bytes] = []
        self._parts = [opening]
        self._size = len(opening)

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size >= PIECE_BYTES:
            self._flush()

    def end(self, last: bytes) -> Pieces:
        self.add(last)
        self._flush()
        return tuple(self._pieces)

    def _flush(self) -> None:
        if self._size:
            self._pieces.append(b"".join(self._parts))
        self._parts, self._size = [], 0


class Listed(Joined):
    __slots__ = ("count",)

    def __init__(self, opening: bytes) -> None:
        super().__init__(opening)
        self.count = 0

    def put(self, item: bytes) -> None:
        self.add(b"," + item if self.count else item)
        self.count += 1


def comparison(view: CompiledView, encoders: Encoders) -> Compare:
    shown = view.view
    if shown.rows is None or shown.groups is not None:
        return WholeAnswers(view)
    return Rowwise(shown, shown.rows, encoders)


class WholeAnswers:
    def __init__(self, view: CompiledView) -> None:
        self._view = view

    def __call__(
        self, payload: bytes, before: Known | None, wants_whole: bool, goal: Goal | None, step: Step
    ) -> Differences:
        digest, whole = blake2b(digest_size=DIGEST_BYTES), Joined()
        for piece in self._view.encode(payload, step):
            digest.update(piece)
            whole.add(piece)
            if step.is_over():
                yield None
                step.begin()
        known = Known(digest.digest())
        is_equal = before == known
        pieces = None if is_equal and not wants_whole else whole.end(b"")
        return Difference(known, pieces, None, is_equal, self._is_done(payload, goal))

    def _is_done(self, payload: bytes, goal: Goal | None) -> bool:
        if goal is None:
            return False
        answer: Any = GetMessageClass(self._view.view.answer).FromString(payload)
        return answer.HasField(goal.object) and goal.fits(getattr(answer, goal.object))


class ComparedRows:
    """The rows of one answer, compared with those of the one before as they come."""

    def __init__(
        self, opening: bytes, before: Known | None, *, wants_whole: bool, has_ids: bool
    ) -> None:
        """`opening` is what stands before the rows in the answer's JSON."""
        self.is_lost = False
        """Whether the whole is needed, and has not been kept: two rows have the same id."""
        self._before = before
        self._wants_whole = wants_whole
        self._digest = blake2b(opening, digest_size=DIGEST_BYTES)
        self._rest = self._digest.digest()
        self._old = None if before is None or before.rest != self._rest else before.rows
        self._new: dict[str, int] | None = {} if has_ids else None
        self._whole = Listed(opening) if wants_whole or self._old is None else None
        self._added, self._changed = Listed(b'{"added":['), Listed(b'],"changed":[')

    def put(self, id_: str, json: bytes) -> None:
        if self._whole is not None:
            self._whole.put(json)
        if self._new is None or not id_ or id_ in self._new:
            self.is_lost = self._whole is None
            self._new = None
        else:
            self._new[id_] = now = hash(json)
            if self._old is not None:
                was = self._old.pop(id_, None)
                if was != now:
                    (self._added if was is None else self._changed).put(json)
        self._digest.update(json)

    def difference(self, end: bytes, step: Step, *, is_done: bool) -> Differences:
        """`end` is what stands behind the rows."""
        rest = self._digest.digest() if self._new is None else self._rest
        known = Known(rest, self._new)
        if self._old is None or self._new is None:
            is_equal = self._new is None and self._before == known
            keeps = self._whole is not None and (self._wants_whole or not is_equal)
            whole = self._whole.end(end) if self._whole is not None and keeps else None
            return Difference(known, whole, None, is_equal, is_done)
        is_equal = not (self._added.count or self._changed.count or self._old)
        removed = Listed(b'],"removed":[')
        for id_ in self._old:
            removed.put(orjson.dumps(id_))
            if step.is_over():
                yield None
                step.begin()
        change = self._added.end(b"") + self._changed.end(b"") + removed.end(b"]}")
        whole = None if self._whole is None else self._whole.end(end)
        return Difference(known, whole, change, is_equal, is_done)


class Rowwise:
    def __init__(self, view: View, rows: Rows, encoders: Encoders) -> None:
        self._view = view
        self._rows = rows
        self._shape = shape_of(rows.descriptor, view.row_fields, encoders)
        self._rest_to_json = shape_of(view.answer, view.answer_fields, encoders).to_json
        self._parse_rest: Any = GetMessageClass(view.answer).FromString
        self._parse_row: Any = GetMessageClass(rows.descriptor).FromString
        self._shows_rows = view.row_fields is None or bool(view.row_fields)
        id_ = rows.descriptor.fields_by_name.get(ID)
        is_text = id_ is not None and id_.type == id_.TYPE_STRING and not id_.is_repeated
        self._has_ids = is_text and self._shows_rows

    def __call__(
        self, payload: bytes, before: Known | None, wants_whole: bool, goal: Goal | None, step: Step
    ) -> Differences:
        try:
            return (yield from self._compare(payload, before, wants_whole, goal, step))
        except UNREADABLE as error:
            raise unreadable(self._view.answer, error) from error

    def _compare(
        self, payload: bytes, before: Known | None, wants_whole: bool, goal: Goal | None, step: Step
    ) -> Differences:
        count, fit = 0, 0
        rest, rows = yield from fitting(self._view, self._rows, payload, step, Progress(self._view))
        opening, end = self._around(rest)
        compared = ComparedRows(opening, before, wants_whole=wants_whole, has_ids=self._has_ids)
        for row in rows:
            if row is not None:
                message = self._parse_row(row.record) if type(row) is LongRow else row
                count += 1
                fit += goal is not None and goal.fits(message)
                if self._shows_rows:
                    json = yield from self._written(row, message, step)
                    compared.put(message.id if self._has_ids else "", json)
                if compared.is_lost:
                    return (yield from self._compare(payload, None, True, goal, step))
            if row is None or step.is_over():
                yield None
                step.begin()
        return (yield from compared.difference(end, step, is_done=0 < count == fit))

    def _around(self, rest: bytes) -> tuple[bytes, bytes]:
        """What is before and behind the rows in the answer's JSON."""
        json = self._rest_to_json(self._parse_rest(rest))
        if not self._shows_rows:
            return orjson.dumps(json), b""
        return around_rows(json, self._rows.names)

    def _written(self, row: Any, message: Any, step: Step) -> Generator[object, None, bytes]:
        """The JSON of a row. A long one is written in steps."""
        if type(row) is not LongRow:
            return orjson.dumps(self._shape.to_json(message))
        parts = []
        for part in slices.encode(self._shape, reader(row.record), len(row.record), step):
            parts.append(part)
            if step.is_over():
                yield None
                step.begin()
        return b"".join(parts)


def fingerprint(
    payload: bytes, rows: Rows | None, step: Step = STEP
) -> Generator[bytes, None, bytes]:
    """A digest of an answer, with an empty piece whenever a step is over.

    The order of rows with ids does not count: Cuebot lists hosts and procs in a different one each
    time. Raises DecodeError if the rows cannot be found.
    """
    if rows is None or "id" not in rows.descriptor.fields_by_name:
        return (yield from digest(memoryview(payload), b"", step))
    rest, runs, _ = yield from slices.rows_in(memoryview(payload), rows.fields, step)
    total = 0
    for run in runs:
        for record in slices.records_in(run):
            if len(record) > BYTES_PER_CLOCK:
                total += int.from_bytes((yield from digest(record, b"", step)))
                continue
            total += int.from_bytes(blake2b(record, digest_size=DIGEST_BYTES).digest())
            if step.is_over():
                yield b""
                step.begin()
    sum_of_rows = (total % 2 ** (8 * DIGEST_BYTES)).to_bytes(DIGEST_BYTES)
    return (yield from digest(memoryview(rest), sum_of_rows, step))


def fingerprint_of_shown(
    payload: bytes, view: View, rows: Rows, step: Step = STEP
) -> Generator[bytes, None, bytes]:
    """The same of the answer with the rows that fit the view's condition at its moment.

    Raises GatewayError (INVALID_ARGUMENT) for rows that are too long.
    """
    progress = Progress(view)
    rest, runs, _ = yield from slices.rows_in(memoryview(payload), rows.fields, step)
    every = parsed(runs, rows, progress, with_places=True)
    in_order = view.follows_order or "id" not in rows.descriptor.fields_by_name
    total, ordered = 0, blake2b(digest_size=DIGEST_BYTES)
    for each in matching(every, view.where, step, progress):
        if each is not None and each[1] is not None:
            number, start, end = each[1]
            found = yield from digest(runs[number][start:end], b"", step)
            if in_order:
                ordered.update(found)
            else:
                total += int.from_bytes(found)
        if each is None or step.is_over():
            yield b""
            step.begin()
    sum_of_rows = (total % 2 ** (8 * DIGEST_BYTES)).to_bytes(DIGEST_BYTES)
    shown = ordered.digest() if in_order else sum_of_rows
    return (yield from digest(memoryview(rest), shown, step))


def digest(content: memoryview, key: bytes, step: Step) -> Generator[bytes, None, bytes]:
    found = blake2b(content[:BYTES_PER_CLOCK], digest_size=DIGEST_BYTES, key=key)
    for start in range(BYTES_PER_CLOCK, len(content), BYTES_PER_CLOCK):
        found.update(content[start : start + BYTES_PER_CLOCK])
        if step.is_over():
            yield b""
            step.begin()
    return found.digest()
