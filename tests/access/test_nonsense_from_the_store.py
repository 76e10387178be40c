"""A shared store that answers nonsense: each request is decided within its own bounds."""

import asyncio
from collections.abc import Sequence
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.access.limits import Verdict
from gateway.access.rates import SECOND, Rate, Rates
from gateway.access.shared_limiter import BUCKET, SharedLimiter
from gateway.errors import GatewayError
from gateway.http.rate_limits import RateLimits
from gateway.state.link import Link
from gateway.state.store import Script, StoreFailed
from tests.support.contexts import context_of
from tests.support.servers import settings_for

RATE = Rate(rps=10, burst=8, max_wait=0.5)
FULL = RATE.capacity + int(RATE.longest_wait)
"""Nanoseconds that the bucket takes to be full when the last request has been let in."""


class Nonsense:
    """A store that works, except for what it says of buckets."""

    name = "store://nonsense"

    def __init__(self, answer: Sequence[object]) -> None:
        self.answer = answer
        self.asked = 0

    async def connect(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def run(self, script: Script, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        if script is not BUCKET:
            return []
        self.asked += 1
        try:
            return [int(each) for each in self.answer]  # type: ignore[call-overload]  # as RedisStore
        except Exception as error:
            raise StoreFailed(str(error)) from None


async def verdict_with(answer: Sequence[object], hits: int = 1) -> tuple[Verdict, bool, Nonsense]:
    """The last verdict on so many requests, and whether the store still counts as there."""
    store = Nonsense(answer)
    limiter = SharedLimiter(Link(store, "each counts by itself"), closed=False)
    running = asyncio.create_task(limiter.run())
    await limiter.first_look()
    try:
        for _ in range(hits):
            counting = limiter.hit("client", RATE)
            verdict = counting if isinstance(counting, Verdict) else await counting
        return verdict, limiter.link.up, store
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


NUMBERS = st.one_of(
    st.integers(-2, 2),
    st.integers(-(10**30), 10**30),
    st.integers(-FULL, 2 * FULL),
    st.sampled_from([2**63, -(2**63), 2**53, FULL, FULL + 1, 10**26, float("nan"), float("inf")]),
    st.text(max_size=5),
    st.none(),
)


@given(st.lists(NUMBERS, max_size=7) | st.tuples(st.sampled_from([0, 1]), NUMBERS, NUMBERS))
def test_a_request_is_decided_within_its_bounds(answer: Sequence[object]) -> None:
    """Whatever the store says, none waits longer than RATE_LIMIT_MAX_WAIT, and none for ever."""
    verdict, _, _ = asyncio.run(verdict_with(answer))
    assert verdict.limit == RATE.burst
    assert 0 <= verdict.remaining <= RATE.burst
    assert 0 <= verdict.reset <= (FULL + RATE.interval) / SECOND
    assert isfinite(verdict.wait)
    assert 0 <= verdict.wait <= RATE.max_wait + (0 if verdict.allowed else 0.2)


WRONG: dict[str, Sequence[object]] = {
    "waits for ever": (1, 10**26, -5),
    "waits too long": (1, FULL + RATE.interval + 1, 0),
    "is full in the past": (1, -1, 0),
    "gives back": (1, 0, -1),
    "gives what nobody wants": (1, 0, 1),
    "refuses and gives": (0, FULL, 1),
    "refuses in the past": (0, -1, 0),
    "neither lets in nor refuses": (2, 0, 0),
    "too few": (1, 0),
    "too many": (1, 0, 0, 1, 0, 0),
    "nothing": (),
    "no numbers": ("x", None, float("nan")),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_a_store_that_answers_nonsense_counts_as_away(answer: Sequence[object]) -> None:
    """The request is counted here, the store is asked no more, and there is one line about it."""
    with capture_logs() as lines:
        verdict, up, store = asyncio.run(verdict_with(answer, hits=3))
    assert (verdict.allowed, verdict.remaining, verdict.wait) == (True, RATE.burst - 3, 0.0)
    assert not up
    assert store.asked == 1
    away = [each for each in lines if each["log_level"] == "error"]
    assert [each["event"] for each in away] == ["the shared store is away; each counts by itself"]


def test_what_could_be_is_believed() -> None:
    """Up to the longest wait there is."""
    verdict, up, _ = asyncio.run(verdict_with((1, FULL, 0)))
    assert (verdict.allowed, verdict.wait, up) == (True, RATE.max_wait, True)


def test_a_debt_from_a_slower_rate_is_asked_about_again() -> None:
    """A client is not refused for days without the store's being asked."""
    verdict, up, _ = asyncio.run(verdict_with((0, 10**17, 0)))
    assert not verdict.allowed
    assert verdict.reset == pytest.approx((FULL + RATE.interval) / SECOND)
    assert up


def test_the_answer_to_the_client_says_when_to_come_back() -> None:
    """In whole seconds that a client can wait."""

    async def refused() -> tuple[str | None, int]:
        settings = settings_for("cuebot:1", rate_limit_rps=10, rate_limit_burst=8)
        store = Nonsense((0, 10**17, 0))
        limiter = SharedLimiter(Link(store, "each counts by itself"), closed=False)
        running = asyncio.create_task(limiter.run())
        await limiter.first_look()
        context = context_of("/a.B/C")
        with pytest.raises(GatewayError) as refused:
            await RateLimits(limiter, Rates(settings), lambda: 0.0).admit(context)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        headers = dict(context.response.headers)
        return refused.value.headers["Retry-After"], int(headers[b"x-ratelimit-reset"])

    assert asyncio.run(refused()) == ("1", 1)
