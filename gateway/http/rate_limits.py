"""Rate limits, per subject, or per address without one."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from gateway.access.rate_limiter import Limiter, Rate, Rates, Verdict, address_key
from gateway.errors import Code, GatewayError
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor


class RateLimits(Interceptor):
    """Sets X-RateLimit-…, refuses with 429, and delays requests that are slightly too early."""

    def __init__(
        self, limiter: Limiter, rates: Rates, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = limiter
        self._rates = rates
        self._wall_clock = wall_clock

    def admit(self, context: RequestContext) -> Awaitable[None] | None:
        subject = context.subject
        if subject is not None:
            rule = "" if context.caller is None else context.caller.rule.name
            client, rate = f"sub {subject}", self._rates.of(subject, rule)
        else:
            client, rate = f"ip {address_key(context.request.client)}", self._rates.default
        if rate is None:
            return None
        verdict = self._limiter.hit(client, rate)
        if isinstance(verdict, Verdict):
            return self._apply(verdict, context, rate)
        return self._apply_later(verdict, context, rate)

    async def _apply_later(
        self, asked: Awaitable[Verdict], context: RequestContext, rate: Rate
    ) -> None:
        waiting = self._apply(await asked, context, rate)
        if waiting is not None:
            await waiting

    def _apply(
        self, verdict: Verdict, context: RequestContext, rate: Rate
    ) -> Awaitable[None] | None:
        reset = math.ceil(self._wall_clock() + verdict.reset)
        context.response.headers += (
            rate.header,
            (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )
        if not verdict.allowed:
            raise too_many(rate, verdict)
        return asyncio.sleep(verdict.wait) if verdict.wait else None


def too_many(rate: Rate, verdict: Verdict) -> GatewayError:
    """429 with Retry-After in whole seconds."""
    seconds = max(1, math.ceil(verdict.wait))
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"over the limit of {rate.rps:g} requests a second; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
        cause="rate_limit",
    )
