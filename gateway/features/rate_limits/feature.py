"""Rate limits: how often each client may call, counted here or among several gateways."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from gateway.core.gateway import Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.rates import MemoryLimiter
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.core.shared_store import Link
from gateway.feature import Feature
from gateway.features.rate_limits.interceptor import RateControl
from gateway.features.rate_limits.rate_limiter import Rates
from gateway.features.rate_limits.shared_limiter import SharedLimiter


class RateLimits(Feature):
    name = "rate_limits"
    document = "openapi.yaml"
    refusals: ClassVar[Mapping[str, str]] = {"rate_limit": "Over the rate limit"}
    headers = HeaderNames(
        sent=("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")
    )

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._rates = Rates(gateway.settings)
        gateway.weight = self._rates.weight
        self.shared = None if gateway.store is None else self._counting_at(gateway.store)
        """The limiter that counts at STATE, if it is set."""

    def _counting_at(self, store: Link) -> SharedLimiter:
        settings = self.gateway.settings
        closed = settings.state_fail == "closed"
        meanwhile = "requests are refused" if closed else "each process counts requests by itself"
        store.meanwhile = f"{meanwhile} (STATE_FAIL={settings.state_fail})"
        return SharedLimiter(store, closed=closed, processes=settings.workers)

    def interceptors(self) -> Iterable[Interceptor]:
        return (RateControl(self.shared or MemoryLimiter(), self._rates),)

    def reloadables(self) -> Iterable[Reloadable]:
        def prepare(settings: Settings) -> Commit:
            return partial(self._rates.follow, settings)

        return (Reloadable("the rate limits", ("rate_limit_*",), prepare),)  # counts are kept

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        return {} if self.shared is None else {("store_bypassed_total",): self.shared.without}

    async def run(self) -> None:
        if self.shared is not None:
            await self.shared.run()
