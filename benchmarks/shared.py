"""What many viewers of one list cost, beside one of them: `python -m benchmarks.shared`.

Each viewer asks again as soon as it has its answer. CPU of the gateway and of the upstream in the
same time; the upstream answers at once. A part of `make bench`.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared
from benchmarks.client import Connection, connect, wire
from benchmarks.contenders import Options, Running, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import started
from benchmarks.process import cpu_seconds_of
from benchmarks.scenarios import Scenario, build_scenarios
from benchmarks.verify import WrongAnswer

VIEWED = "jobs1000"
VIEWERS = 200
CODINGS: Mapping[str, Mapping[str, str]] = {
    "gzip": {"Accept-Encoding": "gzip"},
    "zstd": {"Accept-Encoding": "zstd"},
    "plain": {},
}
SHED = 503
MOST_OF_GATEWAY, MOST_OF_UPSTREAM = 3.0, 2.0
"""The project's targets, as multiples of what one viewer costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU in a second of viewing, and what it was for."""

    gateway: float
    upstream: float
    answers: float
    shed: float
    """Refused, as the gateway is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """What one viewer and many of them cost."""

    mode: str
    """SHARED_READS."""
    coding: str
    one: Cost
    many: Cost

    @property
    def gateway(self) -> float:
        """As a multiple of what one viewer costs."""
        return self.many.gateway / self.one.gateway

    @property
    def upstream(self) -> float:
        return self.many.upstream / self.one.upstream

    def __str__(self) -> str:
        return (
            f"SHARED_READS={self.mode}, {self.coding}: the gateway {self.gateway:.2f} times"
            f" ({self.one.gateway:.0%} of a core, {self.many.gateway:.0%}), the upstream"
            f" {self.upstream:.2f} times ({self.one.upstream:.2%}, {self.many.upstream:.2%});"
            f" answers a second: {self.one.answers:.0f}, {self.many.answers:.0f}"
            f" and {self.many.shed:.0f} refused"
        )


def main() -> None:
    """Print a line for each way to share and each coding."""
    os.sched_setaffinity(0, OTHER_CORES)
    scenario = next(each for each in build_scenarios(CannedFarm(1000)) if each.name == VIEWED)
    with prepared([scenario], 1, 5.0) as bench:
        for mode in ("on", "off"):
            for found in viewings(bench, scenario, mode):
                print(found, flush=True)


def viewings(bench: Bench, scenario: Scenario, mode: str = "on") -> Iterator[Viewing]:
    """What the scenario's call costs in each coding."""
    (upstream,) = multiprocessing.active_children()
    assert upstream.pid is not None
    options = Options(settings={"SHARED_READS": mode})
    with started([gateway], bench.place, options, scenario, bench.token) as (running,):
        for coding, headers in CODINGS.items():
            request = wire(scenario.calls[0], bench.token, headers)
            one, many = (
                uvloop.run(view(running, upstream.pid, request, viewers, bench.seconds))
                for viewers in (1, VIEWERS)
            )
            yield Viewing(mode=mode, coding=coding, one=one, many=many)


async def view(
    running: Running, upstream: int, request: bytes, viewers: int, seconds: float
) -> Cost:
    """So many viewers, once they are warm."""
    connections = [await connect(running.port) for _ in range(viewers)]
    count = {200: 0, SHED: 0}

    async def look(connection: Connection) -> None:
        while True:
            status = await connection.ask(request)
            if status not in (200, SHED):
                raise WrongAnswer(f"a viewer got {status}")
            count[status] += 1

    looking = asyncio.gather(*map(look, connections))
    await asyncio.sleep(seconds / 4)
    before = now(running, upstream, count)
    await asyncio.wait([looking], timeout=seconds)
    after = now(running, upstream, count)
    if looking.done():
        looking.result()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    for each in connections:
        each.close()
    took, *found = (late - early for early, late in zip(before, after, strict=True))
    gateway_, upstream_, answers, shed = (each / took for each in found)
    return Cost(gateway=gateway_, upstream=upstream_, answers=answers, shed=shed)


def now(running: Running, upstream: int, count: Mapping[int, int]) -> tuple[float, ...]:
    """The time, and all that has been used and answered so far."""
    spent = running.child.cpu_seconds(), cpu_seconds_of(upstream)
    return (time.perf_counter(), *spent, *count.values())


if __name__ == "__main__":
    main()
