"""What is done to frames: they end, are killed, eaten, retried or reordered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.frame_range import numbers_of
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
SPARE_MEMORY_KB = 256 * 1024  # no layer reserves less
QUEUE_DELAY_SECONDS = 0.2  # Cuebot answers first, and acts when its queue comes to it


def enqueue(farm: Farm, action: Callable[..., None], *values: Any) -> None:
    """Do something (`kill_frames` …) with these values after the delay."""
    farm.agenda.after(QUEUE_DELAY_SECONDS, partial(action, farm, *values))


def end_frame(farm: Farm, frame: Any, exit_status: int) -> None:
    """A running frame's process has ended.

    If it has succeeded, what waits for it goes on, and so does what waits for its layer, if that is
    finished. The last frame finishes its job.
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
        spare = SPARE_MEMORY_KB if most < SPARE_MEMORY_KB else most + SPARE_MEMORY_KB
        layer.min_memory = min(layer.min_memory, spare)


def kill_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Fail the running ones of these frames."""
    for frame in frames:
        if state_of(frame) == "RUNNING":
            end_frame(farm, frame, EXIT_KILLED)


def eat_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Count frames as done. Succeeded ones stay so.

    What waits for an eaten frame goes on waiting.
    """
    for frame in frames:
        if state_of(frame) == "RUNNING":
            stop_frame(farm, frame, "EATEN", EXIT_EATEN)
        else:
            change_frame(farm, frame, state="EATEN")
        finish_if_done(farm, farm.job_of(frame))


def retry_frames(farm: Farm, frames: Iterable[Any]) -> None:
    """Let frames run again, and their jobs be pending again.

    A frame's own dependencies stay. What depended on it, or on its layer, waits again.
    """
    for frame in frames:
        if state_of(frame) == "RUNNING":
            stop_frame(farm, frame, "WAITING", EXIT_RETRIED)
        else:
            change_frame(farm, frame, state="WAITING")
        depends.unsatisfy_on(farm, frame)
        reopen_job(farm, farm.job_of(frame))


def mark_done(farm: Farm, frames: Iterable[Any]) -> None:
    """Satisfy what waits for these frames, whatever becomes of them."""
    for frame in frames:
        depends.satisfy_on(farm, frame)


def mark_waiting(farm: Farm, frames: Iterable[Any]) -> None:
    """Let frames start before their dependencies are satisfied, which stay active."""
    for frame in frames:
        if state_of(frame) == "DEPEND":
            frame.llu_time = farm.now
            set_waits(farm, frame, 0)


def mark_depend(farm: Farm, frames: Iterable[Any]) -> None:
    """Undo `mark_waiting` for frames that have not started."""
    for frame in frames:
        if state_of(frame) == "WAITING":
            set_waits(farm, frame, depends.count_active(farm, frame))


def reorder(farm: Farm, layer: Any, numbers: Sequence[int], order: str) -> None:
    """Let these frames of a layer start FIRST, LAST or in REVERSE. Unknown numbers are skipped.

    LAST does what it says. Cuebot 1.37 moves the frames with the numbers from 0 on instead.
    """
    frames = {frame.number: frame for frame in farm.frames_of(layer)}
    if not frames:
        return
    orders = [frame.dispatch_order for frame in frames.values()]
    if order == "REVERSE":
        reverse(frames, numbers)
    else:
        start = max(orders) + 1 if order == "LAST" else min(orders) - len(numbers)
        for place, number in enumerate(numbers, start=start):
            if number in frames:
                frames[number].dispatch_order = place
    sort_frames(farm, layer)


def reverse(frames: Mapping[int, Any], numbers: Sequence[int]) -> None:
    """Swap the places of the first and the last number, and so on inwards."""
    for index in range(len(numbers) // 2):
        one, other = frames.get(numbers[index]), frames.get(numbers[-1 - index])
        if one is not None and other is not None:
            one.dispatch_order, other.dispatch_order = other.dispatch_order, one.dispatch_order


def stagger(farm: Farm, layer: Any, text: str, step: int) -> None:
    """Let every `step`th frame of a range start first, then those between.

    A bad range, a layer of one frame, or one without the range's first frame stays as it is.
    """
    try:
        numbers, staggered = numbers_of(text), numbers_of(f"{text}:{step}")
    except ValueError:
        return
    frames = {frame.number: frame for frame in farm.frames_of(layer)}
    if len(frames) == 1 or numbers[0] not in frames:
        return
    first = frames[numbers[0]].dispatch_order
    places = {number: index for index, number in enumerate(staggered)}
    for number in numbers:
        if number in frames:
            frames[number].dispatch_order = first + places.get(number, -1)
    sort_frames(farm, layer)


def sort_frames(farm: Farm, layer: Any) -> None:
    farm.children_of[layer.id].sort(key=lambda frame: farm.frames[frame].dispatch_order)
