"""The calls on one connection, waiting and active."""

from collections.abc import Callable
from itertools import takewhile
from math import inf
from typing import Protocol

from gateway.core.errors import Code
from gateway.core.upstream.http2.streams import Sender, Sink, Stream
from gateway.core.upstream.http2.wire import (
    FRAMES_PER_CALL,
    MAX_STREAM,
    NUMBER,
    RST_STREAM,
    ErrorCode,
    Progress,
    ProtocolError,
    frame,
)
from gateway.core.upstream.interface import CallFailed, lost, not_connected, refused

HEADER_OVERHEAD_BYTES = 16 * 32
"""A server's surcharge on header bytes: 32 for each field (RFC 9113 section 6.5.2)."""


class Observer(Protocol):
    """The driver of a connection, called for events of the connection as a whole."""

    def on_ready(self) -> None:
        """The peer has sent its SETTINGS: calls can be made. Called once."""

    def on_closing(self) -> None:
        """No further call can begin; active ones may finish. Called once."""

    def on_drained(self) -> None:
        """No further call can begin, and none is active. May be called again."""

    def on_goaway(self, code: int, text: bytes) -> None:
        """The peer is going away, with this error code and text."""

    def on_pong(self) -> None:
        """The peer has answered a ping."""


class Calls:
    """Makes unary calls, within the peer's limit, with stream numbers from `next_stream` on."""

    def __init__(
        self, observer: Observer, write: Callable[[bytes], None], *, next_stream: int = 1
    ) -> None:
        self.streams: dict[int, Stream] = {}
        """Active calls by stream number."""
        self.closing = False
        self.next_stream = next_stream
        """The number of the next call to begin."""
        self.progress = Progress()
        self.sender = Sender(write, self.progress)
        self.waiting: dict[Stream, None] = {}
        """An ordered set of calls, while the peer's limit is reached or writing is paused."""
        self._observer = observer
        self._write = write
        self._late_room = 0
        """DATA bytes that the peer may still send for calls that have ended here."""

    @property
    def idle(self) -> bool:
        return not self.streams and not self.waiting

    def start(self, head: bytes, message: bytes, deadline: float, sink: Sink) -> Stream:
        """Begin a call, now or when the peer's limit allows.

        `head` is the request's header block, `deadline` is for `expire`. A failure that cannot have
        reached the server can be retried on another connection without side effects.
        """
        stream, sender = Stream(head, message, deadline, sink), self.sender
        settings = sender.settings
        if self.closing:
            stream.fail(not_connected("the connection is closing"))
        elif len(head) + HEADER_OVERHEAD_BYTES > settings.max_header_list_size:
            problem = "the call's headers are larger than Cuebot takes"
            stream.fail(refused(problem, Code.RESOURCE_EXHAUSTED))
        elif self.waiting or sender.paused or len(self.streams) >= settings.max_concurrent_streams:
            self.waiting[stream] = None
        else:
            self._begin(stream)
        return stream

    def _begin(self, stream: Stream) -> None:
        stream.number, self.next_stream = self.next_stream, self.next_stream + 2
        self.streams[stream.number] = stream
        self.sender.send(stream)
        if self.next_stream > MAX_STREAM:
            self.close()

    def resume(self) -> None:
        self.sender.resume()
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        most = self.sender.settings.max_concurrent_streams
        while self.waiting and len(self.streams) < most and not self.sender.paused:
            stream = next(iter(self.waiting))
            del self.waiting[stream]
            self._begin(stream)

    # --- How a call ends --------------------------------------------------------------------

    def cancel(self, stream: Stream, code: ErrorCode = ErrorCode.CANCEL) -> None:
        """End a call without telling its sink; reset its stream if it is active."""
        stream.sink = None
        if stream.number == 0:
            self.waiting.pop(stream, None)
        elif self.streams.get(stream.number) is stream:
            self._reset(stream, code)
            self._late_room += stream.room
            self.end(stream, b"")

    def abandon(
        self, stream: Stream, failure: CallFailed, code: ErrorCode = ErrorCode.CANCEL
    ) -> None:
        sink = stream.sink
        self.cancel(stream, code)
        if sink is not None:
            sink.failed(failure)

    def finish(self, stream: Stream, outcome: bytes | CallFailed) -> None:
        if stream.unsent is not None:  # the peer ignores the rest
            self._reset(stream, ErrorCode.NO_ERROR)
        self.end(stream, outcome)

    def end(self, stream: Stream, outcome: bytes | CallFailed) -> None:
        """Forget a begun call, and tell its sink, if it has one."""
        number, progress = stream.number, self.progress
        del self.streams[number]
        progress.idle_frames = max(progress.idle_frames - FRAMES_PER_CALL, 0)
        if self.sender.unsent:
            self.sender.forget(number)
        if self.waiting:
            self._begin_waiting()
        if self.closing and not self.streams:
            self._observer.on_drained()
        sink, stream.sink = stream.sink, None
        if sink is None:
            return
        if isinstance(outcome, CallFailed):
            sink.failed(outcome)
        else:
            sink.answered(outcome)

    def expire(self, now: float) -> float:
        """Fail calls past their deadline. Returns the earliest remaining deadline."""
        earliest = inf
        for stream in (*self.streams.values(), *self.waiting):
            if stream.deadline <= now:
                self.abandon(stream, stream.too_late())
            elif stream.deadline < earliest:
                earliest = stream.deadline
        return earliest

    def _reset(self, stream: Stream, code: ErrorCode) -> None:
        self._write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(code)))

    # --- How all of them end ----------------------------------------------------------------

    def close(self) -> None:
        if self.closing:
            return
        self.closing = True
        waiting, self.waiting = self.waiting, {}
        self._observer.on_closing()
        for stream in waiting:
            stream.fail(not_connected("the connection is closing"))
        if not self.streams:
            self._observer.on_drained()

    def close_after(self, last: int, why: str) -> None:
        """Handle a GOAWAY: calls above `last` were not processed, unless an answer has begun."""
        self.close()
        newest_first = takewhile(lambda number: number > last, reversed(self.streams))
        for number in reversed([*newest_first]):
            stream = self.streams.get(number)
            if stream is not None:  # a sink may have cancelled it
                self._late_room += stream.room
                self.end(stream, lost(why) if stream.begun else refused(why))

    def lose(self, failure: Callable[[], CallFailed]) -> None:
        streams = [*self.streams.values()]
        self.streams.clear()
        self.sender.clear()
        self.close()
        for stream in streams:
            stream.fail(failure())

    # --- Frames for calls that are over -----------------------------------------------------

    def check_opened(self, number: int) -> None:
        """Raise ProtocolError for an unused stream. Late frames of ended calls are valid."""
        if number >= self.next_stream or number % 2 == 0:
            raise ProtocolError("a frame for a stream that was never opened")

    def count_late_frame(self, number: int, room: int = 0) -> None:
        """Raises ProtocolError for a peer beyond its windows. The contents are dropped."""
        self.check_opened(number)
        self.progress.count_idle_frame()
        self._late_room -= room
        if self._late_room < 0:
            raise ProtocolError("data beyond all windows", ErrorCode.FLOW_CONTROL_ERROR)
