"""Procs, their search, and redirects."""

from collections.abc import Sequence
from typing import Any

import pytest

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import LIGHT, ROTO, SMOKE, Cuebot

GIGABYTE_KB = 1024 * 1024


def procs(cuebot: Cuebot, **criteria: Any) -> Sequence[Any]:
    found: Sequence[Any] = cuebot("ProcInterface/GetProcs", r=criteria).procs.procs
    return found


def ids(found: Sequence[Any]) -> set[str]:
    return {proc.id for proc in found}


@pytest.mark.parametrize("kill", [True, False])
def test_an_unbooked_proc_leaves_after_its_frame(cuebot: Cuebot, kill: bool) -> None:
    found = procs(cuebot)[0]
    cuebot("ProcInterface/Unbook", proc=found, kill=kill)
    cuebot.wait(1)
    left = [each for each in procs(cuebot) if each.id == found.id]
    assert [each.unbooked for each in left] == ([] if kill else [True])


def test_the_oldest_procs_are_unbooked_first(cuebot: Cuebot) -> None:
    by_age = sorted(procs(cuebot), key=lambda each: each.dispatch_time)
    for count in (1, 2):
        r = {"max_results": [1]}
        assert cuebot("ProcInterface/UnbookProcs", r=r, kill=count == 2).num_procs == 1
        unbooked = [each for each in procs(cuebot) if each.unbooked]
        assert len(unbooked) == count
        newest = max(each.dispatch_time for each in unbooked)
        assert newest == by_age[count - 1].dispatch_time
    cuebot.wait(1)
    assert len(procs(cuebot)) == 15


DESK = "desk-203"


@pytest.fixture
def proc(cuebot: Cuebot) -> Any:
    """A proc of the most urgent job on the only host that takes work. Four cores, 12 GB."""
    for host in cuebot("HostInterface/GetHosts", r={"states": {"state": ["UP"]}}).hosts.hosts:
        method = "AddTags" if host.name == DESK else "Lock"
        tags = {"tags": ["general"]} if host.name == DESK else {}
        cuebot(f"HostInterface/{method}", host=host, **tags)
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


def test_a_redirected_proc_works_for_the_job_next(cuebot: Cuebot, proc: Any) -> None:
    job = cuebot.job(ROTO)
    answer = cuebot("ProcInterface/RedirectToJob", proc=proc, job_id=job.id)
    assert answer.value
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == (ROTO, True)
    assert until_gone(cuebot, proc) == {ROTO}


def test_a_killed_proc_is_redirected_at_once(cuebot: Cuebot, proc: Any) -> None:
    job = cuebot.job(ROTO)
    cuebot("ProcInterface/RedirectToJob", proc=proc, job_id=job.id, kill=True)
    cuebot.wait(0.5)
    assert proc.id not in ids(procs(cuebot))
    assert ROTO in {each.job_name for each in procs(cuebot, hosts=[DESK])}


def test_a_redirect_is_cleared(cuebot: Cuebot, proc: Any) -> None:
    by_id = {"proc": {"id": proc.id}}
    cuebot("ProcInterface/RedirectToJob", **by_id, job_id=cuebot.job(ROTO).id)
    assert cuebot("ProcInterface/ClearRedirect", **by_id).value
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == ("", False)
    assert not cuebot("ProcInterface/ClearRedirect", **by_id).value
    assert until_gone(cuebot, proc) == {LIGHT}


def test_a_job_without_fitting_work_gets_no_redirect(cuebot: Cuebot, proc: Any) -> None:
    smoke = cuebot.job(SMOKE)
    by_id = {"proc": {"id": proc.id}}
    assert not cuebot("ProcInterface/RedirectToJob", **by_id, job_id=smoke.id, kill=True).value
    group = cuebot("GroupInterface/FindGroup", show="demo", name="fx").group
    assert not cuebot("ProcInterface/RedirectToGroup", **by_id, group_id=group.id).value
    cuebot.wait(1)
    (now,) = (each for each in procs(cuebot) if each.id == proc.id)
    assert (now.redirect_target, now.unbooked) == ("", False)


WHAT_DOES_NOT_FIT: tuple[dict[str, Any], ...] = (
    {"min_cores": 4.5},
    {"min_memory": 13 * GIGABYTE_KB},
    {"min_gpus": 1},
    {"tags": ["special"]},
    {"limits": ["nuke_render"]},
)


@pytest.mark.parametrize("values", WHAT_DOES_NOT_FIT, ids=str)
def test_what_does_not_fit_gets_no_redirect(
    cuebot: Cuebot, proc: Any, values: dict[str, Any]
) -> None:
    by_name(cuebot.farm.limits, "nuke_render").max_value = 0
    fill(cuebot.farm.layers[cuebot.layer(ROTO, "roto").id], **values)
    by_id = {"proc": {"id": proc.id}}
    assert not cuebot("ProcInterface/RedirectToJob", **by_id, job_id=cuebot.job(ROTO).id).value
