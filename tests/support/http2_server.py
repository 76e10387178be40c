"""An HTTP/2 server whose every frame a test decides, over h2, which checks what we send it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from h2.exceptions import ProtocolError
from h2.settings import Settings

from gateway.core.settings.model import Settings as GatewaySettings
from gateway.core.upstream.cuebot import channel_of
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.interface import CallFailed, Channel, ChannelOptions, UpstreamCall
from tests.support.patience import PATIENCE

HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
FRAME = 16_384
ECHO = "/a.B/Echo"


def framed(message: bytes) -> bytes:
    return b"\x00" + len(message).to_bytes(4, "big") + message


@dataclass
class Peer(asyncio.Protocol):
    """One connection of the server. `on_call` decides what becomes of a complete request."""

    on_call: Callable[["Peer", int], None]
    settings: dict[Any, int]
    happened: asyncio.Event
    h2: H2Connection = field(init=False)
    bodies: dict[int, bytearray] = field(default_factory=dict)
    headers: dict[int, dict[str, str]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    unsent: dict[int, tuple[deque[bytes], Any]] = field(default_factory=dict)
    """What the client's windows have no room for yet of answers, and the trailers after it."""
    complaint: str = ""  # what h2 has found wrong with what we sent
    lost: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = Settings(client=False, initial_values=self.settings)
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except ProtocolError as error:
            self.complaint = repr(error)
            self.flush()
            self.transport.close()
            self.happened.set()
            return
        for event in events:
            self.events.append(event)
            self.take(event)
        self.flush()
        self.happened.set()

    def take(self, event: Event) -> None:
        if isinstance(event, events.RequestReceived):
            self.headers[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]
            self.bodies[event.stream_id] = bytearray()
        elif isinstance(event, events.DataReceived):
            self.bodies[event.stream_id] += event.data
            if event.flow_controlled_length:
                with suppress(ProtocolError):  # the client's farewell has come with it
                    self.h2.increment_flow_control_window(event.flow_controlled_length)
                    if event.stream_ended is None:
                        self.h2.increment_flow_control_window(
                            event.flow_controlled_length, event.stream_id
                        )
        elif isinstance(event, events.WindowUpdated):
            for stream in [each for each in self.unsent if event.stream_id in (0, each)]:
                self.send_rest(stream)
        elif isinstance(event, events.StreamReset):
            self.unsent.pop(event.stream_id, None)
        elif isinstance(event, events.StreamEnded):
            self.on_call(self, event.stream_id)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.happened.set()

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def answer(self, stream: int, *data: bytes, trailers: Any = OK) -> None:
        """Headers, data frames and trailers of a success, or of what they say."""
        self.h2.send_headers(stream, HEADERS)
        starts = ((part, start) for part in data for start in range(0, max(len(part), 1), FRAME))
        parts = deque(part[start : start + FRAME] for part, start in starts)
        self.unsent[stream] = parts, trailers
        self.send_rest(stream)

    def send_rest(self, stream: int) -> None:
        parts, trailers = self.unsent[stream]
        while parts:
            room = self.h2.local_flow_control_window(stream)
            if parts[0] and not room:
                return
            part = parts.popleft()
            if len(part) > room:
                parts.appendleft(part[room:])
            self.h2.send_data(stream, part[:room])
        del self.unsent[stream]
        self.h2.send_headers(stream, trailers, end_stream=True)

    async def until(self, met: Callable[[], bool]) -> None:
        await until(self.happened, met)

    def resets(self) -> list[int]:
        return self._codes(events.StreamReset)

    def farewells(self) -> list[int]:
        return self._codes(events.ConnectionTerminated)

    def _codes(self, kind: type[Any]) -> list[int]:
        return [int(each.error_code or 0) for each in self.events if isinstance(each, kind)]

    def pongs(self) -> int:
        return sum(isinstance(each, events.PingAckReceived) for each in self.events)


def echo(peer: Peer, stream: int) -> None:
    peer.answer(stream, bytes(peer.bodies[stream]))


async def until(happened: asyncio.Event, met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():
            happened.clear()
            await happened.wait()


@dataclass
class Http2Server:
    """The server: its peers so far, and an endpoint that calls it over its channel."""

    endpoint: str
    peers: list[Peer]
    channel: Channel
    upstream: Endpoint
    happened: asyncio.Event  # set when anything comes from a client

    async def until(self, met: Callable[[], bool]) -> None:
        await until(self.happened, met)

    @property
    def peer(self) -> Peer:
        return self.peers[-1]


def options(**more: Any) -> ChannelOptions:
    """Quick to connect again, and otherwise as in the gateway."""
    given = {"max_message": 8 * 2**20, "initial_backoff": 0.01, "max_backoff": 0.02}
    return ChannelOptions(**(given | more))


def open_channel(endpoint: str, given: ChannelOptions) -> Channel:
    """The kind that the gateway has by default."""
    return channel_of(GatewaySettings())(endpoint, given, None)


@asynccontextmanager
async def upstream_to(endpoint: str, **more: Any) -> AsyncIterator[Endpoint]:
    upstream = Endpoint(endpoint, open_channel(endpoint, options(**more)))
    try:
        yield upstream
    finally:
        await upstream.close()


@asynccontextmanager
async def http2_server(
    on_call: Callable[[Peer, int], None] = echo, settings: dict[Any, int] | None = None, **more: Any
) -> AsyncIterator[Http2Server]:
    loop = asyncio.get_running_loop()
    peers: list[Peer] = []
    happened = asyncio.Event()

    def connected() -> Peer:
        peers.append(Peer(on_call, settings or {}, happened))
        return peers[-1]

    server = await loop.create_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    endpoint = f"{host}:{port}"
    channel = open_channel(endpoint, options(**more))
    try:
        yield Http2Server(endpoint, peers, channel, Endpoint(endpoint, channel), happened)
    finally:
        await channel.close()
        server.close()
        for peer in peers:
            peer.transport.abort()


async def call(server: Http2Server, message: bytes = b"hi", timeout: float = PATIENCE) -> bytes:
    return await server.upstream.call(UpstreamCall(ECHO, message, timeout))


async def failure(
    server: Http2Server, message: bytes = b"hi", timeout: float = PATIENCE
) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await call(server, message, timeout)
    return raised.value


def raw_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload
