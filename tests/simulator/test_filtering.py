"""What filters do to jobs."""

from typing import Any

import pytest

from cuebot_simulator.world.filtering import run_filters
from cuebot_simulator.world.filters import add_action, add_filter, add_matcher, filters_of
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_group
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import Cuebot

COMP = "demo-sh010-lena_comp_v003"
SMOKE = "demo-sh020-marco_smoke_v001"
ALWAYS = ("SHOW", "IS", "demo")
GIGABYTE = 1024 * 1024


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
    return {
        "type": "MOVE_JOB_TO_GROUP",
        "value_type": "GROUP_TYPE",
        "group_value": found.id,
    }


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
    """FilterManagerService.isMatch: any layer or service may fit, none if it must not."""
    assert matched(cuebot, (subject, how, text)) is fits


def test_a_matcher_looks_at_lower_case(cuebot: Cuebot) -> None:
    """FilterManagerService.isMatch lowers what is in the job, but not what is looked for."""
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
    """FilterManagerService.match: any or all, and a filter without matchers is for no job."""
    assert matched(cuebot, *(("SHOT", "IS", shot) for shot in shots), kind=kind) is fits


def test_values_without_a_name_fit_nothing(cuebot: Cuebot) -> None:
    """A client may send any number for an enum: FilterManagerService knows no such match."""
    job_filter = put(cuebot, priority(5))
    for matcher in cuebot.farm.matchers.values():
        matcher.type = matcher.subject = 99
    assert run(cuebot).priority == 100
    assert job_filter.enabled


def test_filters_run_in_order_and_only_those_that_are_on(cuebot: Cuebot) -> None:
    """FilterDaoJdbc.getActiveFilters: by order, of the job's show, enabled."""
    first, second, off = (
        put(cuebot, priority(1)),
        put(cuebot, priority(2)),
        put(cuebot, priority(3)),
    )
    fill(off, enabled=False)
    assert run(cuebot).priority == 2
    cuebot("FilterInterface/OrderFirst", filter={"id": second.id})
    assert run(cuebot).priority == 1
    assert filters_of(cuebot.farm, cuebot.farm.shows[cuebot.farm.parent_of[first.id]])[0] is second


def test_a_later_filter_sees_what_an_earlier_has_set(cuebot: Cuebot) -> None:
    """FilterManagerService.applyAction sets the priority in the job that it goes on with."""
    put(cuebot, priority(7))
    put(cuebot, number("SET_JOB_MAX_CORES", 9), matchers=(("PRIORITY", "IS", "7"),))
    assert run(cuebot).max_cores == 9


def test_a_stop_ends_the_run(cuebot: Cuebot) -> None:
    """STOP_PROCESSING is done after the filter's other actions, and before the next filter."""
    put(cuebot, STOP, priority(1), matchers=(("SHOT", "IS", "no"),))
    put(cuebot, STOP, priority(2))
    put(cuebot, priority(3))
    assert run(cuebot).priority == 2


def test_what_is_set_in_a_job(cuebot: Cuebot) -> None:
    """FilterManagerService.applyAction: hundredths of cores, pause and resume."""
    pause = {"type": "PAUSE_JOB", "value_type": "BOOLEAN_TYPE", "boolean_value": True}
    put(cuebot, pause, number("SET_JOB_MIN_CORES", 1.25), number("SET_JOB_MAX_CORES", 7.5))
    job = run(cuebot)
    assert (job.is_paused, job.min_cores, job.max_cores) == (True, 1.25, 7.5)
    put(cuebot, pause | {"boolean_value": False})
    assert not run(cuebot).is_paused


def test_a_job_moves_and_takes_the_defaults(cuebot: Cuebot) -> None:
    """MOVE_JOB_TO_GROUP: priority and cores come with the group, GPUs do not."""
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
    """FilterManagerService.Context remembers it over all filters of a run."""
    farm = cuebot.farm
    fx = farm.groups[move(cuebot, "fx")["group_value"]]
    fill(fx, default_job_priority=1, default_job_min_cores=1, default_job_max_cores=1)
    put(cuebot, priority(77), number("SET_JOB_MIN_CORES", 2))
    put(cuebot, number("SET_JOB_MAX_CORES", 50), move(cuebot, "fx"))
    job = run(cuebot)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 77, 2, 50)


def test_a_move_without_a_group_is_passed_over(cuebot: Cuebot) -> None:
    """FilterManagerService.applyAction goes on with the next action."""
    put(cuebot, {"type": "MOVE_JOB_TO_GROUP", "value_type": "NONE_TYPE"}, priority(5))
    assert (run(cuebot).group, run(cuebot).priority) == ("comp", 5)


def test_a_move_to_another_show_ends_the_run(cuebot: Cuebot) -> None:
    """JobDaoJdbc.updateParent throws: what comes before is done, what comes after is not."""
    put(cuebot, priority(5), move(cuebot, "light", "harbor"), number("SET_JOB_MAX_CORES", 1))
    put(cuebot, number("SET_JOB_MAX_CORES", 1))
    job = run(cuebot)
    assert (job.group, job.priority, job.max_cores) == ("comp", 5, 100)


def test_a_filter_that_is_run_by_hand_tells_what_fails(cuebot: Cuebot) -> None:
    """ManageFilter.runFilterOnJobs does not catch what JobDaoJdbc.updateParent throws."""
    job_filter = put(cuebot, priority(5), move(cuebot, "light", "harbor"))
    text = "error moving job, cannot move jobs between shows"
    assert cuebot.refusal(
        "FilterInterface/RunFilterOnJobs",
        filter={"id": job_filter.id},
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
    cuebot: Cuebot, kind: str, action: dict[str, Any], field: str, value: Any
) -> None:
    """LayerDaoJdbc sets it in all layers of the job that are of that kind, and in no others."""
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
    """SET_MEMORY_OPTIMIZER has no kind of layer."""
    optimizer = {"type": "SET_MEMORY_OPTIMIZER", "value_type": "BOOLEAN_TYPE"}
    assert cuebot.layer(COMP, "preview").memory_optimizer_enabled
    put(cuebot, optimizer)
    run(cuebot)
    assert not cuebot.layer(COMP, "comp").memory_optimizer_enabled
    assert not cuebot.layer(COMP, "preview").memory_optimizer_enabled


def test_the_old_action_on_cores_does_nothing(cuebot: Cuebot) -> None:
    """SET_ALL_RENDER_LAYER_CORES has had no effect since it became two; it stops nothing either."""
    before = cuebot.layer(COMP, "comp")
    put(cuebot, number("SET_ALL_RENDER_LAYER_CORES", 5), priority(5))
    assert run(cuebot).priority == 5
    assert cuebot.layer(COMP, "comp") == before


def test_the_studios_filters_are_for_none_of_its_jobs(cuebot: Cuebot) -> None:
    """A run of filters that do not match changes nothing."""
    for job in list(cuebot.farm.jobs.values()):
        before = cuebot.job(job.name)
        run_filters(cuebot.farm, job)
        assert cuebot.job(job.name) == before
    assert cuebot.job(SMOKE).is_paused


@pytest.mark.parametrize(
    "pattern", ["([a-z0-9_-]+)+#", "(" * 5000 + ")" * 5000, r"\d{99999999999}", "("]
)
def test_a_pattern_that_is_broken_or_takes_long_never_fits(cuebot: Cuebot, pattern: str) -> None:
    """MatcherDao keeps any text; the filter is for no job then, and the others still run."""
    put(cuebot, priority(7), matchers=(("JOB_NAME", "REGEX", pattern),))
    put(cuebot, priority(8))
    run_filters(cuebot.farm, cuebot.farm.pending[COMP])
    assert cuebot.job(COMP).priority == 8
