"""job.GroupInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.filters import add_action, add_filter
from tests.simulator.in_process import (
    COMP,
    DUPLICATE,
    FINISHED,
    HARBOR,
    LIGHT,
    NOTHING_FOUND,
    UNCAUGHT,
    Cuebot,
)

MODIFICATION = "com.imageworks.spcue.EntityModificationError: error moving"


def group(cuebot: Cuebot, name: str, show: str = "demo") -> Any:
    return cuebot("GroupInterface/FindGroup", show=show, name=name).group


def sub_group(cuebot: Cuebot, parent: Any, name: str) -> Any:
    return cuebot("GroupInterface/CreateSubGroup", group=parent, name=name).group


def now(cuebot: Cuebot, thing: Any) -> Any:
    """A group as it is by now."""
    return cuebot("GroupInterface/GetGroup", id=thing.id).group


def names_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetGroups", group=parent)
    return [each.name for each in found.groups.groups]


def jobs_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetJobs", group=parent)
    return [job.name for job in found.jobs.jobs]


def refused(text: str) -> tuple[str, str]:
    """What Cuebot answers when it throws this (class and text) and nothing catches it."""
    return "INTERNAL", f"{text}\n{text.partition(': ')[2]}"


def test_groups_right_below_a_group(cuebot: Cuebot) -> None:
    comp = group(cuebot, "comp")
    sub_group(cuebot, sub_group(cuebot, comp, "hero"), "retakes")
    assert names_in(cuebot, group(cuebot, "demo")) == ["comp", "fx", "light"]
    assert names_in(cuebot, comp) == ["hero"]


def test_jobs_of_a_group_are_the_pending_ones(cuebot: Cuebot) -> None:
    assert jobs_in(cuebot, group(cuebot, "comp")) == [COMP]


def test_a_name_that_is_free_again_makes_another_group(cuebot: Cuebot) -> None:
    comp = group(cuebot, "comp")
    first = sub_group(cuebot, comp, "hero")
    cuebot("GroupInterface/SetName", group=first, name="old")
    second = sub_group(cuebot, comp, "hero")
    assert second.id != first.id
    assert names_in(cuebot, comp) == ["hero", "old"]


def test_an_empty_group_goes(cuebot: Cuebot) -> None:
    comp, root, before = group(cuebot, "comp"), group(cuebot, "demo"), cuebot.job(FINISHED)
    cuebot("GroupInterface/SetDefaultJobPriority", group=root, priority=7)
    cuebot("GroupInterface/ReparentJobs", group=root, jobs={"jobs": [cuebot.job(COMP)]})
    dailies = cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter
    cuebot("FilterInterface/Delete", filter=dailies)
    cuebot.wait()
    cuebot("GroupInterface/Delete", group=comp)
    assert names_in(cuebot, root) == ["fx", "light"]
    assert cuebot.refusal("GroupInterface/GetGroup", id=comp.id) == ("NOT_FOUND", NOTHING_FOUND)
    after = cuebot.job(FINISHED)
    assert (after.group, after.priority) == ("demo", before.priority)
    assert root.group_stats.pending_jobs + 1 == now(cuebot, root).group_stats.pending_jobs
    cuebot.wait(60)


@pytest.mark.parametrize("why", ["pending jobs", "groups", "an action"])
def test_a_group_in_use_stays(cuebot: Cuebot, why: str) -> None:
    used = group(cuebot, "light")
    if why != "pending jobs":
        used = sub_group(cuebot, used, "hero")
    if why == "groups":
        sub_group(cuebot, used, "retakes")
    if why == "an action":
        farm = cuebot.farm
        job_filter = add_filter(farm, farm.show_of(used), "to hero")
        move = farm.messages.new(
            "filter.Action", type="MOVE_JOB_TO_GROUP", value_type="GROUP_TYPE", group_value=used.id
        )
        add_action(farm, job_filter, move)
    assert cuebot.refusal("GroupInterface/Delete", group=used) == (
        "INTERNAL",
        "Failed to remove group, be sure that there are no jobs or filter actions pointing at the"
        " group.",
    )
    assert now(cuebot, used) == used


def test_a_root_group_is_not_deleted(cuebot: Cuebot) -> None:
    cuebot("ShowInterface/CreateShow", name="empty")
    root = group(cuebot, "empty", "empty")
    cuebot("GroupInterface/Delete", group=root)
    assert now(cuebot, root) == root


def test_groups_move_with_what_is_below_them(cuebot: Cuebot) -> None:
    light, fx = group(cuebot, "light"), group(cuebot, "fx")
    hero = sub_group(cuebot, fx, "hero")
    cuebot(
        "GroupInterface/ReparentGroups",
        group=light,
        groups={"groups": [{"id": "no"}, {"id": fx.id}, {"id": fx.id}]},
    )
    moved = now(cuebot, fx)
    assert (moved.parent_id, moved.level) == (light.id, 2)
    assert (now(cuebot, hero).parent_id, now(cuebot, hero).level) == (fx.id, 3)
    assert names_in(cuebot, group(cuebot, "demo")) == ["comp", "light"]


def test_groups_go_in_no_circles(cuebot: Cuebot) -> None:
    comp, fx = group(cuebot, "comp"), group(cuebot, "fx")
    hero = sub_group(cuebot, sub_group(cuebot, comp, "hero"), "retakes")
    move = "GroupInterface/SetGroup"
    assert cuebot.refusal(move, group=comp, parent_group=comp) == refused(
        f"{MODIFICATION} group, cannot move group into itself"
    )
    circle = refused(f"{MODIFICATION} group, you cannot move a group into one of its sub groups")
    assert cuebot.refusal(move, group=comp, parent_group=hero) == circle
    both = {"groups": [{"id": fx.id}, {"id": comp.id}]}
    assert cuebot.refusal("GroupInterface/ReparentGroups", group=hero, groups=both) == circle
    assert now(cuebot, fx) == fx


def test_groups_stay_in_their_show(cuebot: Cuebot) -> None:
    comp, harbor = group(cuebot, "comp"), group(cuebot, "harbor", "harbor")
    assert cuebot.refusal("GroupInterface/SetGroup", group=comp, parent_group=harbor) == refused(
        f"{MODIFICATION} group, cannot move groups between shows"
    )


def test_a_very_deep_group_takes_no_others(cuebot: Cuebot) -> None:
    fx, deep = group(cuebot, "fx"), group(cuebot, "comp")
    for level in range(2, 11):
        deep = sub_group(cuebot, deep, f"level {level}")
    cuebot("GroupInterface/SetGroup", group=fx, parent_group=deep)
    light, deeper = group(cuebot, "light"), sub_group(cuebot, deep, "level 11")
    assert cuebot.refusal("GroupInterface/SetGroup", group=light, parent_group=deeper) == refused(
        f"{MODIFICATION} group, cannot tell if your moving a group into one of its sub groups"
    )


def test_a_moved_group_needs_a_free_name(cuebot: Cuebot) -> None:
    light, comp = group(cuebot, "light"), group(cuebot, "comp")
    other = sub_group(cuebot, comp, "fx")
    fx = next(
        each
        for each in cuebot(
            "ShowInterface/GetGroups", show={"id": cuebot.farm.parent_of[comp.id]}
        ).groups.groups
        if each.name == "fx" and each.level == 1
    )
    both = {"groups": [{"id": fx.id}, {"id": other.id}]}
    refusal = cuebot.refusal("GroupInterface/ReparentGroups", group=light, groups=both)
    assert refusal == DUPLICATE
    assert (now(cuebot, fx), now(cuebot, other)) == (fx, other)


def test_jobs_move_and_take_the_defaults_of_the_group(cuebot: Cuebot) -> None:
    fx, comp = group(cuebot, "fx"), group(cuebot, "comp")
    for method, field, value in (
        ("Priority", "priority", 0),
        ("MinCores", "min_cores", 2),
        ("MaxCores", "max_cores", 20),
        ("MinGpus", "min_gpus", 1),
    ):
        cuebot(f"GroupInterface/SetDefaultJob{method}", group=fx, **{field: value})
    before = cuebot.job(COMP)
    cuebot("GroupInterface/ReparentJobs", group=fx, jobs={"jobs": [before]})
    job = cuebot.job(COMP)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 0, 2, 20)
    assert (job.min_gpus, job.max_gpus) == (1, before.max_gpus)
    assert COMP in jobs_in(cuebot, fx)
    assert now(cuebot, fx).group_stats.running_frames == 3
    assert now(cuebot, comp).group_stats.pending_jobs == 0
    assert {proc.group_name for proc in cuebot.farm.procs.values() if proc.job_name == COMP} == {
        "fx"
    }


def test_jobs_stay_in_their_show(cuebot: Cuebot) -> None:
    fx, jobs = group(cuebot, "fx"), [cuebot.job(LIGHT), cuebot.job(HARBOR), cuebot.job(COMP)]
    assert cuebot.refusal("GroupInterface/ReparentJobs", group=fx, jobs={"jobs": jobs}) == refused(
        f"{MODIFICATION} job, cannot move jobs between shows"
    )
    assert [cuebot.job(job.name).group for job in jobs] == ["fx", "light", "comp"]


def test_a_new_name_shows_in_the_jobs(cuebot: Cuebot) -> None:
    comp = group(cuebot, "comp")
    cuebot("GroupInterface/SetName", group=comp, name="compositing")
    assert now(cuebot, comp).name == "compositing"
    assert {cuebot.job(name).group for name in (COMP, FINISHED)} == {"compositing"}
    assert {proc.group_name for proc in cuebot.farm.procs.values() if proc.job_name == COMP} == {
        "compositing"
    }


def test_a_new_name_has_to_be_free(cuebot: Cuebot) -> None:
    comp, root = group(cuebot, "comp"), group(cuebot, "demo")
    refusal = cuebot.refusal("GroupInterface/SetName", group=comp, name="fx")
    assert refusal == DUPLICATE
    cuebot("GroupInterface/SetName", group=comp, name="comp")
    cuebot("GroupInterface/SetName", group=root, name="harbor")
    assert now(cuebot, root).name == "harbor"


def test_a_department_has_to_be_known(cuebot: Cuebot) -> None:
    comp = group(cuebot, "comp")
    cuebot("GroupInterface/SetDepartment", group=comp, dept="Roto")
    assert now(cuebot, comp).department == "Roto"
    cuebot("DepartmentInterface/AddDepartmentName", name="Paint")
    cuebot("GroupInterface/SetDepartment", group=comp, dept="Paint")
    assert now(cuebot, comp).department == "Paint"
    assert cuebot.refusal("GroupInterface/SetDepartment", group=comp, dept="no") == (
        "INTERNAL",
        UNCAUGHT,
    )


@pytest.mark.parametrize(
    ("limit", "value", "stored"),
    [
        ("MinCores", 2.7, 2),
        ("MinCores", -3, 0),
        ("MaxCores", 16.999, 17),
        ("MaxCores", -3, -1),
        ("MinGpus", 2, 2),
        ("MinGpus", -3, 0),
        ("MaxGpus", 4, 4),
        ("MaxGpus", 0, 0),
        ("MaxGpus", -3, -1),
    ],
)
def test_limits_of_a_group(cuebot: Cuebot, limit: str, value: float, stored: float) -> None:
    comp, field = group(cuebot, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    cuebot(f"GroupInterface/Set{limit}", group=comp, **{field: 3})
    cuebot(f"GroupInterface/Set{limit}", group=comp, **{field: value})
    assert getattr(now(cuebot, comp), field) == stored


@pytest.mark.parametrize(
    ("limit", "value", "default", "in_jobs"),
    [
        ("MinCores", 4.6, 4, 4),
        ("MaxCores", 40, 40, 40),
        ("MaxCores", 0, -1, 0),
        ("MaxCores", -1, -1, None),
        ("MinGpus", 1, 1, 1),
        ("MinGpus", -2, -1, -2),
        ("MaxGpus", 2, 2, 2),
        ("MaxGpus", -1, -1, None),
    ],
)
def test_defaults_go_to_the_present_jobs(
    cuebot: Cuebot, limit: str, value: float, default: float, in_jobs: float | None
) -> None:
    comp, field = group(cuebot, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    before, other = getattr(cuebot.job(COMP), field), getattr(cuebot.job(LIGHT), field)
    cuebot(f"GroupInterface/SetDefaultJob{limit}", group=comp, **{field: value})
    assert getattr(now(cuebot, comp), f"default_job_{field}") == default
    wanted = before if in_jobs is None else in_jobs
    assert [getattr(cuebot.job(name), field) for name in (COMP, FINISHED)] == [wanted, wanted]
    assert getattr(cuebot.job(LIGHT), field) == other


@pytest.mark.parametrize("managed", [True, False])
def test_jobs_of_a_managed_department_keep_their_cores(cuebot: Cuebot, *, managed: bool) -> None:
    comp, farm = group(cuebot, "comp"), cuebot.farm
    department = farm.messages.new(
        "department.Department", id="own", dept="Compositing", ti_managed=managed
    )
    farm.departments[department.id] = department
    farm.own(farm.parent_of[comp.id], department.id)
    before = cuebot.job(COMP).max_cores
    cuebot("GroupInterface/SetDefaultJobMaxCores", group=comp, max_cores=9)
    assert now(cuebot, comp).default_job_max_cores == 9
    assert cuebot.job(COMP).max_cores == (before if managed else 9)


def test_a_default_priority_goes_to_the_present_jobs(cuebot: Cuebot) -> None:
    comp = group(cuebot, "comp")
    for value, default in ((150, 150), (-5, -1)):
        cuebot("GroupInterface/SetDefaultJobPriority", group=comp, priority=value)
        assert now(cuebot, comp).default_job_priority == default
        assert [cuebot.job(name).priority for name in (COMP, FINISHED)] == [value, value]
