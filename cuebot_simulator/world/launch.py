"""How a job comes onto the farm, with its layers and frames."""

from functools import partial
from hashlib import sha256
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.jobs import begin_job
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.plans import GIGABYTE, JobPlan, LayerPlan
from cuebot_simulator.world.shows import find_show
from cuebot_simulator.world.state import NO_LIMIT, Farm, find_one

FIRST_USER_ID = 1001
FIRST_FACILITY = "local"
NO_RESOURCE = "/0.00/0"
"""What a frame last ran on, without a host: so many cores and GPUs."""


def pick(farm: Farm, key: str, low: int, high: int) -> int:
    """A number from low to high that depends on the seed and the key alone."""
    digest = sha256(f"{farm.seed}/{key}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def launch_job(farm: Farm, plan: JobPlan) -> Any:
    """Put a pending job on the farm, with layers and frames that wait. Raises Missing (the show).

    The caller has seen to it that no pending job has that name.
    """
    job = add_job(farm, plan)
    begin_job(farm, job)
    if plan.post is not None:
        farm.post_jobs[job.id] = add_job(farm, plan.post)
    for depend in plan.depends:
        depends.add_planned(farm, job, depend)
    return job


def add_job(farm: Farm, plan: JobPlan) -> Any:
    """A job with its layers and frames, which is not pending yet. Raises Missing (the show)."""
    show = find_show(farm, plan.show)
    group = farm.root_group(show)
    if plan.group:
        group = find_one(
            farm.groups, lambda each: each.name == plan.group and farm.show_of(each) is show
        )
    name = plan.full_name
    launched = farm.now - plan.minutes * 60
    key = farm.make_id(f"job/{name}/{len(farm.jobs) if plan.minutes == 0 else ''}")
    job = farm.messages.new(
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
    farm.jobs[job.id] = job
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
    """A layer of a job, whose frames wait, and are made when somebody looks at them."""
    layer = farm.messages.new(
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
        min_memory=int(plan.memory * GIGABYTE),
        min_gpu_memory=int(plan.gpu_memory * GIGABYTE),
        chunk_size=plan.chunk,
        dispatch_order=order,
        type=plan.kind,
        services=list(plan.services),
        memory_optimizer_enabled=True,
        parent_id=job.id,
        limits=list(plan.limits) or [NO_LIMIT],
        timeout=plan.timeout,
        timeout_llu=plan.timeout_llu,
        command=plan.command or f"{plan.services[0]} --frame #IFRAME# /shots/{job.show}/{job.shot}",
        eligible_time=job.start_time,
    )
    farm.layers[layer.id] = layer
    farm.frames.add_layer(layer, partial(make_frames, farm, layer, plan.frames))
    farm.own(job.id, layer.id)
    farm.outputs[layer.id] = list(plan.outputs)
    farm.lazy_states[layer.id] = "WAITING"
    for tally in (farm.tallies[layer.id], farm.tallies[job.id]):
        tally.states["WAITING"] += len(plan.frames)
    farm.mark_stale(layer)


def span_of(numbers: tuple[int, ...]) -> str:
    """The text of a range from the first to the last of the numbers."""
    first, last = numbers[0], numbers[-1]
    return f"{first}-{last}" if last > first else f"{first}"


def make_frames(farm: Farm, layer: Any, numbers: tuple[int, ...]) -> None:
    """The waiting frames of a layer."""
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
