"""An HTTP/2 client for unary gRPC calls, without I/O: bytes in, calls to sinks out (RFC 9113).

There is no clock and no event loop. The driver passes received bytes with the time, and sends the
bytes that `write` gets.
"""

from collections.abc import Callable

from gateway.core.errors import Code
from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.calls import Calls, Observer
from gateway.core.upstream.http2.headers import (
    HEADERS_MAX_BYTES,
    Block,
    BlockParts,
    BlockReader,
    failure_of_headers,
    failure_of_reset,
    failure_of_trailers,
    farewell,
)
from gateway.core.upstream.http2.streams import (
    FIRST_WINDOW_BYTES,
    NOT_ONE_MESSAGE,
    PREFIX_BYTES,
    PartialAnswer,
    Stream,
)
from gateway.core.upstream.http2.wire import (
    BYTES_PER_FRAME,
    HEAD,
    HEAD_SIZE,
    SHORTEST_ANSWER,
    ErrorCode,
    ProtocolError,
    frame,
    read_number,
    unpadded,
    whole_answer,
    window_update,
)
from gateway.core.upstream.interface import SMALL_ANSWER_BYTES, CallFailed, no_memory, not_grpc

OUR_FRAME_MAX_BYTES = 64 * 1024
CONNECTION_WINDOW_BYTES = 2**30
"""Flow-control window of all answers together, given back as data arrives and so never exhausted:
the streams' windows limit memory."""
GIVE_BACK_BYTES = CONNECTION_WINDOW_BYTES // 2
READ_AHEAD_BYTES = 2**19
"""The part of a large answer that the peer may send ahead. Later frames, such as a small answer of
another call, come behind it."""
STEPS_PER_TURN = 1000
"""Steps of work before other callbacks run: a frame, or a byte of headers not seen before. A step
takes 1 to 3 µs."""
DEADLINE_EXCEEDED_STATUS = str(Code.DEADLINE_EXCEEDED.value)
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
        self.answered = False
        self.calls = Calls(observer, write, next_stream=next_stream)
        self._observer = observer
        self._write = write
        self._max_message = max_message
        self.unread = b""
        """Received frames that are left for another turn, or the beginning of one."""
        self._blocks = BlockReader()
        self._ready = False
        self._unfinished: BlockParts | None = None
        """An incomplete header block; only CONTINUATION may follow."""
        self._received = 0
        """Bytes not yet given back to the connection's window."""
        self._steps = 0
        self._now = 0.0

    def open(self) -> None:
        """Send the preface and our SETTINGS."""
        settings = (
            (wire.HEADER_TABLE_SIZE, 0),
            (wire.ENABLE_PUSH, 0),
            (wire.INITIAL_WINDOW_SIZE, FIRST_WINDOW_BYTES),
            (wire.MAX_FRAME_SIZE, OUR_FRAME_MAX_BYTES),
            (wire.MAX_HEADER_LIST_SIZE, HEADERS_MAX_BYTES),
        )
        packed = b"".join(wire.SETTING.pack(*each) for each in settings)
        window = window_update(0, CONNECTION_WINDOW_BYTES - wire.DEFAULT_WINDOW)
        self._write(wire.PREFACE + frame(wire.SETTINGS, 0, 0, packed) + window)

    def receive(self, data: bytes, now: float) -> bool:
        """Process received data; `now` is on the clock of the deadlines.

        Returns whether work is left: call again without data, in another turn. Raises
        ProtocolError when the peer violates the protocol; GOAWAY is written by then, and no more
        data may follow.
        """
        self._now, self._steps = now, 0
        data, position = self.unread + data, 0
        size = len(data)
        try:
            while size - position >= HEAD_SIZE and self._steps < STEPS_PER_TURN:
                self._steps += 1
                high, low, kind, flags, number = HEAD.unpack_from(data, position)
                start, length = position + HEAD_SIZE, high << 8 | low
                if length > OUR_FRAME_MAX_BYTES:
                    raise ProtocolError("a frame is too large", ErrorCode.FRAME_SIZE_ERROR)
                if start + length > size:
                    break
                if self._unfinished is not None and kind != wire.CONTINUATION:
                    raise ProtocolError("a header block is interrupted")
                if kind == wire.HEADERS and (end := self._take_whole_answers(data, position)):
                    position = end
                    continue
                position = start + length
                number, payload = number & wire.MAX_STREAM, data[start:position]
                if kind == wire.DATA:
                    self._on_data(flags, number, payload)
                elif kind == wire.HEADERS:
                    self._on_headers(flags, number, payload)
                elif kind == wire.WINDOW_UPDATE:
                    self._on_window_update(number, payload)
                else:
                    self._on_other(kind, flags, number, payload)
            self.unread = data[position:]
        except ProtocolError as error:
            self._write(frame(wire.GOAWAY, 0, 0, bytes(4) + wire.NUMBER.pack(error.code)))
            raise
        return self._steps >= STEPS_PER_TURN and bool(self.unread)

    def pause(self) -> None:
        self.calls.sender.paused = True

    def resume(self) -> None:
        self.calls.sender.paused = False
        self.calls.resume()

    def ping(self) -> None:
        self._write(frame(wire.PING, 0, 0, PING_DATA))

    # --- Answers ----------------------------------------------------------------------------

    def _take_whole_answers(self, data: bytes, position: int) -> int:
        """Take small answers that have arrived in one piece, as nearly all do.

        Equivalent to taking their frames, at a third of the cost. Returns the position behind them;
        0 if there is none, which leaves it to single frames.
        """
        calls, known, taken = self.calls, self._blocks.known, 0
        last_start = len(data) - SHORTEST_ANSWER
        while position <= last_start and (answer := whole_answer(data, position)) is not None:
            number, first, message, last, size, end = answer
            stream = calls.streams.get(number)
            headers, trailers = known.get(first), known.get(last)
            if stream is None or stream.begun or stream.unsent is not None:
                break
            if headers is None or trailers is None or not headers.is_grpc:
                break
            if trailers.grpc_status != "0" or len(message) > self._max_message:
                break
            self.answered = True
            self._received += size
            calls.end(stream, message)
            self._steps += 1
            taken = position = end
        if self._received >= GIVE_BACK_BYTES:
            self._give_back()
        return taken

    def _give_back(self) -> None:
        """Let the peer send what has been received once more."""
        self._write(window_update(0, self._received))
        self._received = 0

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        calls, size = self.calls, len(payload)
        self._received += size
        if self._received >= GIVE_BACK_BYTES:
            self._give_back()
        stream = calls.streams.get(number)
        if stream is None:
            calls.count_late_frame(number, size)
            return
        answer = stream.answer
        if answer is None:
            raise ProtocolError("data before headers")
        answer.room -= size
        if answer.room < 0:
            problem = "the answer is larger than its window"
            calls.abandon(stream, not_grpc(problem), ErrorCode.FLOW_CONTROL_ERROR)
            return
        if answer.to_come and answer.room <= READ_AHEAD_BYTES // 2:
            self._allow_part(number, answer)
        if flags & wire.PADDED:
            payload = unpadded(wire.PADDED, payload)
            padding = size - len(payload)  # counts against windows
            self._allow(number, answer, padding)
            calls.progress.count_idle_frame()
        elif size < BYTES_PER_FRAME and (answer.size or not size):
            calls.progress.count_idle_frame()
        if payload and not self._take_piece(stream, answer, payload):
            return
        if flags & wire.END_STREAM:
            calls.finish(stream, not_grpc("the answer ended without a status"))

    def _take_piece(self, stream: Stream, answer: PartialAnswer, piece: bytes) -> bool:
        """Whether the call goes on."""
        was_due = answer.due
        failure = answer.take(piece, self._max_message)
        if failure is not None:
            self.calls.abandon(stream, failure)
        elif answer.due > FIRST_WINDOW_BYTES and not was_due:
            self._announce(stream, answer)
        return self.calls.streams.get(stream.number) is stream

    def _allow(self, number: int, answer: PartialAnswer, more: int) -> None:
        answer.room += more
        self._write(window_update(number, more))

    def _allow_part(self, number: int, answer: PartialAnswer) -> None:
        """Open the window by READ_AHEAD_BYTES at most: small answers come behind data in flight."""
        part = min(answer.to_come, READ_AHEAD_BYTES - answer.room)
        answer.to_come -= part
        self._allow(number, answer, part)

    def _announce(self, stream: Stream, answer: PartialAnswer) -> None:
        """Tell the sink of a large answer, of which the size has just become known."""
        calls, size = self.calls, answer.due - PREFIX_BYTES
        answer.held_back = True

        def go_on() -> None:
            answer.held_back = False
            if calls.streams.get(stream.number) is stream:
                answer.to_come = answer.due - FIRST_WINDOW_BYTES + OUR_FRAME_MAX_BYTES
                self._allow_part(stream.number, answer)

        if size <= SMALL_ANSWER_BYTES:
            go_on()
        elif stream.sink is not None and not stream.sink.expects(size, go_on):
            calls.abandon(stream, no_memory(size))

    def _on_headers(self, flags: int, number: int, payload: bytes) -> None:
        if flags & (wire.PADDED | wire.HAS_PRIORITY):
            payload = unpadded(flags, payload)
        if flags & wire.END_HEADERS:
            self._on_block(flags, number, payload)
        else:
            self._unfinished = BlockParts(number, flags, [payload], len(payload))

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        unfinished = self._unfinished
        if unfinished is None:
            raise ProtocolError("CONTINUATION without HEADERS")
        unfinished.add(number, payload)
        self.calls.progress.count_idle_frame()
        if flags & wire.END_HEADERS:
            self._unfinished = None
            self._on_block(unfinished.flags, number, b"".join(unfinished.parts))

    def _on_block(self, flags: int, number: int, payload: bytes) -> None:
        """A complete block of headers or trailers, with the first frame's `flags`."""
        stream = self.calls.streams.get(number)
        if stream is None:  # safe to skip without a dynamic table
            self.calls.count_late_frame(number)
            return
        block, decoded = self._blocks.known.get(payload), 0
        if block is None:
            decoded = len(payload)
            self._steps += decoded
            block = self._blocks.read(payload)
        stream.begun = True
        if block is None:
            problem = f"the answer's headers are larger than {HEADERS_MAX_BYTES} bytes"
            self.calls.abandon(stream, not_grpc(problem, Code.RESOURCE_EXHAUSTED))
        elif flags & wire.END_STREAM:
            self._on_trailers(stream, block)
        elif stream.answer is not None:
            raise ProtocolError("headers in the middle of an answer")
        elif not block.status:
            raise ProtocolError("an answer without :status")
        elif block.status.startswith("1"):  # interim; two bytes cost as much as a frame
            self.calls.progress.count_idle_frame(decoded * BYTES_PER_FRAME // 2)
        else:
            stream.answer = PartialAnswer()
            failure = failure_of_headers(block)
            if failure is not None:
                self.calls.abandon(stream, failure)

    def _on_trailers(self, stream: Stream, block: Block) -> None:
        """A server that enforces the deadline may report it before an answer begins."""
        self.answered |= block.grpc_status != DEADLINE_EXCEEDED_STATUS
        outcome: bytes | CallFailed | None = failure_of_trailers(block)
        if outcome is None and stream.answer is not None:
            outcome = stream.answer.take_message()
        self.calls.finish(stream, not_grpc(NOT_ONE_MESSAGE) if outcome is None else outcome)

    def _on_rst_stream(self, number: int, payload: bytes) -> None:
        code = read_number(payload, 4)
        stream = self.calls.streams.get(number)
        if stream is None:
            self.calls.check_opened(number)
            return
        late, answer = self._now >= stream.deadline, stream.answer
        if late and answer is not None and answer.held_back:
            self.calls.end(stream, stream.too_late())
        else:
            self.calls.end(stream, failure_of_reset(code, begun=stream.begun, late=late))

    # --- Other frames -----------------------------------------------------------------------

    def _on_other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == wire.CONTINUATION:
            self._on_continuation(flags, number, payload)
            return
        self.calls.progress.count_idle_frame(len(payload))
        if kind == wire.RST_STREAM:
            self._on_rst_stream(number, payload)
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
