"""How a request waits: for how long it has, and for what others would be refused."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol


class Patience(Protocol):
    """That of a request which is a part of another."""

    for_tokens: asyncio.Lock
    """Held while waiting for a token: each one that becomes free wakes one request."""

    def take_token(self) -> bool:
        """Whether a token has been taken for it already."""

    async def enter(self, enter: Callable[[], None]) -> None:
        """Call it until there is a slot. Raises GatewayError, also when the gateway stops."""

    async def pause(self, seconds: float) -> None:
        """Raises GatewayError (UNAVAILABLE) when the gateway stops."""


class Waiting(NamedTuple):
    seconds: float = 0.0
    """For the store, the rate limit, the body, planning, or an encoding turn. Rights are checked
    again before the call unless this is 0, so every wait counts.
    """
    as_asked: float = 0.0
    """The part of it that a client asked for, polls included."""
    patience: Patience | None = None
    """Of a request that waits for what others would be refused."""


NO_WAITING = Waiting()
