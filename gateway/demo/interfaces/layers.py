"""job.LayerInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm import orders
from gateway.demo.farm.cores import hundredths
from gateway.demo.farm.failures import Missing
from gateway.demo.farm.messages import fill, given
from gateway.demo.farm.orders import order
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.criteria import find_frames, page_of
from gateway.demo.interfaces.handler import Handler

LEAST_CORES = 0.1
DEFAULT_CORES = 1.0


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
    answer.frames.frames.extend(page_of(find_frames(farm.frames_of(layer), criteria), criteria))


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    answer.limits.extend(limit for limit in farm.limits.values() if limit.name in layer.limits)


def kill_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.kill_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def eat_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.eat_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def retry_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.retry_frames, farm.frames_of(by_id(farm.layers, request.layer.id)))


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    """Less than a tenth of a core means the default, one core."""
    layer = by_id(farm.layers, request.layer.id)
    cores = hundredths(request.cores)
    fill(layer, min_cores=cores if cores >= LEAST_CORES else DEFAULT_CORES)


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), max_cores=hundredths(request.cores))


def set_tags(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), tags=list(dict.fromkeys(request.tags)))


METHODS: Mapping[str, Handler] = {
    "EatFrames": eat_frames,
    "FindLayer": find_layer,
    "GetFrames": get_frames,
    "GetLayer": get_layer,
    "GetLimits": get_limits,
    "KillFrames": kill_frames,
    "RetryFrames": retry_frames,
    "SetMaxCores": set_max_cores,
    "SetMinCores": set_min_cores,
    "SetTags": set_tags,
}
