"""Whatever is done to a farm, its numbers are those that counting everything anew gives."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from gateway.demo.farm import depends
from gateway.demo.farm.clock import StoppedClock
from gateway.demo.farm.failures import Refusal
from gateway.demo.farm.messages import Messages, enum_name
from gateway.demo.farm.state import Farm, is_pending
from gateway.demo.farm.studio import build_farm
from gateway.demo.farm.tallies import Tally
from tests.demo.desk import Desk

STEPS = 150
STATES = ("WAITING", "RUNNING", "SUCCEEDED", "DEPEND", "DEAD", "EATEN")
KINDS = ("JOB", "LAYER", "FRAME")


def assert_sums(farm: Farm) -> None:
    """Statistics, hosts, shares and limits are what frames and procs add up to."""
    farm.write_stats()
    counts = count_frames(farm)
    for owners in (farm.layers, farm.jobs, farm.groups, farm.shows):
        for key, owner in owners.items():
            tally = farm.tallies[key]
            wanted = counts.get(key, Tally())
            assert +tally.states == +wanted.states, owner
            assert min(tally.states.values(), default=0) >= 0, owner
            assert (tally.reserved, tally.gpus) == (wanted.reserved, wanted.gpus), owner
    assert_shown(farm)
    assert_hosts(farm)
    assert_shares(farm)


def count_frames(farm: Farm) -> dict[str, Tally]:
    """Tallies by id, counted from all frames and procs."""
    counts: dict[str, Tally] = {}
    for job in farm.jobs.values():
        group = farm.group_of(job)
        above = [group, farm.show_of(group)] if is_pending(job) else []
        for layer in farm.layers_of(job):
            for frame in farm.frames_of(layer):
                procs = farm.procs_of([frame])
                assert len(procs) == (enum_name(frame, "state") == "RUNNING"), frame
                for owner in (layer, job, *above):
                    tally = counts.setdefault(owner.id, Tally())
                    tally.states[enum_name(frame, "state")] += 1
                    tally.reserved += sum(round(proc.reserved_cores * 100) for proc in procs)
                    tally.gpus += sum(round(proc.reserved_gpus) for proc in procs)
    return counts


def assert_shown(farm: Farm) -> None:
    """The messages say what the tallies count."""
    for job in farm.jobs.values():
        stats, tally = job.job_stats, farm.tallies[job.id]
        assert stats.total_frames == len(farm.frames_of(job))
        assert stats.running_frames == tally.states["RUNNING"]
        assert stats.depend_frames == tally.states["DEPEND"]
        assert stats.reserved_cores == pytest.approx(tally.reserved / 100)
    for group in farm.groups.values():
        pending = [job for job in farm.jobs_of(group) if is_pending(job)]
        assert group.group_stats.pending_jobs == len(pending)
        assert group.group_stats.waiting_frames == sum(
            job.job_stats.waiting_frames for job in pending
        )


def assert_hosts(farm: Farm) -> None:
    """No host has more or less than what its procs leave."""
    for host in farm.hosts.values():
        procs = farm.procs_on(host)
        used = sum(proc.reserved_cores for proc in procs)
        assert host.idle_cores == pytest.approx(host.cores - used, abs=0.001)
        assert host.idle_memory == host.memory - sum(proc.reserved_memory for proc in procs)
        assert host.idle_gpus == host.gpus - sum(proc.reserved_gpus for proc in procs)
        assert host.idle_cores >= 0


def assert_shares(farm: Farm) -> None:
    """What shows use of allocations, and what runs under limits, is what procs do."""
    reserved: Counter[tuple[str, str]] = Counter()
    running: Counter[str] = Counter()
    for proc in farm.procs.values():
        host = farm.hosts[farm.host_of[proc.id]]
        reserved[proc.show_name, host.alloc_name] += round(proc.reserved_cores * 100)
        running.update(farm.layers[farm.parent_of[farm.parent_of[proc.id]]].limits)
    assert +farm.reserved == reserved
    assert +farm.running_with == running
    assert min((*farm.reserved.values(), *farm.running_with.values()), default=0) >= 0


class Crowd:
    """People who do anything to anything."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
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
        )

    def act(self) -> None:
        """One thing, and some time."""
        self.random.choice(self.deeds)()
        self.desk.wait(self.random.choice((0, 0.1, 0.5, 5, 30)))

    def job(self) -> Any:
        return self.random.choice(list(self.desk.farm.jobs.values()))

    def layer(self) -> Any:
        return self.random.choice(list(self.desk.farm.layers.values()))

    def frame(self) -> Any:
        return self.random.choice(self.desk.farm.frames_of(self.layer()))

    def order_frame(self) -> None:
        method = self.random.choice(("Kill", "Eat", "Retry", "MarkAsWaiting", "MarkAsDepend"))
        self.desk(f"FrameInterface/{method}", frame={"id": self.frame().id})

    def order_layer(self) -> None:
        method = self.random.choice(("KillFrames", "EatFrames", "RetryFrames", "MarkdoneFrames"))
        self.desk(f"LayerInterface/{method}", layer={"id": self.layer().id})

    def order_job(self) -> None:
        self.desk("JobInterface/Kill", job={"id": self.job().id}, reason="test")
        self.desk("JobInterface/RetryFrames", job={"id": self.job().id})

    def pause(self) -> None:
        method = self.random.choice(("Pause", "Resume", "Resume"))
        self.desk(f"JobInterface/{method}", job={"id": self.job().id})

    def depend(self) -> None:
        kinds = {"JOB": self.job, "LAYER": self.layer, "FRAME": self.frame}
        er, on = self.random.choice(KINDS), self.random.choice(KINDS)
        kind = f"{er}_ON_{on}"
        if er == on == "LAYER":
            kind = self.random.choice((kind, "FRAME_BY_FRAME", "PREVIOUS_FRAME"))
        any_frame = self.random.random() < 0.3
        try:
            depends.add_depend(self.desk.farm, kind, kinds[er](), kinds[on](), any_frame=any_frame)
        except Refusal:
            return

    def depend_layers(self) -> None:
        kind = self.random.choice(("LAYER_ON_LAYER", "LAYER_ON_JOB", "JOB_ON_LAYER"))
        er, on = (self.layer if each == "LAYER" else self.job for each in kind.split("_ON_"))
        try:
            depends.add_depend(self.desk.farm, kind, er(), on())
        except Refusal:
            return

    def satisfy_layer(self) -> None:
        depends.drop_depends(self.desk.farm, self.layer(), "ANY_TARGET")
        depends.satisfy_on(self.desk.farm, self.layer())

    def satisfy(self) -> None:
        method = self.random.choice(("Satisfy", "Satisfy", "Unsatisfy"))
        depend = self.random.choice(list(self.desk.farm.depends))
        self.desk(f"DependInterface/{method}", depend={"id": depend})
        self.desk("LayerInterface/DropDepends", layer={"id": self.layer().id}, target=2)

    def limit(self) -> None:
        method = self.random.choice(("AddLimit", "DropLimit"))
        limit = self.random.choice(list(self.desk.farm.limits))
        self.desk(f"LayerInterface/{method}", layer={"id": self.layer().id}, limit_id=limit)

    def reorder(self) -> None:
        order = self.random.choice((0, 1, 2))
        self.desk(
            "LayerInterface/ReorderFrames",
            layer={"id": self.layer().id},
            range="1002-1009x3",
            order=order,
        )

    def settings(self) -> None:
        frame, layer = {"id": self.frame().id}, {"id": self.layer().id}
        cores = self.random.choice((0.25, 1.5, 3))
        self.desk("LayerInterface/SetMinCores", layer=layer, cores=cores)
        state = self.random.choice((0, 1, 2, 3))
        self.desk("FrameInterface/SetCheckpointState", frame=frame, state=state)


@pytest.mark.parametrize("seed", range(6))
def test_the_sums_always_add_up(desk: Desk, seed: int) -> None:
    """Cuebot's statistics are kept by triggers for every change of a frame or a proc."""
    crowd = Crowd(desk, seed)
    for step in range(STEPS):
        crowd.act()
        if step % 10 == 0:
            assert_sums(desk.farm)
    desk.wait(600)
    assert_sums(desk.farm)
    seen = Counter(
        enum_name(frame, "state")
        for job in desk.farm.jobs.values()
        for frame in desk.farm.frames_of(job)
    )
    assert seen["SUCCEEDED"]
    assert seen["EATEN"]


@pytest.mark.parametrize("seed", range(3))
def test_frames_that_nobody_has_looked_at_add_up(messages: Messages, seed: int) -> None:
    """A dependency counts for every frame, made or not."""
    clock = StoppedClock(1_790_000_000)
    desk = Desk(build_farm(messages, jobs=40, clock=clock), clock)
    crowd = Crowd(desk, seed)
    for _ in range(60):
        crowd.random.choice((crowd.depend_layers, crowd.satisfy_layer))()
    assert len(desk.farm.drafts) > 10
    assert_sums(desk.farm)


def test_a_frame_is_in_depend_if_and_only_if_something_holds_it_back(desk: Desk) -> None:
    """Cuebot's triggers: no count, no DEPEND; with one, no other state but RUNNING and EATEN."""
    crowd = Crowd(desk, 99)
    for _ in range(STEPS):
        crowd.act()
    for job in desk.farm.jobs.values():
        for layer in desk.farm.layers_of(job):
            for frame in desk.farm.frames_of(layer):
                held = desk.farm.wait_counts.get(frame.id, desk.farm.wait_counts.get(layer.id, 0))
                state = enum_name(frame, "state")
                assert (state == "DEPEND") == (held > 0 and state not in ("RUNNING", "EATEN"))
