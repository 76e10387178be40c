"""Limits in a shared store: the script, several gateways, and a store that fails."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.core.errors import GatewayError
from gateway.core.rates import MemoryLimiter, Rate, Verdict
from gateway.core.shared_store import (
    Link,
    LinkTiming,
    RedisStore,
    Script,
    Store,
    Value,
)
from gateway.features.rate_limits import RateLimits, shared_limiter
from gateway.features.rate_limits.interceptor import RateControl
from gateway.features.rate_limits.rate_limiter import Rates
from gateway.features.rate_limits.shared_limiter import COUNT, SharedLimiter
from tests.support.certificates import authority, pair
from tests.support.clocks import HandClock
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.patience import until
from tests.support.processes import instance
from tests.support.scraping import scrape
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    head,
    running_gateway,
    settings_for,
)
from tests.support.stores import NEEDS_STORE, StoreServer, store_server

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

PATIENT = LinkTiming(answer=20)
"""For a store that is slow because this machine is."""


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    with store_server() as running:
        yield running


@asynccontextmanager
async def empty_store(server: StoreServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(settings_for("cuebot:1", state=server.url))
    await store.connect()
    await store.run(Script("redis.call('FLUSHALL') return {}"), [], [])
    yield store
    await store.close()


@asynccontextmanager
async def running_limiter(
    store: Store, timing: LinkTiming = PATIENT, clock: HandClock | None = None
) -> AsyncIterator[SharedLimiter]:
    """A limiter that has looked for its store."""
    link = Link(store, "each counts by itself", timing)
    limiter = SharedLimiter(link, closed=False, clock=clock or time.monotonic)
    running = asyncio.gather(link.keep(), limiter.run())
    await link.first_look()
    try:
        yield limiter
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def hit(limiter: SharedLimiter, rate: Rate, client: str = "lena") -> Verdict:
    verdict = limiter.hit(client, rate)
    return verdict if isinstance(verdict, Verdict) else await verdict


# --- The script -----------------------------------------------------------------------------

TOLD_THE_TIME = Script(
    COUNT.source.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}").replace(
        "'PX', until_full", "'PX', '60000'"
    )
)
"""The script with a clock that tests set, in two more numbers; buckets do not expire by another."""


class ToldStore:
    """A store whose clock is the test's."""

    def __init__(self, store: RedisStore, clock: HandClock) -> None:
        self.name = store.name
        self.questions: list[list[str]] = []
        """The keys of each."""
        self.connect, self.close = store.connect, store.close
        self._store = store
        self._clock = clock

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        if script is not COUNT:
            return await self._store.run(script, keys, values)
        self.questions.append([*keys])
        now = divmod(round(self._clock() * 10**6), 10**6)
        return await self._store.run(TOLD_THE_TIME, keys, [*values, *now])


async def count(store: Store, rate: Rate) -> tuple[bool, int]:
    """Whether a request passes, and the debt."""
    numbers = [rate.interval, rate.capacity, int(rate.longest_wait)]
    allowed, debt = await store.run(COUNT, ["k"], numbers)
    assert isinstance(debt, int)
    return allowed == 1, debt


@NEEDS_STORE
@given(
    steps=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=60),
    rps=st.sampled_from([0.001, 0.3, 1.0, 7.0, 100.0, 3333.3, 1e6]),
    burst=st.integers(1, 12),
    max_wait=st.sampled_from([0.0, 0.0015, 5.0]),
)
def test_the_script_decides_as_the_limiter_in_memory(
    server: StoreServer, steps: list[int], rps: float, burst: int, max_wait: float
) -> None:
    rate, clock = Rate(rps, burst, max_wait), HandClock(1000)
    limiter = MemoryLimiter(clock)

    async def compare() -> None:
        async with empty_store(server) as store:
            told = ToldStore(store, clock)
            for step in steps:
                clock.now += step / 10**6
                allowed, debt = await count(told, rate)
                expected = limiter.hit("k", rate)
                assert (allowed, debt) == (expected.allowed, expected.debt)

    asyncio.run(compare())


@NEEDS_STORE
async def test_a_bucket_expires_when_it_is_full(server: StoreServer) -> None:
    async with empty_store(server) as store:
        for _ in range(2):  # the second is refused, and keeps nothing
            await count(store, Rate(0.01, 1))
        (left,) = await store.run(Script("return {redis.call('PTTL', 'k')}"), [], [])
        assert isinstance(left, int)
        assert 90_000 < left <= 100_001


@NEEDS_STORE
async def test_a_clock_that_goes_back_costs_only_the_time_it_repeats(server: StoreServer) -> None:
    rate, clock = Rate(10, 2), HandClock(1000)
    async with empty_store(server) as store:
        told = ToldStore(store, clock)
        for _ in range(2):
            await count(told, rate)
        clock.now -= 100
        assert await count(told, rate) == (False, 2 * rate.interval)
        clock.now += 0.1
        assert (await count(told, rate))[0]


@NEEDS_STORE
async def test_an_unreadable_value_is_a_full_bucket(server: StoreServer) -> None:
    async with empty_store(server) as store:
        await store.run(Script("redis.call('SET', 'k', 'rubbish') return {}"), [], [])
        assert (await count(store, Rate(1, 2)))[0]


# --- Several gateways -----------------------------------------------------------------------
@dataclass
class Several:
    """Limiters that share a store, and the clock of all."""

    limiters: list[SharedLimiter]
    store: ToldStore
    clock: HandClock

    async def hit(self, which: int, rate: Rate, client: str = "lena") -> Verdict:
        return await hit(self.limiters[which], rate, client)


@asynccontextmanager
async def several(server: StoreServer, number: int) -> AsyncIterator[Several]:
    clock, limiters = HandClock(1000), []
    async with AsyncExitStack() as stack:
        for _ in range(number):
            store = ToldStore(await stack.enter_async_context(empty_store(server)), clock)
            limiters.append(await stack.enter_async_context(running_limiter(store, clock=clock)))
        yield Several(limiters, store, clock)


@NEEDS_STORE
async def test_limits_are_shared_exactly(server: StoreServer) -> None:
    """Over four gateways and any times, verdicts are those of one limiter in memory."""
    rate, chance = Rate(100, 100, 0.05), random.Random(7)  # noqa: S311
    async with several(server, 4) as gateways:
        memory = MemoryLimiter(gateways.clock)
        for number in range(1500):
            steps = [0, 0, 0.001, 0.005, 0.02] if number % 1000 > 500 else [0, 0.01, 0.02, 0.1]
            gateways.clock.now += chance.choice(steps)
            assert await gateways.hit(chance.randrange(4), rate) == memory.hit("lena", rate)


@NEEDS_STORE
async def test_what_is_owed_at_one_rate_is_not_owed_at_another(server: StoreServer) -> None:
    """In the store, and where a process goes on without it."""
    slow, fast = Rate(rps=0.01, burst=2), Rate(rps=1000, burst=1000)
    async with several(server, 2) as gateways:
        found = [await gateways.hit(number % 2, slow) for number in range(3)]
        assert [each.allowed for each in found] == [True, True, False]
        found = [await gateways.hit(number, fast) for number in (0, 1, 1)]
        assert [-each.early // fast.interval for each in found] == [999, 998, 997]
        assert not (await gateways.hit(1, slow)).allowed
        gateways.limiters[1].link.up = False
        assert [(await gateways.hit(1, rate)).allowed for rate in (slow, fast)] == [False, True]
        assert gateways.limiters[1].without == 2


@NEEDS_STORE
async def test_questions_are_batched(server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with several(server, 1) as gateways:
        for most, questions in ((256, 1), (80, 3)):
            monkeypatch.setattr(shared_limiter, "LARGEST_BATCH", most)
            gateways.store.questions.clear()
            found = await asyncio.gather(
                *(gateways.hit(0, Rate(1, 3), f"client {number % 100}") for number in range(200))
            )
            assert all(each.allowed for each in found) is (most == 256)
            assert len(gateways.store.questions) == questions


@NEEDS_STORE
async def test_a_client_that_is_gone_is_counted(server: StoreServer) -> None:
    rate = Rate(0.01, 2)
    async with several(server, 1) as gateways:
        gone = gateways.limiters[0].hit("lena", rate)
        assert isinstance(gone, asyncio.Future)
        gone.cancel()
        assert [(await gateways.hit(0, rate)).allowed for _ in range(2)] == [True, False]


# --- A store that answers nonsense ----------------------------------------------------------

RATE = Rate(rps=10, burst=8, max_wait=0.5)
FULL = RATE.capacity + int(RATE.longest_wait)
"""Nanoseconds that the bucket takes to be full when the last request has been let in."""


class Nonsense:
    """A store that works, except for its answers about buckets."""

    name = "store://nonsense"

    def __init__(self, answer: Sequence[object]) -> None:
        self.answer = answer
        self.asked = 0

    async def connect(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        if script is not COUNT:
            return []
        self.asked += 1
        return [*self.answer]  # type: ignore[list-item]  # that is the test


async def verdict_with(answer: Sequence[object], hits: int = 1) -> tuple[Verdict, bool, int]:
    """The last verdict on so many requests, whether the store is still up, and questions to it."""
    store = Nonsense(answer)
    async with running_limiter(store, LinkTiming()) as limiter:
        for _ in range(hits):
            verdict = await hit(limiter, RATE)
        return verdict, limiter.link.up, store.asked


NUMBERS = st.one_of(
    st.integers(-2, 2),
    st.integers(-(10**30), 10**30),
    st.integers(-FULL, 2 * FULL),
    st.sampled_from([2**63, -(2**63), 2**53, FULL, FULL + 1, 10**26, float("nan"), float("inf")]),
    st.text(max_size=5),
    st.none(),
)


@given(st.lists(NUMBERS, max_size=5) | st.tuples(st.sampled_from([0, 1]), NUMBERS))
def test_a_request_is_decided_within_its_bounds(answer: Sequence[object]) -> None:
    verdict, *_ = asyncio.run(verdict_with(answer))
    assert -verdict.early <= RATE.capacity
    assert 0 <= verdict.debt <= FULL + RATE.interval
    assert isfinite(verdict.wait)
    assert 0 <= verdict.wait <= RATE.max_wait + (0 if verdict.allowed else 0.2)


@pytest.mark.parametrize(
    "answer",
    [
        *((1, 10**26), (1, FULL + 1), (1, -1), (0, -1)),  # waits that cannot be
        *((2, 0), (1,), (1, 0, 1, 0), (), ("x", float("nan"))),
    ],
    ids=repr,
)
async def test_a_store_that_answers_nonsense_counts_as_away(answer: Sequence[object]) -> None:
    with capture_logs() as lines:
        verdict, up, asked = await verdict_with(answer, hits=3)
    assert (verdict.allowed, -verdict.early // RATE.interval) == (True, RATE.burst - 3)
    assert (up, asked) == (False, 1)
    away = [each for each in lines if each["log_level"] == "error"]
    assert [each["event"] for each in away] == ["the shared store is away; each counts by itself"]


async def test_possible_answers_are_believed() -> None:
    """Up to the longest wait; a debt from a slower rate is cut, so that clients come back."""
    verdict, up, _ = await verdict_with((1, FULL))
    assert (verdict.allowed, verdict.wait, up) == (True, RATE.max_wait, True)
    verdict, up, asked = await verdict_with((0, 10**17), hits=2)
    assert (verdict.allowed, up, asked) == (False, True, 2)
    assert verdict.debt == FULL + RATE.interval
    async with running_limiter(Nonsense((0, 10**17))) as limiter:
        context = context_of("/a.B/C")
        rates = Rates(settings_for("cuebot:1", rate_limit_rps=10, rate_limit_burst=8))
        waiting = RateControl(limiter, rates, lambda: 0.0).admit(context)
        assert waiting is not None
        with pytest.raises(GatewayError) as refused:
            await waiting
    headers = dict(context.response.headers)
    assert (refused.value.headers["Retry-After"], headers[b"x-ratelimit-reset"]) == ("1", b"1")


# --- Over HTTP ------------------------------------------------------------------------------

SHOWS = "/show.ShowInterface/GetShows"
LIMIT, REMAINING = "x-ratelimit-limit", "x-ratelimit-remaining"
SLOWLY: dict[str, object] = {"rate_limit_rps": 0.01, "rate_limit_burst": 6}
"""A limit that does not refill during a test."""
AWAY, BACK = "the shared store is away", "the shared store answers again"


@pytest.fixture
def own_server() -> Iterator[StoreServer]:
    """A store that a test may kill."""
    with store_server() as running:
        yield running


@asynccontextmanager
async def two(
    cuebot: ScriptedCuebot, server: StoreServer, **more: object
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways that share the store, and have looked for it."""
    settings = settings_for(cuebot.endpoint, **{"state": server.url} | SLOWLY | more)
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            shared_limiter, "Link", partial(Link, timing=PATIENT)
        )
        one, other = [await stack.enter_async_context(running_gateway(settings)) for _ in range(2)]
        yield one, other


def limiter_of(gateway: Gateway) -> SharedLimiter:
    limiter = gateway.app.feature(RateLimits).shared
    assert limiter is not None
    return limiter


async def until_found(*gateways: Gateway) -> None:
    await until(lambda: all(limiter_of(each).link.up for each in gateways))


async def statuses(gateway: Gateway, number: int) -> list[int]:
    return [(await gateway.post(SHOWS)).status_code for _ in range(number)]


@NEEDS_STORE
async def test_without_a_killed_store(cuebot: ScriptedCuebot, own_server: StoreServer) -> None:
    with capture_logs() as lines:
        async with two(cuebot, own_server) as (one, other):
            assert await statuses(one, 4) == [200] * 4
            assert await statuses(other, 1) == [200]  # so it knows of five
            own_server.kill()
            assert await statuses(one, 4) == [200, 200, 429, 429]  # it knew of four
            assert await statuses(other, 2) == [200, 429]
            assert (limiter_of(one).without, limiter_of(other).without) == (4, 2)
            own_server.start()
            await until_found(one, other)
            assert await statuses(one, 3) + await statuses(other, 4) == [200] * 6 + [429]
            assert limiter_of(one).link.losses == 1
    said = [line for line in lines if line["event"].startswith((AWAY, BACK))]
    assert [line["log_level"] for line in said] == ["error", "error", "info", "info"]
    assert said[0]["event"] == (f"{AWAY}; each process counts requests by itself (STATE_FAIL=open)")
    assert str(own_server.port) in said[0]["problem"]


@needs("metrics")
@NEEDS_STORE
async def test_closed_without_a_store(cuebot: ScriptedCuebot, own_server: StoreServer) -> None:
    """Calls are refused, but not health checks, scrapes and subjects without a limit."""
    closed = {"state_fail": "closed", "metrics": "public"}
    overrides = [{"subjects": ["monitor"], "rps": 0}]
    async with two(cuebot, own_server, **closed, rate_limit_overrides=overrides) as (one, _):
        assert await statuses(one, 1) == [200]
        ready = await one.client.get("/readyz")
        assert (ready.status_code, ready.json().get("store")) == (200, None)
        own_server.kill()
        cuebot.seen.clear()
        answer = await one.post(SHOWS)
        assert (answer.status_code, answer.json()["code"], cuebot.seen) == (503, 14, [])
        message = "requests cannot be counted: the gateway's shared store is away"
        assert (answer.json()["message"], answer.headers["retry-after"]) == (message, "1")
        assert LIMIT not in answer.headers
        assert await statuses(one, 2) == [503] * 2
        assert (await one.client.get("/healthz")).status_code == 200
        assert (await one.post(SHOWS, headers=bearer("monitor"))).status_code == 200
        ready = await one.client.get("/readyz")  # 200: every gateway has lost the store
        assert (ready.status_code, ready.json()["store"]) == (200, "away")
        found = await scrape(f"{one.url}/metrics")
        assert (found.of("store_up"), found.of("store_bypassed_total")) == (0, 3)
        own_server.start()
        await until_found(one)
        assert await statuses(one, 1) == [200]


@NEEDS_STORE
async def test_a_restarted_store_is_used(cuebot: ScriptedCuebot, own_server: StoreServer) -> None:
    async with two(cuebot, own_server) as (one, _):
        assert await statuses(one, 6) == [200] * 6
        own_server.kill()
        own_server.start()
        answer = await one.post(SHOWS, headers=bearer("somebody else"))
        assert (answer.status_code, answer.headers[REMAINING]) == (200, "5")
        assert (limiter_of(one).link.losses, limiter_of(one).without) == (0, 0)


@NEEDS_STORE
async def test_over_tls_and_with_a_password(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "password").write_text("mountain goat\n")
    secured = {
        "state_ca_file": str(tmp_path / "ca.pem"),
        "state_password_file": str(tmp_path / "password"),
    }
    with store_server(pair(tmp_path), "mountain goat") as server, capture_logs() as lines:
        async with two(cuebot, server, **secured) as (one, other):
            assert await statuses(one, 6) == [200] * 6
            assert await statuses(other, 1) == [429]
        async with two(cuebot, server, **secured | {"state_ca_file": None}) as (one, _):
            assert not limiter_of(one).link.up
        (tmp_path / "password").write_text("mountain lion\n")
        async with two(cuebot, server, **secured) as (one, _):
            assert not limiter_of(one).link.up
    problems = [line["problem"] for line in lines if line["event"].startswith(AWAY)]
    assert len(problems) == 4
    assert "certificate verify failed" in problems[0].lower()
    assert "password" in problems[2]
    assert "mountain" not in f"{lines}"


@NEEDS_STORE
async def test_workers_share(own_server: StoreServer, cuebot_process: str) -> None:
    """With STATE, the limit is not divided among WORKERS; without the store it is again."""
    limit = {"RATE_LIMIT_RPS": "0.01", "RATE_LIMIT_BURST": "6"}
    with instance(cuebot_process, limit, WORKERS="2", STATE=own_server.url) as gateway:
        gateway.event("the shared store answers", 2)
        for attempt in range(5):  # this machine may be slow, and the store away for that
            losses, answers = len(gateway.events(AWAY)), []
            for _ in range(8):
                with gateway.wire() as wire:
                    length = head(SHOWS, "Content-Length: 2", subject=f"lena {attempt}")
                    wire.send(length + b"{}")
                    answers.append(wire.answer())
            if len(gateway.events(AWAY)) == losses:
                break
        assert [each.status for each in answers] == [200] * 6 + [429] * 2
        assert [each.headers[REMAINING] for each in answers] == list("54321000")
        assert gateway.events("share the limits") == []
