"""What whoever poses as Cuebot says in its trailers, and what it sends: calls end all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from h2.exceptions import ProtocolError

from gateway.errors import Code
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.grpcio import GrpcioChannel
from gateway.upstream.http2.channel import Http2Channel
from gateway.upstream.http2.headers import literal
from gateway.upstream.interface import CallFailed, Channel
from tests.support.http2_server import (
    ECHO,
    HEADERS,
    Peer,
    echo,
    framed,
    http2_server,
    options,
    raw_frame,
)

pytestmark = pytest.mark.anyio

DATA, HEADERS_FRAME, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
CONTINUATION = 9
BEGINNING = literal(b":status", b"200") + literal(b"content-type", b"application/grpc")
CHANNELS: dict[str, Callable[[str], Channel]] = {
    "http2": lambda endpoint: Http2Channel(endpoint, options()),
    "grpcio": lambda endpoint: GrpcioChannel(endpoint, options()),
}
DEADLINE = 20.0
UNREADABLE = Code.INTERNAL
"""What grpc.aio makes of trailers that it cannot parse."""


@pytest.fixture(params=["http2", pytest.param("grpcio", marks=pytest.mark.thorough)])
def channel_to(request: pytest.FixtureRequest) -> Callable[[str], Channel]:
    return CHANNELS[request.param]


@dataclass
class Posing:
    """A server that does this with its first call, and answers those after it."""

    with_first: Callable[[Peer, int], None]
    calls: int = 0
    upstream: Endpoint = field(init=False)

    def answer(self, peer: Peer, stream: int) -> None:
        self.calls += 1
        if self.calls == 1:
            self.with_first(peer, stream)
        else:
            with suppress(ProtocolError):  # the call has been given up
                echo(peer, stream)

    async def failure(self) -> CallFailed:
        """How the first call fails."""
        with pytest.raises(CallFailed) as raised:
            await self.upstream.call(ECHO, b"hi", DEADLINE, ())
        return raised.value

    async def goes_on(self) -> None:
        """A later call is answered."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    assert await self.upstream.call(ECHO, b"hi", 5.0, ()) == b"hi"
                    return
                except CallFailed:  # the connection had to end
                    await asyncio.sleep(0)


@asynccontextmanager
async def posing(
    with_first: Callable[[Peer, int], None], channel_to: Callable[[str], Channel]
) -> AsyncIterator[Posing]:
    server = Posing(with_first)
    async with http2_server(server.answer) as running:
        server.upstream = Endpoint(running.endpoint, channel_to(running.endpoint))
        try:
            yield server
        finally:
            await server.upstream.close()


def trailers(*fields: tuple[str, str]) -> Callable[[Peer, int], None]:
    """Answers with nothing but these."""
    return lambda peer, stream: peer.h2.send_headers(stream, [*HEADERS, *fields], end_stream=True)


HUGE = "9" * 5000


@pytest.mark.parametrize(
    "pushback", ["0", "1", "-1", HUGE, "-" + HUGE, "1e308", "nan", "inf", "soon", ""]
)
async def test_pushback_of_any_time(pushback: str, channel_to: Callable[[str], Channel]) -> None:
    """A call that Cuebot has looked at is not made again, whenever it would like that to be."""
    unavailable = trailers(("grpc-status", "14"), ("grpc-retry-pushback-ms", pushback))
    async with posing(unavailable, channel_to) as server:
        failed = await server.failure()
        assert failed.code in (Code.UNAVAILABLE, UNREADABLE)
        assert failed.may_have_reached_server
        assert server.calls == 1


@pytest.mark.parametrize("status", ["-1", "17", "-0", HUGE, "1.5", "nan", "0x5", "OK", "5 5"])
async def test_unknown_statuses(status: str, channel_to: Callable[[str], Channel]) -> None:
    async with posing(trailers(("grpc-status", status)), channel_to) as server:
        assert (await server.failure()).code in (Code.UNKNOWN, UNREADABLE)


@pytest.mark.parametrize("details", ["", "!", "A" * 6000, "/////w", "CAU=" * 3])
async def test_a_message_and_details_of_any_kind(
    details: str, channel_to: Callable[[str], Channel]
) -> None:
    fields = ("grpc-status", "5"), ("grpc-message", "%zz%00" * 300)
    async with posing(
        trailers(*fields, ("grpc-status-details-bin", details)), channel_to
    ) as server:
        failed = await server.failure()
        assert failed.code in (Code.NOT_FOUND, UNREADABLE)
        assert len(failed.details) <= 1800
        assert len(failed.status_details) <= len(details)


def begun(stream: int) -> bytes:
    return raw_frame(HEADERS_FRAME, 4, stream, BEGINNING)


def poured(stream: int) -> bytes:
    """An answer of 6 MB, of which all comes at once, whatever the windows are."""
    data = framed(bytes(6 * 2**20))
    size = 16 * 1024
    return begun(stream) + b"".join(
        raw_frame(DATA, 0, stream, data[at : at + size]) for at in range(0, len(data), size)
    )


POSES: dict[str, Callable[[int], bytes]] = {
    "no windows": poured,
    "pings": lambda stream: raw_frame(PING, 0, 0, bytes(8)) * 30_000,
    "settings": lambda stream: raw_frame(SETTINGS, 0, 0) * 30_000,
    "windows of nothing": lambda stream: raw_frame(WINDOW_UPDATE, 0, 0, bytes(4)),
    "windows too large": lambda stream: raw_frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "empty data": lambda stream: begun(stream) + raw_frame(DATA, 0, stream) * 30_000,
    "endless headers": lambda stream: (
        raw_frame(HEADERS_FRAME, 0, stream, b"\x88")
        + raw_frame(CONTINUATION, 0, stream, bytes(16_000)) * 100
    ),
    "a reset": lambda stream: raw_frame(RST_STREAM, 0, stream, b"\xff\xff\xff\xff"),
    "a farewell": lambda stream: raw_frame(GOAWAY, 0, 0, b"\x7f\xff\xff\xff\xff\xff\xff\xff") * 9,
    "a push": lambda stream: raw_frame(5, 4, stream, b"\x00\x00\x00\x02\x88"),
}


@pytest.mark.parametrize("pose", POSES.values(), ids=POSES)
async def test_hostile_frames_end_one_call_and_not_the_next(
    pose: Callable[[int], bytes], channel_to: Callable[[str], Channel]
) -> None:
    def send(peer: Peer, stream: int) -> None:
        peer.transport.write(pose(stream))

    async with posing(send, channel_to) as server:
        with pytest.raises(CallFailed):
            await server.upstream.call(ECHO, b"hi", 1.0, ())
        await server.goes_on()
