"""What the farm's statistics say, counted from the frames, procs and hosts that are there."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.demo.messages import enum_name


def states_of(frames: Iterable[Any]) -> Counter[str]:
    """How many frames are in each state."""
    return Counter(enum_name(frame, "state") for frame in frames)


def frame_stats(frames: Sequence[Any], reserved_cores: float) -> dict[str, Any]:
    """The fields of a layer's and of a job's statistics."""
    states = states_of(frames)
    rendered = [frame for frame in frames if enum_name(frame, "state") == "SUCCEEDED"]
    failed = [frame for frame in frames if enum_name(frame, "state") == "DEAD"]
    seconds = [frame.stop_time - frame.start_time for frame in rendered]
    rendered_core_sec = sum(frame.total_core_time for frame in rendered)
    failed_core_sec = sum(frame.total_core_time for frame in failed)
    pending = states["WAITING"] + states["DEPEND"]
    avg_core_sec = rendered_core_sec // len(rendered) if rendered else 0
    return {
        "total_frames": len(frames),
        "waiting_frames": states["WAITING"],
        "running_frames": states["RUNNING"],
        "dead_frames": states["DEAD"],
        "eaten_frames": states["EATEN"],
        "depend_frames": states["DEPEND"],
        "succeeded_frames": states["SUCCEEDED"],
        "pending_frames": pending,
        "avg_frame_sec": sum(seconds) // len(seconds) if seconds else 0,
        "low_frame_sec": min(seconds, default=0),
        "high_frame_sec": max(seconds, default=0),
        "avg_core_sec": avg_core_sec,
        "rendered_frame_count": len(rendered),
        "failed_frame_count": len(failed),
        "remaining_core_sec": pending * avg_core_sec,
        "total_core_sec": rendered_core_sec + failed_core_sec,
        "rendered_core_sec": rendered_core_sec,
        "failed_core_sec": failed_core_sec,
        "max_rss": max((frame.max_rss for frame in frames), default=0),
        "reserved_cores": reserved_cores,
    }


def group_stats(jobs: Iterable[Any]) -> dict[str, Any]:
    """The fields of a group's statistics. Only pending jobs count."""
    stats = [job.job_stats for job in jobs if enum_name(job, "state") == "PENDING"]
    return {
        "running_frames": sum(stat.running_frames for stat in stats),
        "dead_frames": sum(stat.dead_frames for stat in stats),
        "depend_frames": sum(stat.depend_frames for stat in stats),
        "waiting_frames": sum(stat.waiting_frames for stat in stats),
        "pending_jobs": len(stats),
        "reserved_cores": sum(stat.reserved_cores for stat in stats),
    }


def show_stats(jobs: Sequence[Any]) -> dict[str, Any]:
    """The fields of a show's statistics: what is pending now, and what there ever was."""
    now = group_stats(jobs)
    ever = [job.job_stats for job in jobs]
    return {
        "running_frames": now["running_frames"],
        "dead_frames": now["dead_frames"],
        "pending_frames": now["waiting_frames"] + now["depend_frames"],
        "pending_jobs": now["pending_jobs"],
        "created_job_count": len(jobs),
        "created_frame_count": sum(stat.total_frames for stat in ever),
        "rendered_frame_count": sum(stat.rendered_frame_count for stat in ever),
        "failed_frame_count": sum(stat.failed_frame_count for stat in ever),
        "reserved_cores": now["reserved_cores"],
    }


def allocation_stats(hosts: Sequence[Any]) -> dict[str, Any]:
    """The fields of an allocation's statistics: its hosts, and the cores they have and use."""
    locked = [host for host in hosts if enum_name(host, "lock_state") == "LOCKED"]
    down = [host for host in hosts if enum_name(host, "state") == "DOWN"]
    bookable = [
        host
        for host in hosts
        if enum_name(host, "lock_state") == "OPEN" and enum_name(host, "state") == "UP"
    ]
    return {
        "cores": sum(host.cores for host in hosts),
        "available_cores": sum(host.idle_cores for host in bookable),
        "idle_cores": sum(host.idle_cores for host in hosts),
        "running_cores": sum(host.cores - host.idle_cores for host in hosts),
        "locked_cores": sum(host.idle_cores for host in locked),
        "hosts": len(hosts),
        "locked_hosts": len(locked),
        "down_hosts": len(down),
    }
