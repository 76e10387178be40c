"""renderPartition.RenderPartitionInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.partitions import remove_partition
from cuebot_simulator.world.state import Farm, by_id


def requested_partition(farm: Farm, request: Any) -> Any:
    """The partition that a request is about, by its id. Raises Missing."""
    return by_id(farm.render_partitions, request.render_partition.id)


def set_max_resources(farm: Farm, request: Any, answer: Any) -> None:
    """Set what is above 0. Cores are hundredths here, other than when a partition is made."""
    partition = requested_partition(farm, request)
    for name in ("cores", "memory", "gpus", "gpu_memory"):
        value = getattr(request, name)
        if value > 0:
            fill(partition, **{f"max_{name}": value})


def delete(farm: Farm, request: Any, answer: Any) -> None:
    remove_partition(farm, requested_partition(farm, request))


METHODS: Mapping[str, Handler] = {"Delete": delete, "SetMaxResources": set_max_resources}
