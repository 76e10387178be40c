"""Others' small calls, without and beside clients that read a log: `python -m benchmarks.logs`.

The log is a sparse file whose end has lines, and grows. Each kind of reading has its own rounds, in
turn with some without. Small calls are due at fixed times, and of another client. What they wait is
told as time, and as the processor time that the gateway uses meanwhile.
"""

import argparse
import os
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared_before, ready, token_of
from benchmarks.contenders import Options, Running, gateway
from benchmarks.fairness import RATE, pulling, sample_both
from benchmarks.farm import CannedFarm
from benchmarks.load import percentile
from benchmarks.process import cpu_seconds_of
from benchmarks.scenarios import Call, build_scenarios
from benchmarks.upstream import Canned, CannedServer

LIGHT = "shows3"
GIGABYTES, CLIENTS = 20, 4
SECONDS, ROUNDS = 2.0, 2
LINES = 10_000
"""At the end of the log."""
LINE = b"00:01:02   3456 MB |  12 % done\n"
LINES_A_SECOND = 10
PARTS = (0.5, 0.99)
NICE = 10
"""The clients whose waits are measured come first on the core that all of them share."""


class Kind(NamedTuple):
    """A way of reading a log."""

    title: str
    query: str = ""
    header: str = ""

    def request(self, path: str, number: int) -> bytes:
        """That of one client, by HTTP/1.1."""
        lines = [f"GET {path}{self.query} HTTP/1.1", "Host: gateway"]
        lines += [f"Authorization: Bearer {token_of(f'reader{number}')}", self.header]
        return "\r\n".join([*filter(None, lines), "", ""]).encode()


END = Kind("bytes=-65536", header="Range: bytes=-65536")
LAST = Kind("?lines=200", "?lines=200")
FOLLOWED = Kind("?follow", "?follow", "Accept: text/event-stream")
WHOLE = Kind("the whole log")
KINDS = (END, LAST, FOLLOWED, WHOLE)


class Waits(NamedTuple):
    """What small calls wait, in ms: p50 and p99."""

    time: tuple[float, ...]
    processor: tuple[float, ...]

    def __str__(self) -> str:
        (p50, p99), (of_p50, of_p99) = self
        return f"p50 {p50:.2f}, p99 {p99:.2f} ms; of processor time {of_p50:.2f}, {of_p99:.2f} ms"


def main() -> None:
    """Print a line for each round, and one for each kind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description=__doc__)
    parser.add_argument("--gb", type=int, default=GIGABYTES, help=f"of the log ({GIGABYTES})")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"that read it ({CLIENTS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each kind ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each ({SECONDS:g})")
    given = parser.parse_args()
    os.sched_setaffinity(0, OTHER_CORES)
    farm = CannedFarm(1)
    path, name, found = farm.log("/shots")
    small = next(each for each in build_scenarios(farm) if each.name == LIGHT)
    answers = {message: Canned(answer) for message, answer in found.items()}
    answers |= {each.message: each.answer for each in small.calls}
    upstream = partial(CannedServer, answers)
    with prepared_before(upstream, given.rounds, given.seconds) as bench:
        log = bench.place.folder / name
        with log.open("wb") as file:
            file.truncate(given.gb * 2**30)
            file.seek(0, os.SEEK_END)
            file.write(b"\n" + LINE * LINES)
        options = Options(settings={"LOG_ROOTS": f"/shots={bench.place.folder}"})
        with ready(bench, gateway, small, options) as running, growing(log):
            waits = partial(sampled, bench, running, small.calls[0])
            waits()  # until it is warm
            for kind in KINDS:
                requests = [kind.request(path, number) for number in range(given.clients)]
                reading = partial(pulling, running.port, requests, NICE)
                for line in rounds(kind, given.rounds, waits, reading):
                    print(line, flush=True)


@contextmanager
def growing(log: Path) -> Iterator[None]:
    """A line is written now and then."""
    is_over = threading.Event()

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            while not is_over.wait(1 / LINES_A_SECOND):
                file.write(LINE)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def rounds(
    kind: Kind,
    count: int,
    waits: Callable[[], Waits],
    reading: Callable[[], AbstractContextManager[None]],
) -> Iterator[str]:
    """Without clients that read the log, and beside them, in turn."""
    found: list[tuple[Waits, Waits]] = []
    for _ in range(count):
        without = waits()
        with reading():
            beside = waits()
        yield f"{kind.title}: without: {without}"
        yield f"{kind.title}: beside: {beside}"
        found.append((without, beside))
    for name in Waits._fields:
        told = []
        for place, part in enumerate(PARTS):
            times = [
                getattr(late, name)[place] / getattr(early, name)[place] for early, late in found
            ]
            told.append(f"p{part * 100:.0f} {statistics.median(times):.2f} times")
        yield f"{kind.title}: others' waits in {name}: {', '.join(told)}"


def sampled(bench: Bench, running: Running, small: Call) -> Waits:
    clock = partial(cpu_seconds_of, running.child.process.pid)
    count = int(bench.seconds * RATE)
    found = uvloop.run(sample_both(running.port, small, bench.token, count, clock))
    running.child.check()
    seconds, processor = zip(*found, strict=True)
    return Waits(
        time=tuple(percentile(seconds, part) * 1e3 for part in PARTS),
        processor=tuple(percentile(processor, part) * 1e3 for part in PARTS),
    )


if __name__ == "__main__":
    main()
