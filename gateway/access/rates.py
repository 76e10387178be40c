"""How many requests a second a client may make: rates by subject, and by address."""

import ipaddress
import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache

from gateway.settings.model import Settings

SECOND = 1_000_000_000
"""Nanoseconds."""


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
    def longest_wait(self) -> float:
        """Nanoseconds that a request may wait."""
        return self.max_wait * SECOND

    @cached_property
    def header(self) -> tuple[bytes, bytes]:
        """X-RateLimit-Limit."""
        return (b"x-ratelimit-limit", b"%d" % self.burst)

    def among(self, processes: int) -> "Rate":
        """The part of one of so many processes that cannot count together."""
        return Rate(self.rps / processes, math.ceil(self.burst / processes), self.max_wait)


def make_rate(rps: float, burst: int | None, max_wait: float, share: int = 1) -> Rate | None:
    """A rate whose burst is a second's worth when none is given; None, no limit, for 0.

    `share` is the number of processes that share it.
    """
    if not rps:
        return None
    return Rate(rps, max(1, math.ceil(burst or rps)), max_wait).among(share)


class Rates:
    """Which rate a subject has: that of the first override that names it, else the default.

    None means no limit. Here is also how large its share is of what all clients have in common.
    """

    default: Rate | None
    """That of clients without an override, and of addresses."""

    def __init__(self, settings: Settings) -> None:
        self.weight = lru_cache(maxsize=4096)(self._weight_of)
        """What `_weight_of` says of a subject; one function, whatever later settings say."""
        self._share = settings.workers if settings.state is None else 1
        """How many processes share a rate, whatever later settings say."""
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
        self._shares = [
            (glob, each.share) for each in settings.rate_limit_overrides for glob in each.subjects
        ]
        self.of = lru_cache(maxsize=4096)(self._of)
        self.weight.cache_clear()

    def _weight_of(self, subject: str) -> float:
        """The `share` of the first override that names the subject; for all others 1."""
        for glob, share in self._shares:
            if fnmatchcase(subject, glob):
                return share
        return 1.0

    def _of(self, subject: str) -> Rate | None:
        for glob, rate in self._overrides:
            if fnmatchcase(subject, glob):
                return rate
        return self.default


@lru_cache(maxsize=4096)
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
