"""The JSON of one value: what answers have, and what requests may have, as JSON Schema 2020-12.

https://protobuf.dev/programming-guides/json/. The schemas of requests name the forms to send;
the decoder takes more (numbers in strings, other alphabets of base64).
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.codec.wellknown import WRAPPERS

Json = dict[str, Any]

type_ = FieldDescriptor
NOT_A_NUMBER = "^(NaN|-?Infinity)$"
WHOLE = "^-?(0|[1-9][0-9]{0,18})$"
NATURAL = "^(0|[1-9][0-9]{0,19})$"


def real(format_: str) -> Json:
    """A number, or the name of what is none."""
    return {"type": ["number", "string"], "format": format_, "pattern": NOT_A_NUMBER}


TEXT: Json = {"type": "string"}
INT32: Json = {"type": "integer", "format": "int32"}
UINT32: Json = {"type": "integer", "format": "uint32", "minimum": 0}
BYTES: Json = {"type": "string", "format": "byte", "contentEncoding": "base64"}

BOTH_WAYS: Mapping[int, Json] = {
    type_.TYPE_DOUBLE: real("double"),
    type_.TYPE_FLOAT: real("float"),
    type_.TYPE_INT32: INT32,
    type_.TYPE_SINT32: INT32,
    type_.TYPE_SFIXED32: INT32,
    type_.TYPE_UINT32: UINT32,
    type_.TYPE_FIXED32: UINT32,
    type_.TYPE_BOOL: {"type": "boolean"},
    type_.TYPE_STRING: TEXT,
    type_.TYPE_BYTES: BYTES,
}
SIGNED = (type_.TYPE_INT64, type_.TYPE_SINT64, type_.TYPE_SFIXED64)
UNSIGNED = (type_.TYPE_UINT64, type_.TYPE_FIXED64)

LONG: Json = {"type": ["string", "integer"], "format": "int64", "pattern": WHOLE}
ULONG: Json = {
    "type": ["string", "integer"],
    "format": "uint64",
    "pattern": NATURAL,
    "minimum": 0,
}

IN_ANSWERS: Mapping[int, Json] = {
    **BOTH_WAYS,
    **{kind: {"type": "string", "format": "int64"} for kind in SIGNED},
    **{kind: {"type": "string", "format": "uint64"} for kind in UNSIGNED},
}
IN_REQUESTS: Mapping[int, Json] = {
    **BOTH_WAYS,
    **dict.fromkeys(SIGNED, LONG),
    **dict.fromkeys(UNSIGNED, ULONG),
}

WELL_KNOWN: Mapping[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
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
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {
            "@type": {"type": "string", "examples": ["type.googleapis.com/package.Message"]}
        },
    },
}
"""The types whose JSON is not an object of their fields, but for those that wrap a scalar."""

KEYS: Mapping[int, str] = {
    type_.TYPE_BOOL: "^(true|false)$",
    **dict.fromkeys((type_.TYPE_INT32, type_.TYPE_SINT32, type_.TYPE_SFIXED32), WHOLE),
    **dict.fromkeys(SIGNED, WHOLE),
    **dict.fromkeys((type_.TYPE_UINT32, type_.TYPE_FIXED32, *UNSIGNED), NATURAL),
}
"""The patterns of a map's keys, for what is not just text."""


def is_wrapper(full_name: str) -> bool:
    return full_name in WRAPPERS


def nullable(schema: Json) -> Json:
    """The schema, or null."""
    if "type" in schema:
        types = schema["type"]
        listed = types if isinstance(types, list) else [types]
        return schema if "null" in listed else {**schema, "type": [*listed, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema
