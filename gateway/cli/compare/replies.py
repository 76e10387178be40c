"""The gateways to compare, asked only what reads, and what they reply."""

import asyncio
from dataclasses import dataclass

import orjson

from gateway.cli.client.gateway import GatewayClient
from gateway.errors import Code, GatewayError
from gateway.schema.method import Method

TOO_MANY_REQUESTS = 429
TRIES = 5
"""How often a request is sent that is answered with 429."""
LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a gateway replied to a request."""

    status: int | None
    """HTTP's; None if there was no reply."""
    body: bytes = b""
    problem: str = ""
    """Why there was none."""

    @property
    def object(self) -> dict[str, object] | None:
        """Its JSON, if that is an object."""
        try:
            value = orjson.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def text(self) -> str:
        """The code and message of an error, or the beginning of what is not JSON."""
        shape = self.object
        if shape is not None and isinstance(shape.get("message"), str):
            code = shape.get("code")
            name = Code(code).name if isinstance(code, int) and code in set(Code) else str(code)
            return f"{name}: {shape['message']}"
        return self.body[:200].decode(errors="replace").strip()

    @property
    def summary(self) -> str:
        """The status and, unless it is 200, the text."""
        return "200" if self.status == 200 else f"{self.status} {self.text}".strip()


class NotReadOnly(Exception):
    """The method may change something. Nothing was sent."""


class ReadOnlyGateway:
    """A gateway that is sent at most `rate` requests a second, and waits as it says after a 429."""

    def __init__(self, client: GatewayClient, rate: float) -> None:
        self._client = client
        self._interval = 1 / rate
        self._next = 0.0

    async def ask(self, method: Method, body: bytes) -> Reply:
        """The reply to one request. Raises NotReadOnly for a method that does more than read."""
        if not method.reads_only or method.streams:
            raise NotReadOnly(method.path)
        for left in reversed(range(TRIES)):
            await self._wait()
            try:
                response = await self._client.send("POST", method.path, body, {})
            except GatewayError as error:
                return Reply(None, problem=error.message)
            if response.status_code != TOO_MANY_REQUESTS or not left:
                break
            await asyncio.sleep(seconds_of(response.headers.get("Retry-After", "")))
        return Reply(response.status_code, response.content)

    async def _wait(self) -> None:
        """Wait until the next request may be sent."""
        now = asyncio.get_running_loop().time()
        start = max(self._next, now)
        self._next = start + self._interval
        await asyncio.sleep(start - now)


def seconds_of(retry_after: str) -> float:
    """The seconds of a Retry-After header; 1 if it has none, also for a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT)
    return 1.0
