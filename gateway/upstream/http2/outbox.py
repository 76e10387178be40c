"""Bytes on their way to the transport: those of one moment go out in one write."""

import asyncio

MOST_UNWRITTEN = 64 * 1024
"""Bytes that are collected before they are handed to the transport."""


class Outbox:
    """Collects what is written until all that is to be done now has been done.

    Nothing is collected before `ready` is done: there are no calls yet, and whoever connects may
    give it up.
    """

    transport: asyncio.Transport
    """To be set before anything is written."""

    def __init__(self, ready: "asyncio.Future[None]") -> None:
        self._ready = ready
        self._loop = ready.get_loop()
        self._unwritten: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send it soon, in one system call with what other calls send in the same moment."""
        if not self._unwritten:
            if not self._ready.done():
                self.transport.write(data)
                return
            self._loop.call_soon(self.flush)
        self._unwritten.append(data)
        self._size += len(data)
        if self._size >= MOST_UNWRITTEN:
            self.flush()

    def flush(self) -> None:
        """Hand over what has been collected, unless the transport takes no more."""
        unwritten, self._unwritten, self._size = self._unwritten, [], 0
        if unwritten and not self.transport.is_closing():
            self.transport.write(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def clear(self) -> None:
        """Forget what has not been handed over."""
        self._unwritten = []
        self._size = 0
