"""job.LayerInterface. The deprecated SetMinGpu is not here: Cuebot does not answer it either."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from cuebot_simulator.services import layer_depends, layer_settings
from cuebot_simulator.services.criteria import find_frames, page_of
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.failures import Missing, illegal_argument
from cuebot_simulator.world.frame_actions import QUEUE_DELAY, enqueue
from cuebot_simulator.world.frame_order import reorder, stagger
from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import Farm, by_id


def get_layer(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, layer=by_id(farm.layers, request.id))


def find_layer(farm: Farm, request: Any, answer: Any) -> None:
    """A layer by name, in a pending job by name."""
    fill(answer, layer=layer_named(farm, request.job, request.layer))


def layer_named(farm: Farm, job: str, name: str) -> Any:
    """The layer of a pending job, both by name. Raises Missing."""
    for layer in farm.layers_of(farm.pending_job(job)):
        if layer.name == name:
            return layer
    raise Missing


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    criteria = given(request, "s", None)
    answer.frames.frames.extend(
        page_of(find_frames(farm, farm.frames_of(layer), criteria), criteria)
    )


def kill_frames(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.kill_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def eat_frames(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.eat_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def retry_frames(farm: Farm, request: Any, answer: Any) -> None:
    enqueue(farm, frame_actions.retry_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def reorder_frames(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    try:
        numbers = numbers_of(request.range)
    except ValueError as error:
        raise illegal_argument(str(error)) from None
    way = enum_name(request, "order")
    farm.agenda.after(QUEUE_DELAY, partial(reorder, farm, layer, numbers, way))


def stagger_frames(farm: Farm, request: Any, answer: Any) -> None:
    """A range that is none changes nothing, and is no error."""
    layer = by_id(farm.layers, request.layer.id)
    farm.agenda.after(QUEUE_DELAY, partial(stagger, farm, layer, request.range, request.stagger))


def add_render_partition(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    fill(answer, render_partition=add_partition(farm, layer, request))


METHODS: Mapping[str, Handler] = {
    "AddRenderPartition": add_render_partition,
    "EatFrames": eat_frames,
    "FindLayer": find_layer,
    "GetFrames": get_frames,
    "GetLayer": get_layer,
    "KillFrames": kill_frames,
    "ReorderFrames": reorder_frames,
    "RetryFrames": retry_frames,
    "StaggerFrames": stagger_frames,
    **layer_depends.METHODS,
    **layer_settings.METHODS,
}
