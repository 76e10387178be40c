"""host.ProcInterface: procs that are sent to other jobs."""

from collections.abc import Sequence
from typing import Any

import pytest

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import UNCAUGHT, Cuebot

GIGABYTE = 1024 * 1024
ROTO = "northwind-ep02_031-artist1_roto_v001"
"""A job of which nothing runs, ten small frames wait, and others come before it."""
LIGHT = "demo-sh010-artist1_light_v012"
COMP = "demo-sh010-lena_comp_v003"
DESK = "desk-203"


def procs(cuebot: Cuebot, **criteria: Any) -> Sequence[Any]:
    found: Sequence[Any] = cuebot("ProcInterface/GetProcs", r=criteria).procs.procs
    return found


def ids(found: Sequence[Any]) -> set[str]:
    return {proc.id for proc in found}


@pytest.fixture
def proc(cuebot: Cuebot) -> Any:
    """A proc of the most urgent job on the only host that takes work. Four cores, 12 GB."""
    for host in cuebot("HostInterface/GetHosts", r={"states": {"state": ["UP"]}}).hosts.hosts:
        method = "AddTags" if host.name == DESK else "Lock"
        tags = {"tags": ["general"]} if host.name == DESK else {}
        cuebot(f"HostInterface/{method}", host={"id": host.id}, **tags)
    cuebot.wait(10)
    found = procs(cuebot, hosts=[DESK])
    assert {each.job_name for each in found} == {LIGHT}
    return found[0]


def until_gone(cuebot: Cuebot, proc: Any) -> set[str]:
    """Wait until a proc has ended: the jobs that have got its host's cores in that second."""
    while True:
        before = ids(procs(cuebot))
        if proc.id not in before:
            return set()
        cuebot.wait(1)
        now = procs(cuebot, hosts=[DESK])
        if proc.id not in ids(now):
            return {each.job_name for each in now if each.id not in before}


def test_the_host_of_an_unbooked_proc_is_booked_freely(cuebot: Cuebot, proc: Any) -> None:
    """FrameCompleteHandler lets an unbooked proc go; its host gets what comes first."""
    cuebot("ProcInterface/Unbook", proc={"id": proc.id})
    assert until_gone(cuebot, proc) == {LIGHT}


def test_a_redirected_proc_works_for_the_job_next(cuebot: Cuebot, proc: Any) -> None:
    """RedirectManager.redirect: the host's next frames are the job's, whatever else is waiting."""
    job = cuebot.job(ROTO)
    answer = cuebot("ProcInterface/RedirectToJob", proc={"id": proc.id}, job_id=job.id)
    assert answer.value
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == (ROTO, True)
    assert until_gone(cuebot, proc) == {ROTO}


def test_a_redirected_proc_works_for_the_group_next(cuebot: Cuebot, proc: Any) -> None:
    """RedirectManager.redirect to a group: frames of its jobs."""
    group = cuebot("GroupInterface/FindGroup", show="northwind", name="roto").group
    answer = cuebot("ProcInterface/RedirectToGroup", proc={"id": proc.id}, group_id=group.id)
    assert answer.value
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == ("roto", True)
    assert until_gone(cuebot, proc) == {ROTO}


def test_a_killed_proc_is_redirected_at_once(cuebot: Cuebot, proc: Any) -> None:
    """RedirectManager.addRedirect with `kill`."""
    job = cuebot.job(ROTO)
    cuebot("ProcInterface/RedirectToJob", proc={"id": proc.id}, job_id=job.id, kill=True)
    cuebot.wait(0.5)
    assert proc.id not in ids(procs(cuebot))
    assert ROTO in {each.job_name for each in procs(cuebot, hosts=[DESK])}


def test_a_locked_host_does_not_follow_a_redirect(cuebot: Cuebot, proc: Any) -> None:
    """FrameCompleteHandler unbooks procs of locked hosts before it looks at redirects."""
    job = cuebot.job(ROTO)
    cuebot("ProcInterface/RedirectToJob", proc={"id": proc.id}, job_id=job.id, kill=True)
    cuebot("HostInterface/Lock", host={"id": cuebot.host(DESK).id})
    cuebot.wait(1)
    assert cuebot.job(ROTO).job_stats.running_frames == 0


def test_a_job_that_was_paused_since_gets_no_proc(cuebot: Cuebot, proc: Any) -> None:
    """The dispatcher books no frames of a paused job, redirected or not."""
    job = cuebot.job(ROTO)
    cuebot("ProcInterface/RedirectToJob", proc={"id": proc.id}, job_id=job.id, kill=True)
    cuebot("JobInterface/Pause", job={"id": job.id})
    cuebot.wait(1)
    assert cuebot.job(ROTO).job_stats.running_frames == 0


def test_a_redirect_is_cleared(cuebot: Cuebot, proc: Any) -> None:
    """ManageProc.clearRedirect books the proc again; the answer says whether it was redirected."""
    by_id = {"proc": {"id": proc.id}}
    cuebot("ProcInterface/RedirectToJob", **by_id, job_id=cuebot.job(ROTO).id)
    assert cuebot("ProcInterface/ClearRedirect", **by_id).value
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == ("", False)
    assert not cuebot("ProcInterface/ClearRedirect", **by_id).value
    assert until_gone(cuebot, proc) == {LIGHT}


def test_a_job_without_fitting_work_gets_no_redirect(cuebot: Cuebot, proc: Any) -> None:
    """RedirectManager.addRedirect tests a dispatch first: 8 cores do not fit into 4."""
    smoke = cuebot.job("demo-sh020-marco_smoke_v001")
    by_id = {"proc": {"id": proc.id}}
    assert not cuebot("ProcInterface/RedirectToJob", **by_id, job_id=smoke.id, kill=True).value
    group = cuebot("GroupInterface/FindGroup", show="demo", name="fx").group
    assert not cuebot("ProcInterface/RedirectToGroup", **by_id, group_id=group.id).value
    cuebot.wait(1)
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == ("", False)


WHAT_DOES_NOT_FIT: tuple[dict[str, Any], ...] = (
    {"min_cores": 4.5},
    {"min_memory": 13 * GIGABYTE},
    {"min_gpus": 1},
    {"tags": ["special"]},
    {"limits": ["nuke_render"]},
)


@pytest.mark.parametrize("values", WHAT_DOES_NOT_FIT, ids=str)
def test_what_does_not_fit_gets_no_redirect(
    cuebot: Cuebot, proc: Any, values: dict[str, Any]
) -> None:
    """The next frame of the job must fit into the proc, by cores, memory, GPUs, tags, limits."""
    by_name(cuebot.farm.limits, "nuke_render").max_value = 0
    fill(cuebot.farm.layers[cuebot.layer(ROTO, "roto").id], **values)
    by_id = {"proc": {"id": proc.id}}
    assert not cuebot("ProcInterface/RedirectToJob", **by_id, job_id=cuebot.job(ROTO).id).value


def test_a_paused_job_of_a_group_gets_no_redirect(cuebot: Cuebot, proc: Any) -> None:
    """For a group only jobs count that could be booked; a job alone may be paused."""
    job = cuebot.job(ROTO)
    cuebot("JobInterface/Pause", job={"id": job.id})
    group = cuebot("GroupInterface/FindGroup", show="northwind", name="roto").group
    by_id = {"proc": {"id": proc.id}}
    assert not cuebot("ProcInterface/RedirectToGroup", **by_id, group_id=group.id).value
    assert cuebot("ProcInterface/RedirectToJob", **by_id, job_id=job.id).value


@pytest.mark.parametrize(("method", "key"), [("ToJob", "job_id"), ("ToGroup", "group_id")])
def test_a_redirect_needs_a_target(cuebot: Cuebot, method: str, key: str) -> None:
    """ManageProc looks the target up by its id: INTERNAL."""
    by_id = {"proc": {"id": procs(cuebot)[0].id}}
    refusal = cuebot.refusal(f"ProcInterface/Redirect{method}", **by_id, **{key: ROTO})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_procs_are_redirected_to_a_group(cuebot: Cuebot) -> None:
    """ManageProc.unbookToGroup: booked procs of other groups, the oldest first."""
    group = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    r = {"shows": ["demo"], "max_results": [2]}
    assert cuebot("ProcInterface/UnbookToGroup", r=r, group={"id": group.id}).num_procs == 2
    sent = [each for each in procs(cuebot) if each.redirect_target == "comp"]
    assert len(sent) == 2
    assert all(each.unbooked and each.group_name == "light" for each in sent)
    others = [each for each in procs(cuebot, shows=["demo"]) if each.group_name == "light"]
    assert max(each.dispatch_time for each in sent) <= min(
        each.dispatch_time for each in others if not each.unbooked
    )
    r["max_results"] = [0]
    rest = sum(not each.unbooked for each in others)
    answer = cuebot("ProcInterface/UnbookToGroup", r=r, group={"id": group.id}, kill=True)
    assert answer.num_procs == rest
    cuebot.wait(0.5)
    left = [each for each in procs(cuebot) if each.redirect_target]
    assert ids(left) == ids(sent)


def test_procs_are_redirected_to_jobs_in_turn(cuebot: Cuebot) -> None:
    """ManageProc.unbookToJob: procs of other jobs; unknown jobs are left out."""
    roto, comp = cuebot.job(ROTO), cuebot.job(COMP)
    jobs = {"jobs": [{"id": roto.id}, {"id": "nope"}, {"id": comp.id}]}
    r = {"shows": ["demo"], "max_results": [4]}
    assert cuebot("ProcInterface/UnbookToJob", r=r, jobs=jobs).num_procs == 4
    sent = [each for each in procs(cuebot) if each.redirect_target]
    assert sorted(each.redirect_target for each in sent) == [COMP, COMP, ROTO, ROTO]
    assert {each.job_name for each in sent} == {LIGHT}
    assert cuebot("ProcInterface/UnbookToJob", r=r, jobs=jobs).num_procs == 0
    nobody = {"jobs": [{"id": "nope"}]}
    assert cuebot("ProcInterface/UnbookToJob", r={"max_results": [4]}, jobs=nobody).num_procs == 0


@pytest.mark.parametrize("method", ["UnbookToJob", "UnbookToGroup"])
def test_a_mass_redirect_needs_a_number(cuebot: Cuebot, method: str) -> None:
    """ManageProc throws a RuntimeException when max_results is empty, before anything else."""
    code, text = cuebot.refusal(f"ProcInterface/{method}", r={"shows": ["demo"]})
    assert code == "INTERNAL"
    assert text.startswith("java.lang.RuntimeException: You must specify the number of procs")


def test_a_mass_redirect_needs_a_group(cuebot: Cuebot) -> None:
    """ManageProc.unbookToGroup does not catch a missing group: INTERNAL."""
    refusal = cuebot.refusal("ProcInterface/UnbookToGroup", r={"max_results": [1]})
    assert refusal == ("INTERNAL", UNCAUGHT)
