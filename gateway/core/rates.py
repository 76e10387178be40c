"""Rates, and token buckets that count by them.

A bucket is kept as GCRA keeps it: one number, the time at which it would be full again. That
gives exact waits and needs no timers. Times are whole nanoseconds, since sums of floats would cost
a client one of its requests now and then.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

NANOSECONDS = 1_000_000_000
"""Per second."""
REMEMBERED_CLIENTS = 65536
FEWEST_CLIENTS = 1024
"""Clients that are remembered before any is forgotten."""


@dataclass(frozen=True)
class Rate:
    """`rps` requests a second, `burst` at once; a request over the limit may wait `max_wait` s."""

    rps: float
    burst: int
    max_wait: float = 0.0

    @cached_property
    def interval(self) -> int:
        """Nanoseconds from one request to the next."""
        return math.ceil(NANOSECONDS / self.rps)

    @cached_property
    def capacity(self) -> int:
        """Nanoseconds until an empty bucket is full."""
        return self.interval * self.burst

    @cached_property
    def longest_wait(self) -> float:
        """Nanoseconds that a request may wait."""
        return self.max_wait * NANOSECONDS

    @cached_property
    def key(self) -> str:
        """Tells the buckets of this rate from those of others, without spaces. Each rate has its
        own: what is owed at a slow one would last too long at a fast one, after a reload or between
        tokens of two kinds.
        """
        return f"{self.interval}/{self.capacity}/{self.longest_wait:.0f}"

    def bucket(self, client: str) -> str:
        """The key of a client's bucket in a shared store."""
        return f"{self.key} {client}"

    @cached_property
    def burst_digits(self) -> bytes:
        return b"%d" % self.burst

    def among(self, processes: int) -> "Rate":
        """The share of one of several processes that cannot count together."""
        return Rate(self.rps / processes, math.ceil(self.burst / processes), self.max_wait)


class Verdict(NamedTuple):
    """On one request. Times are nanoseconds."""

    allowed: bool
    early: int
    """How much too early the request is: for so long it waits if it is allowed, and may come again
    after it if not. Below 0, the client has another request for each `Rate.interval`.
    """
    debt: int
    """Until the client has its whole burst again."""

    @property
    def wait(self) -> float:
        """Seconds to wait: before the call if allowed, before trying again if not."""
        return max(self.early, 0) / NANOSECONDS


class MemoryLimiter:
    """Counts requests of clients in this process.

    When the number of clients has doubled, those whose buckets are full again are forgotten, which
    is as if they had never been seen. If there are still too many, those not seen for longest are
    forgotten: many at once, since a dict finds its first key behind a place for each deleted one.
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
        self._full_at: dict[tuple[str, str], int] = {}
        """By the key of the rate and the client: nanoseconds of the clock."""
        self._enough = min(FEWEST_CLIENTS, self._most)
        """Number of clients at which some are forgotten."""
        self._next_sweep = 0

    def hit(self, client: str, rate: Rate) -> Verdict:
        now, bucket = round(self._clock() * NANOSECONDS), (rate.key, client)
        full_at = self._full_at.pop(bucket, now)  # and put back as the last one seen
        if full_at < now:
            full_at = now
        full_at += rate.interval
        early = full_at - now - rate.capacity
        allowed = early <= rate.longest_wait
        if not allowed:
            full_at -= rate.interval
        self._full_at[bucket] = full_at
        if len(self._full_at) >= self._enough:
            self._forget(now)
        return Verdict(allowed, early, full_at - now)

    def owe(self, client: str, rate: Rate, debt: int) -> None:
        """Set the client's bucket: full in `debt` nanoseconds."""
        now, bucket = round(self._clock() * NANOSECONDS), (rate.key, client)
        self._full_at.pop(bucket, None)
        self._full_at[bucket] = now + debt
        if len(self._full_at) >= self._enough:
            self._forget(now)

    def _forget(self, now: int) -> None:
        if now >= self._next_sweep:  # a sweep through many clients takes a few ms
            self._next_sweep = now + NANOSECONDS
            self._full_at = {bucket: at for bucket, at in self._full_at.items() if at > now}
        for oldest in [*islice(self._full_at, max(len(self._full_at) - self._remembered, 0))]:
            del self._full_at[oldest]
        self._enough = min(max(2 * len(self._full_at), FEWEST_CLIENTS), self._most)
