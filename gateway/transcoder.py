"""One request, top to bottom: route, headers, body, decode, call, encode, respond."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.codec.decode import Decoded, Reject
from gateway.errors import Code, GatewayError
from gateway.exchange import JSON_TYPE, ClientGone, Exchange, exchange_of
from gateway.hangup import HangUpWatch
from gateway.request import asked_timeout, check_headers, read_body
from gateway.schema.catalog import Method
from gateway.schema.misses import unknown_path
from gateway.schema.refresh import LiveCatalog
from gateway.settings import Settings
from gateway.upstream import Metadata, Upstream

RETRY_SOON = {"Retry-After": "1"}
LARGE_BODY = 64 * 1024
"""Bodies above this many bytes are decoded in a thread, so that others get their turns."""
LARGE_ANSWER = 1024 * 1024
LARGE_ANSWERS_AT_ONCE = 4
MOST_IGNORED_NAMES = 20
LONGEST_IGNORED_HEADER = 1024


class Transcoder:
    """The ASGI app behind authentication: every method path, one dictionary look-up."""

    def __init__(self, settings: Settings, live: LiveCatalog, upstream: Upstream) -> None:
        self._live = live
        self._upstream = upstream
        self._max_body = int(settings.max_body_mb * 2**20)
        self._http_timeout = settings.http_timeout
        self._longest_call = settings.grpc_timeout
        self._max_in_flight = settings.max_in_flight
        self._in_flight = 0
        self._large_answers = asyncio.Semaphore(LARGE_ANSWERS_AT_ONCE)
        self._reject_on_read, self._reject_on_write = {
            "ignore": (Reject.NOTHING, Reject.NOTHING),
            "safe": (Reject.NOTHING, Reject.ARGUMENTS),
            "reject": (Reject.EVERYTHING, Reject.EVERYTHING),
        }[settings.unknown_fields]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        method = self._route(exchange)
        exchange.rpc = method.path
        check_headers(exchange.headers, self._max_body)
        timeout = min(self._longest_call, asked_timeout(exchange.headers))
        body = await read_body(receive, self._max_body, self._http_timeout)
        decoded = await self._decode(method, body)
        if decoded.ignored:
            exchange.headers_out.append(ignored_header(decoded.ignored))
        if self._in_flight >= self._max_in_flight:
            raise GatewayError(
                Code.UNAVAILABLE, "too many requests are being served", headers=RETRY_SOON
            )
        self._in_flight += 1
        try:
            async with HangUpWatch(receive):
                answer = await self._upstream.call(
                    method.path, decoded.payload, timeout, metadata_for(exchange)
                )
                exchange.code = Code.OK
                await self._respond(method, answer, send)
        finally:
            self._in_flight -= 1

    def _route(self, exchange: Exchange) -> Method:
        """The method at this path. Raises GatewayError when it cannot be called."""
        path = exchange.path
        if path.startswith("//"):  # from a base URL that ends in a slash
            path = "/" + path.lstrip("/")
        catalog = self._live.current
        if catalog is None:
            raise GatewayError(
                Code.UNAVAILABLE,
                "the gateway does not know Cuebot's interface yet; its log tells why",
                headers=RETRY_SOON,
            )
        method = catalog.routes.get(path)
        if method is None:
            raise unknown_path(path, catalog)
        if exchange.http_method != "POST":
            raise GatewayError(
                Code.UNIMPLEMENTED,
                f"{exchange.http_method} cannot call a method; use POST",
                status=405,
                headers={"Allow": "POST"},
            )
        if method.streams:
            raise GatewayError(Code.UNIMPLEMENTED, f"{method.path} streams, which is not served")
        return method

    async def _decode(self, method: Method, body: bytes) -> Decoded:
        reject = self._reject_on_read if method.reads_only else self._reject_on_write
        if len(body) > LARGE_BODY:
            return await asyncio.to_thread(method.decode, body, reject)
        return method.decode(body, reject)

    async def _respond(self, method: Method, answer: bytes, send: Send) -> None:
        if len(answer) <= LARGE_ANSWER:
            await send_pieces(method.encode(answer), send, self._http_timeout)
            return
        async with self._large_turn():
            await send_pieces(method.encode(answer), send, self._http_timeout)

    @asynccontextmanager
    async def _large_turn(self) -> AsyncIterator[None]:
        """One of the few turns for encoding a very large answer."""
        try:
            async with asyncio.timeout(self._longest_call):
                await self._large_answers.acquire()
        except TimeoutError:
            raise GatewayError(
                Code.UNAVAILABLE, "too many large answers are being sent", headers=RETRY_SOON
            ) from None
        try:
            yield
        finally:
            self._large_answers.release()


async def send_pieces(pieces: Iterable[bytes], send: Send, patience: float) -> None:
    """Send the JSON; in several pieces, others get their turns between them.

    Raises ClientGone when the client takes longer than `patience` seconds to read a piece.
    """
    if isinstance(pieces, tuple):
        (body,) = pieces
        headers = [JSON_TYPE, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    started = False
    for piece in pieces:
        if piece and not started:
            await send({"type": "http.response.start", "status": 200, "headers": [JSON_TYPE]})
            started = True
        if piece:
            try:
                async with asyncio.timeout(patience):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                raise ClientGone from None
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


def metadata_for(exchange: Exchange) -> Metadata:
    """What Cuebot is told about the caller. The token is not part of it."""
    return (
        ("x-request-id", exchange.request_id),
        ("x-forwarded-for", exchange.client),
        ("x-gateway-principal", quote(exchange.subject or "", safe="")),
    )


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
