"""What a connection may take: time, waiting requests, and a place among the others."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway.server.http1.parser import SLICE_BYTES
from gateway.server.http1.protocol import BUFFERED_BODY_MAX_BYTES
from tests.server.samples import GET_GROUPS, GET_JOBS, SHOWS, SMALLEST, acceptor_of
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE, until
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, head
from tests.support.wire import Wire, assert_refused, request, wire

BRIEF = 1.0
"""Seconds of HTTP_TIMEOUT."""
DRIP = BRIEF / 8

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.gateway(http_timeout=BRIEF)]


async def drip(one: Wire, byte: bytes) -> int:
    """Send a byte every now and then until the gateway answers or closes; how many went."""
    count = 0
    async with asyncio.timeout(PATIENCE):
        ended = asyncio.create_task(one.reply_begins())
        while not ended.done():
            with suppress(ConnectionError, RuntimeError):
                await one.send(byte)
            count += 1
            await asyncio.wait([ended], timeout=DRIP)
        with suppress(ConnectionError):  # if it went while a byte was on its way
            await ended
    return count


async def asks(one: Wire) -> int:
    await one.send(request(SHOWS, b"{}"))
    return (await one.answer()).status


# --- time -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "start", [b"P", b"POST /", head(SHOWS)[:-2] + b"A: "], ids=["a method", "a target", "a header"]
)
@pytest.mark.parametrize("first", [b"", request(SHOWS, b"{}")], ids=["first", "second"])
async def test_bytes_one_by_one_are_408(gateway: Gateway, first: bytes, start: bytes) -> None:
    lines, began = gateway.access_lines(), time.monotonic()
    async with wire(gateway) as one:
        if first:
            await one.send(first)
            assert (await one.answer()).status == 200
        await one.send(start)
        assert await drip(one, b"x") < 10 * BRIEF / DRIP
        if start == b"P":  # Px is no method
            assert_refused(await one.answer(), 400, 3)
        else:
            assert_refused(await one.answer(), 408, 4)
            assert (lines[-1]["status"], lines[-1]["code"]) == (408, "DEADLINE_EXCEEDED")
            seen = time.monotonic() - began
            assert BRIEF * 900 < float(str(lines[-1]["ms"])) <= seen * 1000 + 1
        assert await one.rest() == b""
        assert len(lines) == 1 + bool(first)


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_no_request_ends_the_connection(gateway: Gateway, sent: bytes) -> None:
    async with wire(gateway) as one:
        assert not sent or await drip(one, sent) < 10 * BRIEF / DRIP
        assert await one.rest() == b""


async def test_a_slow_head_disturbs_no_answer(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Content-Length: 0"), b"POST /x")
        assert (await one.answer()).status == 200


async def test_a_body_in_drops_is_408(gateway: Gateway) -> None:
    lines = gateway.access_lines()
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Content-Length: 1000000"))
        assert await drip(one, b" ") < 10 * BRIEF / DRIP
    # Whether a client that goes on sending can read the answer is up to its system.
    assert [line["status"] for line in lines] == [408]


async def test_a_body_in_drops_behind_its_answer_ends_the_connection(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        await one.send(head("/healthz", "Content-Length: 1000000", start="GET"))
        assert (await one.answer()).status == 200
        assert await drip(one, b" ") < 10 * BRIEF / DRIP
        assert await one.rest() == b""


@pytest.mark.parametrize("late", [b"", b"{}"])
async def test_an_idle_connection_is_closed(gateway: Gateway, late: bytes) -> None:
    """Also when the body has come after the answer."""
    async with wire(gateway) as one:
        assert await asks(one) == 200
        await one.send(head("/healthz", f"Content-Length: {len(late)}", start="GET"))
        assert (await one.answer()).status == 200
        await one.send(late)
        assert await one.rest() == b""


@pytest.mark.gateway(http_timeout=3 * BRIEF)  # a machine may stand still for longer than BRIEF
async def test_a_busy_connection_is_kept(gateway: Gateway) -> None:
    async with wire(gateway) as busy, wire(gateway) as idle:
        ended = asyncio.create_task(idle.rest())
        while not ended.done():
            assert await asks(busy) == 200
        assert await asks(busy) == 200


async def test_a_long_call_is_waited_for(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    _, release = cuebot.holds(GET_JOBS)
    async with wire(gateway) as one:
        await one.send(request(GET_JOBS, b"{}"))
        for _ in range(3):
            async with wire(gateway) as idle:
                assert await idle.rest() == b""
        release.set()
        assert ((await one.answer()).status, await asks(one)) == (200, 200)


@contextmanager
def stalled(gateway: Gateway, sent: bytes) -> Iterator[None]:
    """A client that sends this and never reads, and leaves little room for what is on its way."""
    (listener,) = acceptor_of(gateway).listeners
    with socket.socket(fileno=os.dup(listener.fileno())) as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # for those it accepts
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(sent)
        yield


@pytest.mark.parametrize("lines", [(), ("Connection: close",)], ids=["kept", "last"])
async def test_an_unread_answer_does_not_keep_its_connection(
    gateway: Gateway, cuebot: ScriptedCuebot, lines: tuple[str, ...]
) -> None:
    cuebot.answers(GET_JOBS, jobs(100))
    await gateway.client.aclose()
    with stalled(gateway, request(GET_JOBS, b"{}", *lines)):

        def unsent() -> int:
            return sum(one.flushed().get_write_buffer_size() for one in gateway.server.connections)

        await until(lambda: unsent() > 0)
        assert not any(one.catching_up for one in gateway.server.connections)
        await until(lambda: not gateway.server.connections)


async def test_answers_that_nobody_reads_do_not_keep_their_connection(gateway: Gateway) -> None:
    with stalled(gateway, SMALLEST * 3000):
        await until(lambda: any(one.catching_up for one in gateway.server.connections))
        await until(lambda: not gateway.server.connections)


# --- pipelined requests -----------------------------------------------------------------------
async def test_requests_that_wait_are_bounded(cuebot: ScriptedCuebot) -> None:
    _, release = cuebot.holds(GET_JOBS)
    count = 3000
    last = request("/no.Such/Method", b"{}", "Connection: close")
    async with gateway_for(cuebot.endpoint) as gateway, wire(gateway) as one:
        await gateway.client.aclose()
        await one.send(request(GET_JOBS, b"{}"))
        await until(lambda: len(cuebot.seen) == 1)
        sending = asyncio.create_task(one.send(SMALLEST * count, last))
        (connection,) = gateway.server.connections
        await until(lambda: connection.read_paused)
        await asyncio.sleep(0.1)  # for more that must not come, by way of who watches for the end
        assert connection.read_paused
        assert 0 < len(connection._waiting) <= SLICE_BYTES / len(SMALLEST)
        release.set()
        assert (await one.answer()).status == 200
        for _ in range(count):
            answer = await one.answer()
            assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
            assert len(connection._waiting) <= SLICE_BYTES / len(SMALLEST)
        assert ((await one.answer()).status, await one.rest()) == (404, b"")
        await sending


async def test_nothing_is_read_behind_a_large_body(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Nor if all of it has come at once; while one that does not wait is answered, a disconnect
    would be noticed.
    """
    large = request(GET_GROUPS, b'{"group": {"id": "g"}}' + b" " * BUFFERED_BODY_MAX_BYTES)
    async with wire(gateway) as one:
        for _ in range(3):
            await one.send(large)
            assert (await one.answer()).status == 200
        called, release = cuebot.holds(GET_GROUPS)
        await one.send(large)
        await called.wait()
        connection = next(each for each in gateway.server.connections if each.is_answering)
        assert not connection.read_paused
        await one.send(large)
        await until(lambda: connection.read_paused)
        assert len(connection._waiting) == 1
        release.set()
        for _ in range(2):
            assert (await one.answer()).status == 200
