"""The numbers of each worker, in a file that the other workers read.

A number is written before anybody sees it, so that no counter goes down from one answer to the
next, whichever worker answers. A worker continues the sums of its predecessor.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from gateway.observe.metrics import Numbers, without_gauges

FRESH_SECONDS = 10.0
"""Older numbers are those of a worker that has ended or hangs: its gauges do not count."""

log = structlog.stdlib.get_logger("gateway.metrics")


@dataclass(slots=True)
class WorkerMetrics:
    """One worker's view: `slot` is its number, and was its predecessor's."""

    folder: str
    slot: int
    began: float
    """Unix time at which the gateway was started."""
    _fails: bool = False

    def put(self, numbers: Numbers) -> None:
        """Write this worker's numbers."""
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
        """The latest numbers of each other worker."""
        for file in Path(self.folder).glob("*.json"):
            if file != self._file:
                yield numbers_in(file)

    def before(self) -> Numbers:
        """The sums of this worker's predecessors."""
        return without_gauges(numbers_in(self._file)) if self._file.exists() else {}

    @property
    def _file(self) -> Path:
        return Path(self.folder, f"{self.slot}.json")


def numbers_in(file: Path) -> Numbers:
    """A worker's numbers, without the gauges if they are old."""
    written_at, numbers = orjson.loads(file.read_bytes())
    found: Numbers = {tuple(series): value for series, value in numbers}
    return found if time.monotonic() - written_at < FRESH_SECONDS else without_gauges(found)
