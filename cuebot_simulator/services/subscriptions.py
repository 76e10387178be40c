"""subscription.SubscriptionInterface."""

from collections.abc import Mapping
from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import count_subscription, not_changed
from cuebot_simulator.world.failures import Refusal, java_exception
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def find_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """By name: `facility.allocation.show`."""
    parts = request.name.split(".", 2)
    if len(parts) < 3:
        raise java_exception(
            "com.imageworks.spcue.CueGrpcException",
            "Subscription names must be in the form of alloc.show",
        )
    place, show = f"{parts[0]}.{parts[1]}", parts[2]
    for subscription in farm.subscriptions.values():
        if (subscription.allocation_name, subscription.show_name) == (place, show):
            fill(answer, subscription=count_subscription(farm, subscription))
            return
    raise Refusal(f"A subscription to {request.name} was not found.", StatusCode.NOT_FOUND)


def get_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.id)
    fill(answer, subscription=count_subscription(farm, subscription))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.subscription.id)
    if farm.reserved[subscription.show_name, subscription.allocation_name] > 0:
        raise not_changed("You cannot delete a subscription with running procs")
    farm.disown(subscription.id)
    del farm.subscriptions[subscription.id]


def set_size(farm: Farm, request: Any, answer: Any) -> None:
    """In hundredths of cores, other than when a subscription is made."""
    fill(by_id(farm.subscriptions, request.subscription.id), size=request.new_size)


def set_burst(farm: Farm, request: Any, answer: Any) -> None:
    """In hundredths of cores, other than when a subscription is made."""
    fill(by_id(farm.subscriptions, request.subscription.id), burst=request.burst)


METHODS: Mapping[str, Handler] = {
    "Delete": delete,
    "Find": find_subscription,
    "Get": get_subscription,
    "SetBurst": set_burst,
    "SetSize": set_size,
}
