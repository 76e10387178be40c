"""Departments and their tasks: so many cores for the jobs of a shot.

The farm has a list of department names. A show has a department (the real database calls it a
point) of each name that one of its groups ever had.
"""

import math
from typing import Any

from cuebot_simulator.world.database_errors import check_length, driver_error, duplicate
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.state import Farm, find_one

LONGEST_SHOT = 36


def use_department(farm: Farm, show: Any, name: str) -> Any:
    """The show's department of that name, which it has from now on."""
    key = farm.make_id(f"department/{show.id}/{name}")
    if key not in farm.departments:
        farm.departments[key] = farm.messages.new(
            "department.Department", id=key, name=f"{show.name}.{name}", dept=name
        )
        farm.own(show.id, key)
    return farm.departments[key]


def departments_of(farm: Farm, show: Any) -> list[Any]:
    """A show's departments, in the order in which it came to use them."""
    children = farm.children_of[show.id]
    return [farm.departments[child] for child in children if child in farm.departments]


def department_named(farm: Farm, show: Any, name: str) -> Any:
    """A show's department by its name. Raises Missing."""
    found = {each.id: each for each in departments_of(farm, show)}
    return find_one(found, lambda each: each.dept == name)


def add_task(farm: Farm, department: Any, shot: str, cores: float) -> Any:
    """A task with so many cores. Raises Refusal if the department has one for that shot."""
    if any(task.shot == shot for task in tasks_of(farm, department)):
        raise duplicate("c_task_uniq", str_shot=shot, pk_point=department.id)
    check_length(shot, LONGEST_SHOT)
    task = farm.messages.new(
        "task.Task",
        id=farm.new_id(f"task/{department.id}/{shot}", farm.tasks),
        name=f"{shot}.{department.dept}",
        shot=shot,
        dept=department.dept,
        point_id=department.id,
        min_cores=cores,
    )
    farm.tasks[task.id] = task
    return task


def tasks_of(farm: Farm, department: Any) -> list[Any]:
    """A department's tasks, by shot."""
    tasks = [task for task in farm.tasks.values() if task.point_id == department.id]
    return sorted(tasks, key=lambda task: task.shot)


def clear_tasks(farm: Farm, department: Any) -> None:
    """Remove all tasks of a department."""
    for task in tasks_of(farm, department):
        del farm.tasks[task.id]


def shown_task(farm: Farm, task: Any) -> Any:
    """A task as Cuebot lists it: its cores are whole, and it has no name."""
    return farm.messages.new(
        "task.Task",
        id=task.id,
        shot=task.shot,
        dept=task.dept,
        min_cores=rounded(round(task.min_cores * 100)),
    )


def rounded(units: int) -> float:
    """Hundredths of cores in whole cores, as Cuebot rounds: a half more, then cut towards zero."""
    return math.trunc(units / 100 + 0.5)


def unreadable_managed(department: Any) -> Refusal:
    """What Cuebot says whenever it looks whether a department is managed: it reads a number."""
    return driver_error(f"Bad value for type int : {'t' if department.ti_managed else 'f'}")
