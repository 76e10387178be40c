"""The document of the current catalog, written once per catalog and format."""

import asyncio
from collections.abc import Callable, Iterator
from textwrap import indent
from typing import Generic, TypeVar

import orjson
import yaml

from gateway.discovery.refresh import LiveCatalog
from gateway.openapi.document import build_document
from gateway.openapi.scalars import Json
from gateway.schema.catalog import Catalog
from gateway.schema.not_found import no_schema

Written = TypeVar("Written")

NESTED = 2
"""How deep in the document its many parts are: paths, and components by kind."""


def as_json(document: Json) -> bytes:
    return orjson.dumps(document)


def as_yaml(document: Json) -> bytes:
    """YAML without anchors, in the order of the document."""
    return "".join(blocks(document, NESTED)).encode()


def blocks(value: Json, depth: int) -> Iterator[str]:
    """The YAML of an object, piece by piece: libyaml lets no other thread run while it writes."""
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
    """The faster of PyYAML's dumpers. What is shared is written out, not referred to."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class LiveDocument(Generic[Written]):
    """The OpenAPI document of `live.current`, whatever that is when somebody asks."""

    def __init__(self, live: LiveCatalog, *, closed: bool) -> None:
        self._live = live
        self._closed = closed
        self._made_from: object = None
        """The tag of the catalog, an object of its own; the catalog itself may have to go."""
        self._made: dict[Callable[[Json], Written], Written] = {}
        self._making = asyncio.Lock()

    async def written(self, write: Callable[[Json], Written]) -> Written:
        """What `write` makes of the document, in a thread if it is new.

        Raises GatewayError (UNAVAILABLE) while there is no catalog.
        """
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        async with self._making:
            if self._made_from is not catalog.tag:
                self._made_from, self._made = catalog.tag, {}
            if write not in self._made:
                self._made[write] = await asyncio.to_thread(self._write, catalog, write)
            return self._made[write]

    def _write(self, catalog: Catalog, write: Callable[[Json], Written]) -> Written:
        return write(build_document(catalog, closed=self._closed))
