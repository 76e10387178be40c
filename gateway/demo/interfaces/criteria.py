"""Which jobs, frames, hosts and procs a search asks for.

Every filled criterion narrows the search, and any of its values fits. What nothing fits gives an
empty list, never an error.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from gateway.demo.farm.failures import illegal_argument, thrown
from gateway.demo.farm.messages import enum_name, given
from gateway.demo.farm.state import Farm

RANGE_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?")
LONGEST_RANGE = 100_000


def find_jobs(farm: Farm, criteria: Any) -> list[Any]:
    """The jobs that fit, by name. Finished ones only with `include_finished`."""
    finished = given(criteria, "include_finished", False)
    patterns = compiled(given(criteria, "regex", ()))
    jobs = [
        job
        for job in farm.jobs.values()
        if (finished or enum_name(job, "state") == "PENDING")
        and fits(job.id, given(criteria, "ids", ()))
        and fits(job.name, given(criteria, "jobs", ()))
        and fits(job.shot, given(criteria, "shots", ()))
        and fits(job.show, given(criteria, "shows", ()))
        and fits(job.user, given(criteria, "users", ()))
        and contains(job.name, given(criteria, "substr", ()))
        and matches(job.name, patterns)
    ]
    return sorted(jobs, key=lambda job: job.name)


def find_frames(frames: Iterable[Any], criteria: Any) -> list[Any]:
    """Those of the frames that fit, all of them. A `limit` is for `page_of`."""
    states = set(given(criteria, "states.frame_states", ()))
    text = given(criteria, "frame_range", "")
    numbers = frame_numbers(text) if text else None
    return [
        frame
        for frame in frames
        if fits(frame.id, given(criteria, "ids", ()))
        and fits(frame.name, given(criteria, "frames", ()))
        and fits(frame.layer_name, given(criteria, "layers", ()))
        and (not states or frame.state in states)
        and (numbers is None or frame.number in numbers)
    ]


def page_of(frames: Sequence[Any], criteria: Any) -> Sequence[Any]:
    """The page that the criteria ask for, `limit` frames long: without a limit, no frames.

    Pages count from 1, and the first is the one without a number.
    """
    limit = max(given(criteria, "limit", 0), 0)
    page = max(given(criteria, "page", 1), 1)
    return frames[(page - 1) * limit : page * limit]


def find_hosts(farm: Farm, criteria: Any) -> list[Any]:
    """The hosts that fit."""
    states = set(given(criteria, "states.state", ()))
    locks = set(given(criteria, "lock_states.state", ()))
    patterns = compiled(given(criteria, "regex", ()))
    return [
        host
        for host in farm.hosts.values()
        if fits(host.id, given(criteria, "ids", ()))
        and fits(host.name, given(criteria, "hosts", ()))
        and fits(host.alloc_name, given(criteria, "allocs", ()))
        and contains(host.name, given(criteria, "substr", ()))
        and matches(host.name, patterns)
        and (not states or host.state in states)
        and (not locks or host.lock_state in locks)
    ]


def find_procs(farm: Farm, criteria: Any) -> list[Any]:
    """The procs that fit, by host and time; of them, what first_result and max_results leave."""
    procs = [
        proc
        for proc in farm.procs.values()
        if fits(farm.hosts[farm.host_of[proc.id]].name, given(criteria, "hosts", ()))
        and fits(proc.job_name, given(criteria, "jobs", ()))
        and fits(farm.frames[farm.parent_of[proc.id]].layer_name, given(criteria, "layers", ()))
        and fits(proc.show_name, given(criteria, "shows", ()))
        and fits(farm.hosts[farm.host_of[proc.id]].alloc_name, given(criteria, "allocs", ()))
        and in_ranges(proc.reserved_memory, criteria, "memory")
        and in_ranges(farm.now - proc.dispatch_time, criteria, "duration")
    ]
    procs.sort(key=lambda proc: (proc.name, proc.dispatch_time))
    first = max(given(criteria, "first_result", 1), 1) - 1
    most = list(given(criteria, "max_results", ()))[:1]
    return procs[first : first + most[0]] if most and most[0] > 0 else procs[first:]


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


def contains(value: str, parts: Collection[str]) -> bool:
    return not parts or any(part in value for part in parts)


def matches(value: str, patterns: Collection[re.Pattern[str]]) -> bool:
    return not patterns or any(pattern.search(value) for pattern in patterns)


def compiled(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """Regular expressions. Raises Refusal for a broken one, as the database does."""
    try:
        return [re.compile(pattern) for pattern in patterns]
    except re.error as error:
        raise thrown(
            "org.springframework.dao.DataIntegrityViolationException",
            f"invalid regular expression: {error}",
        ) from None


def frame_numbers(text: str) -> set[int]:
    """The numbers of a frame range: `7`, `1-10`, `1-10x3`, or several with commas.

    Raises Refusal for anything else.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        match = RANGE_PART.fullmatch(part.strip())
        if match is None:
            raise illegal_argument(f"not a frame range: {text[:80]}")
        first = int(match[1])
        last = int(match[2] or first)
        if last - first > LONGEST_RANGE:
            raise illegal_argument(f"too long a frame range: {text[:80]}")
        numbers.update(range(first, last + 1, max(int(match[3] or 1), 1)))
    return numbers
