"""`python -m benchmarks.survival`: what is left of a gateway under more than it can take."""

import argparse
import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from statistics import median

import uvloop

from benchmarks.bench import OTHER_CORES, Bench, prepared, ready, token_of
from benchmarks.client import Connection, connect, load_with_client, wire
from benchmarks.contenders import Contender, Running, envoy, find_envoy, gateway
from benchmarks.farm import CannedFarm
from benchmarks.load import Load, percentile
from benchmarks.measure import one_round
from benchmarks.overload import flood, well_again
from benchmarks.scenarios import MANY, Scenario, build_scenarios

HEAVY, LIGHT = "jobs1000", "shows3"
TIMES = (2, 5, 10)
LARGE = "jobs20000"
SLOW_READERS, INTERLEAVED = 50, 100
SIP = 1024
"""Bytes per second that a slow reader reads."""
RECEIVE_BUFFER = 64 * 1024
SECONDS = 5.0
ROUNDS = 5
Scenarios = dict[str, Scenario]
AFTER = 4.0
"""Seconds of light load after each flood."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.survival", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=sorted(PARTS))
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of load ({SECONDS:g})")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, OTHER_CORES)
    scenarios = {each.name: each for each in build_scenarios(CannedFarm(MANY))}
    with prepared(list(scenarios.values()), 1, arguments.seconds) as bench:
        for part in arguments.only:
            for contender in (gateway, *((envoy,) if find_envoy() else ())):
                PARTS[part](bench, contender, scenarios)


def report_overload(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """Goodput at several times the load that can be served, in parts of the peak right before and
    after. The median of ROUNDS: a shared machine is not as fast from one second to the next.
    """
    heavy = replace(scenarios[HEAVY], counted=None)
    request, light = (wire(each.calls[0], bench.token) for each in (heavy, scenarios[LIGHT]))
    with ready(bench, contender, heavy) as running:
        port = running.port

        def load(_: Running, __: Scenario, seconds: float) -> Load:
            return load_with_client(port, heavy, seconds, bench.token)

        def peak() -> float:
            """Answers per second."""
            found = one_round(running, heavy, load, bench.seconds).load
            return found.requests / found.seconds

        before = peak()
        for times in TIMES:
            peaks, goodputs, soon, waits = (
                list[float](),
                list[float](),
                list[float](),
                list[float](),
            )
            statuses: Counter[int] = Counter()
            well = 0.0
            for _ in range(ROUNDS):
                found = flood(port, request, before * times, bench.seconds)
                well = max(well, well_again(port, light, AFTER))
                after = peak()
                peaks.append((before + after) / 2)
                goodputs.append(found.goodput / peaks[-1])
                soon.append(found.soon / peaks[-1])
                statuses += found.statuses
                waits += found.waits
                before = after
            p99 = percentile(waits, 0.99) * 1e3 if waits else float("nan")
            print(
                f"{running.name}, {times} times the {median(peaks):.0f} lists of 1000 jobs a second"
                f" of its peak: goodput {median(goodputs):.2f} of that"
                f" ({', '.join(f'{each:.2f}' for each in sorted(goodputs))}),"
                f" {median(soon):.2f} within a second, p99 {p99:.0f} ms, {dict(statuses)};"
                f" well after {well:.1f} s",
                flush=True,
            )


def report_slow_readers(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """Somebody's honest large answers beside those that are hardly read."""
    large = scenarios[LARGE].calls[0]
    requests = [wire(large, token_of(f"slow{n}")) for n in range(SLOW_READERS)]

    async def attack(running: Running) -> tuple[list[float], float, float]:
        child, port = running.child, running.port
        before = child.resident_mb()
        child.reset_peak()
        async with slow_readers(port, requests):
            await asyncio.sleep(2)
            times = await times_of(port, wire(large, token_of("honest")), 5)
            peak = child.peak_mb() - before
        await asyncio.sleep(3)
        return times, peak, child.resident_mb() - before

    with ready(bench, contender, scenarios[LARGE]) as running:
        times, peak, kept = uvloop.run(attack(running))
    print(
        f"{running.name}: {SLOW_READERS} slow readers of 20,000 jobs: an honest one takes"
        f" {', '.join(f'{each:.1f}' for each in times)} s; {peak:.0f} MB more, {kept:.0f} MB kept",
        flush=True,
    )


def report_interleaved(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """Many large answers of one subject at once."""
    request = wire(scenarios[LARGE].calls[0], bench.token)

    async def attack(running: Running) -> Counter[int]:
        return await all_at_once(running.port, [request] * INTERLEAVED)

    with ready(bench, contender, scenarios[LARGE]) as running:
        before = running.child.resident_mb()
        running.child.reset_peak()
        statuses = uvloop.run(attack(running))
        peak = running.child.peak_mb()
        time.sleep(3)
        kept = running.child.resident_mb()
    print(
        f"{running.name}: {INTERLEAVED} answers of 20,000 jobs at once: {dict(statuses)};"
        f" {before:.0f} MB before, {peak:.0f} MB at most, {kept:.0f} MB after",
        flush=True,
    )


@asynccontextmanager
async def slow_readers(port: int, requests: Sequence[bytes]) -> AsyncIterator[None]:
    """Clients that send a request each and read the answer at SIP bytes per second."""
    loop = asyncio.get_running_loop()

    async def one(request: bytes) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            client.setblocking(False)
            with suppress(OSError):  # it is let go
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, request)
                while await loop.sock_recv(client, SIP):  # noqa: ASYNC110 - that is how slow they are
                    await asyncio.sleep(1)

    tasks = [asyncio.create_task(one(request)) for request in requests]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_at_once(port: int, requests: Sequence[bytes]) -> Counter[int]:
    """Send all of them at once, each on its own connection; the statuses of the answers."""
    connections: list[Connection] = [await connect(port) for _ in requests]
    asked = (each.ask(request) for each, request in zip(connections, requests, strict=True))
    statuses = await asyncio.gather(*asked, return_exceptions=True)
    for each in connections:
        each.close()
    return Counter(0 if isinstance(status, BaseException) else status for status in statuses)


async def times_of(port: int, request: bytes, count: int) -> list[float]:
    """Seconds that each of so many requests takes, one after the other. Raises OSError."""
    times = []
    for _ in range(count):
        connection = await connect(port)
        began = time.perf_counter()
        status = await connection.ask(request)
        times.append(time.perf_counter() - began if status == 200 else float("inf"))
        connection.close()
    return times


PARTS: dict[str, Callable[[Bench, Contender, Scenarios], None]] = {
    "overload": report_overload,
    "slow-readers": report_slow_readers,
    "interleaved": report_interleaved,
}


if __name__ == "__main__":
    main()
