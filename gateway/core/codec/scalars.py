"""Scalars and enums: how protojson writes numbers, and which JSON each type accepts.

A reader (`Convert`) takes a JSON value and returns that of the field, or raises Mismatch.
"""

import binascii
import math
import re
import struct
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from gateway.core.codec.fields import (
    INT32,
    INT64,
    NULL_VALUE,
    UINT32,
    UINT64,
    enum_of,
    is_enum,
    type_name,
)
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean

NAMES_LISTED = 12
"""Names of an enum in an error."""
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
EXACT_IN_A_DOUBLE = 2**53
WRITTEN_OUT = 10**16
"""Integral doubles below this are written with all digits, others with an exponent."""
FLOAT_MAX = 3.4028234663852886e38
FLOAT_OVERFLOW = FLOAT_MAX + 2.0**103
"""From here on, half a step above the largest float, a double rounds to infinity as a float."""
MINUS_ZERO = orjson.Fragment(b"-0")
REMEMBERED_FLOATS = 4096
BOOL_VALUE = "google.protobuf.BoolValue"
BOOLEANS = {"true": True, "false": False}
STANDARD_ALPHABET = str.maketrans("-_", "+/")

Convert = Callable[[object], Any]


class Mismatch(Exception):
    """A JSON value that does not fit its field. The text says what was expected."""


def kind(value: object) -> str:
    """The name of a value's JSON type in errors."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def json_of_text(field: FieldDescriptor | None, text: str) -> object:
    """The JSON value that a text in a query string stands for: numbers may stay texts, booleans may
    not.
    """
    if field is not None and (field.type == field.TYPE_BOOL or type_name(field) == BOOL_VALUE):
        return BOOLEANS.get(text, text)
    return text


def json_double(value: float) -> object:
    """A double as JSON: `4`, `0.1`, `"NaN"`."""
    if -WRITTEN_OUT < value < WRITTEN_OUT:
        whole = int(value)
        if whole != value:
            return value
        return whole if whole or math.copysign(1.0, value) > 0 else MINUS_ZERO
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def json_float(value: float) -> object:
    """A 32-bit float as JSON, with the fewest digits that give it back."""
    if value == 0 or not math.isfinite(value):
        return json_double(value)
    packed = struct.pack("<f", value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if abs(short) < FLOAT_OVERFLOW and struct.pack("<f", short) == packed:
            return json_double(short)
    return json_double(float(f"{value:.9g}"))


class FloatTable(dict[float, object]):
    """`json_float` with a cache: a farm has few distinct numbers of cores."""

    def __missing__(self, value: float) -> object:
        if not value or value != value:  # 0.0 and -0.0 are one key; NaN never equals itself
            return json_float(value)
        if len(self) >= REMEMBERED_FLOATS:
            self.clear()
        text = self[value] = json_float(value)
        return text


def integer(low: int, high: int, name: str) -> Callable[[object], int]:
    """A reader of JSON numbers and strings as integers from `low` to `high`."""

    def read(value: object) -> int:
        if type(value) is int:
            number = value
        elif type(value) is str:
            digits = value.isdigit() and value.isascii() and len(value) <= 20
            quick = digits and (value[0] != "0" or value == "0")
            number = int(value) if quick else whole(value, name)  # quick: as in answers
        elif type(value) is float:
            number = whole_float(value, name)
        else:
            raise Mismatch(f"expected {name}, got {kind(value)}")
        if low <= number <= high:
            return number
        raise Mismatch(f"out of range for {name}")

    return read


def whole(text: str, name: str) -> int:
    """The integer that a JSON number in a string denotes: `"5"`, `"1e3"`, `"1.0"`."""
    if INTEGER.fullmatch(text) and len(text) <= 20:
        return int(text)
    if not NUMBER.fullmatch(text):
        raise Mismatch(f"expected {name}, got the string {text[:40]!r}")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of astronomical size
        raise Mismatch(f"out of range for {name}") from None
    if number and number.adjusted() > 20:
        raise Mismatch(f"out of range for {name}")
    if number != number.to_integral_value():
        raise Mismatch(f"expected {name}, got the fraction {text[:40]}")
    return int(number)


def whole_float(value: float, name: str) -> int:
    """The integer that a JSON number written with a fraction or exponent denotes.

    From 2^53 on it is refused: the double may have lost digits that the client wrote.
    """
    if not value.is_integer():
        raise Mismatch(f"expected {name}, got the fraction {value}")
    if abs(value) >= EXACT_IN_A_DOUBLE:
        raise Mismatch(f"out of range for {name} (write large integers as strings)")
    return int(value)


def read_double(value: object) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if type(value) is str:
        if value in SPECIAL:
            return SPECIAL[value]
        if NUMBER.fullmatch(value):
            number = float(value)
            if math.isfinite(number):
                return number
            raise Mismatch("out of range for a number")
    shown = f"the string {value[:40]!r}" if isinstance(value, str) else kind(value)
    raise Mismatch(f"expected a number, got {shown}")


def read_float(value: object) -> float:
    """`read_double` in the range of a 32-bit float. 3.4028235e38 rounds to the largest one."""
    if (type(value) is float or type(value) is int) and -FLOAT_MAX <= value <= FLOAT_MAX:
        return float(value)
    number = read_double(value)
    if abs(number) <= FLOAT_MAX or not math.isfinite(number):
        return number
    if abs(number) < FLOAT_OVERFLOW:
        return math.copysign(FLOAT_MAX, number)
    raise Mismatch("out of range for a 32-bit number")


read_int32 = integer(-(2**31), 2**31 - 1, "a 32-bit integer")
read_uint32 = integer(0, 2**32 - 1, "an unsigned 32-bit integer")
read_int64 = integer(-(2**63), 2**63 - 1, "a 64-bit integer")
read_uint64 = integer(0, 2**64 - 1, "an unsigned 64-bit integer")


def scalar_reader(field: FieldDescriptor) -> Convert:
    return enum_reader(enum_of(field)) if is_enum(field) else SCALARS[field.type]


def map_key_reader(field: FieldDescriptor) -> Convert:
    """The reader of a map's key, which is a string in JSON."""
    if field.type == field.TYPE_BOOL:
        return read_map_bool
    read = SCALARS[field.type]
    if field.type == field.TYPE_STRING:
        return read

    def read_key(value: object) -> object:
        if not isinstance(value, str) or not INTEGER.fullmatch(value):
            raise Mismatch("expected an integer as the key")
        return read(value)

    return read_key


def read_string(value: object) -> str:
    if type(value) is str:
        return value
    raise Mismatch(f"expected a string, got {kind(value)}")


def read_bool(value: object) -> bool:
    if type(value) is bool:
        return value
    shown = f"the string {value[:QUOTED_CHARS]!r}" if isinstance(value, str) else kind(value)
    raise Mismatch(f"expected true or false, got {shown}")


def read_map_bool(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    raise Mismatch("expected the key true or false")


def read_bytes(value: object) -> bytes:
    """Base64 in either alphabet (RFC 4648 sections 4 and 5), with or without padding."""
    if type(value) is not str:
        raise Mismatch(f"expected base64, got {kind(value)}")
    standard = value.translate(STANDARD_ALPHABET)
    bare = standard.rstrip("=")
    padding = "=" * (-len(bare) % 4)
    try:
        if standard not in (bare, bare + padding):
            raise binascii.Error("wrong padding")
        return b64decode(bare + padding, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Mismatch(f"expected base64 ({error})") from None


def listed(names: Iterable[str]) -> str:
    """The names, the first NAMES_LISTED of them."""
    found = [*islice(names, NAMES_LISTED + 1)]
    return ", ".join([*found[:NAMES_LISTED], *["…"] * (len(found) > NAMES_LISTED)])


def enum_reader(enum: EnumDescriptor) -> Convert:
    """A reader of an enum's names and numbers; an open enum (proto3) takes any number."""
    numbers = {value.name: value.number for value in enum.values}
    closed = frozenset(numbers.values()) if enum.is_closed else None

    def read(value: object) -> int:
        if type(value) is str:
            if (named := numbers.get(value, numbers.get(value.upper()))) is not None:
                return named
            if not INTEGER.fullmatch(value):
                raise Mismatch(
                    f"no {enum.full_name} is called {value[:QUOTED_CHARS]!r}"
                    + (did_you_mean(value, numbers, "`") or f"; there are {listed(numbers)}")
                )
        if value is None and enum.full_name == NULL_VALUE:
            return 0
        try:
            number = read_int32(value)
        except Mismatch:
            raise Mismatch(
                f"expected a name or number of {enum.full_name}, got {kind(value)}"
            ) from None
        if closed is not None and number not in closed:
            raise Mismatch(f"no {enum.full_name} has the number {number}")
        return number

    return read


SCALARS: Mapping[int, Convert] = {
    FieldDescriptor.TYPE_DOUBLE: read_double,
    FieldDescriptor.TYPE_FLOAT: read_float,
    **dict.fromkeys(INT32, read_int32),
    **dict.fromkeys(UINT32, read_uint32),
    **dict.fromkeys(INT64, read_int64),
    **dict.fromkeys(UINT64, read_uint64),
    FieldDescriptor.TYPE_BOOL: read_bool,
    FieldDescriptor.TYPE_STRING: read_string,
    FieldDescriptor.TYPE_BYTES: read_bytes,
}
