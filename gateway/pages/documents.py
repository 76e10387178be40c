"""`/openapi.json` and `/openapi.yaml`: what of the current catalog the reader may call."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from weakref import ref

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.discovery.refresh import LiveCatalog
from gateway.http.context import context_of
from gateway.openapi.document import as_json, as_yaml, build_document
from gateway.pages.content import Content
from gateway.schema.catalog import Catalog, no_schema

FORMATS = {
    "/openapi.json": ("application/json", as_json),
    "/openapi.yaml": ("application/yaml", as_yaml),
}
"""By path: the media type, and how the document is serialized."""
KEPT = 16
"""Documents, of some 800 KB each with OpenCue's schema, that are kept: those last asked for."""


def document_apps(live: LiveCatalog, *, closed: bool, timeout: float) -> dict[str, ASGIApp]:
    """The apps that serve the document in each format, by path. For `closed` see build_document."""
    documents = Documents(live, closed=closed, timeout=timeout)
    return {path: partial(documents.send, path) for path in FORMATS}


class Documents:
    """The documents of the catalog that is current at each call.

    They are built once per catalog for all readers that may call the same methods.
    """

    def __init__(self, live: LiveCatalog, *, closed: bool, timeout: float) -> None:
        self._live = live
        self._closed = closed
        self._timeout = timeout
        self._source: Callable[[], Catalog | None] = lambda: None
        """The catalog of the cached documents, which they do not keep alive."""
        self._cached: OrderedDict[tuple[str, frozenset[str]], Content] = OrderedDict()
        """By path, and the paths of the methods that are in it."""
        self._lock = asyncio.Lock()

    async def send(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the document in the format of this path.

        Raises GatewayError (UNAVAILABLE) while there is no catalog.
        """
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        caller = context_of(scope).caller
        assert caller is not None, "nobody is somebody, too"
        content = await self._content(path, catalog, caller.rule.allowed(catalog))
        await content.send(scope, send, self._timeout)

    async def _content(self, path: str, catalog: Catalog, allowed: frozenset[str]) -> Content:
        """The document in the format of this path, built in a thread."""
        key = path, allowed
        async with self._lock:
            if self._source() is not catalog:
                self._source = ref(catalog)
                self._cached.clear()
            if key not in self._cached:
                content = await asyncio.to_thread(self._build, catalog, path, allowed)
                self._cached[key] = content
                if len(self._cached) > KEPT:
                    self._cached.popitem(last=False)
            self._cached.move_to_end(key)
            return self._cached[key]

    def _build(self, catalog: Catalog, path: str, allowed: frozenset[str]) -> Content:
        media_type, serialize = FORMATS[path]
        document = build_document(catalog, closed=self._closed, allowed=allowed)
        return Content.of(serialize(document), media_type)
