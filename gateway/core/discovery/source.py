"""Sources of a schema, and the choice among them by DESCRIPTOR_SOURCE."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from gateway.core.discovery.files import (
    FILE_SUFFIXES,
    OPENCUE_PACKAGE,
    ProtoDirectory,
    read_file,
    read_package,
)
from gateway.core.errors import ConfigurationError
from gateway.core.schema.description import PACKAGE_PREFIX, NoSchema, Schema

log = structlog.stdlib.get_logger("gateway.schema")


class NotReady(Exception):
    """Cuebot did not answer; a later attempt may succeed."""


class NoReflection(Exception):
    """Cuebot has no reflection, or refuses it."""


class BrokenFiles(NoSchema):
    """The files were usable at startup, and are not any more."""


class DescriptorSource(Protocol):
    async def fetch(self) -> Schema:
        """The current schema. Raises NotReady, NoReflection or NoSchema."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A schema in files, read each time, since they may have changed."""

    read: Callable[[], Schema]
    """Raises ConfigurationError."""

    async def fetch(self) -> Schema:
        try:
            return await asyncio.to_thread(self.read)
        except ConfigurationError as error:
            raise BrokenFiles(str(error)) from None


class AutoSource:
    """Reflection if Cuebot has it, else the installed package.

    Once there has been a schema by reflection, a refusal is a failure: the package would be worse.
    """

    def __init__(self, reflection: DescriptorSource, package: str = OPENCUE_PACKAGE) -> None:
        self._reflection = reflection
        self._package = package
        self._had_reflection = False
        self._logged_refusal = ""

    async def fetch(self) -> Schema:
        try:
            schema = await self._reflection.fetch()
        except NoReflection as refusal:
            if self._had_reflection:
                raise NoReflection(f"{refusal}, which it had before") from None
            return await self._assumed(str(refusal))
        self._had_reflection = True
        return schema

    async def _assumed(self, refusal: str) -> Schema:
        try:
            schema = await asyncio.to_thread(read_package, self._package)
        except ConfigurationError as error:
            raise NoSchema(f"{refusal}, and {error}") from None
        if refusal != self._logged_refusal:
            self._logged_refusal = refusal
            log.warning(
                "schema assumed, not confirmed by Cuebot", reason=refusal, origin=schema.origin
            )
        return schema


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
        return FileSource(lambda: schema)  # an upgrade by pip takes effect at the next start
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
