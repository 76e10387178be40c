"""The job whiteboard: a show's groups as a tree, with the pending jobs in them."""

from typing import Any

from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.state import Farm, is_pending

KEPT = 5.0
"""Seconds for which Cuebot answers with what it has drawn before."""
SETTINGS = (
    "id",
    "name",
    "department",
    "default_job_priority",
    "default_job_min_cores",
    "default_job_max_cores",
    "default_job_min_gpus",
    "default_job_max_gpus",
    "min_cores",
    "max_cores",
    "min_gpus",
    "max_gpus",
    "level",
)
STATISTICS = (
    "dead_frames",
    "running_frames",
    "waiting_frames",
    "depend_frames",
    "reserved_cores",
    "pending_jobs",
)


def job_whiteboard(farm: Farm, show: Any) -> Any:
    """The root group of a show as a `job.NestedGroup`, as it was in the last five seconds."""
    drawn = farm.whiteboards.get(show.id)
    if drawn is None or farm.agenda.now - drawn[0] >= KEPT:
        drawn = farm.whiteboards[show.id] = (farm.agenda.now, draw(farm, show))
    return drawn[1]


def draw(farm: Farm, show: Any) -> Any:
    """The root group, with all groups below it. Each of them has a copy of its parent.

    Those copies have neither a parent nor groups.
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
    """A group with its pending jobs by id, and whole where the schema has a place for them."""
    jobs = sorted(filter(is_pending, farm.jobs_of(group)), key=lambda job: job.name)
    nested = farm.messages.new("job.NestedGroup")
    fill(nested, **{name: given(group, name, 0) for name in SETTINGS})
    fill(nested, jobs=[job.id for job in jobs], inline_jobs=jobs)
    if jobs:
        fill(nested.stats, **{name: given(group.group_stats, name, 0) for name in STATISTICS})
    return nested
