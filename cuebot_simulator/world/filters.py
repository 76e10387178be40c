"""A show's filters: what each looks for in a job (matchers), what it does (actions), their order.

They are numbered from 1 without gaps. What they do to jobs is in `filtering`.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.world.database_errors import violation
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.state import Farm, find_only

VALUES: Mapping[str, str] = {
    "GROUP_TYPE": "group_value",
    "STRING_TYPE": "string_value",
    "INTEGER_TYPE": "integer_value",
    "FLOAT_TYPE": "float_value",
    "BOOLEAN_TYPE": "boolean_value",
}
"""Type of an action's value to the field that holds it. NONE_TYPE has none."""
BEYOND = 10_000
OVERFLOW = "A field with precision 6, scale 2 must round to an absolute value less than 10^4."
"""The database holds orders and fractions below that, with two decimals."""


def add_filter(farm: Farm, show: Any, name: str) -> Any:
    """A filter, the last of its show, that is on and asks for all of its matchers: none so far.

    Names need not be unique.
    """
    job_filter = farm.messages.new(
        "filter.Filter",
        id=farm.new_id(f"filter/{show.id}/{name}", farm.filters),
        name=name,
        type="MATCH_ALL",
        order=len(filters_of(farm, show)) + 1,
        enabled=True,
    )
    farm.filters[job_filter.id] = job_filter
    farm.own(show.id, job_filter.id)
    return job_filter


def add_matcher(farm: Farm, job_filter: Any, data: Any) -> Any:
    """A matcher with what `data` (a filter.Matcher) says, but for its id."""
    key = f"matcher/{job_filter.id}/{data.subject}/{data.type}/{data.input}"
    matcher = farm.messages.new("filter.Matcher", id=farm.new_id(key, farm.matchers))
    set_matcher(matcher, data)
    farm.matchers[matcher.id] = matcher
    farm.own(job_filter.id, matcher.id)
    return matcher


def set_matcher(matcher: Any, data: Any) -> None:
    """Make a matcher say what `data` says, but for its id."""
    fill(matcher, subject=data.subject, type=data.type, input=data.input)


def add_action(farm: Farm, job_filter: Any, data: Any) -> Any:
    """An action with what `data` (a filter.Action) says, but for its id. Raises Refusal."""
    key = f"action/{job_filter.id}/{enum_name(data, 'type')}"
    action = farm.messages.new("filter.Action", id=farm.new_id(key, farm.actions))
    set_action(farm, action, data)
    farm.actions[action.id] = action
    farm.own(job_filter.id, action.id)
    return action


def set_action(farm: Farm, action: Any, data: Any) -> None:
    """Make an action say what `data` says, but for its id and all values not of its type.

    Raises Refusal for a type without a name, a group that is not there, and too large a number.
    """
    kind = enum_name(data, "value_type")
    if kind not in (*VALUES, "NONE_TYPE"):
        raise java_exception(
            "com.imageworks.spcue.SpcueRuntimeException",
            "invalid action value type: UNRECOGNIZED",
        )
    name = VALUES.get(kind)
    value: Any = getattr(data, name) if name else None
    if name == "group_value" and value not in farm.groups:
        raise violation(
            'insert or update on table "action" violates foreign key constraint'
            ' "c_action_pk_folder"',
            f'Key (pk_folder)=({value}) is not present in table "folder".',
        )
    if name == "float_value":
        value = stored(value)
    for other in VALUES.values():
        action.ClearField(other)
    fill(action, type=data.type, value_type=data.value_type, **({name: value} if name else {}))


def stored(number: float) -> float:
    """A number as the database holds it. Raises Refusal for one that is too large."""
    if not abs(number) < BEYOND:
        raise violation("numeric field overflow", OVERFLOW)
    return round(number, 2)


def filters_of(farm: Farm, show: Any) -> list[Any]:
    """A show's filters, in order."""
    found = [farm.filters[key] for key in farm.children_of[show.id] if key in farm.filters]
    return sorted(found, key=lambda job_filter: job_filter.order)


def find_filter(farm: Farm, show: Any, name: str) -> Any:
    """A show's filter by name. Raises Missing, or Refusal when several have it."""
    return find_only(
        farm.filters, lambda each: each.name == name and farm.parent_of[each.id] == show.id
    )


def matchers_of(farm: Farm, job_filter: Any) -> list[Any]:
    """A filter's matchers, the oldest first."""
    children = farm.children_of[job_filter.id]
    return [farm.matchers[child] for child in children if child in farm.matchers]


def actions_of(farm: Farm, job_filter: Any) -> list[Any]:
    """A filter's actions, the oldest first, but the one that stops last."""
    children = farm.children_of[job_filter.id]
    actions = [farm.actions[child] for child in children if child in farm.actions]
    return sorted(actions, key=lambda action: enum_name(action, "type") == "STOP_PROCESSING")


def filter_of(farm: Farm, part: Any) -> Any:
    """The filter of a matcher or an action."""
    return farm.filters[farm.parent_of[part.id]]


def show_of(farm: Farm, job_filter: Any) -> Any:
    """The show of a filter."""
    return farm.shows[farm.parent_of[job_filter.id]]


def move_filter(farm: Farm, job_filter: Any, order: float) -> None:
    """Give a filter this place among its show's, which are then numbered anew. Raises Refusal."""
    fill(job_filter, order=stored(order))
    renumber(farm, show_of(farm, job_filter))


def renumber(farm: Farm, show: Any) -> None:
    for number, job_filter in enumerate(filters_of(farm, show), start=1):
        fill(job_filter, order=number)


def delete_matcher(farm: Farm, matcher: Any) -> None:
    farm.disown(matcher.id)
    del farm.matchers[matcher.id]


def delete_action(farm: Farm, action: Any) -> None:
    farm.disown(action.id)
    del farm.actions[action.id]


def delete_filter(farm: Farm, job_filter: Any) -> None:
    """Remove a filter with its matchers and actions."""
    show = show_of(farm, job_filter)
    for matcher in matchers_of(farm, job_filter):
        delete_matcher(farm, matcher)
    for action in actions_of(farm, job_filter):
        delete_action(farm, action)
    farm.disown(job_filter.id)
    del farm.filters[job_filter.id]
    renumber(farm, show)
