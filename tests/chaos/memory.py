"""A process's memory over time: what it was in each minute, and whether it goes on growing."""

import csv
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

SHORTEST = 20
"""Minutes of a second half in which growth can be told from what comes and goes, and from what is
remembered up to a bound: under load, that takes a quarter of an hour."""
HEADS = ("minute", "MB")


class Memory:
    """MB of resident memory, by the minute since the beginning: medians of what has been noted."""

    def __init__(self, noted: Sequence[tuple[float, float]] = ()) -> None:
        self._noted: dict[int, list[float]] = {}
        for minute, megabytes in noted:
            self.note(minute, megabytes)

    def note(self, minute: float, megabytes: float) -> None:
        self._noted.setdefault(int(minute), []).append(megabytes)

    @property
    def by_minute(self) -> list[tuple[int, float]]:
        return [(minute, median(some)) for minute, some in sorted(self._noted.items())]

    @property
    def second_half(self) -> list[tuple[int, float]]:
        whole = self.by_minute
        return [each for each in whole if each[0] > whole[-1][0] / 2]

    @property
    def growth(self) -> float | None:
        """MB a minute in the second half, if long enough to tell: the median slope (Theil, Sen)."""
        half = self.second_half
        if len(half) < SHORTEST:
            return None
        return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(half, 2))

    def write(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            rows = ((minute, f"{megabytes:.1f}") for minute, megabytes in self.by_minute)
            csv.writer(file, lineterminator="\n").writerows([HEADS, *rows])


def read_memory(path: Path) -> Memory:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return Memory([(float(minute), float(megabytes)) for minute, megabytes in rows])
