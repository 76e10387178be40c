"""What the files of the codec know of each other.

A type is compiled in terms of other types, well-known ones and itself among them. These are the
shapes in which they meet, so that no file has to import one that imports it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.path import Path

ToJson = Callable[[Any], object]
"""From a parsed message (or one value of a field) to what orjson can dump."""

Unknown = list[tuple[Path, str, Sequence[str]]]
"""Keys that no field takes: the object's path, the key, the JSON names that there are."""


class Read(Protocol):
    """Fills a message from a JSON value. Raises GatewayError (INVALID_ARGUMENT) with the path."""

    def __call__(self, value: object, message: Any, path: Path, unknown: Unknown) -> None: ...


class Writing(Protocol):
    """Where the encoder of any type of a pool is to be had."""

    @property
    def pool(self) -> DescriptorPool: ...

    def to_json(self, descriptor: Descriptor) -> ToJson:
        """The function from a parsed message of this type to JSON."""
        ...

    def value(self, field: FieldDescriptor) -> ToJson | None:
        """The function for one value of the field; None when orjson takes it as it is."""
        ...


class Reading(Protocol):
    """Where the reader of any type of a pool is to be had."""

    @property
    def pool(self) -> DescriptorPool: ...

    def reader(self, descriptor: Descriptor) -> Read:
        """The function that fills messages of this type."""
        ...

    def serialize(self, message: Any) -> bytes:
        """The message's bytes. Raises GatewayError when a required field (proto2) is missing."""
        ...
