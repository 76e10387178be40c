"""The kinds of sources, and the one that DESCRIPTOR_SOURCE names."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from gateway.discovery.package import OPENCUE_PACKAGE, PACKAGE_PREFIX, read_package
from gateway.discovery.proto_directory import ProtoDirectory
from gateway.discovery.source import (
    BrokenFiles,
    DescriptorSource,
    NoReflection,
    check_files,
    is_named,
    make_readable,
)
from gateway.errors import ConfigurationError
from gateway.schema.description import NoSchema, Schema, assumed_schema
from gateway.schema.size import LIMITS

log = structlog.stdlib.get_logger("gateway.schema")

LARGEST_SET = LIMITS.schema_bytes
"""Bytes of a file with descriptors."""
FILE_SUFFIXES = (".binpb", ".protoset", ".desc", ".pb")


@dataclass(frozen=True, slots=True)
class FileSource:
    """A schema that is read every time, since its files may have changed."""

    read: Callable[[], Schema]
    """Raises ConfigurationError."""

    async def fetch(self) -> Schema:
        try:
            return await asyncio.to_thread(self.read)
        except ConfigurationError as error:
            raise BrokenFiles(str(error)) from None


class AutoSource:
    """Reflection if Cuebot has it, else the installed package.

    Once Cuebot has described itself, that is better than what the package assumes: a refusal is a
    failure from then on.
    """

    def __init__(self, reflection: DescriptorSource, package: str = OPENCUE_PACKAGE) -> None:
        self._reflection = reflection
        self._package = package
        self._described = False
        """Whether Cuebot has ever described itself."""
        self._told = ""
        """The refusal that has been logged."""

    async def fetch(self) -> Schema:
        try:
            schema = await self._reflection.fetch()
        except NoReflection as refusal:
            if self._described:
                raise NoReflection(f"{refusal}, which it had before") from None
            return await self._assumed(str(refusal))
        self._described = True
        return schema

    async def _assumed(self, refusal: str) -> Schema:
        try:
            schema = await asyncio.to_thread(read_package, self._package)
        except ConfigurationError as error:
            raise NoSchema(f"{refusal}, and {error}") from None
        if refusal != self._told:
            self._told = refusal
            log.warning(
                "schema assumed, not confirmed by Cuebot", reason=refusal, origin=schema.origin
            )
        return schema


def read_file(path: Path) -> Schema:
    """The schema in a serialized FileDescriptorSet, as `protoc -o` writes it.

    Raises ConfigurationError when the file cannot be read or is no such set.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SET + 1)
        files = tuple(FileDescriptorSet.FromString(content).file)
    except OSError as error:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: cannot read {path}: {error.strerror}"
        ) from None
    except DecodeError:
        files = ()
    if len(content) > LARGEST_SET:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {path} is larger than {LARGEST_SET / 2**20:g} MB"
        )
    if not files or not all(map(is_named, files)):
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {path} is not a FileDescriptorSet;"
            " make one with protoc --include_imports -o FILE"
        )
    check_files(files, f"DESCRIPTOR_SOURCE: {path}")
    return assumed_schema(map(make_readable, files), str(path))


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
            schema = read_package(wanted.removeprefix(PACKAGE_PREFIX))
        except ConfigurationError as error:
            hint = "; pip install 'cuebot-gateway[opencue]'" if OPENCUE_PACKAGE in wanted else ""
            raise ConfigurationError(f"DESCRIPTOR_SOURCE: {error}{hint}") from None
        return FileSource(lambda: schema)  # what pip does meanwhile is seen at the next start
    path = Path(wanted)
    if wanted and path.is_dir():
        source = FileSource(ProtoDirectory(path).read)
    elif wanted.endswith(FILE_SUFFIXES):
        source = FileSource(partial(read_file, path))
    else:
        suffixes = ", ".join("*" + suffix for suffix in FILE_SUFFIXES)
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {wanted!r} is none of auto, reflection, package:NAME, a file"
            f" ({suffixes}) or a directory of .proto files that is there"
        )
    source.read()
    return source
