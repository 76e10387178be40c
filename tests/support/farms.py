"""Simulated Cuebots: the demo's farm on loopback, in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm

NOW = 1_790_000_000  # the time on farms whose clock stands, in seconds since 1970


def still_farm() -> Farm:
    return build_farm(read_messages(), clock=StoppedClock(NOW))


@asynccontextmanager
async def running_farm(
    farm: Farm | None = None, *, reflection: bool = True
) -> AsyncIterator[SimulatedCuebot]:
    """A simulated Cuebot with this farm, or with one that lives; a stock one has no reflection."""
    cuebot = SimulatedCuebot(farm=farm, reflection=reflection)
    await cuebot.start()
    try:
        yield cuebot
    finally:
        await cuebot.stop()
