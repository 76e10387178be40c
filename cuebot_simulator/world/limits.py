"""Limits: how many frames that need one thing, such as a license, may run at once."""

from collections.abc import Iterable
from typing import Any

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import NO_LIMIT_NAME, Farm


def count_limit(farm: Farm, limit: Any) -> Any:
    running = [proc for proc in farm.procs.values() if limit.name in layer_under(farm, proc).limits]
    fill(
        limit,
        current_running=len(running),
        current_usage=len(running),
        pending_usage=len(running),
        host_count=len({farm.host_of[proc.id] for proc in running}),
        spec_layer_count=sum(limit.name in layer.limits for layer in farm.layers.values()),
    )
    return limit


def layer_under(farm: Farm, proc: Any) -> Any:
    return farm.layers[farm.parent_of[farm.parent_of[proc.id]]]


def limits_allow(farm: Farm, layer: Any) -> bool:
    """Whether the layer's limits let one more frame of it start."""
    return all(
        farm.running_with[limit.name] < limit.max_value
        for limit in farm.limits.values()
        if limit.name in layer.limits
    )


def set_limits(layer: Any, names: Iterable[str]) -> None:
    """Give a layer these limits. Cuebot shows one without a name instead of none."""
    fill(layer, limits=[name for name in names if name] or [NO_LIMIT_NAME])


def rename_limit(farm: Farm, limit: Any, name: str) -> None:
    for layer in farm.layers.values():
        if limit.name in layer.limits:
            set_limits(layer, [name if each == limit.name else each for each in layer.limits])
    farm.running_with[name] += farm.running_with.pop(limit.name, 0)
    fill(limit, name=name)


def remove_limit(farm: Farm, limit: Any) -> None:
    for layer in farm.layers.values():
        if limit.name in layer.limits:
            set_limits(layer, [each for each in layer.limits if each != limit.name])
    farm.running_with.pop(limit.name, None)
    del farm.limits[limit.id]
