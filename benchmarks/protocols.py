"""What an answer costs in each protocol, beside plain JSON: `python -m benchmarks.protocols`.

One client asks again as soon as it has its answer. CPU of the gateway for each request, in rounds
that take all protocols in turn. A part of `make bench`.
"""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared
from benchmarks.client import connect, wire
from benchmarks.contenders import Options, Running, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import started
from benchmarks.scenarios import MANY, Call, Scenario, build_scenarios
from benchmarks.verify import WrongAnswer

ASKED = ("shows3", "jobs20000")
"""Scenarios: the least that a request can be, and the most."""
REQUESTS: Mapping[str, int] = {"shows3": 1000, "jobs20000": 4}
"""In a round."""
LONG = "jobs20000"
MOST_OF_JSON = 0.1
"""The project's target for the CPU of a long list in protobuf, as a share of its JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    name: str
    media: str
    more: Mapping[str, str]
    body: Callable[[Call], bytes]


FORMS = (
    Form(name="JSON", media="application/json", more={}, body=lambda call: call.body),
    Form(
        name="Connect, JSON",
        media="application/json",
        more={"Connect-Protocol-Version": "1"},
        body=lambda call: call.body,
    ),
    Form(
        name="Connect, protobuf",
        media="application/proto",
        more={"Connect-Protocol-Version": "1"},
        body=lambda call: call.message,
    ),
    Form(
        name="gRPC-Web",
        media="application/grpc-web+proto",
        more={"X-Grpc-Web": "1"},
        body=lambda call: bytes(1) + len(call.message).to_bytes(4) + call.message,
    ),
)
"""JSON comes first: the others are compared with it."""
BINARY = ("Connect, protobuf", "gRPC-Web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one request costs the gateway in one form."""

    scenario: str
    title: str
    form: str
    cpu_us: float
    of_json: float
    """The median over rounds, as a share of plain JSON in the same round."""
    size: int
    """Bytes of the answer's body."""

    @property
    def is_bounded(self) -> bool:
        """Whether MOST_OF_JSON is for it."""
        return self.scenario == LONG and self.form in BINARY

    def __str__(self) -> str:
        return (
            f"{self.title}, {self.form}: {self.cpu_us:.0f} µs, {self.of_json:.3f} of JSON,"
            f" {self.size} bytes"
        )


def main() -> None:
    """Print a line for each scenario and form."""
    os.sched_setaffinity(0, OTHER_CORES)
    scenarios = [each for each in build_scenarios(CannedFarm(MANY)) if each.name in ASKED]
    with prepared(scenarios, 5, 1.0) as bench:
        for scenario in scenarios:
            for found in spendings(bench, scenario):
                print(found, flush=True)


def spendings(bench: Bench, scenario: Scenario) -> Iterator[Spending]:
    """What the scenario's call costs in each form."""
    call, count = scenario.calls[0], REQUESTS[scenario.name]
    asks = [
        wire(
            replace(call, body=form.body(call)),
            bench.token,
            {"Content-Type": form.media, **form.more},
        )
        for form in FORMS
    ]
    with started([gateway], bench.place, Options(), scenario, bench.token) as (running,):
        sizes = [uvloop.run(ask(running, each, count)) for each in asks]  # which warms it up
        rounds = [[cost(running, each, count) for each in asks] for _ in range(bench.rounds)]
    for number, form in enumerate(FORMS):
        yield Spending(
            scenario=scenario.name,
            title=scenario.title,
            form=form.name,
            cpu_us=min(each[number] for each in rounds) * 1e6,
            of_json=statistics.median(each[number] / each[0] for each in rounds),
            size=sizes[number],
        )


def cost(running: Running, request: bytes, count: int) -> float:
    """CPU seconds of the gateway for one request."""
    before = running.child.cpu_seconds()
    uvloop.run(ask(running, request, count))
    return (running.child.cpu_seconds() - before) / count


async def ask(running: Running, request: bytes, count: int) -> int:
    """The size of the answer's body, after so many requests."""
    connection = await connect(running.port)
    try:
        for number in range(count):
            status = await connection.ask(request, keep=number == count - 1)
            if status != 200:
                raise WrongAnswer(f"{request[:100]!r}: {status}")
        return len(connection.body)
    finally:
        connection.close()


if __name__ == "__main__":
    main()
