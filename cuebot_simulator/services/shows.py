"""show.ShowInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import count_subscription, subscriptions_where
from cuebot_simulator.world.cores import NO_LIMIT, hundredths, whole_cores
from cuebot_simulator.world.database_errors import check_length, duplicate
from cuebot_simulator.world.departments import department_named, departments_of
from cuebot_simulator.world.failures import Refusal, illegal_argument
from cuebot_simulator.world.filters import add_filter, filters_of, find_filter
from cuebot_simulator.world.groups import group_name_error
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_owner, add_show, add_subscription
from cuebot_simulator.world.services import create_override, overrides_of
from cuebot_simulator.world.shows import archive_show, conform_name, delete_show, find_show
from cuebot_simulator.world.state import Farm, by_id, by_name, find_one, is_pending
from cuebot_simulator.world.whiteboard import job_whiteboard

LONGEST_OWNER, LONGEST_FILTER = 64, 128
"""Characters of names."""


def get_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(farm.shows.values())


def get_active_shows(farm: Farm, request: Any, answer: Any) -> None:
    answer.shows.shows.extend(show for show in farm.shows.values() if show.active)


def find_show_by_name(farm: Farm, request: Any, answer: Any) -> None:
    """A show by its present name. Aliases do not count here."""
    fill(answer, show=by_name(farm.shows, request.name))


def create_show(farm: Farm, request: Any, answer: Any) -> None:
    """A new show has its root group, and Cuebot's defaults for everything but the name.

    A name that another show has is given again, and neither show is found by it any more.
    """
    try:
        name = conform_name(request.name)
    except ValueError as error:
        raise Refusal(f"Show could not be created.{error}") from None
    if why := group_name_error(name):
        raise Refusal(f"Show could not be created.{why}")
    fill(answer, show=add_show(farm, name))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    delete_show(farm, by_id(farm.shows, request.show.id))


def archive(farm: Farm, request: Any, answer: Any) -> None:
    """The target is another show by name or alias, and may be the show itself."""
    show = by_id(farm.shows, request.show.id)
    archive_show(farm, show, find_show(farm, request.target_show_name))


# What belongs to a show.


def get_groups(farm: Farm, request: Any, answer: Any) -> None:
    answer.groups.groups.extend(farm.groups_of(by_id(farm.shows, request.show.id)))


def get_root_group(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, group=farm.root_group(show))


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    """The pending ones, by name."""
    show = by_id(farm.shows, request.show.id)
    jobs = [job for group in farm.groups_of(show) for job in farm.jobs_of(group)]
    answer.jobs.jobs.extend(sorted(filter(is_pending, jobs), key=lambda job: job.name))


def get_job_whiteboard(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot ignores `fresh`: the answer may be five seconds old."""
    fill(answer, whiteboard=job_whiteboard(farm, by_id(farm.shows, request.show.id)))


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    owners = {key.name for key in map(farm.owners.get, farm.children_of[show.id]) if key}
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner in owners)


def create_owner(farm: Farm, request: Any, answer: Any) -> None:
    """A name is an owner of one show only."""
    show = by_id(farm.shows, request.show.id)
    check_length(request.name, LONGEST_OWNER)
    if any(owner.name == request.name for owner in farm.owners.values()):
        raise duplicate("i_owner_str_username", str_username=request.name)
    fill(answer, owner=add_owner(farm, request.name, show))


def get_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    answer.subscriptions.subscriptions.extend(
        subscriptions_where(farm, lambda each: farm.parent_of[each.id] == show.id)
    )


def create_subscription(farm: Farm, request: Any, answer: Any) -> None:
    """Size and burst are asked for in cores, and answered in hundredths of them."""
    allocation = by_id(farm.allocations, request.allocation_id)
    show = by_id(farm.shows, request.show.id)
    if any(
        farm.parent_of[each.id] == show.id and each.allocation_name == allocation.name
        for each in farm.subscriptions.values()
    ):
        raise duplicate("c_subscription_uk", pk_show=show.id, pk_alloc=allocation.id)
    made = add_subscription(
        farm,
        show,
        allocation,
        size=round(hundredths(request.size) * 100),
        burst=round(hundredths(request.burst) * 100),
    )
    fill(answer, subscription=count_subscription(farm, made))


def get_filters(farm: Farm, request: Any, answer: Any) -> None:
    answer.filters.filters.extend(filters_of(farm, by_id(farm.shows, request.show.id)))


def find_show_filter(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, filter=find_filter(farm, show, request.name))


def create_filter(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot looks for the new filter by name. If there was one, it finds two, and fails."""
    show = by_id(farm.shows, request.show.id)
    check_length(request.name, LONGEST_FILTER)
    add_filter(farm, show, request.name)
    fill(answer, filter=find_filter(farm, show, request.name))


def get_department(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, department=department_named(farm, show, request.department))


def get_departments(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    answer.departments.departments.extend(departments_of(farm, show))


def get_service_overrides(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    answer.service_overrides.service_overrides.extend(overrides_of(farm, show))


def get_service_override(farm: Farm, request: Any, answer: Any) -> None:
    """One of the show's by the service's name, or by id in the name's place."""
    overrides = overrides_of(farm, by_id(farm.shows, request.show.id))
    override = find_one(
        {each.id: each for each in overrides},
        lambda each: request.name in (each.id, each.data.name),
    )
    fill(answer, service_override=override)


def create_service_override(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, service_override=create_override(farm, show, request.service))


# Settings.


def set_active(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.shows, request.show.id), active=request.value)


def enable_booking(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.shows, request.show.id), booking_enabled=request.enabled)


def enable_dispatching(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.shows, request.show.id), dispatch_enabled=request.enabled)


def set_scheduler_managed(farm: Farm, request: Any, answer: Any) -> None:
    """Cuebot's dispatcher leaves the show to another scheduler, or takes it back."""
    fill(by_id(farm.shows, request.show.id), scheduler_managed=request.enabled)


def set_comment_email(farm: Farm, request: Any, answer: Any) -> None:
    """Addresses with commas between. Empty ones at the end are dropped.

    Older servers did this too, but never finished their answer, so that calls timed out.
    """
    fill(by_id(farm.shows, request.show.id), comment_email=request.email.rstrip(","))


def set_default_min_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default_cores(farm, request, "min")


def set_default_max_cores(farm: Farm, request: Any, answer: Any) -> None:
    set_default_cores(farm, request, "max")


def set_default_cores(farm: Farm, request: Any, which: str) -> None:
    """Whole cores, none or more."""
    show = by_id(farm.shows, request.show.id)
    requested = getattr(request, f"{which}_cores")
    cores = whole_cores(requested)
    if cores < 0:
        units = -1 if requested == NO_LIMIT else round(cores * 100)
        raise illegal_argument(
            f"Invalid argument, default {which} cores {units}must be greater tham 0"
        )
    fill(show, **{f"default_{which}_cores": cores})


def set_default_min_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.shows, request.show.id), default_min_gpus=request.min_gpus)


def set_default_max_gpus(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.shows, request.show.id), default_max_gpus=request.max_gpus)


METHODS: Mapping[str, Handler] = {
    "Archive": archive,
    "CreateFilter": create_filter,
    "CreateOwner": create_owner,
    "CreateServiceOverride": create_service_override,
    "CreateShow": create_show,
    "CreateSubscription": create_subscription,
    "Delete": delete,
    "EnableBooking": enable_booking,
    "EnableDispatching": enable_dispatching,
    "FindFilter": find_show_filter,
    "FindShow": find_show_by_name,
    "GetActiveShows": get_active_shows,
    "GetDeeds": get_deeds,
    "GetDepartment": get_department,
    "GetDepartments": get_departments,
    "GetFilters": get_filters,
    "GetGroups": get_groups,
    "GetJobWhiteboard": get_job_whiteboard,
    "GetJobs": get_jobs,
    "GetRootGroup": get_root_group,
    "GetServiceOverride": get_service_override,
    "GetServiceOverrides": get_service_overrides,
    "GetShows": get_shows,
    "GetSubscriptions": get_subscriptions,
    "SetActive": set_active,
    "SetCommentEmail": set_comment_email,
    "SetDefaultMaxCores": set_default_max_cores,
    "SetDefaultMaxGpus": set_default_max_gpus,
    "SetDefaultMinCores": set_default_min_cores,
    "SetDefaultMinGpus": set_default_min_gpus,
    "SetSchedulerManaged": set_scheduler_managed,
}
