"""The pages of features: no feature hides another one's by mistake."""

from collections.abc import Iterable
from typing import Any

from starlette.routing import Route

from gateway.core.errors import ConfigurationError
from gateway.core.starting import added


def routes_of(features: Iterable[Any]) -> list[Route]:
    """The pages of all features, in their order, in which the first that fits a path answers.

    Raises ConfigurationError, a line for each page that another feature answers, unless that comes
    right `before` to do so.
    """
    found: list[tuple[Any, Route]] = []
    problems = []
    for feature in features:
        own = [*added([feature], "routes")]
        problems += [
            f"the feature {feature.name!r} has the page {route.path}, which {other.name!r} answers"
            f" ({earlier.path})"
            for route in own
            for other, earlier in found
            if other.before != feature.name and is_hidden(route, earlier)
        ]
        found += ((feature, route) for route in own)
    if problems:
        raise ConfigurationError(*problems)
    return [route for _, route in found]


def is_hidden(route: Route, earlier: Route) -> bool:
    """Whether an earlier one fits its path, whatever is in its parameters, and one of its methods.

    A route without methods is for all.
    """
    if not (earlier.path == route.path or earlier.path_regex.match(route.path)):
        return False
    return not (earlier.methods and route.methods and earlier.methods.isdisjoint(route.methods))
