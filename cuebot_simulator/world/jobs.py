"""The life of a job: its launch, its groups, and its end."""

from collections.abc import Collection
from functools import partial
from hashlib import sha256
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.cores import NO_LIMIT
from cuebot_simulator.world.frames import EXIT_RETRIED, state_of, stop_frame
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.plans import GIGABYTE_KB, JobPlan, LayerPlan
from cuebot_simulator.world.refusals import MODIFICATION_CLASS, JavaException
from cuebot_simulator.world.shows import find_show
from cuebot_simulator.world.state import NO_LIMIT_NAME, Farm, find_one, is_pending

INHERITED = ("priority", "min_cores", "max_cores", "min_gpus", "max_gpus")
"""Fields of a job for which its group has defaults."""


def count_job(farm: Farm, job: Any, sign: int) -> None:
    """Count a pending job in its group and its show (1), or no more (-1)."""
    group = farm.group_of(job)
    show = farm.show_of(group)
    for thing in (group, show):
        farm.tallies[thing.id].take_in(farm.tallies[job.id], sign)
    farm.mark_stale(job, group, show)


def move_job(farm: Farm, job: Any, group: Any, *, inherited: Collection[str] = INHERITED) -> None:
    """Put a job into another group of its show, with that group's defaults for these fields.

    Raises Refusal when the group is another show's.
    """
    if farm.show_of(group) is not farm.show_of(farm.group_of(job)):
        raise JavaException(MODIFICATION_CLASS, "error moving job, cannot move jobs between shows")
    if is_pending(job):
        count_job(farm, job, -1)
    farm.disown(job.id)
    farm.own(group.id, job.id)
    note_group(farm, job)
    if is_pending(job):
        count_job(farm, job, 1)
    defaults = {name: given(group, f"default_job_{name}", NO_LIMIT) for name in inherited}
    fill(job, **{name: value for name, value in defaults.items() if value != NO_LIMIT})


def note_group(farm: Farm, job: Any) -> None:
    """Write the name of its group into a job, and into its procs."""
    name = farm.group_of(job).name
    fill(job, group=name)
    if farm.tallies[job.id].states["RUNNING"]:
        for proc in farm.procs_of(farm.frames_of(job)):
            fill(proc, group_name=name)


def finish_job(farm: Farm, job: Any) -> None:
    """End a pending job. Its running frames wait again; what waited for the job goes on.

    Its post job, if it has one, becomes pending.
    """
    if not is_pending(job):
        return
    if farm.tallies[job.id].states["RUNNING"]:
        for frame in farm.frames_of(job):
            if state_of(frame) == "RUNNING":
                stop_frame(farm, frame, "WAITING", EXIT_RETRIED)
    count_job(farm, job, -1)
    del farm.pending[job.name]
    fill(job, state="FINISHED", stop_time=farm.now)
    depends.satisfy_on(farm, job)
    if post := farm.post_jobs.pop(job.id, None):
        begin_job(farm, post)


def begin_job(farm: Farm, job: Any) -> None:
    fill(job, state="PENDING")
    farm.pending[job.name] = job
    count_job(farm, job, 1)


def reopen_job(farm: Farm, job: Any) -> None:
    """Make a finished job pending again, unless another one of its name is."""
    if is_pending(job) or job.name in farm.pending:
        return
    fill(job, stop_time=0)
    begin_job(farm, job)


def finish_if_done(farm: Farm, job: Any) -> None:
    if is_pending(job) and farm.tallies[job.id].finished:
        finish_job(farm, job)


FIRST_USER_ID = 1001
FIRST_FACILITY = "local"
NO_RESOURCE = "/0.00/0"
"""No host, cores and GPUs: what a frame last ran on that never ran."""


def pick(farm: Farm, key: str, low: int, high: int) -> int:
    """A number from low to high that depends only on the seed and the key."""
    digest = sha256(f"{farm.seed}/{key}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def launch_job(farm: Farm, plan: JobPlan) -> Any:
    """A new pending job, with layers and frames that wait. Raises Missing (the show).

    The caller makes sure that no pending job has that name.
    """
    job = add_job(farm, plan)
    begin_job(farm, job)
    if plan.post is not None:
        farm.post_jobs[job.id] = add_job(farm, plan.post)
    for depend in plan.depends:
        depends.add_planned(farm, job, depend)
    return job


def add_job(farm: Farm, plan: JobPlan) -> Any:
    """A new job with its layers, which is not pending yet. Raises Missing (the show)."""
    show = find_show(farm, plan.show)
    group = farm.root_group(show)
    if plan.group:
        group = find_one(
            farm.groups, lambda each: each.name == plan.group and farm.show_of(each) is show
        )
    name = plan.full_name
    launched = farm.now - plan.minutes * 60
    key = farm.make_id(f"job/{name}/{len(farm.jobs) if plan.minutes == 0 else ''}")
    job = farm.add(
        farm.jobs,
        "job.Job",
        id=key,
        state="POSTED",
        name=name,
        shot=plan.shot,
        show=show.name,
        user=plan.user,
        group=group.name,
        facility=plan.facility or FIRST_FACILITY,
        os=plan.os,
        uid=plan.uid or pick(farm, f"uid/{plan.user}", FIRST_USER_ID, FIRST_USER_ID + 998),
        priority=plan.priority,
        min_cores=1,
        max_cores=plan.max_cores,
        max_gpus=plan.max_gpus,
        log_dir=f"/shots/{plan.show}/{plan.shot}/logs/{name}--{key}",
        is_paused=plan.paused,
        auto_eat=plan.auto_eat,
        start_time=launched,
        eligible_time=launched,
    )
    farm.max_retries[job.id] = plan.max_retries
    farm.subscribers[job.id] = [plan.email] if plan.email else []
    farm.own(group.id, job.id)
    for order, layer in enumerate(plan.layers, start=1):
        add_layer(farm, job, layer, order)
    tally = farm.tallies[job.id]
    tally.layers = len(plan.layers)
    tally.jobs = 1
    for thing in (group, show):
        farm.tallies[thing.id].created_jobs += 1
        farm.tallies[thing.id].created_frames += tally.states.total()
    farm.mark_stale(job, group, show)
    return job


def add_layer(farm: Farm, job: Any, plan: LayerPlan, order: int) -> None:
    """A layer of a job. Its frames wait, and are lazy."""
    layer = farm.add(
        farm.layers,
        "job.Layer",
        id=farm.make_id(f"layer/{job.id}/{plan.name}"),
        name=plan.name,
        range=plan.range or span_of(plan.frames),
        tags=list(plan.tags),
        min_cores=plan.cores,
        max_cores=plan.max_cores,
        min_gpus=plan.gpus,
        max_gpus=plan.max_gpus,
        is_threadable=plan.threadable,
        min_memory=int(plan.memory * GIGABYTE_KB),
        min_gpu_memory=int(plan.gpu_memory * GIGABYTE_KB),
        chunk_size=plan.chunk,
        dispatch_order=order,
        type=plan.kind,
        services=list(plan.services),
        memory_optimizer_enabled=True,
        parent_id=job.id,
        limits=list(plan.limits) or [NO_LIMIT_NAME],
        timeout=plan.timeout,
        timeout_llu=plan.timeout_llu,
        command=plan.command or f"{plan.services[0]} --frame #IFRAME# /shots/{job.show}/{job.shot}",
        eligible_time=job.start_time,
    )
    farm.frames.add_layer(layer, partial(make_frames, farm, layer, plan.frames))
    farm.own(job.id, layer.id)
    farm.outputs[layer.id] = list(plan.outputs)
    farm.frame_seconds[layer.id] = plan.seconds
    farm.lazy_states[layer.id] = "WAITING"
    for tally in (farm.tallies[layer.id], farm.tallies[job.id]):
        tally.states["WAITING"] += len(plan.frames)
    farm.mark_stale(layer)


def span_of(numbers: tuple[int, ...]) -> str:
    first, last = numbers[0], numbers[-1]
    return f"{first}-{last}" if last > first else f"{first}"


def make_frames(farm: Farm, layer: Any, numbers: tuple[int, ...]) -> None:
    job = farm.jobs[layer.parent_id]
    frames, first = farm.frames, farm.messages.new("job.Frame")
    state = farm.lazy_states.pop(layer.id)
    fill(
        first,
        state=state,
        layer_name=layer.name,
        exit_status=-1,
        last_resource=NO_RESOURCE,
        eligible_time=job.start_time if state == "WAITING" else 0,
        submission_time=job.start_time,
    )
    new = type(first)
    ids = []
    for index, number in enumerate(numbers):
        frame = new()
        frame.CopyFrom(first)
        frame.id = key = frames.id_at(layer, index)
        frame.name = f"{number:04}-{layer.name}"
        frame.number = number
        frame.dispatch_order = index
        frames[key] = frame
        farm.parent_of[key] = layer.id
        ids.append(key)
    farm.children_of[layer.id] = ids
