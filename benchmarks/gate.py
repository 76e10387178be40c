"""`make gate`: whether the codec, a whole request or a command has become slower, or a call longer.

Times depend on the machine and on what else it is doing. So it compares ratios: the codec with a
plain Python function over the same data, and a request with one to the floor (uvicorn and grpc.aio
alone). `figures.json` has the expected ratios of each processor; more than MARGIN times that fails.
On a processor without figures nothing does. The Python functions that a call passes are the same
number everywhere, and bounded (`benchmarks.functions`). `python -m benchmarks.gate --write` puts
the figures of this machine in the place of its earlier ones, there and in benchmarks/README.md.
"""

import argparse
import gc
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from benchmarks.bench import OTHER_CORES, prepared, ready, token_of
from benchmarks.client import load_with_client
from benchmarks.commands import LIMITS, commands_within_limits
from benchmarks.contenders import SUBJECT, Options, Running, floor, gateway
from benchmarks.farm import CannedFarm
from benchmarks.functions import LIMITS as FUNCTION_LIMITS
from benchmarks.functions import functions, over_limit, title
from benchmarks.load import Load
from benchmarks.measure import one_round
from benchmarks.process import on_cores
from benchmarks.scenarios import Scenario, build_scenarios
from benchmarks.surroundings import processor
from benchmarks.verify import verify, wait_until_listening
from gateway.core.calls.plan import plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog

FIGURES = Path(__file__).parent / "figures.json"
PUBLISHED = Path(__file__).parent / "README.md"
TABLE = re.compile(r"^\| Processor \|.*\n(?:\|.*\n)*", re.MULTILINE)
"""Of the figures, in it."""
MARGIN = 1.25
ATTEMPTS = 4
CODEC_ROUNDS = 25
REQUEST_ROUNDS = 20
REQUESTS = 500
"""In a round. It is over before the machine becomes faster or slower, as shared ones do."""
ECHOED = 20
"""Jobs in the body that is decoded."""

Work = Callable[[], object]
Cost = Callable[[], float]
Attempt = Callable[[], float]
"""Measures a ratio."""


def main() -> None:
    """Compare, and exit with status 1 if something is too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace this processor's figures")
    write = parser.parse_args().write
    farm, here = CannedFarm(1000), processor()
    with request_attempts(farm) as requests:
        attempts = codec_attempts(farm) | requests
        if write:
            publish(here, {name: typical(attempt) for name, attempt in attempts.items()})
            return
        known = published()
        figures = known.get(here, {})
        slow = slow_ones(attempts, figures)
    slow += slow_commands()
    if too_many := long_calls():
        sys.exit(f"gate: {', '.join(too_many)}; python -m benchmarks.functions shows which")
    if not figures:
        print(without_figures(here, known))
    elif slow:
        sys.exit(
            f"gate: {', '.join(slow)}: {ATTEMPTS} times above {MARGIN:g} times the figure in"
            f" {FIGURES.name}. If the change is worth that price, say so in the commit message and"
            " run: python -m benchmarks.gate --write"
        )


def slow_ones(attempts: Mapping[str, Attempt], figures: Mapping[str, float]) -> list[str]:
    """The names of what is too slow, by this processor's figures. Without one, it is shown."""
    return [name for name in attempts if not passes(name, attempts[name], figures.get(name))]


def without_figures(here: str, known: Iterable[str]) -> str:
    """What to do on a processor on which nothing fails."""
    return (
        f"gate: NOT CHECKED: {FIGURES.name} has no figures for {here}, only for"
        f" {', '.join(known)}. To add them, beside two busy loops on an otherwise quiet machine,"
        " run: python -m benchmarks.gate --write"
    )


def slow_commands() -> list[str]:
    """The commands of `cuectl` that take more CPU time than people should wait for."""
    slow = []
    with one_gateway() as (url, folder):
        for name, seconds in commands_within_limits(url, token_of(SUBJECT), folder):
            passed = seconds <= LIMITS[name] * MARGIN  # another machine may be slower
            verdict = "ok" if passed else "TOO SLOW"
            print(f"{f'cuectl {name}':<18} {seconds:.3f} s  (limit {LIMITS[name]:g} s)  {verdict}")
            slow += [] if passed else [f"cuectl {name}"]
    return slow


def long_calls() -> list[str]:
    """The calls that pass more Python functions than they may."""
    counted = functions(FUNCTION_LIMITS)
    for name, counts in counted.items():
        print(title(name, counts))
    return over_limit(counted)


def passes(name: str, attempt: Attempt, figure: float | None) -> bool:
    """Whether one of a few attempts is within the margin: other work comes and goes."""
    if figure is None:
        print(f"{name:<14} {attempt():6.2f}  (no figure)", flush=True)
        return True
    limit = figure * MARGIN
    for _ in range(ATTEMPTS):
        found = attempt()
        passed = found <= limit
        verdict = "ok" if passed else "TOO SLOW"
        print(f"{name:<14} {found:6.2f}  (figure {figure:.2f})  {verdict}", flush=True)
        if passed:
            return True
    return False


def typical(attempt: Attempt) -> float:
    """The median of a few attempts: the lowest would be luck, which is not to be expected again."""
    return statistics.median(attempt() for _ in range(ATTEMPTS))


def published() -> dict[str, dict[str, float]]:
    """The expected ratios by name, of each processor by the kernel's name for it."""
    found: dict[str, dict[str, float]] = orjson.loads(FIGURES.read_bytes())
    return found


def publish(here: str, ratios: Mapping[str, float]) -> None:
    """Write this processor's figures, and the README's table of all."""
    figures = published() | {here: {name: round(ratio, 2) for name, ratio in ratios.items()}}
    FIGURES.write_bytes(
        orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    for name, figure in figures[here].items():
        print(f"{name:<14} {figure:6.2f}")
    page = PUBLISHED.read_text(encoding="utf-8")
    PUBLISHED.write_text(TABLE.sub(lambda _: table_of(figures), page), encoding="utf-8")


def table_of(figures: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each processor."""
    names = list(dict.fromkeys(name for found in figures.values() for name in found))
    rows = [
        ["Processor", *(f"`{name}`" for name in names)],
        ["---"] * (len(names) + 1),
        *(
            [each, *(f"{found[name]:.2f}" if name in found else "" for name in names)]
            for each, found in figures.items()
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows).replace(" --- ", "---")


def codec_attempts(farm: CannedFarm) -> dict[str, Attempt]:
    """The codec's functions by name, as multiples of plain Python over the same data.

    The unit for 1000 jobs is 100 jobs: with more, it would measure the allocator.
    """
    catalog = build_catalog(read_package(OPENCUE_PACKAGE), Selection())
    encode = catalog.routes["/job.JobInterface/GetJobs"].encode
    reparent = catalog.routes["/job.GroupInterface/ReparentJobs"]
    hundred, thousand = farm.jobs(100), farm.jobs(1000)
    body = orjson.dumps({"jobs": {"jobs": farm.jobs_as_json(ECHOED)}})
    return {
        "encode": codec(lambda: b"".join(encode(hundred)), plain(farm, 100)),
        "encode-slices": codec(lambda: b"".join(encode(thousand)), plain(farm, 100)),
        "decode": codec(
            lambda: plan(reparent, body, UnknownFieldPolicy.NOTHING), plain(farm, ECHOED)
        ),
    }


def plain(farm: CannedFarm, count: int) -> Work:
    """The codec's unit: copy `count` jobs, with all values as text, and write them as JSON."""
    jobs = farm.jobs_as_json(count)

    def copy(value: Any) -> Any:
        if type(value) is dict:
            return {key: copy(item) for key, item in value.items()}
        return str(value)

    return lambda: orjson.dumps([copy(job) for job in jobs])


def codec(work: Work, unit: Work) -> Attempt:
    """The CPU time of the work, in units."""

    def attempt() -> float:
        gc.collect()
        gc.disable()  # when it runs depends on everything that ran before
        try:
            repeat = max(1, round(0.01 / seconds_of(unit, 3)))
            return ratio(
                lambda: seconds_of(work, repeat), lambda: seconds_of(unit, repeat), CODEC_ROUNDS
            )
        finally:
            gc.enable()

    return attempt


def ratio(cost: Cost, unit: Cost, rounds: int) -> float:
    """The median over rounds that take both in turn.

    On a shared machine, a core may be twice as fast in one second as in the next. Two rounds, one
    after the other, mostly meet the same; the cheapest of each may come from different seconds.
    """
    return statistics.median(cost() / unit() for _ in range(rounds))


def seconds_of(work: Work, repeat: int) -> float:
    """CPU time of one call, the mean of `repeat`."""
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat


@contextmanager
def one_gateway() -> Iterator[tuple[str, Path]]:
    """The URL of a gateway that answers GetShows, and a folder."""
    (shows,) = (each for each in build_scenarios(CannedFarm(10)) if each.name == "shows3")
    with prepared([shows], 1, 0) as bench, ready(bench, gateway, shows) as running:
        yield running.url, bench.place.folder


@contextmanager
def request_attempts(farm: CannedFarm) -> Iterator[dict[str, Attempt]]:
    """A request for 3 shows, and one that is never the same, as multiples of one to the floor."""
    scenarios = {each.name: each for each in build_scenarios(farm)}
    shows, varied = scenarios["shows3"], scenarios["varied"]
    with (
        prepared([shows, varied], 1, 0) as bench,
        ready(bench, gateway, shows) as ours,
        floor(bench.place, Options()) as least,
        on_cores(OTHER_CORES),
    ):
        wait_until_listening(least)
        for scenario in (shows, replace(varied, calls=varied.calls[:1])):
            verify(scenario, [ours], bench.token)

        def load(one: Running, scenario: Scenario, seconds: float) -> Load:
            return load_with_client(one.port, scenario, seconds, bench.token)

        def cost(of: Running, scenario: Scenario) -> Cost:
            parts = in_parts(scenario)
            return lambda: one_round(of, next(parts), load, 0).cpu_us

        unit = cost(least, shows)
        requests = {"request": cost(ours, shows), "varied": cost(ours, varied)}
        for warm_up in (unit, *requests.values()):
            warm_up()
        yield {name: partial(ratio, each, unit, REQUEST_ROUNDS) for name, each in requests.items()}


def in_parts(scenario: Scenario) -> Iterator[Scenario]:
    """The scenario in rounds of REQUESTS, each of which goes on where the one before ended.

    If each began with the first call, the gateway would remember the heads of `varied`.
    """
    calls = cycle(scenario.calls)
    while True:
        yield replace(scenario, calls=tuple(islice(calls, REQUESTS)), counted=REQUESTS)


if __name__ == "__main__":
    main()
