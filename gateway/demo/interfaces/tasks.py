"""task.TaskInterface.

Like the real one, all of it looks for the task whose id is in the request's `task.name`.
"""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.cores import whole_cores
from gateway.demo.farm.departments import set_task_cores
from gateway.demo.farm.failures import illegal_argument
from gateway.demo.farm.messages import fill
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.handler import Handler


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
