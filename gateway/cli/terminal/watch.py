"""The same call over and over."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from gateway.cli.client.client import Answer
from gateway.cli.terminal.output import Output, space_below_title
from gateway.errors import GatewayError


async def watch(
    call: Callable[[], Awaitable[Answer]], output: Output, *, pause: float, name: str
) -> None:
    """Call and show until cancelled, with `pause` seconds after each answer or failure.

    A terminal is redrawn each time; in a pipe, answers follow each other. Raises InvalidCall
    if calling again cannot help.
    """
    while True:
        await once(call, output, f"{name} every {pause:g} s")
        await asyncio.sleep(pause)


async def once(call: Callable[[], Awaitable[Answer]], output: Output, title: str) -> None:
    """Call, and show the answer or the failure."""
    try:
        answer, failure = await call(), None
    except GatewayError as error:
        answer, failure = None, error
    if output.terminal:
        output.start_over(f"{title}, {datetime.now().astimezone():%H:%M:%S}")
    if answer is not None:
        output.answer(answer, space=space_below_title() if output.terminal else None)
    if failure is not None:
        output.failure(failure)
