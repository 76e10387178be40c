"""Sending an answer: compressed as the client wants it, and no faster than the client reads.

Answers of clients that read slowly stay in memory. Who reads at all may take its time as long as
nobody else waits for that memory.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from starlette.types import Message, Send

from gateway.http.compression import compressed
from gateway.http.exchange import JSON_TYPE, ClientGone, Exchange

SLOWEST_READER = 128 * 1024
"""Bytes per second. A client that reads a long answer more slowly is disconnected."""
LOOK_EVERY = 0.25
"""Seconds between two looks at whether others wait for the memory of a client that reads slowly."""
PATIENCE = 1.0
"""Seconds for which such a client may read nothing, or be behind SLOWEST_READER from its first
byte on, when others wait."""

Form = tuple[Iterable[bytes], Sequence[tuple[bytes, bytes]]]
"""The pieces of an answer, and headers that say in which form they are."""


class Responder:
    """Sends answers in JSON. A client has `http_timeout` seconds to read each piece."""

    def __init__(self, *, http_timeout: float) -> None:
        self._http_timeout = http_timeout

    async def send(self, exchange: Exchange, form: Form, send: Send) -> None:
        """Send a 200. Raises ClientGone."""
        if answer_at_once(exchange, form):
            return
        pieces, headers = form
        if exchange.http_version == "1.0":  # which has no chunks
            pieces = await gather(pieces)
        await send_pieces(exchange, pieces, headers, send, self._http_timeout)


def form_for(exchange: Exchange, pieces: Iterable[bytes]) -> Form:
    """The pieces of an answer as the client wants them, and the headers that say so."""
    return compressed(pieces, exchange.headers.get(b"accept-encoding"))


def answer_at_once(exchange: Exchange, form: Form) -> bool:
    """Send a whole answer if it is one piece and the connection takes it now. Raises ClientGone."""
    pieces, headers = form
    if not isinstance(pieces, tuple) or len(pieces) != 1:  # a Sequence: asking that costs more
        return False
    length = (b"content-length", b"%d" % len(pieces[0]))
    return exchange.answer(200, (JSON_TYPE, *headers, length), pieces[0])


async def gather(pieces: Iterable[bytes]) -> Sequence[bytes]:
    """All the pieces, giving others their turns on the way."""
    gathered = []
    for piece in pieces:
        gathered.append(piece)
        await asyncio.sleep(0)
    return gathered


async def send_pieces(
    exchange: Exchange,
    pieces: Iterable[bytes],
    more: Iterable[tuple[bytes, bytes]],
    send: Send,
    timeout: float,
) -> None:
    """Send the JSON, with its length when all of it is there; others get turns between pieces.

    `more` are headers that say in which form the pieces are. Raises ClientGone when the client
    takes longer than `timeout` seconds to read a piece, or is slower than SLOWEST_READER all in
    all; and earlier when others wait for the memory.
    """
    headers = [JSON_TYPE, *more]
    if isinstance(pieces, Sequence):
        headers.append((b"content-length", b"%d" % sum(map(len, pieces))))
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    leave_if_behind(exchange)  # an earlier answer may be unread
    if isinstance(pieces, Sequence) and len(pieces) == 1:
        exchange.leave()
        with gone_after_timeout():
            async with asyncio.timeout(timeout):
                await send(start)
                await send({"type": "http.response.body", "body": pieces[0]})
        return
    reader = SlowReader(exchange, timeout)
    started = False
    for piece in pieces:
        if piece:
            if not started:
                with gone_after_timeout():
                    async with asyncio.timeout(timeout):
                        await send(start)
                started = True
            message = {"type": "http.response.body", "body": piece, "more_body": True}
            await reader.send(message, len(piece), send)
        await asyncio.sleep(0)
    exchange.leave()
    with gone_after_timeout():
        async with asyncio.timeout(timeout):
            await send({"type": "http.response.body", "body": b""})


def leave_if_behind(exchange: Exchange) -> None:
    """A client that is slower than we are keeps nothing busy but memory."""
    if exchange.direct is not None and exchange.direct.is_behind:
        exchange.leave()


class SlowReader:
    """The client of a long answer, with the time that it has to read it."""

    def __init__(self, exchange: Exchange, timeout: float) -> None:
        self._exchange = exchange
        self._timeout = timeout
        self._time = asyncio.get_running_loop().time
        self._due = self._time()
        """When it should have read what has been sent, at SLOWEST_READER."""

    async def send(self, message: Message, size: int, send: Send) -> None:
        """Send a piece of so many bytes. Raises ClientGone if it is not read in time."""
        leave_if_behind(self._exchange)
        began = self._time()
        last = min(self._due, began) + self._timeout
        while True:
            try:
                async with asyncio.timeout_at(min(last, self._time() + LOOK_EVERY)):
                    await send(message)
                break
            except TimeoutError:
                now, exchange = self._time(), self._exchange
                exchange.leave()
                is_wanted = exchange.lease is not None and exchange.lease.is_wanted
                if now >= last or (is_wanted and now - min(began, self._due) >= PATIENCE):
                    raise ClientGone from None
        self._due += size / SLOWEST_READER


@contextmanager
def gone_after_timeout() -> Iterator[None]:
    """A client that does not read in time counts as disconnected."""
    try:
        yield
    except TimeoutError:
        raise ClientGone from None
