"""job.JobInterface: the frames of a job, all of them or those that a search finds."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from cuebot_simulator.services.criteria import changed_at, find_frames, page_of
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.failures import Refusal, Unanswered, illegal_argument
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.frame_order import reorder, stagger
from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.state import Farm, by_id

MOST_UPDATES = 100
LONGEST_AGO = 60
"""Seconds."""


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    criteria = given(request, "req", None)
    frames = find_frames(farm, farm.frames_of(job), criteria)
    answer.frames.frames.extend(page_of(frames, criteria))


def get_updated_frames(farm: Farm, request: Any, answer: Any) -> None:
    """At most 100 frames that have changed since the last check, which is a minute ago at most.

    Cuebot never answers a call about an older one.
    """
    job = by_id(farm.jobs, request.job.id)
    ago = farm.now - request.last_check
    if ago > LONGEST_AGO:
        raise Unanswered
    layers = {layer.id for layer in request.layer_filter.layers}
    frames = [
        frame
        for frame in farm.frames_of(job)
        if (not layers or farm.parent_of[frame.id] in layers)
        and changed_at(farm, frame) > request.last_check
    ]
    fill(answer, server_time=farm.now - 1)
    answer.updated_frames.SetInParent()
    answer.state = job.state
    for frame in frames[:MOST_UPDATES]:
        copy_fields(frame, answer.updated_frames.updated_frames.add())


def copy_fields(source: Any, target: Any) -> None:
    """Give a message the fields that another one has under the same names."""
    for field, value in source.ListFields():
        if field.name in target.DESCRIPTOR.fields_by_name:
            fill(target, **{field.name: value})


def later(farm: Farm, request: Any, what: Callable[[Farm, Any], None], criteria: Any) -> None:
    """Do this to the job's frames that fit by then. Nobody hears of criteria that are wrong."""
    job = by_id(farm.jobs, request.job.id)

    def act() -> None:
        with suppress(Refusal):
            what(farm, find_frames(farm, farm.frames_of(job), criteria))

    farm.agenda.after(QUEUE_DELAY, act)


def kill_frames(farm: Farm, request: Any, answer: Any) -> None:
    """The states that the criteria name do not count here."""
    criteria = given(request, "req", None)
    criteria.ClearField("states")
    later(farm, request, frame_actions.kill_frames, criteria)


def eat_frames(farm: Farm, request: Any, answer: Any) -> None:
    later(farm, request, frame_actions.eat_frames, given(request, "req", None))


def retry_frames(farm: Farm, request: Any, answer: Any) -> None:
    later(farm, request, frame_actions.retry_frames, given(request, "req", None))


def mark_done_frames(farm: Farm, request: Any, answer: Any) -> None:
    """What waits for these frames need not any more. They themselves stay as they are."""
    later(farm, request, frame_actions.mark_done, given(request, "req", None))


def mark_as_waiting(farm: Farm, request: Any, answer: Any) -> None:
    """Frames that depend on something do not any more, at once."""
    job = by_id(farm.jobs, request.job.id)
    criteria = given(request, "req", None)
    frame_actions.mark_waiting(farm, find_frames(farm, farm.frames_of(job), criteria))


def reorder_frames(farm: Farm, request: Any, answer: Any) -> None:
    """In all layers of the job."""
    job = by_id(farm.jobs, request.job.id)
    try:
        numbers = numbers_of(request.range)
    except ValueError as error:
        raise illegal_argument(str(error)) from None
    order = enum_name(request, "order")
    for layer in farm.layers_of(job):
        farm.agenda.after(QUEUE_DELAY, partial(reorder, farm, layer, numbers, order))


def stagger_frames(farm: Farm, request: Any, answer: Any) -> None:
    """In all layers of the job."""
    for layer in farm.layers_of(by_id(farm.jobs, request.job.id)):
        farm.agenda.after(
            QUEUE_DELAY, partial(stagger, farm, layer, request.range, request.stagger)
        )


METHODS: Mapping[str, Handler] = {
    "EatFrames": eat_frames,
    "GetFrames": get_frames,
    "GetUpdatedFrames": get_updated_frames,
    "KillFrames": kill_frames,
    "MarkAsWaiting": mark_as_waiting,
    "MarkDoneFrames": mark_done_frames,
    "ReorderFrames": reorder_frames,
    "RetryFrames": retry_frames,
    "StaggerFrames": stagger_frames,
}
