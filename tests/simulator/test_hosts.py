"""host.HostInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.redirects import redirect
from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk
from tests.simulator.hosts import BUSY, IDLE, SILENT, ask, procs


def test_a_host_is_found_by_its_name_and_by_its_id(desk: Desk) -> None:
    """ManageHost.findHost and getHost catch Spring's exception: NOT_FOUND."""
    host = desk("HostInterface/FindHost", name=BUSY).host
    assert desk("HostInterface/GetHost", id=host.id).host == host
    for method, key in (("FindHost", {"name": host.id}), ("GetHost", {"id": BUSY})):
        assert desk.refusal(f"HostInterface/{method}", **key) == ("NOT_FOUND", NOTHING_FOUND)


METHODS = (
    *("AddComment", "AddTags", "Delete", "GetComments", "GetDeed", "GetOwner", "GetProcs"),
    *("GetRenderPartitions", "Lock", "Reboot", "RebootWhenIdle", "RemoveTags", "RenameTag"),
    *("SetAllocation", "SetHardwareState", "SetOs", "SetThreadMode", "Unlock"),
)


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_do_not_catch_a_missing_host(desk: Desk, method: str) -> None:
    """ManageHost.getHostInterface lets the exception through: INTERNAL, with the class."""
    refusal = desk.refusal(f"HostInterface/{method}", host={"id": "nope", "name": BUSY})
    assert refusal == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize("method", ["RestartRqdNow", "RestartRqdWhenIdle"])
def test_rqd_is_not_restarted(desk: Desk, method: str) -> None:
    """ManageHost has no restartRqd…: Cuebot answers UNIMPLEMENTED."""
    if f"HostInterface/{method}" in desk._methods:
        assert desk.refusal(f"HostInterface/{method}")[0] == "UNIMPLEMENTED"


def names(desk: Desk, **criteria: Any) -> set[str]:
    found = desk("HostInterface/GetHosts", r=criteria).hosts.hosts
    return {host.name for host in found}


def test_hosts_are_searched(desk: Desk) -> None:
    """HostSearch: every filled criterion narrows, and any of its values fits."""
    assert len(names(desk)) == 10
    assert names(desk, hosts=[BUSY, IDLE, "nope"]) == {BUSY, IDLE}
    assert names(desk, ids=[desk.host(IDLE).id]) == {IDLE}
    assert names(desk, substr=["node-0"], regex=["[67]$"]) == {"render-node-06", SILENT}
    assert names(desk, allocs=["local.desktop"]) == {"desk-201", "desk-202", IDLE}
    assert names(desk, states={"state": ["DOWN"]}) == {SILENT}
    assert names(desk, lock_states={"state": ["NIMBY_LOCKED"]}) == {"desk-202"}
    assert names(desk, hosts=[BUSY], allocs=["local.desktop"]) == set()


def test_the_procs_of_a_host_are_those_that_run_there(desk: Desk) -> None:
    """Whiteboard.getProcs filters by the host."""
    assert len(procs(desk, BUSY)) == 3
    assert all(proc.name.startswith(f"{BUSY}/") for proc in procs(desk, BUSY))
    assert not procs(desk, IDLE)


def test_the_owner_and_the_deed_of_a_host(desk: Desk) -> None:
    """Whiteboard.getOwner and getDeed find nothing where nobody owns the host: INTERNAL."""
    assert ask(desk, "GetOwner", "desk-201").owner.name == "artist1"
    assert ask(desk, "GetDeed", "desk-201").deed.host == "desk-201"
    for method in ("GetOwner", "GetDeed"):
        host = {"id": desk.host(IDLE).id}
        assert desk.refusal(f"HostInterface/{method}", host=host) == ("INTERNAL", UNCAUGHT)


def test_a_comment_on_a_host(desk: Desk) -> None:
    """ManageHost.addComment takes user, subject and message, and sets the time itself."""
    comment = {"user": "ana", "subject": "Fan", "message": "Loud", "timestamp": 5}
    ask(desk, "AddComment", IDLE, new_comment=comment)
    assert desk.host(IDLE).has_comment
    (found,) = ask(desk, "GetComments", IDLE).comments.comments
    assert (found.user, found.subject, found.message) == ("ana", "Fan", "Loud")
    assert found.timestamp == desk.clock.now


def test_thread_mode_and_os_are_set(desk: Desk) -> None:
    """HostDao.updateThreadMode and updateHostOs."""
    ask(desk, "SetThreadMode", IDLE, mode="ALL")
    ask(desk, "SetOs", IDLE, os="rocky10")
    host = desk.host(IDLE)
    assert (enum_name(host, "thread_mode"), host.os) == ("ALL", "rocky10")


def tags(desk: Desk, name: str = IDLE) -> list[str]:
    return list(desk.host(name).tags)


def test_tags_are_added(desk: Desk) -> None:
    """recalculate_tags: the allocation's, the host's name, the others sorted, even twice."""
    ask(desk, "AddTags", IDLE, tags=["gpu", "", " big ", "desktop"])
    assert tags(desk) == ["desktop", IDLE, "big", "desktop", "gpu"]


def test_tags_are_removed(desk: Desk) -> None:
    """HostDao.removeTag: every tag of that name but the allocation's, the host's name too."""
    ask(desk, "AddTags", IDLE, tags=["gpu", "gpu", "desktop"])
    ask(desk, "RemoveTags", IDLE, tags=["gpu", "desktop", "nope"])
    assert tags(desk) == ["desktop", IDLE]
    ask(desk, "RemoveTags", IDLE, tags=[IDLE])
    assert tags(desk) == ["desktop"]


def test_a_tag_is_renamed(desk: Desk) -> None:
    """HostDao.renameTag: not the allocation's; one that is not there changes nothing."""
    ask(desk, "AddTags", IDLE, tags=["gpu"])
    ask(desk, "RenameTag", IDLE, old_tag="gpu", new_tag="rtx")
    ask(desk, "RenameTag", IDLE, old_tag="desktop", new_tag="general")
    ask(desk, "RenameTag", IDLE, old_tag="nope", new_tag="general")
    assert tags(desk) == ["desktop", IDLE, "rtx"]


def test_tags_decide_what_runs(desk: Desk) -> None:
    """The dispatcher gives a host only layers that share a tag with it."""
    desk.wait(6)
    assert not procs(desk, IDLE)
    ask(desk, "AddTags", IDLE, tags=["general"])
    desk.wait(6)
    assert procs(desk, IDLE)


def test_a_host_moves_to_another_allocation(desk: Desk) -> None:
    """ManageHost.setAllocation takes the allocation's id, and swaps its tag."""
    ask(desk, "AddTags", IDLE, tags=["gpu"])
    general = desk("AllocationInterface/Find", name="local.general").allocation
    ask(desk, "SetAllocation", IDLE, allocation_id=general.id)
    assert desk.host(IDLE).alloc_name == "local.general"
    assert tags(desk) == ["general", IDLE, "gpu"]
    host = {"id": desk.host(IDLE).id}
    refusal = desk.refusal("HostInterface/SetAllocation", host=host, allocation_id=general.name)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_a_busy_host_does_not_move(desk: Desk) -> None:
    """HostManager.setAllocation refuses while procs run there."""
    desktop = desk("AllocationInterface/Find", name="local.desktop").allocation
    host = {"id": desk.host(BUSY).id}
    code, text = desk.refusal("HostInterface/SetAllocation", host=host, allocation_id=desktop.id)
    assert code == "INTERNAL"
    assert text.startswith("com.imageworks.spcue.EntityModificationError: You cannot move hosts")
    assert desk.host(BUSY).alloc_name == "local.general"


def test_a_host_is_deleted(desk: Desk) -> None:
    """HostDao.deleteHost: its comments and its deed go with it."""
    ask(desk, "AddComment", "desk-201", new_comment={"subject": "Fan"})
    comments, deeds = len(desk.farm.comments), len(desk.farm.deeds)
    ask(desk, "Delete", "desk-201")
    assert desk.refusal("HostInterface/FindHost", name="desk-201")[0] == "NOT_FOUND"
    assert desk("OwnerInterface/GetOwner", name="artist1").owner.host_count == 0
    assert (len(desk.farm.comments), len(desk.farm.deeds)) == (comments - 1, deeds - 1)
    desk.wait(60)


def test_a_busy_host_is_not_deleted(desk: Desk) -> None:
    """The database refuses to delete a host that a proc refers to."""
    code, text = desk.refusal("HostInterface/Delete", host={"id": desk.host(BUSY).id})
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ")
    assert "c_proc_pk_host" in text
    assert procs(desk, BUSY)


def test_the_whiteboard_nests_procs_in_hosts(desk: Desk) -> None:
    """NestedHost and NestedProc have the fields of Host and Proc."""
    hosts = {
        host.name: host
        for host in desk("HostInterface/GetHostWhiteboard").nested_hosts.nested_hosts
    }
    assert hosts.keys() == names(desk)
    busy = hosts[BUSY]
    assert (busy.id, busy.idle_cores) == (desk.host(BUSY).id, desk.host(BUSY).idle_cores)
    assert list(busy.tags) == tags(desk, BUSY)
    nested = {proc.id: proc for proc in busy.procs.nested_procs}
    for proc in procs(desk, BUSY):
        assert nested.pop(proc.id).frame_name == proc.frame_name
    assert not nested
    assert {proc.parent.id for proc in busy.procs.nested_procs} == {busy.id}
    assert enum_name(hosts["desk-202"], "lock_state") == "NIMBY_LOCKED"


def test_procs_of_a_host_are_redirected_to_a_job(desk: Desk) -> None:
    """RedirectManager.addRedirect: all are killed, and the job's frames come once all are gone."""
    found = procs(desk, BUSY)
    job = desk.job("northwind-ep02_031-artist1_roto_v001")
    answer = ask(desk, "RedirectToJob", BUSY, proc_names=[proc.id for proc in found], job_id=job.id)
    assert answer.value
    assert {proc.redirect_target for proc in procs(desk, BUSY)} == {job.name}
    assert all(proc.unbooked for proc in procs(desk, BUSY))
    (batch,) = {batch for _, batch in desk.farm.redirects.values()}
    assert batch
    desk.wait(1)
    now = procs(desk, BUSY)
    assert {proc.job_name for proc in now} == {job.name}
    assert len(now) == job.job_stats.waiting_frames


def test_a_batch_waits_for_its_last_proc(desk: Desk) -> None:
    """RedirectManager.redirect: no proc of a batch goes to the job before the others report."""
    first, second, *_ = (desk.farm.procs[proc.id] for proc in procs(desk, BUSY))
    job = desk.job("northwind-ep02_031-artist1_roto_v001")
    for proc in (first, second):
        redirect(desk.farm, proc, job, "batch")
    for proc, running in ((first, 0), (second, job.job_stats.waiting_frames)):
        desk("ProcInterface/Kill", proc={"id": proc.id})
        desk.wait(1)
        assert desk.job(job.name).job_stats.running_frames == running


@pytest.mark.parametrize("unknown", ["proc_names", "job_id"])
def test_a_redirect_needs_procs_and_a_job(desk: Desk, unknown: str) -> None:
    """ManageHost.redirectToJob looks both up by their ids: INTERNAL."""
    proc = procs(desk, BUSY)[0]
    values = {"proc_names": [proc.id], "job_id": desk.job(proc.job_name).id}
    values[unknown] = [proc.name] if unknown == "proc_names" else proc.job_name
    assert desk.refusal("HostInterface/RedirectToJob", **values) == ("INTERNAL", UNCAUGHT)
    desk.wait(1)
    assert proc.id in {proc.id for proc in procs(desk, BUSY)}
