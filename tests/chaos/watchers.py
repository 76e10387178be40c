"""Watchers under faults: `python -m tests.chaos.watchers [--watchers 2000] [--questions 20]`.

Half of them do not read for most of the time. Cuebot's list changes, Cuebot hangs, is killed, and
comes back; rules are reloaded. In the end, every watcher has the list as it is, and all streams end
when the right is taken away.

The gateway has a process of its own; Cuebot and the clients share one.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.opencue import message_class, opencue
from tests.support.patience import PATIENCE, until
from tests.support.processes import Instance, instance
from tests.support.scraping import scrape
from tests.support.servers import (
    Context,
    ScriptedCuebot,
    free_port,
    head,
    running_cuebot,
)
from tests.support.wire import wire_to

GET_JOBS = "/job.JobInterface/GetJobs"
READS, NOTHING = "reads", "host.*/Get*"
"""What the clients may call."""
CALLS_PER_PERIOD = 3
"""Calls of a question in a period at most: its own, and for those who come or have missed much."""


RETRY_SECONDS = 2.0  # as the streams say
AT_ONCE, PAUSE_SECONDS = 10, 0.02  # clients that come together, and until more do


@dataclass
class List:
    """Cuebot's list of jobs, which changes with each tick."""

    jobs: int
    tick: int = 0
    calls: int = 0
    hangs: bool = False
    told: tuple[int, bytes] = (-1, b"")
    """The last tick that was asked for, and its answer."""

    def rows(self) -> Iterator[tuple[str, int]]:
        """Ids and priorities: a tenth changes with each tick, and one job comes as another goes."""
        for number in range(self.tick, self.tick + self.jobs):
            yield f"id {number}", self.tick if number % 10 == 0 else 0

    async def answer(self, request: bytes, context: Context) -> bytes:
        self.calls += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.told[0] != self.tick:
            found = message_class("job.JobGetJobsResponse")()
            for id_, priority in self.rows():
                found.jobs.jobs.add(id=id_, name="a job of usual length", priority=priority)
            self.told = self.tick, found.SerializeToString()
        return self.told[1]


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
class Served:
    """A gateway, and the file with its rules."""

    gateway: Instance
    config: Path

    @property
    def port(self) -> int:
        return self.gateway.port

    def follow(self, may: str) -> None:
        """From now on, all may call this and nothing else."""
        self.config.write_text(rules_as_toml(may), encoding="utf-8")
        self.gateway.process.send_signal(signal.SIGHUP)

    async def watchers(self) -> float:
        """The event streams that are open."""
        return (await scrape(f"http://127.0.0.1:{self.port}/metrics")).of("watchers")


def rules_as_toml(may: str) -> str:
    return f'[[access]]\nname = "readers"\nwho = {{ sub = "*" }}\nmay = ["{may}"]\n'


@asynccontextmanager
async def serving(endpoint: str, settings: dict[str, str]) -> AsyncIterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gateway.toml"
        config.write_text(rules_as_toml(READS), encoding="utf-8")
        known = {"METRICS": "public", "GATEWAY_CONFIG": str(config)}
        running = instance(endpoint, settings | known)
        gateway = await asyncio.to_thread(running.__enter__)
        try:
            yield Served(gateway, config)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


@dataclass
class Place:
    listed: List
    gateway: Served
    watchers: list[Watcher]
    slow: asyncio.Event
    cuebot: ScriptedCuebot
    port: int
    running: AsyncExitStack

    async def start(self) -> None:
        await self.running.enter_async_context(running_cuebot(self.cuebot, self.port))

    async def kill(self) -> None:
        await self.running.aclose()

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


@asynccontextmanager
async def place(watchers: int, questions: int, jobs: int) -> AsyncIterator[Place]:
    listed, cuebot, port = List(jobs), ScriptedCuebot(opencue().files), free_port()
    cuebot.start_over()
    cuebot.handlers[GET_JOBS] = listed.answer
    quick, slow, running = asyncio.Event(), asyncio.Event(), AsyncExitStack()
    quick.set()
    slow.set()
    await running.enter_async_context(running_cuebot(cuebot, port))
    settings = {
        "MAX_CONNECTIONS": str(2 * watchers + 100),
        "MAX_CONNECTIONS_PER_ADDRESS": "0",
        "GRPC_TIMEOUT": "2",
        "HTTP_TIMEOUT": str(PATIENCE),
    }
    async with serving(cuebot.endpoint, settings) as gateway:
        clients = [
            Watcher(gateway.port, number // 2 % questions, quick if number % 2 else slow)
            for number in range(watchers)
        ]
        tasks = []
        for each in clients:
            tasks.append(asyncio.create_task(each.run()))
            if len(tasks) % AT_ONCE == 0:
                await asyncio.sleep(PAUSE_SECONDS)
        try:
            yield Place(listed, gateway, clients, slow, cuebot, port, running)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await running.aclose()


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
        here.gateway.follow(READS)
        await here.change()
        here.slow.set()
        said.append(f"slow ones have the list {await here.told():.1f} s later")
        here.gateway.follow(NOTHING)
        began = time.monotonic()
        await until(lambda: all(each.ended for each in here.watchers))
        said.append(f"all streams have ended {time.monotonic() - began:.1f} s after their right")
        assert {each.ended for each in here.watchers} == {"a right was lost"}
        async with asyncio.timeout(PATIENCE):
            while await here.gateway.watchers():  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.05)
        kinds = sum((each.kinds for each in here.watchers), Counter[str]())
        said.append(f"events: {dict(kinds)}")
    return said


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.chaos.watchers", description=__doc__)
    arguments.add_argument("--watchers", type=int, default=2000)
    arguments.add_argument("--questions", type=int, default=20)
    arguments.add_argument("--jobs", type=int, default=1000)
    given = arguments.parse_args()
    enduring = endure(given.watchers, given.questions, given.jobs)
    for line in asyncio.run(enduring):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
