"""The link to a shared store: it knows when the store is away, so that nobody waits for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from gateway.state.store import Script, Store, StoreFailed

log = structlog.stdlib.get_logger("gateway.state")

TIMEOUT = 0.05
"""Seconds that an answer may take; a store that needs longer counts as away."""
GRACE = 0.01
"""Seconds for an answer that has come while this process was busy with something else."""
CONNECTING = 2.0
"""Seconds that a connection may take: names, TLS and the password are not for every day."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two attempts: the first, and at most. Each is shortened by chance, since all
gateways have lost the store at the same moment."""

LOOK = Script("redis.call('SET', KEYS[1], '', 'PX', 1) return {}")
"""What is asked of a store that has been found: a replica, or one without memory, would read."""
LOOKED_AT = ["cuebot-gateway:look"]

T = TypeVar("T")


def takes_any(answer: list[int]) -> None:
    """The check of who takes any answer."""


class Link:
    """Runs scripts while the store is there, and looks for it while it is not."""

    def __init__(self, store: Store, meanwhile: str) -> None:
        """`meanwhile` is what becomes of requests while the store is away, for people."""
        self._store = store
        self._meanwhile = meanwhile
        self.up = False
        """Whether the store may be asked."""
        self.losses = 0
        """How often it has been lost, or not been there at the start."""
        self._problem = ""
        self._lost = asyncio.Event()
        self._looked = asyncio.Event()

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        numbers: Sequence[int],
        check: Callable[[list[int]], None] = takes_any,
    ) -> list[int]:
        """What the script answers. Raises StoreFailed: at once while the store is away.

        `check` raises it for what the script cannot answer: a store that says so counts as away.
        """
        if not self.up:
            raise StoreFailed(self._problem)
        try:
            answer = await in_time(self._store.run(script, keys, numbers))
            check(answer)
            return answer
        except StoreFailed as failure:
            self._lose(failure)
            raise

    async def first_look(self) -> None:
        """Wait until the store has been looked for once, successfully or not."""
        await self._looked.wait()

    async def keep(self) -> None:
        """Connect, and connect again whenever the store is lost, until cancelled."""
        time, pause = asyncio.get_running_loop().time, FIRST_PAUSE
        try:
            while True:
                began = time()
                try:
                    await connected(self._store)
                except StoreFailed as failure:
                    self._lose(failure)
                else:
                    self._find()
                    await self._lost.wait()
                self._looked.set()
                pause = FIRST_PAUSE if time() - began > LONGEST_PAUSE else pause
                await self._store.close()
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            self.up = False
            await self._store.close()

    def _find(self) -> None:
        self.up = True
        self._lost.clear()
        self._looked.set()
        log.info(
            "the shared store answers" + " again" * bool(self._problem), store=self._store.name
        )
        self._problem = ""

    def _lose(self, failure: StoreFailed) -> None:
        if not self._problem:  # once, however many have noticed, and however often it is tried
            self._problem = str(failure)
            self.losses += 1
            log.error(
                f"the shared store is away; {self._meanwhile}",
                store=self._store.name,
                problem=self._problem,
            )
        self.up = False
        self._lost.set()


async def connected(store: Store) -> None:
    """Connect to the store, and see whether it writes in time. Raises StoreFailed."""
    try:
        async with asyncio.timeout(CONNECTING):
            await store.connect()
    except TimeoutError:
        raise StoreFailed(f"no connection within {CONNECTING:g} s") from None
    await in_time(store.run(LOOK, LOOKED_AT, []))


async def in_time(answer: Awaitable[T]) -> T:
    """The answer, if it comes within TIMEOUT. Raises StoreFailed."""
    waiting = asyncio.ensure_future(answer)
    try:
        for patience in (TIMEOUT, GRACE):
            await asyncio.wait([waiting], timeout=patience)
            if waiting.done():
                return waiting.result()
    finally:
        if not waiting.cancel():
            forget(waiting)
        else:
            waiting.add_done_callback(forget)
    raise StoreFailed(f"no answer within {TIMEOUT * 1000:.0f} ms")


def forget(answer: asyncio.Future[T]) -> None:
    """Retrieve the error of an answer that nobody waits for, or asyncio reports it."""
    if not answer.cancelled():
        answer.exception()
