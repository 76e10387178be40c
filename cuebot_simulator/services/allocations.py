"""facility.AllocationInterface."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cuebot_simulator.services.criteria import find_hosts
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import (
    count_allocation,
    enabled_allocations,
    hosts_in,
    move_host,
    remove_allocation,
    rename_allocation,
    retag_allocation,
    subscriptions_where,
)
from cuebot_simulator.world.database_errors import check_length, duplicate
from cuebot_simulator.world.failures import Missing, Refusal, illegal_argument
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_allocation
from cuebot_simulator.world.state import Farm, by_id, by_id_or_name, by_name

FULL_NAME = re.compile(r"\w+\.(\w+)", re.ASCII)
LONGEST_NAME, LONGEST_TAG = 36, 24
SHORT_NAME = re.compile(r"\w+", re.ASCII)


def short_name(name: str) -> str:
    """An allocation's name without its facility's: `general` for `local.general`."""
    full = FULL_NAME.fullmatch(name)
    return full[1] if full else name


def detail_of(farm: Farm, allocation: Any) -> Any:
    """The allocation that a request means by facility and name; ids do not count. Raises Missing.

    Its name may be with or without the facility's.
    """
    name = f"{allocation.facility}.{short_name(allocation.name)}"
    return by_name(farm.allocations, name)


def get_allocations(farm: Farm, request: Any, answer: Any) -> None:
    counted = (count_allocation(farm, each) for each in enabled_allocations(farm).values())
    answer.allocations.allocations.extend(sorted(counted, key=lambda each: each.name))


def find_allocation(farm: Farm, request: Any, answer: Any) -> None:
    found = by_name(enabled_allocations(farm), request.name)
    fill(answer, allocation=count_allocation(farm, found))


def get_allocation(farm: Farm, request: Any, answer: Any) -> None:
    """By name, as Cuebot does in spite of what the field is called."""
    found = by_name(enabled_allocations(farm), request.id)
    fill(answer, allocation=count_allocation(farm, found))


def create(farm: Farm, request: Any, answer: Any) -> None:
    """A new allocation of a facility.

    One that exists is enabled again if it was not; but then Cuebot fails to find what it made.
    """
    facility = by_id_or_name(farm.facilities, request.facility.name)
    name = f"{facility.name}.{short_name(request.name)}"
    for existing in farm.allocations.values():
        if existing.name == name:
            farm.disabled_allocations.discard(existing.id)
            raise Missing
    check_length(name, LONGEST_NAME)
    check_length(request.tag, LONGEST_TAG)
    allocation = add_allocation(farm, facility, name, request.tag)
    fill(answer, allocation=count_allocation(farm, allocation))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    remove_allocation(farm, detail_of(farm, request.allocation))


def find_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    """The hosts that fit. As in Cuebot, it is the name of the allocation that has to be its id."""
    criteria = type(request.r)()
    criteria.CopyFrom(request.r)
    criteria.allocs.append(request.allocation.id)
    answer.hosts.hosts.extend(find_hosts(farm, criteria))


def get_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    """The hosts of an allocation, none if it does not exist."""
    answer.hosts.SetInParent()
    if allocation := farm.allocations.get(request.allocation.id):
        answer.hosts.hosts.extend(hosts_in(farm, allocation))


def get_allocation_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    """The subscriptions to an allocation, none if it does not exist."""
    answer.subscriptions.SetInParent()
    if allocation := farm.allocations.get(request.allocation.id):
        answer.subscriptions.subscriptions.extend(
            subscriptions_where(farm, lambda each: each.allocation_name == allocation.name)
        )


def reparent_hosts(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot answers first, and moves hosts until one cannot be."""
    allocation = request.allocation.id
    hosts = [host.id for host in request.hosts.hosts]
    farm.agenda.after(QUEUE_DELAY, partial(move_hosts, farm, allocation, hosts))


def move_hosts(farm: Farm, allocation_id: str, host_ids: Sequence[str]) -> None:
    """Move hosts into an allocation, up to the first that cannot be moved."""
    try:
        allocation = by_id(farm.allocations, allocation_id)
        for host in host_ids:
            move_host(farm, by_id(farm.hosts, host), allocation)
    except (Missing, Refusal):
        return  # nobody waits for an answer any more


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
        raise duplicate("c_alloc_name_uniq", str_name=name)
    rename_allocation(farm, allocation, name)


def set_tag(farm: Farm, request: Any, answer: Any) -> None:
    retag_allocation(farm, detail_of(farm, request.allocation), request.tag)


def get_default(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(enabled_allocations(farm), farm.default_allocation)
    fill(answer, allocation=count_allocation(farm, allocation))


def set_default(farm: Farm, request: Any, answer: Any) -> None:
    farm.default_allocation = detail_of(farm, request.allocation).id


METHODS: Mapping[str, Handler] = {
    "Create": create,
    "Delete": delete,
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
