"""One HTTP/1.1 connection: uvicorn's, with bounds on what comes before a request is one."""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.http.direct import EXTENSION
from gateway.server.connection_limit import Crowd
from gateway.server.http1.answer import CycleConnection, last_words
from gateway.server.http1.backpressure import Pacing
from gateway.server.http1.rules import (
    check_coding,
    check_expectation,
    check_sizes,
    check_version,
    headers_too_large,
    is_host,
    malformed,
    no_other_protocol,
    path_of,
)
from gateway.server.http1.timeout import Patience

LARGEST_HEAD = 64 * 1024
"""Bytes that may come without a head, a part of a body or a message being complete after them."""
SLICE = 4096
"""Bytes that are parsed at once. A request has 18 at least, so that never more than 227 wait for
the answers to earlier ones on their connection."""
LINGER = 2.0
"""Seconds that a client which is still sending has to read why it is refused."""
LINGERING = 64
"""How many clients that have been turned away may have that time."""
CHECKED = frozenset((b"host", b"transfer-encoding", b"expect"))

log = structlog.stdlib.get_logger("gateway")


class HttpProtocol(HttpToolsProtocol):
    """Answers in the one JSON shape what never becomes a request, and waits for nothing for ever.

    Whenever nothing is being answered, a deadline of `patience` seconds holds: for the head of the
    first request, from an answer to the first byte of the next request, and from there until its
    head is complete. A client has as long to read the end of its last answer, and little more to
    read what keeps the next one waiting, where the app does not say how long that may take.

    What cannot be a request is answered after the requests before it, and nothing that follows
    it is looked at: it might be a part of it.
    """

    _in_head = True
    """Whether the next byte belongs to no body."""
    _moved = False
    """Whether the latest bytes have completed a head, a part of a body, or a message."""
    _bytes_without_end = 0
    _has_host = False
    _is_chunked = False
    _keeps_alive = True
    """Whether a request that expects a 100 lets the connection live."""
    _broken = False
    """Whether whatever comes from now on is ignored."""
    _refusal: GatewayError | None = None
    """The answer to what came after the requests that are being answered."""
    _is_idle = False
    """Whether there is a deadline for the first byte of a request."""
    _turned_away = False
    _unread: asyncio.TimerHandle | None = None
    """The end of a connection whose answers are not read."""

    def __init__(self, *, crowd: Crowd, patience: float, **given: Any) -> None:
        super().__init__(**given)
        self._seconds = patience
        self._crowd = crowd
        self._held = bytearray()
        """Bytes whose turn comes after the requests that wait for theirs."""

    # --- the transport's side ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Pacing(transport, self.pipeline)
        self._patience = Patience(self.loop, self._seconds, self._nothing_came)
        if self._crowd.is_full(len(self.connections)):
            self._turn_away()

    def connection_lost(self, exc: Exception | None) -> None:
        self._broken = True
        self._crowd.leaving -= self._turned_away
        self._patience.end()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected:
            direct_of(self.cycle).disconnected()

    def pause_writing(self) -> None:
        """More is unread than should be. The app, which knows more, is to lose patience first."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._seconds + LINGER, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        if len(data) <= SLICE and not self.pipeline:
            self._parse(data)
        else:
            self._parse_in_turn(data)

    # --- the parser's side ------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in CHECKED and self._in_head:
            self._check_header(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._check_head()
        super().on_headers_complete()
        self._moved = True
        self._in_head = self._is_idle = self._has_host = self._is_chunked = False
        self._patience.suspend()
        if self.expect_100_continue:
            # A client that gets another answer than 100 may send its body or leave it out, and
            # nobody could tell (RFC 9110 section 10.1.1).
            self._keeps_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        scope: Any = self.scope
        scope["extensions"] = {EXTENSION: CycleConnection(self.cycle)}
        # Or trailers would join the headers that the app has been given, and a token in a
        # trailer would count (RFC 9110 section 6.5.1 forbids that).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = self._moved = True
        if self.expect_100_continue and not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive
            self.cycle.waiting_for_100_continue = False

    def on_response_complete(self) -> None:
        has_next = bool(self.pipeline)
        if has_next:
            super().on_response_complete()  # starts it
        else:
            self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._patience.change(self.transport.abort)
        elif self._refusal is not None and not has_next:
            self._say(self._refusal)
        elif not has_next:
            self._is_idle = True
            self._patience.renew()
            self.flow.resume_reading()
        elif self._held and not self.pipeline:
            held = bytes(self._held)
            self._held.clear()
            self.flow.resume_reading()
            self._parse_in_turn(held)

    def drain(self, patience: float) -> None:
        """Let the answer that is being made be the last one.

        Without one, a request that is on its way may still come within `patience` seconds. What
        has begun to arrive has its usual time. Call it when the server's default headers say
        `Connection: close`, so that new answers do too.
        """
        if not self._answering():
            self.loop.call_later(patience, self._close_if_idle)
            return
        self.cycle.keep_alive = False
        self.cycle.default_headers = self.server_state.default_headers

    def _close_if_idle(self) -> None:
        if not self._answering() and not self._has_begun() and not self.transport.is_closing():
            self.transport.close()

    # --- reading ----------------------------------------------------------------------------

    def _parse_in_turn(self, data: bytes) -> None:
        """Parse until a request has to wait for the answer to another one, and hold the rest."""
        at = 0
        while at < len(data) and not self._broken:
            if self.pipeline:
                self._held += data[at:]
                self.flow.pause_reading()
                return
            self._parse(data[at : at + SLICE])
            at += SLICE

    def _parse(self, data: bytes) -> None:
        self._moved = False
        try:
            self.parser.feed_data(data)
            if self._moved:
                self._bytes_without_end = 0
            else:
                self._check_unfinished(len(data))
        except httptools.HttpParserCallbackError as error:
            self._refuse(problem_of(error))
        except httptools.HttpParserError as error:
            self._refuse(malformed(str(error)))
        except GatewayError as error:
            self._refuse(error)

    def _check_unfinished(self, more: int) -> None:
        """Raise GatewayError for what is too large although it has no end yet.

        If it is the beginning of a request, its deadline starts.
        """
        self._bytes_without_end += more
        if self._is_idle:
            self._is_idle = False
            self._patience.renew()
        if self.headers is not None:
            check_sizes(self.url, len(self.headers))
        if self._bytes_without_end > LARGEST_HEAD:
            what = "headers are" if self._in_head else "trailers, or a chunk's extensions, are"
            raise headers_too_large(f"the {what} larger than {LARGEST_HEAD // 1024} KB")

    def _check_header(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            if self._has_host:
                raise malformed("there are two Host headers")
            if not is_host(value):
                raise malformed("the Host header is not a host and a port")
            self._has_host = True
        elif name == b"expect":
            check_expectation(value)
            self.expect_100_continue = True
        else:
            check_coding(value)
            self._is_chunked = True

    def _check_head(self) -> None:
        """Raise GatewayError for a head that can be no request's."""
        check_sizes(self.url, len(self.headers))
        version = self.parser.get_http_version()
        if version != "1.1":
            check_version(version)
            self.expect_100_continue = False  # RFC 9110 section 10.1.1
            if self._is_chunked:
                raise malformed("HTTP/1.0 has no Transfer-Encoding")
        elif not self._has_host:
            raise malformed("there is no Host header")
        if self.parser.should_upgrade():
            raise no_other_protocol(self.parser.get_method())
        if self.url[:1] != b"/" or b"#" in self.url:
            self.url = path_of(self.url, self.parser.get_method())

    # --- refusing ---------------------------------------------------------------------------

    def _nothing_came(self) -> None:
        """The deadline has passed: say so to a client that has begun a request, and hang up."""
        if self._in_head and self._has_begun():
            self._refuse(
                GatewayError(
                    Code.DEADLINE_EXCEEDED,
                    f"the headers did not arrive within {self._seconds:g} s",
                    status=408,
                )
            )
        else:
            self._hang_up(self.transport.close)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _has_begun(self) -> bool:
        """Whether a part of the next request's head has come."""
        return self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)

    def _refuse(self, error: GatewayError) -> None:
        """Answer what cannot be a request, or the body of one, when it is its turn."""
        self._broken = True
        self._held.clear()
        cycle = self.cycle
        if self._in_head:
            if self._answering():
                self._refusal = error
            else:
                self._say(error)
        elif self.pipeline:  # its request, the newest, has not been looked at yet
            self.pipeline.popleft()
            self._refusal = error
        elif cycle.response_started:  # so there is no answer in which to say it
            cycle.disconnected = True
            cycle.message_event.set()
            direct_of(cycle).disconnected()
            self._hang_up(self.transport.close)
        else:
            direct = direct_of(cycle)
            direct.refusal = error
            cycle.disconnected = True
            cycle.message_event.set()
            direct.disconnected()
            self._say(error)

    def _turn_away(self) -> None:
        self._turned_away = True
        self._crowd.leaving += 1
        error = GatewayError(Code.UNAVAILABLE, "there are too many connections", headers=RETRY_SOON)
        if self._crowd.leaving <= LINGERING:
            self._say(error)
        else:
            self.transport.write(last_words(error, self.server_state.default_headers))
            self._hang_up(self.transport.close)

    def _say(self, error: GatewayError) -> None:
        """Give the last answer on this connection.

        Closing with unread data would reset the connection, and a client that is still sending
        would not see the answer: it gets the end of the stream, and some time.
        """
        client = self.client[0] if self.client else ""
        log.debug("refused", client=client, status=error.status, reason=error.message)
        self.transport.write(last_words(error, self.server_state.default_headers))
        eof = self.transport.can_write_eof()  # TLS has none
        self._hang_up(self.transport.write_eof if eof else self.transport.close)

    def _hang_up(self, end: Callable[[], None]) -> None:
        self._broken = True
        self.flow.resume_reading()
        end()
        self._patience.change(self.transport.abort, LINGER)


def direct_of(cycle: RequestResponseCycle) -> CycleConnection:
    scope: Any = cycle.scope
    direct: CycleConnection = scope["extensions"][EXTENSION]
    return direct


def problem_of(error: httptools.HttpParserCallbackError) -> GatewayError:
    """What a callback of the parser has raised, for the client."""
    cause = error.__context__
    if isinstance(cause, GatewayError):
        return cause
    if isinstance(cause, httptools.HttpParserError):
        return malformed(str(cause))
    log.error("unexpected error", exc_info=cause)
    return GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause")
