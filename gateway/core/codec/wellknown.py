"""The well-known types, whose JSON is not an object of their fields.

https://protobuf.dev/reference/protobuf/google.protobuf/
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import wrappers_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.body import Path, child, mismatch_at
from gateway.core.codec.fields import NULL_VALUE, is_message, message_of
from gateway.core.codec.interfaces import Read, ToJson
from gateway.core.codec.scalars import Mismatch, json_double, kind, scalar_reader
from gateway.core.codec.unknown_fields import Unknown

ANY = "google.protobuf.Any"
STRUCT = "google.protobuf.Struct"
VALUE = "google.protobuf.Value"
LIST_VALUE = "google.protobuf.ListValue"
AS_TEXT = {
    "google.protobuf.Timestamp": (
        "an RFC 3339 time such as 2026-01-31T12:00:00Z",
        re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
            r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
        ),
    ),
    "google.protobuf.Duration": (
        "a duration such as 1.5s",
        re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?s"),
    ),
    "google.protobuf.FieldMask": (
        "field names such as name,showStats",
        re.compile(r".*", re.DOTALL),
    ),
}
"""Types that the protobuf library converts to and from text, with what an error says is expected,
and a pattern: the library alone would take `1_0s` and `+99:99`."""
WRAPPERS = frozenset(
    each.full_name for each in wrappers_pb2.DESCRIPTOR.message_types_by_name.values()
)
JSON_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "google.protobuf.Timestamp": {
        "type": "string",
        "format": "date-time",
        "examples": ["2026-01-31T12:00:00Z"],
    },
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$",
        "examples": ["1.5s"],
    },
    "google.protobuf.FieldMask": {
        "type": "string",
        "pattern": "^[^_]*$",
        "examples": ["name,showStats"],
    },
    STRUCT: {"type": "object", "additionalProperties": True},
    LIST_VALUE: {"type": "array", "items": {}, "examples": [[]]},
    VALUE: {},
    ANY: {
        "type": "object",
        "properties": {
            "@type": {"type": "string", "examples": ["type.googleapis.com/package.Message"]}
        },
        "additionalProperties": True,
    },
}
"""The types but wrappers. The first example, if there is one, is also that of a request."""


def is_special(descriptor: Descriptor) -> bool:
    name = descriptor.full_name
    return name in AS_TEXT or name in WRAPPERS or name in (ANY, STRUCT, VALUE, LIST_VALUE)


def is_object(field: FieldDescriptor) -> bool:
    """Whether the field holds one message that is an object of its fields in JSON."""
    return is_message(field) and not field.is_repeated and not is_special(message_of(field))


def takes_null(full_name: str) -> bool:
    """Whether JSON `null` is a value of this type."""
    return full_name in (VALUE, NULL_VALUE)


def encoder(
    descriptor: Descriptor, value: Callable[[FieldDescriptor], ToJson | None], of_any: ToJson
) -> ToJson | None:
    """The encoder of a special type; None for any other. `value` gives that of a field's value."""
    name = descriptor.full_name
    if name in AS_TEXT:
        return lambda message: message.ToJsonString()
    if name in WRAPPERS:
        wrapped = value(descriptor.fields_by_name["value"])
        if wrapped is None:
            return lambda message: message.value
        return lambda message: wrapped(message.value)
    others = {STRUCT: struct_to_json, VALUE: value_to_json, LIST_VALUE: list_to_json, ANY: of_any}
    return others.get(name)


def struct_to_json(message: Any) -> dict[str, object]:
    return {key: value_to_json(message.fields[key]) for key in sorted(message.fields)}


def list_to_json(message: Any) -> list[object]:
    return [value_to_json(item) for item in message.values]


def value_to_json(message: Any) -> object:
    """A Value as what it holds. Raises ValueError for NaN and the infinities."""
    match message.WhichOneof("kind"):
        case "number_value":
            if not math.isfinite(message.number_value):
                raise ValueError("a Value holds a number that JSON cannot say")
            return json_double(message.number_value)
        case "string_value":
            return message.string_value
        case "bool_value":
            return message.bool_value
        case "struct_value":
            return struct_to_json(message.struct_value)
        case "list_value":
            return list_to_json(message.list_value)
        case _:
            return None


def reader(descriptor: Descriptor, of_any: Read) -> Read | None:
    """The reader of a special type; None for any other."""
    name = descriptor.full_name
    if name in AS_TEXT:
        return text_reader(*AS_TEXT[name])
    if name in WRAPPERS:
        return wrapper_reader(scalar_reader(descriptor.fields_by_name["value"]))
    return {STRUCT: read_struct, VALUE: read_value, LIST_VALUE: read_list, ANY: of_any}.get(name)


def text_reader(expected: str, pattern: re.Pattern[str]) -> Read:
    def read(value: object, message: Any, path: Path, unknown: Unknown) -> None:
        if not isinstance(value, str):
            raise mismatch_at(path, f"expected {expected}, got {kind(value)}")
        if not pattern.fullmatch(value):
            raise mismatch_at(path, f"expected {expected}")
        try:
            message.FromJsonString(value)
        except ValueError as error:
            raise mismatch_at(path, f"expected {expected} ({error})") from None

    return read


def wrapper_reader(convert: Callable[[object], object]) -> Read:
    def read(value: object, message: Any, path: Path, unknown: Unknown) -> None:
        try:
            message.value = convert(value)
        except Mismatch as mismatch:
            raise mismatch_at(path, str(mismatch)) from None

    return read


def read_struct(value: object, message: Any, path: Path, unknown: Unknown) -> None:
    if not isinstance(value, dict):
        raise mismatch_at(path, f"expected an object, got {kind(value)}")
    message.SetInParent()
    for key, item in value.items():
        read_value(item, message.fields[key], child(path, key, 2), unknown)


def read_list(value: object, message: Any, path: Path, unknown: Unknown) -> None:
    if not isinstance(value, list):
        raise mismatch_at(path, f"expected a list, got {kind(value)}")
    message.SetInParent()
    for index, item in enumerate(value):
        read_value(item, message.values.add(), child(path, index, 1), unknown)


def read_value(value: object, message: Any, path: Path, unknown: Unknown) -> None:
    match value:
        case None:
            message.null_value = 0
        case bool():
            message.bool_value = value
        case int() | float():
            message.number_value = value
        case str():
            message.string_value = value
        case list():
            read_list(value, message.list_value, child(path, None, 1), unknown)
        case _:
            read_struct(value, message.struct_value, child(path, None, 1), unknown)
