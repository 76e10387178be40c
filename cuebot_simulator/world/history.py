"""What has been: finished and pending jobs, their layers and frames, and what hosts were started.

Only what is still on the farm is known. A time range is a monitoring.TimeRange, in milliseconds;
an end of 0 is open.
"""

from collections.abc import Collection, Iterator, Sequence
from math import ceil
from typing import Any

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.state import Farm, is_pending
from cuebot_simulator.world.tallies import Tally


def in_range(times: Any, first: float, last: float) -> bool:
    """Whether something that went on from `first` to `last` (seconds) was within a time range."""
    start, end = int(times.start_time), int(times.end_time)
    return last * 1000 >= start and (end <= 0 or first * 1000 <= end)


def was_pending(farm: Farm, job: Any, times: Any) -> bool:
    """Whether a job was pending within a time range."""
    return in_range(times, job.start_time, job.stop_time or farm.now)


def counts(tally: Tally) -> dict[str, int]:
    """The numbers that the history of a job and of a layer have in common."""
    return {
        "total_frames": tally.states.total(),
        "succeeded_frames": tally.states["SUCCEEDED"],
        "failed_frames": tally.states["DEAD"],
        "total_core_seconds": tally.rendered_core_sec + tally.failed_core_sec,
        "total_gpu_seconds": tally.rendered_gpu_sec + tally.failed_gpu_sec,
        "max_rss": tally.max_rss,
    }


def past_job(farm: Farm, job: Any) -> Any:
    """A job as monitoring.HistoricalJob."""
    return farm.messages.new(
        "monitoring.HistoricalJob",
        id=job.id,
        name=job.name,
        show=job.show,
        shot=job.shot,
        user=job.user,
        facility=job.facility,
        final_state=job.state,
        start_time=job.start_time,
        stop_time=job.stop_time,
        priority=job.priority,
        **counts(farm.tallies[job.id]),
    )


def past_layer(farm: Farm, layer: Any) -> Any:
    """A layer as monitoring.HistoricalLayer."""
    job, tally = farm.jobs[layer.parent_id], farm.tallies[layer.id]
    return farm.messages.new(
        "monitoring.HistoricalLayer",
        id=layer.id,
        name=layer.name,
        job_name=job.name,
        show=job.show,
        type=layer.type,
        tags=list(layer.tags),
        services=list(layer.services),
        avg_frame_seconds=tally.rendered_sec // tally.rendered if tally.rendered else 0,
        **counts(tally),
    )


def past_frames(farm: Farm, job: Any, layers: Collection[str]) -> Iterator[Any]:
    """The frames of a job to which anything ever happened, in layers of these names or in all."""
    for layer in farm.layers_of(job):
        if not farm.frames.is_lazy(layer.id) and (not layers or layer.name in layers):
            yield from (frame for frame in farm.frames_of(layer) if frame.id in farm.changed_at)


def frame_in_range(farm: Farm, frame: Any, times: Any) -> bool:
    """Whether a frame ran within a time range, or if it never did, changed."""
    if not frame.start_time:
        changed = farm.changed_at[frame.id]
        return in_range(times, changed, changed)
    return in_range(times, frame.start_time, frame.stop_time or farm.now)


def past_frame(farm: Farm, frame: Any) -> Any:
    """A frame as monitoring.HistoricalFrame."""
    job = farm.job_of(frame)
    return farm.messages.new(
        "monitoring.HistoricalFrame",
        id=frame.id,
        name=frame.name,
        layer_name=frame.layer_name,
        job_name=job.name,
        show=job.show,
        frame_number=frame.number,
        final_state=frame.state,
        exit_status=frame.exit_status,
        retry_count=frame.retry_count,
        start_time=frame.start_time,
        stop_time=frame.stop_time,
        max_rss=frame.max_rss,
        last_host=frame.last_resource.partition("/")[0],
        total_core_time=frame.total_core_time,
        total_gpu_time=frame.total_gpu_time,
    )


def boot_event(farm: Farm, host: Any, facility: str) -> Any:
    """The start of a host as monitoring.HostEvent, which shows the host as it is now."""
    return farm.messages.new(
        "monitoring.HostEvent",
        header=farm.messages.new(
            "monitoring.EventHeader",
            event_id=farm.make_id(f"event/boot/{host.id}/{host.boot_time}"),
            event_type="HOST_BOOT",
            timestamp=host.boot_time * 1000,
        ),
        host=host,
        facility=facility,
        nimby_locked=enum_name(host, "lock_state") == "NIMBY_LOCKED",
    )


def layer_memory(farm: Farm, layer: Any) -> Any:
    """What the frames of a layer needed, as monitoring.LayerMemoryRecord; None if none ever ran."""
    job = farm.jobs[layer.parent_id]
    frames = [frame for frame in past_frames(farm, job, [layer.name]) if frame.max_rss]
    if not frames:
        return None
    sizes = sorted(frame.max_rss for frame in frames)
    return farm.messages.new(
        "monitoring.LayerMemoryRecord",
        job_name=job.name,
        layer_name=layer.name,
        show=job.show,
        timestamp=max(frame.stop_time or farm.now for frame in frames),
        max_rss=sizes[-1],
        reserved_memory=layer.min_memory,
        frame_count=len(sizes),
        avg_frame_memory=sum(sizes) // len(sizes),
        p95_frame_memory=sizes[ceil(len(sizes) * 0.95) - 1],
    )


def snapshot(farm: Farm, shows: Collection[str]) -> Any:
    """The farm now, as monitoring.FarmStatisticsEvent.

    With names of shows, only their jobs and frames count. Hosts are those of all the farm.
    """
    jobs = [job for job in farm.jobs.values() if not shows or job.show in shows]
    total = Tally()
    for job in jobs:
        total.take_in(farm.tallies[job.id])
    pending = sum(map(is_pending, jobs))
    return farm.messages.new(
        "monitoring.FarmStatisticsEvent",
        header=farm.messages.new(
            "monitoring.EventHeader",
            event_id=farm.make_id(f"event/snapshot/{farm.agenda.now}"),
            timestamp=int(farm.agenda.now * 1000),
        ),
        snapshot_time=int(farm.agenda.now * 1000),
        total_jobs=len(jobs),
        pending_jobs=pending,
        finished_jobs=len(jobs) - pending,
        total_frames=total.states.total(),
        waiting_frames=total.states["WAITING"],
        running_frames=total.states["RUNNING"],
        succeeded_frames=total.states["SUCCEEDED"],
        dead_frames=total.states["DEAD"],
        eaten_frames=total.states["EATEN"],
        depend_frames=total.states["DEPEND"],
        show_stats=[
            show_now(farm, show) for show in farm.shows.values() if not shows or show.name in shows
        ],
        **count_hosts(list(farm.hosts.values())),
    )


def count_hosts(hosts: Sequence[Any]) -> dict[str, float]:
    """What a snapshot says of hosts: how many in which state, and their sums."""
    states = [enum_name(host, "state") for host in hosts]
    locks = [enum_name(host, "lock_state") for host in hosts]
    return {
        "total_hosts": len(hosts),
        "up_hosts": states.count("UP"),
        "down_hosts": states.count("DOWN"),
        "repair_hosts": states.count("REPAIR"),
        "nimby_locked_hosts": locks.count("NIMBY_LOCKED"),
        "total_cores": sum(host.cores for host in hosts),
        "running_cores": sum(host.cores - host.idle_cores for host in hosts),
        "idle_cores": sum(host.idle_cores for host in hosts),
        "total_gpus": sum(host.gpus for host in hosts),
        "running_gpus": sum(host.gpus - host.idle_gpus for host in hosts),
        "idle_gpus": sum(host.idle_gpus for host in hosts),
        "total_memory": sum(host.total_memory for host in hosts),
        "used_memory": sum(host.total_memory - host.free_memory for host in hosts),
    }


def show_now(farm: Farm, show: Any) -> Any:
    """A show's part of a snapshot, as monitoring.ShowStatistics."""
    tally = farm.tallies[show.id]
    return farm.messages.new(
        "monitoring.ShowStatistics",
        show=show.name,
        pending_jobs=tally.jobs,
        running_frames=tally.states["RUNNING"],
        waiting_frames=tally.states["WAITING"],
        reserved_cores=tally.reserved / 100,
        reserved_gpus=tally.gpus,
    )
