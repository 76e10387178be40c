"""Rate limits: which rate a client has."""

import math
from collections.abc import Awaitable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Protocol

from gateway.core.principal import address_key
from gateway.core.rates import Rate, Verdict
from gateway.core.settings.model import Settings
from gateway.features.rate_limits.settings import RateLimitSettings, RateOverride


def make_rate(rps: float, burst: int | None, max_wait: float, processes: int = 1) -> Rate | None:
    """One process's share of a rate; None, no limit, for 0 rps. The default burst is 1 s long."""
    if not rps:
        return None
    return Rate(rps, max(1, math.ceil(burst or rps)), max_wait).among(processes)


class Rates:
    """The rate of each subject: the first override for it or its rights, or the default.
    None: no limit.

    Overrides also have the weights of subjects in fair quotas.
    """

    default: Rate | None
    """For clients without an override, and for addresses."""

    def __init__(self, settings: Settings) -> None:
        self.weight = lru_cache(maxsize=4096)(self._weight_of)
        """A subject's weight. Always the same function, which later settings do not replace."""
        self._processes = settings.workers if settings.state is None else 1
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """Take the rates of these settings. A default of 0 turns all limits off."""
        section = settings.section(RateLimitSettings)
        self.default = make_rate(
            section.rate_limit_rps,
            section.rate_limit_burst,
            section.rate_limit_max_wait,
            self._processes,
        )
        overrides = section.rate_limit_overrides
        self._overrides = [
            (each, make_rate(each.rps, each.burst, each.max_wait, self._processes))
            for each in overrides
            if section.rate_limit_rps
        ]
        self._weights = [(glob, each.share) for each in overrides for glob in each.subjects]
        self.client = lru_cache(maxsize=4096)(self._client)
        """Who a request counts for, and the rate."""
        self.weight.cache_clear()

    def _weight_of(self, subject: str) -> float:
        matching = (share for glob, share in self._weights if fnmatchcase(subject, glob))
        return next(matching, 1.0)

    def _client(self, subject: str | None, rights: str, address: str) -> tuple[str, Rate | None]:
        """The subject with its rights, or without one the address (the other is empty)."""
        if subject is None:
            return f"ip {address_key(address)}", self.default
        return f"sub {subject}", self.of(subject, rights)

    def of(self, subject: str, rights: str = "") -> Rate | None:
        """`rights` is the name of those of the subject's token."""
        matching = (rate for each, rate in self._overrides if is_for(each, subject, rights))
        return next(matching, self.default)


def is_for(override: RateOverride, subject: str, rights: str) -> bool:
    """Whether the override is for this subject and these rights. One without subjects, or without
    `rules` (names of rights), is for all of them.
    """
    fits = not override.subjects or any(fnmatchcase(subject, glob) for glob in override.subjects)
    return fits and (not override.rules or rights in override.rules)


class Limiter(Protocol):
    def hit(self, client: str, rate: Rate) -> Verdict | Awaitable[Verdict]:
        """Count one request. Only a limiter that asks a shared store has to be awaited.

        Raises GatewayError (503) if requests cannot be counted.
        """
        ...
