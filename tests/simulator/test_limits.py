"""Limits and license reports."""

from typing import Any

import pytest

from cuebot_simulator.world.studio_data import LONG
from tests.simulator.in_process import LIGHT, UNCAUGHT, Cuebot


def limit(cuebot: Cuebot, name: str = "arnold") -> Any:
    return cuebot("LimitInterface/Find", name=name).limit


def holds(cuebot: Cuebot, **values: Any) -> list[Any]:
    return list(cuebot("LimitInterface/GetHolds", **values).holds)


def report(cuebot: Cuebot, *hosts: tuple[str, int], **values: Any) -> Any:
    """Report that these hosts hold so many tokens of arnold."""
    holders = [{"host_name": name, "tokens": tokens, "user": "ana"} for name, tokens in hosts]
    reports = [{"limit_name": "arnold", "hosts": holders, **values}]
    return cuebot("LimitInterface/ReportUsage", reports=reports, source="test")


def holders(cuebot: Cuebot) -> list[str]:
    """The names of the hosts on which frames run with arnold, one for each frame."""
    farm = cuebot.farm
    return [
        farm.host_with(proc).name
        for proc in farm.procs.values()
        if "arnold" in farm.layer_of(farm.frames[farm.parent_of[proc.id]]).limits
    ]


LIMIT_NOT_FOUND = ("NOT_FOUND", "Limit not found.")


@pytest.fixture
def licensed(cuebot: Cuebot) -> Cuebot:
    """A cuebot whose opencue-proto knows of license reports."""
    service = cuebot.farm.messages.pool.FindServiceByName("limit.LimitInterface")
    if "GetHolds" not in service.methods_by_name:
        pytest.skip("this opencue-proto has no license reports")
    return cuebot


def test_a_renamed_limit_goes_on_limiting(cuebot: Cuebot) -> None:
    before = limit(cuebot)
    cuebot("LimitInterface/Rename", old_name="arnold", new_name="karma")
    after = limit(cuebot, "karma")
    assert (after.id, after.current_running) == (before.id, before.current_running)
    assert cuebot.farm.running_with["karma"] == before.current_running
    assert list(cuebot.layer(LIGHT, "beauty").limits) == ["karma"]
    cuebot.wait(400)
    assert cuebot.farm.running_with["karma"] == limit(cuebot, "karma").current_running
    refusal = cuebot.refusal("LimitInterface/Rename", old_name="x", new_name="y")
    assert refusal == ("INTERNAL", UNCAUGHT)
    made = cuebot("LimitInterface/Create", name="arnold", max_value=1).limit
    assert made.id != after.id


def test_no_more_run_than_the_max_value(cuebot: Cuebot) -> None:
    before = limit(cuebot).current_running
    cuebot("LimitInterface/SetMaxValue", name="arnold", max_value=1)
    assert limit(cuebot).current_running == before
    cuebot.wait(LONG[1])
    assert limit(cuebot).current_running == 1
    refusal = cuebot.refusal("LimitInterface/SetMaxValue", name="x", max_value=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize(
    ("method", "sent", "shown"),
    [
        ("SetType", {"type": "HOST"}, {"type": 1}),
        ("SetEnforcement", {"enforcement": "DISABLED"}, {"enforcement": 2}),
        ("SetSoftValue", {"soft_value": 3}, {"soft_value": 3}),
        ("SetSoftValue", {"soft_value": 0}, {"soft_value": -1}),
        ("SetReportTtl", {"report_ttl": 60}, {"report_ttl": 60}),
        ("SetReportTtl", {"report_ttl": -1}, {"report_ttl": 0}),
        ("SetFailureRule", {"exit_status": 9}, {"exit_status": 9, "auto_tag": False}),
    ],
)
def test_what_is_set_is_shown(
    licensed: Cuebot, method: str, sent: dict[str, Any], shown: dict[str, Any]
) -> None:
    licensed(f"LimitInterface/{method}", name="arnold", **sent)
    found = limit(licensed)
    assert {name: getattr(found, name) for name in shown} == shown
    assert licensed.refusal(f"LimitInterface/{method}", name="x", **sent) == LIMIT_NOT_FOUND


def test_a_limit_of_hosts_lets_no_more_hosts_in(licensed: Cuebot) -> None:
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    found, hosts = limit(licensed), set(holders(licensed))
    assert found.current_running == found.current_usage == found.host_count == len(hosts)
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=len(hosts))
    before = len(holders(licensed))
    licensed.wait(10)
    assert len(holders(licensed)) > before
    assert set(holders(licensed)) == hosts


def test_a_report_counts_instead_of_what_ran_before_it(licensed: Cuebot) -> None:
    for proc in licensed.farm.procs.values():
        proc.dispatch_time = licensed.farm.now - 121
    host = min(holders(licensed))
    answer = report(licensed, (f"{host.upper()}.studio", 2), ("ws-1", 1), total_licenses=25)
    [found] = answer.limits
    assert (found.settled_usage, found.pending_usage, found.current_running) == (3, 0, 3)
    assert (found.max_value, found.host_count, found.report_source) == (25, 2, "test")
    assert found.last_report_time == licensed.farm.now
    sources = {each.host_name: each.source for each in holds(licensed, limit_name="arnold")}
    assert (sources[host], sources["ws-1"]) == (2, 1)
    outside = holds(licensed, host_name="WS-1.lan")
    assert [(each.tokens, each.user, each.host_id) for each in outside] == [(1, "ana", "")]
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    assert limit(licensed).settled_usage == 2


def test_an_old_report_blocks_nothing(licensed: Cuebot) -> None:
    licensed("LimitInterface/SetReportTtl", name="arnold", report_ttl=60)
    report(licensed, ("ws-1", 40))
    licensed.wait(30)
    found = limit(licensed)
    assert (found.report_stale, found.blocking_disabled) == (False, False)
    licensed.wait(270)
    found = limit(licensed)
    assert (found.report_stale, found.blocking_disabled) == (True, True)
    assert holders(licensed)
    licensed("LimitInterface/SetReportTtl", name="arnold", report_ttl=0)
    assert not limit(licensed).report_stale
    licensed.wait(LONG[1])
    assert not holders(licensed)
