"""task.TaskInterface.

Like the real one, all of it looks for the task whose id is in the request's `task.name`.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.cores import whole_cores
from cuebot_simulator.world.departments import set_task_cores
from cuebot_simulator.world.failures import illegal_argument
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    """The pending jobs of the task share its cores."""
    task = by_id(farm.tasks, request.task.name)
    cores = whole_cores(request.new_min_cores)
    if cores < 0:
        raise illegal_argument("min cores must be greater than or equal to 0")
    set_task_cores(farm, task, cores)


def clear_adjustments(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.tasks, request.task.name), adjust_cores=0)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    del farm.tasks[by_id(farm.tasks, request.task.name).id]


METHODS: Mapping[str, Handler] = {
    "ClearAdjustments": clear_adjustments,
    "Delete": delete,
    "SetMinCores": set_min_cores,
}
