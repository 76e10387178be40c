"""Arguments that a plan notes as the client has written them, for a feature that asks for them.

Cuebot may have no field for them: they are taken out of the request then.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.codec.rewrite import BodyPath, peek
from gateway.core.schema.method import Method


@dataclass(frozen=True, slots=True)
class Argument:
    """A place in requests with a name or an id."""

    path: BodyPath
    native: bool
    """Whether Cuebot has this field."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An aspect of a method: the arguments that are noted."""

    arguments: tuple[Argument, ...] = ()

    @staticmethod
    def of(method: Method) -> "tuple[Argument, ...]":
        found: Noted = method.aspects.get(Noted, NOTHING)
        return found.arguments


NOTHING = Noted()


def noted_in(value: object, method: Method) -> Iterator[tuple[str, str]]:
    """The places of these arguments in a body, and their texts: of an object, its id or name."""
    for argument in Noted.of(method):
        found = peek(value, argument.path)
        if isinstance(found, dict):
            found = found.get("id") or found.get("name")
        if isinstance(found, str) and found:
            yield str(argument.path), found
