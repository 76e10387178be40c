"""show.ShowInterface. Overrides and departments are in tests of their own."""

import pytest

from cuebot_simulator.world.new_entities import add_group
from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot
from tests.simulator.shows import LIGHT, create, find, launch, ref, running


def test_a_show_is_found_by_its_name(cuebot: Cuebot) -> None:
    """ManageShow.findShow catches Spring's exception: an unknown name is NOT_FOUND."""
    assert cuebot("ShowInterface/FindShow", name="demo").show.name == "demo"
    assert cuebot.refusal("ShowInterface/FindShow", name="nope") == ("NOT_FOUND", NOTHING_FOUND)


@pytest.mark.parametrize(
    "method",
    [
        "Archive",
        "CreateFilter",
        "CreateOwner",
        "Delete",
        "EnableBooking",
        "EnableDispatching",
        "FindFilter",
        "GetDeeds",
        "GetDepartment",
        "GetDepartments",
        "GetFilters",
        "GetGroups",
        "GetJobWhiteboard",
        "GetJobs",
        "GetRootGroup",
        "GetSubscriptions",
        "SetActive",
        "SetCommentEmail",
        "SetDefaultMaxCores",
        "SetDefaultMaxGpus",
        "SetDefaultMinCores",
        "SetDefaultMinGpus",
        "SetSchedulerManaged",
    ],
)
def test_a_missing_show_is_not_caught(cuebot: Cuebot, method: str) -> None:
    """ManageShow leaves a show that is not there to the interceptor, in all but FindShow."""
    missing = cuebot.refusal(f"ShowInterface/{method}", show={"id": "nope", "name": "demo"})
    assert missing == ("INTERNAL", UNCAUGHT)


# What belongs to a show.


def test_pending_jobs_of_a_show_are_listed_by_name(cuebot: Cuebot) -> None:
    """ManageShow.getJobs searches as JobInterface/GetJobs does, without finished jobs."""
    names = [job.name for job in cuebot("ShowInterface/GetJobs", show=ref(cuebot)).jobs.jobs]
    assert names == [
        "demo-sh010-artist1_light_v012",
        "demo-sh010-lena_comp_v003",
        "demo-sh020-marco_smoke_v001",
    ]


def test_the_whiteboard_is_the_tree_of_groups(cuebot: Cuebot) -> None:
    """NestedWhiteboardDao nests groups, each with its parent, pending jobs and their sums."""
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
    """A group's copy of its parent has neither groups nor a parent of its own."""
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
    """Cuebot keeps a show's whiteboard for five seconds, even where `fresh` is asked for."""
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
    """ManageShow.createOwner makes the owner of a name, who has no hosts yet."""
    made = cuebot("ShowInterface/CreateOwner", show=ref(cuebot), name="lena").owner
    assert (made.name, made.show, made.host_count) == ("lena", "demo", 0)
    assert cuebot("OwnerInterface/GetOwner", name="lena").owner == made
    code, text = cuebot.refusal(
        "ShowInterface/CreateOwner", show=ref(cuebot, "harbor"), name="lena"
    )
    assert code == "INTERNAL"
    assert '"i_owner_str_username"' in text


def test_the_deeds_of_a_show_are_those_of_its_owners(cuebot: Cuebot) -> None:
    """ManageShow.getDeeds goes from the show over its owners to the hosts that they have."""
    deeds = cuebot("ShowInterface/GetDeeds", show=ref(cuebot)).deeds.deeds
    assert [(deed.owner, deed.host) for deed in deeds] == [("artist1", "desk-201")]


def test_a_subscription_is_made_in_cores(cuebot: Cuebot) -> None:
    """ManageShow.createSubscription takes cores, and an allocation by id; answers hundredths."""
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
    assert '"c_subscription_uk"' in twice[1]
    asked["allocation_id"] = allocation.name
    missing = cuebot.refusal("ShowInterface/CreateSubscription", show=show, **asked)
    assert missing == ("INTERNAL", UNCAUGHT)


def test_a_new_filter_is_the_last(cuebot: Cuebot) -> None:
    """ManageShow.createFilter appends a filter that matches all, and is enabled."""
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
    """ManageShow.findFilter catches nothing, neither none nor two of a name."""
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
    """ManageShow.setActive takes the show off getActiveShows, and puts it back."""

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
    """What runs goes on to its end, and nothing new starts until the switch is put back."""
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
    """ManageShow.setCommentEmail splits at commas, which drops empty ends, and joins again."""
    cuebot("ShowInterface/SetCommentEmail", show=ref(cuebot), email=email)
    assert find(cuebot).comment_email == kept


def test_default_cores_are_whole(cuebot: Cuebot) -> None:
    """ManageShow.setDefaultMinCores and .setDefaultMaxCores cut to whole cores."""
    cuebot("ShowInterface/SetDefaultMinCores", show=ref(cuebot), min_cores=2.9)
    cuebot("ShowInterface/SetDefaultMaxCores", show=ref(cuebot), max_cores=0.5)
    assert (find(cuebot).default_min_cores, find(cuebot).default_max_cores) == (2, 0)


@pytest.mark.parametrize(("cores", "units"), [(-1, "-1"), (-2, "-100"), (-3.5, "-300")])
@pytest.mark.parametrize("which", ["min", "max"])
def test_default_cores_are_not_negative(
    cuebot: Cuebot, which: str, cores: float, units: str
) -> None:
    """The DAO throws IllegalArgumentException, with hundredths of cores in its text."""
    asked = {f"{which}_cores": cores}
    method = f"ShowInterface/SetDefault{which.title()}Cores"
    code, text = cuebot.refusal(method, show=ref(cuebot), **asked)
    assert code == "INTERNAL"
    assert text.startswith("java.lang.IllegalArgumentException: Invalid argument, ")
    assert f"default {which} cores {units}must" in text
    assert (find(cuebot).default_min_cores, find(cuebot).default_max_cores) == (1, 100)


def test_default_gpus_are_any_number(cuebot: Cuebot) -> None:
    """ManageShow.setDefaultMinGpus and .setDefaultMaxGpus do not check anything."""
    cuebot("ShowInterface/SetDefaultMinGpus", show=ref(cuebot), min_gpus=-3)
    cuebot("ShowInterface/SetDefaultMaxGpus", show=ref(cuebot), max_gpus=8)
    assert (find(cuebot).default_min_gpus, find(cuebot).default_max_gpus) == (-3, 8)
