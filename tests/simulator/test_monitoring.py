"""monitoring.MonitoringInterface.

OpenCue's own answers UNIMPLEMENTED and leaves history to a search engine. What is held here is
what the protos and the interface of its former HistoricalManager say of it.
"""

from typing import Any

import pytest

from tests.simulator.conftest import NOW
from tests.simulator.in_process import Cuebot

LIGHT = "demo-sh010-artist1_light_v012"
OLD = "demo-sh020-priya_comp_v007"
HOUR = 3600


@pytest.fixture(autouse=True)
def monitored(cuebot: Cuebot) -> None:
    if "monitoring.MonitoringInterface" not in cuebot.farm.messages.services:
        pytest.skip("this opencue-proto has no monitoring")


def jobs(cuebot: Cuebot, **values: Any) -> list[str]:
    answer = cuebot("MonitoringInterface/GetJobHistory", **values)
    assert answer.pagination.total_records >= len(answer.jobs)
    return [job.name for job in answer.jobs]


def hours_ago(first: float, last: float | None = None) -> dict[str, int]:
    """A time range in milliseconds, open without `last`."""
    end = 0 if last is None else int(NOW - last * HOUR) * 1000
    return {"start_time": int(NOW - first * HOUR) * 1000, "end_time": end}


def test_finished_and_pending_jobs_are_history(cuebot: Cuebot) -> None:
    """GetJobHistory has the numbers of every job that is still on the farm, the latest first."""
    answer = cuebot("MonitoringInterface/GetJobHistory")
    assert len(answer.jobs) == 8
    starts = [job.start_time for job in answer.jobs]
    assert starts == sorted(starts, reverse=True)
    old = next(job for job in answer.jobs if job.name == OLD)
    job = cuebot.job(OLD)
    assert (old.id, old.final_state, old.stop_time) == (job.id, job.state, job.stop_time)
    assert (old.show, old.shot, old.user, old.facility) == ("demo", "sh020", "priya", "local")
    assert (old.total_frames, old.succeeded_frames, old.failed_frames) == (16, 15, 0)
    core_seconds = sum(frame.total_core_time for frame in cuebot.frames(OLD))
    assert old.total_core_seconds == core_seconds > 0
    assert old.max_rss == max(frame.max_rss for frame in cuebot.frames(OLD))
    light = next(job for job in answer.jobs if job.name == LIGHT)
    assert (light.final_state, light.failed_frames) == (cuebot.job(LIGHT).state, 2)


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"shows": ["demo"]}, 4),
        ({"shows": ["demo", "harbor"]}, 6),
        ({"users": ["priya"]}, 2),
        ({"shots": ["sh010"]}, 2),
        ({"job_name_regex": ["_comp_v00[37]$"]}, 2),
        ({"states": ["FINISHED"]}, 1),
        ({"shows": ["harbor"], "states": ["FINISHED"]}, 0),
        ({"max_results": 3}, 3),
    ],
)
def test_jobs_are_searched_for(cuebot: Cuebot, values: dict[str, Any], number: int) -> None:
    """Every filled criterion of GetJobHistory narrows the search."""
    assert len(jobs(cuebot, **values)) == number


def test_a_broken_pattern_is_refused(cuebot: Cuebot) -> None:
    """A regular expression that is none is an error, not an empty answer."""
    assert (
        cuebot.refusal("MonitoringInterface/GetJobHistory", job_name_regex=["("])[0] == "INTERNAL"
    )


def test_jobs_of_a_time_range(cuebot: Cuebot) -> None:
    """A TimeRange is in milliseconds; a job is in it if any of its life was."""
    assert jobs(cuebot, time_range=hours_ago(9, 6)) == [OLD]
    assert OLD not in jobs(cuebot, time_range=hours_ago(1))
    assert len(jobs(cuebot, time_range=hours_ago(1))) == 7
    assert jobs(cuebot, time_range=hours_ago(20, 11)) == []
    assert jobs(cuebot, time_range={"start_time": (NOW + 1) * 1000}) == []


def test_history_has_pages(cuebot: Cuebot) -> None:
    """Pages count from 1, which is also what 0 means; the answer says how many there are."""
    every = jobs(cuebot)
    first = cuebot("MonitoringInterface/GetJobHistory", page_size=3)
    third = cuebot("MonitoringInterface/GetJobHistory", page_size=3, page=3)
    assert [job.name for job in first.jobs] == every[:3]
    assert [job.name for job in third.jobs] == every[6:]
    pages = third.pagination
    assert (pages.page, pages.page_size, pages.total_pages, pages.total_records) == (3, 3, 3, 8)
    assert (first.pagination.page, first.pagination.total_pages) == (1, 3)
    assert jobs(cuebot, page=4, page_size=3) == []
    empty = cuebot("MonitoringInterface/GetJobHistory", shows=["x"]).pagination
    assert (empty.page, empty.page_size, empty.total_pages, empty.total_records) == (1, 100, 0, 0)


def test_layers_of_a_job_by_name_or_id(cuebot: Cuebot) -> None:
    """GetLayerHistory is about one job, and has the numbers of its layers."""
    found = cuebot("MonitoringInterface/GetLayerHistory", job_name=LIGHT).layers
    assert [layer.name for layer in found] == ["shadow", "beauty"]
    beauty = found[1]
    layer = cuebot.layer(LIGHT, "beauty")
    assert (beauty.id, beauty.job_name, beauty.show) == (layer.id, LIGHT, "demo")
    assert (list(beauty.services), list(beauty.tags)) == (["arnold"], ["general"])
    assert (beauty.total_frames, beauty.succeeded_frames, beauty.failed_frames) == (20, 10, 2)
    assert beauty.avg_frame_seconds == layer.layer_stats.avg_frame_sec > 0
    key = {"job_id": cuebot.job(LIGHT).id}
    assert cuebot("MonitoringInterface/GetLayerHistory", **key).layers == found
    page = cuebot("MonitoringInterface/GetLayerHistory", **key, page=2, page_size=1)
    assert [layer.name for layer in page.layers] == ["beauty"]
    for values in ({}, {"job_name": "x"}, {"job_id": "x"}, {**key, "time_range": hours_ago(9, 8)}):
        assert not cuebot("MonitoringInterface/GetLayerHistory", **values).layers


def test_frames_to_which_something_happened(cuebot: Cuebot) -> None:
    """GetFrameHistory has the frames that ran or were changed, each as it is by now."""
    key = {"job_id": cuebot.job(LIGHT).id}
    found = cuebot("MonitoringInterface/GetFrameHistory", **key).frames
    assert len(found) == 20 + 16
    dead = cuebot("MonitoringInterface/GetFrameHistory", **key, states=["DEAD"]).frames
    wanted = cuebot.frames(LIGHT, "DEAD")
    assert [frame.id for frame in dead] == [frame.id for frame in wanted]
    first = wanted[0]
    assert (dead[0].name, dead[0].layer_name, dead[0].frame_number) == (
        first.name,
        "beauty",
        first.number,
    )
    assert (dead[0].exit_status, dead[0].retry_count, dead[0].final_state) == (1, 1, first.state)
    assert (dead[0].start_time, dead[0].stop_time) == (first.start_time, first.stop_time)
    assert (dead[0].max_rss, dead[0].total_core_time) == (first.max_rss, first.total_core_time)
    assert dead[0].last_host == first.last_resource.partition("/")[0] != ""
    shadow = {"job_name": LIGHT, "layer_names": ["shadow"]}
    assert len(cuebot("MonitoringInterface/GetFrameHistory", **shadow).frames) == 20
    assert not cuebot("MonitoringInterface/GetFrameHistory", job_name="x").frames


def test_frames_of_a_time_range(cuebot: Cuebot) -> None:
    """A frame is in a time range in which it ran; one that runs does so now."""
    key = {"job_name": LIGHT}
    now = cuebot("MonitoringInterface/GetFrameHistory", **key, time_range=hours_ago(0)).frames
    assert len(now) == len(cuebot.frames(LIGHT, "RUNNING"))
    past = cuebot("MonitoringInterface/GetFrameHistory", **key, time_range=hours_ago(9, 1)).frames
    assert len(past) == 32
    page = cuebot("MonitoringInterface/GetFrameHistory", **key, page=2, page_size=30)
    assert (len(page.frames), page.pagination.total_pages) == (6, 2)


def test_frames_eaten_before_they_ran(cuebot: Cuebot) -> None:
    """A frame that was eaten has a history even though it never started."""
    job = cuebot.job("northwind-ep02_031-artist1_roto_v001")
    key = {"job_id": job.id}
    assert not cuebot("MonitoringInterface/GetFrameHistory", **key).frames
    frame = cuebot.frames(job.name)[0]
    cuebot("FrameInterface/Eat", frame={"id": frame.id})
    cuebot.wait()
    [eaten] = cuebot("MonitoringInterface/GetFrameHistory", **key).frames
    assert (eaten.id, eaten.start_time) == (frame.id, 0)
    found = cuebot("MonitoringInterface/GetFrameHistory", **key, time_range=hours_ago(9, 1)).frames
    assert not found


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({}, 10),
        ({"host_names": ["desk-201", "desk-203"]}, 2),
        ({"allocations": ["local.desktop"]}, 3),
        ({"facilities": ["local"]}, 10),
        ({"facilities": ["cloud"]}, 0),
        ({"states": ["DOWN"]}, 1),
        ({"time_range": hours_ago(24)}, 0),
        ({"page_size": 4, "page": 3}, 2),
    ],
)
def test_hosts_were_started(cuebot: Cuebot, values: dict[str, Any], number: int) -> None:
    """GetHostHistory has events of hosts, in milliseconds; HOST_BOOT is what the farm knows."""
    answer = cuebot("MonitoringInterface/GetHostHistory", **values)
    assert len(answer.events) == number
    for event in answer.events:
        host = cuebot.host(event.host.name)
        assert event.host.id == host.id
        assert (event.header.event_type, event.header.timestamp) == (31, host.boot_time * 1000)
        assert event.facility == "local"
        assert event.nimby_locked == (host.name == "desk-202")
    times = [event.header.timestamp for event in answer.events]
    assert times == sorted(times, reverse=True)


def test_the_statistics_of_the_farm_add_up(cuebot: Cuebot) -> None:
    """GetFarmStatistics has a snapshot with all jobs, frames and hosts."""
    [now] = cuebot("MonitoringInterface/GetFarmStatistics").statistics
    assert now.snapshot_time == now.header.timestamp == NOW * 1000
    assert (now.total_jobs, now.pending_jobs, now.finished_jobs) == (8, 7, 1)
    states = [now.waiting_frames, now.running_frames, now.succeeded_frames]
    states += [now.dead_frames, now.eaten_frames, now.depend_frames]
    assert sum(states) == now.total_frames > 0
    assert now.running_frames == len(cuebot.farm.procs)
    assert (now.total_hosts, now.up_hosts, now.down_hosts, now.nimby_locked_hosts) == (10, 9, 1, 1)
    assert now.running_cores == sum(proc.reserved_cores for proc in cuebot.farm.procs.values())
    assert now.total_cores == now.running_cores + now.idle_cores
    assert 0 < now.used_memory < now.total_memory
    shows = {each.show: each for each in now.show_stats}
    assert sum(each.reserved_cores for each in shows.values()) == now.running_cores
    assert sum(each.pending_jobs for each in shows.values()) == now.pending_jobs
    assert sum(each.running_frames for each in shows.values()) == now.running_frames
    assert sum(each.waiting_frames for each in shows.values()) == now.waiting_frames


def test_the_statistics_of_a_show(cuebot: Cuebot) -> None:
    """With shows, GetFarmStatistics counts their jobs and frames, and tells of them alone."""
    [now] = cuebot("MonitoringInterface/GetFarmStatistics", shows=["demo"]).statistics
    assert (now.total_jobs, now.finished_jobs, now.total_hosts) == (4, 1, 10)
    assert [each.show for each in now.show_stats] == ["demo"]
    show = cuebot("ShowInterface/FindShow", name="demo").show
    assert now.running_frames == show.show_stats.running_frames


def test_there_are_no_statistics_of_the_past(cuebot: Cuebot) -> None:
    """The farm keeps no snapshots: a time range has to have now in it."""
    past = cuebot("MonitoringInterface/GetFarmStatistics", time_range=hours_ago(9, 1))
    assert not past.statistics
    assert cuebot("MonitoringInterface/GetFarmStatistics", time_range=hours_ago(9)).statistics


def test_what_frames_of_a_layer_needed(cuebot: Cuebot) -> None:
    """GetLayerMemoryHistory has a record for each layer of that name that ever ran."""
    for number, frame in enumerate(cuebot.frames(LIGHT)):
        cuebot.farm.frames[frame.id].max_rss = 1000 + number
    answer = cuebot("MonitoringInterface/GetLayerMemoryHistory", layer_name="^shadow$")
    [shadow] = answer.records
    sizes = sorted(frame.max_rss for frame in cuebot.frames(LIGHT) if frame.layer_name == "shadow")
    assert (shadow.job_name, shadow.layer_name, shadow.show) == (LIGHT, "shadow", "demo")
    assert (shadow.frame_count, shadow.max_rss) == (20, sizes[-1])
    assert (shadow.avg_frame_memory, shadow.p95_frame_memory) == (sum(sizes) // 20, sizes[18])
    assert shadow.reserved_memory == cuebot.layer(LIGHT, "shadow").min_memory
    ends = [frame.stop_time for frame in cuebot.frames(LIGHT) if frame.layer_name == "shadow"]
    assert shadow.timestamp == max(ends)


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"layer_name": "comp"}, 3),
        ({"layer_name": "comp", "shows": ["demo"]}, 2),
        ({"layer_name": "comp", "max_results": 1}, 1),
        ({"layer_name": "comp", "time_range": hours_ago(9, 6)}, 1),
        ({"layer_name": "sim"}, 0),
        ({"layer_name": "x"}, 0),
    ],
)
def test_memory_of_layers_is_searched_for(
    cuebot: Cuebot, values: dict[str, Any], number: int
) -> None:
    """Shows, time and a number of results narrow GetLayerMemoryHistory."""
    answer = cuebot("MonitoringInterface/GetLayerMemoryHistory", **values)
    assert len(answer.records) == number
    times = [record.timestamp for record in answer.records]
    assert times == sorted(times, reverse=True)
