"""The current catalog, and when the schema is looked for again."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from gateway.codec.fields import inner_first
from gateway.compat.build import build_catalog
from gateway.compat.profile import EMPTY, Profile
from gateway.discovery.source import BrokenFiles, DescriptorSource, NoReflection, NotReady
from gateway.errors import ConfigurationError
from gateway.long_work import let_others_run
from gateway.schema.catalog import Catalog
from gateway.schema.changes import SHOWN, changes_between, shortened
from gateway.schema.description import NoSchema, OtherSchema, Schema
from gateway.schema.method import Method
from gateway.schema.selection import Selection

log = structlog.stdlib.get_logger("gateway.schema")

WHAT_TO_DO = (
    "Set DESCRIPTOR_SOURCE to Cuebot's own protos (the directory proto/src of its sources, or a"
    " FileDescriptorSet, *.binpb), or pip install 'cuebot-gateway[opencue]' beside the gateway, or"
    " turn on server reflection in Cuebot"
)
WHAT_TO_DO_AFTER = (
    "The gateway goes on with the schema that it has. If Cuebot is to stay as it is, restart the"
    " gateway with DESCRIPTOR_SOURCE set to Cuebot's own protos (proto/src of its sources), or to"
    " auto for the installed opencue-proto"
)
"""The same when there is a catalog already: what is installed is not asked any more."""

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 1.0
"""Seconds between two attempts. Together with the pauses between two connections they are short
enough for the gateway to be ready within 5 s of Cuebot."""
LONGEST_REFRESH_PAUSE = 30.0
"""The same when there is a catalog already."""

News = Mapping[str, list[str]]
"""What is new in a catalog, for the log."""


class GlobUser(Protocol):
    """Has globs of its own, which are to match something as those of the selection are."""

    def unmatched(self, catalog: Catalog) -> tuple[str, ...]:
        """What is wrong with those that match nothing in this catalog. Called in other threads."""


class LiveCatalog:
    """The current catalog: found by asking the source until it answers, and kept up to date.

    `current` is one reference, replaced as a whole: read it once for a consistent view. The source
    is asked again every `every` seconds (0: never by itself) and after `request_refresh`.

    There is no first catalog as long as globs of the selection match nothing: what they were to
    withhold would be served. A later one is made even so, since a farm should not stop for it.
    """

    def __init__(
        self,
        source: DescriptorSource,
        selection: Selection,
        profile: Profile = EMPTY,
        *,
        every: float = 0.0,
        glob_users: Sequence[GlobUser] = (),
    ) -> None:
        self.current: Catalog | None = None
        self.problem = "the schema has not been asked for yet"
        """Why the last attempt has failed, for people; empty when it has not."""
        self.generation = 0
        """How many catalogs there have been."""
        self.refreshes = {"same": 0, "changed": 0, "failed": 0}
        """How many attempts have ended so."""
        self.looked_at = 0.0
        """When the source has last answered (unix time); 0 before that."""
        self.others: tuple[OtherSchema, ...] = ()
        """What other endpoints of Cuebot have instead of the current schema."""
        self.unmatched: tuple[str, ...] = ()
        """Of the globs that match nothing in the latest schema, what is wrong."""
        self.on_replaced: Callable[[], object] = lambda: None
        """Called when there is another catalog in place of one: that is garbage soon."""
        self._complete: Catalog | None = None
        """The current catalog with all methods, also those that are left out."""
        self._source = source
        self._selection = selection
        self._profile = profile
        self._every = every or None
        self._glob_users = glob_users
        self._built_with: object = None
        """The selection and the profile that the current catalog was made with."""
        self._checks = 0
        """How often globs have been looked at because they were other ones."""
        self._unasked: tuple[str, ...] = ()
        """Endpoints that the last attempt has not reached."""
        self._warming: asyncio.Task[None] | None = None
        """Compiles what a reload has made current, so that fewer requests have to."""
        self._found = asyncio.Event()
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def probe(self) -> str:
        """The current catalog's; empty without one."""
        return "" if self.current is None else self.current.probe

    async def wait(self) -> Catalog:
        """The catalog, once there is one."""
        await self._found.wait()
        assert self.current is not None
        return self.current

    async def first_look(self) -> None:
        """Wait until the source has been asked once, successfully or not."""
        await self._looked.wait()

    def prepare(self, selection: Selection, profile: Profile) -> Callable[[], None]:
        """Make what is served with these, of the schema that is there; for another thread.

        What this gives back makes it current at once. Without a schema, the next attempt uses
        them. Raises ConfigurationError for globs that match nothing, unless they did so before.
        """
        there = self._complete
        made = None if there is None else self._build(there.schema, selection, profile)
        if made is not None:
            wrong = set(map(str, made[0].unused_globs)) - set(self.unmatched)
            if wrong:
                raise ConfigurationError(*sorted(wrong))

        def use() -> None:
            self._selection, self._profile = selection, profile
            if made is not None:
                self._built_with = selection, profile
                self.unmatched = self._wrong_in(made[0])
                self._swap(*made)
                self._warming = asyncio.create_task(warm(made[0]))
            elif there is None:
                self.unmatched = ()

        return use

    def check_globs(self) -> None:
        """Find again what matches nothing, since other globs are in use now."""
        there = self._complete
        self._checks += 1
        self.unmatched = () if there is None else self._wrong_in(there)

    def request_refresh(self) -> None:
        """Ask the source soon, since it may say something else now. Nothing is left out then."""
        self.current = self._complete
        self._wanted.set()

    def leave_out(self, path: str) -> None:
        """Tell people no more of this method, which Cuebot does not serve, until `request_refresh`.

        It can still be called: what is said then is up to Cuebot.
        """
        catalog = self.current
        kept = tuple(each for each in catalog.methods if each.path != path) if catalog else ()
        if catalog is not None and len(kept) < len(catalog.methods):
            self.current = replace(catalog, methods=kept)
            log.warning("Cuebot does not serve a method that its descriptors have", method=path)

    async def run(self) -> None:
        """Find the catalog and keep it up to date, until cancelled."""
        await self.discover()
        while True:
            seconds = self._every
            if self._unasked:  # soon, since an endpoint has not been asked yet
                seconds = min(seconds or LONGEST_REFRESH_PAUSE, LONGEST_REFRESH_PAUSE)
            await self._pause(seconds)
            await self.discover(LONGEST_REFRESH_PAUSE)

    async def discover(self, longest_pause: float = LONGEST_PAUSE) -> None:
        """Ask the source until it has answered, pausing longer after each failure (seconds)."""
        pause = FIRST_PAUSE
        while True:
            answered = await self.attempt()
            self._looked.set()
            if answered:
                return
            await self._pause(pause)
            pause = min(pause * 2, longest_pause)

    async def _pause(self, seconds: float | None) -> None:
        """Wait for so many seconds, or until `request_refresh` is called."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()

    async def attempt(self) -> bool:
        """Ask the source once; whether it has answered. If not, `problem` tells why.

        The current catalog stays until another one is ready to replace it.
        """
        try:
            schema = await self._source.fetch()
            wanted: object = None
            while wanted != (self._selection, self._profile):  # which may change meanwhile
                wanted = selection, profile = self._selection, self._profile
                new = await asyncio.to_thread(self._build, schema, selection, profile)
                if new is not None:
                    await warm(new[0])
                    wrong = await self._look_for_wrong_in(new[0])
        except (NotReady, NoReflection, NoSchema) as error:
            advice = WHAT_TO_DO if self.current is None else WHAT_TO_DO_AFTER
            advice = "" if isinstance(error, NotReady | BrokenFiles) else f". {advice}"
            tell = log.warning if isinstance(error, NotReady) else log.error
            self._fail(f"{error}{advice}", tell)
            return False
        except Exception as error:
            self._fail(f"discovery failed: {type(error).__name__}: {error}", log.exception)
            return False
        self._unasked = schema.unasked
        if self._complete is None and new is not None and wrong:
            self.unmatched = wrong
            self._fail("; ".join(self.unmatched), log.error)
            return True
        if self.current is not None and self.problem:
            log.info("schema refreshed again")
        self.problem = ""
        self.looked_at = time.time()
        self.refreshes["same" if new is None else "changed"] += 1
        if new is not None:
            self._built_with = wanted
            self.unmatched = wrong
            self._swap(*new)
        self._compare(schema)
        return True

    def _build(
        self, schema: Schema, selection: Selection, profile: Profile
    ) -> tuple[Catalog, News] | None:
        """The catalog of this schema, and what is new in it; None if the current one is the same.

        The first one has no news.
        """
        current = self._complete
        if current is None:
            return build_catalog(schema, selection, profile), {}
        same = identity(schema) == identity(current.schema)
        if same and (selection, profile) == self._built_with:
            return None
        catalog = build_catalog(schema, selection, profile)
        return catalog, changes_between(current, catalog)

    async def _look_for_wrong_in(self, catalog: Catalog) -> tuple[str, ...]:
        """The same in a thread, with the globs that are in use afterwards."""
        checks = -1
        while checks != self._checks:
            checks = self._checks
            wrong = await asyncio.to_thread(self._wrong_in, catalog)
        return wrong

    def _wrong_in(self, catalog: Catalog) -> tuple[str, ...]:
        """What is wrong with globs, of the selection and others, that match nothing there."""
        others = (wrong for user in self._glob_users for wrong in user.unmatched(catalog))
        return (*map(str, catalog.unused_globs), *others)

    def _swap(self, catalog: Catalog, changes: News) -> None:
        """Serve this catalog from now on, and log what is new.

        The old one is freed by the garbage collector after its last request: message classes and
        codecs refer to themselves.
        """
        event = "schema loaded" if self.current is None else "schema changed"
        if self.current is not None:
            self.on_replaced()
        self.current = self._complete = catalog
        self.generation += 1
        self._found.set()
        for skip in catalog.skipped[:SHOWN]:
            log.warning("service skipped", service=skip.service, reason=skip.reason)
        for wrong in self.unmatched:
            log.error("a pattern matches nothing any more", problem=wrong)
        unused = [f"{each.entry}: {each.reason}" for each in catalog.unused_entries if each.needed]
        if unused:
            log.info("entries of the compatibility profile do nothing here", entries=unused)
        log.info(
            event,
            origin=catalog.schema.origin,
            confirmed=catalog.schema.confirmed,
            methods=len(catalog.methods),
            skipped=shortened([skip.service for skip in catalog.skipped]),
            digest=catalog.schema.digest[:12],
            **changes,
        )

    def _compare(self, schema: Schema) -> None:
        """Remember which endpoints have another schema, and log it when that has changed."""
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

    def _fail(self, problem: str, log_problem: Callable[[str], object]) -> None:
        """Remember the problem, and log it if it is a new one."""
        self.refreshes["failed"] += 1
        if self.current is not None:
            problem = f"the schema could not be refreshed: {problem}"
        if problem != self.problem:
            self.problem = problem
            log_problem(problem)


def identity(schema: Schema) -> tuple[object, ...]:
    """What two schemas must have in common to be the same: the content, and where it comes from."""
    return schema.digest, schema.confirmed, schema.origin, schema.skipped


async def warm(catalog: Catalog) -> None:
    """Compile every codec, a type at a time, so that no request has to.

    A method whose types cannot be compiled fails alone, when it is called.
    """
    failed: set[Method] = set()
    for method, compile_some in await asyncio.to_thread(compilations, catalog):
        if method not in failed:
            try:
                compile_some()
            except Exception:
                failed.add(method)
                log.exception("the types of a method cannot be compiled", method=method.path)
        await let_others_run()


def compilations(catalog: Catalog) -> list[tuple[Method, Callable[[], object]]]:
    """What there is to compile for each method, in pieces.

    A type comes after those that occur in it, since it would compile them all together.
    """
    found: list[tuple[Method, Callable[[], object]]] = []
    returned: set[str] = set()
    taken: set[str] = set()
    for method in catalog.methods:
        kinds = inner_first(method.descriptor.output_type, returned)
        found += [(method, partial(method.encoders.to_json, each)) for each in kinds]
        kinds = inner_first(method.descriptor.input_type, taken)
        found += [(method, partial(method.decoders.reader, each)) for each in kinds]
        found.append((method, partial(encode_nothing, method)))
    return found


def encode_nothing(method: Method) -> None:
    """Make the encoder of its whole answers."""
    method.encode(b"")
