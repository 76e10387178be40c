"""When to discover the schema, and the one place that says what it is now."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from gateway.compat.build import build_catalog
from gateway.compat.profile import EMPTY, Profile
from gateway.discovery.source import BrokenFiles, DescriptorSource, NoReflection, NotReady
from gateway.schema.catalog import Catalog
from gateway.schema.changes import Changes, changes_between
from gateway.schema.description import NoSchema, OtherSchema, Schema
from gateway.schema.selection import Selection

log = structlog.stdlib.get_logger("gateway.schema")

THREE_WAYS_OUT = (
    "Three ways out: turn on server reflection in Cuebot; or pip install 'cuebot-gateway[opencue]'"
    " beside the gateway; or set DESCRIPTOR_SOURCE to a FileDescriptorSet (*.binpb) or a directory"
    " of protos"
)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 1.0
"""Seconds between two tries; with the connection's own pauses this keeps readiness under 5 s."""
LONGEST_REFRESH_PAUSE = 30.0
"""The same when there is a catalog to go on with."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A catalog that is to take the place of the current one."""

    catalog: Catalog
    made_from: object
    """The identity of its schema, and what else it is made of."""
    changes: Changes | None
    """None for the first one."""


class LiveCatalog:
    """The current catalog: found by asking the source until it answers, and kept up to date.

    `current` is one reference, replaced as a whole; whoever reads it once has a consistent view.
    It is looked at again every `every` seconds (0: never by itself) and after `look_again`.
    """

    def __init__(
        self,
        source: DescriptorSource,
        selection: Selection,
        profile: Profile = EMPTY,
        *,
        every: float = 0.0,
    ) -> None:
        self.current: Catalog | None = None
        self.problem = "the schema has not been asked for yet"
        """Why the last look has failed, for people; empty when it has not."""
        self.looked_at: float | None = None
        """When the source has last answered (unix time)."""
        self.others: tuple[OtherSchema, ...] = ()
        """What other endpoints of Cuebot have instead of the current schema."""
        self._source = source
        self._selection = selection
        self._profile = profile
        self._every = every or None
        self._built: object = None
        """What the current catalog was made from."""
        self._unasked: tuple[str, ...] = ()
        """Endpoints that the last look has not reached."""
        self._found = asyncio.Event()
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()

    async def wait(self) -> Catalog:
        """The catalog, once there is one."""
        await self._found.wait()
        assert self.current is not None
        return self.current

    async def first_look(self) -> None:
        """Wait until the source has been asked once, whatever it said."""
        await self._looked.wait()

    def use(self, selection: Selection, profile: Profile) -> None:
        """Make catalogs in this way from the next look on, even of the same schema."""
        self._selection, self._profile = selection, profile

    def look_again(self) -> None:
        """Ask the source soon, since it may say something else now."""
        self._wanted.set()

    async def run(self) -> None:
        """Find the catalog and keep it up to date, until cancelled."""
        await self.discover()
        while True:
            await self._pause(self._until_next_look())
            await self._look(LONGEST_REFRESH_PAUSE)

    def _until_next_look(self) -> float | None:
        """Seconds; not long when there is an endpoint that has not been asked."""
        if self._unasked:
            return min(self._every or LONGEST_REFRESH_PAUSE, LONGEST_REFRESH_PAUSE)
        return self._every

    async def discover(self) -> None:
        """Ask the source until it has answered, pausing longer after each failure."""
        await self._look(LONGEST_PAUSE)

    async def _look(self, longest: float) -> None:
        pause = FIRST_PAUSE
        while not await self._has_answered():
            await self._pause(pause)
            pause = min(pause * 2, longest)

    async def _has_answered(self) -> bool:
        try:
            return await self.attempt()
        finally:
            self._looked.set()

    async def _pause(self, seconds: float | None) -> None:
        """Wait so long, or until somebody wants a look."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()

    async def attempt(self) -> bool:
        """Ask the source once; whether it has answered. If not, `problem` tells why.

        What was there before stays until something else is ready to take its place.
        """
        try:
            schema = await self._source.fetch()
            fresh = await asyncio.to_thread(self._build, schema)
            if fresh is not None:
                await warm(fresh.catalog)
        except NotReady as error:
            self._note(str(error), log.warning)
            return False
        except BrokenFiles as error:
            self._note(str(error), log.error)
            return False
        except (NoReflection, NoSchema) as error:
            self._note(f"{error}. {THREE_WAYS_OUT}", log.error)
            return False
        except Exception as error:
            self._note(f"discovery failed: {type(error).__name__}: {error}", log.exception)
            return False
        self._unasked = schema.unasked
        if self.current is not None and self.problem:
            log.info("schema refreshed again")
        self.problem = ""
        self.looked_at = time.time()
        if fresh is not None:
            self._swap(fresh)
        self._compare(schema)
        return True

    def _build(self, schema: Schema) -> Fresh | None:
        """The catalog of this schema; None if that is what there is already."""
        selection, profile = self._selection, self._profile
        made_from = (identity(schema), selection, profile)
        if made_from == self._built:
            return None
        catalog = build_catalog(schema, selection, profile)
        changes = None if self.current is None else changes_between(self.current, catalog)
        return Fresh(catalog, made_from, changes)

    def _swap(self, fresh: Fresh) -> None:
        """Serve this catalog from now on, and tell what is new.

        The old one goes when its last request has, as soon as the garbage collector looks:
        message classes and codecs refer to themselves.
        """
        catalog = self.current = fresh.catalog
        self._built = fresh.made_from
        self._found.set()
        for skip in catalog.skipped:
            log.warning("service skipped", service=skip.service, reason=skip.reason)
        if catalog.unused_globs:
            log.warning(
                "INCLUDE_SERVICES or EXCLUDE_SERVICES name nothing that Cuebot has",
                globs=catalog.unused_globs,
            )
        unused = [f"{each.entry}: {each.reason}" for each in catalog.unused_entries if each.needed]
        if unused:
            log.info("entries of the compatibility profile do nothing here", entries=unused)
        log.info(
            "schema loaded" if fresh.changes is None else "schema changed",
            origin=catalog.origin,
            confirmed=catalog.confirmed,
            methods=len(catalog.methods),
            skipped=[skip.service for skip in catalog.skipped],
            digest=catalog.digest[:12],
            **({} if fresh.changes is None else fresh.changes.summary()),
        )

    def _compare(self, schema: Schema) -> None:
        """Remember which endpoints have another schema, and log it when it is news."""
        if schema.others == self.others:
            return
        self.others = schema.others
        for other in schema.others:
            log.warning(
                "the Cuebots have different schemas",
                endpoints=other.endpoints,
                digest=other.digest[:12],
                served=schema.digest[:12],
            )
        if not schema.others:
            log.info("the Cuebots have the same schema again")

    def _note(self, problem: str, tell: Callable[[str], object]) -> None:
        """Remember the problem, and log it when it is news."""
        if self.current is not None:
            problem = f"the schema could not be refreshed: {problem}"
        if problem != self.problem:
            self.problem = problem
            tell(problem)


def identity(schema: Schema) -> tuple[object, ...]:
    """What makes a schema another one than before: its content, and who said so."""
    return schema.digest, schema.confirmed, schema.origin, schema.skipped


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
