"""What people do about the farm of a demo, so that it stays busy."""

from typing import Any

import pytest

from cuebot_simulator.world.artists import HELP_SECONDS
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.frames import change_frame
from cuebot_simulator.world.messages import Messages, enum_name, fill
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.in_process import COMP, LIGHT, SMOKE, Cuebot

pytestmark = pytest.mark.slow

NEXT = "demo-sh010-lena_comp_v004"
LONGEST_NEXT = 200
"""Seconds in which the next version of a job has come for sure."""
DYING = "harbor-hb110-tomas_light_v004"


def kill(cuebot: Cuebot, name: str) -> None:
    cuebot("JobInterface/Kill", job=cuebot.job(name), reason="test")
    cuebot.wait(LONGEST_NEXT)


def make_stuck(cuebot: Cuebot, name: str) -> Any:
    """Let all that could still start in a job be dead. Its frames that depend stay."""
    job = cuebot.farm.pending[name]
    cuebot("JobInterface/SetMaxRetries", job=job, max_retries=0)
    fill(job, is_paused=False)
    for frame in cuebot.farm.frames_of(job):
        if enum_name(frame, "state") == "WAITING":
            change_frame(cuebot.farm, frame, state="DEAD")
    cuebot("JobInterface/KillFrames", job=job, reason="test", req={})
    return job


def states(cuebot: Cuebot, job: Any) -> set[str]:
    return {state for state, number in cuebot.farm.tallies[job.id].states.items() if number}


def show_id(cuebot: Cuebot) -> str:
    return str(cuebot("ShowInterface/FindShow", name="demo").show.id)


def test_nobody_sends_jobs_to_a_show_that_is_gone(cuebot: Cuebot) -> None:
    cuebot.farm.shows[show_id(cuebot)].name = "gone"
    kill(cuebot, COMP)
    assert cuebot.refusal("JobInterface/FindJob", name=NEXT)[0] == "NOT_FOUND"
    assert cuebot.farm.procs


def test_a_paused_job_is_resumed_once(cuebot: Cuebot) -> None:
    job = cuebot.farm.pending[SMOKE]
    cuebot.wait(600)
    assert job.is_paused
    cuebot.wait(HELP_SECONDS[1])
    assert not job.is_paused
    cuebot("JobInterface/Pause", job=job)
    cuebot.wait(HELP_SECONDS[1] + 60)
    assert job.is_paused


def with_one_job(messages: Messages, seed: int = 1) -> Cuebot:
    clock = StoppedClock(NOW)
    return Cuebot(build_farm(messages, seed=seed, jobs=1, clock=clock), clock)


def test_what_dies_again_is_given_up(messages: Messages) -> None:
    ends = set()
    for seed in (3, 4):  # impatient, and patient
        cuebot = with_one_job(messages, seed)
        job = make_stuck(cuebot, COMP)
        cuebot.wait(60)
        while "WAITING" not in states(cuebot, job) and "RUNNING" not in states(cuebot, job):
            cuebot.wait(20)
        make_stuck(cuebot, COMP)
        cuebot.wait(60)
        cuebot("JobInterface/SetMaxRetries", job=job, max_retries=10)
        cuebot.wait(HELP_SECONDS[1] + 600)
        assert enum_name(job, "state") == "FINISHED"
        ends.add("DEAD" in states(cuebot, job))
    assert ends == {True, False}


def after(messages: Messages, hours: int, seed: int = 1) -> Farm:
    clock = StoppedClock(NOW)
    farm = build_farm(messages, seed=seed, clock=clock)
    for _ in range(hours * 60):
        clock.advance(60)
        farm.catch_up()
    return farm


def test_the_farm_lives_on(messages: Messages) -> None:
    farm = after(messages, hours=16)
    assert farm.procs
    assert len(farm.pending) >= 2
    assert not {COMP, LIGHT, DYING} & farm.pending.keys()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_jobs_of_the_documentation_are_there_for_hours(messages: Messages, seed: int) -> None:
    """Their names are what the README, the recipes and the other pages call, and frames of two are
    dead.
    """
    farm = after(messages, hours=2, seed=seed)
    assert {COMP, LIGHT, SMOKE, DYING} <= farm.pending.keys()
    for name in (LIGHT, DYING):
        assert farm.tallies[farm.pending[name].id].states["DEAD"]
    assert farm.tallies[farm.pending[COMP].id].states["RUNNING"]
