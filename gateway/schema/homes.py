"""Which endpoints of Cuebot have a method, where they do not all say the same of themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
)

from gateway.codec.fields import enum_of, is_enum, is_message, message_of
from gateway.schema.description import Schema
from gateway.schema.method import path_of
from gateway.schema.pool import build_pool
from gateway.upstream.interface import Homes

ANY = "google.protobuf.Any"
"""It holds whatever its schema has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What some endpoints say otherwise than the one whose schema is served: paths of methods."""

    endpoints: tuple[str, ...]
    only_there: tuple[str, ...]
    not_there: tuple[str, ...]
    other_types: tuple[str, ...]
    """Called the same, with another request or answer."""


class Places:
    """Where each method is, by what the endpoints of a schema and its `others` say."""

    def __init__(self, schema: Schema) -> None:
        self._every = schema.endpoints.union(*(each.endpoints for each in schema.others))
        self._said = [(each.endpoints, signatures_of(each)) for each in (schema, *schema.others)]

    def homes(self, number: int) -> Mapping[str, Homes]:
        """For each method (by path) of schema `number`, the endpoints where it is the same.

        0 is the first schema, 1 the first of the others. None is all endpoints.
        """
        return {path: self._having(path, mine) for path, mine in self._said[number][1].items()}

    def _having(self, path: str, signature: bytes) -> Homes:
        found = frozenset[str]().union(
            *(names for names, methods in self._said if methods.get(path) == signature)
        )
        return None if found == self._every else found

    def differences(self) -> Iterator[Difference]:
        """What each of the others says otherwise than the first."""
        (_, first), *others = self._said
        for names, other in others:
            yield Difference(
                endpoints=tuple(sorted(names)),
                only_there=tuple(sorted(other.keys() - first.keys())),
                not_there=tuple(sorted(first.keys() - other.keys())),
                other_types=tuple(
                    sorted(
                        path for path in first.keys() & other.keys() if first[path] != other[path]
                    )
                ),
            )


def signatures_of(schema: Schema) -> dict[str, bytes]:
    """For each method (by path) a digest, the same wherever its requests and answers are."""
    pool, _ = build_pool(schema.files)
    types = TypeDigests(schema)
    found: dict[str, bytes] = {}
    for name in schema.services:
        try:
            methods = pool.FindServiceByName(name).methods
        except KeyError:  # its file is broken
            continue
        found |= {path_of(method): signature(method, types) for method in methods}
    return found


def signature(method: MethodDescriptor, types: "TypeDigests") -> bytes:
    """The digest of a method's declaration, and of all types that it leads to at any depth."""
    proto = MethodDescriptorProto()
    method.CopyToProto(proto)
    whole = sha256(proto.SerializeToString(deterministic=True))
    for _, digest in sorted(types.reached_from(method.input_type, method.output_type).items()):
        whole.update(digest)
    return whole.digest()


class TypeDigests:
    """Digests of the message and enum types of a schema, by full name, each made once."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[str, bytes] = {}

    def reached_from(self, *messages: Descriptor) -> dict[str, bytes]:
        """Those of all types that occur in these, at any depth."""
        found: dict[str, bytes] = {}
        waiting: list[Descriptor | EnumDescriptor] = list(messages)
        while waiting:
            each = waiting.pop()
            if each.full_name in found:
                continue
            found[each.full_name] = self._digest(each)
            if isinstance(each, Descriptor):
                waiting += [message_of(field) for field in each.fields if is_message(field)]
                waiting += [enum_of(field) for field in each.fields if is_enum(field)]
        return found

    def _digest(self, declared: Descriptor | EnumDescriptor) -> bytes:
        name: str = declared.full_name
        if name not in self._known:
            whole = sha256(content_of(declared))
            if name == ANY:
                whole.update(self._schema.digest.encode())
            self._known[name] = whole.digest()
        return self._known[name]


def content_of(declared: Any) -> bytes:
    """What a type itself says, without the types in it, and the rules of its file."""
    is_type = isinstance(declared, Descriptor)
    proto: Any = DescriptorProto() if is_type else EnumDescriptorProto()
    declared.CopyToProto(proto)
    for name in ("nested_type", "enum_type", "reserved_range", "reserved_name"):
        if name in proto.DESCRIPTOR.fields_by_name:
            proto.ClearField(name)
    file = FileDescriptorProto()
    declared.file.CopyToProto(file)
    rules = FileDescriptorProto(name=declared.full_name, syntax=file.syntax)
    if file.HasField("edition"):
        rules.edition = file.edition
    rules.options.features.CopyFrom(file.options.features)
    parts: list[bytes] = [each.SerializeToString(deterministic=True) for each in (rules, proto)]
    return b"".join(parts)
