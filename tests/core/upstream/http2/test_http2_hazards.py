"""What can go wrong on a connection to Cuebot and must not harm other calls, memory or the CPU."""

import asyncio
import gc
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from h2.events import PingReceived, WindowUpdated
from h2.settings import SettingCodes
from structlog.testing import capture_logs

from gateway.core.errors import Code
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.http2.channel import Http2Channel
from gateway.core.upstream.http2.connection import Connection
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.interface import CallFailed, Reason, State, UpstreamCall
from tests.core.upstream.http2 import frames
from tests.support.http2_frames import silent_server
from tests.support.http2_server import (
    ECHO,
    HEADERS,
    Http2Server,
    Peer,
    call,
    echo,
    failure,
    framed,
    http2_server,
    options,
    raw_frame,
    upstream_to,
)
from tests.support.patience import PATIENCE
from tests.support.transports import Counting

pytestmark = pytest.mark.anyio

HEAD = b"\x83\x86" + literal(b":path", ECHO.encode()) + literal(b":authority", b"cuebot")


class Nobody:
    """An owner that takes no notice."""

    def on_end(self, connection: Connection) -> None:
        """See `Owner`."""

    def on_silence(self) -> None:
        """See `Owner`."""


@asynccontextmanager
async def connected(
    server: Http2Server, kind: type[Connection] = Connection
) -> AsyncIterator[tuple[asyncio.Transport, Connection]]:
    """A connection without a channel around it."""
    host, _, port = server.endpoint.partition(":")
    transport, connection = await asyncio.get_running_loop().create_connection(
        lambda: kind(options(), Nobody()), host, int(port)
    )
    await connection.ready
    try:
        yield transport, connection
    finally:
        connection.abort()


async def call_over(connection: Connection, message: bytes) -> bytes:
    """The answer to this message on that connection."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    return await connection.unary(HEAD, message, deadline)


def ignore(peer: Peer, stream: int) -> None:
    """Never answer."""


# --- Windows and limits ----------------------------------------------------------------------
async def test_calls_that_wait_begin_when_the_limit_is_raised() -> None:
    async with http2_server(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0}) as server:
        tasks = [asyncio.create_task(call(server, b"%d" % number)) for number in range(3)]
        await server.channel.wait_for_state_change(State.IDLE)
        await server.channel.wait_for_state_change(State.CONNECTING)
        await asyncio.sleep(0.01)  # the calls begin to wait; if they have not, nothing is lost
        assert not server.peer.headers
        server.peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        server.peer.flush()
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.gather(*tasks) == [b"0", b"1", b"2"]


async def test_a_window_that_becomes_negative_is_waited_for() -> None:
    """SETTINGS may take back what was given (RFC 9113, section 6.9.2)."""
    async with http2_server(settings={SettingCodes.INITIAL_WINDOW_SIZE: 100}) as server:
        task = asyncio.create_task(call(server, b"x" * 50_000))
        await server.until(lambda: bool(server.peers and server.peer.headers))
        peer = server.peer
        for size in (0, 70, 10, 40_000, 0, 65_000):
            peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})
            peer.flush()
        assert await task == b"x" * 50_000
        assert not peer.complaint


async def test_requests_are_not_written_without_end_to_a_server_that_does_not_read() -> None:
    async with (
        http2_server(settings={SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1}) as server,
        connected(server) as (transport, connection),
    ):
        await call_over(connection, b"")
        server.peer.h2.increment_flow_control_window(2**30)
        server.peer.flush()
        await call_over(connection, b"")
        server.peer.transport.pause_reading()
        message = b"x" * 2**20
        tasks = [asyncio.create_task(call_over(connection, message)) for _ in range(64)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() < 2**20
        tasks.pop().cancel()
        server.peer.transport.resume_reading()
        assert await asyncio.gather(*tasks) == [message] * 63
        assert connection.idle
        assert not server.peer.complaint


async def test_padding_is_given_back_to_the_streams_window() -> None:
    """Or an answer with much padding would stop before its end."""
    async with http2_server(ignore, max_message=1000) as server:
        task = asyncio.create_task(call(server))
        await server.until(lambda: bool(server.peers and server.peer.headers))
        peer = server.peer
        peer.transport.write(frames.headers(1))
        data = framed(b"y" * 1000)
        for start in range(0, len(data), 2):
            part = data[start : start + 2]
            peer.transport.write(frames.data(1, bytes((255,)) + part + bytes(255), frames.PADDED))
        peer.transport.write(frames.trailers(1))
        assert await task == b"y" * 1000
        await peer.until(lambda: sum(given_back(peer, 1)) == 503 * 256)


def given_back(peer: Peer, stream: int) -> list[int]:
    """What a stream's window has got."""
    return [
        each.delta
        for each in peer.events
        if isinstance(each, WindowUpdated) and each.stream_id == stream
    ]


async def test_more_than_was_announced_ends_the_call() -> None:
    """At once, not when memory is full; and other calls go on."""

    def pour(peer: Peer, stream: int) -> None:
        if stream == 1:
            data = frames.data(stream, framed(b"ab") + b"c")
            peer.transport.write(frames.headers(stream) + data)
        else:
            echo(peer, stream)

    async with http2_server(pour) as server:
        assert (await failure(server)).code is Code.INTERNAL
        await server.until(lambda: bool(server.peer.resets()))
        assert (await call(server), len(server.peers)) == (b"hi", 1)


class Counted(Connection):
    """A connection whose writes are counted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.counting = Counting(cast(asyncio.Transport, transport))
        super().connection_made(self.counting)  # type: ignore[arg-type]  # looks like one


async def test_calls_of_one_moment_are_sent_together() -> None:
    async with http2_server() as server, connected(server, Counted) as (_, connection):
        assert isinstance(connection, Counted)
        await call_over(connection, b"hi")
        written = connection.counting.written
        written.clear()
        messages = [b"%d" % number for number in range(20)]
        answers = await asyncio.gather(*[call_over(connection, each) for each in messages])
        assert answers == messages
        assert sum(ECHO.encode() in each for each in written) == 1
        assert written[0].count(ECHO.encode()) == 20


# --- Frames without progress ----------------------------------------------------------------


PINGS = frames.ping() * 5500


async def test_what_has_arrived_is_taken_in_turns() -> None:
    """Others have theirs between two of them, and nothing more is read meanwhile."""
    async with http2_server() as server, connected(server) as (transport, connection):
        assert await call_over(connection, b"hi") == b"hi"
        connection.data_received(PINGS)
        turns = 1
        while not transport.is_reading():
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 6
        assert await call_over(connection, b"hi") == b"hi"
        await server.peer.until(lambda: server.peer.pongs() == 5500)


async def test_what_comes_fast_is_read_in_turns() -> None:
    asked: list[int] = []
    async with (
        http2_server(lambda peer, stream: asked.append(stream)) as server,
        connected(server) as (transport, connection),
    ):
        calling = asyncio.create_task(call_over(connection, b"hi"))
        await server.until(lambda: bool(asked))
        connection.data_received(frames.headers(asked[0]))
        message = framed(bytes(5 * 2**18))
        pieces = [message[at : at + 16_000] for at in range(0, len(message), 16_000)]
        pauses = 0
        for piece in pieces:
            connection.data_received(frames.data(asked[0], piece))
            if not transport.is_reading():
                pauses += 1
                await asyncio.sleep(0)
                assert transport.is_reading()
        assert pauses == 2
        connection.data_received(frames.trailers(asked[0]))
        assert await calling == bytes(5 * 2**18)


async def test_what_has_arrived_before_the_end_is_taken() -> None:
    asked: list[int] = []
    async with (
        http2_server(lambda peer, stream: asked.append(stream)) as server,
        connected(server) as (_, connection),
    ):
        calls = [asyncio.create_task(call_over(connection, b"hi")) for _ in range(2)]
        await server.until(lambda: len(asked) == 2)
        long = frames.END + literal(b"x-never-seen", b"y" * 2000)  # it takes more than a turn
        connection.data_received(
            frames.headers(asked[0])
            + frames.data(asked[0], framed(b"done"))
            + frames.trailers(asked[0], long)
            + frames.answer(asked[1], b"done")
        )
        connection.eof_received()
        assert await asyncio.gather(*calls) == [b"done", b"done"]


async def test_a_connection_may_be_lost_between_two_turns() -> None:
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    async with http2_server() as server, connected(server) as (transport, connection):
        connection.data_received(PINGS)
        assert not transport.is_reading()
        connection.abort()
        for _ in range(10):
            await asyncio.sleep(0)
    assert not problems


async def test_farewells_are_logged_once() -> None:
    """A server can send thousands of them."""
    async with http2_server() as server, connected(server) as (_, connection):
        with capture_logs() as lines:
            connection.data_received(frames.goaway(0, 2, b"bye") * 100)
    assert [each["words"] for each in lines] == ["bye"]


@pytest.mark.parametrize("continued", [False, True], ids=["many fields", "long"])
async def test_headers_that_are_too_large_end_one_call(continued: bool) -> None:
    block = literal(b"x", b"y" * 60_000)
    held: list[int] = []

    def answer(peer: Peer, stream: int) -> None:
        if stream == 1:
            held.append(stream)
        elif stream > 3:
            echo(peer, stream)
        elif continued:
            peer.transport.write(raw_frame(frames.HEADERS, frames.END_STREAM, stream, block))
            peer.transport.write(raw_frame(frames.CONTINUATION, frames.END_HEADERS, stream, block))
        else:
            peer.transport.write(frames.trailers(stream, b"\x82" * 3000))

    async with http2_server(answer) as server:
        first = asyncio.create_task(call(server, b"first"))
        await server.until(lambda: bool(held))
        failed = await failure(server)
        assert (failed.code, failed.reason) == (Code.RESOURCE_EXHAUSTED, Reason.PROTOCOL)
        assert "headers" in failed.details
        assert await call(server) == b"hi"
        echo(server.peer, 1)
        server.peer.flush()
        assert await first == b"first"
        assert len(server.peers) == 1


# --- What the server asks of our headers -----------------------------------------------------
async def test_a_server_may_want_a_smaller_table() -> None:
    """It has to hear that ours is as small (RFC 7541, section 4.2); h2 checks that."""
    async with http2_server(settings={SettingCodes.HEADER_TABLE_SIZE: 0}) as server:
        assert (await call(server), await call(server)) == (b"hi", b"hi")
        assert not server.peer.complaint
        assert len(server.peers) == 1


async def test_headers_larger_than_a_frame() -> None:
    metadata = (("x-long", "x" * 40_000), ("x-longer", "y" * 20_000))
    async with http2_server(settings={SettingCodes.MAX_HEADER_LIST_SIZE: 2**17}) as server:
        assert await server.upstream.call(UpstreamCall(ECHO, b"hi", 10, metadata)) == b"hi"
        assert server.peer.headers[1]["x-long"] == "x" * 40_000
        assert server.peer.headers[1]["x-longer"] == "y" * 20_000


async def test_headers_that_the_server_would_not_take_are_not_sent() -> None:
    """Some servers end the whole connection for them."""
    async with http2_server(settings={SettingCodes.MAX_HEADER_LIST_SIZE: 8192}) as server:
        assert await call(server) == b"hi"
        with pytest.raises(CallFailed) as raised:
            await server.upstream.call(UpstreamCall(ECHO, b"hi", 10, (("x-long", "x" * 8000),)))
        failed = raised.value
        assert (failed.code, failed.may_have_reached_server) == (Code.RESOURCE_EXHAUSTED, False)
        assert (await call(server), len(server.peer.headers)) == (b"hi", 2)


# --- Deadlines -------------------------------------------------------------------------------
async def test_a_deadline_does_not_wait_for_those_of_calls_before_it() -> None:
    async with http2_server(ignore) as server:
        patient = asyncio.create_task(call(server, timeout=10 * PATIENCE))
        await server.until(lambda: bool(server.peers and server.peer.headers))
        for timeout in (0.2, 0.05):
            failed = await asyncio.wait_for(failure(server, timeout=timeout), PATIENCE)
            assert (failed.code, failed.reason) == (Code.DEADLINE_EXCEEDED, Reason.DEADLINE)
        assert not patient.done()
        patient.cancel()


# --- Ends ------------------------------------------------------------------------------------


async def test_the_servers_end_of_file_ends_calls_at_once() -> None:
    def close(peer: Peer, stream: int) -> None:
        if len(server.peers) == 1:
            asyncio.get_running_loop().call_soon(peer.transport.write_eof)
        else:
            echo(peer, stream)

    async with http2_server(close) as server:
        failed = await failure(server)
        assert (failed.code, failed.reason) == (Code.UNAVAILABLE, Reason.LOST)
        assert failed.may_have_reached_server
        assert await call(server) == b"hi"


async def test_two_farewells() -> None:
    """First \"no more\", with the highest number there is; then the last call that was taken."""
    got: list[tuple[Peer, int]] = []
    async with http2_server(lambda peer, stream: got.append((peer, stream))) as server:
        first = asyncio.create_task(call(server, b"first"))
        await server.until(lambda: len(got) == 1)
        second = asyncio.create_task(call(server, b"second"))
        await server.until(lambda: len(got) == 2)
        old = server.peer
        old.transport.write(frames.goaway(2**31 - 1))
        third = asyncio.create_task(call(server, b"third"))
        await server.until(lambda: len(got) == 3)
        assert got[2][0] is not old
        old.transport.write(frames.goaway(1))
        await server.until(lambda: len(got) == 4)
        for peer, stream in got[2:]:
            echo(peer, stream)
            peer.flush()
        assert (await second, await third) == (b"second", b"third")
        old.transport.write(frames.answer(1, b"first"))
        assert await first == b"first"
        await old.until(lambda: old.lost)


async def test_a_server_that_cannot_bear_pings_gets_fewer() -> None:
    calls: list[Peer] = []

    def calm(peer: Peer, stream: int) -> None:
        if len(server.peers) == 1:
            peer.transport.write(frames.goaway(0, 11, b"too_many_pings"))
        elif not calls:
            echo(peer, stream)

    async with http2_server(calm, keepalive_time=0.05) as server:
        assert await call(server) == b"hi"
        calls.append(server.peer)
        task = asyncio.create_task(call(server))
        began = time.monotonic()
        await server.peer.until(lambda: pings(server.peer) >= 5)
        assert time.monotonic() - began > 4 * 0.1 - 0.02
        task.cancel()


def pings(peer: Peer) -> int:
    """How often it has been asked whether it is there."""
    return sum(isinstance(each, PingReceived) for each in peer.events)


# --- Connecting ------------------------------------------------------------------------------
async def test_connections_that_do_not_last_are_made_with_pauses() -> None:
    made: list[asyncio.StreamWriter] = []
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(writer)
        writer.write(frames.HELLO + frames.goaway(0))
        writer.close()
        if len(made) == 3:
            left.set()

    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float) -> None:
        pauses.append(delay)
        await real(0)

    async def keep_connected() -> None:
        while True:
            await channel.wait_for_state_change(channel.get_state(try_to_connect=True))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        quick = options(initial_backoff=0.02, max_backoff=60.0)
        channel = Http2Channel(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", quick)
        keep = asyncio.create_task(keep_connected())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "sleep", sleep)
            async with asyncio.timeout(PATIENCE):
                await left.wait()
        keep.cancel()
        await channel.close()
    assert pauses[:3] == [0.0, 0.02, 0.04]


async def test_a_connection_that_was_of_use_is_replaced_at_once() -> None:
    async with http2_server(initial_backoff=60.0, max_backoff=60.0) as server:
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                assert await call(server) == b"hi"
                server.peer.transport.abort()
                await server.channel.wait_for_state_change(State.READY)
        assert len(server.peers) == 3


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".test"], ids=["empty label", "long label"])
async def test_a_name_that_can_be_none_is_a_failure_to_connect(host: str) -> None:
    async with upstream_to(f"{host}:1") as upstream:
        with pytest.raises(CallFailed) as raised:
            await upstream.call(UpstreamCall(ECHO, b"", PATIENCE))
    failed = raised.value
    assert (failed.code, failed.may_have_reached_server) == (Code.UNAVAILABLE, False)
    assert failed.reason is Reason.NOT_CONNECTED


async def test_an_address_that_does_not_answer_is_passed_over() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert host == "cuebot.test"
        return ["127.0.0.2", "127.0.0.1"]

    async with http2_server() as server:
        port = int(server.endpoint.rpartition(":")[2])
        async with silent_server("127.0.0.2", port):
            endpoint = f"cuebot.test:{port}"
            channel = Http2Channel(endpoint, options(connect_timeout=0.2), resolve=resolve)
            upstream = Endpoint(endpoint, channel)
            assert await upstream.call(UpstreamCall(ECHO, b"hi", PATIENCE)) == b"hi"
            await upstream.close()


async def test_ipv6() -> None:
    """An address in brackets."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    loop = asyncio.get_running_loop()
    happened = asyncio.Event()
    try:
        server = await loop.create_server(lambda: Peer(echo, {}, happened), "::1", 0)
    except OSError:
        pytest.skip("no IPv6 here")
    async with upstream_to(f"[::1]:{server.sockets[0].getsockname()[1]}") as upstream:
        assert await upstream.call(UpstreamCall(ECHO, b"hi", PATIENCE)) == b"hi"
    server.close()


# --- What is left over -----------------------------------------------------------------------
async def test_a_closed_channel_leaves_nothing_to_complain_about() -> None:
    problems: list[Any] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: problems.append(context))
    try:
        async with http2_server() as server:
            for steps in range(12):
                async with upstream_to(server.endpoint) as upstream:
                    task = asyncio.create_task(upstream.call(UpstreamCall(ECHO, b"hi", PATIENCE)))
                    for _ in range(steps):
                        await asyncio.sleep(0)
                await asyncio.gather(task, return_exceptions=True)
            transport, connection = await loop.create_connection(
                lambda: Connection(options(), Nobody()),
                "127.0.0.1",
                int(server.endpoint.split(":")[1]),
            )
            connection.abort()
            del connection, transport, upstream, task
        await asyncio.sleep(0)
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert not problems


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["fails", "cancelled", "succeeds"])
async def test_calls_leave_no_cycles(how: str) -> None:
    """An outcome is freed when it is forgotten, not when the collector comes by."""

    def answer(peer: Peer, stream: int) -> None:
        if how == "fails":
            peer.h2.send_headers(stream, [*HEADERS, ("grpc-status", "5")], end_stream=True)
        elif how == "succeeds":
            echo(peer, stream)

    async def one(server: Http2Server) -> None:
        task = asyncio.create_task(call(server))
        if how == "cancelled":
            for _ in range(3):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()

    async with http2_server(answer) as server:
        for _ in range(10):
            await one(server)
        kinds = (CallFailed, asyncio.CancelledError)
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await one(server)
            await asyncio.sleep(0)
            held = [each for each in gc.get_objects() if type(each).__name__ == "Stream"]
            errors = [each for each in gc.get_objects() if isinstance(each, kinds)]
            ours = [each for each in held if type(each).__module__.startswith("gateway")]
        finally:
            gc.enable()
        assert len(ours) <= 1
        assert len(errors) <= 1


@pytest.mark.slow
async def test_lost_connections_leave_nothing() -> None:
    """After 50 of them, each with a call that fails, there is what there was after the first."""

    def answer(peer: Peer, stream: int) -> None:
        if stream == 1:
            echo(peer, stream)
        else:
            peer.transport.abort()

    def kinds() -> Counter[str]:
        gc.collect()
        kinds = [type(each) for each in gc.get_objects()]
        return Counter(
            kind.__name__
            for kind in kinds
            if str(kind.__module__).startswith("gateway.core.upstream")
        )

    async with http2_server(answer) as server, upstream_to(server.endpoint) as upstream:
        before: Counter[str] | None = None
        for _ in range(51):
            assert await upstream.call(UpstreamCall(ECHO, b"hi", 10)) == b"hi"
            with pytest.raises(CallFailed):
                await upstream.call(UpstreamCall(ECHO, b"hi", 10))
            before = before or kinds()
        assert kinds() == before
