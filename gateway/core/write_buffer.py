"""Writes to connections, batched until the callbacks that are ready have run."""

import asyncio
from weakref import WeakKeyDictionary

MAX_UNWRITTEN_BYTES = 64 * 1024


class WriteBuffer:
    """Batches the writes to one connection in one turn of the event loop.

    One system call then sends the data of many calls; a system call costs more than the rest of a
    small call. Writes to many peers follow one another: the kernel's code stays in the cache, and
    a peer on this machine is not put to sleep and woken for each of them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._transport = transport
        self._unsent = unsent_in(loop)
        self.collects = True
        """If false, each write goes to the transport at once."""
        self._unwritten: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send soon; data of MAX_UNWRITTEN_BYTES or more at once and without a copy."""
        if not self.collects or len(data) >= MAX_UNWRITTEN_BYTES:
            self.flush()
            self._hand_over(data)
            return
        if not self._unwritten:
            self._unsent.add(self)
        self._unwritten.append(data)
        self._size += len(data)
        if self._size >= MAX_UNWRITTEN_BYTES:
            self.flush()

    def flush(self) -> None:
        unwritten = self._unwritten
        if unwritten:
            self._unwritten, self._size = [], 0
            self._hand_over(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def clear(self) -> None:
        self._unwritten = []
        self._size = 0

    def _hand_over(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class Unsent:
    def __init__(self) -> None:
        self._buffers: list[WriteBuffer] = []

    def add(self, buffer: WriteBuffer) -> None:
        if not self._buffers:  # asking asyncio for the loop is a system call before Python 3.12
            buffer.loop.call_soon(self.flush)
        self._buffers.append(buffer)

    def flush(self) -> None:
        """Flush all buffers. An exception of one transport does not stop the others."""
        buffers, self._buffers = self._buffers, []
        for each in buffers:
            try:
                each.flush()
            except Exception as error:
                context = {"message": "a connection cannot be written to", "exception": error}
                each.loop.call_exception_handler(context)


UNSENT = WeakKeyDictionary[asyncio.AbstractEventLoop, Unsent]()


def unsent_in(loop: asyncio.AbstractEventLoop) -> Unsent:
    return UNSENT.setdefault(loop, Unsent())


def send_unsent() -> None:
    """Call before long work, so that pending data does not wait for it."""
    unsent_in(asyncio.get_running_loop()).flush()
