"""limit.LimitInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill
from gateway.demo.farm.state import Farm, by_id, by_name
from gateway.demo.interfaces.handler import Handler


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    answer.limits.extend(sorted(farm.limits.values(), key=lambda limit: limit.name))


def find_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=by_name(farm.limits, request.name))


def get_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=by_id(farm.limits, request.id))


METHODS: Mapping[str, Handler] = {
    "Find": find_limit,
    "Get": get_limit,
    "GetAll": get_limits,
}
