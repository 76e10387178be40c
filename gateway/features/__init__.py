"""The features, in the order of a request.

Each is a folder, and its two lines here. The order is that of interceptors, of options in query
strings, and of ways of asking for a call where two are asked for.
"""

from graphlib import TopologicalSorter
from typing import Any

from gateway.feature import Feature
from gateway.features.access import Access
from gateway.features.names import Names
from gateway.features.object_rights import ObjectRights
from gateway.features.views import Views
from gateway.features.watch import Watch

FEATURES: tuple[type[Feature], ...] = (
    Access,
    ObjectRights,
    Names,
    Watch,
    Views,
)


def extensions_of(feature: type) -> tuple[Any, ...]:
    """What features add to one that they need, in their order."""
    return tuple(each.extends[feature] for each in FEATURES if feature in each.extends)


def needed_first() -> tuple[type[Feature], ...]:
    """The features, each after those that it needs."""
    return tuple(TopologicalSorter({each: each.needs for each in FEATURES}).static_order())
