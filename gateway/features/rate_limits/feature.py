"""Rate limits: how often each client may call, counted here or among several gateways."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import structlog

from gateway.core.errors import OwnCause
from gateway.core.families import counter
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.rates import MemoryLimiter
from gateway.core.settings.model import Commit, Reloadable, Settings, Strict
from gateway.core.shared_store import Link, RedisStore
from gateway.feature import Feature
from gateway.features.rate_limits.interceptor import OVER_THE_LIMIT, RateControl
from gateway.features.rate_limits.rate_limiter import Rates
from gateway.features.rate_limits.settings import RateLimitSettings
from gateway.features.rate_limits.shared_limiter import SharedLimiter, check_store

log = structlog.stdlib.get_logger("gateway.workers")


class RateLimits(Feature):
    name = "rate_limits"
    families = (
        counter("rate_limited_total", "Requests over the rate limit."),
        counter("store_bypassed_total", "Requests counted, or refused, without the shared store."),
    )
    openapi = "openapi.yaml"
    other_refusals: ClassVar[Mapping[OwnCause, str]] = {OVER_THE_LIMIT: "Over the rate limit"}
    headers = HeaderNames(
        sent=("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")
    )
    facts: ClassVar[Mapping[str, object]] = {"state": None}

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return RateLimitSettings

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        if settings.state is not None:
            closed = settings.section(RateLimitSettings).state_fail == "closed"
            with found.settings():
                await check_store(RedisStore(settings), found, closed=closed)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._rates = Rates(gateway.settings)
        gateway.weight = self._rates.weight
        self.shared = None if gateway.store is None else self._counting_at(gateway.store)
        """The limiter that counts at STATE, if it is set."""
        self._tell_of_workers()

    def _tell_of_workers(self) -> None:
        settings, worker = self.gateway.settings, self.gateway.worker
        if worker is not None and worker.slot == 0 and self.shared is None:
            rps = settings.section(RateLimitSettings).rate_limit_rps
            log.info(
                "workers share the limits that are kept in memory",
                workers=settings.workers,
                rate_limit_rps=rps,
                each=round(rps / settings.workers, 3),
            )

    def _counting_at(self, store: Link) -> SharedLimiter:
        settings = self.gateway.settings
        fail = settings.section(RateLimitSettings).state_fail
        closed = fail == "closed"
        meanwhile = "requests are refused" if closed else "each process counts requests by itself"
        store.meanwhile = f"{meanwhile} (STATE_FAIL={fail})"
        return SharedLimiter(store, closed=closed, processes=settings.workers)

    def interceptors(self) -> Iterable[Interceptor]:
        return (RateControl(self.shared or MemoryLimiter(), self._rates),)

    def reloadables(self) -> Iterable[Reloadable]:
        def prepare(settings: Settings) -> Commit:
            return partial(self._rates.follow, settings)

        return (Reloadable("the rate limits", ("rate_limit_*",), prepare),)  # counts are kept

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        refused = self.gateway.refusals.since_start[OVER_THE_LIMIT]
        found: dict[tuple[str, ...], float] = {("rate_limited_total",): refused}
        if self.shared is not None:
            found["store_bypassed_total",] = self.shared.without
        return found

    async def run(self) -> None:
        if self.shared is not None:
            await self.shared.run()
