"""host.HostInterface: what becomes of the machines behind the hosts."""

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.machines import LONGEST_NAP, wake
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.desk import Desk
from tests.simulator.hosts import BUSY, IDLE, SILENT, ask, procs


def state(desk: Desk, name: str) -> str:
    return enum_name(desk.host(name), "state")


def test_a_lock_leaves_alone_what_runs(desk: Desk) -> None:
    """HostManager.setHostLock: nothing new is booked there, what runs goes on."""
    before = {proc.id for proc in procs(desk, BUSY)}
    ask(desk, "Lock", BUSY)
    assert enum_name(desk.host(BUSY), "lock_state") == "LOCKED"
    desk.wait(10)
    assert {proc.id for proc in procs(desk, BUSY)} <= before
    ask(desk, "Unlock", BUSY)
    assert enum_name(desk.host(BUSY), "lock_state") == "OPEN"
    desk.wait(10)
    assert {proc.id for proc in procs(desk, BUSY)} - before


@pytest.mark.parametrize("method", ["Lock", "Unlock"])
def test_a_dead_machine_is_not_locked(desk: Desk, method: str) -> None:
    """HostManager.setHostLock asks RQD, too; without an answer it fails and changes nothing."""
    text = f"failed to {method.lower()} host: {SILENT}"
    code, said = desk.refusal(f"HostInterface/{method}", host={"id": desk.host(SILENT).id})
    assert code == "INTERNAL"
    assert said == f"com.imageworks.spcue.rqd.RqdClientException: {text}\n{text}"
    assert enum_name(desk.host(SILENT), "lock_state") == "OPEN"


def test_a_reboot_kills_what_runs_and_ends(desk: Desk) -> None:
    """HostManager.rebootNow: REBOOTING at once, and UP with the machine's boot report."""
    booted = desk.host(BUSY).boot_time
    ask(desk, "Reboot", BUSY)
    assert state(desk, BUSY) == "REBOOTING"
    assert procs(desk, BUSY)
    desk.wait(1)
    assert not procs(desk, BUSY)
    desk.wait(30)
    assert state(desk, BUSY) == "REBOOTING"
    assert not procs(desk, BUSY)
    assert desk.host(BUSY).ping_time <= desk.clock.now - 30
    desk.wait(40)
    assert state(desk, BUSY) == "UP"
    assert desk.host(BUSY).boot_time > booted
    assert procs(desk, BUSY)


def test_a_dead_machine_does_not_reboot(desk: Desk) -> None:
    """HostManager.rebootNow takes a host for down whose RQD does not answer."""
    ask(desk, "SetHardwareState", SILENT, state="REPAIR")
    ask(desk, "Reboot", SILENT)
    assert state(desk, SILENT) == "DOWN"
    desk.wait(100)
    assert state(desk, SILENT) == "DOWN"
    ask(desk, "RebootWhenIdle", SILENT)
    desk.wait(100)
    assert state(desk, SILENT) == "REBOOT_WHEN_IDLE"


def test_a_desk_is_not_rebooted_under_its_user(desk: Desk) -> None:
    """RQD refuses while somebody is logged in: DOWN, until the host's next report."""
    ask(desk, "Reboot", "desk-202")
    assert state(desk, "desk-202") == "DOWN"
    desk.wait(10)
    assert state(desk, "desk-202") == "UP"


def test_a_reboot_waits_until_nothing_runs(desk: Desk) -> None:
    """HostManager.rebootWhenIdle: no new work, no kill, and a reboot after the last frame."""
    booted = desk.host(BUSY).boot_time
    before = {proc.id for proc in procs(desk, BUSY)}
    ask(desk, "RebootWhenIdle", BUSY)
    assert state(desk, BUSY) == "REBOOT_WHEN_IDLE"
    desk.wait(1)
    assert {proc.id for proc in procs(desk, BUSY)} == before
    while left := {proc.id for proc in procs(desk, BUSY)}:
        assert left <= before
        desk.wait(1)
    assert desk.host(BUSY).ping_time >= desk.clock.now - 5
    assert desk.host(BUSY).boot_time == booted
    desk.wait(70)
    assert state(desk, BUSY) == "UP"
    assert desk.host(BUSY).boot_time > booted


def test_an_idle_host_reboots_soon(desk: Desk) -> None:
    """RQD restarts at once when it is idle."""
    ask(desk, "RebootWhenIdle", IDLE)
    desk.wait(62)
    assert state(desk, IDLE) == "UP"
    assert desk.host(IDLE).boot_time >= desk.clock.now - 2


def test_a_reboot_now_overtakes_one_when_idle(desk: Desk) -> None:
    """Cuebot passes both orders on; the machine restarts once."""
    ask(desk, "RebootWhenIdle", BUSY)
    ask(desk, "Reboot", BUSY)
    desk.wait(61)
    assert state(desk, BUSY) == "UP"
    ask(desk, "Reboot", BUSY)
    desk.wait(50)
    assert state(desk, BUSY) == "REBOOTING"


def test_a_second_reboot_finds_no_machine(desk: Desk) -> None:
    """HostManager.rebootNow takes a host for down while it restarts; the boot report ends that."""
    ask(desk, "Reboot", BUSY)
    desk.wait(5)
    ask(desk, "RebootWhenIdle", BUSY)
    ask(desk, "Reboot", BUSY)
    assert state(desk, BUSY) == "DOWN"
    desk.wait(50)
    assert state(desk, BUSY) == "DOWN"
    desk.wait(10)
    assert state(desk, BUSY) == "UP"


@pytest.mark.parametrize("method", ["Reboot", "RebootWhenIdle"])
def test_a_machine_that_restarts_takes_no_work(desk: Desk, method: str) -> None:
    """RQD refuses frames then, even when somebody has set the host's state to UP."""
    before = {proc.id for proc in procs(desk, BUSY)}
    ask(desk, method, BUSY)
    ask(desk, "SetHardwareState", BUSY, state="UP")
    desk.wait(20)
    assert {proc.id for proc in procs(desk, BUSY)} <= before


def test_a_hardware_state_set_by_hand(desk: Desk) -> None:
    """HostReportHandler: REPAIR stays; DOWN lasts until the host's next report."""
    ask(desk, "SetHardwareState", IDLE, state="REPAIR")
    desk.wait(60)
    assert state(desk, IDLE) == "REPAIR"
    assert desk.host(IDLE).ping_time >= desk.clock.now - 5
    ask(desk, "SetHardwareState", IDLE, state="DOWN")
    assert state(desk, IDLE) == "DOWN"
    desk.wait(10)
    assert state(desk, IDLE) == "UP"


def test_a_host_in_repair_gets_no_work(desk: Desk) -> None:
    """HostReportHandler books only hosts that are UP."""
    before = {proc.id for proc in procs(desk, BUSY)}
    ask(desk, "SetHardwareState", BUSY, state="REPAIR")
    desk.wait(20)
    assert {proc.id for proc in procs(desk, BUSY)} <= before


def test_a_silent_host_is_not_up_for_long(desk: Desk) -> None:
    """The maintenance takes a host for down that has not reported for 300 s; it runs nothing."""
    ask(desk, "SetHardwareState", SILENT, state="UP")
    assert state(desk, SILENT) == "UP"
    desk.wait(10)
    assert state(desk, SILENT) == "DOWN"
    assert not procs(desk, SILENT)


@pytest.mark.parametrize("method", ["Reboot", "RebootWhenIdle"])
def test_a_rebooting_host_is_deleted(desk: Desk, method: str) -> None:
    """HostDao.deleteHost does not ask what the machine does."""
    ask(desk, method, IDLE)
    ask(desk, "Delete", IDLE)
    desk.wait(100)
    assert not desk.farm.restarting
    assert desk.refusal("HostInterface/FindHost", name=IDLE)[0] == "NOT_FOUND"


@pytest.mark.parametrize("pause", [LONGEST_NAP / 2, 3 * 3600])
def test_a_farm_that_was_asleep_goes_on_where_it_was(messages: Messages, pause: float) -> None:
    """What was due in a long pause is put off, and the hosts that reported before still do."""
    now = [float(NOW)]
    farm = build_farm(messages, clock=lambda: now[0])
    now[0] += 6
    farm.catch_up()
    procs, reports = set(farm.procs), farm.executed["report"]
    states = [enum_name(host, "state") for host in farm.hosts.values()]
    now[0] += pause
    wake(farm)
    farm.catch_up()
    if pause > LONGEST_NAP:
        assert set(farm.procs) == procs
        assert farm.executed["report"] <= reports + len(farm.hosts)
    else:
        assert farm.executed["report"] > reports + len(farm.hosts)
    for _ in range(60):
        now[0] += 5
        wake(farm)
        farm.catch_up()
    assert [enum_name(host, "state") for host in farm.hosts.values()] == states
    assert set(farm.procs) != procs
    assert farm.agenda.late == 0


def test_a_stopped_clock_is_not_asleep(messages: Messages) -> None:
    """It jumps on purpose, and all that is due by then happens."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, clock=clock)
    clock.advance(3600)
    late = farm.agenda.late
    wake(farm)
    assert farm.agenda.late == late > 3000
