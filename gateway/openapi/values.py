"""JSON Schemas (2020-12) of single values, in responses and in requests.

They follow https://protobuf.dev/programming-guides/json/. Request schemas name the preferred
forms; the decoder accepts more (numbers in strings, the URL-safe base64 alphabet).
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.codec.fields import INT32, INT64, UINT32, UINT64

Json = dict[str, Any]

NOT_FINITE = "^(NaN|-?Infinity)$"
INTEGER = "^-?(0|[1-9][0-9]{0,18})$"
UNSIGNED_INTEGER = "^(0|[1-9][0-9]{0,19})$"


def floating_point(format_: str) -> Json:
    """A number, or one of the strings NaN, Infinity and -Infinity."""
    return {"type": ["number", "string"], "format": format_, "pattern": NOT_FINITE}


IN_BOTH: Mapping[int, Json] = {
    FieldDescriptor.TYPE_DOUBLE: floating_point("double"),
    FieldDescriptor.TYPE_FLOAT: floating_point("float"),
    **{kind: {"type": "integer", "format": "int32"} for kind in INT32},
    **{kind: {"type": "integer", "format": "uint32", "minimum": 0} for kind in UINT32},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte", "contentEncoding": "base64"},
}

LONG: Json = {"type": ["string", "integer"], "format": "int64", "pattern": INTEGER}
ULONG: Json = {
    "type": ["string", "integer"],
    "format": "uint64",
    "pattern": UNSIGNED_INTEGER,
    "minimum": 0,
}

IN_RESPONSES: Mapping[int, Json] = {
    **IN_BOTH,
    **{kind: {"type": "string", "format": "int64"} for kind in INT64},
    **{kind: {"type": "string", "format": "uint64"} for kind in UINT64},
}
IN_REQUESTS: Mapping[int, Json] = {
    **IN_BOTH,
    **dict.fromkeys(INT64, LONG),
    **dict.fromkeys(UINT64, ULONG),
}

KEYS: Mapping[int, str] = {
    FieldDescriptor.TYPE_BOOL: "^(true|false)$",
    **dict.fromkeys((*INT32, *INT64), INTEGER),
    **dict.fromkeys((*UINT32, *UINT64), UNSIGNED_INTEGER),
}
"""Patterns for map keys by type; string keys have none."""


def reference(component: str) -> Json:
    return {"$ref": f"#/components/schemas/{component}"}


def nullable(schema: Json) -> Json:
    """The schema, or null."""
    if "type" in schema:
        types = schema["type"]
        listed = types if isinstance(types, list) else [types]
        return schema if "null" in listed else {**schema, "type": [*listed, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema
