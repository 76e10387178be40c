"""job.JobInterface."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cuebot_simulator.services.criteria import changed_at, find_frames, find_jobs, page_of
from cuebot_simulator.services.depends import depend_creator, depend_methods
from cuebot_simulator.services.handlers import (
    Handler,
    Methods,
    action,
    comment_adder,
    getter,
    lister,
    partition_adder,
    requested,
    setter,
)
from cuebot_simulator.services.layers import frame_reorderer, frame_staggerer
from cuebot_simulator.world import depends, frame_actions
from cuebot_simulator.world.cores import whole_cores
from cuebot_simulator.world.filters import run_filters
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.jobs import finish_if_done, finish_job, move_job
from cuebot_simulator.world.launch_spec import launch_soon, launch_spec
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.refusals import (
    NOTHING_FOUND,
    Refusal,
    Unanswered,
    illegal_argument,
    null_pointer,
)
from cuebot_simulator.world.spec import parse_spec
from cuebot_simulator.world.spec_xml import SpecError
from cuebot_simulator.world.state import Farm, by_id, is_pending

MAX_FRAME_RETRIES = 16  # as in Cuebot's configuration
NO_REASON = ""
MOST_UPDATED_FRAMES = 100
LONGEST_UPDATE_SECONDS = 60

# Launches.


def launch(farm: Farm, request: Any, answer: Any) -> None:
    """The names of the jobs, which are there a moment later."""
    try:
        spec = parse_spec(farm, request.spec)
        launch_soon(farm, spec)
    except SpecError as error:
        raise Refusal(f"Failed to add job to launch queue: {error}") from None
    answer.names.extend(spec.names)


def launch_and_wait(farm: Farm, request: Any, answer: Any) -> None:
    """The jobs. If the launch itself fails, Cuebot does not find them."""
    failed = "Failed to launch and add job"
    try:
        spec = parse_spec(farm, request.spec)
        jobs = launch_spec(farm, spec)
    except SpecError as error:
        raise Refusal(f"{failed}: {error}") from None
    if len(jobs) < len(spec.jobs):
        raise Refusal(f"{failed}: {NOTHING_FOUND}")
    farm.write_stats()
    answer.jobs.jobs.extend(jobs)


# Reads.


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    answer.jobs.jobs.extend(find_jobs(farm, given(request, "r", None)))


def get_job_names(farm: Farm, request: Any, answer: Any) -> None:
    """The names of pending jobs, even with `include_finished`."""
    jobs = find_jobs(farm, given(request, "r", None))
    answer.names.extend(job.name for job in jobs if is_pending(job))


def find_job(farm: Farm, request: Any, answer: Any) -> None:
    """A pending job by its name in any case."""
    fill(answer, job=farm.pending_job(request.name.lower()))


def get_current(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=requested(farm, request, "job"))


def is_job_pending(farm: Farm, request: Any, answer: Any) -> None:
    """Here the case of the name counts."""
    fill(answer, value=request.name in farm.pending)


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    criteria = given(request, "req", None)
    frames = find_frames(farm, farm.frames_of(requested(farm, request, "job")), criteria)
    answer.frames.frames.extend(page_of(frames, criteria))


def get_updated_frames(farm: Farm, request: Any, answer: Any) -> None:
    """The first frames that have changed since the last check.

    Cuebot never answers if that was more than a minute ago.
    """
    job = requested(farm, request, "job")
    if farm.now - request.last_check > LONGEST_UPDATE_SECONDS:
        raise Unanswered
    layers = {layer.id for layer in request.layer_filter.layers}
    frames = [
        frame
        for frame in farm.frames_of(job)
        if (not layers or farm.parent_of[frame.id] in layers)
        and changed_at(farm, frame) > request.last_check
    ]
    fill(answer, server_time=farm.now - 1)
    answer.updated_frames.SetInParent()
    answer.state = job.state
    for frame in frames[:MOST_UPDATED_FRAMES]:
        updated = answer.updated_frames.updated_frames.add()
        fill(updated, **{field.name: value for field, value in frame.ListFields()})


# Frames.


def frames_action(act: Callable[[Farm, Any], None], ignored: tuple[str, ...] = ()) -> Handler:
    """Does something, a moment after the answer, to the job's frames that fit by then.

    Bad criteria go unnoticed. The `ignored` ones do not count.
    """

    def act_later(farm: Farm, request: Any, answer: Any) -> None:
        job, criteria = requested(farm, request, "job"), given(request, "req", None)
        for name in ignored:
            criteria.ClearField(name)

        def act_on_frames(farm: Farm) -> None:
            with suppress(Refusal):
                act(farm, find_frames(farm, farm.frames_of(job), criteria))

        enqueue(farm, act_on_frames)

    return act_later


def mark_as_waiting(farm: Farm, request: Any, answer: Any) -> None:
    """At once, unlike the other actions."""
    job, criteria = requested(farm, request, "job"), given(request, "req", None)
    frame_actions.mark_waiting(farm, find_frames(farm, farm.frames_of(job), criteria))


# Changes.


def subscribe(farm: Farm, request: Any, answer: Any) -> None:
    """Fails for a job that was launched without an address. Nobody is sent a mail."""
    if request.job.id not in farm.jobs:
        raise Refusal("Failed to find job data")
    if request.job.id not in farm.with_address:
        raise null_pointer("the job has no address")


def pause(farm: Farm, request: Any, answer: Any) -> None:
    fill(requested(farm, request, "job"), is_paused=True)


def resume(farm: Farm, request: Any, answer: Any) -> None:
    fill(requested(farm, request, "job"), is_paused=False)


def kill(farm: Farm, request: Any, answer: Any) -> None:
    """Without a reason Cuebot does nothing, but answers as if it would."""
    job = requested(farm, request, "job")
    if given(request, "reason", None) != NO_REASON:
        enqueue(farm, finish_job, job)


def shut_down_if_completed(farm: Farm, request: Any, answer: Any) -> None:
    job = requested(farm, request, "job")
    enqueue(farm, finish_if_done, job)


def set_group(farm: Farm, request: Any, answer: Any) -> None:
    move_job(farm, requested(farm, request, "job"), by_id(farm.groups, request.group_id))


def set_max_retries(farm: Farm, request: Any, answer: Any) -> None:
    job, retries = requested(farm, request, "job"), request.max_retries
    if retries < 0:
        raise illegal_argument("max retries must be greater than 0")
    if retries > MAX_FRAME_RETRIES:
        raise illegal_argument(f"max retries must be less than {MAX_FRAME_RETRIES}")
    farm.max_retries[job.id] = retries


def set_auto_eat(farm: Farm, request: Any, answer: Any) -> None:
    """A job that eats its failures does not retry them first."""
    job = requested(farm, request, "job")
    fill(job, auto_eat=request.value)
    farm.max_retries[job.id] = 0 if request.value else 1


METHODS: Methods = {
    **depend_methods("job"),
    "AddComment": comment_adder("job"),
    "AddRenderPartition": partition_adder("job"),
    "AddSubscriber": subscribe,
    "CreateDependencyOnFrame": depend_creator("job", "frame"),
    "CreateDependencyOnJob": depend_creator("job", "job", "on_job"),
    "CreateDependencyOnLayer": depend_creator("job", "layer"),
    "EatFrames": frames_action(frame_actions.eat_frames),
    "FindJob": find_job,
    "GetComments": lister("job", "comments", Farm.comments_on),
    "GetCurrent": get_current,
    "GetDepends": lister("job", "depends", depends.all_depends),
    "GetFrames": get_frames,
    "GetJob": getter("job"),
    "GetJobNames": get_job_names,
    "GetJobs": get_jobs,
    "GetLayers": lister("job", "layers", Farm.layers_of),
    "GetUpdatedFrames": get_updated_frames,
    "IsJobPending": is_job_pending,
    "Kill": kill,
    "KillFrames": frames_action(frame_actions.kill_frames, ignored=("states",)),
    "LaunchSpec": launch,
    "LaunchSpecAndWait": launch_and_wait,
    "MarkAsWaiting": mark_as_waiting,
    "MarkDoneFrames": frames_action(frame_actions.mark_done),
    "Pause": pause,
    "ReorderFrames": frame_reorderer("job"),
    "Resume": resume,
    "RetryFrames": frames_action(frame_actions.retry_frames),
    "RunFilters": action("job", run_filters),
    "SetAutoEat": set_auto_eat,
    "SetGroup": set_group,
    "SetMaxCores": setter("job", "max_cores", "val", whole_cores),
    "SetMaxGpus": setter("job", "max_gpus", "val"),
    "SetMaxRetries": set_max_retries,
    "SetMinCores": setter("job", "min_cores", "val", whole_cores),
    "SetMinGpus": setter("job", "min_gpus", "val"),
    "SetPriority": setter("job", "priority", "val"),
    "ShutdownIfCompleted": shut_down_if_completed,
    "StaggerFrames": frame_staggerer("job"),
}
