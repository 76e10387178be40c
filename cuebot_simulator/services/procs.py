"""host.ProcInterface and renderPartition.RenderPartitionInterface."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from cuebot_simulator.services.criteria import find_booked_procs, find_procs
from cuebot_simulator.services.handlers import Methods, action, requested
from cuebot_simulator.world.frame_actions import enqueue, kill_frames
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.partitions import remove_partition
from cuebot_simulator.world.redirects import clear_redirect, has_work, jobs_at, redirect
from cuebot_simulator.world.refusals import JavaException
from cuebot_simulator.world.state import Farm, by_id


def frame_of(farm: Farm, proc: Any) -> Any:
    return farm.frames[farm.parent_of[proc.id]]


def get_procs(farm: Farm, request: Any, answer: Any) -> None:
    answer.procs.procs.extend(find_procs(farm, given(request, "r", None)))


def get_frame(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, frame=frame_of(farm, requested(farm, request, "proc")))


def get_layer(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, layer=farm.layer_of(frame_of(farm, requested(farm, request, "proc"))))


def get_job(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=farm.job_of(frame_of(farm, requested(farm, request, "proc"))))


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=farm.host_with(requested(farm, request, "proc")))


def kill_procs(farm: Farm, procs: Sequence[Any]) -> None:
    enqueue(farm, kill_frames, [frame_of(farm, proc) for proc in procs])


def unbook_all(farm: Farm, procs: Sequence[Any], *, kill: bool) -> None:
    for proc in procs:
        fill(proc, unbooked=True)
    if kill:
        kill_procs(farm, procs)


def kill(farm: Farm, request: Any, answer: Any) -> None:
    unbook_all(farm, [requested(farm, request, "proc")], kill=True)


def unbook(farm: Farm, request: Any, answer: Any) -> None:
    unbook_all(farm, [requested(farm, request, "proc")], kill=given(request, "kill", False))


def unbook_procs(farm: Farm, request: Any, answer: Any) -> None:
    procs = find_booked_procs(farm, given(request, "r", None))
    unbook_all(farm, procs, kill=given(request, "kill", False))
    fill(answer, num_procs=len(procs))


def unbook_to_group(farm: Farm, request: Any, answer: Any) -> None:
    """Redirect procs of other groups, the oldest first."""
    require_number(request)
    group = requested(farm, request, "group")
    procs = find_booked_procs(
        farm,
        request.r,
        unless=lambda proc: farm.group_of(farm.job_of(frame_of(farm, proc))) is group,
    )
    redirect_all(farm, procs, [group], request, answer)


def unbook_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Redirect procs of other jobs, to each of these in turn. Unknown jobs are left out."""
    require_number(request)
    jobs = [farm.jobs[job.id] for job in request.jobs.jobs if job.id in farm.jobs]
    if jobs:
        procs = find_booked_procs(
            farm, request.r, unless=lambda proc: farm.job_of(frame_of(farm, proc)) in jobs
        )
        redirect_all(farm, procs, jobs, request, answer)


def require_number(request: Any) -> None:
    if not request.r.max_results:
        raise JavaException(
            "java.lang.RuntimeException",
            "You must specify the number of procs to unbook within the ProcSearchCriteria.",
        )


def redirect_all(
    farm: Farm, procs: Sequence[Any], targets: Sequence[Any], request: Any, answer: Any
) -> None:
    for proc, target in zip(procs, cycle(targets), strict=False):
        redirect(farm, proc, target)
    if request.kill:
        kill_procs(farm, procs)
    fill(answer, num_procs=len(procs))


def redirect_to_group(farm: Farm, request: Any, answer: Any) -> None:
    """Only if a job of the group has a frame that fits in the proc's place."""
    proc, group = requested(farm, request, "proc"), by_id(farm.groups, request.group_id)
    redirect_one(farm, proc, group, jobs_at(farm, group.id), request, answer)


def redirect_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Only if the job has a frame that fits in the proc's place."""
    proc, job = requested(farm, request, "proc"), by_id(farm.jobs, request.job_id)
    redirect_one(farm, proc, job, [job], request, answer)


def redirect_one(
    farm: Farm, proc: Any, target: Any, jobs: Sequence[Any], request: Any, answer: Any
) -> None:
    if has_work(farm, jobs, proc):
        redirect(farm, proc, target)
        if request.kill:
            kill_procs(farm, [proc])
        fill(answer, value=True)


def clear(farm: Farm, request: Any, answer: Any) -> None:
    """The answer says whether the proc was redirected."""
    fill(answer, value=clear_redirect(farm, requested(farm, request, "proc")))


PROC_METHODS: Methods = {
    "ClearRedirect": clear,
    "GetFrame": get_frame,
    "GetHost": get_host,
    "GetJob": get_job,
    "GetLayer": get_layer,
    "GetProcs": get_procs,
    "Kill": kill,
    "RedirectToGroup": redirect_to_group,
    "RedirectToJob": redirect_to_job,
    "Unbook": unbook,
    "UnbookProcs": unbook_procs,
    "UnbookToGroup": unbook_to_group,
    "UnbookToJob": unbook_to_job,
}


# Render partitions.


def set_max_resources(farm: Farm, request: Any, answer: Any) -> None:
    """Set what is above 0. Cores are hundredths here, unlike those of a new partition."""
    partition = requested(farm, request, "render_partition")
    for name in ("cores", "memory", "gpus", "gpu_memory"):
        value = getattr(request, name)
        if value > 0:
            fill(partition, **{f"max_{name}": value})


PARTITION_METHODS: Methods = {
    "Delete": action("render_partition", remove_partition),
    "SetMaxResources": set_max_resources,
}
