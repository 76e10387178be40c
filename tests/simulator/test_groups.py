"""job.GroupInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.filters import add_action, add_filter
from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk

COMP = "demo-sh010-lena_comp_v003"
OLD_COMP = "demo-sh020-priya_comp_v007"
LIGHT = "demo-sh010-artist1_light_v012"
HARBOR = "harbor-hb110-tomas_light_v004"
MODIFICATION = "com.imageworks.spcue.EntityModificationError: error moving"
NAME_TAKEN = 'ERROR: duplicate key value violates unique constraint "c_folder_uk"'


def group(desk: Desk, name: str, show: str = "demo") -> Any:
    return desk("GroupInterface/FindGroup", show=show, name=name).group


def sub_group(desk: Desk, parent: Any, name: str) -> Any:
    return desk("GroupInterface/CreateSubGroup", group={"id": parent.id}, name=name).group


def now(desk: Desk, thing: Any) -> Any:
    """A group as it is by now."""
    return desk("GroupInterface/GetGroup", id=thing.id).group


def names_in(desk: Desk, parent: Any) -> list[str]:
    found = desk("GroupInterface/GetGroups", group={"id": parent.id})
    return [each.name for each in found.groups.groups]


def jobs_in(desk: Desk, parent: Any) -> list[str]:
    found = desk("GroupInterface/GetJobs", group={"id": parent.id})
    return [job.name for job in found.jobs.jobs]


def refused(text: str) -> tuple[str, str]:
    """What Cuebot answers when it throws this (class and text) and nothing catches it."""
    return "INTERNAL", f"{text}\n{text.partition(': ')[2]}"


def test_a_group_is_found_by_show_and_name(desk: Desk) -> None:
    """ManageGroup.findGroup catches Spring's exception: an unknown name is NOT_FOUND."""
    assert group(desk, "comp").department == "Compositing"
    missing = ("NOT_FOUND", NOTHING_FOUND)
    assert desk.refusal("GroupInterface/FindGroup", show="demo", name="no") == missing
    assert desk.refusal("GroupInterface/FindGroup", show="no", name="comp") == missing


def test_a_name_that_two_groups_have_is_not_looked_up(desk: Desk) -> None:
    """ManageGroup.findGroup expects one row, and does not catch that there are two."""
    sub_group(desk, group(desk, "fx"), "comp")
    assert desk.refusal("GroupInterface/FindGroup", show="demo", name="comp") == refused(
        "org.springframework.dao.IncorrectResultSizeDataAccessException:"
        " Incorrect result size: expected 1, actual 2"
    )


def test_a_group_is_got_by_id(desk: Desk) -> None:
    """ManageGroup.getGroup catches Spring's exception: an unknown id is NOT_FOUND."""
    assert now(desk, group(desk, "comp")) == group(desk, "comp")
    assert desk.refusal("GroupInterface/GetGroup", id="no") == ("NOT_FOUND", NOTHING_FOUND)


def test_groups_right_below_a_group(desk: Desk) -> None:
    """ManageGroup.getGroups answers the children of the group, not theirs."""
    comp = group(desk, "comp")
    sub_group(desk, sub_group(desk, comp, "hero"), "retakes")
    assert names_in(desk, group(desk, "demo")) == ["comp", "fx", "light"]
    assert names_in(desk, comp) == ["hero"]


def test_jobs_of_a_group_are_the_pending_ones(desk: Desk) -> None:
    """ManageGroup.getJobs leaves out what is finished."""
    assert jobs_in(desk, group(desk, "comp")) == [COMP]


def test_a_new_group_has_the_defaults(desk: Desk) -> None:
    """ManageGroup.createSubGroup: default department, no limits, one level below its parent."""
    comp = group(desk, "comp")
    hero = sub_group(desk, comp, "hero")
    assert (hero.name, hero.parent_id, hero.level) == ("hero", comp.id, comp.level + 1)
    assert hero.department == "Unknown"
    assert (hero.min_cores, hero.max_cores, hero.default_job_priority) == (0, -1, -1)
    assert now(desk, hero) == hero


def test_a_parent_has_each_name_once(desk: Desk) -> None:
    """GroupDaoJdbc.insertGroup wraps what the database says of a name that is taken."""
    comp = group(desk, "comp")
    sub_group(desk, comp, "hero")
    sub_group(desk, group(desk, "fx"), "hero")
    taken = f"org.springframework.dao.DuplicateKeyException: {NAME_TAKEN}"
    assert desk.refusal(
        "GroupInterface/CreateSubGroup", group={"id": comp.id}, name="hero"
    ) == refused(f"com.imageworks.spcue.EntityCreationError: error creating group, {taken}")


def test_a_name_that_is_free_again_makes_another_group(desk: Desk) -> None:
    """Every group of the real server has an id of its own, whatever its name was."""
    comp = group(desk, "comp")
    first = sub_group(desk, comp, "hero")
    desk("GroupInterface/SetName", group={"id": first.id}, name="old")
    second = sub_group(desk, comp, "hero")
    assert second.id != first.id
    assert names_in(desk, comp) == ["hero", "old"]


def test_an_empty_group_goes(desk: Desk) -> None:
    """GroupDaoJdbc.deleteGroup moves what is finished to the root group, as it is."""
    comp, root, before = group(desk, "comp"), group(desk, "demo"), desk.job(OLD_COMP)
    desk("GroupInterface/SetDefaultJobPriority", group={"id": root.id}, priority=7)
    desk("GroupInterface/ReparentJobs", group={"id": root.id}, jobs={"jobs": [desk.job(COMP)]})
    dailies = desk("FilterInterface/FindFilter", show="demo", name="dailies").filter
    desk("FilterInterface/Delete", filter={"id": dailies.id})
    desk.wait()
    desk("GroupInterface/Delete", group={"id": comp.id})
    assert names_in(desk, root) == ["fx", "light"]
    assert desk.refusal("GroupInterface/GetGroup", id=comp.id) == ("NOT_FOUND", NOTHING_FOUND)
    after = desk.job(OLD_COMP)
    assert (after.group, after.priority) == ("demo", before.priority)
    assert root.group_stats.pending_jobs + 1 == now(desk, root).group_stats.pending_jobs
    desk.wait(60)


@pytest.mark.parametrize("why", ["pending jobs", "groups", "an action"])
def test_a_group_in_use_stays(desk: Desk, why: str) -> None:
    """ManageGroup.delete catches all failures and names jobs and filter actions as the reason."""
    used = group(desk, "light")
    if why != "pending jobs":
        used = sub_group(desk, used, "hero")
    if why == "groups":
        sub_group(desk, used, "retakes")
    if why == "an action":
        farm = desk.farm
        job_filter = add_filter(farm, farm.show_of(used), "to hero")
        move = farm.messages.new(
            "filter.Action", type="MOVE_JOB_TO_GROUP", value_type="GROUP_TYPE", group_value=used.id
        )
        add_action(farm, job_filter, move)
    assert desk.refusal("GroupInterface/Delete", group={"id": used.id}) == (
        "INTERNAL",
        "Failed to remove group, be sure that there are no jobs or filter actions pointing at the"
        " group.",
    )
    assert now(desk, used) == used


def test_a_root_group_is_not_deleted(desk: Desk) -> None:
    """GroupDaoJdbc.deleteGroup removes only groups with a parent, and says nothing else."""
    desk("ShowInterface/CreateShow", name="empty")
    root = group(desk, "empty", "empty")
    desk("GroupInterface/Delete", group={"id": root.id})
    assert now(desk, root) == root


def test_groups_move_with_what_is_below_them(desk: Desk) -> None:
    """ManageGroup.reparentGroups: the levels of the whole branch change; unknown ids do not."""
    light, fx = group(desk, "light"), group(desk, "fx")
    hero = sub_group(desk, fx, "hero")
    desk(
        "GroupInterface/ReparentGroups",
        group={"id": light.id},
        groups={"groups": [{"id": "no"}, {"id": fx.id}, {"id": fx.id}]},
    )
    moved = now(desk, fx)
    assert (moved.parent_id, moved.level) == (light.id, 2)
    assert (now(desk, hero).parent_id, now(desk, hero).level) == (fx.id, 3)
    assert names_in(desk, group(desk, "demo")) == ["comp", "light"]


def test_no_groups_to_move_is_an_error(desk: Desk) -> None:
    """GroupDaoJdbc.getGroups builds a query without ids, which is no SQL."""
    light = group(desk, "light")
    assert desk.refusal("GroupInterface/ReparentGroups", group={"id": light.id}) == refused(
        "org.springframework.jdbc.BadSqlGrammarException:"
        ' bad SQL grammar: ERROR: syntax error at or near ")"'
    )


def test_a_group_is_moved_by_itself(desk: Desk) -> None:
    """ManageGroup.setGroup takes both groups by id."""
    comp, fx = group(desk, "comp"), group(desk, "fx")
    desk("GroupInterface/SetGroup", group={"id": fx.id}, parent_group={"id": comp.id})
    assert (now(desk, fx).parent_id, now(desk, fx).level) == (comp.id, 2)
    assert desk.refusal("GroupInterface/SetGroup", group={"id": fx.id}) == ("INTERNAL", UNCAUGHT)


def test_groups_go_in_no_circles(desk: Desk) -> None:
    """GroupDaoJdbc.updateGroupParent refuses a group itself and any group below it."""
    comp, fx = group(desk, "comp"), group(desk, "fx")
    hero = sub_group(desk, sub_group(desk, comp, "hero"), "retakes")
    move = "GroupInterface/SetGroup"
    assert desk.refusal(move, group={"id": comp.id}, parent_group={"id": comp.id}) == refused(
        f"{MODIFICATION} group, cannot move group into itself"
    )
    circle = refused(f"{MODIFICATION} group, you cannot move a group into one of its sub groups")
    assert desk.refusal(move, group={"id": comp.id}, parent_group={"id": hero.id}) == circle
    both = {"groups": [{"id": fx.id}, {"id": comp.id}]}
    assert (
        desk.refusal("GroupInterface/ReparentGroups", group={"id": hero.id}, groups=both) == circle
    )
    assert now(desk, fx) == fx


def test_groups_stay_in_their_show(desk: Desk) -> None:
    """GroupDaoJdbc.updateGroupParent compares the shows."""
    comp, harbor = group(desk, "comp"), group(desk, "harbor", "harbor")
    assert desk.refusal(
        "GroupInterface/SetGroup", group={"id": comp.id}, parent_group={"id": harbor.id}
    ) == refused(f"{MODIFICATION} group, cannot move groups between shows")


def test_a_very_deep_group_takes_no_others(desk: Desk) -> None:
    """GroupDaoJdbc.updateGroupParent looks up ten levels and a bit, then gives up."""
    fx, deep = group(desk, "fx"), group(desk, "comp")
    for level in range(2, 11):
        deep = sub_group(desk, deep, f"level {level}")
    desk("GroupInterface/SetGroup", group={"id": fx.id}, parent_group={"id": deep.id})
    light, deeper = group(desk, "light"), sub_group(desk, deep, "level 11")
    assert desk.refusal(
        "GroupInterface/SetGroup", group={"id": light.id}, parent_group={"id": deeper.id}
    ) == refused(
        f"{MODIFICATION} group, cannot tell if your moving a group into one of its sub groups"
    )


def test_a_moved_group_needs_a_free_name(desk: Desk) -> None:
    """The database keeps names unique below a parent, and nothing of the request is done."""
    light, comp = group(desk, "light"), group(desk, "comp")
    other = sub_group(desk, comp, "fx")
    fx = next(
        each
        for each in desk(
            "ShowInterface/GetGroups", show={"id": desk.farm.parent_of[comp.id]}
        ).groups.groups
        if each.name == "fx" and each.level == 1
    )
    both = {"groups": [{"id": fx.id}, {"id": other.id}]}
    assert desk.refusal(
        "GroupInterface/ReparentGroups", group={"id": light.id}, groups=both
    ) == refused(f"org.springframework.dao.DuplicateKeyException: {NAME_TAKEN}")
    assert (now(desk, fx), now(desk, other)) == (fx, other)


def test_jobs_move_and_take_the_defaults_of_the_group(desk: Desk) -> None:
    """ManageGroup.reparentJobs: the job inherits whatever the group has a default for."""
    fx, comp = group(desk, "fx"), group(desk, "comp")
    for method, field, value in (
        ("Priority", "priority", 0),
        ("MinCores", "min_cores", 2),
        ("MaxCores", "max_cores", 20),
        ("MinGpus", "min_gpus", 1),
    ):
        desk(f"GroupInterface/SetDefaultJob{method}", group={"id": fx.id}, **{field: value})
    before = desk.job(COMP)
    desk("GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": [before]})
    job = desk.job(COMP)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 0, 2, 20)
    assert (job.min_gpus, job.max_gpus) == (1, before.max_gpus)
    assert COMP in jobs_in(desk, fx)
    assert now(desk, fx).group_stats.running_frames == 3
    assert now(desk, comp).group_stats.pending_jobs == 0
    assert {proc.group_name for proc in desk.farm.procs.values() if proc.job_name == COMP} == {"fx"}


def test_jobs_stay_in_their_show(desk: Desk) -> None:
    """JobDaoJdbc.updateParent refuses; the jobs before that one have moved."""
    fx, jobs = group(desk, "fx"), [desk.job(LIGHT), desk.job(HARBOR), desk.job(COMP)]
    assert desk.refusal(
        "GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": jobs}
    ) == refused(f"{MODIFICATION} job, cannot move jobs between shows")
    assert [desk.job(job.name).group for job in jobs] == ["fx", "light", "comp"]


def test_a_job_to_move_has_to_be_there(desk: Desk) -> None:
    """ManageGroup.reparentJobs catches nothing."""
    fx = group(desk, "fx")
    assert desk.refusal(
        "GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": [{"id": "no"}]}
    ) == ("INTERNAL", UNCAUGHT)


def test_a_new_name_shows_in_the_jobs(desk: Desk) -> None:
    """Jobs and procs show their group by a look-up: GroupDaoJdbc.updateName changes all."""
    comp = group(desk, "comp")
    desk("GroupInterface/SetName", group={"id": comp.id}, name="compositing")
    assert now(desk, comp).name == "compositing"
    assert {desk.job(name).group for name in (COMP, OLD_COMP)} == {"compositing"}
    assert {proc.group_name for proc in desk.farm.procs.values() if proc.job_name == COMP} == {
        "compositing"
    }


def test_a_new_name_has_to_be_free(desk: Desk) -> None:
    """The database keeps names unique below a parent; root groups have none, so may share."""
    comp, root = group(desk, "comp"), group(desk, "demo")
    assert desk.refusal("GroupInterface/SetName", group={"id": comp.id}, name="fx") == refused(
        f"org.springframework.dao.DuplicateKeyException: {NAME_TAKEN}"
    )
    desk("GroupInterface/SetName", group={"id": comp.id}, name="comp")
    desk("GroupInterface/SetName", group={"id": root.id}, name="harbor")
    assert now(desk, root).name == "harbor"


def test_a_department_has_to_be_known(desk: Desk) -> None:
    """ManageGroup.setDepartment looks the department up by its name."""
    comp = group(desk, "comp")
    desk("GroupInterface/SetDepartment", group={"id": comp.id}, dept="Roto")
    assert now(desk, comp).department == "Roto"
    desk("DepartmentInterface/AddDepartmentName", name="Paint")
    desk("GroupInterface/SetDepartment", group={"id": comp.id}, dept="Paint")
    assert now(desk, comp).department == "Paint"
    assert desk.refusal("GroupInterface/SetDepartment", group={"id": comp.id}, dept="no") == (
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
def test_limits_of_a_group(desk: Desk, limit: str, value: float, stored: float) -> None:
    """GroupDaoJdbc: whole cores; no minimum is 0, no maximum -1."""
    comp, field = group(desk, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    desk(f"GroupInterface/Set{limit}", group={"id": comp.id}, **{field: 3})
    desk(f"GroupInterface/Set{limit}", group={"id": comp.id}, **{field: value})
    assert getattr(now(desk, comp), field) == stored


def test_a_group_may_have_a_core_at_least(desk: Desk) -> None:
    """GroupDaoJdbc.updateMaxCores refuses less than a whole core, in these words."""
    comp = group(desk, "comp")
    assert desk.refusal(
        "GroupInterface/SetMaxCores", group={"id": comp.id}, max_cores=0.5
    ) == refused(
        "java.lang.IllegalArgumentException:"
        " The group max cores feature must be a whole core or greater, pass in: 0"
    )


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
    desk: Desk, limit: str, value: float, default: float, in_jobs: float | None
) -> None:
    """GroupManagerService sets the group's default, and all its jobs to what was given."""
    comp, field = group(desk, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    before, other = getattr(desk.job(COMP), field), getattr(desk.job(LIGHT), field)
    desk(f"GroupInterface/SetDefaultJob{limit}", group={"id": comp.id}, **{field: value})
    assert getattr(now(desk, comp), f"default_job_{field}") == default
    wanted = before if in_jobs is None else in_jobs
    assert [getattr(desk.job(name), field) for name in (COMP, OLD_COMP)] == [wanted, wanted]
    assert getattr(desk.job(LIGHT), field) == other


@pytest.mark.parametrize("managed", [True, False])
def test_jobs_of_a_managed_department_keep_their_cores(desk: Desk, *, managed: bool) -> None:
    """GroupManagerService asks GroupDaoJdbc.isManaged before it touches the jobs."""
    comp, farm = group(desk, "comp"), desk.farm
    department = farm.messages.new(
        "department.Department", id="own", dept="Compositing", ti_managed=managed
    )
    farm.departments[department.id] = department
    farm.own(farm.parent_of[comp.id], department.id)
    before = desk.job(COMP).max_cores
    desk("GroupInterface/SetDefaultJobMaxCores", group={"id": comp.id}, max_cores=9)
    assert now(desk, comp).default_job_max_cores == 9
    assert desk.job(COMP).max_cores == (before if managed else 9)


def test_a_default_priority_goes_to_the_present_jobs(desk: Desk) -> None:
    """GroupManagerService.setGroupDefaultJobPriority sets the jobs even to what is no default."""
    comp = group(desk, "comp")
    for value, default in ((150, 150), (-5, -1)):
        desk("GroupInterface/SetDefaultJobPriority", group={"id": comp.id}, priority=value)
        assert now(desk, comp).default_job_priority == default
        assert [desk.job(name).priority for name in (COMP, OLD_COMP)] == [value, value]


@pytest.mark.parametrize("method", ["Delete", "GetJobs", "SetName", "SetMaxGpus", "CreateSubGroup"])
def test_a_group_has_to_be_there(desk: Desk, method: str) -> None:
    """ManageGroup looks groups up by id, and catches nothing but in its two look-ups."""
    assert desk.refusal(f"GroupInterface/{method}", group={"id": "no"}) == ("INTERNAL", UNCAUGHT)
