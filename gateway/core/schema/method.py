"""A method that can be called, with its codecs and its aspects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Self

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.decode import Decoders, DecodeValue
from gateway.core.codec.encode import Encode, Encoders
from gateway.core.schema.description import SchemaSource
from gateway.core.schema.method_search import Described
from gateway.core.schema.rows import Rows, rows_of

FieldPath = tuple[str, ...]
"""Proto names of fields, from a message down."""
Copies = tuple[tuple[FieldPath, FieldPath], ...]
"""Paths of single values: from an answer to a request."""


def value_at(message: Any, path: FieldPath) -> Any:
    for name in path:
        message = getattr(message, name)
    return message


def set_at(message: Any, path: FieldPath, content: object) -> None:
    setattr(value_at(message, path[:-1]), path[-1], content)


@dataclass(frozen=True, eq=False)
class Method:
    path: str
    """`/job.JobInterface/GetJobs`, as on the wire."""
    descriptor: MethodDescriptor
    encoders: Encoders = field(repr=False)
    decoders: Decoders = field(repr=False)
    reads_only: bool = False
    """Whether a call changes nothing, by the profile or its options in the schema. Names prove
    nothing: `GetOrCreate`.
    """
    written: frozenset[str] = frozenset()
    """Paths of objects in requests that callers write themselves, not taken from an answer."""
    source: SchemaSource = "files"
    """Where its descriptor comes from."""
    summary: str = ""
    """What it does, in one line without a full stop: of the profile, or of its comment."""
    aspects: Mapping[type, Any] = field(default_factory=dict, repr=False)
    """What features have compiled of it, by type; complete when its catalog is. What every call
    passes looks here itself, without the function (`of`) that an aspect has for it.
    """

    def with_aspect(self, aspect: object) -> "Method":
        """The same method with another aspect of that type."""
        return replace(self, aspects=MappingProxyType({**self.aspects, type(aspect): aspect}))

    @cached_property
    def decode_value(self) -> DecodeValue:
        """Parsed JSON, in native names, to request bytes."""
        return self.decoders.value_decoder(self.descriptor.input_type, self.written)

    def parse_request(self, payload: bytes = b"") -> Any:
        """The message in a request's bytes."""
        return GetMessageClass(self.descriptor.input_type).FromString(payload)

    @cached_property
    def encode(self) -> Encode:
        """Answer bytes to JSON."""
        return self.encoders.encoder(self.descriptor.output_type)

    @cached_property
    def rows(self) -> Rows | None:
        """The one list of its answers."""
        return rows_of(self.descriptor.output_type)

    @cached_property
    def described(self) -> Described:
        """The method as it is searched for by words."""
        return Described(self.path, self.summary, self.reads_only)

    @cached_property
    def streams(self) -> bool:
        return bool(self.descriptor.client_streaming or self.descriptor.server_streaming)

    @property
    def service(self) -> str:
        name: str = self.descriptor.containing_service.full_name
        return name


class Aspect:
    """What is compiled of a method when its catalog is built. An empty one can be made of it."""

    @classmethod
    def of(cls, method: Method) -> Self:
        """That of a method; an empty one if there is none."""
        found: Self | None = method.aspects.get(cls)
        made: Self = empty(cls) if found is None else found
        return made


empty: Callable[[Any], Any] = cache(lambda kind: kind())
"""An aspect that says nothing, by type: each is made once."""


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"
