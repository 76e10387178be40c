"""Asking one gateway for a comparison: politely, and never to change anything."""

import asyncio

from gateway.cli.client.gateway import HttpCaller
from gateway.cli.compare.comparison import Reply
from gateway.errors import GatewayError
from gateway.schema.method import Method

TOO_MANY = 429
TRIES = 5
"""How often a request that comes too early is sent."""
LONGEST_WAIT = 30.0


class ReadsOnly(Exception):
    """Somebody wants to send what may change something. Nothing is sent."""


class PoliteGateway:
    """A gateway that is asked at most so often a second, and not before it wants to be again."""

    def __init__(self, caller: HttpCaller, rate: float) -> None:
        self._caller = caller
        self._pause = 1 / rate
        self._next = 0.0

    async def ask(self, method: Method, body: bytes) -> Reply:
        """The reply to one request. Raises ReadsOnly for a method that is more than a read.

        After a 429 it waits as long as Retry-After says, and asks again.
        """
        if not method.reads_only or method.streams:
            raise ReadsOnly(method.path)
        for left in reversed(range(TRIES)):
            await self._turn()
            try:
                response = await self._caller.send("POST", method.path, body, {})
            except GatewayError as error:
                return Reply(None, problem=error.message)
            if response.status_code != TOO_MANY or not left:
                break
            await asyncio.sleep(wait_of(response.headers.get("Retry-After", "")))
        return Reply(response.status_code, response.content)

    async def _turn(self) -> None:
        """Wait until a request may be sent."""
        now = asyncio.get_running_loop().time()
        begin = max(self._next, now)
        self._next = begin + self._pause
        await asyncio.sleep(begin - now)


def wait_of(header: str) -> float:
    """The seconds of a Retry-After, or one; a date counts as none."""
    return min(float(header), LONGEST_WAIT) if header.isascii() and header.isdigit() else 1.0
