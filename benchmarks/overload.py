"""More load than a contender can serve: what it still answers, and how soon it is well again.

Requests come at a fixed rate, whatever becomes of the earlier ones, each on a connection that is
free or on a new one, as from many people who do not know of each other.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import uvloop

from benchmarks.client import Connection, connect

MOST_CONNECTIONS = 1500
SOON = 1.0
"""Seconds after which an answer is late."""
GIVES_UP = 10.0
"""Seconds that a client waits for an answer."""
LIGHT = 50
"""Small requests per second after the load."""
WARM_UP = 2.0
"""Seconds of load before answers are counted. From the beginning on, those that are under way at
the end would be missing."""
WELL = 0.1
"""Seconds: a light request that is answered within them finds a gateway that is well."""


@dataclass(slots=True)
class Flood:
    """What has become of the requests of a load."""

    begin: float
    """When the warm-up ends (`time.perf_counter`)."""
    seconds: float
    """How long answers are counted from then on."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Of all requests. 0 counts those without an answer, or without a connection left for them."""
    waits: list[float] = field(default_factory=list)
    """Seconds until the counted answers with status 200 were complete."""

    def note(self, status: int, began: float) -> None:
        """A request that was sent then has had its answer, or will not have one (0)."""
        self.statuses[status] += 1
        now = time.perf_counter()
        if status == 200 and self.begin <= now < self.begin + self.seconds:
            self.waits.append(now - began)

    @property
    def goodput(self) -> float:
        """Complete answers with status 200 per second."""
        return len(self.waits) / self.seconds

    @property
    def soon(self) -> float:
        """Those of them that had come by SOON."""
        return sum(wait <= SOON for wait in self.waits) / self.seconds


def flood(port: int, request: bytes, rate: float, seconds: float) -> Flood:
    """Send the request at this rate for a warm-up and so many seconds; then clients are gone."""
    return uvloop.run(flooding(port, request, rate, seconds))


async def flooding(port: int, request: bytes, rate: float, seconds: float) -> Flood:
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()
    started, sent = time.perf_counter(), 0
    found = Flood(started + WARM_UP, seconds)
    while (now := time.perf_counter()) < found.begin + seconds:
        due = int((now - started) * rate) - sent
        sent += due
        for _ in range(min(due, MOST_CONNECTIONS - len(tasks))):
            task = asyncio.create_task(ask(port, request, idle, found))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(0.002)
    found.statuses[0] += sent - found.statuses.total() - len(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for connection in idle:
        connection.close()
    return found


async def ask(port: int, request: bytes, idle: list[Connection], found: Flood) -> None:
    """Send one request on a connection that is idle, or on a new one, and note its outcome."""
    began, status = time.perf_counter(), 0
    connection = idle.pop() if idle else None
    try:
        async with asyncio.timeout(GIVES_UP):
            connection = connection or await connect(port)
            status = await connection.ask(request)
        idle.append(connection)
    except (OSError, TimeoutError, asyncio.CancelledError):
        if connection is not None:
            connection.close()
    found.note(status, began)


def well_again(port: int, request: bytes, seconds: float) -> float:
    """Seconds from now to the last of some small requests that had to wait longer than WELL."""
    return uvloop.run(well_after(port, request, seconds))


async def well_after(port: int, request: bytes, seconds: float) -> float:
    began = time.perf_counter()
    last = 0.0

    async def one(due: float) -> None:
        nonlocal last
        try:
            connection = await connect(port)
            status = await connection.ask(request)
            connection.close()
        except (OSError, TimeoutError):
            status = 0
        if status != 200 or time.perf_counter() - due > WELL:
            last = max(last, due - began)

    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * LIGHT)):
            due = began + number / LIGHT
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(time.perf_counter()))
    return last
