"""Where a schema can come from. Whatever the source, the result is one `Schema`."""

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import structlog
from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from google.protobuf.message import DecodeError

from gateway.errors import ConfigurationError

log = structlog.stdlib.get_logger("gateway.schema")

PACKAGE_PREFIX = "package:"
OPENCUE_PACKAGE = "opencue_proto"
FILE_SUFFIXES = (".binpb", ".protoset", ".desc", ".pb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A service that is listed but cannot be served, and why."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Everything a source said. `confirmed` tells whether Cuebot itself was that source."""

    files: tuple[FileDescriptorProto, ...]
    services: tuple[str, ...]
    """The full names of the services that are there."""
    origin: str
    confirmed: bool
    skipped: tuple[Skipped, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the content in hex: the same whatever the source and the order of its files.

        Comments do not count, nor services that are only declared, nor protobuf's own files,
        which not every source hands out.
        """
        whole = sha256()
        for file in sorted(self.files, key=lambda file: file.name):
            if file.name.startswith("google/protobuf/"):
                continue
            bare = FileDescriptorProto()
            bare.CopyFrom(file)
            bare.ClearField("source_code_info")
            declared = [each for each in bare.service if full_name(file, each) in self.services]
            del bare.service[:]
            bare.service.extend(declared)
            whole.update(sha256(bare.SerializeToString(deterministic=True)).digest())
        for service in sorted(self.services):
            whole.update(service.encode() + b"\n")
        return whole.hexdigest()


class NotReady(Exception):
    """Cuebot did not answer; asking again later may help."""


class NoSchema(Exception):
    """The source answered, and what it said cannot be used."""


class NoReflection(Exception):
    """Cuebot answered that it has no reflection, or not for us."""


class DescriptorSource(Protocol):
    """One way to get at the schema."""

    async def fetch(self) -> Schema:
        """The schema as it is now. Raises NotReady or NoSchema."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSource:
    """A schema that was read at startup, from a package or a file."""

    schema: Schema

    async def fetch(self) -> Schema:
        return self.schema


@dataclass(frozen=True, slots=True)
class AutoSource:
    """Reflection if Cuebot has it, else the installed package."""

    reflection: DescriptorSource
    package: str = OPENCUE_PACKAGE

    async def fetch(self) -> Schema:
        try:
            return await self.reflection.fetch()
        except NoReflection as refusal:
            try:
                schema = await asyncio.to_thread(read_package, self.package)
            except ConfigurationError as error:
                raise NoSchema(f"{refusal}, and {error}") from None
            log.warning(
                "schema assumed, not confirmed by Cuebot", reason=str(refusal), origin=schema.origin
            )
            return schema


def read_package(name: str) -> Schema:
    """The schema in an installed package of protoc's Python output.

    The serialized descriptors are taken from the source text and nothing is imported: importing
    would fill protobuf's default pool. Raises ConfigurationError when there is no such package,
    when it is not that kind, or when two installations of it lie on one path.
    """
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ConfigurationError(f"the Python package {name} is not installed")
    if len(folders) > 1:
        raise ConfigurationError(f"the Python package {name} is installed twice: {folders}")
    modules = sorted(Path(folders[0]).glob("*_pb2.py"))
    files = tuple(file for module in modules for file in read_module(module))
    if not files:
        raise ConfigurationError(f"the Python package {name} holds no protobuf descriptors")
    return Schema(
        files=files, services=services_of(files), origin=PACKAGE_PREFIX + name, confirmed=False
    )


def read_module(path: Path) -> Iterator[FileDescriptorProto]:
    """The file descriptors that a `*_pb2.py` registers when it is imported.

    Old protoc writes `FileDescriptor(serialized_pb=b"…")`, newer `AddSerializedFile(b"…")`.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        given = [word.value for word in node.keywords if word.arg == "serialized_pb"]
        if called == "AddSerializedFile":
            given += node.args
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
                try:
                    yield FileDescriptorProto.FromString(value.value)
                except DecodeError:
                    raise ConfigurationError(f"{path} holds a broken descriptor") from None


def read_file(path: Path) -> Schema:
    """The schema in a serialized FileDescriptorSet, as `protoc -o` writes it.

    Raises ConfigurationError when the file cannot be read or is no such set.
    """
    try:
        files = tuple(FileDescriptorSet.FromString(path.read_bytes()).file)
    except OSError as error:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: cannot read {path}: {error.strerror}"
        ) from None
    except DecodeError:
        files = ()
    if not files or not all(file.name for file in files):
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {path} is not a FileDescriptorSet;"
            " make one with protoc --include_imports -o FILE"
        )
    return Schema(files=files, services=services_of(files), origin=str(path), confirmed=False)


def services_of(files: tuple[FileDescriptorProto, ...]) -> tuple[str, ...]:
    """The full names of all services in these files."""
    return tuple(full_name(file, service) for file in files for service in file.service)


def full_name(file: FileDescriptorProto, service: ServiceDescriptorProto) -> str:
    """The full name of a service of the file."""
    return f"{file.package}.{service.name}".removeprefix(".")


def choose_source(wanted: str, reflection: DescriptorSource) -> DescriptorSource:
    """The source that DESCRIPTOR_SOURCE names.

    Packages and files are read here, so that a wrong one stops startup (ConfigurationError).
    """
    if wanted == "auto":
        return AutoSource(reflection)
    if wanted == "reflection":
        return reflection
    if wanted.startswith(PACKAGE_PREFIX):
        try:
            return FixedSource(read_package(wanted.removeprefix(PACKAGE_PREFIX)))
        except ConfigurationError as error:
            hint = "; pip install 'cuebot-gateway[opencue]'" if OPENCUE_PACKAGE in wanted else ""
            raise ConfigurationError(f"DESCRIPTOR_SOURCE: {error}{hint}") from None
    if wanted.endswith(FILE_SUFFIXES):
        return FixedSource(read_file(Path(wanted)))
    raise ConfigurationError(
        f"DESCRIPTOR_SOURCE: {wanted!r} is none of auto, reflection, package:NAME or a file"
        f" ({', '.join('*' + suffix for suffix in FILE_SUFFIXES)})"
    )
