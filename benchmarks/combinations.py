"""`python -m benchmarks.combinations`: both servers with both transports to Cuebot, beside Envoy.

The gateway's own HTTP/1.1 server and plain uvicorn, its own HTTP/2 and grpcio, in one run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.bench import prepared
from benchmarks.contenders import (
    Contender,
    Options,
    Place,
    Running,
    envoy,
    gateway,
    under_uvicorn,
)
from benchmarks.farm import CannedFarm
from benchmarks.measure import measure, started
from benchmarks.scenarios import build_scenarios, jobs_needed

SCENARIOS = ("empty", "shows3", "job1", "varied", "jobs100", "jobs1000")
ROUNDS = 5
SECONDS = 1.0
TRANSPORTS = ("http2", "grpcio")


def main() -> None:
    """Print a line for each combination and scenario: CPU per request, and Envoy's share."""
    farm = CannedFarm(jobs_needed(SCENARIOS, needs_all=False))
    scenarios = [each for each in build_scenarios(farm) if each.name in SCENARIOS]
    contenders = [
        over(transport, start) for start in (gateway, under_uvicorn) for transport in TRANSPORTS
    ]
    with prepared(scenarios, ROUNDS, SECONDS) as bench:
        contenders += [envoy] if bench.envoy else []
        for scenario in scenarios:
            with started(contenders, bench.place, Options(), scenario, bench.token) as running:
                found = measure(running, scenario, bench.loader, rounds=ROUNDS, seconds=SECONDS)
            least = found.figures["envoy"].cpu_us if bench.envoy else None
            for name, one in found.figures.items():
                ratio = "" if least is None else f"  {one.cpu_us / least:.2f}"
                print(f"{scenario.title:<32} {name:<16} {one.cpu_us:8.1f} µs{ratio}", flush=True)


def over(transport: str, start: Contender) -> Contender:
    """This contender with this CUEBOT_TRANSPORT."""

    @contextmanager
    def contender(place: Place, options: Options) -> Iterator[Running]:
        settings = {**options.settings, "CUEBOT_TRANSPORT": transport}
        with start(place, replace(options, settings=settings)) as one:
            yield replace(one, name=f"{one.name}, {transport}")

    return contender


if __name__ == "__main__":
    main()
