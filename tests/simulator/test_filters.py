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
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_group
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import COMP, Cuebot


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


def text(value: str) -> dict[str, Any]:
    return {"value_type": "STRING_TYPE", "string_value": value}


def integer(value: int) -> dict[str, Any]:
    return {"value_type": "INTEGER_TYPE", "integer_value": value}


def priority(value: int) -> dict[str, Any]:
    return {"type": "SET_JOB_PRIORITY", **integer(value)}


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
    ("words", "fits"),
    [
        ("JOB_NAME CONTAINS sh010-lena", True),
        ("JOB_NAME CONTAINS SH010", False),
        ("JOB_NAME DOES_NOT_CONTAIN sh020", True),
        ("JOB_NAME DOES_NOT_CONTAIN lena", False),
        ("JOB_NAME BEGINS_WITH demo-", True),
        ("JOB_NAME BEGINS_WITH sh010", False),
        ("JOB_NAME ENDS_WITH _v003", True),
        ("JOB_NAME ENDS_WITH comp", False),
        (r"JOB_NAME REGEX comp_v\d+$", True),
        ("JOB_NAME REGEX ^comp", False),
        ("SHOW IS demo", True),
        ("SHOW IS_NOT demo", False),
        ("SHOT IS sh010", True),
        ("USER IS len", False),
        ("PRIORITY IS 100", True),
        ("FACILITY IS lax", False),
        ("SERVICE_NAME IS ffmpeg", True),
        ("SERVICE_NAME IS_NOT ffmpeg", False),
        ("SERVICE_NAME DOES_NOT_CONTAIN arnold", True),
        ("LAYER_NAME BEGINS_WITH pre", True),
        ("LAYER_NAME IS beauty", False),
    ],
)
def test_what_a_matcher_looks_at(cuebot: Cuebot, words: str, *, fits: bool) -> None:
    subject, how, text = words.split()
    assert matched(cuebot, (subject, how, text)) is fits


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


def test_filters_run_in_order_and_only_those_that_are_on(cuebot: Cuebot) -> None:
    first, second, off = (put(cuebot, priority(number)) for number in (1, 2, 3))
    fill(off, enabled=False)
    assert run(cuebot).priority == 2
    cuebot("FilterInterface/OrderFirst", filter=second)
    assert run(cuebot).priority == 1
    assert filters_of(cuebot.farm, cuebot.farm.shows[cuebot.farm.parent_of[first.id]])[0] is second


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
    fill(hero, default_job_priority=0, default_job_min_cores=3, default_job_max_cores=30)
    put(cuebot, move(cuebot, "hero"))
    job = run(cuebot)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("hero", 0, 3, 30)
    assert cuebot("GroupInterface/GetGroup", id=hero.id).group.group_stats.pending_jobs == 1


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ({"type": "TAGS", **text("a | b |a")}, "tags", ["a", "b"]),
        ({"type": "MEMORY", **integer(9 * GIGABYTE_KB)}, "min_memory", 9 * GIGABYTE_KB),
        ({"type": "MEMORY", **integer(1)}, "min_memory", GIGABYTE_KB // 4),
        (number("MIN_CORES", 1.5), "min_cores", 1.5),
        (number("MAX_CORES", 3.75), "max_cores", 3.75),
    ],
)
@pytest.mark.parametrize("kind", ["RENDER", "UTIL", "PRE"])
def test_what_is_set_in_layers_of_a_kind(
    cuebot: Cuebot, kind: str, action: dict[str, Any], field: str, value: Any
) -> None:
    layers = {"RENDER": "comp", "UTIL": "preview"}
    before = {name: cuebot.layer(COMP, name) for name in layers.values()}
    name_of_type = f"SET_ALL_{kind}_LAYER_{action['type']}"
    put(cuebot, action | {"type": name_of_type})
    run(cuebot)
    for name in layers.values():
        wanted = value if layers.get(kind) == name else getattr(before[name], field)
        found = getattr(cuebot.layer(COMP, name), field)
        assert (list(found) if field == "tags" else found) == wanted


@pytest.mark.parametrize(
    "pattern", ["([a-z0-9_-]+)+#", "(" * 5000 + ")" * 5000, r"\d{99999999999}", "("]
)
def test_a_pattern_that_is_broken_or_takes_long_never_fits(cuebot: Cuebot, pattern: str) -> None:
    put(cuebot, priority(7), matchers=(("JOB_NAME", "REGEX", pattern),))
    put(cuebot, priority(8))
    run_filters(cuebot.farm, cuebot.farm.pending[COMP])
    assert cuebot.job(COMP).priority == 8
