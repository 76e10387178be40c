"""Whatever is done to a farm, its numbers are those that counting everything anew gives."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from cuebot_simulator.world import depends
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.messages import Messages, enum_name, fill
from cuebot_simulator.world.new_entities import add_host
from cuebot_simulator.world.plans import GIGABYTE, FilterPlan, HostPlan, JobPlan, LayerPlan
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm, place_filter
from cuebot_simulator.world.studio_data import GENERAL
from tests.simulator.in_process import Cuebot
from tests.simulator.sums import assert_sums

pytestmark = pytest.mark.slow

STEPS = 150
KINDS = ("JOB", "LAYER", "FRAME")
GPU_MACHINES = ("gpu-node-01", "gpu-node-02")
CROWD_FILTER = FilterPlan(
    show="demo",
    name="crowd",
    matchers=(("USER", "CONTAINS", "a"),),
    actions=(
        ("MOVE_JOB_TO_GROUP", "GROUP_TYPE", "fx"),
        ("SET_JOB_PRIORITY", "INTEGER_TYPE", 150),
        ("SET_ALL_RENDER_LAYER_MEMORY", "INTEGER_TYPE", 3 * GIGABYTE),
        ("SET_ALL_RENDER_LAYER_MIN_CORES", "FLOAT_TYPE", 1.5),
    ),
)


def add_gpus(farm: Farm) -> None:
    """Machines with GPUs, and jobs that want nothing else."""
    for name in GPU_MACHINES:
        host = add_host(farm, HostPlan(name=name, alloc=GENERAL, cores=16, memory=64, gpus=4))
        fill(host, gpu_memory=24 * GIGABYTE, idle_gpu_memory=24 * GIGABYTE)
    for show in ("demo", "harbor"):
        layers = (
            LayerPlan(name="denoise", gpus=1, gpu_memory=2, frames=tuple(range(1001, 1041))),
            LayerPlan(name="check", frames=(1001, 1002)),
        )
        plan = JobPlan(
            show=show, shot="gpu", user="ana", name="gpu_v001", priority=200, layers=layers
        )
        launch_job(farm, plan)


class Crowd:
    """People who do anything to anything."""

    def __init__(self, cuebot: Cuebot, seed: int) -> None:
        self.cuebot = cuebot
        self.random = Random(seed)  # noqa: S311
        self.deeds = (
            *(self.order_frame,) * 4,
            *(self.order_layer,) * 2,
            self.order_job,
            self.pause,
            self.depend,
            self.depend,
            self.satisfy,
            self.limit,
            self.reorder,
            self.settings,
            self.regroup,
            self.regroup,
            self.lock,
            self.lock,
            self.run_filters,
        )

    def act(self) -> None:
        """One thing, and some time."""
        self.random.choice(self.deeds)()
        self.cuebot.wait(self.random.choice((0, 0.1, 0.5, 5, 30)))

    def job(self) -> Any:
        return self.random.choice(list(self.cuebot.farm.jobs.values()))

    def layer(self) -> Any:
        return self.random.choice(list(self.cuebot.farm.layers.values()))

    def frame(self) -> Any:
        return self.random.choice(self.cuebot.farm.frames_of(self.layer()))

    def order_frame(self) -> None:
        method = self.random.choice(("Kill", "Eat", "Retry", "MarkAsWaiting", "MarkAsDepend"))
        self.cuebot(f"FrameInterface/{method}", frame={"id": self.frame().id})

    def order_layer(self) -> None:
        method = self.random.choice(("KillFrames", "EatFrames", "RetryFrames", "MarkdoneFrames"))
        self.cuebot(f"LayerInterface/{method}", layer={"id": self.layer().id})

    def order_job(self) -> None:
        self.cuebot("JobInterface/Kill", job={"id": self.job().id}, reason="test")
        self.cuebot("JobInterface/RetryFrames", job={"id": self.job().id})

    def pause(self) -> None:
        method = self.random.choice(("Pause", "Resume", "Resume"))
        self.cuebot(f"JobInterface/{method}", job={"id": self.job().id})

    def depend(self) -> None:
        kinds = {"JOB": self.job, "LAYER": self.layer, "FRAME": self.frame}
        er, on = self.random.choice(KINDS), self.random.choice(KINDS)
        kind = f"{er}_ON_{on}"
        if er == on == "LAYER":
            kind = self.random.choice((kind, "FRAME_BY_FRAME", "PREVIOUS_FRAME"))
        any_frame = self.random.random() < 0.3
        try:
            depends.add_depend(
                self.cuebot.farm, kind, kinds[er](), kinds[on](), any_frame=any_frame
            )
        except Refusal:
            return

    def depend_layers(self) -> None:
        kind = self.random.choice(("LAYER_ON_LAYER", "LAYER_ON_JOB", "JOB_ON_LAYER"))
        er, on = (self.layer if each == "LAYER" else self.job for each in kind.split("_ON_"))
        try:
            depends.add_depend(self.cuebot.farm, kind, er(), on())
        except Refusal:
            return

    def satisfy_layer(self) -> None:
        depends.drop_depends(self.cuebot.farm, self.layer(), "ANY_TARGET")
        depends.satisfy_on(self.cuebot.farm, self.layer())

    def satisfy(self) -> None:
        method = self.random.choice(("Satisfy", "Satisfy", "Unsatisfy"))
        depend = self.random.choice(list(self.cuebot.farm.depends))
        self.cuebot(f"DependInterface/{method}", depend={"id": depend})
        self.cuebot("LayerInterface/DropDepends", layer={"id": self.layer().id}, target=2)

    def limit(self) -> None:
        method = self.random.choice(("AddLimit", "DropLimit"))
        limit = self.random.choice(list(self.cuebot.farm.limits))
        self.cuebot(f"LayerInterface/{method}", layer={"id": self.layer().id}, limit_id=limit)

    def reorder(self) -> None:
        order = self.random.choice((0, 1, 2))
        self.cuebot(
            "LayerInterface/ReorderFrames",
            layer={"id": self.layer().id},
            range="1002-1009x3",
            order=order,
        )

    def regroup(self) -> None:
        """Move a job, or a group with all that is in it, within the show."""
        job, farm = self.job(), self.cuebot.farm
        show = farm.show_of(farm.group_of(job))
        group, other = self.random.sample(farm.groups_of(show), 2)
        try:
            if self.random.random() < 0.5:
                self.cuebot("JobInterface/SetGroup", job={"id": job.id}, group_id=group.id)
            else:
                wanted = {"groups": [{"id": other.id}]}
                self.cuebot("GroupInterface/ReparentGroups", group={"id": group.id}, groups=wanted)
        except Refusal:
            return

    def lock(self) -> None:
        """Lock a machine, unlock one, or restart one that renders."""
        method = self.random.choice(("Lock", "Unlock", "Unlock", "Reboot", "RebootWhenIdle"))
        host = self.random.choice(list(self.cuebot.farm.hosts))
        try:
            self.cuebot(f"HostInterface/{method}", host={"id": host})
        except Refusal:
            return

    def run_filters(self) -> None:
        self.cuebot("JobInterface/RunFilters", job={"id": self.job().id})

    def settings(self) -> None:
        frame, layer = {"id": self.frame().id}, {"id": self.layer().id}
        cores = self.random.choice((0.25, 1.5, 3))
        self.cuebot("LayerInterface/SetMinCores", layer=layer, cores=cores)
        if self.cuebot.farm.layers[layer["id"]].min_gpus:
            gpus, memory = self.random.choice((1, 2)), self.random.choice((1, 3, 6)) * GIGABYTE
            self.cuebot("LayerInterface/SetMinGpus", layer=layer, min_gpus=gpus)
            self.cuebot("LayerInterface/SetMinGpuMemory", layer=layer, gpu_memory=memory)
        state = self.random.choice((0, 1, 2, 3))
        self.cuebot("FrameInterface/SetCheckpointState", frame=frame, state=state)


@pytest.mark.parametrize("seed", range(6))
def test_the_sums_always_add_up(cuebot: Cuebot, seed: int) -> None:
    """Cuebot's statistics are kept by triggers for every change of a frame or a proc."""
    add_gpus(cuebot.farm)
    place_filter(cuebot.farm, CROWD_FILTER)
    crowd = Crowd(cuebot, seed)
    for step in range(STEPS):
        crowd.act()
        if step % 10 == 0:
            assert_sums(cuebot.farm)
    cuebot.wait(600)
    assert_sums(cuebot.farm)
    seen = Counter(
        enum_name(frame, "state")
        for job in cuebot.farm.jobs.values()
        for frame in cuebot.farm.frames_of(job)
    )
    assert seen["SUCCEEDED"]
    assert seen["EATEN"]
    used = [layer.layer_stats for layer in cuebot.farm.layers.values() if layer.min_gpus]
    assert any(stats.total_gpu_sec for stats in used)


@pytest.mark.parametrize("seed", range(3))
def test_frames_that_nobody_has_looked_at_add_up(messages: Messages, seed: int) -> None:
    """A dependency counts for every frame, made or not."""
    clock = StoppedClock(1_790_000_000)
    cuebot = Cuebot(build_farm(messages, jobs=40, clock=clock), clock)
    crowd = Crowd(cuebot, seed)
    for _ in range(60):
        crowd.random.choice((crowd.depend_layers, crowd.satisfy_layer))()
    assert len(cuebot.farm.frames.lazy_layers) > 10
    assert_sums(cuebot.farm)


def test_a_frame_is_in_depend_if_and_only_if_something_holds_it_back(cuebot: Cuebot) -> None:
    """Cuebot's triggers: no count, no DEPEND; with one, no other state but RUNNING and EATEN."""
    crowd = Crowd(cuebot, 99)
    for _ in range(STEPS):
        crowd.act()
    for job in cuebot.farm.jobs.values():
        for layer in cuebot.farm.layers_of(job):
            for frame in cuebot.farm.frames_of(layer):
                held = cuebot.farm.wait_counts.get(
                    frame.id, cuebot.farm.wait_counts.get(layer.id, 0)
                )
                state = enum_name(frame, "state")
                assert (state == "DEPEND") == (held > 0 and state not in ("RUNNING", "EATEN"))
