"""What people do about the farm of a demo, so that it stays busy."""

from typing import Any

import pytest

from cuebot_simulator.world.artists import SLOWEST
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.frames import change_frame
from cuebot_simulator.world.messages import Messages, enum_name, fill
from cuebot_simulator.world.orders import order, retry_frames
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.desk import Desk

pytestmark = pytest.mark.slow

COMP = "demo-sh010-lena_comp_v003"
NEXT = "demo-sh010-lena_comp_v004"
SMOKE = "demo-sh020-marco_smoke_v001"
LONGEST_NEXT = 200
"""Seconds in which the next version of a job has come for sure."""
DAY = 24 * 3600


def kill(desk: Desk, name: str) -> None:
    desk("JobInterface/Kill", job={"id": desk.job(name).id}, reason="test")
    desk.wait(LONGEST_NEXT)


def make_stuck(desk: Desk, name: str) -> Any:
    """Let all that could still start in a job be dead. Its frames that depend stay."""
    job = desk.farm.pending[name]
    desk("JobInterface/SetMaxRetries", job={"id": job.id}, max_retries=0)
    fill(job, is_paused=False)
    for frame in desk.farm.frames_of(job):
        if enum_name(frame, "state") == "WAITING":
            change_frame(desk.farm, frame, state="DEAD")
    desk("JobInterface/KillFrames", job={"id": job.id}, reason="test", req={})
    return job


def states(desk: Desk, job: Any) -> set[str]:
    return {state for state, number in desk.farm.tallies[job.id].states.items() if number}


@pytest.mark.parametrize("change", ["rename", "delete"])
def test_without_its_group_a_next_version_is_in_the_root_group(desk: Desk, change: str) -> None:
    """Groups are renamed and deleted; the artists go on all the same."""
    group = desk("GroupInterface/FindGroup", show="demo", name="comp").group
    if change == "rename":
        desk("GroupInterface/SetName", group={"id": group.id}, name="other")
    else:
        for job in desk("GroupInterface/GetJobs", group={"id": group.id}).jobs.jobs:
            root = desk("ShowInterface/GetRootGroup", show={"id": show_id(desk)}).group
            desk("JobInterface/SetGroup", job={"id": job.id}, group_id=root.id)
        for action in list(desk.farm.actions):
            desk("ActionInterface/Delete", action={"id": action})
        desk("GroupInterface/Delete", group={"id": group.id})
    kill(desk, COMP)
    assert desk("JobInterface/FindJob", name=NEXT).job.group == "demo"


def show_id(desk: Desk) -> str:
    return str(desk("ShowInterface/FindShow", name="demo").show.id)


def test_the_next_version_for_an_archived_show_is_in_the_one_that_took_its_place(
    desk: Desk,
) -> None:
    """ManageShow.archive leaves an alias, which launches follow."""
    desk("ShowInterface/Archive", show={"id": show_id(desk)}, target_show_name="harbor")
    kill(desk, COMP)
    job = desk("JobInterface/FindJob", name=NEXT).job
    assert (job.show, job.group) == ("harbor", "comp")


def test_nobody_sends_jobs_to_a_show_that_is_gone(desk: Desk) -> None:
    """The plan is given up; the farm goes on."""
    desk.farm.shows[show_id(desk)].name = "gone"
    kill(desk, COMP)
    assert desk.refusal("JobInterface/FindJob", name=NEXT)[0] == "NOT_FOUND"
    assert desk.farm.procs


def test_a_paused_job_is_resumed_once(desk: Desk) -> None:
    """Somebody notices after a while. Who pauses it again wants it so."""
    job = desk.farm.pending[SMOKE]
    desk.wait(600)
    assert job.is_paused
    desk.wait(SLOWEST)
    assert not job.is_paused
    desk("JobInterface/Pause", job={"id": job.id})
    desk.wait(2 * SLOWEST)
    assert job.is_paused


def test_dead_frames_are_tried_again(desk: Desk) -> None:
    """A job that cannot go on for its dead frames is helped, and what waits for them follows."""
    job = make_stuck(desk, COMP)
    desk.wait(60)
    assert states(desk, job) <= {"DEAD", "DEPEND", "SUCCEEDED"}
    desk("JobInterface/SetMaxRetries", job={"id": job.id}, max_retries=10)
    desk.wait(SLOWEST + 60)
    assert "DEAD" not in states(desk, job)
    desk.wait(3600)
    assert enum_name(job, "state") == "FINISHED"
    assert states(desk, job) == {"SUCCEEDED"}


def test_what_dies_again_is_given_up(messages: Messages) -> None:
    """By seed, the dead frames are eaten and what waits for them goes on, or the job is killed."""
    ends = set()
    for seed in range(1, 9):
        clock = StoppedClock(NOW)
        desk = Desk(build_farm(messages, seed=seed, jobs=1, clock=clock), clock)
        job = make_stuck(desk, COMP)
        desk.wait(60)
        while "WAITING" not in states(desk, job) and "RUNNING" not in states(desk, job):
            desk.wait(20)
        make_stuck(desk, COMP)
        desk.wait(60)
        desk("JobInterface/SetMaxRetries", job={"id": job.id}, max_retries=10)
        desk.wait(SLOWEST + 600)
        assert enum_name(job, "state") == "FINISHED"
        ends.add("DEAD" in states(desk, job))
    assert ends == {True, False}


def test_who_helps_himself_is_left_alone(desk: Desk) -> None:
    """A job that goes on before anybody looks is no trouble."""
    job = make_stuck(desk, COMP)
    desk.wait(30)
    fill(job, max_cores=1)
    order(desk.farm, retry_frames, desk.farm.frames_of(job))
    desk.wait(SLOWEST)
    assert states(desk, job) & {"WAITING", "RUNNING"}


@pytest.mark.slow
def test_the_farm_lives_on(messages: Messages) -> None:
    """After a day it renders as it did at first, and no job is older than half of that."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=4, clock=clock)
    for _ in range(DAY // 60):
        clock.advance(60)
        farm.catch_up()
    assert farm.procs
    assert len(farm.pending) >= 2
    assert all(job.start_time > NOW + DAY // 2 for job in farm.pending.values())
