"""department.DepartmentInterface, and the methods of show.ShowInterface for departments."""

from typing import Any

import pytest

from tests.simulator.desk import UNCAUGHT, Desk


def show(desk: Desk, name: str = "demo") -> dict[str, str]:
    return {"id": desk("ShowInterface/FindShow", name=name).show.id}


def department(desk: Desk, name: str = "Lighting", show_name: str = "demo") -> Any:
    found = desk("ShowInterface/GetDepartment", show=show(desk, show_name), department=name)
    return found.department


def ref(desk: Desk) -> dict[str, str]:
    return {"id": department(desk).id}


def tasks(desk: Desk) -> list[Any]:
    return list(desk("DepartmentInterface/GetTasks", department=ref(desk)).tasks.tasks)


def test_a_show_has_the_departments_of_its_groups(desk: Desk) -> None:
    """Cuebot gives a show a department as soon as a group of it is in one."""
    found = desk("ShowInterface/GetDepartments", show=show(desk)).departments.departments
    assert {each.dept for each in found} == {"Unknown", "Compositing", "Lighting", "Effects"}
    assert {each.name for each in found} == {f"demo.{each.dept}" for each in found}
    made = desk("ShowInterface/CreateShow", name="tidal").show
    (only,) = desk("ShowInterface/GetDepartments", show={"id": made.id}).departments.departments
    assert (only.name, only.dept, only.ti_managed) == ("tidal.Unknown", "Unknown", False)


def test_a_department_is_found_by_name_in_its_show(desk: Desk) -> None:
    """ManageShow.getDepartment catches nothing: an unused department is INTERNAL."""
    assert department(desk).name == "demo.Lighting"
    assert department(desk).id != department(desk, show_name="harbor").id
    missing = desk.refusal("ShowInterface/GetDepartment", show=show(desk), department="Roto")
    assert missing == ("INTERNAL", UNCAUGHT)


def test_department_names_are_sorted(desk: Desk) -> None:
    """ManageDepartment.getDepartmentNames lists what can be used, used or not."""
    names = list(desk("DepartmentInterface/GetDepartmentNames").names)
    assert names == sorted(names)
    assert {"Unknown", "Lighting", "Animation"} < set(names)


def test_a_department_name_comes_and_goes(desk: Desk) -> None:
    """ManageDepartment.addDepartmentName and .removeDepartmentName go by the name."""
    desk("DepartmentInterface/AddDepartmentName", name="Crowds")
    assert "Crowds" in desk("DepartmentInterface/GetDepartmentNames").names
    desk("DepartmentInterface/RemoveDepartmentName", name="Crowds")
    assert "Crowds" not in desk("DepartmentInterface/GetDepartmentNames").names
    gone = desk.refusal("DepartmentInterface/RemoveDepartmentName", name="Crowds")
    assert gone == ("INTERNAL", UNCAUGHT)


def test_a_department_name_is_added_once(desk: Desk) -> None:
    """Cuebot looks for the name that it has added, and two of them roll it back."""
    code, text = desk.refusal("DepartmentInterface/AddDepartmentName", name="Lighting")
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.IncorrectResultSizeDataAccessException: ")
    assert "expected 1, actual 2" in text
    assert list(desk("DepartmentInterface/GetDepartmentNames").names).count("Lighting") == 1


def test_a_used_department_name_stays(desk: Desk) -> None:
    """The database keeps a department that a group or a show's department refers to."""
    code, text = desk.refusal("DepartmentInterface/RemoveDepartmentName", name="Lighting")
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ")
    assert '"c_folder_pk_dept" on table "folder"' in text
    for group in desk.farm.groups.values():
        group.department = "Unknown"
    text = desk.refusal("DepartmentInterface/RemoveDepartmentName", name="Lighting")[1]
    assert '"c_point_pk_dept" on table "point"' in text


def test_a_new_task_has_the_cores_asked_for(desk: Desk) -> None:
    """ManageDepartment.addTask keeps hundredths of cores; GetTasks gives whole ones, no names."""
    made = desk(
        "DepartmentInterface/AddTask", department=ref(desk), shot="sh010", min_cores=4.5
    ).task
    assert (made.shot, made.dept, made.min_cores) == ("sh010", "Lighting", 4.5)
    assert made.point_id == department(desk).id
    (listed,) = tasks(desk)
    assert (listed.id, listed.shot, listed.dept) == (made.id, "sh010", "Lighting")
    assert (listed.min_cores, listed.adjust_cores) == (5, 0)
    assert (listed.name, listed.point_id) == ("", "")


def test_a_department_has_one_task_per_shot(desk: Desk) -> None:
    """The table has a unique index on shot and department."""
    task = {"shot": "sh010", "min_cores": 1}
    desk("DepartmentInterface/AddTask", department=ref(desk), **task)
    other = {"id": department(desk, "Effects").id}
    desk("DepartmentInterface/AddTask", department=other, **task)
    code, text = desk.refusal("DepartmentInterface/AddTask", department=ref(desk), **task)
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    assert '"c_task_uniq"' in text
    assert len(tasks(desk)) == 1


def test_tasks_are_added_by_shot_in_hundredths_of_cores(desk: Desk) -> None:
    """ManageDepartment.addTasks takes the map's numbers as they are; GetTasks sorts by shot."""
    desk("DepartmentInterface/AddTasks", department=ref(desk), tmap={"sh030": 200, "sh020": 300})
    assert [(task.shot, task.min_cores) for task in tasks(desk)] == [("sh020", 3), ("sh030", 2)]


def test_tasks_are_replaced_by_others(desk: Desk) -> None:
    """ManageDepartment.replaceTasks clears the department first."""
    desk("DepartmentInterface/AddTasks", department=ref(desk), tmap={"sh010": 100, "sh020": 100})
    answer = desk("DepartmentInterface/ReplaceTasks", department=ref(desk), tmap={"sh020": 500})
    assert [task.shot for task in answer.tasks.tasks] == ["sh020"]
    assert [(task.shot, task.min_cores) for task in tasks(desk)] == [("sh020", 5)]


def test_clearing_takes_the_tasks_of_one_department(desk: Desk) -> None:
    """ManageDepartment.clearTasks leaves the tasks of other departments."""
    other = {"id": department(desk, "Effects").id}
    for each in (ref(desk), other):
        desk("DepartmentInterface/AddTasks", department=each, tmap={"sh010": 100})
    desk("DepartmentInterface/ClearTasks", department=ref(desk))
    assert tasks(desk) == []
    assert len(desk("DepartmentInterface/GetTasks", department=other).tasks.tasks) == 1


def test_a_managed_department_adjusts_its_tasks(desk: Desk) -> None:
    """Where the department is managed, setMinCores of a task is an adjustment that can be undone.

    DepartmentInterface/ClearTaskAdjustments does so as documented; the real one has broken SQL.
    """
    desk(
        "DepartmentInterface/EnableTiManaged",
        department=ref(desk),
        ti_task="Lighting",
        managed_cores=40.7,
    )
    managed = department(desk)
    assert (managed.ti_managed, managed.ti_task, managed.min_cores) == (True, "Lighting", 40)
    desk("DepartmentInterface/AddTasks", department=ref(desk), tmap={"sh090": 300})
    (task,) = tasks(desk)
    desk("TaskInterface/SetMinCores", task={"name": task.id}, new_min_cores=8)
    (task,) = tasks(desk)
    assert (task.min_cores, task.adjust_cores) == (8, 5)
    desk("DepartmentInterface/ClearTaskAdjustments", department=ref(desk))
    (task,) = tasks(desk)
    assert (task.min_cores, task.adjust_cores) == (3, 0)


def test_a_department_is_managed_no_more(desk: Desk) -> None:
    """ManageDepartment.disableTiManaged forgets task and cores, and removes the tasks."""
    desk("DepartmentInterface/EnableTiManaged", department=ref(desk), ti_task="L", managed_cores=4)
    desk("DepartmentInterface/AddTasks", department=ref(desk), tmap={"sh010": 100})
    desk("DepartmentInterface/DisableTiManaged", department=ref(desk))
    plain = department(desk)
    assert (plain.ti_managed, plain.ti_task, plain.min_cores) == (False, "", 0)
    assert tasks(desk) == []


def test_managed_cores_are_whole(desk: Desk) -> None:
    """ManageDepartment.setManagedCores cuts to whole cores. Old protos spell it differently."""
    names = ("DepartmentInterface/SetManagedCores", "DepartmentInterface/SetMangedCores")
    name = next(each for each in names if desk.has(each))
    desk(name, department=ref(desk), managed_cores=12.9)
    assert department(desk).min_cores == 12


def test_the_real_cuebot_has_no_code_for_delete(desk: Desk) -> None:
    """ManageDepartment does not override delete, so gRPC answers UNIMPLEMENTED."""
    assert desk.refusal("DepartmentInterface/Delete", department=ref(desk))[0] == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "method",
    [
        "AddTask",
        "AddTasks",
        "ClearTaskAdjustments",
        "ClearTasks",
        "DisableTiManaged",
        "EnableTiManaged",
        "GetTasks",
        "ReplaceTasks",
        "SetManagedCores",
    ],
)
def test_a_missing_department_is_not_caught(desk: Desk, method: str) -> None:
    """ManageDepartment leaves what is not there to the interceptor."""
    missing = desk.refusal(f"DepartmentInterface/{method}", department={"id": "nope"})
    assert missing == ("INTERNAL", UNCAUGHT)
