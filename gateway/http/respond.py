"""Sending an answer: compressed as the client wants it, and no faster than the client reads."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from starlette.types import Send

from gateway.access.admission import LargeAnswers
from gateway.http.compression import compressed
from gateway.http.exchange import JSON_TYPE, ClientGone, Exchange

LARGE_ANSWER = 1024 * 1024
"""Bytes of Cuebot's answer above which it has to wait for its turn."""
LARGE_ANSWERS_AT_ONCE = 16
LARGE_ANSWERS_EACH = 4
SLOWEST_READER = 128 * 1024
"""Bytes per second. A client that reads a long answer more slowly is disconnected."""

Form = tuple[Iterable[bytes], Sequence[tuple[bytes, bytes]]]
"""The pieces of an answer, and headers that say in which form they are."""


class Responder:
    """Sends answers in JSON. A client has `http_timeout` seconds to read each piece."""

    def __init__(self, *, http_timeout: float) -> None:
        self._http_timeout = http_timeout
        self._large = LargeAnswers(total=LARGE_ANSWERS_AT_ONCE, each=LARGE_ANSWERS_EACH)

    async def send(
        self,
        exchange: Exchange,
        form: Form,
        send: Send,
        *,
        turn_within: float | None = None,
    ) -> None:
        """Send a 200.

        With `turn_within` it is a large answer, which waits for its turn for so many seconds at
        most. Raises GatewayError (UNAVAILABLE) when there is none by then, and ClientGone.
        """
        if turn_within is None:
            await self._send(exchange, form, send)
            return
        began = monotonic()
        try:
            give_back = await self._large.take(exchange.subject or "", turn_within)
        finally:
            exchange.waited += monotonic() - began
        try:
            await self._send(exchange, form, send)
        finally:
            give_back()

    async def _send(self, exchange: Exchange, form: Form, send: Send) -> None:
        if answer_at_once(exchange, form):
            return
        pieces, headers = form
        if exchange.http_version == "1.0":  # which has no chunks
            pieces = await gather(pieces)
        await send_pieces(pieces, headers, send, self._http_timeout)


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
    pieces: Iterable[bytes], more: Iterable[tuple[bytes, bytes]], send: Send, timeout: float
) -> None:
    """Send the JSON, with its length when all of it is there; others get turns between pieces.

    `more` are headers that say in which form the pieces are. Raises ClientGone when the client
    takes longer than `timeout` seconds to read a piece, or is slower than SLOWEST_READER all in
    all.
    """
    headers = [JSON_TYPE, *more]
    if isinstance(pieces, Sequence):
        headers.append((b"content-length", b"%d" % sum(map(len, pieces))))
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    if isinstance(pieces, Sequence) and len(pieces) == 1:
        with gone_after_timeout():
            async with asyncio.timeout(timeout):  # an earlier answer may still be unread
                await send(start)
                await send({"type": "http.response.body", "body": pieces[0]})
        return
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    started = False
    for piece in pieces:
        if piece:
            with gone_after_timeout():
                async with asyncio.timeout_at(min(deadline, loop.time() + timeout)):
                    if not started:
                        await send(start)
                        started = True
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            deadline += len(piece) / SLOWEST_READER
        await asyncio.sleep(0)
    with gone_after_timeout():
        async with asyncio.timeout(timeout):
            await send({"type": "http.response.body", "body": b""})


@contextmanager
def gone_after_timeout() -> Iterator[None]:
    """A client that does not read in time counts as disconnected."""
    try:
        yield
    except TimeoutError:
        raise ClientGone from None
