"""host.HostInterface, but RestartRqdNow and RestartRqdWhenIdle, which Cuebot does not serve."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.criteria import find_hosts
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.services.nested_hosts import nested_host
from cuebot_simulator.world import machines
from cuebot_simulator.world.allocations import move_host
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.frame_actions import enqueue, kill_frames
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.new_entities import add_comment
from cuebot_simulator.world.ownership import deed_of
from cuebot_simulator.world.partitions import partitions_on
from cuebot_simulator.world.redirects import redirect
from cuebot_simulator.world.state import Farm, by_id, by_name
from cuebot_simulator.world.tags import add_tags, remove_tags, rename_tag


def requested_host(farm: Farm, request: Any) -> Any:
    """The host that a request is about, by its id. Raises Missing."""
    return by_id(farm.hosts, request.host.id)


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    answer.hosts.hosts.extend(find_hosts(farm, given(request, "r", None)))


def get_host_whiteboard(farm: Farm, request: Any, answer: Any) -> None:
    """All hosts with what runs there, as documented.

    The real server leaves the procs out, or fails over those that are not redirected.
    """
    answer.nested_hosts.nested_hosts.extend(nested_host(farm, each) for each in farm.hosts.values())


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=by_id(farm.hosts, request.id))


def find_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=by_name(farm.hosts, request.name))


def get_procs(farm: Farm, request: Any, answer: Any) -> None:
    answer.procs.procs.extend(farm.procs_on(requested_host(farm, request)))


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, owner=by_name(farm.owners, deed_of(farm, requested_host(farm, request)).owner))


def get_deed(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, deed=deed_of(farm, requested_host(farm, request)))


def get_render_partitions(farm: Farm, request: Any, answer: Any) -> None:
    found = partitions_on(farm, requested_host(farm, request))
    answer.render_partitions.render_partitions.extend(found)


def get_comments(farm: Farm, request: Any, answer: Any) -> None:
    answer.comments.comments.extend(farm.comments_on(requested_host(farm, request)))


def comment_on(farm: Farm, request: Any, answer: Any) -> None:
    new = request.new_comment
    host = requested_host(farm, request)
    add_comment(farm, host, user=new.user, subject=new.subject, text=new.message)


def lock(farm: Farm, request: Any, answer: Any) -> None:
    """What runs there runs on."""
    machines.set_lock(farm, requested_host(farm, request), "LOCKED")


def unlock(farm: Farm, request: Any, answer: Any) -> None:
    machines.set_lock(farm, requested_host(farm, request), "OPEN")


def reboot(farm: Farm, request: Any, answer: Any) -> None:
    machines.restart(farm, requested_host(farm, request))


def reboot_when_idle(farm: Farm, request: Any, answer: Any) -> None:
    machines.restart_when_idle(farm, requested_host(farm, request))


def set_hardware_state(farm: Farm, request: Any, answer: Any) -> None:
    """Only what Cuebot takes it for. A host that reports is up again soon if it was set down."""
    fill(requested_host(farm, request), state=request.state)


def set_thread_mode(farm: Farm, request: Any, answer: Any) -> None:
    fill(requested_host(farm, request), thread_mode=request.mode)


def set_os(farm: Farm, request: Any, answer: Any) -> None:
    fill(requested_host(farm, request), os=request.os)


def set_allocation(farm: Farm, request: Any, answer: Any) -> None:
    """The allocation is given by its id. A host where something runs stays where it is."""
    host = requested_host(farm, request)
    allocation = by_id(farm.allocations, request.allocation_id)
    if farm.procs_on(host):
        raise java_exception(
            "com.imageworks.spcue.EntityModificationError",
            "You cannot move hosts with running procs between allocations.",
        )
    move_host(farm, host, allocation)


def add_host_tags(farm: Farm, request: Any, answer: Any) -> None:
    add_tags(farm, requested_host(farm, request), request.tags)


def remove_host_tags(farm: Farm, request: Any, answer: Any) -> None:
    remove_tags(farm, requested_host(farm, request), request.tags)


def rename_host_tag(farm: Farm, request: Any, answer: Any) -> None:
    rename_tag(farm, requested_host(farm, request), request.old_tag, request.new_tag)


def redirect_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Kill these procs, whose "names" are ids; once all have ended, the last one's host follows.

    The request's host does not matter.
    """
    procs = [by_id(farm.procs, proc) for proc in request.proc_names]
    job = by_id(farm.jobs, request.job_id)
    batch = farm.make_id(f"batch/{job.id}/{farm.agenda.now}")
    for proc in procs:
        redirect(farm, proc, job, batch)
    enqueue(farm, kill_frames, [farm.frames[farm.parent_of[proc.id]] for proc in procs])
    fill(answer, value=True)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    machines.remove_host(farm, requested_host(farm, request))


METHODS: Mapping[str, Handler] = {
    "AddComment": comment_on,
    "AddTags": add_host_tags,
    "Delete": delete,
    "FindHost": find_host,
    "GetComments": get_comments,
    "GetDeed": get_deed,
    "GetHost": get_host,
    "GetHostWhiteboard": get_host_whiteboard,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "GetProcs": get_procs,
    "GetRenderPartitions": get_render_partitions,
    "Lock": lock,
    "Reboot": reboot,
    "RebootWhenIdle": reboot_when_idle,
    "RedirectToJob": redirect_to_job,
    "RemoveTags": remove_host_tags,
    "RenameTag": rename_host_tag,
    "SetAllocation": set_allocation,
    "SetHardwareState": set_hardware_state,
    "SetOs": set_os,
    "SetThreadMode": set_thread_mode,
    "Unlock": unlock,
}
