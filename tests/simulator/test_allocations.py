"""facility.AllocationInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.sharing import move_host
from cuebot_simulator.world.state import by_name
from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk

GENERAL = {"facility": "local", "name": "local.general"}
DESKTOP = {"facility": "local", "name": "local.desktop"}
RUNNING_PROCS = "You cannot move hosts with running procs between allocations."
REMOVAL = "failed to create entity of type: class com.imageworks.spcue.AllocationEntity with name: "


def allocation(desk: Desk, name: str = "local.general") -> Any:
    return desk("AllocationInterface/Find", name=name).allocation


def names(desk: Desk) -> list[str]:
    found = desk("AllocationInterface/GetAll").allocations.allocations
    return [each.name for each in found]


def idle_host(desk: Desk) -> Any:
    """A host of local.general on which nothing runs."""
    busy = set(desk.farm.host_of.values())
    hosts = desk("HostInterface/GetHosts", r={"allocs": ["local.general"]}).hosts.hosts
    return next(host for host in hosts if host.id not in busy)


def busy_host(desk: Desk) -> Any:
    """A host of local.general on which something runs."""
    return next(
        host
        for host in map(desk.farm.hosts.get, desk.farm.host_of.values())
        if host is not None and host.alloc_name == "local.general"
    )


def create(desk: Desk, name: str = "cloud") -> Any:
    facility = {"name": "local"}
    return desk("AllocationInterface/Create", name=name, tag="cloudy", facility=facility).allocation


def test_get_takes_the_name(desk: Desk) -> None:
    """ManageAllocation.get looks by name for what it is given as the id; both are caught."""
    found = allocation(desk)
    assert found.stats.hosts == 7
    assert desk("AllocationInterface/Get", id="local.general").allocation == found
    nothing = ("NOT_FOUND", NOTHING_FOUND)
    assert desk.refusal("AllocationInterface/Get", id=found.id) == nothing
    assert desk.refusal("AllocationInterface/Find", name="general") == nothing


def test_hosts_and_subscriptions_of_an_allocation(desk: Desk) -> None:
    """ManageAllocation.getHosts and getSubscriptions search by id: an unknown one has none."""
    key = {"id": allocation(desk, "local.desktop").id}
    hosts = desk("AllocationInterface/GetHosts", allocation=key).hosts.hosts
    assert {host.name for host in hosts} == {"desk-201", "desk-202", "desk-203"}
    found = desk("AllocationInterface/GetSubscriptions", allocation=key)
    shows = {each.show_name for each in found.subscriptions.subscriptions}
    assert shows == {"demo", "harbor", "northwind"}
    nobody = {"id": "x"}
    assert not desk("AllocationInterface/GetHosts", allocation=nobody).hosts.hosts
    found = desk("AllocationInterface/GetSubscriptions", allocation=nobody)
    assert not found.subscriptions.subscriptions


def test_find_hosts_compares_the_id_with_names(desk: Desk) -> None:
    """ManageAllocation.findHosts adds the id to the criteria, which mean allocations by name."""
    wanted = {"substr": ["-06", "-201"]}
    found = desk("AllocationInterface/FindHosts", allocation={"id": "local.general"}, r=wanted)
    assert [host.name for host in found.hosts.hosts] == ["render-node-06"]
    key = {"id": allocation(desk).id}
    assert not desk("AllocationInterface/FindHosts", allocation=key, r=wanted).hosts.hosts


@pytest.mark.parametrize("name", ["cloud", "local.cloud", "elsewhere.cloud"])
def test_an_allocation_is_created_in_a_facility(desk: Desk, name: str) -> None:
    """ManageAllocation.create drops a facility in the name for the one that is asked for."""
    made = create(desk, name)
    assert (made.name, made.tag, made.facility) == ("local.cloud", "cloudy", "local")
    assert (made.billable, made.stats.hosts) == (True, 0)
    assert names(desk) == ["local.cloud", "local.desktop", "local.general"]
    facility = {"name": "x"}
    refusal = desk.refusal("AllocationInterface/Create", name=name, tag="t", facility=facility)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_an_allocation_that_exists_cannot_be_found_after_its_creation(desk: Desk) -> None:
    """AllocationDaoJdbc.insertAllocation gives an existing one no id, and the servant asks it."""
    values = {"name": "general", "tag": "x", "facility": {"name": "local"}}
    assert desk.refusal("AllocationInterface/Create", **values) == ("INTERNAL", UNCAUGHT)
    assert names(desk) == ["local.desktop", "local.general"]


def test_an_empty_allocation_can_be_deleted(desk: Desk) -> None:
    """AllocationDaoJdbc.deleteAllocation refuses with hosts inside, and for the default one."""
    create(desk)
    text = f"{REMOVAL}local.general ,allocation still contains hosts"
    refusal = desk.refusal("AllocationInterface/Delete", allocation=GENERAL)
    expected = f"com.imageworks.spcue.EntityRemovalError: {text}\n{text}"
    assert refusal == ("INTERNAL", expected)
    cloud = {"facility": "local", "name": "cloud"}
    desk.farm.default_allocation = allocation(desk, "local.cloud").id
    code, text = desk.refusal("AllocationInterface/Delete", allocation=cloud)
    assert (code, text.partition(" ,")[2].partition("\n")[0]) == (
        "INTERNAL",
        "you cannot delete the default allocation",
    )
    desk.farm.default_allocation = allocation(desk).id
    desk("AllocationInterface/Delete", allocation=cloud)
    assert names(desk) == ["local.desktop", "local.general"]


def test_an_allocation_with_subscriptions_is_disabled(desk: Desk) -> None:
    """AllocationDaoJdbc.deleteAllocation only hides what is referred to; creating enables it."""
    for host in desk("HostInterface/GetHosts", r={"allocs": ["local.desktop"]}).hosts.hosts:
        farm = desk.farm
        move_host(farm, farm.hosts[host.id], by_name(farm.allocations, "local.general"))
    desk("AllocationInterface/Delete", allocation=DESKTOP)
    assert names(desk) == ["local.general"]
    assert desk.refusal("AllocationInterface/Find", name="local.desktop")[0] == "NOT_FOUND"
    found = desk("SubscriptionInterface/Find", name="local.desktop.demo").subscription
    assert found.allocation_name == "local.desktop"
    values = {"name": "desktop", "tag": "x", "facility": {"name": "local"}}
    assert desk.refusal("AllocationInterface/Create", **values) == ("INTERNAL", UNCAUGHT)
    assert names(desk) == ["local.desktop", "local.general"]


def test_an_idle_host_moves_with_its_tag(desk: Desk) -> None:
    """HostDaoJdbc.updateHostSetAllocation replaces the tag of the allocation, no other."""
    host, target = idle_host(desk), allocation(desk, "local.desktop")
    assert host.tags[:2] == ["general", host.name]
    moved = {"hosts": [{"id": host.id}]}
    desk("AllocationInterface/ReparentHosts", allocation={"id": target.id}, hosts=moved)
    desk.wait()
    after = desk.host(host.name)
    assert (after.alloc_name, list(after.tags[:2])) == ("local.desktop", ["desktop", host.name])
    assert allocation(desk, "local.desktop").stats.hosts == target.stats.hosts + 1


def test_hosts_move_up_to_the_first_that_is_busy(desk: Desk) -> None:
    """ManageReparentHosts ends at the first host that HostManagerService.setAllocation refuses."""
    idle, busy = idle_host(desk), busy_host(desk)
    key = {"id": allocation(desk, "local.desktop").id}
    for hosts in ([busy.id, idle.id], ["x", idle.id]):
        moved = {"hosts": [{"id": each} for each in hosts]}
        desk("AllocationInterface/ReparentHosts", allocation=key, hosts=moved)
        desk.wait(1)
        assert desk.host(idle.name).alloc_name == "local.general"
    assert desk.host(busy.name).alloc_name == "local.general"


def test_a_host_with_running_procs_is_not_moved(desk: Desk) -> None:
    """HostManagerService.setAllocation throws, so what is reserved stays where it is."""
    farm = desk.farm
    reserved = dict(farm.reserved)
    with pytest.raises(Refusal, match=RUNNING_PROCS):
        move_host(farm, busy_host(desk), by_name(farm.allocations, "local.desktop"))
    assert farm.reserved == reserved


def test_a_renamed_allocation_keeps_its_facility_and_all_it_has(desk: Desk) -> None:
    """AllocationDaoJdbc.updateAllocationName changes one row that hosts and the rest point at."""
    before = desk("SubscriptionInterface/Find", name="local.general.demo").subscription
    assert before.reserved_cores > 0
    desk("AllocationInterface/SetName", allocation=GENERAL, name="farm")
    assert allocation(desk, "local.farm").stats.hosts == 7
    after = desk("SubscriptionInterface/Find", name="local.farm.demo").subscription
    assert (after.id, after.name) == (before.id, "local.farm.demo")
    assert after.reserved_cores == before.reserved_cores
    assert create(desk, "general").id not in (allocation(desk, "local.farm").id, "")
    assert allocation(desk, "local.farm").stats.hosts == 7


def test_procs_end_in_a_renamed_allocation(desk: Desk) -> None:
    """What a show has reserved is given back where it was taken, whatever that is called now."""
    desk("AllocationInterface/SetName", allocation=GENERAL, name="farm")
    for name in list(desk.farm.pending):
        desk("JobInterface/Kill", job={"id": desk.job(name).id}, reason="test")
    desk.wait()
    assert not any(desk.farm.reserved.values())


def test_a_new_name_has_no_facility_and_is_not_taken(desk: Desk) -> None:
    """AllocationDaoJdbc.updateAllocationName wants one word; names are unique in the database."""
    for name in ("local.farm", "", "a b"):
        code, text = desk.refusal("AllocationInterface/SetName", allocation=GENERAL, name=name)
        assert (code, text.partition(":")[0]) == ("INTERNAL", "java.lang.IllegalArgumentException")
    code, text = desk.refusal("AllocationInterface/SetName", allocation=GENERAL, name="desktop")
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    desk("AllocationInterface/SetName", allocation=GENERAL, name="general")


def test_a_new_tag_is_that_of_the_hosts_too(desk: Desk) -> None:
    """AllocationDao.updateAllocationTag: all hosts in the allocation are retagged."""
    desk("AllocationInterface/SetTag", allocation=DESKTOP, tag="desks")
    assert allocation(desk, "local.desktop").tag == "desks"
    assert list(desk.host("desk-201").tags) == ["desks", "desk-201"]
    assert desk.host("render-node-01").tags[0] == "general"


def test_billable_is_set(desk: Desk) -> None:
    """ManageAllocation.setBillable."""
    assert allocation(desk).billable
    desk("AllocationInterface/SetBillable", allocation=GENERAL, value=False)
    assert not allocation(desk).billable


@pytest.mark.parametrize("method", ["Delete", "SetBillable", "SetName", "SetTag"])
def test_changes_go_by_facility_and_name(desk: Desk, method: str) -> None:
    """ManageAllocation finds what it changes with findAllocationDetail; an id alone is nothing."""
    key = {"id": allocation(desk).id}
    refusal = desk.refusal(f"AllocationInterface/{method}", allocation=key)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_another_allocation_is_the_default(desk: Desk) -> None:
    """ManageAllocation.setDefault: there is one default at a time."""
    service = desk.farm.messages.pool.FindServiceByName("facility.AllocationInterface")
    if "SetDefault" not in service.methods_by_name:
        pytest.skip("this opencue-proto has no default allocation")
    assert desk("AllocationInterface/GetDefault").allocation.name == "local.general"
    desk("AllocationInterface/SetDefault", allocation=DESKTOP)
    assert desk("AllocationInterface/GetDefault").allocation.name == "local.desktop"
    refusal = desk.refusal("AllocationInterface/SetDefault", allocation={"name": "x"})
    assert refusal == ("INTERNAL", UNCAUGHT)
