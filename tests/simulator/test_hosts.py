"""Hosts, the machines behind them, and their owners."""

from collections.abc import Sequence
from typing import Any

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.hosts import LONGEST_PAUSE_SECONDS, skip_pause
from cuebot_simulator.world.indexes import HostIndex
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.in_process import ROTO, Cuebot

SILENT = "render-node-07"
"""A host whose machine is dead."""
BRIEF = "render-node-03"
"""Frames of some minutes run there, too."""
BUSY = "render-node-01"
IDLE = "desk-203"


def ask(cuebot: Cuebot, method: str, name: str, **values: Any) -> Any:
    return cuebot(f"HostInterface/{method}", host=cuebot.host(name), **values)


def procs(cuebot: Cuebot, name: str) -> Sequence[Any]:
    found: Sequence[Any] = ask(cuebot, "GetProcs", name).procs.procs
    return found


def names(cuebot: Cuebot, **criteria: Any) -> set[str]:
    found = cuebot("HostInterface/GetHosts", r=criteria).hosts.hosts
    return {host.name for host in found}


def test_hosts_are_searched(cuebot: Cuebot) -> None:
    assert len(names(cuebot)) == 10
    assert names(cuebot, hosts=[BUSY, IDLE, "nope"]) == {BUSY, IDLE}
    assert names(cuebot, ids=[cuebot.host(IDLE).id]) == {IDLE}
    assert names(cuebot, substr=["node-0"], regex=["[67]$"]) == {"render-node-06", SILENT}
    assert names(cuebot, allocs=["local.desktop"]) == {"desk-201", "desk-202", IDLE}
    assert names(cuebot, states={"state": ["DOWN"]}) == {SILENT}
    assert names(cuebot, lock_states={"state": ["NIMBY_LOCKED"]}) == {"desk-202"}
    assert names(cuebot, hosts=[BUSY], allocs=["local.desktop"]) == set()


def tags(cuebot: Cuebot, name: str = IDLE) -> list[str]:
    return list(cuebot.host(name).tags)


def test_tags_are_added(cuebot: Cuebot) -> None:
    ask(cuebot, "AddTags", IDLE, tags=["gpu", "", " big ", "desktop"])
    assert tags(cuebot) == ["desktop", IDLE, "big", "desktop", "gpu"]


def test_a_host_is_deleted(cuebot: Cuebot) -> None:
    ask(cuebot, "AddComment", "desk-201", new_comment={"subject": "Fan"})
    comments, deeds = len(cuebot.farm.comments), len(cuebot.farm.deeds)
    ask(cuebot, "Delete", "desk-201")
    assert cuebot.refusal("HostInterface/FindHost", name="desk-201")[0] == "NOT_FOUND"
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.host_count == 0
    assert (len(cuebot.farm.comments), len(cuebot.farm.deeds)) == (comments - 1, deeds - 1)
    cuebot.wait(60)


def test_procs_of_a_host_are_redirected_to_a_job(cuebot: Cuebot) -> None:
    found = procs(cuebot, BUSY)
    job = cuebot.job(ROTO)
    answer = ask(
        cuebot, "RedirectToJob", BUSY, proc_names=[proc.id for proc in found], job_id=job.id
    )
    assert answer.value
    assert {proc.redirect_target for proc in procs(cuebot, BUSY)} == {job.name}
    assert all(proc.unbooked for proc in procs(cuebot, BUSY))
    cuebot.wait(1)
    now = procs(cuebot, BUSY)
    assert {proc.job_name for proc in now} == {job.name}
    assert len(now) == job.job_stats.waiting_frames


def state(cuebot: Cuebot, name: str) -> str:
    return enum_name(cuebot.host(name), "state")


def test_a_reboot_kills_what_runs_and_ends(cuebot: Cuebot) -> None:
    booted = cuebot.host(BUSY).boot_time
    ask(cuebot, "Reboot", BUSY)
    assert state(cuebot, BUSY) == "REBOOTING"
    assert procs(cuebot, BUSY)
    cuebot.wait(1)
    assert not procs(cuebot, BUSY)
    cuebot.wait(30)
    assert state(cuebot, BUSY) == "REBOOTING"
    assert not procs(cuebot, BUSY)
    assert cuebot.host(BUSY).ping_time <= cuebot.clock.now - 30
    cuebot.wait(40)
    assert state(cuebot, BUSY) == "UP"
    assert cuebot.host(BUSY).boot_time > booted
    assert procs(cuebot, BUSY)


def test_a_reboot_waits_until_nothing_runs(cuebot: Cuebot) -> None:
    booted = cuebot.host(BUSY).boot_time
    before = {proc.id for proc in procs(cuebot, BUSY)}
    ask(cuebot, "RebootWhenIdle", BUSY)
    assert state(cuebot, BUSY) == "REBOOT_WHEN_IDLE"
    cuebot.wait(1)
    assert {proc.id for proc in procs(cuebot, BUSY)} == before
    while left := {proc.id for proc in procs(cuebot, BUSY)}:
        assert left <= before
        cuebot.wait(1)
    assert cuebot.host(BUSY).ping_time >= cuebot.clock.now - 5
    assert cuebot.host(BUSY).boot_time == booted
    cuebot.wait(70)
    assert state(cuebot, BUSY) == "UP"
    assert cuebot.host(BUSY).boot_time > booted


def test_a_silent_host_is_up_for_five_minutes(cuebot: Cuebot) -> None:
    """Nothing is heard of its frames, nor are there new ones."""
    before = {proc.id: proc.ping_time for proc in procs(cuebot, BUSY)}
    pinged = cuebot.host(BUSY).ping_time
    cuebot.farm.silent.add(cuebot.host(BUSY).id)
    cuebot.wait(pinged + 299 - cuebot.clock.now)
    assert state(cuebot, BUSY) == "UP"
    assert cuebot.host(BUSY).ping_time == pinged
    assert {proc.id: proc.ping_time for proc in procs(cuebot, BUSY)} == before
    cuebot.wait(10)
    assert state(cuebot, BUSY) == "DOWN"
    assert {proc.id for proc in procs(cuebot, BUSY)} == {*before}


def test_a_host_that_was_silent_tells_what_has_ended(cuebot: Cuebot) -> None:
    before = {proc.id for proc in procs(cuebot, BRIEF)}
    cuebot.farm.silent.add(cuebot.host(BRIEF).id)
    cuebot.wait(280)
    cuebot.farm.silent.clear()
    cuebot.wait(10)
    assert before - {proc.id for proc in procs(cuebot, BRIEF)}
    assert cuebot.host(BRIEF).ping_time >= cuebot.clock.now - 5


def test_a_hardware_state_set_by_hand(cuebot: Cuebot) -> None:
    ask(cuebot, "SetHardwareState", IDLE, state="REPAIR")
    cuebot.wait(60)
    assert state(cuebot, IDLE) == "REPAIR"
    assert cuebot.host(IDLE).ping_time >= cuebot.clock.now - 5
    ask(cuebot, "SetHardwareState", IDLE, state="DOWN")
    assert state(cuebot, IDLE) == "DOWN"
    cuebot.wait(10)
    assert state(cuebot, IDLE) == "UP"


@pytest.mark.parametrize("pause", [LONGEST_PAUSE_SECONDS / 2, 3 * 3600])
def test_a_farm_that_was_asleep_goes_on_where_it_was(messages: Messages, pause: float) -> None:
    now = [float(NOW)]
    farm = build_farm(messages, clock=lambda: now[0])
    now[0] += 6
    farm.catch_up()
    procs, reports = set(farm.procs), farm.executed["report"]
    states = [enum_name(host, "state") for host in farm.hosts.values()]
    now[0] += pause
    skip_pause(farm)
    farm.catch_up()
    if pause > LONGEST_PAUSE_SECONDS:
        assert set(farm.procs) == procs
        assert farm.executed["report"] <= reports + len(farm.hosts)
    else:
        assert farm.executed["report"] > reports + len(farm.hosts)
    for _ in range(60):
        now[0] += 5
        skip_pause(farm)
        farm.catch_up()
    assert [enum_name(host, "state") for host in farm.hosts.values()] == states
    assert set(farm.procs) != procs
    assert farm.agenda.late == 0


def test_a_stopped_clock_is_not_asleep(messages: Messages) -> None:
    clock = StoppedClock(NOW)
    farm = build_farm(messages, clock=clock)
    clock.advance(3600)
    late = farm.agenda.late
    skip_pause(farm)
    assert farm.agenda.late == late > 3000


def test_a_host_has_what_is_there_and_nothing_that_left() -> None:
    places = HostIndex()
    places["one"] = places["two"] = places["three"] = "here"
    places["two"] = "there"
    places["one"] = "here"
    assert (places.on("here"), places.on("there")) == (("three", "one"), ("two",))
    assert places.pop("three") == "here"
    del places["two"]
    assert dict(places) == {"one": "here"}
    assert (places.on("here"), places.on("there")) == (("one",), ())
    with pytest.raises(KeyError):
        del places["two"]
