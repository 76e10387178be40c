"""What is measured: the name, kind, labels and meaning of each metric, and how numbers add up."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

PREFIX = "cuebot_gateway_"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: the upper bounds of the buckets of all histograms."""

Series = tuple[str, ...]
"""The name of a family, without the prefix, and the values of its labels."""
Value = float | list[float]
"""A number; of a histogram how many were in each bucket and beyond all of them, and their sum."""
Numbers = dict[Series, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric, without the prefix."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["counter", "gauge", "histogram"] = "gauge"
    together: Callable[[float, float], float] = operator.add
    """What the gauges of two workers are together."""

    def add(self, one: Value, other: Value) -> Value:
        """What two workers' values are together."""
        if isinstance(one, list) and isinstance(other, list):
            return list(map(operator.add, one, other))
        assert not isinstance(one, list)
        assert not isinstance(other, list)
        return self.together(one, other)


def counter(name: str, text: str, *labels: str) -> Family:
    """A family of numbers that only go up."""
    return Family(name=name, help=text, labels=labels, kind="counter")


def histogram(name: str, text: str) -> Family:
    """A family of durations in seconds, by BOUNDS."""
    return Family(name=name, help=text, kind="histogram")


def gauge(
    name: str, text: str, *labels: str, together: Callable[[float, float], float] = operator.add
) -> Family:
    """A family of numbers that go up and down."""
    return Family(name=name, help=text, labels=labels, together=together)


FAMILIES = {
    each.name: each
    for each in (
        counter("requests_total", "Requests that have been answered.", "method", "status", "code"),
        histogram("request_duration_seconds", "Time from a request's head to its whole answer."),
        histogram("upstream_duration_seconds", "Time that Cuebot took for a request's calls."),
        histogram("queue_duration_seconds", "Time that a request has waited in the gateway."),
        counter("request_bytes_total", "Bytes of request bodies, as they were sent."),
        counter("response_bytes_total", "Bytes of response bodies, as they were sent."),
        gauge("requests_in_flight", "Requests that have one of the MAX_IN_FLIGHT slots."),
        counter("shed_total", "Requests and connections that were turned away.", "reason"),
        counter("rate_limited_total", "Requests over the rate limit."),
        counter("auth_failures_total", "Requests without a valid token.", "reason"),
        counter("denied_total", "Requests that a rule of access has denied.", "rule"),
        gauge(
            "upstream_up",
            "Whether Cuebot is connected, with every worker.",
            "endpoint",
            together=min,
        ),
        gauge(
            "upstream_hanging",
            "Whether Cuebot takes calls and does not answer.",
            "endpoint",
            together=max,
        ),
        gauge("upstream_connections", "Connections to Cuebot.", "endpoint"),
        gauge("catalog_generation", "Schemas that have been served so far.", together=max),
        counter("schema_refreshes_total", "Attempts to read the schema.", "result"),
        histogram("loop_lag_seconds", "How far the event loop was behind, 20 times a second."),
        counter("gc_collections_total", "Garbage collections.", "generation"),
        gauge("open_descriptors", "Open file descriptors."),
        gauge("resident_memory_bytes", "Resident memory."),
        gauge("start_time_seconds", "Unix time at which the gateway was started.", together=min),
        gauge(
            "audit_lag_seconds",
            "How long the oldest unwritten audit line has waited.",
            together=max,
        ),
        counter("audit_dropped_total", "Audit lines that were given up."),
        gauge("store_up", "Whether the shared store answers every worker.", together=min),
        counter("store_losses_total", "Times that a worker has lost the shared store."),
        counter("store_bypassed_total", "Requests counted, or refused, without the shared store."),
        gauge("workers", "Processes that serve requests."),
        gauge(
            "build_info", "Always 1; the label has the gateway's version.", "version", together=max
        ),
    )
}
"""By name, in the order in which they are shown."""


def merged(parts: Iterable[Numbers]) -> Numbers:
    """The numbers of several parts, or workers, together."""
    whole: Numbers = {}
    for part in parts:
        for series, value in part.items():
            before = whole.get(series)
            whole[series] = value if before is None else FAMILIES[series[0]].add(before, value)
    return whole


def lasting(numbers: Numbers) -> Numbers:
    """What stays of a worker's numbers when it has ended: all but the gauges."""
    return {
        series: value for series, value in numbers.items() if FAMILIES[series[0]].kind != "gauge"
    }
