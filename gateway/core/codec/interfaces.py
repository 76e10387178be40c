"""The interfaces between the codec's files, and compiling once per type.

A message type is compiled in terms of others, well-known ones and perhaps itself. The interfaces
let the files call each other without an import circle.
"""

from collections.abc import Callable, Mapping
from threading import RLock
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.body import Path
from gateway.core.codec.unknown_fields import Unknown

Derived = tuple[str, ...] | bool
"""An extra field of answers: the sum (or copy) of the fields with these JSON names, or a
constant."""
Aliases = Mapping[str, Mapping[str, Derived]]
"""Extra fields by name, by full name of their message type."""
NO_ALIASES: Aliases = MappingProxyType({})

ToJson = Callable[[Any], object]
"""From a parsed message (or one value of a field) to what orjson can dump."""
Read = Callable[[object, Any, Path, Unknown], None]
"""Fills a message from a JSON value. Raises GatewayError (INVALID_ARGUMENT) with the path."""


class Shape(Protocol):
    """A message type, or some of its fields, to be encoded."""

    @property
    def descriptor(self) -> Descriptor: ...

    @property
    def to_json(self) -> ToJson:
        """The function from a parsed message to a JSON object."""

    def value(self, field: FieldDescriptor) -> ToJson | None:
        """The function for one value of the field; None when orjson takes it as it is."""

    def below(self, field: FieldDescriptor) -> "Shape":
        """The shape of the messages in a field."""


MOST_NESTED = 8
"""Types, each within the other, that are compiled in one go."""

F = TypeVar("F", bound=Callable[..., Any])


class Compiled(Generic[F]):
    """The functions that `compile_type` makes, by type.

    Each is compiled once, by the thread that asks first. A type that is under way (types may lead
    back to themselves) or nested more than MOST_NESTED deep is looked up when it is called.
    """

    def __init__(self, compile_type: Callable[[Descriptor], F]) -> None:
        self._compile_type = compile_type
        self._done: dict[str, F] = {}
        self._under_way: set[str] = set()
        self._lock = RLock()

    def get(self, descriptor: Descriptor) -> F:
        found = self._done.get(descriptor.full_name)
        return self._make(descriptor) if found is None else found

    def _make(self, descriptor: Descriptor) -> F:
        name = descriptor.full_name
        with self._lock:
            if name in self._done:
                return self._done[name]
            if name in self._under_way or len(self._under_way) >= MOST_NESTED:
                return cast(F, lambda *arguments: self.get(descriptor)(*arguments))
            self._under_way.add(name)
            try:
                made = self._done[name] = self._compile_type(descriptor)
            finally:
                self._under_way.discard(name)
            return made
