"""`python -m benchmarks.survival`: what is left of a gateway under more than it can take."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.client import load_with_client, wire
from benchmarks.contenders import Contender, Options, Running, envoy, find_envoy, gateway
from benchmarks.farm import CannedFarm
from benchmarks.load import Load
from benchmarks.measure import one_round
from benchmarks.overload import flood, well_again
from benchmarks.run import OTHER_CORES, Bench, prepared
from benchmarks.scenarios import MANY, Scenario, build_scenarios
from benchmarks.verify import wait_until_answering, wait_until_listening

HEAVY, LIGHT = "jobs1000", "shows3"
TIMES = (2, 5, 10)
SECONDS = 5.0
AFTER = 4.0
"""Seconds of light load after each flood."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survival", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of load ({SECONDS:g})")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, OTHER_CORES)
    scenarios = {each.name: each for each in build_scenarios(CannedFarm(MANY))}
    with prepared(list(scenarios.values()), 1, arguments.seconds) as bench:
        for contender in (gateway, *((envoy,) if find_envoy() else ())):
            report_overload(bench, contender, scenarios, arguments.seconds)


def report_overload(
    bench: Bench, contender: Contender, scenarios: dict[str, Scenario], seconds: float
) -> None:
    """Goodput at several times the load that can be served, in parts of its peak."""
    heavy, light = replace(scenarios[HEAVY], counted=None), scenarios[LIGHT]
    heavy_wire, light_wire = (wire(each.calls[0], bench.token) for each in (heavy, light))
    with ready(bench, contender, heavy) as running:

        def load(_: Running, __: Scenario, seconds: float) -> Load:
            return load_with_client(running.port, heavy, seconds, bench.token)

        peak = one_round(running, heavy, load, seconds)
        per_second = peak.load.requests / peak.load.seconds
        print(f"{running.name}: at its peak {per_second:.0f} answers of 1000 jobs per second")
        for times in TIMES:
            cpu = running.child.cpu_seconds()
            found = flood(running.port, heavy_wire, per_second * times, seconds)
            cpu = running.child.cpu_seconds() - cpu
            well = well_again(running.port, light_wire, AFTER)
            each = cpu / max(found.statuses[200], 1) * 1e6
            print(
                f"  {times} times that: goodput {found.goodput / per_second:.2f} of the peak,"
                f" {each / peak.cpu_us:.2f} of its CPU for each answer, p99 {found.p99_ms:.0f} ms,"
                f" {dict(found.statuses)}; well after {well:.1f} s",
                flush=True,
            )


@contextmanager
def ready(bench: Bench, contender: Contender, scenario: Scenario) -> Iterator[Running]:
    """A contender that answers."""
    with contender(bench.place, Options()) as running:
        wait_until_listening(running)
        wait_until_answering(running, scenario.calls[0], bench.token)
        yield running


if __name__ == "__main__":
    main()
