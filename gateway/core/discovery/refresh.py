"""The current catalog, and refreshes of the schema."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

import structlog

from gateway.core.codec.fields import inner_first
from gateway.core.discovery.source import BrokenFiles, DescriptorSource, NoReflection, NotReady
from gateway.core.errors import ConfigurationError
from gateway.core.long_work import let_others_run
from gateway.core.profile.profile import Profile
from gateway.core.schema.catalog import LOGGED_CHANGES, Catalog, changes_between, shortened
from gateway.core.schema.description import NoSchema, Schema
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection

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
"""Advice if there is a catalog: an installed package is no alternative any more."""

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 1.0
"""Between two attempts. With the pauses between two connections, the gateway is ready within 5 s of
Cuebot."""
LONGEST_REFRESH_PAUSE_SECONDS = 30.0
"""Between two attempts when there is a catalog."""

Build = Callable[[Schema, Selection, Profile], Catalog]
"""Builds a catalog, with the aspects of all features. Called in other threads."""
UnmatchedIn = Callable[[Catalog], Iterable[str]]
"""Problems of globs that match nothing in a catalog, a line each. Called in other threads."""
Changes = Mapping[str, list[str]]
"""Differences from the previous catalog, for the log."""


class LiveCatalog:
    """The current catalog, kept up to date with the source.

    `current` is one reference, replaced as a whole: read it once for a consistent view. The source
    is asked until it answers, then every `every` seconds (0: never) and after `request_refresh`.

    There is no first catalog while globs match nothing, since methods that they are to withhold
    would be served. A later catalog is made even so: a farm should not stop for it.
    """

    def __init__(
        self,
        source: DescriptorSource,
        selection: Selection,
        profile: Profile,
        *,
        build: Build,
        every: float = 0.0,
    ) -> None:
        self.current: Catalog | None = None
        self.reads: set[str] = set()
        """The native paths of its methods that change nothing. It is always this set."""
        self.problem = "the schema has not been asked for yet"
        """Why the last attempt has failed; empty if it has not."""
        self.generation = 0
        """Number of catalogs so far."""
        self.refreshes = {"same": 0, "changed": 0, "failed": 0}
        self.looked_at = 0.0
        """Time of the source's last answer (unix time); 0 before the first."""
        self.changed_at = 0.0
        """Time of the last catalog with another schema (unix time)."""
        self.unmatched: tuple[str, ...] = ()
        """Problems of globs that match nothing in the latest schema."""
        self.other_globs: list[UnmatchedIn] = []
        """Globs that a part of the gateway has, whose problems `unmatched` has as well."""
        self.on_replaced: Callable[[], object] = lambda: None
        """The previous catalog is garbage once its last request has ended."""
        self._complete: Catalog | None = None
        """The current catalog, with methods that `leave_out` has removed."""
        self._source = source
        self._build_catalog = build
        self._selection = selection
        self._profile = profile
        self._every = every or None
        self._built_with: object = None
        """The selection and the profile of the current catalog."""
        self._checks = 0
        """Number of times that other globs have changed."""
        self._warming: asyncio.Task[None] | None = None
        """Compiles codecs after a reload, so that fewer requests have to."""
        self._found = asyncio.Event()
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def probe(self) -> str:
        """The path of the current catalog's probe; empty without a catalog."""
        return "" if self.current is None else self.current.probe

    async def wait(self) -> Catalog:
        await self._found.wait()
        assert self.current is not None
        return self.current

    async def first_look(self) -> None:
        """Wait for the end of the first attempt, successful or not."""
        await self._looked.wait()

    def prepare(self, selection: Selection, profile: Profile) -> Callable[[], None]:
        """Build a catalog with these from the current schema, in another thread.

        The function that this returns makes it current; without a schema, the next attempt uses
        them. Raises ConfigurationError for globs that match nothing, unless they did so before.
        """
        there = self._complete
        made = None if there is None else self._build(there.schema, selection, profile)
        if made is not None:
            wrong = set(map(str, made[0].idle.globs)) - set(self.unmatched)
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
        """Update `unmatched`, since other globs have changed."""
        there = self._complete
        self._checks += 1
        self.unmatched = () if there is None else self._wrong_in(there)

    def request_refresh(self) -> None:
        """Ask the source soon, since its schema may have changed. Methods left out come back."""
        self.current = self._complete
        self._wanted.set()

    def leave_out(self, path: str) -> None:
        """Remove a method that Cuebot does not serve from documents until `request_refresh`.

        It can still be called, and Cuebot answers.
        """
        before = self.current
        self.current = before and before.without(path)
        if self.current is not before:
            log.warning("Cuebot does not serve a method that its descriptors have", method=path)

    async def run(self) -> None:
        """Find the catalog and keep it up to date, until cancelled."""
        await self.discover()
        while True:
            await self._pause(self._every)
            await self.discover(LONGEST_REFRESH_PAUSE_SECONDS)

    async def discover(self, longest_pause: float = LONGEST_PAUSE_SECONDS) -> None:
        """Ask the source until it answers, with longer and longer pauses (seconds)."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            answered = await self.attempt()
            self._looked.set()
            if answered:
                return
            await self._pause(pause)
            pause = min(pause * 2, longest_pause)

    async def _pause(self, seconds: float | None) -> None:
        """Wait for so many seconds, or for `request_refresh`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()

    async def attempt(self) -> bool:
        """Ask the source once; whether it has answered. If not, `problem` says why.

        The current catalog stays until its successor is ready.
        """
        try:
            schema = await self._source.fetch()
            wanted: object = None
            while wanted != (self._selection, self._profile):  # a reload may change them meanwhile
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
        return True

    def _build(
        self, schema: Schema, selection: Selection, profile: Profile
    ) -> tuple[Catalog, Changes] | None:
        """The catalog of a schema, and its changes; None if the current one is the same."""
        current = self._complete
        if current is None:
            return self._build_catalog(schema, selection, profile), {}
        same = identity(schema) == identity(current.schema)
        if same and (selection, profile) == self._built_with:
            return None
        catalog = self._build_catalog(schema, selection, profile)
        return catalog, changes_between(current, catalog)

    async def _look_for_wrong_in(self, catalog: Catalog) -> tuple[str, ...]:
        """`_wrong_in` in a thread, with the globs that are in use afterwards."""
        checks = -1
        while checks != self._checks:
            checks = self._checks
            wrong = await asyncio.to_thread(self._wrong_in, catalog)
        return wrong

    def _wrong_in(self, catalog: Catalog) -> tuple[str, ...]:
        """Problems of globs that match nothing in this catalog."""
        others = (problem for unmatched in self.other_globs for problem in unmatched(catalog))
        return (*map(str, catalog.idle.globs), *others)

    def _swap(self, catalog: Catalog, changes: Changes) -> None:
        """Serve this catalog from now on, and log the changes.

        The garbage collector frees the previous one after its last request: message classes and
        codecs refer to themselves.
        """
        event = "schema loaded" if self.current is None else "schema changed"
        if self.current is None or self.current.schema.digest != catalog.schema.digest:
            self.changed_at = time.time()
        if self.current is not None:
            self.on_replaced()
        self.current = self._complete = catalog
        self.reads.clear()
        self.reads.update(each.path for each in catalog.routes.values() if each.reads_only)
        self.generation += 1
        self._found.set()
        for skip in catalog.absent.skipped[:LOGGED_CHANGES]:
            log.warning("service skipped", service=skip.service, reason=skip.reason)
        for wrong in self.unmatched:
            log.error("a pattern matches nothing any more", problem=wrong)
        unused = [f"{each.entry}: {each.reason}" for each in catalog.idle.entries if each.needed]
        if unused:
            log.info("entries of the compatibility profile do nothing here", entries=unused)
        log.info(
            event,
            origin=catalog.schema.origin,
            confirmed=catalog.schema.confirmed,
            methods=len(catalog.methods),
            skipped=shortened([skip.service for skip in catalog.absent.skipped]),
            digest=catalog.schema.digest[:12],
            **changes,
        )

    def _fail(self, problem: str, log_problem: Callable[[str], object]) -> None:
        """Keep the problem, and log it if it is a new one."""
        self.refreshes["failed"] += 1
        if self.current is not None:
            problem = f"the schema could not be refreshed: {problem}"
        if problem != self.problem:
            self.problem = problem
            log_problem(problem)


def identity(schema: Schema) -> tuple[object, ...]:
    """What makes two schemas the same: content and origin."""
    return schema.digest, schema.confirmed, schema.origin, schema.skipped


async def warm(catalog: Catalog) -> None:
    """Compile all codecs, a type at a time, and split summaries into words, so that no request has
    to.

    A method whose types cannot be compiled fails when it is called.
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
    for method in catalog.methods:
        method.described.prepare()
        await let_others_run()


def compilations(catalog: Catalog) -> list[tuple[Method, Callable[[], object]]]:
    """The codecs to compile for each method, one type at a time: inner types first."""
    found: list[tuple[Method, Callable[[], object]]] = []
    returned: set[str] = set()
    taken: set[str] = set()
    for method in catalog.methods:
        kinds = inner_first(method.descriptor.output_type, returned)
        found += [(method, partial(method.encoders.to_json, each)) for each in kinds]
        kinds = inner_first(method.descriptor.input_type, taken)
        found += [(method, partial(method.decoders.reader, each)) for each in kinds]
        found.append((method, lambda method=method: method.encode(b"")))  # type: ignore[misc]
    return found
