"""Unary gRPC calls over our own HTTP/2: against grpc.aio, and against peers of every kind."""

import asyncio
from collections.abc import Callable, Sized
from functools import partial
from typing import Any

import grpc
import pytest
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.encode import ERROR_DETAILS_TRAILER
from gateway.errors import Code
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.http2.channel import Http2Channel
from gateway.upstream.http2.headers import binary, literal
from gateway.upstream.interface import SMALL_ANSWER_BYTES, CallFailed, ChannelOptions, Reason, State
from tests.support.http2_server import (
    ECHO,
    FRAME,
    HEADERS,
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
from tests.support.servers import Context, ScriptedCuebot, free_port, running_cuebot

pytestmark = pytest.mark.anyio

STATUSES = {Code(status.value[0]): status for status in grpc.StatusCode}


# --- Against grpc.aio -----------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 122, 16_379, 16_380, 65_531, 100_000, 5_000_000])
async def test_a_message_of_any_size_comes_and_goes(size: int) -> None:
    cuebot = ScriptedCuebot()

    async def handler(request: bytes, context: Context) -> bytes:
        return request[::-1]

    cuebot.handlers[ECHO] = handler
    message = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        # grpc.aio's server takes 4 MB
        if size > 4 * 2**20:
            cuebot.answers(ECHO, message)
            assert await upstream.call(ECHO, b"", PATIENCE, ()) == message
        else:
            assert await upstream.call(ECHO, message, PATIENCE, ()) == message[::-1]


async def test_metadata_and_deadline_arrive() -> None:
    """What is to be told is told, and how long there is."""
    cuebot = ScriptedCuebot()
    left: list[float] = []

    async def handler(request: bytes, context: Context) -> bytes:
        left.append(context.time_remaining())
        return b""

    cuebot.handlers[ECHO] = handler
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        metadata = (("x-request-id", "a" * 128), ("x-long", "b" * 5000))
        await upstream.call(ECHO, b"", 20, metadata)
    assert metadata == tuple((key, cuebot.seen[0][2][key]) for key, _ in metadata)
    assert 10 < left[0] <= 20


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
async def test_every_status_comes_as_it_is(code: Code) -> None:
    cuebot = ScriptedCuebot()

    async def handler(request: bytes, context: Context) -> bytes:
        context.set_trailing_metadata(((ERROR_DETAILS_TRAILER, b"\x00\xff\x10"),))
        await context.abort(STATUSES[code], "100 % ümläut\n日本")
        raise AssertionError

    cuebot.handlers[ECHO] = handler
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        with pytest.raises(CallFailed) as raised:
            await upstream.call(ECHO, b"", PATIENCE, ())
    assert (raised.value.code, raised.value.details) == (code, "100 % ümläut\n日本")
    assert (raised.value.reason, raised.value.may_have_reached_server) == (Reason.STATUS, True)
    assert raised.value.status_details == b"\x00\xff\x10"


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_the_server_hears_that_nobody_waits(how: str) -> None:
    cuebot = ScriptedCuebot()
    begun, cancelled = cuebot.hangs(ECHO)
    async with (
        running_cuebot(cuebot),
        upstream_to(cuebot.endpoint) as upstream,
        asyncio.timeout(PATIENCE),
    ):
        if how == "cancelled":
            task = asyncio.create_task(upstream.call(ECHO, b"", PATIENCE, ()))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        while not begun.is_set():  # a deadline may be over before the server has begun
            with pytest.raises(CallFailed) as raised:
                await upstream.call(ECHO, b"", 0.5, ())
            assert raised.value.code is Code.DEADLINE_EXCEEDED
            # The server was told the deadline, and its clock may be the first to say so.
            assert raised.value.reason in (Reason.DEADLINE, Reason.STATUS)
        await cancelled.wait()
        cuebot.answers(ECHO, b"fine")
        assert await upstream.call(ECHO, b"", PATIENCE, ()) == b"fine"


async def test_without_a_server_calls_fail_at_once_until_there_is_one() -> None:
    endpoint = f"127.0.0.1:{(port := free_port())}"
    channel = Http2Channel(endpoint, options())
    upstream = Endpoint(endpoint, channel)
    with pytest.raises(CallFailed) as raised:
        await upstream.call(ECHO, b"", PATIENCE, ())
    assert (raised.value.code, raised.value.may_have_reached_server) == (Code.UNAVAILABLE, False)
    assert raised.value.reason is Reason.NOT_CONNECTED
    assert raised.value.details == "Connection refused"
    cuebot = ScriptedCuebot()
    cuebot.answers(ECHO, b"fine")
    async with running_cuebot(cuebot, port), asyncio.timeout(PATIENCE):
        while channel.get_state(try_to_connect=True) is not State.READY:
            await channel.wait_for_state_change(channel.get_state())
        assert await upstream.call(ECHO, b"", PATIENCE, ()) == b"fine"
    async with asyncio.timeout(PATIENCE):
        while channel.get_state() is State.READY:
            await channel.wait_for_state_change(State.READY)
    await channel.close()
    assert channel.get_state(try_to_connect=True) is State.SHUTDOWN


# --- Against a peer that does as the test says ----------------------------------------------
async def test_headers_are_grpcs() -> None:
    """What every server may ask for is there."""
    async with http2_server() as server:
        await server.upstream.call(ECHO, b"", PATIENCE, (("x-request-id", "one"),))
        headers = server.peer.headers[1]
        timeout = headers.pop("grpc-timeout")
        assert timeout.endswith("m")
        assert 0 < int(timeout[:-1]) <= PATIENCE * 1000
        assert headers == {
            ":method": "POST",
            ":scheme": "http",
            ":path": ECHO,
            ":authority": server.endpoint,
            "te": "trailers",
            "content-type": "application/grpc",
            "user-agent": "cuebot-gateway",
            "grpc-accept-encoding": "identity",
            "x-request-id": "one",
        }


async def test_the_other_sides_limit_on_streams_is_kept() -> None:
    waiting: list[tuple[Peer, int]] = []
    async with http2_server(
        lambda peer, stream: waiting.append((peer, stream)),
        {SettingCodes.MAX_CONCURRENT_STREAMS: 1},
    ) as server:
        calls = [asyncio.create_task(call(server, b"%d" % number)) for number in range(3)]
        late = await asyncio.create_task(failure(server, b"late", timeout=0.05))
        assert (late.code, late.may_have_reached_server) == (Code.DEADLINE_EXCEEDED, False)
        for number in range(3):
            await server.until(partial(has_more, waiting, number))
            assert len(waiting) == number + 1
            peer, stream = waiting[number]
            echo(peer, stream)
            peer.flush()
        assert await asyncio.gather(*calls) == [b"0", b"1", b"2"]
        assert not server.peer.complaint


def has_more(things: Sized, number: int) -> bool:
    return len(things) > number


@pytest.mark.parametrize("agrees", ["at once", "later", "never"])
async def test_a_large_answer_is_received_when_there_is_room(agrees: str) -> None:
    message = bytes(range(256)) * (SMALL_ANSWER_BYTES // 256 + 5)
    told = asyncio.get_running_loop().create_future()

    def expects(size: int, go_on: Callable[[], None]) -> bool:
        if agrees == "at once":
            go_on()
        told.set_result((size, go_on))
        return agrees != "never"

    async with http2_server() as server:
        task = asyncio.create_task(server.upstream.call(ECHO, message, PATIENCE, (), expects))
        size, go_on = await told
        assert size == len(message)
        if agrees == "never":
            with pytest.raises(CallFailed) as failed:
                await task
            assert (failed.value.reason, failed.value.may_have_reached_server) == (
                Reason.NO_MEMORY,
                True,
            )
            await server.peer.until(lambda: bool(server.peer.resets()))
            return
        if agrees == "later":
            await server.peer.until(lambda: bool(server.peer.unsent))
            assert server.peer.h2.local_flow_control_window(1) == 0
            go_on()
        assert await task == message


async def test_the_deadline_of_an_answer_without_room_says_so() -> None:
    message = bytes(SMALL_ANSWER_BYTES + 1)
    async with http2_server() as server:
        with pytest.raises(CallFailed) as failed:
            await server.upstream.call(ECHO, message, 0.3, (), lambda size, go_on: True)
        assert failed.value.reason is Reason.NO_MEMORY


@pytest.mark.parametrize(("window", "size"), [(1, 40), (7, 40), (65_535, 300_000)])
async def test_the_other_sides_windows_are_kept(window: int, size: int) -> None:
    async with http2_server(settings={SettingCodes.INITIAL_WINDOW_SIZE: window}) as server:
        assert await call(server, b"x" * size) == b"x" * size
        assert not server.peer.complaint


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (0, b"", "Cuebot is closing the connection"),
        (0, b"max_age", "Cuebot is closing the connection (NO_ERROR: max_age)"),
        (11, b"calm \xff", "Cuebot is closing the connection (ENHANCE_YOUR_CALM: calm \ufffd)"),
        (999, b"", "Cuebot is closing the connection (error 999)"),
    ],
)
async def test_a_farewell_is_quoted(code: int, words: bytes, said: str) -> None:
    """To the calls that it loses, however the connection ends after it."""

    def leave(peer: Peer, stream: int) -> None:
        # It has looked at the call, and so this is not made again.
        peer.transport.write(
            raw_frame(7, 0, 0, bytes((0, 0, 0, stream)) + code.to_bytes(4) + words)
        )
        peer.transport.close()

    async with http2_server(leave) as server:
        failed = await failure(server)
    assert (failed.reason, failed.details) == (Reason.LOST, said)


async def test_a_server_that_turns_every_connection_away_is_quoted() -> None:
    words = (11).to_bytes(4) + b"too many connections"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw_frame(7, 0, 0, bytes(4) + words))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        endpoint = Endpoint(place, Http2Channel(place, ChannelOptions(max_message=FRAME)))
        async with asyncio.timeout(10):
            while not (told := await endpoint.trouble()):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)
        await endpoint.close()
    assert told == ("Cuebot is closing the connection (ENHANCE_YOUR_CALM: too many connections)")


async def test_a_refused_call_is_made_again() -> None:
    seen: list[int] = []

    def refuse_once(peer: Peer, stream: int) -> None:
        seen.append(stream)
        if len(seen) == 1:
            peer.h2.reset_stream(stream, 7)
        else:
            echo(peer, stream)

    async with http2_server(refuse_once) as server:
        assert await call(server) == b"hi"
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((0, Code.INTERNAL), (1, Code.INTERNAL), (8, Code.CANCELLED), (999, Code.INTERNAL)),
        *((11, Code.RESOURCE_EXHAUSTED), (12, Code.PERMISSION_DENIED)),
    ],
)
async def test_a_reset_is_the_status_that_grpc_gives_it(code: int, status: Code) -> None:
    def reset(peer: Peer, stream: int) -> None:
        peer.transport.write(raw_frame(3, 0, stream, code.to_bytes(4, "big")))

    async with http2_server(reset) as server:
        for _ in range(2):
            failed = await failure(server)
            assert (failed.code, failed.reason) == (status, Reason.CANCELLED)
            assert failed.may_have_reached_server
        assert len(server.peers) == 1


async def test_a_lost_connection_is_unavailable_and_nothing_is_repeated() -> None:
    seen: list[int] = []

    def close(peer: Peer, stream: int) -> None:
        seen.append(stream)
        peer.transport.abort()

    async with http2_server(close) as server:
        failed = await failure(server)
        assert (failed.code, failed.reason) == (Code.UNAVAILABLE, Reason.LOST)
        assert failed.may_have_reached_server
    assert len(seen) == 1


def headers_only(*fields: tuple[str, str], end: bool = True) -> Any:
    def answer(peer: Peer, stream: int) -> None:
        peer.h2.send_headers(stream, fields, end_stream=end)

    return answer


@pytest.mark.parametrize(
    ("fields", "status", "words", "reason"),
    [
        (
            {"grpc-status": "5", "grpc-message": "no%20such"},
            Code.NOT_FOUND,
            "no such",
            Reason.STATUS,
        ),
        ({"grpc-status": "77"}, Code.UNKNOWN, "", Reason.STATUS),
        ({"grpc-status": "x"}, Code.UNKNOWN, "", Reason.STATUS),
        ({}, Code.UNKNOWN, "no status", Reason.PROTOCOL),
        ({"grpc-status": "0"}, Code.INTERNAL, "not one message", Reason.PROTOCOL),
    ],
)
async def test_trailers_only(
    fields: dict[str, str], status: Code, words: str, reason: Reason
) -> None:
    async with http2_server(headers_only(*HEADERS, *fields.items())) as server:
        failed = await failure(server)
    assert (failed.code, failed.reason) == (status, reason)
    assert words in failed.details


@pytest.mark.parametrize("end", [True, False], ids=["alone", "with a page"])
@pytest.mark.parametrize("http", ["200", "404", "503", "418"])
async def test_a_web_server_is_not_taken_for_cuebot(http: str, end: bool) -> None:
    fields = ((":status", http), ("content-type", "text/html"))
    async with http2_server(headers_only(*fields, end=end)) as server:
        failed = await failure(server)
    assert (failed.code, failed.reason) == (Code.UNAVAILABLE, Reason.PROTOCOL)
    assert f"web server answers in Cuebot's place: HTTP status {http}" in failed.details


NOT_ONE = (Code.INTERNAL, Reason.PROTOCOL)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"\x01\x00\x00\x00\x01x",), NOT_ONE),
        ((framed(b"a") + framed(b"b"),), NOT_ONE),
        ((framed(b"a"), framed(b"b")), NOT_ONE),
        ((b"\x00\x00\x00\x00\x05x",), NOT_ONE),
        ((b"\x00",), NOT_ONE),
        ((b"\x00\x01", b"\x00\x00\x00"), (Code.RESOURCE_EXHAUSTED, Reason.TOO_LARGE)),
    ],
    ids=["compressed", "two", "two frames", "cut short", "half a prefix", "too large"],
)
async def test_what_is_not_one_message_is_refused(parts: Any, expected: object) -> None:
    async with http2_server(
        lambda peer, stream: peer.answer(stream, *parts), max_message=2**16
    ) as server:
        failed = await failure(server)
    assert (failed.code, failed.reason) == expected


async def test_a_message_in_odd_pieces() -> None:
    def answer(peer: Peer, stream: int) -> None:
        peer.h2.send_headers(stream, HEADERS)
        data = framed(b"0123456789")
        for part in (data[:2], b"", data[2:6], data[6:7], data[7:]):
            peer.h2.send_data(stream, part, pad_length=9)
        peer.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)

    async with http2_server(answer) as server:
        assert await call(server) == b"0123456789"


async def test_headers_in_pieces_padded_and_before_the_real_ones() -> None:
    block = literal(b":status", b"200") + literal(b"content-type", b"application/grpc+proto")
    trailers = literal(b"grpc-status", b"0") + literal(b"x-long", b"y" * 20_000)

    def answer(peer: Peer, stream: int) -> None:
        peer.transport.write(
            raw_frame(1, 0x4, stream, literal(b":status", b"103"))
            + raw_frame(1, 0x8 | 0x20, stream, b"\x03" + bytes(5) + block[:10] + b"pad")
            + raw_frame(9, 0, stream, block[10:20])
            + raw_frame(9, 4, stream, block[20:])
            + raw_frame(0, 0, stream, framed(b"fine"))
            + raw_frame(1, 1, stream, trailers[:16_000])
            + raw_frame(9, 4, stream, trailers[16_000:])
            + raw_frame(77, 0, 0, b"what nobody knows")
        )

    async with http2_server(answer) as server:
        for _ in range(3):
            assert await call(server) == b"fine"


@pytest.mark.parametrize(
    "bad",
    [
        raw_frame(0, 0, 1, b"data before headers"),
        raw_frame(1, 4, 1, b"\xff\xff\xff\xff\xff\xff"),
        raw_frame(1, 4, 1, b"\xc5"),
        raw_frame(1, 4, 99, b"\x88"),
        raw_frame(1, 4, 2, b"\x88"),
        raw_frame(1, 4, 1, literal(b"no", b"status")),
        raw_frame(1, 0, 1, b"\x88") + raw_frame(6, 0, 0, bytes(8)),
        raw_frame(9, 4, 1, b"\x88"),
        raw_frame(4, 0, 0, b"12345"),
        raw_frame(4, 0, 0, b"\x00\x05\x00\x00\x00\x01"),
        raw_frame(4, 0, 0, b"\x00\x04\xff\xff\xff\xff"),
        raw_frame(5, 4, 1, bytes(4) + b"\x88"),
        raw_frame(6, 0, 0, b"short"),
        raw_frame(7, 0, 0, b"short"),
        raw_frame(8, 0, 0, bytes(4)),
        raw_frame(8, 0, 0, b"\x7f\xff\xff\xff"),
        raw_frame(3, 0, 1, b""),
        b"\xff\xff\xff" + bytes(6),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        raw_frame(1, 4, 1, b"\x20" * 16_000),
        raw_frame(1, 0, 1, b"\x88") + raw_frame(9, 0, 1, bytes(16_000)) * 70,
    ],
    ids=lambda value: value[:24].hex(),
)
async def test_a_peer_that_breaks_the_protocol_is_left(bad: bytes) -> None:
    broken: list[int] = []

    def answer(peer: Peer, stream: int) -> None:
        if broken:
            echo(peer, stream)
        else:
            broken.append(stream)
            peer.transport.write(bad)

    async with http2_server(answer) as server:
        failed = await failure(server)
        assert (failed.code, failed.reason) == (Code.UNAVAILABLE, Reason.PROTOCOL)
        assert failed.may_have_reached_server
        await server.peers[0].until(lambda: server.peers[0].lost)
        assert server.peers[0].farewells()
        assert server.peers[0].farewells()[0] != 0
        assert await call(server) == b"hi"


async def test_calls_in_turn_share_their_timers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return call_at(when, *rest, **more)

    async with http2_server(patience=3 * PATIENCE) as server:
        assert await server.upstream.usable(PATIENCE)
        monkeypatch.setattr(loop, "call_at", counted)
        for _ in range(20):
            assert await server.channel.unary(ECHO, b"", 2 * PATIENCE, ()) == b""
        monkeypatch.undo()
    assert len(timers) == 2


async def test_an_idle_connection_is_replaced() -> None:
    async with http2_server(idle_timeout=0.01) as server, asyncio.timeout(PATIENCE):
        await call(server)
        await server.peer.until(lambda: server.peers[0].lost)
        assert await call(server) == b"hi"
        assert len(server.peers) >= 2


async def test_a_silent_peer_is_found_by_pings() -> None:
    async with (
        http2_server(
            lambda peer, stream: None, keepalive_time=0.01, keepalive_timeout=0.05
        ) as server,
        asyncio.timeout(PATIENCE),
    ):
        task = asyncio.create_task(call(server))
        await server.until(lambda: bool(server.peers and server.peer.headers))
        server.peer.transport.pause_reading()
        with pytest.raises(CallFailed) as raised:
            await task
        assert (raised.value.code, raised.value.reason) == (Code.UNAVAILABLE, Reason.LOST)


@given(text=st.binary(max_size=300))
def test_literals_are_hpack(text: bytes) -> None:
    """Any header, of any length, as hpack reads it."""
    from hpack import Decoder

    assert Decoder().decode(literal(b"name", text), raw=True) == [(b"name", text)]


@pytest.mark.parametrize(
    ("text", "value"), [("AP8=", b"\x00\xff"), ("AP8", b"\x00\xff"), ("", b""), ("%", b"")]
)
def test_binary_metadata(text: str, value: bytes) -> None:
    """Base64 with or without padding; what is none is nothing."""
    assert binary(text) == value
