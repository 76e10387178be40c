"""One HTTP request and its answer: the outermost layer around every handler.

It gives the exchange its request id, turns every exception into the one JSON shape, adds the
headers that other layers leave in `Exchange.headers_out`, and reports the finished exchange.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import getrandbits

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.http.direct import DirectConnection, Headers, direct_connection
from gateway.http.proxies import HEADER as FORWARDED_FOR
from gateway.http.proxies import TrustedProxies

CLIENT_CLOSED_REQUEST = 499
SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
LIKE_A_TOKEN = re.compile(r"eyJ[\w-]*+\.eyJ[\w.-]*")
"""Two JSON objects in base64, as a JWT begins. For short texts only: its time is quadratic."""
LONGEST_PATH = 512
"""Characters of a path that are logged."""
JSON_TYPE = (b"content-type", b"application/json")
NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Answers contain Cuebot's texts, which no browser must take for HTML."""
NO_STORE = (b"cache-control", b"no-store")
"""What one token may see must not reach others through a shared cache."""
CLOSE = {"Connection": "close"}
"""For answers after which the connection cannot be used again."""
DISCARDED_BYTES = 32 * 1024 * 1024
DISCARDING_SECONDS = 5.0

log = structlog.stdlib.get_logger("gateway")


class ClientGone(Exception):
    """The client has disconnected: there is nobody to answer."""


@dataclass(slots=True)
class Exchange:
    """What is known about one request so far. Layers fill it in as the request goes down."""

    request_id: str
    client: str
    """The address of the peer that connected, or that a trusted proxy names."""
    http_method: str
    path: str
    headers: dict[bytes, bytes]
    """The request's headers, by lower-case name."""
    started: float
    """Seconds on the monotonic clock."""
    with_cuebot: float = 0.0
    """Seconds that calls to Cuebot have taken."""
    waited: float = 0.0
    """Seconds of waiting: for the body, for the rate limit, for the turn of a large answer."""
    subject: str | None = None
    rpc: str | None = None
    """The native gRPC path, whatever alias the client used."""
    dry_run: bool = False
    """Whether the client only wants to see what would be called."""
    body_read: bool = False
    """Whether the whole body has been taken from the connection."""
    status: int = 0
    code: Code | None = None
    bytes_out: int = 0
    headers_out: list[tuple[bytes, bytes]] = field(default_factory=list)
    direct: DirectConnection | None = None
    """The short way to the connection, if our own server serves this request."""

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer; False when it has to go the way of ASGI's messages.

        `headers` have a Content-Length, and nothing that a client has written. Raises ClientGone.
        """
        if self.direct is None:
            return False
        with WHILE_CONNECTED:
            done = self.direct.answer(status, [*headers, *self.headers_out, self.timing()], body)
        if done:
            self.status, self.bytes_out = status, len(body)
        return done

    @property
    def logged_path(self) -> str:
        """The path as a log may have it: shortened, and without a token that was pasted into it."""
        return LIKE_A_TOKEN.sub("…", self.path[:LONGEST_PATH])

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def timing(self) -> tuple[bytes, bytes]:
        """The Server-Timing header (https://www.w3.org/TR/server-timing/), in milliseconds.

        `gateway` is the time so far that was spent neither with Cuebot nor waiting.
        """
        own = max(self.seconds - self.with_cuebot - self.waited, 0.0)
        return (
            b"server-timing",
            b"cuebot;dur=%.2f, gateway;dur=%.2f, wait;dur=%.2f"
            % (self.with_cuebot * 1000, own * 1000, self.waited * 1000),
        )


Reporter = Callable[[Exchange], None]
"""Is told of a finished exchange."""


class WhileConnected:
    """`with WHILE_CONNECTED: …` turns a failed write into ClientGone."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise ClientGone from None
        if isinstance(error, RuntimeError) and "handler is closed" in str(error):  # uvloop's words
            raise ClientGone from None


WHILE_CONNECTED = WhileConnected()


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that `ExchangeMiddleware` put into this request's scope."""
    exchange: Exchange = scope["exchange"]
    return exchange


class ExchangeMiddleware:
    """Wraps the whole app. Each reporter is called once per request, after the answer."""

    def __init__(
        self, app: ASGIApp, *, proxies: TrustedProxies, reporters: Iterable[Reporter]
    ) -> None:
        self._app = app
        self._proxies = proxies
        self._reporters = reporters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope["exchange"] = exchange_in(scope, self._proxies)
        headers_out = exchange.headers_out

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], *headers_out, exchange.timing()]
            elif message["type"] == "http.response.body":
                exchange.bytes_out += len(message.get("body", b""))
            with WHILE_CONNECTED:
                await send(message)

        try:
            await self._answer(exchange, scope, receive, send_counted)
        except ClientGone:
            direct = exchange.direct
            if direct is not None and direct.refusal is not None:
                exchange.status, exchange.code = direct.refusal.status, direct.refusal.code
                return
            exchange.status, exchange.code = CLIENT_CLOSED_REQUEST, Code.CANCELLED
            if direct is not None:
                # The server would wait for a client that does not read to take what is buffered.
                direct.abort()
                await asyncio.sleep(0)  # until the connection is lost
        finally:
            for report in self._reporters:
                report(exchange)

    async def _answer(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientGone:
            raise
        except asyncio.CancelledError:  # a stop that took longer than SHUTDOWN_TIMEOUT
            error = GatewayError(Code.UNAVAILABLE, "the gateway is stopping", headers=RETRY_SOON)
            await send_error(exchange, error, receive, send)
        except Exception as error:
            await send_error(exchange, told_of(error, exchange), receive, send)


def told_of(error: Exception, exchange: Exchange) -> GatewayError:
    """What a client is told of an exception: an unexpected one is logged, and told as INTERNAL."""
    if isinstance(error, GatewayError):
        return error
    log.error(
        "unexpected error",
        exc_info=error,
        request_id=exchange.request_id,
        path=exchange.logged_path,
    )
    return GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause")


def exchange_in(scope: Scope, proxies: TrustedProxies) -> Exchange:
    """The exchange for the request in a new scope, whose path is normalised."""
    client = scope["client"]
    exchange = open_exchange(
        http_method=scope["method"],
        path=scope["path"],
        fields=scope["headers"],
        peer=client[0] if client else "",
        proxies=proxies,
        direct=direct_connection(scope),
    )
    scope["path"] = exchange.path
    return exchange


def open_exchange(
    *,
    http_method: str,
    path: str,
    fields: Iterable[tuple[bytes, bytes]],
    peer: str,
    proxies: TrustedProxies,
    direct: DirectConnection | None,
) -> Exchange:
    """The exchange for a new request, with the client's request id when that one is sane.

    `path` is decoded, `fields` are the headers with lower-case names, `peer` is the address that
    has connected.
    """
    headers = headers_of(fields)
    given = headers.get(b"x-request-id")
    request_id = given.decode("ascii") if given and SANE_REQUEST_ID.fullmatch(given) else ""
    if not request_id or LIKE_A_TOKEN.search(request_id):
        request_id = f"{getrandbits(128):032x}"  # unique, and no secret
    if path.startswith("//"):  # from a base URL that ends in a slash
        path = "/" + path.lstrip("/")
    return Exchange(
        request_id=request_id,
        client=proxies.client(peer, headers.get(FORWARDED_FOR)),
        http_method=http_method,
        path=path,
        headers=headers,
        started=time.monotonic(),
        headers_out=[(b"x-request-id", request_id.encode("ascii")), NOSNIFF, NO_STORE],
        direct=direct,
    )


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. A repeated one is joined with commas (RFC 9110 section 5.3)."""
    fields = list(fields)
    headers = dict(fields)
    if len(headers) < len(fields):
        for name in headers:
            headers[name] = b", ".join(value for other, value in fields if other == name)
    return headers


def error_answer(error: GatewayError) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body of an error."""
    body = error.body()
    headers = [JSON_TYPE, (b"content-length", b"%d" % len(body))]
    headers.extend((name.encode(), value.encode()) for name, value in error.headers.items())
    return headers, body


async def send_error(exchange: Exchange, error: GatewayError, receive: Receive, send: Send) -> None:
    """Answer with an error; when an answer has already begun, leave it visibly incomplete."""
    exchange.code = error.code
    if exchange.status:
        log.error("answer cut short", request_id=exchange.request_id, reason=error.message)
        return
    headers, body = error_answer(error)
    discarding = worth_discarding(exchange)
    ends = discarding or "Connection" in error.headers
    if not ends and exchange.answer(error.status, headers, body):
        return
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    if discarding:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await discard_body(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})


def worth_discarding(exchange: Exchange) -> bool:
    """Whether the client may still be sending a body, of a length that is worth reading."""
    headers = exchange.headers
    if exchange.body_read or b"expect" in headers:
        return False
    if exchange.direct is not None and exchange.direct.take_body() is not None:
        return False
    length = content_length(headers)
    if length is not None:
        return 0 < length <= DISCARDED_BYTES
    return b"transfer-encoding" in headers


def content_length(headers: Mapping[bytes, bytes]) -> int | None:
    """The announced length of the body. An absurd number of digits is just very long."""
    digits = headers.get(b"content-length", b"")
    if not digits.isdigit():
        return None
    digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= 18 else 10**18


async def discard_body(receive: Receive) -> None:
    """Read what is left of the body, within bounds.

    Closing a connection with unread data resets it, and clients that are still sending would
    see that instead of the answer.
    """
    left = DISCARDED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARDING_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
