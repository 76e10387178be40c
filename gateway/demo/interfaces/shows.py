"""show.ShowInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.additions import add_show
from gateway.demo.farm.cores import whole_cores
from gateway.demo.farm.failures import Refusal
from gateway.demo.farm.messages import enum_name, fill, given
from gateway.demo.farm.sharing import subscriptions_where
from gateway.demo.farm.state import Farm, by_id, by_name
from gateway.demo.interfaces.handler import Handler


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


def get_groups(farm: Farm, request: Any, answer: Any) -> None:
    answer.groups.groups.extend(farm.groups_of(by_id(farm.shows, request.show.id)))


def get_root_group(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    fill(answer, group=farm.root_group(show))


def get_jobs(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    jobs = [job for group in farm.groups_of(show) for job in farm.jobs_of(group)]
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    answer.jobs.jobs.extend(pending)


def get_subscriptions(farm: Farm, request: Any, answer: Any) -> None:
    show = by_id(farm.shows, request.show.id)
    answer.subscriptions.subscriptions.extend(
        subscriptions_where(farm, lambda each: each.show_name == show.name)
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
