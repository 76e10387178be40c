"""The metrics that there always are; the counters of requests; and the sums of workers.

Each worker has its numbers in a file that the other workers read. A number is written before
anybody sees it, so that no counter goes down from one answer to the next, whichever worker answers.
A worker continues the sums of its predecessor.
"""

import operator
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import orjson
import structlog

from gateway.core.errors import Code
from gateway.core.families import FAMILIES, counter, gauge, histogram
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.processes import Worker

PREFIX = "cuebot_gateway_"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: the upper bounds of the buckets of all histograms."""
OTHER = "other"
"""The label of whatever is no method."""
PLAIN = "json"
"""The label of requests without another surface."""
CODES = {code.http_status: code.name for code in reversed(Code)}
"""By HTTP status, for pages, which have no gRPC code."""
FRESH_SECONDS = 10.0
"""Older numbers are those of a worker that has ended or hangs: its gauges do not count."""

log = structlog.stdlib.get_logger("gateway.metrics")

Series = tuple[str, ...]
"""The name of a family, without the prefix, and the values of its labels."""
Value = float | list[float]
"""A number. For a histogram: the counts of the buckets and of what is beyond, and the sum."""
Numbers = dict[Series, Value]


OWN_FAMILIES = (
    counter(
        "requests_total",
        "Requests that have been answered.",
        ("method", "status", "code", "protocol"),
    ),
    histogram("request_duration_seconds", "Time from a request's head to its whole answer."),
    histogram("upstream_duration_seconds", "Time that Cuebot took for a request's calls."),
    histogram("queue_duration_seconds", "Time that a request has waited in the gateway."),
    counter("request_bytes_total", "Bytes of request bodies, as they were sent."),
    counter("response_bytes_total", "Bytes of response bodies, as they were sent."),
    counter("shed_total", "Requests and connections that were turned away.", ("reason",)),
    counter("denied_total", "Requests that a rule of access has denied.", ("rule",)),
    gauge("upstream_up", "Whether Cuebot is connected, with every worker.", ("endpoint",), min),
    gauge(
        "upstream_hanging",
        "Whether Cuebot takes calls and does not answer.",
        ("endpoint",),
        max,
    ),
    gauge("upstream_connections", "Connections to Cuebot.", ("endpoint",)),
    gauge("catalog_generation", "Schemas that have been served so far.", together=max),
    counter("schema_refreshes_total", "Attempts to read the schema.", ("result",)),
    histogram("loop_lag_seconds", "How far the event loop was behind, 20 times a second."),
    counter("gc_collections_total", "Garbage collections.", ("generation",)),
    gauge("open_descriptors", "Open file descriptors."),
    gauge("resident_memory_bytes", "Resident memory."),
    gauge("start_time_seconds", "Unix time at which the gateway was started.", together=min),
    gauge("store_up", "Whether the shared store answers every worker.", together=min),
    counter("store_losses_total", "Times that a worker has lost the shared store."),
    gauge("workers", "Processes that serve requests."),
    gauge("build_info", "Always 1; the label has the gateway's version.", ("version",), max),
)
"""What there is without other features, in the order of the page."""


def merged(parts: Iterable[Numbers]) -> Numbers:
    """The numbers of several components, or workers."""
    whole: Numbers = {}
    for part in parts:
        for series, value in part.items():
            before = whole.get(series)
            if isinstance(before, list) and isinstance(value, list):
                whole[series] = [*map(operator.add, before, value)]
            elif before is None or isinstance(before, list) or isinstance(value, list):
                whole[series] = value
            else:
                whole[series] = FAMILIES[series[0]].together(before, value)
    return whole


def without_gauges(numbers: Numbers) -> Numbers:
    """The numbers of a worker that outlive it."""
    return {
        series: value for series, value in numbers.items() if FAMILIES[series[0]].kind != "gauge"
    }


def no_durations() -> list[float]:
    """An empty histogram."""
    return [0.0] * (len(BOUNDS) + 2)


class RequestCounters(Interceptor):
    """Counts finished requests. Has to be cheap.

    `method_at` gives the native method at a path, or "".
    """

    def __init__(self, method_at: Callable[[str], str]) -> None:
        self._method_at = method_at
        self._answers: dict[tuple[str, int, Code | None, str], int] = {}
        self._denied: dict[str, int] = {}
        self._took = no_durations()
        self._with_cuebot = no_durations()
        self._waited = no_durations()
        self._bytes_in = self._bytes_out = 0

    def end(self, context: RequestContext) -> None:
        request, response, call = context.request, context.response, context.call
        method, status = call.rpc or self._method_at(request.path), response.status
        code, protocol = response.code, PLAIN
        if context.surface is not None:
            protocol = context.surface.name
            if status == 200 and code is not None:
                status = code.http_status  # surfaces may send errors with 200
        key = method, status, code, protocol
        try:
            self._answers[key] += 1
        except KeyError:
            self._answers[key] = 1
        # The same lines three times: a function would double the cost of all this.
        asked = context.waiting.as_asked
        seconds = monotonic() - request.started - asked
        durations = self._took
        durations[bisect_left(BOUNDS, seconds)] += 1
        durations[-1] += seconds
        seconds = context.waiting.seconds - asked
        durations = self._waited
        if seconds > 0:
            durations[bisect_left(BOUNDS, seconds)] += 1
            durations[-1] += seconds
        else:
            durations[0] += 1
        seconds = call.with_cuebot
        if seconds > 0:
            durations = self._with_cuebot
            durations[bisect_left(BOUNDS, seconds)] += 1
            durations[-1] += seconds
        self._bytes_in += context.body.size
        self._bytes_out += response.bytes_out
        if call.denied is not None:
            rule = call.denied.by
            self._denied[rule] = self._denied.get(rule, 0) + 1

    def numbers(self) -> Numbers:
        found: Numbers = {
            ("request_duration_seconds",): [*self._took],
            ("upstream_duration_seconds",): [*self._with_cuebot],
            ("queue_duration_seconds",): [*self._waited],
            ("request_bytes_total",): self._bytes_in,
            ("response_bytes_total",): self._bytes_out,
        }
        for (method, status, code, protocol), count in self._answers.items():
            name = code_of(status) if code is None else code.name
            found["requests_total", method or OTHER, str(status), name, protocol] = count
        for rule, count in self._denied.items():
            found["denied_total", rule] = count
        return found


def code_of(status: int) -> str:
    """The gRPC name of a page's status."""
    return "OK" if status < 400 else CODES.get(status, "UNKNOWN")


@dataclass(slots=True)
class WorkerMetrics:
    """One worker's view."""

    worker: Worker
    _fails: bool = False

    def put(self, numbers: Numbers) -> None:
        file, new = self._file, f"{self._file}.new"
        content = orjson.dumps([monotonic(), list(numbers.items())])
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
        for file in Path(self.worker.folder).glob("*.json"):
            if file != self._file:
                yield numbers_in(file)

    def before(self) -> Numbers:
        """The sums of this worker's predecessors."""
        return without_gauges(numbers_in(self._file)) if self._file.exists() else {}

    @property
    def _file(self) -> Path:
        return Path(self.worker.folder, f"{self.worker.slot}.json")


def numbers_in(file: Path) -> Numbers:
    """A worker's numbers, without the gauges if they are old."""
    written_at, numbers = orjson.loads(file.read_bytes())
    found: Numbers = {tuple(series): value for series, value in numbers}
    return found if monotonic() - written_at < FRESH_SECONDS else without_gauges(found)
