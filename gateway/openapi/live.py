"""The document of the current catalog, serialized once per catalog and format."""

import asyncio
from collections.abc import Callable, Iterator
from textwrap import indent
from typing import Generic, TypeVar

import orjson
import yaml

from gateway.discovery.refresh import LiveCatalog
from gateway.openapi.document import build_document
from gateway.openapi.values import Json
from gateway.schema.catalog import Catalog
from gateway.schema.not_found import no_schema

T = TypeVar("T")

NESTED = 2
"""How many levels are split into blocks: paths, and the components of each kind."""


def as_json(document: Json) -> bytes:
    return orjson.dumps(document)


def as_yaml(document: Json) -> bytes:
    """YAML without anchors, in the document's order."""
    return "".join(blocks(document, NESTED)).encode()


def blocks(value: Json, depth: int) -> Iterator[str]:
    """The YAML of an object in pieces, since libyaml holds the GIL while it writes one."""
    for key, inner in value.items():
        if depth and inner and isinstance(inner, dict):
            yield yaml_of({key: 0}).removesuffix(" 0\n") + "\n"
            yield from (indent(block, "  ") for block in blocks(inner, depth - 1))
        else:
            yield yaml_of({key: inner})


def yaml_of(value: Json) -> str:
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return text


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # chosen here
    """The faster of PyYAML's dumpers that is installed, without references to shared objects."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class LiveDocument(Generic[T]):
    """The OpenAPI document of the catalog that is current at each call."""

    def __init__(self, live: LiveCatalog, *, closed: bool) -> None:
        self._live = live
        self._closed = closed
        self._tag: object = None
        """Identifies the catalog of the cached formats, without keeping it alive."""
        self._cached: dict[Callable[[Json], T], T] = {}
        self._lock = asyncio.Lock()

    async def serialized(self, serialize: Callable[[Json], T]) -> T:
        """The document as `serialize` formats it, which runs in a thread once per catalog.

        Raises GatewayError (UNAVAILABLE) while there is no catalog.
        """
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        async with self._lock:
            if self._tag is not catalog.tag:
                self._tag, self._cached = catalog.tag, {}
            if serialize not in self._cached:
                self._cached[serialize] = await asyncio.to_thread(self._build, catalog, serialize)
            return self._cached[serialize]

    def _build(self, catalog: Catalog, serialize: Callable[[Json], T]) -> T:
        return serialize(build_document(catalog, closed=self._closed))
