"""Resolving type names as protoc does: innermost scope first, by the first part of the name.

https://protobuf.dev/programming-guides/proto3/#name-resolution
"""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.schema.declarations import Declaration, declarations


class Scopes:
    """The scopes and types of some files."""

    def __init__(self, files: Iterable[Any]) -> None:
        files = tuple(files)
        declared = tuple(declarations(files))
        self._types = {each.name for each in declared if each.kind in ("message", "enum")}
        self._scopes = self._types | {each.name for each in declared if each.kind == "service"}
        self._others = {name for each in declared for name in members(each)}
        for file in files:
            parts = file.package.split(".")
            self._scopes |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            self._others |= {f"{file.package}.{each.name}" for each in file.extension}

    def shortest(self, target: str, scope: str, *, for_field: bool = True) -> str:
        """The shortest name of the type `target` (a full name) inside `scope`.

        Types of fields are resolved among types only, those of methods and of `extend` among
        everything that has a name.
        """
        parts = target.split(".")
        for start in reversed(range(len(parts))):
            name = ".".join(parts[start:])
            if self._meaning(name, scope, for_field) == target:
                return name
        return f".{target}"

    def _meaning(self, name: str, scope: str, for_field: bool) -> str | None:
        first, _, rest = name.partition(".")
        known = self._scopes if rest else self._types if for_field else self._types | self._others
        while f"{scope}.{first}".removeprefix(".") not in known:
            if not scope:
                return None
            scope = scope.rpartition(".")[0]
        return f"{scope}.{name}".removeprefix(".")


def members(declared: Declaration) -> Iterator[str]:
    """The full names of everything in a declaration that is not a type."""
    proto, name = declared.proto, declared.name
    if declared.kind == "method":
        yield name
    if declared.kind == "enum":  # its values belong to the scope around it
        outer = name.rpartition(".")[0]
        yield from (f"{outer}.{value.name}".removeprefix(".") for value in proto.value)
    if declared.kind == "message":
        parts = (*proto.field, *proto.extension, *proto.oneof_decl)
        yield from (f"{name}.{part.name}" for part in parts)
