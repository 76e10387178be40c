"""Paths of field names in a profile, and the fields that they lead to in a schema."""

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import is_message, message_of
from gateway.codec.rewrite import camel_case
from gateway.schema.method import Method

FieldPath = tuple[str, ...]
Copies = tuple[tuple[FieldPath, FieldPath], ...]
"""From a path in an answer (original names) to one in a request (original names)."""


class Unfit(Exception):
    """Why an entry is idle."""


def split(path: str) -> FieldPath:
    return tuple(path.split("."))


def camel(path: FieldPath) -> FieldPath:
    return tuple(map(camel_case, path))


def copies(main: Method, method: Method, paths: Mapping[str, str]) -> Copies:
    """What is taken from the answer of `main` for the request of `method`. Raises Unfit."""
    return tuple(
        copied(
            main.descriptor.output_type,
            split(source),
            method.descriptor.input_type,
            split(target),
        )
        for source, target in paths.items()
    )


def copied(
    answer: Descriptor, source: FieldPath, request: Descriptor, target: FieldPath
) -> tuple[FieldPath, FieldPath]:
    """Both paths in original names. Raises Unfit when one's value cannot be the other's."""
    kinds = set()
    for message, path in ((answer, source), (request, target)):
        field = needed_field(message, path)
        if field.is_repeated or is_message(field):
            raise Unfit(f"{'.'.join(path)} is not a single value")
        kinds.add(field.type)
    if len(kinds) > 1:
        raise Unfit(f"{'.'.join(source)} and {'.'.join(target)} have different types")
    return original(answer, source), original(request, target)


def field_at(message: Descriptor, path: FieldPath) -> FieldDescriptor | None:
    """The field at a path of names, camelCase or original; None if there is no such one."""
    found: FieldDescriptor | None = None
    for name in path:
        if found is not None:
            if not is_message(found) or found.is_repeated:
                return None
            message = message_of(found)
        found = next((one for one in message.fields if name in (one.name, one.json_name)), None)
        if found is None:
            return None
    return found


def root_of(request: Descriptor, source: FieldPath) -> FieldPath:
    """The part of a documented path that is an object which Cuebot does not have; else nothing."""
    for length in range(1, len(source)):
        native = field_at(request, source[:length])
        if native is None or not is_message(native):
            return camel(source[:length])
    return ()


def needed_field(message: Descriptor, path: FieldPath) -> FieldDescriptor:
    """The field at a path. Raises Unfit when there is none."""
    field = field_at(message, path)
    if field is None:
        raise Unfit(f"{message.full_name} has no {'.'.join(path)}")
    return field


def original(message: Descriptor, path: FieldPath) -> FieldPath:
    """The path in the names of the proto. Raises Unfit when there is no such field."""
    return tuple(needed_field(message, path[: length + 1]).name for length in range(len(path)))
