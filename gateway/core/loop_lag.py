"""How far the event loop is behind."""

import asyncio
from collections.abc import Callable

LAG_TICK_SECONDS = 0.05


async def watch_lag(observers: list[Callable[[float], object]]) -> None:
    """Give each observer, again and again, the seconds that the event loop is behind."""
    time = asyncio.get_running_loop().time
    while True:
        due = time() + LAG_TICK_SECONDS
        await asyncio.sleep(LAG_TICK_SECONDS)
        lag = time() - due
        for observe in observers:
            observe(lag)
