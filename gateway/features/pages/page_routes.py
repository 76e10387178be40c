"""The page at `/` and its panels (`/panels.json`), and Swagger UI (`/docs`).

Swagger UI is in the package mkdocs-swagger-ui-tag, which is read and never imported.
"""

from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import orjson
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import ConfigurationError
from gateway.core.pipeline.content import Content, serve
from gateway.core.pipeline.context import context_of
from gateway.core.pipeline.guard import Guarded
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.routing import PAGE_VERBS
from gateway.core.schema.catalog import UnknownPath, no_schema
from gateway.features.pages.panels import Panels

STATIC = files("gateway.features.pages").joinpath("static")
PACKAGE = "mkdocs_swagger_ui_tag"
ASSETS = {
    "javascripts/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "stylesheets/swagger-ui.css": "text/css; charset=utf-8",
}
"""By their paths in the package."""
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
"""For this package's own files, which pages load from `/page/`."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
}
"""For pages: they may load files of this origin, and nothing else; no inline code."""


def page_routes(
    panels: ASGIApp,
    *,
    docs: str,
    readers: Interceptors,
    visitors: Interceptors,
    fallback: ASGIApp,
    timeout: float,
) -> list[Route]:
    """The routes of the pages, and of the `panels` that they load.

    `docs` is DOCS. `readers` admit requests for panels, `visitors` those for pages, which are the
    same for everybody. Requests for `/` that do not accept HTML go to `fallback`. Raises
    ConfigurationError when Swagger UI is not installed.
    """
    apps: dict[str, ASGIApp] = {"/panels.json": Guarded(readers, panels)}
    for path, content in {**own_files(), **docs_contents(docs)}.items():
        apps[path] = Guarded(visitors, serve(content, timeout=timeout))
    routes = [Route(path, app, methods=PAGE_VERBS) for path, app in apps.items()]
    farm = page("farm.html", docs)
    farm = replace(farm, headers={**farm.headers, "Vary": "Accept"})
    front = Guarded(visitors, serve(farm, timeout=timeout))
    return [*routes, Route("/", FrontPage(front, fallback))]


class FrontPage:
    """`/`: the farm page for browsers, `fallback` for other clients."""

    def __init__(self, page: ASGIApp, fallback: ASGIApp) -> None:
        self._page = page
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = context_of(scope).request.headers.get(b"accept", b"")
        wants_page = scope["method"] in PAGE_VERBS and b"text/html" in accept
        if wants_page:
            await self._page(scope, receive, send)
            return
        try:
            await self._fallback(scope, receive, send)
        except UnknownPath as error:
            raise UnknownPath(f"/ is a page for browsers; {error.message}") from None


def docs_contents(docs: str) -> dict[str, Content]:
    """`/docs` and the files that it loads, by path. Raises ConfigurationError."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "DOCS: the pages need Swagger UI; pip install mkdocs-swagger-ui-tag, or DOCS=off"
        )
    folder = Path(spec.origin).parent / "swagger-ui"
    found = {"/docs": page("docs.html", docs)}
    for place, media_type in ASSETS.items():
        name = Path(place).name
        try:
            body = (folder / place).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"DOCS: cannot read {name}: {error.strerror}") from None
        found[f"/docs/{name}"] = Content(body, media_type)
    return found


def own_files() -> dict[str, Content]:
    """The code and the styles of the pages, by path."""
    return {
        f"/page/{file.name}": Content(file.read_bytes(), MEDIA_TYPES[suffix])
        for file in STATIC.iterdir()
        if (suffix := Path(file.name).suffix) in MEDIA_TYPES
    }


def page(name: str, docs: str) -> Content:
    """A page of this package. Its `data-docs` is the setting DOCS."""
    body = STATIC.joinpath(name).read_bytes()
    body = body.replace(b"<html", f'<html data-docs="{docs}"'.encode(), 1)
    return Content(body, "text/html; charset=utf-8", HEADERS)


def panels_app(live: LiveCatalog, *, timeout: float) -> ASGIApp:
    """`/panels.json`: what the page shows of the farm, as far as the reader may call it.

    Raises GatewayError while there is no catalog.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        catalog, caller = live.current, context_of(scope).caller
        if catalog is None:
            raise no_schema()
        assert caller is not None
        panels = Panels.of(catalog).for_reader(caller.rights.allowed(catalog))
        content = Content(orjson.dumps(panels), "application/json")
        await content.send(scope, send, timeout)

    return app
