"""Limits in a shared store: the same bucket as in memory, and how much more may pass."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.access.limits import MemoryLimiter, Verdict
from gateway.access.rates import SECOND, Rate
from gateway.access.shared_limiter import BUCKET, PREFIX, SharedLimiter
from gateway.state import link
from gateway.state.link import Link
from gateway.state.redis_store import RedisStore
from gateway.state.store import Script
from tests.support.servers import settings_for
from tests.support.stores import NEEDS_STORE, StoreServer, store_server

pytestmark = [NEEDS_STORE, pytest.mark.slow, pytest.mark.anyio]


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    with store_server() as running:
        yield running


@asynccontextmanager
async def connected_store(server: StoreServer) -> AsyncIterator[RedisStore]:
    """A store that has nothing in it."""
    store = RedisStore(settings_for("cuebot:1", state=server.url))
    await store.connect()
    await store.run(Script("redis.call('FLUSHALL') return {}"), [], [])
    yield store
    await store.close()


class Clock:
    """A clock that moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


# --- The script -----------------------------------------------------------------------------

TOLD_THE_TIME = Script(
    BUCKET.source.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}").replace(
        "'PX', until_full", "'PX', '60000'"
    )
)
"""The script with a clock that tests can set: seconds and microseconds, behind all else.

Buckets do not expire, as they would by another clock.
"""


class ToldStore:
    """A store whose clock is the test's."""

    def __init__(self, store: RedisStore, clock: Clock) -> None:
        self.name = store.name
        self.questions: list[list[str]] = []
        """The keys of each."""
        self.connect, self.close = store.connect, store.close
        self._store = store
        self._clock = clock

    async def run(self, script: Script, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        if script is not BUCKET:
            return await self._store.run(script, keys, numbers)
        self.questions.append([*keys])
        now = divmod(round(self._clock() * 10**6), 10**6)
        return await self._store.run(TOLD_THE_TIME, keys, [*numbers, *now])


def numbers_of(rate: Rate, requests: int = 1, wanted: int = 0) -> list[int]:
    return [rate.interval, rate.capacity, int(rate.longest_wait), requests, wanted]


@given(
    steps=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=60),
    rps=st.sampled_from([0.001, 0.3, 1.0, 7.0, 100.0, 3333.3, 1e6]),
    burst=st.integers(1, 12),
    max_wait=st.sampled_from([0.0, 0.0015, 5.0]),
)
def test_the_script_decides_as_the_limiter_in_memory(
    server: StoreServer, steps: list[int], rps: float, burst: int, max_wait: float
) -> None:
    """Whatever comes when: the same requests pass, to the nanosecond."""
    rate, clock = Rate(rps, burst, max_wait), Clock()
    limiter = MemoryLimiter(clock)

    async def compare() -> None:
        async with connected_store(server) as store:
            told = ToldStore(store, clock)
            for step in steps:
                clock.now += step / 10**6
                allowed, debt, _ = await told.run(BUCKET, ["k"], numbers_of(rate))
                expected = limiter.hit("k", rate)
                assert (allowed == 1, debt / SECOND) == (expected.allowed, expected.reset)

    asyncio.run(compare())


async def test_what_is_taken_in_advance_comes_from_the_upper_half(server: StoreServer) -> None:
    """A gateway gets as many as it wants until half of the bucket is left, and then none."""
    rate = Rate(0.001, 16)
    async with connected_store(server) as store:
        taken = [(await store.run(BUCKET, ["k"], numbers_of(rate, 1, 3)))[2] for _ in range(4)]
        assert taken == [3, 3, 0, 0]
        (_, debt, more) = await store.run(BUCKET, ["k"], numbers_of(rate, 0, 3))
        assert (round(debt / rate.interval), more) == (10, 0)


async def test_a_bucket_that_is_full_is_not_kept(server: StoreServer) -> None:
    """Its key expires at the moment when the bucket would be full; a refusal keeps nothing."""
    async with connected_store(server) as store:
        await store.run(BUCKET, ["k"], numbers_of(Rate(0.01, 1)))
        await store.run(BUCKET, ["k"], numbers_of(Rate(0.01, 1)))
        (left,) = await store.run(Script("return {redis.call('PTTL', 'k')}"), [], [])
        assert 90_000 < left <= 100_001


async def test_a_clock_that_goes_back_costs_nobody_more_than_the_time_it_repeats(
    server: StoreServer,
) -> None:
    """After a failover to a slower clock, buckets go on to fill from where they were."""
    rate, clock = Rate(10, 2), Clock()
    async with connected_store(server) as store:
        told = ToldStore(store, clock)
        for _ in range(2):
            await told.run(BUCKET, ["k"], numbers_of(rate))
        clock.now -= 100
        assert (await told.run(BUCKET, ["k"], numbers_of(rate)))[0] == 0
        assert (await told.run(BUCKET, ["k"], numbers_of(rate, 0, 0)))[1] == 2 * rate.interval
        clock.now += 0.1
        assert (await told.run(BUCKET, ["k"], numbers_of(rate)))[0] == 1


async def test_what_somebody_else_has_written_is_no_bucket(server: StoreServer) -> None:
    """A value that cannot be read counts as a full bucket, and fails nobody."""
    async with connected_store(server) as store:
        await store.run(Script("redis.call('SET', 'k', 'rubbish') return {}"), [], [])
        assert (await store.run(BUCKET, ["k"], numbers_of(Rate(1, 2))))[0] == 1


# --- Several gateways -----------------------------------------------------------------------


@dataclass
class Several:
    """Gateways that share a store, and the clock of all."""

    limiters: list[SharedLimiter]
    store: ToldStore
    clock: Clock

    async def hit(self, which: int, rate: Rate, client: str = "lena") -> Verdict:
        verdict = self.limiters[which].hit(client, rate)
        return verdict if isinstance(verdict, Verdict) else await verdict

    async def orders_made(self) -> None:
        """Wait until all that has been ordered is there: questions are asked together."""
        for which in range(len(self.limiters)):
            await self.hit(which, Rate(1e6, 1), "another")


@asynccontextmanager
async def several(
    server: StoreServer, count: int, remembered: int = 1000
) -> AsyncIterator[Several]:
    """So many gateways, which have all found the store, and which wait for it for long."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(link, "TIMEOUT", 30)
        limiters = []
        for _ in range(count):
            store = ToldStore(await stack.enter_async_context(connected_store(server)), clock)
            limiter = SharedLimiter(
                Link(store, "…"), closed=False, clock=clock, remembered=remembered
            )
            running = asyncio.create_task(limiter.run())
            stack.callback(running.cancel)
            await limiter.first_look()
            assert limiter.link.up
            limiters.append(limiter)
        yield Several(limiters, store, clock)


async def test_all_gateways_together_have_one_bucket(server: StoreServer) -> None:
    """A burst passes once, whoever gets it, and then the rate counts; the headers say so."""
    rate = Rate(10, 6)
    async with several(server, 3) as gateways:
        found = [await gateways.hit(number % 3, rate) for number in range(8)]
        assert [each.allowed for each in found] == [True] * 6 + [False] * 2
        assert [each.remaining for each in found] == [5, 4, 3, 2, 1, 0, 0, 0]
        assert [each.reset for each in found] == pytest.approx(
            [0.1, 0.2, 0.3, 0.4, 0.5] + [0.6] * 3
        )
        assert [each.wait for each in found] == pytest.approx([0] * 6 + [0.1] * 2)
        gateways.clock.now += 0.1
        assert [(await gateways.hit(number, rate)).allowed for number in (2, 1)] == [True, False]


async def test_one_gateway_alone_counts_nearly_as_in_memory(server: StoreServer) -> None:
    """Far from the limit and near it, what passes and what remains differ by what it has taken."""
    rate, rest = Rate(100, 100, 0.05), random.Random(7)  # noqa: S311
    async with several(server, 1) as gateways:
        memory, at_once, more = MemoryLimiter(gateways.clock), 0, 0
        for number in range(1500):
            steps = [0, 0, 0.001, 0.005, 0.02] if number % 1000 > 500 else [0, 0.01, 0.02, 0.1]
            gateways.clock.now += rest.choice(steps)
            verdict = gateways.limiters[0].hit("lena", rate)
            at_once += isinstance(verdict, Verdict)
            found = verdict if isinstance(verdict, Verdict) else await verdict
            expected = memory.hit("lena", rate)
            more += found.allowed - expected.allowed
            assert abs(more) <= rate.burst // 8
            assert abs(found.remaining - expected.remaining) <= rate.burst // 8
            await gateways.orders_made()
        assert at_once > 500


async def test_what_is_not_used_in_time_is_lost(server: StoreServer) -> None:
    """After a second or two it is as if those requests had been made: headers say so, too."""
    rate = Rate(0.001, 100)
    async with several(server, 1) as gateways:
        found = [await gateways.hit(0, rate) for _ in range(2)]
        assert [each.remaining for each in found] == [99, 98]
        gateways.clock.now += 3
        assert (await gateways.hit(0, rate)).remaining == 93  # 4 were taken with the second one


async def test_many_at_once_take_no_more_than_one(server: StoreServer) -> None:
    """However many requests of a client come before an answer, an eighth of the burst is taken."""
    rate = Rate(0.001, 800)
    async with several(server, 1) as gateways:
        for _ in range(120):
            await gateways.hit(0, rate)
            await gateways.orders_made()
        while isinstance(waiting := gateways.limiters[0].hit("lena", rate), Verdict):
            pass
        at_once = [waiting, *(gateways.limiters[0].hit("lena", rate) for _ in range(50))]
        for each in at_once:
            assert not isinstance(each, Verdict)
            await each
        free = 0
        while isinstance(gateways.limiters[0].hit("lena", rate), Verdict):
            free += 1
        assert 0 < free <= 100


async def test_over_any_time_little_more_passes_than_the_limit(server: StoreServer) -> None:
    """At most `burst + rps * t`, and an eighth of the burst for each gateway."""
    rate, count, rest = Rate(50, 40), 4, random.Random(3)  # noqa: S311
    admitted: list[float] = []
    async with several(server, count) as gateways:
        for _ in range(150):
            gateways.clock.now += rest.choice([0, 0.01, 0.05, 0.3, 0.9])
            clients = [gateways.hit(rest.randrange(count), rate) for _ in range(rest.randrange(30))]
            passed = await asyncio.gather(*clients)
            admitted += [gateways.clock.now] * sum(each.allowed for each in passed)
    assert len(admitted) > 500
    most = rate.burst + count * (rate.burst // 8)
    for first, begin in enumerate(admitted):
        for number, end in enumerate(admitted[first:], 1):
            assert number <= most + rate.rps * (end - begin) + 1e-6


async def test_who_wants_too_much_gets_all_of_the_limit(server: StoreServer) -> None:
    """Over several gateways, a client that never stops gets its burst and its rate."""
    rate = Rate(50, 40)
    async with several(server, 3) as gateways:
        passed = 0
        for number in range(3000):
            passed += (await gateways.hit(number % 3, rate)).allowed
            gateways.clock.now += 0.005
        assert 40 + 50 * 15 - 3 * 5 <= passed <= 40 + 50 * 15


async def test_who_is_below_the_limit_is_never_refused(server: StoreServer) -> None:
    """What gateways take and do not use does not hinder a client with half of its rate."""
    rate, rest = Rate(50, 40), random.Random(5)  # noqa: S311
    async with several(server, 4) as gateways:
        for _ in range(1000):
            assert (await gateways.hit(rest.randrange(4), rate)).allowed
            gateways.clock.now += 0.04


async def test_who_is_far_from_the_limit_does_not_wait_for_the_store(server: StoreServer) -> None:
    """A few first requests are counted there; then the store is asked for many at a time."""
    rate = Rate(1000, 1000)
    async with several(server, 1) as gateways:
        waited = 0
        for _ in range(2000):
            gateways.clock.now += 0.002
            waited += not isinstance(gateways.limiters[0].hit("lena", rate), Verdict)
            await gateways.orders_made()
        assert waited < 10
        asked = [each for each in gateways.store.questions if PREFIX + "lena" in each]
        assert len(asked) < 100


async def test_questions_of_one_moment_are_one(server: StoreServer) -> None:
    """Any number of clients, at the same time, cost the store one script."""
    async with several(server, 1) as gateways:
        found = await asyncio.gather(
            *(gateways.hit(0, Rate(1, 1), f"client {number}") for number in range(200))
        )
        assert all(each.allowed for each in found)
        assert len(gateways.store.questions) == 1


async def test_a_client_that_is_gone_is_counted(server: StoreServer) -> None:
    """Its request was made; who waits for the answer does not matter."""
    rate = Rate(0.01, 2)
    async with several(server, 1) as gateways:
        gone = gateways.limiters[0].hit("lena", rate)
        assert isinstance(gone, asyncio.Future)
        gone.cancel()
        assert [(await gateways.hit(0, rate)).allowed for _ in range(2)] == [True, False]


async def test_an_answer_that_makes_no_sense_leaves_nobody_waiting(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for it is counted without the store, which counts as away until it is found."""

    async def run(script: Script, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        return []

    async with several(server, 1) as gateways:
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(gateways.store, "run", run)
            assert (await gateways.hit(0, Rate(1, 2))).allowed
        (line,) = [each for each in lines if each["log_level"] == "error"]
        assert "the shared store is away" in line["event"]
        assert gateways.limiters[0].without == 1


async def test_it_forgets_those_it_has_not_asked_about_for_longest(server: StoreServer) -> None:
    """What a gateway knows of clients is bounded, and the store knows it all the same."""
    rate = Rate(0.01, 1)
    async with several(server, 1, remembered=10) as gateways:
        for number in range(50):
            assert (await gateways.hit(0, rate, f"{number}")).allowed
        asked = len(gateways.store.questions)
        assert not (await gateways.hit(0, rate, "49")).allowed
        assert len(gateways.store.questions) == asked  # that was known
        assert not (await gateways.hit(0, rate, "0")).allowed
        assert len(gateways.store.questions) == asked + 1
