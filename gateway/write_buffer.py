"""Writes to connections, collected until the callbacks that are ready have run."""

import asyncio
from weakref import WeakKeyDictionary

MAX_UNWRITTEN = 64 * 1024
"""Bytes that are collected before they are handed to the transport."""


class WriteBuffer:
    """Collects what is written to a connection in one turn of the event loop.

    What many calls send to one peer goes out in one system call then, which costs more than the
    rest of a small call. What is sent to many peers goes out in one system call right after the
    other: they find the kernel's code in the cache, and a peer on the same machine is not put to
    sleep and woken for each of them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._transport = transport
        self._unsent = unsent_in(loop)
        self.collects = True
        """If not, all is written at once."""
        self._unwritten: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send it soon; at once, and without a copy, if it is much."""
        if not self.collects or len(data) >= MAX_UNWRITTEN:
            self.flush()
            self._hand_over(data)
            return
        if not self._unwritten:
            self._unsent.add(self)
        self._unwritten.append(data)
        self._size += len(data)
        if self._size >= MAX_UNWRITTEN:
            self.flush()

    def flush(self) -> None:
        """Hand over what has been collected, unless the transport takes no more."""
        unwritten = self._unwritten
        if unwritten:
            self.clear()
            self._hand_over(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def clear(self) -> None:
        """Forget what has not been handed over."""
        self._unwritten = []
        self._size = 0

    def _hand_over(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class Unsent:
    """The buffers of one event loop in which something has been collected."""

    def __init__(self) -> None:
        self._buffers: list[WriteBuffer] = []

    def add(self, buffer: WriteBuffer) -> None:
        """Flush it when the callbacks that are ready now have run."""
        if not self._buffers:  # asking asyncio for the loop is a system call before Python 3.12
            buffer.loop.call_soon(self.flush)
        self._buffers.append(buffer)

    def flush(self) -> None:
        """Flush all of them. What one transport raises is reported and keeps no other waiting."""
        buffers, self._buffers = self._buffers, []
        for each in buffers:
            try:
                each.flush()
            except Exception as error:
                context = {"message": "a connection cannot be written to", "exception": error}
                each.loop.call_exception_handler(context)


UNSENT = WeakKeyDictionary[asyncio.AbstractEventLoop, Unsent]()
"""That of each event loop, as long as there is the loop."""


def unsent_in(loop: asyncio.AbstractEventLoop) -> Unsent:
    """What has been collected in this event loop."""
    return UNSENT.setdefault(loop, Unsent())


def send_unsent() -> None:
    """To be called before long work: what others have written is sent before it, not after it."""
    unsent_in(asyncio.get_running_loop()).flush()
