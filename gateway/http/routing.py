"""Finding the handler of a path."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.discovery.refresh import LiveCatalog


class MethodRouting:
    """Sends requests to known methods to their handler, and all others on to the router.

    One look-up in the current catalog instead of a match against each route. The innermost
    middleware, so that the path has been normalised by then.
    """

    def __init__(self, app: ASGIApp, *, live: LiveCatalog, methods: ASGIApp) -> None:
        self._app = app
        self._live = live
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        catalog = self._live.current
        if catalog is not None and scope.get("path") in catalog.routes:
            await self._methods(scope, receive, send)
        else:
            await self._app(scope, receive, send)
