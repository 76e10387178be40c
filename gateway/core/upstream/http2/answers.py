"""Answers: what becomes of calls when their HEADERS, DATA and RST_STREAM frames arrive."""

from collections.abc import Callable

from gateway.core.errors import Code
from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.calls import Calls
from gateway.core.upstream.http2.headers import (
    HEADERS_MAX_BYTES,
    Block,
    BlockParts,
    BlockReader,
    failure_of_headers,
    failure_of_reset,
    failure_of_trailers,
)
from gateway.core.upstream.http2.settings import FIRST_WINDOW_BYTES, OUR_FRAME_MAX_BYTES
from gateway.core.upstream.http2.streams import (
    NOT_ONE_MESSAGE,
    PREFIX_BYTES,
    PartialAnswer,
    Stream,
)
from gateway.core.upstream.http2.wire import (
    BYTES_PER_FRAME,
    SHORTEST_ANSWER,
    ErrorCode,
    ProtocolError,
    read_number,
    unpadded,
    whole_answer,
    window_update,
)
from gateway.core.upstream.interface import SMALL_ANSWER_BYTES, CallFailed, no_memory, not_grpc

CONNECTION_WINDOW_BYTES = 2**30
"""Flow-control window of all answers together, given back as data arrives and so never exhausted:
the streams' windows limit memory."""
GIVE_BACK_BYTES = CONNECTION_WINDOW_BYTES // 2
READ_AHEAD_BYTES = 2**19
"""The part of a large answer that the peer may send ahead. Later frames, such as a small answer of
another call, come behind it."""
DEADLINE_EXCEEDED_STATUS = str(Code.DEADLINE_EXCEEDED.value)


class Turn:
    """The work between two callbacks of others."""

    __slots__ = ("now", "steps")

    def __init__(self) -> None:
        self.now = 0.0
        """When it began, on the clock of the deadlines."""
        self.steps = 0
        """A frame, or a byte of headers not seen before. A step takes 1 to 3 µs."""


class Answers:
    """Takes the frames of answers of at most `max_message` bytes.

    The functions for single frames raise ProtocolError, which ends the connection.
    """

    def __init__(
        self, calls: Calls, turn: Turn, write: Callable[[bytes], None], max_message: int
    ) -> None:
        self.ended_at = 0.0
        """When the latest answer ended, on the clock of the deadlines; 0 before the first."""
        self.unfinished: BlockParts | None = None
        """An incomplete header block; only CONTINUATION may follow."""
        self._calls = calls
        self._turn = turn
        self._write = write
        self._max_message = max_message
        self._blocks = BlockReader()
        self._received = 0
        """Bytes not yet given back to the connection's window."""

    def take_whole(self, data: bytes, position: int) -> int:
        """Take small answers that have arrived in one piece, as nearly all do.

        Equivalent to taking their frames, at a third of the cost. Returns the position behind them;
        0 if there is none, which leaves it to single frames.
        """
        calls, known, taken = self._calls, self._blocks.known, 0
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
            self.ended_at = self._turn.now
            self._received += size
            calls.end(stream, message)
            self._turn.steps += 1
            taken = position = end
        if self._received >= GIVE_BACK_BYTES:
            self._give_back()
        return taken

    def _give_back(self) -> None:
        """Let the peer send what has been received once more."""
        self._write(window_update(0, self._received))
        self._received = 0

    def on_data(self, flags: int, number: int, payload: bytes) -> None:
        calls, size = self._calls, len(payload)
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
            self._calls.abandon(stream, failure)
        elif answer.due > FIRST_WINDOW_BYTES and not was_due:
            self._announce(stream, answer)
        return self._calls.streams.get(stream.number) is stream

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
        calls, size = self._calls, answer.due - PREFIX_BYTES
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

    def on_headers(self, flags: int, number: int, payload: bytes) -> None:
        if flags & (wire.PADDED | wire.HAS_PRIORITY):
            payload = unpadded(flags, payload)
        if flags & wire.END_HEADERS:
            self._on_block(flags, number, payload)
        else:
            self.unfinished = BlockParts(number, flags, [payload], len(payload))

    def on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        unfinished = self.unfinished
        if unfinished is None:
            raise ProtocolError("CONTINUATION without HEADERS")
        unfinished.add(number, payload)
        self._calls.progress.count_idle_frame()
        if flags & wire.END_HEADERS:
            self.unfinished = None
            self._on_block(unfinished.flags, number, b"".join(unfinished.parts))

    def _on_block(self, flags: int, number: int, payload: bytes) -> None:
        """A complete block of headers or trailers, with the first frame's `flags`."""
        stream = self._calls.streams.get(number)
        if stream is None:  # safe to skip without a dynamic table
            self._calls.count_late_frame(number)
            return
        block, decoded = self._blocks.known.get(payload), 0
        if block is None:
            decoded = len(payload)
            self._turn.steps += decoded
            block = self._blocks.read(payload)
        stream.begun = True
        if block is None:
            problem = f"the answer's headers are larger than {HEADERS_MAX_BYTES} bytes"
            self._calls.abandon(stream, not_grpc(problem, Code.RESOURCE_EXHAUSTED))
        elif flags & wire.END_STREAM:
            self._on_trailers(stream, block)
        elif stream.answer is not None:
            raise ProtocolError("headers in the middle of an answer")
        elif not block.status:
            raise ProtocolError("an answer without :status")
        elif block.status.startswith("1"):  # interim; two bytes cost as much as a frame
            self._calls.progress.count_idle_frame(decoded * BYTES_PER_FRAME // 2)
        else:
            stream.answer = PartialAnswer()
            failure = failure_of_headers(block)
            if failure is not None:
                self._calls.abandon(stream, failure)

    def _on_trailers(self, stream: Stream, block: Block) -> None:
        """A server that enforces the deadline may report it before an answer begins."""
        if block.grpc_status != DEADLINE_EXCEEDED_STATUS:
            self.ended_at = self._turn.now
        outcome: bytes | CallFailed | None = failure_of_trailers(block)
        if outcome is None and stream.answer is not None:
            outcome = stream.answer.take_message()
        self._calls.finish(stream, not_grpc(NOT_ONE_MESSAGE) if outcome is None else outcome)

    def on_rst_stream(self, number: int, payload: bytes) -> None:
        code = read_number(payload, 4)
        stream = self._calls.streams.get(number)
        if stream is None:
            self._calls.check_opened(number)
            return
        late, answer = self._turn.now >= stream.deadline, stream.answer
        if late and answer is not None and answer.held_back:
            self._calls.end(stream, stream.too_late())
        else:
            self._calls.end(stream, failure_of_reset(code, begun=stream.begun, late=late))
