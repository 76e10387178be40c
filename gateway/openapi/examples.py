"""Example requests: valid bodies, with placeholders such as `<job id>`."""

from collections.abc import Container
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import (
    INT32,
    INT64,
    NULL_VALUE,
    UINT32,
    UINT64,
    enum_of,
    has_text,
    is_enum,
    is_map,
    is_message,
    message_of,
    type_name,
)
from gateway.codec.wellknown import WRAPPERS
from gateway.openapi.shared import WELL_KNOWN

LOOKED_UP_BY = ("id", "name")
"""The fields by which Cuebot finds an object; it ignores the others."""
MAX_DEPTH = 4
PAGE = {"page": 1, "limit": 100}
"""Without them, some methods return nothing."""
NUMBERS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT, *INT32, *UINT32)
LONG_NUMBERS = (*INT64, *UINT64)


class Examples:
    """`returned` has the full names of the types that occur in responses."""

    def __init__(self, returned: Container[str]) -> None:
        self._returned = returned

    def body(self, request: Descriptor) -> Any:
        return self._message(request, request.name, 0)

    def _message(self, descriptor: Descriptor, word: str, depth: int) -> Any:
        name = descriptor.full_name
        if name in WRAPPERS:
            return self._scalar(descriptor.fields_by_name["value"], word, chosen=True)
        if name in WELL_KNOWN:
            return WELL_KNOWN[name].get("examples", [{}])[0]
        if depth and name in self._returned:
            for key in LOOKED_UP_BY:
                if has_text(descriptor, key):
                    return {key: f"<{word} {key}>"}
        found = {}
        only = len(descriptor.fields) == 1
        shown = [field for field in descriptor.fields if worth_showing(field, depth)]
        for field in shown or descriptor.fields:  # all of a deprecated method's may be deprecated
            value = self._field(field, depth, alone=only)
            if value is not None:
                found[field.json_name] = value
        return found

    def _field(self, field: FieldDescriptor, depth: int, *, alone: bool) -> Any:
        """A value for an argument; for a criterion among several, one that matches everything."""
        word = field.json_name
        chosen = depth == 0 or alone or field.is_required
        if is_map(field):
            return {}
        if is_message(field):
            if not chosen or depth >= MAX_DEPTH:
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
    """Not if deprecated, and only one member of a oneof."""
    oneof = field.containing_oneof
    if field.GetOptions().deprecated:
        return field.is_required
    return oneof is None or (depth == 0 and len(oneof.fields) > 1 and oneof.fields[0] is field)
