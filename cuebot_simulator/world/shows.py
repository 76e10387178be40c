"""The life of a show: its name and former names, its whiteboard, its archive, and its end."""

import re
from typing import Any

from cuebot_simulator.world.departments import departments_of, tasks_of
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.refusals import Missing, check_length, still_used
from cuebot_simulator.world.state import Farm, by_id, by_name, is_pending

SHORTEST_NAME = 3
LONGEST_ALIAS = 16
NAME = re.compile(r"[\w.]+", re.ASCII)


def conform_name(name: str) -> str:
    """The name in Cuebot's form. Raises ValueError, with Cuebot's text, if it has none."""
    if len(name) < SHORTEST_NAME:
        raise ValueError(f"The show name must be at least {SHORTEST_NAME} characters.")
    conformed = name.replace("-", "_").lower()
    if not NAME.fullmatch(conformed):
        raise ValueError(
            f"The show name: {conformed} is not in the proper format.  Show names must be alpha"
            " numeric, no dashes or punctuation."
        )
    return conformed


def find_show(farm: Farm, name: str) -> Any:
    """The show with that name or alias. Raises Missing."""
    try:
        return by_name(farm.shows, name)
    except Missing:
        return by_id(farm.shows, farm.show_aliases.get(name, ""))


def archive_show(farm: Farm, show: Any, target: Any) -> None:
    """Rename a show, so that its jobs are launched in the target instead.

    Raises Refusal for a name that is too long for an alias.
    """
    check_length(show.name, LONGEST_ALIAS)
    farm.show_aliases[show.name] = target.id
    rename_show(farm, show, f"{show.name}_archive")


def rename_show(farm: Farm, show: Any, name: str) -> None:
    """Rename a show wherever it is mentioned, except in the names of its groups and jobs."""
    former = show.name
    fill(show, name=name)
    for job in farm.jobs.values():
        if job.show == former:
            fill(job, show=name)
    for proc in farm.procs.values():
        if proc.show_name == former:
            fill(proc, show_name=name)
    for owner in farm.owners.values():
        if owner.show == former:
            fill(owner, show=name)
    for each in farm.subscriptions.values():
        if each.show_name == former:
            fill(each, show_name=name, name=f"{each.allocation_name}.{name}")
            farm.reserved[name, each.allocation_name] += farm.reserved.pop(
                (former, each.allocation_name), 0
            )
    for department in departments_of(farm, show):
        fill(department, name=f"{name}.{department.dept}")


def delete_show(farm: Farm, show: Any) -> None:
    """Remove a show with its groups and departments. Raises Refusal if anything else is in it.

    A show that ever had a job stays. (The real Cuebot deletes step by step and without a
    transaction: a refused show may have lost its departments and groups by then. Here nothing is
    lost.)
    """
    refuse_deletion(farm, show)
    departments, groups = departments_of(farm, show), farm.groups_of(show)
    for department in departments:
        del farm.departments[department.id]
    for group in groups:
        del farm.groups[group.id]
    for thing in (*departments, *groups):
        farm.disown(thing.id)
    for alias in [alias for alias, key in farm.show_aliases.items() if key == show.id]:
        del farm.show_aliases[alias]
    farm.whiteboards.pop(show.id, None)
    del farm.shows[show.id]


def refuse_deletion(farm: Farm, show: Any) -> None:
    """Raise Refusal if the show cannot be deleted, for the database's first reason."""
    children = farm.children_of[show.id]
    for department in departments_of(farm, show):
        if tasks_of(farm, department):
            raise still_used("department", "task")
    targets = {action.group_value for action in farm.actions.values()}
    for group in farm.groups_of(show):
        if farm.jobs_of(group):
            raise still_used("group", "job")
    for group in farm.groups_of(show):
        if group.id in targets:
            raise still_used("group", "action")
    used = (
        ("filter", any(child in farm.filters for child in children)),
        ("subscription", any(child in farm.subscriptions for child in children)),
        ("former job", farm.tallies[show.id].created_jobs > 0),
        ("owner", any(child in farm.owners for child in children)),
        ("service override", any(child in farm.service_overrides for child in children)),
    )
    for kind, is_used in used:
        if is_used:
            raise still_used("show", kind)


WHITEBOARD_SECONDS = 5.0  # Cuebot answers with a whiteboard that old
GROUP_SETTINGS = (
    *("id", "name", "department", "level"),
    *("min_cores", "max_cores", "min_gpus", "max_gpus", "default_job_priority"),
    *("default_job_min_cores", "default_job_max_cores"),
    *("default_job_min_gpus", "default_job_max_gpus"),
)
GROUP_STATISTICS = (
    *("dead_frames", "running_frames", "waiting_frames", "depend_frames"),
    *("reserved_cores", "pending_jobs"),
)


def job_whiteboard(farm: Farm, show: Any) -> Any:
    """The groups of a show as a tree (a job.NestedGroup), with their pending jobs."""
    drawn = farm.whiteboards.get(show.id)
    if drawn is None or farm.agenda.now - drawn[0] >= WHITEBOARD_SECONDS:
        drawn = farm.whiteboards[show.id] = (farm.agenda.now, draw(farm, show))
    return drawn[1]


def draw(farm: Farm, show: Any) -> Any:
    """The root group with all groups below it. Each has a copy of its parent, without further
    groups.
    """
    groups = farm.groups_of(show)
    nested = {group.id: nest(farm, group) for group in groups}
    for group in reversed(groups):
        children = [nested[each.id] for each in groups if each.parent_id == group.id]
        for child in children:
            child.parent.CopyFrom(nested[group.id])
        if children:
            nested[group.id].groups.nested_groups.extend(children)
    return nested[farm.root_group(show).id]


def nest(farm: Farm, group: Any) -> Any:
    """A group with its pending jobs by id, and whole if the schema has a place for them."""
    jobs = sorted(filter(is_pending, farm.jobs_of(group)), key=lambda job: job.name)
    nested = farm.messages.new("job.NestedGroup")
    fill(nested, **{name: given(group, name, 0) for name in GROUP_SETTINGS})
    fill(nested, jobs=[job.id for job in jobs], inline_jobs=jobs)
    if jobs:
        fill(nested.stats, **{name: given(group.group_stats, name, 0) for name in GROUP_STATISTICS})
    return nested
