"""filter.MatcherInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.filters import delete_matcher, filter_of, set_matcher
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


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
