"""The assembly: settings to parts, parts to one ASGI app."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.from_settings import make_authenticator, read_keys, reloadable_tokens
from gateway.access.identity_provider import Provider
from gateway.access.load_shedding import LoadShedder
from gateway.access.rate_limiter import MemoryLimiter, Rates
from gateway.access.revocation import DenyFile
from gateway.access.secrets import reached_at
from gateway.access.shared_limiter import SharedLimiter, open_limiter
from gateway.access.tokens import Authenticator
from gateway.calls.dry_run import DryRunOptionReader, DryRuns
from gateway.calls.obstacles import Obstacles
from gateway.calls.shared_reads import SharedReads
from gateway.core.discovery.reflection import reflection_of
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import choose_source
from gateway.core.fair_quota import FairQuota, FairSemaphore
from gateway.core.gateway import Gateway as Core
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.direct_connection import Refused
from gateway.core.pipeline.error_answer import UnservedMethods
from gateway.core.pipeline.handler import UnaryHandler
from gateway.core.pipeline.interceptors import Interceptor, Interceptors
from gateway.core.pipeline.middleware import ContextMiddleware, report_refused
from gateway.core.pipeline.offload import Planner
from gateway.core.pipeline.options import QueryReader
from gateway.core.pipeline.request import RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.pipeline.routing import CHANGE_ALLOWS, PAGE_ALLOWS, Routing, wrong_verb
from gateway.core.readiness import Readiness
from gateway.core.schema.selection import Selection
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.core.upstream.cuebot import Cuebot, open_upstream
from gateway.feature import Feature
from gateway.features import FEATURES, extensions_of
from gateway.features.catalog import build_catalog, load_profile
from gateway.http.admission import Admission, RateLimits
from gateway.http.at_most_once import AtMostOnce
from gateway.http.authentication import Authentication
from gateway.http.batch import PATH as BATCH
from gateway.http.batch import Batch
from gateway.http.conditional import ConditionalReads
from gateway.http.cors import Cors
from gateway.http.key_records import Records, records_for
from gateway.http.proxies import TrustedProxies
from gateway.http.refusals import Refusals
from gateway.observe.audit_log import AuditLog, open_audit
from gateway.observe.metrics import WorkerMetrics
from gateway.observe.metrics_page import Metrics, make_metrics, metrics_endpoints, watch_lag
from gateway.observe.request_logs import request_logs
from gateway.observe.trace_settings import open_traces
from gateway.pages.page_routes import document_apps, page_routes, panels_app
from gateway.pages.status import health_routes, status_app

if TYPE_CHECKING:
    from gateway.observe.traces import Traces

OneFeature = TypeVar("OneFeature", bound=Feature)
STARTUP_WAIT_SECONDS = 5.0
"""How long startup waits for an identity provider's keys and for the shared store."""
MAX_WAITING_ANSWERS = 48
"""Calls that may wait for answer memory. Their answers stay in Cuebot's memory meanwhile."""
MAX_WAITING_READS = 1000
"""GET requests that may wait for a change (`Prefer: wait`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    upstream: Cuebot
    core: Core
    live: LiveCatalog
    """Starts looking for the catalog at the app's startup."""
    reached_at: tuple[str, ...]
    features: tuple[Feature, ...]
    authenticator: Authenticator
    provider: Provider
    """Token verification keys, followed from the app's startup on."""
    deny_file: DenyFile
    rates: Rates
    limits: tuple[Interceptor, ...]
    """The interceptors that limit the requests of each client."""
    scrape_limits: tuple[Interceptor, ...]
    """`limits` for `/metrics`."""
    shared: SharedLimiter | None
    records: Records
    """What is remembered of calls with an Idempotency-Key."""
    slots: FairQuota
    load_shedder: LoadShedder
    planner: Planner
    answers: FairSemaphore
    """Memory for large answers, in bytes."""
    shared_reads: SharedReads | None
    """What calls for clients go through, if they are shared."""
    readiness: Readiness
    audit: AuditLog | None
    traces: "Traces | None"
    metrics: Metrics | None
    refusals: Refusals
    interceptors: Interceptors

    def feature(self, kind: type[OneFeature]) -> OneFeature:
        """Raises StopIteration without it."""
        return next(each for each in self.features if isinstance(each, kind))

    @property
    def reloadable(self) -> tuple[Reloadable, ...]:
        return (
            *(reloadable for each in self.features for reloadable in each.reloadables()),
            reloadable_catalog(self.live),
            Reloadable(  # counts so far are kept
                "the rate limits",
                ("rate_limit_*",),
                lambda settings: partial(self.rates.follow, settings),
            ),
            reloadable_tokens(self.authenticator, self.provider, self.deny_file, self.reached_at),
            *((self.audit.reloadable(),) if self.audit is not None else ()),
        )


class Gateway(Starlette):
    def __init__(
        self,
        parts: Parts,
        report_refused: Callable[[Refused], None],
        metrics_app: ASGIApp | None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.parts = parts
        self.report_refused = report_refused
        """Called for each request that the server refuses before the app sees it."""
        self.metrics_app = metrics_app

    def answer(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """`__call__`, without a coroutine of its own that lasts as long as the request.

        Other servers look whether `__call__` is a coroutine function.
        """
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        return self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's router and middleware, without its ServerErrorMiddleware."""
        app: ASGIApp = ExceptionMiddleware(self.router, self.exception_handlers)
        for layer in reversed(self.user_middleware):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app


def create_app(settings: Settings, worker_metrics: WorkerMetrics | None = None) -> Gateway:
    """Raises ConfigurationError. `worker_metrics` are shared with the other workers, if any."""
    parts = make_parts(settings, worker_metrics)
    shared = parts.shared
    requests = request_reader(settings, parts)
    methods = method_handler(settings, parts, requests)
    routes = [
        *health_routes(
            parts.live,
            parts.upstream,
            parts.readiness,
            None if shared is None else shared.link,
        ),
        *pages(settings, parts, methods),
    ]
    proxies = TrustedProxies(settings.forwarded_allow_ips)
    layers = [Middleware(ContextMiddleware, proxies=proxies, interceptors=parts.interceptors)]
    scrapes = Interceptors(
        [
            *((Authentication(parts.authenticator),) if settings.metrics == "token" else ()),
            *parts.scrape_limits,
        ]
    )
    endpoints = metrics_endpoints(settings, parts.metrics, scrapes, layers[0])
    routes += endpoints.routes
    if settings.cors_origins:
        origins, headers = settings.cors_origins, settings.cors_headers
        layers.append(Middleware(Cors, origins=origins, headers=headers))
    allows = {route.path: PAGE_ALLOWS for route in routes} | {BATCH: CHANGE_ALLOWS}
    routes.append(Route(BATCH, batch_handler(settings, parts, requests, methods)))
    layers.append(Middleware(Routing, live=parts.live, methods=methods, allows=allows))
    app = Gateway(
        parts,
        partial(report_refused, proxies, parts.interceptors),
        endpoints.app,
        routes=routes,
        middleware=layers,  # the outermost first
        exception_handlers={405: wrong_verb},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.router.default = methods  # neither a page nor a known method
    return app


def make_parts(settings: Settings, worker_metrics: WorkerMetrics | None) -> Parts:
    keys = read_keys(settings)  # first: what is wrong with secrets is told before all else
    upstream = open_upstream(settings)
    rates = Rates(settings)
    live = LiveCatalog(
        choose_source(settings.descriptor_source, reflection_of(upstream)),
        Selection(include=settings.include_services, exclude=settings.exclude_services),
        load_profile(settings.compat_profile),
        build=build_catalog,
        every=settings.reflection_refresh,
    )
    core = Core(
        settings=settings,
        live=live,
        upstream=upstream,
        weight=rates.weight,
        readiness=Readiness(),
        extensions=extensions_of,
    )
    features = tuple(each(core) for each in FEATURES)
    authenticator = make_authenticator(settings, keys, core.rights_for)
    core.follow_rights = authenticator.follow
    core.generation = lambda: authenticator.generation
    audit, slots = open_audit(settings), FairQuota(settings.max_in_flight, rates.weight)
    load_shedder = LoadShedder(settings.max_in_flight, rates.weight)
    shared = open_limiter(settings)
    by_rate = RateLimits(shared or MemoryLimiter(), rates)
    limits: tuple[Interceptor, ...] = (by_rate,)
    # Scrapes do not depend on the shared store: its failure has to stay visible.
    alone = by_rate if shared is None else RateLimits(MemoryLimiter(), rates)
    traces = open_traces(settings)
    answers = FairSemaphore(settings.max_answer_memory, MAX_WAITING_ANSWERS, rates.weight)
    reads = shared_reads(settings, upstream, live, answers)
    refusals = Refusals()
    metrics = make_metrics(
        settings,
        worker_metrics,
        upstream,
        live,
        slots,
        audit,
        shared,
        lambda: [each.numbers() for each in features],
        reads,
        refusals,
    )
    interceptors: list[Interceptor | None] = [
        *request_logs(settings),
        None if metrics is None else metrics.requests,
        refusals,
        traces,
        # With several Cuebots, another one may serve the method.
        UnservedMethods(live) if len(upstream.endpoints) == 1 else None,
        Authentication(authenticator),
        *limits,
        Admission(slots, load_shedder),
        *(interceptor for each in features for interceptor in each.interceptors()),
        Obstacles(),
        audit,
    ]
    core.interceptors = Interceptors(each for each in interceptors if each is not None)
    return Parts(
        core=core,
        upstream=upstream,
        live=live,
        reached_at=reached_at(settings),
        features=features,
        authenticator=authenticator,
        provider=keys.provider,
        deny_file=DenyFile(settings.jwt_deny_file, authenticator.deny),
        rates=rates,
        limits=limits,
        scrape_limits=tuple(alone if each is by_rate else each for each in limits),
        shared=shared,
        records=records_for(
            None if shared is None else shared.link,
            processes=settings.workers,
            weight=rates.weight,
        ),
        slots=slots,
        load_shedder=load_shedder,
        planner=Planner(rates.weight),
        answers=answers,
        shared_reads=reads,
        readiness=core.readiness,
        audit=audit,
        traces=traces,
        metrics=metrics,
        refusals=refusals,
        interceptors=core.interceptors,
    )


def shared_reads(
    settings: Settings, upstream: Cuebot, live: LiveCatalog, answers: FairSemaphore
) -> SharedReads | None:
    if settings.shared_reads == "off":
        return None
    of_one = settings.shared_reads == "principal"
    return SharedReads(upstream, live.only_reads, answers, within_principal=of_one)


def request_reader(settings: Settings, parts: Parts) -> RequestReader:
    return RequestReader(
        parts.live,
        max_body=int(settings.max_body_mb * 2**20),
        http_timeout=settings.http_timeout,
        longest_call=settings.grpc_timeout,
        unknown_fields=settings.unknown_fields,
        has_pages=settings.docs != "off",
        planner=parts.planner,
        interceptors=parts.interceptors,
        # What a feature needs reads what is left.
        queries=QueryReader(
            (DryRunOptionReader(), *(each for one in parts.features for each in one.options()))
        ),
        weight=parts.rates.weight,
    )


def method_handler(settings: Settings, parts: Parts, requests: RequestReader) -> UnaryHandler:
    core = parts.core
    calls = CallMaker(parts.shared_reads or parts.upstream, parts.answers, parts.interceptors)
    responder = Responder(http_timeout=settings.http_timeout, load_shedder=parts.load_shedder)
    core.requests, core.calls, core.responder = requests, calls, responder
    reads = ConditionalReads(
        requests,
        calls,
        responder,
        parts.interceptors,
        waiting=FairQuota(MAX_WAITING_READS, parts.rates.weight),
        readiness=parts.readiness,
    )
    once = AtMostOnce(parts.records, requests, calls, responder, longest_call=settings.grpc_timeout)
    # The first of them that a request asks for wins.
    of_features = (exchange for each in parts.features for exchange in each.exchanges())
    exchanges = (DryRuns(calls, responder), *of_features, reads, once)
    return UnaryHandler(parts.interceptors, requests, calls, responder, exchanges)


def batch_handler(
    settings: Settings, parts: Parts, requests: RequestReader, methods: ASGIApp
) -> Batch:
    return Batch(
        methods,
        parts.interceptors,
        requests.bodies,
        parts.planner,
        parts.readiness,
        http_timeout=settings.http_timeout,
        max_in_flight=settings.max_in_flight,
        weight=parts.rates.weight,
    )


def pages(settings: Settings, parts: Parts, methods: ASGIApp) -> list[Route]:
    if settings.docs == "off":
        return []
    timeout = settings.http_timeout
    closed = settings.unknown_fields != "ignore"
    return page_routes(
        {
            **document_apps(parts.live, closed=closed, timeout=timeout),
            "/panels.json": panels_app(parts.live, timeout=timeout),
            "/status.json": status_app(
                parts.live,
                parts.upstream,
                parts.slots,
                parts.load_shedder,
                parts.refusals,
                timeout=timeout,
            ),
        },
        docs=settings.docs,
        readers=Interceptors(
            [Authentication(parts.authenticator, public=settings.docs == "public"), *parts.limits]
        ),
        visitors=Interceptors(parts.limits),
        fallback=methods,
        timeout=timeout,
    )


@asynccontextmanager
async def lifespan(app: Gateway) -> AsyncIterator[None]:
    live, upstream, provider = app.parts.live, app.parts.upstream, app.parts.provider
    metrics, shared = app.parts.metrics, app.parts.shared
    observers: list[Callable[[float], object]] = [app.parts.load_shedder.observe]
    if metrics is not None:
        observers.append(metrics.observe)
    tasks = asyncio.gather(
        live.run(),
        upstream.watch(live),
        watch_lag(*observers),
        *(() if metrics is None else (metrics.run(),)),
        provider.run(app.parts.authenticator),
        app.parts.deny_file.run(),
        *(() if shared is None else (shared.run(),)),
        app.parts.records.run(),
        return_exceptions=True,
    )
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTUP_WAIT_SECONDS):
                await provider.first_look()
                if shared is not None:
                    await shared.first_look()
        yield
    finally:
        await app.parts.records.close()
        tasks.cancel()
        with suppress(asyncio.CancelledError):
            await tasks
        await app.parts.planner.close()
        await upstream.close()
        for part in (app.parts.audit, app.parts.traces):
            if part is not None:
                await part.close()


def reloadable_catalog(live: LiveCatalog) -> Reloadable:
    def prepare(settings: Settings) -> Commit:
        selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
        return live.prepare(selection, load_profile(settings.compat_profile))

    names = ("compat_profile", "include_services", "exclude_services")
    return Reloadable("the profile and the selection of services", names, prepare)
