"""An HTTP/2 client for unary gRPC calls, without I/O: bytes in, calls to sinks out (RFC 9113).

There is no clock and no event loop. The driver passes received bytes with the time, and sends the
bytes that `write` gets.
"""

from collections.abc import Callable

from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.answers import CONNECTION_WINDOW_BYTES, Answers, Turn
from gateway.core.upstream.http2.calls import Calls, Observer
from gateway.core.upstream.http2.headers import farewell
from gateway.core.upstream.http2.settings import OUR_FRAME_MAX_BYTES, OUR_SETTINGS
from gateway.core.upstream.http2.wire import (
    HEAD,
    HEAD_SIZE,
    ErrorCode,
    ProtocolError,
    frame,
    read_number,
    window_update,
)
from gateway.core.upstream.interface import not_grpc

STEPS_PER_TURN = 1000
"""Steps of work before other callbacks run."""
PING_DATA = b"gateway!"


class Core:
    """One connection, with answers of at most `max_message` bytes. `write` sends bytes."""

    def __init__(
        self,
        observer: Observer,
        write: Callable[[bytes], None],
        *,
        max_message: int,
        next_stream: int = 1,
    ) -> None:
        self.calls = Calls(observer, write, next_stream=next_stream)
        self._turn = Turn()
        self.answers = Answers(self.calls, self._turn, write, max_message)
        self.unread = b""
        """Received frames that are left for another turn, or the beginning of one."""
        self._ready = False
        self._observer = observer
        self._write = write

    def open(self) -> None:
        """Send the preface and our SETTINGS."""
        settings = b"".join(wire.SETTING.pack(*each) for each in OUR_SETTINGS.items())
        window = window_update(0, CONNECTION_WINDOW_BYTES - wire.DEFAULT_WINDOW)
        self._write(wire.PREFACE + frame(wire.SETTINGS, 0, 0, settings) + window)

    def receive(self, data: bytes, now: float) -> bool:
        """Process received data; `now` is on the clock of the deadlines.

        Returns whether work is left: call again without data, in another turn. Raises
        ProtocolError when the peer violates the protocol; GOAWAY is written by then, and no more
        data may follow.
        """
        turn, answers = self._turn, self.answers
        turn.now, turn.steps = now, 0
        data, position = self.unread + data, 0
        size = len(data)
        try:
            while size - position >= HEAD_SIZE and turn.steps < STEPS_PER_TURN:
                turn.steps += 1
                high, low, kind, flags, number = HEAD.unpack_from(data, position)
                start, length = position + HEAD_SIZE, high << 8 | low
                if length > OUR_FRAME_MAX_BYTES:
                    raise ProtocolError("a frame is too large", ErrorCode.FRAME_SIZE_ERROR)
                if start + length > size:
                    break
                if answers.unfinished is not None and kind != wire.CONTINUATION:
                    raise ProtocolError("a header block is interrupted")
                if kind == wire.HEADERS and (end := answers.take_whole(data, position)):
                    position = end
                    continue
                position = start + length
                number, payload = number & wire.MAX_STREAM, data[start:position]
                if kind == wire.DATA:
                    answers.on_data(flags, number, payload)
                elif kind == wire.HEADERS:
                    answers.on_headers(flags, number, payload)
                elif kind == wire.WINDOW_UPDATE:
                    self._on_window_update(number, payload)
                else:
                    self._on_other(kind, flags, number, payload)
            self.unread = data[position:]
        except ProtocolError as error:
            self._write(frame(wire.GOAWAY, 0, 0, bytes(4) + wire.NUMBER.pack(error.code)))
            raise
        return turn.steps >= STEPS_PER_TURN and bool(self.unread)

    def pause(self) -> None:
        self.calls.sender.paused = True

    def resume(self) -> None:
        self.calls.sender.paused = False
        self.calls.resume()

    def ping(self) -> None:
        self._write(frame(wire.PING, 0, 0, PING_DATA))

    # --- Frames other than those of answers --------------------------------------------------

    def _on_other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == wire.CONTINUATION:
            self.answers.on_continuation(flags, number, payload)
            return
        self.calls.progress.count_idle_frame(len(payload))
        if kind == wire.RST_STREAM:
            self.answers.on_rst_stream(number, payload)
        elif kind == wire.PUSH_PROMISE:
            raise ProtocolError("a push, although push is disabled")
        elif kind in (wire.SETTINGS, wire.PING, wire.GOAWAY) and number:
            raise ProtocolError("a frame about the connection on a stream")
        elif kind == wire.SETTINGS:
            if not flags & wire.ACK:
                self._on_settings(payload)
        elif kind == wire.PING:
            self._on_ping(flags, payload)
        elif kind == wire.GOAWAY:
            last = read_number(payload, 8) & wire.MAX_STREAM
            code, words = read_number(payload[4:], 4), payload[8:]
            self._observer.on_goaway(code, words)
            self.calls.close_after(last, farewell(code, words))

    def _on_window_update(self, number: int, payload: bytes) -> None:
        calls, more = self.calls, int.from_bytes(payload, "big") & wire.MAX_WINDOW
        if len(payload) != 4:
            raise ProtocolError("a window of a wrong size", ErrorCode.FRAME_SIZE_ERROR)
        calls.progress.count_idle_frame()
        if number == 0:
            calls.sender.widen_all(more)
        elif (stream := calls.streams.get(number)) is None:
            calls.check_opened(number)
        elif (wrong := calls.sender.widen(stream, more)) is not None:
            calls.abandon(stream, not_grpc("a window that is not allowed"), wrong)

    def _on_settings(self, payload: bytes) -> None:
        calls = self.calls
        calls.sender.adopt(calls.sender.settings.changed_by(payload))
        self._write(frame(wire.SETTINGS, wire.ACK, 0))
        calls.resume()
        if not self._ready:
            self._ready = True
            self._observer.on_ready()

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise ProtocolError("a ping of a wrong size", ErrorCode.FRAME_SIZE_ERROR)
        if flags & wire.ACK:
            self._observer.on_pong()
        else:
            self._write(frame(wire.PING, wire.ACK, 0, payload))
