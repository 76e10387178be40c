"""Token buckets, by the definition of one."""

import math
import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rates import NANOSECONDS, MemoryLimiter, Rate, Verdict
from tests.support.clocks import HandClock

pytestmark = pytest.mark.slow


def hits(limiter: MemoryLimiter, count: int, rate: Rate, client: str = "lena") -> list[Verdict]:
    return [limiter.hit(client, rate) for _ in range(count)]


def test_what_is_owed_at_one_rate_is_not_owed_at_another() -> None:
    """A reload from a slow rate to a fast one counts at once, and whoever has tokens of two rates
    cannot use one of them to pay what is owed at the other.
    """
    slow, fast, small = Rate(rps=0.01, burst=2), Rate(rps=100_000, burst=100_000), Rate(2, 1)
    limiter = MemoryLimiter(HandClock())
    assert [each.allowed for each in hits(limiter, 3, slow)] == [True, True, False]
    assert [each.allowed for each in hits(limiter, 3, fast)] == [True] * 3
    assert [each.allowed for each in hits(limiter, 2, small)] == [True, False]
    assert not limiter.hit("lena", slow).allowed


def test_max_wait_reserves_a_place_for_each_request() -> None:
    clock = HandClock()
    limiter, rate = MemoryLimiter(clock), Rate(rps=2, burst=1, max_wait=2.0)
    verdicts = hits(limiter, 7, rate)
    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 2
    assert [verdict.wait for verdict in verdicts] == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 2.5])
    clock.now = 0.5
    verdict = limiter.hit("lena", rate)
    assert verdict.allowed
    assert verdict.wait == pytest.approx(2.0)


def test_the_client_not_seen_for_longest_is_forgotten() -> None:
    limiter, rate = MemoryLimiter(HandClock(), remembered=3), Rate(rps=1, burst=1)
    for client in ("a", "b", "c"):
        assert limiter.hit(client, rate).allowed
    assert not limiter.hit("a", rate).allowed  # seen again: b is the oldest now
    assert limiter.hit("d", rate).allowed
    assert not limiter.hit("a", rate).allowed
    assert not limiter.hit("c", rate).allowed
    assert not limiter.hit("d", rate).allowed
    assert limiter.hit("b", rate).allowed


def test_a_client_that_owes_nothing_takes_no_memory() -> None:
    clock, rate = HandClock(), Rate(rps=100, burst=10)
    limiter = MemoryLimiter(clock)
    regular = "regular"
    tracemalloc.start()
    try:
        for number in range(10_000):
            clock.now = number / 1000
            assert limiter.hit(f"client {number}", rate).allowed
            limiter.hit(regular, Rate(rps=1, burst=1))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500_000  # all of them take 1.5 MB
    assert limiter.hit(f"client {number}", rate).early == -8 * rate.interval
    assert not limiter.hit(regular, Rate(rps=1, burst=1)).allowed


STEPS = st.lists(st.integers(0, 40), min_size=1, max_size=120)
"""Hundredths of a second between requests."""


@given(
    STEPS,
    st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(4), Fraction(10), Fraction(100)]),
    st.integers(1, 12),
    st.sampled_from([0, 1, 1000, 86400, 10**7]),
)
def test_it_is_a_token_bucket(steps: list[int], rps: Fraction, burst: int, start: int) -> None:
    clock = HandClock(float(start))
    limiter, rate = MemoryLimiter(clock), Rate(rps=float(rps), burst=burst)
    tokens, now = Fraction(burst), Fraction(start)
    for step in steps:
        passed = Fraction(step, 100)
        now += passed
        clock.now = float(now)
        tokens = min(tokens + passed * rps, Fraction(burst))
        verdict = limiter.hit("lena", rate)
        assert verdict.allowed == (tokens >= 1)
        if verdict.allowed:
            tokens -= 1
            assert (verdict.wait, -verdict.early // rate.interval) == (0, math.floor(tokens))
        else:
            assert verdict.wait == pytest.approx(float((1 - tokens) / rps), abs=1e-6)
        assert verdict.debt / NANOSECONDS == pytest.approx(float((burst - tokens) / rps), abs=1e-6)
