"""One HTTP/1.1 connection: transport, timeouts, and the order of requests."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import cast

import structlog

from gateway.core.errors import Code, GatewayError
from gateway.core.principal import address_key
from gateway.core.write_buffer import WriteBuffer
from gateway.server.http1.heads import ReceivedHead
from gateway.server.http1.parser import RequestParser
from gateway.server.http1.request_cycle import RequestCycle, last_answer
from gateway.server.http1.state import (
    ANSWERING,
    CLOSED,
    CLOSING,
    IDLE,
    LINGERING,
    OPENING,
    READING_HEAD,
    ServerContext,
    State,
    Timeout,
)

BUFFERED_BODY_MAX_BYTES = 64 * 1024
"""Bytes of a body that wait for the app; beyond them, reading pauses."""
LINGER_SECONDS = 2.0
"""Time for a client that is still sending to read its last answer."""
LINGER_MAX_BYTES = 32 * 1024 * 1024
"""Bytes read and dropped while lingering, so that the connection is not reset: most clients read no
answer before they have sent their whole body.
"""
IDLE_GRACE_SECONDS = 1.0
"""During a stop, time for a request that is already on its way to an idle connection."""

log = structlog.stdlib.get_logger("gateway")


class HttpProtocol(asyncio.Protocol):
    """Serves the requests of a connection in order, with a timeout for every wait.

    Unless a request is being answered, a timeout runs: for the first head, between an answer and
    the next request's first byte, and until its head is complete. The client has equally long to
    read the end of its last answer, and little longer to read what delays the next one, unless the
    app sets its own limit.

    Invalid requests get a JSON error after the answers to the requests before.
    """

    write: Callable[[bytes], None]
    """`WriteBuffer.write`, from `connection_made` on."""
    flushed: Callable[[], asyncio.Transport]
    """`WriteBuffer.flushed`, from `connection_made` on."""
    is_closing: Callable[[], bool]
    """The transport's, from `connection_made` on."""
    client: tuple[str, int] | None = None
    server: tuple[str, int] | None = None
    scheme = "http"
    state = OPENING
    """Decides which timeout runs."""
    read_paused = False
    catching_up: asyncio.Event | None = None
    """Set when the client has caught up; None unless it reads too slowly."""

    def __init__(
        self,
        context: "ServerContext[HttpProtocol]",
        leave: Callable[[], None],
        no_place: GatewayError | None = None,
    ) -> None:
        """`leave` is called at the end. `no_place` is the error for a refused client."""
        self.leave = leave
        self._no_place = no_place
        self.context = context
        self._serve = context.serve
        self._current: RequestCycle | None = None
        self._waiting: deque[RequestCycle] = deque()
        self._latest: RequestCycle | None = None
        """The request whose head came last; its body may be incomplete."""
        self._refusal: tuple[GatewayError, ReceivedHead | None] | None = None
        """The error for invalid bytes after the requests that are being answered, and its head."""
        self._awaits_turn = False
        self._undrained = LINGER_MAX_BYTES
        """Bytes that may still arrive after the last answer."""
        self._sharer: Hashable = None
        self._has_unfinished = False
        self._unread: asyncio.TimerHandle | None = None
        """Ends a connection whose answers are not read."""

    # --- the transport's side ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        context = self.context
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = WriteBuffer(self._transport, self._loop)
        self.write, self.flushed = self._buffer.write, self._buffer.flushed
        self.is_closing = self._transport.is_closing
        self.client = address_of(transport.get_extra_info("peername"))
        self.server = address_of(transport.get_extra_info("sockname"))
        if transport.get_extra_info("sslcontext"):
            self.scheme = "https"
        self._parser = RequestParser(self, context.turns)
        self._timeout = Timeout(self._loop, context.timeout, self._timed_out)
        self._enter(READING_HEAD)
        context.connections.add(self)
        if self._no_place is not None:
            self._send_refusal(self._no_place)
        elif context.is_ending:
            self.finish()

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(CLOSED)
        self._forget_unfinished()
        self.context.connections.discard(self)
        self.leave()
        self._parser.close()
        self.resume_writing()
        if self._current is not None:
            self._current.disconnect()
        self._current = self._latest = self._refusal = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state.is_over:
            self._undrained -= len(data)
            if self._undrained < 0:
                self._stop_lingering()
            return
        parser = self._parser
        parser.feed(data)
        if self.state.is_over:
            return
        if self._current is None:
            if self._waiting:
                self._serve_next()
            elif self.state is IDLE and parser.in_head:
                self._enter(READING_HEAD)
        if parser.held_back or parser.without_progress or self._waiting or self._has_unfinished:
            self._pause_if_full()
            if parser.can_go_on:
                self._go_on_soon()
            self._note_unfinished()

    def _go_on_soon(self) -> None:
        if not self._awaits_turn:
            self._awaits_turn = True
            self.context.turns.wait(self)

    def go_on(self) -> None:
        self._awaits_turn = False
        if self.state.is_over or self.is_closing():
            return
        self.data_received(self._parser.take_held_back())
        self.resume_reading()

    def eof_received(self) -> None:
        """A client that sends no more counts as gone. The transport closes itself."""
        if not self.state.is_over:
            self._buffer.flush()
            self._await_close()

    def pause_writing(self) -> None:
        """The client is behind. The app, with its own limit, should give up first."""
        self.catching_up = asyncio.Event()
        seconds = self.context.timeout + LINGER_SECONDS
        self._unread = self._loop.call_later(seconds, self._transport.abort)

    def resume_writing(self) -> None:
        if self.catching_up is not None:
            self.catching_up.set()
            self.catching_up = None
        if self._unread is not None:
            self._unread.cancel()

    # --- the parser's side ------------------------------------------------------------------

    def on_head(self, head: ReceivedHead) -> None:
        self._latest = RequestCycle(self, head)
        self._waiting.append(self._latest)

    def on_request(self, head: ReceivedHead, body: bytes) -> None:
        self._latest = RequestCycle(self, head, body)
        self._waiting.append(self._latest)

    def on_body(self, data: bytes) -> None:
        assert self._latest is not None
        self._latest.feed(data)
        self._pause_if_full()

    def on_end(self) -> None:
        assert self._latest is not None
        self._latest.end()

    def on_refusal(self, error: GatewayError, in_body: bool) -> None:
        request, head = self._latest, None
        if in_body and self._waiting:  # its request is still queued
            head = self._waiting.pop().head
        elif in_body and request is not None:
            self._refuse_body(request, error)
            return
        if self._current is None and not self._waiting:
            self._refuse(error, head)
        else:
            self._refusal = error, head

    def _refuse_body(self, request: RequestCycle, error: GatewayError) -> None:
        if request.started:  # too late for an error answer
            request.disconnect()
            self._linger()
        else:
            request.disconnect(refusal=error)
            self._send_refusal(error)

    # --- what connections share -------------------------------------------------------------

    @property
    def sharer(self) -> Hashable:
        """The client's address. Connections of a proxy or a Unix socket are separate: each may
        belong to another client.
        """
        if self._sharer is None:
            address = self.client[0] if self.client else ""
            if address and not self.context.trusted(address):
                self._sharer = address_key(address)
            else:
                self._sharer = id(self)
        return self._sharer

    def _note_unfinished(self) -> None:
        """Count the bytes of requests that have not reached the app, which limits bodies itself."""
        size, current, parser = 0, self._current, self._parser
        if current is None or current.complete:
            size = len(parser.held_back) + parser.without_progress
            size += sum(len(each.body) for each in self._waiting)
        self._has_unfinished = self.context.unfinished.note(self, size) and not self.state.is_over

    def _forget_unfinished(self) -> None:
        if self._has_unfinished:
            self._has_unfinished = False
            self.context.unfinished.note(self, 0)

    def give_up(self, error: GatewayError) -> None:
        """Refuse incomplete requests, after the answers to complete ones (`Unfinished`)."""
        self._has_unfinished = False
        current, self._refusal = self._current, (error, None)
        self._waiting.clear()
        if current is None:
            self._refuse(error)
        elif not current.complete:
            self._refuse_body(current, error)
        self._parser.forget()

    # --- the requests' side -----------------------------------------------------------------

    @property
    def _is_full(self) -> bool:
        """Whether enough has come that awaits its turn, or the app."""
        latest = self._latest
        return bool(self._parser.held_back) or (
            latest is not None and len(latest.body) > BUFFERED_BODY_MAX_BYTES
        )

    def _pause_if_full(self) -> None:
        if not self.read_paused and self._is_full:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume unless the buffers are full or the connection is over."""
        if self.read_paused and not self._is_full:
            self.read_paused = False
            self._transport.resume_reading()

    def on_answered(self, request: RequestCycle) -> None:
        self._current = None
        if not (request.keep_alive or request.complete or self.is_closing()):
            self._linger()
            return
        if not request.keep_alive:
            self.flushed().close()
        if self.is_closing():
            self._await_close()
            return
        parser, context = self._parser, self.context
        parser.unanswered -= 1
        if self.read_paused:  # as whenever bytes are held back
            if parser.can_go_on:
                self._go_on_soon()
            else:
                self.resume_reading()
        if self._waiting:
            self._serve_next()
        elif self._refusal is not None:
            self._refuse(*self._refusal)
        else:
            self.state = IDLE
            self._timeout.deadline = self._loop.time() + context.timeout
            if context.is_ending:
                self.finish()
        if self._has_unfinished:
            self._note_unfinished()

    def _serve_next(self) -> None:
        """Serve the next request, unless bytes of its body may be held back."""
        if not self._waiting[0].complete and self._parser.can_go_on:
            return
        self._current = request = self._waiting.popleft()
        self.state = ANSWERING
        self._timeout.deadline = math.inf
        request.task = task = self._loop.create_task(self._serve(request, self))
        self.context.state.tasks.add(task)

    # --- the server's side ------------------------------------------------------------------

    def finish(self) -> None:
        """End after the current answer: the server is stopping (`ServerContext.is_ending`).

        An idle connection stays for IDLE_GRACE_SECONDS, in case a request is on its way. An
        incomplete request has the usual time.
        """
        if self._current is None:
            self._loop.call_later(IDLE_GRACE_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        has_begun = self._parser.in_head or self._parser.can_go_on
        if not (self.state.is_over or self._current or has_begun):
            self.flushed().close()
            self._await_close()

    @property
    def is_answering(self) -> bool:
        return self._current is not None

    def cut_off(self) -> None:
        self.flushed().close()

    # --- the state --------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        """Enter a state other than ANSWERING, which has no deadline, and IDLE."""
        self.state = state
        timeout = self._timeout
        if state is READING_HEAD:
            timeout.deadline = self._loop.time() + self.context.timeout
        elif state is LINGERING:
            timeout.replace(self._stop_lingering, LINGER_SECONDS)
        elif state is CLOSING:
            self._close_by = self._loop.time() + self.context.timeout
            timeout.replace(self._check_close, IDLE_GRACE_SECONDS)
        else:
            timeout.cancel()

    # --- ends -------------------------------------------------------------------------------

    def _await_close(self) -> None:
        """The transport is closing: it sends pending data, and TLS awaits close_notify."""
        self._enter(CLOSING)
        self._forget_unfinished()
        self._parser.stop()

    def _check_close(self) -> None:
        """Abort if the client does not read or send close_notify, as idle pools never do."""
        transport = self.flushed()
        if transport.get_write_buffer_size() and self._loop.time() < self._close_by:
            self._timeout.replace(self._check_close, IDLE_GRACE_SECONDS)
        else:
            transport.abort()

    def _timed_out(self) -> None:
        if self._parser.can_go_on:  # the rest may have arrived
            self._timeout.replace(self._timed_out, IDLE_GRACE_SECONDS)
        elif self._parser.in_head:
            problem = f"the headers did not arrive within {self.context.timeout:g} s"
            self._refuse(GatewayError(Code.DEADLINE_EXCEEDED, problem, status=408))
        else:
            self.flushed().close()
            self._await_close()

    def _refuse(self, error: GatewayError, head: ReceivedHead | None = None) -> None:
        """Refuse and report what never reaches the app. `head` is None if incomplete."""
        # After an answer, a head that had not begun before this packet begins with it.
        seconds = 0.0 if self.state is IDLE else self._timeout.elapsed()
        peer = self.client[0] if self.client else ""
        refused = self._parser.refused(error, head, peer=peer, seconds=seconds)
        self._send_refusal(error)
        self.context.report(refused)

    def _send_refusal(self, error: GatewayError) -> None:
        client = self.client[0] if self.client else ""
        log.debug("refused", client=client, status=error.status, reason=error.message)
        self.flushed().write(last_answer(error, self.context.state.default_headers))
        self._linger()

    def _linger(self) -> None:
        """End the connection while the client may still be sending (RFC 9112 section 9.6).

        Closing with unread data would reset the connection before the client has read its answer.
        The client sees the end of the stream (not in TLS), and has LINGER_SECONDS and
        LINGER_MAX_BYTES.
        """
        transport = self.flushed()
        self._parser.stop()
        self._forget_unfinished()
        self._latest = None
        self._waiting.clear()
        self.resume_reading()
        self._enter(LINGERING)
        if transport.can_write_eof():
            with suppress(OSError):  # asyncio's own transport, if the client has just gone
                transport.write_eof()

    def _stop_lingering(self) -> None:
        transport = self._transport
        self._await_close()
        transport.close()
        if not transport.get_write_buffer_size():
            transport.abort()


def address_of(name: object) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
