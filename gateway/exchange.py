"""One HTTP request and its answer: the outermost layer, which no other layer can fail through.

It names the exchange (request id), turns every exception into the one JSON shape, adds the
headers that other layers leave in `Exchange.headers_out`, and reports the finished exchange.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Code, GatewayError

CLIENT_CLOSED_REQUEST = 499
SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
JSON_TYPE = (b"content-type", b"application/json")

log = structlog.stdlib.get_logger("gateway")


class ClientGone(Exception):
    """The client hung up: there is nobody to answer."""


@dataclass(slots=True)
class Exchange:
    """What is known about one request so far. Layers fill it in as the request goes down."""

    request_id: str
    client: str
    """The address of the peer that connected; never taken from a header."""
    http_method: str
    path: str
    headers: dict[bytes, bytes]
    """The request's headers, by lower-case name. Of a repeated one the last counts."""
    started: float
    """Seconds on the monotonic clock."""
    subject: str | None = None
    rpc: str | None = None
    """The native gRPC path, whatever alias the client used."""
    status: int = 0
    code: Code | None = None
    bytes_out: int = 0
    headers_out: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that `ExchangeMiddleware` put into this request's scope."""
    exchange: Exchange = scope["exchange"]
    return exchange


class ExchangeMiddleware:
    """Wraps the whole app. `report` is called once per request, after the answer."""

    def __init__(self, app: ASGIApp, *, report: Callable[[Exchange], None]) -> None:
        self._app = app
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope["exchange"] = open_exchange(scope)
        headers_out = exchange.headers_out

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], *headers_out]
            elif message["type"] == "http.response.body":
                exchange.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except ClientGone:
            exchange.status, exchange.code = CLIENT_CLOSED_REQUEST, Code.CANCELLED
        except GatewayError as error:
            await send_error(exchange, error, send_counted)
        except Exception:
            log.exception("unexpected error", request_id=exchange.request_id, path=exchange.path)
            await send_error(
                exchange,
                GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause"),
                send_counted,
            )
        finally:
            self._report(exchange)


def open_exchange(scope: Scope) -> Exchange:
    """The exchange for a new request, with the client's request id when that one is sane."""
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id")
    request_id = (
        given.decode("ascii") if given and SANE_REQUEST_ID.fullmatch(given) else token_hex(16)
    )
    client = scope["client"]
    return Exchange(
        request_id=request_id,
        client=client[0] if client else "",
        http_method=scope["method"],
        path=scope["path"],
        headers=headers,
        started=time.monotonic(),
        headers_out=[(b"x-request-id", request_id.encode("ascii"))],
    )


async def send_error(exchange: Exchange, error: GatewayError, send: Send) -> None:
    """Answer with an error; when an answer has already begun, leave it visibly incomplete."""
    exchange.code = error.code
    if exchange.status:
        log.error("answer cut short", request_id=exchange.request_id, reason=error.message)
        return
    body = error.body()
    headers = [JSON_TYPE, (b"content-length", b"%d" % len(body))]
    headers.extend((name.encode(), value.encode()) for name, value in error.headers.items())
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
