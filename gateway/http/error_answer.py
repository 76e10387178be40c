"""Answering with an error, in the one JSON shape."""

import asyncio
from contextlib import suppress
from functools import lru_cache

import structlog
from starlette.types import Receive, Send

from gateway.calls.failures import NotServed
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.http.direct import Headers
from gateway.http.exchange import JSON_TYPE, Exchange
from gateway.http.head import content_length
from gateway.http.received import LARGE_BODY

DISCARDED_BYTES = 32 * 1024 * 1024
DISCARDING_SECONDS = 5.0
"""Under other servers than our own, which sees to that itself."""
REST_SECONDS = 0.05
"""For the rest of a short body to come before the answer: most often it is right behind the head.
"""

log = structlog.stdlib.get_logger("gateway")


def told_of(error: Exception, exchange: Exchange) -> GatewayError:
    """What a client is told of an exception: an unexpected one is logged, and told as INTERNAL."""
    if isinstance(error, NotServed):
        exchange.unserved = error.path
    if isinstance(error, GatewayError):
        return error
    log.error(
        "unexpected error",
        exc_info=error,
        **exchange.ids,
        path=exchange.logged_path,
    )
    return GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause")


def error_answer(error: GatewayError) -> tuple[Headers, bytes]:
    """The headers and the body of an error."""
    if error.headers is RETRY_SOON and not error.details:
        return soon_answer(error.message)
    return rendered(error)


@lru_cache(maxsize=64)
def soon_answer(message: str) -> tuple[Headers, bytes]:
    """The same of `unavailable`: a few texts and, under too much load, most of the answers."""
    return rendered(GatewayError(Code.UNAVAILABLE, message, headers=RETRY_SOON))


def rendered(error: GatewayError) -> tuple[Headers, bytes]:
    """What is in an error, as bytes; names of headers are in lower case, as `answer` wants them."""
    body = error.body()
    length = (b"content-length", b"%d" % len(body))
    return (JSON_TYPE, length, *error.raw_headers()), body


async def send_error(exchange: Exchange, error: GatewayError, receive: Receive, send: Send) -> None:
    """Answer with an error; when an answer has already begun, leave it visibly incomplete."""
    exchange.fail(error)
    if exchange.status:
        log.error("answer cut short", **exchange.ids, reason=error.message)
        return
    headers, body = error_answer(error)
    if exchange.direct is None:
        await send_and_discard(exchange, error.status, headers, body, receive, send)
        return
    exchange.give_back_body_room()  # others may want it meanwhile
    await await_rest(exchange, receive)
    if "Connection" in error.headers or not exchange.answer(error.status, headers, body):
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def await_rest(exchange: Exchange, receive: Receive) -> None:
    """Wait a moment for a short body, if it is still coming.

    Behind an answer that comes before the body's end our own server closes the connection.
    """
    length = content_length(exchange.headers)
    if exchange.body_read or not length or length > LARGE_BODY or b"expect" in exchange.headers:
        return
    assert exchange.direct is not None
    if exchange.direct.take_body() is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                while (await receive()).get("more_body", False):
                    pass


async def send_and_discard(
    exchange: Exchange, status: int, headers: Headers, body: bytes, receive: Receive, send: Send
) -> None:
    """Send an answer, and read what is left of the request's body before its end.

    Closing a connection with unread data resets it, and clients that are still sending would
    see that instead of the answer.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if worth_discarding(exchange):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await discard_body(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})


def worth_discarding(exchange: Exchange) -> bool:
    """Whether the client may still be sending a body, of a length that is worth reading."""
    headers = exchange.headers
    if exchange.body_read or b"expect" in headers:
        return False
    length = content_length(headers)
    if length is not None:
        return 0 < length <= DISCARDED_BYTES
    return b"transfer-encoding" in headers


async def discard_body(receive: Receive) -> None:
    """Read what is left of the body, within bounds."""
    left = DISCARDED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARDING_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
