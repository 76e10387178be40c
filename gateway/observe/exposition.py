"""Numbers in Prometheus' formats (https://prometheus.io/docs/instrumenting/exposition_formats/).

A module of its own, because importing prometheus_client takes 40 ms.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from gateway.observe.metrics import BOUNDS, FAMILIES, PREFIX, Family, Numbers, Value

BUCKETS = [*map(floatToGoString, BOUNDS), "+Inf"]


class NumbersCollector(Collector):
    """Numbers as Prometheus' families."""

    def __init__(self, numbers: Numbers) -> None:
        self._found: dict[str, list[tuple[tuple[str, ...], Value]]] = {}
        for (name, *labels), value in numbers.items():
            self._found.setdefault(name, []).append((tuple(labels), value))

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES.values():
            if family.name in self._found:
                yield metric(family, sorted(self._found[family.name]))


def metric(family: Family, samples: Iterable[tuple[tuple[str, ...], Value]]) -> Metric:
    """A family with its samples: the values of the labels, and the number."""
    name, labels = PREFIX + family.name, family.labels
    if family.kind == "histogram":
        shown = HistogramMetricFamily(name, family.help, labels=labels)
        for values, numbers in samples:
            assert isinstance(numbers, list)
            *counts, total = numbers
            shown.add_metric(values, [*zip(BUCKETS, accumulate(counts), strict=True)], total)
        return shown
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    plain = kind(name, family.help, labels=labels)
    for values, number in samples:
        assert not isinstance(number, list)
        plain.add_metric(values, number)
    return plain


def exposition(numbers: Numbers, accept: str) -> tuple[bytes, str]:
    """The numbers in the format that an Accept header asks for, and its media type."""
    registry = CollectorRegistry()
    registry.register(NumbersCollector(numbers))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
