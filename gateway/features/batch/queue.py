"""The queue of a batch. Its items wait for tokens and slots; other requests are refused at once."""

import asyncio
from collections.abc import Callable
from time import monotonic

from gateway.core.errors import Cause, GatewayError, stopping

SLOTS: tuple[Cause, ...] = ("places", "long_answers")
"""Causes of the refusals that are waited for."""
SLOT_PAUSE_SECONDS = 0.05
"""Between two looks for a free slot: its holders are other requests."""
LOOK_INTERVAL_SECONDS = 0.5
"""Between two looks for a stop of the gateway."""


class BatchQueue:
    """Items wait one at a time, in their order."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self.for_tokens = asyncio.Lock()
        """All batches of a principal have the same one: each token wakes one item."""
        self._for_slots = asyncio.Lock()
        self.has_token = False
        """Whether the batch has taken a token, which is that of its first item."""

    def take_token(self) -> bool:
        had, self.has_token = self.has_token, False
        return had

    async def enter(self, enter: Callable[[], None]) -> None:
        """Call it until there is a slot. Raises GatewayError, also when the gateway stops."""
        async with self._for_slots:
            while True:
                try:
                    enter()
                except GatewayError as error:
                    if error.cause not in SLOTS:
                        raise
                    await self.pause(SLOT_PAUSE_SECONDS)
                else:
                    return

    async def pause(self, seconds: float) -> None:
        """Raises GatewayError (UNAVAILABLE) when the gateway stops."""
        end = monotonic() + seconds
        while True:
            if self._is_stopping():
                raise stopping()
            left = end - monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, LOOK_INTERVAL_SECONDS))
