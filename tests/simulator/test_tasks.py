"""task.TaskInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import NO_ANSWER, UNCAUGHT, Cuebot


def add(cuebot: Cuebot, shot: str, cores: float = 3, name: str = "Lighting") -> dict[str, str]:
    """A new task, as a request to TaskInterface names it."""
    show = {"id": cuebot("ShowInterface/FindShow", name="demo").show.id}
    department = cuebot("ShowInterface/GetDepartment", show=show, department=name).department
    where = {"department": {"id": department.id}}
    refusal = cuebot.refusal("DepartmentInterface/AddTask", **where, shot=shot, min_cores=cores)
    assert refusal == ("INTERNAL", NO_ANSWER)
    tasks = cuebot("DepartmentInterface/GetTasks", **where).tasks.tasks
    return {"name": next(task.id for task in tasks if task.shot == shot)}


def listed(cuebot: Cuebot, task: dict[str, str]) -> Any:
    """A task as its department lists it, or None."""
    for department in cuebot.farm.departments:
        found = cuebot("DepartmentInterface/GetTasks", department={"id": department}).tasks.tasks
        for each in found:
            if each.id == task["name"]:
                return each
    return None


def test_a_task_is_looked_for_by_an_id_in_its_name(cuebot: Cuebot) -> None:
    """ManageTask takes `name` for the id, and looks at nothing else."""
    task = add(cuebot, "sh900")
    for method in ("ClearAdjustments", "Delete", "SetMinCores"):
        by_id = cuebot.refusal(f"TaskInterface/{method}", task={"id": task["name"]})
        assert by_id == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize("cores", [7.9, 0, -5])
def test_a_task_keeps_its_cores(cuebot: Cuebot, cores: float) -> None:
    """TaskDaoJdbc.isManaged reads a number where the table has a boolean, and always fails."""
    task = add(cuebot, "sh900")
    department = cuebot.farm.departments[cuebot.farm.tasks[task["name"]].point_id]
    managed = {"department": {"id": department.id}, "ti_task": "FX", "managed_cores": 10}
    for value in ("f", "t"):
        code, text = cuebot.refusal("TaskInterface/SetMinCores", task=task, new_min_cores=cores)
        assert code == "INTERNAL"
        assert text.endswith(f"PSQLException: Bad value for type int : {value}")
        cuebot("DepartmentInterface/EnableTiManaged", **managed)
    assert listed(cuebot, task).min_cores == 3


def test_there_are_no_adjustments_to_clear(cuebot: Cuebot) -> None:
    """ManageTask.clearAdjustments works, and no task has any."""
    task = add(cuebot, "sh900")
    cuebot("TaskInterface/ClearAdjustments", task=task)
    assert (listed(cuebot, task).min_cores, listed(cuebot, task).adjust_cores) == (3, 0)


def test_a_deleted_task_is_gone(cuebot: Cuebot) -> None:
    """ManageTask.delete removes the task alone."""
    task, other = add(cuebot, "sh900"), add(cuebot, "sh901")
    cuebot("TaskInterface/Delete", task=task)
    assert listed(cuebot, task) is None
    assert listed(cuebot, other).shot == "sh901"
