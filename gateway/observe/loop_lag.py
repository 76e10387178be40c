"""How far the event loop is behind."""

import asyncio
from collections.abc import Callable

TICK = 0.05
"""Seconds between two observations."""


async def watch_lag(*observers: Callable[[float], object]) -> None:
    """Tell each observer, again and again, how many seconds it is; until cancelled."""
    time = asyncio.get_running_loop().time
    while True:
        due = time() + TICK
        await asyncio.sleep(TICK)
        lag = time() - due
        for observe in observers:
            observe(lag)
