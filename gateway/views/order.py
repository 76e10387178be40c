"""What rows are sorted by: keys of which Python compares the bytes, and sees nothing else.

A row's key is one object, whatever it is sorted by, and one that the garbage collector does not
visit: tuples of 20,000 rows each, for a few clients, held the event loop for 40 ms now and then.
The encodings keep the order of what they encode, also where one key goes on behind another, as
those of databases do that keep rows by key.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.views.paths import FieldPath

Part = Callable[[Any], bytes]
"""The part of a row's key that stands for one field."""

IS_SET, IS_NOT_SET = b"\0", b"\1"
"""What a part begins with: what is not set comes last. So does what is not a number."""
COMPLEMENTS = bytes(0xFE - byte & 0xFF for byte in range(0x100))
"""Bytes the other way round, below 0xFF: UTF-8 has none of that."""
LEAST_INTEGER, INTEGER_SIZE = -(2**64), 9
"""From the least uint64 the other way round to the largest uint64."""
FLOAT, BITS, SIGN, ALL_BITS = Struct(">d"), Struct(">Q"), 2**63, 2**64 - 1


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are sorted by."""

    parts: tuple[Part, ...]
    """For each field."""

    def key(self, row: Any, end: bytes) -> bytes:
        """The key of a row, with this behind it."""
        return b"".join([*[part(row) for part in self.parts], end])


def order_by(paths: Iterable[tuple[FieldPath, bool]]) -> Order:
    """Rows by the values of these paths, which lead to one value each; with True, descending."""
    return Order(tuple(part_of(path, descending=descending) for path, descending in paths))


def part_of(path: FieldPath, *, descending: bool) -> Part:
    """What makes the part of one field."""
    value, encode = path.value, encoding_of(path.leaf, descending=descending)

    def part(row: Any) -> bytes:
        found = value(row)
        if found is None or found != found:
            return IS_NOT_SET
        return IS_SET + encode(found)

    return part


def encoding_of(field: FieldDescriptor, *, descending: bool) -> Callable[[Any], bytes]:
    """The encoding of a field's values."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return upside_down if descending else ended
    if field.type == FieldDescriptor.TYPE_BYTES:
        of_text = upside_down if descending else ended
        return lambda value: of_text(value.decode("latin-1"))
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return (lambda value: of_float(-value)) if descending else of_float
    return (lambda value: of_integer(-value)) if descending else of_integer


def ended(text: str) -> bytes:
    """UTF-8, whose bytes sort as the text does, and an end before all that could go on."""
    encoded = text.encode("utf-8", "surrogatepass")
    return (encoded.replace(b"\0", b"\0\1") if b"\0" in encoded else encoded) + b"\0\0"


def upside_down(text: str) -> bytes:
    """Bytes that sort the other way round: the complement of its UTF-8, and an end after all."""
    return text.encode("utf-8", "surrogatepass").translate(COMPLEMENTS) + b"\xff"


def of_integer(value: int) -> bytes:
    """Of any integer type, enum or bool."""
    return (value - LEAST_INTEGER).to_bytes(INTEGER_SIZE, "big")


def of_float(value: float) -> bytes:
    """The bits of a double, those of negative ones upside down; the two zeros are one."""
    (bits,) = BITS.unpack(FLOAT.pack(value + 0.0))
    return BITS.pack(bits ^ (ALL_BITS if bits & SIGN else SIGN))
