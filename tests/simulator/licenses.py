"""What tests ask about limits, and tell of them."""

from typing import Any

from tests.simulator.in_process import Cuebot


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
