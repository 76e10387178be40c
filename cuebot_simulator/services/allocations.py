"""facility.FacilityInterface, facility.AllocationInterface and subscription.SubscriptionInterface.

FacilityInterface/GetAllocations is missing: the real Cuebot has no code for it either.
"""

import re
from collections.abc import Sequence
from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.criteria import find_hosts
from cuebot_simulator.services.handlers import Methods, requested, setter
from cuebot_simulator.world import allocations
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_allocation, add_facility
from cuebot_simulator.world.refusals import (
    MODIFICATION_CLASS,
    JavaException,
    Missing,
    Refusal,
    check_length,
    duplicate,
    illegal_argument,
    still_used,
)
from cuebot_simulator.world.state import Farm, by_id, by_id_or_name, by_name

FULL_NAME = re.compile(r"\w+\.(\w+)", re.ASCII)
SHORT_NAME = re.compile(r"\w+", re.ASCII)
LONGEST_NAME, LONGEST_TAG = 36, 24

# Facilities.


def get_facility(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, facility=by_id_or_name(farm.facilities, request.name))


def create_facility(farm: Farm, request: Any, answer: Any) -> None:
    """One of a taken name is made, too; but then Cuebot looks for it, and finds two."""
    check_length(request.name, LONGEST_NAME)
    add_facility(farm, request.name)
    fill(answer, facility=by_name(farm.facilities, request.name))


def rename(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id_or_name(farm.facilities, request.facility.name)
    check_length(request.new_name, LONGEST_NAME)
    allocations.rename_facility(farm, facility, request.new_name)


def delete_facility(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id_or_name(farm.facilities, request.name)
    for kind, things in (("allocation", farm.allocations), ("job", farm.jobs)):
        if any(thing.facility == facility.name for thing in things.values()):
            raise still_used("facility", kind)
    del farm.facilities[facility.id]


FACILITY_METHODS: Methods = {
    "Create": create_facility,
    "Delete": delete_facility,
    "Get": get_facility,
    "Rename": rename,
}

# Allocations.


def short_name(name: str) -> str:
    """An allocation's name without its facility's: `general` for `local.general`."""
    full = FULL_NAME.fullmatch(name)
    return full[1] if full else name


def detail_of(farm: Farm, allocation: Any) -> Any:
    """The allocation that a request means by facility and name, not by id. Raises Missing."""
    name = f"{allocation.facility}.{short_name(allocation.name)}"
    return by_name(farm.allocations, name)


def get_allocations(farm: Farm, request: Any, answer: Any) -> None:
    counted = (allocations.count_allocation(farm, each) for each in farm.allocations.values())
    answer.allocations.allocations.extend(sorted(counted, key=lambda each: each.name))


def find_allocation(farm: Farm, request: Any, answer: Any) -> None:
    found = by_name(farm.allocations, request.name)
    fill(answer, allocation=allocations.count_allocation(farm, found))


def get_allocation(farm: Farm, request: Any, answer: Any) -> None:
    """As in Cuebot, the request's `id` is a name."""
    found = by_name(farm.allocations, request.id)
    fill(answer, allocation=allocations.count_allocation(farm, found))


def create_allocation(farm: Farm, request: Any, answer: Any) -> None:
    """One that exists is enabled again, Cuebot thinks; but then it fails to find it."""
    facility = by_id_or_name(farm.facilities, request.facility.name)
    name = f"{facility.name}.{short_name(request.name)}"
    if any(existing.name == name for existing in farm.allocations.values()):
        raise Missing
    check_length(name, LONGEST_NAME)
    check_length(request.tag, LONGEST_TAG)
    allocation = add_allocation(farm, facility, name, request.tag)
    fill(answer, allocation=allocations.count_allocation(farm, allocation))


def delete_allocation(farm: Farm, request: Any, answer: Any) -> None:
    allocations.remove_allocation(farm, detail_of(farm, request.allocation))


def find_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    """As in Cuebot, the allocation's `id` is a name."""
    criteria = type(request.r)()
    criteria.CopyFrom(request.r)
    criteria.allocs.append(request.allocation.id)
    answer.hosts.hosts.extend(find_hosts(farm, criteria))


def get_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    """The hosts of an allocation; none if it does not exist."""
    answer.hosts.SetInParent()
    if allocation := farm.allocations.get(request.allocation.id):
        answer.hosts.hosts.extend(allocations.hosts_in(farm, allocation))


def get_allocation_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    """The subscriptions to an allocation; none if it does not exist."""
    answer.subscriptions.SetInParent()
    if allocation := farm.allocations.get(request.allocation.id):
        answer.subscriptions.subscriptions.extend(
            allocations.subscriptions_where(
                farm, lambda each: each.allocation_name == allocation.name
            )
        )


def reparent_hosts(farm: Farm, request: Any, answer: Any) -> None:
    hosts = [host.id for host in request.hosts.hosts]
    enqueue(farm, move_hosts, request.allocation.id, hosts)


def move_hosts(farm: Farm, allocation_id: str, host_ids: Sequence[str]) -> None:
    """Move hosts into an allocation, up to the first that cannot be moved."""
    try:
        allocation = by_id(farm.allocations, allocation_id)
        for host in host_ids:
            allocations.move_host(farm, by_id(farm.hosts, host), allocation)
    except (Missing, Refusal):
        return  # the call has been answered


def set_billable(farm: Farm, request: Any, answer: Any) -> None:
    fill(detail_of(farm, request.allocation), billable=request.value)


def set_name(farm: Farm, request: Any, answer: Any) -> None:
    """The new name is without the facility's."""
    allocation = detail_of(farm, request.allocation)
    if not SHORT_NAME.fullmatch(request.name):
        raise illegal_argument(
            "The new allocation namemust be alpha numeric and not contain the facility prefix."
        )
    name = f"{allocation.name.partition('.')[0]}.{request.name}"
    if any(each.name == name and each is not allocation for each in farm.allocations.values()):
        raise duplicate(f"allocation of the name {name}")
    allocations.rename_allocation(farm, allocation, name)


def set_tag(farm: Farm, request: Any, answer: Any) -> None:
    allocations.retag_allocation(farm, detail_of(farm, request.allocation), request.tag)


def get_default(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(farm.allocations, farm.default_allocation)
    fill(answer, allocation=allocations.count_allocation(farm, allocation))


def set_default(farm: Farm, request: Any, answer: Any) -> None:
    farm.default_allocation = detail_of(farm, request.allocation).id


ALLOCATION_METHODS: Methods = {
    "Create": create_allocation,
    "Delete": delete_allocation,
    "Find": find_allocation,
    "FindHosts": find_allocation_hosts,
    "Get": get_allocation,
    "GetAll": get_allocations,
    "GetDefault": get_default,
    "GetHosts": get_allocation_hosts,
    "GetSubscriptions": get_allocation_subscriptions,
    "ReparentHosts": reparent_hosts,
    "SetBillable": set_billable,
    "SetDefault": set_default,
    "SetName": set_name,
    "SetTag": set_tag,
}

# Subscriptions. Their sizes are hundredths of cores, unlike those of new ones.


def find_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """By name: `facility.allocation.show`."""
    parts = request.name.split(".", 2)
    if len(parts) < 3:
        raise JavaException(
            "com.imageworks.spcue.CueGrpcException",
            "Subscription names must be in the form of alloc.show",
        )
    place, show = f"{parts[0]}.{parts[1]}", parts[2]
    for subscription in farm.subscriptions.values():
        if (subscription.allocation_name, subscription.show_name) == (place, show):
            fill(answer, subscription=allocations.count_subscription(farm, subscription))
            return
    raise Refusal(f"A subscription to {request.name} was not found.", StatusCode.NOT_FOUND)


def get_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.id)
    fill(answer, subscription=allocations.count_subscription(farm, subscription))


def delete_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = requested(farm, request, "subscription")
    if farm.reserved[subscription.show_name, subscription.allocation_name] > 0:
        raise JavaException(
            MODIFICATION_CLASS, "You cannot delete a subscription with running procs"
        )
    farm.disown(subscription.id)
    del farm.subscriptions[subscription.id]


SUBSCRIPTION_METHODS: Methods = {
    "Delete": delete_subscription,
    "Find": find_subscription,
    "Get": get_subscription,
    "SetBurst": setter("subscription", "burst"),
    "SetSize": setter("subscription", "size", "new_size"),
}
