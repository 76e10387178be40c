"""The farm's time, and what is due when."""

import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Gives the Unix time in seconds."""

Step: TypeAlias = Callable[[], None]
"""Something that happens."""


class StoppedClock:
    """A clock that moves only when it is told to, for tests."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let this many seconds pass. The farm notices at its next call, or in `catch_up`."""
        self.now += seconds


class Agenda:
    """What will happen on the farm, in order of time. Nothing happens outside `catch_up`."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Step]] = []
        self._order = count()
        self._now: float | None = None

    @property
    def now(self) -> float:
        """The Unix time; in a step, the time for which it was noted."""
        return self._clock() if self._now is None else self._now

    def after(self, seconds: float, step: Step) -> None:
        """Do this so many seconds from now. Of two at the same time, the earlier noted is first."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), step))

    def at_once(self, step: Step) -> None:
        """Do this next, before whatever else is due now."""
        heapq.heappush(self._due, (self.now, -next(self._order), step))

    def catch_up(self, most: int | None = None) -> bool:
        """Do what is due, at most so many steps; whether that was all of it."""
        end, done = self._clock(), 0
        while self._due and self._due[0][0] <= end:
            if most is not None and done >= most:
                return False
            when, _, step = heapq.heappop(self._due)
            self._now = when
            try:
                step()
            finally:
                self._now = None
            done += 1
        return True
