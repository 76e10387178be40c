"""What is done to frames: they end, are killed, eaten or retried. Jobs and dependencies follow."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.frames import (
    EXIT_EATEN,
    EXIT_RETRIED,
    change_frame,
    set_waits,
    state_after_failure,
    state_of,
    stop_frame,
)
from cuebot_simulator.world.jobs import finish_if_done, reopen_job
from cuebot_simulator.world.state import Farm

EXIT_KILLED = 1
"""What RQD reports for a process that a signal ended."""
SPARE_MEMORY = 256 * 1024
"""KB. No layer reserves less."""
QUEUE_DELAY = 0.2
"""Seconds that an order waits in Cuebot's queue, after it has been answered."""


def enqueue(farm: Farm, what: Any, frames: Sequence[Any]) -> None:
    """Do this (`kill_frames` …) to these frames soon, as Cuebot does: it answers first."""
    farm.agenda.after(QUEUE_DELAY, partial(what, farm, frames))


def end_frame(farm: Farm, frame: Any, exit_status: int) -> None:
    """A running frame's process has ended by itself.

    If it has succeeded, what waits for it goes on, and so does what waits for its layer, if that
    is done with it. The last frame ends its job.
    """
    state = "SUCCEEDED" if exit_status == 0 else state_after_failure(farm, frame)
    stop_frame(farm, frame, state, exit_status)
    if state == "SUCCEEDED":
        depends.satisfy_on(farm, frame)
        layer = farm.layer_of(frame)
        if farm.tallies[layer.id].finished:
            depends.satisfy_on(farm, layer)
        else:
            save_memory(farm, layer)
    finish_if_done(farm, farm.job_of(frame))


def save_memory(farm: Farm, layer: Any) -> None:
    """Let a layer reserve little more than the most that a frame of it has needed so far."""
    most = farm.tallies[layer.id].max_rss
    if layer.memory_optimizer_enabled and most:
        spare = SPARE_MEMORY if most < SPARE_MEMORY else most + SPARE_MEMORY
        layer.min_memory = min(layer.min_memory, spare)


def kill_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """End what runs. A killed frame has failed. What does not run is left alone."""
    for frame in frames:
        if state_of(frame) == "RUNNING":
            end_frame(farm, frame, EXIT_KILLED)


def eat_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Count frames as done. One that has succeeded stays so.

    What waits for an eaten frame goes on waiting: for that, frames are marked as done.
    """
    for frame in frames:
        if state_of(frame) == "RUNNING":
            stop_frame(farm, frame, "EATEN", EXIT_EATEN)
        else:
            change_frame(farm, frame, state="EATEN")
        finish_if_done(farm, farm.job_of(frame))


def retry_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Let frames wait for another try, and their jobs be pending again.

    One that depends on others goes on doing so. What depended on it, or on its layer, does again.
    """
    for frame in frames:
        if state_of(frame) == "RUNNING":
            stop_frame(farm, frame, "WAITING", EXIT_RETRIED)
        else:
            change_frame(farm, frame, state="WAITING")
        depends.unsatisfy_on(farm, frame)
        reopen_job(farm, farm.job_of(frame))


def mark_done(farm: Farm, frames: Iterable[Any]) -> None:
    """Let go on what waits for these frames, whatever becomes of them."""
    for frame in frames:
        depends.satisfy_on(farm, frame)


def mark_waiting(farm: Farm, frames: Iterable[Any]) -> None:
    """Let frames start in spite of what they wait for. Their dependencies stay active."""
    for frame in frames:
        if state_of(frame) == "DEPEND":
            frame.llu_time = farm.now
            set_waits(farm, frame, 0)


def mark_depend(farm: Farm, frames: Iterable[Any]) -> None:
    """Undo `mark_waiting` for frames that have not started."""
    for frame in frames:
        if state_of(frame) == "WAITING":
            set_waits(farm, frame, depends.count_active(farm, frame))
