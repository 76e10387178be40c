"""Clocks that tests move."""

from dataclasses import dataclass

from gateway.core.long_work import STEP_SECONDS, Step


@dataclass
class HandClock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class LookClock:
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
