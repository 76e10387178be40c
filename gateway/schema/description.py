"""A schema: the files and services of one Cuebot, and its digest."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, ServiceDescriptorProto

from gateway.codec.fields import json_name
from gateway.schema.declarations import SERVICES_OF_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A service that is listed but cannot be served, and why."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSchema:
    """A schema that is known and not served, and the endpoints (`host:port`) that have it."""

    digest: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Schema:
    """All that a source has to say. `confirmed` is whether that source was Cuebot itself."""

    files: tuple[FileDescriptorProto, ...]
    services: tuple[str, ...]
    """The full names of the services that are there."""
    origin: str
    confirmed: bool
    skipped: tuple[Skipped, ...] = ()
    others: tuple[OtherSchema, ...] = ()
    """What other endpoints have instead, where Cuebot has several."""
    unasked: tuple[str, ...] = ()
    """Endpoints that could not be asked this time."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content in hex: the same whatever the source and the order of its files.

        Comments do not count, nor services that are only declared, nor what not every source
        hands out: protobuf's own files, and JSON names that follow from the field's name.
        """
        whole, services = sha256(), frozenset(self.services)
        for file in sorted(self.files, key=lambda file: file.name):
            if not file.name.startswith("google/protobuf/"):
                content = essence(file, services).SerializeToString(deterministic=True)
                whole.update(sha256(content).digest())
        for service in sorted(self.services):
            whole.update(service.encode() + b"\n")
        return whole.hexdigest()


def assumed_schema(files: Iterable[FileDescriptorProto], origin: str) -> Schema:
    """The schema in these files, with all their services, which Cuebot has not confirmed."""
    files = tuple(files)
    return Schema(files=files, services=services_of(files), origin=origin, confirmed=False)


class NoSchema(Exception):
    """A source has answered, and no method of its answer can be served."""


def services_of(files: tuple[FileDescriptorProto, ...]) -> tuple[str, ...]:
    """The full names of all services in these files."""
    return tuple(full_name(file, service) for file in files for service in file.service)


def full_name(file: FileDescriptorProto, service: ServiceDescriptorProto) -> str:
    """The full name of a service of the file."""
    return f"{file.package}.{service.name}".removeprefix(".")


def only_services(file: FileDescriptorProto, services: Container[str]) -> FileDescriptorProto:
    """A copy of the file that declares only these services, with what is said of them."""
    chosen = (n for n, each in enumerate(file.service) if full_name(file, each) in services)
    kept = {number: place for place, number in enumerate(chosen)}
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("service")
    bare.service.extend(file.service[number] for number in kept)
    places = bare.source_code_info.location
    del places[:]
    for place in file.source_code_info.location:
        of_service = len(place.path) > 1 and place.path[0] == SERVICES_OF_FILE
        if not of_service or place.path[1] in kept:
            places.append(place)
            if of_service:
                places[-1].path[1] = kept[place.path[1]]
    return bare


def essence(file: FileDescriptorProto, services: Container[str]) -> FileDescriptorProto:
    """The file with these services, and without what makes no difference to calls."""
    bare = only_services(file, services)
    bare.ClearField("source_code_info")
    for field in fields_of(bare):
        name = str(field.name)  # bytes, if it is not UTF-8 and its file of no use
        if field.HasField("json_name") and field.json_name == json_name(name):
            field.ClearField("json_name")
    return bare


def fields_of(scope: Any) -> Iterator[Any]:
    """Every field and extension that a file or a message declares, at any depth."""
    yield from scope.extension
    if isinstance(scope, FileDescriptorProto):
        nested = scope.message_type
    else:
        yield from scope.field
        nested = scope.nested_type
    for message in nested:
        yield from fields_of(message)
