"""job.FrameInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services import frame_depends
from cuebot_simulator.services.criteria import find_frames, page_of
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.services.layers import layer_named
from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.database_errors import check_length, violation
from cuebot_simulator.world.display_overrides import set_override
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.frames import change_frame, state_of
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import Farm, by_id

LONGEST_DISPLAY = 24


def get_frame(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, frame=by_id(farm.frames, request.id))


def find_frame(farm: Farm, request: Any, answer: Any) -> None:
    """A frame by number, in a layer of a pending job by their names."""
    for frame in farm.frames_of(layer_named(farm, request.job, request.layer)):
        if frame.number == request.frame:
            fill(answer, frame=frame)
            return
    raise Missing


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    """Frames of a pending job by name."""
    criteria = given(request, "r", None)
    frames = find_frames(farm, farm.frames_of(farm.pending_job(request.job)), criteria)
    answer.frames.frames.extend(page_of(frames, criteria))


def kill(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.kill_frames, [by_id(farm.frames, request.frame.id)])


def eat(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.eat_frames, [by_id(farm.frames, request.frame.id)])


def retry(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.retry_frames, [by_id(farm.frames, request.frame.id)])


def add_render_partition(farm: Farm, request: Any, answer: Any) -> None:
    frame = by_id(farm.frames, request.frame.id)
    fill(answer, render_partition=add_partition(farm, frame, request))


def set_checkpoint_state(farm: Farm, request: Any, answer: Any) -> None:
    """A frame that pauses for its checkpoint runs again when that is complete, or disabled.

    Only one that is enabled, or being copied, can be completed.
    """
    frame, state = by_id(farm.frames, request.frame.id), enum_name(request, "state")
    count = frame.checkpoint_count
    if state == "COMPLETE":
        if enum_name(frame, "checkpoint_state") not in ("COPYING", "ENABLED"):
            return
        count += 1
    change_frame(farm, frame, checkpoint_state=state, checkpoint_count=count)
    if state in ("COMPLETE", "DISABLED") and state_of(frame) == "CHECKPOINT":
        change_frame(farm, frame, state="WAITING")


def set_display_override(farm: Farm, request: Any, answer: Any) -> None:
    """How one state of a frame looks, until it is set again. The text may be 24 characters long."""
    check_length(request.override.text, LONGEST_DISPLAY)
    try:
        frame = by_id(farm.frames, request.frame.id)
    except Missing:
        raise violation(
            'insert or update on table "frame_state_display_overrides" violates'
            ' foreign key constraint "c_frame_state_overrides_pk_frame"',
            f'Key (pk_frame)=({request.frame.id}) is not present in table "frame".',
        ) from None
    set_override(farm, frame, request.override)


def get_display_overrides(farm: Farm, request: Any, answer: Any) -> None:
    """What was set for a frame; nothing for one that does not exist."""
    answer.overrides.overrides.extend(farm.display_overrides.get(request.frame.id, ()))


METHODS: Mapping[str, Handler] = {
    "AddRenderPartition": add_render_partition,
    "Eat": eat,
    "FindFrame": find_frame,
    "GetFrame": get_frame,
    "GetFrameStateDisplayOverrides": get_display_overrides,
    "GetFrames": get_frames,
    "Kill": kill,
    "Retry": retry,
    "SetCheckpointState": set_checkpoint_state,
    "SetFrameStateDisplayOverride": set_display_override,
    **frame_depends.METHODS,
}
