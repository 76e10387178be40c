"""A gRPC server that costs next to nothing: HTTP/2 (RFC 9113) frames with canned bytes.

A gRPC library costs as much for a call as the gateways that are measured here, which would then
wait for it. This one reads no headers at all: the bytes of the request's message choose the answer,
and an answer is one write of frames made beforehand. What a client may demand of a server is kept:
settings and pings are acknowledged, and large answers wait for the flow-control windows.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import cast

import uvloop

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD = 9
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5
LARGEST_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535
TOP_UP = 2**29
"""After this many received bytes, the window is opened by as many again."""


def literal(name: bytes, value: bytes) -> bytes:
    """A header that is not indexed (RFC 7541 section 6.2.2); both parts under 127 bytes."""
    return b"\0%c%b%c%b" % (len(name), name, len(value), value)


STATUS_200 = b"\x88"
RESPONSE_HEADERS = STATUS_200 + literal(b"content-type", b"application/grpc")


@dataclass(frozen=True, slots=True)
class Canned:
    """One answer: a message, or a status that is not OK."""

    message: bytes = b""
    status: int = 0
    text: str = ""

    @property
    def body(self) -> bytes:
        """The length-prefixed message of a gRPC body; nothing when there is only a status."""
        return b"" if self.status else b"\0%b%b" % (len(self.message).to_bytes(4), self.message)

    @property
    def trailers(self) -> bytes:
        """The header block that ends the answer."""
        block = literal(b"grpc-status", b"%d" % self.status)
        return block + literal(b"grpc-message", self.text.encode()) if self.text else block


Answers = Mapping[bytes, Canned]
"""By the request's message. Anything else is answered with an empty message."""
EMPTY = Canned()
Ready = tuple[bytes, bytes]
"""An answer's body and its trailers, ready to be sent."""
NOTHING: Ready = (EMPTY.body, EMPTY.trailers)


def as_sent(answers: Answers) -> dict[bytes, Ready]:
    return {message: (canned.body, canned.trailers) for message, canned in answers.items()}


@dataclass(slots=True)
class Stream:
    """One call: the body so far, and what is left of its answer."""

    window: int
    body: bytearray = field(default_factory=bytearray)
    left: memoryview | None = None
    trailers: bytes = b""


class CannedServer(asyncio.Protocol):
    """One connection."""

    def __init__(self, answers: Answers) -> None:
        self._answers = as_sent(answers)
        self._buffer = bytearray()
        self._streams: dict[int, Stream] = {}
        self._window = DEFAULT_WINDOW
        self._initial_window = DEFAULT_WINDOW
        self._largest_frame = 16_384
        self._received = 0
        self._greeted = False

    def answer_to(self, message: bytes) -> Ready:
        return self._answers.get(message, NOTHING)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        window = INITIAL_WINDOW_SIZE.to_bytes(2) + LARGEST_WINDOW.to_bytes(4)
        self._out = [
            frame(SETTINGS, 0, 0, window),
            frame(WINDOW_UPDATE, 0, 0, (LARGEST_WINDOW - DEFAULT_WINDOW).to_bytes(4)),
        ]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        position = 0
        if not self._greeted:
            if len(buffer) < len(PREFACE):
                return
            if not buffer.startswith(PREFACE):
                self._transport.abort()
                return
            self._greeted = True
            position = len(PREFACE)
        while len(buffer) - position >= FRAME_HEAD:
            end = position + FRAME_HEAD + int.from_bytes(buffer[position : position + 3])
            if len(buffer) < end:
                break
            stream_id = int.from_bytes(buffer[position + 5 : position + FRAME_HEAD])
            payload = bytes(buffer[position + FRAME_HEAD : end])
            self._take(buffer[position + 3], buffer[position + 4], stream_id, payload)
            position = end
        del buffer[:position]
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _take(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == DATA:
            self._receive(stream_id, flags, payload)
        elif kind == HEADERS:
            self._streams[stream_id] = Stream(self._initial_window)
        elif kind == WINDOW_UPDATE:
            self._widen(stream_id, int.from_bytes(payload))
        elif kind == SETTINGS and not flags & ACK:
            self._configure(payload)
            self._out.append(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM:
            self._streams.pop(stream_id, None)

    def _receive(self, stream_id: int, flags: int, payload: bytes) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.body += payload
        self._received += len(payload)
        if self._received > TOP_UP:
            self._out.append(frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4)))
            self._received = 0
        if flags & END_STREAM:
            body, trailers = self.answer_to(bytes(stream.body[5:]))
            self._out.append(frame(HEADERS, END_HEADERS, stream_id, RESPONSE_HEADERS))
            stream.left, stream.trailers = memoryview(body), trailers
            self._send(stream_id, stream)

    def _send(self, stream_id: int, stream: Stream) -> None:
        """Send as much of the answer as the windows allow, and the trailers after all of it."""
        left = stream.left
        if left is None:
            return
        while left:
            size = min(len(left), self._largest_frame, self._window, stream.window)
            if size <= 0:
                stream.left = left
                return
            self._out.append(frame(DATA, 0, stream_id, left[:size]))
            left = left[size:]
            self._window -= size
            stream.window -= size
        self._out.append(frame(HEADERS, END_HEADERS | END_STREAM, stream_id, stream.trailers))
        del self._streams[stream_id]

    def _widen(self, stream_id: int, more: int) -> None:
        if stream_id == 0:
            self._window += more
            self._send_waiting()
        elif stream := self._streams.get(stream_id):
            stream.window += more
            self._send(stream_id, stream)

    def _configure(self, payload: bytes) -> None:
        for start in range(0, len(payload), 6):
            name = int.from_bytes(payload[start : start + 2])
            value = int.from_bytes(payload[start + 2 : start + 6])
            if name == INITIAL_WINDOW_SIZE:
                for stream in self._streams.values():
                    stream.window += value - self._initial_window
                self._initial_window = value
                self._send_waiting()
            elif name == MAX_FRAME_SIZE:
                self._largest_frame = value

    def _send_waiting(self) -> None:
        for stream_id, stream in list(self._streams.items()):
            self._send(stream_id, stream)


def frame(kind: int, flags: int, stream_id: int, payload: bytes | memoryview = b"") -> bytes:
    """One HTTP/2 frame (RFC 9113 section 4.1)."""
    head = b"%b%c%c%b" % (len(payload).to_bytes(3), kind, flags, stream_id.to_bytes(4))
    return head + payload


@contextmanager
def running_server(connection: Callable[[], CannedServer], cores: set[int]) -> Iterator[int]:
    """The port of a server on loopback with such connections, in a process pinned to `cores`."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(connection, cores, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError("the canned upstream has not started within 60 s")
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def serve(connection: Callable[[], CannedServer], cores: set[int], parent: Connection) -> None:
    """Serve until the parent ends. Its port is the one message to it."""
    os.sched_setaffinity(0, cores)
    with suppress(KeyboardInterrupt):
        uvloop.run(serve_for(connection, parent))


async def serve_for(connection: Callable[[], CannedServer], parent: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0)
    gone = asyncio.Event()
    loop.add_reader(parent.fileno(), gone.set)
    parent.send(server.sockets[0].getsockname()[1])
    await gone.wait()
