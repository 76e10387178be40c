"""Departments and their tasks: so many cores for the jobs of a shot.

The farm has a list of department names. A show has a department (the real database calls it a
point) of each name that one of its groups ever had.
"""

import math
from typing import Any

from cuebot_simulator.world.database_errors import duplicate
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id, find_one, is_pending


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
        raise duplicate("c_task_uniq")
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
    """A task as Cuebot lists it: its cores are whole, and with the adjustment; it has no name."""
    return farm.messages.new(
        "task.Task",
        id=task.id,
        shot=task.shot,
        dept=task.dept,
        min_cores=rounded(units_of(task)),
        adjust_cores=rounded(round(task.adjust_cores * 100)),
    )


def units_of(task: Any) -> int:
    """The hundredths of cores that a task has, with its adjustment."""
    return int(round(task.min_cores * 100) + round(task.adjust_cores * 100))


def rounded(units: int) -> float:
    """Hundredths of cores in whole cores, as Cuebot rounds: a half more, then cut towards zero."""
    return math.trunc(units / 100 + 0.5)


def set_task_cores(farm: Farm, task: Any, cores: float) -> None:
    """Give a task so many cores, as an adjustment if its department is managed.

    The pending jobs of its shot and department, in whatever show, share them.
    """
    if by_id(farm.departments, task.point_id).ti_managed:
        fill(task, adjust_cores=cores - task.min_cores)
    else:
        fill(task, min_cores=cores)
    share_cores(farm, task)


def share_cores(farm: Farm, task: Any) -> None:
    """Make a task's cores the min cores of its jobs.

    A single job gets all of them. Of several, each gets whole cores, the same number as far as it
    has frames that wait; those with more of them get the rest.
    """
    jobs = [
        job
        for job in farm.jobs.values()
        if is_pending(job) and job.shot == task.shot and farm.group_of(job).department == task.dept
    ]
    if len(jobs) == 1:
        fill(jobs[0], min_cores=units_of(task) / 100)
        return
    jobs.sort(key=lambda job: job.start_time)
    waiting = {job.id: farm.tallies[job.id].states["WAITING"] for job in jobs}
    cores = units_of(task) // 100
    shares = {job.id: min(cores // len(jobs), waiting[job.id]) for job in jobs}
    left = cores - sum(shares.values())
    while takers := [key for key in shares if shares[key] < waiting[key]][:left]:
        for key in takers:
            shares[key] += 1
        left -= len(takers)
    for job in jobs:
        fill(job, min_cores=shares[job.id])
