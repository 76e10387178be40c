"""Takes out of bodies what they say of whose objects are, where rights depend on that."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gateway.core.calls.plan import Prior, Search
from gateway.core.codec.rewrite import Body, peek
from gateway.features.object_rights.aspect import Argument


@dataclass(frozen=True, slots=True)
class HolderPlanner:
    """Keeps places and texts of the arguments that say what objects lie in."""

    documented: ClassVar[tuple[str, ...]] = ()
    objects: ClassVar[frozenset[str]] = frozenset()
    searches: ClassVar[tuple[Search, ...]] = ()

    arguments: tuple[Argument, ...]
    """Of one method; at least one."""

    def concerns(self, value: object) -> bool:
        return next(self.kept(value), None) is not None

    def kept(self, value: object) -> Iterator[tuple[str, str]]:
        for argument in self.arguments:
            found = peek(value, argument.path)
            if isinstance(found, dict):
                found = found.get("id") or found.get("name")
            if isinstance(found, str) and found:
                yield str(argument.path), found

    def take(self, body: Body) -> tuple[Prior, ...]:
        for argument in self.arguments:
            if not argument.native:
                body.take(argument.path)
        return ()
