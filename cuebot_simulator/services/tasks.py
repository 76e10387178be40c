"""task.TaskInterface.

Like the real one, all of it looks for the task whose id is in the request's `task.name`.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.departments import unreadable_managed
from cuebot_simulator.world.state import Farm, by_id


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    """It always fails over whether the task's department is managed."""
    task = by_id(farm.tasks, request.task.name)
    raise unreadable_managed(farm.departments[task.point_id])


def clear_adjustments(farm: Farm, request: Any, answer: Any) -> None:
    """No task is ever adjusted."""
    by_id(farm.tasks, request.task.name)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    del farm.tasks[by_id(farm.tasks, request.task.name).id]


METHODS: Mapping[str, Handler] = {
    "ClearAdjustments": clear_adjustments,
    "Delete": delete,
    "SetMinCores": set_min_cores,
}
