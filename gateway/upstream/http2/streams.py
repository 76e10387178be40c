"""Streams: one call on a connection, and how its request goes out (RFC 9113 section 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from gateway.upstream.http2 import wire
from gateway.upstream.http2.flood_control import BYTES_PER_FRAME, Progress
from gateway.upstream.http2.headers import EMPTY_TABLE
from gateway.upstream.http2.outcome import no_memory, not_grpc, too_large, too_late
from gateway.upstream.http2.wire import (
    ITS_HEADERS,
    LAST_MESSAGE,
    MESSAGE_HEAD,
    SHORT_HEAD,
    ErrorCode,
    ProtocolError,
    frame,
    header_frames,
)
from gateway.upstream.interface import CallFailed

PREFIX = 5
"""Bytes before each message: whether it is compressed (1), and its length (4)."""
FIRST_WINDOW = 64 * 1024
"""Bytes of an answer that the peer may send before anybody has asked for more."""
NOT_ONE_MESSAGE = "the answer is not one message"


class Sink(Protocol):
    """Is told the outcome of a call, once. It must not raise.

    It may be told before `Calls.start` has returned, and may itself start and cancel calls.
    """

    def expects(self, size: int, go_on: Callable[[], None]) -> bool:
        """A large answer is coming; see `Expects`."""

    def answered(self, message: bytes) -> None:
        """The answer has come."""

    def failed(self, failure: CallFailed) -> None:
        """There will be no answer."""


@dataclass(slots=True, eq=False, repr=False)
class Stream:
    """A unary call: one message each way."""

    head: bytes
    """The block of the request's headers."""
    message: bytes
    """The request's message, without its prefix."""
    deadline: float
    """On the clock of what drives the connection."""
    sink: Sink | None
    """None once it has been told the outcome, or the call has been cancelled."""
    number: int = 0
    """The stream's number; 0 until the call begins."""
    unsent: memoryview | None = None
    """What is left of a request that does not go out at once."""
    window: int = 0
    """How much of that the peer takes."""
    room: int = FIRST_WINDOW
    """Bytes of DATA frames, with their padding, that the peer may still send."""
    to_come: int = 0
    """Bytes of a large answer that it may send as well, a part at a time."""
    begun: bool = False
    """Whether any headers have come: the peer has looked at the call."""
    started: bool = False
    """Whether the answer's own headers have come."""
    answer: BytesIO | None = None
    """What has come of the answer, without its prefix as soon as that is whole. (Pieces of a large
    one would be in memory beside the whole.)"""
    size: int = 0
    """How many bytes have come, with the prefix."""
    due: int = 0
    """How many there are to be; 0 until the prefix is whole."""
    announced: bool = False
    """Whether the sink has been told that they are many."""
    held_back: bool = False
    """Whether the rest of them waits for room."""

    def take(self, data: bytes, most: int) -> CallFailed | None:
        """Add a piece of the answer (not an empty one).

        A failure as soon as it is not going to be one message of at most `most` bytes, so that no
        more is kept than that.
        """
        self.size += len(data)
        if not self.due:
            if self.answer is not None:
                data, self.answer = self.answer.getvalue() + data, None
            if len(data) >= PREFIX:
                length = int.from_bytes(data[1:PREFIX], "big")
                if length > most:
                    return too_large(length, most)
                if data[0]:
                    return not_grpc("the answer is compressed")
                self.due = PREFIX + length
                data = data[PREFIX:]
        if self.due and self.size > self.due:
            return not_grpc(NOT_ONE_MESSAGE)
        if self.answer is None:
            self.answer = BytesIO(data)
            self.answer.seek(len(data))
        else:
            self.answer.write(data)
        return None

    def take_message(self) -> bytes | None:
        """Hand over the answer's message, once; None when what has come is not one."""
        answer, self.answer = self.answer, None
        if answer is None or self.size != self.due or not self.due:
            return None
        return answer.getvalue()

    def too_late(self) -> CallFailed:
        """The failure of a call whose deadline has passed."""
        return (
            no_memory(self.due - PREFIX)
            if self.held_back
            else too_late(may_have_reached_server=self.number > 0)
        )

    def tell(self, outcome: bytes | CallFailed) -> None:
        """Tell the sink its answer, or that there is none, unless it knows the outcome."""
        sink, self.sink = self.sink, None
        if sink is None:
            return
        if isinstance(outcome, CallFailed):
            sink.failed(outcome)
        else:
            sink.answered(outcome)


class Sender:
    """Writes requests, within the windows that the peer gives (section 5.2).

    The setters raise ProtocolError for what the protocol does not allow. However many requests are
    unsent, a larger window costs no more than what is sent then.
    """

    def __init__(self, write: Callable[[bytes], None], progress: Progress) -> None:
        self.paused = False
        """Whether the peer is to read first what has been written."""
        self.unsent: dict[int, Stream] = {}
        """Begun calls whose request has not been sent to its end, by number."""
        self._ready: dict[int, Stream] = {}
        """Those of them that only the window of all together, or the pause, holds up."""
        self._write = write
        self._progress = progress
        self._first = EMPTY_TABLE
        """What the first block begins with: we have no table, and a peer that wants a smaller one
        than usual has to hear that."""
        self._frame_size = wire.DEFAULT_FRAME_SIZE
        self._initial_window = wire.DEFAULT_WINDOW
        self._window = wire.DEFAULT_WINDOW
        self._note_short()

    def send(self, stream: Stream) -> None:
        """Begin a request, which has its number; what there is no room for follows later."""
        number, head, message = stream.number, stream.head, stream.message
        if self._first:
            head, self._first = self._first + head, b""
        length, size = len(head), PREFIX + len(message)
        if length <= self._short and size <= self._short and size <= self._window:
            self._window -= size
            its_headers = SHORT_HEAD.pack(0, length, ITS_HEADERS, number)
            its_message = MESSAGE_HEAD.pack(0, size, LAST_MESSAGE, number, 0, size - PREFIX)
            self._write(b"".join((its_headers, head, its_message, message)))
        else:
            self._write(header_frames(number, head, self._frame_size))
            body = b"\x00", wire.NUMBER.pack(len(message)), message
            stream.unsent = memoryview(b"".join(body))
            stream.window = self._initial_window
            self.unsent[number] = stream
            self._send_rest(stream)

    def resume(self) -> None:
        """Send as much of all requests as the peer takes now."""
        while self._ready and self._window > 0 and not self.paused:
            self._send_rest(next(iter(self._ready.values())))

    def forget(self, number: int) -> None:
        """Send no more of this request, if there is more of it."""
        if self.unsent.pop(number, None) is not None:
            self._ready.pop(number, None)

    def clear(self) -> None:
        """Send no more of any request."""
        self.unsent.clear()
        self._ready.clear()

    def _send_rest(self, stream: Stream) -> None:
        rest = stream.unsent
        while rest is not None and not self.paused:
            room = min(self._frame_size, self._window, stream.window)
            if room <= 0:
                break
            part, rest = rest[:room], rest[room:] if len(rest) > room else None
            self._window -= len(part)
            stream.window -= len(part)
            stream.unsent = rest
            if rest is None:
                del self.unsent[stream.number]
            self._progress.make_up_for(len(part) // BYTES_PER_FRAME)
            self._write(frame(wire.DATA, 0 if rest else wire.END_STREAM, stream.number, part))
        self._note_ready(stream)

    def _note_ready(self, stream: Stream) -> None:
        if stream.unsent is not None and stream.window > 0:
            self._ready[stream.number] = stream
        else:
            self._ready.pop(stream.number, None)

    def widen_all(self, more: int) -> None:
        """WINDOW_UPDATE: room for so many bytes more of all calls together."""
        if not more:
            raise ProtocolError("a window that grows by nothing")
        self._window += more
        if self._window > wire.MAX_WINDOW:
            raise ProtocolError("a window out of range", ErrorCode.FLOW_CONTROL_ERROR)
        self.resume()

    def widen(self, stream: Stream, more: int) -> ErrorCode | None:
        """The same for one call. What is wrong with that; it is the call's error alone."""
        if not more:
            return ErrorCode.PROTOCOL_ERROR
        if stream.unsent is not None:
            stream.window += more
            if stream.window > wire.MAX_WINDOW:
                return ErrorCode.FLOW_CONTROL_ERROR
            self._send_rest(stream)
        return None

    def set_frame_size(self, size: int) -> None:
        if not wire.DEFAULT_FRAME_SIZE <= size <= wire.LARGEST_FRAME_SIZE:
            raise ProtocolError("a frame size that is not allowed")
        self._frame_size = size
        self._note_short()

    def set_initial_window(self, size: int) -> None:
        """Calls that have begun get the difference, too (section 6.9.2).

        This looks at all that are unsent: four of them count as a frame.
        """
        if size > wire.MAX_WINDOW:
            raise ProtocolError("a window that is too large", ErrorCode.FLOW_CONTROL_ERROR)
        more = size - self._initial_window
        if more and self.unsent:
            self._progress.count_idle_frame(len(self.unsent) * BYTES_PER_FRAME // 4)
            for stream in self.unsent.values():
                stream.window += more
                if stream.window > wire.MAX_WINDOW:
                    raise ProtocolError("a window out of range", ErrorCode.FLOW_CONTROL_ERROR)
                self._note_ready(stream)
        self._initial_window = size
        self._note_short()

    def _note_short(self) -> None:
        """Note how many bytes of headers, and of a message with its prefix, are one frame each."""
        self._short = min(self._frame_size, self._initial_window, wire.SHORTER_THAN - 1)
