"""host.HostInterface: what becomes of the machines behind the hosts."""

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.machines import LONGEST_PAUSE, skip_pause
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.hosts import BUSY, IDLE, SILENT, ask, procs
from tests.simulator.in_process import Cuebot


def state(cuebot: Cuebot, name: str) -> str:
    return enum_name(cuebot.host(name), "state")


def test_a_lock_leaves_alone_what_runs(cuebot: Cuebot) -> None:
    """HostManager.setHostLock: nothing new is booked there, what runs goes on."""
    before = {proc.id for proc in procs(cuebot, BUSY)}
    ask(cuebot, "Lock", BUSY)
    assert enum_name(cuebot.host(BUSY), "lock_state") == "LOCKED"
    cuebot.wait(10)
    assert {proc.id for proc in procs(cuebot, BUSY)} <= before
    ask(cuebot, "Unlock", BUSY)
    assert enum_name(cuebot.host(BUSY), "lock_state") == "OPEN"
    cuebot.wait(10)
    assert {proc.id for proc in procs(cuebot, BUSY)} - before


@pytest.mark.parametrize("method", ["Lock", "Unlock"])
def test_a_dead_machine_is_not_locked(cuebot: Cuebot, method: str) -> None:
    """HostManager.setHostLock asks RQD, too; without an answer it fails and changes nothing."""
    text = f"failed to {method.lower()} host: {SILENT}"
    code, said = cuebot.refusal(f"HostInterface/{method}", host={"id": cuebot.host(SILENT).id})
    assert code == "INTERNAL"
    assert said == f"com.imageworks.spcue.rqd.RqdClientException: {text}\n{text}"
    assert enum_name(cuebot.host(SILENT), "lock_state") == "OPEN"


def test_a_reboot_kills_what_runs_and_ends(cuebot: Cuebot) -> None:
    """HostManager.rebootNow: REBOOTING at once, and UP with the machine's boot report."""
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


def test_a_dead_machine_does_not_reboot(cuebot: Cuebot) -> None:
    """HostManager.rebootNow takes a host for down whose RQD does not answer."""
    ask(cuebot, "SetHardwareState", SILENT, state="REPAIR")
    ask(cuebot, "Reboot", SILENT)
    assert state(cuebot, SILENT) == "DOWN"
    cuebot.wait(100)
    assert state(cuebot, SILENT) == "DOWN"
    ask(cuebot, "RebootWhenIdle", SILENT)
    cuebot.wait(100)
    assert state(cuebot, SILENT) == "REBOOT_WHEN_IDLE"


def test_a_desk_is_not_rebooted_under_its_user(cuebot: Cuebot) -> None:
    """RQD refuses while somebody is logged in: DOWN, until the host's next report."""
    ask(cuebot, "Reboot", "desk-202")
    assert state(cuebot, "desk-202") == "DOWN"
    cuebot.wait(10)
    assert state(cuebot, "desk-202") == "UP"


def test_a_reboot_waits_until_nothing_runs(cuebot: Cuebot) -> None:
    """HostManager.rebootWhenIdle: no new work, no kill, and a reboot after the last frame."""
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


def test_an_idle_host_reboots_soon(cuebot: Cuebot) -> None:
    """RQD restarts at once when it is idle."""
    ask(cuebot, "RebootWhenIdle", IDLE)
    cuebot.wait(62)
    assert state(cuebot, IDLE) == "UP"
    assert cuebot.host(IDLE).boot_time >= cuebot.clock.now - 2


def test_a_reboot_now_overtakes_one_when_idle(cuebot: Cuebot) -> None:
    """Cuebot passes both orders on; the machine restarts once."""
    ask(cuebot, "RebootWhenIdle", BUSY)
    ask(cuebot, "Reboot", BUSY)
    cuebot.wait(61)
    assert state(cuebot, BUSY) == "UP"
    ask(cuebot, "Reboot", BUSY)
    cuebot.wait(50)
    assert state(cuebot, BUSY) == "REBOOTING"


def test_a_second_reboot_finds_no_machine(cuebot: Cuebot) -> None:
    """HostManager.rebootNow takes a host for down while it restarts; the boot report ends that."""
    ask(cuebot, "Reboot", BUSY)
    cuebot.wait(5)
    ask(cuebot, "RebootWhenIdle", BUSY)
    ask(cuebot, "Reboot", BUSY)
    assert state(cuebot, BUSY) == "DOWN"
    cuebot.wait(50)
    assert state(cuebot, BUSY) == "DOWN"
    cuebot.wait(10)
    assert state(cuebot, BUSY) == "UP"


@pytest.mark.parametrize("method", ["Reboot", "RebootWhenIdle"])
def test_a_machine_that_restarts_takes_no_work(cuebot: Cuebot, method: str) -> None:
    """RQD refuses frames then, even when somebody has set the host's state to UP."""
    before = {proc.id for proc in procs(cuebot, BUSY)}
    ask(cuebot, method, BUSY)
    ask(cuebot, "SetHardwareState", BUSY, state="UP")
    cuebot.wait(20)
    assert {proc.id for proc in procs(cuebot, BUSY)} <= before


def test_a_hardware_state_set_by_hand(cuebot: Cuebot) -> None:
    """HostReportHandler: REPAIR stays; DOWN lasts until the host's next report."""
    ask(cuebot, "SetHardwareState", IDLE, state="REPAIR")
    cuebot.wait(60)
    assert state(cuebot, IDLE) == "REPAIR"
    assert cuebot.host(IDLE).ping_time >= cuebot.clock.now - 5
    ask(cuebot, "SetHardwareState", IDLE, state="DOWN")
    assert state(cuebot, IDLE) == "DOWN"
    cuebot.wait(10)
    assert state(cuebot, IDLE) == "UP"


def test_a_host_in_repair_gets_no_work(cuebot: Cuebot) -> None:
    """HostReportHandler books only hosts that are UP."""
    before = {proc.id for proc in procs(cuebot, BUSY)}
    ask(cuebot, "SetHardwareState", BUSY, state="REPAIR")
    cuebot.wait(20)
    assert {proc.id for proc in procs(cuebot, BUSY)} <= before


def test_a_silent_host_is_not_up_for_long(cuebot: Cuebot) -> None:
    """The maintenance takes a host for down that has not reported for 300 s; it runs nothing."""
    ask(cuebot, "SetHardwareState", SILENT, state="UP")
    assert state(cuebot, SILENT) == "UP"
    cuebot.wait(10)
    assert state(cuebot, SILENT) == "DOWN"
    assert not procs(cuebot, SILENT)


@pytest.mark.parametrize("method", ["Reboot", "RebootWhenIdle"])
def test_a_rebooting_host_is_deleted(cuebot: Cuebot, method: str) -> None:
    """HostDao.deleteHost does not ask what the machine does."""
    ask(cuebot, method, IDLE)
    ask(cuebot, "Delete", IDLE)
    cuebot.wait(100)
    assert not cuebot.farm.restarting
    assert cuebot.refusal("HostInterface/FindHost", name=IDLE)[0] == "NOT_FOUND"


@pytest.mark.parametrize("pause", [LONGEST_PAUSE / 2, 3 * 3600])
def test_a_farm_that_was_asleep_goes_on_where_it_was(messages: Messages, pause: float) -> None:
    """What was due in a long pause is put off, and the hosts that reported before still do."""
    now = [float(NOW)]
    farm = build_farm(messages, clock=lambda: now[0])
    now[0] += 6
    farm.catch_up()
    procs, reports = set(farm.procs), farm.executed["report"]
    states = [enum_name(host, "state") for host in farm.hosts.values()]
    now[0] += pause
    skip_pause(farm)
    farm.catch_up()
    if pause > LONGEST_PAUSE:
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
    """It jumps on purpose, and all that is due by then happens."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, clock=clock)
    clock.advance(3600)
    late = farm.agenda.late
    skip_pause(farm)
    assert farm.agenda.late == late > 3000
