"""Admission control: the rate of each client, and the slots in flight that all share."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from gateway.access.load_shedding import LoadShedder
from gateway.access.rate_limiter import Limiter, Rate, Rates, Verdict
from gateway.core.errors import Code, GatewayError, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.direct_connection import Headers
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.principal import address_key
from gateway.http.batch_queue import BatchQueue


class RateLimits(Interceptor):
    """Sets X-RateLimit-…, refuses with 429, and delays requests that are slightly too early."""

    def __init__(
        self, limiter: Limiter, rates: Rates, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = limiter
        self._rates = rates
        self._wall_clock = wall_clock

    def admit(self, context: RequestContext) -> Awaitable[None] | None:
        queue = context.queue
        if queue is not None and context.refusal is None:
            return None if queue.take_token() else self._wait(context, queue)
        client, rate = self._client(context)
        if rate is None:
            return None
        verdict = self._limiter.hit(client, rate)
        if isinstance(verdict, Verdict):
            return self._apply(verdict, context, rate)
        return self._apply_later(verdict_of(verdict), context, rate)

    def _client(self, context: RequestContext) -> tuple[str, Rate | None]:
        subject = context.subject
        if subject is None:
            return f"ip {address_key(context.request.client)}", self._rates.default
        rights = "" if context.caller is None else context.caller.rights.name
        return f"sub {subject}", self._rates.of(subject, rights)

    async def _wait(self, context: RequestContext, queue: BatchQueue) -> None:
        async with queue.for_tokens:
            while True:
                client, rate = self._client(context)  # a reload may change it
                if rate is None:
                    return
                verdict = await verdict_of(self._limiter.hit(client, rate))
                await queue.pause(verdict.wait)
                if verdict.allowed:
                    context.response.headers += self._headers(verdict, rate)
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
        context.response.headers += self._headers(verdict, rate)
        if not verdict.allowed:
            raise too_many(rate, verdict)
        return asyncio.sleep(verdict.wait) if verdict.wait else None

    def _headers(self, verdict: Verdict, rate: Rate) -> Headers:
        reset = math.ceil(self._wall_clock() + verdict.reset)
        return (
            rate.header,
            (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )


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
        cause="rate_limit",
    )


class Admission(Interceptor):
    """`CallState` gives the slots back when the call is answered."""

    def __init__(self, slots: FairQuota, load_shedder: LoadShedder) -> None:
        self._slots = slots
        self._load_shedder = load_shedder
        self._ordinary = (slots,)
        self._long = (slots, load_shedder.slots)

    def enter(self, context: RequestContext) -> None:
        principal, method = context.principal, context.call.rpc or ""
        long = self._load_shedder.includes(method, context.request.started)
        # First: under overload most calls fail here.
        if long and not self._load_shedder.slots.take(principal):
            raise unavailable("too many long answers are being made", "long_answers")
        if not self._slots.take(principal):
            if long:
                self._load_shedder.slots.give_back(principal)
            raise unavailable("too many requests are being served", "places")
        context.call.slots = self._long if long else self._ordinary
