"""What tests ask about limits, and tell of them."""

from typing import Any

from tests.simulator.desk import Desk


def has_licenses(desk: Desk) -> bool:
    """Whether this opencue-proto knows of license reports."""
    service = desk.farm.messages.pool.FindServiceByName("limit.LimitInterface")
    return "GetHolds" in service.methods_by_name


def limit(desk: Desk, name: str = "arnold") -> Any:
    return desk("LimitInterface/Find", name=name).limit


def holds(desk: Desk, **values: Any) -> list[Any]:
    return list(desk("LimitInterface/GetHolds", **values).holds)


def report(desk: Desk, *hosts: tuple[str, int], **values: Any) -> Any:
    """Report that these hosts hold so many tokens of arnold."""
    holders = [{"host_name": name, "tokens": tokens, "user": "ana"} for name, tokens in hosts]
    reports = [{"limit_name": "arnold", "hosts": holders, **values}]
    return desk("LimitInterface/ReportUsage", reports=reports, source="test")


def cue_hosts(desk: Desk, name: str = "arnold") -> set[str]:
    """The names of the hosts on which frames run with a limit."""
    farm = desk.farm
    frames = {proc.id: farm.frames[farm.parent_of[proc.id]] for proc in farm.procs.values()}
    return {
        farm.host_with(proc).name
        for proc in farm.procs.values()
        if name in farm.layer_of(frames[proc.id]).limits
    }


def busy(desk: Desk, name: str = "arnold") -> int:
    """How many frames run with a limit."""
    return sum(
        name in desk.farm.layer_of(desk.farm.frames[desk.farm.parent_of[proc]]).limits
        for proc in desk.farm.procs
    )
