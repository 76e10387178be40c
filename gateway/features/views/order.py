"""Sort keys of rows, as bytes that sort like the values of the fields.

Bytes are not tracked by the garbage collector: tuples for 20,000 rows, for a few clients, held the
event loop for 40 ms now and then. Encodings can be concatenated, like the keys of databases.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.calls.query import refused
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.views.paths import FieldPath

Part = Callable[[Any], bytes]
"""The part of a row's key for one field."""

DIRECTIONS = {"asc": False, "desc": True}
"""Words behind a name, with whether they mean descending."""
IS_SET, IS_NOT_SET = b"\0", b"\1"
"""The first byte of a part: unset fields and NaN come last."""
COMPLEMENTS = bytes(0xFE - byte & 0xFF for byte in range(0x100))
"""Bytes in reverse order, below 0xFF, which UTF-8 does not have."""
LEAST_INTEGER, INTEGER_BYTES = -(2**64), 9
"""From the negated largest uint64 to the largest uint64."""
WIDE_BYTES = 16
"""Of sums of integers, however many: from -2**127."""
FLOAT, BITS, SIGN, ALL_BITS = Struct(">d"), Struct(">Q"), 2**63, 2**64 - 1


@dataclass(frozen=True, slots=True)
class Order:
    parts: tuple[Part, ...]

    def key(self, row: Any, end: bytes) -> bytes:
        """The key of a row, followed by `end`."""
        return b"".join([*[part(row) for part in self.parts], end])


def sorted_by(text: str) -> tuple[str, bool]:
    """The name in one part of `_sort`, and whether that is descending: `-deadFrames`, or as SQL and
    others write it, `deadFrames desc` or `deadFrames:desc`.

    Raises GatewayError (INVALID_ARGUMENT) for both.
    """
    has_minus = len(text) > 1 and text.startswith("-")
    name = text[1:] if has_minus else text
    for word, descending in DIRECTIONS.items():
        if not name.lower().endswith(word):
            continue
        before = name[: -len(word)]
        shorter = before.rstrip(" ").removesuffix(":").rstrip(" ")
        if shorter and shorter != before:
            if has_minus:
                problem = f"{text[:QUOTED_CHARS]!r} has a minus and {word!r}; write one of them"
                raise refused("_sort", problem)
            return shorter, descending
    return name, has_minus


def order_by(paths: Iterable[tuple[FieldPath, bool]]) -> Order:
    """True means descending."""
    return Order(tuple(part_of(path, descending=descending) for path, descending in paths))


def part_of(path: FieldPath, *, descending: bool) -> Part:
    return part(path.value, encoding_of(path.leaf, descending=descending))


def part(value: Callable[[Any], Any], encode: Callable[[Any], bytes]) -> Part:
    """The part for a row's value, or None."""

    def part(row: Any) -> bytes:
        found = value(row)
        if found is None or found != found:
            return IS_NOT_SET
        return IS_SET + encode(found)

    return part


def encoding_of(field: FieldDescriptor, *, descending: bool) -> Callable[[Any], bytes]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return upside_down if descending else ended
    if field.type == FieldDescriptor.TYPE_BYTES:
        of_text = upside_down if descending else ended
        return lambda value: of_text(value.decode("latin-1"))
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return (lambda value: of_float(-value)) if descending else of_float
    return (lambda value: of_integer(-value)) if descending else of_integer


def ended(text: str) -> bytes:
    """UTF-8, which sorts like the text, and an end that sorts before any continuation."""
    encoded = text.encode("utf-8", "surrogatepass")
    return (encoded.replace(b"\0", b"\0\1") if b"\0" in encoded else encoded) + b"\0\0"


def upside_down(text: str) -> bytes:
    """The complement of the UTF-8, and an end that sorts after any continuation."""
    return text.encode("utf-8", "surrogatepass").translate(COMPLEMENTS) + b"\xff"


def of_integer(value: int) -> bytes:
    return (value - LEAST_INTEGER).to_bytes(INTEGER_BYTES, "big")


def wide_integer(*, descending: bool) -> Callable[[int], bytes]:
    """The encoding of sums of integers."""
    sign = -1 if descending else 1
    return lambda value: (sign * value + 2 ** (8 * WIDE_BYTES - 1)).to_bytes(WIDE_BYTES, "big")


def of_float(value: float) -> bytes:
    """The bits of a double, inverted for negative ones; the two zeros are equal."""
    (bits,) = BITS.unpack(FLOAT.pack(value + 0.0))
    return BITS.pack(bits ^ (ALL_BITS if bits & SIGN else SIGN))
