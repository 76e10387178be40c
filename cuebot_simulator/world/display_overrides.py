"""How the states of single frames are displayed, where somebody has overridden that."""

from typing import Any

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm


def show_override(farm: Farm, frame: Any) -> None:
    """Let a frame show the override for its present state, if there is one."""
    for override in farm.display_overrides.get(frame.id, ()):
        if override.state == frame.state:
            fill(frame, frame_state_display_override=override)
            return
    if farm.display_overrides.get(frame.id):
        frame.ClearField("frame_state_display_override")


def set_override(farm: Farm, frame: Any, override: Any) -> None:
    """Let one state of a frame look like this (a job.FrameStateDisplayOverride) from now on."""
    kept = [each for each in farm.display_overrides[frame.id] if each.state != override.state]
    farm.display_overrides[frame.id] = [*kept, override]
    show_override(farm, frame)
