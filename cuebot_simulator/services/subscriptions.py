"""subscription.SubscriptionInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import count_subscription, not_changed
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id

MOST_CORES = 2**31 // 100
"""More do not fit, in hundredths, into an int32."""


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
    raise java_exception(
        "com.imageworks.spcue.EntityNotFoundException",
        f"A subscription to {request.name} was not found.",
    )


def get_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.id)
    fill(answer, subscription=count_subscription(farm, subscription))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.subscription.id)
    if farm.reserved[subscription.show_name, subscription.allocation_name] > 0:
        raise not_changed("You cannot delete a subscription with running procs")
    del farm.subscriptions[subscription.id]


def set_size(farm: Farm, request: Any, answer: Any) -> None:
    """The request has whole cores; all answers have hundredths."""
    fill(
        by_id(farm.subscriptions, request.subscription.id),
        size=whole_units(request.new_size),
    )


def set_burst(farm: Farm, request: Any, answer: Any) -> None:
    """The request has whole cores; all answers have hundredths."""
    fill(
        by_id(farm.subscriptions, request.subscription.id),
        burst=whole_units(request.burst),
    )


def whole_units(cores: int) -> int:
    """Hundredths of cores. -1 stays."""
    return -1 if cores == -1 else max(min(cores, MOST_CORES), -MOST_CORES) * 100


METHODS: Mapping[str, Handler] = {
    "Delete": delete,
    "Find": find_subscription,
    "Get": get_subscription,
    "SetBurst": set_burst,
    "SetSize": set_size,
}
