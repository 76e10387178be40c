"""What every source of a schema promises, and what they share."""

from collections.abc import Iterable
from typing import Protocol

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.errors import ConfigurationError
from gateway.schema.description import NoSchema, Schema
from gateway.schema.size import TooLarge, check_size


class NotReady(Exception):
    """Cuebot did not answer; asking again later may help."""


class NoReflection(Exception):
    """Cuebot answered that it has no reflection, or not for us."""


class BrokenFiles(NoSchema):
    """Files that were fine at startup and are not any more."""


class DescriptorSource(Protocol):
    """One way to get at the schema."""

    async def fetch(self) -> Schema:
        """The schema as it is now. Raises NotReady, NoReflection or NoSchema."""


def check_files(files: Iterable[FileDescriptorProto], place: str) -> None:
    """See that these files are not too large. Raises ConfigurationError, which names the place."""
    try:
        check_size(files)
    except TooLarge as error:
        raise ConfigurationError(f"{place}: {error}") from None


def is_named(file: FileDescriptorProto) -> bool:
    """Whether the file and its imports have names, and these are text.

    Other bytes can be parsed as a descriptor by chance. A name that is not UTF-8 is `bytes` then.
    """
    return all(name and isinstance(name, str) for name in (file.name, *file.dependency))


def make_readable(file: FileDescriptorProto) -> FileDescriptorProto:
    """The file, with comments in an old encoding made text."""
    for place in file.source_code_info.location:
        for name in ("leading_comments", "trailing_comments"):
            comment = getattr(place, name)
            if isinstance(comment, bytes):  # what protobuf makes of text that is not UTF-8
                setattr(place, name, comment.decode("latin-1"))
    return file
