"""Cooperative scheduling of long work: steps limited by time, one step per turn of the event loop.

Rows differ in cost with the client's request and Cuebot's answer, so steps are bounded by the
clock and not by a row count. All long work waits in one queue: other callbacks wait for one step
at most, however many clients there are.

Work that no client waits for has a queue of its own. Its steps are short, and some turns of the
loop lie between two of them, so that a request can come and go.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from time import monotonic
from typing import NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from gateway.core.write_buffer import send_unsent

STEP_SECONDS = 0.002
BACKGROUND_STEP_SECONDS = 0.00025
TURNS_FOR_OTHERS = 4
"""Of the event loop, between two steps in the background: a small request takes some three before
its call to Cuebot, and as many after it."""
Result = TypeVar("Result")


class Step:
    def __init__(
        self, clock: Callable[[], float] = monotonic, seconds: float = STEP_SECONDS
    ) -> None:
        self.clock = clock
        self._seconds = seconds
        self._end = clock()

    def begin(self) -> None:
        self._end = self.clock() + self._seconds

    def is_over(self) -> bool:
        """Check between any two items whose number or cost a client decides. Takes 0.1 µs."""
        return self.clock() >= self._end


STEP = Step()
BACKGROUND_STEP = Step(seconds=BACKGROUND_STEP_SECONDS)


class Steps:
    """A FIFO queue for steps of long work on one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_granting = False
        self._has_begun = False
        """Whether `begin_at_once` has been called in this turn of the loop."""
        self._background = asyncio.Lock()

    async def next(self) -> None:
        """Wait for a turn of the loop that no other long work has."""
        loop = asyncio.get_running_loop()
        granted = loop.create_future()
        self._waiting.append(granted)
        if not self._is_granting:
            self._is_granting = True
            loop.call_soon(self._grant)
        await granted

    async def next_in_background(self) -> None:
        """The same for work that can wait: one after the other."""
        async with self._background:
            await self.next_after_others()

    async def next_after_others(self) -> None:
        """`next` after turns without a step; or in turn with other long work that waits."""
        for _ in range(TURNS_FOR_OTHERS):
            if self._is_granting:
                break
            await asyncio.sleep(0)
        await self.next()

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


async def give_way() -> None:
    """`let_others_run` for work that no client waits for, in steps of BACKGROUND_STEP."""
    await steps_of_this_loop().next_in_background()
    send_unsent()
    BACKGROUND_STEP.begin()


async def give_way_briefly() -> None:
    """`give_way` for a task that has to get on, however much work is in the background."""
    await steps_of_this_loop().next_after_others()
    send_unsent()
    BACKGROUND_STEP.begin()


class Pace(NamedTuple):
    step: Step
    wait: Callable[[], Awaitable[None]]
    """Await before the work and between its steps."""


FOREGROUND = Pace(STEP, let_others_run)
BACKGROUND = Pace(BACKGROUND_STEP, give_way)
CHECKS = Pace(BACKGROUND_STEP, give_way_briefly)
"""Of rights, which are lost at once. Only one task has this pace."""


async def in_turns(
    steps: Generator[object, None, Result], wait: Callable[[], Awaitable[None]] = let_others_run
) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        await wait()
