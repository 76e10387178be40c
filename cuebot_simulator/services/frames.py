"""job.FrameInterface."""

from typing import Any

from cuebot_simulator.services.criteria import find_frames, page_of
from cuebot_simulator.services.depends import depend_creator, depend_methods
from cuebot_simulator.services.handlers import (
    Methods,
    frame_action,
    getter,
    partition_adder,
    requested,
)
from cuebot_simulator.services.layers import layer_named
from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.frames import change_frame, set_override, state_of
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.refusals import Missing, check_length, violation
from cuebot_simulator.world.state import Farm

LONGEST_DISPLAY_TEXT = 24


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


def mark_as_depend(farm: Farm, request: Any, answer: Any) -> None:
    frame_actions.mark_depend(farm, [requested(farm, request, "frame")])


def mark_as_waiting(farm: Farm, request: Any, answer: Any) -> None:
    frame_actions.mark_waiting(farm, [requested(farm, request, "frame")])


def set_checkpoint_state(farm: Farm, request: Any, answer: Any) -> None:
    """A frame in the state CHECKPOINT runs again when its checkpoint is complete, or disabled.

    Only an enabled checkpoint, or one that is being copied, can be completed.
    """
    frame, state = requested(farm, request, "frame"), enum_name(request, "state")
    count = frame.checkpoint_count
    if state == "COMPLETE":
        if enum_name(frame, "checkpoint_state") not in ("COPYING", "ENABLED"):
            return
        count += 1
    change_frame(farm, frame, checkpoint_state=state, checkpoint_count=count)
    if state in ("COMPLETE", "DISABLED") and state_of(frame) == "CHECKPOINT":
        change_frame(farm, frame, state="WAITING")


def set_display_override(farm: Farm, request: Any, answer: Any) -> None:
    check_length(request.override.text, LONGEST_DISPLAY_TEXT)
    try:
        frame = requested(farm, request, "frame")
    except Missing:
        raise violation("there is no such frame") from None
    set_override(farm, frame, request.override)


def get_display_overrides(farm: Farm, request: Any, answer: Any) -> None:
    """The overrides of a frame; none for one that does not exist."""
    answer.overrides.overrides.extend(farm.display_overrides.get(request.frame.id, ()))


METHODS: Methods = {
    **depend_methods("frame"),
    "AddRenderPartition": partition_adder("frame"),
    "CreateDependencyOnFrame": depend_creator("frame", "frame", "depend_on_frame"),
    "CreateDependencyOnJob": depend_creator("frame", "job"),
    "CreateDependencyOnLayer": depend_creator("frame", "layer"),
    "Eat": frame_action("frame", frame_actions.eat_frames),
    "FindFrame": find_frame,
    "GetFrame": getter("frame"),
    "GetFrameStateDisplayOverrides": get_display_overrides,
    "GetFrames": get_frames,
    "Kill": frame_action("frame", frame_actions.kill_frames),
    "MarkAsDepend": mark_as_depend,
    "MarkAsWaiting": mark_as_waiting,
    "Retry": frame_action("frame", frame_actions.retry_frames),
    "SetCheckpointState": set_checkpoint_state,
    "SetFrameStateDisplayOverride": set_display_override,
}
