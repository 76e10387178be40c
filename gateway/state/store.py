"""What a shared store has to do: run small programs on numbers, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Protocol


class StoreFailed(Exception):
    """The store has not done what it was asked to, or nobody knows; its text says why."""


@dataclass(frozen=True)
class Script:
    """A program in the store's language: Lua, as Redis and Valkey have it."""

    source: str

    @cached_property
    def digest(self) -> str:
        """By which the store knows it, if it has seen it before."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Store(Protocol):
    """One connection to a store. What can fail raises StoreFailed, and nothing else."""

    name: str
    """Where it is, for people; without the password."""

    async def connect(self) -> None:
        """Leave the connection that there was, and make one on which the store answers."""
        ...

    async def run(self, script: Script, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        """Run a script on these keys, with nothing of others in between."""
        ...

    async def close(self) -> None:
        """Give the connection up. Does not raise."""
        ...
