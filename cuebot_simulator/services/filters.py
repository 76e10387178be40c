"""filter.FilterInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.filtering import run_filter
from cuebot_simulator.world.filters import (
    actions_of,
    add_action,
    add_matcher,
    delete_filter,
    matchers_of,
    move_filter,
    show_of,
)
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id, find_only

FIRST, LAST = 0, 9999
BEFORE = 0.1
"""A filter that is put where another one is comes that much before it."""


def find(farm: Farm, request: Any, answer: Any) -> None:
    """By the names of both: the show's name alone may be that of several."""
    found = find_only(
        farm.filters,
        lambda each: each.name == request.name and show_of(farm, each).name == request.show,
    )
    fill(answer, filter=found)


def create_action(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, action=add_action(farm, filter_in(farm, request), request.data))


def create_matcher(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, matcher=add_matcher(farm, filter_in(farm, request), request.data))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    delete_filter(farm, filter_in(farm, request))


def get_actions(farm: Farm, request: Any, answer: Any) -> None:
    """The actions, in the order in which they are done."""
    answer.actions.SetInParent()
    answer.actions.actions.extend(actions_of(farm, filter_in(farm, request)))


def get_matchers(farm: Farm, request: Any, answer: Any) -> None:
    answer.matchers.SetInParent()
    answer.matchers.matchers.extend(matchers_of(farm, filter_in(farm, request)))


def raise_order(farm: Farm, request: Any, answer: Any) -> None:
    """One place nearer to the first."""
    job_filter = filter_in(farm, request)
    move_filter(farm, job_filter, job_filter.order - 1 - BEFORE)


def lower_order(farm: Farm, request: Any, answer: Any) -> None:
    """One place nearer to the last."""
    job_filter = filter_in(farm, request)
    move_filter(farm, job_filter, job_filter.order + 1 + BEFORE)


def order_first(farm: Farm, request: Any, answer: Any) -> None:
    move_filter(farm, filter_in(farm, request), FIRST - BEFORE)


def order_last(farm: Farm, request: Any, answer: Any) -> None:
    move_filter(farm, filter_in(farm, request), LAST - BEFORE)


def set_order(farm: Farm, request: Any, answer: Any) -> None:
    """Right before the filter that has that place now. To move down one place, add two."""
    move_filter(farm, filter_in(farm, request), request.order - BEFORE)


def set_enabled(farm: Farm, request: Any, answer: Any) -> None:
    fill(filter_in(farm, request), enabled=request.enabled)


def set_name(farm: Farm, request: Any, answer: Any) -> None:
    fill(filter_in(farm, request), name=request.name)


def set_type(farm: Farm, request: Any, answer: Any) -> None:
    fill(filter_in(farm, request), type=request.type)


def run_filter_on_group(farm: Farm, request: Any, answer: Any) -> None:
    """On all jobs that are in the group now, finished ones too, before it answers."""
    job_filter = filter_in(farm, request)
    for job in farm.jobs_of(by_id(farm.groups, request.group.id)):
        run_filter(farm, job_filter, job)


def run_filter_on_jobs(farm: Farm, request: Any, answer: Any) -> None:
    """One after the other: what comes before the first that is not there is done."""
    job_filter = filter_in(farm, request)
    for job in request.jobs.jobs:
        run_filter(farm, job_filter, by_id(farm.jobs, job.id))


def filter_in(farm: Farm, request: Any) -> Any:
    """The filter that a request is about. Raises Missing."""
    return by_id(farm.filters, request.filter.id)


METHODS: Mapping[str, Handler] = {
    "CreateAction": create_action,
    "CreateMatcher": create_matcher,
    "Delete": delete,
    "FindFilter": find,
    "GetActions": get_actions,
    "GetMatchers": get_matchers,
    "LowerOrder": lower_order,
    "OrderFirst": order_first,
    "OrderLast": order_last,
    "RaiseOrder": raise_order,
    "RunFilterOnGroup": run_filter_on_group,
    "RunFilterOnJobs": run_filter_on_jobs,
    "SetEnabled": set_enabled,
    "SetName": set_name,
    "SetOrder": set_order,
    "SetType": set_type,
}
