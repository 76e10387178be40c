"""How long other clients wait while one client fetches the largest list over and over."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

from benchmarks.client import Connection, connect, wire
from benchmarks.contenders import Running
from benchmarks.load import percentile
from benchmarks.scenarios import Call
from benchmarks.verify import WrongAnswer

RATE = 100
"""Small requests per second."""
MOST_CONNECTIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Milliseconds from when a small request was due until its answer was complete."""

    p50_ms: float
    p99_ms: float
    longest_ms: float


def waits(contender: Running, small: Call, large: Call, token: str, seconds: float) -> Waits:
    """The waits of small requests while one client fetches the large answer in a loop."""
    with pulling(contender.port, [wire(large, token)]):
        found = uvloop.run(sample(contender.port, small, token, int(seconds * RATE)))
    contender.child.check()
    return Waits(
        p50_ms=percentile(found, 0.50) * 1e3,
        p99_ms=percentile(found, 0.99) * 1e3,
        longest_ms=max(found) * 1e3,
    )


async def sample(port: int, call: Call, token: str, count: int) -> list[float]:
    """The waits, in seconds, of requests that are due at fixed times.

    Fixed, since clients that wait for an answer before they ask again would hardly ask at all
    while the gateway is busy, and so hardly count what they wait for. Each request has a connection
    to itself.
    """
    return [seconds for seconds, _ in await sample_both(port, call, token, count, lambda: 0.0)]


async def sample_both(
    port: int, call: Call, token: str, count: int, processor: Callable[[], float]
) -> list[tuple[float, float]]:
    """The same, with what the gateway's processor clock has gone on by in each wait.

    That is what was in front of the request, however busy the machine is.
    """
    request = wire(call, token)
    idle: list[Connection] = [await connect(port)]
    opened = 1
    found: list[tuple[float, float]] = []

    async def one(due: float) -> None:
        nonlocal opened
        before = processor()
        if idle:
            connection = idle.pop()
        else:
            opened += 1
            if opened > MOST_CONNECTIONS:
                raise WrongAnswer(f"{MOST_CONNECTIONS} small requests wait for their answers")
            connection = await connect(port)
        if await connection.ask(request) != call.status:
            raise WrongAnswer(f"{call.path} has failed beside a large answer")
        found.append((time.perf_counter() - due, processor() - before))
        idle.append(connection)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            # A timer may be early, by less than a millisecond.
            group.create_task(one(min(due, time.perf_counter())))
    for connection in idle:
        connection.close()
    return found


@contextmanager
def pulling(port: int, requests: Sequence[bytes], niceness: int = 0) -> Iterator[None]:
    """A process with a client for each request, which sends it again and again."""
    process = multiprocessing.get_context("spawn").Process(
        target=pull, args=(port, requests, niceness), daemon=True
    )
    process.start()
    try:
        time.sleep(1)  # until it has started
        yield
        if not process.is_alive():
            raise WrongAnswer("a client that pulls large answers has failed")
    finally:
        process.terminate()
        process.join()


def pull(port: int, requests: Sequence[bytes], niceness: int) -> None:
    """Fetch until the process is ended. Fails on any status but 200 and 206."""
    os.nice(niceness)

    async def loop(request: bytes) -> None:
        connection = await connect(port)
        while await connection.ask(request) in (200, 206):
            pass
        raise SystemExit(1)

    async def all_of_them() -> None:
        await asyncio.gather(*map(loop, requests))

    uvloop.run(all_of_them())
