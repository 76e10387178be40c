"""Memory that several requests hold."""

import asyncio

from gateway.core.fair_quota import FairSemaphore, MemoryLease


class SharedLease(MemoryLease):
    """The memory of what several requests hold, given back when nothing refers to the lease any
    more.

    The end of one request does not end it.
    """

    __slots__ = ("_loop",)

    def __init__(self, turns: FairSemaphore, principal: str) -> None:
        super().__init__(turns, principal)
        self._loop = asyncio.get_running_loop()

    def grow(self, size: int) -> bool:
        """Take more bytes, if they are free now."""
        taken = self._turns.take_at_once(self._principal, size)
        if taken:
            self._held += size
        return taken

    def shrink(self, size: int) -> None:
        """Others hold all of it."""

    def close(self) -> None:
        """Others may hold it."""

    def __del__(self) -> None:
        if self._held and not self._loop.is_closed():
            # This may be any moment, and any thread if it is the garbage collector's.
            self._loop.call_soon_threadsafe(self._turns.give_back, self._principal, self._held)
