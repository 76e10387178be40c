"""The life of a show: its name and former names, its archive, and its end."""

import re
from typing import Any

from cuebot_simulator.world.database_errors import check_length, still_used
from cuebot_simulator.world.departments import departments_of, tasks_of
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id, by_name

SHORTEST_NAME = 3
LONGEST_ALIAS = 16
NAME = re.compile(r"[\w.]+", re.ASCII)


def conform_name(name: str) -> str:
    """The name that Cuebot makes of this one. Raises ValueError, with Cuebot's text, if it cannot.

    It is in lower case, with underscores for dashes, and has three characters or more.
    """
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
    """The show of that name, or the one that has it as an alias. Raises Missing."""
    try:
        return by_name(farm.shows, name)
    except Missing:
        return by_id(farm.shows, farm.show_aliases.get(name, ""))


def archive_show(farm: Farm, show: Any, target: Any) -> None:
    """Put a show aside: it is renamed, and what is launched for it goes to the target instead.

    Raises Refusal for a name that is too long for an alias.
    """
    check_length(show.name, LONGEST_ALIAS)
    farm.show_aliases[show.name] = target.id
    rename_show(farm, show, f"{show.name}_archive")


def rename_show(farm: Farm, show: Any, name: str) -> None:
    """Give a show another name, wherever it is mentioned. Its groups and jobs keep theirs."""
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
    """Remove a show with its groups and departments. Raises Refusal if anything else is about it.

    A show that ever had a job stays. (The real one deletes step by step and without a transaction:
    what it refuses may have lost its departments and groups by then. Here nothing is lost.)
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
    """Raise Refusal if the show cannot be deleted, for the first reason that the database finds."""
    children = farm.children_of[show.id]
    for department in departments_of(farm, show):
        if tasks_of(farm, department):
            raise still_used("point", "c_task_pk_point", "task", department.id)
    targets = {action.group_value for action in farm.actions.values()}
    for group in farm.groups_of(show):
        if farm.jobs_of(group):
            raise still_used("folder", "c_job_pk_folder", "job", group.id)
    for group in farm.groups_of(show):
        if group.id in targets:
            raise still_used("folder", "c_action_pk_folder", "action", group.id)
    used = (
        ("filter", any(child in farm.filters for child in children)),
        ("subscription", any(child in farm.subscriptions for child in children)),
        ("job_history", farm.tallies[show.id].created_jobs > 0),
        ("owner", any(child in farm.owners for child in children)),
        ("show_service", any(child in farm.service_overrides for child in children)),
    )
    for table, is_used in used:
        if is_used:
            raise still_used("show", f"c_{table}_pk_show", table, show.id)
