"""The rate limit of each client, applied to requests."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from gateway.core.errors import Code, GatewayError, OwnCause
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.waiting import Patience
from gateway.core.rates import NANOSECONDS, MemoryLimiter, Rate, Verdict
from gateway.features.rate_limits.rate_limiter import Limiter, Rates

OVER_THE_LIMIT = OwnCause("rate_limit")


class RateControl(Interceptor):
    """Sets X-RateLimit-…, refuses with 429, and delays requests that are slightly too early."""

    def __init__(
        self, limiter: Limiter, rates: Rates, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = limiter
        self._rates = rates
        self._wall_clock = wall_clock

    def apart(self) -> "RateControl":
        return RateControl(MemoryLimiter(), self._rates, self._wall_clock)

    def admit(self, context: RequestContext) -> Awaitable[None] | None:
        caller, subject, patience = context.caller, context.subject, context.waiting.patience
        rights = "" if caller is None else caller.rights.name
        who = subject, rights, context.request.client if subject is None else ""
        if patience is not None and context.response.refusal is None:
            return None if patience.take_token() else self._wait(context, patience, who)
        client, rate = self._rates.client(*who)
        if rate is None:
            return None
        verdict = self._limiter.hit(client, rate)
        if isinstance(verdict, Verdict):
            return self._apply(verdict, context, rate)
        return self._apply_later(verdict_of(verdict), context, rate)

    async def _wait(
        self, context: RequestContext, patience: Patience, who: tuple[str | None, str, str]
    ) -> None:
        async with patience.for_tokens:
            while True:
                client, rate = self._rates.client(*who)  # a reload may change it
                if rate is None:
                    return
                verdict = await verdict_of(self._limiter.hit(client, rate))
                await patience.pause(verdict.wait)
                if verdict.allowed:
                    self._apply(verdict._replace(early=min(verdict.early, 0)), context, rate)
                    return

    async def _apply_later(
        self, asked: Awaitable[Verdict], context: RequestContext, rate: Rate
    ) -> None:
        waiting = self._apply(await asked, context, rate)
        if waiting is not None:
            await waiting

    def _apply(
        self, verdict: Verdict, context: RequestContext, rate: Rate
    ) -> Awaitable[None] | None:
        remaining = max(-verdict.early // rate.interval, 0)
        reset = math.ceil(self._wall_clock() + verdict.debt / NANOSECONDS)
        context.response.headers += (
            (b"x-ratelimit-limit", rate.burst_digits),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )
        if not verdict.allowed:
            raise too_many(rate, verdict)
        return asyncio.sleep(verdict.wait) if verdict.early > 0 else None


async def verdict_of(asked: Verdict | Awaitable[Verdict]) -> Verdict:
    """Raises the limiter's GatewayError."""
    try:
        return asked if isinstance(asked, Verdict) else await asked
    finally:
        del asked  # its error would hold itself: traceback, frame, future


def too_many(rate: Rate, verdict: Verdict) -> GatewayError:
    seconds = max(1, math.ceil(verdict.wait))
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"over the limit of {rate.rps:g} requests a second; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
        cause=OVER_THE_LIMIT,
    )
