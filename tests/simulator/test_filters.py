"""Filters: their matchers, actions and order, and what they do to jobs."""

from typing import Any

import pytest

from cuebot_simulator.world.filters import (
    add_action,
    add_filter,
    add_matcher,
    filters_of,
    run_filters,
)
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.new_entities import add_group
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import COMP, FINISHED, LIGHT, SMOKE, UNCAUGHT, VIOLATION, Cuebot

UNKNOWN_TYPE = "com.imageworks.spcue.SpcueRuntimeException: invalid action value type: UNRECOGNIZED"


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


def test_a_new_filter_is_the_last(cuebot: Cuebot, filters: list[str]) -> None:
    assert order(cuebot) == "abcd"
    last = cuebot.farm.filters[filters[-1]]
    assert last.enabled
    assert enum_name(last, "type") == "MATCH_ALL"
    assert len(set(filters)) == 4


def test_matchers_are_made_and_listed(cuebot: Cuebot, filters: list[str]) -> None:
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
    actions = cuebot("FilterInterface/GetActions", filter=demo_filter(cuebot)).actions
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
    ("data", "refusal"),
    [
        ({"value_type": "GROUP_TYPE", "group_value": "no"}, VIOLATION),
        ({"value_type": "FLOAT_TYPE", "float_value": 10_000}, VIOLATION),
        ({"value_type": 99}, ("INTERNAL", f"{UNKNOWN_TYPE}\n{UNKNOWN_TYPE.partition(': ')[2]}")),
    ],
    ids=["group", "number", "type"],
)
def test_what_an_action_must_not_be(
    cuebot: Cuebot, filters: list[str], data: dict[str, Any], refusal: tuple[str, str]
) -> None:
    to = {"id": filters[0]}
    assert cuebot.refusal("FilterInterface/CreateAction", filter=to, data=data) == refusal
    assert not cuebot("FilterInterface/GetActions", filter=to).actions.actions


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
    cuebot("FilterInterface/SetOrder", filter={"id": filters["abcd".index(name)]}, order=place)
    assert order(cuebot) == after


def test_a_filter_is_turned_off_named_and_typed(cuebot: Cuebot) -> None:
    found = demo_filter(cuebot)
    cuebot("FilterInterface/SetEnabled", filter=found, enabled=False)
    cuebot("FilterInterface/SetType", filter=found, type="MATCH_ALL")
    assert not demo_filter(cuebot).enabled
    assert enum_name(demo_filter(cuebot), "type") == "MATCH_ALL"
    cuebot("FilterInterface/SetName", filter=found, name="trainees")
    assert cuebot.farm.filters[found.id].name == "trainees"


def test_a_deleted_filter_goes_with_its_parts(cuebot: Cuebot, filters: list[str]) -> None:
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
    any_job(cuebot, filters[0])
    cuebot("FilterInterface/SetEnabled", filter={"id": filters[0]}, enabled=False)
    before = cuebot.job(COMP).priority
    for name in ("light", "demo"):
        group = cuebot("GroupInterface/FindGroup", show="demo", name=name).group
        cuebot("FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group=group)
    assert cuebot.job(COMP).priority == before
    comp = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    cuebot("FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group=comp)
    assert [cuebot.job(name).priority for name in (COMP, FINISHED)] == [3, 3]
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnGroup", filter={"id": filters[0]}, group={"id": "no"}
    ) == ("INTERNAL", UNCAUGHT)


def test_a_filter_is_run_on_jobs_at_once(cuebot: Cuebot, filters: list[str]) -> None:
    any_job(cuebot, filters[0])
    before = cuebot.job(LIGHT).priority
    jobs = [{"id": cuebot.job(name).id} for name in (COMP, LIGHT, FINISHED)]
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnJobs",
        filter={"id": filters[0]},
        jobs={"jobs": [*jobs[:2], {"id": "no"}, jobs[2]]},
    ) == ("INTERNAL", UNCAUGHT)
    assert [cuebot.job(name).priority for name in (COMP, LIGHT)] == [3, before]
    assert cuebot.job(FINISHED).priority != 3
    cuebot("FilterInterface/RunFilterOnJobs", filter={"id": filters[0]}, jobs={"jobs": jobs})
    assert cuebot.job(FINISHED).priority == 3


ALWAYS = ("SHOW", "IS", "demo")
GIGABYTE_KB = 1024 * 1024


def put(
    cuebot: Cuebot,
    *actions: dict[str, Any],
    matchers: tuple[tuple[str, str, str], ...] = (ALWAYS,),
    kind: str = "MATCH_ALL",
) -> Any:
    """A new filter of the demo show, its last."""
    farm = cuebot.farm
    job_filter = add_filter(farm, by_name(farm.shows, "demo"), "new")
    fill(job_filter, type=kind)
    for subject, how, text in matchers:
        data = farm.messages.new("filter.Matcher", subject=subject, type=how, input=text)
        add_matcher(farm, job_filter, data)
    for action in actions:
        add_action(farm, job_filter, farm.messages.new("filter.Action", **action))
    return job_filter


def priority(value: int) -> dict[str, Any]:
    return {"type": "SET_JOB_PRIORITY", "value_type": "INTEGER_TYPE", "integer_value": value}


def number(kind: str, value: float) -> dict[str, Any]:
    return {"type": kind, "value_type": "FLOAT_TYPE", "float_value": value}


def move(cuebot: Cuebot, group: str, show: str = "demo") -> dict[str, Any]:
    found = cuebot("GroupInterface/FindGroup", show=show, name=group).group
    return {"type": "MOVE_JOB_TO_GROUP", "value_type": "GROUP_TYPE", "group_value": found.id}


STOP = {"type": "STOP_PROCESSING", "value_type": "NONE_TYPE"}


def run(cuebot: Cuebot, name: str = COMP) -> Any:
    """The job of that name after its filters were run."""
    run_filters(cuebot.farm, cuebot.farm.pending_job(name))
    return cuebot.job(name)


def matched(cuebot: Cuebot, *matchers: tuple[str, str, str], kind: str = "MATCH_ALL") -> bool:
    put(cuebot, priority(5), matchers=matchers, kind=kind)
    return bool(run(cuebot).priority == 5)


@pytest.mark.parametrize(
    ("subject", "how", "text", "fits"),
    [
        ("JOB_NAME", "CONTAINS", "sh010-lena", True),
        ("JOB_NAME", "CONTAINS", "SH010", False),
        ("JOB_NAME", "DOES_NOT_CONTAIN", "sh020", True),
        ("JOB_NAME", "DOES_NOT_CONTAIN", "lena", False),
        ("JOB_NAME", "BEGINS_WITH", "demo-", True),
        ("JOB_NAME", "BEGINS_WITH", "sh010", False),
        ("JOB_NAME", "ENDS_WITH", "_v003", True),
        ("JOB_NAME", "ENDS_WITH", "comp", False),
        ("JOB_NAME", "REGEX", r"comp_v\d+$", True),
        ("JOB_NAME", "REGEX", r"^comp", False),
        ("JOB_NAME", "REGEX", "(", False),
        ("SHOW", "IS", "demo", True),
        ("SHOW", "IS_NOT", "demo", False),
        ("SHOT", "IS", "sh010", True),
        ("SHOT", "IS_NOT", "sh020", True),
        ("USER", "IS", "lena", True),
        ("USER", "IS", "len", False),
        ("PRIORITY", "IS", "100", True),
        ("FACILITY", "IS", "local", True),
        ("FACILITY", "IS", "lax", False),
        ("SERVICE_NAME", "IS", "ffmpeg", True),
        ("SERVICE_NAME", "IS_NOT", "ffmpeg", False),
        ("SERVICE_NAME", "DOES_NOT_CONTAIN", "arnold", True),
        ("LAYER_NAME", "BEGINS_WITH", "pre", True),
        ("LAYER_NAME", "IS", "beauty", False),
    ],
)
def test_what_a_matcher_looks_at(
    cuebot: Cuebot, subject: str, how: str, text: str, *, fits: bool
) -> None:
    assert matched(cuebot, (subject, how, text)) is fits


def test_a_matcher_looks_at_lower_case(cuebot: Cuebot) -> None:
    fill(cuebot.farm.pending_job(COMP), shot="SH010")
    assert not matched(cuebot, ("SHOT", "IS", "SH010"))
    assert matched(cuebot, ("SHOT", "IS", "sh010"))


@pytest.mark.parametrize(
    ("kind", "shots", "fits"),
    [
        ("MATCH_ANY", ("sh010", "no"), True),
        ("MATCH_ANY", ("no", "never"), False),
        ("MATCH_ALL", ("sh010", "no"), False),
        ("MATCH_ALL", ("sh010", "sh010"), True),
        ("MATCH_ALL", (), False),
        ("MATCH_ANY", (), False),
    ],
)
def test_how_many_matchers_have_to_fit(
    cuebot: Cuebot, kind: str, shots: tuple[str, ...], *, fits: bool
) -> None:
    assert matched(cuebot, *(("SHOT", "IS", shot) for shot in shots), kind=kind) is fits


def test_values_without_a_name_fit_nothing(cuebot: Cuebot) -> None:
    job_filter = put(cuebot, priority(5))
    for matcher in cuebot.farm.matchers.values():
        matcher.type = matcher.subject = 99
    assert run(cuebot).priority == 100
    assert job_filter.enabled


def test_filters_run_in_order_and_only_those_that_are_on(cuebot: Cuebot) -> None:
    first, second, off = (
        put(cuebot, priority(1)),
        put(cuebot, priority(2)),
        put(cuebot, priority(3)),
    )
    fill(off, enabled=False)
    assert run(cuebot).priority == 2
    cuebot("FilterInterface/OrderFirst", filter=second)
    assert run(cuebot).priority == 1
    assert filters_of(cuebot.farm, cuebot.farm.shows[cuebot.farm.parent_of[first.id]])[0] is second


def test_a_later_filter_sees_what_an_earlier_has_set(cuebot: Cuebot) -> None:
    put(cuebot, priority(7))
    put(cuebot, number("SET_JOB_MAX_CORES", 9), matchers=(("PRIORITY", "IS", "7"),))
    assert run(cuebot).max_cores == 9


def test_a_stop_ends_the_run(cuebot: Cuebot) -> None:
    put(cuebot, STOP, priority(1), matchers=(("SHOT", "IS", "no"),))
    put(cuebot, STOP, priority(2))
    put(cuebot, priority(3))
    assert run(cuebot).priority == 2


def test_what_is_set_in_a_job(cuebot: Cuebot) -> None:
    pause = {"type": "PAUSE_JOB", "value_type": "BOOLEAN_TYPE", "boolean_value": True}
    put(cuebot, pause, number("SET_JOB_MIN_CORES", 1.25), number("SET_JOB_MAX_CORES", 7.5))
    job = run(cuebot)
    assert (job.is_paused, job.min_cores, job.max_cores) == (True, 1.25, 7.5)
    put(cuebot, pause | {"boolean_value": False})
    assert not run(cuebot).is_paused


def test_a_job_moves_and_takes_the_defaults(cuebot: Cuebot) -> None:
    farm = cuebot.farm
    show = by_name(farm.shows, "demo")
    hero = add_group(farm, show, "hero", parent=farm.root_group(show))
    fill(
        hero,
        default_job_priority=0,
        default_job_min_cores=3,
        default_job_max_cores=30,
        default_job_max_gpus=5,
    )
    before = cuebot.job(COMP)
    put(cuebot, move(cuebot, "hero"))
    job = run(cuebot)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("hero", 0, 3, 30)
    assert job.max_gpus == before.max_gpus
    assert cuebot("GroupInterface/GetGroup", id=hero.id).group.group_stats.pending_jobs == 1


def test_what_an_action_has_set_is_not_taken_from_the_group(cuebot: Cuebot) -> None:
    farm = cuebot.farm
    fx = farm.groups[move(cuebot, "fx")["group_value"]]
    fill(fx, default_job_priority=1, default_job_min_cores=1, default_job_max_cores=1)
    put(cuebot, priority(77), number("SET_JOB_MIN_CORES", 2))
    put(cuebot, number("SET_JOB_MAX_CORES", 50), move(cuebot, "fx"))
    job = run(cuebot)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 77, 2, 50)


def test_a_move_without_a_group_is_passed_over(cuebot: Cuebot) -> None:
    put(cuebot, {"type": "MOVE_JOB_TO_GROUP", "value_type": "NONE_TYPE"}, priority(5))
    assert (run(cuebot).group, run(cuebot).priority) == ("comp", 5)


def test_a_move_to_another_show_ends_the_run(cuebot: Cuebot) -> None:
    put(cuebot, priority(5), move(cuebot, "light", "harbor"), number("SET_JOB_MAX_CORES", 1))
    put(cuebot, number("SET_JOB_MAX_CORES", 1))
    job = run(cuebot)
    assert (job.group, job.priority, job.max_cores) == ("comp", 5, 100)


def test_a_filter_that_is_run_by_hand_tells_what_fails(cuebot: Cuebot) -> None:
    job_filter = put(cuebot, priority(5), move(cuebot, "light", "harbor"))
    text = "error moving job, cannot move jobs between shows"
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnJobs",
        filter=job_filter,
        jobs={"jobs": [{"id": cuebot.job(COMP).id}]},
    ) == ("INTERNAL", f"com.imageworks.spcue.EntityModificationError: {text}\n{text}")
    assert cuebot.job(COMP).priority == 5


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        (
            {"type": "TAGS", "value_type": "STRING_TYPE", "string_value": "a | b |a"},
            "tags",
            ["a", "b"],
        ),
        (
            {"type": "MEMORY", "value_type": "INTEGER_TYPE", "integer_value": 9 * GIGABYTE_KB},
            "min_memory",
            9 * GIGABYTE_KB,
        ),
        (
            {"type": "MEMORY", "value_type": "INTEGER_TYPE", "integer_value": 1},
            "min_memory",
            GIGABYTE_KB // 4,
        ),
        (number("MIN_CORES", 1.5), "min_cores", 1.5),
        (number("MAX_CORES", 3.75), "max_cores", 3.75),
    ],
    ids=["tags", "memory", "least memory", "min cores", "max cores"],
)
@pytest.mark.parametrize("kind", ["RENDER", "UTIL", "PRE"])
def test_what_is_set_in_layers_of_a_kind(
    cuebot: Cuebot, kind: str, action: dict[str, Any], field: str, value: Any
) -> None:
    layers = {"RENDER": "comp", "UTIL": "preview"}
    before = {name: cuebot.layer(COMP, name) for name in layers.values()}
    name_of_type = f"SET_ALL_{kind}_LAYER_{action['type']}"
    types = cuebot.farm.messages.pool.FindEnumTypeByName("filter.ActionType")
    if name_of_type not in types.values_by_name:
        pytest.skip("this opencue-proto is older than the action")
    put(cuebot, action | {"type": name_of_type})
    run(cuebot)
    for name in layers.values():
        wanted = value if layers.get(kind) == name else getattr(before[name], field)
        found = getattr(cuebot.layer(COMP, name), field)
        assert (list(found) if field == "tags" else found) == wanted


def test_the_memory_optimizer_is_for_all_layers(cuebot: Cuebot) -> None:
    optimizer = {"type": "SET_MEMORY_OPTIMIZER", "value_type": "BOOLEAN_TYPE"}
    assert cuebot.layer(COMP, "preview").memory_optimizer_enabled
    put(cuebot, optimizer)
    run(cuebot)
    assert not cuebot.layer(COMP, "comp").memory_optimizer_enabled
    assert not cuebot.layer(COMP, "preview").memory_optimizer_enabled


def test_the_old_action_on_cores_does_nothing(cuebot: Cuebot) -> None:
    before = cuebot.layer(COMP, "comp")
    put(cuebot, number("SET_ALL_RENDER_LAYER_CORES", 5), priority(5))
    assert run(cuebot).priority == 5
    assert cuebot.layer(COMP, "comp") == before


def test_the_studios_filters_are_for_none_of_its_jobs(cuebot: Cuebot) -> None:
    for job in list(cuebot.farm.jobs.values()):
        before = cuebot.job(job.name)
        run_filters(cuebot.farm, job)
        assert cuebot.job(job.name) == before
    assert cuebot.job(SMOKE).is_paused


@pytest.mark.parametrize(
    "pattern", ["([a-z0-9_-]+)+#", "(" * 5000 + ")" * 5000, r"\d{99999999999}", "("]
)
def test_a_pattern_that_is_broken_or_takes_long_never_fits(cuebot: Cuebot, pattern: str) -> None:
    put(cuebot, priority(7), matchers=(("JOB_NAME", "REGEX", pattern),))
    put(cuebot, priority(8))
    run_filters(cuebot.farm, cuebot.farm.pending[COMP])
    assert cuebot.job(COMP).priority == 8


@pytest.fixture
def priority_action(cuebot: Cuebot) -> Any:
    """The action of the studio's dailies that sets a priority."""
    return listed_actions(cuebot)[1]


def listed_actions(cuebot: Cuebot) -> list[Any]:
    found = cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter
    return list(cuebot("FilterInterface/GetActions", filter=found).actions.actions)


def test_an_action_is_replaced(cuebot: Cuebot, priority_action: Any) -> None:
    cuebot(
        "ActionInterface/Commit",
        action={
            "id": priority_action.id,
            "type": "SET_JOB_MIN_CORES",
            "value_type": "FLOAT_TYPE",
            "float_value": 2.5,
            "integer_value": 9,
        },
    )
    after = listed_actions(cuebot)[1]
    assert (after.id, enum_name(after, "type")) == (priority_action.id, "SET_JOB_MIN_CORES")
    assert enum_name(after, "value_type") == "FLOAT_TYPE"
    assert (after.float_value, after.integer_value) == (2.5, 0)


def test_a_refused_action_stays_as_it_was(cuebot: Cuebot, priority_action: Any) -> None:
    code, _ = cuebot.refusal(
        "ActionInterface/Commit",
        action={"id": priority_action.id, "value_type": "GROUP_TYPE", "group_value": "no"},
    )
    assert code == "INTERNAL"
    assert listed_actions(cuebot)[1] == priority_action


def test_an_action_is_deleted_at_once(cuebot: Cuebot, priority_action: Any) -> None:
    cuebot("ActionInterface/Delete", action=priority_action)
    assert priority_action not in listed_actions(cuebot)
    assert cuebot.refusal("ActionInterface/Delete", action=priority_action) == (
        "INTERNAL",
        UNCAUGHT,
    )


@pytest.fixture
def matcher(cuebot: Cuebot) -> Any:
    """The first matcher of the studio's dailies."""
    return listed_matchers(cuebot)[0]


def dailies(cuebot: Cuebot) -> Any:
    return cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter


def listed_matchers(cuebot: Cuebot) -> list[Any]:
    found = cuebot("FilterInterface/GetMatchers", filter=dailies(cuebot))
    return list(found.matchers.matchers)


def test_a_matcher_is_replaced(cuebot: Cuebot, matcher: Any) -> None:
    cuebot("MatcherInterface/Commit", matcher={"id": matcher.id, "subject": "USER", "type": "IS"})
    after = listed_matchers(cuebot)[0]
    assert after.id == matcher.id
    assert (enum_name(after, "subject"), enum_name(after, "type")) == ("USER", "IS")
    assert after.input == ""


def test_a_matcher_is_deleted_at_once(cuebot: Cuebot, matcher: Any) -> None:
    cuebot("MatcherInterface/Delete", matcher=matcher)
    assert [each.id for each in listed_matchers(cuebot)] == [
        each.id for each in cuebot.farm.matchers.values() if each.input == "dailies"
    ]
