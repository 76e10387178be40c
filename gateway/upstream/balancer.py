"""Load balancing over several Cuebots: calls rotate between connected, responsive endpoints."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from gateway.errors import Code
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.interface import CallFailed, Expects, Follower, Metadata, Reason, takes_all


class Balancer:
    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.endpoints = endpoints
        self._turn = 0

    @property
    def endpoint(self) -> str:
        return ",".join(each.endpoint for each in self.endpoints)

    async def call(
        self,
        path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        expects: Expects = takes_all,
    ) -> bytes:
        """See `Upstream`. A call that one endpoint has not processed is retried on another."""
        deadline = monotonic() + timeout
        left: Sequence[Endpoint] = self.endpoints
        lacking: CallFailed | None = None
        while True:
            chosen = self._next(left)
            # It is an answer, for which nobody has to wait for a Cuebot that is away or hangs.
            if lacking is not None and (chosen is None or chosen.unresponsive):
                raise lacking
            if chosen is None:
                chosen = await first_usable(left, timeout) or left[0]
            timeout = max(deadline - monotonic(), 0)
            try:
                return await chosen.call(path, payload, timeout, metadata, expects)
            except CallFailed as failure:
                left = [each for each in left if each is not chosen]
                if lacks_method(failure):
                    lacking = failure
                elif failure.may_have_reached_server:
                    raise
                if not left:
                    raise lacking or failure from None

    def _next(self, among: Sequence[Endpoint]) -> Endpoint | None:
        """The next connected endpoint; an unresponsive one only if all are."""
        connected = [each for each in among if each.ready]
        ready = [each for each in connected if not each.unresponsive] or connected
        if len(ready) < 2:
            return ready[0] if ready else None
        self._turn += 1
        return ready[self._turn % len(ready)]

    async def usable(self, timeout: float) -> int:
        ready = sum(each.ready and not each.unresponsive for each in self.endpoints)
        return ready or int(await first_usable(self.endpoints, timeout) is not None)

    async def watch(self, follower: Follower) -> None:
        """Keep all endpoints connected, and probe silent ones, until cancelled.

        The follower is refreshed after each connection, also the first (the endpoint may have been
        down at reflection), and after each loss.
        """
        async with asyncio.TaskGroup() as group:
            for each in self.endpoints:
                group.create_task(each.watch(follower, on_any=True))

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self.endpoints))


def lacks_method(failure: CallFailed) -> bool:
    """Whether the Cuebot lacks the method: during an upgrade, another one may have it."""
    return failure.reason is Reason.STATUS and failure.code is Code.UNIMPLEMENTED


async def first_usable(among: Sequence[Endpoint], timeout: float) -> Endpoint | None:
    """The first endpoint to connect within `timeout` seconds; None as soon as all have failed."""
    waiting = {asyncio.ensure_future(each.usable(timeout)): each for each in among}
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
