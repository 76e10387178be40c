"""Answers: what the frames that come for a call make of it (RFC 9113 section 8.1)."""

import asyncio
from dataclasses import dataclass

import grpc

from gateway.upstream.http2.calls import Calls
from gateway.upstream.http2.flood import Chatter
from gateway.upstream.http2.frames import (
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    NUMBER,
    PADDED,
    WINDOW_UPDATE,
    Reason,
    broken,
    frame,
    read_number,
    unpadded,
)
from gateway.upstream.http2.headers import LARGEST_HEADERS, Block, BlockReader
from gateway.upstream.http2.outbox import Outbox
from gateway.upstream.http2.status import (
    NotSent,
    failure,
    failure_of,
    failure_of_http,
    failure_of_reset,
)
from gateway.upstream.http2.stream import NOT_ONE_MESSAGE, Stream

CONNECTION_WINDOW = 2**30
"""Bytes of all answers together that the other side may send without a word from us."""
LARGEST_BLOCK = 2**20
"""Bytes of headers that are too large, but end no more than one call."""
MOST_CONTINUATIONS = 64
"""Frames that one block of headers may come in."""


@dataclass(slots=True)
class Unfinished:
    """Headers whose end is in another frame."""

    number: int
    flags: int
    """Those of the first frame."""
    parts: list[bytes]
    size: int


class Answers:
    """Takes the frames of streams, each by the method of its name.

    All of them raise BrokenConnection for what the protocol does not allow. An answer's message
    has at most `largest` bytes.
    """

    def __init__(self, calls: Calls, chatter: Chatter, outbox: Outbox, *, largest: int) -> None:
        self.useful = False
        """Whether a call has been answered."""
        self.unfinished: Unfinished | None = None
        """Headers of which nothing but the rest may come now."""
        self._calls = calls
        self._chatter = chatter
        self._outbox = outbox
        self._largest = largest
        self._loop = asyncio.get_running_loop()
        self._blocks = BlockReader()
        self._taken = 0
        """Bytes of answers that the connection's window has not been given back."""

    def open_window(self) -> bytes:
        """The frame after which the other side may send CONNECTION_WINDOW bytes."""
        return frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(CONNECTION_WINDOW - DEFAULT_WINDOW))

    def data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        self._taken += size
        if self._taken >= CONNECTION_WINDOW // 2:
            self._outbox.write(frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(self._taken)))
            self._taken = 0
        stream = self._calls.streams.get(number)
        if stream is None:
            self._chatter.bear_late(number)
            return
        if not stream.started:
            broken("data before headers")
        if flags & PADDED:
            payload = unpadded(PADDED, payload)
            padding = NUMBER.pack(size - len(payload))  # has its place in windows, too
            self._outbox.write(frame(WINDOW_UPDATE, 0, number, padding))
        if not payload:
            self._chatter.bear()
        elif (error := stream.take(payload, self._largest)) is not None:
            stream.fail(error)
            self._calls.drop(stream)
            return
        if flags & END_STREAM:
            stream.fail(failure(grpc.StatusCode.INTERNAL, "the answer ended without a status"))
            self._calls.finish(stream)

    def headers(self, flags: int, number: int, payload: bytes) -> None:
        if flags & (PADDED | HAS_PRIORITY):
            payload = unpadded(flags, payload)
        if flags & END_HEADERS:
            self._block(flags, number, payload)
        else:
            self.unfinished = Unfinished(number, flags, [payload], len(payload))

    def continuation(self, flags: int, number: int, payload: bytes) -> None:
        unfinished = self.unfinished
        if unfinished is None or unfinished.number != number:
            broken("headers that go on and have not begun")
        unfinished.parts.append(payload)
        unfinished.size += len(payload)
        if unfinished.size > LARGEST_BLOCK or len(unfinished.parts) > MOST_CONTINUATIONS:
            broken("headers without an end", Reason.ENHANCE_YOUR_CALM)
        if flags & END_HEADERS:
            self.unfinished = None
            self._block(unfinished.flags, number, b"".join(unfinished.parts))

    def rst_stream(self, number: int, payload: bytes) -> None:
        code = read_number(payload, 4)
        stream = self._calls.streams.get(number)
        if stream is None:
            self._chatter.bear_late(number)
            return
        if code == Reason.REFUSED_STREAM:
            stream.fail(NotSent())
        else:
            late = self._loop.time() >= stream.deadline
            stream.fail(failure_of_reset(code, late=late))
        self._calls.forget(stream)

    def _block(self, flags: int, number: int, payload: bytes) -> None:
        """Headers or trailers, whole; `flags` are those of their first frame."""
        block = self._blocks.read(payload)
        stream = self._calls.streams.get(number)
        if stream is None:
            self._chatter.bear_late(number)
        elif block is None:
            problem = f"the answer's headers are larger than {LARGEST_HEADERS} bytes"
            stream.fail(failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem))
            self._calls.drop(stream)
        elif flags & END_STREAM:
            self._finish(stream, block)
        elif stream.started:
            broken("headers in the midst of an answer")
        elif block.status is None:
            broken("an answer without :status")
        elif block.status.startswith("1"):  # those come before the answer
            self._chatter.bear()
        else:
            self._begin(stream, block)

    def _begin(self, stream: Stream, block: Block) -> None:
        stream.started = True
        error = failure_of_http(block)
        if error is not None:
            stream.fail(error)
            self._calls.drop(stream)

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
        self._calls.finish(stream)
