"""The documents of the current catalog, as they are served."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from weakref import ref

from starlette.types import Receive, Scope, Send

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.pipeline.content import Content
from gateway.core.pipeline.context import context_of
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.features.openapi.document import as_json, as_yaml, build_document
from gateway.features.openapi.parts import Parts

FORMATS = {
    "/openapi.json": ("application/json", as_json),
    "/openapi.yaml": ("application/yaml", as_yaml),
}
"""The media type and the serializer, by path."""
KEPT_DOCUMENTS = 16
"""The last used ones; each has some 800 KB with OpenCue's schema."""


class Documents:
    """The current catalog's documents, built once for all readers that may call the same."""

    def __init__(self, live: LiveCatalog, parts: Parts, *, closed: bool, timeout: float) -> None:
        """For `closed` see build_document."""
        self._live = live
        self._parts = parts
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
        document = build_document(catalog, self._parts, closed=self._closed, allowed=allowed)
        return Content(serialize(document), media_type)
