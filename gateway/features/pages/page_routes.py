"""The page at `/` and its panels (`/panels.json`), Swagger UI (`/docs`), the OpenAPI documents.

Swagger UI is in the package mkdocs-swagger-ui-tag, which is read and never imported.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from weakref import ref

import orjson
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import ConfigurationError
from gateway.core.pipeline.content import Content, serve
from gateway.core.pipeline.context import context_of
from gateway.core.pipeline.guard import Guarded
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.features.openapi.document import as_json, as_yaml, build_document
from gateway.features.pages.panels import Panels

READ_METHODS = ["GET", "HEAD"]
FORMATS = {
    "/openapi.json": ("application/json", as_json),
    "/openapi.yaml": ("application/yaml", as_yaml),
}
"""The media type and the serializer, by path."""
KEPT_DOCUMENTS = 16
"""The last used ones; each has some 800 KB with OpenCue's schema."""
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
    data: Mapping[str, ASGIApp],
    *,
    docs: str,
    readers: Interceptors,
    visitors: Interceptors,
    fallback: ASGIApp,
    timeout: float,
) -> list[Route]:
    """The routes of the pages, and of the `data` that they load (apps by path).

    `docs` is DOCS. `readers` admit requests for data, `visitors` those for pages, which are the
    same for everybody. Requests for `/` that do not accept HTML go to `fallback`. Raises
    ConfigurationError when Swagger UI is not installed.
    """
    apps: dict[str, ASGIApp] = {path: Guarded(readers, app) for path, app in data.items()}
    for path, content in {**own_files(), **docs_contents(docs)}.items():
        apps[path] = Guarded(visitors, serve(content, timeout=timeout))
    routes = [Route(path, app, methods=READ_METHODS) for path, app in apps.items()]
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
        wants_page = scope["method"] in READ_METHODS and b"text/html" in accept
        await (self._page if wants_page else self._fallback)(scope, receive, send)


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


def document_apps(live: LiveCatalog, *, closed: bool, timeout: float) -> dict[str, ASGIApp]:
    """The apps that serve the OpenAPI document in each format. For `closed` see build_document."""
    documents = Documents(live, closed=closed, timeout=timeout)
    return {path: partial(documents.send, path) for path in FORMATS}


class Documents:
    """The current catalog's documents, built once for all readers that may call the same."""

    def __init__(self, live: LiveCatalog, *, closed: bool, timeout: float) -> None:
        self._live = live
        self._closed = closed
        self._timeout = timeout
        self._source: Callable[[], Catalog | None] = lambda: None
        """The catalog of the cached documents. They do not keep it alive."""
        self._cached: OrderedDict[tuple[str, frozenset[str]], Content] = OrderedDict()
        """By path, and the paths of the methods in the document."""
        self._lock = asyncio.Lock()

    async def send(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the document at this path. Raises GatewayError while there is no catalog."""
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        caller = context_of(scope).caller
        assert caller is not None
        content = await self._content(path, catalog, caller.rights.allowed(catalog))
        await content.send(scope, send, self._timeout)

    async def _content(self, path: str, catalog: Catalog, allowed: frozenset[str]) -> Content:
        key = path, allowed
        async with self._lock:
            if self._source() is not catalog:
                self._source = ref(catalog)
                self._cached.clear()
            if key not in self._cached:
                content = await asyncio.to_thread(self._build, catalog, path, allowed)
                self._cached[key] = content
                if len(self._cached) > KEPT_DOCUMENTS:
                    self._cached.popitem(last=False)
            self._cached.move_to_end(key)
            return self._cached[key]

    def _build(self, catalog: Catalog, path: str, allowed: frozenset[str]) -> Content:
        media_type, serialize = FORMATS[path]
        document = build_document(catalog, closed=self._closed, allowed=allowed)
        return Content(serialize(document), media_type)
