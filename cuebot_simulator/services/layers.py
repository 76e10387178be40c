"""job.LayerInterface. The deprecated SetMinGpu is missing: Cuebot does not answer it either."""

from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.criteria import find_frames, page_of
from cuebot_simulator.services.depends import depend_creator, depend_methods
from cuebot_simulator.services.handlers import (
    Handler,
    Methods,
    frame_action,
    getter,
    partition_adder,
    requested,
    setter,
)
from cuebot_simulator.world import depends, frame_actions
from cuebot_simulator.world.cores import hundredths, whole_cores
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.limits import set_limits
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.plans import LEAST_MEMORY_KB
from cuebot_simulator.world.refusals import JavaException, Missing, Refusal, illegal_argument
from cuebot_simulator.world.services import kept_tags
from cuebot_simulator.world.state import Farm

LEAST_CORES = 0.1
DEFAULT_CORES = 1.0
YEARS_AHEAD = 5
YEAR_SECONDS = 365 * 24 * 3600
LONGEST_REASON = 255


def find_layer(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, layer=layer_named(farm, request.job, request.layer))


def layer_named(farm: Farm, job: str, name: str) -> Any:
    """The layer of a pending job, both by name. Raises Missing."""
    for layer in farm.layers_of(farm.pending_job(job)):
        if layer.name == name:
            return layer
    raise Missing


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    criteria = given(request, "s", None)
    frames = find_frames(farm, farm.frames_of(requested(farm, request, "layer")), criteria)
    answer.frames.frames.extend(page_of(frames, criteria))


def layers_in(farm: Farm, request: Any, kind: str) -> list[Any]:
    """The requested layer, or the layers of the requested job."""
    part = requested(farm, request, kind)
    return [part] if kind == "layer" else farm.layers_of(part)


def frame_reorderer(kind: str) -> Handler:
    """Reorders frames of a layer, or of all layers of a job."""

    def reorder(farm: Farm, request: Any, answer: Any) -> None:
        layers = layers_in(farm, request, kind)
        try:
            numbers = numbers_of(request.range)
        except ValueError as error:
            raise illegal_argument(str(error)) from None
        for layer in layers:
            enqueue(farm, frame_actions.reorder, layer, numbers, enum_name(request, "order"))

    return reorder


def frame_staggerer(kind: str) -> Handler:
    """Staggers frames of a layer, or of all layers of a job. A bad range changes nothing."""

    def stagger(farm: Farm, request: Any, answer: Any) -> None:
        for layer in layers_in(farm, request, kind):
            enqueue(farm, frame_actions.stagger, layer, request.range, request.stagger)

    return stagger


def depend_frame_by_frame(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot ignores `any_frame` here."""
    layer = requested(farm, request, "layer")
    other = requested(farm, request, "layer", "depend_layer")
    fill(answer, depend=depends.add_depend(farm, "FRAME_BY_FRAME", layer, other))


def mark_frames_done(farm: Farm, request: Any, answer: Any) -> None:
    """What waits for the layer goes on. What waits for single frames of it does not."""
    layer = requested(farm, request, "layer")
    enqueue(farm, depends.satisfy_on, layer)


def least_cores(cores: float) -> float:
    """Less than a tenth of a core means the default."""
    cores = hundredths(cores)
    return cores if cores >= LEAST_CORES else DEFAULT_CORES


def set_tags(farm: Farm, request: Any, answer: Any) -> None:
    """A layer has at least one tag. Empty ones are left out."""
    layer = requested(farm, request, "layer")
    if not request.tags:
        raise illegal_argument("Layers must have at least one tag.")
    tags = [tag for tag in kept_tags(request.tags) if tag]
    if not tags:
        raise JavaException("java.lang.StringIndexOutOfBoundsException", "all tags are empty")
    fill(layer, tags=tags)


def set_start_after(farm: Farm, request: Any, answer: Any) -> None:
    """Unix seconds before which no frame of the layer starts; 0 lets them start."""
    start = request.start_after
    if not 0 <= start <= farm.now + YEARS_AHEAD * YEAR_SECONDS:
        raise Refusal(
            f"start_after must be a Unix timestamp in seconds no more than {YEARS_AHEAD} years in"
            f" the future, or 0 to clear the gate; got {start}."
            " Was a milliseconds value passed where seconds are expected?",
            StatusCode.INVALID_ARGUMENT,
        )
    layer = requested(farm, request, "layer")
    reason = f"Set by {request.username or 'unknown'}"[:LONGEST_REASON] if start else ""
    fill(layer, start_after=start, start_after_reason=reason)


def add_limit(farm: Farm, request: Any, answer: Any) -> None:
    """Add a limit by its id, as often as requested. An unknown one is ignored."""
    layer, limit = requested(farm, request, "layer"), farm.limits.get(request.limit_id)
    if not limit:
        return
    if limit.name not in layer.limits:
        farm.running_with[limit.name] += procs_running(farm, layer)
    set_limits(layer, [*layer.limits, limit.name])


def drop_limit(farm: Farm, request: Any, answer: Any) -> None:
    """Drop a limit by its id. One that the layer does not have is ignored."""
    layer, limit = requested(farm, request, "layer"), farm.limits.get(request.limit_id)
    if limit and limit.name in layer.limits:
        set_limits(layer, [name for name in layer.limits if name != limit.name])
        farm.running_with[limit.name] -= procs_running(farm, layer)


def procs_running(farm: Farm, layer: Any) -> int:
    """The number of procs that run frames of a layer."""
    if not farm.tallies[layer.id].states["RUNNING"]:
        return 0
    return len(farm.procs_of(farm.frames_of(layer)))


def register_output_path(farm: Farm, request: Any, answer: Any) -> None:
    outputs = farm.outputs.setdefault(requested(farm, request, "layer").id, [])
    if request.spec not in outputs:
        outputs.append(request.spec)


def get_output_paths(farm: Farm, request: Any, answer: Any) -> None:
    """In the order of their registration."""
    answer.output_paths.extend(farm.outputs.get(requested(farm, request, "layer").id, ()))


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    layer = requested(farm, request, "layer")
    answer.limits.extend(limit for limit in farm.limits.values() if limit.name in layer.limits)


METHODS: Methods = {
    **depend_methods("layer"),
    "AddLimit": add_limit,
    "AddRenderPartition": partition_adder("layer"),
    "CreateDependencyOnFrame": depend_creator("layer", "frame"),
    "CreateDependencyOnJob": depend_creator("layer", "job"),
    "CreateDependencyOnLayer": depend_creator("layer", "layer", "depend_on_layer"),
    "CreateFrameByFrameDependency": depend_frame_by_frame,
    "DropLimit": drop_limit,
    "EatFrames": frame_action("layer", frame_actions.eat_frames),
    "EnableMemoryOptimizer": setter("layer", "memory_optimizer_enabled", "value"),
    "FindLayer": find_layer,
    "GetFrames": get_frames,
    "GetLayer": getter("layer"),
    "GetLimits": get_limits,
    "GetOutputPaths": get_output_paths,
    "KillFrames": frame_action("layer", frame_actions.kill_frames),
    "MarkdoneFrames": mark_frames_done,
    "RegisterOutputPath": register_output_path,
    "ReorderFrames": frame_reorderer("layer"),
    "RetryFrames": frame_action("layer", frame_actions.retry_frames),
    "SetDispatchOrder": setter("layer", "dispatch_order", "order"),
    "SetMaxCores": setter("layer", "max_cores", "cores", whole_cores),
    "SetMaxGpus": setter("layer", "max_gpus", convert=float),
    "SetMinCores": setter("layer", "min_cores", "cores", least_cores),
    "SetMinGpuMemory": setter("layer", "min_gpu_memory", "gpu_memory"),
    "SetMinGpus": setter("layer", "min_gpus", convert=float),
    "SetMinMemory": setter(
        "layer", "min_memory", "memory", lambda size: max(size, LEAST_MEMORY_KB)
    ),
    "SetStartAfter": set_start_after,
    "SetTags": set_tags,
    "SetThreadable": setter("layer", "is_threadable", "threadable"),
    "SetTimeout": setter("layer", "timeout"),
    "SetTimeoutLLU": setter("layer", "timeout_llu"),
    "StaggerFrames": frame_staggerer("layer"),
}
