"""The routes of the pages, as DOCS wants them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.exchange import exchange_of
from gateway.pages.content import Content, serve
from gateway.pages.swagger import docs_contents, page

READING = ["GET", "HEAD"]


def page_routes(
    data: Mapping[str, ASGIApp],
    *,
    docs: str,
    protect: Callable[[ASGIApp], ASGIApp],
    count: Callable[[ASGIApp], ASGIApp],
    otherwise: ASGIApp,
    patience: float,
) -> list[Route]:
    """The routes of the pages, and of `data`, which they load.

    `protect` decides who gets the data. The pages themselves tell nothing, and are for everybody;
    `count` bounds how often. What asks for `/` and is no browser goes to `otherwise`. Raises
    ConfigurationError when Swagger UI is missing.
    """
    routes = [Route(path, App(protect(app)), methods=READING) for path, app in data.items()]
    for path, content in docs_contents(docs).items():
        routes.append(Route(path, App(count(serve(content, patience))), methods=READING))
    farm = page("farm.html", docs)
    front = Front(count(serve(varying(farm), patience)), otherwise)
    return [*routes, Route("/", front)]


def varying(content: Content) -> Content:
    """Content that depends on what the client accepts."""
    return replace(content, headers={**content.headers, "Vary": "Accept"})


class App:
    """An ASGI app as Starlette wants a route to have it: an object, not a function."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Front:
    """`/`: the farm page for a browser, and what it was for everything else."""

    def __init__(self, page: ASGIApp, otherwise: ASGIApp) -> None:
        self._page = page
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reading = scope["method"] in READING
        wants_page = reading and b"text/html" in exchange_of(scope).headers.get(b"accept", b"")
        await (self._page if wants_page else self._otherwise)(scope, receive, send)
