"""The same call again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from gateway.cli.client.caller import Answer
from gateway.cli.terminal.output import Output, room_below_title
from gateway.errors import GatewayError


async def watch(
    ask: Callable[[], Awaitable[Answer]], output: Output, *, pause: float, name: str
) -> None:
    """Ask and show until cancelled, `pause` seconds after each answer or failure.

    A terminal is drawn anew each time; in a pipe, answers follow each other. Raises WrongCall
    when there is no use in asking again.
    """
    while True:
        await once(ask, output, f"{name} every {pause:g} s")
        await asyncio.sleep(pause)


async def once(ask: Callable[[], Awaitable[Answer]], output: Output, title: str) -> None:
    """Ask, and show the answer or the failure."""
    try:
        answer, failure = await ask(), None
    except GatewayError as error:
        answer, failure = None, error
    if output.terminal:
        output.start_over(f"{title}, {datetime.now().astimezone():%H:%M:%S}")
    try:
        if answer is not None:
            output.answer(answer, room=room_below_title() if output.terminal else None)
    except GatewayError as error:  # an answer that breaks off in the middle
        failure = error
    if failure is not None:
        output.failure(failure)
