"""The differences between two answers to one request, field by field of their message.

Answers are equal if every client reads them alike: the order of keys and white space do not
count, but `"5"` and `5` are different. Each difference has a kind, a fixed word for tables and
scripts.
"""

import struct
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import enum_of, is_enum, is_map, is_message, map_fields, message_of

Documented = Mapping[str, Mapping[str, str]]
"""By full name of a message: names that only this gateway sends, besides Cuebot's own."""
COMPARED = 500
"""How many items of each list are compared; lengths are always compared."""
INTEGERS = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED32,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
FLOATS = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})
WELL_KNOWN = "google.protobuf."
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two answers differ."""

    kind: str
    path: str
    """`jobs.jobs[3].name`; empty for the whole answer."""
    here: Any
    there: Any
    """The values at that place; None also if there is none."""
    expected: bool = False
    """Whether the two gateways are meant to differ like this."""


def differences(
    descriptor: Descriptor, here: object, there: object, documented: Documented
) -> Iterator[Difference]:
    """The differences between two successful answers that are JSON of this message."""
    if exact(here) != exact(there):
        yield from Comparing(documented).messages(descriptor, here, there, "")


def exact(value: object) -> bytes:
    """Equal bytes for identical values only: 1, 1.0, "1" and true are four."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class Comparing:
    """A walk through two answers at once."""

    def __init__(self, documented: Documented) -> None:
        self._documented = documented

    def messages(
        self, descriptor: Descriptor, here: object, there: object, path: str
    ) -> Iterator[Difference]:
        """Compare two values of a message type, field by field."""
        special = descriptor.full_name.startswith(WELL_KNOWN)
        if special or not isinstance(here, dict) or not isinstance(there, dict):
            if exact(here) != exact(there):
                yield Difference(plain_kind(here, there), path, here, there)
            return
        left_here, left_there = dict(here), dict(there)
        for field in descriptor.fields:
            place = f"{path}.{field.json_name}".lstrip(".")
            mine, named_here = taken(field, left_here)
            other, named_there = taken(field, left_there)
            if mine is not ABSENT and other is not ABSENT and named_here != named_there:
                yield Difference("name", place, named_here, named_there)
            yield from self._field(field, mine, other, place)
        aliases = self._documented.get(descriptor.full_name, {})
        for name in left_here | left_there:
            place = f"{path}.{name}".lstrip(".")
            mine, other = left_here.get(name, ABSENT), left_there.get(name, ABSENT)
            if other is ABSENT:
                known = name in aliases
                yield Difference("documented" if known else "only-here", place, mine, None, known)
            elif mine is ABSENT:
                yield Difference("only-there", place, None, other)
            elif exact(mine) != exact(other):
                yield Difference(plain_kind(mine, other), place, mine, other)

    def _field(
        self, field: FieldDescriptor, here: object, there: object, path: str
    ) -> Iterator[Difference]:
        if here is ABSENT and there is ABSENT:
            return
        if here is ABSENT or there is ABSENT:
            only, kind = (there, "only-there") if here is ABSENT else (here, "only-here")
            if only is None:
                kind = "null"
            elif is_default(field, only):
                kind = "default"
            yield Difference(kind, path, shown(here), shown(there))
        elif here is None or there is None:
            if here is not there:
                other = there if here is None else here
                kind = "null" if is_default(field, other) else "value"
                yield Difference(kind, path, here, there)
        elif is_map(field) and isinstance(here, dict) and isinstance(there, dict):
            yield from self._maps(field, here, there, path)
        elif field.is_repeated and isinstance(here, list) and isinstance(there, list):
            yield from self._lists(field, here, there, path)
        else:
            yield from self._single(field, here, there, path)

    def _maps(
        self, field: FieldDescriptor, here: dict[str, Any], there: dict[str, Any], path: str
    ) -> Iterator[Difference]:
        for key in here | there:
            place = f"{path}.{key}"
            if key not in there:
                yield Difference("only-here", place, here[key], None)
            elif key not in here:
                yield Difference("only-there", place, None, there[key])
            else:
                yield from self._single(map_fields(field)[1], here[key], there[key], place)

    def _lists(
        self, field: FieldDescriptor, here: list[Any], there: list[Any], path: str
    ) -> Iterator[Difference]:
        if len(here) != len(there):
            yield Difference("length", path, len(here), len(there))
            return
        ours, theirs = list(map(exact, here[:COMPARED])), list(map(exact, there[:COMPARED]))
        if ours != theirs and sorted(ours) == sorted(theirs):
            yield Difference("order", path, first(here), first(there))
            return
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            if mine != other:
                yield from self._single(field, here[number], there[number], f"{path}[{number}]")

    def _single(
        self, field: FieldDescriptor, here: object, there: object, path: str
    ) -> Iterator[Difference]:
        if is_message(field):
            yield from self.messages(message_of(field), here, there, path)
        elif exact(here) != exact(there):
            kind = scalar_kind(field, here, there)
            yield Difference(kind, path, here, there)


def taken(field: FieldDescriptor, left: dict[str, Any]) -> tuple[object, str]:
    """Remove the field from what is left of an object; its value and the name it had."""
    for name in (field.json_name, field.name):
        if name in left:
            return left.pop(name), name
    return ABSENT, ""


def shown(value: object) -> object:
    """The value as a report shows it."""
    return None if value is ABSENT else value


def first(values: list[Any]) -> object:
    """The first item, as an example of the order."""
    return values[0] if values else None


def is_default(field: FieldDescriptor, value: object) -> bool:
    """Whether this is the value of an unset field."""
    if is_enum(field) and not field.is_repeated:
        zero = enum_of(field).values_by_number.get(0)
        return value == 0 or (zero is not None and value == zero.name)
    return value in (0, "", "0", [], {}) and not (value == "0" and field.type not in INTEGERS)


def scalar_kind(field: FieldDescriptor, here: object, there: object) -> str:
    """The kind of difference between two unequal values of a scalar field."""
    if field.type in INTEGERS and number_of(here) == number_of(there) is not None:
        return "integer-form"
    if field.type in FLOATS and as_float(field, here) == as_float(field, there) is not None:
        return "float-form"
    if is_enum(field) and enum_number(field, here) == enum_number(field, there) is not None:
        return "enum-form"
    if field.type == FieldDescriptor.TYPE_BYTES and octets(here) == octets(there) is not None:
        return "base64-form"
    return plain_kind(here, there)


def plain_kind(here: object, there: object) -> str:
    """`value` if both have the same JSON type, else `type`."""
    return "value" if json_type(here) == json_type(there) else "type"


def json_type(value: object) -> type:
    """The JSON type, with all numbers as one."""
    return float if type(value) is int else type(value)


def number_of(value: object) -> int | None:
    """The integer that a JSON number or string stands for, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value) if isinstance(value, str) or value == int(value) else None
    except (ValueError, OverflowError):
        return None


def as_float(field: FieldDescriptor, value: object) -> bytes | None:
    """The value's bits as a float of the field's size (NaN equals itself), or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return struct.pack("f" if field.type == FieldDescriptor.TYPE_FLOAT else "d", float(value))
    except (ValueError, OverflowError):
        return None


def enum_number(field: FieldDescriptor, value: object) -> int | None:
    """The number of an enum value that may be given by name, or None."""
    named = enum_of(field).values_by_name.get(value) if isinstance(value, str) else None
    if named is not None:
        return int(named.number)
    return value if type(value) is int else None


def octets(value: object) -> bytes | None:
    """The bytes that base64 of either alphabet stands for, or None."""
    if not isinstance(value, str):
        return None
    text = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except NotBase64:
        return None
