"""One scenario: contenders side by side on one core, loaded in turn, round by round."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.contenders import Contender, Options, Place, Running
from benchmarks.load import Load
from benchmarks.scenarios import Scenario
from benchmarks.verify import (
    WrongAnswer,
    verify,
    wait_until_answering,
    wait_until_listening,
)

Loader = Callable[[Running, Scenario, float], Load]
"""Loads a contender for a number of seconds."""
WARM_UP = 1.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round cost the contender."""

    load: Load
    cpu_us: float
    """Processor time per request."""
    busy: float
    """The share of the time in which the contender used its core, or waited for it."""
    crowded: float
    """The share of the time in which it waited because other processes had its core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A contender in a scenario: the cheapest round's CPU, and medians of the rest."""

    cpu_us: float
    """Other work on the machine can only add to it: colder caches, less to do per wake-up."""
    cpu_us_rounds: tuple[float, ...]
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    busy: float
    crowded: float
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All contenders in one scenario."""

    scenario: str
    title: str
    connections: int
    target: float | None
    figures: dict[str, Figures]
    ratio: float | None
    """CPU per request, gateway to Envoy."""


@contextmanager
def started(
    contenders: Sequence[Contender],
    place: Place,
    options: Options,
    scenario: Scenario,
    token: str,
) -> Iterator[list[Running]]:
    """The contenders, ready, and verified to give the right answers in this scenario."""
    with ExitStack() as stack:
        running = [stack.enter_context(start(place, options)) for start in contenders]
        gateways = [each for each in running if each.name != "floor"]
        for each in running:
            wait_until_listening(each)
        for each in gateways:
            wait_until_answering(each, scenario.calls[0], token)
        verify(scenario, gateways, token)
        for each in running:
            each.child.reset_peak()
        yield running


def measure(
    running: Sequence[Running], scenario: Scenario, loader: Loader, *, rounds: int, seconds: float
) -> Outcome:
    """Load the contenders in turn, `rounds` times. Raises WrongAnswer for wrong statuses."""
    for each in running:
        loader(each, scenario, min(WARM_UP, seconds))
    found: dict[str, list[Round]] = {each.name: [] for each in running}
    for _ in range(rounds):
        for each in running:
            found[each.name].append(one_round(each, scenario, loader, seconds))
    costs = {each.name: figures(found[each.name], each) for each in running}
    return Outcome(
        scenario=scenario.name,
        title=scenario.title,
        connections=scenario.connections,
        target=scenario.target,
        figures=costs,
        ratio=ratio(costs),
    )


def one_round(contender: Running, scenario: Scenario, loader: Loader, seconds: float) -> Round:
    child = contender.child
    cpu, waited, wall = child.cpu_seconds(), child.waited_seconds(), time.perf_counter()
    load = loader(contender, scenario, seconds)
    cpu, waited = child.cpu_seconds() - cpu, child.waited_seconds() - waited
    wall = time.perf_counter() - wall
    child.check()
    if load.wrong:
        raise WrongAnswer(
            f"{contender.name}: {load.wrong} of {load.requests} requests of {scenario.name}"
            f" failed or had an unexpected status"
        )
    return Round(
        load=load,
        cpu_us=cpu / load.requests * 1e6,
        busy=min((cpu + waited) / wall, 1.0),
        crowded=waited / wall,
    )


def figures(rounds: Sequence[Round], contender: Running) -> Figures:
    def middle(of: Callable[[Round], float]) -> float:
        return statistics.median(map(of, rounds))

    return Figures(
        cpu_us=min(one.cpu_us for one in rounds),
        cpu_us_rounds=tuple(one.cpu_us for one in rounds),
        requests_per_second=middle(lambda one: one.load.requests / one.load.seconds),
        p50_ms=middle(lambda one: one.load.p50_ms),
        p99_ms=middle(lambda one: one.load.p99_ms),
        busy=middle(lambda one: one.busy),
        crowded=middle(lambda one: one.crowded),
        peak_mb=contender.child.peak_mb(),
    )


def ratio(costs: Mapping[str, Figures]) -> float | None:
    """The gateway's CPU as a multiple of Envoy's; None if one of them is missing."""
    if not {"gateway", "envoy"} <= costs.keys():
        return None
    return costs["gateway"].cpu_us / costs["envoy"].cpu_us
