"""Requests that are protobuf messages: what the schema does not know of them, and their JSON."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.core.codec.body import MOST_CONTAINERS, ROOT, Path, child, mismatch_at
from gateway.core.codec.decode import Decoders
from gateway.core.codec.encode import UNREADABLE
from gateway.core.codec.fields import is_map, is_message, map_fields, message_of
from gateway.core.codec.slices import (
    END_GROUP,
    LENGTH,
    LONG_SCALARS,
    START_GROUP,
    read_varint,
    skip,
)
from gateway.core.codec.unknown_fields import (
    Unknown,
    UnknownField,
    UnknownFieldPolicy,
    add_unknown,
    check_unknown,
)
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method

ALWAYS_QUICK_BYTES = 8 * 1024
MAX_QUICK_BYTES = 256 * 1024
MAX_QUICK_PARTS = 3000
"""Messages and values: planned within some 10 ms, as JSON that is not handed over."""
MOST_VALUES = 100_000
"""In a request, with its messages. To read it again takes some 6 ms."""


def read_message(
    method: Method, message: bytes, policy: UnknownFieldPolicy
) -> tuple[Any, tuple[str, ...]]:
    """A request without the fields that the schema does not know, and their places.

    Raises GatewayError (INVALID_ARGUMENT) for bytes that are no such message, and for unknown
    fields by policy, as for JSON.
    """
    kind = method.descriptor.input_type
    try:
        request = GetMessageClass(kind).FromString(message)
    except DecodeError as error:
        raise not_a_message(kind, str(error)) from None
    size = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() == size:
        return request, ()
    unknown: Unknown = []
    add_unknown_of(GetMessageClass(kind).FromString(message), method.decoders, ROOT, unknown)
    return request, check_unknown(unknown, policy, written=method.written)


def as_json(method: Method, request: Any) -> bytes:
    """The JSON that says the same. Raises GatewayError (INVALID_ARGUMENT) if none does."""
    kind = method.descriptor.input_type
    try:
        return orjson.dumps(method.encoders.given.to_json(kind)(request))
    except UNREADABLE as error:
        raise not_a_message(kind, str(error)) from None


def add_unknown_of(message: Any, decoders: Decoders, path: Path, unknown: Unknown) -> None:
    """Collect the fields of a message that its type does not have, by number."""
    kind = message.DESCRIPTOR
    fields: Any = UnknownFieldSet(message)
    for number in dict.fromkeys(each.field_number for each in fields):
        names = [field.json_name for field in kind.fields]
        add_unknown(unknown, UnknownField(path, str(number), names, decoders.is_echoed(kind)))
    for field, value in message.ListFields():
        if not is_message(field):
            continue
        items: Iterable[tuple[Any, Any]]
        if is_map(field):
            items = value.items() if is_message(map_fields(field)[1]) else ()
        elif field.is_repeated:
            items = enumerate(value)
        else:
            add_unknown_of(value, decoders, child(path, field.json_name, 1), unknown)
            continue
        for key, item in items:
            place = key if isinstance(key, int) else str(key)
            below = child(child(path, field.json_name), place, 1)
            add_unknown_of(item, decoders, below, unknown)


def check_size(kind: Descriptor, message: bytes) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for a request with too many parts: their objects take
    many times its bytes, and they are read more than once.
    """
    if len(message) <= MOST_VALUES:  # packed ones take a byte each
        return
    messages = values = 0
    try:
        for is_message_, size in parts_of(kind, memoryview(message)):
            messages += is_message_
            values += size
            if messages > MOST_CONTAINERS:
                raise mismatch_at(ROOT, f"more than {MOST_CONTAINERS} messages")
            if values > MOST_VALUES:
                raise mismatch_at(ROOT, f"more than {MOST_VALUES} values")
    except DecodeError as error:
        raise not_a_message(kind, str(error)) from None


def takes_long(kind: Descriptor, message: bytes) -> bool:
    """Whether planning a message would block the event loop for too long.

    One long text, such as a spec, does not.
    """
    if len(message) <= ALWAYS_QUICK_BYTES:
        return False
    if len(message) > MAX_QUICK_BYTES:
        return True
    parts = 0
    with suppress(DecodeError):  # which is found soon
        for _, size in parts_of(kind, memoryview(message)):
            parts += size
            if parts > MAX_QUICK_PARTS:
                return True
    return False


def parts_of(kind: Descriptor, message: memoryview) -> Iterator[tuple[bool, int]]:
    """Whether each part is a message, and how many values it is at most: packed ones are several.

    Raises DecodeError.
    """
    below = [(kind, message)]
    while below:
        kind, inner = below.pop()
        within: list[Descriptor | None] = [kind]
        # The message, and the groups that are open in it; None for one that is unknown.
        position = 0
        while position < len(inner):
            tag, start = read_varint(inner, position)
            wire_type, number = tag & 7, tag >> 3
            if wire_type == END_GROUP:
                within.pop()
                if not within:
                    raise DecodeError("a group ends that was not open")
                position = start
                continue
            at = within[-1]
            field = None if at is None else at.fields_by_number.get(number)
            inside = message_of(field) if field is not None and is_message(field) else None
            if wire_type == START_GROUP:
                yield inside is not None, 1
                within.append(inside)
                position = start
                continue
            position = skip(inner, start, tag)
            if wire_type != LENGTH:
                yield False, 1
                continue
            length, start = read_varint(inner, start)
            if inside is not None:
                yield True, 1
                below.append((inside, inner[start:position]))
            else:
                is_packed = field is not None and field.type not in LONG_SCALARS
                yield False, max(length, 1) if is_packed else 1


def not_a_message(kind: Descriptor, problem: str) -> GatewayError:
    return GatewayError(
        Code.INVALID_ARGUMENT, f"the message is not a valid {kind.full_name}: {problem}"
    )
