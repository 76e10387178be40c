"""What job.LayerInterface does with dependencies."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from cuebot_simulator.services.depend_queries import depend_queries
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import depends
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def depend_on_frame(farm: Farm, request: Any, answer: Any) -> None:
    layer, frame = by_id(farm.layers, request.layer.id), by_id(farm.frames, request.frame.id)
    fill(answer, depend=depends.add_depend(farm, "LAYER_ON_FRAME", layer, frame))


def depend_on_job(farm: Farm, request: Any, answer: Any) -> None:
    layer, job = by_id(farm.layers, request.layer.id), by_id(farm.jobs, request.job.id)
    fill(answer, depend=depends.add_depend(farm, "LAYER_ON_JOB", layer, job))


def depend_on_layer(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    other = by_id(farm.layers, request.depend_on_layer.id)
    fill(answer, depend=depends.add_depend(farm, "LAYER_ON_LAYER", layer, other))


def depend_frame_by_frame(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot does not look at `any_frame` here."""
    layer = by_id(farm.layers, request.layer.id)
    other = by_id(farm.layers, request.depend_layer.id)
    depend = depends.add_depend(farm, "FRAME_BY_FRAME", layer, other)
    if depend is None:
        raise Missing
    fill(answer, depend=depend)


def mark_frames_done(farm: Farm, request: Any, answer: Any) -> None:
    """What waits for the layer goes on. What waits for single frames of it does not."""
    layer = by_id(farm.layers, request.layer.id)
    farm.agenda.after(QUEUE_DELAY, partial(depends.satisfy_on, farm, layer))


METHODS: Mapping[str, Handler] = {
    **depend_queries(lambda farm, request: by_id(farm.layers, request.layer.id)),
    "CreateDependencyOnFrame": depend_on_frame,
    "CreateDependencyOnJob": depend_on_job,
    "CreateDependencyOnLayer": depend_on_layer,
    "CreateFrameByFrameDependency": depend_frame_by_frame,
    "MarkdoneFrames": mark_frames_done,
}
