"""department.DepartmentInterface and task.TaskInterface.

DepartmentInterface/Delete is missing: the real Cuebot has no code for it either.
"""

from typing import Any

from cuebot_simulator.services.handlers import Methods, action, requested
from cuebot_simulator.world import departments
from cuebot_simulator.world.cores import hundredths, whole_cores
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.refusals import (
    Missing,
    Refusal,
    bad_query,
    check_length,
    found_several,
    null_pointer,
    still_used,
    violation,
)
from cuebot_simulator.world.state import Farm, by_id

LONGEST_NAME = 36


def get_department_names(farm: Farm, request: Any, answer: Any) -> None:
    answer.names.extend(sorted(farm.department_names, key=str.lower))


def add_department_name(farm: Farm, request: Any, answer: Any) -> None:
    """A taken name is refused: Cuebot looks for it afterwards, and finds two."""
    if request.name in farm.department_names:
        raise found_several(2)
    check_length(request.name, LONGEST_NAME)
    farm.department_names.append(request.name)


def remove_department_name(farm: Farm, request: Any, answer: Any) -> None:
    """Only a name that no group has, and that no show's department ever had."""
    name = request.name
    if name not in farm.department_names:
        raise Missing
    if any(group.department == name for group in farm.groups.values()):
        raise still_used("department", "group")
    if any(department.dept == name for department in farm.departments.values()):
        raise still_used("department", "show")
    farm.department_names.remove(name)


def get_tasks(farm: Farm, request: Any, answer: Any) -> None:
    tasks = departments.tasks_of(farm, requested(farm, request, "department"))
    answer.tasks.tasks.extend(departments.shown_task(farm, task) for task in tasks)


def add_one_task(farm: Farm, request: Any, answer: Any) -> None:
    """Makes the task, and then always fails over the answer."""
    department = requested(farm, request, "department")
    departments.add_task(farm, department, request.shot, hundredths(request.min_cores))
    raise null_pointer()


def add_tasks(farm: Farm, request: Any, answer: Any) -> None:
    """Makes the first task of `tmap` (hundredths of cores by shot), and fails as AddTask does."""
    department = requested(farm, request, "department")
    for shot, units in sorted(request.tmap.items()):
        departments.add_task(farm, department, shot, units / 100)
        raise null_pointer()
    answer.tasks.SetInParent()


def replace_tasks(farm: Farm, request: Any, answer: Any) -> None:
    departments.clear_tasks(farm, requested(farm, request, "department"))
    add_tasks(farm, request, answer)


def clear_task_adjustments(farm: Farm, request: Any, answer: Any) -> None:
    """Always fails: Cuebot's statement names a column that no table has."""
    requested(farm, request, "department")
    raise bad_query("tasks have no column for their show")


def enable_ti_managed(farm: Farm, request: Any, answer: Any) -> None:
    """Without a production database (Trackit) behind it, Cuebot only notes that."""
    fill(
        requested(farm, request, "department"),
        ti_managed=True,
        ti_task=request.ti_task,
        min_cores=whole_cores(request.managed_cores),
    )


def disable_ti_managed(farm: Farm, request: Any, answer: Any) -> None:
    department = requested(farm, request, "department")
    fill(department, ti_managed=False, ti_task="", min_cores=0)
    departments.clear_tasks(farm, department)


def set_managed_cores(farm: Farm, request: Any, answer: Any) -> None:
    department = requested(farm, request, "department")
    fill(department, min_cores=whole_cores(request.managed_cores))
    raise unreadable_managed()


def unreadable_managed() -> Refusal:
    """Cuebot's failure when it looks whether a department is managed: it reads a number."""
    return violation("whether a department is managed is not a number")


DEPARTMENT_METHODS: Methods = {
    "AddDepartmentName": add_department_name,
    "AddTask": add_one_task,
    "AddTasks": add_tasks,
    "ClearTaskAdjustments": clear_task_adjustments,
    "ClearTasks": action("department", departments.clear_tasks),
    "DisableTiManaged": disable_ti_managed,
    "EnableTiManaged": enable_ti_managed,
    "GetDepartmentNames": get_department_names,
    "GetTasks": get_tasks,
    "RemoveDepartmentName": remove_department_name,
    "ReplaceTasks": replace_tasks,
    "SetManagedCores": set_managed_cores,
    "SetMangedCores": set_managed_cores,  # its name before 1.34
}

# Tasks. As in Cuebot, the request's `task.name` is an id.


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    by_id(farm.tasks, request.task.name)
    raise unreadable_managed()


def clear_adjustments(farm: Farm, request: Any, answer: Any) -> None:
    """No task is ever adjusted."""
    by_id(farm.tasks, request.task.name)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    del farm.tasks[by_id(farm.tasks, request.task.name).id]


TASK_METHODS: Methods = {
    "ClearAdjustments": clear_adjustments,
    "Delete": delete,
    "SetMinCores": set_min_cores,
}
