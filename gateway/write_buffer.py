"""Writes to a connection, collected until the end of the event loop's turn."""

import asyncio

MAX_UNWRITTEN = 64 * 1024
"""Bytes that are collected before they are handed to the transport."""


class WriteBuffer:
    """Collects what is written until all that is to be done now has been done.

    What many calls send to one peer goes out in one system call then, which costs more than the
    rest of a small call. What is sent to many peers goes out in one system call right after the
    other: they find the kernel's code in the cache, and a peer on the same machine is not put to
    sleep and woken for each of them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.collects = True
        """If not, all is written at once."""
        self._unwritten: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send it soon."""
        if not self._unwritten:
            if not self.collects:
                self._transport.write(data)
                return
            self._loop.call_soon(self.flush)
        self._unwritten.append(data)
        self._size += len(data)
        if self._size >= MAX_UNWRITTEN:
            self.flush()

    def flush(self) -> None:
        """Hand over what has been collected, unless the transport takes no more."""
        unwritten = self._unwritten
        if not unwritten:
            return
        self.clear()
        if not self._transport.is_closing():
            self._transport.write(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def clear(self) -> None:
        """Forget what has not been handed over."""
        self._unwritten = []
        self._size = 0
