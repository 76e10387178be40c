"""`python -m benchmarks.sizing`: the memory of a gateway, of its clients and of its workers."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared, ready, token_of
from benchmarks.client import connect, wire
from benchmarks.contenders import Options, Running, gateway
from benchmarks.farm import CannedFarm
from benchmarks.process import status_kb_of
from benchmarks.scenarios import MANY, Scenario, build_scenarios

CLIENTS = 1000
"""How many come at a time; each has a connection and a subject of its own."""
TIMES = 4
TOGETHER = 50
"""How many of them connect at once."""
WORKERS = (1, 2, 4)
SETTLED = 1.0
"""Seconds until a gateway has compiled what it compiles after its start."""


def main() -> None:
    """Print a line for each figure."""
    os.sched_setaffinity(0, OTHER_CORES)
    scenario = next(each for each in build_scenarios(CannedFarm(MANY)) if each.name == "shows3")
    with prepared([scenario], 1, 1.0) as bench:
        with ready(bench, gateway, scenario) as running:
            for line in uvloop.run(with_clients(running, scenario)):
                print(line, flush=True)
        for workers in WORKERS:
            print(with_workers(bench, scenario, workers), flush=True)


async def with_clients(running: Running, scenario: Scenario) -> list[str]:
    """The resident set while more and more clients have been answered once and stay."""
    await asyncio.sleep(SETTLED)
    lines = [f"at rest: {running.child.resident_mb():.1f} MB"]
    connections = []
    for number in range(1, TIMES + 1):
        for batch in range(CLIENTS // TOGETHER):
            new = await asyncio.gather(*(connect(running.port) for _ in range(TOGETHER)))
            connections += new
            subjects = (f"artist-{number}-{batch}-{each}" for each in range(TOGETHER))
            requests = [wire(scenario.calls[0], token_of(subject)) for subject in subjects]
            asked = (each.ask(request) for each, request in zip(new, requests, strict=True))
            assert set(await asyncio.gather(*asked)) == {200}
        lines.append(f"{number * CLIENTS} clients: {running.child.resident_mb():.1f} MB")
    for each in connections:
        each.close()
    await asyncio.sleep(SETTLED)
    return [*lines, f"after they have gone: {running.child.resident_mb():.1f} MB"]


def with_workers(bench: Bench, scenario: Scenario, workers: int) -> str:
    """What each process has, and all of them together when what they share counts once."""
    with ready(bench, gateway, scenario, Options(workers=workers)) as running:
        asyncio.run(asyncio.sleep(SETTLED * workers))  # they start on one core
        resident = [status_kb_of(pid, "VmRSS:") / 1024 for pid in running.child.family()]
        shares = sum(proportional_kb_of(running)) / 1024
    each = ", ".join(f"{size:.0f}" for size in resident)
    return f"WORKERS={workers}: {shares:.0f} MB together (PSS); processes of {each} MB (RSS)"


def proportional_kb_of(running: Running) -> Iterator[int]:
    """Of each process, its memory, with a part of what it shares with others."""
    for pid in running.child.family():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                yield int(line.split()[1])


if __name__ == "__main__":
    main()
