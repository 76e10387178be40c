"""What the rest of the gateway knows of a way to Cuebot."""

from collections.abc import Sequence
from typing import Protocol

Metadata = Sequence[tuple[str, str]]


class Upstream(Protocol):
    """A way to call Cuebot. Cancelling the caller's task cancels the call."""

    async def call(
        self, method_path: str, payload: bytes, timeout: float, metadata: Metadata
    ) -> bytes:
        """The answer's bytes. Raises GatewayError for every other outcome.

        `timeout` is in seconds; metadata values are printable ASCII.
        """
        ...

    async def usable(self, patience: float) -> bool:
        """Whether a call could be sent now, waiting up to `patience` seconds to connect."""
        ...
