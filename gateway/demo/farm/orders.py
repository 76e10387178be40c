"""What people and machines do to frames: end, kill, eat, retry. Jobs and dependencies follow."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from gateway.demo.farm import depends
from gateway.demo.farm.frames import (
    EXIT_EATEN,
    EXIT_RETRIED,
    change_frame,
    state_after_failure,
    state_of,
    stop_frame,
)
from gateway.demo.farm.jobs import finish_if_done, reopen_job
from gateway.demo.farm.state import Farm

EXIT_KILLED = 1
"""What RQD reports for a process that a signal ended."""
QUEUED = 0.2
"""Seconds that an order waits in Cuebot's queue, after it has been answered."""
DONE = ("SUCCEEDED", "EATEN")


def order(farm: Farm, what: Any, frames: Sequence[Any]) -> None:
    """Do this (`kill_frames` …) to these frames soon, as Cuebot does: it answers first."""
    farm.agenda.after(QUEUED, partial(what, farm, frames))


def end_frame(farm: Farm, frame: Any, exit_status: int) -> None:
    """A running frame's process has ended by itself."""
    state = "SUCCEEDED" if exit_status == 0 else state_after_failure(farm, frame)
    stop_frame(farm, frame, state, exit_status)
    settle(farm, [frame])


def kill_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """End what runs. A killed frame has failed. What does not run is left alone."""
    for frame in frames:
        if state_of(frame) == "RUNNING":
            end_frame(farm, frame, EXIT_KILLED)


def eat_frames(farm: Farm, frames: Sequence[Any]) -> None:
    """Count frames as done. One that has succeeded stays so."""
    for frame in frames:
        state = state_of(frame)
        if state == "RUNNING":
            stop_frame(farm, frame, "EATEN", EXIT_EATEN)
        elif state not in DONE:
            change_frame(farm, frame, state="EATEN")
    settle(farm, frames)


def retry_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Let frames wait for another try, and their jobs be pending again.

    One that depends on others goes on doing so.
    """
    for frame in frames:
        reopen_job(farm, farm.job_of(frame))
        state = state_of(frame)
        if state == "RUNNING":
            stop_frame(farm, frame, "WAITING", EXIT_RETRIED)
        elif state not in ("DEPEND", "WAITING"):
            change_frame(farm, frame, state="WAITING")


def settle(farm: Farm, frames: Sequence[Any]) -> None:
    """What was waiting for these frames goes on, if they are done; so do their jobs end."""
    done = [frame for frame in frames if state_of(frame) in DONE]
    for frame in done:
        depends.satisfy_on(farm, frame)
    for layer in {layer.id: layer for layer in map(farm.layer_of, done)}.values():
        if farm.tallies[layer.id].finished:
            depends.satisfy_on(farm, layer)
    for job in {job.id: job for job in map(farm.job_of, done)}.values():
        finish_if_done(farm, job)
