"""What metrics are called, and what they count: families, as Prometheus has them.

Features declare theirs (`Feature.families`) and have their numbers (`Feature.numbers`), whether or
not anybody shows them.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple


class Family(NamedTuple):
    """One metric, without the prefix."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    together: Callable[[float, float], float] = operator.add
    """How the gauges of two workers are merged."""


counter, gauge = partial(Family, "counter"), partial(Family, "gauge")
histogram = partial(Family, "histogram")

FAMILIES: dict[str, Family] = {}
"""Those of all features, by name, in the order of the page."""
