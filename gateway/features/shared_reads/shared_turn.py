"""The turn in which several requests encode one long answer together."""

import asyncio
from time import monotonic

from gateway.core.fair_quota import FairSemaphore
from gateway.core.pipeline.encoding_turn import EncodingTurn


class SharedTurn(EncodingTurn):
    """The turn of pieces that several clients make together. Any of them may take and return it.

    Who takes pieces that have been made by then needs no turn.
    """

    def __init__(self, turns: FairSemaphore, principal: str) -> None:
        super().__init__(turns, principal)
        self._is_over = False
        self._asked: asyncio.Event | None = None
        """That whoever waits for it for all has it, or has left."""

    async def take(self, within: float | None = None) -> bool:
        end = None if within is None else monotonic() + within
        while not self.is_held:
            left = None if end is None else max(end - monotonic(), 0)
            if self._asked is not None:
                try:
                    async with asyncio.timeout(left):
                        await self._asked.wait()
                except TimeoutError:
                    return False
                continue
            asked = self._asked = asyncio.Event()
            try:
                has_turn = await super().take(left)
            finally:
                self._asked = None
                asked.set()
            if self._is_over:
                self.finish()
            elif not has_turn:
                return False
        return True

    def give_back(self) -> None:
        if not self._is_over:
            super().give_back()

    def finish(self) -> None:
        """All pieces have been made."""
        self._is_over = False
        self.give_back()
        self._is_over = self.is_held = True
