"""What is to be known of a setting beside its type: notes at its field (`Annotated`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Synonym:
    """It has this variable as well, which OpenCue's pages name."""

    variable: str


@dataclass(frozen=True, slots=True)
class Retired:
    """The next release will not have it."""

    instead: str
    """What to do: `set …`."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Its value may have a password, which no message repeats."""


@dataclass(frozen=True, slots=True)
class Secret(Hidden):
    """A secret, for which there is a setting with a file as well. One of the two in the environment
    overrides either in the file of settings.
    """

    file: str
    """The name of the other setting."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that nobody else on this machine should be able to read."""


Note = TypeVar("Note")


def noted(kind: type[BaseModel], note: type[Note]) -> Iterator[tuple[str, Note]]:
    """The settings with such a note, and it."""
    for name, field in kind.model_fields.items():
        yield from ((name, each) for each in field.metadata if isinstance(each, note))
