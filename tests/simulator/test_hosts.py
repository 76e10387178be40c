"""host.HostInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.redirects import redirect
from tests.simulator.hosts import BUSY, IDLE, SILENT, ask, procs
from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot


def test_a_host_is_found_by_its_name_and_by_its_id(cuebot: Cuebot) -> None:
    """ManageHost.findHost and getHost catch Spring's exception: NOT_FOUND."""
    host = cuebot("HostInterface/FindHost", name=BUSY).host
    assert cuebot("HostInterface/GetHost", id=host.id).host == host
    for method, key in (("FindHost", {"name": host.id}), ("GetHost", {"id": BUSY})):
        assert cuebot.refusal(f"HostInterface/{method}", **key) == ("NOT_FOUND", NOTHING_FOUND)


METHODS = (
    *("AddComment", "AddTags", "Delete", "GetComments", "GetDeed", "GetOwner", "GetProcs"),
    *("GetRenderPartitions", "Lock", "Reboot", "RebootWhenIdle", "RemoveTags", "RenameTag"),
    *("SetAllocation", "SetHardwareState", "SetOs", "SetThreadMode", "Unlock"),
)


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_do_not_catch_a_missing_host(cuebot: Cuebot, method: str) -> None:
    """ManageHost.getHostInterface lets the exception through: INTERNAL, with the class."""
    refusal = cuebot.refusal(f"HostInterface/{method}", host={"id": "nope", "name": BUSY})
    assert refusal == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize("method", ["RestartRqdNow", "RestartRqdWhenIdle"])
def test_rqd_is_not_restarted(cuebot: Cuebot, method: str) -> None:
    """ManageHost has no restartRqd…: Cuebot answers UNIMPLEMENTED."""
    if f"HostInterface/{method}" in cuebot.methods:
        assert cuebot.refusal(f"HostInterface/{method}")[0] == "UNIMPLEMENTED"


def names(cuebot: Cuebot, **criteria: Any) -> set[str]:
    found = cuebot("HostInterface/GetHosts", r=criteria).hosts.hosts
    return {host.name for host in found}


def test_hosts_are_searched(cuebot: Cuebot) -> None:
    """HostSearch: every filled criterion narrows, and any of its values fits."""
    assert len(names(cuebot)) == 10
    assert names(cuebot, hosts=[BUSY, IDLE, "nope"]) == {BUSY, IDLE}
    assert names(cuebot, ids=[cuebot.host(IDLE).id]) == {IDLE}
    assert names(cuebot, substr=["node-0"], regex=["[67]$"]) == {"render-node-06", SILENT}
    assert names(cuebot, allocs=["local.desktop"]) == {"desk-201", "desk-202", IDLE}
    assert names(cuebot, states={"state": ["DOWN"]}) == {SILENT}
    assert names(cuebot, lock_states={"state": ["NIMBY_LOCKED"]}) == {"desk-202"}
    assert names(cuebot, hosts=[BUSY], allocs=["local.desktop"]) == set()


def test_the_procs_of_a_host_are_those_that_run_there(cuebot: Cuebot) -> None:
    """Whiteboard.getProcs filters by the host."""
    assert len(procs(cuebot, BUSY)) == 3
    assert all(proc.name.startswith(f"{BUSY}/") for proc in procs(cuebot, BUSY))
    assert not procs(cuebot, IDLE)


def test_the_owner_and_the_deed_of_a_host(cuebot: Cuebot) -> None:
    """Whiteboard.getOwner and getDeed find nothing where nobody owns the host: INTERNAL."""
    assert ask(cuebot, "GetOwner", "desk-201").owner.name == "artist1"
    assert ask(cuebot, "GetDeed", "desk-201").deed.host == "desk-201"
    for method in ("GetOwner", "GetDeed"):
        host = {"id": cuebot.host(IDLE).id}
        assert cuebot.refusal(f"HostInterface/{method}", host=host) == ("INTERNAL", UNCAUGHT)


def test_a_comment_on_a_host(cuebot: Cuebot) -> None:
    """ManageHost.addComment takes user, subject and message, and sets the time itself."""
    comment = {"user": "ana", "subject": "Fan", "message": "Loud", "timestamp": 5}
    ask(cuebot, "AddComment", IDLE, new_comment=comment)
    assert cuebot.host(IDLE).has_comment
    (found,) = ask(cuebot, "GetComments", IDLE).comments.comments
    assert (found.user, found.subject, found.message) == ("ana", "Fan", "Loud")
    assert found.timestamp == cuebot.clock.now


def test_thread_mode_and_os_are_set(cuebot: Cuebot) -> None:
    """HostDao.updateThreadMode and updateHostOs."""
    ask(cuebot, "SetThreadMode", IDLE, mode="ALL")
    ask(cuebot, "SetOs", IDLE, os="rocky10")
    host = cuebot.host(IDLE)
    assert (enum_name(host, "thread_mode"), host.os) == ("ALL", "rocky10")


def tags(cuebot: Cuebot, name: str = IDLE) -> list[str]:
    return list(cuebot.host(name).tags)


def test_tags_are_added(cuebot: Cuebot) -> None:
    """recalculate_tags: the allocation's, the host's name, the others sorted, even twice."""
    ask(cuebot, "AddTags", IDLE, tags=["gpu", "", " big ", "desktop"])
    assert tags(cuebot) == ["desktop", IDLE, "big", "desktop", "gpu"]


def test_tags_are_removed(cuebot: Cuebot) -> None:
    """HostDao.removeTag: every tag of that name but the allocation's, the host's name too."""
    ask(cuebot, "AddTags", IDLE, tags=["gpu", "gpu", "desktop"])
    ask(cuebot, "RemoveTags", IDLE, tags=["gpu", "desktop", "nope"])
    assert tags(cuebot) == ["desktop", IDLE]
    ask(cuebot, "RemoveTags", IDLE, tags=[IDLE])
    assert tags(cuebot) == ["desktop"]


def test_a_tag_is_renamed(cuebot: Cuebot) -> None:
    """HostDao.renameTag: not the allocation's; one that is not there changes nothing."""
    ask(cuebot, "AddTags", IDLE, tags=["gpu"])
    ask(cuebot, "RenameTag", IDLE, old_tag="gpu", new_tag="rtx")
    ask(cuebot, "RenameTag", IDLE, old_tag="desktop", new_tag="general")
    ask(cuebot, "RenameTag", IDLE, old_tag="nope", new_tag="general")
    assert tags(cuebot) == ["desktop", IDLE, "rtx"]


def test_tags_decide_what_runs(cuebot: Cuebot) -> None:
    """The dispatcher gives a host only layers that share a tag with it."""
    cuebot.wait(6)
    assert not procs(cuebot, IDLE)
    ask(cuebot, "AddTags", IDLE, tags=["general"])
    cuebot.wait(6)
    assert procs(cuebot, IDLE)


def test_a_host_moves_to_another_allocation(cuebot: Cuebot) -> None:
    """ManageHost.setAllocation takes the allocation's id, and swaps its tag."""
    ask(cuebot, "AddTags", IDLE, tags=["gpu"])
    general = cuebot("AllocationInterface/Find", name="local.general").allocation
    ask(cuebot, "SetAllocation", IDLE, allocation_id=general.id)
    assert cuebot.host(IDLE).alloc_name == "local.general"
    assert tags(cuebot) == ["general", IDLE, "gpu"]
    host = {"id": cuebot.host(IDLE).id}
    refusal = cuebot.refusal("HostInterface/SetAllocation", host=host, allocation_id=general.name)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_a_busy_host_does_not_move(cuebot: Cuebot) -> None:
    """HostManager.setAllocation refuses while procs run there."""
    desktop = cuebot("AllocationInterface/Find", name="local.desktop").allocation
    host = {"id": cuebot.host(BUSY).id}
    code, text = cuebot.refusal("HostInterface/SetAllocation", host=host, allocation_id=desktop.id)
    assert code == "INTERNAL"
    assert text.startswith("com.imageworks.spcue.EntityModificationError: You cannot move hosts")
    assert cuebot.host(BUSY).alloc_name == "local.general"


def test_a_host_is_deleted(cuebot: Cuebot) -> None:
    """HostDao.deleteHost: its comments and its deed go with it."""
    ask(cuebot, "AddComment", "desk-201", new_comment={"subject": "Fan"})
    comments, deeds = len(cuebot.farm.comments), len(cuebot.farm.deeds)
    ask(cuebot, "Delete", "desk-201")
    assert cuebot.refusal("HostInterface/FindHost", name="desk-201")[0] == "NOT_FOUND"
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.host_count == 0
    assert (len(cuebot.farm.comments), len(cuebot.farm.deeds)) == (comments - 1, deeds - 1)
    cuebot.wait(60)


def test_a_busy_host_is_not_deleted(cuebot: Cuebot) -> None:
    """The database refuses to delete a host that a proc refers to."""
    code, text = cuebot.refusal("HostInterface/Delete", host={"id": cuebot.host(BUSY).id})
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ")
    assert "c_proc_pk_host" in text
    assert procs(cuebot, BUSY)


def test_the_whiteboard_nests_procs_in_hosts(cuebot: Cuebot) -> None:
    """NestedHost and NestedProc have the fields of Host and Proc."""
    hosts = {
        host.name: host
        for host in cuebot("HostInterface/GetHostWhiteboard").nested_hosts.nested_hosts
    }
    assert hosts.keys() == names(cuebot)
    busy = hosts[BUSY]
    assert (busy.id, busy.idle_cores) == (cuebot.host(BUSY).id, cuebot.host(BUSY).idle_cores)
    assert list(busy.tags) == tags(cuebot, BUSY)
    nested = {proc.id: proc for proc in busy.procs.nested_procs}
    for proc in procs(cuebot, BUSY):
        assert nested.pop(proc.id).frame_name == proc.frame_name
    assert not nested
    assert {proc.parent.id for proc in busy.procs.nested_procs} == {busy.id}
    assert enum_name(hosts["desk-202"], "lock_state") == "NIMBY_LOCKED"


def test_procs_of_a_host_are_redirected_to_a_job(cuebot: Cuebot) -> None:
    """RedirectManager.addRedirect: all are killed, and the job's frames come once all are gone."""
    found = procs(cuebot, BUSY)
    job = cuebot.job("northwind-ep02_031-artist1_roto_v001")
    answer = ask(
        cuebot, "RedirectToJob", BUSY, proc_names=[proc.id for proc in found], job_id=job.id
    )
    assert answer.value
    assert {proc.redirect_target for proc in procs(cuebot, BUSY)} == {job.name}
    assert all(proc.unbooked for proc in procs(cuebot, BUSY))
    (batch,) = {batch for _, batch in cuebot.farm.redirects.values()}
    assert batch
    cuebot.wait(1)
    now = procs(cuebot, BUSY)
    assert {proc.job_name for proc in now} == {job.name}
    assert len(now) == job.job_stats.waiting_frames


def test_a_batch_waits_for_its_last_proc(cuebot: Cuebot) -> None:
    """RedirectManager.redirect: no proc of a batch goes to the job before the others report."""
    first, second, *_ = (cuebot.farm.procs[proc.id] for proc in procs(cuebot, BUSY))
    job = cuebot.job("northwind-ep02_031-artist1_roto_v001")
    for proc in (first, second):
        redirect(cuebot.farm, proc, job, "batch")
    for proc, running in ((first, 0), (second, job.job_stats.waiting_frames)):
        cuebot("ProcInterface/Kill", proc={"id": proc.id})
        cuebot.wait(1)
        assert cuebot.job(job.name).job_stats.running_frames == running


@pytest.mark.parametrize("unknown", ["proc_names", "job_id"])
def test_a_redirect_needs_procs_and_a_job(cuebot: Cuebot, unknown: str) -> None:
    """ManageHost.redirectToJob looks both up by their ids: INTERNAL."""
    proc = procs(cuebot, BUSY)[0]
    values = {"proc_names": [proc.id], "job_id": cuebot.job(proc.job_name).id}
    values[unknown] = [proc.name] if unknown == "proc_names" else proc.job_name
    assert cuebot.refusal("HostInterface/RedirectToJob", **values) == ("INTERNAL", UNCAUGHT)
    cuebot.wait(1)
    assert proc.id in {proc.id for proc in procs(cuebot, BUSY)}
