"""job.GroupInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.filters import add_action, add_filter
from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot, duplicate

COMP = "demo-sh010-lena_comp_v003"
OLD_COMP = "demo-sh020-priya_comp_v007"
LIGHT = "demo-sh010-artist1_light_v012"
HARBOR = "harbor-hb110-tomas_light_v004"
MODIFICATION = "com.imageworks.spcue.EntityModificationError: error moving"


def name_taken(parent: Any, name: str) -> tuple[str, str]:
    return duplicate("c_folder_uk", f"(pk_parent_folder, str_name)=({parent.id}, {name})")


def group(cuebot: Cuebot, name: str, show: str = "demo") -> Any:
    return cuebot("GroupInterface/FindGroup", show=show, name=name).group


def sub_group(cuebot: Cuebot, parent: Any, name: str) -> Any:
    return cuebot("GroupInterface/CreateSubGroup", group={"id": parent.id}, name=name).group


def now(cuebot: Cuebot, thing: Any) -> Any:
    """A group as it is by now."""
    return cuebot("GroupInterface/GetGroup", id=thing.id).group


def names_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetGroups", group={"id": parent.id})
    return [each.name for each in found.groups.groups]


def jobs_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetJobs", group={"id": parent.id})
    return [job.name for job in found.jobs.jobs]


def refused(text: str) -> tuple[str, str]:
    """What Cuebot answers when it throws this (class and text) and nothing catches it."""
    return "INTERNAL", f"{text}\n{text.partition(': ')[2]}"


def test_a_group_is_found_by_show_and_name(cuebot: Cuebot) -> None:
    """ManageGroup.findGroup catches Spring's exception: an unknown name is NOT_FOUND."""
    assert group(cuebot, "comp").department == "Compositing"
    missing = ("NOT_FOUND", NOTHING_FOUND)
    assert cuebot.refusal("GroupInterface/FindGroup", show="demo", name="no") == missing
    assert cuebot.refusal("GroupInterface/FindGroup", show="no", name="comp") == missing


def test_a_name_that_two_groups_have_is_not_looked_up(cuebot: Cuebot) -> None:
    """ManageGroup.findGroup expects one row, and does not catch that there are two."""
    sub_group(cuebot, group(cuebot, "fx"), "comp")
    assert cuebot.refusal("GroupInterface/FindGroup", show="demo", name="comp") == refused(
        "org.springframework.dao.IncorrectResultSizeDataAccessException:"
        " Incorrect result size: expected 1, actual 2"
    )


def test_a_group_is_got_by_id(cuebot: Cuebot) -> None:
    """ManageGroup.getGroup catches Spring's exception: an unknown id is NOT_FOUND."""
    assert now(cuebot, group(cuebot, "comp")) == group(cuebot, "comp")
    assert cuebot.refusal("GroupInterface/GetGroup", id="no") == ("NOT_FOUND", NOTHING_FOUND)


def test_groups_right_below_a_group(cuebot: Cuebot) -> None:
    """ManageGroup.getGroups answers the children of the group, not theirs."""
    comp = group(cuebot, "comp")
    sub_group(cuebot, sub_group(cuebot, comp, "hero"), "retakes")
    assert names_in(cuebot, group(cuebot, "demo")) == ["comp", "fx", "light"]
    assert names_in(cuebot, comp) == ["hero"]


def test_jobs_of_a_group_are_the_pending_ones(cuebot: Cuebot) -> None:
    """ManageGroup.getJobs leaves out what is finished."""
    assert jobs_in(cuebot, group(cuebot, "comp")) == [COMP]


def test_a_new_group_has_the_defaults(cuebot: Cuebot) -> None:
    """ManageGroup.createSubGroup: default department, no limits, one level below its parent."""
    comp = group(cuebot, "comp")
    hero = sub_group(cuebot, comp, "hero")
    assert (hero.name, hero.parent_id, hero.level) == ("hero", comp.id, comp.level + 1)
    assert hero.department == "Unknown"
    assert (hero.min_cores, hero.max_cores, hero.default_job_priority) == (0, -1, -1)
    assert now(cuebot, hero) == hero


def test_a_parent_has_each_name_once(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.insertGroup wraps what the database says of a name that is taken."""
    comp = group(cuebot, "comp")
    sub_group(cuebot, comp, "hero")
    sub_group(cuebot, group(cuebot, "fx"), "hero")
    taken = name_taken(comp, "hero")[1].partition("\nPrepared")[0]
    assert cuebot.refusal(
        "GroupInterface/CreateSubGroup", group={"id": comp.id}, name="hero"
    ) == refused(f"com.imageworks.spcue.EntityCreationError: error creating group, {taken}")


def test_a_name_that_is_free_again_makes_another_group(cuebot: Cuebot) -> None:
    """Every group of the real server has an id of its own, whatever its name was."""
    comp = group(cuebot, "comp")
    first = sub_group(cuebot, comp, "hero")
    cuebot("GroupInterface/SetName", group={"id": first.id}, name="old")
    second = sub_group(cuebot, comp, "hero")
    assert second.id != first.id
    assert names_in(cuebot, comp) == ["hero", "old"]


def test_an_empty_group_goes(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.deleteGroup moves what is finished to the root group, as it is."""
    comp, root, before = group(cuebot, "comp"), group(cuebot, "demo"), cuebot.job(OLD_COMP)
    cuebot("GroupInterface/SetDefaultJobPriority", group={"id": root.id}, priority=7)
    cuebot("GroupInterface/ReparentJobs", group={"id": root.id}, jobs={"jobs": [cuebot.job(COMP)]})
    dailies = cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter
    cuebot("FilterInterface/Delete", filter={"id": dailies.id})
    cuebot.wait()
    cuebot("GroupInterface/Delete", group={"id": comp.id})
    assert names_in(cuebot, root) == ["fx", "light"]
    assert cuebot.refusal("GroupInterface/GetGroup", id=comp.id) == ("NOT_FOUND", NOTHING_FOUND)
    after = cuebot.job(OLD_COMP)
    assert (after.group, after.priority) == ("demo", before.priority)
    assert root.group_stats.pending_jobs + 1 == now(cuebot, root).group_stats.pending_jobs
    cuebot.wait(60)


@pytest.mark.parametrize("why", ["pending jobs", "groups", "an action"])
def test_a_group_in_use_stays(cuebot: Cuebot, why: str) -> None:
    """ManageGroup.delete catches all failures and names jobs and filter actions as the reason."""
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
    assert cuebot.refusal("GroupInterface/Delete", group={"id": used.id}) == (
        "INTERNAL",
        "Failed to remove group, be sure that there are no jobs or filter actions pointing at the"
        " group.",
    )
    assert now(cuebot, used) == used


def test_a_root_group_is_not_deleted(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.deleteGroup removes only groups with a parent, and says nothing else."""
    cuebot("ShowInterface/CreateShow", name="empty")
    root = group(cuebot, "empty", "empty")
    cuebot("GroupInterface/Delete", group={"id": root.id})
    assert now(cuebot, root) == root


def test_groups_move_with_what_is_below_them(cuebot: Cuebot) -> None:
    """ManageGroup.reparentGroups: the levels of the whole branch change; unknown ids do not."""
    light, fx = group(cuebot, "light"), group(cuebot, "fx")
    hero = sub_group(cuebot, fx, "hero")
    cuebot(
        "GroupInterface/ReparentGroups",
        group={"id": light.id},
        groups={"groups": [{"id": "no"}, {"id": fx.id}, {"id": fx.id}]},
    )
    moved = now(cuebot, fx)
    assert (moved.parent_id, moved.level) == (light.id, 2)
    assert (now(cuebot, hero).parent_id, now(cuebot, hero).level) == (fx.id, 3)
    assert names_in(cuebot, group(cuebot, "demo")) == ["comp", "light"]


def test_no_groups_to_move_is_an_error(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.getGroups builds a query without ids, which is no SQL."""
    light = group(cuebot, "light")
    assert cuebot.refusal("GroupInterface/ReparentGroups", group={"id": light.id}) == refused(
        "org.springframework.jdbc.BadSqlGrammarException: PreparedStatementCallback; bad SQL"
        " grammar [...]; nested exception is org.postgresql.util.PSQLException: ERROR: syntax"
        ' error at or near ")"\n  Position: 1'
    )


def test_a_group_is_moved_by_itself(cuebot: Cuebot) -> None:
    """ManageGroup.setGroup takes both groups by id."""
    comp, fx = group(cuebot, "comp"), group(cuebot, "fx")
    cuebot("GroupInterface/SetGroup", group={"id": fx.id}, parent_group={"id": comp.id})
    assert (now(cuebot, fx).parent_id, now(cuebot, fx).level) == (comp.id, 2)
    assert cuebot.refusal("GroupInterface/SetGroup", group={"id": fx.id}) == ("INTERNAL", UNCAUGHT)


def test_groups_go_in_no_circles(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.updateGroupParent refuses a group itself and any group below it."""
    comp, fx = group(cuebot, "comp"), group(cuebot, "fx")
    hero = sub_group(cuebot, sub_group(cuebot, comp, "hero"), "retakes")
    move = "GroupInterface/SetGroup"
    assert cuebot.refusal(move, group={"id": comp.id}, parent_group={"id": comp.id}) == refused(
        f"{MODIFICATION} group, cannot move group into itself"
    )
    circle = refused(f"{MODIFICATION} group, you cannot move a group into one of its sub groups")
    assert cuebot.refusal(move, group={"id": comp.id}, parent_group={"id": hero.id}) == circle
    both = {"groups": [{"id": fx.id}, {"id": comp.id}]}
    assert (
        cuebot.refusal("GroupInterface/ReparentGroups", group={"id": hero.id}, groups=both)
        == circle
    )
    assert now(cuebot, fx) == fx


def test_groups_stay_in_their_show(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.updateGroupParent compares the shows."""
    comp, harbor = group(cuebot, "comp"), group(cuebot, "harbor", "harbor")
    assert cuebot.refusal(
        "GroupInterface/SetGroup", group={"id": comp.id}, parent_group={"id": harbor.id}
    ) == refused(f"{MODIFICATION} group, cannot move groups between shows")


def test_a_very_deep_group_takes_no_others(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.updateGroupParent looks up ten levels and a bit, then gives up."""
    fx, deep = group(cuebot, "fx"), group(cuebot, "comp")
    for level in range(2, 11):
        deep = sub_group(cuebot, deep, f"level {level}")
    cuebot("GroupInterface/SetGroup", group={"id": fx.id}, parent_group={"id": deep.id})
    light, deeper = group(cuebot, "light"), sub_group(cuebot, deep, "level 11")
    assert cuebot.refusal(
        "GroupInterface/SetGroup", group={"id": light.id}, parent_group={"id": deeper.id}
    ) == refused(
        f"{MODIFICATION} group, cannot tell if your moving a group into one of its sub groups"
    )


def test_a_moved_group_needs_a_free_name(cuebot: Cuebot) -> None:
    """The database keeps names unique below a parent, and nothing of the request is done."""
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
    refusal = cuebot.refusal("GroupInterface/ReparentGroups", group={"id": light.id}, groups=both)
    assert refusal == name_taken(light, "fx")
    assert (now(cuebot, fx), now(cuebot, other)) == (fx, other)


def test_jobs_move_and_take_the_defaults_of_the_group(cuebot: Cuebot) -> None:
    """ManageGroup.reparentJobs: the job inherits whatever the group has a default for."""
    fx, comp = group(cuebot, "fx"), group(cuebot, "comp")
    for method, field, value in (
        ("Priority", "priority", 0),
        ("MinCores", "min_cores", 2),
        ("MaxCores", "max_cores", 20),
        ("MinGpus", "min_gpus", 1),
    ):
        cuebot(f"GroupInterface/SetDefaultJob{method}", group={"id": fx.id}, **{field: value})
    before = cuebot.job(COMP)
    cuebot("GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": [before]})
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
    """JobDaoJdbc.updateParent refuses; the jobs before that one have moved."""
    fx, jobs = group(cuebot, "fx"), [cuebot.job(LIGHT), cuebot.job(HARBOR), cuebot.job(COMP)]
    assert cuebot.refusal(
        "GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": jobs}
    ) == refused(f"{MODIFICATION} job, cannot move jobs between shows")
    assert [cuebot.job(job.name).group for job in jobs] == ["fx", "light", "comp"]


def test_a_job_to_move_has_to_be_there(cuebot: Cuebot) -> None:
    """ManageGroup.reparentJobs catches nothing."""
    fx = group(cuebot, "fx")
    assert cuebot.refusal(
        "GroupInterface/ReparentJobs", group={"id": fx.id}, jobs={"jobs": [{"id": "no"}]}
    ) == ("INTERNAL", UNCAUGHT)


def test_a_new_name_shows_in_the_jobs(cuebot: Cuebot) -> None:
    """Jobs and procs show their group by a look-up: GroupDaoJdbc.updateName changes all."""
    comp = group(cuebot, "comp")
    cuebot("GroupInterface/SetName", group={"id": comp.id}, name="compositing")
    assert now(cuebot, comp).name == "compositing"
    assert {cuebot.job(name).group for name in (COMP, OLD_COMP)} == {"compositing"}
    assert {proc.group_name for proc in cuebot.farm.procs.values() if proc.job_name == COMP} == {
        "compositing"
    }


def test_a_new_name_has_to_be_free(cuebot: Cuebot) -> None:
    """The database keeps names unique below a parent; root groups have none, so may share."""
    comp, root = group(cuebot, "comp"), group(cuebot, "demo")
    refusal = cuebot.refusal("GroupInterface/SetName", group={"id": comp.id}, name="fx")
    assert refusal == name_taken(root, "fx")
    cuebot("GroupInterface/SetName", group={"id": comp.id}, name="comp")
    cuebot("GroupInterface/SetName", group={"id": root.id}, name="harbor")
    assert now(cuebot, root).name == "harbor"


def test_a_department_has_to_be_known(cuebot: Cuebot) -> None:
    """ManageGroup.setDepartment looks the department up by its name."""
    comp = group(cuebot, "comp")
    cuebot("GroupInterface/SetDepartment", group={"id": comp.id}, dept="Roto")
    assert now(cuebot, comp).department == "Roto"
    cuebot("DepartmentInterface/AddDepartmentName", name="Paint")
    cuebot("GroupInterface/SetDepartment", group={"id": comp.id}, dept="Paint")
    assert now(cuebot, comp).department == "Paint"
    assert cuebot.refusal("GroupInterface/SetDepartment", group={"id": comp.id}, dept="no") == (
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
    """GroupDaoJdbc: whole cores; no minimum is 0, no maximum -1."""
    comp, field = group(cuebot, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    cuebot(f"GroupInterface/Set{limit}", group={"id": comp.id}, **{field: 3})
    cuebot(f"GroupInterface/Set{limit}", group={"id": comp.id}, **{field: value})
    assert getattr(now(cuebot, comp), field) == stored


def test_a_group_may_have_a_core_at_least(cuebot: Cuebot) -> None:
    """GroupDaoJdbc.updateMaxCores refuses less than a whole core, in these words."""
    comp = group(cuebot, "comp")
    assert cuebot.refusal(
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
    cuebot: Cuebot, limit: str, value: float, default: float, in_jobs: float | None
) -> None:
    """GroupManagerService sets the group's default, and all its jobs to what was given."""
    comp, field = group(cuebot, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    before, other = getattr(cuebot.job(COMP), field), getattr(cuebot.job(LIGHT), field)
    cuebot(f"GroupInterface/SetDefaultJob{limit}", group={"id": comp.id}, **{field: value})
    assert getattr(now(cuebot, comp), f"default_job_{field}") == default
    wanted = before if in_jobs is None else in_jobs
    assert [getattr(cuebot.job(name), field) for name in (COMP, OLD_COMP)] == [wanted, wanted]
    assert getattr(cuebot.job(LIGHT), field) == other


@pytest.mark.parametrize("managed", [True, False])
def test_jobs_of_a_managed_department_keep_their_cores(cuebot: Cuebot, *, managed: bool) -> None:
    """GroupManagerService asks GroupDaoJdbc.isManaged before it touches the jobs."""
    comp, farm = group(cuebot, "comp"), cuebot.farm
    department = farm.messages.new(
        "department.Department", id="own", dept="Compositing", ti_managed=managed
    )
    farm.departments[department.id] = department
    farm.own(farm.parent_of[comp.id], department.id)
    before = cuebot.job(COMP).max_cores
    cuebot("GroupInterface/SetDefaultJobMaxCores", group={"id": comp.id}, max_cores=9)
    assert now(cuebot, comp).default_job_max_cores == 9
    assert cuebot.job(COMP).max_cores == (before if managed else 9)


def test_a_default_priority_goes_to_the_present_jobs(cuebot: Cuebot) -> None:
    """GroupManagerService.setGroupDefaultJobPriority sets the jobs even to what is no default."""
    comp = group(cuebot, "comp")
    for value, default in ((150, 150), (-5, -1)):
        cuebot("GroupInterface/SetDefaultJobPriority", group={"id": comp.id}, priority=value)
        assert now(cuebot, comp).default_job_priority == default
        assert [cuebot.job(name).priority for name in (COMP, OLD_COMP)] == [value, value]


@pytest.mark.parametrize("method", ["Delete", "GetJobs", "SetName", "SetMaxGpus", "CreateSubGroup"])
def test_a_group_has_to_be_there(cuebot: Cuebot, method: str) -> None:
    """ManageGroup looks groups up by id, and catches nothing but in its two look-ups."""
    assert cuebot.refusal(f"GroupInterface/{method}", group={"id": "no"}) == ("INTERNAL", UNCAUGHT)
