"""How machines are shared: the sums of allocations and subscriptions, counted when asked for."""

from collections.abc import Callable
from typing import Any

from gateway.demo.farm.messages import enum_name, fill
from gateway.demo.farm.state import Farm, is_bookable


def hosts_in(farm: Farm, allocation: Any) -> list[Any]:
    """The hosts of an allocation."""
    return [host for host in farm.hosts.values() if host.alloc_name == allocation.name]


def count_allocation(farm: Farm, allocation: Any) -> Any:
    """The allocation, with its statistics up to date."""
    hosts = hosts_in(farm, allocation)
    locked = [host for host in hosts if enum_name(host, "lock_state") == "LOCKED"]
    bookable = [host for host in hosts if is_bookable(host)]
    fill(
        allocation.stats,
        cores=sum(host.cores for host in hosts),
        available_cores=sum(host.idle_cores for host in bookable),
        idle_cores=sum(host.idle_cores for host in hosts),
        running_cores=sum(host.cores - host.idle_cores for host in hosts),
        locked_cores=sum(host.idle_cores for host in locked),
        gpus=sum(host.gpus for host in hosts),
        available_gpus=sum(host.idle_gpus for host in bookable),
        idle_gpus=sum(host.idle_gpus for host in hosts),
        running_gpus=sum(host.gpus - host.idle_gpus for host in hosts),
        locked_gpus=sum(host.idle_gpus for host in locked),
        hosts=len(hosts),
        locked_hosts=len(locked),
        down_hosts=sum(enum_name(host, "state") == "DOWN" for host in hosts),
    )
    return allocation


def subscriptions_where(farm: Farm, wanted: Callable[[Any], bool]) -> list[Any]:
    """The subscriptions that are wanted, each with its present sums."""
    return [count_subscription(farm, each) for each in farm.subscriptions.values() if wanted(each)]


def count_subscription(farm: Farm, subscription: Any) -> Any:
    """The subscription, with the hundredths of cores that its show has reserved there."""
    fill(
        subscription,
        reserved_cores=farm.reserved[subscription.show_name, subscription.allocation_name],
    )
    return subscription
