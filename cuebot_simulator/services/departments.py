"""department.DepartmentInterface.

`Delete` is not here: the real one has no code for it, and answers UNIMPLEMENTED.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.cores import hundredths, whole_cores
from cuebot_simulator.world.database_errors import (
    bad_grammar,
    check_length,
    still_used,
)
from cuebot_simulator.world.departments import (
    add_task,
    clear_tasks,
    shown_task,
    tasks_of,
    unreadable_managed,
)
from cuebot_simulator.world.failures import Missing, found_several, null_pointer
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id

LONGEST_NAME = 36


def get_department_names(farm: Farm, request: Any, answer: Any) -> None:
    answer.names.extend(sorted(farm.department_names, key=str.lower))


def add_department_name(farm: Farm, request: Any, answer: Any) -> None:
    """A name that exists is refused: Cuebot looks for it afterwards, and finds two."""
    if request.name in farm.department_names:
        raise found_several(2)
    check_length(request.name, LONGEST_NAME)
    farm.department_names.append(request.name)


def remove_department_name(farm: Farm, request: Any, answer: Any) -> None:
    """A name that no group has, and that no show's department ever was."""
    name = request.name
    if name not in farm.department_names:
        raise Missing
    key = farm.make_id(f"dept/{name}")
    if any(group.department == name for group in farm.groups.values()):
        raise still_used("dept", "c_folder_pk_dept", "folder", key)
    if any(department.dept == name for department in farm.departments.values()):
        raise still_used("dept", "c_point_pk_dept", "point", key)
    farm.department_names.remove(name)


def get_tasks(farm: Farm, request: Any, answer: Any) -> None:
    department = by_id(farm.departments, request.department.id)
    answer.tasks.tasks.extend(shown_task(farm, task) for task in tasks_of(farm, department))


def add_one_task(farm: Farm, request: Any, answer: Any) -> None:
    """It makes the task, and then always fails over the answer."""
    department = by_id(farm.departments, request.department.id)
    add_task(farm, department, request.shot, hundredths(request.min_cores))
    raise null_pointer()


def add_tasks(farm: Farm, request: Any, answer: Any) -> None:
    """It makes the first task of `tmap`, hundredths of cores by shot, and fails as AddTask does."""
    department = by_id(farm.departments, request.department.id)
    for shot, units in sorted(request.tmap.items()):
        add_task(farm, department, shot, units / 100)
        raise null_pointer()
    answer.tasks.SetInParent()


def replace_tasks(farm: Farm, request: Any, answer: Any) -> None:
    """As AddTasks, after all present tasks are gone."""
    clear_tasks(farm, by_id(farm.departments, request.department.id))
    add_tasks(farm, request, answer)


def clear_all_tasks(farm: Farm, request: Any, answer: Any) -> None:
    clear_tasks(farm, by_id(farm.departments, request.department.id))


def clear_task_adjustments(farm: Farm, request: Any, answer: Any) -> None:
    """It always fails: its statement names a column that no table has."""
    by_id(farm.departments, request.department.id)
    raise bad_grammar('column "pk_show" does not exist')


def enable_ti_managed(farm: Farm, request: Any, answer: Any) -> None:
    """Without a production database (Trackit) behind it, Cuebot only notes that."""
    fill(
        by_id(farm.departments, request.department.id),
        ti_managed=True,
        ti_task=request.ti_task,
        min_cores=whole_cores(request.managed_cores),
    )


def disable_ti_managed(farm: Farm, request: Any, answer: Any) -> None:
    """The department's tasks go, too."""
    department = by_id(farm.departments, request.department.id)
    fill(department, ti_managed=False, ti_task="", min_cores=0)
    clear_tasks(farm, department)


def set_managed_cores(farm: Farm, request: Any, answer: Any) -> None:
    """It sets them, and then always fails over whether the department is managed."""
    department = by_id(farm.departments, request.department.id)
    fill(department, min_cores=whole_cores(request.managed_cores))
    raise unreadable_managed(department)


METHODS: Mapping[str, Handler] = {
    "AddDepartmentName": add_department_name,
    "AddTask": add_one_task,
    "AddTasks": add_tasks,
    "ClearTaskAdjustments": clear_task_adjustments,
    "ClearTasks": clear_all_tasks,
    "DisableTiManaged": disable_ti_managed,
    "EnableTiManaged": enable_ti_managed,
    "GetDepartmentNames": get_department_names,
    "GetTasks": get_tasks,
    "RemoveDepartmentName": remove_department_name,
    "ReplaceTasks": replace_tasks,
    "SetManagedCores": set_managed_cores,
    "SetMangedCores": set_managed_cores,  # its name before 1.34
}
