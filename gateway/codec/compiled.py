"""Compiling once per message type, from whichever thread asks first."""

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

from google.protobuf.descriptor import Descriptor

T = TypeVar("T")


class Compiled(Generic[T]):
    """The results of `compile_type` by type.

    Types may lead back to themselves: while one is being compiled, `forward` stands for it, and
    looks it up when it is called.
    """

    def __init__(
        self, compile_type: Callable[[Descriptor], T], forward: Callable[[Descriptor], T]
    ) -> None:
        self._compile_type = compile_type
        self._forward = forward
        self._done: dict[str, T] = {}
        self._under_way: set[str] = set()
        self._lock = RLock()

    def get(self, descriptor: Descriptor) -> T:
        """The result for this type."""
        found = self._done.get(descriptor.full_name)
        return self._make(descriptor) if found is None else found

    def _make(self, descriptor: Descriptor) -> T:
        name = descriptor.full_name
        with self._lock:
            if name in self._done:
                return self._done[name]
            if name in self._under_way:
                return self._forward(descriptor)
            self._under_way.add(name)
            try:
                made = self._done[name] = self._compile_type(descriptor)
            finally:
                self._under_way.discard(name)
            return made
