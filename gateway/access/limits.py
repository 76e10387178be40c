"""Counting requests against a client's rate: a token bucket per client.

The bucket is kept as GCRA keeps it: one number, the time at which the bucket would be full
again. That gives exact waits and needs no timers. Times are whole nanoseconds, since sums of
floats would cost a client one of its requests now and then.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import NamedTuple, Protocol

from gateway.access.rates import SECOND, Rate, Rates, address_key
from gateway.errors import Code, GatewayError

REMEMBERED_CLIENTS = 65536
FEWEST_CLIENTS = 1024
"""So many are remembered before it is looked at which of them need not be."""


class Verdict(NamedTuple):
    """What a limiter says to one request."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    """Seconds until the client has its whole burst again."""
    wait: float
    """Seconds to wait: before the call when allowed, before trying again when not."""


class Limiter(Protocol):
    """Counts requests by client."""

    def hit(self, client: str, rate: Rate) -> Verdict | Awaitable[Verdict]:
        """Count one request of this client against its rate.

        A limiter in this process answers at once; one that asks a shared store may be awaited.
        Raises GatewayError (503) when it cannot count.
        """
        ...


class MemoryLimiter:
    """A `Limiter` in this process.

    When it knows twice as many clients as owed something the last time, it forgets those that owe
    nothing any more, which is as if they had never been seen. When there are too many even so, it
    forgets those that it has not seen for longest: many at once, since a dict finds its first key
    behind a place for each one that has been deleted.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        remembered: int = REMEMBERED_CLIENTS,
    ) -> None:
        self._clock = clock
        self._remembered = remembered
        self._most = remembered + remembered // 64 + 1
        self._full_at: dict[str, int] = {}
        self._enough = min(FEWEST_CLIENTS, self._most)
        """How many there may be until some are forgotten."""
        self._look_at = 0
        """When it is looked again at who owes something."""

    def owe(self, client: str, full_at: int) -> None:
        """Begin with a bucket that is full at this time, in nanoseconds of the clock."""
        self._full_at[client] = full_at

    def hit(self, client: str, rate: Rate) -> Verdict:
        now = round(self._clock() * SECOND)
        interval = rate.interval
        full_at = self._full_at.pop(client, now)
        if full_at < now:
            full_at = now
        full_at += interval
        wait = full_at - now - rate.capacity
        allowed = wait <= rate.longest_wait
        if not allowed:
            full_at -= interval
        self._full_at[client] = full_at
        if len(self._full_at) >= self._enough:
            self._forget(now)
        reset = (full_at - now) / SECOND
        if wait > 0:
            return Verdict(allowed, rate.burst, 0, reset, wait / SECOND)
        return Verdict(allowed, rate.burst, -wait // interval, reset, 0.0)

    def _forget(self, now: int) -> None:
        """Forget some of the clients. To look at all of them takes a few ms if they are many."""
        if now >= self._look_at:
            self._look_at = now + SECOND
            self._full_at = {client: at for client, at in self._full_at.items() if at > now}
        for oldest in [*islice(self._full_at, max(len(self._full_at) - self._remembered, 0))]:
            del self._full_at[oldest]
        self._enough = min(max(2 * len(self._full_at), FEWEST_CLIENTS), self._most)


class Count(NamedTuple):
    """A request that has been counted."""

    headers: tuple[tuple[bytes, bytes], ...] = ()
    """What its answer says about the limit, whatever the answer is."""
    wait: float = 0.0
    """Seconds that it has to wait before it goes on."""
    refusal: GatewayError | None = None
    """429, if it is over the limit; 503, if that cannot be known."""


UNLIMITED = Count()


class RateLimits:
    """Counts each request against its subject's rate, or its address's when it has no subject."""

    def __init__(
        self, limiter: Limiter, rates: Rates, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = limiter
        self._rates = rates
        self._wall_clock = wall_clock

    async def admit(self, subject: str | None, address: str) -> Count:
        """Count a request, and wait as long as it has to."""
        if subject is not None:
            client, rate = f"sub {subject}", self._rates.of(subject)
        else:
            client, rate = f"ip {address_key(address)}", self._rates.default
        if rate is None:
            return UNLIMITED
        try:
            verdict = self._limiter.hit(client, rate)
            if not isinstance(verdict, Verdict):
                verdict = await verdict
        except GatewayError as error:
            return Count(refusal=error)
        count = self._count(rate, verdict)
        if count.wait:
            await asyncio.sleep(count.wait)
        return count

    def _count(self, rate: Rate, verdict: Verdict) -> Count:
        reset = math.ceil(self._wall_clock() + verdict.reset)
        headers = (
            rate.header,
            (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
            (b"x-ratelimit-reset", b"%d" % reset),
        )
        if verdict.allowed:
            return Count(headers, verdict.wait)
        return Count(headers, 0.0, too_many(rate, verdict))


def too_many(rate: Rate, verdict: Verdict) -> GatewayError:
    """429, with the whole seconds after which a request will pass."""
    seconds = max(1, math.ceil(verdict.wait))
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"over the limit of {rate.rps:g} requests a second; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
        cause="rate_limit",
    )
