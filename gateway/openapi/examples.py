"""A body to begin with, for each method: valid, and with words where somebody has to choose."""

from collections.abc import Container
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import (
    NULL_VALUE,
    enum_of,
    is_enum,
    is_map,
    is_message,
    message_of,
    type_name,
)
from gateway.openapi.scalars import WELL_KNOWN, is_wrapper

HANDLES = ("id", "name")
"""By one of these Cuebot finds what it has handed out; the rest of the object does not count."""
DEEPEST = 4
PAGE = {"page": 1, "limit": 100}
"""Some lists are empty unless the request says how much of them it wants."""
SPECIAL = {
    "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
    "google.protobuf.Duration": "1.5s",
    "google.protobuf.FieldMask": "name",
    "google.protobuf.ListValue": [],
}
NUMBERS = frozenset(
    {
        *(FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT),
        *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32),
        *(FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32),
    }
)
LONG_NUMBERS = frozenset(
    {
        *(FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64),
        *(FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64),
    }
)


class Examples:
    """Bodies of requests. `returned` are the types that Cuebot hands out."""

    def __init__(self, returned: Container[str]) -> None:
        self._returned = returned

    def body(self, request: Descriptor) -> Any:
        """A valid request of this type, as JSON."""
        return self._message(request, request.name, 0)

    def _message(self, descriptor: Descriptor, word: str, depth: int) -> Any:
        name = descriptor.full_name
        if is_wrapper(name):
            return self._scalar(descriptor.fields_by_name["value"], word, chosen=True)
        if name in WELL_KNOWN:
            return SPECIAL.get(name, {})
        handle = self._handle(descriptor) if depth else None
        if handle is not None:
            return {handle: f"<{word} {handle}>"}
        found = {}
        only = len(descriptor.fields) == 1
        for field in descriptor.fields:
            if worth_showing(field, depth):
                value = self._field(field, depth, alone=only)
                if value is not None:
                    found[field.json_name] = value
        return found

    def _handle(self, descriptor: Descriptor) -> str | None:
        """The field by which Cuebot finds things of this type, if it has handed them out."""
        if descriptor.full_name not in self._returned:
            return None
        for name in HANDLES:
            field = descriptor.fields_by_name.get(name)
            if field is not None and field.type == field.TYPE_STRING and not field.is_repeated:
                return name
        return None

    def _field(self, field: FieldDescriptor, depth: int, *, alone: bool) -> Any:
        """An argument has a value; a criterion beside others leaves everything open."""
        word = field.json_name
        chosen = depth == 0 or alone or field.is_required
        if is_map(field):
            return {}
        if is_message(field):
            if not chosen or depth >= DEEPEST:
                return [] if field.is_repeated else None
            inner = message_of(field)
            value = self._message(inner, inner.name.lower(), depth + 1)
        elif field.is_repeated and not chosen:
            return []
        else:
            value = self._scalar(field, word, chosen=chosen)
        return [value] if field.is_repeated else value

    def _scalar(self, field: FieldDescriptor, word: str, *, chosen: bool) -> Any:
        if is_enum(field):
            return None if type_name(field) == NULL_VALUE else enum_of(field).values[0].name
        if field.type == field.TYPE_BOOL:
            return chosen
        if field.type in NUMBERS:
            return PAGE.get(word, int(chosen))
        if field.type in LONG_NUMBERS:
            return str(PAGE.get(word, int(chosen)))
        if field.type == field.TYPE_BYTES:
            return ""
        return f"<{word}>" if chosen else ""


def worth_showing(field: FieldDescriptor, depth: int) -> bool:
    """Not what is old, nor what can be left out, nor all members of a oneof."""
    oneof = field.containing_oneof
    if field.GetOptions().deprecated:
        return field.is_required
    return oneof is None or (depth == 0 and len(oneof.fields) > 1 and oneof.fields[0] is field)
