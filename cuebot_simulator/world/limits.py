"""Limits: how many frames, or how many hosts, may use one thing at once, and which ones do.

A license server may report who holds a limit. Without a report, everything that runs counts; with
one, its holders count, and what has started since.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.state import NO_LIMIT_NAME, Farm

SETTLING_SECONDS = 120  # a license server may take that long to notice the holder of a license
BETWEEN_REPORTS_SECONDS = 5  # a report that comes sooner after the last one is not taken


def short_name(host: str) -> str:
    """A host's name in license reports: lower case, without a domain."""
    return host.strip().lower().partition(".")[0]


def is_per_host(limit: Any) -> bool:
    """Whether all frames on a host count as one."""
    return given(limit, "type", 0) != 0 and enum_name(limit, "type") == "HOST"


def is_stale(farm: Farm, limit: Any) -> bool:
    """Whether its last report is too old. Without any report it is not."""
    reported, lasts = given(limit, "last_report_time", 0), given(limit, "report_ttl", 0)
    return bool(reported and lasts and reported + lasts <= farm.now)


def blocks(farm: Farm, limit: Any) -> bool:
    """Whether it keeps frames from starting when it is used up."""
    return not given(limit, "enforcement", 0) and not is_stale(farm, limit)


def procs_under(farm: Farm, limit: Any) -> list[Any]:
    frame_of, layers = farm.parent_of, farm.layers
    return [
        proc
        for proc in farm.procs.values()
        if limit.name in layers[farm.parent_of[frame_of[proc.id]]].limits
    ]


class Usage:
    """The usage of a limit in tokens, which are frames or hosts."""

    def __init__(self, farm: Farm, limit: Any) -> None:
        reported = given(limit, "last_report_time", 0)
        since = reported - SETTLING_SECONDS if reported else 0
        recent = [proc for proc in procs_under(farm, limit) if proc.dispatch_time > since]
        self.holders = farm.holds.get(limit.id, {})
        hosts = {
            host.id
            for host in map(farm.host_with, recent)
            if short_name(host.name) not in self.holders
        }
        if is_per_host(limit):
            self.settled, self.pending = len(self.holders), len(hosts)
        else:
            self.settled = sum(int(hold.tokens) for hold in self.holders.values())
            self.pending = len(recent)
        self.hosts = len(self.holders) + len(hosts)
        self.total = self.settled + self.pending


def count_limit(farm: Farm, limit: Any) -> Any:
    usage = Usage(farm, limit)
    fill(
        limit,
        current_running=usage.total,
        current_usage=usage.total,
        settled_usage=usage.settled,
        pending_usage=usage.pending,
        host_count=usage.hosts,
        report_stale=is_stale(farm, limit),
        blocking_disabled=not blocks(farm, limit),
        spec_layer_count=sum(limit.name in layer.limits for layer in farm.layers.values()),
    )
    return limit


def limits_allow(farm: Farm, layer: Any, host: Any) -> bool:
    """Whether the layer's limits let one more frame of it start on this host."""
    return list(layer.limits) == [NO_LIMIT_NAME] or all(
        allows(farm, limit, host) for limit in farm.limits.values() if limit.name in layer.limits
    )


def allows(farm: Farm, limit: Any, host: Any) -> bool:
    """Whether a limit lets one more frame start on this host.

    Where hosts count, one that holds it already may always have more. With a soft value, other
    hosts may have it only below that.
    """
    if not blocks(farm, limit):
        return True
    if not is_per_host(limit):
        if not given(limit, "last_report_time", 0):
            return farm.running_with[limit.name] < int(limit.max_value)
        return Usage(farm, limit).total < int(limit.max_value)
    usage = Usage(farm, limit)
    if short_name(host.name) in usage.holders or any(
        farm.host_of[proc.id] == host.id for proc in procs_under(farm, limit)
    ):
        return True
    return usage.total < int(limit.soft_value if limit.soft_value >= 0 else limit.max_value)


def holds_of(farm: Farm, limit: Any) -> list[Any]:
    """The hosts that hold a limit, by name (limit.LimitHold): reported, running, or both."""
    running = Counter(short_name(farm.host_with(proc).name) for proc in procs_under(farm, limit))
    reported = farm.holds.get(limit.id, {})
    ids = {short_name(host.name): host.id for host in farm.hosts.values()}
    holds = []
    for name in sorted(running.keys() | reported.keys()):
        hold = farm.messages.new(
            "limit.LimitHold", tokens=1 if is_per_host(limit) else running[name], source="CUE"
        )
        if name in reported:
            hold.CopyFrom(reported[name])
            fill(hold, source="BOTH" if name in running else "EXTERNAL")
        fill(
            hold,
            limit_id=limit.id,
            limit_name=limit.name,
            host_name=name,
            host_id=ids.get(name, ""),
        )
        holds.append(hold)
    return holds


def take_report(farm: Farm, limit: Any, report: Any, source: str) -> str:
    """Take a license server's report (limit.LimitReport), which replaces the last one.

    Returns why it was skipped, a limit.LimitReportSkipReason, or nothing if it was taken.
    """
    captured = min(report.capture_time, farm.now) if report.capture_time > 0 else farm.now
    if captured < limit.last_report_time:
        return "OUT_OF_ORDER"
    if limit.last_report_time and farm.now - limit.last_report_time < BETWEEN_REPORTS_SECONDS:
        return "RATE_LIMITED"
    before = farm.holds.get(limit.id, {})
    after: dict[str, Any] = {}
    for holder in report.hosts:
        name = short_name(holder.host_name)
        if name and (name not in after or holder.tokens > after[name].tokens):
            after[name] = farm.messages.new(
                "limit.LimitHold", tokens=holder.tokens, user=holder.user, report_time=farm.now
            )
    for name, hold in after.items():
        old = before.get(name)
        if old and (old.tokens, old.user) == (hold.tokens, hold.user):
            hold.report_time = old.report_time
    farm.holds[limit.id] = after
    fill(limit, last_report_time=captured, report_source=source)
    if report.total_licenses > 0:
        fill(limit, max_value=report.total_licenses)
    return ""


def set_limits(layer: Any, names: Iterable[str]) -> None:
    """Give a layer these limits. Cuebot shows one without a name instead of none."""
    fill(layer, limits=[name for name in names if name] or [NO_LIMIT_NAME])


def rename_limit(farm: Farm, limit: Any, name: str) -> None:
    for layer in farm.layers.values():
        if limit.name in layer.limits:
            set_limits(layer, [name if each == limit.name else each for each in layer.limits])
    farm.running_with[name] += farm.running_with.pop(limit.name, 0)
    fill(limit, name=name)


def remove_limit(farm: Farm, limit: Any) -> None:
    for layer in farm.layers.values():
        if limit.name in layer.limits:
            set_limits(layer, [each for each in layer.limits if each != limit.name])
    farm.running_with.pop(limit.name, None)
    farm.holds.pop(limit.id, None)
    del farm.limits[limit.id]
