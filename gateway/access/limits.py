"""How often a client may call: a token bucket per client.

The bucket is kept as GCRA keeps it: one number, the time at which the bucket would be full
again. That gives exact waits and needs no timers. Times are whole nanoseconds, since sums of
floats would cost a client one of its requests now and then.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import Code, GatewayError
from gateway.http.exchange import exchange_of
from gateway.settings.model import Settings

REMEMBERED_CLIENTS = 65536
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Rate:
    """`rps` requests a second, `burst` at once; what comes too early may wait `max_wait` s."""

    rps: float
    burst: int
    max_wait: float = 0.0

    @cached_property
    def interval(self) -> int:
        """Nanoseconds from one request to the next."""
        return math.ceil(SECOND / self.rps)

    @cached_property
    def capacity(self) -> int:
        """Nanoseconds until an empty bucket is full."""
        return self.interval * self.burst

    @cached_property
    def patience(self) -> float:
        """Nanoseconds that a request may wait."""
        return self.max_wait * SECOND

    @cached_property
    def header(self) -> tuple[bytes, bytes]:
        """What answers say of it."""
        return (b"x-ratelimit-limit", b"%d" % self.burst)


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

    def hit(self, client: str, rate: Rate) -> Verdict:
        """Count one request of this client against its rate."""
        ...


class MemoryLimiter:
    """A `Limiter` in this process. It forgets the client it has not seen for the longest time
    when it knows too many."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        remembered: int = REMEMBERED_CLIENTS,
    ) -> None:
        self._clock = clock
        self._remembered = remembered
        self._full_at: dict[str, int] = {}

    def hit(self, client: str, rate: Rate) -> Verdict:
        now = round(self._clock() * SECOND)
        full_at = self._full_at.pop(client, now)
        if full_at < now:
            full_at = now
        wait = full_at + rate.interval - now - rate.capacity
        if wait < 0:
            wait = 0
        allowed = wait <= rate.patience
        if allowed:
            full_at += rate.interval
        self._full_at[client] = full_at
        if len(self._full_at) > self._remembered:
            del self._full_at[next(iter(self._full_at))]
        left = rate.capacity - (full_at - now)
        return Verdict(
            allowed,
            rate.burst,
            left // rate.interval if allowed and left > 0 else 0,
            (full_at - now) / SECOND,
            wait / SECOND,
        )


def make_rate(rps: float, burst: int | None, max_wait: float, share: int = 1) -> Rate | None:
    """A rate whose burst is a second's worth when none is given; None, no limit, for 0.

    With `share` it is that of one of so many processes.
    """
    if not rps:
        return None
    return Rate(rps / share, max(1, math.ceil((burst or rps) / share)), max_wait)


class Rates:
    """Which rate a subject has: that of the first override that names it, else the default.

    None means no limit.
    """

    default: Rate | None
    """That of clients without an override, and of addresses."""

    def __init__(self, settings: Settings) -> None:
        self._share = settings.workers
        """So many processes there are, whatever later settings say."""
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """Take the rates of these settings from now on. A default of 0 turns all limits off."""
        self.default = make_rate(
            settings.rate_limit_rps,
            settings.rate_limit_burst,
            settings.rate_limit_max_wait,
            self._share,
        )
        self._overrides = [
            (glob, make_rate(each.rps, each.burst, each.max_wait, self._share))
            for each in settings.rate_limit_overrides
            for glob in each.subjects
            if settings.rate_limit_rps
        ]
        self.of = lru_cache(maxsize=4096)(self._of)

    def _of(self, subject: str) -> Rate | None:
        for glob, rate in self._overrides:
            if fnmatchcase(subject, glob):
                return rate
        return self.default


def address_key(address: str) -> str:
    """The client that an address stands for: itself, or its /64 network for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class RateLimit:
    """Counts a request against its subject's rate, or its address's when it has no subject."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limiter: Limiter,
        rates: Rates,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._rates = rates
        self._wall_clock = wall_clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        subject = exchange.subject
        if subject is not None:
            client, rate = f"sub {subject}", self._rates.of(subject)
        else:
            client, rate = f"ip {address_key(exchange.client)}", self._rates.default
        if rate is not None:
            verdict = self._limiter.hit(client, rate)
            reset = math.ceil(self._wall_clock() + verdict.reset)
            exchange.headers_out += (
                rate.header,
                (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
                (b"x-ratelimit-reset", b"%d" % reset),
            )
            if not verdict.allowed:
                raise too_many(rate, verdict)
            if verdict.wait:
                await asyncio.sleep(verdict.wait)
                exchange.waited += verdict.wait
        await self._app(scope, receive, send)


def too_many(rate: Rate, verdict: Verdict) -> GatewayError:
    """429, with the whole seconds after which a request will pass."""
    seconds = max(1, math.ceil(verdict.wait))
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"over the limit of {rate.rps:g} requests a second; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )
