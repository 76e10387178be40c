"""The routes of the pages."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.exchange import exchange_of
from gateway.http.guard import Guard
from gateway.pages.content import serve
from gateway.pages.html_pages import docs_contents, page

READ_METHODS = ["GET", "HEAD"]


def page_routes(
    data: Mapping[str, ASGIApp],
    *,
    docs: str,
    protect: Callable[[ASGIApp], Guard],
    limit: Callable[[ASGIApp], Guard],
    fallback: ASGIApp,
    timeout: float,
) -> list[Route]:
    """The routes of the pages, and of the `data` that they load, by path.

    `docs` is the setting DOCS. `protect` wraps the data; the pages themselves are the same for
    everybody, and `limit` bounds how often they are fetched. Requests for `/` that do not accept
    HTML go to `fallback`. Raises ConfigurationError when Swagger UI is not installed.
    """
    routes = [Route(path, protect(app), methods=READ_METHODS) for path, app in data.items()]
    for path, content in docs_contents(docs).items():
        routes.append(Route(path, limit(serve(content, timeout=timeout)), methods=READ_METHODS))
    farm = page("farm.html", docs)
    farm = replace(farm, headers={**farm.headers, "Vary": "Accept"})
    return [*routes, Route("/", FrontPage(limit(serve(farm, timeout=timeout)), fallback))]


class FrontPage:
    """`/`: the farm page for browsers, and `fallback` for all other clients."""

    def __init__(self, page: ASGIApp, fallback: ASGIApp) -> None:
        self._page = page
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = exchange_of(scope).headers.get(b"accept", b"")
        wants_page = scope["method"] in READ_METHODS and b"text/html" in accept
        await (self._page if wants_page else self._fallback)(scope, receive, send)
