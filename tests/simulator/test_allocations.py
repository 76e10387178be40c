"""Facilities, allocations and subscriptions."""

from typing import Any

from cuebot_simulator.world.allocations import move_host
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import FOUND_TWO, UNCAUGHT, Cuebot

GENERAL = {"facility": "local", "name": "local.general"}
DESKTOP = {"facility": "local", "name": "local.desktop"}


def allocation(cuebot: Cuebot, name: str = "local.general") -> Any:
    return cuebot("AllocationInterface/Find", name=name).allocation


def names(cuebot: Cuebot) -> list[str]:
    found = cuebot("AllocationInterface/GetAll").allocations.allocations
    return [each.name for each in found]


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


def test_an_allocation_with_subscriptions_is_disabled(cuebot: Cuebot) -> None:
    for host in cuebot("HostInterface/GetHosts", r={"allocs": ["local.desktop"]}).hosts.hosts:
        farm = cuebot.farm
        move_host(farm, farm.hosts[host.id], by_name(farm.allocations, "local.general"))
    cuebot("AllocationInterface/Delete", allocation=DESKTOP)
    assert names(cuebot) == ["local.general"]
    assert cuebot.refusal("AllocationInterface/Find", name="local.desktop")[0] == "NOT_FOUND"
    found = cuebot("SubscriptionInterface/Find", name="local.desktop.demo").subscription
    assert found.allocation_name == "local.desktop"
    values = {"name": "desktop", "tag": "x", "facility": {"name": "local"}}
    assert cuebot.refusal("AllocationInterface/Create", **values) == ("INTERNAL", UNCAUGHT)
    assert names(cuebot) == ["local.desktop", "local.general"]


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


def test_a_renamed_facility_shows_in_what_it_has(cuebot: Cuebot) -> None:
    cuebot("FacilityInterface/Rename", facility={"name": "local"}, new_name="home")
    found = cuebot("AllocationInterface/Find", name="local.general").allocation
    assert found.facility == "home"
    found = cuebot("SubscriptionInterface/Find", name="local.general.demo").subscription
    assert found.facility == "home"
    assert {job.facility for job in cuebot("JobInterface/GetJobs").jobs.jobs} == {"home"}
    home, other = (cuebot("FacilityInterface/Get", name="home").facility), {"name": "local"}
    assert cuebot("FacilityInterface/Create", **other).facility.id != home.id
    refusal = cuebot.refusal("FacilityInterface/Rename", facility={"name": "x"}, new_name="y")
    assert refusal == ("INTERNAL", UNCAUGHT)
    cuebot("FacilityInterface/Rename", facility=other, new_name="home")
    assert cuebot.refusal("FacilityInterface/Get", name="home") == ("INTERNAL", FOUND_TWO)


def subscription(cuebot: Cuebot, name: str = "local.general.demo") -> Any:
    return cuebot("SubscriptionInterface/Find", name=name).subscription


def test_the_burst_ends_what_a_show_may_book(cuebot: Cuebot) -> None:
    cuebot("SubscriptionInterface/SetBurst", subscription=subscription(cuebot), burst=0)
    cuebot.wait(300)
    assert subscription(cuebot).reserved_cores == 0
    assert subscription(cuebot, "local.general.harbor").reserved_cores > 0


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
