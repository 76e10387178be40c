"""The server of a simulated Cuebot, and the farm that lives behind it."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc.aio
import pytest
from structlog.testing import capture_logs

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.messages import Messages
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LONG = 2 * 3600


async def get_shows(cuebot: SimulatedCuebot) -> bytes:
    """The shows, over the wire."""
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        ask: Any = channel.unary_unary("/show.ShowInterface/GetShows")
        answer: bytes = await ask(b"", timeout=10)
        return answer


async def until(true: Callable[[], bool]) -> None:
    """Return once something is so."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("called", [True, False])
async def test_a_farm_that_was_asleep_goes_on_where_it_was(
    messages: Messages, called: bool
) -> None:
    """Whether a call comes first after a long pause or not: nothing of it is made up for."""
    now = [float(NOW)]
    farm = build_farm(messages, clock=lambda: now[0])
    cuebot = SimulatedCuebot(farm=farm)
    await cuebot.start()
    try:
        await get_shows(cuebot)
        procs = set(farm.procs)
        now[0] += LONG
        if called:
            assert await get_shows(cuebot)
        else:
            await until(lambda: farm.agenda.late == 0)
        assert set(farm.procs) == procs
    finally:
        await cuebot.stop()


async def test_a_step_that_fails_stops_neither_calls_nor_the_farm(messages: Messages) -> None:
    """What goes wrong on the farm is logged; it lives on, and answers."""
    now = [float(NOW)]
    farm = build_farm(messages, clock=lambda: now[0])
    cuebot = SimulatedCuebot(farm=farm)

    def fail() -> None:
        raise ZeroDivisionError

    done: list[float] = []
    farm.agenda.after(1, fail)
    farm.agenda.after(2, fail)
    farm.agenda.after(3, lambda: done.append(farm.agenda.now))
    with capture_logs() as lines:
        await cuebot.start()
        try:
            now[0] += 1
            assert await get_shows(cuebot)
            now[0] += 3
            await until(lambda: bool(done))
        finally:
            await cuebot.stop()
    assert done == [NOW + 3]
    assert [line["event"] for line in lines] == ["a step of the farm failed"] * 2
