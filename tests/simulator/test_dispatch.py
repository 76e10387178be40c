"""Cuebot's dispatcher: what runs where, and what does not."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cuebot_simulator.world.additions import add_host
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.dispatch import BEAT, LONGEST, SORTED_AT_ONCE
from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.plans import HostPlan, JobPlan, LayerPlan
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.desk import Desk

JOB = "demo-sh999-dora_test"


def launch(desk: Desk, **layer: Any) -> Any:
    """A job of ten frames before which no other comes."""
    values: dict[str, Any] = {"name": "work", "frames": tuple(range(1, 11)), "memory": 1.0} | layer
    plan = JobPlan(
        show="demo", shot="sh999", user="dora", name="test", layers=(LayerPlan(**values),)
    )
    job = launch_job(desk.farm, plan)
    job.priority = 1000
    return job


def running(desk: Desk) -> int:
    return len(desk.frames(JOB, "RUNNING"))


def test_waiting_frames_of_a_new_job_run_within_a_beat(desk: Desk) -> None:
    """Cuebot books a host when it reports: its idle cores and memory fall by what procs take."""
    launch(desk)
    assert running(desk) == 0
    before = {host.name: host for host in desk("HostInterface/GetHosts").hosts.hosts}
    desk.wait(BEAT * 2)
    assert running(desk) == 10
    for frame in desk.frames(JOB, "RUNNING"):
        name = frame.last_resource.partition("/")[0]
        host = desk.host(name)
        procs = desk("HostInterface/GetProcs", host={"id": host.id}).procs.procs
        assert frame.name in [proc.frame_name for proc in procs]
        assert host.cores - host.idle_cores == sum(proc.reserved_cores for proc in procs)
        assert host.idle_memory < before[name].idle_memory
    assert desk.job(JOB).job_stats.running_frames == 10


def test_frames_end_and_a_job_without_any_left_is_finished(desk: Desk) -> None:
    """A job of which every frame has succeeded is FINISHED, and nothing of it runs any more."""
    launch(desk)
    for _ in range(40):
        desk.wait(LONGEST / 10)
    job = desk.job(JOB)
    assert enum_name(job, "state") == "FINISHED"
    assert job.job_stats.succeeded_frames == 10
    assert job.job_stats.reserved_cores == 0
    frame = desk.frames(JOB)[0]
    assert frame.stop_time > frame.start_time >= NOW
    assert frame.exit_status == 0
    assert frame.total_core_time == frame.stop_time - frame.start_time


def lock_hosts(desk: Desk) -> None:
    """Lock every host that answers."""
    for host in desk.farm.hosts.values():
        if enum_name(host, "state") == "UP":
            desk("HostInterface/Lock", host={"id": host.id})


def nobody(desk: Desk) -> None:
    lock_hosts(desk)


def pause(desk: Desk) -> None:
    desk("JobInterface/Pause", job={"id": desk.job(JOB).id})


def close_show(desk: Desk) -> None:
    desk("ShowInterface/FindShow", name="demo")
    show = next(show for show in desk.farm.shows.values() if show.name == "demo")
    show.booking_enabled = False


def break_subscriptions(desk: Desk) -> None:
    for subscription in desk.farm.subscriptions.values():
        if subscription.show_name == "demo":
            subscription.burst = 0


def break_hosts(desk: Desk) -> None:
    for host in desk.farm.hosts.values():
        desk("HostInterface/SetHardwareState", host={"id": host.id}, state="REPAIR")


@pytest.mark.parametrize("stop", [nobody, pause, close_show, break_subscriptions, break_hosts])
def test_what_keeps_frames_from_being_booked(desk: Desk, stop: Callable[[Desk], None]) -> None:
    """Locked or broken hosts, paused jobs, shows that do not book or have no burst get nothing."""
    launch(desk)
    stop(desk)
    desk.wait(BEAT * 3)
    assert running(desk) == 0


@pytest.mark.parametrize(
    "layer",
    [
        {"tags": ("elsewhere",)},
        {"memory": 1000.0},
        {"cores": 64.0},
        {"gpus": 1},
    ],
)
def test_a_layer_runs_only_where_it_fits(desk: Desk, layer: dict[str, Any]) -> None:
    """Tags in common, enough idle cores, memory and GPUs on one host."""
    launch(desk, **layer)
    desk.wait(BEAT * 3)
    assert running(desk) == 0


def test_a_limit_holds_for_all_the_farm(desk: Desk) -> None:
    """No more frames run under a limit than its value, whatever job they are of."""
    limit = desk("LimitInterface/Find", name="nuke_render").limit
    now = desk.farm.running_with["nuke_render"]
    launch(desk, limits=("nuke_render",), frames=tuple(range(1, 31)))
    desk.wait(BEAT * 3)
    assert desk.farm.running_with["nuke_render"] == limit.max_value > now
    everything = [frame for job in desk.farm.jobs.values() for frame in desk.farm.frames_of(job)]
    under = [
        frame
        for frame in everything
        if enum_name(frame, "state") == "RUNNING"
        and "nuke_render" in desk.farm.layer_of(frame).limits
    ]
    assert len(under) == limit.max_value


def test_a_job_has_no_more_cores_than_its_maximum(desk: Desk) -> None:
    """Job.max_cores bounds what its procs reserve together."""
    job = launch(desk)
    desk("JobInterface/SetMaxCores", job={"id": job.id}, val=3)
    desk.wait(BEAT * 3)
    assert running(desk) == 3


def test_the_higher_priority_comes_first(desk: Desk) -> None:
    """With room for one frame only, the job with the higher priority has it."""
    lock_hosts(desk)
    add_host(desk.farm, HostPlan(name="late-node", alloc="local.general", cores=4, memory=32))
    launch(desk, cores=4.0)
    desk("JobInterface/SetPriority", job={"id": desk.job(JOB).id}, val=1)
    desk.wait(BEAT * 2)
    assert running(desk) == 0
    (proc,) = desk("HostInterface/GetProcs", host={"id": desk.host("late-node").id}).procs.procs
    desk("JobInterface/SetPriority", job={"id": desk.job(JOB).id}, val=1000)
    while running(desk) == 0:
        desk.wait(BEAT)
    (other,) = desk("HostInterface/GetProcs", host={"id": desk.host("late-node").id}).procs.procs
    assert (other.job_name, proc.job_name == JOB) == (JOB, False)


def test_what_runs_uses_memory_and_is_seen_alive(desk: Desk) -> None:
    """RQD reports a frame's memory and the last change of its log as it runs."""
    launch(desk)
    desk.wait(BEAT * 3)
    first = desk.frames(JOB, "RUNNING")[0]
    desk.wait(20)
    later = desk("FrameInterface/GetFrame", id=first.id).frame
    assert enum_name(later, "state") == "RUNNING"
    assert 0 < first.used_memory < later.used_memory <= later.reserved_memory
    assert later.max_rss >= later.used_memory
    assert later.llu_time > first.llu_time


def test_failed_frames_are_tried_again_and_then_dead(messages: Messages) -> None:
    """A failed frame waits for its next try, with one retry more; with none left it is DEAD."""
    clock = StoppedClock(NOW)
    desk = Desk(build_farm(messages, clock=clock), clock)
    job = launch(desk, frames=tuple(range(1, 201)))
    for _ in range(300):
        desk.wait(20)
    frames = desk.frames(JOB)
    retried = [frame for frame in frames if frame.retry_count]
    assert retried
    assert all(frame.retry_count == 1 for frame in retried)
    dead = [frame for frame in retried if enum_name(frame, "state") == "DEAD"]
    assert all(frame.exit_status == 1 for frame in dead)
    stats = desk.job(JOB).job_stats
    assert stats.failed_frame_count == len(retried) + len(dead)
    assert stats.rendered_frame_count == len(frames) - len(dead)
    assert (enum_name(job, "state") == "FINISHED") is (not dead)


def test_the_same_seed_lives_the_same_life(messages: Messages) -> None:
    """Two farms of one seed are equal after an hour, and one of another seed is not."""
    lives = []
    for seed, step in ((7, 60), (7, 13), (8, 60)):
        clock = StoppedClock(NOW)
        farm = build_farm(messages, seed=seed, clock=clock)
        while clock.now < NOW + 3600:
            clock.advance(min(step, NOW + 3600 - clock.now))
            farm.catch_up()
        lives.append(
            [
                (job.name, [frame.SerializeToString() for frame in farm.frames_of(job)])
                for job in farm.jobs.values()
            ]
        )
    assert lives[0] == lives[1]
    assert lives[0] != lives[2]


def test_artists_send_the_next_version_of_a_finished_job(desk: Desk) -> None:
    """The farm of a demo stays busy: a job that is over is followed by its next version."""
    assert not desk("JobInterface/IsJobPending", name="demo-sh020-priya_comp_v008").value
    desk.wait(200)
    job = desk("JobInterface/FindJob", name="demo-sh020-priya_comp_v008").job
    assert job.job_stats.total_frames == 16
    assert job.start_time > NOW
    for _ in range(60):
        desk.wait(60)
    assert len(desk.farm.pending) >= 5


def test_a_large_farm_sorts_its_jobs_bit_by_bit(messages: Messages) -> None:
    """However many jobs there are, no step sorts more than a few, and the most urgent run first."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=3 * SORTED_AT_ONCE, clock=clock)
    desk = Desk(farm, clock)
    last = list(farm.pending.values())[-1]
    last.priority = 1000
    seen: list[int] = []
    sort = farm.dispatcher.sort

    def watched(names: Sequence[str], *, last: bool) -> None:
        seen.append(len(names))
        sort(names, last=last)

    farm.dispatcher.sort = watched
    desk.wait(3 * BEAT)
    assert max(seen) == SORTED_AT_ONCE
    assert sum(seen) >= 2 * len(farm.pending) - SORTED_AT_ONCE
    assert desk.frames(last.name, "RUNNING")
    assert len(farm.dispatcher._queue) > 2 * SORTED_AT_ONCE
