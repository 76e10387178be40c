"""What the machines behind the hosts do: report that they live, and restart when told to."""

from functools import partial
from typing import Any

from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.database_errors import still_used
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.ownership import deeds_of, remove_deed
from cuebot_simulator.world.state import Farm

SILENT = 300
"""Seconds without a report after which Cuebot takes a host for down."""
LONGEST_PAUSE = 60.0
"""Seconds that a farm may be late."""
RESTART = 60.0
"""Seconds from the end of a machine to its first report."""
CHECK = 5.0
"""A machine that restarts when idle looks this often whether it is, in seconds."""
RESTARTING = ("REBOOTING", "REBOOT_WHEN_IDLE")


def reports(farm: Farm, host: Any) -> bool:
    """Whether the machine is on, and Cuebot hears of it."""
    return not farm.restarting.get(host.id) and farm.now - host.ping_time < SILENT


def can_restart(farm: Farm, host: Any) -> bool:
    """Whether the machine can be restarted from afar: not when somebody works at it."""
    return reports(farm, host) and enum_name(host, "lock_state") != "NIMBY_LOCKED"


def note_report(farm: Farm, host: Any) -> None:
    """Note what a host reports, or that it no longer does.

    One that was taken for down is up again; any other state stays.
    """
    if reports(farm, host):
        host.ping_time = farm.now
        if enum_name(host, "state") == "DOWN":
            fill(host, state="UP")
    elif enum_name(host, "state") == "UP" and farm.now - host.ping_time >= SILENT:
        fill(host, state="DOWN")


def skip_pause(farm: Farm) -> None:
    """Let a farm that was asleep, as on a laptop that was shut, go on as if no time had passed.

    Else all that it has missed would happen at once. A stopped clock does not sleep.
    """
    missed = farm.agenda.late
    if missed < LONGEST_PAUSE or farm.agenda.is_stopped:
        return
    farm.agenda.shift(missed)
    for host in farm.hosts.values():
        if farm.now - missed - host.ping_time < SILENT:
            host.ping_time += int(missed)


def set_lock(farm: Farm, host: Any, state: str) -> None:
    """Lock or unlock a host, and its machine, which must answer. Raises Refusal."""
    if not reports(farm, host):
        verb = "unlock" if state == "OPEN" else "lock"
        raise java_exception(
            "com.imageworks.spcue.rqd.RqdClientException", f"failed to {verb} host: {host.name}"
        )
    fill(host, lock_state=state)


def restart(farm: Farm, host: Any) -> None:
    """Restart a machine now. What runs there fails. One that does not obey counts as down."""
    if not can_restart(farm, host):
        fill(host, state="DOWN")
        return
    fill(host, state="REBOOTING")
    frames = [farm.frames[farm.parent_of[proc.id]] for proc in farm.procs_on(host)]
    frame_actions.enqueue(farm, frame_actions.kill_frames, frames)
    switch_off(farm, host)


def restart_when_idle(farm: Farm, host: Any) -> None:
    """Restart a machine once nothing runs there. It takes no more work until it is back."""
    fill(host, state="REBOOT_WHEN_IDLE")
    if can_restart(farm, host):
        farm.restarting[host.id] = False
        farm.agenda.after(frame_actions.QUEUE_DELAY, partial(restart_if_idle, farm, host))


def restart_if_idle(farm: Farm, host: Any) -> None:
    if farm.restarting.get(host.id) is not False:
        return
    if farm.procs_on(host):
        farm.agenda.after(CHECK, partial(restart_if_idle, farm, host))
    else:
        switch_off(farm, host)


def switch_off(farm: Farm, host: Any) -> None:
    """The machine is silent from now on, until it is up again."""
    farm.restarting[host.id] = True
    farm.agenda.after(RESTART, partial(boot, farm, host))


def boot(farm: Farm, host: Any) -> None:
    """The machine is up. So is the host, unless somebody has given it another state since."""
    if farm.restarting.pop(host.id, None):
        fill(host, boot_time=farm.now, ping_time=farm.now)
        if enum_name(host, "state") in RESTARTING:
            fill(host, state="UP")


def remove_host(farm: Farm, host: Any) -> None:
    """Take a host off the farm, with its comments and deeds.

    Raises Refusal when something runs there, or a render partition is set up there.
    """
    if farm.procs_on(host):
        raise still_used("host", "c_proc_pk_host", "proc", host.id)
    if any(farm.host_of[partition] == host.id for partition in farm.render_partitions):
        raise still_used("host", "c_host_local_pk_host", "host_local", host.id)
    for comment in farm.comments_on(host):
        del farm.comments[comment.id]
        farm.disown(comment.id)
    for deed in deeds_of(farm, host):
        remove_deed(farm, deed)
    del farm.hosts[host.id]
