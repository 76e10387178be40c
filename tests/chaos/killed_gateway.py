"""Gateways that are killed while clients make changes with an Idempotency-Key, and repeat them.

Two gateways share a real store. Each client repeats a change at either of them until it knows what
has become of it. Cuebot's journal tells how often each was made.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.chaos.cuebot import CuebotProcess, farm_of
from tests.chaos.load import ADD_COMMENT, CLIENTS, PENDING, connection, request
from tests.support.patience import PATIENCE
from tests.support.processes import Instance, instance
from tests.support.servers import free_port
from tests.support.stores import store_server
from tests.support.wire import Answer

ATTEMPTS = 6
PAUSE_SECONDS = 0.02
REST_PAUSE_SECONDS = 0.5
"""Between two rounds of what is still unknown in the end: a key is, for some 20 s after a kill."""
LONGEST_CALM_SECONDS = 0.3
"""Between a gateway's start and its end."""


@dataclass(frozen=True)
class Outcome:
    kills: int
    keys: int
    answered: int
    replayed: int
    """Those of the answers that came from the store."""
    unknown: int
    twice: tuple[str, ...]
    """Keys whose change was made more than once."""
    lost: tuple[str, ...]
    """Keys whose change was answered with 200 and not made."""
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.twice or self.lost or self.wrong)


@dataclass
class Place:
    cuebot: CuebotProcess
    state: str
    job: str
    ports: list[int]
    random: Random
    running: dict[int, tuple[Instance, AbstractContextManager[Instance]]] = field(
        default_factory=dict
    )
    """Gateways by port."""
    numbers: "count[int]" = field(default_factory=count)
    answered: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    """Keys whose clients have given up for now."""
    latest: dict[str, str] = field(default_factory=dict)
    """Their latest answers."""
    replayed: int = 0
    wrong: list[str] = field(default_factory=list)

    async def endure(self, kills: int) -> Outcome:
        """Kill the gateways in turn, at moments that chance decides."""
        clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        for number in range(kills):
            await asyncio.sleep(self.random.uniform(0, LONGEST_CALM_SECONDS))
            port = self.ports[number % len(self.ports)]
            await self._end(port)
            await self._begin(port)
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await self._ask_for_the_rest()
        made = self.cuebot.made()
        return Outcome(
            kills=kills,
            keys=next(self.numbers),
            answered=len(self.answered),
            replayed=self.replayed,
            unknown=len(self.unknown),
            twice=tuple(key for key, times in made.items() if times > 1),
            lost=tuple(key for key in self.answered if made[key] == 0),
            wrong=tuple(self.wrong),
        )

    async def _ask_for_the_rest(self) -> None:
        """Until nothing has become known for a while."""
        left, since = len(self.open), time.monotonic()
        while self.open and time.monotonic() < since + PATIENCE:
            for key in list(self.open):
                await self._attempt(key)
            if len(self.open) < left:
                left, since = len(self.open), time.monotonic()
            await asyncio.sleep(REST_PAUSE_SECONDS)
        self.wrong += [f"{key}: unknown after {self.latest.get(key)}" for key in self.open]

    async def _client(self) -> None:
        while True:
            key = f"k{next(self.numbers)}"
            self.open.add(key)
            for _ in range(ATTEMPTS):
                await self._attempt(key)
                if key not in self.open:
                    break
                await asyncio.sleep(self.random.uniform(0, PAUSE_SECONDS))

    async def _attempt(self, key: str) -> None:
        comment = {"user": "lena", "subject": "chaos", "message": key}
        body = json.dumps({"job": {"id": self.job}, "newComment": comment}).encode()
        port = self.random.choice(self.ports)
        with suppress(OSError, EOFError, ValueError, IndexError):  # it is being killed
            async with connection(port) as wire:
                await wire.send(request(ADD_COMMENT, body, f"Idempotency-Key: {key}"))
                self._take(key, await wire.answer())

    def _take(self, key: str, answer: Answer) -> None:
        message = self.latest[key] = answer.body.decode()
        if answer.status == 200:
            self.answered.add(key)
            self.replayed += "idempotent-replayed" in answer.headers
        elif answer.status == 409 and "outcome unknown" in message:
            self.unknown.add(key)
        elif answer.status in (503, 504) or "is being called" in message:
            return
        else:
            self.wrong.append(f"{key}: {answer.status} {message}")
        self.open.discard(key)
        del self.latest[key]

    async def _begin(self, port: int) -> None:
        starting = instance(
            f"127.0.0.1:{self.cuebot.port}",
            port=port,
            STATE=self.state,
            GRPC_TIMEOUT="5s",
            LOG_LEVEL="error",
            started=False,
        )
        self.running[port] = await asyncio.to_thread(starting.__enter__), starting

    async def _end(self, port: int) -> None:
        killed, started = self.running.pop(port)
        killed.send_signal(signal.SIGKILL)
        await asyncio.to_thread(started.__exit__, None, None, None)

    async def stop(self) -> None:
        for port in list(self.running):
            await self._end(port)


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    cuebot = CuebotProcess(folder / "journal", jobs=1)
    await asyncio.to_thread(cuebot.start)
    (job, *_) = (each.id for each in farm_of(1).jobs.values() if each.state == PENDING)
    with store_server() as store:
        random = Random(0)  # noqa: S311 - no secret
        here = Place(cuebot, store.url, job, [free_port(), free_port()], random)
        try:
            for port in here.ports:
                await here._begin(port)
            yield here
        finally:
            await here.stop()
            cuebot.kill()
