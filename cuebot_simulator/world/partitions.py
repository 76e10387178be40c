"""Render partitions: parts of a host that its owner lends to a job, a layer or a frame.

Their cores are hundredths, as Cuebot shows them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from cuebot_simulator.world.depends import find_end, job_of
from cuebot_simulator.world.frame_actions import enqueue, kill_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.hosts import reports
from cuebot_simulator.world.limits import limits_allow
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.refusals import (
    CUEBOT_CLASS,
    NOTHING_FOUND_CLASS,
    JavaException,
    Missing,
    Refusal,
    duplicate,
)
from cuebot_simulator.world.state import Farm, by_name, is_pending

MOST_STARTED_AT_ONCE = 10  # frames that start in a partition at a time


def add_partition(farm: Farm, part: Any, request: Any) -> Any:
    """A render partition for a job, layer or frame, with its first frames running.

    Raises Refusal when the host is open, when the user owns no host, or when nothing can start. In
    the last case the partition is there all the same, and waits for frames.
    """
    host = host_for(farm, part, given(request, "host", ""), given(request, "username", ""))
    job = job_of(farm, part)
    if any(partition.job == job.name for partition in partitions_on(farm, host)):
        raise duplicate(f"partition of {host.name} for {job.name}")
    partition = make_partition(farm, part, host, request)
    if not farm.dispatcher.book_partition(partition, host):
        drop_finished(farm)
        raise Refusal("Failed to find suitable frames.")
    return count_partition(farm, partition)


def host_for(farm: Farm, part: Any, name: str, user: str) -> Any:
    """The host, which must be locked for NIMBY, if that user may set up a partition there.

    Any owner of any host may: Cuebot does not compare the deed with the host.
    """
    host = find_or_refuse(farm, farm.hosts, name, part, f"Failed to find host {name}")
    if enum_name(host, "lock_state") == "OPEN":
        raise JavaException(CUEBOT_CLASS, f"The host {host.name}/{host.id} is not NIMBY locked")
    owner = find_or_refuse(farm, farm.owners, user, part, f"Failed to find owner: {user}")
    if not any(deed.owner == owner.name for deed in farm.deeds.values()):
        raise JavaException(CUEBOT_CLASS, f"{user} is not the owner of the host {host.name}")
    return host


def find_or_refuse(farm: Farm, things: dict[str, Any], name: str, part: Any, text: str) -> Any:
    """The thing with that name. Raises Missing for a job, and Refusal otherwise."""
    try:
        return by_name(things, name)
    except Missing:
        if part.id in farm.jobs:
            raise
        raise JavaException(NOTHING_FOUND_CLASS, text) from None


def make_partition(farm: Farm, part: Any, host: Any, request: Any) -> Any:
    job, layer, frame = parts_of(farm, part)
    kind = "FRAME" if frame else "LAYER" if layer else "JOB"
    partition = farm.add(
        farm.render_partitions,
        "renderPartition.RenderPartition",
        id=farm.make_id(f"partition/{host.id}/{part.id}/{farm.agenda.now}"),
        job=job.name,
        layer=layer.name if layer else "",
        frame=frame.name if frame else "",
        render_part_type=f"{kind}_PARTITION",
        host=host.name,
        threads=given(request, "threads", 0),
        max_cores=given(request, "max_cores", 0) * 100,
        max_memory=given(request, "max_memory", 0),
        max_gpus=given(request, "max_gpus", 0),
        max_gpu_memory=given(request, "max_gpu_memory", 0),
    )
    farm.parent_of[partition.id] = part.id
    farm.host_of[partition.id] = host.id
    return partition


def parts_of(farm: Farm, part: Any) -> tuple[Any, Any, Any]:
    """The job, and the layer and the frame or None, of a job, layer or frame."""
    if part.id in farm.jobs:
        return part, None, None
    if part.id in farm.layers:
        return farm.jobs[part.parent_id], part, None
    return farm.job_of(part), farm.layer_of(part), part


def partitions_on(farm: Farm, host: Any) -> list[Any]:
    return [
        count_partition(farm, partition)
        for partition in farm.render_partitions.values()
        if farm.host_of[partition.id] == host.id
    ]


def count_partition(farm: Farm, partition: Any) -> Any:
    procs = [farm.procs[proc] for proc, where in farm.partition_of.items() if where == partition.id]
    fill(
        partition,
        cores=sum(round(proc.reserved_cores * 100) for proc in procs),
        memory=sum(proc.reserved_memory for proc in procs),
        gpus=sum(round(proc.reserved_gpus) for proc in procs),
        gpu_memory=sum(proc.reserved_gpu_memory for proc in procs),
    )
    return partition


def frames_for(farm: Farm, partition: Any, host: Any) -> Iterator[Any]:
    """Frames to start in a partition, one after the other, as long as there is room."""
    return islice(waiting_frames(farm, partition, host), MOST_STARTED_AT_ONCE)


def waiting_frames(farm: Farm, partition: Any, host: Any) -> Iterator[Any]:
    """A paused job stops only partitions for the whole job."""
    job, layer, frame = parts_of(farm, find_end(farm, farm.parent_of[partition.id]))
    stopped = job.is_paused and layer is None
    if stopped or not is_pending(job) or not reports(farm, host):
        return
    for each in [layer] if layer else farm.layers_of(job):
        for candidate in [frame] if frame else farm.frames_of(each):
            if not room_in(farm, partition, each, host):
                break
            if state_of(candidate) == "WAITING":
                yield candidate


def room_in(farm: Farm, partition: Any, layer: Any, host: Any) -> bool:
    """Whether a partition and its host have what a frame of this layer takes there."""
    count_partition(farm, partition)
    units, gpus = partition.threads * 100, round(layer.min_gpus)
    return bool(
        partition.max_cores - partition.cores >= units
        and partition.max_memory - partition.memory >= layer.min_memory
        and partition.max_gpus - partition.gpus >= gpus
        and partition.max_gpu_memory - partition.gpu_memory >= layer.min_gpu_memory
        and round(host.idle_cores * 100) >= units
        and host.idle_memory >= layer.min_memory
        and host.idle_gpus >= gpus
        and host.idle_gpu_memory >= layer.min_gpu_memory
        and limits_allow(farm, layer)
    )


def remove_partition(farm: Farm, partition: Any) -> None:
    """Remove a partition, and kill all that its host runs of its job."""
    host = farm.hosts[farm.host_of[partition.id]]
    procs = [proc for proc in farm.procs_on(host) if proc.job_name == partition.job]
    for proc in procs:
        fill(proc, unbooked=True)
    enqueue(farm, kill_frames, [farm.frames[farm.parent_of[proc.id]] for proc in procs])
    forget(farm, partition)


def drop_finished(farm: Farm) -> None:
    for partition in list(farm.render_partitions.values()):
        if not is_pending(job_of(farm, find_end(farm, farm.parent_of[partition.id]))):
            forget(farm, partition)


def forget(farm: Farm, partition: Any) -> None:
    for known in (farm.render_partitions, farm.parent_of, farm.host_of):
        del known[partition.id]
