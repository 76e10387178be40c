"""Departments and their tasks: cores for the jobs of a shot.

The farm has a list of department names. A show has a department of each name that one of its groups
ever had.
"""

import math
from typing import Any

from cuebot_simulator.world.refusals import check_length, duplicate
from cuebot_simulator.world.state import Farm, find_one

LONGEST_SHOT = 36


def use_department(farm: Farm, show: Any, name: str) -> Any:
    """The show's department of that name, made if necessary."""
    key = farm.make_id(f"department/{show.id}/{name}")
    if key not in farm.departments:
        farm.departments[key] = farm.messages.new(
            "department.Department", id=key, name=f"{show.name}.{name}", dept=name
        )
        farm.own(show.id, key)
    return farm.departments[key]


def departments_of(farm: Farm, show: Any) -> list[Any]:
    children = farm.children_of[show.id]
    return [farm.departments[child] for child in children if child in farm.departments]


def department_named(farm: Farm, show: Any, name: str) -> Any:
    """A show's department by its name. Raises Missing."""
    found = {each.id: each for each in departments_of(farm, show)}
    return find_one(found, lambda each: each.dept == name)


def add_task(farm: Farm, department: Any, shot: str, cores: float) -> Any:
    """A task. Raises Refusal if the department has one for that shot."""
    if any(task.shot == shot for task in tasks_of(farm, department)):
        raise duplicate(f"task for {shot} of {department.name}")
    check_length(shot, LONGEST_SHOT)
    return farm.add(
        farm.tasks,
        "task.Task",
        id=farm.new_id(f"task/{department.id}/{shot}", farm.tasks),
        name=f"{shot}.{department.dept}",
        shot=shot,
        dept=department.dept,
        point_id=department.id,
        min_cores=cores,
    )


def tasks_of(farm: Farm, department: Any) -> list[Any]:
    tasks = [task for task in farm.tasks.values() if task.point_id == department.id]
    return sorted(tasks, key=lambda task: task.shot)


def clear_tasks(farm: Farm, department: Any) -> None:
    for task in tasks_of(farm, department):
        del farm.tasks[task.id]


def shown_task(farm: Farm, task: Any) -> Any:
    """A task as Cuebot lists it: with whole cores, and without a name."""
    return farm.messages.new(
        "task.Task",
        id=task.id,
        shot=task.shot,
        dept=task.dept,
        min_cores=math.trunc(round(task.min_cores * 100) / 100 + 0.5),
    )
