"""Long work on the event loop: steps that end by time, and one of them in each turn of the loop.

How long a row takes depends on what a client asks for and on what Cuebot answers, so that rows are
never counted: whatever can be long looks at the clock, and ends its step when that has had its
time. The steps of all long work wait for each other in one queue, so that others wait for one of
them, however many clients there are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from time import monotonic
from typing import TypeVar
from weakref import WeakKeyDictionary

from gateway.write_buffer import send_unsent

STEP_SECONDS = 0.002
Result = TypeVar("Result")


class Step:
    """The present step of long work, by a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._end = clock()

    def begin(self) -> None:
        """A new step begins."""
        self._end = self.clock() + STEP_SECONDS

    def is_over(self) -> bool:
        """Whether it has had its time. To be asked between any two things of which a client
        decides how many there are, or how long they take: it costs 0.1 µs.
        """
        return self.clock() >= self._end


STEP = Step()
"""That of the event loop: a process serves with one."""


class Steps:
    """Those who wait for a step of long work in one event loop, the longest first."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_granting = False
        self._has_begun = False
        """Whether a step at once has begun in this turn of the loop."""

    async def next(self) -> None:
        """Return in a turn of the loop in which no other does."""
        loop = asyncio.get_running_loop()
        granted = loop.create_future()
        self._waiting.append(granted)
        if not self._is_granting:
            self._is_granting = True
            loop.call_soon(self._grant)
        await granted

    def begin_at_once(self) -> None:
        """Begin a step without waiting. All that do so in one turn of the loop share one step."""
        if not self._has_begun:
            self._has_begun = True
            asyncio.get_running_loop().call_soon(self._end)
            STEP.begin()

    def _grant(self) -> None:
        """Let the next one go on, and come again in the next turn if there are more."""
        while self._waiting:
            granted = self._waiting.popleft()
            if not granted.done():  # its task has not been cancelled
                granted.set_result(None)
                break
        self._is_granting = bool(self._waiting)
        if self._is_granting:
            asyncio.get_running_loop().call_soon(self._grant)

    def _end(self) -> None:
        self._has_begun = False


STEPS = WeakKeyDictionary[asyncio.AbstractEventLoop, Steps]()
"""Those of each event loop, as long as there is the loop."""


def steps_of_this_loop() -> Steps:
    loop = asyncio.get_running_loop()
    found = STEPS.get(loop)
    return STEPS.setdefault(loop, Steps()) if found is None else found


def begin_at_once() -> None:
    """To be called where long work may begin in a callback, such as to try whether it is short.

    What is left of the time that such work has in this turn of the loop is known by STEP.
    """
    steps_of_this_loop().begin_at_once()


async def let_others_run() -> None:
    """To be awaited before long work and between its steps; then a new step has begun.

    What others write meanwhile is sent.
    """
    await steps_of_this_loop().next()
    send_unsent()
    STEP.begin()


async def in_turns(steps: Generator[object, None, Result]) -> Result:
    """What a generator returns after all its steps; others run between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        await let_others_run()
