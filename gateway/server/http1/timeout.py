"""A deadline that moves with every request, and costs a number each time."""

import asyncio
import math
from collections.abc import Callable


def nothing() -> None:
    """What is called when nothing is to be called."""


class Timeout:
    """Calls `expired` when it has not been restarted, or paused, for `seconds`.

    A timer of the event loop for every request would cost more than it does to look, now and
    then, how far the deadline has moved.
    """

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
        """The deadline is `seconds` from now."""
        self._deadline = self._loop.time() + self._seconds

    def elapsed(self) -> float:
        """Seconds since the last `restart`; 0 while it is paused."""
        return max(self._loop.time() - self._deadline + self._seconds, 0.0)

    def pause(self) -> None:
        """There is no deadline until the next `restart`."""
        self._deadline = math.inf

    def replace(self, expired: Callable[[], None], seconds: float) -> None:
        """Restart for the last time: in other seconds, and with another consequence."""
        self.cancel()
        self._expired = expired
        self._deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._deadline, self._check)

    def cancel(self) -> None:
        """Nothing is called any more, nor kept."""
        self._timer.cancel()
        self._expired = nothing

    def _check(self) -> None:
        now = self._loop.time()
        if now >= self._deadline:
            self._expired()
        else:
            self._timer = self._loop.call_at(min(self._deadline, now + self._seconds), self._check)
