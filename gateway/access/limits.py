"""Counting requests against a client's rate: a token bucket per client.

The bucket is kept as GCRA keeps it: one number, the time at which the bucket would be full
again. That gives exact waits and needs no timers. Times are whole nanoseconds, since sums of
floats would cost a client one of its requests now and then.
"""

import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import NamedTuple, Protocol

from gateway.access.rates import SECOND, Rate

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
