"""What job.FrameInterface does with dependencies."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.depend_queries import depend_queries
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import depends, frame_actions
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def depend_on_frame(farm: Farm, request: Any, answer: Any) -> None:
    frame = by_id(farm.frames, request.frame.id)
    other = by_id(farm.frames, request.depend_on_frame.id)
    fill(answer, depend=depends.add_depend(farm, "FRAME_ON_FRAME", frame, other))


def depend_on_job(farm: Farm, request: Any, answer: Any) -> None:
    frame, job = by_id(farm.frames, request.frame.id), by_id(farm.jobs, request.job.id)
    fill(answer, depend=depends.add_depend(farm, "FRAME_ON_JOB", frame, job))


def depend_on_layer(farm: Farm, request: Any, answer: Any) -> None:
    frame, layer = by_id(farm.frames, request.frame.id), by_id(farm.layers, request.layer.id)
    fill(answer, depend=depends.add_depend(farm, "FRAME_ON_LAYER", frame, layer))


def mark_as_depend(farm: Farm, request: Any, answer: Any) -> None:
    frame_actions.mark_depend(farm, [by_id(farm.frames, request.frame.id)])


def mark_as_waiting(farm: Farm, request: Any, answer: Any) -> None:
    frame_actions.mark_waiting(farm, [by_id(farm.frames, request.frame.id)])


METHODS: Mapping[str, Handler] = {
    **depend_queries(lambda farm, request: by_id(farm.frames, request.frame.id)),
    "CreateDependencyOnFrame": depend_on_frame,
    "CreateDependencyOnJob": depend_on_job,
    "CreateDependencyOnLayer": depend_on_layer,
    "MarkAsDepend": mark_as_depend,
    "MarkAsWaiting": mark_as_waiting,
}
