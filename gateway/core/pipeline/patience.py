"""How a request waits for what others would be refused, as those do that are parts of another."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Patience(Protocol):
    for_tokens: asyncio.Lock
    """Held while waiting for a token: each one that becomes free wakes one request."""

    def take_token(self) -> bool:
        """Whether a token has been taken for it already."""

    async def enter(self, enter: Callable[[], None]) -> None:
        """Call it until there is a slot. Raises GatewayError, also when the gateway stops."""

    async def pause(self, seconds: float) -> None:
        """Raises GatewayError (UNAVAILABLE) when the gateway stops."""
