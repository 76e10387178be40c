"""Clocks that tests move."""

from dataclasses import dataclass

from gateway.long_work import STEP_SECONDS, Step


@dataclass
class HandClock:
    """A clock that stands still until somebody sets it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class LookClock:
    """A clock that goes on whenever it is looked at."""

    each: float
    now: float = 0.0
    looks: int = 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += self.each
        return self.now


def step_of(looks: int) -> Step:
    """A step that is over after so many looks at the clock."""
    return Step(LookClock(STEP_SECONDS / (looks - 0.5)))
