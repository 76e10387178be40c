"""job.GroupInterface."""

from typing import Any

from cuebot_simulator.services.handlers import (
    Handler,
    Methods,
    action,
    getter,
    lister,
    requested,
    setter,
)
from cuebot_simulator.world import groups
from cuebot_simulator.world.cores import NO_LIMIT, whole_cores
from cuebot_simulator.world.departments import use_department
from cuebot_simulator.world.jobs import move_job
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.refusals import Missing, bad_query, illegal_argument
from cuebot_simulator.world.state import Farm, by_id, by_name, find_only, is_pending


def find_group(farm: Farm, request: Any, answer: Any) -> None:
    """A group by name. Two groups of a show may share one, in different groups: then it fails."""
    show = by_name(farm.shows, request.show)
    group = find_only(
        farm.groups,
        lambda group: group.name == request.name and farm.parent_of[group.id] == show.id,
    )
    fill(answer, group=group)


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    jobs = farm.jobs_of(requested(farm, request, "group"))
    answer.jobs.jobs.extend(sorted(filter(is_pending, jobs), key=lambda job: job.name))


def create_sub_group(farm: Farm, request: Any, answer: Any) -> None:
    parent = requested(farm, request, "group")
    fill(answer, group=groups.add_subgroup(farm, parent, request.name))


def reparent_groups(farm: Farm, request: Any, answer: Any) -> None:
    """Missing groups are skipped. Without any group, Cuebot's query is no SQL."""
    parent = requested(farm, request, "group")
    ids = dict.fromkeys(group.id for group in request.groups.groups)
    if not ids:
        raise bad_query("there are no groups")
    groups.move_groups(farm, [farm.groups[key] for key in ids if key in farm.groups], parent)


def reparent_jobs(farm: Farm, request: Any, answer: Any) -> None:
    """One after the other, up to the first that fails."""
    group = requested(farm, request, "group")
    for job in request.jobs.jobs:
        move_job(farm, by_id(farm.jobs, job.id), group)


def set_group(farm: Farm, request: Any, answer: Any) -> None:
    group = requested(farm, request, "group")
    groups.move_groups(farm, [group], by_id(farm.groups, request.parent_group.id))


def set_department(farm: Farm, request: Any, answer: Any) -> None:
    group = requested(farm, request, "group")
    if request.dept not in farm.department_names:
        raise Missing
    fill(group, department=request.dept)
    use_department(farm, farm.show_of(group), request.dept)


def set_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    """Less than none means no limit; less than one core is refused."""
    group = requested(farm, request, "group")
    cores = whole_cores(given(request, "max_cores", 0.0))
    if 0 <= cores < 1:
        raise illegal_argument(
            "The group max cores feature must be a whole core or greater, pass in: 0"
        )
    fill(group, max_cores=max(cores, NO_LIMIT))


def default_setter(limit: str) -> Handler:
    """Sets a group's default for a limit on jobs (`min_cores` …); none or less means no default.

    Its present jobs get the same value, unless it is -1.
    """

    def set_default(farm: Farm, request: Any, answer: Any) -> None:
        group, value = requested(farm, request, "group"), given(request, limit, 0)
        if limit.endswith("_cores"):
            value = whole_cores(value)
        fill(group, **{f"default_job_{limit}": value if value > 0 else NO_LIMIT})
        if value != NO_LIMIT:
            for job in farm.jobs_of(group):
                fill(job, **{limit: value})

    return set_default


def set_default_job_priority(farm: Farm, request: Any, answer: Any) -> None:
    """The group's present jobs get the priority, too."""
    group = requested(farm, request, "group")
    fill(group, default_job_priority=max(request.priority, -1))
    for job in farm.jobs_of(group):
        fill(job, priority=request.priority)


METHODS: Methods = {
    "CreateSubGroup": create_sub_group,
    "Delete": action("group", groups.delete_group),
    "FindGroup": find_group,
    "GetGroup": getter("group"),
    "GetGroups": lister("group", "groups", groups.subgroups_of),
    "GetJobs": get_jobs,
    "ReparentGroups": reparent_groups,
    "ReparentJobs": reparent_jobs,
    "SetDefaultJobMaxCores": default_setter("max_cores"),
    "SetDefaultJobMaxGpus": default_setter("max_gpus"),
    "SetDefaultJobMinCores": default_setter("min_cores"),
    "SetDefaultJobMinGpus": default_setter("min_gpus"),
    "SetDefaultJobPriority": set_default_job_priority,
    "SetDepartment": set_department,
    "SetGroup": set_group,
    "SetMaxCores": set_max_cores,
    "SetMaxGpus": setter("group", "max_gpus", convert=lambda gpus: max(gpus, NO_LIMIT)),
    "SetMinCores": setter("group", "min_cores", convert=lambda cores: max(whole_cores(cores), 0.0)),
    "SetMinGpus": setter("group", "min_gpus", convert=lambda gpus: max(gpus, 0)),
    "SetName": action("group", groups.rename_group, "name"),
}
