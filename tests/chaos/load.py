"""Calls through a gateway, each of whose answers is checked for being the right one."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from tests.chaos.cuebot import farm_of
from tests.support.servers import token
from tests.support.wire import Answer, Wire, wire_to

GET_JOB = "/job.JobInterface/GetJob"
FIND_JOB = "/job.JobInterface/FindJob"
ADD_COMMENT = "/job.JobInterface/AddComment"
ERRORS = (429, 499, 500, 502, 503, 504)
"""Statuses that the gateway may have for calls that Cuebot does not answer."""
CLIENTS = 8
PENDING = 0  # the state of jobs that can be found by name
PAUSE = 0.01  # seconds between two calls of a client
NUMBERS = count()  # of comments: no two of a process have the same
TOKEN = token(seconds=10**6)


Right = Callable[[Any], bool]  # whether the JSON of an answer is the right one


@dataclass
class Tally:
    begun: int = 0
    calls: int = 0  # those that are answered
    right: int = 0
    errors: Counter[int] = field(default_factory=Counter)
    """By HTTP status, in the gateway's own JSON."""
    wrong: list[str] = field(default_factory=list)  # answers that are neither right nor an error
    made: list[str] = field(default_factory=list)  # comments that the gateway says were made
    failed_from: float = 0.0  # when the latest call began that was answered with an error
    latencies: list[float] = field(default_factory=list)  # seconds, of right answers
    other: int = 0  # calls of clients that have gone away or were wrong
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while all calls that have begun are answered."""

    def take(self, answer: Answer, what: str, right: Right, began: float) -> None:
        found = json.loads(answer.body)
        if answer.status == 200 and right(found):
            self.right += 1
            self.latencies.append(time.monotonic() - began)
        elif answer.status in ERRORS and found.keys() >= {"error", "code", "message"}:
            self.errors[answer.status] += 1
            self.failed_from = began
        else:
            self.wrong.append(f"{what[:200]}: {answer.status} {answer.body[:200]!r}")


@dataclass
class Load:
    port: int
    jobs: dict[str, str]  # the names of Cuebot's jobs, by id
    tally: Tally = field(default_factory=Tally)
    pause: float = PAUSE

    def next_tally(self) -> Tally:
        """What has become of the calls so far; from now on it is counted anew."""
        tally, self.tally = self.tally, Tally()
        return tally

    async def small_calls(self, random: Random) -> None:
        """Calls on one connection, until it is cancelled."""
        async with connection(self.port) as wire:
            while True:
                id_, name = random.choice(list(self.jobs.items()))
                choice = random.random()
                if choice < 0.4:
                    await self.read(wire, GET_JOB, {"id": id_}, (id_, name))
                elif choice < 0.8:
                    await self.read(wire, FIND_JOB, {"name": name}, (id_, name))
                else:
                    await self._change(wire, id_)
                await asyncio.sleep(self.pause)

    async def read(self, wire: Wire, path: str, body: object, expected: tuple[str, str]) -> None:
        def right(found: Any) -> bool:
            return (found["job"]["id"], found["job"]["name"]) == expected

        with self.call(f"{path} {body}", right) as call:
            call.answer = await ask(wire, path, json.dumps(body).encode())

    async def _change(self, wire: Wire, id_: str) -> None:
        text = f"c{next(NUMBERS)}"
        comment = {"user": "lena", "subject": "chaos", "message": text}
        body = json.dumps({"job": {"id": id_}, "newComment": comment}).encode()
        with self.call(ADD_COMMENT, lambda found: found == {}) as call:
            call.answer = await ask(wire, ADD_COMMENT, body)
            if call.answer.status == 200:
                self.tally.made.append(text)

    @contextmanager
    def call(self, what: str, right: Right) -> Iterator["Call"]:
        """A call, which counts where it began. Its answer is set within, or nobody wants it."""
        tally, began, call = self.tally, time.monotonic(), Call()
        tally.begun += 1
        tally.complete.clear()
        yield call
        tally.calls += 1
        if call.answer is None:
            tally.other += 1
        else:
            tally.take(call.answer, what, right, began)
        if tally.calls == tally.begun:
            tally.complete.set()


@dataclass
class Call:
    answer: Answer | None = None  # None: nobody has waited for it


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Wire]:
    async with wire_to(port) as wire:
        try:
            yield wire
        finally:
            wire.writer.transport.abort()


async def ask(wire: Wire, path: str, body: bytes) -> Answer:
    await wire.send(request(path, body))
    return await wire.answer()


def request(path: str, body: bytes, *lines: str, bearer: str = TOKEN) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: gateway", f"Content-Length: {len(body)}", *lines]
    head.append(f"Authorization: Bearer {bearer}")
    return "".join(f"{line}\r\n" for line in (*head, "")).encode() + body


def get(target: str, *lines: str, bearer: str = TOKEN) -> bytes:
    head = [f"GET {target} HTTP/1.1", "Host: gateway", *lines, f"Authorization: Bearer {bearer}"]
    return "".join(f"{line}\r\n" for line in (*head, "")).encode()


Client = Callable[[Load, Random], Coroutine[Any, Any, None]]
"""Makes calls of one kind until it is cancelled."""


@asynccontextmanager
async def load(
    port: int, jobs: int, *, pause: float = PAUSE, others: Sequence[Client] = ()
) -> AsyncIterator[Load]:
    """Clients of the gateway in front of a farm with so many jobs, until the end.

    Eight of them make small calls; `others` are besides. Raises what one of them fails with.
    """
    found = farm_of(jobs).jobs.values()
    known = {job.id: job.name for job in found if job.state == PENDING}
    running = Load(port, known, pause=pause)
    clients = [*[Load.small_calls] * CLIENTS, *others]
    tasks = [
        asyncio.create_task(client(running, Random(seed)))  # noqa: S311 - no secret
        for seed, client in enumerate(clients)
    ]
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
