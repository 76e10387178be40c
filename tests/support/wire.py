"""HTTP/1.1 by hand: a connection to a gateway on which every byte is the test's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gateway.core.errors import Code
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, head

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""
    reason: str = ""
    lines: list[str] = field(default_factory=list)
    """Those of the headers, as they came and in their order."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def last(self) -> bool:
        """Whether the connection ends with it."""
        return self.headers.get("connection", "") == "close"

    @property
    def code(self) -> object:
        return self.json["code"]


@dataclass
class Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    begun: bytes = b""  # what `reply_begins` has read

    async def send(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def answer(self, *, bodiless: bool = False, timeout: float = PATIENCE) -> Answer:
        async with asyncio.timeout(timeout):
            found = await self._head()
            if bodiless or found.status < 200 or found.status in BODILESS:
                return found
            if found.headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readline(), 16):
                    found.body += await self.reader.readexactly(size)
                    await self.reader.readexactly(2)
                await self.reader.readexactly(2)
            elif "content-length" in found.headers:
                found.body = await self.reader.readexactly(int(found.headers["content-length"]))
            else:
                found.body = await self.reader.read()
        return found

    async def reply_begins(self) -> None:
        """Wait until the gateway sends something or closes. `answer` and `rest` give it whole."""
        self.begun += await self.reader.read(1)

    async def _head(self) -> Answer:
        line, self.begun = self.begun + await self.reader.readline(), b""
        _, status, reason = line.split(b" ", 2)
        headers, lines = {}, []
        while (line := await self.reader.readline()) != b"\r\n":
            lines.append(line.decode().removesuffix("\r\n"))
            name, _, value = lines[-1].partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(status), headers, reason=reason.decode().strip(), lines=lines)

    async def rest(self, timeout: float = PATIENCE) -> bytes:
        """Whatever still comes until the gateway closes the connection."""
        found, self.begun = self.begun, b""
        async with asyncio.timeout(timeout):
            with suppress(ConnectionError):
                while part := await self.reader.read(65536):
                    found += part
        return found


@asynccontextmanager
async def wire(gateway: Gateway, **how: Any) -> AsyncIterator[Wire]:
    """A connection to the gateway; `how` is for `asyncio.open_connection`."""
    async with wire_to(gateway.port, **how) as one:
        yield one


def wire_to(port: int, **how: Any) -> AbstractAsyncContextManager[Wire]:
    return wire_on(host="127.0.0.1", port=port, **how)


@asynccontextmanager
async def wire_on(**how: Any) -> AsyncIterator[Wire]:
    """A connection that is closed whatever becomes of the test: one left open fails another."""
    reader, writer = await asyncio.open_connection(**how)  # noqa: TID251 - the only one
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(path: str, body: bytes, *lines: str, subject: str | None = "tester") -> bytes:
    return head(path, f"Content-Length: {len(body)}", *lines, subject=subject) + body


def assert_refused(answer: Answer, status: int, code: int) -> None:
    """That the connection itself has refused, in the one shape, and ends."""
    assert answer.status == status
    assert answer.reason == HTTPStatus(status).phrase
    assert answer.last
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json["error"], answer.json["code"]) == (Code(code).name, code)
    assert answer.json["message"]
