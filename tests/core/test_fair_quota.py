"""Fair shares: who may have how much, who waits, whose turn it is, and that all is given back."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.fair_quota import LONGEST_WAIT_SECONDS, FairQuota, FairSemaphore, MemoryLease
from tests.support.clocks import HandClock
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio


def taken(shares: FairQuota, principal: str, amount: int = 1) -> int:
    """How often the principal can take so much."""
    return next(times for times in count() if not shares.take(principal, amount))


# --- shares ---------------------------------------------------------------------------------
@pytest.mark.parametrize("total", [1, 2, 3, 7, 8, 256, 1000])
def test_whoever_is_alone_may_have_everything(total: int) -> None:
    """And something is left for others, and for a third one, too."""
    shares = FairQuota(total)
    assert taken(shares, "a") == total
    assert taken(shares, "b")
    assert taken(shares, "c") or total < 8


def test_those_who_want_more_than_their_share_become_equal() -> None:
    shares = FairQuota(256)
    taken(shares, "a")
    for _ in range(1000):
        shares.give_back("a")
        shares.take("b")
        shares.take("a")
    assert shares.held["b"] >= shares.held["a"] - 1
    assert sum(shares.held.values()) > 256


def test_a_heavier_principal_has_more() -> None:
    shares = FairQuota(256, {"many": 8.0, "one": 1.0}.__getitem__)
    for _ in range(1000):
        for principal in ("one", "many"):
            shares.take(principal)
        for principal in tuple(shares.held):
            shares.give_back(principal)
            shares.take(principal)
    assert shares.held["many"] > 3 * shares.held["one"]
    assert shares.held["many"] <= 256


def test_a_smaller_total_takes_nothing_away() -> None:
    shares = FairQuota(100)
    taken(shares, "a")
    shares.resize(10)
    assert not shares.take("a")
    for _ in range(91):
        shares.give_back("a")
    assert shares.take("a")
    assert not shares.take("a")


@given(
    total=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 400), st.booleans())),
)
def test_bounds_hold_and_nothing_is_lost(total: int, steps: list[tuple[str, int, bool]]) -> None:
    shares, held = FairQuota(total), list[tuple[str, int]]()
    for principal, amount, gives in steps:
        if gives and held:
            shares.give_back(*held.pop())
        elif shares.take(principal, amount):
            held.append((principal, amount))
        assert all(having <= total for having in shares.held.values())
        assert sum(shares.held.values()) <= total + max(1, total // 4)
        assert sum(shares.held.values()) == sum(amount for _, amount in held)
    for each in held:
        shares.give_back(*each)
    assert not shares.held
    assert shares.take("z", total)


# --- turns ----------------------------------------------------------------------------------
async def waiting(
    turns: FairSemaphore, principal: str, amount: int = 1, timeout: float = PATIENCE
) -> "asyncio.Task[bool]":
    """A task that has got as far as it can without something that another one has."""
    task = asyncio.create_task(turns.take(principal, amount, timeout))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_what_is_given_back_goes_to_who_waits() -> None:
    turns = FairSemaphore(4, 10)
    assert await turns.take("a", 4, 0)
    task = await waiting(turns, "a", 2)
    assert turns.is_awaited
    turns.give_back("a", 1)
    await asyncio.sleep(0)
    assert not task.done()
    turns.give_back("a", 1)
    assert await task
    assert turns.held == {"a": 4}
    assert await turns.take("b", 1, 0)


async def test_those_who_have_the_least_are_next() -> None:
    turns, order = FairSemaphore(8, 100), list[str]()
    holder = [await turns.take("x", 1, 0) for _ in range(8)]
    assert all(holder)
    assert await turns.take("y", 1, 0)
    assert await turns.take("z", 1, 0)

    def asked(principal: str) -> None:
        turns.ask(principal, 1, lambda: order.append(principal))

    for principal in "xxxxab":
        asked(principal)
    for _ in range(8):
        turns.give_back("x", 1)
    assert (order[:2], Counter(order)) == (["a", "b"], Counter("abxxxx"))


async def test_waiting_has_its_end_and_its_bound() -> None:
    turns = FairSemaphore(1, 2)
    assert await turns.take("a", 1, 0)
    assert not await turns.take("a", 1, 0.01)
    first, second = await waiting(turns, "a"), await waiting(turns, "a")
    assert not await turns.take("a", 1, PATIENCE)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    turns.give_back("a", 1)
    assert await second
    turns.give_back("a", 1)
    assert not turns.held
    assert not turns.is_awaited


async def test_more_than_everything_comes_alone() -> None:
    turns = FairSemaphore(10, 10)
    assert await turns.take("a", 3, 0)
    huge = await waiting(turns, "b", 100)
    turns.give_back("a", 1)
    assert await huge
    small = await waiting(turns, "c", 1)
    turns.give_back("b", 100)
    assert await small


async def test_who_waits_for_long_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small requests do not go on for ever before a large one, which they would never let in."""
    clock = HandClock()
    monkeypatch.setattr("gateway.core.fair_quota.monotonic", clock)
    turns = FairSemaphore(10, 10)
    assert await turns.take("a", 5, 0)
    large = await waiting(turns, "b", 10)
    assert await turns.take("c", 1, 0)
    clock.now = LONGEST_WAIT_SECONDS
    small = await waiting(turns, "d", 1)
    turns.give_back("c", 1)
    await asyncio.sleep(0)
    assert not small.done()
    turns.give_back("a", 5)
    assert await large
    turns.give_back("b", 10)
    assert await small


async def test_a_small_request_passes_a_large_one_of_the_same_principal() -> None:
    turns = FairSemaphore(10, 10)
    assert await turns.take("a", 8, 0)
    large, small = await waiting(turns, "a", 9), await waiting(turns, "a", 3)
    turns.give_back("a", 1)
    assert await small
    assert not large.done()
    large.cancel()
    await asyncio.gather(large, return_exceptions=True)


def test_a_second_answer_takes_the_place_of_the_first() -> None:
    turns, granted = FairSemaphore(128, 4), list[str]()
    lease = MemoryLease(turns, "a")
    assert lease.ask(70, lambda: granted.append("look-up"))
    assert lease.ask(70, lambda: granted.append("call"))
    assert granted == ["look-up", "call"]
    assert turns.held == {"a": 70}
    other = MemoryLease(turns, "b")
    assert other.ask(100, lambda: granted.append("other"))
    assert other.ask(100, lambda: granted.append("other instead"))
    lease.close()
    assert granted == ["look-up", "call", "other instead"]
    other.close()
    assert not turns.held
    assert not turns.is_awaited


def test_what_an_answer_does_not_need_any_more_is_for_those_who_wait() -> None:
    turns, granted = FairSemaphore(16, 4), list[str]()
    lease, other = MemoryLease(turns, "a"), MemoryLease(turns, "b")
    assert lease.ask(16, lambda: granted.append("first"))
    assert other.ask(10, lambda: granted.append("other"))
    lease.shrink(17)
    assert (granted, turns.held) == (["first"], {"a": 16})
    lease.shrink(4)
    assert (granted, turns.held) == (["first", "other"], {"a": 4, "b": 10})
    lease.close()
    assert turns.held == {"b": 10}
    lease.shrink(0)
    other.close()
    assert not turns.held


def test_how_much_more_than_a_modest_part_a_principal_has() -> None:
    turns = FairSemaphore(80, 4, lambda principal: 4 if principal == "many people" else 1)
    assert turns.over_quota("a") == 1
    for principal in ("a", "many people"):
        lease = MemoryLease(turns, principal)
        lease.ask(10, lambda: None)
        assert lease.over_quota == 1
        lease.ask(40, lambda: None)
        assert lease.over_quota == (1 if principal == "many people" else 4)
        lease.close()


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.integers(1, 12), st.sampled_from(["ask", "end", "shrink"])
        )
    )
)
def test_every_lease_ends_with_nothing_held(steps: list[tuple[str, int, str]]) -> None:
    turns, leases = FairSemaphore(8, 4), list[MemoryLease]()
    busy = set[int]()

    def ended_for(index: int) -> Callable[[], None]:
        return lambda: busy.discard(index)

    for principal, amount, step in steps:
        if step == "ask":
            lease, index = MemoryLease(turns, principal), len(leases)
            leases.append(lease)
            busy.add(index)
            lease.ask(amount, ended_for(index))
            if index not in busy:  # it has been granted: a second answer follows
                busy.add(index)
                lease.ask(1, ended_for(index))
        elif leases and step == "shrink":
            leases[0].shrink(amount)
        elif leases:
            leases.pop(0).close()
    for lease in leases:
        lease.close()
        lease.close()
    assert not turns.held
    assert not turns.is_awaited
