"""What filters do to jobs."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from cuebot_simulator.world.cores import hundredths
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.filters import actions_of, filters_of, matchers_of
from cuebot_simulator.world.jobs import move_job
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.patterns import compile_pattern
from cuebot_simulator.world.plans import LEAST_MEMORY
from cuebot_simulator.world.state import Farm

FROM_GROUP = ("priority", "min_cores", "max_cores")
"""What a job gets from the group that an action moves it to, unless an action has set it before."""
LAYERS = re.compile(r"SET_ALL_(RENDER|UTIL|PRE)_LAYER_(TAGS|MEMORY|MIN_CORES|MAX_CORES)")
"""The actions that set something in all layers of a kind."""


def run_filters(farm: Farm, job: Any) -> None:
    """Do to a job what its show's filters say that are on, in order, up to one that stops.

    An action that cannot be done ends the run: Cuebot only logs that.
    """
    already_set: set[str] = set()
    try:
        for job_filter in filters_of(farm, farm.show_of(farm.group_of(job))):
            wanted = job_filter.enabled and matches(farm, job_filter, job)
            if wanted and act(farm, job_filter, job, already_set):
                return
    except Refusal:
        return


def run_filter(farm: Farm, job_filter: Any, job: Any) -> None:
    """Do to a job what one filter says, whether it is on or not. Raises Refusal."""
    if matches(farm, job_filter, job):
        act(farm, job_filter, job, set())


def matches(farm: Farm, job_filter: Any, job: Any) -> bool:
    """Whether a filter is for this job. One without matchers is for none."""
    found = [matcher_fits(farm, matcher, job) for matcher in matchers_of(farm, job_filter)]
    wanted = all if enum_name(job_filter, "type") == "MATCH_ALL" else any
    return bool(found) and wanted(found)


def matcher_fits(farm: Farm, matcher: Any, job: Any) -> bool:
    """Whether a job is as a matcher wants it.

    Of several layers or services, one has to fit; for the negative types, none may.
    """
    texts_of = SUBJECTS.get(enum_name(matcher, "subject"), nothing)
    kind = enum_name(matcher, "type")
    test = TESTS.get(NEGATIVE.get(kind, kind), never)
    found = any(test(text, matcher.input) for text in texts_of(farm, job))
    return found != (kind in NEGATIVE)


def fits_pattern(text: str, pattern: str) -> bool:
    """Whether a regular expression fits somewhere in a text. A broken one never does."""
    try:
        return compile_pattern(pattern).search(text) is not None
    except Refusal:
        return False


def never(text: str, wanted: str) -> bool:
    """What a type of match does that has no name."""
    return False


def nothing(farm: Farm, job: Any) -> list[str]:
    """What a subject that has no name is in a job."""
    return [""]


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
"""The texts of a job that a matcher looks at. A matcher's own text is taken as it is written."""
TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "CONTAINS": lambda text, wanted: wanted in text,
    "IS": lambda text, wanted: wanted == text,
    "REGEX": fits_pattern,
    "BEGINS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
}
NEGATIVE: Mapping[str, str] = {"DOES_NOT_CONTAIN": "CONTAINS", "IS_NOT": "IS"}


def act(farm: Farm, job_filter: Any, job: Any, already_set: set[str]) -> bool:
    """Do a filter's actions to a job. Whether no filter may follow.

    `already_set` are the fields of the job that actions have set. Those of this one are added.
    """
    for action in actions_of(farm, job_filter):
        kind = enum_name(action, "type")
        if kind == "STOP_PROCESSING":
            return True
        if kind == "MOVE_JOB_TO_GROUP":
            move(farm, action, job, already_set)
        elif kind in JOB_VALUES:
            values = JOB_VALUES[kind](action)
            already_set.update(values)
            fill(job, **values)
        else:
            change_layers(farm, action, job)
    return False


def move(farm: Farm, action: Any, job: Any, already_set: set[str]) -> None:
    """Move a job to the action's group, if it has one."""
    if action.group_value:
        inherited = [name for name in FROM_GROUP if name not in already_set]
        move_job(farm, job, farm.groups[action.group_value], inherited=inherited)


def change_layers(farm: Farm, action: Any, job: Any) -> None:
    """Set what an action says in those layers that it is for; nothing, if it is for none."""
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
    "MEMORY": lambda action: {"min_memory": max(action.integer_value, LEAST_MEMORY)},
    "MIN_CORES": lambda action: {"min_cores": hundredths(action.float_value)},
    "MAX_CORES": lambda action: {"max_cores": hundredths(action.float_value)},
}


def tags_in(text: str) -> list[str]:
    """The tags in a text such as `general | desktop`, each once."""
    return list(dict.fromkeys(text.replace(" ", "").split("|")))
