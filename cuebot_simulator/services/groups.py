"""job.GroupInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.cores import NO_LIMIT, whole_cores
from cuebot_simulator.world.database_errors import bad_grammar
from cuebot_simulator.world.departments import use_department
from cuebot_simulator.world.failures import Missing, illegal_argument
from cuebot_simulator.world.groups import (
    add_subgroup,
    delete_group,
    is_managed,
    move_groups,
    rename_group,
    subgroups_of,
)
from cuebot_simulator.world.jobs import move_job
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.state import Farm, by_id, by_name, find_only


def get_group(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, group=by_id(farm.groups, request.id))


def find_group(farm: Farm, request: Any, answer: Any) -> None:
    """A group by name. Two groups of a show may share one, in different groups: then it fails."""
    show = by_name(farm.shows, request.show)
    group = find_only(
        farm.groups,
        lambda group: group.name == request.name and farm.parent_of[group.id] == show.id,
    )
    fill(answer, group=group)


def get_groups(farm: Farm, request: Any, answer: Any) -> None:
    answer.groups.groups.extend(subgroups_of(farm, by_id(farm.groups, request.group.id)))


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    jobs = farm.jobs_of(by_id(farm.groups, request.group.id))
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    answer.jobs.jobs.extend(sorted(pending, key=lambda job: job.name))


def create_sub_group(farm: Farm, request: Any, answer: Any) -> None:
    parent = by_id(farm.groups, request.group.id)
    fill(answer, group=add_subgroup(farm, parent, request.name))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    delete_group(farm, by_id(farm.groups, request.group.id))


def reparent_groups(farm: Farm, request: Any, answer: Any) -> None:
    """Groups that do not exist are passed over. None at all is a query that is no SQL."""
    parent = by_id(farm.groups, request.group.id)
    ids = dict.fromkeys(group.id for group in request.groups.groups)
    if not ids:
        raise bad_grammar('syntax error at or near ")"')
    move_groups(farm, [farm.groups[key] for key in ids if key in farm.groups], parent)


def reparent_jobs(farm: Farm, request: Any, answer: Any) -> None:
    """One after the other: what comes before the first that fails has moved."""
    group = by_id(farm.groups, request.group.id)
    for job in request.jobs.jobs:
        move_job(farm, by_id(farm.jobs, job.id), group)


def set_group(farm: Farm, request: Any, answer: Any) -> None:
    group = by_id(farm.groups, request.group.id)
    move_groups(farm, [group], by_id(farm.groups, request.parent_group.id))


def set_name(farm: Farm, request: Any, answer: Any) -> None:
    rename_group(farm, by_id(farm.groups, request.group.id), request.name)


def set_department(farm: Farm, request: Any, answer: Any) -> None:
    group = by_id(farm.groups, request.group.id)
    if request.dept not in farm.department_names:
        raise Missing
    fill(group, department=request.dept)
    use_department(farm, farm.show_of(group), request.dept)


def set_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    group = by_id(farm.groups, request.group.id)
    fill(group, min_cores=max(whole_cores(given(request, "min_cores", 0.0)), 0.0))


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    """Less than no cores means no limit, and less than one core is refused."""
    group = by_id(farm.groups, request.group.id)
    cores = whole_cores(given(request, "max_cores", 0.0))
    if 0 <= cores < 1:
        raise illegal_argument(
            "The group max cores feature must be a whole core or greater, pass in: 0"
        )
    fill(group, max_cores=max(cores, NO_LIMIT))


def set_min_gpus(farm: Farm, request: Any, answer: Any) -> None:
    group = by_id(farm.groups, request.group.id)
    fill(group, min_gpus=max(given(request, "min_gpus", 0), 0))


def set_max_gpus(farm: Farm, request: Any, answer: Any) -> None:
    """Less than none means no limit."""
    group = by_id(farm.groups, request.group.id)
    fill(group, max_gpus=max(given(request, "max_gpus", 0), NO_LIMIT))


def set_default_job_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default(farm, request, "min_cores", whole_cores(given(request, "min_cores", 0.0)))


def set_default_job_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default(farm, request, "max_cores", whole_cores(given(request, "max_cores", 0.0)))


def set_default_job_min_gpus(farm: Farm, request: Any, answer: Any) -> None:
    set_default(farm, request, "min_gpus", given(request, "min_gpus", 0))


def set_default_job_max_gpus(farm: Farm, request: Any, answer: Any) -> None:
    set_default(farm, request, "max_gpus", given(request, "max_gpus", 0))


def set_default(farm: Farm, request: Any, limit: str, value: float) -> None:
    """Set a group's default for a limit on jobs (`min_cores` …); none or less means no default.

    Its present jobs get that very value too, unless it is -1 or their department is managed.
    """
    group = by_id(farm.groups, request.group.id)
    fill(group, **{f"default_job_{limit}": value if value > 0 else NO_LIMIT})
    if value != NO_LIMIT and not is_managed(farm, group):
        for job in farm.jobs_of(group):
            fill(job, **{limit: value})


def set_default_job_priority(farm: Farm, request: Any, answer: Any) -> None:
    """The group's present jobs get the new priority too."""
    group = by_id(farm.groups, request.group.id)
    fill(group, default_job_priority=max(request.priority, -1))
    for job in farm.jobs_of(group):
        fill(job, priority=request.priority)


METHODS: Mapping[str, Handler] = {
    "CreateSubGroup": create_sub_group,
    "Delete": delete,
    "FindGroup": find_group,
    "GetGroup": get_group,
    "GetGroups": get_groups,
    "GetJobs": get_jobs,
    "ReparentGroups": reparent_groups,
    "ReparentJobs": reparent_jobs,
    "SetDefaultJobMaxCores": set_default_job_max_cores,
    "SetDefaultJobMaxGpus": set_default_job_max_gpus,
    "SetDefaultJobMinCores": set_default_job_min_cores,
    "SetDefaultJobMinGpus": set_default_job_min_gpus,
    "SetDefaultJobPriority": set_default_job_priority,
    "SetDepartment": set_department,
    "SetGroup": set_group,
    "SetMaxCores": set_max_cores,
    "SetMaxGpus": set_max_gpus,
    "SetMinCores": set_min_cores,
    "SetMinGpus": set_min_gpus,
    "SetName": set_name,
}
