"""`make bench`; for a part of it, `python -m benchmarks.run --only jobs100 --seconds 3`."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from benchmarks.bench import OTHER_CORES, Bench, prepared, say
from benchmarks.contenders import Options, envoy, find_envoy, gateway
from benchmarks.fairness import waits
from benchmarks.farm import CannedFarm
from benchmarks.measure import Outcome, started
from benchmarks.protocols import ASKED, Spending, spendings
from benchmarks.report import Fairness, Results, to_markdown
from benchmarks.scenarios import Scenario, build_scenarios, jobs_needed
from benchmarks.shared import VIEWED, Viewing, viewings
from benchmarks.surroundings import surroundings
from benchmarks.wrk import find_wrk

RESULTS = Path(__file__).parent / "results"
PARTS = ("quiet", "logged", "paced", "scale", "fairness", "shared", "protocols")
SCALED = "shows3"
SCALE_CONNECTIONS = (1, 16, 64, 256)
TWO_WORKERS = 64
"""Connections for the scenario with a second worker."""
PACED_CONNECTIONS = 64
PACED = 0.8
"""The share of Envoy's throughput at which waits are compared."""
FLOOR_SHOWN = ("empty", "shows3", "job1")
"""Scenarios with next to no JSON, where the floor is most of the cost."""


def main() -> None:
    """Run what was asked for."""
    arguments = parse_arguments()
    if (cores := os.cpu_count() or 1) < 2:
        sys.exit(f"benchmarks: two cores are needed, one for the gateway alone; here are {cores}")
    notes = list(shortcomings())
    for note in notes:
        say(f"note: {note}")
    os.sched_setaffinity(0, OTHER_CORES)  # ours and that of wrk; contenders have theirs
    results = run(arguments, notes)
    report = to_markdown(results)
    print(f"\n{report}")
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        (RESULTS / "results.json").write_bytes(orjson.dumps(results, option=options))
        (RESULTS / "results.md").write_text(report, encoding="utf-8")
        say(f"saved in {RESULTS}; draw them with: python -m benchmarks.plot")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="SCENARIO", help="scenarios, by name")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round (2)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (5)")
    parser.add_argument("--save", action="store_true", help="replace what is in results/")
    arguments = parser.parse_args()
    if arguments.only and arguments.parts == list(PARTS):
        arguments.parts = ["quiet"]
    return arguments


def shortcomings() -> Iterator[str]:
    """What is missing on this machine, and how that affects the results."""
    if find_envoy() is None:
        yield "Envoy is not installed (the dependency group `bench` has it): no ratios"
    if find_wrk() is None:
        yield (
            "wrk is not installed (Debian: apt-get install wrk): a client in Python makes the load,"
            " which costs more and may leave Envoy waiting"
        )


def run(arguments: argparse.Namespace, notes: list[str]) -> Results:
    """Measure, part by part."""
    only = arguments.only
    needs_all = not {"fairness", "protocols"}.isdisjoint(arguments.parts)
    farm = CannedFarm(jobs_needed(only or (), needs_all=needs_all))
    scenarios = {each.name: each for each in build_scenarios(farm)}
    if unknown := set(only or ()) - scenarios.keys():
        sys.exit(f"benchmarks: no scenario {', '.join(unknown)}; there are {', '.join(scenarios)}")
    chosen = [each for each in scenarios.values() if not only or each.name in only]
    parts = arguments.parts
    with prepared(list(scenarios.values()), arguments.rounds, arguments.seconds) as bench:
        quiet, logged, paced, scale, fairness = [], [], [], [], None
        if "quiet" in parts:
            say("without access log")
            quiet = [
                bench.run(each, Options(), with_floor=each.name in FLOOR_SHOWN) for each in chosen
            ]
        if "logged" in parts:
            say("with access log")
            logged = [
                bench.run(with_target(each, each.logged_target), Options(access_log=True))
                for each in chosen
            ]
        if "paced" in parts and bench.envoy:
            say(f"at {PACED:.0%} of Envoy's throughput")
            paced = [run_paced(bench, scenarios[SCALED])]
        if "scale" in parts:
            say("scale")
            scale = list(run_scale(bench, scenarios[SCALED]))
        if "fairness" in parts:
            say("fairness")
            fairness = run_fairness(bench, scenarios)
        shared = list(run_shared(bench, scenarios)) if "shared" in parts else []
        protocols = list(run_protocols(bench, scenarios)) if "protocols" in parts else []
    return Results(
        surroundings=surroundings(find_wrk()),
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        quiet=quiet,
        logged=logged,
        paced=paced,
        scale=scale,
        fairness=fairness,
        shared=shared,
        protocols=protocols,
        notes=notes,
    )


def run_shared(bench: Bench, scenarios: Mapping[str, Scenario]) -> Iterator[Viewing]:
    say("shared reads")
    for found in viewings(bench, scenarios[VIEWED]):
        say(f"  {found}")
        yield found


def run_protocols(bench: Bench, scenarios: Mapping[str, Scenario]) -> Iterator[Spending]:
    say("protocols")
    for name in ASKED:
        for found in spendings(bench, scenarios[name]):
            say(f"  {found}")
            yield found


def with_target(scenario: Scenario, target: float | None) -> Scenario:
    """The scenario with another target, or with none."""
    return dataclasses.replace(scenario, target=target)


def run_paced(bench: Bench, scenario: Scenario) -> Outcome:
    """The waits when clients pause, so that they send less than Envoy can serve."""
    busy = dataclasses.replace(with_target(scenario, None), connections=PACED_CONNECTIONS)
    most = bench.run(busy, Options()).figures["envoy"]
    apart = PACED_CONNECTIONS / (PACED * most.requests_per_second) * 1000
    title = f"{scenario.title}, at {PACED:.0%} of Envoy's throughput"
    return bench.run(
        dataclasses.replace(busy, title=title, pause_ms=max(1, round(2 * apart))), Options()
    )


def run_scale(bench: Bench, scenario: Scenario) -> Iterator[Outcome]:
    """One scenario with few and many connections, and with two workers."""
    plain = with_target(scenario, None)
    for connections in SCALE_CONNECTIONS:
        yield bench.run(dataclasses.replace(plain, connections=connections), Options())
    two = dataclasses.replace(
        plain, connections=TWO_WORKERS, title=f"{plain.title}, 2 workers on the one core"
    )
    yield bench.run(two, Options(workers=2))


def run_fairness(bench: Bench, scenarios: dict[str, Scenario]) -> Fairness:
    """The waits next to a large answer. Each contender runs alone, as in production."""
    small, large = scenarios["shows3"].calls[0], scenarios["jobs20000"].calls[0]
    found = {}
    for start in [gateway, envoy] if bench.envoy else [gateway]:
        with started([start], bench.place, Options(), scenarios["shows3"], bench.token) as running:
            (one,) = running
            found[one.name] = waits(one, small, large, bench.token, 5 * bench.seconds)
        say(f"  {one.name}: p99 {found[one.name].p99_ms:.1f} ms")
    return Fairness(waits=found)


if __name__ == "__main__":
    main()
