"""An HTTP/2 connection on an event loop: a core with transport, timers and futures."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import cast

import structlog

from gateway.core.errors import Code
from gateway.core.upstream.connecting import ClosedEarly, Greeted, SpeaksTls, is_tls
from gateway.core.upstream.http2.calls import Calls
from gateway.core.upstream.http2.core import Core
from gateway.core.upstream.http2.headers import farewell, name_of
from gateway.core.upstream.http2.streams import Stream
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
TIMER_STEP_SECONDS = 0.001
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


class Connection(Greeted):
    """A client connection for unary gRPC calls. `patience` is in seconds."""

    time: Callable[[], float]

    def __init__(
        self,
        *,
        max_message: int,
        patience: float = inf,
        on_end: Callable[["Connection"], object] = lambda connection: None,
        on_silence: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_end` is called once: when it is lost, going away, or out of stream numbers; active
        calls may finish. `on_silence` is called again and again while calls have waited for
        `patience` without any answer.
        """
        self.too_many_pings = False
        """Whether the peer closed the connection because of our pings."""
        self.last_active = 0.0
        """Loop time of the peer's latest data."""
        self.problem: Exception | None = None
        self._farewell = ""
        self._on_end = on_end
        self._on_silence = on_silence
        self._max_message = max_message
        self._patience = patience
        self._asked_at = 0.0
        """Loop time since which calls have waited without any answer; 0 if none waits. Kept when
        the call is given up, since the silence goes on."""
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._next_deadline = inf
        """When the deadline timer fires: at or before the earliest deadline."""
        self._silence_timer: asyncio.TimerHandle | None = None
        """Not reset by answers: when it fires, it checks the time of the latest answer."""
        self._doubted_at = -1.0
        self._pong: asyncio.TimerHandle | None = None
        self._upkeep: asyncio.TimerHandle | None = None
        self._warned = False
        self._goes_on = False
        """Whether received data awaits another turn, and reading is paused."""
        self._read_in_turn = 0
        self._ended = False

    # --- Calls ------------------------------------------------------------------------------

    def unary(
        self, head: bytes, message: bytes, deadline: float, expects: Expects = takes_all
    ) -> Awaitable[bytes]:
        """Begin a call, and return its answer, which raises CallFailed.

        `head` is the request's header block with the remaining time. `deadline` (loop time) is
        enforced here as well. Cancelling the task that waits cancels the call.
        """
        answer = Answer(loop=self._loop)
        answer.expects, answer.calls = expects, self._calls
        answer.stream = self._calls.start(head, message, deadline, answer)
        if not answer.done():
            if not self._asked_at:
                self._asked_at = self._loop.time()
            if deadline < self._next_deadline:
                self._watch_deadlines(deadline)
            if self._silence_timer is None:
                self._watch_silence()
        return answer

    def _watch_deadlines(self, earliest: float) -> None:
        """Set the one timer to the earliest deadline: a timer per call costs more."""
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
        self._next_deadline = earliest
        self._deadline_timer = self._loop.call_at(earliest, self._fail_late)

    def _fail_late(self) -> None:
        self._deadline_timer, self._next_deadline = None, inf
        earliest = self._calls.expire(self._loop.time() + TIMER_STEP_SECONDS)
        if earliest < inf:
            self._watch_deadlines(earliest)

    def _watch_silence(self) -> None:
        """Check at the end of `patience`, then after each further `patience`."""
        now, silent_at = self._loop.time(), self._asked_at + self._patience
        when = silent_at if silent_at > now else now + self._patience
        self._silence_timer = self._loop.call_at(when, self._look_for_silence)

    def _look_for_silence(self) -> None:
        self._silence_timer = None
        now = self._loop.time() + TIMER_STEP_SECONDS
        silent = self._asked_at and self._asked_at + self._patience <= now
        if silent and not any(each.begun for each in self._calls.streams.values()):
            self._on_silence()
        if not self._calls.idle:
            self._watch_silence()

    # --- For the channel --------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether new calls can begin, once `ready`."""
        return not self._calls.closing

    @property
    def answered_at(self) -> float:
        """Loop time of the latest answer's end; 0 before the first."""
        return self._core.answers.ended_at

    @property
    def idle(self) -> bool:
        return self._calls.idle

    def look_after(self, options: ChannelOptions) -> None:
        """Close the connection when idle for too long; send keepalive pings during calls."""
        left = self.last_active + options.idle_timeout - self._loop.time()
        if self.idle and left <= 0:
            self._calls.close()
            return
        delay = max(left, 1.0) if self.idle else options.idle_timeout
        if options.keepalive_time:
            delay = min(delay, options.keepalive_time)
            if not self.idle:
                self.ping(options.keepalive_timeout)
        self._upkeep = self._loop.call_later(delay, self.look_after, options)

    def probe(self, timeout: float) -> None:
        """Ping once between two answers: at a third ping without one, grpc-java closes."""
        if self._doubted_at != self.answered_at:
            self._doubted_at = self.answered_at
            self.ping(timeout)

    def ping(self, timeout: float) -> None:
        """End the connection unless the peer sends anything within `timeout` seconds.

        The ping may be queued behind a large request.
        """
        if self._pong is None:
            self._pong = self._loop.call_later(timeout, self._give_up, self._loop.time())
            self._core.ping()

    def _give_up(self, pinged_at: float) -> None:
        self._pong = None
        if self.last_active >= pinged_at:
            return
        log.warning("Cuebot answers no ping; its connection is given up")
        self.abort("a ping was not answered")

    def abort(self, problem: str = "the connection was closed") -> None:
        self.problem = ConnectionError(problem)
        self._lose(partial(lost, problem), self.problem)
        self._transport.abort()

    # --- For the transport ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self._transport = cast(asyncio.Transport, transport)
        self.ready = self._loop.create_future()
        # Or asyncio warns about an exception that nobody has retrieved.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._buffer = WriteBuffer(self._transport, self._loop)
        self._buffer.collects = False  # the connector may close the transport
        self._core = Core(self, self._buffer.write, max_message=self._max_message)
        self._calls = self._core.calls
        self._core.open()

    def data_received(self, data: bytes) -> None:
        self.last_active = now = self._loop.time()
        core = self._core
        try:
            self._read_in_turn += len(data)
            is_over = core.receive(data, now) or self._read_in_turn >= READ_PER_TURN_BYTES
            if is_over and not self._goes_on:
                self._goes_on = True
                self._transport.pause_reading()
                self._loop.call_soon(self._go_on)
            if core.answers.ended_at == now:  # one has just ended
                self._asked_at = now if self._calls.streams or self._calls.waiting else 0.0
        except ProtocolError as error:
            self._buffer.flush()
            problem = f"Cuebot broke the HTTP/2 protocol: {error}"
            why = self._tls_of(data) or ConnectionError(problem)
            self._lose(partial(not_grpc, problem, Code.UNAVAILABLE), why)
            self._transport.abort()

    def _go_on(self) -> None:
        self._goes_on = False
        self._read_in_turn = 0
        if not self._ended:
            self.data_received(b"")
            if not (self._goes_on or self._ended):
                self._transport.resume_reading()

    def eof_received(self) -> None:
        """The peer has closed its side. The transport closes itself."""
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended:
            self._take_rest()
        problem = f"the connection was lost: {exc}" if exc else "the connection was closed"
        problem = self._farewell or problem
        why = self.problem or exc or ClosedEarly()
        self._lose(partial(lost, problem), self._tls_of(self._core.unread) or why)

    def _take_rest(self) -> None:
        """At the end, process data that was left for another turn: one read at most."""
        core, now = self._core, self._loop.time()
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
        self._ended = True
        for timer in (self._deadline_timer, self._silence_timer, self._pong, self._upkeep):
            if timer is not None:
                timer.cancel()
        self._buffer.clear()
        self._calls.lose(failure)
        if not self.ready.done():
            self.ready.set_exception(why)

    # --- For the core -----------------------------------------------------------------------

    def on_ready(self) -> None:
        if not self.ready.done():
            self._buffer.collects = True
            self.ready.set_result(None)

    def on_closing(self) -> None:
        self._on_end(self)

    def on_drained(self) -> None:
        self._buffer.flush()
        self._transport.close()

    def on_goaway(self, code: int, text: bytes) -> None:
        self._farewell = farewell(code, text)
        if code != ErrorCode.NO_ERROR:
            self.problem = ConnectionError(self._farewell)
        if code != ErrorCode.NO_ERROR and not self._warned:
            self._warned = True
            self.too_many_pings = code == ErrorCode.ENHANCE_YOUR_CALM and text == TOO_MANY_PINGS
            log.warning(
                "Cuebot closes the connection",
                reason=name_of(code),
                words=text[:200].decode("ascii", "replace"),
            )

    def on_pong(self) -> None:
        if self._pong is not None:
            self._pong.cancel()
            self._pong = None
