"""Redirected procs: after their frames, their hosts work for another job or group."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from cuebot_simulator.world.limits import limits_allow
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, is_bookable, is_pending


def redirect(farm: Farm, proc: Any, target: Any) -> None:
    """Let a proc's host work for a job or a group next. The proc counts as unbooked."""
    fill(proc, unbooked=True, redirect_target=target.name)
    farm.redirects[proc.id] = target.id


def clear_redirect(farm: Farm, proc: Any) -> bool:
    """Let a proc stay. True if it was redirected."""
    fill(proc, unbooked=False, redirect_target="")
    return farm.redirects.pop(proc.id, None) is not None


def follow_redirect(farm: Farm, proc: Any, host: Any) -> None:
    """Send the host of a finished proc to its target, if it was redirected."""
    if target := farm.redirects.pop(proc.id, ""):
        farm.agenda.after(0, partial(work_for, farm, host, target))


def work_for(farm: Farm, host: Any, target: str) -> None:
    """Give a host frames of the job or the group with that id, if it takes work."""
    if host.id not in farm.hosts or not is_bookable(host):
        return
    for job in jobs_at(farm, target):
        farm.dispatcher.book_job(job, host)


def jobs_at(farm: Farm, target: str) -> list[Any]:
    """The pending jobs that are not paused of a group, or the job with that id; the most urgent
    first.
    """
    keys = farm.children_of[target] if target in farm.groups else [target]
    jobs = [farm.jobs[key] for key in keys if key in farm.jobs]
    able = [job for job in jobs if is_pending(job) and not job.is_paused]
    return sorted(able, key=lambda job: -job.priority)


def has_work(farm: Farm, jobs: Iterable[Any], proc: Any) -> bool:
    """Whether one of these jobs has a waiting frame that fits in the place of a proc."""
    host = farm.host_with(proc)
    return any(
        farm.tallies[layer.id].states["WAITING"]
        and round(layer.min_cores * 100) <= round(proc.reserved_cores * 100)
        and layer.min_memory <= proc.reserved_memory
        and layer.min_gpus <= proc.reserved_gpus
        and not set(layer.tags).isdisjoint(host.tags)
        and limits_allow(farm, layer)
        for job in jobs
        for layer in farm.layers_of(job)
    )
