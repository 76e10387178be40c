"""From a path to its handler, and the verbs of a path.

OPTIONS (RFC 9110 section 9.3.7) needs no token, so all paths but those of pages get one and the
same answer: it does not reveal which methods exist.
"""

from collections.abc import Awaitable, Sequence
from re import Pattern

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import context_of

CHANGE_ALLOWS = "POST, OPTIONS"
READ_ALLOWS = "GET, HEAD, POST, OPTIONS"
"""`Allow` of methods that only read, and of paths that are not known to be methods."""
PAGE_ALLOWS = "GET, HEAD, OPTIONS"
PAGE_VERBS = ["GET", "HEAD"]


class Routing:
    """Sends known methods to their handler, and everything else to the router.

    One look-up in the catalog instead of a match against each route. This is the innermost
    middleware: the path has been normalised. OPTIONS is answered before authentication and rate
    limits. `allows` has `Allow` for the paths of pages, by what fits them.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        live: LiveCatalog,
        methods: ASGIApp,
        allows: Sequence[tuple[Pattern[str], str]],
    ) -> None:
        self._app = app
        self._live = live
        self._methods = methods
        self._allows = allows

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        path = scope["path"]
        if scope["method"] == "OPTIONS":
            allowed = (allow for paths, allow in self._allows if paths.fullmatch(path))
            return answer_options(scope, send, next(allowed, READ_ALLOWS))
        catalog = self._live.current
        if catalog is not None and path in catalog.routes:
            return self._methods(scope, receive, send)
        return self._app(scope, receive, send)


async def answer_options(scope: Scope, send: Send, allow: str) -> None:
    context_of(scope).response.code = Code.OK
    await send_nothing(send, (b"allow", allow.encode()))


async def wrong_verb(request: Request, error: Exception) -> Response:
    raise GatewayError(
        Code.UNIMPLEMENTED,
        f"{request.method} is not for {request.url.path}; use GET",
        status=405,
        headers={"Allow": PAGE_ALLOWS},
    )


async def send_nothing(send: Send, *headers: tuple[bytes, bytes], status: int = 204) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
