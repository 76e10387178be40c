"""department.DepartmentInterface, and the methods of show.ShowInterface for departments."""

from typing import Any

from tests.simulator.in_process import BAD_QUERY, DUPLICATE, NO_ANSWER, VIOLATION, Cuebot


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
    found = cuebot("ShowInterface/GetDepartments", show=show(cuebot)).departments.departments
    assert {each.dept for each in found} == {"Unknown", "Compositing", "Lighting", "Effects"}
    assert {each.name for each in found} == {f"demo.{each.dept}" for each in found}
    made = cuebot("ShowInterface/CreateShow", name="tidal").show
    (only,) = cuebot("ShowInterface/GetDepartments", show=made).departments.departments
    assert (only.name, only.dept, only.ti_managed) == ("tidal.Unknown", "Unknown", False)


def test_department_names_are_sorted(cuebot: Cuebot) -> None:
    names = list(cuebot("DepartmentInterface/GetDepartmentNames").names)
    assert names == sorted(names)
    assert {"Unknown", "Lighting", "Animation"} < set(names)


def test_a_used_department_name_stays(cuebot: Cuebot) -> None:
    remove = "DepartmentInterface/RemoveDepartmentName"
    assert cuebot.refusal(remove, name="Lighting") == VIOLATION
    for group in cuebot.farm.groups.values():
        group.department = "Unknown"
    assert cuebot.refusal(remove, name="Lighting") == VIOLATION
    cuebot(remove, name="Animation")
    assert "Animation" not in cuebot("DepartmentInterface/GetDepartmentNames").names


def test_a_new_task_has_the_cores_asked_for(cuebot: Cuebot) -> None:
    add_task(cuebot, ref(cuebot), shot="sh010", min_cores=4.5)
    (listed,) = tasks(cuebot)
    assert (listed.shot, listed.dept) == ("sh010", "Lighting")
    assert (listed.min_cores, listed.adjust_cores) == (5, 0)
    assert (listed.name, listed.point_id) == ("", "")


def test_a_department_has_one_task_per_shot(cuebot: Cuebot) -> None:
    task = {"shot": "sh010", "min_cores": 1}
    add_task(cuebot, ref(cuebot), **task)
    add_task(cuebot, {"id": department(cuebot, "Effects").id}, **task)
    refusal = cuebot.refusal("DepartmentInterface/AddTask", department=ref(cuebot), **task)
    assert refusal == DUPLICATE
    assert len(tasks(cuebot)) == 1


def test_only_the_first_of_many_tasks_is_added(cuebot: Cuebot) -> None:
    many = {"sh030": 200, "sh020": 300}
    refusal = cuebot.refusal("DepartmentInterface/AddTasks", department=ref(cuebot), tmap=many)
    assert refusal == ("INTERNAL", NO_ANSWER)
    assert [(task.shot, task.min_cores) for task in tasks(cuebot)] == [("sh020", 3)]


def test_tasks_are_replaced_by_others(cuebot: Cuebot) -> None:
    for shot in ("sh010", "sh030"):
        add_task(cuebot, ref(cuebot), shot=shot, min_cores=1)
    refusal = cuebot.refusal(
        "DepartmentInterface/ReplaceTasks", department=ref(cuebot), tmap={"sh020": 500}
    )
    assert refusal == ("INTERNAL", NO_ANSWER)
    assert [(task.shot, task.min_cores) for task in tasks(cuebot)] == [("sh020", 5)]


def test_clearing_takes_the_tasks_of_one_department(cuebot: Cuebot) -> None:
    other = {"id": department(cuebot, "Effects").id}
    for each in (ref(cuebot), other):
        add_task(cuebot, each, shot="sh010", min_cores=1)
    cuebot("DepartmentInterface/ClearTasks", department=ref(cuebot))
    assert tasks(cuebot) == []
    assert len(cuebot("DepartmentInterface/GetTasks", department=other).tasks.tasks) == 1


def test_a_managed_department_has_cores(cuebot: Cuebot) -> None:
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
    clear = "DepartmentInterface/ClearTaskAdjustments"
    assert cuebot.refusal(clear, department=ref(cuebot)) == BAD_QUERY
    assert tasks(cuebot) == [task]


def test_a_department_is_managed_no_more(cuebot: Cuebot) -> None:
    cuebot(
        "DepartmentInterface/EnableTiManaged", department=ref(cuebot), ti_task="L", managed_cores=4
    )
    add_task(cuebot, ref(cuebot), shot="sh010", min_cores=1)
    cuebot("DepartmentInterface/DisableTiManaged", department=ref(cuebot))
    plain = department(cuebot)
    assert (plain.ti_managed, plain.ti_task, plain.min_cores) == (False, "", 0)
    assert tasks(cuebot) == []


def test_managed_cores_are_whole(cuebot: Cuebot) -> None:
    names = ("DepartmentInterface/SetManagedCores", "DepartmentInterface/SetMangedCores")
    name = next(each for each in names if cuebot.has(each))
    assert cuebot.refusal(name, department=ref(cuebot), managed_cores=12.9) == VIOLATION
    assert department(cuebot).min_cores == 12
