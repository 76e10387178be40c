"""job.JobInterface."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from cuebot_simulator.services import job_depends, job_frames, job_launches
from cuebot_simulator.services.criteria import find_jobs
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.cores import whole_cores
from cuebot_simulator.world.failures import Refusal, illegal_argument, null_pointer
from cuebot_simulator.world.filtering import run_filters
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.jobs import finish_if_done, finish_job, move_job
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.new_entities import add_comment
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import Farm, by_id, is_pending

MOST_RETRIES = 16
"""MAX_FRAME_RETRIES of Cuebot's configuration."""
NO_REASON = ""
NO_ADDRESS = (
    'Cannot invoke "String.split(String)" because the return value of'
    ' "com.imageworks.spcue.service.JobManager.getEmail(com.imageworks.spcue.JobInterface)" is null'
)


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    answer.jobs.jobs.extend(find_jobs(farm, given(request, "r", None)))


def get_job_names(farm: Farm, request: Any, answer: Any) -> None:
    """The names of pending jobs, `include_finished` or not."""
    jobs = find_jobs(farm, given(request, "r", None))
    answer.names.extend(job.name for job in jobs if is_pending(job))


def get_job(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=by_id(farm.jobs, request.id))


def find_job(farm: Farm, request: Any, answer: Any) -> None:
    """A pending job by name. Job names are lower case, whatever was asked for."""
    fill(answer, job=farm.pending_job(request.name.lower()))


def get_current(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=by_id(farm.jobs, request.job.id))


def is_job_pending(farm: Farm, request: Any, answer: Any) -> None:
    """Here the case of the name counts."""
    fill(answer, value=request.name in farm.pending)


def get_layers(farm: Farm, request: Any, answer: Any) -> None:
    answer.layers.layers.extend(farm.layers_of(by_id(farm.jobs, request.job.id)))


def get_comments(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    answer.comments.comments.extend(farm.comments_on(job))


def comment(farm: Farm, request: Any, answer: Any) -> None:
    """The comment's time is now, whatever it says."""
    new = request.new_comment
    job = by_id(farm.jobs, request.job.id)
    add_comment(farm, job, user=new.user, subject=new.subject, text=new.message)


def subscribe(farm: Farm, request: Any, answer: Any) -> None:
    """It fails for a job that was launched without an address."""
    job = farm.jobs.get(request.job.id)
    if job is None:
        raise Refusal("Failed to find job data")
    subscribers = farm.subscribers[job.id]
    if not subscribers:
        raise null_pointer(NO_ADDRESS)
    if request.subscriber not in subscribers:
        subscribers.append(request.subscriber)


def add_render_partition(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    fill(answer, render_partition=add_partition(farm, job, request))


def pause(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), is_paused=True)


def resume(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), is_paused=False)


def kill(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot asks for a reason, and without one does nothing; but it answers as if it would."""
    job = by_id(farm.jobs, request.job.id)
    if given(request, "reason", None) != NO_REASON:
        farm.agenda.after(QUEUE_DELAY, partial(finish_job, farm, job))


def shut_down_if_completed(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    farm.agenda.after(QUEUE_DELAY, partial(finish_if_done, farm, job))


def filter_again(farm: Farm, request: Any, answer: Any) -> None:
    run_filters(farm, by_id(farm.jobs, request.job.id))


def set_group(farm: Farm, request: Any, answer: Any) -> None:
    """A job stays in its show."""
    move_job(farm, by_id(farm.jobs, request.job.id), by_id(farm.groups, request.group_id))


def set_priority(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), priority=request.val)


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), min_cores=whole_cores(request.val))


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), max_cores=whole_cores(request.val))


def set_min_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), min_gpus=request.val)


def set_max_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), max_gpus=request.val)


def set_max_retries(farm: Farm, request: Any, answer: Any) -> None:
    job, retries = by_id(farm.jobs, request.job.id), request.max_retries
    if retries < 0:
        raise illegal_argument("max retries must be greater than 0")
    if retries > MOST_RETRIES:
        raise illegal_argument(f"max retries must be less than {MOST_RETRIES}")
    farm.max_retries[job.id] = retries


def set_auto_eat(farm: Farm, request: Any, answer: Any) -> None:
    """A job that eats its failures does not try them again first."""
    job = by_id(farm.jobs, request.job.id)
    fill(job, auto_eat=request.value)
    farm.max_retries[job.id] = 0 if request.value else 1


METHODS: Mapping[str, Handler] = {
    **job_depends.METHODS,
    **job_frames.METHODS,
    **job_launches.METHODS,
    "AddComment": comment,
    "AddRenderPartition": add_render_partition,
    "AddSubscriber": subscribe,
    "FindJob": find_job,
    "GetComments": get_comments,
    "GetCurrent": get_current,
    "GetJob": get_job,
    "GetJobNames": get_job_names,
    "GetJobs": get_jobs,
    "GetLayers": get_layers,
    "IsJobPending": is_job_pending,
    "Kill": kill,
    "Pause": pause,
    "Resume": resume,
    "RunFilters": filter_again,
    "SetAutoEat": set_auto_eat,
    "SetGroup": set_group,
    "SetMaxCores": set_max_cores,
    "SetMaxGpus": set_max_gpus,
    "SetMaxRetries": set_max_retries,
    "SetMinCores": set_min_cores,
    "SetMinGpus": set_min_gpus,
    "SetPriority": set_priority,
    "ShutdownIfCompleted": shut_down_if_completed,
}
