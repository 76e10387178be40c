"""Steps of long work: they end by the clock, and one of them has a turn of the event loop."""

import asyncio
from collections.abc import Generator

import pytest

from gateway.long_work import STEP, STEP_SECONDS, Step, begin_at_once, in_turns, let_others_run
from tests.support.clocks import HandClock


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


async def test_who_is_cancelled_takes_no_step_from_others() -> None:
    """The next in the queue goes on."""
    gone = [asyncio.create_task(let_others_run()) for _ in range(3)]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    async with asyncio.timeout(10):
        await let_others_run()
        await let_others_run()
    assert all(each.cancelled() or each.done() for each in gone)


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
