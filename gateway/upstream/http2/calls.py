"""The calls on one connection: those that wait until they can begin, and those under way."""

from collections.abc import Callable
from itertools import takewhile
from math import inf
from typing import Protocol

from gateway.errors import Code
from gateway.upstream.http2.flood_control import FRAMES_PER_CALL, Progress
from gateway.upstream.http2.outcome import lost, not_connected, refused
from gateway.upstream.http2.streams import Sender, Sink, Stream
from gateway.upstream.http2.wire import (
    MAX_STREAM,
    MAX_WINDOW,
    NUMBER,
    RST_STREAM,
    ErrorCode,
    ProtocolError,
    frame,
)
from gateway.upstream.interface import CallFailed

HEADER_OVERHEAD = 16 * 32
"""What a server counts for our headers beyond their bytes: 32 for each field (section 6.5.2)."""


class Observer(Protocol):
    """What drives a connection, and is told what happens to it as a whole."""

    def on_ready(self) -> None:
        """The peer has introduced itself as HTTP/2: calls can be made. Told once."""

    def on_closing(self) -> None:
        """No more calls can be begun. Those that have begun may finish. Told once."""

    def on_drained(self) -> None:
        """No more calls can be begun, and none is under way. May be told again."""

    def on_goaway(self, code: int, text: bytes) -> None:
        """The peer is going away, with this error code and text."""

    def on_pong(self) -> None:
        """The peer has answered a ping."""


class Calls:
    """Makes unary calls, no more at once than the peer takes, numbered from `next_stream` on."""

    def __init__(
        self, observer: Observer, write: Callable[[bytes], None], *, next_stream: int = 1
    ) -> None:
        self.streams: dict[int, Stream] = {}
        """Calls that have begun, by number."""
        self.closing = False
        """Whether no more calls can be begun."""
        self.max_streams = MAX_STREAM
        """How many calls the peer takes at once."""
        self.max_headers = MAX_WINDOW
        """Bytes of headers that it takes of one call."""
        self.progress = Progress()
        self.sender = Sender(write, self.progress)
        self._waiting: dict[Stream, None] = {}
        """Calls that have not begun, in their order (there are no values): the peer takes no more
        at once, or reads more slowly than we write."""
        self._observer = observer
        self._write = write
        self._next = next_stream
        self._late_room = 0
        """Bytes of DATA frames that the peer may still send for calls that are over here."""

    @property
    def idle(self) -> bool:
        """Whether no call is being made."""
        return not self.streams and not self._waiting

    def start(self, head: bytes, message: bytes, deadline: float, sink: Sink) -> Stream:
        """Make a call, now or as soon as the peer takes one more.

        `head` is the block of the request's headers, and `deadline` what `expire` is to go by. A
        failure whose `sent` is False is that of a call that can be made on another connection as if
        nothing had happened.
        """
        stream = Stream(head, message, deadline, sink)
        if self.closing:
            stream.tell(not_connected("the connection is closing"))
        elif len(head) + HEADER_OVERHEAD > self.max_headers:
            problem = "the call's headers are larger than Cuebot takes"
            stream.tell(refused(problem, Code.RESOURCE_EXHAUSTED))
        elif len(self.streams) < self.max_streams and not (self._waiting or self.sender.paused):
            self._begin(stream)
        else:
            self._waiting[stream] = None
        return stream

    def _begin(self, stream: Stream) -> None:
        number = stream.number = self._next
        self._next = number + 2
        self.streams[number] = stream
        self.sender.send(stream)
        if self._next > MAX_STREAM:
            self.close()

    def resume(self) -> None:
        """Send and begin what the peer takes now and has not taken before."""
        self.sender.resume()
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        while self._waiting and len(self.streams) < self.max_streams and not self.sender.paused:
            stream = next(iter(self._waiting))
            del self._waiting[stream]
            self._begin(stream)

    # --- How a call ends --------------------------------------------------------------------

    def cancel(self, stream: Stream, code: ErrorCode = ErrorCode.CANCEL) -> None:
        """Forget a call, whose sink is told nothing, and tell the peer if it knows of it."""
        stream.sink = None
        if stream.number == 0:
            self._waiting.pop(stream, None)
        elif self.streams.get(stream.number) is stream:
            self._reset(stream, code)
            self._late_room += max(stream.room, 0)
            self._forget(stream)

    def abandon(
        self, stream: Stream, failure: CallFailed, code: ErrorCode = ErrorCode.CANCEL
    ) -> None:
        """Fail a call on which the peer may still be working."""
        sink = stream.sink
        self.cancel(stream, code)
        if sink is not None:
            sink.failed(failure)

    def finish(self, stream: Stream, outcome: bytes | CallFailed) -> None:
        """The peer has said all that it has to say."""
        if stream.unsent is not None:  # and does not want to hear the rest
            self._reset(stream, ErrorCode.NO_ERROR)
        self.end(stream, outcome)

    def end(self, stream: Stream, outcome: bytes | CallFailed) -> None:
        """A call is over for both sides."""
        self._forget(stream)
        stream.tell(outcome)

    def expire(self, now: float) -> float:
        """Fail the calls whose deadline has passed. Returns the earliest one that has not."""
        earliest = inf
        for stream in (*self.streams.values(), *self._waiting):
            if stream.deadline <= now:
                self.abandon(stream, stream.too_late())
            elif stream.deadline < earliest:
                earliest = stream.deadline
        return earliest

    def _reset(self, stream: Stream, code: ErrorCode) -> None:
        self._write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(code)))

    def _forget(self, stream: Stream) -> None:
        number = stream.number
        del self.streams[number]
        if self.progress.idle_frames:
            self.progress.make_up_for(FRAMES_PER_CALL)
        if self.sender.unsent:
            self.sender.forget(number)
        if self._waiting:
            self._begin_waiting()
        if self.closing and not self.streams:
            self._observer.on_drained()

    # --- How all of them end ----------------------------------------------------------------

    def close(self) -> None:
        """Begin no more calls. Those that have begun may finish."""
        if self.closing:
            return
        self.closing = True
        waiting, self._waiting = self._waiting, {}
        self._observer.on_closing()
        for stream in waiting:
            stream.tell(not_connected("the connection is closing"))
        if not self.streams:
            self._observer.on_drained()

    def close_after(self, last: int, why: str) -> None:
        """The same, and the peer has not looked at calls with a larger number (GOAWAY).

        That cannot be so of a call whose answer has begun: it may have been made.
        """
        self.close()
        newest_first = takewhile(lambda number: number > last, reversed(self.streams))
        for number in reversed([*newest_first]):
            stream = self.streams.get(number)
            if stream is not None:  # a sink may have cancelled it
                self._late_room += max(stream.room, 0)
                self.end(stream, lost(why) if stream.begun else refused(why))

    def lose(self, failure: Callable[[], CallFailed]) -> None:
        """The connection is gone: each call under way ends with such a failure."""
        streams, self.streams = self.streams, {}
        self.sender.clear()
        self.close()
        for stream in streams.values():
            stream.tell(failure())

    # --- Frames for calls that are over -----------------------------------------------------

    def check_opened(self, number: int) -> None:
        """A frame may still come for a call that is over, but not for one that never was.

        Raises ProtocolError.
        """
        if number >= self._next or number % 2 == 0:
            raise ProtocolError("a frame for a stream that was never opened")

    def count_late_frame(self, number: int, room: int = 0) -> None:
        """Such a frame, which takes so much of the window that its call had. Raises ProtocolError.

        What it carries is kept by nobody, but a peer that still sends more than it was allowed to
        knows no windows.
        """
        self.check_opened(number)
        self.progress.count_idle_frame()
        self._late_room -= room
        if self._late_room < 0:
            raise ProtocolError("data beyond all windows", ErrorCode.FLOW_CONTROL_ERROR)
