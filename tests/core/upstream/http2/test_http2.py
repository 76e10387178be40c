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

from gateway.core.codec.encode import ERROR_DETAILS_TRAILER
from gateway.core.errors import Code
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.http2.channel import Http2Channel
from gateway.core.upstream.http2.headers import binary, literal
from gateway.core.upstream.interface import (
    SMALL_ANSWER_BYTES,
    CallFailed,
    ChannelOptions,
    Reason,
    State,
    UpstreamCall,
)
from tests.core.upstream.http2 import frames
from tests.core.upstream.http2.frames import CONTINUATION, END_HEADERS
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

Answer = Callable[[Peer, int], None]
STATUSES = {Code(status.value[0]): status for status in grpc.StatusCode}


# --- Against grpc.aio -----------------------------------------------------------------------
async def test_a_message_of_any_size_comes_and_goes() -> None:
    cuebot = ScriptedCuebot()

    async def reverse(request: bytes, context: Context) -> bytes:
        return request[::-1]

    cuebot.handlers[ECHO] = reverse
    large = bytes(range(256)) * 20_000
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        for size in (0, 1, 122, 16_379, 16_380, 65_531, 100_000):
            message = large[:size]
            assert await upstream.call(UpstreamCall(ECHO, message, PATIENCE)) == message[::-1]
        cuebot.answers(ECHO, large)  # a request of grpc.aio's may have 4 MB
        assert await upstream.call(UpstreamCall(ECHO, b"", PATIENCE)) == large


async def test_every_status_comes_as_it_is() -> None:
    words = "100 % ümläut\n日本"
    cuebot = ScriptedCuebot()

    async def fail(request: bytes, context: Context) -> bytes:
        context.set_trailing_metadata(((ERROR_DETAILS_TRAILER, b"\x00\xff\x10"),))
        await context.abort(STATUSES[Code(int(request))], words)
        raise AssertionError

    cuebot.handlers[ECHO] = fail
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        for code in [each for each in Code if each is not Code.OK]:
            with pytest.raises(CallFailed) as raised:
                await upstream.call(UpstreamCall(ECHO, b"%d" % code.value, PATIENCE))
            failed = raised.value
            assert (failed.code, failed.details, failed.reason) == (code, words, Reason.STATUS)
            assert (failed.may_have_reached_server, failed.status_details) == (
                True,
                b"\x00\xff\x10",
            )


async def test_the_server_hears_that_a_deadline_is_over() -> None:
    cuebot = ScriptedCuebot()
    begun, cancelled = cuebot.hangs(ECHO)
    async with (
        running_cuebot(cuebot),
        upstream_to(cuebot.endpoint) as upstream,
        asyncio.timeout(PATIENCE),
    ):
        while not begun.is_set():  # a deadline may be over before the server has begun
            with pytest.raises(CallFailed) as raised:
                await upstream.call(UpstreamCall(ECHO, b"", 0.5))
            assert raised.value.code is Code.DEADLINE_EXCEEDED
            # The server was told the deadline, and its clock may be the first to say so.
            assert raised.value.reason in (Reason.DEADLINE, Reason.STATUS)
        await cancelled.wait()
        cuebot.answers(ECHO, b"fine")
        assert await upstream.call(UpstreamCall(ECHO, b"", PATIENCE)) == b"fine"


async def test_without_a_server_calls_fail_at_once_until_there_is_one() -> None:
    endpoint = f"127.0.0.1:{(port := free_port())}"
    channel = Http2Channel(endpoint, options())
    upstream = Endpoint(endpoint, channel)
    with pytest.raises(CallFailed) as raised:
        await upstream.call(UpstreamCall(ECHO, b"", PATIENCE))
    assert (raised.value.code, raised.value.may_have_reached_server) == (Code.UNAVAILABLE, False)
    assert raised.value.reason is Reason.NOT_CONNECTED
    assert raised.value.details == "Connection refused"
    cuebot = ScriptedCuebot()
    cuebot.answers(ECHO, b"fine")
    async with running_cuebot(cuebot, port), asyncio.timeout(PATIENCE):
        while channel.get_state(try_to_connect=True) is not State.READY:
            await channel.wait_for_state_change(channel.get_state())
        assert await upstream.call(UpstreamCall(ECHO, b"", PATIENCE)) == b"fine"
    async with asyncio.timeout(PATIENCE):
        while channel.get_state() is State.READY:
            await channel.wait_for_state_change(State.READY)
    await channel.close()
    assert channel.get_state(try_to_connect=True) is State.SHUTDOWN


# --- Against a peer that does as the test says ----------------------------------------------
async def test_headers_are_grpcs() -> None:
    """What every server may ask for is there."""
    async with http2_server() as server:
        await server.upstream.call(UpstreamCall(ECHO, b"", PATIENCE, (("x-request-id", "one"),)))
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
        task = asyncio.create_task(
            server.upstream.call(UpstreamCall(ECHO, message, PATIENCE, (), expects))
        )
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
            await server.upstream.call(
                UpstreamCall(ECHO, message, 2.0, (), lambda size, go_on: True)
            )
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
        peer.transport.write(frames.goaway(stream, code, words))
        peer.transport.close()

    async with http2_server(leave) as server:
        failed = await failure(server)
    assert (failed.reason, failed.details) == (Reason.LOST, said)


async def test_a_server_that_turns_every_connection_away_is_quoted() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frames.goaway(0, 11, b"too many connections"))
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


def resets(code: int) -> Answer:
    return lambda peer, stream: peer.transport.write(frames.reset(stream, code))


def ends(*trailers: tuple[str, str]) -> Answer:
    """Nothing but these."""
    return lambda peer, stream: peer.h2.send_headers(stream, [*HEADERS, *trailers], end_stream=True)


def shows_page(status: int, *, is_empty: bool) -> Answer:
    fields = ((":status", str(status)), ("content-type", "text/html"))
    return lambda peer, stream: peer.h2.send_headers(stream, fields, end_stream=is_empty)


def says(*parts: bytes) -> Answer:
    """Data, in so many frames, and an end without a fault."""
    return lambda peer, stream: peer.answer(stream, *parts)


NOT_ONE = (Code.INTERNAL, Reason.PROTOCOL, "")
FAILURES: dict[str, tuple[Answer, tuple[Code, Reason, str]]] = {
    "no error": (resets(0), (Code.INTERNAL, Reason.CANCELLED, "")),
    "an error of the protocol": (resets(1), (Code.INTERNAL, Reason.CANCELLED, "")),
    "cancelled": (resets(8), (Code.CANCELLED, Reason.CANCELLED, "")),
    "be calm": (resets(11), (Code.RESOURCE_EXHAUSTED, Reason.CANCELLED, "")),
    "not secure": (resets(12), (Code.PERMISSION_DENIED, Reason.CANCELLED, "")),
    "an unknown error": (resets(999), (Code.INTERNAL, Reason.CANCELLED, "")),
    "a status with words": (
        ends(("grpc-status", "5"), ("grpc-message", "no%20such")),
        (Code.NOT_FOUND, Reason.STATUS, "no such"),
    ),
    "an unknown status": (ends(("grpc-status", "77")), (Code.UNKNOWN, Reason.STATUS, "")),
    "no status": (ends(), (Code.UNKNOWN, Reason.PROTOCOL, "no status")),
    "no message": (
        ends(("grpc-status", "0")),
        (Code.INTERNAL, Reason.PROTOCOL, "not one message"),
    ),
    "compressed": (says(b"\x01\x00\x00\x00\x01x"), NOT_ONE),
    "two messages": (says(framed(b"a") + framed(b"b")), NOT_ONE),
    "two frames": (says(framed(b"a"), framed(b"b")), NOT_ONE),
    "cut short": (says(b"\x00\x00\x00\x00\x05x"), NOT_ONE),
    "half a prefix": (says(b"\x00"), NOT_ONE),
    "too large": (
        says(b"\x00\x01", b"\x00\x00\x00"),
        (Code.RESOURCE_EXHAUSTED, Reason.TOO_LARGE, ""),
    ),
    **{
        f"{status} of a web server, {'alone' if is_empty else 'with a page'}": (
            shows_page(status, is_empty=is_empty),
            (
                Code.UNAVAILABLE,
                Reason.PROTOCOL,
                f"web server answers in Cuebot's place: HTTP status {status}",
            ),
        )
        for status in (200, 404, 503, 418)
        for is_empty in (True, False)
    },
}
"""By what the server does: the code, the reason and some words of the call's failure."""


@pytest.mark.parametrize(("answer", "expected"), FAILURES.values(), ids=FAILURES)
async def test_what_is_no_answer_ends_its_call_alone(
    answer: Answer, expected: tuple[Code, Reason, str]
) -> None:
    code, reason, words = expected
    async with http2_server(answer, max_message=2**16) as server:
        for _ in range(2):
            failed = await failure(server)
            assert (failed.code, failed.reason) == (code, reason)
            assert failed.may_have_reached_server
            assert words in failed.details
        assert len(server.peers) == 1


async def test_headers_in_pieces_padded_and_before_the_real_ones() -> None:
    block = literal(b":status", b"200") + literal(b"content-type", b"application/grpc+proto")
    trailers = frames.END + literal(b"x-long", b"y" * 20_000)
    padded = b"\x03" + bytes(5)  # after this many bytes of padding, a priority

    def answer(peer: Peer, stream: int) -> None:
        peer.transport.write(
            frames.headers(stream, frames.INTERIM)
            + raw_frame(frames.HEADERS, 0x8 | 0x20, stream, padded + block[:10] + b"pad")
            + raw_frame(CONTINUATION, 0, stream, block[10:20])
            + raw_frame(CONTINUATION, END_HEADERS, stream, block[20:])
            + frames.data(stream, framed(b"fine"))
            + raw_frame(frames.HEADERS, frames.END_STREAM, stream, trailers[:16_000])
            + raw_frame(CONTINUATION, END_HEADERS, stream, trailers[16_000:])
            + raw_frame(77, 0, 0, b"what nobody knows")
        )

    async with http2_server(answer) as server:
        for _ in range(3):
            assert await call(server) == b"fine"


@pytest.mark.parametrize(
    "bad",
    [
        frames.data(1, b"data before headers"),
        frames.headers(1, b"\xff\xff\xff\xff\xff\xff"),
        frames.headers(1, b"\xc5"),
        frames.headers(99, b"\x88"),
        frames.headers(2, b"\x88"),
        frames.headers(1, literal(b"no", b"status")),
        raw_frame(frames.HEADERS, 0, 1, b"\x88") + frames.ping(),
        raw_frame(CONTINUATION, END_HEADERS, 1, b"\x88"),
        raw_frame(frames.SETTINGS, 0, 0, b"12345"),
        frames.setting(5, 1),
        frames.setting(frames.INITIAL_WINDOW_SIZE, 2**32 - 1),
        raw_frame(frames.PUSH_PROMISE, END_HEADERS, 1, bytes(4) + b"\x88"),
        frames.ping(b"short"),
        raw_frame(frames.GOAWAY, 0, 0, b"short"),
        frames.window_update(0, 0),
        frames.window_update(0, 2**31 - 1),
        raw_frame(frames.RST_STREAM, 0, 1, b""),
        b"\xff\xff\xff" + bytes(6),
        frames.ping() * 11_000,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frames.headers(1, b"\x20" * 16_000),
        raw_frame(frames.HEADERS, 0, 1, b"\x88")
        + raw_frame(CONTINUATION, 0, 1, bytes(16_000)) * 70,
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
            assert await server.channel.unary(UpstreamCall(ECHO, b"", 2 * PATIENCE)) == b""
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
