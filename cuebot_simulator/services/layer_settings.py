"""What job.LayerInterface sets: what a layer's next frames take, and where they may run."""

from collections.abc import Mapping
from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.cores import hundredths, whole_cores
from cuebot_simulator.world.failures import Refusal, illegal_argument, java_exception
from cuebot_simulator.world.limits import set_limits
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.plans import LEAST_MEMORY
from cuebot_simulator.world.services import kept_tags
from cuebot_simulator.world.state import Farm, by_id

LEAST_CORES = 0.1
DEFAULT_CORES = 1.0
YEARS_AHEAD = 5
YEAR = 365 * 24 * 3600
LONGEST_REASON = 255


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    """Less than a tenth of a core means the default, one core."""
    layer = by_id(farm.layers, request.layer.id)
    cores = hundredths(request.cores)
    fill(layer, min_cores=cores if cores >= LEAST_CORES else DEFAULT_CORES)


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), max_cores=whole_cores(request.cores))


def set_min_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), min_gpus=float(request.min_gpus))


def set_max_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), max_gpus=float(request.max_gpus))


def set_min_memory(farm: Farm, request: Any, answer: Any) -> None:
    """In KB, 256 MB at least."""
    layer = by_id(farm.layers, request.layer.id)
    fill(layer, min_memory=max(request.memory, LEAST_MEMORY))


def set_min_gpu_memory(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), min_gpu_memory=request.gpu_memory)


def set_tags(farm: Farm, request: Any, answer: Any) -> None:
    """A layer has at least one tag. Empty ones are left out."""
    layer = by_id(farm.layers, request.layer.id)
    if not request.tags:
        raise illegal_argument("Layers must have at least one tag.")
    tags = [tag for tag in kept_tags(request.tags) if tag]
    if not tags:
        raise java_exception(
            "java.lang.StringIndexOutOfBoundsException", "start -3, end 0, length 0"
        )
    fill(layer, tags=tags)


def set_threadable(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), is_threadable=request.threadable)


def set_timeout(farm: Farm, request: Any, answer: Any) -> None:
    """Minutes; a try that took longer is the last if it fails. 0 is no limit."""
    fill(by_id(farm.layers, request.layer.id), timeout=request.timeout)


def set_timeout_llu(farm: Farm, request: Any, answer: Any) -> None:
    """Minutes without a new line in the log; 0 is no limit."""
    fill(by_id(farm.layers, request.layer.id), timeout_llu=request.timeout_llu)


def set_dispatch_order(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), dispatch_order=request.order)


def enable_memory_optimizer(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.layers, request.layer.id), memory_optimizer_enabled=request.value)


def set_start_after(farm: Farm, request: Any, answer: Any) -> None:
    """Unix seconds before which no frame of the layer starts; 0 lets them start."""
    start = request.start_after
    if not 0 <= start <= farm.now + YEARS_AHEAD * YEAR:
        raise Refusal(
            f"start_after must be a Unix timestamp in seconds no more than {YEARS_AHEAD} years in"
            f" the future, or 0 to clear the gate; got {start}."
            " Was a milliseconds value passed where seconds are expected?",
            StatusCode.INVALID_ARGUMENT,
        )
    layer = by_id(farm.layers, request.layer.id)
    reason = f"Set by {request.username or 'unknown'}"[:LONGEST_REASON] if start else ""
    fill(layer, start_after=start, start_after_reason=reason)


def add_limit(farm: Farm, request: Any, answer: Any) -> None:
    """A limit by its id, as often as one says so. One that does not exist is none."""
    layer, limit = by_id(farm.layers, request.layer.id), farm.limits.get(request.limit_id)
    if not limit:
        return
    if limit.name not in layer.limits:
        farm.running_with[limit.name] += procs_running(farm, layer)
    set_limits(layer, [*layer.limits, limit.name])


def drop_limit(farm: Farm, request: Any, answer: Any) -> None:
    """A limit by its id. One that the layer does not have is none to drop."""
    layer, limit = by_id(farm.layers, request.layer.id), farm.limits.get(request.limit_id)
    if limit and limit.name in layer.limits:
        set_limits(layer, [name for name in layer.limits if name != limit.name])
        farm.running_with[limit.name] -= procs_running(farm, layer)


def procs_running(farm: Farm, layer: Any) -> int:
    """How many procs run frames of a layer."""
    if not farm.tallies[layer.id].states["RUNNING"]:
        return 0
    return len(farm.procs_of(farm.frames_of(layer)))


def register_output_path(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    outputs = farm.outputs.setdefault(layer.id, [])
    if request.spec not in outputs:
        outputs.append(request.spec)


def get_output_paths(farm: Farm, request: Any, answer: Any) -> None:
    """In the order that they were registered in."""
    layer = by_id(farm.layers, request.layer.id)
    answer.output_paths.extend(farm.outputs.get(layer.id, ()))


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    layer = by_id(farm.layers, request.layer.id)
    answer.limits.extend(limit for limit in farm.limits.values() if limit.name in layer.limits)


METHODS: Mapping[str, Handler] = {
    "AddLimit": add_limit,
    "DropLimit": drop_limit,
    "EnableMemoryOptimizer": enable_memory_optimizer,
    "GetLimits": get_limits,
    "GetOutputPaths": get_output_paths,
    "RegisterOutputPath": register_output_path,
    "SetDispatchOrder": set_dispatch_order,
    "SetMaxCores": set_max_cores,
    "SetMaxGpus": set_max_gpus,
    "SetMinCores": set_min_cores,
    "SetMinGpuMemory": set_min_gpu_memory,
    "SetMinGpus": set_min_gpus,
    "SetMinMemory": set_min_memory,
    "SetStartAfter": set_start_after,
    "SetTags": set_tags,
    "SetThreadable": set_threadable,
    "SetTimeout": set_timeout,
    "SetTimeoutLLU": set_timeout_llu,
}
