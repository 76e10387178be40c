"""One request, top to bottom: route, headers, body, decode, call, encode, respond."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.access.admission import Turns
from gateway.calls.plan import Course, prepare, run
from gateway.calls.preview import REHEARSED, asks_dry_run, preview
from gateway.codec.decode import Decoded
from gateway.codec.unknown import REJECTED, Reject
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.http.body import BodyReader, asked_timeout, check_headers, unread_query
from gateway.http.compression import compressed
from gateway.http.disconnect import HangUps
from gateway.http.exchange import BODY_IS_HERE, JSON_TYPE, ClientGone, Exchange, exchange_of
from gateway.http.preflight import METHOD_ALLOWS
from gateway.schema.method import Method
from gateway.schema.not_found import no_schema, unknown_path
from gateway.settings.model import Settings
from gateway.upstream.interface import Metadata, Upstream

LARGE_BODY = 64 * 1024
"""Bodies above this many bytes are decoded in a thread, so that others get their turns."""
DECODING_THREADS = 2
BODIES_AT_ONCE = 16
"""How many bodies of the largest size may be read and decoded at once."""
LARGE_ANSWER = 1024 * 1024
LARGE_ANSWERS_AT_ONCE = 16
LARGE_ANSWERS_EACH = 4
SLOWEST_READER = 128 * 1024
"""Bytes per second. A client that reads a long answer more slowly is let go."""
MOST_IGNORED_NAMES = 20
LONGEST_IGNORED_HEADER = 1024


class Transcoder:
    """The ASGI app behind authentication: every method path, one dictionary look-up."""

    def __init__(self, settings: Settings, live: LiveCatalog, upstream: Upstream) -> None:
        self._live = live
        self._upstream = upstream
        self._max_body = int(settings.max_body_mb * 2**20)
        self._bodies = BodyReader(
            max_body=self._max_body,
            patience=settings.http_timeout,
            room=self._max_body * BODIES_AT_ONCE,
        )
        self._http_timeout = settings.http_timeout
        self._longest_call = settings.grpc_timeout
        self._loop = asyncio.get_running_loop()
        self._hang_ups = HangUps()
        self._free_slots = settings.max_in_flight
        self._decoding = asyncio.Semaphore(DECODING_THREADS)
        self._large_answers = Turns(total=LARGE_ANSWERS_AT_ONCE, each=LARGE_ANSWERS_EACH)
        self._reject_on_read, self._reject_on_write = REJECTED[settings.unknown_fields]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        if asks_dry_run(exchange.headers):
            exchange.dry_run = True
            exchange.headers_out.append(REHEARSED)
        method = self._route(exchange)
        exchange.rpc = method.path
        check_headers(exchange.headers, self._max_body)
        timeout = min(self._longest_call, asked_timeout(exchange.headers))
        reject = self._reject_on_read if method.reads_only else self._reject_on_write
        unread = unread_query(scope["query_string"], reject)
        if BODY_IS_HERE in scope and b"content-encoding" not in exchange.headers:
            body = await self._bodies.take(exchange, receive)
        else:
            body = await self._wait_for_body(exchange, receive)
        try:
            ready = (
                prepare(method, body, reject)
                if len(body) <= LARGE_BODY
                else await self._decode_aside(method, body, reject)
            )
        finally:
            self._bodies.forget(body)
        if ready.ignored or unread:
            exchange.headers_out.append(ignored_header(unread + ready.ignored))
        ends = self._loop.time() + timeout
        if exchange.dry_run:
            exchange.code = Code.OK
            # Its size is the client's choice: a few bytes may stand for a message of defaults.
            pieces = preview(method, ready)
            if len(body) <= LARGE_BODY:
                await self._respond(pieces, scope, send)
            else:
                await self._respond_in_turn(pieces, exchange, ends, scope, send)
            return
        with self._hang_ups.watch(receive):
            self._take_slot()
            metadata = metadata_for(exchange)
            began = monotonic()
            try:
                if isinstance(ready, Decoded):
                    answer = await self._upstream.call(
                        method.path, ready.payload, timeout, metadata, method.homes
                    )
                else:
                    answer = await self._go_through(ready, metadata, ends)
            finally:
                exchange.with_cuebot += monotonic() - began
                self._free_slots += 1
            exchange.code = Code.OK
            if len(answer) <= LARGE_ANSWER:
                await self._respond(method.encode(answer), scope, send)
            else:
                await self._respond_in_turn(method.encode(answer), exchange, ends, scope, send)

    async def _respond_in_turn(
        self,
        pieces: Iterable[bytes],
        exchange: Exchange,
        ends: float,
        scope: Scope,
        send: Send,
    ) -> None:
        """Send a large answer when it is its turn, which may take until `ends`."""
        patience = max(ends - self._loop.time(), 0)
        began = monotonic()
        try:
            give_back = await self._large_answers.take(exchange.subject or "", patience)
        finally:
            exchange.waited += monotonic() - began
        try:
            await self._respond(pieces, scope, send)
        finally:
            give_back()

    async def _respond(self, pieces: Iterable[bytes], scope: Scope, send: Send) -> None:
        exchange = exchange_of(scope)
        pieces, headers = compressed(pieces, exchange.headers.get(b"accept-encoding"))
        if isinstance(pieces, Sequence) and len(pieces) == 1:
            length = (b"content-length", b"%d" % len(pieces[0]))
            if exchange.answer(200, (JSON_TYPE, *headers, length), pieces[0]):
                return
        if scope["http_version"] == "1.0":  # which has no chunks
            pieces = await gather(pieces)
        await send_pieces(pieces, headers, send, self._http_timeout)

    def _route(self, exchange: Exchange) -> Method:
        """The method at this path. Raises GatewayError when it cannot be called."""
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        exchange.headers_out.append(catalog.tag)
        method = catalog.routes.get(exchange.path)
        if method is None:
            raise unknown_path(exchange.path, catalog)
        if exchange.http_method != "POST":
            raise GatewayError(
                Code.UNIMPLEMENTED,
                f"{exchange.http_method} cannot call a method; use POST",
                status=405,
                headers={"Allow": METHOD_ALLOWS},
            )
        if method.streams:
            raise GatewayError(Code.UNIMPLEMENTED, f"{method.path} streams, which is not served")
        return method

    async def _wait_for_body(self, exchange: Exchange, receive: Receive) -> bytes:
        began = monotonic()
        try:
            return await self._bodies.read(exchange, receive)
        finally:
            exchange.waited += monotonic() - began

    async def _decode_aside(self, method: Method, body: bytes, reject: Reject) -> Decoded | Course:
        """A request that would hold the loop, decoded in a thread."""
        async with self._decoding:
            return await asyncio.to_thread(prepare, method, body, reject)

    async def _go_through(self, course: Course, metadata: Metadata, ends: float) -> bytes:
        """The answer to a request of several calls, which together may last until `ends`."""

        async def call(method: Method, payload: bytes) -> bytes:
            left = max(ends - self._loop.time(), 0)
            return await self._upstream.call(method.path, payload, left, metadata, method.homes)

        return await run(course, call)

    def _take_slot(self) -> None:
        """Take one of the places for requests that are with Cuebot. Raises GatewayError."""
        if self._free_slots <= 0:
            raise GatewayError(
                Code.UNAVAILABLE, "too many requests are being served", headers=RETRY_SOON
            )
        self._free_slots -= 1


async def gather(pieces: Iterable[bytes]) -> Sequence[bytes]:
    """All the pieces, giving others their turns on the way."""
    gathered = []
    for piece in pieces:
        gathered.append(piece)
        await asyncio.sleep(0)
    return gathered


async def send_pieces(
    pieces: Iterable[bytes], more: Iterable[tuple[bytes, bytes]], send: Send, patience: float
) -> None:
    """Send the JSON, with its length when all of it is there; others get turns between pieces.

    `more` are headers that say in which form the pieces are.

    Raises ClientGone when the client takes longer than `patience` seconds to read a piece, or
    is slower than SLOWEST_READER all in all.
    """
    headers = [JSON_TYPE, *more]
    if isinstance(pieces, Sequence):
        headers.append((b"content-length", b"%d" % sum(map(len, pieces))))
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    if isinstance(pieces, Sequence) and len(pieces) == 1:
        with gone_after_timeout():
            async with asyncio.timeout(patience):  # an earlier answer may still be unread
                await send(start)
                await send({"type": "http.response.body", "body": pieces[0]})
        return
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    started = False
    for piece in pieces:
        if piece:
            with gone_after_timeout():
                async with asyncio.timeout_at(min(deadline, loop.time() + patience)):
                    if not started:
                        await send(start)
                        started = True
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            deadline += len(piece) / SLOWEST_READER
        await asyncio.sleep(0)
    with gone_after_timeout():
        async with asyncio.timeout(patience):
            await send({"type": "http.response.body", "body": b""})


@contextmanager
def gone_after_timeout() -> Iterator[None]:
    """A client that does not read in time is as good as gone."""
    try:
        yield
    except TimeoutError:
        raise ClientGone from None


def metadata_for(exchange: Exchange) -> Metadata:
    """What Cuebot is told about the caller. The token is not part of it."""
    return (
        ("x-request-id", exchange.request_id),
        ("x-forwarded-for", exchange.client),
        ("x-gateway-principal", encoded(exchange.subject or "")),
    )


@lru_cache(maxsize=1024)
def encoded(subject: str) -> str:
    """The subject in printable ASCII."""
    return quote(subject, safe="")


def ignored_header(paths: tuple[str, ...]) -> tuple[bytes, bytes]:
    """`X-Ignored-Fields`: percent-encoded paths, `...` last when there are too many of them."""
    names = [quote(path, safe="[]") for path in paths]
    shown: list[str] = []
    room = LONGEST_IGNORED_HEADER - len("...")
    for name in names[:MOST_IGNORED_NAMES]:
        room -= len(name) + len(", ")
        if room < 0:
            break
        shown.append(name)
    if len(shown) < len(names):
        shown.append("...")
    return (b"x-ignored-fields", ", ".join(shown).encode("ascii"))
