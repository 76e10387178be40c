"""What the numbers of a farm must add up to."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.state import Farm, is_pending
from cuebot_simulator.world.tallies import Tally

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
