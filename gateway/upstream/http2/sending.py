"""Requests on their way out, as fast as the other side takes them (RFC 9113 section 5.2)."""

from gateway.upstream.http2.frames import (
    DATA,
    DATA_HEAD,
    DEFAULT_FRAME,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEADERS,
    LARGEST_FRAME,
    LARGEST_WINDOW,
    NUMBER,
    RST_STREAM,
    Reason,
    broken,
    frame,
    header_frames,
)
from gateway.upstream.http2.headers import SMALLER_TABLE
from gateway.upstream.http2.outbox import Outbox
from gateway.upstream.http2.stream import PREFIX, Stream


class Sending:
    """What a connection sends of its calls, within the windows that the other side gives.

    The setters raise BrokenConnection for what the protocol does not allow.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.paused = False
        """Whether enough is written that the other side has not read."""
        self.unsent: dict[int, Stream] = {}
        """Begun calls whose request has not been sent to its end, by number."""
        self._outbox = outbox
        self._frame_size = DEFAULT_FRAME
        self._initial_window = DEFAULT_WINDOW
        self._window = DEFAULT_WINDOW

    def send(self, stream: Stream) -> None:
        """Begin a request, which has its number; what there is no room for follows later."""
        number, head, message = stream.number, stream.head, stream.message
        if number == 1:
            # Our side has no table either; who wants a smaller one than usual has to hear that.
            head = SMALLER_TABLE + head
        length, size = len(head), PREFIX + len(message)
        most = self._frame_size
        if length <= most and size <= min(most, self._window, self._initial_window):
            self._window -= size
            self._outbox.write(
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
            self._outbox.write(header_frames(number, head, most))
            stream.unsent = stream.body
            stream.window = self._initial_window
            self.unsent[number] = stream
            self._pump(stream)

    def reset(self, stream: Stream, reason: Reason) -> None:
        """Tell the other side that a call which it knows of is over."""
        self._outbox.write(frame(RST_STREAM, 0, stream.number, NUMBER.pack(reason)))

    def go_on(self) -> None:
        """Send as much of all requests as the other side takes now."""
        for stream in list(self.unsent.values()):
            self._pump(stream)

    def _pump(self, stream: Stream) -> None:
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
            self._outbox.write(frame(DATA, 0 if rest else END_STREAM, stream.number, part))

    def widen(self, number: int, more: int) -> None:
        """WINDOW_UPDATE: room for so many bytes more, of one call or (0) of all together."""
        if number == 0:
            self._window += more
            if not more or self._window > LARGEST_WINDOW:
                broken("a window out of range", Reason.FLOW_CONTROL_ERROR)
            self.go_on()
        elif (stream := self.unsent.get(number)) is not None:
            stream.window += more
            self._pump(stream)

    def set_frame_size(self, size: int) -> None:
        if not DEFAULT_FRAME <= size <= LARGEST_FRAME:
            broken("a frame size that is not allowed")
        self._frame_size = size

    def set_initial_window(self, size: int) -> None:
        """Calls that have begun get the difference, too (section 6.9.2)."""
        if size > LARGEST_WINDOW:
            broken("a window that is too large", Reason.FLOW_CONTROL_ERROR)
        for stream in self.unsent.values():
            stream.window += size - self._initial_window
        self._initial_window = size
