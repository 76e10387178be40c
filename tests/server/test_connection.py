"""What comes before a request is one: heads that never end, silence, and what is not HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest

from tests.server.samples import FIND_SHOW, GET_JOBS, SHOWS
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, ScriptedCuebot, bearer, gateway_for, head

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.gateway(http_timeout=1),
]

LARGE = jobs(20_000)
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(gateway: Gateway, *sent: bytes) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        for part in sent:
            writer.write(part)
        async with asyncio.timeout(PATIENCE):
            yield reader, writer
    finally:
        writer.close()


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, dict[str, object]]:
    """The status line and the JSON of an answer that ends with the connection."""
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"application/json" in head
    return head.partition(b"\r\n")[0], json.loads(body)


async def test_headers_without_end_are_431(gateway: Gateway) -> None:
    """Headers over 64 KB are refused while they come, without a token, in the one shape."""
    line = b"X-Filler: " + b"x" * 8000 + b"\r\n"
    async with connected(gateway, b"POST /x HTTP/1.1\r\n", *[line] * 9) as (reader, _):
        status, shape = await answer_of(reader)
    assert b" 431 " in status
    assert (shape["error"], shape["code"]) == ("RESOURCE_EXHAUSTED", 8)


async def test_a_long_body_is_no_long_head(gateway: Gateway) -> None:
    """Bytes of a body do not count against the headers of the next request."""
    body = b'{"name": "' + b"x" * 300_000 + b'"}'
    length = f"Content-Length: {len(body)}"
    request = head(FIND_SHOW, length) + body
    async with connected(gateway, request, request) as (reader, _):
        for _ in range(2):
            assert b" 200 " in await reader.readline()
            rest = await reader.readuntil(b"\r\n\r\n")
            assert b"content-length: 13" in rest
            assert await reader.readexactly(13) == b'{"show":null}'


@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["silence", "an empty line"])
async def test_silence_ends_the_connection(gateway: Gateway, sent: bytes) -> None:
    """A connection on which no request begins is closed after HTTP_TIMEOUT, without a word."""
    async with connected(gateway, sent) as (reader, _):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


@pytest.mark.parametrize(
    "sent",
    [b"P", b"POST /x HT", b"POST /x HTTP/1.1\r\nHost: x\r\n", b"\r\nPOST"],
    ids=["a letter", "half a line", "half a head", "an empty line before"],
)
async def test_a_head_that_does_not_come_is_408(gateway: Gateway, sent: bytes) -> None:
    """Who has begun a request is told after HTTP_TIMEOUT that the rest has not come."""
    async with connected(gateway, sent) as (reader, _):
        status, shape = await answer_of(reader)
    assert status == b"HTTP/1.1 408 Request Timeout"
    assert (shape["error"], shape["code"]) == ("DEADLINE_EXCEEDED", 4)


async def test_a_slow_head_does_not_disturb_an_answer(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """The half head of a second request waits while the first one is answered."""
    async with connected(gateway, head(SHOWS, "Content-Length: 0"), b"POST /x") as (
        reader,
        _,
    ):
        assert b" 200 " in await reader.readline()


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
    ids=["no HTTP", "another version", "a bad length"],
)
async def test_what_is_not_http_is_400_in_the_one_shape(gateway: Gateway, sent: bytes) -> None:
    """Malformed requests get JSON like any other, and the connection ends."""
    async with connected(gateway, sent) as (reader, _):
        status, shape = await answer_of(reader)
    assert b" 400 " in status
    assert (shape["error"], shape["code"]) == ("INVALID_ARGUMENT", 3)


@pytest.mark.parametrize("path", ["/x", "/healthz", SHOWS])
async def test_an_absurd_length_is_no_crash(gateway: Gateway, path: str) -> None:
    """A Content-Length of thousands of zeros is answered like the number that it is."""
    start = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {'0' * 5000}2\r\n\r\n"
    async with connected(gateway, start.encode(), b"{}") as (reader, _):
        status = await reader.readline()
        assert b" 401 " in status or b" 405 " in status
        length = next(
            int(line.partition(b":")[2])
            for line in (await reader.readuntil(b"\r\n\r\n")).lower().splitlines()
            if line.startswith(b"content-length")
        )
        assert json.loads(await reader.readexactly(length))["message"]


async def test_an_absurd_length_with_a_token_is_no_crash(gateway: Gateway) -> None:
    """So it is behind authentication."""
    request = head(SHOWS, f"Content-Length: {'0' * 5000}2") + b"{}"
    async with connected(gateway, request) as (reader, _):
        assert b" 200 " in await reader.readline()


async def test_a_stalled_http_1_0_client_is_let_go(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Without chunks, too, a client that does not read loses its connection."""
    cuebot.answers(GET_JOBS, LARGE)
    connections = gateway.server.connections
    http10 = head(GET_JOBS, "Content-Length: 0", version="1.0")
    async with connected(gateway, http10) as (reader, writer):
        assert b" 200 " in await reader.readline()
        cast("asyncio.Transport", writer.transport).pause_reading()
        while connections:
            await gateway.client.get("/healthz", headers={"Connection": "close"})


@pytest.mark.slow
async def test_a_greedy_subject_shuts_nobody_out(cuebot: ScriptedCuebot) -> None:
    """Large answers that one subject does not read take no slot from another subject's calls."""
    cuebot.answers(GET_JOBS, LARGE)
    async with gateway_for(cuebot.endpoint, http_timeout=3600, max_in_flight=8) as gateway:
        lines: list[asyncio.Task[bytes]] = []
        writers: list[asyncio.StreamWriter] = []
        try:
            async with asyncio.timeout(PATIENCE):  # the unread answers are there for an hour
                for _ in range(20):
                    known = len(cuebot.seen)
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", gateway.port, limit=1024
                    )
                    writer.write(head(GET_JOBS, "Content-Length: 0"))
                    writers.append(writer)
                    lines.append(asyncio.create_task(reader.readline()))
                    while len(cuebot.seen) == known and not lines[-1].done():
                        await gateway.client.get("/healthz")
                somebody = bearer("somebody else")
                while (await gateway.post(FIND_SHOW, {}, headers=somebody)).status_code != 200:
                    pass
            refused = [line for line in lines if line.done() and b" 503 " in line.result()]
            assert refused, "few answers may wait for their turn"
        finally:
            for line in lines:
                line.cancel()
            for writer in writers:
                writer.transport.abort()
