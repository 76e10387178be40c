"""What a profile names, in a schema: paths, methods, messages. NotApplicable if it is not there."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.fields import is_map, is_message, json_name, message_of
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import GatewayError
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.method import FieldPath, Method


class NotApplicable(Exception):
    """Why an entry of the profile does nothing with this schema."""


@dataclass(frozen=True, slots=True)
class RowSearch:
    path: tuple[FieldDescriptor, ...]
    """From the answer down to the list."""
    where: tuple[tuple[FieldPath, FieldPath], ...]
    """Paths of equal values in the row and in the request."""

    @property
    def row(self) -> Descriptor:
        return message_of(self.path[-1])


@contextmanager
def entry(name: str, unused: list[UnusedEntry]) -> Iterator[None]:
    """A block that resolves an entry, which is added to `unused` if it does not fit."""
    try:
        yield
    except (NotApplicable, GatewayError) as reason:
        unused.append(UnusedEntry(name, str(reason)))


def split(path: str) -> FieldPath:
    return tuple(path.split("."))


def fields_along(message: Descriptor, path: FieldPath) -> Iterator[FieldDescriptor | None]:
    """The field of each name in a path, in JSON or proto spelling; None without one.

    Paths do not go on behind lists.
    """
    scope: Descriptor | None = message
    for name in path:
        fields = () if scope is None else scope.fields
        found = next((each for each in fields if name in (each.name, each.json_name)), None)
        yield found
        leads_on = found is not None and is_message(found) and not found.is_repeated
        scope = message_of(found) if found is not None and leads_on else None


def field_at(message: Descriptor, path: FieldPath) -> FieldDescriptor | None:
    *_, last = fields_along(message, path)
    return last


def needed_field(message: Descriptor, path: FieldPath) -> FieldDescriptor:
    """Raises NotApplicable without a field at the path."""
    field = field_at(message, path)
    if field is None:
        raise NotApplicable(f"{message.full_name} has no {'.'.join(path)}")
    return field


def list_at(message: Descriptor, path: str) -> tuple[FieldDescriptor, ...]:
    """The fields down to a list of messages. Raises NotApplicable without one."""
    names = split(path)
    fields = tuple(needed_field(message, names[: depth + 1]) for depth in range(len(names)))
    if not fields[-1].is_repeated or not is_message(fields[-1]) or is_map(fields[-1]):
        raise NotApplicable(f"{path} is no list of objects")
    return fields


def needed_path(message: Descriptor, path: str) -> BodyPath:
    """The place of a field in a body. Raises NotApplicable without such a field."""
    needed_field(message, split(path))
    return body_path(message, split(path))


def proto_path(message: Descriptor, path: str) -> FieldPath:
    """The path of a field in proto names."""
    return needed_path(message, path).original


def proto_values(
    message: Descriptor, values: Mapping[str, object]
) -> tuple[tuple[FieldPath, object], ...]:
    """Constants for fields, by their paths in proto names."""
    return tuple((proto_path(message, path), content) for path, content in values.items())


def body_path(message: Descriptor, path: FieldPath) -> BodyPath:
    """The path in both spellings: those of Cuebot's fields, or derived ones where it has none."""
    spellings = [
        both_spellings(name) if field is None else (field.json_name, field.name)
        for name, field in zip(path, fields_along(message, path), strict=True)
    ]
    return BodyPath(
        json=tuple(json for json, _ in spellings),
        original=tuple(original for _, original in spellings),
    )


def both_spellings(name: str) -> tuple[str, str]:
    """`minCores` and `min_cores`, for either."""
    if "_" in name:
        return json_name(name), name
    return name, re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def copied(
    answer: Descriptor, source: FieldPath, request: Descriptor, target: FieldPath
) -> tuple[FieldPath, FieldPath]:
    """Both paths in proto names. Raises NotApplicable for values of different types."""
    kinds = set()
    for message, path in ((answer, source), (request, target)):
        field = needed_field(message, path)
        if field.is_repeated or is_message(field):
            raise NotApplicable(f"{'.'.join(path)} is not a single value")
        kinds.add(field.type)
    if len(kinds) > 1:
        raise NotApplicable(f"{'.'.join(source)} and {'.'.join(target)} have different types")
    return body_path(answer, source).original, body_path(request, target).original


def kind_of(message: Descriptor) -> str:
    """`render partition` for RenderPartition."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", message.name).lower()


def needed_method(served: Mapping[str, Method], name: str) -> Method:
    """Raises NotApplicable for a method that cannot be called."""
    if name not in served:
        raise NotApplicable(f"{name} is not served")
    if served[name].streams:
        raise NotApplicable(f"{name} streams")
    return served[name]


def needed_message(pool: DescriptorPool, name: str) -> Descriptor:
    """Raises NotApplicable without a message of that name."""
    try:
        found: Descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        raise NotApplicable(f"there is no message {name}") from None
    return found


def row_search(
    answer: Descriptor, path: str, where: Mapping[str, str], asked: Descriptor
) -> RowSearch:
    """The rows of a list that match a request. Raises NotApplicable."""
    fields = list_at(answer, path)
    row = message_of(fields[-1])
    return RowSearch(
        fields,
        tuple(copied(row, split(at), asked, split(source)) for at, source in where.items()),
    )
