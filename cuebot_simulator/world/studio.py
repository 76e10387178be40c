"""The farm of a small studio: three shows, what they render and on what, and any number of jobs.

The same seed gives the same ids, names, run times and memory. Only times depend on the clock.
"""

import time
from collections.abc import Iterator
from typing import Any

from cuebot_simulator.world import new_entities as new
from cuebot_simulator.world import studio_data as data
from cuebot_simulator.world.artists import Artists
from cuebot_simulator.world.clock import Clock
from cuebot_simulator.world.dispatch import Dispatcher
from cuebot_simulator.world.failures import cause_for
from cuebot_simulator.world.filters import VALUES, add_action, add_filter, add_matcher
from cuebot_simulator.world.frames import change_frame, note_try
from cuebot_simulator.world.hosts import give_deed
from cuebot_simulator.world.jobs import finish_job, launch_job, pick
from cuebot_simulator.world.messages import Messages, fill
from cuebot_simulator.world.plans import (
    GIGABYTE_KB,
    SEEDED_MEMORY_GB,
    DependPlan,
    FilterPlan,
    HostPlan,
    JobPlan,
    LayerPlan,
)
from cuebot_simulator.world.state import Farm, by_name, is_bookable
from cuebot_simulator.world.tries import Fate, Try

EXIT_FAILED = 1
CRASHED_SECONDS = 40
"""How long the first try of a dead frame ran."""


def build_farm(
    messages: Messages, *, seed: int = 1, jobs: int = len(data.JOBS), clock: Clock = time.time
) -> Farm:
    """A busy farm, with statistics that add up, and enough hosts for the jobs."""
    farm = Farm(messages, seed=seed, clock=clock)
    dispatcher = Dispatcher(farm)
    add_places(farm)
    for host in (*data.HOSTS, *bulk_hosts(jobs - len(data.JOBS))):
        place_host(farm, host)
    for name in data.SHOWS:
        place_show(farm, name)
    for plan in data.FILTERS:
        place_filter(farm, plan)
    for job in data.JOBS[: max(jobs, 0)]:
        add_job(farm, dispatcher, job)
    for job in bulk_jobs(farm, jobs - len(data.JOBS)):
        launch_job(farm, job)
    farm.write_stats()
    dispatcher.start()
    Artists(farm, data.JOBS[: max(jobs, 0)]).start()
    return farm


def add_places(farm: Farm) -> None:
    facility = new.add_facility(farm, data.FACILITY)
    for name in (data.GENERAL, data.DESKTOP):
        tag = name.rpartition(".")[2]
        new.add_allocation(farm, facility, name, tag, billable=name == data.GENERAL)
    farm.department_names.extend(data.DEPARTMENTS)
    for name, (cores, memory) in data.SERVICES.items():
        new.add_service(farm, name, cores=cores * 100, memory=memory)
    for name, tags in data.SEEDED_SERVICES.items():
        new.add_service(farm, name, memory=SEEDED_MEMORY_GB, threadable=False, tags=tags)
    for name, most in data.LIMITS.items():
        new.add_limit(farm, name, most)


def place_show(farm: Farm, name: str) -> None:
    show = new.add_show(farm, name, comment_email=f"{name}-render@studio.example")
    for group, department in data.SHOWS[name]:
        new.add_group(farm, show, group, parent=farm.root_group(show), department=department)
    for allocation, size in ((data.GENERAL, 16 * len(farm.hosts)), (data.DESKTOP, 8)):
        place = by_name(farm.allocations, allocation)
        new.add_subscription(farm, show, place, size=size * 100, burst=size * 150)
    for owner_name, owner_show in data.OWNERS.items():
        if owner_show == name:
            owner = new.add_owner(farm, owner_name, show)
            for plan in data.HOSTS:
                if plan.owner == owner_name:
                    give_deed(farm, by_name(farm.hosts, plan.name), owner)


def place_filter(farm: Farm, plan: FilterPlan) -> None:
    show = by_name(farm.shows, plan.show)
    job_filter = add_filter(farm, show, plan.name)
    fill(job_filter, type=plan.kind)
    for subject, kind, text in plan.matchers:
        message = farm.messages.new("filter.Matcher", subject=subject, type=kind, input=text)
        add_matcher(farm, job_filter, message)
    for kind, value_type, value in plan.actions:
        message = farm.messages.new("filter.Action", type=kind, value_type=value_type)
        if value_type == "GROUP_TYPE":
            named = {group.name: group.id for group in farm.groups_of(show)}
            fill(message, group_value=named[value])
        elif value is not None:
            fill(message, **{VALUES[value_type]: value})
        add_action(farm, job_filter, message)


def place_host(farm: Farm, plan: HostPlan) -> None:
    """A host with a past."""
    host = new.add_host(farm, plan, nimby=plan.alloc == data.DESKTOP)
    host.free_mcp = pick(farm, plan.name, 60, 180) * GIGABYTE_KB
    host.boot_time -= pick(farm, f"{plan.name}/boot", 3, 60) * 86400
    host.ping_time -= pick(farm, f"{plan.name}/ping", 1, 30) if plan.state == "UP" else 5400
    if plan.comment:
        new.add_comment(farm, host, user="wrangler", subject="Locked", text=plan.comment)


def add_job(farm: Farm, dispatcher: Dispatcher, plan: JobPlan) -> None:
    """A job with its planned past."""
    job = launch_job(farm, plan)
    for layer, layer_plan in zip(farm.layers_of(job), plan.layers, strict=True):
        frames = iter(farm.frames_of(layer))
        for state, count in layer_plan.past:
            for _ in range(count):
                give_past(farm, dispatcher, job, next(frames), state, layer_plan)
    if plan.comment:
        new.add_comment(farm, job, user=plan.user, subject="Note", text=plan.comment)
    if plan.finished:
        finish_job(farm, job)
        fill(job, stop_time=job.start_time + plan.minutes * 30)


def give_past(
    farm: Farm, dispatcher: Dispatcher, job: Any, frame: Any, state: str, plan: LayerPlan
) -> None:
    """Put a frame into its state, with what must have happened before."""
    seconds = pick(farm, f"seconds/{frame.id}", 120, 900)
    memory = int(plan.memory * GIGABYTE_KB)
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
    cause = None if succeeded else cause_for(farm, frame, frame.id, EXIT_FAILED)
    farm.fates[frame.id] = Fate(seconds, cause)
    if cause is not None:
        crash = Fate(CRASHED_SECONDS, cause)
        times = started - CRASHED_SECONDS, started
        farm.earlier_tries[frame.id].append(Try(*times, EXIT_FAILED, f"{host_name}/1.00/0", crash))
    core_time = int(seconds * plan.cores)
    change_frame(
        farm,
        frame,
        state=state,
        start_time=started,
        stop_time=started + seconds,
        exit_status=0 if succeeded else EXIT_FAILED,
        retry_count=0 if succeeded else 1,
        max_rss=memory * pick(farm, f"memory/{frame.id}", 40, 90) // 100,
        last_resource=f"{host_name}/{plan.cores:.2f}/0",
        total_core_time=core_time,
    )
    note_try(farm, frame, succeeded, seconds, core_time)


def idlest(farm: Farm) -> list[Any]:
    return sorted(
        (host for host in farm.hosts.values() if is_bookable(host)),
        key=lambda host: (-host.idle_cores, host.name),
    )


USERS = ("ana", "bo", "chen", "dara", "emil", "farah", "goran", "hana")
KINDS = (("comp", "nuke", 2.0, 8.0), ("light", "arnold", 4.0, 12.0), ("anim", "maya", 1.0, 4.0))
"""Name, service, cores and memory (GB)."""
JOBS_PER_HOST = 50


def bulk_jobs(farm: Farm, count: int) -> Iterator[JobPlan]:
    """`count` jobs that wait: a layer to render, and a preview of it."""
    shows = tuple(data.SHOWS)
    for index in range(count):
        kind, service, cores, memory = KINDS[index % len(KINDS)]
        show = shows[index % 7 % len(shows)]
        groups = [group for group, _ in data.SHOWS[show]]
        size = pick(farm, f"crowd/{index}", 10, 60)
        yield JobPlan(
            show=show,
            group=kind if kind in groups else "",
            shot=f"cr{index // 20:04}",
            user=USERS[index % len(USERS)],
            name=f"{kind}_v{index % 20 + 1:03}",
            email=f"{USERS[index % len(USERS)]}@studio.example",
            priority=10 + pick(farm, f"priority/{index}", 0, 80),
            minutes=1 + index % 240,
            layers=(
                LayerPlan(
                    name=kind,
                    services=(service,),
                    cores=cores,
                    memory=memory,
                    frames=data.numbers(size),
                ),
                LayerPlan(name="preview", services=("ffmpeg",), memory=2, frames=(1001,)),
            ),
            depends=(DependPlan(kind="LAYER_ON_LAYER", layer="preview", on_layer=kind),),
        )


def bulk_hosts(jobs: int) -> Iterator[HostPlan]:
    for number in range(max(jobs, 0) // JOBS_PER_HOST):
        yield HostPlan(name=f"blade-{number + 1:04}", alloc=data.GENERAL, cores=16, memory=64)
