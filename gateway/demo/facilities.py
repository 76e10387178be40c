"""What a farm is made of and shared by: facilities, allocations, subscriptions."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.criteria import find_hosts
from gateway.demo.farm import Farm, by_id, by_name, find_one
from gateway.demo.handler import Handler
from gateway.demo.messages import fill, given


def get_facility(farm: Farm, request: Any, answer: Any) -> None:
    """A facility by name, or by id in the name's place."""
    facility = find_one(farm.facilities, lambda each: request.name in (each.name, each.id))
    fill(answer, facility=facility)


def get_facility_allocations(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id(farm.facilities, request.facility.id)
    answer.allocations.allocations.extend(
        farm.count_allocation(allocation)
        for allocation in farm.allocations.values()
        if allocation.facility == facility.name
    )


def get_allocations(farm: Farm, request: Any, answer: Any) -> None:
    counted = map(farm.count_allocation, farm.allocations.values())
    answer.allocations.allocations.extend(sorted(counted, key=lambda each: each.name))


def find_allocation(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, allocation=farm.count_allocation(by_name(farm.allocations, request.name)))


def get_allocation(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, allocation=farm.count_allocation(by_id(farm.allocations, request.id)))


def get_allocation_hosts(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(farm.allocations, request.allocation.id)
    hosts = find_hosts(farm, given(request, "r", None))
    answer.hosts.hosts.extend(host for host in hosts if host.alloc_name == allocation.name)


def get_allocation_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    allocation = by_id(farm.allocations, request.allocation.id)
    answer.subscriptions.subscriptions.extend(
        farm.subscriptions_where(lambda each: each.allocation_name == allocation.name)
    )


def find_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """By name: `facility.allocation.show`."""
    subscription = by_name(farm.subscriptions, request.name)
    fill(answer, subscription=farm.count_subscription(subscription))


def get_subscription(farm: Farm, request: Any, answer: Any) -> None:
    subscription = by_id(farm.subscriptions, request.id)
    fill(answer, subscription=farm.count_subscription(subscription))


FACILITY_METHODS: Mapping[str, Handler] = {
    "Get": get_facility,
    "GetAllocations": get_facility_allocations,
}
ALLOCATION_METHODS: Mapping[str, Handler] = {
    "Find": find_allocation,
    "FindHosts": get_allocation_hosts,
    "Get": get_allocation,
    "GetAll": get_allocations,
    "GetHosts": get_allocation_hosts,
    "GetSubscriptions": get_allocation_subscriptions,
}
SUBSCRIPTION_METHODS: Mapping[str, Handler] = {
    "Find": find_subscription,
    "Get": get_subscription,
}
