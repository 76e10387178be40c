"""limit.LimitInterface: who uses limits, what license servers report, and what limits block."""

from typing import Any

import pytest

from tests.simulator.in_process import Cuebot
from tests.simulator.licenses import busy, cue_hosts, has_licenses, holds, limit, report

LIMIT_NOT_FOUND = ("NOT_FOUND", "Limit not found.")


@pytest.fixture
def licensed(cuebot: Cuebot) -> Cuebot:
    """A cuebot whose opencue-proto knows of license reports."""
    if not has_licenses(cuebot):
        pytest.skip("this opencue-proto has no license reports")
    return cuebot


@pytest.mark.parametrize("enforcement", ["ADVISORY", "DISABLED"])
def test_only_an_enforced_limit_blocks(licensed: Cuebot, enforcement: str) -> None:
    """DispatchQuery looks at limits that are ENFORCED and no others."""
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=0)
    assert not limit(licensed).blocking_disabled
    licensed("LimitInterface/SetEnforcement", name="arnold", enforcement=enforcement)
    assert limit(licensed).blocking_disabled
    licensed.wait(300)
    assert limit(licensed).current_running > 0


def test_a_limit_of_hosts_lets_no_more_hosts_in(licensed: Cuebot) -> None:
    """DispatchQuery.limitFilter: a host that holds such a limit may have more, others not."""
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    found, hosts = limit(licensed), cue_hosts(licensed)
    assert found.current_running == found.current_usage == found.host_count == len(hosts)
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=len(hosts))
    before = busy(licensed)
    licensed.wait(10)
    assert busy(licensed) > before
    assert cue_hosts(licensed) == hosts


@pytest.mark.parametrize(("soft", "admitted"), [(1, False), (-1, True)])
def test_a_soft_value_keeps_others_out_first(licensed: Cuebot, soft: int, admitted: bool) -> None:
    """DispatchQuery.limitFilter: above the soft value only hosts that hold the limit may book."""
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    licensed("LimitInterface/SetSoftValue", name="arnold", soft_value=soft)
    hosts = cue_hosts(licensed)
    for name in hosts:
        licensed("HostInterface/Lock", host={"id": licensed.host(name).id})
    licensed("HostInterface/Unlock", host={"id": licensed.host("render-node-06").id})
    licensed.wait(10)
    assert ("render-node-06" in cue_hosts(licensed)) == admitted


def test_who_runs_frames_holds_the_limit(licensed: Cuebot) -> None:
    """LimitDaoJdbc.getHolds: a running frame is a token of its host, with source CUE."""
    found = holds(licensed, limit_name="arnold")
    assert {each.host_name for each in found} == cue_hosts(licensed)
    assert sum(each.tokens for each in found) == limit(licensed).current_running
    assert all((each.limit_name, each.source) == ("arnold", 0) for each in found)
    assert found[0].host_id == licensed.host(found[0].host_name).id
    every = holds(licensed)
    assert [each.limit_name for each in every] == sorted(each.limit_name for each in every)
    assert {each.limit_name for each in every} == {"arnold", "nuke_render"}
    one = holds(licensed, limit_name="arnold", host_name=f"{found[0].host_name.upper()}.lan")
    assert one == found[:1]
    refusal = licensed.refusal("LimitInterface/GetHolds", limit_name="x")
    assert refusal == LIMIT_NOT_FOUND
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    assert {each.tokens for each in holds(licensed, limit_name="arnold")} == {1}


def test_a_report_counts_instead_of_what_ran_before_it(licensed: Cuebot) -> None:
    """LimitDaoJdbc: usage is what the license server says, and what was booked since."""
    for proc in licensed.farm.procs.values():
        proc.dispatch_time = licensed.farm.now - 121
    host = sorted(cue_hosts(licensed))[0]
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


def test_booked_since_a_report_is_pending(licensed: Cuebot) -> None:
    """LimitDaoJdbc counts procs younger than the report, less two minutes to settle."""
    before = busy(licensed)
    report(licensed, ("ws-1", 5))
    found = limit(licensed)
    assert (found.settled_usage, found.pending_usage) == (5, before)
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=1)
    licensed.wait(300)
    assert limit(licensed).pending_usage == 0


def test_a_host_that_was_reported_is_not_pending_too(licensed: Cuebot) -> None:
    """LimitDaoJdbc.pendingHosts leaves out hosts that the license server has reported."""
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    hosts = sorted(cue_hosts(licensed))
    report(licensed, (hosts[0], 1), ("ws-1", 1))
    found = limit(licensed)
    assert (found.settled_usage, found.pending_usage) == (2, len(hosts) - 1)
    assert found.host_count == found.current_usage == len(hosts) + 1


def test_a_deleted_limit_is_held_by_nobody(licensed: Cuebot) -> None:
    """The database drops what was reported together with the limit."""
    report(licensed, ("ws-1", 1))
    licensed("LimitInterface/Delete", name="arnold")
    licensed("LimitInterface/Create", name="arnold", max_value=1)
    assert not holds(licensed, limit_name="arnold")


def test_a_report_replaces_the_one_before(licensed: Cuebot) -> None:
    """LimitDaoJdbc.replaceExternalHolds keeps the time of what has not changed, and most tokens."""
    report(licensed, ("ws-1", 1), ("ws-2", 1), ("ws-3", 1))
    first = licensed.farm.now
    licensed.wait(10)
    report(licensed, ("ws-1", 1), ("ws-2", 2), ("WS-2.lan", 4), ("ws-2.x", 3))
    reported = {each.host_name: each for each in holds(licensed, limit_name="arnold")}
    assert reported["ws-1"].report_time == first
    assert (reported["ws-2"].report_time, reported["ws-2"].tokens) == (first + 10, 4)
    assert "ws-3" not in reported


@pytest.mark.parametrize(
    ("seconds", "capture", "reason"), [(2, 0, "RATE_LIMITED"), (9, -20, "OUT_OF_ORDER")]
)
def test_a_report_too_soon_or_too_late_is_skipped(
    licensed: Cuebot, seconds: int, capture: int, reason: str
) -> None:
    """AdminManagerService.reportLimitUsage skips such a report and says why; others it takes."""
    report(licensed, ("ws-1", 1))
    licensed.wait(seconds)
    answer = report(licensed, ("ws-2", 1), capture_time=capture and licensed.farm.now + capture)
    [skipped] = answer.skipped_limits
    assert (skipped.limit_name, skipped.reason) == (
        "arnold",
        ["RATE_LIMITED", "OUT_OF_ORDER"].index(reason),
    )
    assert not answer.limits
    assert not holds(licensed, host_name="ws-2")
    licensed.wait(10)
    assert report(licensed, ("ws-2", 1)).limits


def test_reports_on_unknown_limits_are_listed(licensed: Cuebot) -> None:
    """AdminManagerService.reportLimitUsage: an unknown name is no error, zero tokens are one."""
    reports: list[dict[str, Any]] = [{"limit_name": "x"}, {"limit_name": "arnold"}]
    answer = licensed("LimitInterface/ReportUsage", reports=reports)
    assert list(answer.unknown_limits) == ["x"]
    assert [each.name for each in answer.limits] == ["arnold"]
    reports = [
        {"limit_name": "nuke_render"},
        {"limit_name": "x", "hosts": [{"host_name": "ws-1"}]},
    ]
    code, text = licensed.refusal("LimitInterface/ReportUsage", reports=reports)
    assert (code, text.partition(";")[0]) == (
        "INVALID_ARGUMENT",
        "Host ws-1 in limit x reports tokens <= 0",
    )
    assert limit(licensed, "nuke_render").last_report_time == 0


def test_an_old_report_blocks_nothing(licensed: Cuebot) -> None:
    """DispatchQuery: a limit whose report is older than its ttl no longer blocks."""
    licensed("LimitInterface/SetReportTtl", name="arnold", report_ttl=60)
    report(licensed, ("ws-1", 40))
    licensed.wait(30)
    found = limit(licensed)
    assert (found.report_stale, found.blocking_disabled) == (False, False)
    licensed.wait(270)
    found = limit(licensed)
    assert (found.report_stale, found.blocking_disabled) == (True, True)
    assert busy(licensed) > 0
    licensed("LimitInterface/SetReportTtl", name="arnold", report_ttl=0)
    assert not limit(licensed).report_stale
    licensed.wait(300)
    assert busy(licensed) == 0
