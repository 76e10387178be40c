"""Limits on the size of a schema, counted while it arrives.

Memory and time are in proportion to it, and some steps block the process: protobuf adds a file in
one go, and a message type is compiled in one go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from gateway.schema.description import NoSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """The limits, with OpenCue's schema in parentheses."""

    services: int = 1000
    """(28)"""
    methods: int = 10_000
    """(315)"""
    files: int = 1000
    """(18)"""
    file_bytes: int = 2**20
    """Serialized, with its comments (29 KB without)."""
    schema_bytes: int = 16 * 2**20
    """All files (89 KB)."""
    file_declarations: int = 10_000
    """Messages, fields, oneofs, enums, values, extensions, services, methods and imports (940)."""
    schema_declarations: int = 100_000
    """All files (2,900)."""
    message_fields: int = 500
    """(36)"""


LIMITS = SchemaLimits()


class TooLarge(NoSchema):
    """The schema exceeds a limit, and is not used."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the schema has more than {most:,} {what}, and is not taken")


class SchemaSize:
    """The size of the schema so far. Each method raises TooLarge."""

    def __init__(self, limits: SchemaLimits = LIMITS) -> None:
        self._limits = limits
        self._files = 0
        self._bytes = 0
        self._declarations = 0
        self._methods = 0

    @property
    def bytes_left(self) -> int:
        return self._limits.schema_bytes - self._bytes

    def add_bytes(self, size: int) -> None:
        """Count a file before it is parsed."""
        self._files += 1
        self._bytes += size
        check(self._files, self._limits.files, "files")
        check(size, self._limits.file_bytes, "bytes in a file")
        check(self._bytes, self._limits.schema_bytes, "bytes of files")

    def check_services(self, services: int) -> None:
        check(services, self._limits.services, "services")

    def check_files(self, files: int) -> None:
        check(files, self._limits.files, "files")

    def add(self, file: FileDescriptorProto) -> None:
        """Count the declarations of a parsed file."""
        limits = self._limits
        methods = sum(len(each.method) for each in file.service)
        declared = len(file.service) + methods + len(file.dependency) + len(file.extension)
        declared += len(file.enum_type) + sum(len(each.value) for each in file.enum_type)
        waiting = list(file.message_type)
        while waiting:
            message = waiting.pop()
            check(len(message.field), limits.message_fields, f"fields in {message.name[:100]}")
            declared += declared_in(message)
            check(declared, limits.file_declarations, f"declarations in {file.name[:100]}")
            waiting += message.nested_type
        self._methods += methods
        self._declarations += declared
        check(self._methods, limits.methods, "methods")
        check(declared, limits.file_declarations, f"declarations in {file.name[:100]}")
        check(self._declarations, limits.schema_declarations, "declarations")


def check(found: int, most: int, what: str) -> None:
    if found > most:
        raise TooLarge(what, most)


def declared_in(message: DescriptorProto) -> int:
    """Declarations of the message without nested messages."""
    fields = len(message.field) + len(message.extension) + len(message.oneof_decl)
    return 1 + fields + sum(1 + len(each.value) for each in message.enum_type)


def check_size(files: Iterable[FileDescriptorProto], limits: SchemaLimits = LIMITS) -> None:
    """Raise TooLarge if all of these together exceed a limit."""
    size, services = SchemaSize(limits), 0
    for file in files:
        size.add_bytes(file.ByteSize())
        size.add(file)
        services += len(file.service)
        size.check_services(services)
