"""Long answers, piece by piece, without ever parsing them whole.

A protobuf message is a sequence of records, and messages merge by concatenation
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). So a run of records of one
repeated field is a message of its own: it can be cut off the wire, parsed, encoded and
forgotten. The bytes are the same as in one piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.fields import message_of
from gateway.codec.path import MAX_DEPTH
from gateway.codec.seams import Writing
from gateway.codec.wellknown import is_special

WHOLE = 128 * 1024
"""Answers up to this many bytes are encoded in one piece: 2 to 4 ms of work."""
SLICE = 64 * 1024
"""How many bytes of list items make one slice."""
BREATH = 4096
"""How many records are looked at before the caller gets a chance to let others run."""

VARINT, I64, LENGTH, START_GROUP, END_GROUP, I32 = range(6)
Span = tuple[int, int]


@dataclass(slots=True)
class Layout:
    """Where the parts of a message lie on the wire."""

    rest: list[Span] = field(default_factory=list)
    """Records that are encoded at once, with their tags."""
    long: dict[int, list[Span]] = field(default_factory=dict)
    """Field number to the records, with their tags, of fields that are encoded in slices."""


def encode(
    descriptor: Descriptor, encoders: Writing, payload: bytes, depth: int = 0
) -> Iterator[bytes]:
    """The JSON of a message, in pieces. Raises DecodeError when the bytes are no such message.

    An empty piece is a breath: nothing to send, a place to let others run.
    """
    if depth >= MAX_DEPTH:
        raise DecodeError("nested too deeply")
    sliced = {
        field_.number: field_
        for field_ in descriptor.fields
        if field_.type == FieldDescriptor.TYPE_MESSAGE
        and field_.containing_oneof is None
        and not message_of(field_).GetOptions().map_entry
        and not is_special(message_of(field_))
    }
    layout = Layout()
    for _ in survey(payload, sliced, layout):
        yield b""
    for number, spans in list(layout.long.items()):
        if not sliced[number].is_repeated and size(spans) <= WHOLE:
            layout.rest += layout.long.pop(number)
    message_class = GetMessageClass(descriptor)
    rest = message_class.FromString(b"".join(payload[start:end] for start, end in layout.rest))
    json = encoders.to_json(descriptor)(rest)
    assert isinstance(json, dict)
    long = {
        sliced[number].json_name: (sliced[number], spans) for number, spans in layout.long.items()
    }
    opening = b"{"
    for key, value in json.items():
        if key in long:
            yield opening + orjson.dumps(key) + b":"
            yield from encode_field(*long[key], message_class, encoders, payload, depth + 1)
        else:
            yield opening + orjson.dumps({key: value})[1:-1]
        opening = b","
    yield b"}" if json else b"{}"  # none but unknown fields


def encode_field(
    field_: FieldDescriptor,
    spans: list[Span],
    message_class: Any,
    encoders: Writing,
    payload: bytes,
    depth: int,
) -> Iterator[bytes]:
    """The JSON value of one long field."""
    if not field_.is_repeated:
        yield from encode(message_of(field_), encoders, joined_values(payload, spans), depth)
        return
    to_json = encoders.to_json(message_of(field_))
    opening = b"["
    for start, end in slices(spans):
        if end - start > SLICE:  # one long item
            yield opening
            item = joined_values(payload, [(start, end)])
            yield from encode(message_of(field_), encoders, item, depth)
        else:
            part = message_class.FromString(payload[start:end])
            items = getattr(part, field_.name)
            yield opening + orjson.dumps([to_json(item) for item in items])[1:-1]
        opening = b","
    yield b"]"


def slices(spans: list[Span]) -> Iterator[Span]:
    """Neighbouring records joined into runs of about SLICE bytes; a longer record stays alone."""
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start == end and next_end - start <= SLICE:
            end = next_end
        else:
            yield start, end
            start, end = next_start, next_end
    yield start, end


def survey(payload: bytes, sliced: dict[int, FieldDescriptor], layout: Layout) -> Iterator[None]:
    """Fill in the layout of a message, pausing after every BREATH records."""
    position, count = 0, 0
    while position < len(payload):
        start = position
        tag, position = read_varint(payload, position)
        position = skip(payload, position, tag)
        number = tag >> 3
        if tag & 7 == LENGTH and number in sliced:
            layout.long.setdefault(number, []).append((start, position))
        else:
            layout.rest.append((start, position))
        count += 1
        if count % BREATH == 0:
            yield


def size(spans: list[Span]) -> int:
    """How many bytes these records have together."""
    return sum(end - start for start, end in spans)


def joined_values(payload: bytes, spans: list[Span]) -> bytes:
    """The contents of length-delimited records, without tags and lengths, one after another."""
    values = []
    for start, end in spans:
        _, position = read_varint(payload, start)
        _, position = read_varint(payload, position)
        values.append(payload[position:end])
    return b"".join(values)


def skip(payload: bytes, position: int, tag: int) -> int:
    """The position behind the value that starts at `position`."""
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


def skip_group(payload: bytes, position: int, tag: int) -> int:
    """The position behind the end tag of the group that `tag` has opened."""
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


def read_varint(payload: bytes, position: int) -> tuple[int, int]:
    """A varint and the position behind it."""
    value = shift = 0
    while True:
        if position >= len(payload) or shift > 63:
            raise DecodeError("truncated")
        byte = payload[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
