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
        self._loop = loop
        self._transport = transport
        self._unsent = unsent_in(loop)
        self.collects = True
        """If false, each write goes to the transport at once."""
        self._unwritten: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send soon; data of MAX_UNWRITTEN_BYTES or more at once and without a copy."""
        if len(data) >= MAX_UNWRITTEN_BYTES:
            self.flush()
        elif not self._unwritten:
            self._unsent.add(self)
            self._loop.call_soon(self.flush)
        self._unwritten.append(data)
        self._size += len(data)
        if self._size >= MAX_UNWRITTEN_BYTES or not self.collects:
            self.flush()

    def flush(self) -> None:
        unwritten, self._unwritten, self._size = self._unwritten, [], 0
        self._unsent.discard(self)
        if unwritten and not self._transport.is_closing():
            self._transport.write(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def flushed(self) -> asyncio.Transport:
        """The transport, after flushing: to end it, or to write what has to come at once."""
        self.flush()
        return self._transport

    def clear(self) -> None:
        self._unwritten = []
        self._size = 0


UNSENT = WeakKeyDictionary[asyncio.AbstractEventLoop, set[WriteBuffer]]()


def unsent_in(loop: asyncio.AbstractEventLoop) -> set[WriteBuffer]:
    return UNSENT.setdefault(loop, set())


def send_unsent() -> None:
    """Call before long work, so that pending data does not wait for it."""
    loop = asyncio.get_running_loop()
    for each in [*unsent_in(loop)]:
        try:
            each.flush()
        except Exception as error:  # as the loop does it, so that others do not hear of it
            context = {"message": "a connection cannot be written to", "exception": error}
            loop.call_exception_handler(context)
