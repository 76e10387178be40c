"""Facilities, allocations and subscriptions."""

from typing import Any

from tests.simulator.in_process import Cuebot

GENERAL = {"facility": "local", "name": "local.general"}


def allocation(cuebot: Cuebot, name: str = "local.general") -> Any:
    return cuebot("AllocationInterface/Find", name=name).allocation


def idle_host(cuebot: Cuebot) -> Any:
    """A host of local.general on which nothing runs."""
    busy = set(cuebot.farm.host_of.values())
    hosts = cuebot("HostInterface/GetHosts", r={"allocs": ["local.general"]}).hosts.hosts
    return next(host for host in hosts if host.id not in busy)


def busy_host(cuebot: Cuebot) -> Any:
    """A host of local.general on which something runs."""
    return next(
        host
        for host in map(cuebot.farm.hosts.get, cuebot.farm.host_of.values())
        if host is not None and host.alloc_name == "local.general"
    )


def create(cuebot: Cuebot, name: str = "cloud") -> Any:
    facility = {"name": "local"}
    return cuebot(
        "AllocationInterface/Create", name=name, tag="cloudy", facility=facility
    ).allocation


def test_an_idle_host_moves_with_its_tag(cuebot: Cuebot) -> None:
    host, target = idle_host(cuebot), allocation(cuebot, "local.desktop")
    assert host.tags[:2] == ["general", host.name]
    moved = {"hosts": [{"id": host.id}]}
    cuebot("AllocationInterface/ReparentHosts", allocation=target, hosts=moved)
    cuebot.wait()
    after = cuebot.host(host.name)
    assert (after.alloc_name, list(after.tags[:2])) == ("local.desktop", ["desktop", host.name])
    assert allocation(cuebot, "local.desktop").stats.hosts == target.stats.hosts + 1


def test_hosts_move_up_to_the_first_that_is_busy(cuebot: Cuebot) -> None:
    idle, busy = idle_host(cuebot), busy_host(cuebot)
    key = {"id": allocation(cuebot, "local.desktop").id}
    for hosts in ([busy.id, idle.id], ["x", idle.id]):
        moved = {"hosts": [{"id": each} for each in hosts]}
        cuebot("AllocationInterface/ReparentHosts", allocation=key, hosts=moved)
        cuebot.wait(1)
        assert cuebot.host(idle.name).alloc_name == "local.general"
    assert cuebot.host(busy.name).alloc_name == "local.general"


def test_a_renamed_allocation_keeps_its_facility_and_all_it_has(cuebot: Cuebot) -> None:
    before = cuebot("SubscriptionInterface/Find", name="local.general.demo").subscription
    assert before.reserved_cores > 0
    cuebot("AllocationInterface/SetName", allocation=GENERAL, name="farm")
    assert allocation(cuebot, "local.farm").stats.hosts == 7
    after = cuebot("SubscriptionInterface/Find", name="local.farm.demo").subscription
    assert (after.id, after.name) == (before.id, "local.farm.demo")
    assert after.reserved_cores == before.reserved_cores
    assert create(cuebot, "general").id not in (allocation(cuebot, "local.farm").id, "")
    assert allocation(cuebot, "local.farm").stats.hosts == 7


def subscription(cuebot: Cuebot, name: str = "local.general.demo") -> Any:
    return cuebot("SubscriptionInterface/Find", name=name).subscription


def test_allocations_and_subscriptions_count_what_is_reserved(cuebot: Cuebot) -> None:
    allocations = cuebot("AllocationInterface/GetAll").allocations.allocations
    assert [each.name for each in allocations] == ["local.desktop", "local.general"]
    procs = cuebot("ProcInterface/GetProcs").procs.procs
    running = sum(each.stats.running_cores for each in allocations)
    assert running == sum(proc.reserved_cores for proc in procs)
    show = cuebot("ShowInterface/FindShow", name="demo").show
    answer = cuebot("ShowInterface/GetSubscriptions", show=show)
    reserved = sum(each.reserved_cores for each in answer.subscriptions.subscriptions)
    assert reserved == show.show_stats.reserved_cores * 100
