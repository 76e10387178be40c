"""show.ShowInterface."""

from typing import Any

from cuebot_simulator.services.handlers import Handler, Methods, action, lister, requested, setter
from cuebot_simulator.world.allocations import count_subscription, subscriptions_where
from cuebot_simulator.world.cores import NO_LIMIT, hundredths, whole_cores
from cuebot_simulator.world.departments import department_named, departments_of
from cuebot_simulator.world.filters import add_filter, filters_of, find_filter
from cuebot_simulator.world.groups import group_name_error
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_owner, add_show, add_subscription
from cuebot_simulator.world.refusals import Refusal, check_length, duplicate, illegal_argument
from cuebot_simulator.world.services import create_override, overrides_of
from cuebot_simulator.world.shows import (
    archive_show,
    conform_name,
    delete_show,
    find_show,
    job_whiteboard,
)
from cuebot_simulator.world.state import Farm, by_id, by_name, find_one, is_pending

LONGEST_OWNER, LONGEST_FILTER = 64, 128


def get_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(farm.shows.values())


def get_active_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(show for show in farm.shows.values() if show.active)


def find_show_by_name(farm: Farm, request: Any, answer: Any) -> None:
    """Aliases do not count here."""
    fill(answer, show=by_name(farm.shows, request.name))


def create_show(farm: Farm, request: Any, answer: Any) -> None:
    """A taken name is given again, and neither show is found by it any more."""
    try:
        name = conform_name(request.name)
    except ValueError as error:
        raise Refusal(f"Show could not be created.{error}") from None
    if why := group_name_error(name):
        raise Refusal(f"Show could not be created.{why}")
    fill(answer, show=add_show(farm, name))


def archive(farm: Farm, request: Any, answer: Any) -> None:
    """The target is a show by name or alias, and may be the show itself."""
    show = requested(farm, request, "show")
    archive_show(farm, show, find_show(farm, request.target_show_name))


# What belongs to a show.


def get_root_group(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    fill(answer, group=farm.root_group(show))


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    jobs = [job for group in farm.groups_of(show) for job in farm.jobs_of(group)]
    answer.jobs.jobs.extend(sorted(filter(is_pending, jobs), key=lambda job: job.name))


def get_job_whiteboard(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot ignores `fresh`: the answer may be five seconds old."""
    fill(answer, whiteboard=job_whiteboard(farm, requested(farm, request, "show")))


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    owners = {key.name for key in map(farm.owners.get, farm.children_of[show.id]) if key}
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner in owners)


def create_owner(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    check_length(request.name, LONGEST_OWNER)
    if any(owner.name == request.name for owner in farm.owners.values()):
        raise duplicate(f"owner {request.name}")
    fill(answer, owner=add_owner(farm, request.name, show))


def get_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    answer.subscriptions.subscriptions.extend(
        subscriptions_where(farm, lambda each: farm.parent_of[each.id] == show.id)
    )


def create_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """Size and burst are cores in the request, and hundredths of cores in the answer."""
    allocation = by_id(farm.allocations, request.allocation_id)
    show = requested(farm, request, "show")
    if any(
        farm.parent_of[each.id] == show.id and each.allocation_name == allocation.name
        for each in farm.subscriptions.values()
    ):
        raise duplicate(f"subscription of {show.name} to {allocation.name}")
    made = add_subscription(
        farm,
        show,
        allocation,
        size=round(hundredths(request.size) * 100),
        burst=round(hundredths(request.burst) * 100),
    )
    fill(answer, subscription=count_subscription(farm, made))


def find_show_filter(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    fill(answer, filter=find_filter(farm, show, request.name))


def create_filter(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot looks for the new filter by name. If there was one, it finds two, and fails."""
    show = requested(farm, request, "show")
    check_length(request.name, LONGEST_FILTER)
    add_filter(farm, show, request.name)
    fill(answer, filter=find_filter(farm, show, request.name))


def get_department(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    fill(answer, department=department_named(farm, show, request.department))


def get_service_override(farm: Farm, request: Any, answer: Any) -> None:
    """By the service's name, or by the override's id."""
    overrides = overrides_of(farm, requested(farm, request, "show"))
    override = find_one(
        {each.id: each for each in overrides},
        lambda each: request.name in (each.id, each.data.name),
    )
    fill(answer, service_override=override)


def create_service_override(farm: Farm, request: Any, answer: Any) -> None:
    show = requested(farm, request, "show")
    fill(answer, service_override=create_override(farm, show, request.service))


# Settings.


def without_last_commas(addresses: str) -> str:
    """Cuebot drops empty addresses at the end."""
    return addresses.rstrip(",")


def default_cores_setter(which: str) -> Handler:
    """Sets `default_min_cores` or `default_max_cores`: whole cores, none or more."""

    def set_cores(farm: Farm, request: Any, answer: Any) -> None:
        show, cores = requested(farm, request, "show"), getattr(request, f"{which}_cores")
        whole = whole_cores(cores)
        if whole < 0:
            units = -1 if cores == NO_LIMIT else round(whole * 100)
            raise illegal_argument(
                f"Invalid argument, default {which} cores {units}must be greater tham 0"
            )
        fill(show, **{f"default_{which}_cores": whole})

    return set_cores


METHODS: Methods = {
    "Archive": archive,
    "CreateFilter": create_filter,
    "CreateOwner": create_owner,
    "CreateServiceOverride": create_service_override,
    "CreateShow": create_show,
    "CreateSubscription": create_subscription,
    "Delete": action("show", delete_show),
    "EnableBooking": setter("show", "booking_enabled", "enabled"),
    "EnableDispatching": setter("show", "dispatch_enabled", "enabled"),
    "FindFilter": find_show_filter,
    "FindShow": find_show_by_name,
    "GetActiveShows": get_active_shows,
    "GetDeeds": get_deeds,
    "GetDepartment": get_department,
    "GetDepartments": lister("show", "departments", departments_of),
    "GetFilters": lister("show", "filters", filters_of),
    "GetGroups": lister("show", "groups", Farm.groups_of),
    "GetJobWhiteboard": get_job_whiteboard,
    "GetJobs": get_jobs,
    "GetRootGroup": get_root_group,
    "GetServiceOverride": get_service_override,
    "GetServiceOverrides": lister("show", "service_overrides", overrides_of),
    "GetShows": get_shows,
    "GetSubscriptions": get_subscriptions,
    "SetActive": setter("show", "active", "value"),
    "SetCommentEmail": setter("show", "comment_email", "email", without_last_commas),
    "SetDefaultMaxCores": default_cores_setter("max"),
    "SetDefaultMaxGpus": setter("show", "default_max_gpus", "max_gpus"),
    "SetDefaultMinCores": default_cores_setter("min"),
    "SetDefaultMinGpus": setter("show", "default_min_gpus", "min_gpus"),
    "SetSchedulerManaged": setter("show", "scheduler_managed", "enabled"),
}
