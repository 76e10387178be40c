"""Limits and license reports."""

from typing import Any

import pytest

from tests.simulator.in_process import HARBOR, LIGHT, UNCAUGHT, Cuebot


def has_licenses(cuebot: Cuebot) -> bool:
    """Whether this opencue-proto knows of license reports."""
    service = cuebot.farm.messages.pool.FindServiceByName("limit.LimitInterface")
    return "GetHolds" in service.methods_by_name


def limit(cuebot: Cuebot, name: str = "arnold") -> Any:
    return cuebot("LimitInterface/Find", name=name).limit


def holds(cuebot: Cuebot, **values: Any) -> list[Any]:
    return list(cuebot("LimitInterface/GetHolds", **values).holds)


def report(cuebot: Cuebot, *hosts: tuple[str, int], **values: Any) -> Any:
    """Report that these hosts hold so many tokens of arnold."""
    holders = [{"host_name": name, "tokens": tokens, "user": "ana"} for name, tokens in hosts]
    reports = [{"limit_name": "arnold", "hosts": holders, **values}]
    return cuebot("LimitInterface/ReportUsage", reports=reports, source="test")


def cue_hosts(cuebot: Cuebot, name: str = "arnold") -> set[str]:
    """The names of the hosts on which frames run with a limit."""
    farm = cuebot.farm
    frames = {proc.id: farm.frames[farm.parent_of[proc.id]] for proc in farm.procs.values()}
    return {
        farm.host_with(proc).name
        for proc in farm.procs.values()
        if name in farm.layer_of(frames[proc.id]).limits
    }


def busy(cuebot: Cuebot, name: str = "arnold") -> int:
    """How many frames run with a limit."""
    return sum(
        name in cuebot.farm.layer_of(cuebot.farm.frames[cuebot.farm.parent_of[proc]]).limits
        for proc in cuebot.farm.procs
    )


LIMIT_NOT_FOUND = ("NOT_FOUND", "Limit not found.")


@pytest.fixture
def licensed(cuebot: Cuebot) -> Cuebot:
    """A cuebot whose opencue-proto knows of license reports."""
    if not has_licenses(cuebot):
        pytest.skip("this opencue-proto has no license reports")
    return cuebot


def test_current_running_follows_what_runs(cuebot: Cuebot) -> None:
    assert limit(cuebot).current_running > 0
    for name in list(cuebot.farm.pending):
        cuebot("JobInterface/Kill", job=cuebot.job(name), reason="test")
    cuebot.wait()
    assert limit(cuebot).current_running == 0


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
    cuebot.wait(300)
    assert limit(cuebot).current_running == 1
    refusal = cuebot.refusal("LimitInterface/SetMaxValue", name="x", max_value=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


# What opencue-proto 1.37 brought.


def test_a_limit_is_created_with_all_that_it_has(licensed: Cuebot) -> None:
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
    licensed(f"LimitInterface/{method}", name="arnold", **sent)
    found = limit(licensed)
    assert {name: getattr(found, name) for name in shown} == shown
    assert licensed.refusal(f"LimitInterface/{method}", name="x", **sent) == LIMIT_NOT_FOUND


def test_bindings_are_the_layers_of_jobs(licensed: Cuebot) -> None:
    found = licensed("LimitInterface/GetBindings", limit_name="arnold").bindings
    assert [each.job_name for each in found] == [HARBOR, LIGHT]
    layer = licensed.layer(LIGHT, "beauty")
    last = found[1]
    assert (last.layer_id, last.layer_name, list(last.services), last.source) == (
        layer.id,
        "beauty",
        ["arnold"],
        0,
    )
    assert (last.limit_id, last.create_time) == (limit(licensed).id, licensed.job(LIGHT).start_time)
    assert limit(licensed).spec_layer_count == 2
    values = {"limit_name": "arnold", "sources": ["SPEC"], "layer_ids": [layer.id]}
    assert len(licensed("LimitInterface/GetBindings", **values).bindings) == 1
    values = {"limit_name": "arnold", "sources": ["AUTO", "MANUAL"]}
    assert not licensed("LimitInterface/GetBindings", **values).bindings
    refusal = licensed.refusal("LimitInterface/GetBindings", limit_name="x")
    assert refusal == LIMIT_NOT_FOUND
    refusal = licensed.refusal("LimitInterface/GetBindings", limit_name="arnold", sources=[7])
    assert refusal == ("INVALID_ARGUMENT", "Unrecognized binding source.")


@pytest.mark.parametrize("enforcement", ["ADVISORY", "DISABLED"])
def test_only_an_enforced_limit_blocks(licensed: Cuebot, enforcement: str) -> None:
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=0)
    assert not limit(licensed).blocking_disabled
    licensed("LimitInterface/SetEnforcement", name="arnold", enforcement=enforcement)
    assert limit(licensed).blocking_disabled
    licensed.wait(300)
    assert limit(licensed).current_running > 0


def test_a_limit_of_hosts_lets_no_more_hosts_in(licensed: Cuebot) -> None:
    licensed("LimitInterface/SetType", name="arnold", type="HOST")
    found, hosts = limit(licensed), cue_hosts(licensed)
    assert found.current_running == found.current_usage == found.host_count == len(hosts)
    licensed("LimitInterface/SetMaxValue", name="arnold", max_value=len(hosts))
    before = busy(licensed)
    licensed.wait(10)
    assert busy(licensed) > before
    assert cue_hosts(licensed) == hosts


def test_who_runs_frames_holds_the_limit(licensed: Cuebot) -> None:
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


@pytest.mark.parametrize(
    ("seconds", "capture", "reason"), [(2, 0, "RATE_LIMITED"), (9, -20, "OUT_OF_ORDER")]
)
def test_a_report_too_soon_or_too_late_is_skipped(
    licensed: Cuebot, seconds: int, capture: int, reason: str
) -> None:
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
    reports: list[dict[str, Any]] = [{"limit_name": "x"}, {"limit_name": "arnold"}]
    answer = licensed("LimitInterface/ReportUsage", reports=reports)
    assert list(answer.unknown_limits) == ["x"]
    assert [each.name for each in answer.limits] == ["arnold"]
    reports = [{"limit_name": "nuke_render"}, {"limit_name": "x", "hosts": [{"host_name": "ws-1"}]}]
    code, text = licensed.refusal("LimitInterface/ReportUsage", reports=reports)
    assert (code, text.partition(";")[0]) == (
        "INVALID_ARGUMENT",
        "Host ws-1 in limit x reports tokens <= 0",
    )
    assert limit(licensed, "nuke_render").last_report_time == 0


def test_an_old_report_blocks_nothing(licensed: Cuebot) -> None:
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
