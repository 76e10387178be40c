"""host.ProcInterface."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from cuebot_simulator.services.criteria import find_booked_procs, find_procs
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.frame_actions import enqueue, kill_frames
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.redirects import clear_redirect, has_work, jobs_at, redirect
from cuebot_simulator.world.state import Farm, by_id


def requested_proc(farm: Farm, request: Any) -> Any:
    """The proc that a request is about, by its id. Raises Missing."""
    return by_id(farm.procs, request.proc.id)


def frame_of(farm: Farm, proc: Any) -> Any:
    """The frame that a proc runs."""
    return farm.frames[farm.parent_of[proc.id]]


def get_procs(farm: Farm, request: Any, answer: Any) -> None:
    answer.procs.procs.extend(find_procs(farm, given(request, "r", None)))


def get_frame(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, frame=frame_of(farm, requested_proc(farm, request)))


def get_layer(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, layer=farm.layer_of(frame_of(farm, requested_proc(farm, request))))


def get_job(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=farm.job_of(frame_of(farm, requested_proc(farm, request))))


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=farm.host_with(requested_proc(farm, request)))


def kill_procs(farm: Farm, procs: Sequence[Any]) -> None:
    """End what these procs run, soon."""
    enqueue(farm, kill_frames, [frame_of(farm, proc) for proc in procs])


def unbook_all(farm: Farm, procs: Sequence[Any], *, kill: bool) -> None:
    """Let procs leave after their frames, or at once."""
    for proc in procs:
        fill(proc, unbooked=True)
    if kill:
        kill_procs(farm, procs)


def kill(farm: Farm, request: Any, answer: Any) -> None:
    """A killed proc is unbooked, too."""
    unbook_all(farm, [requested_proc(farm, request)], kill=True)


def unbook(farm: Farm, request: Any, answer: Any) -> None:
    unbook_all(farm, [requested_proc(farm, request)], kill=given(request, "kill", False))


def unbook_procs(farm: Farm, request: Any, answer: Any) -> None:
    """Unbook all that fit and are not unbooked yet; the answer says how many."""
    procs = find_booked_procs(farm, given(request, "r", None))
    unbook_all(farm, procs, kill=given(request, "kill", False))
    fill(answer, num_procs=len(procs))


def unbook_to_group(farm: Farm, request: Any, answer: Any) -> None:
    """Redirect so many procs of other groups, the oldest first; the answer says how many."""
    require_number(request)
    group = by_id(farm.groups, request.group.id)
    procs = find_booked_procs(
        farm,
        request.r,
        unless=lambda proc: farm.group_of(farm.job_of(frame_of(farm, proc))) is group,
    )
    redirect_all(farm, procs, [group], request, answer)


def unbook_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Redirect so many procs of other jobs, by turns to each of these. Unknown ones are left out.

    The answer says how many.
    """
    require_number(request)
    jobs = [farm.jobs[job.id] for job in request.jobs.jobs if job.id in farm.jobs]
    if jobs:
        procs = find_booked_procs(
            farm, request.r, unless=lambda proc: farm.job_of(frame_of(farm, proc)) in jobs
        )
        redirect_all(farm, procs, jobs, request, answer)


def require_number(request: Any) -> None:
    """Raise Refusal when a request does not say how many procs it means."""
    if not request.r.max_results:
        raise java_exception(
            "java.lang.RuntimeException",
            "You must specify the number of procs to unbook within the ProcSearchCriteria.",
        )


def redirect_all(
    farm: Farm, procs: Sequence[Any], targets: Sequence[Any], request: Any, answer: Any
) -> None:
    """Redirect these procs, to each target in its turn, and kill them if the request says so."""
    for proc, target in zip(procs, cycle(targets), strict=False):
        redirect(farm, proc, target)
    if request.kill:
        kill_procs(farm, procs)
    fill(answer, num_procs=len(procs))


def redirect_to_group(farm: Farm, request: Any, answer: Any) -> None:
    """Only if a job of the group has work for the proc's place. The answer says whether."""
    proc, group = requested_proc(farm, request), by_id(farm.groups, request.group_id)
    redirect_one(farm, proc, group, jobs_at(farm, group.id), request, answer)


def redirect_to_job(farm: Farm, request: Any, answer: Any) -> None:
    """Only if the job has work for the proc's place. The answer says whether."""
    proc, job = requested_proc(farm, request), by_id(farm.jobs, request.job_id)
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
    """The proc stays, and is no longer unbooked. The answer says whether it was redirected."""
    fill(answer, value=clear_redirect(farm, requested_proc(farm, request)))


METHODS: Mapping[str, Handler] = {
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
