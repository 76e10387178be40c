"""facility.AllocationInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.allocations import move_host
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot

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


def test_get_takes_the_name(cuebot: Cuebot) -> None:
    """ManageAllocation.get looks by name for what it is given as the id; both are caught."""
    found = allocation(cuebot)
    assert found.stats.hosts == 7
    assert cuebot("AllocationInterface/Get", id="local.general").allocation == found
    nothing = ("NOT_FOUND", NOTHING_FOUND)
    assert cuebot.refusal("AllocationInterface/Get", id=found.id) == nothing
    assert cuebot.refusal("AllocationInterface/Find", name="general") == nothing


def test_hosts_and_subscriptions_of_an_allocation(cuebot: Cuebot) -> None:
    """ManageAllocation.getHosts and getSubscriptions search by id: an unknown one has none."""
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
    """ManageAllocation.findHosts adds the id to the criteria, which mean allocations by name."""
    wanted = {"substr": ["-06", "-201"]}
    found = cuebot("AllocationInterface/FindHosts", allocation={"id": "local.general"}, r=wanted)
    assert [host.name for host in found.hosts.hosts] == ["render-node-06"]
    key = {"id": allocation(cuebot).id}
    assert not cuebot("AllocationInterface/FindHosts", allocation=key, r=wanted).hosts.hosts


@pytest.mark.parametrize("name", ["cloud", "local.cloud", "elsewhere.cloud"])
def test_an_allocation_is_created_in_a_facility(cuebot: Cuebot, name: str) -> None:
    """ManageAllocation.create drops a facility in the name for the one that is asked for."""
    made = create(cuebot, name)
    assert (made.name, made.tag, made.facility) == ("local.cloud", "cloudy", "local")
    assert (made.billable, made.stats.hosts) == (True, 0)
    assert names(cuebot) == ["local.cloud", "local.desktop", "local.general"]
    facility = {"name": "x"}
    refusal = cuebot.refusal("AllocationInterface/Create", name=name, tag="t", facility=facility)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_an_allocation_that_exists_cannot_be_found_after_its_creation(cuebot: Cuebot) -> None:
    """AllocationDaoJdbc.insertAllocation gives an existing one no id, and the servant asks it."""
    values = {"name": "general", "tag": "x", "facility": {"name": "local"}}
    assert cuebot.refusal("AllocationInterface/Create", **values) == ("INTERNAL", UNCAUGHT)
    assert names(cuebot) == ["local.desktop", "local.general"]


def test_an_empty_allocation_can_be_deleted(cuebot: Cuebot) -> None:
    """AllocationDaoJdbc.deleteAllocation refuses with hosts inside, and for the default one."""
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
    """AllocationDaoJdbc.deleteAllocation only hides what is referred to; creating enables it."""
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
    """HostDaoJdbc.updateHostSetAllocation replaces the tag of the allocation, no other."""
    host, target = idle_host(cuebot), allocation(cuebot, "local.desktop")
    assert host.tags[:2] == ["general", host.name]
    moved = {"hosts": [{"id": host.id}]}
    cuebot("AllocationInterface/ReparentHosts", allocation={"id": target.id}, hosts=moved)
    cuebot.wait()
    after = cuebot.host(host.name)
    assert (after.alloc_name, list(after.tags[:2])) == ("local.desktop", ["desktop", host.name])
    assert allocation(cuebot, "local.desktop").stats.hosts == target.stats.hosts + 1


def test_hosts_move_up_to_the_first_that_is_busy(cuebot: Cuebot) -> None:
    """ManageReparentHosts ends at the first host that HostManagerService.setAllocation refuses."""
    idle, busy = idle_host(cuebot), busy_host(cuebot)
    key = {"id": allocation(cuebot, "local.desktop").id}
    for hosts in ([busy.id, idle.id], ["x", idle.id]):
        moved = {"hosts": [{"id": each} for each in hosts]}
        cuebot("AllocationInterface/ReparentHosts", allocation=key, hosts=moved)
        cuebot.wait(1)
        assert cuebot.host(idle.name).alloc_name == "local.general"
    assert cuebot.host(busy.name).alloc_name == "local.general"


def test_a_host_with_running_procs_is_not_moved(cuebot: Cuebot) -> None:
    """HostManagerService.setAllocation throws, so what is reserved stays where it is."""
    farm = cuebot.farm
    reserved = dict(farm.reserved)
    with pytest.raises(Refusal, match=RUNNING_PROCS):
        move_host(farm, busy_host(cuebot), by_name(farm.allocations, "local.desktop"))
    assert farm.reserved == reserved


def test_a_renamed_allocation_keeps_its_facility_and_all_it_has(cuebot: Cuebot) -> None:
    """AllocationDaoJdbc.updateAllocationName changes one row that hosts and the rest point at."""
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
    """What a show has reserved is given back where it was taken, whatever that is called now."""
    cuebot("AllocationInterface/SetName", allocation=GENERAL, name="farm")
    for name in list(cuebot.farm.pending):
        cuebot("JobInterface/Kill", job={"id": cuebot.job(name).id}, reason="test")
    cuebot.wait()
    assert not any(cuebot.farm.reserved.values())


def test_a_new_name_has_no_facility_and_is_not_taken(cuebot: Cuebot) -> None:
    """AllocationDaoJdbc.updateAllocationName wants one word; names are unique in the database."""
    for name in ("local.farm", "", "a b"):
        code, text = cuebot.refusal("AllocationInterface/SetName", allocation=GENERAL, name=name)
        assert (code, text.partition(":")[0]) == ("INTERNAL", "java.lang.IllegalArgumentException")
    code, text = cuebot.refusal("AllocationInterface/SetName", allocation=GENERAL, name="desktop")
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    cuebot("AllocationInterface/SetName", allocation=GENERAL, name="general")


def test_a_new_tag_is_that_of_the_hosts_too(cuebot: Cuebot) -> None:
    """AllocationDao.updateAllocationTag: all hosts in the allocation are retagged."""
    cuebot("AllocationInterface/SetTag", allocation=DESKTOP, tag="desks")
    assert allocation(cuebot, "local.desktop").tag == "desks"
    assert list(cuebot.host("desk-201").tags) == ["desks", "desk-201"]
    assert cuebot.host("render-node-01").tags[0] == "general"


def test_billable_is_set(cuebot: Cuebot) -> None:
    """ManageAllocation.setBillable."""
    assert allocation(cuebot).billable
    cuebot("AllocationInterface/SetBillable", allocation=GENERAL, value=False)
    assert not allocation(cuebot).billable


@pytest.mark.parametrize("method", ["Delete", "SetBillable", "SetName", "SetTag"])
def test_changes_go_by_facility_and_name(cuebot: Cuebot, method: str) -> None:
    """ManageAllocation finds what it changes with findAllocationDetail; an id alone is nothing."""
    key = {"id": allocation(cuebot).id}
    refusal = cuebot.refusal(f"AllocationInterface/{method}", allocation=key)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_another_allocation_is_the_default(cuebot: Cuebot) -> None:
    """ManageAllocation.setDefault: there is one default at a time."""
    service = cuebot.farm.messages.pool.FindServiceByName("facility.AllocationInterface")
    if "SetDefault" not in service.methods_by_name:
        pytest.skip("this opencue-proto has no default allocation")
    assert cuebot("AllocationInterface/GetDefault").allocation.name == "local.general"
    cuebot("AllocationInterface/SetDefault", allocation=DESKTOP)
    assert cuebot("AllocationInterface/GetDefault").allocation.name == "local.desktop"
    refusal = cuebot.refusal("AllocationInterface/SetDefault", allocation={"name": "x"})
    assert refusal == ("INTERNAL", UNCAUGHT)
