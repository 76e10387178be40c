"""Steps of long work: they end by the clock, and one of them has a turn of the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from itertools import pairwise
from typing import Any

import pytest

from gateway.core.long_work import (
    STEP,
    STEP_SECONDS,
    TURNS_FOR_OTHERS,
    Step,
    begin_at_once,
    give_way,
    give_way_briefly,
    in_turns,
    let_others_run,
)
from tests.support.clocks import HandClock
from tests.support.patience import PATIENCE


def test_a_step_ends_by_the_clock() -> None:
    """Whatever has been done in it."""
    clock = HandClock()
    step = Step(clock)
    assert step.is_over()
    step.begin()
    for part in (0.0, 0.5, 0.99):
        clock.now = STEP_SECONDS * part
        assert not step.is_over()
    clock.now = STEP_SECONDS
    assert step.is_over()
    step.begin()
    assert not step.is_over()


@pytest.mark.parametrize("workers", [1, 2, 4, 40])
async def test_one_step_has_a_turn_of_the_loop(workers: int) -> None:
    """So that others wait for one step, however many long works there are."""
    turn = 0
    steps: list[tuple[int, int]] = []

    async def work(name: int) -> None:
        for _ in range(3):
            await let_others_run()
            steps.append((turn, name))

    working = [asyncio.create_task(work(name)) for name in range(workers)]
    while not all(each.done() for each in working):
        turn += 1
        await asyncio.sleep(0)
    turns = [each for each, _ in steps]
    assert turns == sorted(set(turns))
    assert [name for _, name in steps] == [*range(workers)] * 3  # in turn


async def test_steps_of_a_generator_take_turns_with_others() -> None:
    """There is one in each turn, and what the generator returns or raises comes of it."""
    done: list[str] = []

    def counting(name: str) -> Generator[None, None, str]:
        for number in range(3):
            done.append(f"{name}{number}")
            yield
        return name.upper()

    def failing() -> Generator[None, None, None]:
        yield
        raise ValueError("too far")

    results = [*await asyncio.gather(in_turns(counting("a")), in_turns(counting("b")))]
    assert results == ["A", "B"]
    assert done == ["a0", "b0", "a1", "b1", "a2", "b2"]
    with pytest.raises(ValueError, match="too far"):
        await in_turns(failing())


@pytest.mark.parametrize("waits", [let_others_run, give_way])
async def test_who_is_cancelled_takes_no_step_from_others(
    waits: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """The next in the queue goes on."""
    gone = [asyncio.create_task(waits()) for _ in range(3)]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    async with asyncio.timeout(PATIENCE):
        await waits()
        await let_others_run()
    assert all(each.cancelled() or each.done() for each in gone)


async def steps_in_turns(background: int, foreground: int, steps: int) -> list[tuple[int, str]]:
    """The turn of the loop in which each step was made, and whose it was."""
    turn, found = 0, list[tuple[int, str]]()

    async def work(name: str, wait: Callable[[], Awaitable[None]]) -> None:
        for _ in range(steps):
            await wait()
            found.append((turn, name))

    working = [asyncio.create_task(work("back", give_way)) for _ in range(background)]
    working += [asyncio.create_task(work("fore", let_others_run)) for _ in range(foreground)]
    while not all(each.done() for each in working):
        turn += 1
        await asyncio.sleep(0)
    return found


@pytest.mark.parametrize("workers", [1, 2, 40])
async def test_steps_in_the_background_leave_turns_to_others(workers: int) -> None:
    """However many works there are, a request finds turns without a step between two of them."""
    turns = [turn for turn, _ in await steps_in_turns(workers, 0, 3)]
    apart = [late - early for early, late in pairwise(turns)]
    assert len(turns) == 3 * workers
    assert min(apart) > TURNS_FOR_OTHERS
    assert max(apart) <= TURNS_FOR_OTHERS + 3


async def test_long_work_does_not_queue_behind_the_background() -> None:
    """Of forty works in the background, one is before a client's in the queue."""
    found = await steps_in_turns(40, 1, 3)
    assert [name for _, name in found[:6]].count("fore") == 3


async def test_the_background_goes_on_beside_long_work() -> None:
    """It has a place in the queue, as each of the clients has."""
    found = await steps_in_turns(1, 2, 20)
    names = [name for _, name in found]
    beside = names[: len(names) - names[::-1].index("fore")]
    assert beside.count("back") >= len(beside) // 4


async def test_a_check_does_not_queue_behind_the_background() -> None:
    """It leaves the same turns to others, between steps of its own."""
    behind = [asyncio.create_task(give_way()) for _ in range(40)]
    await asyncio.sleep(0)
    for _ in range(3):
        await give_way_briefly()
    assert sum(each.done() for each in behind) <= 4
    await asyncio.gather(*behind)


async def test_what_is_tried_at_once_shares_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one turn of the loop; in the next one there is another."""
    clock = HandClock()
    monkeypatch.setattr(STEP, "clock", clock)
    begin_at_once()
    clock.now += STEP_SECONDS * 0.75
    begin_at_once()
    assert not STEP.is_over()
    clock.now += STEP_SECONDS * 0.25
    begin_at_once()
    assert STEP.is_over()
    await asyncio.sleep(0)
    begin_at_once()
    assert not STEP.is_over()
