"""show.ShowInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.cores import whole_cores
from gateway.demo.failures import Refusal
from gateway.demo.farm import Farm, by_id, by_name
from gateway.demo.handler import Handler
from gateway.demo.messages import enum_name, fill, given


def get_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(farm.shows.values())


def get_active_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(show for show in farm.shows.values() if show.active)


def find_show(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, show=by_name(farm.shows, request.name))


def create_show(farm: Farm, request: Any, answer: Any) -> None:
    """A new show has its root group, and Cuebot's defaults for everything but the name."""
    if not request.name or any(show.name == request.name for show in farm.shows.values()):
        raise Refusal(f"Show could not be created. {request.name!r} is taken or empty")
    fill(answer, show=add_show(farm, request.name))


def add_show(farm: Farm, name: str, **values: Any) -> Any:
    """Put a show with its root group on the farm."""
    defaults: dict[str, Any] = {
        "default_min_cores": 1,
        "default_max_cores": 100,
        "booking_enabled": True,
        "dispatch_enabled": True,
        "active": True,
    }
    key = f"show/{name}"
    show = farm.messages.new("show.Show", id=farm.make_id(key), name=name, **(defaults | values))
    show.show_stats.SetInParent()
    farm.shows[show.id] = show
    add_group(farm, show, name, parent_id="", department="Unknown")
    return show


def add_group(farm: Farm, show: Any, name: str, *, parent_id: str, department: str) -> Any:
    """Put a group of a show on the farm: the root group if `parent_id` is empty."""
    parent = farm.groups.get(parent_id)
    group = farm.messages.new(
        "job.Group",
        id=farm.make_id(f"group/{show.name}/{name}/{parent_id}"),
        name=name,
        department=department,
        default_job_priority=-1,
        default_job_min_cores=-1,
        default_job_max_cores=-1,
        default_job_min_gpus=-1,
        default_job_max_gpus=-1,
        min_cores=0,
        max_cores=-1,
        max_gpus=-1,
        level=parent.level + 1 if parent else 0,
        parent_id=parent_id,
    )
    group.group_stats.SetInParent()
    farm.groups[group.id] = group
    farm.own(show.id, group.id)
    return group


def get_groups(farm: Farm, request: Any, answer: Any) -> None:
    answer.groups.groups.extend(farm.groups_of(by_id(farm.shows, request.show.id)))


def get_root_group(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, group=next(group for group in farm.groups_of(show) if not group.parent_id))


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    jobs = [job for group in farm.groups_of(show) for job in farm.jobs_of(group)]
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    answer.jobs.jobs.extend(pending)


def get_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    answer.subscriptions.subscriptions.extend(
        farm.subscriptions_where(lambda each: each.show_name == show.name)
    )


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    owners = {owner.name for owner in farm.owners.values() if owner.show == show.name}
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner in owners)


def set_default_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(show, default_min_cores=whole_cores(given(request, "min_cores", 0.0)))


def set_default_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(show, default_max_cores=whole_cores(given(request, "max_cores", 0.0)))


METHODS: Mapping[str, Handler] = {
    "CreateShow": create_show,
    "FindShow": find_show,
    "GetActiveShows": get_active_shows,
    "GetDeeds": get_deeds,
    "GetGroups": get_groups,
    "GetJobs": get_jobs,
    "GetRootGroup": get_root_group,
    "GetShows": get_shows,
    "GetSubscriptions": get_subscriptions,
    "SetDefaultMaxCores": set_default_max_cores,
    "SetDefaultMinCores": set_default_min_cores,
}
