"""Metrics: `/metrics` for Prometheus."""

from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from typing import Any, get_args

from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.core.errors import Shed
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.processes import Port
from gateway.core.settings.model import Settings, Strict
from gateway.feature import Feature, public
from gateway.features.metrics.metrics import OWN_FAMILIES, Numbers, RequestCounters, WorkerMetrics
from gateway.features.metrics.metrics_page import (
    PATH,
    AllNumbers,
    app_of_one,
    check_metrics,
    method_at,
    metrics_route,
)
from gateway.features.metrics.settings import MetricsSettings


class Metrics(Feature):
    name = "metrics"
    families = OWN_FAMILIES

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return MetricsSettings

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        with found.settings():
            check_metrics(settings)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        check_metrics(gateway.settings)
        self.settings = gateway.settings.section(MetricsSettings)
        self._counters: RequestCounters | None = None
        if self.settings.metrics != "off":
            self._counters = RequestCounters(partial(method_at, gateway))

    @cached_property
    def all(self) -> AllNumbers | None:
        """None unless METRICS is on."""
        if self._counters is None:
            return None
        worker = self.gateway.worker
        worker_metrics = None if worker is None else WorkerMetrics(worker)
        return AllNumbers(self._counters, worker_metrics, self._of_parts)

    def _of_parts(self) -> Numbers:
        """The numbers of the core and of all features."""
        gateway, settings = self.gateway, self.settings
        # At the gateway's own port, everybody could read where Cuebot is.
        named = settings.metrics == "token" or settings.metrics_port is not None
        found: Numbers = {("catalog_generation",): gateway.live.history.catalogs}
        for number, each in enumerate(gateway.upstream.endpoints, 1):
            name = each.endpoint if named else str(number)
            found["upstream_up", name] = int(each.ready)
            found["upstream_hanging", name] = int(each.unresponsive)
            found["upstream_connections", name] = each.connections
        for result, count in gateway.live.history.refreshes.items():
            found["schema_refreshes_total", result] = count
        if gateway.store is not None:
            found["store_up",] = int(gateway.store.up)
            found["store_losses_total",] = gateway.store.losses
        reasons = (*get_args(Shed), *(each for one in gateway.features for each in one.refusals))
        for reason in reasons:
            found["shed_total", reason] = gateway.refusals.since_start[reason]
        for numbers in gateway.numbers():
            found.update(numbers)
        return found

    def interceptors(self) -> Iterable[Interceptor]:
        return () if self._counters is None else (self._counters,)

    def routes(self) -> Iterable[Route]:
        if self.all is None or self.settings.metrics_port is not None:
            return ()
        return (public(self.route(self.all)),)

    def route(self, numbers: AllNumbers) -> Route:
        with_token = self.settings.metrics == "token"
        interceptors = self.gateway.page_interceptors(identify=with_token, apart=True)
        return metrics_route(self.gateway.settings, numbers, interceptors)

    @staticmethod
    def ports(settings: Settings) -> Sequence[Port]:
        section = settings.section(MetricsSettings)
        if section.metrics == "off" or section.metrics_port is None:
            return ()
        return (
            Port(
                section.metrics_host,
                section.metrics_port,
                host_setting="METRICS_HOST",
                port_setting="METRICS_PORT",
                serves="scrapes",
                path=PATH,
                without="METRICS_PORT: the server here has one port;"
                f" without it, METRICS are at {PATH}",
            ),
        )

    def apps(self, outermost: Middleware) -> Iterable[ASGIApp]:
        if self.all is None or self.settings.metrics_port is None:
            return ()
        return (app_of_one(self.route(self.all), outermost),)

    async def run(self) -> None:
        if self.all is not None:
            await self.all.run()

    def observe(self, lag: float) -> None:
        if self.all is not None:
            self.all.observe(lag)
