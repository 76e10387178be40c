"""`/metrics`: the numbers of all workers, and where METRICS and METRICS_PORT want the page."""

import asyncio
import gc
import os
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.families import FAMILIES
from gateway.core.gateway import Gateway
from gateway.core.pipeline.content import Content
from gateway.core.pipeline.context import context_of
from gateway.core.pipeline.guard import Guarded, StatusOnly
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.routing import wrong_verb
from gateway.core.settings.model import Settings
from gateway.features.metrics.metrics import (
    BOUNDS,
    PREFIX,
    Numbers,
    RequestCounters,
    Value,
    WorkerMetrics,
    merged,
    no_durations,
)
from gateway.features.metrics.settings import MetricsSettings

PATH = "/metrics"
WRITE_INTERVAL_SECONDS = 1.0
"""Between two times that a worker writes its numbers for the others."""
DESCRIPTORS = "/dev/fd"
STATM = Path("/proc/self/statm")
"""On Linux: pages of memory, all and resident (proc(5))."""


def check_metrics(settings: Settings) -> None:
    """Raises ConfigurationError for a port without metrics."""
    section = settings.section(MetricsSettings)
    if section.metrics == "off" and section.metrics_port is not None:
        raise ConfigurationError("METRICS_PORT: has no effect without METRICS=token or public")


def method_at(gateway: Gateway, path: str) -> str:
    """The native path of the method at a request's path, or ""."""
    catalog = gateway.live.current
    method = None if catalog is None else catalog.routes.get(path)
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


class AllNumbers:
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
            else worker_metrics.worker.began,
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


def metrics_route(settings: Settings, numbers: AllNumbers, interceptors: Interceptors) -> Route:
    """`/metrics`; `interceptors` admit requests for it."""
    app = metrics_app(numbers, timeout=settings.http_timeout)
    with_token = settings.section(MetricsSettings).metrics == "token"
    page = Guarded(interceptors, StatusOnly(app) if with_token else app)
    return Route(PATH, page, methods=["GET", "HEAD"])


def app_of_one(route: Route, outermost: Middleware) -> ASGIApp:
    """An app that serves nothing but the route."""
    app = Starlette(routes=[route], middleware=[outermost], exception_handlers={405: wrong_verb})
    app.router.redirect_slashes = False
    app.router.default = nothing_else
    return app


def metrics_app(metrics: AllNumbers, *, timeout: float) -> ASGIApp:
    """Serves the numbers in the format that the client accepts."""
    exposition({}, "")  # imports prometheus_client

    def content(numbers: Numbers, accept: str) -> Content:
        body, media_type = exposition(numbers, accept)
        return Content(body, media_type, {"Vary": "Accept"})

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
