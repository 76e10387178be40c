"""`python -m benchmarks.survival`: what is left of a gateway under more than it can take."""

import argparse
import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import orjson
import uvloop

from benchmarks.client import connect, load_with_client, wire
from benchmarks.contenders import SECRET, Contender, Options, Running, envoy, find_envoy, gateway
from benchmarks.fairness import RATE, sample
from benchmarks.farm import CannedFarm
from benchmarks.greedy import all_at_once, silent_senders, slow_readers, times_of, unfinished_gzip
from benchmarks.load import Load, percentile
from benchmarks.measure import one_round
from benchmarks.overload import flood, well_again
from benchmarks.process import cpu_seconds_of
from benchmarks.run import OTHER_CORES, Bench, prepared
from benchmarks.scenarios import MANY, Scenario, build_scenarios
from benchmarks.senders import Senders, chunked_head, sending, unfinished_heads
from benchmarks.verify import WrongAnswer, wait_until_answering, wait_until_listening
from gateway.access.tokens import TokenRules
from gateway_cli.tokens import mint_token

HEAVY, LIGHT = "jobs1000", "shows3"
TIMES = (2, 5, 10)
LARGE = "jobs20000"
SLOW_READERS, INTERLEAVED, SILENT, BODY_SENDERS = 50, 100, 16, 4
SECONDS = 5.0
PAUSE = 0.005
"""Seconds between two of the requests whose waits are measured one by one."""
HEADS, LONG_HEAD = 4096, 63 * 1024
NO_OPTIONS = Options()
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
    """Goodput at several times the load that can be served, in parts of its peak."""
    heavy, light = replace(scenarios[HEAVY], counted=None), scenarios[LIGHT]
    seconds = bench.seconds
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


def report_silence(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """Somebody's bodies beside compressed ones that stand for much and never end."""
    echo = scenarios["body200"].calls[0]
    body = orjson.dumps({"group": {"id": "x" * 100_000}})
    honest = wire(replace(echo, body=body), token_of("honest"))
    lines = {"Content-Encoding": "gzip"}
    heads = [
        wire(replace(echo, body=b" " * 100_000), token_of("silent"), lines)[:-100_000]
        for _ in range(SILENT)
    ]

    async def attack(running: Running) -> Counter[int]:
        async with silent_senders(running.port, heads, unfinished_gzip(4 * 2**20 - 1)):
            await asyncio.sleep(1)
            return await all_at_once(running.port, [honest] * 8)

    with ready(bench, contender, scenarios[LIGHT]) as running:
        statuses = uvloop.run(attack(running))
    print(f"{running.name}: {SILENT} silent senders of 4 MB: others get {dict(statuses)}")


def report_bodies(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """The waits of small requests beside clients that send bodies of a million keys in a loop."""
    if contender is not gateway:
        return
    keys = ",".join(f'"key{n:06}":{n:06}1' for n in range(900_000))
    body = f'{{"r":{{{keys}}}}}'.encode()
    call = replace(scenarios["jobs100"].calls[0], body=body, status=400)
    requests = [wire(call, token_of(f"big{n}")) for n in range(BODY_SENDERS)]
    small = scenarios[LIGHT].calls[0]
    options = Options(settings={"MAX_BODY_MB": "17"})

    async def attack(running: Running) -> list[float]:
        async def loop(request: bytes) -> None:
            connection = await connect(running.port)
            while True:
                await connection.ask(request)

        tasks = [asyncio.create_task(loop(each)) for each in requests]
        await asyncio.sleep(2)
        try:
            return await sample(running.port, small, bench.token, int(bench.seconds * RATE))
        finally:
            for task in tasks:
                task.cancel()

    with ready(bench, contender, scenarios[LIGHT], options) as running:
        found = uvloop.run(attack(running))
    print(
        f"{running.name}: {BODY_SENDERS} clients with {len(body) / 2**20:.0f} MB of keys: small"
        f" requests wait {percentile(found, 0.5) * 1e3:.1f} ms, p99"
        f" {percentile(found, 0.99) * 1e3:.0f} ms",
        flush=True,
    )


def report_chunks(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """The waits of small requests beside endless bodies in tiny chunks."""
    small = scenarios[LIGHT].calls[0]
    heads = {
        "without a token": chunked_head(small.path, None),
        "with one": chunked_head(small.path, token_of("chunks")),
    }
    floods: dict[str, Senders | None] = {"no others": None}
    for whose, head in heads.items():
        for size in (1, 2):
            chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
            name = f"chunks of {size} {whose}"
            floods[f"30 connections, {name}"] = Senders(connections=30, head=head, chunk=chunk)
            floods[f"200 connections, {name}, 8 MB/s"] = Senders(
                connections=200, head=head, chunk=chunk, rate=8e6
            )
    for name, senders in floods.items():
        with ready(bench, contender, scenarios[LIGHT]) as running:
            request = wire(small, bench.token)
            with nullcontext() if senders is None else sending(running.port, senders):
                found = uvloop.run(waits_one_by_one(running, request, bench.seconds))
        seconds, processor = map(list, zip(*found, strict=True))
        print(
            f"{running.name}: {name}: others wait {percentile(seconds, 0.5) * 1e3:.1f} ms, p99"
            f" {percentile(seconds, 0.99) * 1e3:.0f} ms; of its processor's time"
            f" {percentile(processor, 0.5) * 1e3:.1f} ms, p99"
            f" {percentile(processor, 0.99) * 1e3:.0f} ms",
            flush=True,
        )


async def waits_one_by_one(
    running: Running, request: bytes, seconds: float
) -> list[tuple[float, float]]:
    """The wait of each of some requests, one after the other, and the gateway's CPU time in it.

    The latter says what is in front of a request, however busy the machine is.
    """
    found: list[tuple[float, float]] = []
    connection = await connect(running.port)
    pid = running.child.process.pid
    ends = time.perf_counter() + seconds
    while not found or time.perf_counter() < ends:
        began, before = time.perf_counter(), cpu_seconds_of(pid)
        if await connection.ask(request) != 200:
            raise WrongAnswer("a small request has failed")
        found.append((time.perf_counter() - began, cpu_seconds_of(pid) - before))
        await asyncio.sleep(PAUSE)
    connection.close()
    return found


def report_heads(bench: Bench, contender: Contender, scenarios: Scenarios) -> None:
    """The memory that unfinished heads take, and what is kept of it."""
    with ready(bench, contender, scenarios[LIGHT]) as running:
        child = running.child
        before = child.resident_mb()
        child.reset_peak()
        with unfinished_heads(running.port, HEADS, LONG_HEAD):
            time.sleep(1)
            peak = child.peak_mb()
        time.sleep(5)
        after = child.resident_mb()
    print(
        f"{running.name}: {HEADS} heads of {LONG_HEAD} bytes without an end: {before:.0f} MB"
        f" before, {peak:.0f} MB at most, {after:.0f} MB after",
        flush=True,
    )


PARTS: dict[str, Callable[[Bench, Contender, Scenarios], None]] = {
    "overload": report_overload,
    "slow-readers": report_slow_readers,
    "interleaved": report_interleaved,
    "silence": report_silence,
    "bodies": report_bodies,
    "chunks": report_chunks,
    "heads": report_heads,
}


def token_of(subject: str) -> str:
    """A token for this subject."""
    return mint_token(SECRET.encode(), TokenRules(), subject, 3600)


@contextmanager
def ready(
    bench: Bench, contender: Contender, scenario: Scenario, options: Options = NO_OPTIONS
) -> Iterator[Running]:
    """A contender that answers."""
    with contender(bench.place, options) as running:
        wait_until_listening(running)
        wait_until_answering(running, scenario.calls[0], bench.token)
        yield running


if __name__ == "__main__":
    main()
