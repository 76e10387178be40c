"""The farm's time, and what is due when."""

import heapq
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TypeAlias

import structlog

log = structlog.stdlib.get_logger("cuebot_simulator")

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

    @property
    def is_stopped(self) -> bool:
        """Whether the clock moves only when it is told to."""
        return isinstance(self._clock, StoppedClock)

    @property
    def late(self) -> float:
        """Seconds since the first of what is due should have happened; 0 if nothing is due."""
        return max(self._clock() - self._due[0][0], 0) if self._due else 0

    def shift(self, seconds: float) -> None:
        """Let everything happen so much later than it was noted for."""
        self._due = [(when + seconds, order, step) for when, order, step in self._due]

    def catch_up(self, most: int | None = None) -> bool:
        """Do what is due, at most so many steps; whether that was all of it.

        What a step raises is logged, and the next one follows.
        """
        end, done = self._clock(), 0
        while self._due and self._due[0][0] <= end:
            if most is not None and done >= most:
                return False
            when, _, step = heapq.heappop(self._due)
            self._now = when
            try:
                step()
            except Exception as error:
                log.exception("a step of the farm failed", step=name_of(step), exc_info=error)
            finally:
                self._now = None
            done += 1
        return True


def name_of(step: Step) -> str:
    """What a step does, by the name of its function."""
    function = step.func if isinstance(step, partial) else step
    return str(getattr(function, "__qualname__", function))
