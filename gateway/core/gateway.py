"""A gateway: its parts, as features find them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gateway.core.discovery.reflection import reflection_of
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import choose_source
from gateway.core.fair_quota import FairSemaphore, Weight, equal_weight
from gateway.core.offload.planner import Planner
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.content_coding import NO_CODINGS, Codings
from gateway.core.pipeline.context import ClientOf, SurfaceOf, plain_json, the_peer
from gateway.core.pipeline.encoding_turn import LongAnswers
from gateway.core.pipeline.guard import Anonymous
from gateway.core.pipeline.handler import UnaryHandler
from gateway.core.pipeline.header_names import HeaderNames, together
from gateway.core.pipeline.interceptors import Interceptor, Interceptors, overrides
from gateway.core.pipeline.log_fields import LogFields
from gateway.core.pipeline.request import RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.principal import Authority
from gateway.core.processes import Port, Worker
from gateway.core.profile.profile import Profile
from gateway.core.readiness import Readiness
from gateway.core.refusals import Refusals
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.selection import Selection
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.core.shared_store import Link, RedisStore
from gateway.core.starting import added
from gateway.core.upstream.cuebot import Cuebot, open_upstream
from gateway.core.upstream.interface import Upstream

MAX_WAITING_ANSWERS = 48
"""Calls that may wait for answer memory. Their answers stay in Cuebot's memory meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What features have been put together to."""

    load_profile: Callable[[str], Profile]
    build_catalog: Callable[..., Catalog]
    extensions: Callable[[type], tuple[Any, ...]]
    """What features add to a feature that they need."""
    ports: Callable[[Settings], list[Port]]
    """Those of features, beside the one of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The path of a request. It is there when all features are."""

    interceptors: Interceptors
    requests: RequestReader
    calls: CallMaker
    responder: Responder
    methods: UnaryHandler


@dataclass(kw_only=True)
class Gateway:
    """Parts are made when they are first asked for. A feature that replaces one (`weight`,
    `client_of`, `trusts`, `surface_of`, `codings`, `upstream_of_calls`, `upstream_of_copies`) does
    so when it is constructed, before those that come later.
    """

    settings: Settings
    composition: Composition
    reached_at: tuple[str, ...] = ()
    """What makes other machines reach it (`gateway.core.settings.reach`)."""
    weight: Weight = equal_weight
    """The share of each principal in what all share."""
    client_of: ClientOf = the_peer
    trusts: Callable[[str], bool] = lambda address: False
    """Whether a peer's address is that of a proxy, behind which there are many clients."""
    surface_of: SurfaceOf = plain_json
    worker: Worker | None = None
    """This process, if WORKERS are several."""
    features: tuple[Any, ...] = ()
    """All of them (`gateway.feature.Feature`), once they are constructed."""

    @cached_property
    def authority(self) -> Authority:
        """At first, everybody has all rights."""
        return Authority()

    @cached_property
    def readiness(self) -> Readiness:
        """Whether the gateway is stopping."""
        return Readiness()

    @cached_property
    def refusals(self) -> Refusals:
        return Refusals()

    @cached_property
    def codings(self) -> Codings:
        """Of answers and of bodies."""
        return NO_CODINGS

    @cached_property
    def upstream(self) -> Cuebot:
        return open_upstream(self.settings)

    @cached_property
    def upstream_of_calls(self) -> Upstream:
        """Where calls for clients go."""
        return self.upstream

    @cached_property
    def upstream_of_copies(self) -> Upstream:
        """Where calls go for clients who get another answer than Cuebot's, made for each."""
        return self.upstream_of_calls

    @cached_property
    def live(self) -> LiveCatalog:
        """The current catalog, which refreshes replace. It starts looking when the app does."""
        settings, composition = self.settings, self.composition
        return LiveCatalog(
            choose_source(settings.descriptor_source, reflection_of(self.upstream)),
            selection_of(settings),
            composition.load_profile(settings.compat_profile),
            build=composition.build_catalog,
            every=settings.reflection_refresh,
        )

    @property
    def catalog(self) -> Catalog | None:
        """What Cuebot offers, as it was last read; None until it has been."""
        return self.live.current

    @cached_property
    def store(self) -> Link | None:
        """The store that gateways share, if STATE is set."""
        return None if self.settings.state is None else Link(RedisStore(self.settings))

    @cached_property
    def answers(self) -> FairSemaphore:
        """Memory for large answers, in bytes."""
        return FairSemaphore(self.settings.max_answer_memory, MAX_WAITING_ANSWERS, self.weight)

    @cached_property
    def long_answers(self) -> LongAnswers:
        return LongAnswers(self.settings.max_in_flight, self.weight)

    @cached_property
    def planner(self) -> Planner:
        return Planner(self.weight)

    @cached_property
    def log_fields(self) -> LogFields:
        return LogFields()

    pipeline: Pipeline = field(init=False)

    def extensions(self, feature: type) -> tuple[Any, ...]:
        return self.composition.extensions(feature)

    @cached_property
    def interceptors(self) -> tuple[Interceptor, ...]:
        """Those of all features, in the order of a request."""
        found = [*added(self.features, "interceptors")]
        if not any(overrides(each, "identify") for each in found):
            found.append(Anonymous(self.authority))
        return tuple(found)

    def numbers(self) -> Iterable[Mapping[tuple[str, ...], float]]:
        """The metrics of each feature."""
        return [each.numbers() for each in self.features]

    @cached_property
    def headers(self) -> HeaderNames:
        """Those of the core and of all features."""
        return together(each.headers for each in self.features)

    def shown(self) -> Mapping[str, str]:
        """Pages for people, where there are pages (DOCS), and what each does (`Feature.shows`)."""
        if self.settings.docs == "off":
            return {}
        return {path: what for each in self.features for path, what in each.shows.items()}

    def page_interceptors(
        self, *, public: bool = False, identify: bool = True, apart: bool = False
    ) -> Interceptors:
        """What admits requests for a page: callers are identified, and their rates count.

        `public`: also without a token. Not `identify`: nobody is asked. `apart`: without what
        depends on other machines.
        """
        stages = ("identify", "admit") if identify else ("admit",)
        found = []
        for each in self.interceptors:
            if any(overrides(each, stage) for stage in stages):
                found.append(each.apart() if apart else each)
            if public and overrides(each, "identify"):
                found.append(Anonymous(self.authority))
        return Interceptors(found)

    def reloadable_catalog(self) -> Reloadable:
        def prepare(settings: Settings) -> Commit:
            profile = self.composition.load_profile(settings.compat_profile)
            return self.live.prepare(selection_of(settings), profile)

        names = ("compat_profile", "include_services", "exclude_services")
        return Reloadable("the profile and the selection of services", names, prepare)


def selection_of(settings: Settings) -> Selection:
    return Selection(include=settings.include_services, exclude=settings.exclude_services)
