"""When a source is asked for its schema."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 1.0
"""Between two attempts. With the pauses between two connections, the gateway is ready within 5 s of
Cuebot."""
LONGEST_REFRESH_PAUSE_SECONDS = 30.0
"""Between two attempts after the source has answered once."""


class Schedule:
    """The source is asked until it answers, then every `every` seconds (0: never) and soon after
    `hurry`.

    `attempt` asks it once, and says whether it has answered.
    """

    def __init__(self, attempt: Callable[[], Awaitable[bool]], every: float) -> None:
        self._attempt = attempt
        self._every = every or None
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()

    def hurry(self) -> None:
        """Cut the pause short. An attempt that has begun is followed by another."""
        self._wanted.set()

    async def first_look(self) -> None:
        """Wait for the end of the first attempt, successful or not."""
        await self._looked.wait()

    async def run(self) -> None:
        """Until cancelled."""
        await self._ask(LONGEST_PAUSE_SECONDS)
        while True:
            await self._pause(self._every)
            await self._ask(LONGEST_REFRESH_PAUSE_SECONDS)

    async def _ask(self, longest_pause: float) -> None:
        """Until the source answers, with longer and longer pauses (seconds)."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            answered = await self._attempt()
            self._looked.set()
            if answered:
                return
            await self._pause(pause)
            pause = min(pause * 2, longest_pause)

    async def _pause(self, seconds: float | None) -> None:
        """Wait for so many seconds, or for `hurry`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()
