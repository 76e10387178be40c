"""task.TaskInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from tests.simulator.desk import UNCAUGHT, Desk


def add(desk: Desk, shot: str, cores: float = 3, name: str = "Lighting") -> dict[str, str]:
    """A new task, as a request to TaskInterface names it."""
    show = {"id": desk("ShowInterface/FindShow", name="demo").show.id}
    department = desk("ShowInterface/GetDepartment", show=show, department=name).department
    asked = {"department": {"id": department.id}, "shot": shot, "min_cores": cores}
    return {"name": desk("DepartmentInterface/AddTask", **asked).task.id}


def listed(desk: Desk, task: dict[str, str]) -> Any:
    """A task as its department lists it, or None."""
    for department in desk.farm.departments:
        found = desk("DepartmentInterface/GetTasks", department={"id": department}).tasks.tasks
        for each in found:
            if each.id == task["name"]:
                return each
    return None


def launch(desk: Desk, name: str, frames: int, minutes: int) -> str:
    """A job of shot sh900 in the lighting department, with so many frames that wait."""
    layer = LayerPlan(name="beauty", frames=tuple(range(1, frames + 1)))
    plan = JobPlan(
        show="demo",
        shot="sh900",
        user="lena",
        name=name,
        group="light",
        minutes=minutes,
        layers=(layer,),
    )
    launched: str = launch_job(desk.farm, plan).name
    return launched


def test_a_task_is_looked_for_by_an_id_in_its_name(desk: Desk) -> None:
    """ManageTask takes `name` for the id, and looks at nothing else."""
    task = add(desk, "sh900")
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=5)
    assert listed(desk, task).min_cores == 5
    for method in ("ClearAdjustments", "Delete", "SetMinCores"):
        by_id = desk.refusal(f"TaskInterface/{method}", task={"id": task["name"]})
        assert by_id == ("INTERNAL", UNCAUGHT)


def test_a_task_gets_whole_cores(desk: Desk) -> None:
    """ManageTask.setMinCores cuts to whole cores; without a manager, nothing is adjusted."""
    task = add(desk, "sh900")
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=7.9)
    assert (listed(desk, task).min_cores, listed(desk, task).adjust_cores) == (7, 0)


@pytest.mark.parametrize("cores", [-1, -5])
def test_a_task_cannot_have_less_than_no_cores(desk: Desk, cores: float) -> None:
    """The DAO throws IllegalArgumentException for a negative number."""
    task = add(desk, "sh900")
    code, text = desk.refusal("TaskInterface/SetMinCores", task=task, new_min_cores=cores)
    assert code == "INTERNAL"
    assert text.startswith("java.lang.IllegalArgumentException: min cores must be greater")
    assert listed(desk, task).min_cores == 3


def test_the_only_job_of_a_task_gets_all_its_cores(desk: Desk) -> None:
    """Cuebot makes the task's cores the min cores of the job of that shot and department."""
    task = add(desk, "sh010")
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=9)
    assert desk.job("demo-sh010-artist1_light_v012").min_cores == 9
    assert desk.job("demo-sh010-lena_comp_v003").min_cores == 1


def test_jobs_of_a_task_share_its_cores(desk: Desk) -> None:
    """Each job gets whole cores for frames that wait; what is left goes to the oldest first."""
    last = launch(desk, "last", frames=50, minutes=10)
    first = launch(desk, "first", frames=50, minutes=20)
    small = launch(desk, "small", frames=1, minutes=30)
    task = add(desk, "sh900")
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=12)
    assert [desk.job(name).min_cores for name in (small, first, last)] == [1, 6, 5]


def test_jobs_get_no_more_cores_than_frames_wait(desk: Desk) -> None:
    """Cores that no job of the task can use are left over."""
    names = [launch(desk, f"job{index}", frames=2, minutes=index) for index in (1, 2)]
    desk("TaskInterface/SetMinCores", task=add(desk, "sh900"), new_min_cores=100)
    assert [desk.job(name).min_cores for name in names] == [2, 2]


def test_a_finished_job_has_no_share(desk: Desk) -> None:
    """Only pending jobs of a task count."""
    task = add(desk, "sh020", name="Compositing")
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=9)
    assert desk.job("demo-sh020-priya_comp_v007").min_cores == 1


def test_an_adjustment_is_cleared(desk: Desk) -> None:
    """ManageTask.clearAdjustments gives the task its own cores back."""
    task = add(desk, "sh900", name="Effects")
    department = desk.farm.departments[desk.farm.tasks[task["name"]].point_id]
    managed = {"department": {"id": department.id}, "ti_task": "FX", "managed_cores": 10}
    desk("DepartmentInterface/EnableTiManaged", **managed)
    desk("TaskInterface/SetMinCores", task=task, new_min_cores=1)
    assert (listed(desk, task).min_cores, listed(desk, task).adjust_cores) == (1, -1)
    desk("TaskInterface/ClearAdjustments", task=task)
    assert (listed(desk, task).min_cores, listed(desk, task).adjust_cores) == (3, 0)


def test_a_deleted_task_is_gone(desk: Desk) -> None:
    """ManageTask.delete removes the task alone."""
    task, other = add(desk, "sh900"), add(desk, "sh901")
    desk("TaskInterface/Delete", task=task)
    assert listed(desk, task) is None
    assert listed(desk, other).shot == "sh901"
