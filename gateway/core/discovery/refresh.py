"""The current catalog, and refreshes of the schema."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.codec.fields import inner_first
from gateway.core.discovery.globs import Globs
from gateway.core.discovery.history import History
from gateway.core.discovery.schedule import Schedule
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

Build = Callable[[Schema, Selection, Profile], Catalog]
"""Builds a catalog, with the aspects of all features. Called in other threads."""
Changes = Mapping[str, list[str]]
"""Differences from the previous catalog, for the log."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a catalog of a schema."""

    build: Build
    selection: Selection
    profile: Profile

    def catalog(self, schema: Schema) -> Catalog:
        return self.build(schema, self.selection, self.profile)


@dataclass(frozen=True, slots=True)
class Made:
    """A catalog with all that its schema has, and how it has come about."""

    catalog: Catalog
    recipe: Recipe
    changes: Changes


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
        self.history = History()
        self.globs = Globs()
        self.on_replaced: Callable[[], object] = lambda: None
        """The previous catalog is garbage once its last request has ended."""
        self._source = source
        self._recipe = Recipe(build, selection, profile)
        self._schedule = Schedule(self.attempt, every)
        self._latest: Made | None = None
        """The current catalog, with methods that `leave_out` has removed."""
        self._found = asyncio.Event()
        self._warming: asyncio.Task[None] | None = None
        """Compiles codecs after a reload, so that fewer requests have to."""

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
        await self._schedule.first_look()

    def only_reads(self, path: str) -> bool:
        """Whether the method with this native path changes nothing."""
        current = self.current
        method = None if current is None else current.routes.get(path)
        return method is not None and method.reads_only

    def prepare(self, selection: Selection, profile: Profile) -> Callable[[], None]:
        """Build a catalog with these from the current schema, in another thread.

        The function that this returns makes it current; without a schema, the next attempt uses
        them. Raises ConfigurationError for globs that match nothing, unless they did so before.
        """
        there, recipe = self._latest, Recipe(self._recipe.build, selection, profile)
        made = None if there is None else self._make(there.catalog.schema, recipe)
        if made is not None:
            wrong = set(map(str, made.catalog.idle.globs)) - set(self.globs.unmatched)
            if wrong:
                raise ConfigurationError(*sorted(wrong))

        def use() -> None:
            self._recipe = recipe
            if made is not None:
                self.globs.unmatched = self.globs.unmatched_in(made.catalog)
                self._swap(made)
                self._warming = asyncio.create_task(warm(made.catalog))
            elif there is None:
                self.globs.unmatched = ()

        return use

    def check_globs(self) -> None:
        """Update `globs.unmatched`, since other globs have changed."""
        self.globs.look_again(self._complete)

    def request_refresh(self) -> None:
        """Ask the source soon, since its schema may have changed. Methods left out come back."""
        self.current = self._complete
        self._schedule.hurry()

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
        await self._schedule.run()

    async def attempt(self) -> bool:
        """Ask the source once; whether it has answered. If not, `history.problem` says why.

        The current catalog stays until its successor is ready.
        """
        try:
            schema = await self._source.fetch()
            recipe: Recipe | None = None
            while recipe != self._recipe:  # a reload may change it meanwhile
                recipe = self._recipe
                new = await asyncio.to_thread(self._make, schema, recipe)
                if new is not None:
                    await warm(new.catalog)
                    wrong = await self.globs.look_in(new.catalog)
        except (NotReady, NoReflection, NoSchema) as error:
            advice = WHAT_TO_DO if self.current is None else WHAT_TO_DO_AFTER
            advice = "" if isinstance(error, NotReady | BrokenFiles) else f". {advice}"
            tell = log.warning if isinstance(error, NotReady) else log.error
            self.history.note_failure(f"{error}{advice}", tell)
            return False
        except ConfigurationError as error:
            self.history.broken = error.problems
            self.history.note_failure(str(error), log.error)
            return False
        except Exception as error:
            self.history.note_failure(
                f"discovery failed: {type(error).__name__}: {error}", log.exception
            )
            return False
        self.history.broken = ()
        if self._latest is None and new is not None and wrong:
            self.globs.unmatched = wrong
            self.history.note_failure("; ".join(wrong), log.error)
            return True
        self.history.note_answer(is_news=new is not None)
        if new is not None:
            self.globs.unmatched = wrong
            self._swap(new)
        return True

    @property
    def _complete(self) -> Catalog | None:
        return None if self._latest is None else self._latest.catalog

    def _make(self, schema: Schema, recipe: Recipe) -> Made | None:
        """The catalog of a schema, and its changes; None if the current one is the same."""
        latest = self._latest
        if latest is None:
            return Made(recipe.catalog(schema), recipe, {})
        same = identity(schema) == identity(latest.catalog.schema)
        if same and recipe == latest.recipe:
            return None
        catalog = recipe.catalog(schema)
        return Made(catalog, recipe, changes_between(latest.catalog, catalog))

    def _swap(self, made: Made) -> None:
        """Serve this catalog from now on, and log the changes.

        The garbage collector frees the previous one after its last request: message classes and
        codecs refer to themselves.
        """
        before, catalog = self.current, made.catalog
        changed = before is None or before.schema.digest != catalog.schema.digest
        self.history.note_catalog(has_other_schema=changed)
        if before is not None:
            self.on_replaced()
        self.current, self._latest = catalog, made
        self._found.set()
        for skip in catalog.absent.skipped[:LOGGED_CHANGES]:
            log.warning("service skipped", service=skip.service, reason=skip.reason)
        for wrong in self.globs.unmatched:
            log.error("a pattern matches nothing any more", problem=wrong)
        unused = [f"{each.entry}: {each.reason}" for each in catalog.idle.entries if each.needed]
        if unused:
            log.info("entries of the compatibility profile do nothing here", entries=unused)
        log.info(
            "schema loaded" if before is None else "schema changed",
            origin=catalog.schema.origin,
            confirmed=catalog.schema.confirmed,
            methods=len(catalog.methods),
            skipped=shortened([skip.service for skip in catalog.absent.skipped]),
            digest=catalog.schema.digest[:12],
            **made.changes,
        )


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
