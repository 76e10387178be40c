"""What the rest of the gateway knows of a way to Cuebot."""

from collections.abc import Sequence
from typing import Protocol

from gateway.errors import GatewayError

Metadata = Sequence[tuple[str, str]]
Homes = frozenset[str] | None
"""The endpoints (`host:port`) that a call may go to; None is any of them."""


class NotSent(GatewayError):
    """A call that has not left this machine, so that making it elsewhere makes it once."""


class Upstream(Protocol):
    """A way to call Cuebot. Cancelling the caller's task cancels the call."""

    async def call(
        self,
        method_path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        homes: Homes = None,
    ) -> bytes:
        """The answer's bytes. Raises GatewayError for every other outcome.

        `timeout` is in seconds; metadata values are printable ASCII.
        """
        ...

    @property
    def size(self) -> int:
        """How many endpoints there are."""
        ...

    async def usable(self, patience: float) -> int:
        """How many endpoints a call could be sent to now.

        Waits up to `patience` seconds for the first of them to connect.
        """
        ...
