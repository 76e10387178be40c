"""Searches for jobs, frames, hosts and procs.

Every criterion narrows the search, and any of its values fits. A search that nothing fits gives an
empty list.
"""

import re
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Any

from cuebot_simulator.world.cores import java_int
from cuebot_simulator.world.frame_range import frame_number, numbers_of
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.messages import given
from cuebot_simulator.world.patterns import compile_like, compile_pattern
from cuebot_simulator.world.plans import GIGABYTE_KB
from cuebot_simulator.world.refusals import bad_query, check_texts, illegal_argument
from cuebot_simulator.world.state import Farm

JOB_FIELDS = {"id": "ids", "name": "jobs", "shot": "shots", "show": "shows", "user": "users"}
FRAME_FIELDS = {"id": "ids", "name": "frames", "layer_name": "layers"}
"""Fields and their criteria. The value of the field has to be among those of the criterion."""

MOST_NUMBERS = 1000
FROM_TO = re.compile("([0-9]+)-([0-9]+)")
FLOAT_FROM_TO = re.compile(r"([0-9.]+)-([0-9.]+)")
FLOAT = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
HOUR = 3600


def find_jobs(farm: Farm, criteria: Any) -> list[Any]:
    """The jobs that fit, by name. Finished ones only with `include_finished`.

    The case of names counts. In a `substr`, `_` is any character and `%` any number of them.
    """
    check_texts(criteria)
    jobs = candidates(farm, criteria)
    for field, criterion in JOB_FIELDS.items():
        if wanted := frozenset(given(criteria, criterion, ())):
            jobs = [job for job in jobs if getattr(job, field) in wanted]
    if patterns := [compile_like(text) for text in given(criteria, "substr", ())]:
        jobs = [job for job in jobs if matches(job.name, patterns)]
    if patterns := [compile_pattern(text) for text in given(criteria, "regex", ())]:
        jobs = [job for job in jobs if matches(job.name, patterns)]
    return sorted(jobs, key=lambda job: job.name)


def candidates(farm: Farm, criteria: Any) -> Collection[Any]:
    """A few jobs that include all that fit."""
    if given(criteria, "include_finished", False):
        ids = set(given(criteria, "ids", ()))
        return [farm.jobs[each] for each in ids & farm.jobs.keys()] if ids else farm.jobs.values()
    names = set(given(criteria, "jobs", ()))
    if names:
        return [farm.pending[name] for name in names & farm.pending.keys()]
    return farm.pending.values()


def find_frames(farm: Farm, frames: Iterable[Any], criteria: Any) -> list[Any]:
    """Those of the frames that fit, without `page_of`.

    Memory is the largest RSS in GB. Durations are in hours, and waiting frames have none. Raises
    Refusal for bad ranges.
    """
    found = list(frames)
    for field, criterion in FRAME_FIELDS.items():
        if wanted := frozenset(given(criteria, criterion, ())):
            found = [frame for frame in found if getattr(frame, field) in wanted]
    if states := frozenset(given(criteria, "states.frame_states", ())):
        found = [frame for frame in found if frame.state in states]
    if text := given(criteria, "frame_range", ""):
        numbers = numbers_in(text)
        found = [frame for frame in found if frame.number in numbers]
    if text := given(criteria, "memory_range", ""):
        low, high = bounds(text, GIGABYTE_KB)
        found = [frame for frame in found if low <= frame.max_rss <= high]
    if text := given(criteria, "duration_range", ""):
        low, high = map(java_int, bounds(text, HOUR))
        found = [
            frame
            for frame in found
            if state_of(frame) != "WAITING" and low <= duration(farm, frame) <= high
        ]
    if (since := given(criteria, "change_date", 0)) > 0:
        found = [frame for frame in found if changed_at(farm, frame) > since]
    check_texts(criteria)
    return found


def duration(farm: Farm, frame: Any) -> int:
    """Seconds of a frame's last try, or of the present one."""
    return (frame.stop_time or farm.now) - frame.start_time if frame.start_time else 0


def changed_at(farm: Farm, frame: Any) -> float:
    """When a frame last changed its state, or while it runs, when its host last reported."""
    launched = farm.job_of(frame).start_time
    reported = frame.llu_time if state_of(frame) == "RUNNING" else 0
    return float(max(farm.changed_at.get(frame.id, launched), reported))


def numbers_in(text: str) -> Container[int]:
    """The numbers of a frame range. Raises Refusal for a bad one, and for more than 1000 numbers.

    A plain `1-5000` may have any number.
    """
    try:
        if match := FROM_TO.fullmatch(text):
            return range(frame_number(match[1]), frame_number(match[2]) + 1)
        numbers = set(numbers_of(text))
    except ValueError as error:
        raise illegal_argument(str(error)) from None
    if len(numbers) > MOST_NUMBERS:
        raise bad_query("a criterion is missing")
    return numbers


def bounds(text: str, unit: int) -> tuple[float, float]:
    """`2-4`, or `2` for anything from there on, in that unit. Raises Refusal."""
    match = FLOAT_FROM_TO.fullmatch(text)
    try:
        if not match and not FLOAT.fullmatch(text):
            raise ValueError
        low, high = map(float, match.groups() if match else (text, "inf"))
    except ValueError:
        raise bad_query("a criterion is missing") from None
    return low * unit, high * unit


def page_of(frames: Sequence[Any], criteria: Any) -> Sequence[Any]:
    """The requested page, `limit` frames long: without a limit, no frames. Pages count from 1."""
    limit = max(given(criteria, "limit", 0), 0)
    page = max(given(criteria, "page", 1), 1)
    return frames[(page - 1) * limit : page * limit]


def find_hosts(farm: Farm, criteria: Any) -> list[Any]:
    check_texts(criteria)
    states, parts = set(given(criteria, "states.state", ())), given(criteria, "substr", ())
    locks = set(given(criteria, "lock_states.state", ()))
    patterns = [compile_pattern(text) for text in given(criteria, "regex", ())]
    return [
        host
        for host in farm.hosts.values()
        if fits(host.id, given(criteria, "ids", ()))
        and fits(host.name, given(criteria, "hosts", ()))
        and fits(host.alloc_name, given(criteria, "allocs", ()))
        and (not parts or any(part in host.name for part in parts))
        and matches(host.name, patterns)
        and (not states or host.state in states)
        and (not locks or host.lock_state in locks)
    ]


def find_procs(farm: Farm, criteria: Any) -> list[Any]:
    """The procs that fit, by host and time, within first_result and max_results."""
    procs = matching_procs(farm, criteria)
    procs.sort(key=lambda proc: (farm.host_with(proc).name, proc.dispatch_time))
    return results_of(procs, criteria)


def find_booked_procs(
    farm: Farm, criteria: Any, *, unless: Callable[[Any], bool] = lambda proc: False
) -> list[Any]:
    """As find_procs, without unbooked ones and those with `unless`; the oldest first."""
    procs = [
        proc for proc in matching_procs(farm, criteria) if not proc.unbooked and not unless(proc)
    ]
    procs.sort(key=lambda proc: proc.dispatch_time)
    return results_of(procs, criteria)


def matching_procs(farm: Farm, criteria: Any) -> list[Any]:
    check_texts(criteria)
    return [
        proc
        for proc in farm.procs.values()
        if fits(farm.host_with(proc).name, given(criteria, "hosts", ()))
        and fits(proc.job_name, given(criteria, "jobs", ()))
        and fits(farm.frames[farm.parent_of[proc.id]].layer_name, given(criteria, "layers", ()))
        and fits(proc.show_name, given(criteria, "shows", ()))
        and fits(farm.host_with(proc).alloc_name, given(criteria, "allocs", ()))
        and in_ranges(proc.reserved_memory, criteria, "memory")
        and in_ranges(farm.now - proc.dispatch_time, criteria, "duration")
    ]


def results_of(procs: Sequence[Any], criteria: Any) -> list[Any]:
    """Those within `first_result`, counted from 1, and `max_results`."""
    first = max(given(criteria, "first_result", 1), 1) - 1
    most = list(given(criteria, "max_results", ()))[:1]
    return list(procs[first : first + most[0]] if most and most[0] > 0 else procs[first:])


def in_ranges(value: int, criteria: Any, name: str) -> bool:
    """Whether a number is within the first of each of the criteria's ranges, ends included."""
    between = list(given(criteria, f"{name}_range", ()))[:1]
    above = list(given(criteria, f"{name}_greater_than", ()))[:1]
    below = list(given(criteria, f"{name}_less_than", ()))[:1]
    return (
        all(bound.min <= value <= bound.max for bound in between)
        and all(bound.value <= value for bound in above)
        and all(value <= bound.value for bound in below)
    )


def fits(value: str, wanted: Collection[str]) -> bool:
    return not wanted or value in wanted


def matches(value: str, patterns: Collection[Any]) -> bool:
    return not patterns or any(pattern.search(value) for pattern in patterns)
