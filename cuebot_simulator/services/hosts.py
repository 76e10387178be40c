"""host.HostInterface, without RestartRqdNow and RestartRqdWhenIdle, which Cuebot does not serve."""

from typing import Any

from cuebot_simulator.services.criteria import find_hosts
from cuebot_simulator.services.handlers import (
    Methods,
    action,
    comment_adder,
    getter,
    lister,
    requested,
    setter,
)
from cuebot_simulator.world import hosts
from cuebot_simulator.world.allocations import move_host
from cuebot_simulator.world.frame_actions import enqueue, kill_frames
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.partitions import partitions_on
from cuebot_simulator.world.redirects import redirect
from cuebot_simulator.world.state import Farm, by_id, by_name


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    answer.hosts.hosts.extend(find_hosts(farm, given(request, "r", None)))


def get_host_whiteboard(farm: Farm, request: Any, answer: Any) -> None:
    """All hosts with what runs there, as documented.

    The real Cuebot leaves the procs out, or fails over those that are not redirected.
    """
    answer.nested_hosts.nested_hosts.extend(nested_host(farm, each) for each in farm.hosts.values())


def nested_host(farm: Farm, host: Any) -> Any:
    """The host with its procs, each of which names its host again, without procs."""
    parent, nested = copied(farm, host, "host.NestedHost"), copied(farm, host, "host.NestedHost")
    nested.procs.SetInParent()
    for proc in farm.procs_on(host):
        nested_proc = copied(farm, proc, "host.NestedProc")
        fill(nested_proc, parent=parent)
        nested.procs.nested_procs.append(nested_proc)
    return nested


def copied(farm: Farm, message: Any, name: str) -> Any:
    copy = farm.messages.new(name)
    for field, value in message.ListFields():
        fill(copy, **{field.name: list(value) if field.is_repeated else value})
    return copy


def find_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=by_name(farm.hosts, request.name))


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    deed = hosts.deed_of(farm, requested(farm, request, "host"))
    fill(answer, owner=by_name(farm.owners, deed.owner))


def get_deed(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, deed=hosts.deed_of(farm, requested(farm, request, "host")))


def lock(farm: Farm, request: Any, answer: Any) -> None:
    hosts.set_lock(farm, requested(farm, request, "host"), "LOCKED")


def unlock(farm: Farm, request: Any, answer: Any) -> None:
    hosts.set_lock(farm, requested(farm, request, "host"), "OPEN")


def set_allocation(farm: Farm, request: Any, answer: Any) -> None:
    host = requested(farm, request, "host")
    move_host(farm, host, by_id(farm.allocations, request.allocation_id))


def redirect_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Kill these procs, whose "names" are ids; their hosts work for the job next.

    The request's host does not matter.
    """
    procs = [by_id(farm.procs, proc) for proc in request.proc_names]
    job = by_id(farm.jobs, request.job_id)
    for proc in procs:
        redirect(farm, proc, job)
    enqueue(farm, kill_frames, [farm.frames[farm.parent_of[proc.id]] for proc in procs])
    fill(answer, value=True)


METHODS: Methods = {
    "AddComment": comment_adder("host"),
    "AddTags": action("host", hosts.add_tags, "tags"),
    "Delete": action("host", hosts.remove_host),
    "FindHost": find_host,
    "GetComments": lister("host", "comments", Farm.comments_on),
    "GetDeed": get_deed,
    "GetHost": getter("host"),
    "GetHostWhiteboard": get_host_whiteboard,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "GetProcs": lister("host", "procs", Farm.procs_on),
    "GetRenderPartitions": lister("host", "render_partitions", partitions_on),
    "Lock": lock,
    "Reboot": action("host", hosts.restart),
    "RebootWhenIdle": action("host", hosts.restart_when_idle),
    "RedirectToJob": redirect_to_job,
    "RemoveTags": action("host", hosts.remove_tags, "tags"),
    "RenameTag": action("host", hosts.rename_tag, "old_tag", "new_tag"),
    "SetAllocation": set_allocation,
    "SetHardwareState": setter("host", "state"),
    "SetOs": setter("host", "os"),
    "SetThreadMode": setter("host", "thread_mode", "mode"),
    "Unlock": unlock,
}
