"""The farm of a small studio: three shows, what they render, and on what.

The same seed gives the same farm: ids, names, run times and memory. Only times depend on the clock.
"""

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from gateway.demo.farm import Farm
from gateway.demo.messages import Messages, enum_name, fill
from gateway.demo.plans import (
    DESKTOP,
    FACILITY,
    GENERAL,
    HOSTS,
    JOBS,
    LIMITS,
    OWNERS,
    SERVICES,
    SHOWS,
    HostPlan,
    JobPlan,
    LayerPlan,
)
from gateway.demo.shows import add_group, add_show

GIGABYTE = 1024 * 1024
"""In KB, as Cuebot counts memory."""


def build_farm(
    messages: Messages, *, seed: int = 1, clock: Callable[[], float] = time.time
) -> Farm:
    """The whole farm, busy, with statistics that add up."""
    farm = Farm(messages, seed=seed, clock=clock)
    add_facility(farm)
    for name, groups in SHOWS.items():
        show = add_show(farm, name, comment_email=f"{name}-render@studio.example")
        root = farm.groups_of(show)[0]
        for group, department in groups:
            add_group(farm, show, group, parent_id=root.id, department=department)
        add_subscription(farm, show, GENERAL, size=80)
        add_subscription(farm, show, DESKTOP, size=8)
    for plan in HOSTS:
        add_host(farm, plan)
    for owner, show_name in OWNERS.items():
        add_owner(farm, owner, show_name)
    for job in JOBS:
        add_job(farm, job)
    return farm


def pick(farm: Farm, key: str, low: int, high: int) -> int:
    """A number from low to high that depends on the seed and the key alone."""
    digest = sha256(f"{farm.seed}/{key}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def add_facility(farm: Farm) -> None:
    """The facility with its allocations, services and limits."""
    new, make_id = farm.messages.new, farm.make_id
    facility = new("facility.Facility", id=make_id(f"facility/{FACILITY}"), name=FACILITY)
    farm.facilities[facility.id] = facility
    for name in (GENERAL, DESKTOP):
        allocation = new(
            "facility.Allocation",
            id=make_id(f"allocation/{name}"),
            name=name,
            tag=name.rpartition(".")[2],
            facility=FACILITY,
            billable=name == GENERAL,
        )
        farm.allocations[allocation.id] = allocation
    for name, (cores, memory) in SERVICES.items():
        service = new(
            "service.Service",
            id=make_id(f"service/{name}"),
            name=name,
            threadable=name != "shell",
            min_cores=cores * 100,
            max_cores=0,
            min_memory=memory * GIGABYTE,
            tags=["general"],
            min_memory_increase=2 * GIGABYTE,
        )
        farm.services[service.id] = service
    for name, most in LIMITS.items():
        limit = new("limit.Limit", id=make_id(f"limit/{name}"), name=name, max_value=most)
        farm.limits[limit.id] = limit


def add_subscription(farm: Farm, show: Any, allocation: str, *, size: int) -> None:
    """A show's share of an allocation, in cores. Subscriptions count in hundredths of one."""
    name = f"{allocation}.{show.name}"
    subscription = farm.messages.new(
        "subscription.Subscription",
        id=farm.make_id(f"subscription/{name}"),
        name=name,
        show_name=show.name,
        facility=FACILITY,
        allocation_name=allocation,
        size=size * 100,
        burst=size * 150,
    )
    farm.subscriptions[subscription.id] = subscription


def add_host(farm: Farm, plan: HostPlan) -> None:
    """An idle host."""
    now, memory = farm.now(), plan.memory * GIGABYTE
    host = farm.messages.new(
        "host.Host",
        id=farm.make_id(f"host/{plan.name}"),
        name=plan.name,
        alloc_name=plan.alloc,
        nimby_enabled=plan.alloc == DESKTOP,
        has_comment=bool(plan.comment),
        cores=plan.cores,
        idle_cores=plan.cores,
        memory=memory - GIGABYTE,
        idle_memory=memory - GIGABYTE,
        total_memory=memory,
        free_memory=memory - GIGABYTE,
        total_swap=8 * GIGABYTE,
        free_swap=8 * GIGABYTE,
        total_mcp=200 * GIGABYTE,
        free_mcp=pick(farm, plan.name, 60, 180) * GIGABYTE,
        boot_time=now - pick(farm, f"{plan.name}/boot", 3, 60) * 86400,
        ping_time=now - (pick(farm, f"{plan.name}/ping", 1, 30) if plan.state == "UP" else 5400),
        os="rocky9",
        tags=[plan.alloc.rpartition(".")[2], plan.name],
        state=plan.state,
        lock_state=plan.lock,
        thread_mode="AUTO",
    )
    farm.hosts[host.id] = host
    if plan.comment:
        add_comment(farm, host, "wrangler", "Locked", plan.comment)


def add_comment(farm: Farm, about: Any, user: str, subject: str, text: str) -> None:
    """A comment on a job or a host."""
    comment = farm.messages.new(
        "comment.Comment",
        id=farm.make_id(f"comment/{about.id}/{subject}"),
        timestamp=farm.now() - 1800,
        user=user,
        subject=subject,
        message=text,
    )
    farm.comments[about.id].append(comment)


def add_owner(farm: Farm, name: str, show: str) -> None:
    """An owner, with deeds for the hosts that are planned to be theirs."""
    owner = farm.messages.new("host.Owner", id=farm.make_id(f"owner/{name}"), name=name, show=show)
    farm.owners[owner.id] = owner
    theirs = {plan.name for plan in HOSTS if plan.owner == name}
    for host in farm.hosts.values():
        if host.name in theirs:
            farm.give_deed(host, owner)


def add_job(farm: Farm, plan: JobPlan) -> None:
    """A job with its layers and frames, of which the running ones run."""
    launched = farm.now() - plan.minutes * 60
    name = f"{plan.show}-{plan.shot}-{plan.user}_{plan.name}"
    job = farm.messages.new(
        "job.Job",
        id=farm.make_id(f"job/{name}"),
        state="FINISHED" if plan.finished else "PENDING",
        name=name,
        shot=plan.shot,
        show=plan.show,
        user=plan.user,
        group=plan.group,
        facility=FACILITY,
        os="rocky9",
        uid=pick(farm, f"uid/{plan.user}", 1001, 1999),
        priority=plan.priority,
        min_cores=1,
        max_cores=100,
        log_dir=f"/shots/{plan.show}/{plan.shot}/logs/{name}",
        is_paused=plan.paused,
        has_comment=bool(plan.comment),
        start_time=launched,
        eligible_time=launched,
        stop_time=launched + plan.minutes * 30 if plan.finished else 0,
    )
    farm.jobs[job.id] = job
    show = next(show for show in farm.shows.values() if show.name == plan.show)
    group = next(group for group in farm.groups_of(show) if group.name == plan.group)
    farm.own(group.id, job.id)
    for order, layer in enumerate(plan.layers, start=1):
        add_layer(farm, job, layer, order)
    if plan.comment:
        add_comment(farm, job, plan.user, "Note", plan.comment)
    farm.count_job(job)


def add_layer(farm: Farm, job: Any, plan: LayerPlan, order: int) -> None:
    """A layer of a job, with its frames."""
    count = sum(number for _, number in plan.frames)
    layer = farm.messages.new(
        "job.Layer",
        id=farm.make_id(f"layer/{job.name}/{plan.name}"),
        name=plan.name,
        range=f"1001-{1000 + count}" if count > 1 else "1001",
        tags=["general"],
        min_cores=plan.cores,
        max_cores=0,
        is_threadable=plan.cores > 1,
        min_memory=plan.memory * GIGABYTE,
        chunk_size=1,
        dispatch_order=order,
        type=plan.kind,
        services=[plan.service],
        memory_optimizer_enabled=True,
        parent_id=job.id,
        limits=[plan.limit] if plan.limit else [],
        command=f"{plan.service} --frame #IFRAME# /shots/{job.show}/{job.shot}/{plan.name}",
        eligible_time=job.start_time,
    )
    layer.layer_stats.SetInParent()
    farm.layers[layer.id] = layer
    farm.own(job.id, layer.id)
    states = [state for state, number in plan.frames for _ in range(number)]
    for index, state in enumerate(states):
        add_frame(farm, layer, plan, index, state)


def add_frame(farm: Farm, layer: Any, plan: LayerPlan, index: int, state: str) -> None:
    """The frame at `index` of a layer, in its state, with the past that goes with it."""
    job, number = farm.jobs[layer.parent_id], 1001 + index
    name = f"{number:04}-{plan.name}"
    frame = farm.messages.new(
        "job.Frame",
        id=farm.make_id(f"frame/{job.name}/{name}"),
        name=name,
        layer_name=plan.name,
        number=number,
        state=state,
        exit_status=-1,
        dispatch_order=index,
        eligible_time=job.start_time,
        submission_time=job.start_time,
    )
    farm.frames[frame.id] = frame
    farm.own(layer.id, frame.id)
    seconds = pick(farm, f"seconds/{frame.id}", 120, 900)
    if state == "RUNNING":
        frame.start_time = farm.now() - seconds
        memory = plan.memory * GIGABYTE
        frame.max_rss = memory * pick(farm, f"memory/{frame.id}", 50, 95) // 100
        farm.start_frame(frame, next(free_hosts(farm, plan.cores, memory)), plan.cores, memory)
    elif state in ("SUCCEEDED", "DEAD"):
        host = f"render-node-{pick(farm, f'host/{frame.id}', 1, 6):02}"
        fill(
            frame,
            start_time=job.start_time + index * 10,
            stop_time=job.start_time + index * 10 + seconds,
            exit_status=0 if state == "SUCCEEDED" else 1,
            retry_count=0 if state == "SUCCEEDED" else 1,
            max_rss=plan.memory * GIGABYTE * pick(farm, f"memory/{frame.id}", 40, 90) // 100,
            last_resource=f"{host}/{plan.cores:.2f}/0",
            total_core_time=int(seconds * plan.cores),
        )


def free_hosts(farm: Farm, cores: float, memory: int) -> Iterator[Any]:
    """The hosts that could run a frame of this size, the idlest first."""
    for host in sorted(farm.hosts.values(), key=lambda host: (-host.idle_cores, host.name)):
        bookable = enum_name(host, "state") == "UP" and enum_name(host, "lock_state") == "OPEN"
        if bookable and host.idle_cores >= cores and host.idle_memory >= memory:
            yield host
