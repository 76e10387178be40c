"""limit.LimitInterface: limits, and what belongs to them."""

from typing import Any

import pytest

from tests.simulator.in_process import FOUND_TWO, UNCAUGHT, Cuebot
from tests.simulator.licenses import busy, has_licenses, limit

LIMIT_NOT_FOUND = ("NOT_FOUND", "Limit not found.")
BEAUTY = "demo-sh010-artist1_light_v012"


@pytest.fixture
def licensed(cuebot: Cuebot) -> Cuebot:
    """A cuebot whose opencue-proto knows of license reports."""
    if not has_licenses(cuebot):
        pytest.skip("this opencue-proto has no license reports")
    return cuebot


def test_a_limit_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """ManageLimit catches nothing in find and get, which look by name and by id."""
    found = limit(cuebot)
    assert (found.max_value, found.current_running) == (40, busy(cuebot))
    assert cuebot("LimitInterface/Get", id=found.id).limit == found
    limits = cuebot("LimitInterface/GetAll").limits
    assert [each.name for each in limits] == ["arnold", "nuke_render"]
    assert [each.current_running for each in limits] == [busy(cuebot), busy(cuebot, "nuke_render")]
    assert cuebot.refusal("LimitInterface/Find", name="x") == ("INTERNAL", UNCAUGHT)
    assert cuebot.refusal("LimitInterface/Get", id="x") == ("INTERNAL", UNCAUGHT)


def test_current_running_follows_what_runs(cuebot: Cuebot) -> None:
    """LimitDaoJdbc counts the running frames of layers that have the limit."""
    assert limit(cuebot).current_running > 0
    for name in list(cuebot.farm.pending):
        cuebot("JobInterface/Kill", job={"id": cuebot.job(name).id}, reason="test")
    cuebot.wait()
    assert limit(cuebot).current_running == 0


def test_a_second_limit_of_a_name_hides_both(cuebot: Cuebot) -> None:
    """The table has no unique index on names: ManageLimit.create makes it, and finds it by id."""
    made = cuebot("LimitInterface/Create", name="mari", max_value=3).limit
    assert limit(cuebot, "mari") == made
    assert (made.max_value, made.current_running) == (3, 0)
    second = cuebot("LimitInterface/Create", name="mari", max_value=4).limit
    assert (second.name, second.max_value) == ("mari", 4)
    assert cuebot("LimitInterface/Get", id=made.id).limit.max_value == 3
    for method in ("Find", "Delete", "SetMaxValue"):
        assert cuebot.refusal(f"LimitInterface/{method}", name="mari") == ("INTERNAL", FOUND_TWO)


def test_a_deleted_limit_limits_nothing(cuebot: Cuebot) -> None:
    """LimitDaoJdbc.deleteLimit; layers show only limits that there are, or one without a name."""
    cuebot("LimitInterface/Delete", name="arnold")
    assert cuebot.refusal("LimitInterface/Find", name="arnold") == ("INTERNAL", UNCAUGHT)
    assert cuebot.refusal("LimitInterface/Delete", name="arnold") == ("INTERNAL", UNCAUGHT)
    assert list(cuebot.layer(BEAUTY, "beauty").limits) == [""]
    cuebot.wait(300)
    cuebot("LimitInterface/Create", name="arnold", max_value=1)
    assert limit(cuebot).current_running == 0
    assert cuebot.farm.running_with["arnold"] == 0


def test_a_renamed_limit_goes_on_limiting(cuebot: Cuebot) -> None:
    """LimitDaoJdbc.setLimitName changes one row, to which layers and running frames belong."""
    before = limit(cuebot)
    cuebot("LimitInterface/Rename", old_name="arnold", new_name="karma")
    after = limit(cuebot, "karma")
    assert (after.id, after.current_running) == (before.id, before.current_running)
    assert cuebot.farm.running_with["karma"] == before.current_running
    assert list(cuebot.layer(BEAUTY, "beauty").limits) == ["karma"]
    cuebot.wait(400)
    assert cuebot.farm.running_with["karma"] == limit(cuebot, "karma").current_running
    refusal = cuebot.refusal("LimitInterface/Rename", old_name="x", new_name="y")
    assert refusal == ("INTERNAL", UNCAUGHT)
    made = cuebot("LimitInterface/Create", name="arnold", max_value=1).limit
    assert made.id != after.id


def test_no_more_run_than_the_max_value(cuebot: Cuebot) -> None:
    """The dispatcher starts frames below int_max_value only; what runs over it runs on."""
    before = limit(cuebot).current_running
    cuebot("LimitInterface/SetMaxValue", name="arnold", max_value=1)
    assert limit(cuebot).current_running == before
    cuebot.wait(300)
    assert limit(cuebot).current_running == 1
    refusal = cuebot.refusal("LimitInterface/SetMaxValue", name="x", max_value=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


# What opencue-proto 1.37 brought.


def test_a_limit_is_created_with_all_that_it_has(licensed: Cuebot) -> None:
    """ManageLimit.create takes type, enforcement, soft value and rule, or Cuebot's defaults."""
    plain = licensed("LimitInterface/Create", name="a", max_value=1, delay_minutes=5).limit
    assert (plain.type, plain.enforcement, plain.soft_value) == (0, 0, -1)
    assert (plain.report_ttl, plain.auto_tag, plain.delay_minutes) == (900, True, 0)
    rule = {"exit_status": 7, "delay_minutes": 5}
    made = licensed(
        "LimitInterface/Create", name="b", type="HOST", enforcement="ADVISORY", soft_value=2, **rule
    ).limit
    assert (made.type, made.enforcement, made.soft_value) == (1, 1, 2)
    assert (made.exit_status, made.delay_minutes, made.auto_tag) == (7, 5, False)
    refusal = licensed.refusal("LimitInterface/Create", name="c", exit_status=7)
    assert refusal == ("ALREADY_EXISTS", "Exit status 7 is already claimed by limit b")
    assert licensed.refusal("LimitInterface/Create", name="c", exit_status=1)[0] == (
        "INVALID_ARGUMENT"
    )
    assert licensed.refusal("LimitInterface/Find", name="c")[0] == "INTERNAL"


@pytest.mark.parametrize(
    ("method", "sent", "shown"),
    [
        ("SetType", {"type": "HOST"}, {"type": 1}),
        ("SetEnforcement", {"enforcement": "DISABLED"}, {"enforcement": 2}),
        ("SetSoftValue", {"soft_value": 3}, {"soft_value": 3}),
        ("SetSoftValue", {"soft_value": 0}, {"soft_value": -1}),
        ("SetReportTtl", {"report_ttl": 60}, {"report_ttl": 60}),
        ("SetReportTtl", {"report_ttl": -1}, {"report_ttl": 0}),
        (
            "SetFailureRule",
            {"exit_status": 9, "delay_minutes": 2, "auto_tag": True},
            {"exit_status": 9, "delay_minutes": 2, "auto_tag": True},
        ),
        (
            "SetFailureRule",
            {"exit_status": 0, "delay_minutes": 2},
            {"exit_status": 0, "delay_minutes": 2, "auto_tag": False},
        ),
    ],
)
def test_what_is_set_is_shown(
    licensed: Cuebot, method: str, sent: dict[str, Any], shown: dict[str, Any]
) -> None:
    """ManageLimit's later setters store what they are given, within LimitDaoJdbc's bounds."""
    licensed(f"LimitInterface/{method}", name="arnold", **sent)
    found = limit(licensed)
    assert {name: getattr(found, name) for name in shown} == shown
    assert licensed.refusal(f"LimitInterface/{method}", name="x", **sent) == LIMIT_NOT_FOUND


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"exit_status": 1}, "INVALID_ARGUMENT"),
        ({"exit_status": -3}, "INVALID_ARGUMENT"),
        ({"exit_status": 5, "delay_minutes": -1}, "INVALID_ARGUMENT"),
        ({"exit_status": 7}, "ALREADY_EXISTS"),
    ],
)
def test_a_rule_for_failures_has_to_make_sense(
    licensed: Cuebot, values: dict[str, int], code: str
) -> None:
    """AdminManagerService.setLimitFailureRule: above 1, and no other limit's."""
    licensed("LimitInterface/SetFailureRule", name="nuke_render", exit_status=7)
    licensed("LimitInterface/SetFailureRule", name="nuke_render", exit_status=7)
    refusal = licensed.refusal("LimitInterface/SetFailureRule", name="arnold", **values)
    assert refusal[0] == code
    assert limit(licensed).exit_status == 0


@pytest.mark.parametrize("name", ["type", "enforcement"])
def test_a_number_without_a_name_is_refused(licensed: Cuebot, name: str) -> None:
    """The database has a check constraint on the names of types and enforcements."""
    code, text = licensed.refusal(
        f"LimitInterface/Set{name.capitalize()}", name="arnold", **{name: 9}
    )
    assert (code, f"c_limit_record_ck_{name}" in text) == ("INTERNAL", True)


def test_bindings_are_the_layers_of_jobs(licensed: Cuebot) -> None:
    """LimitDaoJdbc.getBindings joins layers and jobs, the latest first."""
    found = licensed("LimitInterface/GetBindings", limit_name="arnold").bindings
    assert [each.job_name for each in found] == ["harbor-hb110-tomas_light_v004", BEAUTY]
    layer = licensed.layer(BEAUTY, "beauty")
    last = found[1]
    assert (last.layer_id, last.layer_name, list(last.services), last.source) == (
        layer.id,
        "beauty",
        ["arnold"],
        0,
    )
    assert (last.limit_id, last.create_time) == (
        limit(licensed).id,
        licensed.job(BEAUTY).start_time,
    )
    assert limit(licensed).spec_layer_count == 2
    values = {"limit_name": "arnold", "sources": ["SPEC"], "layer_ids": [layer.id]}
    assert len(licensed("LimitInterface/GetBindings", **values).bindings) == 1
    values = {"limit_name": "arnold", "sources": ["AUTO", "MANUAL"]}
    assert not licensed("LimitInterface/GetBindings", **values).bindings
    refusal = licensed.refusal("LimitInterface/GetBindings", limit_name="x")
    assert refusal == LIMIT_NOT_FOUND
    refusal = licensed.refusal("LimitInterface/GetBindings", limit_name="arnold", sources=[7])
    assert refusal == ("INVALID_ARGUMENT", "Unrecognized binding source.")


def test_bindings_of_launched_jobs_cannot_be_cleared(licensed: Cuebot) -> None:
    """AdminManagerService.clearLimitBindings refuses SPEC, and removes no such binding."""
    answer = licensed("LimitInterface/ClearBindings", limit_name="arnold")
    assert answer.removed == 0
    assert limit(licensed).spec_layer_count == 2
    values = {"limit_name": "arnold", "sources": ["SPEC"]}
    refusal = licensed.refusal("LimitInterface/ClearBindings", **values)
    assert refusal[0] == "INVALID_ARGUMENT"
    assert licensed.refusal("LimitInterface/ClearBindings", limit_name="x") == LIMIT_NOT_FOUND
