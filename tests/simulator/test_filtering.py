"""What filters do to jobs."""

from typing import Any

import pytest

from cuebot_simulator.world.additions import add_group
from cuebot_simulator.world.filtering import run_filters
from cuebot_simulator.world.filters import add_action, add_filter, add_matcher, filters_of
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import by_name
from tests.simulator.desk import Desk

COMP = "demo-sh010-lena_comp_v003"
SMOKE = "demo-sh020-marco_smoke_v001"
ALWAYS = ("SHOW", "IS", "demo")
GIGABYTE = 1024 * 1024


def put(
    desk: Desk,
    *actions: dict[str, Any],
    matchers: tuple[tuple[str, str, str], ...] = (ALWAYS,),
    kind: str = "MATCH_ALL",
) -> Any:
    """A new filter of the demo show, its last."""
    farm = desk.farm
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


def move(desk: Desk, group: str, show: str = "demo") -> dict[str, Any]:
    found = desk("GroupInterface/FindGroup", show=show, name=group).group
    return {
        "type": "MOVE_JOB_TO_GROUP",
        "value_type": "GROUP_TYPE",
        "group_value": found.id,
    }


STOP = {"type": "STOP_PROCESSING", "value_type": "NONE_TYPE"}


def run(desk: Desk, name: str = COMP) -> Any:
    """The job of that name after its filters were run."""
    run_filters(desk.farm, desk.farm.pending_job(name))
    return desk.job(name)


def matched(desk: Desk, *matchers: tuple[str, str, str], kind: str = "MATCH_ALL") -> bool:
    put(desk, priority(5), matchers=matchers, kind=kind)
    return bool(run(desk).priority == 5)


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
    desk: Desk, subject: str, how: str, text: str, *, fits: bool
) -> None:
    """FilterManagerService.isMatch: any layer or service may fit, none if it must not."""
    assert matched(desk, (subject, how, text)) is fits


def test_a_matcher_looks_at_lower_case(desk: Desk) -> None:
    """FilterManagerService.isMatch lowers what is in the job, but not what is looked for."""
    fill(desk.farm.pending_job(COMP), shot="SH010")
    assert not matched(desk, ("SHOT", "IS", "SH010"))
    assert matched(desk, ("SHOT", "IS", "sh010"))


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
    desk: Desk, kind: str, shots: tuple[str, ...], *, fits: bool
) -> None:
    """FilterManagerService.match: any or all, and a filter without matchers is for no job."""
    assert matched(desk, *(("SHOT", "IS", shot) for shot in shots), kind=kind) is fits


def test_values_without_a_name_fit_nothing(desk: Desk) -> None:
    """A client may send any number for an enum: FilterManagerService knows no such match."""
    job_filter = put(desk, priority(5))
    for matcher in desk.farm.matchers.values():
        matcher.type = matcher.subject = 99
    assert run(desk).priority == 100
    assert job_filter.enabled


def test_filters_run_in_order_and_only_those_that_are_on(desk: Desk) -> None:
    """FilterDaoJdbc.getActiveFilters: by order, of the job's show, enabled."""
    first, second, off = put(desk, priority(1)), put(desk, priority(2)), put(desk, priority(3))
    fill(off, enabled=False)
    assert run(desk).priority == 2
    desk("FilterInterface/OrderFirst", filter={"id": second.id})
    assert run(desk).priority == 1
    assert filters_of(desk.farm, desk.farm.shows[desk.farm.parent_of[first.id]])[0] is second


def test_a_later_filter_sees_what_an_earlier_has_set(desk: Desk) -> None:
    """FilterManagerService.applyAction sets the priority in the job that it goes on with."""
    put(desk, priority(7))
    put(desk, number("SET_JOB_MAX_CORES", 9), matchers=(("PRIORITY", "IS", "7"),))
    assert run(desk).max_cores == 9


def test_a_stop_ends_the_run(desk: Desk) -> None:
    """STOP_PROCESSING is done after the filter's other actions, and before the next filter."""
    put(desk, STOP, priority(1), matchers=(("SHOT", "IS", "no"),))
    put(desk, STOP, priority(2))
    put(desk, priority(3))
    assert run(desk).priority == 2


def test_what_is_set_in_a_job(desk: Desk) -> None:
    """FilterManagerService.applyAction: hundredths of cores, pause and resume."""
    pause = {"type": "PAUSE_JOB", "value_type": "BOOLEAN_TYPE", "boolean_value": True}
    put(desk, pause, number("SET_JOB_MIN_CORES", 1.25), number("SET_JOB_MAX_CORES", 7.5))
    job = run(desk)
    assert (job.is_paused, job.min_cores, job.max_cores) == (True, 1.25, 7.5)
    put(desk, pause | {"boolean_value": False})
    assert not run(desk).is_paused


def test_a_job_moves_and_takes_the_defaults(desk: Desk) -> None:
    """MOVE_JOB_TO_GROUP: priority and cores come with the group, GPUs do not."""
    farm = desk.farm
    show = by_name(farm.shows, "demo")
    hero = add_group(farm, show, "hero", parent=farm.root_group(show))
    fill(
        hero,
        default_job_priority=0,
        default_job_min_cores=3,
        default_job_max_cores=30,
        default_job_max_gpus=5,
    )
    before = desk.job(COMP)
    put(desk, move(desk, "hero"))
    job = run(desk)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("hero", 0, 3, 30)
    assert job.max_gpus == before.max_gpus
    assert desk("GroupInterface/GetGroup", id=hero.id).group.group_stats.pending_jobs == 1


def test_what_an_action_has_set_is_not_taken_from_the_group(desk: Desk) -> None:
    """FilterManagerService.Context remembers it over all filters of a run."""
    farm = desk.farm
    fx = farm.groups[move(desk, "fx")["group_value"]]
    fill(fx, default_job_priority=1, default_job_min_cores=1, default_job_max_cores=1)
    put(desk, priority(77), number("SET_JOB_MIN_CORES", 2))
    put(desk, number("SET_JOB_MAX_CORES", 50), move(desk, "fx"))
    job = run(desk)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 77, 2, 50)


def test_a_move_without_a_group_is_passed_over(desk: Desk) -> None:
    """FilterManagerService.applyAction goes on with the next action."""
    put(desk, {"type": "MOVE_JOB_TO_GROUP", "value_type": "NONE_TYPE"}, priority(5))
    assert (run(desk).group, run(desk).priority) == ("comp", 5)


def test_a_move_to_another_show_ends_the_run(desk: Desk) -> None:
    """JobDaoJdbc.updateParent throws: what comes before is done, what comes after is not."""
    put(desk, priority(5), move(desk, "light", "harbor"), number("SET_JOB_MAX_CORES", 1))
    put(desk, number("SET_JOB_MAX_CORES", 1))
    job = run(desk)
    assert (job.group, job.priority, job.max_cores) == ("comp", 5, 100)


def test_a_filter_that_is_run_by_hand_tells_what_fails(desk: Desk) -> None:
    """ManageFilter.runFilterOnJobs does not catch what JobDaoJdbc.updateParent throws."""
    job_filter = put(desk, priority(5), move(desk, "light", "harbor"))
    text = "error moving job, cannot move jobs between shows"
    assert desk.refusal(
        "FilterInterface/RunFilterOnJobs",
        filter={"id": job_filter.id},
        jobs={"jobs": [{"id": desk.job(COMP).id}]},
    ) == ("INTERNAL", f"com.imageworks.spcue.EntityModificationError: {text}\n{text}")
    assert desk.job(COMP).priority == 5


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        (
            {"type": "TAGS", "value_type": "STRING_TYPE", "string_value": "a | b |a"},
            "tags",
            ["a", "b"],
        ),
        (
            {"type": "MEMORY", "value_type": "INTEGER_TYPE", "integer_value": 9 * GIGABYTE},
            "min_memory",
            9 * GIGABYTE,
        ),
        (
            {"type": "MEMORY", "value_type": "INTEGER_TYPE", "integer_value": 1},
            "min_memory",
            GIGABYTE // 4,
        ),
        (number("MIN_CORES", 1.5), "min_cores", 1.5),
        (number("MAX_CORES", 3.75), "max_cores", 3.75),
    ],
    ids=["tags", "memory", "least memory", "min cores", "max cores"],
)
@pytest.mark.parametrize("kind", ["RENDER", "UTIL", "PRE"])
def test_what_is_set_in_layers_of_a_kind(
    desk: Desk, kind: str, action: dict[str, Any], field: str, value: Any
) -> None:
    """LayerDaoJdbc sets it in all layers of the job that are of that kind, and in no others."""
    layers = {"RENDER": "comp", "UTIL": "preview"}
    before = {name: desk.layer(COMP, name) for name in layers.values()}
    name_of_type = f"SET_ALL_{kind}_LAYER_{action['type']}"
    types = desk.farm.messages.pool.FindEnumTypeByName("filter.ActionType")
    if name_of_type not in types.values_by_name:
        pytest.skip("this opencue-proto is older than the action")
    put(desk, action | {"type": name_of_type})
    run(desk)
    for name in layers.values():
        wanted = value if layers.get(kind) == name else getattr(before[name], field)
        found = getattr(desk.layer(COMP, name), field)
        assert (list(found) if field == "tags" else found) == wanted


def test_the_memory_optimizer_is_for_all_layers(desk: Desk) -> None:
    """SET_MEMORY_OPTIMIZER has no kind of layer."""
    optimizer = {"type": "SET_MEMORY_OPTIMIZER", "value_type": "BOOLEAN_TYPE"}
    assert desk.layer(COMP, "preview").memory_optimizer_enabled
    put(desk, optimizer)
    run(desk)
    assert not desk.layer(COMP, "comp").memory_optimizer_enabled
    assert not desk.layer(COMP, "preview").memory_optimizer_enabled


def test_the_old_action_on_cores_does_nothing(desk: Desk) -> None:
    """SET_ALL_RENDER_LAYER_CORES has had no effect since it became two; it stops nothing either."""
    before = desk.layer(COMP, "comp")
    put(desk, number("SET_ALL_RENDER_LAYER_CORES", 5), priority(5))
    assert run(desk).priority == 5
    assert desk.layer(COMP, "comp") == before


def test_the_studios_filters_are_for_none_of_its_jobs(desk: Desk) -> None:
    """A run of filters that do not match changes nothing."""
    for job in list(desk.farm.jobs.values()):
        before = desk.job(job.name)
        run_filters(desk.farm, job)
        assert desk.job(job.name) == before
    assert desk.job(SMOKE).is_paused


@pytest.mark.parametrize(
    "pattern", ["([a-z0-9_-]+)+#", "(" * 5000 + ")" * 5000, r"\d{99999999999}", "("]
)
def test_a_pattern_that_is_broken_or_takes_long_never_fits(desk: Desk, pattern: str) -> None:
    """MatcherDao keeps any text; the filter is for no job then, and the others still run."""
    put(desk, priority(7), matchers=(("JOB_NAME", "REGEX", pattern),))
    put(desk, priority(8))
    run_filters(desk.farm, desk.farm.pending[COMP])
    assert desk.job(COMP).priority == 8
