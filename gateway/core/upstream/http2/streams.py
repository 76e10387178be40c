"""Streams: one call on a connection, and the sending of requests (RFC 9113 section 5)."""

from collections.abc import Callable
from io import BytesIO
from typing import Protocol

from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.headers import EMPTY_TABLE
from gateway.core.upstream.http2.settings import FIRST_WINDOW_BYTES, PeerSettings
from gateway.core.upstream.http2.wire import (
    BYTES_PER_FRAME,
    ITS_HEADERS,
    LAST_MESSAGE,
    MESSAGE_HEAD,
    SHORT_HEAD,
    ErrorCode,
    Progress,
    ProtocolError,
    frame,
    header_frames,
)
from gateway.core.upstream.interface import CallFailed, no_memory, not_grpc, too_large, too_late

PREFIX_BYTES = 5
"""gRPC's message prefix: a compression flag (1), and the length (4)."""
NOT_ONE_MESSAGE = "the answer is not one message"


class Sink(Protocol):
    """Receives one outcome, perhaps before `Calls.start` returns. Must not raise."""

    def expects(self, size: int, go_on: Callable[[], None]) -> bool:
        """A large answer is coming; see `Expects`."""

    def answered(self, message: bytes) -> None:
        """The complete answer."""

    def failed(self, failure: CallFailed) -> None:
        """The call has failed."""


class PartialAnswer:
    """An answer that arrives in pieces: what has arrived, and what may (RFC 9113 section 5.2)."""

    __slots__ = ("_content", "due", "held_back", "room", "size", "to_come")

    def __init__(self) -> None:
        self._content: BytesIO | None = None
        """Without the prefix once that is complete. A list of pieces would double the memory of a
        large answer."""
        self.size = 0
        """Bytes received, with the prefix."""
        self.due = 0
        """Bytes expected; 0 until the prefix is complete."""
        self.room = FIRST_WINDOW_BYTES
        """The window: bytes of DATA frames with padding."""
        self.to_come = 0
        """Bytes of a large answer to be added to the window in parts."""
        self.held_back = False
        """Whether the window of a large answer stays as it is until the sink goes on."""

    def take(self, data: bytes, most: int) -> CallFailed | None:
        """Add a piece. A failure as soon as it cannot be one message of at most `most` bytes."""
        self.size += len(data)
        if not self.due:
            if self._content is not None:
                data, self._content = self._content.getvalue() + data, None
            if len(data) >= PREFIX_BYTES:
                length = int.from_bytes(data[1:PREFIX_BYTES], "big")
                if length > most:
                    return too_large(length, most)
                if data[0]:
                    return not_grpc("the answer is compressed")
                self.due = PREFIX_BYTES + length
                data = data[PREFIX_BYTES:]
        if self.due and self.size > self.due:
            return not_grpc(NOT_ONE_MESSAGE)
        if self._content is None:
            self._content = BytesIO(data)
            self._content.seek(len(data))
        else:
            self._content.write(data)
        return None

    def take_message(self) -> bytes | None:
        """The complete message, once; None if the data is not one message."""
        content, self._content = self._content, None
        if content is None or self.size != self.due or not self.due:
            return None
        return content.getvalue()


class Stream:
    """A unary call: one message each way. Its initial state is the class's."""

    number: int = 0
    """0 until the call begins."""
    unsent: memoryview | None = None
    window: int = 0
    """The window for what is unsent."""
    begun: bool = False
    """Whether any headers have arrived: the peer is processing the call."""
    answer: PartialAnswer | None = None
    """None until the answer's own headers have arrived, and for one that arrives as a whole."""

    def __init__(self, head: bytes, message: bytes, deadline: float, sink: Sink) -> None:
        """`message` has no prefix yet, `deadline` is on the driver's clock."""
        self.head = head
        self.message = message
        self.deadline = deadline
        self.sink: Sink | None = sink
        """None after the outcome or a cancellation."""

    @property
    def room(self) -> int:
        """How many bytes of DATA frames the peer may still send."""
        return FIRST_WINDOW_BYTES if self.answer is None else max(self.answer.room, 0)

    def too_late(self) -> CallFailed:
        answer = self.answer
        if answer is not None and answer.held_back:
            return no_memory(answer.due - PREFIX_BYTES)
        return too_late(may_have_reached_server=self.number > 0)

    def fail(self, failure: CallFailed) -> None:
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.failed(failure)


class Sender:
    """Sends requests, within the peer's windows (RFC 9113 section 5.2).

    A change of a window raises ProtocolError if it is invalid. The cost of a larger one depends on
    what is sent then, not on the number of unsent requests.
    """

    def __init__(self, write: Callable[[bytes], None], progress: Progress) -> None:
        self.settings = PeerSettings()
        """Changed by `adopt`."""
        self.paused = False
        """Whether the peer has to read earlier data first."""
        self.unsent: dict[int, Stream] = {}
        """Begun calls with unsent data, by number."""
        self._ready: dict[int, Stream] = {}
        """Unsent calls that only the connection's window or the pause limits."""
        self._write = write
        self._progress = progress
        self._first = EMPTY_TABLE
        """Prefix of the first block: a peer that sets a smaller table size expects this update."""
        self._window = wire.DEFAULT_WINDOW
        """The connection's."""
        self._short = short(self.settings)

    def send(self, stream: Stream) -> None:
        """Begin a request that has a number; what exceeds the windows follows later."""
        number, head, message = stream.number, stream.head, stream.message
        if self._first:
            head, self._first = self._first + head, b""
        length, size = len(head), PREFIX_BYTES + len(message)
        if length <= self._short and size <= self._short and size <= self._window:
            self._window -= size
            its_headers = SHORT_HEAD.pack(0, length, ITS_HEADERS, number)
            its_message = MESSAGE_HEAD.pack(0, size, LAST_MESSAGE, number, 0, size - PREFIX_BYTES)
            self._write(b"".join((its_headers, head, its_message, message)))
        else:
            self._write(header_frames(number, head, self.settings.max_frame_size))
            body = b"\x00", wire.NUMBER.pack(len(message)), message
            stream.unsent = memoryview(b"".join(body))
            stream.window = self.settings.initial_window_size
            self.unsent[number] = stream
            self._send_rest(stream)

    def resume(self) -> None:
        while self._ready and self._window > 0 and not self.paused:
            self._send_rest(next(iter(self._ready.values())))

    def forget(self, number: int) -> None:
        if self.unsent.pop(number, None) is not None:
            self._ready.pop(number, None)

    def clear(self) -> None:
        self.unsent.clear()
        self._ready.clear()

    def _send_rest(self, stream: Stream) -> None:
        rest = stream.unsent
        while rest is not None and not self.paused:
            room = min(self.settings.max_frame_size, self._window, stream.window)
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
        """WINDOW_UPDATE of the connection."""
        if not more:
            raise ProtocolError("a window that grows by nothing")
        self._window += more
        if self._window > wire.MAX_WINDOW:
            raise ProtocolError("a window out of range", ErrorCode.FLOW_CONTROL_ERROR)
        if self._ready:
            self.resume()

    def widen(self, stream: Stream, more: int) -> ErrorCode | None:
        """WINDOW_UPDATE of one call. Returns the call's error, if any."""
        if not more:
            return ErrorCode.PROTOCOL_ERROR
        if stream.unsent is not None:
            stream.window += more
            if stream.window > wire.MAX_WINDOW:
                return ErrorCode.FLOW_CONTROL_ERROR
            self._send_rest(stream)
        return None

    def adopt(self, settings: PeerSettings) -> None:
        """Take new settings of the peer.

        The windows of unsent requests change with the initial one (RFC 9113 section 6.9.2): four
        requests count as a frame.
        """
        more = settings.initial_window_size - self.settings.initial_window_size
        self.settings, self._short = settings, short(settings)
        if more and self.unsent:
            self._progress.count_idle_frame(len(self.unsent) * BYTES_PER_FRAME // 4)
            for stream in self.unsent.values():
                stream.window += more
                if stream.window > wire.MAX_WINDOW:
                    raise ProtocolError("a window out of range", ErrorCode.FLOW_CONTROL_ERROR)
                self._note_ready(stream)


def short(settings: PeerSettings) -> int:
    """The sizes up to which headers, and a message, fit into one frame each."""
    return min(settings.max_frame_size, settings.initial_window_size, wire.SHORTER_THAN - 1)
