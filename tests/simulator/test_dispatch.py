"""Cuebot's dispatcher: what runs where, and what does not."""

from typing import Any

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.dispatch import BEAT_SECONDS, JOBS_SORTED_AT_ONCE
from cuebot_simulator.world.jobs import launch_job
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.new_entities import add_host
from cuebot_simulator.world.plans import HostPlan, JobPlan, LayerPlan
from cuebot_simulator.world.state import by_name
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.in_process import Cuebot

JOB = "demo-sh999-dora_test"
LIFE = 900  # seconds


def launch(cuebot: Cuebot, **layer: Any) -> Any:
    """A job of ten frames before which no other comes."""
    values: dict[str, Any] = {"name": "work", "frames": tuple(range(1, 11)), "memory": 1.0} | layer
    plan = JobPlan(
        show="demo", shot="sh999", user="dora", name="test", layers=(LayerPlan(**values),)
    )
    job = launch_job(cuebot.farm, plan)
    job.priority = 1000
    return job


def running(cuebot: Cuebot) -> int:
    return len(cuebot.frames(JOB, "RUNNING"))


def lock_hosts(cuebot: Cuebot) -> None:
    """Lock every host that answers."""
    for host in cuebot.farm.hosts.values():
        if enum_name(host, "state") == "UP":
            cuebot("HostInterface/Lock", host=host)


@pytest.mark.parametrize("why", ["hosts", "pause", "show", "subscriptions", "repair"])
def test_what_keeps_frames_from_being_booked(cuebot: Cuebot, why: str) -> None:
    farm = cuebot.farm
    job = launch(cuebot)
    match why:
        case "hosts":
            lock_hosts(cuebot)
        case "pause":
            cuebot("JobInterface/Pause", job=job)
        case "show":
            by_name(farm.shows, "demo").booking_enabled = False
        case "subscriptions":
            for subscription in farm.subscriptions.values():
                subscription.burst = 0
        case "repair":
            for host in farm.hosts.values():
                cuebot("HostInterface/SetHardwareState", host=host, state="REPAIR")
    cuebot.wait(BEAT_SECONDS * 3)
    assert running(cuebot) == 0


@pytest.mark.parametrize(
    "layer", [{"tags": ("elsewhere",)}, {"memory": 1000.0}, {"cores": 64.0}, {"gpus": 1}]
)
def test_a_layer_runs_only_where_it_fits(cuebot: Cuebot, layer: dict[str, Any]) -> None:
    launch(cuebot, **layer)
    cuebot.wait(BEAT_SECONDS * 3)
    assert running(cuebot) == 0


def test_a_job_has_no_more_cores_than_its_maximum(cuebot: Cuebot) -> None:
    job = launch(cuebot)
    cuebot("JobInterface/SetMaxCores", job=job, val=3)
    cuebot.wait(BEAT_SECONDS * 3)
    assert running(cuebot) == 3


def test_the_higher_priority_comes_first(cuebot: Cuebot) -> None:
    lock_hosts(cuebot)
    add_host(cuebot.farm, HostPlan(name="late-node", alloc="local.general", cores=4, memory=32))
    launch(cuebot, cores=4.0)
    cuebot("JobInterface/SetPriority", job=cuebot.job(JOB), val=1)
    cuebot.wait(BEAT_SECONDS * 2)
    assert running(cuebot) == 0
    (proc,) = cuebot("HostInterface/GetProcs", host=cuebot.host("late-node")).procs.procs
    cuebot("JobInterface/SetPriority", job=cuebot.job(JOB), val=1000)
    while running(cuebot) == 0:
        cuebot.wait(BEAT_SECONDS)
    (other,) = cuebot("HostInterface/GetProcs", host=cuebot.host("late-node")).procs.procs
    assert (other.job_name, proc.job_name == JOB) == (JOB, False)


def test_what_runs_uses_memory_and_is_seen_alive(cuebot: Cuebot) -> None:
    launch(cuebot)
    cuebot.wait(BEAT_SECONDS * 3)
    first = cuebot.frames(JOB, "RUNNING")[0]
    cuebot.wait(20)
    later = cuebot("FrameInterface/GetFrame", id=first.id).frame
    assert enum_name(later, "state") == "RUNNING"
    assert 0 < first.used_memory < later.used_memory <= later.reserved_memory
    assert later.max_rss >= later.used_memory
    assert later.llu_time > first.llu_time


def test_the_same_seed_lives_the_same_life(messages: Messages) -> None:
    lives = []
    for seed, step in ((7, 60), (7, 13), (8, 60)):
        clock = StoppedClock(NOW)
        farm = build_farm(messages, seed=seed, clock=clock)
        while clock.now < NOW + LIFE:
            clock.advance(min(step, NOW + LIFE - clock.now))
            farm.catch_up()
        kinds = (farm.shows, farm.jobs, farm.layers, farm.frames, farm.hosts, farm.procs)
        things = (each for kind in kinds for each in kind.values())
        lives.append({each.id: each.SerializeToString() for each in things})
    assert lives[0] == lives[1]
    assert set(lives[0]).isdisjoint(lives[2])


def test_the_last_of_many_jobs_may_be_the_most_urgent(messages: Messages) -> None:
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=3 * JOBS_SORTED_AT_ONCE, clock=clock)
    cuebot = Cuebot(farm, clock)
    last = list(farm.pending.values())[-1]
    last.priority = 1000
    cuebot.wait(3 * BEAT_SECONDS)
    assert cuebot.frames(last.name, "RUNNING")


@pytest.mark.parametrize(
    ("cores", "threadable", "taken"),
    [(0, True, 8), (-0.02, True, 7.98), (-2, True, 6), (0, False, 1)],
)
def test_a_layer_without_cores_takes_a_whole_machine(
    cuebot: Cuebot, cores: float, threadable: bool, taken: float
) -> None:
    host = add_host(
        cuebot.farm, HostPlan(name="whole", alloc="local.general", cores=8, memory=32), tags=["own"]
    )
    launch(cuebot, cores=cores, threadable=threadable, tags=("own",))
    cuebot.wait(BEAT_SECONDS * 2)
    procs = cuebot("HostInterface/GetProcs", host=host).procs.procs
    assert [round(proc.reserved_cores, 2) for proc in procs if proc.job_name == JOB] == [taken]
    assert procs[0].job_name == JOB
