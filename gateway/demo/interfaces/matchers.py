"""filter.MatcherInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.filters import delete_matcher, filter_of, set_matcher
from gateway.demo.farm.messages import fill
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.handler import Handler


def commit(farm: Farm, request: Any, answer: Any) -> None:
    """The matcher becomes as it is given, whole."""
    set_matcher(by_id(farm.matchers, request.matcher.id), request.matcher)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    delete_matcher(farm, by_id(farm.matchers, request.matcher.id))


def get_parent_filter(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, filter=filter_of(farm, by_id(farm.matchers, request.matcher.id)))


METHODS: Mapping[str, Handler] = {
    "Commit": commit,
    "Delete": delete,
    "GetParentFilter": get_parent_filter,
}
