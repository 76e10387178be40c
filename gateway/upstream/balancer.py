"""Several endpoints of one Cuebot: calls go in turn to those that are connected."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from gateway.settings.model import Settings
from gateway.upstream.endpoint import PING_FLOOR, GrpcUpstream
from gateway.upstream.interface import Homes, Metadata, NotSent
from gateway.upstream.tls import load_tls

log = structlog.stdlib.get_logger("gateway.upstream")


class SpreadUpstream:
    """An `Upstream` over several others, of which each is an endpoint."""

    def __init__(self, endpoints: tuple[GrpcUpstream, ...]) -> None:
        self.endpoints = endpoints
        self._turn = 0

    @property
    def endpoint(self) -> str:
        """All of them, as CUEBOT_ENDPOINT names them."""
        return ",".join(each.endpoint for each in self.endpoints)

    @property
    def size(self) -> int:
        return len(self.endpoints)

    async def call(
        self,
        method_path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        homes: Homes = None,
    ) -> bytes:
        """As `Upstream` says. What could not be sent to one endpoint goes to another one."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        left: Sequence[GrpcUpstream] = self.endpoints
        if homes is not None:
            left = [each for each in left if each.endpoint in homes]
        while True:
            chosen = self._next(left) or await first_usable(left, timeout) or left[0]
            timeout = max(ends - loop.time(), 0)
            try:
                return await chosen.call(method_path, payload, timeout, metadata)
            except NotSent:
                left = [each for each in left if each is not chosen]
                if not left:
                    raise

    def _next(self, among: Sequence[GrpcUpstream]) -> GrpcUpstream | None:
        """Whose turn it is of those that are connected."""
        ready = [each for each in among if each.ready]
        if len(ready) < 2:
            return ready[0] if ready else None
        self._turn += 1
        return ready[self._turn % len(ready)]

    async def usable(self, patience: float) -> int:
        ready = sum(each.ready for each in self.endpoints)
        return ready or int(await first_usable(self.endpoints, patience) is not None)

    async def watch(self, on_change: Callable[[], object] = lambda: None) -> None:
        """Keep all of them connected, until cancelled.

        `on_change` is called whenever one has connected, also for the first time, since it may
        have been away when it was to describe itself, and when one has gone.
        """
        async with asyncio.TaskGroup() as group:
            for each in self.endpoints:
                group.create_task(each.watch(on_change, on_any=True))

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self.endpoints))


Cuebot = GrpcUpstream | SpreadUpstream
"""What `open_upstream` gives: an `Upstream` whose endpoints can be told apart."""


def open_upstream(settings: Settings) -> Cuebot:
    """The way to CUEBOT_ENDPOINT. To be called inside the running event loop.

    One endpoint is that alone. Raises ConfigurationError when the settings about TLS cannot work.
    """
    if 0 < settings.keepalive_time < PING_FLOOR:
        log.warning(
            "KEEPALIVE_TIME is below what Cuebot permits; expect closed connections",
            keepalive_time=settings.keepalive_time,
            permitted=PING_FLOOR,
        )
    tls = load_tls(settings)
    endpoints = tuple(GrpcUpstream(settings, each, tls) for each in settings.cuebot_endpoint)
    return endpoints[0] if len(endpoints) == 1 else SpreadUpstream(endpoints)


async def first_usable(among: Sequence[GrpcUpstream], patience: float) -> GrpcUpstream | None:
    """The first to be connected, within so many seconds; None as soon as all have failed."""
    waiting = {asyncio.ensure_future(each.usable(patience)): each for each in among}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                found = waiting.pop(task)
                if task.result():
                    return found
        return None
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
