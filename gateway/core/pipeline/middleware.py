"""The outermost middleware.

Opens the request context, turns every exception into the JSON error format, adds
`Response.headers`, and ends the request.
"""

import asyncio
import re
from functools import partial
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.direct_connection import EXTENSION, DirectConnection, Refused, headers_of
from gateway.core.errors import Code, GatewayError, stopping
from gateway.core.pipeline.content_coding import NO_CODINGS, Codings
from gateway.core.pipeline.context import (
    ClientGone,
    ClientOf,
    RequestContext,
    SurfaceOf,
    is_of_lost_connection,
    open_context,
    plain_json,
    the_peer,
)
from gateway.core.pipeline.error_answer import as_gateway_error, send_error
from gateway.core.pipeline.interceptors import Interceptors

CLIENT_CLOSED_REQUEST = 499
TARGET_PATH = re.compile(rb"(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?(/[^?#]*)")


class ContextMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        *,
        interceptors: Interceptors,
        client_of: ClientOf = the_peer,
        surface_of: SurfaceOf = plain_json,
        codings: Codings = NO_CODINGS,
    ) -> None:
        self._app = app
        self._client_of = client_of
        self._surface_of = surface_of
        self._coding_of = codings.choose
        self._interceptors = interceptors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext | None = scope.get("context")  # as a part of another request has
        if context is None:
            client, extensions = scope["client"], scope.get("extensions") or {}
            direct: DirectConnection | None = extensions.get(EXTENSION)
            context = scope["context"] = open_context(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"],
                http_version=scope["http_version"],
                headers=headers_of(scope["headers"]) if direct is None else direct.fields,
                peer=client[0] if client else "",
                client_of=self._client_of,
                direct=direct,
            )
            request = context.request
            scope["path"] = request.path
            context.surface = self._surface_of(request)
            context.response.coding = self._coding_of(request.headers.get(b"accept-encoding"))
        self._interceptors.open(context)
        send = partial(send_noted, context, send)
        try:
            try:
                await self._app(scope, receive, send)
            except ClientGone:
                raise
            except asyncio.CancelledError:  # a stop that took longer than SHUTDOWN_TIMEOUT
                await send_error(context, stopping(), receive, send)
            except GatewayError as error:
                await send_error(context, error, receive, send)
            except Exception as error:
                await send_error(context, as_gateway_error(error, context), receive, send)
        except ClientGone:
            await drop(context)
        finally:
            self._interceptors.end(context)


async def send_noted(context: RequestContext, send: Send, message: Message) -> None:
    """`Send`, of an answer that its context is told of. Raises ClientGone."""
    if message["type"] == "http.response.start":
        context.response.status = message["status"]
        headers = (*message["headers"], *context.response.headers, context.timing())
        message = {**message, "headers": list(headers)}
    elif not message.get("more_body", False):
        context.response.is_complete = True
    try:
        await send(message)
    except (OSError, RuntimeError) as error:
        if is_of_lost_connection(error):
            raise ClientGone from None
        raise
    if message["type"] == "http.response.body":
        context.response.bytes_out += len(message.get("body", b""))


def report_refused(client_of: ClientOf, interceptors: Interceptors, refused: Refused) -> None:
    """Log and count a request that the server refused before the app saw it."""
    path = TARGET_PATH.match(refused.target)
    context = open_context(
        method=refused.method,
        path=unquote_to_bytes(path[1]).decode(errors="replace") if path else "",
        headers=headers_of(refused.headers),
        peer=refused.peer,
        client_of=client_of,
        direct=None,
        seconds=refused.seconds,
    )
    context.response.status = refused.error.status
    context.response.fail(refused.error)
    context.response.bytes_out = len(refused.error.body())
    interceptors.open(context)
    interceptors.end(context)


async def drop(context: RequestContext) -> None:
    direct = context.direct
    if direct is not None and direct.refusal is not None:
        context.response.status = direct.refusal.status
        context.response.fail(direct.refusal)
        return
    context.response.status, context.response.code = CLIENT_CLOSED_REQUEST, Code.CANCELLED
    if direct is not None:
        # The server would wait for a client that does not read.
        direct.abort()
        await asyncio.sleep(0)  # until the connection is lost
