"""subscription.SubscriptionInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill
from gateway.demo.farm.sharing import (
    count_subscription,
)
from gateway.demo.farm.state import Farm, by_id, by_name
from gateway.demo.interfaces.handler import Handler


def find_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """By name: `facility.allocation.show`."""
    subscription = by_name(farm.subscriptions, request.name)
    fill(answer, subscription=count_subscription(farm, subscription))


def get_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.id)
    fill(answer, subscription=count_subscription(farm, subscription))


METHODS: Mapping[str, Handler] = {
    "Find": find_subscription,
    "Get": get_subscription,
}
