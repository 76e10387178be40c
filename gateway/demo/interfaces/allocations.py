"""facility.AllocationInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill, given
from gateway.demo.farm.sharing import (
    count_allocation,
    subscriptions_where,
)
from gateway.demo.farm.state import Farm, by_id, by_name
from gateway.demo.interfaces.criteria import find_hosts
from gateway.demo.interfaces.handler import Handler


def get_allocations(farm: Farm, request: Any, answer: Any) -> None:
    counted = (count_allocation(farm, each) for each in farm.allocations.values())
    answer.allocations.allocations.extend(sorted(counted, key=lambda each: each.name))


def find_allocation(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, allocation=count_allocation(farm, by_name(farm.allocations, request.name)))


def get_allocation(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, allocation=count_allocation(farm, by_id(farm.allocations, request.id)))


def get_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(farm.allocations, request.allocation.id)
    hosts = find_hosts(farm, given(request, "r", None))
    answer.hosts.hosts.extend(host for host in hosts if host.alloc_name == allocation.name)


def get_allocation_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(farm.allocations, request.allocation.id)
    answer.subscriptions.subscriptions.extend(
        subscriptions_where(farm, lambda each: each.allocation_name == allocation.name)
    )


METHODS: Mapping[str, Handler] = {
    "Find": find_allocation,
    "FindHosts": get_allocation_hosts,
    "Get": get_allocation,
    "GetAll": get_allocations,
    "GetHosts": get_allocation_hosts,
    "GetSubscriptions": get_allocation_subscriptions,
}
