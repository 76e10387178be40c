"""One fault under load, and what became of the calls."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from gateway.core.upstream.http2 import channel
from gateway.core.upstream.http2.channel import Http2Channel
from tests.chaos.cuebot import CuebotProcess
from tests.chaos.faults import FAULTS
from tests.chaos.load import PAUSE, Load, load
from tests.chaos.proxy import Fault, FaultProxy, fault_proxy
from tests.support.commands import OPENCUE
from tests.support.patience import PATIENCE
from tests.support.servers import gateway_for

GRPC_TIMEOUT = "1s"
CALM_SECONDS = 1.0  # so long without an error counts as good
OTHER_ADDRESS = "127.0.0.2"


@dataclass(frozen=True)
class Outcome:
    """What became of the calls from a fault's beginning until all was good again."""

    fault: str
    calls: int
    right: int
    errors: dict[int, int]  # by HTTP status
    wrong: tuple[str, ...]
    changes: int  # those that have come to Cuebot
    twice: int  # changes that were made more than once
    lost: int  # changes that were made, says the gateway, and that Cuebot has never seen
    recovery: float
    """Seconds from the fault's end to the beginning of the last call that failed; 0 is at once."""

    @property
    def good(self) -> bool:
        return not self.wrong and not self.twice and not self.lost


@dataclass
class Place:
    cuebot: CuebotProcess
    proxy: FaultProxy
    other: FaultProxy  # one at another address, which takes no connections yet
    addresses: list[str]  # those that Cuebot's name has
    running: Load
    twice: set[str] = field(default_factory=set)  # changes of which that is known
    changes: int = 0  # those so far

    async def endure(self, name: str, seconds: float) -> Outcome:
        self.running.next_tally()
        killed, moved = partial(Killed, self.cuebot), partial(Moved, self.addresses, self.other)
        faults: dict[str, Callable[[], Fault]] = {**FAULTS, "killed": killed, "address": moved}
        await self.proxy.begin(faults[name]())
        await asyncio.sleep(seconds)
        await self.proxy.end()
        ended = time.monotonic()
        await self.calm(ended)
        tally = self.running.next_tally()
        async with asyncio.timeout(PATIENCE):
            await tally.complete.wait()
        made = self.cuebot.made()
        twice = {each for each, number in made.items() if number > 1} - self.twice
        self.twice |= twice
        changes, self.changes = len(made) - self.changes, len(made)
        return Outcome(
            fault=name,
            calls=tally.calls,
            right=tally.right,
            errors=dict(sorted(tally.errors.items())),
            wrong=tuple(tally.wrong),
            changes=changes,
            twice=len(twice),
            lost=sum(made[each] == 0 for each in tally.made),
            recovery=max(tally.failed_from - ended, 0.0),
        )

    async def calm(self, ended: float) -> None:
        """Return when calls have been answered for a while, all rightly; it has to come."""
        tally = self.running.tally
        while time.monotonic() < ended + PATIENCE:
            before = tally.right
            await asyncio.sleep(CALM_SECONDS)
            since = time.monotonic() - max(tally.failed_from, ended)
            if tally.right > before and since >= CALM_SECONDS:
                return
        raise AssertionError(f"not good after {PATIENCE} s: {tally.errors} {tally.wrong}")


class Killed(Fault):
    def __init__(self, cuebot: CuebotProcess) -> None:
        self._cuebot = cuebot

    async def begin(self, proxy: FaultProxy) -> None:
        self._cuebot.kill()

    async def end(self, proxy: FaultProxy) -> None:
        await asyncio.to_thread(self._cuebot.start)


class Moved(Fault):
    """Cuebot's name has another address, and nobody listens at the old one."""

    def __init__(self, addresses: list[str], other: FaultProxy) -> None:
        self._addresses = addresses
        self._other = other
        self._before = list(addresses)

    async def begin(self, proxy: FaultProxy) -> None:
        self._other.port = proxy.port
        await self._other.listen()
        self._addresses[:] = [self._other.host]
        proxy.refuse()

    async def end(self, proxy: FaultProxy) -> None:
        await proxy.listen()
        self._addresses[:] = self._before
        self._other.refuse()


@asynccontextmanager
async def place(folder: Path, pause: float = PAUSE) -> AsyncIterator[Place]:
    """A Cuebot in a process, a proxy, a gateway and its load; all is well.

    Each client pauses for so many seconds between two calls.
    """
    cuebot = CuebotProcess(folder / "journal")
    addresses = ["127.0.0.1"]

    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    await asyncio.to_thread(cuebot.start)
    behind = ("127.0.0.1", cuebot.port)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(channel, "Http2Channel", partial(Http2Channel, resolve=resolve))
            async with (
                fault_proxy(behind) as proxy,
                gateway_for(
                    f"cuebot.test:{proxy.port}",
                    grpc_timeout=GRPC_TIMEOUT,
                    descriptor_source=OPENCUE,
                ) as gateway,
                load(gateway.port, cuebot.jobs, pause=pause) as running,
            ):
                other = FaultProxy(behind, OTHER_ADDRESS)
                here = Place(cuebot, proxy, other, addresses, running)
                await here.calm(time.monotonic())
                yield here
    finally:
        cuebot.kill()
