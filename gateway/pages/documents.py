"""`/openapi.json` and `/openapi.yaml`: the document of the current catalog."""

import asyncio
from collections.abc import Callable
from functools import partial
from weakref import ref

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.discovery.refresh import LiveCatalog
from gateway.openapi.document import as_json, as_yaml, build_document
from gateway.pages.content import Content
from gateway.schema.catalog import Catalog
from gateway.schema.not_found import no_schema

FORMATS = {
    "/openapi.json": ("application/json", as_json),
    "/openapi.yaml": ("application/yaml", as_yaml),
}
"""By path: the media type, and how the document is serialized."""


def document_apps(live: LiveCatalog, *, closed: bool, timeout: float) -> dict[str, ASGIApp]:
    """The apps that serve the document in each format, by path. For `closed` see build_document."""
    documents = Documents(live, closed=closed, timeout=timeout)
    return {path: partial(documents.send, path) for path in FORMATS}


class Documents:
    """The documents of the catalog that is current at each call, built once per catalog."""

    def __init__(self, live: LiveCatalog, *, closed: bool, timeout: float) -> None:
        self._live = live
        self._closed = closed
        self._timeout = timeout
        self._source: Callable[[], Catalog | None] = lambda: None
        """The catalog of the cached documents, which they do not keep alive."""
        self._cached: dict[str, Content] = {}
        self._lock = asyncio.Lock()

    async def send(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the document in the format of this path."""
        content = await self._content(path)
        await content.send(scope, send, self._timeout)

    async def _content(self, path: str) -> Content:
        """The document in the format of this path, built in a thread.

        Raises GatewayError (UNAVAILABLE) while there is no catalog.
        """
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        async with self._lock:
            if self._source() is not catalog:
                self._source, self._cached = ref(catalog), {}
            if path not in self._cached:
                self._cached[path] = await asyncio.to_thread(self._build, catalog, path)
            return self._cached[path]

    def _build(self, catalog: Catalog, path: str) -> Content:
        media_type, serialize = FORMATS[path]
        return Content.of(serialize(build_document(catalog, closed=self._closed)), media_type)
