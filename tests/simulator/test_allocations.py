"""Facilities, allocations and subscriptions."""

from typing import Any

import pytest

from cuebot_simulator.world.allocations import move_host
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import FOUND_TWO, NOTHING_FOUND, UNCAUGHT, VIOLATION, Cuebot

GENERAL = {"facility": "local", "name": "local.general"}
DESKTOP = {"facility": "local", "name": "local.desktop"}
RUNNING_PROCS = "You cannot move hosts with running procs between allocations."
REMOVAL = "failed to create entity of type: class com.imageworks.spcue.AllocationEntity with name: "


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


def test_hosts_and_subscriptions_of_an_allocation(cuebot: Cuebot) -> None:
    key = {"id": allocation(cuebot, "local.desktop").id}
    hosts = cuebot("AllocationInterface/GetHosts", allocation=key).hosts.hosts
    assert {host.name for host in hosts} == {"desk-201", "desk-202", "desk-203"}
    found = cuebot("AllocationInterface/GetSubscriptions", allocation=key)
    shows = {each.show_name for each in found.subscriptions.subscriptions}
    assert shows == {"demo", "harbor", "northwind"}
    nobody = {"id": "x"}
    assert not cuebot("AllocationInterface/GetHosts", allocation=nobody).hosts.hosts
    found = cuebot("AllocationInterface/GetSubscriptions", allocation=nobody)
    assert not found.subscriptions.subscriptions


def test_find_hosts_compares_the_id_with_names(cuebot: Cuebot) -> None:
    wanted = {"substr": ["-06", "-201"]}
    found = cuebot("AllocationInterface/FindHosts", allocation={"id": "local.general"}, r=wanted)
    assert [host.name for host in found.hosts.hosts] == ["render-node-06"]
    key = {"id": allocation(cuebot).id}
    assert not cuebot("AllocationInterface/FindHosts", allocation=key, r=wanted).hosts.hosts


@pytest.mark.parametrize("name", ["cloud", "local.cloud", "elsewhere.cloud"])
def test_an_allocation_is_created_in_a_facility(cuebot: Cuebot, name: str) -> None:
    made = create(cuebot, name)
    assert (made.name, made.tag, made.facility) == ("local.cloud", "cloudy", "local")
    assert (made.billable, made.stats.hosts) == (True, 0)
    assert names(cuebot) == ["local.cloud", "local.desktop", "local.general"]
    facility = {"name": "x"}
    refusal = cuebot.refusal("AllocationInterface/Create", name=name, tag="t", facility=facility)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_an_empty_allocation_can_be_deleted(cuebot: Cuebot) -> None:
    create(cuebot)
    text = f"{REMOVAL}local.general ,allocation still contains hosts"
    refusal = cuebot.refusal("AllocationInterface/Delete", allocation=GENERAL)
    expected = f"com.imageworks.spcue.EntityRemovalError: {text}\n{text}"
    assert refusal == ("INTERNAL", expected)
    cloud = {"facility": "local", "name": "cloud"}
    cuebot.farm.default_allocation = allocation(cuebot, "local.cloud").id
    code, text = cuebot.refusal("AllocationInterface/Delete", allocation=cloud)
    assert (code, text.partition(" ,")[2].partition("\n")[0]) == (
        "INTERNAL",
        "you cannot delete the default allocation",
    )
    cuebot.farm.default_allocation = allocation(cuebot).id
    cuebot("AllocationInterface/Delete", allocation=cloud)
    assert names(cuebot) == ["local.desktop", "local.general"]


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


def test_procs_end_in_a_renamed_allocation(cuebot: Cuebot) -> None:
    cuebot("AllocationInterface/SetName", allocation=GENERAL, name="farm")
    for name in list(cuebot.farm.pending):
        cuebot("JobInterface/Kill", job=cuebot.job(name), reason="test")
    cuebot.wait()
    assert not any(cuebot.farm.reserved.values())


def test_a_new_tag_is_that_of_the_hosts_too(cuebot: Cuebot) -> None:
    cuebot("AllocationInterface/SetTag", allocation=DESKTOP, tag="desks")
    assert allocation(cuebot, "local.desktop").tag == "desks"
    assert list(cuebot.host("desk-201").tags) == ["desks", "desk-201"]
    assert cuebot.host("render-node-01").tags[0] == "general"


def test_billable_is_set(cuebot: Cuebot) -> None:
    assert allocation(cuebot).billable
    cuebot("AllocationInterface/SetBillable", allocation=GENERAL, value=False)
    assert not allocation(cuebot).billable


@pytest.mark.parametrize("method", ["Delete", "SetBillable", "SetName", "SetTag"])
def test_changes_go_by_facility_and_name(cuebot: Cuebot, method: str) -> None:
    key = {"id": allocation(cuebot).id}
    refusal = cuebot.refusal(f"AllocationInterface/{method}", allocation=key)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_another_allocation_is_the_default(cuebot: Cuebot) -> None:
    service = cuebot.farm.messages.pool.FindServiceByName("facility.AllocationInterface")
    if "SetDefault" not in service.methods_by_name:
        pytest.skip("this opencue-proto has no default allocation")
    assert cuebot("AllocationInterface/GetDefault").allocation.name == "local.general"
    cuebot("AllocationInterface/SetDefault", allocation=DESKTOP)
    assert cuebot("AllocationInterface/GetDefault").allocation.name == "local.desktop"
    refusal = cuebot.refusal("AllocationInterface/SetDefault", allocation={"name": "x"})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_a_facility_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    facility = cuebot("FacilityInterface/Get", name="local").facility
    assert cuebot("FacilityInterface/Get", name=facility.id).facility == facility
    assert cuebot.refusal("FacilityInterface/Get", name="x") == ("NOT_FOUND", NOTHING_FOUND)


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


def test_an_empty_facility_can_be_deleted(cuebot: Cuebot) -> None:
    cuebot("FacilityInterface/Create", name="cloud")
    cuebot("FacilityInterface/Delete", name="cloud")
    assert cuebot.refusal("FacilityInterface/Get", name="cloud")[0] == "NOT_FOUND"
    assert cuebot.refusal("FacilityInterface/Delete", name="local") == VIOLATION


MODIFICATION = "com.imageworks.spcue.EntityModificationError"


def subscription(cuebot: Cuebot, name: str = "local.general.demo") -> Any:
    return cuebot("SubscriptionInterface/Find", name=name).subscription


def test_sizes_are_set_in_hundredths_of_cores(cuebot: Cuebot) -> None:
    key = {"id": subscription(cuebot).id}
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=5)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=7)
    assert (subscription(cuebot).size, subscription(cuebot).burst) == (5, 7)
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=-1)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=2**31 - 1)
    assert subscription(cuebot).size == -1
    assert subscription(cuebot).burst == 2**31 - 1
    nobody = {"id": "x"}
    refusal = cuebot.refusal("SubscriptionInterface/SetSize", subscription=nobody, new_size=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_the_burst_ends_what_a_show_may_book(cuebot: Cuebot) -> None:
    cuebot("SubscriptionInterface/SetBurst", subscription=subscription(cuebot), burst=0)
    cuebot.wait(300)
    assert subscription(cuebot).reserved_cores == 0
    assert subscription(cuebot, "local.general.harbor").reserved_cores > 0


def test_an_idle_subscription_can_be_deleted(cuebot: Cuebot) -> None:
    text = "You cannot delete a subscription with running procs"
    busy, idle = subscription(cuebot), subscription(cuebot, "local.desktop.northwind")
    assert busy.reserved_cores > 0
    assert idle.reserved_cores == 0
    refusal = cuebot.refusal("SubscriptionInterface/Delete", subscription=busy)
    assert refusal == ("INTERNAL", f"{MODIFICATION}: {text}\n{text}")
    cuebot("SubscriptionInterface/Delete", subscription=idle)
    assert cuebot.refusal("SubscriptionInterface/Get", id=idle.id)[0] == "NOT_FOUND"


def test_reserved_gpus_are_those_of_the_procs_there(cuebot: Cuebot) -> None:
    proc = next(each for each in cuebot.farm.procs.values() if each.show_name == "demo")
    place = cuebot.farm.host_with(proc).alloc_name
    proc.reserved_gpus = 2
    assert subscription(cuebot, f"{place}.demo").reserved_gpus == 2
    assert subscription(cuebot, f"{place}.harbor").reserved_gpus == 0


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
