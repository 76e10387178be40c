"""The farm's time, and what is due when."""

import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

import structlog

log = structlog.stdlib.get_logger("cuebot_simulator")

Clock: TypeAlias = Callable[[], float]

Step: TypeAlias = Callable[[], None]


class StoppedClock:
    """A clock that only `advance` moves, for tests."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass. The farm notices at its next call, or in `catch_up`."""
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
        """The Unix time; in a step, the time for which it was planned."""
        return self._clock() if self._now is None else self._now

    def after(self, seconds: float, step: Step) -> None:
        """Plan a step. Of two at the same time, the one planned earlier is first."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), step))

    @property
    def is_stopped(self) -> bool:
        return isinstance(self._clock, StoppedClock)

    @property
    def late(self) -> float:
        """Seconds since the first step became due; 0 if none is."""
        return max(self._clock() - self._due[0][0], 0) if self._due else 0

    def shift(self, seconds: float) -> None:
        self._due = [(when + seconds, order, step) for when, order, step in self._due]

    def catch_up(self, most: int | None = None) -> bool:
        """Do what is due, at most `most` steps. True if that was all of it.

        An exception of a step is logged, and the next step follows.
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
                name = getattr(getattr(step, "func", step), "__qualname__", "")
                log.exception("a step of the farm failed", step=name, exc_info=error)
            finally:
                self._now = None
            done += 1
        return True
