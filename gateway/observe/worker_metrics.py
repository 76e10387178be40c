"""Where the workers of one gateway show each other their numbers: a file for each, in memory.

A number that has been shown to anybody has been written before, so that no counter goes down from
one answer to the next, whichever worker gives it, and whether the others are alive or not. A
worker's successor goes on with its predecessor's sums.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from gateway.observe.metric_families import Numbers, lasting

FRESH = 10.0
"""Seconds after which numbers that have not been renewed are those of a worker that has ended, or
hangs: its gauges do not count any more."""

log = structlog.stdlib.get_logger("gateway.metrics")


@dataclass(slots=True)
class WorkerMetrics:
    """One worker's view: `slot` is its own number, the same as its predecessor's."""

    folder: str
    slot: int
    began: float
    """Unix time at which the gateway was started."""
    _fails: bool = False

    def put(self, numbers: Numbers) -> None:
        """Show the worker's own numbers to the others."""
        file, new = self._file, f"{self._file}.new"
        content = orjson.dumps([time.monotonic(), list(numbers.items())])
        try:
            Path(new).write_bytes(content)
            os.replace(new, file)
        except OSError as error:
            if not self._fails:
                log.warning("a worker cannot show its numbers in /metrics", reason=error.strerror)
            self._fails = True
        else:
            self._fails = False

    def others(self) -> Iterator[Numbers]:
        """The latest numbers of each of the other workers."""
        for file in Path(self.folder).glob("*.json"):
            if file != self._file:
                yield numbers_in(file)

    def before(self) -> Numbers:
        """What the predecessors of this worker have counted."""
        return lasting(numbers_in(self._file)) if self._file.exists() else {}

    @property
    def _file(self) -> Path:
        return Path(self.folder, f"{self.slot}.json")


def numbers_in(file: Path) -> Numbers:
    """What is in a worker's file; of one that is not renewed any more, only what lasts."""
    shown_at, numbers = orjson.loads(file.read_bytes())
    found: Numbers = {tuple(series): value for series, value in numbers}
    return found if time.monotonic() - shown_at < FRESH else lasting(found)
