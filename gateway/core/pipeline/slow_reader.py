"""Slow readers: the minimum rate at which a client reads a long answer before it is disconnected.

A slow reader's answer stays in memory. As long as no other request needs that memory, even a slow
line is fast enough.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from starlette.types import Message, Send

from gateway.core.fair_quota import MemoryLease
from gateway.core.long_work import STEP, let_others_run
from gateway.core.pipeline.context import ClientGone, RequestContext

MIN_BYTES_PER_SECOND = 32 * 1024
"""A client that reads a long answer more slowly is disconnected."""
MIN_CONTENDED_BYTES_PER_SECOND = 128 * 1024
"""The minimum rate while others wait for the memory; higher for a principal with much of it."""
CHECK_INTERVAL_SECONDS = 0.1
BEHIND_SECONDS = 1.0
"""While others wait: how long a client may read nothing, or lag behind
MIN_CONTENDED_BYTES_PER_SECOND since its first byte."""
COMPRESSOR = ThreadPoolExecutor(1, "compressor")
"""One thread, so that requests keep at least half of a core."""

EMPTY_PART: Message = {"type": "http.response.body", "body": b"", "more_body": True}
"""Waits for the client without sending anything."""


class Turn(Protocol):
    def give_back(self) -> None:
        """Let other answers have it."""


class SlowReader:
    """A client that is behind holds memory only: neither slots nor an encoding turn."""

    def __init__(
        self, context: RequestContext, send: Send, timeout: float, turn: Turn | None
    ) -> None:
        self._context = context
        self._send = send
        self._turn = turn
        self._timeout = timeout
        self._time = asyncio.get_running_loop().time
        self._started = self._time()
        """Start of the answer, moved by delays that the client did not cause."""
        self._modest_at = self._started
        """Time at which its principal last held a modest share, or no request waited."""
        self._sent = 0
        self.behind = 0.0

    async def send(self, message: Message, size: int = 0) -> None:
        """Send a message, `size` bytes of body. Raises ClientGone if it is not read in time."""
        direct = self._context.direct
        if direct is not None and not direct.is_behind:
            await self._send(message)  # without waiting
        else:
            await self._send_slowly(message)
        self._sent += size

    async def catch_up(self) -> None:
        """Wait until the client can take more. Raises ClientGone as `send` does."""
        direct = self._context.direct
        if direct is not None and direct.is_behind:
            await self._send_slowly(EMPTY_PART)

    async def excuse(self, waiting: Awaitable[object]) -> None:
        began = self._time()
        await waiting
        self._started += self._time() - began

    async def _send_slowly(self, message: Message) -> None:
        self._context.leave()
        if self._turn is not None:
            self._turn.give_back()
        began = self._time()
        last = min(began, self._due(MIN_BYTES_PER_SECOND)) + self._timeout
        lease, sending = self._context.call.lease, asyncio.ensure_future(self._send(message))
        try:
            while not sending.done():
                left = last - self._time()
                await asyncio.wait(
                    (sending,), timeout=left if lease is None else min(left, CHECK_INTERVAL_SECONDS)
                )
                if lease is not None and lease.is_wanted and not sending.done():
                    await self._make_room(lease)
                if not sending.done() and self._is_over(began, last, lease):
                    raise ClientGone
            sending.result()
        finally:
            sending.cancel()
            self.behind += self._time() - began
            del sending  # its error would hold itself: traceback, frame, future

    async def _make_room(self, lease: MemoryLease) -> None:
        """Keep the answer compressed from now on, to free memory for others."""
        payload, self._context.call.payload = self._context.call.payload, None
        if payload is not None:
            loop = asyncio.get_running_loop()
            lease.shrink(await loop.run_in_executor(COMPRESSOR, payload.compress))

    def _is_over(self, began: float, last: float, lease: MemoryLease | None) -> bool:
        """Whether a client that has been behind since `began` is to be disconnected."""
        now = self._time()
        excess = lease.over_quota if lease is not None and lease.is_wanted else 0.0
        if excess <= 1:
            self._modest_at = now
        if now >= last or not excess:
            return now >= last
        rate = MIN_CONTENDED_BYTES_PER_SECOND * (
            excess if now - self._modest_at >= BEHIND_SECONDS else 1.0
        )
        return now - min(began, self._due(rate)) >= BEHIND_SECONDS

    def _due(self, rate: float) -> float:
        return self._started + self._sent / rate


async def write_pieces(
    context: RequestContext, send: Send, timeout: float, pieces: Iterable[bytes]
) -> None:
    """Send parts of a body that goes on. Raises ClientGone for a client that reads too slowly."""
    reader = SlowReader(context, send, timeout, None)
    for number, piece in enumerate(pieces):
        if number and STEP.is_over():
            await let_others_run()
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await reader.send(message, len(piece))
        await reader.catch_up()
