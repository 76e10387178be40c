"""Cooperative scheduling of long work: steps limited by time, one step per turn of the event loop.

Rows differ in cost with the client's request and Cuebot's answer, so steps are bounded by the
clock and not by a row count. All long work waits in one queue: other callbacks wait for one step
at most, however many clients there are.
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
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._end = clock()

    def begin(self) -> None:
        self._end = self.clock() + STEP_SECONDS

    def is_over(self) -> bool:
        """Check between any two items whose number or cost a client decides. Takes 0.1 µs."""
        return self.clock() >= self._end


STEP = Step()


class Steps:
    """A FIFO queue for steps of long work on one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_granting = False
        self._has_begun = False
        """Whether `begin_at_once` has been called in this turn of the loop."""

    async def next(self) -> None:
        """Wait for a turn of the loop that no other long work has."""
        loop = asyncio.get_running_loop()
        granted = loop.create_future()
        self._waiting.append(granted)
        if not self._is_granting:
            self._is_granting = True
            loop.call_soon(self._grant)
        await granted

    def begin_at_once(self) -> None:
        """Begin a step without waiting. All such callers in one turn of the loop share one step."""
        if not self._has_begun:
            self._has_begun = True
            asyncio.get_running_loop().call_soon(self._end)
            STEP.begin()

    def _grant(self) -> None:
        while self._waiting:
            granted = self._waiting.popleft()
            if not granted.done():  # not cancelled
                granted.set_result(None)
                break
        self._is_granting = bool(self._waiting)
        if self._is_granting:
            asyncio.get_running_loop().call_soon(self._grant)

    def _end(self) -> None:
        self._has_begun = False


STEPS = WeakKeyDictionary[asyncio.AbstractEventLoop, Steps]()


def steps_of_this_loop() -> Steps:
    loop = asyncio.get_running_loop()
    found = STEPS.get(loop)
    return STEPS.setdefault(loop, Steps()) if found is None else found


def begin_at_once() -> None:
    """Begin a step in a callback, for instance to try whether the work is short."""
    steps_of_this_loop().begin_at_once()


async def let_others_run() -> None:
    """Await before long work and between its steps: sends pending writes, begins a new step."""
    await steps_of_this_loop().next()
    send_unsent()
    STEP.begin()


async def in_turns(steps: Generator[object, None, Result]) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        await let_others_run()
