"""Reads of shows, jobs, frames, hosts, procs and shares."""

from typing import Any

import pytest

from tests.simulator.in_process import NOTHING_FOUND, Cuebot

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"


def test_shows_are_read_found_and_made(cuebot: Cuebot) -> None:
    """A new show takes a name only and starts with Cuebot's defaults and a root group."""
    shows = cuebot("ShowInterface/GetShows").shows.shows
    assert [show.name for show in shows] == ["demo", "harbor", "northwind"]
    assert cuebot("ShowInterface/FindShow", name="demo").show == shows[0]

    made = cuebot("ShowInterface/CreateShow", name="tidal").show
    assert (made.default_min_cores, made.default_max_cores, made.active) == (1, 100, True)
    assert cuebot("ShowInterface/GetRootGroup", show={"id": made.id}).group.name == "tidal"
    assert cuebot("ShowInterface/GetActiveShows").shows.shows[-1] == made


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"shows": ["demo"]}, 3),
        ({"shows": ["demo"], "include_finished": True}, 4),
        ({"jobs": [COMP, LIGHT]}, 2),
        ({"substr": ["_comp_", "roto"]}, 3),
        ({"regex": ["^harbor-hb1[12]0"]}, 2),
        ({"users": ["artist1"], "shots": ["sh010"]}, 1),
        ({"shows": ["demo"], "users": ["tomas"]}, 0),
        ({"ids": ["nobody"]}, 0),
        ({}, 7),
    ],
    ids=str,
)
def test_criteria_narrow_a_job_search(
    cuebot: Cuebot, criteria: dict[str, Any], expected: int
) -> None:
    """Any value of a criterion fits, all criteria must, and finished jobs need asking for."""
    jobs = cuebot("JobInterface/GetJobs", r=criteria).jobs.jobs
    assert len(jobs) == expected
    assert [job.name for job in jobs] == sorted(job.name for job in jobs)


def test_job_names_are_those_of_pending_jobs(cuebot: Cuebot) -> None:
    """GetJobNames leaves finished jobs out even with include_finished."""
    names = cuebot("JobInterface/GetJobNames", r={"include_finished": True}).names
    assert len(names) == 7


def test_a_broken_regex_is_internal(cuebot: Cuebot) -> None:
    """The database refuses it, and nobody catches that."""
    code, _ = cuebot.refusal("JobInterface/GetJobs", r={"regex": ["("]})
    assert code == "INTERNAL"


def test_a_job_is_found_by_name_in_any_case_while_it_is_pending(cuebot: Cuebot) -> None:
    """FindJob lowers the name, and does not see finished jobs."""
    assert cuebot("JobInterface/FindJob", name=COMP.upper()).job == cuebot.job(COMP)
    finished = "demo-sh020-priya_comp_v007"
    assert cuebot.refusal("JobInterface/FindJob", name=finished) == ("NOT_FOUND", NOTHING_FOUND)
    assert cuebot("JobInterface/IsJobPending", name=COMP).value
    assert not cuebot("JobInterface/IsJobPending", name=finished).value


def test_frames_come_only_with_a_limit(cuebot: Cuebot) -> None:
    """Without a limit there are none, with one there are pages, and a large one is not cut."""
    job = {"id": cuebot.job(COMP).id}

    def numbers(**criteria: Any) -> list[int]:
        answer = cuebot("JobInterface/GetFrames", job=job, req=criteria)
        return [frame.number for frame in answer.frames.frames]

    assert numbers() == []
    assert numbers(page=1) == []
    assert len(numbers(limit=5000)) == 25
    assert numbers(limit=3, layers=["comp"]) == [1001, 1002, 1003]
    assert numbers(limit=3, page=2, layers=["comp"]) == [1004, 1005, 1006]
    assert numbers(limit=9, frame_range="1002-1006x2", layers=["comp"]) == [1002, 1004, 1006]
    assert numbers(limit=9, frame_range="1003", layers=["comp"]) == [1003]
    assert len(numbers(limit=99, states={"frame_states": ["RUNNING", "DEPEND"]})) == 4
    layer = cuebot("JobInterface/GetLayers", job=job).layers.layers[0]
    assert not cuebot("LayerInterface/GetFrames", layer={"id": layer.id}).frames.frames
    paged = cuebot("LayerInterface/GetFrames", layer={"id": layer.id}, s={"limit": 5})
    assert len(paged.frames.frames) == 5
    by_name = cuebot("FrameInterface/GetFrames", job=COMP, r={"limit": 5})
    assert len(by_name.frames.frames) == 5


def test_layers_and_frames_are_found_by_the_name_of_a_pending_job(cuebot: Cuebot) -> None:
    """FindLayer and FindFrame take names, not ids, and do not look into finished jobs."""
    layer = cuebot("LayerInterface/FindLayer", job=COMP, layer="comp").layer
    assert cuebot("LayerInterface/GetLayer", id=layer.id).layer == layer
    found = cuebot("FrameInterface/FindFrame", job=COMP, layer="comp", frame=1002)
    assert found.frame.name == "1002-comp"
    for job in (cuebot.job(COMP).id, "demo-sh020-priya_comp_v007"):
        assert cuebot.refusal("LayerInterface/FindLayer", job=job, layer="comp") == (
            "NOT_FOUND",
            NOTHING_FOUND,
        )


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, 10),
        ({"hosts": ["render-node-01"]}, 1),
        ({"substr": ["desk-"]}, 3),
        ({"regex": ["node-0[1-3]$"]}, 3),
        ({"allocs": ["local.desktop"]}, 3),
        ({"states": {"state": ["DOWN"]}}, 1),
        ({"lock_states": {"state": ["LOCKED", "NIMBY_LOCKED"]}}, 2),
        ({"hosts": ["nobody"]}, 0),
    ],
    ids=str,
)
def test_criteria_narrow_a_host_search(
    cuebot: Cuebot, criteria: dict[str, Any], expected: int
) -> None:
    """Hosts can be searched by name, allocation and state."""
    assert len(cuebot("HostInterface/GetHosts", r=criteria).hosts.hosts) == expected


def test_a_proc_leads_to_what_it_runs_and_where(cuebot: Cuebot) -> None:
    """The frame, layer, job and host of a proc are those that name it."""
    procs = cuebot("ProcInterface/GetProcs", r={"jobs": [COMP]}).procs.procs
    assert len(procs) == 3
    proc = {"id": procs[0].id}
    host = cuebot("ProcInterface/GetHost", proc=proc).host
    assert procs[0].name.startswith(host.name)
    assert procs[0] in cuebot("HostInterface/GetProcs", host={"id": host.id}).procs.procs
    frame = cuebot("ProcInterface/GetFrame", proc=proc).frame
    assert (frame.name, frame.last_resource) == (procs[0].frame_name, procs[0].name)
    assert cuebot("ProcInterface/GetLayer", proc=proc).layer.name == "comp"
    assert cuebot("ProcInterface/GetJob", proc=proc).job.name == COMP
    first = cuebot("ProcInterface/GetProcs", r={"max_results": [2], "shows": ["demo"]})
    assert len(first.procs.procs) == 2


def test_allocations_and_subscriptions_count_what_is_reserved(cuebot: Cuebot) -> None:
    """Allocation statistics are those of their hosts, subscriptions count hundredths of cores."""
    allocations = cuebot("AllocationInterface/GetAll").allocations.allocations
    assert [each.name for each in allocations] == ["local.desktop", "local.general"]
    procs = cuebot("ProcInterface/GetProcs").procs.procs
    running = sum(each.stats.running_cores for each in allocations)
    assert running == sum(proc.reserved_cores for proc in procs)
    show = cuebot("ShowInterface/FindShow", name="demo").show
    answer = cuebot("ShowInterface/GetSubscriptions", show={"id": show.id})
    reserved = sum(each.reserved_cores for each in answer.subscriptions.subscriptions)
    assert reserved == show.show_stats.reserved_cores * 100
