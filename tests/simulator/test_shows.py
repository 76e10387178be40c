"""Shows, their whiteboard, and their life."""

from typing import Any

import pytest

from cuebot_simulator.world.jobs import launch_job
from cuebot_simulator.world.new_entities import add_group
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from tests.simulator.in_process import (
    COMP,
    DUPLICATE,
    FOUND_TWO,
    LIGHT,
    NOTHING_FOUND,
    SMOKE,
    UNCAUGHT,
    VIOLATION,
    Cuebot,
)


def find(cuebot: Cuebot, name: str = "demo") -> Any:
    return cuebot("ShowInterface/FindShow", name=name).show


def ref(cuebot: Cuebot, name: str = "demo") -> dict[str, str]:
    return {"id": find(cuebot, name).id}


def create(cuebot: Cuebot, name: str = "tidal") -> dict[str, str]:
    return {"id": cuebot("ShowInterface/CreateShow", name=name).show.id}


def launch(cuebot: Cuebot, show: str) -> Any:
    layer = LayerPlan(name="beauty", frames=(1, 2))
    plan = JobPlan(show=show, shot="sh900", user="lena", name="new_v001", layers=(layer,))
    return launch_job(cuebot.farm, plan)


def running(cuebot: Cuebot, name: str = "demo") -> int:
    return int(find(cuebot, name).show_stats.running_frames)


# What belongs to a show.


def test_pending_jobs_of_a_show_are_listed_by_name(cuebot: Cuebot) -> None:
    names = [job.name for job in cuebot("ShowInterface/GetJobs", show=ref(cuebot)).jobs.jobs]
    assert names == [
        LIGHT,
        COMP,
        SMOKE,
    ]


def test_the_whiteboard_is_the_tree_of_groups(cuebot: Cuebot) -> None:
    cuebot.needs("job.NestedGroup", "inline_jobs")
    root = cuebot("ShowInterface/GetJobWhiteboard", show=ref(cuebot)).whiteboard
    assert (root.name, root.level, list(root.jobs)) == ("demo", 0, [])
    groups = {group.name: group for group in root.groups.nested_groups}
    assert set(groups) == {"comp", "light", "fx"}
    light = groups["light"]
    assert (light.department, light.level, light.parent.id) == ("Lighting", 1, root.id)
    assert (light.max_cores, light.default_job_priority) == (-1, -1)
    assert not light.parent.groups.nested_groups
    assert list(light.jobs) == [job.id for job in light.inline_jobs] == [cuebot.job(LIGHT).id]
    assert light.inline_jobs[0] == cuebot.job(LIGHT)
    stats = cuebot("GroupInterface/GetGroup", id=light.id).group.group_stats
    assert light.stats.pending_jobs == 1
    assert light.stats.running_frames == stats.running_frames > 0
    assert light.stats.reserved_cores == stats.reserved_cores
    assert len(groups["comp"].jobs) == 1


def test_the_whiteboard_nests_to_any_depth(cuebot: Cuebot) -> None:
    show = cuebot.farm.shows[find(cuebot).id]
    light = next(group for group in cuebot.farm.groups_of(show) if group.name == "light")
    add_group(cuebot.farm, show, "keys", parent=light)
    root = cuebot("ShowInterface/GetJobWhiteboard", show=ref(cuebot)).whiteboard
    nested = next(group for group in root.groups.nested_groups if group.name == "light")
    (keys,) = nested.groups.nested_groups
    assert (keys.name, keys.level, keys.parent.name) == ("keys", 2, "light")
    assert not keys.parent.HasField("parent")
    assert nested.HasField("parent")


def test_the_whiteboard_is_five_seconds_old_at_most(cuebot: Cuebot) -> None:
    cuebot.needs("show.ShowGetJobWhiteboardRequest", "fresh")

    def jobs() -> list[str]:
        found = cuebot("ShowInterface/GetJobWhiteboard", show=ref(cuebot), fresh=True)
        return list(found.whiteboard.jobs)

    assert jobs() == []
    launched = launch(cuebot, "demo")
    cuebot.wait(4.9)
    assert jobs() == []
    cuebot.wait(0.1)
    assert jobs() == [launched.id]


def test_an_owner_belongs_to_a_show(cuebot: Cuebot) -> None:
    made = cuebot("ShowInterface/CreateOwner", show=ref(cuebot), name="lena").owner
    assert (made.name, made.show, made.host_count) == ("lena", "demo", 0)
    assert cuebot("OwnerInterface/GetOwner", name="lena").owner == made
    harbor = ref(cuebot, "harbor")
    assert cuebot.refusal("ShowInterface/CreateOwner", show=harbor, name="lena") == DUPLICATE


def test_the_deeds_of_a_show_are_those_of_its_owners(cuebot: Cuebot) -> None:
    deeds = cuebot("ShowInterface/GetDeeds", show=ref(cuebot)).deeds.deeds
    assert [(deed.owner, deed.host) for deed in deeds] == [("artist1", "desk-201")]


def test_a_subscription_is_made_in_cores(cuebot: Cuebot) -> None:
    allocation = cuebot("AllocationInterface/Find", name="local.general").allocation
    asked = {"allocation_id": allocation.id, "size": 10.5, "burst": 12}
    show = create(cuebot)
    made = cuebot("ShowInterface/CreateSubscription", show=show, **asked).subscription
    assert (made.name, made.facility) == ("local.general.tidal", "local")
    assert (made.size, made.burst, made.reserved_cores) == (1050, 1200, 0)
    listed = cuebot("ShowInterface/GetSubscriptions", show=show).subscriptions.subscriptions
    assert list(listed) == [made]
    assert cuebot("SubscriptionInterface/Find", name="local.general.tidal").subscription == made
    twice = cuebot.refusal("ShowInterface/CreateSubscription", show=show, **asked)
    assert twice == DUPLICATE


def test_a_new_filter_is_the_last(cuebot: Cuebot) -> None:
    show = ref(cuebot, "harbor")
    assert not cuebot("ShowInterface/GetFilters", show=show).filters.filters
    first = cuebot("ShowInterface/CreateFilter", show=show, name="mine").filter
    second = cuebot("ShowInterface/CreateFilter", show=show, name="yours").filter
    assert (first.order, first.enabled, first.type) == (1, True, 1)
    assert second.order == 2
    cuebot.farm.filters[first.id].order = 3
    listed = cuebot("ShowInterface/GetFilters", show=show).filters.filters
    assert [each.name for each in listed] == ["yours", "mine"]


def test_a_filter_is_found_by_its_name(cuebot: Cuebot) -> None:
    before = len(cuebot("ShowInterface/GetFilters", show=ref(cuebot)).filters.filters)
    made = cuebot("ShowInterface/CreateFilter", show=ref(cuebot), name="mine").filter
    assert cuebot("ShowInterface/FindFilter", show=ref(cuebot), name="mine").filter == made
    other = cuebot.refusal("ShowInterface/FindFilter", show=ref(cuebot, "harbor"), name="mine")
    assert other == ("INTERNAL", UNCAUGHT)
    for method in ("CreateFilter", "FindFilter"):
        code, text = cuebot.refusal(f"ShowInterface/{method}", show=ref(cuebot), name="mine")
        assert code == "INTERNAL"
        assert "IncorrectResultSizeDataAccessException" in text
    assert len(cuebot("ShowInterface/GetFilters", show=ref(cuebot)).filters.filters) == before + 2


# Settings.


def test_an_inactive_show_is_not_among_the_active(cuebot: Cuebot) -> None:

    def active() -> set[str]:
        return {show.name for show in cuebot("ShowInterface/GetActiveShows").shows.shows}

    cuebot("ShowInterface/SetActive", show=ref(cuebot), value=False)
    assert active() == {"harbor", "northwind"}
    assert len(cuebot("ShowInterface/GetShows").shows.shows) == 3
    cuebot("ShowInterface/SetActive", show=ref(cuebot), value=True)
    assert active() == {"demo", "harbor", "northwind"}


@pytest.mark.parametrize(
    ("method", "field", "stopped"),
    [
        ("EnableBooking", "booking_enabled", False),
        ("EnableDispatching", "dispatch_enabled", False),
        ("SetSchedulerManaged", "scheduler_managed", True),
    ],
)
def test_a_show_can_be_kept_from_the_farm(
    cuebot: Cuebot, method: str, field: str, stopped: bool
) -> None:
    cuebot(f"ShowInterface/{method}", show=ref(cuebot), enabled=stopped)
    assert getattr(find(cuebot), field) is stopped
    cuebot.wait(600)
    assert running(cuebot) == 0
    assert find(cuebot).show_stats.pending_frames > 0
    cuebot(f"ShowInterface/{method}", show=ref(cuebot), enabled=not stopped)
    cuebot.wait(6)
    assert running(cuebot) > 0


@pytest.mark.parametrize(
    ("email", "kept"), [("a@x,b@x", "a@x,b@x"), ("a@x,,b@x,,", "a@x,,b@x"), (",", ""), ("", "")]
)
def test_comments_go_to_addresses(cuebot: Cuebot, email: str, kept: str) -> None:
    cuebot("ShowInterface/SetCommentEmail", show=ref(cuebot), email=email)
    assert find(cuebot).comment_email == kept


def test_default_cores_are_whole(cuebot: Cuebot) -> None:
    cuebot("ShowInterface/SetDefaultMinCores", show=ref(cuebot), min_cores=2.9)
    cuebot("ShowInterface/SetDefaultMaxCores", show=ref(cuebot), max_cores=0.5)
    assert (find(cuebot).default_min_cores, find(cuebot).default_max_cores) == (2, 0)


def test_default_gpus_are_any_number(cuebot: Cuebot) -> None:
    cuebot("ShowInterface/SetDefaultMinGpus", show=ref(cuebot), min_gpus=-3)
    cuebot("ShowInterface/SetDefaultMaxGpus", show=ref(cuebot), max_gpus=8)
    assert (find(cuebot).default_min_gpus, find(cuebot).default_max_gpus) == (-3, 8)


# New shows.


def test_a_second_show_of_a_name_hides_both(cuebot: Cuebot) -> None:
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


# The end of a show.


def test_an_unused_show_is_deleted(cuebot: Cuebot) -> None:
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


def test_a_show_that_had_jobs_cannot_be_deleted(cuebot: Cuebot) -> None:
    show = create(cuebot)
    cuebot.farm.tallies[show["id"]].created_jobs = 1
    assert cuebot.refusal("ShowInterface/Delete", show=show) == VIOLATION


def test_whatever_refers_to_a_show_keeps_it(cuebot: Cuebot) -> None:
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
    for show in ("tasks", "filter", "subs", "owner", "over"):
        assert cuebot.refusal("ShowInterface/Delete", show=ref(cuebot, show)) == VIOLATION


def test_a_group_that_an_action_names_keeps_its_show(cuebot: Cuebot) -> None:
    show = create(cuebot)
    root = cuebot("ShowInterface/GetRootGroup", show=show).group
    cuebot.farm.actions["a"] = cuebot.farm.messages.new(
        "filter.Action", id="a", group_value=root.id
    )
    assert cuebot.refusal("ShowInterface/Delete", show=show) == VIOLATION


def test_an_archived_show_has_another_name_everywhere(cuebot: Cuebot) -> None:
    before = running(cuebot)
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    assert cuebot.refusal("ShowInterface/FindShow", name="demo")[0] == "NOT_FOUND"
    old = find(cuebot, "demo_archive")
    assert running(cuebot, "demo_archive") == before > 0
    assert cuebot.job(LIGHT).show == "demo_archive"
    procs = cuebot("ProcInterface/GetProcs", r={"shows": ["demo_archive"]}).procs.procs
    assert len(procs) == before
    found = cuebot("ShowInterface/GetSubscriptions", show=old).subscriptions
    assert {each.name for each in found.subscriptions} == {
        "local.general.demo_archive",
        "local.desktop.demo_archive",
    }
    assert sum(each.reserved_cores for each in found.subscriptions) == round(
        old.show_stats.reserved_cores * 100
    )
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.show == "demo_archive"
    departments = cuebot("ShowInterface/GetDepartments", show=old).departments
    assert all(each.name.startswith("demo_archive.") for each in departments.departments)
    assert cuebot("ShowInterface/GetRootGroup", show=old).group.name == "demo"


def test_jobs_for_an_archived_show_go_to_its_target(cuebot: Cuebot) -> None:
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    job = launch(cuebot, "demo")
    assert (job.show, job.group) == ("harbor", "harbor")
    cuebot("ShowInterface/Archive", show=ref(cuebot, "northwind"), target_show_name="demo")
    assert launch(cuebot, "northwind").show == "harbor"


def test_an_archived_name_can_be_used_again(cuebot: Cuebot) -> None:
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
