"""`/metrics`: the numbers of all workers, and where METRICS and METRICS_PORT want the page."""

import asyncio
import gc
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.access.shared_limiter import SharedLimiter
from gateway.calls.shared_reads import SharedReads
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import context_of
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.routing import wrong_verb
from gateway.core.settings.model import Settings
from gateway.core.upstream.cuebot import Cuebot
from gateway.http.authentication import Guarded, StatusOnly
from gateway.http.refusals import Refusals
from gateway.observe.audit_log import AuditLog
from gateway.observe.metrics import (
    BOUNDS,
    FAMILIES,
    PREFIX,
    Numbers,
    RequestCounters,
    Value,
    WorkerMetrics,
    merged,
    no_durations,
)
from gateway.pages.content import Content

PATH = "/metrics"
LAG_TICK_SECONDS = 0.05
WRITE_INTERVAL_SECONDS = 1.0
"""Between two times that a worker writes its numbers for the others."""
DESCRIPTORS = "/dev/fd"
STATM = Path("/proc/self/statm")
"""On Linux: pages of memory, all and resident (proc(5))."""


def make_metrics(
    settings: Settings,
    worker_metrics: WorkerMetrics | None,
    upstream: Cuebot,
    live: LiveCatalog,
    slots: FairQuota,
    audit: AuditLog | None,
    shared: SharedLimiter | None,
    numbers: Callable[[], Iterable[Mapping[tuple[str, ...], float]]],
    reads: SharedReads | None,
    refusals: Refusals,
) -> "Metrics | None":
    """The metrics of these components, unless METRICS is off. Raises ConfigurationError.

    `slots` are of requests in flight; `numbers` reads those of features.
    """
    check_metrics(settings)
    if settings.metrics == "off":
        return None
    # At the gateway's own port, everybody could read where Cuebot is.
    named = settings.metrics == "token" or settings.metrics_port is not None

    def components() -> Numbers:
        found: Numbers = {
            ("requests_in_flight",): slots.taken,
            ("catalog_generation",): live.generation,
        }
        for number, each in enumerate(upstream.endpoints, 1):
            name = each.endpoint if named else str(number)
            found["upstream_up", name] = int(each.ready)
            found["upstream_hanging", name] = int(each.unresponsive)
            found["upstream_connections", name] = each.connections
        for each_feature in numbers():
            found.update(each_feature)
        if reads is not None:
            found["shared_reads_total",] = reads.answered
        for result, count in live.refreshes.items():
            found["schema_refreshes_total", result] = count
        if audit is not None:
            found["audit_lag_seconds",] = audit.lag
            found["audit_dropped_total",] = audit.lost
        if shared is not None:
            found["store_up",] = int(shared.link.up)
            found["store_losses_total",] = shared.link.losses
            found["store_bypassed_total",] = shared.without
        return found

    return Metrics(RequestCounters(partial(method_at, live), refusals), worker_metrics, components)


def check_metrics(settings: Settings) -> None:
    """Raises ConfigurationError for a port without metrics."""
    if settings.metrics == "off" and settings.metrics_port is not None:
        raise ConfigurationError("METRICS_PORT: has no effect without METRICS=token or public")


def method_at(live: LiveCatalog, path: str) -> str:
    """The native path of the method at a request's path, or ""."""
    method = live.current.routes.get(path) if live.current is not None else None
    return "" if method is None else method.path


def process_numbers() -> Numbers:
    """What the system knows of this process."""
    found: Numbers = {
        ("gc_collections_total", str(generation)): each["collections"]
        for generation, each in enumerate(gc.get_stats())
    }
    with suppress(OSError):
        found["open_descriptors",] = len(os.listdir(DESCRIPTORS)) - 1  # the listing's own
    with suppress(OSError):
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        found["resident_memory_bytes",] = pages * os.sysconf("SC_PAGE_SIZE")
    return found


class Metrics:
    """All numbers of this worker, and, with `worker_metrics`, of the others."""

    def __init__(
        self,
        requests: RequestCounters,
        worker_metrics: WorkerMetrics | None,
        components: Callable[[], Numbers],
    ) -> None:
        """`components` reads the numbers of the other components."""
        self.requests = requests
        self._lag = no_durations()
        self._worker_metrics = worker_metrics
        self._before = {} if worker_metrics is None else worker_metrics.before()
        self._own: Numbers = {
            ("start_time_seconds",): time.time()
            if worker_metrics is None
            else worker_metrics.began,
            ("workers",): 1,
            ("build_info", __version__): 1,
        }
        self._components = components

    def observe(self, lag: float) -> None:
        """Count how many seconds the event loop is behind."""
        lag = max(lag, 0.0)  # a timer may be early
        self._lag[bisect_left(BOUNDS, lag)] += 1
        self._lag[-1] += lag

    def own(self) -> Numbers:
        """The numbers of this worker and its predecessors."""
        return merged(
            (
                self._before,
                self._own | {("loop_lag_seconds",): [*self._lag]},
                self.requests.numbers(),
                process_numbers(),
                self._components(),
            )
        )

    def all(self) -> Numbers:
        own, worker_metrics = self.own(), self._worker_metrics
        if worker_metrics is None:
            return own
        worker_metrics.put(own)
        return merged((own, *worker_metrics.others()))

    async def run(self) -> None:
        """Write this worker's numbers for the others again and again, until cancelled."""
        if self._worker_metrics is None:
            return
        try:
            while True:
                self._worker_metrics.put(self.own())
                await asyncio.sleep(WRITE_INTERVAL_SECONDS)
        finally:
            self._worker_metrics.put(self.own())


async def watch_lag(*observers: Callable[[float], object]) -> None:
    """Give each observer, again and again, the seconds that the event loop is behind."""
    time = asyncio.get_running_loop().time
    while True:
        due = time() + LAG_TICK_SECONDS
        await asyncio.sleep(LAG_TICK_SECONDS)
        lag = time() - due
        for observe in observers:
            observe(lag)


class MetricsEndpoints(NamedTuple):
    routes: tuple[Route, ...] = ()
    """At the gateway's own port."""
    app: ASGIApp | None = None
    """At METRICS_PORT."""


def metrics_endpoints(
    settings: Settings,
    metrics: Metrics | None,
    interceptors: Interceptors,
    outermost: Middleware,
) -> MetricsEndpoints:
    """Where METRICS and METRICS_PORT want `/metrics`; `interceptors` admit requests for it."""
    if metrics is None:
        return MetricsEndpoints()
    numbers = metrics_app(metrics, timeout=settings.http_timeout)
    page = Guarded(interceptors, StatusOnly(numbers) if settings.metrics == "token" else numbers)
    route = Route(PATH, page, methods=["GET", "HEAD"])
    if settings.metrics_port is None:
        return MetricsEndpoints((route,))
    app = Starlette(routes=[route], middleware=[outermost], exception_handlers={405: wrong_verb})
    app.router.redirect_slashes = False
    app.router.default = nothing_else
    return MetricsEndpoints(app=app)


def metrics_app(metrics: Metrics, *, timeout: float) -> ASGIApp:
    """Serves the numbers in the format that the client accepts."""
    exposition({}, "")  # imports prometheus_client

    def content(numbers: Numbers, accept: str) -> Content:
        body, media_type = exposition(numbers, accept)
        return Content.of(body, media_type, {"Vary": "Accept"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        accept = context_of(scope).request.headers.get(b"accept", b"").decode("latin-1")
        # 10 µs a number, during which requests have their turn
        page = await asyncio.to_thread(content, metrics.all(), accept)
        await page.send(scope, send, timeout)

    return app


def exposition(numbers: Numbers, accept: str) -> tuple[bytes, str]:
    """The numbers in the format that an Accept header asks for, and its media type.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    from prometheus_client import core, utils  # here, as it takes 40 ms, and memory
    from prometheus_client.exposition import choose_encoder

    kinds: dict[str, Any] = {
        "counter": core.CounterMetricFamily,
        "gauge": core.GaugeMetricFamily,
        "histogram": core.HistogramMetricFamily,
    }
    buckets = [*map(utils.floatToGoString, BOUNDS), "+Inf"]
    found = defaultdict[str, list[tuple[list[str], Value]]](list)
    for (name, *labels), value in numbers.items():
        found[name].append((labels, value))
    shown = []
    for family in FAMILIES.values():
        if family.name in found:
            metric = kinds[family.kind](PREFIX + family.name, family.help, labels=family.labels)
            for labels, value in sorted(found[family.name]):
                if isinstance(value, list):
                    *counts, total = value
                    below = zip(buckets, accumulate(counts), strict=True)
                    metric.add_metric(labels, [*below], total)
                else:
                    metric.add_metric(labels, value)
            shown.append(metric)
    encode, media_type = choose_encoder(accept)
    registry: Any = SimpleNamespace(collect=lambda: shown)
    return encode(registry), media_type


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """Any other path of METRICS_PORT."""
    raise GatewayError(Code.NOT_FOUND, f"there is nothing but {PATH} at this port")
