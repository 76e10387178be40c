"""Message types as components: one schema for answers, one for requests, where they differ."""

from collections.abc import Container, Iterable, Iterator, Mapping

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
from gateway.codec.wellknown import takes_null
from gateway.openapi.scalars import (
    IN_ANSWERS,
    IN_REQUESTS,
    KEYS,
    WELL_KNOWN,
    Json,
    is_wrapper,
    nullable,
)

INPUT = "-Input"
"""Ends the name of a request's schema whose message has another schema in answers. No message is
so called: names in protos have no dashes."""


class Schemas:
    """The schemas of one document's messages and enums, made when they are referred to.

    `returned` are the full names of the types that occur in answers; in requests those have a
    schema of their own. With `closed`, what is no argument is no part of a request's schema: the
    types that occur only in requests have no other properties. `aliases` are other names of
    fields in answers, by type.
    """

    def __init__(
        self,
        comments: Mapping[str, str],
        returned: Container[str],
        aliases: Mapping[str, Mapping[str, str]],
        *,
        closed: bool,
    ) -> None:
        self.components: dict[str, Json] = {}
        self._comments = comments
        self._returned = returned
        self._aliases = aliases
        self._closed = closed

    def answer(self, descriptor: Descriptor) -> Json:
        """What a message of this type is in an answer."""
        name = descriptor.full_name
        if is_wrapper(name):
            return IN_ANSWERS[descriptor.fields_by_name["value"].type]
        if name in WELL_KNOWN:
            return WELL_KNOWN[name]
        if name not in self.components:
            schema = self.components[name] = {}  # so that the type may lead back to itself
            schema.update(self._answer(descriptor))
        return reference(name)

    def request(self, descriptor: Descriptor) -> Json:
        """What a message of this type may be in a request."""
        name = descriptor.full_name
        if is_wrapper(name):
            return IN_REQUESTS[descriptor.fields_by_name["value"].type]
        if name in WELL_KNOWN:
            return WELL_KNOWN[name]
        component = name + INPUT if name in self._returned else name
        if component not in self.components:
            schema = self.components[component] = {}
            schema.update(self._request(descriptor))
        return reference(component)

    def enum(self, enum: EnumDescriptor) -> Json:
        """A name or a number; the same in both directions.

        An open enum (proto3) may have any number, and answers have the numbers without a name.
        """
        if enum.full_name == NULL_VALUE:
            return {"type": "null"}
        if enum.full_name not in self.components:
            numbers: Json = {"type": "integer", "format": "int32"}
            if enum.is_closed:
                numbers["enum"] = sorted({value.number for value in enum.values})
            names = {"type": "string", "enum": [value.name for value in enum.values]}
            self.components[enum.full_name] = {
                **described(self._comments.get(enum.full_name), self._values(enum)),
                "anyOf": [names, numbers],
            }
        return reference(enum.full_name)

    def _values(self, enum: EnumDescriptor) -> str:
        """Names, numbers and comments, for people."""
        lines = []
        for value in enum.values:
            comment = self._comments.get(f"{enum.full_name}.{value.name}", "")
            lines.append(f"- `{value.name}` = {value.number}" + f": {comment}" * bool(comment))
        return "\n".join(lines)

    def _answer(self, descriptor: Descriptor) -> Json:
        properties: Json = {}
        required = []
        for field in descriptor.fields:
            name = field.json_name
            value = self._value(field, answer=True)
            if is_map(field):
                value = {"type": "object", "additionalProperties": value}
            elif field.is_repeated:
                value = {"type": "array", "items": value}
            elif field.has_presence and field.containing_oneof is None:
                value = nullable(value)
            if field.containing_oneof is None:
                required.append(name)
            properties[name] = self._about(field, value)
        for alias, name in self._aliases.get(descriptor.full_name, {}).items():
            same = {**properties[name], "description": f"The same as `{name}`."}
            properties[alias] = same
            if name in required:
                required.append(alias)
        return self._object(descriptor, properties, required)

    def _request(self, descriptor: Descriptor) -> Json:
        properties: Json = {}
        for field in descriptor.fields:
            value = self._value(field, answer=False)
            if is_map(field):
                value = {"type": "object", "additionalProperties": value, **keys(field)}
            elif field.is_repeated:
                value = {"type": "array", "items": value}
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
        """An object with these properties. Members of a oneof exclude each other."""
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

    def _value(self, field: FieldDescriptor, *, answer: bool) -> Json:
        """One value of a field; for a map, that of an entry."""
        if is_map(field):
            _, field = map_fields(field)
        if is_message(field):
            kind = message_of(field)
            return self.answer(kind) if answer else self.request(kind)
        if is_enum(field):
            return self.enum(enum_of(field))
        return (IN_ANSWERS if answer else IN_REQUESTS)[field.type]

    def _about(self, field: FieldDescriptor, schema: Json) -> Json:
        """The schema with what is known about the field."""
        about = described(self._comments.get(field.full_name), *one_of(field))
        if field.GetOptions().deprecated:
            about["deprecated"] = True
        return {**schema, **about} if about else schema


def reference(component: str) -> Json:
    return {"$ref": f"#/components/schemas/{component}"}


def described(*texts: str | None) -> Json:
    """The description that these texts make; nothing if there are none."""
    text = "\n\n".join(text for text in texts if text)
    return {"description": text} if text else {}


def keys(field: FieldDescriptor) -> Json:
    """What the keys of a request's map have to look like."""
    key, _ = map_fields(field)
    return {"propertyNames": {"pattern": KEYS[key.type]}} if key.type in KEYS else {}


def siblings(field: FieldDescriptor) -> list[FieldDescriptor]:
    """The other members of the field's oneof."""
    oneof = field.containing_oneof
    return [each for each in oneof.fields if each is not field] if oneof else []


def one_of(field: FieldDescriptor) -> Iterable[str]:
    """What excludes the field, in words."""
    if others := siblings(field):
        yield f"Not together with {', '.join(f'`{each.json_name}`' for each in others)}."


def exclusions(descriptor: Descriptor) -> Iterator[tuple[str, Json]]:
    """For each member of a oneof: it is not set, or the others are not."""
    for field in descriptor.fields:
        if others := siblings(field):
            ways = [{"properties": {each.json_name: unset(each) for each in others}}]
            if (nothing := unset(field)) is not False:
                ways.insert(0, {"properties": {field.json_name: nothing}})
            yield field.json_name, {"anyOf": ways}


def unset(field: FieldDescriptor) -> Json | bool:
    """What a member of a oneof may be without being set; False if whatever is there sets it."""
    return False if takes_null(type_name(field)) else {"type": "null"}
