"""A deadline that moves with every request at the cost of one assignment."""

import asyncio
import math
from collections.abc import Callable


def nothing() -> None:
    """Does nothing, as the initial callback."""


class Timeout:
    """Calls `expired` `seconds` after the last restart. A timer per request would cost more."""

    __slots__ = ("_deadline", "_expired", "_loop", "_seconds", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expired = expired
        self._deadline = loop.time() + seconds
        self._timer = loop.call_at(self._deadline, self._check)

    def restart(self) -> None:
        self._deadline = self._loop.time() + self._seconds

    def elapsed(self) -> float:
        return max(self._loop.time() - self._deadline + self._seconds, 0.0)

    def pause(self) -> None:
        self._deadline = math.inf

    def replace(self, expired: Callable[[], None], seconds: float) -> None:
        """Restart once more, with another time and another callback."""
        self.cancel()
        self._expired = expired
        self._deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._deadline, self._check)

    def cancel(self) -> None:
        """Stop for good, and release the callback."""
        self._timer.cancel()
        self._expired = nothing

    def _check(self) -> None:
        now = self._loop.time()
        if now >= self._deadline:
            self._expired()
        else:
            self._timer = self._loop.call_at(min(self._deadline, now + self._seconds), self._check)
