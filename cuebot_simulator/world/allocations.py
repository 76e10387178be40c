"""How machines are shared: facilities, allocations and subscriptions.

The sums of allocations and subscriptions are counted when asked for.
"""

from collections.abc import Callable
from typing import Any

from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.refusals import MODIFICATION_CLASS, JavaException, Refusal
from cuebot_simulator.world.state import Farm, by_name, is_bookable


def not_removed(allocation: Any, text: str) -> Refusal:
    return JavaException(
        "com.imageworks.spcue.EntityRemovalError",
        "failed to create entity of type: class com.imageworks.spcue.AllocationEntity"
        f" with name: {allocation.name} ,{text}",
    )


def hosts_in(farm: Farm, allocation: Any) -> list[Any]:
    return [host for host in farm.hosts.values() if host.alloc_name == allocation.name]


def count_allocation(farm: Farm, allocation: Any) -> Any:
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


def move_host(farm: Farm, host: Any, allocation: Any) -> None:
    """Put a host into another allocation, whose tag replaces that of the old one.

    Raises Refusal while anything runs on the host.
    """
    if farm.procs_on(host):
        raise JavaException(
            MODIFICATION_CLASS, "You cannot move hosts with running procs between allocations."
        )
    swap_tag(host, by_name(farm.allocations, host.alloc_name).tag, allocation.tag)
    fill(host, alloc_name=allocation.name)


def swap_tag(host: Any, old: str, new: str) -> None:
    fill(host, tags=[new, *(tag for tag in host.tags if tag not in (old, new))])


def retag_allocation(farm: Farm, allocation: Any, tag: str) -> None:
    for host in hosts_in(farm, allocation):
        swap_tag(host, allocation.tag, tag)
    fill(allocation, tag=tag)


def rename_allocation(farm: Farm, allocation: Any, name: str) -> None:
    old = allocation.name
    for host in hosts_in(farm, allocation):
        fill(host, alloc_name=name)
    for subscription in farm.subscriptions.values():
        if subscription.allocation_name == old:
            fill(subscription, allocation_name=name, name=f"{name}.{subscription.show_name}")
    for show, place in list(farm.reserved):
        if place == old:
            farm.reserved[show, name] = farm.reserved.pop((show, old))
    fill(allocation, name=name)


def remove_allocation(farm: Farm, allocation: Any) -> None:
    """Delete an empty allocation. Raises Refusal for one with hosts, and for the default one."""
    if hosts_in(farm, allocation):
        raise not_removed(allocation, "allocation still contains hosts")
    if allocation.id == farm.default_allocation:
        raise not_removed(allocation, "you cannot delete the default allocation")
    del farm.allocations[allocation.id]


def rename_facility(farm: Farm, facility: Any, name: str) -> None:
    """Give a facility another name. Its allocations keep their own full names."""
    for things in (farm.allocations, farm.subscriptions, farm.jobs):
        for thing in things.values():
            if thing.facility == facility.name:
                fill(thing, facility=name)
    fill(facility, name=name)


def subscriptions_where(farm: Farm, wanted: Callable[[Any], bool]) -> list[Any]:
    return [count_subscription(farm, each) for each in farm.subscriptions.values() if wanted(each)]


def count_subscription(farm: Farm, subscription: Any) -> Any:
    """The subscription with what its show has reserved: hundredths of cores, and GPUs."""
    show, place = subscription.show_name, subscription.allocation_name
    fill(
        subscription,
        reserved_cores=farm.reserved[show, place],
        reserved_gpus=sum(
            round(proc.reserved_gpus)
            for proc in farm.procs.values()
            if proc.show_name == show and farm.host_with(proc).alloc_name == place
        ),
    )
    return subscription
