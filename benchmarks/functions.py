"""How many Python functions a call passes: the same number on every machine with one Python.

Run with `python -m benchmarks.functions`. A gateway with tokens, limits, access rules and metrics,
and without an access log, runs under cProfile, and is called over one connection. cProfile counts
each function of Python, and a coroutine each time that it goes on. The table has those of a call,
by module: the difference between a gateway that has answered some requests, and one that has
answered ROUND more, so what a start and a first call take is not in it. A call passes a function
a whole number of times: each is rounded, which leaves out the timers that go off meanwhile, more
of them on a slower machine. A call is refused (503) while another one, which Cuebot does not
answer, has the only place in flight.
"""

import argparse
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench, prepared_before, token_of
from benchmarks.client import load_with_client, wire
from benchmarks.contenders import SUBJECT, Options, Running, environment, free_port
from benchmarks.farm import CannedFarm
from benchmarks.process import running
from benchmarks.scenarios import Scenario, build_scenarios, find_job
from benchmarks.upstream import EMPTY, Answers, CannedServer
from benchmarks.verify import verify, wait_until_answering, wait_until_listening

LIMITS = {"empty": 100, "shows3": 100, "job1": 100, "varied": 105, "refused": 40}
"""The most functions of a call, by the name of the scenario."""
MEASURED_ON = (3, 11)
"""Another Python counts otherwise: comprehensions are no functions of their own since 3.12."""
ROUND = 500
WARM_UP = 50
RULES = (
    '{"name": "artists", "who": {"role": "artist"}, "may": ["reads"]}',
    f'{{"name": "bench", "who": {{"sub": "{SUBJECT}"}}, "may": ["all"]}}',
)
SETTINGS = {
    "ACCESS": f"[{', '.join(RULES)}]",
    "ACCESS_DEFAULT": "deny",
    "METRICS": "token",
    "MAX_IN_FLIGHT": "1",
    "GRPC_TIMEOUT": "600",
}
HELD = "held"
"""The name of the job that Cuebot does not answer about."""
ROOT = Path(__file__).parent.parent

Counts = Mapping[tuple[str, str], int]
"""How often each function is called, by its module and its name."""


def main() -> None:
    """Print a table for each scenario, and exit with status 1 if one has more than its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--only", choices=LIMITS, nargs="+", default=[*LIMITS])
    parser.add_argument("--functions", action="store_true", help="by function, not by module")
    options = parser.parse_args()
    counted = functions(options.only)
    for name, counts in counted.items():
        print(table(name, counts, by_function=options.functions), flush=True)
    if too_many := over_limit(counted):
        sys.exit(f"functions: {', '.join(too_many)}")


def over_limit(counted: Mapping[str, Counts]) -> list[str]:
    """What is over its limit, each as a line. Empty on a Python that counts otherwise."""
    if sys.version_info[:2] != MEASURED_ON:
        return []
    return [
        f"{name} passes {total}, at most {LIMITS[name]} are wanted"
        for name, counts in counted.items()
        if (total := sum(counts.values())) > LIMITS[name]
    ]


def functions(names: Iterable[str]) -> dict[str, Counts]:
    """Those of a call in each of these scenarios."""
    farm = CannedFarm(1)
    scenarios = {each.name: each for each in build_scenarios(farm) if each.name in LIMITS}
    refused = replace(scenarios["job1"].calls[0], status=503)
    scenarios["refused"] = Scenario(name="refused", title="503: no place", calls=(refused,))
    held = find_job(farm, HELD, EMPTY)
    answers = {call.message: call.answer for each in scenarios.values() for call in each.calls}
    with prepared_before(partial(HoldingServer, answers, held.message), 1, 0) as bench:
        holding = wire(held, bench.token)
        few = profile(bench, scenarios.values(), holding, None)
        return {
            name: of_a_call(profile(bench, scenarios.values(), holding, name), few)
            for name in names
        }


class HoldingServer(CannedServer):
    """Never answers one message."""

    def __init__(self, answers: Answers, held: bytes) -> None:
        super().__init__(answers)
        self._held = held

    def _receive(self, stream_id: int, flags: int, payload: bytes) -> None:
        if payload[5:] != self._held:
            super()._receive(stream_id, flags, payload)


def profile(
    bench: Bench, scenarios: Iterable[Scenario], holding: bytes, more: str | None
) -> Counts:
    """Functions passed by a gateway that answers WARM_UP calls of each scenario, and of one of
    them ROUND more. `holding` is a request that keeps the only place in flight.
    """
    port, output = free_port(), bench.place.folder / f"functions-{more}.json"
    command = [sys.executable, "-m", "benchmarks.count_calls", str(output), "gateway", "serve"]
    environ = environment(bench.place, Options(settings=SETTINGS))
    environ["PYTHONHASHSEED"] = "0"  # or one start passes more functions than another
    environ |= {"REST_HOST": "127.0.0.1", "REST_PORT": str(port)}
    log = bench.place.folder / f"functions-{more}.log"
    with running(command, environ, bench.place.core, log) as child:
        gateway = Running("gateway", port, child)
        wait_until_listening(gateway)
        for scenario in scenarios:
            count = WARM_UP + (ROUND if scenario.name == more else 0)
            one_by_one = replace(scenario, connections=1, counted=count)
            with full(port, holding) if scenario.name == "refused" else nullcontext():
                wait_until_answering(gateway, scenario.calls[0], bench.token)
                verify(replace(scenario, calls=scenario.calls[:1]), [gateway], bench.token)
                load_with_client(port, one_by_one, 0, token_of(SUBJECT))
    counts: Counter[tuple[str, str]] = Counter()
    for file, function, calls in json.loads(output.read_text()):
        if not file.startswith("<frozen importlib"):  # what the first start compiles, others load
            counts[module_of(file), function] += calls
    return counts


@contextmanager
def full(port: int, holding: bytes) -> Iterator[None]:
    """Soon there is no place left in flight, until the end."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(holding)
        yield


def module_of(file: str) -> str:
    """Its path in the checkout, or in the folder of packages."""
    return file.removeprefix(f"{ROOT}/").rpartition("site-packages/")[2]


def of_a_call(many: Counts, few: Counts) -> Counts:
    """What each of the ROUND calls passes that `many` has and `few` has not."""
    each = {name: round((calls - few.get(name, 0)) / ROUND) for name, calls in many.items()}
    return {name: count for name, count in each.items() if count}


def title(name: str, counts: Counts) -> str:
    return f"{name}: {sum(counts.values())} Python functions (limit {LIMITS[name]})"


def table(name: str, counts: Counts, *, by_function: bool) -> str:
    """A row for each module, or for each function."""
    rows: Counter[str] = Counter()
    for (module, function), count in counts.items():
        rows[f"{module} {function}" if by_function else module] += count
    lines = [f"  {each:<50} {count:4}" for each, count in sorted(rows.items())]
    return "\n".join([title(name, counts), *lines])


if __name__ == "__main__":
    main()
