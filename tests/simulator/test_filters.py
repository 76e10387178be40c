"""filter.FilterInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.filters import add_filter, filters_of
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot, database_says

COMP = "demo-sh010-lena_comp_v003"
OLD_COMP = "demo-sh020-priya_comp_v007"
LIGHT = "demo-sh010-artist1_light_v012"
NUMBER_TOO_LARGE = database_says(
    "numeric field overflow",
    "A field with precision 6, scale 2 must round to an absolute value less than 10^4.",
)


@pytest.fixture
def filters(cuebot: Cuebot) -> list[str]:
    """The ids of the filters a, b, c and d, the only ones of northwind, in that order."""
    show = by_name(cuebot.farm.shows, "northwind")
    return [add_filter(cuebot.farm, show, name).id for name in "abcd"]


def order(cuebot: Cuebot) -> str:
    """The names of northwind's filters in order, whose numbers have no gaps."""
    found = filters_of(cuebot.farm, by_name(cuebot.farm.shows, "northwind"))
    assert [each.order for each in found] == list(range(1, len(found) + 1))
    return "".join(each.name for each in found)


def demo_filter(cuebot: Cuebot, name: str = "dailies") -> Any:
    return cuebot("FilterInterface/FindFilter", show="demo", name=name).filter


def test_a_filter_is_found_by_show_and_name(cuebot: Cuebot) -> None:
    """ManageFilter.findFilter catches Spring's exception: an unknown name is NOT_FOUND."""
    found = demo_filter(cuebot)
    assert (found.name, found.order, found.enabled) == ("dailies", 1, True)
    assert enum_name(found, "type") == "MATCH_ANY"
    missing = ("NOT_FOUND", NOTHING_FOUND)
    assert cuebot.refusal("FilterInterface/FindFilter", show="harbor", name="dailies") == missing
    assert cuebot.refusal("FilterInterface/FindFilter", show="no", name="dailies") == missing


def test_a_name_that_two_filters_have_is_not_looked_up(cuebot: Cuebot) -> None:
    """Filter names are not unique, and ManageFilter.findFilter does not catch that it finds two."""
    add_filter(cuebot.farm, by_name(cuebot.farm.shows, "demo"), "dailies")
    text = "Incorrect result size: expected 1, actual 2"
    assert cuebot.refusal("FilterInterface/FindFilter", show="demo", name="dailies") == (
        "INTERNAL",
        f"org.springframework.dao.IncorrectResultSizeDataAccessException: {text}\n{text}",
    )


def test_a_new_filter_is_the_last(cuebot: Cuebot, filters: list[str]) -> None:
    """FilterDaoJdbc.insertFilter numbers it after the others; it is on and asks for all."""
    assert order(cuebot) == "abcd"
    last = cuebot.farm.filters[filters[-1]]
    assert last.enabled
    assert enum_name(last, "type") == "MATCH_ALL"
    assert len(set(filters)) == 4


def test_matchers_are_made_and_listed(cuebot: Cuebot, filters: list[str]) -> None:
    """ManageFilter.createMatcher takes everything but the id from the data; the oldest is first."""
    made = [
        cuebot(
            "FilterInterface/CreateMatcher",
            filter={"id": filters[0]},
            data={"id": "no", "subject": "SHOT", "type": "IS", "input": text},
        ).matcher
        for text in ("x", "x", "a")
    ]
    assert [(enum_name(each, "subject"), enum_name(each, "type")) for each in made] == [
        ("SHOT", "IS")
    ] * 3
    assert [each.input for each in made] == ["x", "x", "a"]
    assert len({each.id for each in made} | {"no"}) == 4
    listed = cuebot("FilterInterface/GetMatchers", filter={"id": filters[0]})
    assert list(listed.matchers.matchers) == made
    assert not cuebot("FilterInterface/GetMatchers", filter={"id": filters[1]}).matchers.matchers


def test_actions_are_listed_with_the_stop_last(cuebot: Cuebot, filters: list[str]) -> None:
    """ActionDaoJdbc.getActions sorts by what stops, then by age."""
    for data in (
        {"type": "STOP_PROCESSING", "value_type": "NONE_TYPE"},
        {"type": "SET_JOB_PRIORITY", "value_type": "INTEGER_TYPE", "integer_value": 5},
        {"type": "PAUSE_JOB", "value_type": "BOOLEAN_TYPE", "boolean_value": True},
    ):
        cuebot("FilterInterface/CreateAction", filter={"id": filters[0]}, data=data)
    listed = cuebot("FilterInterface/GetActions", filter={"id": filters[0]}).actions.actions
    assert [enum_name(each, "type") for each in listed] == [
        "SET_JOB_PRIORITY",
        "PAUSE_JOB",
        "STOP_PROCESSING",
    ]


def test_the_studio_has_filters_to_show(cuebot: Cuebot) -> None:
    """What the real server answers about a filter that moves jobs: the group by its id."""
    actions = cuebot("FilterInterface/GetActions", filter={"id": demo_filter(cuebot).id}).actions
    comp = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    assert [(each.group_value, each.integer_value) for each in actions.actions] == [
        (comp.id, 0),
        ("", 200),
    ]


@pytest.mark.parametrize(
    ("value_type", "kept"),
    [
        ("STRING_TYPE", {"string_value": "s"}),
        ("INTEGER_TYPE", {"integer_value": 7}),
        ("FLOAT_TYPE", {"float_value": 1.25}),
        ("BOOLEAN_TYPE", {"boolean_value": True}),
        ("NONE_TYPE", {}),
    ],
)
def test_an_action_has_the_value_of_its_type(
    cuebot: Cuebot, filters: list[str], value_type: str, kept: dict[str, Any]
) -> None:
    """ActionDaoJdbc.createAction stores that value only, and decimals to two places."""
    made = cuebot(
        "FilterInterface/CreateAction",
        filter={"id": filters[0]},
        data={
            "type": "PAUSE_JOB",
            "value_type": value_type,
            "group_value": "g",
            "string_value": "s",
            "integer_value": 7,
            "float_value": 1.2512,
            "boolean_value": True,
        },
    ).action
    values = {"string_value": "", "integer_value": 0, "float_value": 0, "boolean_value": False}
    for name, value in (values | {"group_value": ""} | kept).items():
        assert getattr(made, name) == value, name


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            {"value_type": "GROUP_TYPE", "group_value": "no"},
            database_says(
                'insert or update on table "action" violates foreign key constraint'
                ' "c_action_pk_folder"',
                'Key (pk_folder)=(no) is not present in table "folder".',
            )[1].partition("\nPrepared")[0],
        ),
        (
            {"value_type": "FLOAT_TYPE", "float_value": 10_000},
            NUMBER_TOO_LARGE[1].partition("\nPrepared")[0],
        ),
        (
            {"value_type": 99},
            "com.imageworks.spcue.SpcueRuntimeException: invalid action value type: UNRECOGNIZED",
        ),
    ],
    ids=["group", "number", "type"],
)
def test_what_an_action_must_not_be(
    cuebot: Cuebot, filters: list[str], data: dict[str, Any], text: str
) -> None:
    """ActionDaoJdbc.createAction leaves to the database what is no group and too large a number."""
    assert cuebot.refusal("FilterInterface/CreateAction", filter={"id": filters[0]}, data=data) == (
        "INTERNAL",
        f"{text}\n{text.partition(': ')[2]}",
    )
    assert not cuebot("FilterInterface/GetActions", filter={"id": filters[0]}).actions.actions


@pytest.mark.parametrize(
    ("method", "name", "after"),
    [
        ("RaiseOrder", "c", "acbd"),
        ("RaiseOrder", "a", "abcd"),
        ("LowerOrder", "b", "acbd"),
        ("LowerOrder", "d", "abcd"),
        ("OrderFirst", "c", "cabd"),
        ("OrderLast", "b", "acdb"),
    ],
)
def test_filters_change_places(
    cuebot: Cuebot, filters: list[str], method: str, name: str, after: str
) -> None:
    """FilterDaoJdbc moves one filter and numbers all of its show anew; raising is to the front."""
    cuebot(f"FilterInterface/{method}", filter={"id": filters["abcd".index(name)]})
    assert order(cuebot) == after
    assert demo_filter(cuebot).order == 1


@pytest.mark.parametrize(
    ("name", "place", "after"),
    [("d", 2, "adbc"), ("a", 3, "bacd"), ("a", 4, "bcad"), ("b", 99, "acdb"), ("c", -7, "cabd")],
)
def test_a_filter_is_put_before_another(
    cuebot: Cuebot, filters: list[str], name: str, place: int, after: str
) -> None:
    """FilterDaoJdbc.updateSetFilterOrder goes a tenth before that place, before it counts anew."""
    cuebot("FilterInterface/SetOrder", filter={"id": filters["abcd".index(name)]}, order=place)
    assert order(cuebot) == after


def test_an_order_has_its_bounds(cuebot: Cuebot, filters: list[str]) -> None:
    """The database holds four digits before the point."""
    cuebot("FilterInterface/SetOrder", filter={"id": filters[0]}, order=10_000)
    assert order(cuebot) == "bcda"
    refusal = cuebot.refusal("FilterInterface/SetOrder", filter={"id": filters[1]}, order=10_001)
    assert refusal == NUMBER_TOO_LARGE
    assert order(cuebot) == "bcda"


def test_a_filter_is_turned_off_named_and_typed(cuebot: Cuebot) -> None:
    """ManageFilter.setEnabled, setName and setType change that, and the name may be taken."""
    found = demo_filter(cuebot)
    cuebot("FilterInterface/SetEnabled", filter={"id": found.id}, enabled=False)
    cuebot("FilterInterface/SetType", filter={"id": found.id}, type="MATCH_ALL")
    assert not demo_filter(cuebot).enabled
    assert enum_name(demo_filter(cuebot), "type") == "MATCH_ALL"
    cuebot("FilterInterface/SetName", filter={"id": found.id}, name="trainees")
    assert cuebot.farm.filters[found.id].name == "trainees"


def test_a_deleted_filter_goes_with_its_parts(cuebot: Cuebot, filters: list[str]) -> None:
    """ManageFilter.delete does it soon enough to fail a second time. Others are numbered anew."""
    made = cuebot("FilterInterface/CreateMatcher", filter={"id": filters[1]}, data={}).matcher
    data = {"value_type": "NONE_TYPE"}
    action = cuebot("FilterInterface/CreateAction", filter={"id": filters[1]}, data=data).action
    cuebot("FilterInterface/Delete", filter={"id": filters[1]})
    assert order(cuebot) == "acd"
    assert made.id not in cuebot.farm.matchers
    assert action.id not in cuebot.farm.actions
    assert cuebot.refusal("FilterInterface/Delete", filter={"id": filters[1]}) == (
        "INTERNAL",
        UNCAUGHT,
    )


def any_job(cuebot: Cuebot, job_filter: str) -> None:
    """Let a filter set the priority of all jobs of lena and priya to 3."""
    cuebot("FilterInterface/SetType", filter={"id": job_filter}, type="MATCH_ANY")
    for user in ("lena", "priya"):
        data = {"subject": "USER", "type": "IS", "input": user}
        cuebot("FilterInterface/CreateMatcher", filter={"id": job_filter}, data=data)
    action = {"type": "SET_JOB_PRIORITY", "value_type": "INTEGER_TYPE", "integer_value": 3}
    cuebot("FilterInterface/CreateAction", filter={"id": job_filter}, data=action)


def test_a_filter_is_run_on_a_group_at_once(cuebot: Cuebot, filters: list[str]) -> None:
    """ManageFilter.runFilterOnGroup: finished jobs too, no groups below, and even if it is off."""
    any_job(cuebot, filters[0])
    cuebot("FilterInterface/SetEnabled", filter={"id": filters[0]}, enabled=False)
    before = cuebot.job(COMP).priority
    for name in ("light", "demo"):
        group = cuebot("GroupInterface/FindGroup", show="demo", name=name).group
        cuebot(
            "FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group={"id": group.id}
        )
    assert cuebot.job(COMP).priority == before
    comp = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    cuebot("FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group={"id": comp.id})
    assert [cuebot.job(name).priority for name in (COMP, OLD_COMP)] == [3, 3]
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group={"id": "no"}
    ) == ("INTERNAL", UNCAUGHT)


def test_a_filter_is_run_on_jobs_at_once(cuebot: Cuebot, filters: list[str]) -> None:
    """ManageFilter.runFilterOnJobs looks the jobs up one after the other, and stops at a gap."""
    any_job(cuebot, filters[0])
    before = cuebot.job(LIGHT).priority
    jobs = [{"id": cuebot.job(name).id} for name in (COMP, LIGHT, OLD_COMP)]
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnJobs",
        filter={"id": filters[0]},
        jobs={"jobs": [*jobs[:2], {"id": "no"}, jobs[2]]},
    ) == ("INTERNAL", UNCAUGHT)
    assert [cuebot.job(name).priority for name in (COMP, LIGHT)] == [3, before]
    assert cuebot.job(OLD_COMP).priority != 3
    cuebot("FilterInterface/RunFilterOnJobs", filter={"id": filters[0]}, jobs={"jobs": jobs})
    assert cuebot.job(OLD_COMP).priority == 3


@pytest.mark.parametrize(
    "method",
    ["CreateAction", "CreateMatcher", "GetActions", "GetMatchers", "RaiseOrder", "SetName"],
)
def test_a_filter_has_to_be_there(cuebot: Cuebot, method: str) -> None:
    """ManageFilter looks filters up by id, and catches nothing but in findFilter."""
    assert cuebot.refusal(f"FilterInterface/{method}", filter={"id": "no"}) == (
        "INTERNAL",
        UNCAUGHT,
    )
