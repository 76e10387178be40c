"""The interfaces between the files of the codec.

A type is compiled in terms of other types: well-known ones, and perhaps itself. The files meet in
these interfaces, so that none has to import one that imports it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.path import Path

Derived = tuple[str, ...] | bool
"""A field that answers have besides: the JSON names of the fields that it is the sum of, of one
its copy; or a constant."""
Aliases = Mapping[str, Mapping[str, Derived]]
"""By full name of a message type: the fields besides its own."""
NO_ALIASES: Aliases = MappingProxyType({})

ToJson = Callable[[Any], object]
"""From a parsed message (or one value of a field) to what orjson can dump."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A key that no field has."""

    path: Path
    """That of the object it stands in."""
    key: str
    names: Sequence[str]
    """The JSON names of the fields that there are."""
    echoed: bool
    """Whether the object may be an answer that the client sends back."""


Unknown = list[UnknownField]


class Read(Protocol):
    """Fills a message from a JSON value. Raises GatewayError (INVALID_ARGUMENT) with the path."""

    def __call__(self, value: object, message: Any, path: Path, unknown: Unknown) -> None: ...


class TypeEncoders(Protocol):
    """The encoders of a pool's types, from protobuf to JSON."""

    @property
    def pool(self) -> DescriptorPool: ...

    def to_json(self, descriptor: Descriptor) -> ToJson:
        """The function from a parsed message of this type to JSON."""

    def value(self, field: FieldDescriptor) -> ToJson | None:
        """The function for one value of the field; None when orjson takes it as it is."""


class Shape(Protocol):
    """What is wanted of a message type: all of it, or some fields."""

    @property
    def descriptor(self) -> Descriptor: ...

    @property
    def to_json(self) -> ToJson:
        """The function from a parsed message to an object with what is wanted."""

    def value(self, field: FieldDescriptor) -> ToJson | None:
        """The same for one value of a wanted field; None when orjson takes it as it is."""

    def below(self, field: FieldDescriptor) -> "Shape":
        """What is wanted of the messages in a wanted field."""


class TypeReaders(Protocol):
    """The readers of a pool's types, from JSON to protobuf."""

    @property
    def pool(self) -> DescriptorPool: ...

    def reader(self, descriptor: Descriptor) -> Read:
        """The function that fills messages of this type."""

    def serialize(self, message: Any) -> bytes:
        """The message's bytes. Raises GatewayError when a required field (proto2) is missing."""
