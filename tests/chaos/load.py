"""Calls through a gateway, each of whose answers is checked for being the right one."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from tests.support.farms import still_farm
from tests.support.servers import token
from tests.support.wire import Answer, Wire

GET_JOB = "/job.JobInterface/GetJob"
FIND_JOB = "/job.JobInterface/FindJob"
ADD_COMMENT = "/job.JobInterface/AddComment"
ERRORS = (429, 499, 500, 502, 503, 504)
"""Statuses that the gateway may have for calls that Cuebot does not answer."""
PENDING = 0
"""The state of jobs that can be found by name."""
PAUSE = 0.01
"""Seconds between two calls of a client."""
ANSWER_SECONDS = 20
TOKEN = token(seconds=10**6)


@dataclass
class Tally:
    """What became of the calls of a while."""

    begun: int = 0
    calls: int = 0
    """Those that are answered."""
    right: int = 0
    errors: Counter[int] = field(default_factory=Counter)
    """By HTTP status, in the gateway's own JSON."""
    wrong: list[str] = field(default_factory=list)
    """Answers that are neither right nor an error."""
    made: list[str] = field(default_factory=list)
    """Comments that the gateway says were made."""
    failed_from: float = 0.0
    """When the latest call began that was answered with an error."""
    latencies: list[float] = field(default_factory=list)
    """Seconds, of right answers."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while all calls that have begun are answered."""


@dataclass
class Load:
    """Clients that call one after the other."""

    port: int
    tally: Tally = field(default_factory=Tally)
    _jobs: list[tuple[str, str]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        jobs = still_farm().jobs.values()
        self._jobs = [(job.id, job.name) for job in jobs if job.state == PENDING]

    def next_tally(self) -> Tally:
        """What has become of the calls so far; from now on it is counted anew."""
        tally, self.tally = self.tally, Tally()
        return tally

    async def client(self, seed: int) -> None:
        """One client, until it is cancelled."""
        random = Random(seed)  # noqa: S311 - no secret
        connection = await connect(self.port)
        try:
            while True:
                tally = self.tally  # a call counts where it began
                tally.begun += 1
                tally.complete.clear()
                began = time.monotonic()
                path, body, expected = self._call(random)
                answer = await ask(connection, path, body)
                self._check(tally, answer, expected, body, began)
                if tally.calls == tally.begun:
                    tally.complete.set()
                await asyncio.sleep(PAUSE)
        finally:
            connection.writer.close()

    def _call(self, random: Random) -> tuple[str, Any, Any]:
        """A call, and what its answer has to have."""
        id_, name = random.choice(self._jobs)
        choice = random.random()
        if choice < 0.4:
            return GET_JOB, {"id": id_}, (id_, name)
        if choice < 0.8:
            return FIND_JOB, {"name": name}, (id_, name)
        comment = {"user": "lena", "subject": "chaos", "message": f"c{next(self._numbers)}"}
        return ADD_COMMENT, {"job": {"id": id_}, "newComment": comment}, None

    def _check(self, tally: Tally, answer: Answer, expected: Any, body: Any, began: float) -> None:
        tally.calls += 1
        found = json.loads(answer.body)
        if answer.status != 200:
            if set(found) >= {"error", "code", "message"} and answer.status in (
                499,
                *range(500, 505),
            ):
                tally.errors[answer.status] += 1
            else:
                tally.wrong.append(f"{answer.status} {answer.body[:300]!r} for {body}")
            tally.failed_from = began
            return
        if expected is None:
            tally.made.append(body["newComment"]["message"])
        job = found.get("job", {})
        if expected not in (None, (job.get("id"), job.get("name"))):
            tally.wrong.append(f"{answer.body[:300]!r} for {body}")
            return
        tally.right += 1
        tally.latencies.append(time.monotonic() - began)


async def connect(port: int) -> Wire:
    """A client's connection to the gateway, which has to last."""
    return Wire(*await asyncio.open_connection("127.0.0.1", port))


async def ask(connection: Wire, path: str, body: Any) -> Answer:
    """The answer to a call; there has to be one."""
    await connection.send(request(path, json.dumps(body).encode()))
    return await connection.answer(timeout=ANSWER_SECONDS)


def request(path: str, body: bytes) -> bytes:
    """A whole request."""
    lines = [f"POST {path} HTTP/1.1", "Host: gateway", f"Content-Length: {len(body)}"]
    lines.append(f"Authorization: Bearer {TOKEN}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body


@asynccontextmanager
async def load(port: int, clients: int = 8) -> AsyncIterator[Load]:
    """So many clients of the gateway, until the end. Raises what one of them fails with."""
    running = Load(port)
    tasks = [asyncio.create_task(running.client(seed)) for seed in range(clients)]
    try:
        yield running
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
