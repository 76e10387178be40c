"""A deadline that moves with every request, and costs a number each time."""

import asyncio
import math
from collections.abc import Callable


class Patience:
    """Calls `late` when it has not been renewed, or suspended, for `seconds`.

    A timer of the event loop for every request would cost more than it does to look, now and
    then, how far the deadline has moved.
    """

    __slots__ = ("_due", "_late", "_loop", "_seconds", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, late: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._late = late
        self._due = loop.time() + seconds
        self._timer = loop.call_at(self._due, self._ring)

    def renew(self) -> None:
        """The deadline is `seconds` from now."""
        self._due = self._loop.time() + self._seconds

    def suspend(self) -> None:
        """There is no deadline until the next `renew`."""
        self._due = math.inf

    def change(self, late: Callable[[], None], seconds: float | None = None) -> None:
        """Renew for the last time, in other seconds perhaps, and with other consequences."""
        self.end()
        self._late = late
        self._due = self._loop.time() + (self._seconds if seconds is None else seconds)
        self._timer = self._loop.call_at(self._due, self._ring)

    def end(self) -> None:
        """Nothing is called any more."""
        self._timer.cancel()

    def _ring(self) -> None:
        now = self._loop.time()
        if now >= self._due:
            self._late()
        else:
            self._timer = self._loop.call_at(min(self._due, now + self._seconds), self._ring)
