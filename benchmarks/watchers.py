"""Others' small calls, without and beside many event streams: `python -m benchmarks.watchers`.

Watchers of the same question get the same events; of each list, a tenth changes every few seconds.
Small calls are due at fixed times. What they wait is told as time, and as the processor time that
the gateway uses meanwhile, which does not depend on what else the machine is doing.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from ctypes import c_long
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from multiprocessing.sharedctypes import RawValue
from typing import Any

import orjson
import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared_before, ready, token_of
from benchmarks.contenders import Options, Running, gateway
from benchmarks.fairness import RATE, sample_both
from benchmarks.farm import CannedFarm
from benchmarks.load import percentile
from benchmarks.process import cpu_seconds_of
from benchmarks.scenarios import Call, Scenario, build_scenarios, get_jobs
from benchmarks.upstream import Answers, Canned, CannedServer, Ready, as_sent
from benchmarks.watching import Viewers, watching

LIGHT = "shows3"
WATCHERS, QUESTIONS, JOBS = 2000, 20, 1000
PRINCIPALS = 50
SECONDS, ROUNDS = 20.0, 3
SETTLED = 12.0
"""Seconds until all have their answers, and the gateway has given back the memory of the first."""
CHANGE_SECONDS = 5.0
CHANGED = 10
"""Every tenth job."""
FIELDS = "name,state,priority,jobStats.runningFrames,jobStats.waitingFrames"
MOST_TIMES, MOST_KB = 1.5, 20
"""The project's targets, for others' p99 and the memory of each watcher."""
PARTS = (0.5, 0.9, 0.99)


class ChangingServer(CannedServer):
    """Answers with one page after the other, a few seconds each."""

    def __init__(self, pages: Sequence[Answers], calls: "c_long") -> None:
        """`calls` are counted for all processes."""
        super().__init__({})
        self._pages = [as_sent(page) for page in pages]
        self._calls = calls

    def answer_to(self, message: bytes) -> Ready:
        page = self._pages[int(time.monotonic() / CHANGE_SECONDS) % len(self._pages)]
        self._calls.value += message != b""
        return page[message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What small calls wait, in ms: p50, p90 and p99."""

    time: tuple[float, ...]
    processor: tuple[float, ...]
    busy: float
    """The share of its core that the gateway has used."""
    calls: float
    """To Cuebot for watchers, per second."""

    def __str__(self) -> str:
        parts = ", ".join(f"p{part * 100:.0f} {{{n}:.2f}}" for n, part in enumerate(PARTS))
        return (
            f"{parts.format(*self.time)} ms; of processor time {parts.format(*self.processor)} ms;"
            f" the gateway {self.busy:.1%} busy, {self.calls:.1f} calls a second for watchers"
        )


def main() -> None:
    """Print a line for each round, and one for all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watchers", description=__doc__)
    parser.add_argument("--watchers", type=int, default=WATCHERS, help=f"({WATCHERS})")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"({QUESTIONS})")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"in each list ({JOBS})")
    parser.add_argument("--fields", default=FIELDS, help=f"of each job ({FIELDS})")
    parser.add_argument("--every", default="2s", help="the period (2s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"without and beside ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each ({SECONDS:g})")
    given = parser.parse_args()
    os.sched_setaffinity(0, OTHER_CORES)
    farm, calls = CannedFarm(given.jobs), RawValue(c_long, 0)
    small = next(each for each in build_scenarios(farm) if each.name == LIGHT)
    lists = [get_jobs(farm, number) for number in range(1, given.questions + 1)]
    answers = (farm.jobs(given.jobs), changed(farm, given.jobs))
    pages = [
        {each.message: Canned(answer) for each in lists}
        | {each.message: each.answer for each in small.calls}
        for answer in answers
    ]
    settings = {
        "SHARED_READS": "on",
        "MAX_CONNECTIONS": str(2 * given.watchers + 500),
        "MAX_CONNECTIONS_PER_ADDRESS": "0",
    }
    requests = [*islice(watched(lists, given.fields, given.every), given.watchers)]
    upstream = partial(ChangingServer, pages, calls)
    with (
        prepared_before(upstream, given.rounds, given.seconds) as bench,
        ready(bench, gateway, small, Options(settings=settings)) as running,
    ):
        for line in rounds(bench, running, small, requests, calls):
            print(line, flush=True)


def changed(farm: CannedFarm, count: int) -> bytes:
    """The list after some jobs have changed."""
    answer: Any = farm.messages.new("job.JobGetJobsResponse")
    answer.ParseFromString(farm.jobs(count))
    for job in answer.jobs.jobs[::CHANGED]:
        job.job_stats.running_frames += 1
    return bytes(answer.SerializeToString())


def watched(lists: Sequence[Call], fields: str, every: str) -> Iterator[bytes]:
    """The requests of one watcher after the other, by HTTP/1.0, without chunks in between."""
    tokens = cycle([token_of(f"viewer{number}") for number in range(PRINCIPALS)])
    for call, token in zip(cycle(lists), tokens, strict=False):
        shows = ",".join(orjson.loads(call.body)["r"]["shows"])
        lines = (
            f"GET {call.path}?r.shows={shows}&_fields={fields}&_every={every} HTTP/1.0",
            "Host: gateway",
            "Accept: text/event-stream",
            f"Authorization: Bearer {token}",
        )
        yield "\r\n".join([*lines, "", ""]).encode()


def rounds(
    bench: Bench, running: Running, small: Scenario, requests: Sequence[bytes], calls: "c_long"
) -> Iterator[str]:
    """Without watchers and beside them, in turn."""
    waits = partial(sampled, bench, running, small.calls[0], calls)
    waits()  # until it is warm
    found: list[tuple[Waits, Waits]] = []
    for number in range(bench.rounds):
        without = waits()
        yield f"without: {without}"
        before = running.child.resident_mb()
        with watching(running.port, requests, OTHER_CORES) as viewers:
            time.sleep(SETTLED)
            each = (running.child.resident_mb() - before) * 1024 / len(requests)
            beside = waits(viewers)
        yield f"beside {len(requests)} watchers: {beside}"
        if not number:
            yield f"memory: {each:.1f} KB for each watcher (target: {MOST_KB})"
        found.append((without, beside))
        time.sleep(SETTLED / 4)
    for name in ("time", "processor"):
        times = [getattr(late, name)[-1] / getattr(early, name)[-1] for early, late in found]
        yield (
            f"others' p99 in {name}: {statistics.median(times):.2f} times (target: {MOST_TIMES});"
            f" rounds: {', '.join(f'{each:.2f}' for each in times)}"
        )


def sampled(
    bench: Bench, running: Running, small: Call, calls: "c_long", viewers: Viewers | None = None
) -> Waits:
    pid, count = running.child.process.pid, int(bench.seconds * RATE)
    used, asked, began = cpu_seconds_of(pid), calls.value, time.perf_counter()
    events = 0 if viewers is None else viewers.events()
    clock = partial(cpu_seconds_of, pid)
    found = uvloop.run(sample_both(running.port, small, bench.token, count, clock))
    took = time.perf_counter() - began
    if viewers is not None and viewers.events() == events:
        raise RuntimeError("no watcher was told of any change")
    running.child.check()
    seconds, processor = zip(*found, strict=True)
    return Waits(
        time=tuple(percentile(seconds, part) * 1e3 for part in PARTS),
        processor=tuple(percentile(processor, part) * 1e3 for part in PARTS),
        busy=(cpu_seconds_of(pid) - used) / took,
        calls=(calls.value - asked) / took,
    )


if __name__ == "__main__":
    main()
