"""host.ProcInterface."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot

GIGABYTE = 1024 * 1024
COMP = "demo-sh010-lena_comp_v003"


def procs(cuebot: Cuebot, **criteria: Any) -> Sequence[Any]:
    found: Sequence[Any] = cuebot("ProcInterface/GetProcs", r=criteria).procs.procs
    return found


def ids(found: Sequence[Any]) -> set[str]:
    return {proc.id for proc in found}


def test_what_a_proc_belongs_to(cuebot: Cuebot) -> None:
    """ManageProc finds the proc by its id, and what it runs now."""
    found = procs(cuebot)[0]
    by_id = {"proc": {"id": found.id}}
    frame = cuebot("ProcInterface/GetFrame", **by_id).frame
    assert (frame.name, frame.last_resource) == (found.frame_name, found.name)
    assert cuebot("ProcInterface/GetLayer", **by_id).layer.name == frame.layer_name
    assert cuebot("ProcInterface/GetJob", **by_id).job.name == found.job_name
    assert found.name.startswith(cuebot("ProcInterface/GetHost", **by_id).host.name)


METHODS = (
    *("ClearRedirect", "GetFrame", "GetHost", "GetLayer", "Kill", "RedirectToGroup"),
    *("RedirectToJob", "Unbook"),
)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_proc(cuebot: Cuebot, method: str) -> None:
    """ManageProc.getVirtualProc lets Spring's exception through: INTERNAL."""
    assert cuebot.refusal(f"ProcInterface/{method}") == ("INTERNAL", UNCAUGHT)


def test_the_job_of_an_unknown_proc(cuebot: Cuebot) -> None:
    """ManageProc.getJob alone catches it: NOT_FOUND."""
    assert cuebot.refusal("ProcInterface/GetJob") == ("NOT_FOUND", NOTHING_FOUND)


def test_procs_are_searched(cuebot: Cuebot) -> None:
    """ProcSearch: names of hosts, jobs, layers, shows and allocations, and ranges."""
    everything = procs(cuebot)
    assert len(everything) == 16
    for name, value, field in (
        ("hosts", "render-node-01", "name"),
        ("jobs", COMP, "job_name"),
        ("layers", "beauty", "frame_name"),
        ("shows", "harbor", "show_name"),
    ):
        expected = ids([each for each in everything if value in getattr(each, field)])
        assert 0 < len(expected) < 16
        assert ids(procs(cuebot, **{name: [value, "nope"]})) == expected
    assert ids(procs(cuebot, allocs=["local.general"])) == ids(everything)
    assert not procs(cuebot, allocs=["local.desktop"])


def test_procs_are_searched_by_their_memory(cuebot: Cuebot) -> None:
    """ProcSearch takes the first range of each kind, ends included, of reserved memory."""
    memory = {each.reserved_memory // GIGABYTE for each in procs(cuebot)}
    assert memory == {4, 8, 12, 16}
    for criteria, expected in (
        ({"memory_range": [{"min": 8 * GIGABYTE, "max": 12 * GIGABYTE}]}, {8, 12}),
        ({"memory_greater_than": [{"value": 12 * GIGABYTE}]}, {12, 16}),
        ({"memory_less_than": [{"value": 8 * GIGABYTE}]}, {4, 8}),
    ):
        found = procs(cuebot, **criteria)
        assert {each.reserved_memory // GIGABYTE for each in found} == expected


def test_procs_are_searched_by_how_long_they_run(cuebot: Cuebot) -> None:
    """ProcSearch.filterByDurationRange counts from the dispatch."""
    ages = {each.id: cuebot.farm.now - each.dispatch_time for each in procs(cuebot)}
    found = procs(cuebot, duration_range=[{"min": 10, "max": 15}])
    assert ids(found) == {key for key, age in ages.items() if 10 <= age <= 15}
    assert 0 < len(found) < 16


def test_some_of_the_procs(cuebot: Cuebot) -> None:
    """Criteria.queryWithPaging counts from 1, by host and dispatch time; 0 is no maximum."""
    everything = list(procs(cuebot))
    assert list(procs(cuebot, max_results=[5])) == everything[:5]
    assert list(procs(cuebot, first_result=4, max_results=[5])) == everything[3:8]
    assert list(procs(cuebot, first_result=4)) == everything[3:]
    assert list(procs(cuebot, max_results=[0])) == everything
    hosts = [each.name.partition("/")[0] for each in everything]
    assert hosts == sorted(hosts)


def test_a_killed_proc_is_unbooked_and_ends(cuebot: Cuebot) -> None:
    """ManageProc.kill unbooks the proc first; RQD reports the end later."""
    found = procs(cuebot)[0]
    cuebot("ProcInterface/Kill", proc={"id": found.id})
    assert [each.unbooked for each in procs(cuebot) if each.id == found.id] == [True]
    cuebot.wait(1)
    assert found.id not in ids(procs(cuebot))
    frame = cuebot("FrameInterface/FindFrame", job=COMP, layer="comp", frame=1009).frame
    assert frame.exit_status != 0 or found.job_name != COMP


@pytest.mark.parametrize("kill", [True, False])
def test_an_unbooked_proc_leaves_after_its_frame(cuebot: Cuebot, kill: bool) -> None:
    """ManageProc.unbook: at once only with `kill`."""
    found = procs(cuebot)[0]
    cuebot("ProcInterface/Unbook", proc={"id": found.id}, kill=kill)
    cuebot.wait(1)
    left = [each for each in procs(cuebot) if each.id == found.id]
    assert [each.unbooked for each in left] == ([] if kill else [True])


def test_procs_are_unbooked_by_a_search(cuebot: Cuebot) -> None:
    """JobManagerSupport.unbookProcs: those that are booked yet; the answer says how many."""
    harbor = len(procs(cuebot, shows=["harbor"]))
    one = procs(cuebot, shows=["harbor"])[0]
    cuebot("ProcInterface/Unbook", proc={"id": one.id})
    answer = cuebot("ProcInterface/UnbookProcs", r={"shows": ["harbor"]})
    assert answer.num_procs == harbor - 1
    assert all(each.unbooked for each in procs(cuebot, shows=["harbor"]))
    assert not any(each.unbooked for each in procs(cuebot, shows=["demo"]))
    assert cuebot("ProcInterface/UnbookProcs", r={"shows": ["harbor"]}).num_procs == 0


def test_the_oldest_procs_are_unbooked_first(cuebot: Cuebot) -> None:
    """ManageProc.unbookProcs sorts by the time of booking, after leaving out unbooked ones."""
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
