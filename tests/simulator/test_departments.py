"""department.DepartmentInterface, and the methods of show.ShowInterface for departments."""

from typing import Any

import pytest

from tests.simulator.in_process import NO_ANSWER, UNCAUGHT, Cuebot, duplicate


def show(cuebot: Cuebot, name: str = "demo") -> dict[str, str]:
    return {"id": cuebot("ShowInterface/FindShow", name=name).show.id}


def department(cuebot: Cuebot, name: str = "Lighting", show_name: str = "demo") -> Any:
    found = cuebot("ShowInterface/GetDepartment", show=show(cuebot, show_name), department=name)
    return found.department


def ref(cuebot: Cuebot) -> dict[str, str]:
    return {"id": department(cuebot).id}


def tasks(cuebot: Cuebot) -> list[Any]:
    return list(cuebot("DepartmentInterface/GetTasks", department=ref(cuebot)).tasks.tasks)


def add_task(cuebot: Cuebot, department: dict[str, str], **values: Any) -> None:
    """Make a task, which fails all the same."""
    refusal = cuebot.refusal("DepartmentInterface/AddTask", department=department, **values)
    assert refusal == ("INTERNAL", NO_ANSWER)


def test_a_show_has_the_departments_of_its_groups(cuebot: Cuebot) -> None:
    """Cuebot gives a show a department as soon as a group of it is in one."""
    found = cuebot("ShowInterface/GetDepartments", show=show(cuebot)).departments.departments
    assert {each.dept for each in found} == {"Unknown", "Compositing", "Lighting", "Effects"}
    assert {each.name for each in found} == {f"demo.{each.dept}" for each in found}
    made = cuebot("ShowInterface/CreateShow", name="tidal").show
    (only,) = cuebot("ShowInterface/GetDepartments", show={"id": made.id}).departments.departments
    assert (only.name, only.dept, only.ti_managed) == ("tidal.Unknown", "Unknown", False)


def test_a_department_is_found_by_name_in_its_show(cuebot: Cuebot) -> None:
    """ManageShow.getDepartment catches nothing: an unused department is INTERNAL."""
    assert department(cuebot).name == "demo.Lighting"
    assert department(cuebot).id != department(cuebot, show_name="harbor").id
    missing = cuebot.refusal("ShowInterface/GetDepartment", show=show(cuebot), department="Roto")
    assert missing == ("INTERNAL", UNCAUGHT)


def test_department_names_are_sorted(cuebot: Cuebot) -> None:
    """ManageDepartment.getDepartmentNames lists what can be used, used or not."""
    names = list(cuebot("DepartmentInterface/GetDepartmentNames").names)
    assert names == sorted(names)
    assert {"Unknown", "Lighting", "Animation"} < set(names)


def test_a_department_name_comes_and_goes(cuebot: Cuebot) -> None:
    """ManageDepartment.addDepartmentName and .removeDepartmentName go by the name."""
    cuebot("DepartmentInterface/AddDepartmentName", name="Crowds")
    assert "Crowds" in cuebot("DepartmentInterface/GetDepartmentNames").names
    cuebot("DepartmentInterface/RemoveDepartmentName", name="Crowds")
    assert "Crowds" not in cuebot("DepartmentInterface/GetDepartmentNames").names
    gone = cuebot.refusal("DepartmentInterface/RemoveDepartmentName", name="Crowds")
    assert gone == ("INTERNAL", UNCAUGHT)


def test_a_department_name_is_added_once(cuebot: Cuebot) -> None:
    """Cuebot looks for the name that it has added, and two of them roll it back."""
    code, text = cuebot.refusal("DepartmentInterface/AddDepartmentName", name="Lighting")
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.IncorrectResultSizeDataAccessException: ")
    assert "expected 1, actual 2" in text
    assert list(cuebot("DepartmentInterface/GetDepartmentNames").names).count("Lighting") == 1


def test_a_used_department_name_stays(cuebot: Cuebot) -> None:
    """The database keeps a department that a group or a show's department refers to."""
    code, text = cuebot.refusal("DepartmentInterface/RemoveDepartmentName", name="Lighting")
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ")
    assert '"c_folder_pk_dept" on table "folder"' in text
    for group in cuebot.farm.groups.values():
        group.department = "Unknown"
    text = cuebot.refusal("DepartmentInterface/RemoveDepartmentName", name="Lighting")[1]
    assert '"c_point_pk_dept" on table "point"' in text


def test_a_new_task_has_the_cores_asked_for(cuebot: Cuebot) -> None:
    """ManageDepartment.addTask makes it, then fails over its answer. GetTasks has whole cores."""
    add_task(cuebot, ref(cuebot), shot="sh010", min_cores=4.5)
    (listed,) = tasks(cuebot)
    assert (listed.shot, listed.dept) == ("sh010", "Lighting")
    assert (listed.min_cores, listed.adjust_cores) == (5, 0)
    assert (listed.name, listed.point_id) == ("", "")


def test_a_department_has_one_task_per_shot(cuebot: Cuebot) -> None:
    """The table has a unique index on shot and department."""
    task = {"shot": "sh010", "min_cores": 1}
    add_task(cuebot, ref(cuebot), **task)
    add_task(cuebot, {"id": department(cuebot, "Effects").id}, **task)
    key = f"(str_shot, pk_point)=(sh010, {department(cuebot).id})"
    refusal = cuebot.refusal("DepartmentInterface/AddTask", department=ref(cuebot), **task)
    assert refusal == duplicate("c_task_uniq", key)
    assert len(tasks(cuebot)) == 1


def test_only_the_first_of_many_tasks_is_added(cuebot: Cuebot) -> None:
    """ManageDepartment.addTasks takes hundredths of cores, and fails after the first task."""
    many = {"sh030": 200, "sh020": 300}
    refusal = cuebot.refusal("DepartmentInterface/AddTasks", department=ref(cuebot), tmap=many)
    assert refusal == ("INTERNAL", NO_ANSWER)
    assert [(task.shot, task.min_cores) for task in tasks(cuebot)] == [("sh020", 3)]


def test_no_tasks_are_added(cuebot: Cuebot) -> None:
    """Then nothing fails."""
    answer = cuebot("DepartmentInterface/AddTasks", department=ref(cuebot))
    assert not answer.tasks.tasks


def test_tasks_are_replaced_by_others(cuebot: Cuebot) -> None:
    """ManageDepartment.replaceTasks clears the department first."""
    for shot in ("sh010", "sh030"):
        add_task(cuebot, ref(cuebot), shot=shot, min_cores=1)
    refusal = cuebot.refusal(
        "DepartmentInterface/ReplaceTasks", department=ref(cuebot), tmap={"sh020": 500}
    )
    assert refusal == ("INTERNAL", NO_ANSWER)
    assert [(task.shot, task.min_cores) for task in tasks(cuebot)] == [("sh020", 5)]


def test_clearing_takes_the_tasks_of_one_department(cuebot: Cuebot) -> None:
    """ManageDepartment.clearTasks leaves the tasks of other departments."""
    other = {"id": department(cuebot, "Effects").id}
    for each in (ref(cuebot), other):
        add_task(cuebot, each, shot="sh010", min_cores=1)
    cuebot("DepartmentInterface/ClearTasks", department=ref(cuebot))
    assert tasks(cuebot) == []
    assert len(cuebot("DepartmentInterface/GetTasks", department=other).tasks.tasks) == 1


def test_a_managed_department_has_cores(cuebot: Cuebot) -> None:
    """ManageDepartment.enableTiManaged keeps task and cores.

    ManageDepartment.clearTaskAdjustments fails, managed or not: its statement is broken.
    """
    cuebot(
        "DepartmentInterface/EnableTiManaged",
        department=ref(cuebot),
        ti_task="Lighting",
        managed_cores=40.7,
    )
    managed = department(cuebot)
    assert (managed.ti_managed, managed.ti_task, managed.min_cores) == (True, "Lighting", 40)
    add_task(cuebot, ref(cuebot), shot="sh090", min_cores=3)
    (task,) = tasks(cuebot)
    code, text = cuebot.refusal("DepartmentInterface/ClearTaskAdjustments", department=ref(cuebot))
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.jdbc.BadSqlGrammarException: ")
    assert 'ERROR: column "pk_show" does not exist' in text
    assert tasks(cuebot) == [task]


def test_a_department_is_managed_no_more(cuebot: Cuebot) -> None:
    """ManageDepartment.disableTiManaged forgets task and cores, and removes the tasks."""
    cuebot(
        "DepartmentInterface/EnableTiManaged", department=ref(cuebot), ti_task="L", managed_cores=4
    )
    add_task(cuebot, ref(cuebot), shot="sh010", min_cores=1)
    cuebot("DepartmentInterface/DisableTiManaged", department=ref(cuebot))
    plain = department(cuebot)
    assert (plain.ti_managed, plain.ti_task, plain.min_cores) == (False, "", 0)
    assert tasks(cuebot) == []


def test_managed_cores_are_whole(cuebot: Cuebot) -> None:
    """ManageDepartment.setManagedCores cuts to whole cores, and then fails over a column's type.

    Old protos spell it differently.
    """
    names = ("DepartmentInterface/SetManagedCores", "DepartmentInterface/SetMangedCores")
    name = next(each for each in names if cuebot.has(each))
    code, text = cuebot.refusal(name, department=ref(cuebot), managed_cores=12.9)
    assert code == "INTERNAL"
    assert "; Bad value for type int : f; nested" in text
    assert department(cuebot).min_cores == 12


def test_the_real_cuebot_has_no_code_for_delete(cuebot: Cuebot) -> None:
    """ManageDepartment does not override delete, so gRPC answers UNIMPLEMENTED."""
    assert (
        cuebot.refusal("DepartmentInterface/Delete", department=ref(cuebot))[0] == "UNIMPLEMENTED"
    )


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
def test_a_missing_department_is_not_caught(cuebot: Cuebot, method: str) -> None:
    """ManageDepartment leaves what is not there to the interceptor."""
    missing = cuebot.refusal(f"DepartmentInterface/{method}", department={"id": "nope"})
    assert missing == ("INTERNAL", UNCAUGHT)
