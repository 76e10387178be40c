"""Hosts and the machines behind them: reports, locks, restarts, tags, and who owns which."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from cuebot_simulator.world import frame_actions
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.refusals import JavaException, check_length, still_used
from cuebot_simulator.world.state import Farm, by_name, find_one

SILENT_SECONDS = 300  # a host without a report for that long counts as down
LONGEST_PAUSE_SECONDS = 60.0  # a farm may be that late
RESTART_SECONDS = 60.0  # from the end of a machine to its first report
IDLE_CHECK_SECONDS = 5.0  # between two looks at a machine that is to restart when idle
RESTARTING = ("REBOOTING", "REBOOT_WHEN_IDLE")


def reports(farm: Farm, host: Any) -> bool:
    """Whether the machine is on, and Cuebot hears of it."""
    is_heard = host.id not in farm.silent and not farm.restarting.get(host.id)
    return is_heard and farm.now - host.ping_time < SILENT_SECONDS


def can_restart(farm: Farm, host: Any) -> bool:
    """Whether Cuebot may restart the machine: not when somebody works at it."""
    return reports(farm, host) and enum_name(host, "lock_state") != "NIMBY_LOCKED"


def note_report(farm: Farm, host: Any) -> None:
    """Note a host's report, or that it is overdue.

    A host in the state DOWN is up again; any other state stays.
    """
    if reports(farm, host):
        host.ping_time = farm.now
        if enum_name(host, "state") == "DOWN":
            fill(host, state="UP")
    elif enum_name(host, "state") == "UP" and farm.now - host.ping_time >= SILENT_SECONDS:
        fill(host, state="DOWN")


def skip_pause(farm: Farm) -> None:
    """After a pause, as of a suspended laptop, go on as if no time had passed.

    Otherwise all missed steps would happen at once. A stopped clock does not pause.
    """
    missed = farm.agenda.late
    if missed < LONGEST_PAUSE_SECONDS or farm.agenda.is_stopped:
        return
    farm.agenda.shift(missed)
    for host in farm.hosts.values():
        if farm.now - missed - host.ping_time < SILENT_SECONDS:
            host.ping_time += int(missed)


def set_lock(farm: Farm, host: Any, state: str) -> None:
    """Lock or unlock a host, whose machine must answer. Raises Refusal."""
    if not reports(farm, host):
        verb = "unlock" if state == "OPEN" else "lock"
        raise JavaException(
            "com.imageworks.spcue.rqd.RqdClientException", f"failed to {verb} host: {host.name}"
        )
    fill(host, lock_state=state)


def restart(farm: Farm, host: Any) -> None:
    """Restart a machine now. What runs there fails. One that does not answer counts as down."""
    if not can_restart(farm, host):
        fill(host, state="DOWN")
        return
    fill(host, state="REBOOTING")
    frames = [farm.frames[farm.parent_of[proc.id]] for proc in farm.procs_on(host)]
    frame_actions.enqueue(farm, frame_actions.kill_frames, frames)
    switch_off(farm, host)


def restart_when_idle(farm: Farm, host: Any) -> None:
    """Restart a machine once nothing runs there. Until then it takes no work."""
    fill(host, state="REBOOT_WHEN_IDLE")
    if can_restart(farm, host):
        farm.restarting[host.id] = False
        frame_actions.enqueue(farm, restart_if_idle, host)


def restart_if_idle(farm: Farm, host: Any) -> None:
    if farm.restarting.get(host.id) is not False:
        return
    if farm.procs_on(host):
        farm.agenda.after(IDLE_CHECK_SECONDS, partial(restart_if_idle, farm, host))
    else:
        switch_off(farm, host)


def switch_off(farm: Farm, host: Any) -> None:
    farm.restarting[host.id] = True
    farm.agenda.after(RESTART_SECONDS, partial(boot, farm, host))


def boot(farm: Farm, host: Any) -> None:
    """The machine is up; so is the host, unless somebody has set another state since."""
    if farm.restarting.pop(host.id, None):
        fill(host, boot_time=farm.now, ping_time=farm.now)
        if enum_name(host, "state") in RESTARTING:
            fill(host, state="UP")


def remove_host(farm: Farm, host: Any) -> None:
    """Delete a host with its comments and deeds.

    Raises Refusal when something runs there, or a render partition is set up there.
    """
    if farm.procs_on(host):
        raise still_used("host", "proc")
    if any(farm.host_of[partition] == host.id for partition in farm.render_partitions):
        raise still_used("host", "render partition")
    for comment in farm.comments_on(host):
        del farm.comments[comment.id]
        farm.disown(comment.id)
    for deed in deeds_of(farm, host):
        remove_deed(farm, deed)
    del farm.hosts[host.id]


LONGEST_TAG = 45


def change_tags(farm: Farm, host: Any, change: Callable[[list[str]], Iterable[str]]) -> None:
    """Change all tags but that of the host's allocation.

    Cuebot shows the allocation's first, then the host's name, then the others.
    """
    own = by_name(farm.allocations, host.alloc_name).tag
    others = list(host.tags)
    if own in others:
        others.remove(own)
    changed = sorted(tag.strip() for tag in change(others) if tag.strip())
    names = [tag for tag in changed if tag == host.name]
    fill(host, tags=[own, *names, *(tag for tag in changed if tag != host.name)])


def add_tags(farm: Farm, host: Any, tags: Collection[str]) -> None:
    """Add tags, even if the host has them. Empty ones are left out. Raises Refusal."""
    for tag in tags:
        check_length(tag, LONGEST_TAG)
    change_tags(farm, host, lambda others: [*others, *tags])


def remove_tags(farm: Farm, host: Any, tags: Iterable[str]) -> None:
    unwanted = set(tags)
    change_tags(farm, host, lambda others: [tag for tag in others if tag not in unwanted])


def rename_tag(farm: Farm, host: Any, old: str, new: str) -> None:
    change_tags(farm, host, lambda others: [new if tag == old else tag for tag in others])


def deed_of(farm: Farm, host: Any) -> Any:
    """The deed of a host. Raises Missing when nobody owns it."""
    return find_one(farm.deeds, lambda deed: deed.host == host.name)


def deeds_of(farm: Farm, host: Any) -> list[Any]:
    return [deed for deed in farm.deeds.values() if deed.host == host.name]


def give_deed(farm: Farm, host: Any, owner: Any) -> None:
    """Make the owner the only one of this host."""
    for deed in deeds_of(farm, host):
        del farm.deeds[deed.id]
    deed = farm.add(
        farm.deeds,
        "host.Deed",
        id=farm.make_id(f"deed/{host.name}/{owner.name}"),
        host=host.name,
        owner=owner.name,
    )
    count_hosts(farm)


def remove_deed(farm: Farm, deed: Any) -> None:
    del farm.deeds[deed.id]
    count_hosts(farm)


def count_hosts(farm: Farm) -> None:
    for owner in farm.owners.values():
        owned = sum(deed.owner == owner.name for deed in farm.deeds.values())
        fill(owner, host_count=owned)


def remove_owner(farm: Farm, owner: Any) -> None:
    for deed in [deed for deed in farm.deeds.values() if deed.owner == owner.name]:
        del farm.deeds[deed.id]
    farm.disown(owner.id)
    del farm.owners[owner.id]
