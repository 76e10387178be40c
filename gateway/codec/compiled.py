"""Compiling once per message type, from whichever thread asks first."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, cast

from google.protobuf.descriptor import Descriptor

DEEPEST = 8
"""How many types, each within the other, are compiled in one go."""

F = TypeVar("F", bound=Callable[..., Any])


class Compiled(Generic[F]):
    """The functions that `compile_type` makes, by type.

    Types may lead back to themselves: while one is being compiled, a function stands for it that
    looks it up when it is called. So it does for one that is DEEPEST types within the first, so
    that rings and chains of hundreds are not compiled in one go.
    """

    def __init__(self, compile_type: Callable[[Descriptor], F]) -> None:
        self._compile_type = compile_type
        self._done: dict[str, F] = {}
        self._under_way: set[str] = set()
        self._lock = RLock()

    def get(self, descriptor: Descriptor) -> F:
        """The function for this type."""
        found = self._done.get(descriptor.full_name)
        return self._make(descriptor) if found is None else found

    def _make(self, descriptor: Descriptor) -> F:
        name = descriptor.full_name
        with self._lock:
            if name in self._done:
                return self._done[name]
            if name in self._under_way or len(self._under_way) >= DEEPEST:
                return cast(F, lambda *arguments: self.get(descriptor)(*arguments))
            self._under_way.add(name)
            try:
                made = self._done[name] = self._compile_type(descriptor)
            finally:
                self._under_way.discard(name)
            return made
