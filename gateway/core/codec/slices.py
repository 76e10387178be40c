"""Long answers in pieces, without parsing them whole.

A protobuf message is a sequence of records, and messages merge by concatenation
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). So a run of records of one
repeated field is itself a message, which can be cut out of the payload, parsed, encoded and
dropped.

Repeated messages, strings and bytes are cut, at any depth outside of oneofs. Maps, packed numbers
and single long strings are encoded at once.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.body import MAX_DEPTH
from gateway.core.codec.fields import is_map, message_of
from gateway.core.codec.interfaces import Shape, ToJson
from gateway.core.codec.wellknown import is_special
from gateway.core.long_work import STEP, Step

LARGEST_WHOLE = 128 * 1024
"""Bytes up to which an answer with few items is encoded in one piece: 1 to 4 ms of work."""
SLICE_BYTES = 64 * 1024
SLICE_ITEMS = 128
"""Slices of 64 to 256 jobs cost the same. Smaller ones take less memory, larger ones fewer writes.
"""
LARGEST_ITEM = 2**14
"""Bytes above which an item is sliced itself: it may have many small messages. As a length, it
takes three bytes."""
ITEMS_PER_CLOCK = 64
"""Items between two readings of the clock."""

ReadBytes = Callable[[int, int], memoryview]
"""The bytes of a message from one position to another, to be dropped before the next piece."""

LONGEST_HEAD = 20
"""Bytes of a record's tag and length."""
VARINT, I64, LENGTH, START_GROUP, END_GROUP, I32 = range(6)
LONG_SCALARS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


@dataclass(slots=True)
class Run:
    """Neighbouring records on the wire, with their tags."""

    start: int
    end: int
    records: int = 1

    def extend(self, payload: memoryview, tag: int) -> None:
        """Add the records of this length-delimited field that follow, up to a slice.

        This runs for every item of a list: tags, and lengths of one or two bytes, are read without
        a call, and from bytes, which are faster than a view. Raises DecodeError for a length that
        is truncated or too long.
        """
        is_large = self.end - self.start > LARGEST_ITEM
        head = varint(tag)
        width, first, others = len(head), head[0], head[1:]
        if is_large or payload[self.end : self.end + width] != head:
            return
        window = bytes(payload[self.end : self.start + SLICE_BYTES + LONGEST_HEAD])
        most = self.start + SLICE_BYTES - self.end
        furthest = min(len(window), most)
        end, records = 0, self.records
        try:
            while end < furthest and records < SLICE_ITEMS:
                position = end + width
                if window[end] != first or (others and window[end + 1 : position] != others):
                    break
                length = window[position]
                position += 1
                if length >= 0x80:
                    high = window[position]
                    if high < 0x80:
                        length += (high - 1) << 7
                        position += 1
                    else:
                        length, position = read_varint(window, position - 1)
                        if length >= LARGEST_ITEM:
                            break
                position += length
                if position > most:
                    break
                end = position
                records += 1
        except IndexError:
            raise DecodeError("truncated") from None
        self.end, self.records = self.end + end, records


@dataclass(slots=True)
class Layout:
    rest: list[Run] = field(default_factory=list)
    """Records that are encoded at once."""
    long: dict[int, list[Run]] = field(default_factory=dict)
    """Records that are encoded in slices, by field number."""


def encode(
    shape: Shape, read: ReadBytes, size: int, step: Step = STEP, depth: int = 0
) -> Iterator[bytes]:
    """The JSON of a message of `size` bytes, in pieces. Raises DecodeError.

    An empty piece only ends a step, so that other tasks may run.
    """
    if depth >= MAX_DEPTH:
        raise DecodeError("nested too deeply")
    sliced = {one.number: one for one in shape.descriptor.fields if can_be_sliced(one)}
    layout = Layout()
    whole = read(0, size)
    yield from survey(whole, sliced, layout, step)
    for number, runs in list(layout.long.items()):
        size = sum(run.end - run.start for run in runs)
        if not sliced[number].is_repeated and size <= min(SLICE_BYTES, LARGEST_ITEM):
            layout.rest += layout.long.pop(number)
    message_class = GetMessageClass(shape.descriptor)
    rest = message_class.FromString(b"".join(whole[run.start : run.end] for run in layout.rest))
    del whole  # it is not needed while the client reads
    json = shape.to_json(rest)
    assert isinstance(json, dict)
    long = {sliced[number].json_name: number for number in layout.long}
    opening = b"{"
    for key, value in json.items():
        if key in long:
            one, runs = sliced[long[key]], layout.long[long[key]]
            yield opening + orjson.dumps(key) + b":"
            if one.is_repeated:
                yield from encode_list(shape, one, runs, message_class, read, step, depth + 1)
            else:
                inner, length = yield from joined(read, runs, step)
                yield from encode(shape.below(one), inner, length, step, depth + 1)
        else:
            yield opening + orjson.dumps({key: value})[1:-1]
        opening = b","
    yield b"}" if json else b"{}"  # nothing but unknown fields


def encode_list(
    shape: Shape,
    one: FieldDescriptor,
    runs: list[Run],
    message_class: Any,
    read: ReadBytes,
    step: Step,
    depth: int,
) -> Iterator[bytes]:
    """The JSON list of a repeated field, a run at a time; a long message is sliced itself."""
    to_json = shape.value(one)
    opening = b"["
    for run in runs:
        is_large = run.records == 1 and run.end - run.start > min(SLICE_BYTES, LARGEST_ITEM)
        if is_large and to_json is not None and one.message_type is not None:
            yield opening
            inner, length = yield from joined(read, [run], step)
            yield from encode(shape.below(one), inner, length, step, depth)
        else:
            message = message_class.FromString(read(run.start, run.end))
            items, left = iter(getattr(message, one.name)), run.records
            while True:
                piece, left = items_json(opening, items, left, to_json, step)
                if not left:
                    del message, items  # a client may take long to read the piece
                    yield piece
                    break
                yield piece
                opening = b","
                step.begin()
        opening = b","
    yield b"]"


def items_json(
    opening: bytes, items: Iterator[Any], left: int, to_json: ToJson | None, step: Step
) -> tuple[bytes, int]:
    """The JSON of the next items, until the step is over, and how many are left.

    It begins with `opening` and has no closing bracket. The items do not outlive this function.
    """
    if to_json is None:
        return b"".join((opening, memoryview(orjson.dumps(list(items)))[1:-1])), 0
    values: list[object] = []
    while left > 0:
        values += [to_json(item) for item in islice(items, ITEMS_PER_CLOCK)]
        left -= ITEMS_PER_CLOCK
        if step.is_over():
            break
    return b"".join((opening, memoryview(orjson.dumps(values))[1:-1])), max(left, 0)


def rows_in(
    payload: memoryview, fields: Sequence[FieldDescriptor], step: Step
) -> Generator[bytes, None, tuple[bytes, list[memoryview], int]]:
    """A message without one list, runs of that list's records, and how many records there are.

    One or two `fields` lead to the list. A run parses as the message that has the list. Yields
    empty pieces as pauses. Raises DecodeError.
    """
    first, layout = fields[0], Layout()
    yield from survey(payload, {first.number: first}, layout, step)
    rest = b"".join(payload[run.start : run.end] for run in layout.rest)
    runs = layout.long.get(first.number, [])
    if len(fields) == 1:
        records = [payload[run.start : run.end] for run in runs]
        return rest, records, sum(run.records for run in runs)
    if not runs:
        return rest, [], 0
    read, length = yield from joined(lambda start, end: payload[start:end], runs, step)
    inner_rest, rows, count = yield from rows_in(read(0, length), fields[1:], step)
    length = len(inner_rest)
    return rest + varint(first.number << 3 | LENGTH) + varint(length) + inner_rest, rows, count


def records_in(run: memoryview) -> Iterator[memoryview]:
    """The messages in a run of records of one field."""
    return (run[start:end] for start, end in places_in(run))


def places_in(run: memoryview) -> Iterator[tuple[int, int]]:
    """The positions, in a run, of its messages."""
    position = 0
    while position < len(run):
        _, start = read_varint(run, position)
        length, start = read_varint(run, start)
        position = start + length
        yield start, position


def varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def can_be_sliced(one: FieldDescriptor) -> bool:
    """Whether each value of the field is a record of its own that can be cut out."""
    if one.type == FieldDescriptor.TYPE_MESSAGE:
        special = is_special(message_of(one))
        return one.containing_oneof is None and not special and not is_map(one)
    return one.is_repeated and one.type in LONG_SCALARS


def survey(
    payload: memoryview, sliced: dict[int, FieldDescriptor], layout: Layout, step: Step
) -> Iterator[bytes]:
    """Fill in the layout of a message, with an empty piece whenever a step is over."""
    position = 0
    while position < len(payload):
        start = position
        tag, position = read_varint(payload, position)
        position = skip(payload, position, tag)
        number = tag >> 3
        if tag & 7 == LENGTH and number in sliced:
            run = Run(start, position)
            if sliced[number].is_repeated:
                run.extend(payload, tag)
            layout.long.setdefault(number, []).append(run)
            position = run.end
        else:
            if layout.rest and layout.rest[-1].end == start:
                layout.rest[-1].end = position
            else:
                layout.rest.append(Run(start, position))
        if step.is_over():
            yield b""
            step.begin()
    if position > len(payload):
        raise DecodeError("truncated")


def joined(
    read: ReadBytes, runs: list[Run], step: Step
) -> Generator[bytes, None, tuple[ReadBytes, int]]:
    """The contents of these records, without tags and lengths, as one, and their size.

    If there are several, each of them must be a whole message.
    """
    contents = []
    for run in runs:
        head = read(run.start, min(run.end, run.start + LONGEST_HEAD))
        _, position = read_varint(head, 0)
        _, position = read_varint(head, position)
        contents.append((run.start + position, run.end))
    if len(contents) == 1:
        first, last = contents[0]
        return lambda start, end: read(first + start, first + end), last - first
    values = [read(start, end) for start, end in contents]
    for value in values:
        yield from survey(value, {}, Layout(), step)
    whole = memoryview(b"".join(values))
    return lambda start, end: whole[start:end], len(whole)


def skip(payload: memoryview, position: int, tag: int) -> int:
    """The end of the value at `position`."""
    wire_type = tag & 7
    if wire_type == LENGTH:
        length, position = read_varint(payload, position)
        position += length
    elif wire_type == VARINT:
        _, position = read_varint(payload, position)
    elif wire_type == I64:
        position += 8
    elif wire_type == I32:
        position += 4
    elif wire_type == START_GROUP:
        position = skip_group(payload, position, tag)
    else:
        raise DecodeError("unexpected wire type")
    if position > len(payload):
        raise DecodeError("truncated")
    return position


def skip_group(payload: memoryview, position: int, tag: int) -> int:
    """The end of the group that `tag` opens."""
    open_groups = [tag]
    while open_groups:
        tag, position = read_varint(payload, position)
        if tag & 7 == START_GROUP:
            open_groups.append(tag)
        elif tag & 7 == END_GROUP:
            if tag >> 3 != open_groups.pop() >> 3:
                raise DecodeError("a group ends that was not open")
        else:
            position = skip(payload, position, tag)
    return position


def read_varint(payload: bytes | memoryview, position: int) -> tuple[int, int]:
    """A varint and its end."""
    value = shift = 0
    try:
        while (byte := payload[position]) >= 0x80 and shift < 63:
            value |= (byte & 0x7F) << shift
            position += 1
            shift += 7
    except IndexError:
        raise DecodeError("truncated") from None
    if byte >= 0x80:
        raise DecodeError("a number of more than ten bytes")
    return value | byte << shift, position + 1
