"""job.GroupInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.cores import NO_LIMIT, whole_cores
from gateway.demo.farm.failures import illegal_argument
from gateway.demo.farm.messages import enum_name, fill, given
from gateway.demo.farm.state import Farm, by_id, by_name, find_one
from gateway.demo.interfaces.handler import Handler


def get_group(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, group=by_id(farm.groups, request.id))


def find_group(farm: Farm, request: Any, answer: Any) -> None:
    show = by_name(farm.shows, request.show)
    group = find_one(
        farm.groups,
        lambda group: group.name == request.name and farm.parent_of[group.id] == show.id,
    )
    fill(answer, group=group)


def get_groups(farm: Farm, request: Any, answer: Any) -> None:
    parent = by_id(farm.groups, request.group.id)
    groups = farm.groups_of(farm.show_of(parent))
    answer.groups.groups.extend(group for group in groups if group.parent_id == parent.id)


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    jobs = farm.jobs_of(by_id(farm.groups, request.group.id))
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    answer.jobs.jobs.extend(sorted(pending, key=lambda job: job.name))


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    group = by_id(farm.groups, request.group.id)
    fill(group, min_cores=max(whole_cores(given(request, "min_cores", 0.0)), 0.0))


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    """Less than no cores means no limit, and less than one core is refused."""
    group = by_id(farm.groups, request.group.id)
    cores = whole_cores(given(request, "max_cores", 0.0))
    if 0 <= cores < 1:
        raise illegal_argument(f"the max cores of a group are one core or more, not {cores}")
    fill(group, max_cores=max(cores, NO_LIMIT))


def set_default_job_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default_job_cores(farm, request, "min_cores")


def set_default_job_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default_job_cores(farm, request, "max_cores")


def set_default_job_cores(farm: Farm, request: Any, limit: str) -> None:
    """The group's present jobs get the new limit (min_cores or max_cores) too."""
    group = by_id(farm.groups, request.group.id)
    cores = whole_cores(given(request, limit, 0.0))
    fill(group, **{f"default_job_{limit}": cores if cores > 0 else NO_LIMIT})
    if cores != NO_LIMIT:
        for job in farm.jobs_of(group):
            fill(job, **{limit: cores})


def set_default_job_priority(farm: Farm, request: Any, answer: Any) -> None:
    """The group's present jobs get the new priority too."""
    group = by_id(farm.groups, request.group.id)
    fill(group, default_job_priority=max(request.priority, -1))
    for job in farm.jobs_of(group):
        fill(job, priority=request.priority)


METHODS: Mapping[str, Handler] = {
    "FindGroup": find_group,
    "GetGroup": get_group,
    "GetGroups": get_groups,
    "GetJobs": get_jobs,
    "SetDefaultJobMaxCores": set_default_job_max_cores,
    "SetDefaultJobMinCores": set_default_job_min_cores,
    "SetDefaultJobPriority": set_default_job_priority,
    "SetMaxCores": set_max_cores,
    "SetMinCores": set_min_cores,
}
