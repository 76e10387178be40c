"""Error answers in the one JSON format."""

import asyncio
from contextlib import suppress

import structlog
from starlette.types import Receive, Send

from gateway.core.direct_connection import LARGE_BODY_BYTES, Headers
from gateway.core.errors import ErrorAnswer, GatewayError, own_failure
from gateway.core.pipeline.context import JSON_TYPE, RequestContext
from gateway.core.pipeline.request_headers import content_length

DISCARD_MAX_BYTES = 32 * 1024 * 1024
DISCARD_TIMEOUT_SECONDS = 5.0
"""Only under other servers: the gateway's own discards by itself."""
BODY_REST_WAIT_SECONDS = 0.05
"""Wait for the rest of a short body before the answer: most often it directly follows the head."""

log = structlog.stdlib.get_logger("gateway")


def as_gateway_error(error: Exception, context: RequestContext) -> GatewayError:
    """An unexpected exception is logged, and answered as INTERNAL."""
    if isinstance(error, GatewayError):
        return error
    log.error(
        "unexpected error",
        exc_info=error,
        **context.request.ids,
        path=context.request.logged_path,
    )
    return own_failure()


def written(error: GatewayError) -> GatewayError:
    """The error with its answer: one that is always the same is written once, and raised `again`
    for each request. Under overload, most answers are of this kind.
    """
    error.answer = error_answer(error)
    return error


def error_answer(error: GatewayError) -> ErrorAnswer:
    body = error.body()
    length = (b"content-length", b"%d" % len(body))
    return (JSON_TYPE, length, *error.raw_headers()), body


async def send_error(
    context: RequestContext, error: GatewayError, receive: Receive, send: Send
) -> None:
    """Answer with an error; if an answer has begun, leave it visibly incomplete."""
    context.response.fail(error)
    if context.response.status:
        log.error("answer cut short", **context.request.ids, reason=error.message)
        return
    status = error.status
    if context.surface is None:
        headers, body = error.answer or error_answer(error)
    else:
        status, headers, body = context.surface.error_form(error)
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    if context.direct is None:
        await send_and_discard(context, status, headers, body, receive, send)
        return
    if context.body.room is not None:
        context.give_back_body_room()  # for other requests meanwhile
    if not context.direct.complete:
        await await_rest(context, receive)
    if "Connection" in error.headers or not context.answer(status, headers, body):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def await_rest(context: RequestContext, receive: Receive) -> None:
    """Wait briefly for a short body: after an answer before its end, the server closes."""
    length = content_length(context.request.headers)
    if not length or length > LARGE_BODY_BYTES or b"expect" in context.request.headers:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_REST_WAIT_SECONDS):
            while (await receive()).get("more_body", False):
                pass


async def send_and_discard(
    context: RequestContext,
    status: int,
    headers: Headers,
    body: bytes,
    receive: Receive,
    send: Send,
) -> None:
    """Discards the rest of the request's body before the answer's end: closing a socket with unread
    data resets the connection, and a client that is still sending would not see the answer.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if worth_discarding(context):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await discard_body(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})


def worth_discarding(context: RequestContext) -> bool:
    headers = context.request.headers
    if context.body.is_over or b"expect" in headers:
        return False
    length = content_length(headers)
    if length is not None:
        return 0 < length <= DISCARD_MAX_BYTES
    return b"transfer-encoding" in headers


async def discard_body(receive: Receive) -> None:
    left = DISCARD_MAX_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_TIMEOUT_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
