"""task.TaskInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from tests.simulator.in_process import UNCAUGHT, Cuebot


def add(cuebot: Cuebot, shot: str, cores: float = 3, name: str = "Lighting") -> dict[str, str]:
    """A new task, as a request to TaskInterface names it."""
    show = {"id": cuebot("ShowInterface/FindShow", name="demo").show.id}
    department = cuebot("ShowInterface/GetDepartment", show=show, department=name).department
    asked = {"department": {"id": department.id}, "shot": shot, "min_cores": cores}
    return {"name": cuebot("DepartmentInterface/AddTask", **asked).task.id}


def listed(cuebot: Cuebot, task: dict[str, str]) -> Any:
    """A task as its department lists it, or None."""
    for department in cuebot.farm.departments:
        found = cuebot("DepartmentInterface/GetTasks", department={"id": department}).tasks.tasks
        for each in found:
            if each.id == task["name"]:
                return each
    return None


def launch(cuebot: Cuebot, name: str, frames: int, minutes: int) -> str:
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
    launched: str = launch_job(cuebot.farm, plan).name
    return launched


def test_a_task_is_looked_for_by_an_id_in_its_name(cuebot: Cuebot) -> None:
    """ManageTask takes `name` for the id, and looks at nothing else."""
    task = add(cuebot, "sh900")
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=5)
    assert listed(cuebot, task).min_cores == 5
    for method in ("ClearAdjustments", "Delete", "SetMinCores"):
        by_id = cuebot.refusal(f"TaskInterface/{method}", task={"id": task["name"]})
        assert by_id == ("INTERNAL", UNCAUGHT)


def test_a_task_gets_whole_cores(cuebot: Cuebot) -> None:
    """ManageTask.setMinCores cuts to whole cores; without a manager, nothing is adjusted."""
    task = add(cuebot, "sh900")
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=7.9)
    assert (listed(cuebot, task).min_cores, listed(cuebot, task).adjust_cores) == (7, 0)


@pytest.mark.parametrize("cores", [-1, -5])
def test_a_task_cannot_have_less_than_no_cores(cuebot: Cuebot, cores: float) -> None:
    """The DAO throws IllegalArgumentException for a negative number."""
    task = add(cuebot, "sh900")
    code, text = cuebot.refusal("TaskInterface/SetMinCores", task=task, new_min_cores=cores)
    assert code == "INTERNAL"
    assert text.startswith("java.lang.IllegalArgumentException: min cores must be greater")
    assert listed(cuebot, task).min_cores == 3


def test_the_only_job_of_a_task_gets_all_its_cores(cuebot: Cuebot) -> None:
    """Cuebot makes the task's cores the min cores of the job of that shot and department."""
    task = add(cuebot, "sh010")
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=9)
    assert cuebot.job("demo-sh010-artist1_light_v012").min_cores == 9
    assert cuebot.job("demo-sh010-lena_comp_v003").min_cores == 1


def test_jobs_of_a_task_share_its_cores(cuebot: Cuebot) -> None:
    """Each job gets whole cores for frames that wait; what is left goes to the oldest first."""
    last = launch(cuebot, "last", frames=50, minutes=10)
    first = launch(cuebot, "first", frames=50, minutes=20)
    small = launch(cuebot, "small", frames=1, minutes=30)
    task = add(cuebot, "sh900")
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=12)
    assert [cuebot.job(name).min_cores for name in (small, first, last)] == [1, 6, 5]


def test_jobs_get_no_more_cores_than_frames_wait(cuebot: Cuebot) -> None:
    """Cores that no job of the task can use are left over."""
    names = [launch(cuebot, f"job{index}", frames=2, minutes=index) for index in (1, 2)]
    cuebot("TaskInterface/SetMinCores", task=add(cuebot, "sh900"), new_min_cores=100)
    assert [cuebot.job(name).min_cores for name in names] == [2, 2]


def test_a_finished_job_has_no_share(cuebot: Cuebot) -> None:
    """Only pending jobs of a task count."""
    task = add(cuebot, "sh020", name="Compositing")
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=9)
    assert cuebot.job("demo-sh020-priya_comp_v007").min_cores == 1


def test_an_adjustment_is_cleared(cuebot: Cuebot) -> None:
    """ManageTask.clearAdjustments gives the task its own cores back."""
    task = add(cuebot, "sh900", name="Effects")
    department = cuebot.farm.departments[cuebot.farm.tasks[task["name"]].point_id]
    managed = {"department": {"id": department.id}, "ti_task": "FX", "managed_cores": 10}
    cuebot("DepartmentInterface/EnableTiManaged", **managed)
    cuebot("TaskInterface/SetMinCores", task=task, new_min_cores=1)
    assert (listed(cuebot, task).min_cores, listed(cuebot, task).adjust_cores) == (1, -1)
    cuebot("TaskInterface/ClearAdjustments", task=task)
    assert (listed(cuebot, task).min_cores, listed(cuebot, task).adjust_cores) == (3, 0)


def test_a_deleted_task_is_gone(cuebot: Cuebot) -> None:
    """ManageTask.delete removes the task alone."""
    task, other = add(cuebot, "sh900"), add(cuebot, "sh901")
    cuebot("TaskInterface/Delete", task=task)
    assert listed(cuebot, task) is None
    assert listed(cuebot, other).shot == "sh901"
