"""Message types and enums as components. Responses and requests have separate schemas if needed."""

from collections.abc import Container, Iterator, Mapping

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.codec.fields import (
    NULL_VALUE,
    enum_of,
    is_enum,
    is_map,
    is_message,
    map_fields,
    message_of,
    type_name,
)
from gateway.codec.interfaces import Aliases
from gateway.codec.wellknown import WRAPPERS, takes_null
from gateway.openapi.shared import WELL_KNOWN
from gateway.openapi.values import IN_REQUESTS, IN_RESPONSES, KEYS, Json, nullable, reference

INPUT = "-Input"
"""The suffix of a request's schema where responses have a schema of the same message. It cannot
clash with a message's name, since names in protos have no dashes."""


class Components:
    """The schemas of one document's messages and enums, created on first reference.

    `returned` has the full names of the types that occur in responses; their schemas in requests
    are separate. With `closed`, types that occur only in requests allow no properties but their
    fields. `aliases` has additional names of fields in responses, by type.
    """

    def __init__(
        self,
        comments: Mapping[str, str],
        returned: Container[str],
        aliases: Aliases,
        *,
        closed: bool,
    ) -> None:
        self.schemas: dict[str, Json] = {}
        self._comments = comments
        self._returned = returned
        self._aliases = aliases
        self._closed = closed

    def response(self, descriptor: Descriptor) -> Json:
        """The schema of a message in a response."""
        return self._message(descriptor, in_response=True)

    def request(self, descriptor: Descriptor) -> Json:
        """The schema of a message in a request."""
        return self._message(descriptor, in_response=False)

    def _message(self, descriptor: Descriptor, *, in_response: bool) -> Json:
        name = descriptor.full_name
        if name in WRAPPERS:
            return self._single(descriptor.fields_by_name["value"], in_response=in_response)
        if name in WELL_KNOWN:
            return WELL_KNOWN[name]
        if not in_response and name in self._returned:
            name += INPUT
        if name not in self.schemas:
            schema = self.schemas[name] = {}  # before its fields, since types may be recursive
            schema.update(self._response(descriptor) if in_response else self._request(descriptor))
        return reference(name)

    def enum(self, enum: EnumDescriptor) -> Json:
        """The schema of an enum: a name or a number, in responses and requests alike.

        Open enums (proto3) allow any number; responses have numbers for values without a name.
        """
        if enum.full_name == NULL_VALUE:
            return {"type": "null"}
        if enum.full_name not in self.schemas:
            numbers: Json = {"type": "integer", "format": "int32"}
            if enum.is_closed:
                numbers["enum"] = sorted({value.number for value in enum.values})
            names = {"type": "string", "enum": [value.name for value in enum.values]}
            self.schemas[enum.full_name] = {
                **described(self._comments.get(enum.full_name), self._values(enum)),
                "anyOf": [names, numbers],
            }
        return reference(enum.full_name)

    def _values(self, enum: EnumDescriptor) -> str:
        """A list of the names with numbers and comments, in Markdown."""
        lines = []
        for value in enum.values:
            comment = self._comments.get(f"{enum.full_name}.{value.name}", "")
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
            properties[name] = self._about(field, value)
        for alias, derived in self._aliases.get(descriptor.full_name, {}).items():
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
        argument = descriptor.full_name not in self._returned
        if self._closed and argument and not descriptor.is_extendable:
            schema["additionalProperties"] = False
        return schema

    def _object(self, descriptor: Descriptor, properties: Json, required: list[str]) -> Json:
        """An object with these properties, of which members of a oneof exclude each other."""
        schema: Json = {
            "type": "object",
            **described(self._comments.get(descriptor.full_name)),
            **({"properties": properties} if properties else {}),
            **({"required": required} if required else {}),
        }
        if excluding := dict(exclusions(descriptor)):
            schema["dependentSchemas"] = excluding
        if descriptor.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def value(self, field: FieldDescriptor) -> Json:
        """The schema of a field's value in a request."""
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
        """The schema of one value of a field that is no map."""
        if is_message(field):
            return self._message(message_of(field), in_response=in_response)
        if is_enum(field):
            return self.enum(enum_of(field))
        return (IN_RESPONSES if in_response else IN_REQUESTS)[field.type]

    def _about(self, field: FieldDescriptor, schema: Json) -> Json:
        """The schema with the field's description and deprecation."""
        about = described(self._comments.get(field.full_name), exclusion_note(field))
        if field.GetOptions().deprecated:
            about["deprecated"] = True
        return {**schema, **about} if about else schema


def described(*texts: str | None) -> Json:
    """These texts as a `description`; nothing if there are none."""
    text = "\n\n".join(text for text in texts if text)
    return {"description": text} if text else {}


def siblings(field: FieldDescriptor) -> list[FieldDescriptor]:
    """The other members of the field's oneof."""
    oneof = field.containing_oneof
    return [each for each in oneof.fields if each is not field] if oneof else []


def exclusion_note(field: FieldDescriptor) -> str:
    """A sentence on the fields that exclude this one; empty if there are none."""
    names = ", ".join(f"`{each.json_name}`" for each in siblings(field))
    return f"Cannot be combined with {names}." if names else ""


def exclusions(descriptor: Descriptor) -> Iterator[tuple[str, Json]]:
    """For each member of a oneof, a schema: either it is unset or all others are."""
    for field in descriptor.fields:
        if others := siblings(field):
            alternatives = [{"properties": {each.json_name: unset(each) for each in others}}]
            if (own := unset(field)) is not False:
                alternatives.insert(0, {"properties": {field.json_name: own}})
            yield field.json_name, {"anyOf": alternatives}


def unset(field: FieldDescriptor) -> Json | bool:
    """The schema of an unset member of a oneof; False if any value sets it."""
    return False if takes_null(type_name(field)) else {"type": "null"}
