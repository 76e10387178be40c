"""`python -m benchmarks.workers`: one worker, and one for each core, on cores that the load shares.

Beside throughput and waits, the share of the CPU that each worker had tells how evenly the kernel
has distributed the connections.
"""

import os
from dataclasses import replace

from benchmarks.bench import Bench, prepared
from benchmarks.contenders import Options, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import measure, started
from benchmarks.process import cpu_seconds_of
from benchmarks.scenarios import Scenario, build_scenarios, jobs_needed

SCENARIOS = ("empty", "shows3", "jobs100", "jobs1000")
ROUNDS = 5
SECONDS = 2.0


def main() -> None:
    """Print a line for each scenario and number of workers."""
    cores = os.cpu_count() or 1
    farm = CannedFarm(jobs_needed(SCENARIOS, needs_all=False))
    scenarios = [each for each in build_scenarios(farm) if each.name in SCENARIOS]
    with prepared(scenarios, ROUNDS, SECONDS) as bench:
        on_all = replace(bench, place=replace(bench.place, core=set(range(cores))))
        for scenario in scenarios:
            for workers in (1, cores):
                print(with_workers(on_all, scenario, workers), flush=True)


def with_workers(bench: Bench, scenario: Scenario, workers: int) -> str:
    """The medians of some rounds; a connection stays with its worker for a round."""
    options = Options(workers=workers)
    with started([gateway], bench.place, options, scenario, bench.token) as (running,):
        family = running.child.family()
        before = [cpu_seconds_of(pid) for pid in family]
        outcome = measure(
            [running], scenario, bench.loader, rounds=bench.rounds, seconds=bench.seconds
        )
        used = [cpu_seconds_of(pid) - old for pid, old in zip(family, before, strict=True)]
    (found,) = outcome.figures.values()
    of_workers = sorted(used)[-workers:]  # the others wait
    shares = ", ".join(f"{each / sum(used):.0%}" for each in of_workers)
    return (
        f"{scenario.title}, {scenario.connections} connections, WORKERS={workers}:"
        f" {found.requests_per_second:,.0f} a second,"
        f" p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms; CPU {shares}"
    )


if __name__ == "__main__":
    main()
