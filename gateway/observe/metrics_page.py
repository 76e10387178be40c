"""`/metrics`: the numbers of all workers, for whoever METRICS lets in."""

import asyncio
from functools import partial
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.fair_quota import FairQuota
from gateway.access.shared_limiter import SharedLimiter
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.http.authentication import Guarded
from gateway.http.context import context_of
from gateway.http.interceptors import Interceptors
from gateway.http.routing import wrong_verb
from gateway.observe.audit_log import AuditLog
from gateway.observe.component_gauges import sources_of
from gateway.observe.metric_families import Numbers
from gateway.observe.metrics import Metrics
from gateway.observe.request_counters import RequestCounters
from gateway.observe.worker_metrics import WorkerMetrics
from gateway.pages.content import Content
from gateway.settings.model import Settings
from gateway.upstream.open import Cuebot

PATH = "/metrics"


class MetricsEndpoints(NamedTuple):
    """Where `/metrics` is served."""

    routes: tuple[Route, ...] = ()
    """At the gateway's own port."""
    app: ASGIApp | None = None
    """On METRICS_PORT, where there is nothing else."""


def make_metrics(
    settings: Settings,
    worker_metrics: WorkerMetrics | None,
    upstream: Cuebot,
    live: LiveCatalog,
    slots: FairQuota,
    audit: AuditLog | None,
    shared: SharedLimiter | None,
) -> Metrics | None:
    """What METRICS asks for, of these parts. Raises ConfigurationError as `check_metrics`."""
    check_metrics(settings)
    if settings.metrics == "off":
        return None
    requests = RequestCounters(partial(method_at, live))
    # At the gateway's own port, everybody could read where Cuebot is.
    named = settings.metrics == "token" or settings.metrics_port is not None
    sources = sources_of(upstream, live, slots, audit, shared, named=named)
    return Metrics(requests, sources, worker_metrics)


def check_metrics(settings: Settings) -> None:
    """Raises ConfigurationError for a port without metrics."""
    if settings.metrics == "off" and settings.metrics_port is not None:
        raise ConfigurationError("METRICS_PORT: has no effect without METRICS=token or public")


def method_at(live: LiveCatalog, path: str) -> str:
    """The native path of the method at a request's path; empty if there is none."""
    method = live.current.routes.get(path) if live.current is not None else None
    return "" if method is None else method.path


def metrics_endpoints(
    settings: Settings,
    metrics: Metrics | None,
    interceptors: Interceptors,
    outermost: Middleware,
) -> MetricsEndpoints:
    """Where METRICS and METRICS_PORT want `/metrics`.

    `interceptors` admit requests for it, and `outermost` is what all requests pass.
    """
    if metrics is None:
        return MetricsEndpoints()
    page = Guarded(interceptors, metrics_app(metrics, timeout=settings.http_timeout))
    route = Route(PATH, page, methods=["GET", "HEAD"])
    if settings.metrics_port is None:
        return MetricsEndpoints((route,))
    app = Starlette(routes=[route], middleware=[outermost], exception_handlers={405: wrong_verb})
    app.router.redirect_slashes = False
    app.router.default = nothing_else
    return MetricsEndpoints(app=app)


def metrics_app(metrics: Metrics, *, timeout: float) -> ASGIApp:
    """The app that serves the numbers, in the format that the client accepts."""
    from gateway.observe.exposition import exposition  # 40 ms, and memory, if it is wanted

    def content(numbers: Numbers, accept: str) -> Content:
        body, media_type = exposition(numbers, accept)
        return Content.of(body, media_type, {"Vary": "Accept"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        accept = context_of(scope).request.headers.get(b"accept", b"").decode("latin-1")
        # 10 µs a number, between which requests have their turn
        page = await asyncio.to_thread(content, metrics.all(), accept)
        await page.send(scope, send, timeout)

    return app


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to any other path."""
    raise GatewayError(Code.NOT_FOUND, f"there is nothing but {PATH} at this port")
