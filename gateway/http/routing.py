"""Finding the handler of a request."""

from collections.abc import Awaitable, Container

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.discovery.refresh import LiveCatalog
from gateway.http.preflight import answer_options


class Routing:
    """Sends requests to known methods to their handler, and all others on to the router.

    One look-up in the current catalog instead of a match against each route. The innermost
    middleware, so that the path has been normalised by then. OPTIONS is answered here, before
    anything looks at the token or counts the request. `pages` are the paths that are there to be
    read.
    """

    def __init__(
        self, app: ASGIApp, *, live: LiveCatalog, methods: ASGIApp, pages: Container[str]
    ) -> None:
        self._app = app
        self._live = live
        self._methods = methods
        self._pages = pages

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        path = scope["path"]
        if scope["method"] == "OPTIONS":
            return answer_options(scope, send, is_page=path in self._pages)
        catalog = self._live.current
        if catalog is not None and path in catalog.routes:
            return self._methods(scope, receive, send)
        return self._app(scope, receive, send)
