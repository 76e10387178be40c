"""Serves requests with an ASGI app, one task each."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote

import structlog
from starlette.types import ASGIApp, Scope

from gateway.core.direct_connection import EXTENSION
from gateway.core.errors import Code, GatewayError, own_failure
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import ClientDisconnected, RequestCycle

ASGI = {"version": "3.0", "spec_version": "2.4"}

log = structlog.stdlib.get_logger("gateway")


def asgi_service(
    app: ASGIApp, state: dict[str, Any]
) -> Callable[[RequestCycle, HttpProtocol], Coroutine[Any, Any, None]]:
    """A `ServerContext.serve`. `state` is the app's."""

    async def serve(request: RequestCycle, connection: HttpProtocol) -> None:
        """Await the app, and end the request if its answer is missing or incomplete."""
        head = request.head
        raw_path, _, query = head.target.partition(b"?")
        path = raw_path.decode("ascii")
        scope: Scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": head.http_version,
            "method": head.method,
            "scheme": connection.scheme,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": list(head.headers),
            "client": connection.client,
            "server": connection.server,
            "state": state.copy(),
            "extensions": {EXTENSION: request},
        }
        try:
            await app(scope, request.receive, request.send)
        except ClientDisconnected:
            return
        except asyncio.CancelledError:
            request.fail(GatewayError(Code.UNAVAILABLE, "the gateway is stopping"))
            raise
        except Exception:
            log.exception("unexpected error")
        else:
            if request.answered or request.disconnected:
                return
            log.error("a request was left without an answer, or with a part of one")
        finally:
            assert request.task is not None
            connection.context.state.tasks.discard(request.task)
        request.fail(own_failure())

    return serve
