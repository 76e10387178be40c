"""job.JobInterface."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway.demo.farm import orders
from gateway.demo.farm.cores import whole_cores
from gateway.demo.farm.jobs import finish_job
from gateway.demo.farm.messages import enum_name, fill, given
from gateway.demo.farm.orders import QUEUED, order
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.criteria import find_frames, find_jobs, page_of
from gateway.demo.interfaces.handler import Handler


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    answer.jobs.jobs.extend(find_jobs(farm, given(request, "r", None)))


def get_job_names(farm: Farm, request: Any, answer: Any) -> None:
    """The names of pending jobs, `include_finished` or not."""
    jobs = find_jobs(farm, given(request, "r", None))
    answer.names.extend(job.name for job in jobs if enum_name(job, "state") == "PENDING")


def get_job(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=by_id(farm.jobs, request.id))


def find_job(farm: Farm, request: Any, answer: Any) -> None:
    """A pending job by name. Job names are lower case, whatever was asked for."""
    fill(answer, job=farm.pending_job(request.name.lower()))


def get_current(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=by_id(farm.jobs, request.job.id))


def is_job_pending(farm: Farm, request: Any, answer: Any) -> None:
    fill(
        answer,
        value=any(
            job.name == request.name.lower() and enum_name(job, "state") == "PENDING"
            for job in farm.jobs.values()
        ),
    )


def get_layers(farm: Farm, request: Any, answer: Any) -> None:
    answer.layers.layers.extend(farm.layers_of(by_id(farm.jobs, request.job.id)))


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    answer.frames.frames.extend(page_of(wanted_frames(farm, request), request.req))


def wanted_frames(farm: Farm, request: Any) -> list[Any]:
    """The frames of the request's job that fit its criteria."""
    job = by_id(farm.jobs, request.job.id)
    return find_frames(farm.frames_of(job), given(request, "req", None))


def get_comments(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    answer.comments.comments.extend(farm.comments_on(job))


def pause(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), is_paused=True)


def resume(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), is_paused=False)


def kill(farm: Farm, request: Any, answer: Any) -> None:
    job = by_id(farm.jobs, request.job.id)
    farm.agenda.after(QUEUED, partial(finish_job, farm, job))


def kill_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.kill_frames, wanted_frames(farm, request))


def eat_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.eat_frames, wanted_frames(farm, request))


def retry_frames(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.retry_frames, wanted_frames(farm, request))


def set_priority(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), priority=request.val)


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), min_cores=whole_cores(request.val))


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), max_cores=whole_cores(request.val))


def set_auto_eat(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.jobs, request.job.id), auto_eat=request.value)


METHODS: Mapping[str, Handler] = {
    "EatFrames": eat_frames,
    "FindJob": find_job,
    "GetComments": get_comments,
    "GetCurrent": get_current,
    "GetFrames": get_frames,
    "GetJob": get_job,
    "GetJobNames": get_job_names,
    "GetJobs": get_jobs,
    "GetLayers": get_layers,
    "IsJobPending": is_job_pending,
    "Kill": kill,
    "KillFrames": kill_frames,
    "Pause": pause,
    "Resume": resume,
    "RetryFrames": retry_frames,
    "SetAutoEat": set_auto_eat,
    "SetMaxCores": set_max_cores,
    "SetMinCores": set_min_cores,
    "SetPriority": set_priority,
}
