"""The life of a job after its launch: it is counted, moves between groups, and ends."""

from collections.abc import Collection
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.cores import NO_LIMIT
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.frames import EXIT_RETRIED, state_of, stop_frame
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.state import Farm, is_pending

INHERITED = ("priority", "min_cores", "max_cores", "min_gpus", "max_gpus")
"""What a group has defaults for, which a job gets that comes into it."""


def count_job(farm: Farm, job: Any, sign: int) -> None:
    """Count a pending job in its group and its show, or no more (-1)."""
    group = farm.group_of(job)
    show = farm.show_of(group)
    for thing in (group, show):
        farm.tallies[thing.id].take_in(farm.tallies[job.id], sign)
    farm.mark_stale(job, group, show)


def move_job(farm: Farm, job: Any, group: Any, *, inherited: Collection[str] = INHERITED) -> None:
    """Put a job into another group of its show, and give it that group's defaults for these fields.

    Raises Refusal when the group is another show's.
    """
    if farm.show_of(group) is not farm.show_of(farm.group_of(job)):
        raise java_exception(
            "com.imageworks.spcue.EntityModificationError",
            "error moving job, cannot move jobs between shows",
        )
    if is_pending(job):
        count_job(farm, job, -1)
    farm.disown(job.id)
    farm.own(group.id, job.id)
    note_group(farm, job)
    if is_pending(job):
        count_job(farm, job, 1)
    defaults = {name: given(group, f"default_job_{name}", NO_LIMIT) for name in inherited}
    fill(job, **{name: value for name, value in defaults.items() if value != NO_LIMIT})


def note_group(farm: Farm, job: Any) -> None:
    """Write the present name of its group into a job, and into the procs that run it."""
    name = farm.group_of(job).name
    fill(job, group=name)
    if farm.tallies[job.id].states["RUNNING"]:
        for proc in farm.procs_of(farm.frames_of(job)):
            fill(proc, group_name=name)


def finish_job(farm: Farm, job: Any) -> None:
    """End a pending job. Its running frames are stopped, and wait; what waited for it need not.

    Its post job, if it has one, is pending now.
    """
    if not is_pending(job):
        return
    if farm.tallies[job.id].states["RUNNING"]:
        for frame in farm.frames_of(job):
            if state_of(frame) == "RUNNING":
                stop_frame(farm, frame, "WAITING", EXIT_RETRIED)
    count_job(farm, job, -1)
    del farm.pending[job.name]
    fill(job, state="FINISHED", stop_time=farm.now)
    depends.satisfy_on(farm, job)
    if post := farm.post_jobs.pop(job.id, None):
        begin_job(farm, post)


def begin_job(farm: Farm, job: Any) -> None:
    """Let a job be pending, which has been launched or waited for another one to be over."""
    fill(job, state="PENDING")
    farm.pending[job.name] = job
    count_job(farm, job, 1)


def reopen_job(farm: Farm, job: Any) -> None:
    """Let a finished job be pending again, unless another one of its name is by now."""
    if is_pending(job) or job.name in farm.pending:
        return
    fill(job, stop_time=0)
    begin_job(farm, job)


def finish_if_done(farm: Farm, job: Any) -> None:
    """End a job of which every frame has succeeded or was eaten."""
    if is_pending(job) and farm.tallies[job.id].finished:
        finish_job(farm, job)
