"""What an access rule's `see` costs, beside the encoding of the same answer.

Run with `python -m benchmarks.see`. For a list of 20,000 jobs: CPU time of this thread, the best of
five, for encoding all of it, and for leaving rows out and encoding the rest.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.farm import CannedFarm
from gateway.core.discovery.files import read_package
from gateway.core.long_work import STEP
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.object_rights.conditions import Condition, read_condition
from gateway.features.object_rights.visibility import Node, Sight, visibility_of, visible

JOBS = 20_000
ALL_SHOWS = ["demo", "harbor", "northwind"]
RULES: list[tuple[str, dict[str, object]]] = [
    ("show in $shows", {"shows": ALL_SHOWS}),
    ("show in $shows", {"shows": ALL_SHOWS[:1]}),
    ("user = $sub", {"sub": "nobody"}),
    ("job : '-'", {}),
]


def main() -> None:
    """Print a line for each rule."""
    schema = read_package("opencue_proto")
    catalog = build_catalog(schema, Selection(), load_profile("opencue"))
    get_jobs, answer = catalog.routes["/job.JobInterface/GetJobs"], CannedFarm(JOBS).jobs(JOBS)
    plain = best(lambda: consume(get_jobs.encode(answer)))
    print(f"{JOBS} jobs, {len(answer) / 1e6:.1f} MB: {plain * 1000:.0f} ms to encode")
    for text, claims in RULES:
        condition = read_condition(text)
        rows = visibility_of(get_jobs, condition).rows
        assert rows is not None
        leave_out = partial(cut, answer, rows, condition, claims)
        left = leave_out()
        took = best(lambda: consume(get_jobs.encode(leave_out())))  # noqa: B023 - called at once
        share = len(left) / len(answer)
        print(f"{text!r}: {share:.0%} left, {took * 1000:.0f} ms, {took / plain:.2f} times")


def cut(answer: bytes, rows: Node, condition: Condition, claims: dict[str, object]) -> bytes:
    found = consume(visible(memoryview(answer), rows, Sight(condition, claims)))
    assert found is not None
    return found


def consume(steps: Iterable[bytes]) -> bytes | None:
    """Do all the steps, and return what a generator returns."""
    STEP.begin()
    iterator = iter(steps)
    while True:
        try:
            next(iterator)
        except StopIteration as end:
            found: bytes | None = end.value
            return found
        STEP.begin()


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times)


if __name__ == "__main__":
    main()
