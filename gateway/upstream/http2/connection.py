"""One HTTP/2 connection and the calls on it (RFC 9113)."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NoReturn, cast

import grpc
import structlog

from gateway.upstream.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME,
    DEFAULT_WINDOW,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LARGEST_FRAME,
    LARGEST_WINDOW,
    LAST_STREAM,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NUMBER,
    PING,
    PREFACE,
    PUSH_PROMISE,
    REASONS,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    BrokenConnection,
    FrameReader,
    Reason,
    frame,
    unpadded,
)
from gateway.upstream.http2.headers import LARGEST_HEADERS, Block, BlockReader
from gateway.upstream.http2.status import (
    NotSent,
    failure,
    failure_of,
    failure_of_http,
    failure_of_reset,
)

log = structlog.stdlib.get_logger("gateway.upstream")

OUR_FRAME = 64 * 1024
"""The largest frame that we take."""
CONNECTION_WINDOW = 2**30
"""Bytes of all answers together that the other side may send without a word from us."""
PREFIX = 5
"""Bytes before each message: whether it is compressed (1), and its length (4)."""
SOCKET_CLOSED = "Socket closed"
"""gRPC's words for a connection that has ended."""
INTERNAL = grpc.StatusCode.INTERNAL


class Stream:
    """One call: what is to be sent yet, and what has come."""

    __slots__ = (
        "answer",
        "head",
        "number",
        "parts",
        "payload",
        "position",
        "size",
        "started",
        "window",
    )

    def __init__(self, head: bytes, payload: bytes, answer: "asyncio.Future[bytes]") -> None:
        self.answer = answer
        self.head = head
        """The block of the request's headers."""
        self.payload = payload
        """The request's message with its prefix."""
        self.position = 0
        """How much of the payload has been sent."""
        self.number = 0
        """The stream's number; 0 as long as nothing has been sent."""
        self.window = 0
        """How much of the payload the other side takes."""
        self.started = False
        """Whether the answer's headers have come."""
        self.parts: list[bytes] = []
        """What has come of the answer, with its prefix."""
        self.size = 0
        """How many bytes that is."""

    @property
    def message(self) -> bytes | None:
        """The answer's one message; None when what has come is not that."""
        answer = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        if len(answer) < PREFIX or int.from_bytes(answer[1:PREFIX], "big") != len(answer) - PREFIX:
            return None
        return answer[PREFIX:]


class Connection(asyncio.Protocol):
    """An HTTP/2 client connection that makes unary gRPC calls.

    `on_end` is called once, when no more calls should be made on it: it is lost, the other side
    is going away, or its stream numbers are used up. Calls that have begun may still finish.
    """

    def __init__(self, *, largest_message: int, on_end: Callable[["Connection"], object]) -> None:
        self.usable = False
        """Whether new calls can be made: the other side has introduced itself and goes on."""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the other side has introduced itself as HTTP/2."""
        self.last_active = 0.0
        """The loop's time at which the latest call has ended or begun."""
        self._loop = asyncio.get_running_loop()
        self._largest = largest_message
        self._on_end = on_end
        self._ended = False
        self._frames = FrameReader(OUR_FRAME)
        self._blocks = BlockReader()
        self._streams: dict[int, Stream] = {}
        self._waiting: deque[Stream] = deque()
        """Calls beyond the number that the other side takes at once."""
        self._next = 1
        self._most = LAST_STREAM
        self._frame_size = DEFAULT_FRAME
        self._initial_window = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW
        self._taken = 0
        """Bytes of answers that the connection's window has not been given back."""
        self._unfinished: tuple[int, int, bytes] | None = None
        """Stream, flags and beginning of headers whose end is in another frame."""
        self._pong: asyncio.TimerHandle | None = None

    # --- Calls ------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no call is being made."""
        return not self._streams and not self._waiting

    async def unary(self, head: bytes, message: bytes, timeout: float) -> bytes:
        """The answer's message.

        `head` is the block of the request's headers, without `grpc-timeout`'s enforcement here:
        the deadline is kept on this side too. Raises AioRpcError, or NotSent when the call can be
        made on another connection as if nothing had happened.
        """
        stream = Stream(
            head,
            b"\x00" + NUMBER.pack(len(message)) + message,
            self._loop.create_future(),
        )
        if len(self._streams) < self._most and not self._waiting:
            self._send(stream)
        else:
            self._waiting.append(stream)
        timer = self._loop.call_later(timeout, self._late, stream)
        try:
            return await stream.answer
        except asyncio.CancelledError:
            self._drop(stream, Reason.CANCEL)
            raise
        finally:
            timer.cancel()

    def _late(self, stream: Stream) -> None:
        self._fail(stream, failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))
        self._drop(stream, Reason.CANCEL)

    def _send(self, stream: Stream) -> None:
        number = stream.number = self._next
        self._next = number + 2
        self._streams[number] = stream
        payload = stream.payload
        size = len(payload)
        head = frame(HEADERS, END_HEADERS, number, stream.head)
        if size <= self._frame_size and size <= self._window and size <= self._initial_window:
            self._window -= size
            stream.position = size
            self._transport.write(head + frame(DATA, END_STREAM, number, payload))
        else:
            stream.window = self._initial_window
            self._transport.write(head)
            self._pump(stream)
        if self._next > LAST_STREAM:
            self._end()

    def _pump(self, stream: Stream) -> None:
        """Send as much of a request as the other side takes now."""
        size = len(stream.payload)
        while stream.position < size:
            room = min(self._frame_size, self._window, stream.window)
            if room <= 0:
                return
            part = stream.payload[stream.position : stream.position + room]
            stream.position += len(part)
            self._window -= len(part)
            stream.window -= len(part)
            flags = END_STREAM if stream.position == size else 0
            self._transport.write(frame(DATA, flags, stream.number, part))

    def _drop(self, stream: Stream, reason: Reason) -> None:
        """Forget a call, and tell the other side why if it knows of it."""
        if stream.number == 0:
            if stream in self._waiting:
                self._waiting.remove(stream)
        elif self._streams.get(stream.number) is stream:
            self._transport.write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(reason)))
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.number, None)
        self.last_active = self._loop.time()
        while self._waiting and len(self._streams) < self._most and not self._ended:
            self._send(self._waiting.popleft())
        if self._ended and not self._streams:
            self._transport.close()

    def _fail(self, stream: Stream, error: Exception) -> None:
        if not stream.answer.done():
            stream.answer.set_exception(error)

    # --- The connection ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = (
            (HEADER_TABLE_SIZE, 0),
            (ENABLE_PUSH, 0),
            (INITIAL_WINDOW_SIZE, min(self._largest + OUR_FRAME, LARGEST_WINDOW)),
            (MAX_FRAME_SIZE, OUR_FRAME),
            (MAX_HEADER_LIST_SIZE, LARGEST_HEADERS),
        )
        self._transport.write(
            PREFACE
            + frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*each) for each in settings))
            + frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(CONNECTION_WINDOW - DEFAULT_WINDOW))
        )

    def data_received(self, data: bytes) -> None:
        try:
            for kind, flags, number, payload in self._frames.feed(data):
                if self._unfinished is not None and kind != CONTINUATION:
                    broken("headers are interrupted")
                if kind == DATA:
                    self._on_data(flags, number, payload)
                elif kind == HEADERS:
                    self._on_headers(flags, number, unpadded(flags, payload))
                else:
                    self._on_other(kind, flags, number, payload)
        except BrokenConnection as error:
            self._transport.write(frame(GOAWAY, 0, 0, NUMBER.pack(0) + NUMBER.pack(error.reason)))
            self._lost(f"{SOCKET_CLOSED}: {error}")
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(f"{SOCKET_CLOSED}: {exc}" if exc else SOCKET_CLOSED)

    def close(self) -> None:
        """End the connection when its calls are done, at once if there are none."""
        self._end()
        if not self._streams:
            self._transport.close()

    def abort(self) -> None:
        """End the connection and all of its calls."""
        self._lost(SOCKET_CLOSED)
        self._transport.abort()

    def ping(self, patience: float) -> None:
        """Ask whether the other side is there; without an answer in time the connection ends."""
        if self._pong is None:
            self._pong = self._loop.call_later(patience, self.abort)
            self._transport.write(frame(PING, 0, 0, b"gateway!"))

    def _end(self) -> None:
        """Make no more calls here."""
        if not self._ended:
            self._ended = True
            self.usable = False
            waiting, self._waiting = self._waiting, deque()
            for stream in waiting:
                self._fail(stream, NotSent())
            self._on_end(self)

    def _lost(self, reason: str) -> None:
        """Whatever is under way will not be answered any more."""
        if self._pong is not None:
            self._pong.cancel()
        self._end()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            self._fail(stream, failure(grpc.StatusCode.UNAVAILABLE, reason))
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))

    # --- Frames -----------------------------------------------------------------------------

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        self._taken += len(payload)
        if self._taken >= CONNECTION_WINDOW // 2:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(self._taken)))
            self._taken = 0
        stream = self._streams.get(number)
        if stream is None:
            self._check_known(number)
            return
        if flags & ~END_STREAM:
            payload = unpadded(flags & ~0x20, payload)
        if not stream.started:
            broken("data before headers")
        if payload:
            if stream.size < PREFIX:
                self._check_beginning(stream, payload)
            stream.parts.append(payload)
            stream.size += len(payload)
        if flags & END_STREAM and number in self._streams:
            self._fail(stream, failure(INTERNAL, "the answer ended without a status"))
            self._forget(stream)

    def _check_beginning(self, stream: Stream, payload: bytes) -> None:
        """Refuse an answer that is too large or compressed before more of it comes."""
        start = b"".join((*stream.parts, payload))[:PREFIX]
        if len(start) < PREFIX:
            return
        length = int.from_bytes(start[1:], "big")
        if length > self._largest:
            problem = f"Received message larger than max ({length} vs. {self._largest})"
            self._fail(stream, failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem))
        elif start[0]:
            self._fail(stream, failure(INTERNAL, "the answer is compressed"))
        else:
            return
        self._drop(stream, Reason.CANCEL)

    def _on_headers(self, flags: int, number: int, payload: bytes) -> None:
        if not flags & END_HEADERS:
            self._unfinished = (number, flags, payload)
            return
        block = self._blocks.read(payload)
        stream = self._streams.get(number)
        if stream is None:
            self._check_known(number)
            return
        if flags & END_STREAM:
            self._finish(stream, block)
        elif stream.started:
            broken("headers in the midst of an answer")
        elif block.status is None:
            broken("an answer without :status")
        elif not block.status.startswith("1"):  # those come before the answer
            self._begin(stream, block)

    def _begin(self, stream: Stream, block: Block) -> None:
        stream.started = True
        error = failure_of_http(block)
        if error is not None:
            self._fail(stream, error)
            self._drop(stream, Reason.CANCEL)

    def _finish(self, stream: Stream, block: Block) -> None:
        """The trailers have come, which may be all that comes."""
        if stream.position < len(stream.payload):  # the other side does not want to hear the rest
            self._transport.write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(Reason.NO_ERROR)))
        if not stream.answer.done():
            error: Exception | None = failure_of(block)
            message = stream.message if error is None else None
            if message is not None:
                stream.answer.set_result(message)
            else:
                stream.answer.set_exception(
                    error or failure(INTERNAL, "the answer is not one message")
                )
        self._forget(stream)

    def _on_other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == SETTINGS:
            if not flags & ACK:
                self._on_settings(payload)
        elif kind == PING:
            self._on_ping(flags, payload)
        elif kind == WINDOW_UPDATE:
            self._on_window_update(number, payload)
        elif kind == RST_STREAM:
            self._on_reset(number, payload)
        elif kind == GOAWAY:
            self._on_goaway(payload)
        elif kind == CONTINUATION:
            self._on_continuation(flags, number, payload)
        elif kind == PUSH_PROMISE:
            broken("a push, which we have turned off")

    def _on_settings(self, payload: bytes) -> None:
        if len(payload) % SETTING.size:
            broken("settings of a wrong size", Reason.FRAME_SIZE_ERROR)
        for name, value in SETTING.iter_unpack(payload):
            if name == MAX_CONCURRENT_STREAMS:
                self._most = value
            elif name == MAX_FRAME_SIZE:
                if not DEFAULT_FRAME <= value <= LARGEST_FRAME:
                    broken("a frame size that is not allowed")
                self._frame_size = value
            elif name == INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW:
                    broken("a window that is too large", Reason.FLOW_CONTROL_ERROR)
                for stream in self._streams.values():
                    stream.window += value - self._initial_window
                self._initial_window = value
        self._transport.write(frame(SETTINGS, ACK, 0))
        self._pump_all()
        if not self.ready.done():
            self.usable = not self._ended
            self.ready.set_result(None)

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            broken("a ping of a wrong size", Reason.FRAME_SIZE_ERROR)
        if not flags & ACK:
            self._transport.write(frame(PING, ACK, 0, payload))
        elif self._pong is not None:
            self._pong.cancel()
            self._pong = None

    def _on_window_update(self, number: int, payload: bytes) -> None:
        more = read_number(payload, 4) & LARGEST_WINDOW
        if number == 0:
            self._window += more
            if not more or self._window > LARGEST_WINDOW:
                broken("a window out of range", Reason.FLOW_CONTROL_ERROR)
            self._pump_all()
        elif (stream := self._streams.get(number)) is not None:
            stream.window += more
            self._pump(stream)

    def _pump_all(self) -> None:
        for stream in list(self._streams.values()):
            if stream.position < len(stream.payload):
                self._pump(stream)

    def _on_reset(self, number: int, payload: bytes) -> None:
        code = read_number(payload, 4)
        stream = self._streams.get(number)
        if stream is not None:
            refused = code == Reason.REFUSED_STREAM
            self._fail(stream, NotSent() if refused else failure_of_reset(code))
            self._forget(stream)

    def _on_goaway(self, payload: bytes) -> None:
        last = read_number(payload, 8) & LAST_STREAM
        code, words = read_number(payload[4:], 4), payload[8:]
        if code != Reason.NO_ERROR:
            log.warning(
                "Cuebot closes the connection",
                reason=REASONS[code].name if code in REASONS else code,
                words=words[:200].decode("ascii", "replace"),
            )
        self._end()
        for stream in [each for each in self._streams.values() if each.number > last]:
            self._fail(stream, NotSent())
            self._forget(stream)
        if not self._streams:
            self._transport.close()

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._unfinished is None or self._unfinished[0] != number:
            broken("headers that go on and have not begun")
        _, first_flags, start = self._unfinished
        block = start + payload
        if len(block) > LARGEST_HEADERS:
            broken("headers that are too large", Reason.ENHANCE_YOUR_CALM)
        self._unfinished = None
        self._on_headers(first_flags | flags & END_HEADERS, number, block)

    def _check_known(self, number: int) -> None:
        """A frame may still come for a call that is over, but not for one that never was."""
        if number >= self._next or number % 2 == 0:
            broken("an answer to what was not asked")


def broken(problem: str, reason: Reason = Reason.PROTOCOL_ERROR) -> NoReturn:
    raise BrokenConnection(reason, problem)


def read_number(payload: bytes, least: int) -> int:
    """The 32 bits that a frame of at least that many bytes begins with."""
    if len(payload) < least:
        broken("a frame that is too short", Reason.FRAME_SIZE_ERROR)
    return int.from_bytes(payload[:4], "big")
