"""Places for large answers: how many there are, who waits, and that all are given back."""

import asyncio

import pytest

from gateway.access.admission import LargeAnswers
from gateway.errors import Code, GatewayError

pytestmark = pytest.mark.anyio

LONG = 20.0


async def is_free(places: LargeAnswers, client: str) -> bool:
    """Whether the client would get a place at once."""
    try:
        give_back = await places.take(client, 0)
    except GatewayError:
        return False
    give_back()
    return True


async def waiting(
    places: LargeAnswers, client: str, timeout: float = LONG
) -> "asyncio.Task[object]":
    """A request of this client that has got as far as it can without somebody else's place."""
    task: asyncio.Task[object] = asyncio.create_task(places.take(client, timeout))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def has_its_turn(task: "asyncio.Task[object]") -> None:
    """Take the place that the task has been waiting for, and give it back."""
    async with asyncio.timeout(LONG):
        give_back = await task
    assert callable(give_back)
    give_back()


async def test_a_client_has_no_more_than_its_own() -> None:
    """Of many places one client gets only so many, and others still get theirs."""
    places = LargeAnswers(total=10, each=2)
    for _ in range(2):
        await places.take("a", 0)
    assert not await is_free(places, "a")
    assert await is_free(places, "b")


async def test_all_clients_have_no_more_than_the_total() -> None:
    """When all places are taken, a client without any gets none."""
    places = LargeAnswers(total=3, each=2)
    given = [await places.take(client, 0) for client in ("a", "a", "b")]
    assert not await is_free(places, "b")
    assert not await is_free(places, "c")
    given[0]()
    assert await is_free(places, "c")


async def test_a_turn_that_is_given_back_goes_to_who_waits() -> None:
    """A client waits for a place of its own, and goes on as soon as there is one."""
    places = LargeAnswers(total=10, each=1)
    give_back = await places.take("a", 0)
    task = await waiting(places, "a")
    give_back()
    await has_its_turn(task)


async def test_places_go_round_in_order() -> None:
    """Those who wait for one of all places get it in the order in which they came."""
    places = LargeAnswers(total=1, each=1)
    give_back = await places.take("a", 0)
    order: list[str] = []

    async def one(client: str) -> None:
        mine = await places.take(client, LONG)
        order.append(client)
        mine()

    async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
        for client in ("b", "c", "d"):
            group.create_task(one(client))
            await asyncio.sleep(0)
        give_back()
    assert order == ["b", "c", "d"]


async def test_who_waits_for_its_own_turn_holds_none_of_all() -> None:
    """The requests that a greedy client has waiting take nothing from the others."""
    places = LargeAnswers(total=2, each=1)
    await places.take("a", 0)
    greedy = [await waiting(places, "a") for _ in range(5)]
    assert await is_free(places, "b")
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)


@pytest.mark.parametrize(("total", "each"), [(10, 1), (1, 10)], ids=["own", "all"])
async def test_a_turn_that_does_not_come_is_unavailable(total: int, each: int) -> None:
    """Who has waited long enough is told to come again, and has taken nothing."""
    places = LargeAnswers(total=total, each=each)
    give_back = await places.take("a", 0)
    with pytest.raises(GatewayError) as caught:
        await places.take("a", 0.02)
    assert (caught.value.code, caught.value.status) == (Code.UNAVAILABLE, 503)
    assert caught.value.headers["Retry-After"] == "1"
    give_back()
    assert [await is_free(places, "a") for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize(("total", "each"), [(10, 1), (1, 10)], ids=["own", "all"])
async def test_a_cancelled_wait_gives_everything_back(total: int, each: int) -> None:
    """A request that is cancelled while it waits leaves all places to the others."""
    places = LargeAnswers(total=total, each=each)
    give_back = await places.take("a", 0)
    task = await waiting(places, "a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    give_back()
    given = [await places.take("a", 0) for _ in range(min(total, each))]
    assert not await is_free(places, "a")
    for one in given:
        one()


async def test_a_wait_for_all_that_ends_gives_back_its_own() -> None:
    """Who had a place of its own and got none of all keeps neither, cancelled or too late."""
    places = LargeAnswers(total=1, each=1)
    give_back = await places.take("b", 0)
    task = await waiting(places, "a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(GatewayError):
        await places.take("a", 0.02)
    give_back()
    assert await is_free(places, "a")


async def test_a_turn_that_comes_with_a_cancellation_is_not_lost() -> None:
    """When a place is given and its taker cancelled in one breath, the next one gets it."""
    places = LargeAnswers(total=1, each=3)
    give_back = await places.take("a", 0)
    first, second = await waiting(places, "a"), await waiting(places, "b")
    give_back()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await has_its_turn(second)
    assert await is_free(places, "c")


async def test_a_client_that_comes_and_goes_is_still_one() -> None:
    """Giving back one of two places leaves room for one, not for a fresh start."""
    places = LargeAnswers(total=10, each=2)
    first, second = await places.take("a", 0), await places.take("a", 0)
    first()
    third = await places.take("a", 0)
    assert not await is_free(places, "a")
    second()
    third()
    assert await is_free(places, "a")


async def test_clients_are_forgotten() -> None:
    """Whoever has and awaits nothing is not remembered, however its request ended."""
    places = LargeAnswers(total=2, each=1)
    for number in range(100):
        (await places.take(f"client {number}", 0))()
    first, second = await places.take("a", 0), await places.take("b", 0)
    for client in ("a", "c"):
        with pytest.raises(GatewayError):
            await places.take(client, 0.01)
        task = await waiting(places, client)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert places.clients == {"a", "b"}
    first()
    second()
    assert places.clients == set()
