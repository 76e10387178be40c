"""JSON to one scalar or enum value: what is accepted, and the errors for all else.

Every reader takes a JSON value, returns what the field takes, or raises Mismatch.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from gateway.codec.fields import INT32, INT64, NULL_VALUE, UINT32, UINT64, enum_of, is_enum
from gateway.codec.numbers import (
    INTEGER,
    Mismatch,
    kind,
    read_double,
    read_float,
    read_int32,
    read_int64,
    read_uint32,
    read_uint64,
)
from gateway.hints import SHOWN, did_you_mean

STANDARD_ALPHABET = str.maketrans("-_", "+/")

Convert = Callable[[object], Any]


def scalar_reader(field: FieldDescriptor) -> Convert:
    """The reader of one value of the field."""
    return enum_reader(enum_of(field)) if is_enum(field) else SCALARS[field.type]


def map_key_reader(field: FieldDescriptor) -> Convert:
    """The reader of a map's key, which JSON always writes as a string."""
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
    shown = f"the string {value[:SHOWN]!r}" if isinstance(value, str) else kind(value)
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


def enum_reader(enum: EnumDescriptor) -> Convert:
    """A reader of an enum's names and numbers. An open enum (proto3) takes any number."""
    numbers = {value.name: value.number for value in enum.values}
    closed = frozenset(numbers.values()) if enum.is_closed else None

    def read(value: object) -> int:
        if type(value) is str:
            if (named := numbers.get(value)) is not None:
                return named
            if not INTEGER.fullmatch(value):
                raise Mismatch(
                    f"no {enum.full_name} is called {value[:SHOWN]!r}"
                    + did_you_mean(value, numbers, "`")
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
