"""The farm of the demo: the same for a seed, of any size, with sums that add up."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from random import Random
from typing import Any

import pytest

from cuebot_simulator.answers import SERVICES
from cuebot_simulator.world import depends
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.jobs import launch_job
from cuebot_simulator.world.messages import Messages, enum_name, fill, read_messages
from cuebot_simulator.world.new_entities import add_host
from cuebot_simulator.world.plans import GIGABYTE_KB, FilterPlan, HostPlan, JobPlan, LayerPlan
from cuebot_simulator.world.refusals import Refusal
from cuebot_simulator.world.state import Farm, is_pending
from cuebot_simulator.world.studio import build_farm, place_filter
from cuebot_simulator.world.studio_data import GENERAL
from cuebot_simulator.world.tallies import Tally
from tests.simulator.conftest import NOW
from tests.simulator.in_process import Cuebot

OLD_SPELLINGS = {"SetMangedCores"}
"""Names of methods that only protos have which are older than the installed ones."""
LARGE = 2500
"""Jobs of a large farm, whose frames are made when somebody looks at them."""


def test_every_simulated_method_exists() -> None:
    pool = read_messages().pool
    for service, methods in SERVICES.items():
        known = set(pool.FindServiceByName(service).methods_by_name)
        assert set(methods) - OLD_SPELLINGS <= known, service


@pytest.mark.slow
def test_a_large_farm_answers_and_lives(messages: Messages) -> None:
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=LARGE, clock=clock)
    cuebot = Cuebot(farm, clock)
    assert len({job.name for job in farm.jobs.values()}) == LARGE
    assert len(farm.frames) < 500
    assert_totals(farm)

    cuebot.wait(60)
    assert_totals(farm)
    assert 300 < len(farm.procs) < len(farm.frames) < 10_000
    assert len(farm.frames.lazy_layers) > 1.95 * LARGE
    jobs = cuebot("JobInterface/GetJobs").jobs.jobs
    assert len(jobs) == len(farm.pending) > 0.95 * LARGE
    shows = cuebot("ShowInterface/GetShows").shows.shows
    assert sum(show.show_stats.running_frames for show in shows) == len(farm.procs)
    hosts = cuebot("HostInterface/GetHosts").hosts.hosts
    assert len(hosts) == len(farm.hosts) > 0.015 * LARGE
    nested = cuebot("HostInterface/GetHostWhiteboard").nested_hosts.nested_hosts
    assert sum(len(host.procs.nested_procs) for host in nested) == len(farm.procs)


def test_a_frame_that_nobody_has_looked_at_is_found_by_its_id(messages: Messages) -> None:
    one, two = (
        Cuebot(build_farm(messages, jobs=50, clock=clock), clock)
        for clock in (StoppedClock(NOW), StoppedClock(NOW))
    )
    name = "demo-cr0000-ana_comp_v001"
    frame = one.frames(name)[3]
    assert two("FrameInterface/GetFrame", id=frame.id).frame == frame
    assert two.refusal("FrameInterface/GetFrame", id=frame.id[:-4] + "ffff")[0] == "NOT_FOUND"


STATES = ("WAITING", "RUNNING", "SUCCEEDED", "DEPEND", "DEAD", "EATEN")
NEAR = 0.001
"""Cores are floats."""
CORES = ("reserved_cores", "reserved_gpus")
TIMES = ("rendered_core_sec", "failed_core_sec", "rendered_gpu_sec", "failed_gpu_sec")
TOTALS = ("total_core_sec", "total_gpu_sec")
TRIES = ("rendered_frame_count", "failed_frame_count")
FRAMES = ("total_frames", "pending_frames", *(f"{state.lower()}_frames" for state in STATES))
GROUP_FRAMES = ("running_frames", "dead_frames", "depend_frames", "waiting_frames")


def assert_sums(farm: Farm) -> None:
    """Statistics, hosts, shares and limits are what frames and procs add up to.

    This makes all frames that are drafts.
    """
    assert_totals(farm)
    counts = count_frames(farm)
    for owners in (farm.layers, farm.jobs, farm.groups, farm.shows):
        for key, owner in owners.items():
            tally = farm.tallies[key]
            wanted = counts.get(key, Tally())
            assert +tally.states == +wanted.states, owner
            assert min(tally.states.values(), default=0) >= 0, owner
            assert (tally.reserved, tally.gpus) == (wanted.reserved, wanted.gpus), owner
    for layer in farm.layers.values():
        assert_layer(farm, layer)


def assert_totals(farm: Farm) -> None:
    """From layers upward, and on hosts, all messages say what adds up. Drafts stay drafts."""
    farm.write_stats()
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
    """The messages of jobs, groups and shows say what those of layers add up to."""
    for job in farm.jobs.values():
        layers = [layer.layer_stats for layer in farm.layers_of(job)]
        stats = job.job_stats
        assert_added(stats, layers, *FRAMES, *TRIES, *TIMES, *TOTALS, *CORES)
        assert stats.total_layers == len(layers)
        assert stats.max_rss == max(each.max_rss for each in layers)
        assert stats.high_frame_sec == max(each.high_frame_sec for each in layers)
    for group in farm.groups.values():
        jobs = [job.job_stats for job in farm.jobs_of(group) if is_pending(job)]
        assert_added(group.group_stats, jobs, *GROUP_FRAMES, *CORES)
        assert group.group_stats.pending_jobs == len(jobs)
    for show in farm.shows.values():
        assert_show(farm, show)


def assert_layer(farm: Farm, layer: Any) -> None:
    """A layer's frames by state, and the time that all their tries have taken."""
    stats, frames = layer.layer_stats, farm.frames_of(layer)
    states = Counter(enum_name(frame, "state") for frame in frames)
    for state in STATES:
        assert getattr(stats, f"{state.lower()}_frames") == states[state], (layer, state)
    assert stats.total_frames == len(frames)
    assert stats.pending_frames == states["WAITING"] + states["DEPEND"]
    assert stats.total_core_sec == sum(frame.total_core_time for frame in frames), layer
    assert stats.total_gpu_sec == sum(frame.total_gpu_time for frame in frames), layer
    assert_added(stats, farm.procs_of(frames), *CORES)
    rendered = stats.rendered_frame_count
    assert stats.avg_core_sec == (stats.rendered_core_sec // rendered if rendered else 0)
    assert stats.remaining_core_sec == stats.pending_frames * stats.avg_core_sec
    assert stats.low_frame_sec <= stats.avg_frame_sec <= stats.high_frame_sec


def assert_show(farm: Farm, show: Any) -> None:
    """A show's groups, and what all jobs have rendered that it ever had."""
    stats, groups = show.show_stats, farm.groups_of(show)
    jobs = [job.job_stats for group in groups for job in farm.jobs_of(group)]
    shown = [group.group_stats for group in groups]
    assert_added(stats, shown, "running_frames", "dead_frames", "pending_jobs", *CORES)
    assert stats.pending_frames == sum(each.waiting_frames + each.depend_frames for each in shown)
    assert_added(stats, jobs, *TRIES)
    assert stats.created_job_count == len(jobs)
    assert stats.created_frame_count == sum(each.total_frames for each in jobs)


def assert_added(whole: Any, parts: Sequence[Any], *fields: str) -> None:
    """Each of these fields is the sum of the parts' fields."""
    for field in fields:
        total = sum(getattr(part, field) for part in parts)
        assert abs(getattr(whole, field) - total) < NEAR, (whole, field)


def assert_hosts(farm: Farm) -> None:
    """No host has more or less than what its procs leave."""
    procs: defaultdict[str, list[Any]] = defaultdict(list)
    for proc in farm.procs.values():
        procs[farm.host_of[proc.id]].append(proc)
    for host in farm.hosts.values():
        assert farm.procs_on(host) == procs[host.id]
        assert_left(host.cores, host.idle_cores, "reserved_cores", procs[host.id])
        assert_left(host.gpus, host.idle_gpus, "reserved_gpus", procs[host.id])
        assert_left(host.memory, host.idle_memory, "reserved_memory", procs[host.id])
        assert_left(host.memory, host.free_memory, "reserved_memory", procs[host.id])
        assert_left(host.gpu_memory, host.idle_gpu_memory, "reserved_gpu_memory", procs[host.id])


def assert_left(whole: float, left: float, field: str, procs: Sequence[Any]) -> None:
    """What is left of the whole is what the procs have not reserved."""
    assert abs(whole - sum(getattr(proc, field) for proc in procs) - left) < NEAR, (field, procs)
    assert left >= 0, (field, procs)


def assert_shares(farm: Farm) -> None:
    """What shows use of allocations, and what runs under limits, is what procs do."""
    reserved: Counter[tuple[str, str]] = Counter()
    running: Counter[str] = Counter()
    for proc in farm.procs.values():
        host = farm.hosts[farm.host_of[proc.id]]
        reserved[proc.show_name, host.alloc_name] += round(proc.reserved_cores * 100)
        running.update({*farm.layers[farm.parent_of[farm.parent_of[proc.id]]].limits} - {""})
    assert +farm.reserved == reserved
    assert +farm.running_with == running
    assert min((*farm.reserved.values(), *farm.running_with.values()), default=0) >= 0


pytestmark = pytest.mark.slow

STEPS = 150
GPU_MACHINES = ("gpu-node-01", "gpu-node-02")
CROWD_FILTER = FilterPlan(
    show="demo",
    name="crowd",
    matchers=(("USER", "CONTAINS", "a"),),
    actions=(
        ("MOVE_JOB_TO_GROUP", "GROUP_TYPE", "fx"),
        ("SET_JOB_PRIORITY", "INTEGER_TYPE", 150),
        ("SET_ALL_RENDER_LAYER_MEMORY", "INTEGER_TYPE", 3 * GIGABYTE_KB),
        ("SET_ALL_RENDER_LAYER_MIN_CORES", "FLOAT_TYPE", 1.5),
    ),
)


def add_gpus(farm: Farm) -> None:
    """Machines with GPUs, and jobs that want nothing else."""
    for name in GPU_MACHINES:
        host = add_host(farm, HostPlan(name=name, alloc=GENERAL, cores=16, memory=64, gpus=4))
        fill(host, gpu_memory=24 * GIGABYTE_KB, idle_gpu_memory=24 * GIGABYTE_KB)
    for show in ("demo", "harbor"):
        layers = (
            LayerPlan(name="denoise", gpus=1, gpu_memory=2, frames=tuple(range(1001, 1041))),
            LayerPlan(name="check", frames=(1001, 1002)),
        )
        plan = JobPlan(
            show=show, shot="gpu", user="ana", name="gpu_v001", priority=200, layers=layers
        )
        launch_job(farm, plan)


ORDERS = (
    *[("Frame", "Kill Eat Retry MarkAsWaiting MarkAsDepend")] * 4,
    *[("Layer", "KillFrames EatFrames RetryFrames MarkdoneFrames")] * 2,
    *[("Job", "Kill RetryFrames"), ("Job", "Pause Resume Resume"), ("Job", "RunFilters")],
)


class Crowd:
    """People who do anything to anything."""

    def __init__(self, cuebot: Cuebot, seed: int) -> None:
        self.cuebot = cuebot
        self.farm = cuebot.farm
        self.random = Random(seed)  # noqa: S311
        deeds = (self.depend, self.regroup, self.lock, self.satisfy)
        others = (self.limit, self.reorder, self.settings)
        self.deeds = (*(self.order,) * len(ORDERS), *deeds * 2, *others)

    def act(self) -> None:
        """One thing, and some time."""
        deed = self.random.choice(self.deeds)
        may_fail = deed in (self.depend, self.regroup, self.lock)
        with suppress(Refusal) if may_fail else nullcontext():
            deed()
        self.cuebot.wait(self.random.choice((0, 0.1, 0.5, 5, 30)))

    def some(self, kind: str) -> Any:
        """Any frame, layer or job."""
        if kind == "Frame":
            return self.random.choice(self.farm.frames_of(self.some("Layer")))
        return self.random.choice(list(getattr(self.farm, f"{kind.lower()}s").values()))

    def order(self) -> None:
        kind, methods = self.random.choice(ORDERS)
        method = self.random.choice(methods.split())
        thing = {kind.lower(): self.some(kind)}
        more = {"reason": "test"} if (kind, method) == ("Job", "Kill") else {}
        self.cuebot(f"{kind}Interface/{method}", **thing, **more)

    def depend(self, kinds: Sequence[str] = ("Job", "Layer", "Frame")) -> None:
        er, on = self.random.choice(kinds), self.random.choice(kinds)
        kind = f"{er}_ON_{on}".upper()
        if er == on == "Layer" and "Frame" in kinds:
            kind = self.random.choice((kind, "FRAME_BY_FRAME", "PREVIOUS_FRAME"))
        any_frame = "Frame" in kinds and self.random.random() < 0.3
        depends.add_depend(self.farm, kind, self.some(er), self.some(on), any_frame=any_frame)

    def satisfy_layer(self) -> None:
        depends.drop_depends(self.farm, self.some("Layer"), "ANY_TARGET")
        depends.satisfy_on(self.farm, self.some("Layer"))

    def satisfy(self) -> None:
        method = self.random.choice(("Satisfy", "Satisfy", "Unsatisfy"))
        depend = self.random.choice(list(self.farm.depends))
        self.cuebot(f"DependInterface/{method}", depend={"id": depend})
        self.cuebot("LayerInterface/DropDepends", layer=self.some("Layer"), target=2)

    def limit(self) -> None:
        method = self.random.choice(("AddLimit", "DropLimit"))
        limit = self.random.choice(list(self.farm.limits))
        self.cuebot(f"LayerInterface/{method}", layer=self.some("Layer"), limit_id=limit)

    def reorder(self) -> None:
        wanted = {"range": "1002-1009x3", "order": self.random.choice((0, 1, 2))}
        self.cuebot("LayerInterface/ReorderFrames", layer=self.some("Layer"), **wanted)

    def regroup(self) -> None:
        """Move a job, or a group with all that is in it, within the show."""
        job = self.some("Job")
        show = self.farm.show_of(self.farm.group_of(job))
        group, other = self.random.sample(self.farm.groups_of(show), 2)
        if self.random.random() < 0.5:
            self.cuebot("JobInterface/SetGroup", job=job, group_id=group.id)
        else:
            wanted = {"groups": [{"id": other.id}]}
            self.cuebot("GroupInterface/ReparentGroups", group=group, groups=wanted)

    def lock(self) -> None:
        """Lock a machine, unlock one, or restart one that renders."""
        method = self.random.choice(("Lock", "Unlock", "Unlock", "Reboot", "RebootWhenIdle"))
        host = self.random.choice(list(self.farm.hosts))
        self.cuebot(f"HostInterface/{method}", host={"id": host})

    def settings(self) -> None:
        frame, layer = {"id": self.some("Frame").id}, {"id": self.some("Layer").id}
        cores = self.random.choice((0.25, 1.5, 3))
        self.cuebot("LayerInterface/SetMinCores", layer=layer, cores=cores)
        if self.farm.layers[layer["id"]].min_gpus:
            gpus, memory = self.random.choice((1, 2)), self.random.choice((1, 3, 6)) * GIGABYTE_KB
            self.cuebot("LayerInterface/SetMinGpus", layer=layer, min_gpus=gpus)
            self.cuebot("LayerInterface/SetMinGpuMemory", layer=layer, gpu_memory=memory)
        state = self.random.choice((0, 1, 2, 3))
        self.cuebot("FrameInterface/SetCheckpointState", frame=frame, state=state)


@pytest.mark.parametrize("seed", range(4))
def test_the_sums_always_add_up(cuebot: Cuebot, seed: int) -> None:
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
    clock = StoppedClock(1_790_000_000)
    cuebot = Cuebot(build_farm(messages, jobs=40, clock=clock), clock)
    crowd = Crowd(cuebot, seed)
    for _ in range(60):
        with suppress(Refusal):
            crowd.random.choice((lambda: crowd.depend(("Job", "Layer")), crowd.satisfy_layer))()
    assert len(cuebot.farm.frames.lazy_layers) > 10
    assert_sums(cuebot.farm)


def test_a_frame_is_in_depend_if_and_only_if_something_holds_it_back(cuebot: Cuebot) -> None:
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
