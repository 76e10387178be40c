"""How large a schema may be. Whatever says that it is Cuebot's is counted as it comes in.

What is made of a schema takes memory and time in proportion, and parts of it hold up everything
else: protobuf takes in a file in one go, and a message type is compiled in one go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from gateway.schema.description import NoSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """The limits. OpenCue's schema, beside them, in parentheses."""

    services: int = 1000
    """(28)"""
    methods: int = 10_000
    """(315)"""
    files: int = 1000
    """(18)"""
    file_bytes: int = 2**20
    """Serialized, with its comments (29 KB without)."""
    schema_bytes: int = 16 * 2**20
    """Of all files (89 KB)."""
    file_declarations: int = 10_000
    """Messages, fields, oneofs, enums, values, extensions, services, methods and imports (940)."""
    schema_declarations: int = 100_000
    """Of all files (2,900)."""
    message_fields: int = 500
    """(36)"""


LIMITS = SchemaLimits()


class TooLarge(NoSchema):
    """A schema is over one of its limits, and none of it is used."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the schema has more than {most:,} {what}, and is not taken")


class SchemaSize:
    """What has come of a schema so far. Each method raises TooLarge."""

    def __init__(self, limits: SchemaLimits = LIMITS) -> None:
        self._limits = limits
        self._files = 0
        self._bytes = 0
        self._declarations = 0
        self._methods = 0

    @property
    def bytes_left(self) -> int:
        """How many more bytes of files may come."""
        return self._limits.schema_bytes - self._bytes

    def add_bytes(self, size: int) -> None:
        """A file of so many bytes has come, and is going to be parsed."""
        self._files += 1
        self._bytes += size
        check(self._files, self._limits.files, "files")
        check(size, self._limits.file_bytes, "bytes in a file")
        check(self._bytes, self._limits.schema_bytes, "bytes of files")

    def check_services(self, services: int) -> None:
        """There are so many services."""
        check(services, self._limits.services, "services")

    def check_files(self, files: int) -> None:
        """So many files are known by name."""
        check(files, self._limits.files, "files")

    def add(self, file: FileDescriptorProto) -> None:
        """A file has been parsed. This looks at all that it declares."""
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
    """The message, its fields, and so on, without those of the messages in it."""
    fields = len(message.field) + len(message.extension) + len(message.oneof_decl)
    return 1 + fields + sum(1 + len(each.value) for each in message.enum_type)


def check_size(files: Iterable[FileDescriptorProto], limits: SchemaLimits = LIMITS) -> None:
    """See that all of these together are within the limits. Raises TooLarge."""
    size, services = SchemaSize(limits), 0
    for file in files:
        size.add_bytes(file.ByteSize())
        size.add(file)
        services += len(file.service)
        size.check_services(services)
