"""The metrics of one worker, and of all of them together."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterable

from gateway import __version__
from gateway.observe.component_gauges import Source, process_numbers
from gateway.observe.metric_families import BOUNDS, Numbers, merged
from gateway.observe.request_counters import RequestCounters, no_durations
from gateway.observe.worker_metrics import WorkerMetrics

SHOW_EVERY = 1.0
"""Seconds between two times that a worker shows its numbers to the others."""


class Metrics:
    """All numbers. With `worker_metrics`, there are other workers."""

    def __init__(
        self,
        requests: RequestCounters,
        sources: Iterable[Source],
        worker_metrics: WorkerMetrics | None,
    ) -> None:
        self.requests = requests
        self._lag = no_durations()
        self._worker_metrics = worker_metrics
        self._before = {} if worker_metrics is None else worker_metrics.before()
        self._own: Numbers = {
            ("start_time_seconds",): time.time()
            if worker_metrics is None
            else worker_metrics.began,
            ("workers",): 1,
            ("build_info", __version__): 1,
        }
        self._sources = (requests.numbers, process_numbers, *sources)

    def observe(self, lag: float) -> None:
        """The event loop is so many seconds behind."""
        lag = max(lag, 0.0)  # a timer may be early
        self._lag[bisect_left(BOUNDS, lag)] += 1
        self._lag[-1] += lag

    def own(self) -> Numbers:
        """The numbers of this worker, and of those that it has replaced."""
        lag: Numbers = {("loop_lag_seconds",): [*self._lag]}
        return merged((self._before, self._own, lag, *(each() for each in self._sources)))

    def all(self) -> Numbers:
        """The numbers of all workers together."""
        own, worker_metrics = self.own(), self._worker_metrics
        if worker_metrics is None:
            return own
        worker_metrics.put(own)
        return merged((own, *worker_metrics.others()))

    async def run(self) -> None:
        """Show the others the numbers of this worker again and again, until cancelled."""
        if self._worker_metrics is None:
            return
        try:
            while True:
                self._worker_metrics.put(self.own())
                await asyncio.sleep(SHOW_EVERY)
        finally:
            self._worker_metrics.put(self.own())
