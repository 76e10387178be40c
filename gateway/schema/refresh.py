"""When to discover the schema, and the one place that says what it is now."""

import asyncio
from collections.abc import Callable

import structlog

from gateway.schema.catalog import Catalog, build_catalog
from gateway.schema.selection import Selection
from gateway.schema.sources import (
    DescriptorSource,
    NoReflection,
    NoSchema,
    NotReady,
)

log = structlog.stdlib.get_logger("gateway.schema")

THREE_WAYS_OUT = (
    "Three ways out: turn on server reflection in Cuebot; or pip install 'cuebot-gateway[opencue]'"
    " beside the gateway; or set DESCRIPTOR_SOURCE to a FileDescriptorSet (*.binpb)"
)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 1.0
"""Seconds between two tries; with the connection's own pauses this keeps readiness under 5 s."""


class LiveCatalog:
    """The current catalog, found by asking the source until it answers.

    `current` is one reference, replaced as a whole; whoever reads it once has a consistent view.
    """

    def __init__(self, source: DescriptorSource, selection: Selection) -> None:
        self.current: Catalog | None = None
        self.problem = "the schema has not been asked for yet"
        """Why there is no catalog, for people; empty when there is one."""
        self._source = source
        self._selection = selection
        self._found = asyncio.Event()

    async def wait(self) -> Catalog:
        """The catalog, once there is one."""
        await self._found.wait()
        assert self.current is not None
        return self.current

    async def discover(self) -> None:
        """Ask the source until it has answered, pausing longer after each failure."""
        pause = FIRST_PAUSE
        while not await self.attempt():
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def attempt(self) -> bool:
        """Ask the source once; whether there is a catalog now. If not, `problem` tells why."""
        try:
            catalog = build_catalog(await self._source.fetch(), self._selection)
            await warm(catalog)
        except NotReady as error:
            self._note(str(error), log.warning)
            return False
        except (NoReflection, NoSchema) as error:
            self._note(f"{error}. {THREE_WAYS_OUT}", log.error)
            return False
        except Exception as error:
            self._note(f"discovery failed: {type(error).__name__}: {error}", log.exception)
            return False
        if catalog.idle_globs:
            log.warning(
                "INCLUDE_SERVICES or EXCLUDE_SERVICES name nothing that Cuebot has",
                globs=catalog.idle_globs,
            )
        self.current, self.problem = catalog, ""
        self._found.set()
        log.info(
            "schema loaded",
            origin=catalog.origin,
            confirmed=catalog.confirmed,
            methods=len(catalog.methods),
            skipped=[skip.service for skip in catalog.skipped],
            digest=catalog.digest[:12],
        )
        return True

    def _note(self, problem: str, tell: Callable[[str], object]) -> None:
        """Remember the problem, and log it when it is news."""
        if problem != self.problem:
            self.problem = problem
            tell(problem)


async def warm(catalog: Catalog) -> None:
    """Compile every codec, a method at a time, so that no request has to.

    A method whose types cannot be compiled fails alone, when it is called.
    """
    for method in catalog.methods:
        try:
            method.encode(b"")
            method.decoders.reader(method.descriptor.input_type)
        except Exception:
            log.exception("the types of a method cannot be compiled", method=method.path)
        await asyncio.sleep(0)
