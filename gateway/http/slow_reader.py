"""What a slow reader costs: how fast a client has to read a long answer, and when it is let go.

Answers of clients that read slowly stay in memory. As long as nobody else waits for that memory,
even a bad line is fast enough.
"""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from starlette.types import Message, Send

from gateway.access.fair_quota import Lease
from gateway.http.context import ClientGone, RequestContext

SLOWEST_READER_BYTES_PER_SECOND = 32 * 1024
"""Bytes per second. A client that reads a long answer more slowly is disconnected."""
BYTES_PER_SECOND_WHEN_WANTED = 128 * 1024
"""The same while others wait for the memory; more for whoever has much of it."""
CHECK_SECONDS = 0.1
"""Seconds between two looks at whether others wait for the memory of a client that reads slowly."""
BEHIND_SECONDS = 1.0
"""Seconds for which such a client may read nothing, or be behind BYTES_PER_SECOND_WHEN_WANTED from
its first byte on, when others wait."""
COMPRESSOR = ThreadPoolExecutor(1, "compressor")
"""One thread, so that requests have at least half of a core meanwhile."""

NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}
"""What is sent when the client has read enough."""


class Turn(Protocol):
    """The right of an answer to be encoded (`EncodingTurn`)."""

    def give_back(self) -> None:
        """Let others have it."""


class SlowReader:
    """The client of an answer, with the time that it has to read it.

    While it is behind, it keeps nothing busy but memory: neither a place nor a turn.
    """

    def __init__(
        self, context: RequestContext, send: Send, timeout: float, turn: Turn | None
    ) -> None:
        self._context = context
        self._send = send
        self._turn = turn
        self._timeout = timeout
        self._time = asyncio.get_running_loop().time
        self._started = self._time()
        """When the answer began; later by the time that was not the client's fault."""
        self._modest_at = self._started
        """When its principal last had no more than a modest part, or nobody waited."""
        self._sent = 0
        self.behind = 0.0
        """Seconds for which it has been waited for."""

    async def send(self, message: Message, size: int = 0) -> None:
        """Send a message of so many bytes. Raises ClientGone if it is not read in time."""
        direct = self._context.direct
        if direct is not None and not direct.is_behind:
            await self._send(message)  # which does not have to wait
        else:
            await self._send_slowly(message)
        self._sent += size

    async def catch_up(self) -> None:
        """Return when there is something to do for the client. Raises ClientGone as `send`."""
        direct = self._context.direct
        if direct is not None and direct.is_behind:
            await self._send_slowly(NOTHING)

    async def excuse(self, waiting: Awaitable[object]) -> None:
        """Wait for something that is not the client's fault."""
        began = self._time()
        await waiting
        self._started += self._time() - began

    async def _send_slowly(self, message: Message) -> None:
        """Send it, looking now and then at whether others wait for what the client keeps."""
        self._context.leave()
        if self._turn is not None:
            self._turn.give_back()
        began = self._time()
        last = min(began, self._due(SLOWEST_READER_BYTES_PER_SECOND)) + self._timeout
        lease, sending = self._context.call.lease, asyncio.ensure_future(self._send(message))
        try:
            while not sending.done():
                left = last - self._time()
                await asyncio.wait(
                    (sending,), timeout=left if lease is None else min(left, CHECK_SECONDS)
                )
                if lease is not None and lease.is_wanted and not sending.done():
                    await self._make_room(lease)
                if not sending.done() and self._is_over(began, last, lease):
                    raise ClientGone
            sending.result()
        finally:
            sending.cancel()
            self.behind += self._time() - began

    async def _make_room(self, lease: Lease) -> None:
        """Keep the answer compressed from now on. This is for others, who wait for the memory."""
        payload, self._context.call.payload = self._context.call.payload, None
        if payload is not None:
            loop = asyncio.get_running_loop()
            lease.shrink(await loop.run_in_executor(COMPRESSOR, payload.compress))

    def _is_over(self, began: float, last: float, lease: Lease | None) -> bool:
        """Whether a client that has been behind since then is let go."""
        now = self._time()
        excess = lease.over_quota if lease is not None and lease.is_wanted else 0.0
        if excess <= 1:
            self._modest_at = now
        if now >= last or not excess:
            return now >= last
        rate = BYTES_PER_SECOND_WHEN_WANTED * (
            excess if now - self._modest_at >= BEHIND_SECONDS else 1.0
        )
        return now - min(began, self._due(rate)) >= BEHIND_SECONDS

    def _due(self, rate: float) -> float:
        """When it should have read what has been sent, at so many bytes per second."""
        return self._started + self._sent / rate
