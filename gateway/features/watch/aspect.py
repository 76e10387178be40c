"""How a read is watched, compiled when a catalog is built."""

from dataclasses import dataclass

from gateway.core.schema.method import Aspect, Copies, FieldPath, Method


@dataclass(frozen=True, slots=True)
class GoesOn:
    """A call that answers the same as another one, by an id in the other one's answer."""

    method: Method
    copies: Copies
    name: FieldPath | None = None
    """An id's place that may have a name. With an id there, the call is the same."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Fields that keep rows in the answer, set if the request names any."""

    named_by: tuple[FieldPath, ...]
    """Lists of names or ids."""
    constants: tuple[tuple[FieldPath, object], ...]


@dataclass(frozen=True, slots=True)
class Watching(Aspect):
    goes_on: GoesOn | None = None
    """The call by which an object that was found by its name is watched."""
    stays: Stays | None = None
    """What keeps rows in an answer that a watcher waits for."""
    never: str = ""
    """Why the read is not watched; empty if it is."""
