"""show.ShowInterface: how shows come, are archived, and go."""

import pytest

from cuebot_simulator.world.new_entities import add_group
from tests.simulator.in_process import (
    FOUND_TWO,
    NOTHING_FOUND,
    UNCAUGHT,
    Cuebot,
    database_says,
)
from tests.simulator.shows import LIGHT, create, find, launch, ref, running

# New shows.


def test_a_new_show_has_a_root_group_and_defaults(cuebot: Cuebot) -> None:
    """ManageShow.createShow makes a group of the show's name, in the default department."""
    made = cuebot("ShowInterface/CreateShow", name="tidal").show
    assert (made.active, made.booking_enabled, made.dispatch_enabled) == (True, True, True)
    assert (made.default_min_cores, made.default_max_cores) == (1, 100)
    assert (made.default_min_gpus, made.default_max_gpus) == (100, 100_000)
    root = cuebot("ShowInterface/GetRootGroup", show={"id": made.id}).group
    assert (root.name, root.department, root.level) == ("tidal", "Unknown", 0)
    assert list(cuebot("ShowInterface/GetGroups", show={"id": made.id}).groups.groups) == [root]
    assert find(cuebot, "tidal") == made
    assert made in cuebot("ShowInterface/GetShows").shows.shows


def test_the_name_of_a_show_is_conformed(cuebot: Cuebot) -> None:
    """Cuebot makes names lower case, with underscores for dashes."""
    assert cuebot("ShowInterface/CreateShow", name="Tidal-Wave.2").show.name == "tidal_wave.2"


@pytest.mark.parametrize("name", ["", "ab", "two words", "tidal!", "flut_ö"])
def test_a_show_needs_a_proper_name(cuebot: Cuebot, name: str) -> None:
    """ManageShow.createShow answers INTERNAL, in its own words, whatever is wrong."""
    code, text = cuebot.refusal("ShowInterface/CreateShow", name=name)
    assert code == "INTERNAL"
    assert text.startswith("Show could not be created.The show name")


def test_a_second_show_of_a_name_hides_both(cuebot: Cuebot) -> None:
    """The table has no unique index on names: whatever looks for one finds two, until one goes."""
    first, second = create(cuebot), create(cuebot, "TIDAL")
    assert cuebot.refusal("ShowInterface/FindShow", name="tidal") == ("INTERNAL", FOUND_TWO)
    group = {"show": "tidal", "name": "tidal"}
    assert cuebot.refusal("GroupInterface/FindGroup", **group) == ("INTERNAL", FOUND_TWO)
    allocation = cuebot("AllocationInterface/Find", name="local.general").allocation.id
    cuebot("ShowInterface/CreateSubscription", show=first, allocation_id=allocation)
    cuebot("ShowInterface/CreateOwner", show=first, name="lena")
    for things in ("subscriptions", "deeds"):
        method = f"ShowInterface/Get{things.capitalize()}"
        assert not getattr(getattr(cuebot(method, show=second), things), things)
    cuebot("ShowInterface/Delete", show=second)
    assert find(cuebot, "tidal").id == first["id"]


def test_a_groups_name_limits_that_of_a_show(cuebot: Cuebot) -> None:
    """A show's root group is called as the show, and the folder table has 36 characters for it."""
    create(cuebot, "x" * 36)
    error = database_says("value too long for type character varying(36)")[1]
    assert cuebot.refusal("ShowInterface/CreateShow", name="x" * 37) == (
        "INTERNAL",
        f"Show could not be created.error creating group, {error.partition(chr(10))[0]}",
    )


def test_an_alias_limits_the_name_of_an_archived_show(cuebot: Cuebot) -> None:
    """The table of aliases has 16 characters."""
    show = create(cuebot, "x" * 17)
    refusal = cuebot.refusal("ShowInterface/Archive", show=show, target_show_name="demo")
    assert refusal == database_says("value too long for type character varying(16)")


# The end of a show.


def test_an_unused_show_is_deleted(cuebot: Cuebot) -> None:
    """ManageShow.delete takes groups and departments along; the name is free again."""
    show = create(cuebot)
    whole = cuebot.farm.shows[show["id"]]
    add_group(cuebot.farm, whole, "comp", parent=cuebot.farm.root_group(whole))
    assert cuebot("ShowInterface/GetJobWhiteboard", show=show).whiteboard.groups.nested_groups
    cuebot("ShowInterface/Delete", show=show)
    assert cuebot.refusal("ShowInterface/FindShow", name="tidal") == ("NOT_FOUND", NOTHING_FOUND)
    assert all(group.name != "tidal" for group in cuebot.farm.groups.values())
    assert all(each.name != "tidal.Unknown" for each in cuebot.farm.departments.values())
    again = create(cuebot)
    groups = cuebot("ShowInterface/GetGroups", show=again).groups.groups
    assert [group.name for group in groups] == ["tidal"]
    whiteboard = cuebot("ShowInterface/GetJobWhiteboard", show=again).whiteboard
    assert not whiteboard.groups.nested_groups


def test_a_show_with_jobs_cannot_be_deleted(cuebot: Cuebot) -> None:
    """The groups that the jobs are in cannot go, pending jobs or not."""
    code, text = cuebot.refusal("ShowInterface/Delete", show=ref(cuebot))
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ")
    assert '"folder" violates foreign key constraint "c_job_pk_folder" on table "job"' in text
    assert find(cuebot).active


def test_a_show_that_had_jobs_cannot_be_deleted(cuebot: Cuebot) -> None:
    """The history of jobs refers to the show, after the jobs are gone."""
    show = create(cuebot)
    cuebot.farm.tallies[show["id"]].created_jobs = 1
    assert '"c_job_history_pk_show"' in cuebot.refusal("ShowInterface/Delete", show=show)[1]


def test_whatever_refers_to_a_show_keeps_it(cuebot: Cuebot) -> None:
    """Cuebot deletes no tasks, filters, subscriptions, owners or overrides of a show."""
    allocation = cuebot("AllocationInterface/Find", name="local.general").allocation.id
    department = cuebot("ShowInterface/GetDepartments", show=create(cuebot, "tasks"))
    point = {"id": department.departments.departments[0].id}
    cuebot.refusal("DepartmentInterface/AddTask", department=point, shot="sh010", min_cores=1)
    cuebot("ShowInterface/CreateFilter", show=create(cuebot, "filter"), name="mine")
    cuebot(
        "ShowInterface/CreateSubscription", show=create(cuebot, "subs"), allocation_id=allocation
    )
    cuebot("ShowInterface/CreateOwner", show=create(cuebot, "owner"), name="lena")
    cuebot(
        "ShowInterface/CreateServiceOverride", show=create(cuebot, "over"), service={"name": "x"}
    )
    for show, constraint in (
        ("tasks", "c_task_pk_point"),
        ("filter", "c_filter_pk_show"),
        ("subs", "c_subscription_pk_show"),
        ("owner", "c_owner_pk_show"),
        ("over", "c_show_service_pk_show"),
    ):
        assert (
            f'"{constraint}"' in cuebot.refusal("ShowInterface/Delete", show=ref(cuebot, show))[1]
        )


def test_a_group_that_an_action_names_keeps_its_show(cuebot: Cuebot) -> None:
    """An action that moves jobs into a group refers to that group."""
    show = create(cuebot)
    root = cuebot("ShowInterface/GetRootGroup", show=show).group
    cuebot.farm.actions["a"] = cuebot.farm.messages.new(
        "filter.Action", id="a", group_value=root.id
    )
    assert '"c_action_pk_folder"' in cuebot.refusal("ShowInterface/Delete", show=show)[1]


def test_an_archived_show_has_another_name_everywhere(cuebot: Cuebot) -> None:
    """ManageShow.archive renames the show; its jobs keep their names and go on."""
    before = running(cuebot)
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    assert cuebot.refusal("ShowInterface/FindShow", name="demo")[0] == "NOT_FOUND"
    old = find(cuebot, "demo_archive")
    assert running(cuebot, "demo_archive") == before > 0
    assert cuebot.job(LIGHT).show == "demo_archive"
    procs = cuebot("ProcInterface/GetProcs", r={"shows": ["demo_archive"]}).procs.procs
    assert len(procs) == before
    found = cuebot("ShowInterface/GetSubscriptions", show={"id": old.id}).subscriptions
    assert {each.name for each in found.subscriptions} == {
        "local.general.demo_archive",
        "local.desktop.demo_archive",
    }
    assert sum(each.reserved_cores for each in found.subscriptions) == round(
        old.show_stats.reserved_cores * 100
    )
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.show == "demo_archive"
    departments = cuebot("ShowInterface/GetDepartments", show={"id": old.id}).departments
    assert all(each.name.startswith("demo_archive.") for each in departments.departments)
    assert cuebot("ShowInterface/GetRootGroup", show={"id": old.id}).group.name == "demo"


def test_jobs_for_an_archived_show_go_to_its_target(cuebot: Cuebot) -> None:
    """The former name is an alias of the target: what is launched for it lands there."""
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    job = launch(cuebot, "demo")
    assert (job.show, job.group) == ("harbor", "harbor")
    cuebot("ShowInterface/Archive", show=ref(cuebot, "northwind"), target_show_name="demo")
    assert launch(cuebot, "northwind").show == "harbor"


def test_the_target_of_an_archive_must_exist(cuebot: Cuebot) -> None:
    """ManageShow.archive looks for the target before it changes anything."""
    missing = cuebot.refusal("ShowInterface/Archive", show=ref(cuebot), target_show_name="nope")
    assert missing == ("INTERNAL", UNCAUGHT)
    assert find(cuebot).name == "demo"


def test_an_archived_name_can_be_used_again(cuebot: Cuebot) -> None:
    """A show under the former name is another one, and comes before the alias."""
    old = ref(cuebot)
    cuebot("ShowInterface/Archive", show=old, target_show_name="harbor")
    new = create(cuebot, "demo")
    assert new != old
    new_groups = cuebot("ShowInterface/GetGroups", show=new).groups.groups
    old_groups = cuebot("ShowInterface/GetGroups", show=old).groups.groups
    assert (len(new_groups), len(old_groups)) == (1, 4)
    assert not {group.id for group in new_groups} & {group.id for group in old_groups}
    allocation = cuebot("AllocationInterface/Find", name="local.general").allocation.id
    cuebot("ShowInterface/CreateSubscription", show=new, allocation_id=allocation)
    kept = cuebot("ShowInterface/GetSubscriptions", show=old).subscriptions.subscriptions
    assert len(kept) == 2
    assert launch(cuebot, "demo").show == "demo"
