"""filter.FilterInterface, filter.MatcherInterface and filter.ActionInterface."""

from collections.abc import Callable
from typing import Any

from cuebot_simulator.services.handlers import Handler, Methods, action, lister, requested, setter
from cuebot_simulator.world import filters
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.refusals import CUEBOT_CLASS, JavaException
from cuebot_simulator.world.state import Farm, by_id, find_only

FIRST, LAST = 0, 9999
BEFORE = 0.1  # a filter that gets the place of another comes that much before it

# Filters.


def find(farm: Farm, request: Any, answer: Any) -> None:
    """By the names of both. Several shows may have the name."""

    def fits(each: Any) -> bool:
        return bool(each.name == request.name and filters.show_of(farm, each).name == request.show)

    fill(answer, filter=find_only(farm.filters, fits))


def create_action(farm: Farm, request: Any, answer: Any) -> None:
    job_filter = requested(farm, request, "filter")
    fill(answer, action=filters.add_action(farm, job_filter, request.data))


def create_matcher(farm: Farm, request: Any, answer: Any) -> None:
    job_filter = requested(farm, request, "filter")
    fill(answer, matcher=filters.add_matcher(farm, job_filter, request.data))


def mover(place: Callable[[Any, Any], float]) -> Handler:
    """Moves a filter to the place that comes of the filter and the request."""

    def move(farm: Farm, request: Any, answer: Any) -> None:
        job_filter = requested(farm, request, "filter")
        filters.move_filter(farm, job_filter, place(job_filter, request))

    return move


def run_filter_on_group(farm: Farm, request: Any, answer: Any) -> None:
    """On all jobs of the group, finished ones too, before the answer."""
    job_filter = requested(farm, request, "filter")
    for job in farm.jobs_of(requested(farm, request, "group")):
        filters.run_filter(farm, job_filter, job)


def run_filter_on_jobs(farm: Farm, request: Any, answer: Any) -> None:
    """One after the other, up to the first that does not exist."""
    job_filter = requested(farm, request, "filter")
    for job in request.jobs.jobs:
        filters.run_filter(farm, job_filter, by_id(farm.jobs, job.id))


FILTER_METHODS: Methods = {
    "CreateAction": create_action,
    "CreateMatcher": create_matcher,
    "Delete": action("filter", filters.delete_filter),
    "FindFilter": find,
    "GetActions": lister("filter", "actions", filters.actions_of),
    "GetMatchers": lister("filter", "matchers", filters.matchers_of),
    "LowerOrder": mover(lambda job_filter, request: job_filter.order + 1 + BEFORE),
    "OrderFirst": mover(lambda job_filter, request: FIRST - BEFORE),
    "OrderLast": mover(lambda job_filter, request: LAST - BEFORE),
    "RaiseOrder": mover(lambda job_filter, request: job_filter.order - 1 - BEFORE),
    "RunFilterOnGroup": run_filter_on_group,
    "RunFilterOnJobs": run_filter_on_jobs,
    "SetEnabled": setter("filter", "enabled"),
    "SetName": setter("filter", "name"),
    "SetOrder": mover(lambda job_filter, request: request.order - BEFORE),
    "SetType": setter("filter", "type"),
}

# Matchers.


def commit_matcher(farm: Farm, request: Any, answer: Any) -> None:
    filters.set_matcher(requested(farm, request, "matcher"), request.matcher)


def get_matcher_filter(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, filter=filters.filter_of(farm, requested(farm, request, "matcher")))


MATCHER_METHODS: Methods = {
    "Commit": commit_matcher,
    "Delete": action("matcher", filters.delete_matcher),
    "GetParentFilter": get_matcher_filter,
}

# Actions.


def commit_action(farm: Farm, request: Any, answer: Any) -> None:
    action = farm.actions.get(request.action.id)
    if action is None:
        text = f"Invalid actionId on Action commit: {request.action.id}"
        raise JavaException(CUEBOT_CLASS, text)
    filters.set_action(farm, action, request.action)


def get_action_filter(farm: Farm, request: Any, answer: Any) -> None:
    """Always fails: Cuebot looks for the filter in the request, which has none."""
    raise JavaException(
        CUEBOT_CLASS, "Trying to get a filterId from a ActityEntity created without a filter"
    )


ACTION_METHODS: Methods = {
    "Commit": commit_action,
    "Delete": action("action", filters.delete_action),
    "GetParentFilter": get_action_filter,
}
