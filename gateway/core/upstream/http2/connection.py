"""An HTTP/2 connection on an event loop: a core with a transport, timers and futures."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, cast

import structlog

from gateway.core.errors import Code
from gateway.core.upstream.connecting import ClosedEarly, Greeted, SpeaksTls, is_tls
from gateway.core.upstream.http2.calls import Calls
from gateway.core.upstream.http2.core import Core
from gateway.core.upstream.http2.headers import farewell, name_of
from gateway.core.upstream.http2.streams import Stream
from gateway.core.upstream.http2.timers import Deadlines, Keepalive, Silence
from gateway.core.upstream.http2.wire import ErrorCode, ProtocolError
from gateway.core.upstream.interface import (
    CallFailed,
    ChannelOptions,
    Expects,
    lost,
    not_grpc,
    takes_all,
)
from gateway.core.write_buffer import WriteBuffer

log = structlog.stdlib.get_logger("gateway.upstream")

TOO_MANY_PINGS = b"too_many_pings"
"""The text of gRPC servers with ENHANCE_YOUR_CALM."""
READ_PER_TURN_BYTES = 2**19
"""Limit before other callbacks run, up to 1 ms of work: a transport may read 8 MB in a row."""


class Answer(asyncio.Future[bytes]):
    """What becomes of a call: its sink. Cancelling it (or a task that waits) cancels the call."""

    __slots__ = ("calls", "expects", "stream")
    calls: Calls
    stream: Stream
    expects: Expects

    answered = asyncio.Future.set_result
    failed = asyncio.Future.set_exception

    def cancel(self, msg: object = None) -> bool:
        self.calls.cancel(self.stream)
        return super().cancel(msg)


class Owner(Protocol):
    """Who has a connection, and is called for events of it."""

    def on_end(self, connection: "Connection") -> None:
        """Called once: when it is lost, going away, or out of stream numbers. Active calls may
        finish.
        """

    def on_silence(self) -> None:
        """Called again and again while calls have waited for `patience` without any answer."""


class End:
    """Why a connection ends, as far as that is known."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        """None also for a peer that is just going away."""
        self.farewell = ""
        """The peer's GOAWAY in words; empty before."""
        self.too_many_pings = False
        """Whether the peer closed the connection because of our pings."""

    def hear(self, code: int, words: bytes) -> None:
        """A GOAWAY of the peer. One that tells of a problem is logged, but only the first."""
        self.farewell = farewell(code, words)
        if code == ErrorCode.NO_ERROR:
            return
        is_first = self.problem is None
        self.problem = ConnectionError(self.farewell)
        if is_first:
            self.too_many_pings = code == ErrorCode.ENHANCE_YOUR_CALM and words == TOO_MANY_PINGS
            log.warning(
                "Cuebot closes the connection",
                reason=name_of(code),
                words=words[:200].decode("ascii", "replace"),
            )


class Reading:
    """Receives in turns: after READ_PER_TURN_BYTES, or when told to, other callbacks run."""

    def __init__(self, transport: asyncio.Transport, take: Callable[[bytes], None]) -> None:
        """`take` is called without data in the next turn."""
        self.size = 0
        """Bytes read in this turn."""
        self.over = False
        """Whether the connection is lost."""
        self._paused = False
        self._transport = transport
        self._take = take

    def pause(self) -> None:
        """Go on in another turn."""
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._paused = False
        self.size = 0
        if not self.over:
            self._take(b"")
            if not (self._paused or self.over):
                self._transport.resume_reading()


class Connection(Greeted):
    """A client connection for unary gRPC calls."""

    def __init__(self, options: ChannelOptions, owner: Owner) -> None:
        self.end = End()
        self._options = options
        self._owner = owner

    # --- Calls ------------------------------------------------------------------------------

    def unary(
        self, head: bytes, message: bytes, deadline: float, expects: Expects = takes_all
    ) -> Awaitable[bytes]:
        """Begin a call, and return its answer, which raises CallFailed.

        `head` is the request's header block with the remaining time. `deadline` (loop time) is
        enforced here as well. Cancelling the task that waits cancels the call.
        """
        loop, calls = self.loop, self._core.calls
        answer = Answer(loop=loop)
        answer.expects, answer.calls = expects, calls
        answer.stream = calls.start(head, message, deadline, answer)
        if not answer.done():
            deadlines, silence = self._deadlines, self._silence
            if not silence.since:
                silence.since = loop.time()
            if deadline < deadlines.next:
                deadlines.watch(deadline)
            if silence.timer is None:
                silence.watch()
        return answer

    # --- For the channel --------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether new calls can begin, once `ready`."""
        return not self._core.calls.closing

    @property
    def answered_at(self) -> float:
        """Loop time of the latest answer's end; 0 before the first."""
        return self._core.answers.ended_at

    @property
    def idle(self) -> bool:
        return self._core.calls.idle

    def abort(self, problem: str = "the connection was closed") -> None:
        self.end.problem = ConnectionError(problem)
        self._lose(partial(lost, problem), self.end.problem)
        self._buffer.flushed().abort()

    # --- For the transport ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.loop = loop = asyncio.get_running_loop()  # not for each call: it asks the kernel
        transport = cast(asyncio.Transport, transport)
        self.ready = loop.create_future()
        # Or asyncio warns about an exception that nobody has retrieved.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._buffer = WriteBuffer(transport, loop)
        self._buffer.collects = False  # the connector may close the transport
        self._core = Core(self, self._buffer.write, max_message=self._options.max_message)
        self._reading = Reading(transport, self.data_received)
        self._deadlines = Deadlines(self._core.calls)
        patience, tell = self._options.patience, self._owner.on_silence
        self._silence = Silence(self._core.calls, patience, tell)
        self.keepalive = Keepalive(self._core, self._options, self.abort)
        self._core.open()

    def data_received(self, data: bytes) -> None:
        core, reading, now = self._core, self._reading, self.loop.time()
        self.keepalive.heard_at = now
        reading.size += len(data)
        try:
            if core.receive(data, now) or reading.size >= READ_PER_TURN_BYTES:
                reading.pause()
            if core.answers.ended_at == now:  # one has just ended
                calls = core.calls
                self._silence.since = now if calls.streams or calls.waiting else 0.0
        except ProtocolError as error:
            self._buffer.flush()
            problem = f"Cuebot broke the HTTP/2 protocol: {error}"
            why = self._tls_of(data) or ConnectionError(problem)
            self._lose(partial(not_grpc, problem, Code.UNAVAILABLE), why)
            self._buffer.flushed().abort()

    def eof_received(self) -> None:
        """The peer has closed its side. The transport closes itself."""
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._reading.over:
            self._take_rest()
        problem = f"the connection was lost: {exc}" if exc else "the connection was closed"
        problem = self.end.farewell or problem
        why = self.end.problem or exc or ClosedEarly()
        self._lose(partial(lost, problem), self._tls_of(self._core.unread) or why)

    def _take_rest(self) -> None:
        """At the end, process data that was left for another turn: one read at most."""
        core, now = self._core, self.loop.time()
        with suppress(ProtocolError):
            while core.receive(b"", now):
                pass

    def _tls_of(self, begun: bytes) -> SpeaksTls | None:
        if self.ready.done() or not is_tls(begun):
            return None
        return SpeaksTls()

    def pause_writing(self) -> None:
        self._core.pause()

    def resume_writing(self) -> None:
        self._core.resume()

    def _lose(self, failure: Callable[[], CallFailed], why: Exception) -> None:
        self._reading.over = True
        for each in (self._deadlines, self._silence, self.keepalive):
            each.stop()
        self._buffer.clear()
        self._core.calls.lose(failure)
        if not self.ready.done():
            self.ready.set_exception(why)

    # --- For the core -----------------------------------------------------------------------

    def on_ready(self) -> None:
        if not self.ready.done():
            self._buffer.collects = True
            self.ready.set_result(None)

    def on_closing(self) -> None:
        self._owner.on_end(self)

    def on_drained(self) -> None:
        self._buffer.flushed().close()

    def on_goaway(self, code: int, text: bytes) -> None:
        self.end.hear(code, text)

    def on_pong(self) -> None:
        self.keepalive.on_pong()
