"""The list of an answer, if it has one."""

from dataclasses import dataclass
from functools import cached_property

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.fields import is_map, is_message, message_of
from gateway.core.codec.wellknown import is_special


@dataclass(frozen=True)
class Rows:
    """The one list of an answer."""

    fields: tuple[FieldDescriptor, ...]
    """From the answer down to the list."""

    @property
    def descriptor(self) -> Descriptor:
        return message_of(self.fields[-1])

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(field.json_name for field in self.fields)


def rows_of(answer: Descriptor) -> Rows | None:
    """The only list of messages in an answer or in its only message; None without one."""
    if is_special(answer):
        return None
    found: list[tuple[FieldDescriptor, ...]] = []
    for field in answer.fields:
        if not is_message(field) or is_map(field):
            continue
        if field.is_repeated:
            found.append((field,))
        elif field.containing_oneof is None and not is_special(message_of(field)):
            found += [
                (field, inner)
                for inner in message_of(field).fields
                if inner.is_repeated and is_message(inner) and not is_map(inner)
                if len(answer.fields) == len(message_of(field).fields) == 1
            ]
    if len(found) != 1 or is_special(message_of(found[0][-1])):
        return None
    if found[0][-1].type == FieldDescriptor.TYPE_GROUP:  # not length-delimited on the wire
        return None
    return Rows(found[0])
