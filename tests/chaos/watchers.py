"""Watchers under faults: `python -m tests.chaos.watchers [--watchers 2000] [--questions 20]`.

Half of them do not read for most of the time. Cuebot's list changes, Cuebot hangs, is killed, and
comes back; rules are reloaded. In the end, every watcher has the list as it is, and all streams end
when the right is taken away.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.access.rights import AccessRules
from tests.support.opencue import message_class, opencue
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    free_port,
    gateway_for,
    head,
    running_cuebot,
    settings_for,
)
from tests.support.wire import wire_to

GET_JOBS = "/job.JobInterface/GetJobs"
READS = rule("readers", {"sub": "*"}, "reads")
NOTHING = rule("readers", {"sub": "*"}, "host.*/Get*")
CALLS_PER_PERIOD = 3
"""Calls of a question in a period at most: its own, and for those who come or have missed much."""


RETRY_SECONDS = 2.0  # as the streams say
AT_ONCE = 20  # clients that come in one hundredth of a second


@dataclass
class List:
    """Cuebot's list of jobs, which changes with each tick."""

    jobs: int
    tick: int = 0
    calls: int = 0
    hangs: bool = False

    def rows(self) -> Iterator[tuple[str, int]]:
        """Ids and priorities: a tenth changes with each tick, and one job comes as another goes."""
        for number in range(self.tick, self.tick + self.jobs):
            yield f"id {number}", self.tick if number % 10 == 0 else 0

    async def answer(self, request: bytes, context: Context) -> bytes:
        self.calls += 1
        if self.hangs:
            await asyncio.Event().wait()
        found = message_class("job.JobGetJobsResponse")()
        for id_, priority in self.rows():
            found.jobs.jobs.add(id=id_, name="a job of usual length", priority=priority)
        payload: bytes = found.SerializeToString()
        return payload


@dataclass
class Watcher:
    """A client that follows the list."""

    port: int
    question: int
    reads: asyncio.Event
    rows: dict[str, int] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    ended: str = ""

    async def run(self) -> None:
        while not self.ended:
            with suppress(ConnectionError):
                await self.follow()
            await asyncio.sleep(RETRY_SECONDS)

    async def follow(self) -> None:
        """Read a stream to its end, or a refusal."""
        target = f"{GET_JOBS}?_every=1s&_fields=priority,id&_where=priority%3E{-1 - self.question}"
        # HTTP/1.0 has no chunks in between.
        sent = head(target, "Accept: text/event-stream", start="GET", version="1.0")
        async with wire_to(self.port, limit=2**24) as stream:
            await stream.send(sent + b"\r\n")
            kind = ""
            while line := (await stream.reader.readline()).decode():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ").strip()
                    self.kinds[kind] += 1
                elif line.startswith("data: "):
                    self.take(kind, json.loads(line.removeprefix("data: ")))
                await self.reads.wait()

    async def until_rows(self, rows: dict[str, int]) -> None:
        await until(lambda: self.rows == rows)

    async def until_errors(self, number: int) -> None:
        await until(lambda: self.kinds["error"] >= number)

    def take(self, kind: str, data: Any) -> None:
        if kind == "snapshot":
            self.rows = {row["id"]: row["priority"] for row in data["jobs"]["jobs"]}
        elif kind == "change":
            for id_ in data["removed"]:
                del self.rows[id_]
            more = (*data["added"], *data["changed"])
            self.rows |= {row["id"]: row["priority"] for row in more}
        elif kind == "end":
            self.ended = data["reason"]


@dataclass
class Place:
    listed: List
    gateway: Gateway
    watchers: list[Watcher]
    slow: asyncio.Event
    cuebot: ScriptedCuebot
    port: int
    serving: AsyncExitStack

    async def start(self) -> None:
        await self.serving.enter_async_context(running_cuebot(self.cuebot, self.port))

    async def kill(self) -> None:
        await self.serving.aclose()

    async def change(self, times: int = 1) -> None:
        for _ in range(times):
            self.listed.tick += 1
            await self.told(half=True)

    async def told(self, *, half: bool = False) -> float:
        """Wait until those who read have the list as it is; the seconds that this took."""
        began, rows = time.monotonic(), dict(self.listed.rows())
        for each in self.watchers[half :: 1 + half]:
            await each.until_rows(rows)
        return time.monotonic() - began

    async def fail(self, *, kills: bool) -> None:
        """Cuebot is away until all who read know it, while its list changes."""
        before = [each.kinds["error"] for each in self.watchers[1::2]]
        if kills:
            await self.kill()
        self.listed.hangs = not kills
        self.listed.tick += 1
        for each, known in zip(self.watchers[1::2], before, strict=True):
            await each.until_errors(known + 1)
        self.listed.hangs = False
        if kills:
            await self.start()

    def follow(self, access: object) -> None:
        settings = settings_for(self.cuebot.endpoint, access=[access])
        self.gateway.app.parts.authenticator.follow(AccessRules(settings))


@asynccontextmanager
async def place(watchers: int, questions: int, jobs: int) -> AsyncIterator[Place]:
    listed, cuebot, port = List(jobs), ScriptedCuebot(opencue().files), free_port()
    cuebot.start_over()
    cuebot.handlers[GET_JOBS] = listed.answer
    quick, slow, serving = asyncio.Event(), asyncio.Event(), AsyncExitStack()
    quick.set()
    slow.set()
    await serving.enter_async_context(running_cuebot(cuebot, port))
    many: dict[str, Any] = {"max_connections": 2 * watchers + 100, "max_connections_per_address": 0}
    settings = {**many, "access": [READS], "grpc_timeout": 2, "http_timeout": PATIENCE}
    async with gateway_for(cuebot.endpoint, **settings) as gateway:
        clients = [
            Watcher(gateway.port, number // 2 % questions, quick if number % 2 else slow)
            for number in range(watchers)
        ]
        tasks = []
        for each in clients:
            tasks.append(asyncio.create_task(each.run()))
            if len(tasks) % AT_ONCE == 0:
                await asyncio.sleep(0.01)
        try:
            yield Place(listed, gateway, clients, slow, cuebot, port, serving)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await serving.aclose()


async def endure(watchers: int, questions: int, jobs: int) -> list[str]:
    """Lines about what has happened. Raises TimeoutError or AssertionError if it was not good."""
    said = []
    async with place(watchers, questions, jobs) as here:
        said.append(f"{watchers} have the list after {await here.told():.1f} s")
        here.slow.clear()
        began, calls = time.monotonic(), here.listed.calls
        await here.change(5)
        took = time.monotonic() - began
        calls = here.listed.calls - calls
        said.append(f"5 changes told in {took:.1f} s, with {calls} calls")
        assert calls <= (took + 2) * questions * CALLS_PER_PERIOD
        for kills in (False, True):
            await here.fail(kills=kills)
            said.append(f"back {await here.told(half=True):.1f} s after Cuebot")
        here.follow(READS)
        await here.change()
        here.slow.set()
        said.append(f"slow ones have the list {await here.told():.1f} s later")
        here.follow(NOTHING)
        began = time.monotonic()
        await until(lambda: all(each.ended for each in here.watchers))
        said.append(f"all streams have ended {time.monotonic() - began:.1f} s after their right")
        assert {each.ended for each in here.watchers} == {"a right was lost"}
        await until(lambda: not here.gateway.app.parts.watchers.taken)
        kinds = sum((each.kinds for each in here.watchers), Counter[str]())
        said.append(f"events: {dict(kinds)}")
    return said


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.chaos.watchers", description=__doc__)
    arguments.add_argument("--watchers", type=int, default=2000)
    arguments.add_argument("--questions", type=int, default=20)
    arguments.add_argument("--jobs", type=int, default=1000)
    given = arguments.parse_args()
    for line in asyncio.run(endure(given.watchers, given.questions, given.jobs)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
