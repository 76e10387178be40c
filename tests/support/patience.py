"""How long the tests wait for what has to happen."""

import asyncio
from collections.abc import Callable

PATIENCE = 100.0
"""Seconds after which something that has not happened never will, on a machine however busy.

Only a test that fails waits for so long. It is no measure of anything: that something comes soon,
or does not come, is shown by what happens before it.
"""


async def until(condition: Callable[[], object]) -> None:
    """Wait for what nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody does
            await asyncio.sleep(0.005)
