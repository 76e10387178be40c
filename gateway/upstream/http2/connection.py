"""One HTTP/2 connection from its first frame to its last (RFC 9113).

It gives each frame to the part that it is for, and has itself what is about the whole connection:
PING, GOAWAY, and how it ends.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import structlog

from gateway.upstream.http2.answers import Answers
from gateway.upstream.http2.calls import Calls
from gateway.upstream.http2.flood import Chatter
from gateway.upstream.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    LARGEST_WINDOW,
    LAST_STREAM,
    NUMBER,
    PING,
    PREFACE,
    PUSH_PROMISE,
    REASONS,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    BrokenConnection,
    FrameReader,
    Reason,
    broken,
    frame,
    read_number,
)
from gateway.upstream.http2.outbox import Outbox
from gateway.upstream.http2.sending import Sending
from gateway.upstream.http2.settings import OUR_FRAME, keep_to, our_settings

log = structlog.stdlib.get_logger("gateway.upstream")

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
        self.too_many_pings = False
        """Whether the other side has closed it because of our pings."""
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the other side has introduced itself as HTTP/2."""
        self.ready.add_done_callback(seen)
        self._largest = largest_message
        self._frames = FrameReader(OUR_FRAME)
        self._outbox = Outbox(self.ready)
        self._sending = Sending(self._outbox)
        self._calls = Calls(self._sending, on_end=partial(on_end, self), on_last=self._hang_up)
        self._chatter = Chatter(self._calls)
        self._answers = Answers(self._calls, self._chatter, self._outbox, largest=largest_message)
        self._pong: asyncio.TimerHandle | None = None

    # --- For the channel --------------------------------------------------------------------

    def unary(self, head: bytes, message: bytes, deadline: float) -> Coroutine[Any, Any, bytes]:
        """The answer's message.

        `head` is the block of the request's headers, with what is left of `deadline` (in the
        loop's time), which is kept on this side too. Raises AioRpcError, or NotSent when the call
        can be made on another connection as if nothing had happened.
        """
        return self._calls.unary(head, message, deadline)

    @property
    def usable(self) -> bool:
        """Whether new calls can be made: the other side has introduced itself and goes on."""
        return self.ready.done() and not self._calls.ended

    @property
    def useful(self) -> bool:
        """Whether a call has been answered on it."""
        return self._answers.useful

    @property
    def idle(self) -> bool:
        """Whether no call is being made."""
        return self._calls.idle

    @property
    def last_active(self) -> float:
        """The loop's time at which the latest call has ended, or the first one could begin."""
        return self._calls.last_active

    def ping(self, patience: float) -> None:
        """Ask whether the other side is there; without an answer in time the connection ends."""
        if self._pong is None:
            self._pong = self._loop.call_later(patience, self.abort)
            self._outbox.write(frame(PING, 0, 0, b"gateway!"))

    def close(self) -> None:
        """End the connection when its calls are done, at once if there are none."""
        self._calls.end()
        if not self._calls.streams:
            self._hang_up()

    def abort(self) -> None:
        """End the connection and all of its calls."""
        self._lost(SOCKET_CLOSED)
        self._outbox.transport.abort()

    # --- For the transport ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outbox.transport = cast(asyncio.Transport, transport)
        hello = PREFACE + our_settings(self._largest) + self._answers.open_window()
        self._outbox.write(hello)

    def data_received(self, data: bytes) -> None:
        answers = self._answers
        try:
            for kind, flags, number, payload in self._frames.feed(data):
                if answers.unfinished is not None and kind != CONTINUATION:
                    broken("headers are interrupted")
                if kind == DATA:
                    answers.data(flags, number, payload)
                elif kind == HEADERS:
                    answers.headers(flags, number, payload)
                else:
                    self._on_other(kind, flags, number, payload)
        except BrokenConnection as error:
            self._outbox.write(frame(GOAWAY, 0, 0, NUMBER.pack(0) + NUMBER.pack(error.reason)))
            self._outbox.flush()
            self._lost(f"{SOCKET_CLOSED}: {error}")
            self._outbox.transport.abort()

    def eof_received(self) -> None:
        """The other side says no more. The transport closes itself."""
        self._lost(SOCKET_CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(f"{SOCKET_CLOSED}: {exc}" if exc else SOCKET_CLOSED)

    def pause_writing(self) -> None:
        self._sending.paused = True

    def resume_writing(self) -> None:
        self._sending.paused = False
        self._go_on()

    def _go_on(self) -> None:
        """Send what the other side takes now and has not taken before."""
        self._sending.go_on()
        self._calls.go_on()

    def _hang_up(self) -> None:
        """End the connection when all is sent."""
        self._outbox.flush()
        self._outbox.transport.close()

    def _lost(self, reason: str) -> None:
        """Whatever is under way will not be answered any more."""
        if self._pong is not None:
            self._pong.cancel()
        self._calls.fail(reason)
        self._outbox.clear()
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))

    # --- Frames -----------------------------------------------------------------------------

    def _on_other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE:
            self._sending.widen(number, read_number(payload, 4) & LARGEST_WINDOW)
            return
        if kind == CONTINUATION:
            self._answers.continuation(flags, number, payload)
            return
        self._chatter.bear()
        if kind == RST_STREAM:
            self._answers.rst_stream(number, payload)
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

    def _on_settings(self, payload: bytes) -> None:
        keep_to(payload, self._calls, self._sending)
        self._outbox.write(frame(SETTINGS, ACK, 0))
        self._go_on()
        if not self.ready.done():
            self._calls.last_active = self._loop.time()
            self.ready.set_result(None)

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            broken("a ping of a wrong size", Reason.FRAME_SIZE_ERROR)
        if not flags & ACK:
            self._outbox.write(frame(PING, ACK, 0, payload))
        elif self._pong is not None:
            self._pong.cancel()
            self._pong = None

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
        self._calls.end_after(last)
        if not self._calls.streams:
            self._hang_up()


def seen(future: "asyncio.Future[None]") -> None:
    """Nobody may have waited for how it ends, and that is fine."""
    if not future.cancelled():
        future.exception()
