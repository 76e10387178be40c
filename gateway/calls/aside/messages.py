"""What the gateway and its planning process tell each other: pickled, behind their length.

Both ends are this program, and nothing of a client is unpickled but strings and bytes.
"""

import pickle
from collections.abc import Callable
from typing import NamedTuple

from gateway.calls.caller import Caller
from gateway.codec.unknown import UnknownFieldPolicy
from gateway.errors import GatewayError
from gateway.schema.catalog import Catalog

LENGTH = 8
"""Bytes of the length."""


class Job(NamedTuple):
    """A body to be planned."""

    catalog: Callable[[], Catalog] | None
    """Makes the catalog, if it is another one than for the job before."""
    path: str
    """A path of the method."""
    body: bytes
    policy: UnknownFieldPolicy
    caller: Caller


class Refusal(NamedTuple):
    """What is wrong with a body; see GatewayError."""

    code: int
    message: str


class Planned(NamedTuple):
    """A plan whose steps are numbers: those of the method's look-ups and follow-ups."""

    payload: bytes
    ignored: tuple[str, ...]
    defaulted: tuple[str, ...]
    most_rows: int | None
    look_ups: "tuple[tuple[int, Planned], ...]"
    follow_ups: tuple[tuple[int, bytes], ...]


class Done(NamedTuple):
    """What has come of a job; see `gateway.calls.caller.Named`."""

    planned: Planned
    replaced: tuple[str, ...]
    refusal: Refusal | None


def packed(message: Job | Done | Refusal) -> bytes:
    """A message with its length."""
    content = pickle.dumps(message, protocol=5)
    return len(content).to_bytes(LENGTH, "big") + content


def unpacked(content: bytes) -> object:
    """A message without its length."""
    return pickle.loads(content)  # noqa: S301 - see above


def refusal_of(error: GatewayError) -> Refusal:
    """An error of planning, which has nothing but a code and a message."""
    return Refusal(int(error.code), error.message)
