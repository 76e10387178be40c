"""Questions about the descriptors of messages and fields."""

from collections.abc import Iterable, Iterator
from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

INT32 = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32)
UINT32 = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32)
INT64 = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64)
UINT64 = (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64)
"""Types of integers by range; their encoding on the wire makes no difference."""

NULL_VALUE = "google.protobuf.NullValue"
"""The enum whose one value is JSON null."""


def message_of(field: FieldDescriptor) -> Descriptor:
    return cast(Descriptor, field.message_type)


def owner_of(field: FieldDescriptor) -> Descriptor:
    return cast(Descriptor, field.containing_type)


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    return cast(EnumDescriptor, field.enum_type)


def is_message(field: FieldDescriptor) -> bool:
    """Whether the field holds messages (groups and maps included)."""
    return field.message_type is not None


def is_enum(field: FieldDescriptor) -> bool:
    return field.enum_type is not None


def field_called(message: Descriptor, name: str) -> FieldDescriptor | None:
    """The field by its JSON name or, if none has that, its name in the proto."""
    for field in message.fields:
        if field.json_name == name:
            return field
    return message.fields_by_name.get(name)


MOST_PARTS = 32
"""Names in a path that a client writes."""


def too_many_parts(path: str) -> str:
    """What is wrong with a path of more than MOST_PARTS names; empty if nothing is.

    Ask before splitting it: parts take far more memory than a path.
    """
    return f"more than {MOST_PARTS} parts" if path.count(".") >= MOST_PARTS else ""


def field_at(message: Descriptor, path: str) -> FieldDescriptor | None:
    """The field at a path of names with dots between them."""
    *above, last = path.split(".")
    for part in above:
        field = field_called(message, part)
        if field is None or not is_message(field):
            return None
        message = message_of(field)
    return field_called(message, last)


def has_text(message: Descriptor, name: str) -> bool:
    """Whether the message has a field of that name for one string."""
    field = message.fields_by_name.get(name)
    return field is not None and field.type == field.TYPE_STRING and not field.is_repeated


def is_map(field: FieldDescriptor) -> bool:
    return is_message(field) and bool(message_of(field).GetOptions().map_entry)


def map_fields(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    key, value = message_of(field).fields
    return key, value


def type_name(field: FieldDescriptor) -> str:
    """The full name of a message or enum field's type; empty for scalars."""
    if is_message(field):
        return message_of(field).full_name
    return enum_of(field).full_name if is_enum(field) else ""


def enum_names(enum: EnumDescriptor) -> dict[int, str]:
    """Number to name; of aliases, the one declared first."""
    return {value.number: value.name for value in reversed(enum.values)}


def json_name(name: str) -> str:
    """The default JSON name of a field: `min_cores` is `minCores`, `a__b` is `aB`, `a_` is `a`.

    https://protobuf.dev/programming-guides/json/#field-names
    """
    first, *words = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in words)


def reachable(roots: Iterable[Descriptor]) -> dict[str, Descriptor]:
    """These message types and all that occur in them, the entries of maps included, by name."""
    found: dict[str, Descriptor] = {}
    waiting = list(roots)
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            waiting += [message_of(field) for field in descriptor.fields if is_message(field)]
    return found


def inner_first(root: Descriptor, known: set[str]) -> Iterator[Descriptor]:
    """The type and all that occur in it, each after those that occur in it if there is no cycle.

    Those with full names in `known` are left out, and the others are added to it.
    """
    waiting = [(root, False)]
    while waiting:
        descriptor, is_done = waiting.pop()
        if is_done:
            yield descriptor
        elif descriptor.full_name not in known:
            known.add(descriptor.full_name)
            waiting.append((descriptor, True))
            waiting += [(message_of(each), False) for each in descriptor.fields if is_message(each)]


def returned_types(methods: Iterable[MethodDescriptor]) -> frozenset[str]:
    """The full names of message types in answers."""
    return frozenset(reachable(method.output_type for method in methods))
