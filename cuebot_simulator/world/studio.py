"""The farm of a small studio: three shows, what they render, and on what; and as many jobs more as
one likes.

The same seed gives the same farm: ids, names, run times and memory. Only times depend on the clock.
"""

import time
from typing import Any

from cuebot_simulator.world.artists import Artists
from cuebot_simulator.world.bulk import bulk_hosts, bulk_jobs
from cuebot_simulator.world.clock import Clock
from cuebot_simulator.world.dispatch import Dispatcher
from cuebot_simulator.world.filters import VALUES, add_action, add_filter, add_matcher
from cuebot_simulator.world.frames import change_frame, note_try
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.launch import launch_job, pick
from cuebot_simulator.world.messages import Messages, fill
from cuebot_simulator.world.new_entities import (
    add_allocation,
    add_comment,
    add_facility,
    add_group,
    add_host,
    add_limit,
    add_owner,
    add_service,
    add_show,
    add_subscription,
)
from cuebot_simulator.world.ownership import give_deed
from cuebot_simulator.world.plans import (
    GIGABYTE,
    SEEDED_MEMORY,
    FilterPlan,
    HostPlan,
    JobPlan,
    LayerPlan,
)
from cuebot_simulator.world.state import Farm, by_name, is_bookable
from cuebot_simulator.world.studio_data import (
    DEPARTMENTS,
    DESKTOP,
    FACILITY,
    FILTERS,
    GENERAL,
    HOSTS,
    JOBS,
    LIMITS,
    OWNERS,
    SEEDED_SERVICES,
    SERVICES,
    SHOWS,
)


def build_farm(
    messages: Messages, *, seed: int = 1, jobs: int = len(JOBS), clock: Clock = time.time
) -> Farm:
    """The whole farm, busy, with statistics that add up. Its hosts are as many as the jobs need."""
    farm = Farm(messages, seed=seed, clock=clock)
    dispatcher = Dispatcher(farm)
    add_places(farm)
    for host in (*HOSTS, *bulk_hosts(jobs - len(JOBS))):
        place_host(farm, host)
    for name in SHOWS:
        place_show(farm, name)
    for plan in FILTERS:
        place_filter(farm, plan)
    for job in JOBS[: max(jobs, 0)]:
        add_job(farm, dispatcher, job)
    for job in bulk_jobs(farm, jobs - len(JOBS)):
        launch_job(farm, job)
    farm.write_stats()
    dispatcher.start()
    Artists(farm, JOBS[: max(jobs, 0)]).start()
    return farm


def add_places(farm: Farm) -> None:
    """The facility with its allocations; departments, services and limits of all the farm."""
    facility = add_facility(farm, FACILITY)
    for name in (GENERAL, DESKTOP):
        tag = name.rpartition(".")[2]
        add_allocation(farm, facility, name, tag, billable=name == GENERAL)
    farm.department_names.extend(DEPARTMENTS)
    for name, (cores, memory) in SERVICES.items():
        add_service(farm, name, cores=cores * 100, memory=memory)
    for name, tags in SEEDED_SERVICES.items():
        add_service(farm, name, memory=SEEDED_MEMORY, threadable=False, tags=tags)
    for name, most in LIMITS.items():
        add_limit(farm, name, most)


def place_show(farm: Farm, name: str) -> None:
    """A show with its groups, its share of the machines, and the owners who work on it."""
    show = add_show(farm, name, comment_email=f"{name}-render@studio.example")
    for group, department in SHOWS[name]:
        add_group(farm, show, group, parent=farm.root_group(show), department=department)
    for allocation, size in ((GENERAL, 16 * len(farm.hosts)), (DESKTOP, 8)):
        place = by_name(farm.allocations, allocation)
        add_subscription(farm, show, place, size=size * 100, burst=size * 150)
    for owner_name, owner_show in OWNERS.items():
        if owner_show == name:
            owner = add_owner(farm, owner_name, show)
            for plan in HOSTS:
                if plan.owner == owner_name:
                    give_deed(farm, by_name(farm.hosts, plan.name), owner)


def place_filter(farm: Farm, plan: FilterPlan) -> None:
    """A filter with its matchers and actions."""
    show = by_name(farm.shows, plan.show)
    job_filter = add_filter(farm, show, plan.name)
    fill(job_filter, type=plan.kind)
    for subject, kind, text in plan.matchers:
        data = farm.messages.new("filter.Matcher", subject=subject, type=kind, input=text)
        add_matcher(farm, job_filter, data)
    for kind, value_type, value in plan.actions:
        data = farm.messages.new("filter.Action", type=kind, value_type=value_type)
        if value_type == "GROUP_TYPE":
            named = {group.name: group.id for group in farm.groups_of(show)}
            fill(data, group_value=named[value])
        elif value is not None:
            fill(data, **{VALUES[value_type]: value})
        add_action(farm, job_filter, data)


def place_host(farm: Farm, plan: HostPlan) -> None:
    """A host with some life behind it."""
    host = add_host(farm, plan, nimby=plan.alloc == DESKTOP)
    host.free_mcp = pick(farm, plan.name, 60, 180) * GIGABYTE
    host.boot_time -= pick(farm, f"{plan.name}/boot", 3, 60) * 86400
    host.ping_time -= pick(farm, f"{plan.name}/ping", 1, 30) if plan.state == "UP" else 5400
    if plan.comment:
        add_comment(farm, host, user="wrangler", subject="Locked", text=plan.comment)


def add_job(farm: Farm, dispatcher: Dispatcher, plan: JobPlan) -> None:
    """A job with the past that is planned for it."""
    job = launch_job(farm, plan)
    for layer, layer_plan in zip(farm.layers_of(job), plan.layers, strict=True):
        frames = iter(farm.frames_of(layer))
        for state, count in layer_plan.past:
            for _ in range(count):
                give_past(farm, dispatcher, job, next(frames), state, layer_plan)
    if plan.comment:
        add_comment(farm, job, user=plan.user, subject="Note", text=plan.comment)
    if plan.finished:
        finish_job(farm, job)
        fill(job, stop_time=job.start_time + plan.minutes * 30)


def give_past(
    farm: Farm, dispatcher: Dispatcher, job: Any, frame: Any, state: str, plan: LayerPlan
) -> None:
    """Put a frame into its state, with what must have happened before."""
    seconds = pick(farm, f"seconds/{frame.id}", 120, 900)
    memory = int(plan.memory * GIGABYTE)
    if state == "RUNNING":
        host = next(
            host for host in idlest(farm) if dispatcher.fits(farm.layer_of(frame), job, host)
        )
        dispatcher.run(frame, host, ago=pick(farm, f"ago/{frame.id}", 5, 25))
        frame.max_rss = memory * pick(farm, f"memory/{frame.id}", 50, 95) // 100
        return
    if state == "EATEN":
        change_frame(farm, frame, state=state)
        return
    host_name = f"render-node-{pick(farm, f'host/{frame.id}', 1, 6):02}"
    started = job.start_time + frame.dispatch_order * 10
    succeeded = state == "SUCCEEDED"
    core_time = int(seconds * plan.cores)
    change_frame(
        farm,
        frame,
        state=state,
        start_time=started,
        stop_time=started + seconds,
        exit_status=0 if succeeded else 1,
        retry_count=0 if succeeded else 1,
        max_rss=memory * pick(farm, f"memory/{frame.id}", 40, 90) // 100,
        last_resource=f"{host_name}/{plan.cores:.2f}/0",
        total_core_time=core_time,
    )
    note_try(farm, frame, succeeded=succeeded, seconds=seconds, core_seconds=core_time)


def idlest(farm: Farm) -> list[Any]:
    """The hosts that are up and open, the idlest first."""
    return sorted(
        (host for host in farm.hosts.values() if is_bookable(host)),
        key=lambda host: (-host.idle_cores, host.name),
    )
