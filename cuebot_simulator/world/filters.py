"""A show's filters: their matchers, their actions, their order, and what they do to jobs.

They are numbered from 1 without gaps.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from cuebot_simulator.world.cores import hundredths
from cuebot_simulator.world.jobs import move_job
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.patterns import compile_pattern
from cuebot_simulator.world.plans import LEAST_MEMORY_KB
from cuebot_simulator.world.refusals import CUEBOT_CLASS, JavaException, Refusal, violation
from cuebot_simulator.world.state import Farm, find_only

VALUES: Mapping[str, str] = {
    "GROUP_TYPE": "group_value",
    "STRING_TYPE": "string_value",
    "INTEGER_TYPE": "integer_value",
    "FLOAT_TYPE": "float_value",
    "BOOLEAN_TYPE": "boolean_value",
}
"""The field of an action's value, by its type. NONE_TYPE has none."""
DECIMAL_BOUND = 10_000  # the database holds orders and fractions below that, with two decimals


def add_filter(farm: Farm, show: Any, name: str) -> Any:
    """An enabled filter without matchers, the last of its show. Names need not be unique."""
    return farm.add(
        farm.filters,
        "filter.Filter",
        parent=show.id,
        id=farm.new_id(f"filter/{show.id}/{name}", farm.filters),
        name=name,
        type="MATCH_ALL",
        order=len(filters_of(farm, show)) + 1,
        enabled=True,
    )


def add_matcher(farm: Farm, job_filter: Any, data: Any) -> Any:
    """A matcher like `data` (a filter.Matcher), with an id of its own."""
    key = f"matcher/{job_filter.id}/{data.subject}/{data.type}/{data.input}"
    values = {"subject": data.subject, "type": data.type, "input": data.input}
    key = farm.new_id(key, farm.matchers)
    return farm.add(farm.matchers, "filter.Matcher", parent=job_filter.id, id=key, **values)


def set_matcher(matcher: Any, data: Any) -> None:
    fill(matcher, subject=data.subject, type=data.type, input=data.input)


def add_action(farm: Farm, job_filter: Any, data: Any) -> Any:
    """An action like `data` (a filter.Action), with an id of its own. Raises Refusal."""
    key = f"action/{job_filter.id}/{enum_name(data, 'type')}"
    action = farm.messages.new("filter.Action", id=farm.new_id(key, farm.actions))
    set_action(farm, action, data)
    farm.actions[action.id] = action
    farm.own(job_filter.id, action.id)
    return action


def set_action(farm: Farm, action: Any, data: Any) -> None:
    """Give an action the type of `data`, and the value of that type.

    Raises Refusal for an unknown type, a missing group, and too large a number.
    """
    kind = enum_name(data, "value_type")
    if kind not in (*VALUES, "NONE_TYPE"):
        raise JavaException(CUEBOT_CLASS, "invalid action value type: UNRECOGNIZED")
    name = VALUES.get(kind)
    value: Any = getattr(data, name) if name else None
    if name == "group_value" and value not in farm.groups:
        raise violation(f"there is no group {value}")
    if name == "float_value":
        value = stored(value)
    for other in VALUES.values():
        action.ClearField(other)
    fill(action, type=data.type, value_type=data.value_type, **({name: value} if name else {}))


def stored(number: float) -> float:
    """A number as the database holds it. Raises Refusal for one that is too large."""
    if not abs(number) < DECIMAL_BOUND:
        raise violation(f"{number} is too large")
    return round(number, 2)


def filters_of(farm: Farm, show: Any) -> list[Any]:
    found = [farm.filters[key] for key in farm.children_of[show.id] if key in farm.filters]
    return sorted(found, key=lambda job_filter: job_filter.order)


def find_filter(farm: Farm, show: Any, name: str) -> Any:
    """A show's filter by name. Raises Missing, or Refusal when several have it."""
    return find_only(
        farm.filters, lambda each: each.name == name and farm.parent_of[each.id] == show.id
    )


def matchers_of(farm: Farm, job_filter: Any) -> list[Any]:
    children = farm.children_of[job_filter.id]
    return [farm.matchers[child] for child in children if child in farm.matchers]


def actions_of(farm: Farm, job_filter: Any) -> list[Any]:
    """A filter's actions, the oldest first, but STOP_PROCESSING last."""
    children = farm.children_of[job_filter.id]
    actions = [farm.actions[child] for child in children if child in farm.actions]
    return sorted(actions, key=lambda action: enum_name(action, "type") == "STOP_PROCESSING")


def filter_of(farm: Farm, part: Any) -> Any:
    return farm.filters[farm.parent_of[part.id]]


def show_of(farm: Farm, job_filter: Any) -> Any:
    return farm.shows[farm.parent_of[job_filter.id]]


def move_filter(farm: Farm, job_filter: Any, order: float) -> None:
    """Put a filter at this place in its show, and renumber all. Raises Refusal."""
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
    show = show_of(farm, job_filter)
    for matcher in matchers_of(farm, job_filter):
        delete_matcher(farm, matcher)
    for action in actions_of(farm, job_filter):
        delete_action(farm, action)
    farm.disown(job_filter.id)
    del farm.filters[job_filter.id]
    renumber(farm, show)


FROM_GROUP = ("priority", "min_cores", "max_cores")
"""What a job inherits from the group that an action moves it to."""
LAYERS = re.compile(r"SET_ALL_(RENDER|UTIL|PRE)_LAYER_(TAGS|MEMORY|MIN_CORES|MAX_CORES)")


def run_filters(farm: Farm, job: Any) -> None:
    """Apply the enabled filters of a job's show, in order, until one stops.

    An action that fails ends the run: Cuebot only logs that.
    """
    try:
        for job_filter in filters_of(farm, farm.show_of(farm.group_of(job))):
            wanted = job_filter.enabled and matches(farm, job_filter, job)
            if wanted and act(farm, job_filter, job):
                return
    except Refusal:
        return


def run_filter(farm: Farm, job_filter: Any, job: Any) -> None:
    """Apply one filter to a job, enabled or not. Raises Refusal."""
    if matches(farm, job_filter, job):
        act(farm, job_filter, job)


def matches(farm: Farm, job_filter: Any, job: Any) -> bool:
    """Whether a filter is for this job. Without matchers, it is for none."""
    found = [matcher_fits(farm, matcher, job) for matcher in matchers_of(farm, job_filter)]
    wanted = all if enum_name(job_filter, "type") == "MATCH_ALL" else any
    return bool(found) and wanted(found)


def matcher_fits(farm: Farm, matcher: Any, job: Any) -> bool:
    """Whether a job fits a matcher: one of its layers or services does.

    For the negative types, none may.
    """
    texts_of = SUBJECTS.get(enum_name(matcher, "subject"))
    texts = texts_of(farm, job) if texts_of else [""]
    kind = enum_name(matcher, "type")
    test = TESTS.get(NEGATIVE.get(kind, kind))
    found = test is not None and any(test(text, matcher.input) for text in texts)
    return found != (kind in NEGATIVE)


def fits_pattern(text: str, pattern: str) -> bool:
    """Whether a regular expression fits somewhere in a text. A bad one never does."""
    try:
        return compile_pattern(pattern).search(text) is not None
    except Refusal:
        return False


SUBJECTS: Mapping[str, Callable[[Farm, Any], list[str]]] = {
    "JOB_NAME": lambda farm, job: [job.name.lower()],
    "SHOW": lambda farm, job: [job.show.lower()],
    "SHOT": lambda farm, job: [job.shot.lower()],
    "USER": lambda farm, job: [job.user.lower()],
    "SERVICE_NAME": lambda farm, job: [
        service for layer in farm.layers_of(job) for service in layer.services
    ],
    "PRIORITY": lambda farm, job: [str(job.priority)],
    "FACILITY": lambda farm, job: [job.facility.lower()],
    "LAYER_NAME": lambda farm, job: [layer.name for layer in farm.layers_of(job)],
}
"""The texts of a job that a matcher looks at. A matcher's own text keeps its case."""
TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "CONTAINS": lambda text, wanted: wanted in text,
    "IS": lambda text, wanted: wanted == text,
    "REGEX": fits_pattern,
    "BEGINS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
}
NEGATIVE: Mapping[str, str] = {"DOES_NOT_CONTAIN": "CONTAINS", "IS_NOT": "IS"}


def act(farm: Farm, job_filter: Any, job: Any) -> bool:
    """Apply a filter's actions to a job. True if no filter may follow."""
    for action in actions_of(farm, job_filter):
        kind = enum_name(action, "type")
        if kind == "STOP_PROCESSING":
            return True
        if kind == "MOVE_JOB_TO_GROUP":
            if action.group_value:
                move_job(farm, job, farm.groups[action.group_value], inherited=FROM_GROUP)
        elif kind in JOB_VALUES:
            fill(job, **JOB_VALUES[kind](action))
        else:
            change_layers(farm, action, job)
    return False


def change_layers(farm: Farm, action: Any, job: Any) -> None:
    kind = enum_name(action, "type")
    named = LAYERS.fullmatch(kind)
    for layer in farm.layers_of(job):
        if kind == "SET_MEMORY_OPTIMIZER":
            fill(layer, memory_optimizer_enabled=action.boolean_value)
        elif named and enum_name(layer, "type") == named[1]:
            fill(layer, **LAYER_VALUES[named[2]](action))


JOB_VALUES: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "PAUSE_JOB": lambda action: {"is_paused": action.boolean_value},
    "SET_JOB_MIN_CORES": lambda action: {"min_cores": hundredths(action.float_value)},
    "SET_JOB_MAX_CORES": lambda action: {"max_cores": hundredths(action.float_value)},
    "SET_JOB_PRIORITY": lambda action: {"priority": action.integer_value},
}
LAYER_VALUES: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "TAGS": lambda action: {"tags": tags_in(action.string_value)},
    "MEMORY": lambda action: {"min_memory": max(action.integer_value, LEAST_MEMORY_KB)},
    "MIN_CORES": lambda action: {"min_cores": hundredths(action.float_value)},
    "MAX_CORES": lambda action: {"max_cores": hundredths(action.float_value)},
}


def tags_in(text: str) -> list[str]:
    """The tags in a text such as `general   desktop`, each once."""
    return list(dict.fromkeys(text.replace(" ", "").split("|")))
