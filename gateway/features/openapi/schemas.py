"""JSON Schemas (2020-12) of messages, enums and values, in responses and in requests.

They follow https://protobuf.dev/programming-guides/json/. Request schemas have the preferred forms;
the decoder accepts more (numbers in strings, the URL-safe base64 alphabet).
"""

import dataclasses
from collections.abc import Container, Iterator, Mapping

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.core.codec.fields import (
    INT32,
    INT64,
    NULL_VALUE,
    UINT32,
    UINT64,
    enum_of,
    is_enum,
    is_map,
    is_message,
    map_fields,
    message_of,
    type_name,
)
from gateway.core.codec.interfaces import Aliases
from gateway.core.codec.wellknown import JSON_SCHEMAS, WRAPPERS, takes_null
from gateway.features.openapi.parts import Json, reference

INPUT = "-Input"
"""Ends the name of a request's schema if responses have another one. Names in protos have no dash.
"""
INTEGER = "^-?(0|[1-9][0-9]{0,18})$"
UNSIGNED_INTEGER = "^(0|[1-9][0-9]{0,19})$"


IN_BOTH: Mapping[int, Json] = {
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
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


@dataclasses.dataclass(frozen=True, slots=True)
class Components:
    """The schemas of a document's messages and enums, created on first reference.

    Types in `returned` (full names) occur in responses, and have separate schemas for requests.
    With `closed`, the other types allow no properties but their fields. `aliases` has additional
    names of fields in responses, by type. `more` has what features add to the schemas of these.
    """

    comments: Mapping[str, str]
    returned: Container[str]
    aliases: Aliases
    _: dataclasses.KW_ONLY
    closed: bool
    more: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)
    schemas: dict[str, Json] = dataclasses.field(default_factory=dict)

    def response(self, descriptor: Descriptor) -> Json:
        return self._message(descriptor, in_response=True)

    def request(self, descriptor: Descriptor) -> Json:
        return self._message(descriptor, in_response=False)

    def _message(self, descriptor: Descriptor, *, in_response: bool) -> Json:
        name = descriptor.full_name
        if name in WRAPPERS:
            return self._single(descriptor.fields_by_name["value"], in_response=in_response)
        if name in JSON_SCHEMAS:
            return {**JSON_SCHEMAS[name]}
        if not in_response and name in self.returned:
            name += INPUT
        if name not in self.schemas:
            schema = self.schemas[name] = {}  # before its fields: types may be recursive
            schema.update(self._response(descriptor) if in_response else self._request(descriptor))
        return reference(name)

    def enum(self, enum: EnumDescriptor) -> Json:
        """A name or a number. Open enums (proto3) allow any number."""
        if enum.full_name == NULL_VALUE:
            return {"type": "null"}
        if enum.full_name not in self.schemas:
            numbers: Json = {"type": "integer", "format": "int32"}
            if enum.is_closed:
                numbers["enum"] = sorted({value.number for value in enum.values})
            values = [value.name for value in enum.values]
            names = {"title": enum.full_name, "type": "string", "enum": values}
            self.schemas[enum.full_name] = {
                **described(self.comments.get(enum.full_name), self._values(enum)),
                "anyOf": [names, numbers],
            }
        return reference(enum.full_name)

    def _values(self, enum: EnumDescriptor) -> str:
        """The names with numbers and comments, as a list in Markdown."""
        lines = []
        for value in enum.values:
            comment = self.comments.get(f"{enum.full_name}.{value.name}", "")
            lines.append(f"- `{value.name}` = {value.number}" + f": {comment}" * bool(comment))
        return "\n".join(lines)

    def _response(self, descriptor: Descriptor) -> Json:
        properties: Json = {}
        required = []
        for field in descriptor.fields:
            name = field.json_name
            value = self._value(field, in_response=True)
            if field.containing_oneof is None:
                required.append(name)
                value = nullable(value) if field.has_presence else value
            value = {**value, **self.more.get(field.full_name, {})}
            properties[name] = self._about(field, value)
        for alias, derived in self.aliases.get(descriptor.full_name, {}).items():
            if isinstance(derived, bool):
                properties[alias] = {"type": "boolean", "const": derived}
                required.append(alias)
                continue
            same = "The same as" if len(derived) == 1 else "The sum of"
            names = " and ".join(f"`{name}`" for name in derived)
            properties[alias] = {**properties[derived[0]], "description": f"{same} {names}."}
            if set(derived) <= set(required):
                required.append(alias)
        return self._object(descriptor, properties, required)

    def _request(self, descriptor: Descriptor) -> Json:
        properties: Json = {}
        for field in descriptor.fields:
            value = self._value(field, in_response=False)
            if not field.is_required and not takes_null(type_name(field)):
                value = nullable(value)
            properties[field.json_name] = self._about(field, value)
        required = [field.json_name for field in descriptor.fields if field.is_required]
        schema = self._object(descriptor, properties, required)
        argument = descriptor.full_name not in self.returned
        if self.closed and argument and not descriptor.is_extendable:
            schema["additionalProperties"] = False
        return schema

    def _object(self, descriptor: Descriptor, properties: Json, required: list[str]) -> Json:
        """An object with these properties; members of a oneof exclude each other."""
        schema: Json = {
            "type": "object",
            **described(self.comments.get(descriptor.full_name)),
            **({"properties": properties} if properties else {}),
            **({"required": required} if required else {}),
        }
        if excluding := dict(exclusions(descriptor)):
            schema["dependentSchemas"] = excluding
        if descriptor.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def value(self, field: FieldDescriptor) -> Json:
        return self._value(field, in_response=False)

    def _value(self, field: FieldDescriptor, *, in_response: bool) -> Json:
        if is_map(field):
            key, value = map_fields(field)
            values = self._value(value, in_response=in_response)
            schema = {"type": "object", "additionalProperties": values}
            if not in_response and key.type in KEYS:
                schema["propertyNames"] = {"pattern": KEYS[key.type]}
            return schema
        one = self._single(field, in_response=in_response)
        return {"type": "array", "items": one} if field.is_repeated else one

    def _single(self, field: FieldDescriptor, *, in_response: bool) -> Json:
        if is_message(field):
            return self._message(message_of(field), in_response=in_response)
        if is_enum(field):
            return self.enum(enum_of(field))
        return (IN_RESPONSES if in_response else IN_REQUESTS)[field.type]

    def _about(self, field: FieldDescriptor, schema: Json) -> Json:
        others = ", ".join(f"`{each.json_name}`" for each in siblings(field))
        note = f"Cannot be combined with {others}." if others else ""
        about = described(self.comments.get(field.full_name), note)
        if field.GetOptions().deprecated:
            about["deprecated"] = True
        return {**schema, **about} if about else schema


def described(*texts: str | None) -> Json:
    """A `description` of these texts, if there are any."""
    text = "\n\n".join(text for text in texts if text)
    return {"description": text} if text else {}


def siblings(field: FieldDescriptor) -> list[FieldDescriptor]:
    oneof = field.containing_oneof
    return [each for each in oneof.fields if each is not field] if oneof else []


def exclusions(descriptor: Descriptor) -> Iterator[tuple[str, Json]]:
    """By member of a oneof: either it is unset, or all others are."""
    for field in descriptor.fields:
        if others := siblings(field):
            alternatives = [{"properties": {each.json_name: unset(each) for each in others}}]
            if (own := unset(field)) is not False:
                alternatives.insert(0, {"properties": {field.json_name: own}})
            yield field.json_name, {"anyOf": alternatives}


def unset(field: FieldDescriptor) -> Json | bool:
    """The schema of an unset member; False if any value sets it."""
    return False if takes_null(type_name(field)) else {"type": "null"}


def nullable(schema: Json) -> Json:
    """The schema, or null."""
    if "type" in schema:
        types = schema["type"]
        listed = types if isinstance(types, list) else [types]
        return schema if "null" in listed else {**schema, "type": [*listed, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema
