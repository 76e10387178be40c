"""One HTTP/2 connection and the calls on it (RFC 9113)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, cast

import grpc
import structlog

from gateway.upstream.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    DATA_HEAD,
    DEFAULT_FRAME,
    DEFAULT_WINDOW,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEAD,
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
    PADDED,
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
    header_frames,
    unpadded,
)
from gateway.upstream.http2.headers import LARGEST_HEADERS, SMALLER_TABLE, Block, BlockReader
from gateway.upstream.http2.status import (
    NotSent,
    failure,
    failure_of,
    failure_of_http,
    failure_of_reset,
    too_late,
)
from gateway.upstream.http2.stream import NOT_ONE_MESSAGE, PREFIX, Stream

log = structlog.stdlib.get_logger("gateway.upstream")

OUR_FRAME = 64 * 1024
"""The largest frame that we take."""
CONNECTION_WINDOW = 2**30
"""Bytes of all answers together that the other side may send without a word from us."""
LARGEST_BLOCK = 2**20
"""Bytes of headers that are too large, but end no more than one call."""
MOST_CONTINUATIONS = 64
"""Frames that one block of headers may come in."""
MOST_CHATTER = 10_000
"""Frames that bring nothing, from one call to the next: no flood of them is borne for ever."""
MOST_UNWRITTEN = 64 * 1024
"""Bytes that are collected before they are handed to the transport."""
HEADROOM = 16 * 32
"""What a server counts for our headers beyond their bytes: 32 for each field (section 6.5.2)."""
SOCKET_CLOSED = "Socket closed"
"""gRPC's words for a connection that has ended."""
ABOUT_ALL = (SETTINGS, PING, GOAWAY)
"""Frames about the whole connection."""
TOO_MANY_PINGS = b"too_many_pings"
"""What gRPC's servers say with ENHANCE_YOUR_CALM."""


class Connection(asyncio.Protocol):
    """An HTTP/2 client connection that makes unary gRPC calls.

    `on_end` is called once, when no more calls should be made on it: it is lost, the other side
    is going away, or its stream numbers are used up. Calls that have begun may still finish.
    """

    def __init__(self, *, largest_message: int, on_end: Callable[["Connection"], object]) -> None:
        self.usable = False
        """Whether new calls can be made: the other side has introduced itself and goes on."""
        self.useful = False
        """Whether a call has been answered on it."""
        self.too_many_pings = False
        """Whether the other side has closed it because of our pings."""
        self.last_active = 0.0
        """The loop's time at which the latest call has ended."""
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the other side has introduced itself as HTTP/2."""
        self.ready.add_done_callback(seen)
        self._largest = largest_message
        self._on_end = on_end
        self._ended = False
        self._frames = FrameReader(OUR_FRAME)
        self._blocks = BlockReader()
        self._streams: dict[int, Stream] = {}
        self._unsent: dict[int, Stream] = {}
        """Those of them whose request has not been sent to its end."""
        self._waiting: dict[Stream, None] = {}
        """Calls that have not begun, in their order (there are no values): the other side takes
        no more at once, or reads more slowly than we write."""
        self._paused = False
        """Whether enough is written that the other side has not read."""
        self._next = 1
        self._most = LAST_STREAM
        self._most_headers = LARGEST_WINDOW
        self._frame_size = DEFAULT_FRAME
        self._initial_window = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW
        self._taken = 0
        """Bytes of answers that the connection's window has not been given back."""
        self._unfinished: Unfinished | None = None
        self._chatter = 0
        """Frames that brought nothing since the latest call began."""
        self._pong: asyncio.TimerHandle | None = None
        self._unwritten: list[bytes] = []
        """What goes out together when all that is to be done now has been done."""
        self._unwritten_size = 0

    # --- Calls ------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no call is being made."""
        return not self._streams and not self._waiting

    async def unary(self, head: bytes, message: bytes, deadline: float) -> bytes:
        """The answer's message.

        `head` is the block of the request's headers, with what is left of `deadline` (in the
        loop's time), which is kept on this side too. Raises AioRpcError, or NotSent when the call
        can be made on another connection as if nothing had happened.
        """
        if self._ended:
            raise NotSent
        if len(head) + HEADROOM > self._most_headers:
            problem = "the call's headers are larger than Cuebot takes"
            raise failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem)
        stream = Stream(head, message, deadline, self._loop.create_future())
        if len(self._streams) < self._most and not self._waiting and not self._paused:
            self._send(stream)
        else:
            self._waiting[stream] = None
        timer = self._loop.call_at(deadline, self._late, stream)
        try:
            return await stream.answer
        except asyncio.CancelledError:
            self._drop(stream, Reason.CANCEL)
            raise
        finally:
            timer.cancel()
            del stream  # an error would hold itself: its traceback, this frame, the future

    def _late(self, stream: Stream) -> None:
        stream.fail(too_late())
        self._drop(stream, Reason.CANCEL)

    def _send(self, stream: Stream) -> None:
        number = stream.number = self._next
        self._next = number + 2
        self._streams[number] = stream
        self._chatter = 0
        head, message = stream.head, stream.message
        if number == 1:
            # Our side has no table either; who wants a smaller one than usual has to hear that.
            head = SMALLER_TABLE + head
        length, size = len(head), PREFIX + len(message)
        most = self._frame_size
        if length <= most and size <= min(most, self._window, self._initial_window):
            self._window -= size
            self._write(
                b"".join(
                    (
                        HEAD.pack(length >> 8, length & 0xFF, HEADERS, END_HEADERS, number),
                        head,
                        DATA_HEAD.pack(
                            size >> 8, size & 0xFF, DATA, END_STREAM, number, 0, size - PREFIX
                        ),
                        message,
                    )
                )
            )
        else:
            self._write(header_frames(number, head, most))
            stream.unsent = stream.body
            stream.window = self._initial_window
            self._unsent[number] = stream
            self._pump(stream)
        if self._next > LAST_STREAM:
            self._end()

    def _send_waiting(self) -> None:
        while self._waiting and len(self._streams) < self._most and not self._paused:
            stream = next(iter(self._waiting))
            del self._waiting[stream]
            self._send(stream)

    def _pump(self, stream: Stream) -> None:
        """Send as much of a request as the other side takes now."""
        rest = stream.unsent
        while rest is not None and not self._paused:
            room = min(self._frame_size, self._window, stream.window)
            if room <= 0:
                break
            part, rest = rest[:room], rest[room:] if len(rest) > room else None
            self._window -= len(part)
            stream.window -= len(part)
            stream.unsent = rest
            if rest is None:
                del self._unsent[stream.number]
            self._write(frame(DATA, 0 if rest else END_STREAM, stream.number, part))

    def _pump_all(self) -> None:
        for stream in list(self._unsent.values()):
            self._pump(stream)

    def _drop(self, stream: Stream, reason: Reason) -> None:
        """Forget a call, and tell the other side why if it knows of it."""
        if stream.number == 0:
            self._waiting.pop(stream, None)
        elif self._streams.get(stream.number) is stream:
            self._reset(stream, reason)
            self._forget(stream)

    def _reset(self, stream: Stream, reason: Reason) -> None:
        self._write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(reason)))

    def _forget(self, stream: Stream) -> None:
        number = stream.number
        del self._streams[number]
        if self._unsent:
            self._unsent.pop(number, None)
        self.last_active = self._loop.time()
        if self._waiting:
            self._send_waiting()
        if self._ended and not self._streams:
            self._hang_up()

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
        self._write(
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
                    if flags & (PADDED | HAS_PRIORITY):
                        payload = unpadded(flags, payload)
                    self._on_headers(flags, number, payload)
                else:
                    self._on_other(kind, flags, number, payload)
        except BrokenConnection as error:
            self._write(frame(GOAWAY, 0, 0, NUMBER.pack(0) + NUMBER.pack(error.reason)))
            self._flush()
            self._lost(f"{SOCKET_CLOSED}: {error}")
            self._transport.abort()

    def eof_received(self) -> None:
        """The other side says no more. The transport closes itself."""
        self._lost(SOCKET_CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(f"{SOCKET_CLOSED}: {exc}" if exc else SOCKET_CLOSED)

    def _write(self, data: bytes) -> None:
        """Send it soon, in one system call with what other calls send in the same moment."""
        if not self._unwritten:
            if not self.ready.done():  # no calls yet, and whoever connects may give it up
                self._transport.write(data)
                return
            self._loop.call_soon(self._flush)
        self._unwritten.append(data)
        self._unwritten_size += len(data)
        if self._unwritten_size >= MOST_UNWRITTEN:
            self._flush()

    def _flush(self) -> None:
        unwritten, self._unwritten, self._unwritten_size = self._unwritten, [], 0
        if unwritten and not self._transport.is_closing():
            self._transport.write(unwritten[0] if len(unwritten) == 1 else b"".join(unwritten))

    def _hang_up(self) -> None:
        """End the connection when all is sent."""
        self._flush()
        self._transport.close()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump_all()
        self._send_waiting()

    def close(self) -> None:
        """End the connection when its calls are done, at once if there are none."""
        self._end()
        if not self._streams:
            self._hang_up()

    def abort(self) -> None:
        """End the connection and all of its calls."""
        self._lost(SOCKET_CLOSED)
        self._transport.abort()

    def ping(self, patience: float) -> None:
        """Ask whether the other side is there; without an answer in time the connection ends."""
        if self._pong is None:
            self._pong = self._loop.call_later(patience, self.abort)
            self._write(frame(PING, 0, 0, b"gateway!"))

    def _end(self) -> None:
        """Make no more calls here."""
        if not self._ended:
            self._ended = True
            self.usable = False
            waiting, self._waiting = self._waiting, {}
            for stream in waiting:
                stream.fail(NotSent())
            self._on_end(self)

    def _lost(self, reason: str) -> None:
        """Whatever is under way will not be answered any more."""
        if self._pong is not None:
            self._pong.cancel()
        self._end()
        streams, self._streams = self._streams, {}
        self._unsent.clear()
        self._unwritten = []
        for stream in streams.values():
            stream.fail(failure(grpc.StatusCode.UNAVAILABLE, reason))
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))

    # --- Frames -----------------------------------------------------------------------------

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        self._taken += size
        if self._taken >= CONNECTION_WINDOW // 2:
            self._write(frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(self._taken)))
            self._taken = 0
        stream = self._streams.get(number)
        if stream is None:
            self._check_known(number)
            return
        if not stream.started:
            broken("data before headers")
        if flags & PADDED:
            payload = unpadded(PADDED, payload)
            padding = NUMBER.pack(size - len(payload))  # has its place in windows, too
            self._write(frame(WINDOW_UPDATE, 0, number, padding))
        if not payload:
            self._on_chatter()
        elif (error := stream.take(payload, self._largest)) is not None:
            stream.fail(error)
            self._drop(stream, Reason.CANCEL)
            return
        if flags & END_STREAM:
            stream.fail(failure(grpc.StatusCode.INTERNAL, "the answer ended without a status"))
            self._close(stream)

    def _on_headers(self, flags: int, number: int, payload: bytes) -> None:
        if not flags & END_HEADERS:
            self._unfinished = Unfinished(number, flags, [payload], len(payload))
            return
        block = self._blocks.read(payload)
        stream = self._streams.get(number)
        if stream is None:
            self._check_known(number)
        elif block is None:
            problem = f"the answer's headers are larger than {LARGEST_HEADERS} bytes"
            stream.fail(failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem))
            self._drop(stream, Reason.CANCEL)
        elif flags & END_STREAM:
            self._finish(stream, block)
        elif stream.started:
            broken("headers in the midst of an answer")
        elif block.status is None:
            broken("an answer without :status")
        elif block.status.startswith("1"):  # those come before the answer
            self._on_chatter()
        else:
            self._begin(stream, block)

    def _begin(self, stream: Stream, block: Block) -> None:
        stream.started = True
        error = failure_of_http(block)
        if error is not None:
            stream.fail(error)
            self._drop(stream, Reason.CANCEL)

    def _finish(self, stream: Stream, block: Block) -> None:
        """The trailers have come, which may be all that comes."""
        self.useful = True
        error = failure_of(block)
        if error is not None:
            stream.fail(error)
        elif (message := stream.received) is None:
            stream.fail(failure(grpc.StatusCode.INTERNAL, NOT_ONE_MESSAGE))
        elif not stream.answer.done():
            stream.answer.set_result(message)
        self._close(stream)

    def _close(self, stream: Stream) -> None:
        """The other side has said all that it has to say."""
        if stream.unsent is not None:  # and does not want to hear the rest
            self._reset(stream, Reason.NO_ERROR)
        self._forget(stream)

    def _on_other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE:
            self._on_window_update(number, payload)
            return
        if kind == CONTINUATION:
            self._on_continuation(flags, number, payload)
            return
        self._on_chatter()
        if kind == RST_STREAM:
            self._on_reset(number, payload)
        elif kind == PUSH_PROMISE:
            broken("a push, which we have turned off")
        elif kind in ABOUT_ALL and number:
            broken("a frame about the connection on a stream")
        elif kind == SETTINGS:
            if not flags & ACK:
                self._on_settings(payload)
        elif kind == PING:
            self._on_ping(flags, payload)
        elif kind == GOAWAY:
            self._on_goaway(payload)

    def _on_chatter(self) -> None:
        """Bear with frames that bring nothing, but not with any number of them."""
        self._chatter += 1
        if self._chatter > MOST_CHATTER:
            broken("a flood of frames", Reason.ENHANCE_YOUR_CALM)

    def _on_settings(self, payload: bytes) -> None:
        if len(payload) % SETTING.size:
            broken("settings of a wrong size", Reason.FRAME_SIZE_ERROR)
        for name, value in SETTING.iter_unpack(payload):
            self._set(name, value)
        self._write(frame(SETTINGS, ACK, 0))
        self._pump_all()
        self._send_waiting()
        if not self.ready.done():
            self.usable = not self._ended
            self.ready.set_result(None)

    def _set(self, name: int, value: int) -> None:
        if name == MAX_CONCURRENT_STREAMS:
            self._most = value
        elif name == MAX_HEADER_LIST_SIZE:
            self._most_headers = value
        elif name == MAX_FRAME_SIZE:
            if not DEFAULT_FRAME <= value <= LARGEST_FRAME:
                broken("a frame size that is not allowed")
            self._frame_size = value
        elif name == INITIAL_WINDOW_SIZE:
            if value > LARGEST_WINDOW:
                broken("a window that is too large", Reason.FLOW_CONTROL_ERROR)
            for stream in self._unsent.values():
                stream.window += value - self._initial_window
            self._initial_window = value

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            broken("a ping of a wrong size", Reason.FRAME_SIZE_ERROR)
        if not flags & ACK:
            self._write(frame(PING, ACK, 0, payload))
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
        elif (stream := self._unsent.get(number)) is not None:
            stream.window += more
            self._pump(stream)

    def _on_reset(self, number: int, payload: bytes) -> None:
        code = read_number(payload, 4)
        stream = self._streams.get(number)
        if stream is None:
            self._check_known(number)
            return
        if code == Reason.REFUSED_STREAM:
            stream.fail(NotSent())
        else:
            late = self._loop.time() >= stream.deadline
            stream.fail(failure_of_reset(code, late=late))
        self._forget(stream)

    def _on_goaway(self, payload: bytes) -> None:
        last = read_number(payload, 8) & LAST_STREAM
        code, words = read_number(payload[4:], 4), payload[8:]
        if code != Reason.NO_ERROR:
            self.too_many_pings = code == Reason.ENHANCE_YOUR_CALM and words == TOO_MANY_PINGS
            log.warning(
                "Cuebot closes the connection",
                reason=REASONS[code].name if code in REASONS else code,
                words=words[:200].decode("ascii", "replace"),
            )
        self._end()
        for stream in [each for each in self._streams.values() if each.number > last]:
            stream.fail(NotSent())
            self._forget(stream)
        if not self._streams:
            self._hang_up()

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        block = self._unfinished
        if block is None or block.number != number:
            broken("headers that go on and have not begun")
        block.parts.append(payload)
        block.size += len(payload)
        if block.size > LARGEST_BLOCK or len(block.parts) > MOST_CONTINUATIONS:
            broken("headers without an end", Reason.ENHANCE_YOUR_CALM)
        if flags & END_HEADERS:
            self._unfinished = None
            self._on_headers(block.flags | END_HEADERS, number, b"".join(block.parts))

    def _check_known(self, number: int) -> None:
        """A frame may still come for a call that is over, but not for one that never was."""
        if number >= self._next or number % 2 == 0:
            broken("an answer to what was not asked")
        self._on_chatter()


@dataclass(slots=True)
class Unfinished:
    """Headers whose end is in another frame."""

    number: int
    flags: int
    """Those of the first frame."""
    parts: list[bytes]
    size: int


def seen(future: "asyncio.Future[None]") -> None:
    """Nobody may have waited for how it ends, and that is fine."""
    if not future.cancelled():
        future.exception()


def broken(problem: str, reason: Reason = Reason.PROTOCOL_ERROR) -> NoReturn:
    raise BrokenConnection(reason, problem)


def read_number(payload: bytes, least: int) -> int:
    """The 32 bits that a frame of at least that many bytes begins with."""
    if len(payload) < least:
        broken("a frame that is too short", Reason.FRAME_SIZE_ERROR)
    return int.from_bytes(payload[:4], "big")
