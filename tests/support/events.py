"""Event streams, as a client reads them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.servers import Gateway

EVENTS = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Event:
    kind: str
    data: Any
    id: str


@dataclass
class Stream:
    answer: httpx.Response
    lines: AsyncIterator[str]

    async def block(self) -> list[str]:
        """The lines up to the next empty one; none at the end."""
        found: list[str] = []
        async for line in self.lines:
            if not line:
                return found
            found.append(line)
        return found

    async def next(self) -> Event:
        """The next event. Comments and `retry` are left out. Raises EOFError at the end."""
        while block := await self.block():
            fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            if "data" in fields:
                return Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
        raise EOFError

    async def rest(self) -> list[Event]:
        found = []
        try:
            while True:
                found.append(await self.next())
        except EOFError:
            return found


@asynccontextmanager
async def watching(
    gateway: Gateway, target: str, body: object = None, **headers: str
) -> AsyncIterator[Stream]:
    """The stream of a GET, or of a POST with this body."""
    verb, url = "GET" if body is None else "POST", gateway.url + target
    given = {**EVENTS, **headers}
    async with gateway.client.stream(verb, url, headers=given, json=body) as answer:
        if answer.status_code != 200:
            await answer.aread()
        assert answer.status_code == 200, answer.text
        yield Stream(answer, answer.aiter_lines())
