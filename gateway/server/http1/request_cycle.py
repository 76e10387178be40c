"""One request, from its head to the end of its answer: for an ASGI app, and for a shorter way."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Message

from gateway.errors import GatewayError
from gateway.http.direct_connection import Headers
from gateway.http.wire_request import ReceivedHead
from gateway.server.http1.response import (
    CLOSE,
    CONTINUE,
    NEW_LINE,
    check_header,
    head_lines,
    last_answer,
)

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: what is unsent is dropped, and the peer told with a reset (socket(7))."""
BODILESS = (204, 304)
"""Statuses whose answers have no body, nor say how long it is (RFC 9112 section 6.3)."""


def reset(transport: asyncio.Transport) -> None:
    """Drop the connection so that the client sees an error, and not the end of its answer."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    transport.abort()


class ClientDisconnected(ConnectionError):
    """There is nobody to send to."""


class Connection(Protocol):
    """What a request needs of its connection."""

    write: Callable[[bytes], None]
    """Sends bytes soon (`WriteBuffer.write`)."""
    is_closing: Callable[[], bool]
    """Whether nothing can be sent any more."""
    read_paused: bool
    """Whether nothing is read of what the client sends."""
    catching_up: asyncio.Event | None
    """Set when the client has caught up; None unless it reads more slowly than answers are written.
    """

    def flushed(self) -> asyncio.Transport:
        """The transport, to which all that has been written is handed first."""

    @property
    def is_ending(self) -> bool:
        """Whether the answers from now on are the last ones on their connections."""

    @property
    def default_headers(self) -> Headers:
        """Headers of every answer, by lower-case name."""

    def resume_reading(self) -> None:
        """The request has no body to hand out, or room for more of it."""

    def on_answered(self, request: "RequestCycle") -> None:
        """The answer is complete. The connection ends if it is not to be kept alive."""


@dataclass(slots=True, eq=False, repr=False)
class RequestCycle:
    """A request that has come and the answer to it.

    `receive` and `send` are ASGI's (https://asgi.readthedocs.io/en/latest/specs/www.html); `send`
    raises ClientDisconnected when the client has gone. The rest is a `DirectConnection`.
    """

    connection: Connection
    head: ReceivedHead
    keep_alive: bool
    """Whether there may be another request on the connection, as far as is known."""
    complete: bool = False
    """Whether the whole body has come."""
    body: bytes | bytearray = b""
    """What has come of it and has not been handed out."""
    has_news: bool = False
    """Whether there is something that `receive` has not told."""
    disconnected: bool = False
    """Whether there is nobody to answer any more."""
    started: bool = False
    """Whether the head of the answer has been sent."""
    answered: bool = False
    """Whether the whole answer has been sent."""
    refusal: GatewayError | None = None
    task: "asyncio.Task[None] | None" = None
    on_disconnect: Callable[[], object] | None = None
    _news: asyncio.Event | None = None
    """Set when that becomes true, once somebody waits for it."""
    _length_left: int | None = None
    """Bytes that the answer's body still has; None for an answer of unknown length."""
    _ends_with_connection: bool = False
    """Whether that is how the client sees its end: HTTP/1.0 has no chunks (RFC 9112 section 6.3).
    """
    _has_continued: bool = False
    """Whether the client has been told to send the body (100)."""

    # --- the connection's side --------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """A part of the body has come."""
        if self.answered:
            return
        if not self.body:
            self.body = data
        else:
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += data
        self._notify()

    def end(self) -> None:
        """The body is complete."""
        self.complete = True
        self._notify()

    def disconnect(self, refusal: GatewayError | None = None) -> None:
        """The client has gone, or has been told this refusal."""
        if self.disconnected or self.answered:
            return
        self.refusal = refusal
        self.disconnected = True
        self._notify()
        if self.on_disconnect is not None:
            self.on_disconnect()

    def fail(self, error: GatewayError) -> None:
        """End what nobody answers any more: with this error, if no answer has begun."""
        if self.answered or self.disconnected:
            return
        connection = self.connection
        if not (self.started or connection.is_closing()):
            connection.write(last_answer(error, connection.default_headers))
        elif self._ends_with_connection:
            reset(connection.flushed())
        self.started = True
        self.keep_alive = False
        self._finish()

    def _notify(self) -> None:
        self.has_news = True
        if self._news is not None:
            self._news.set()

    # --- the short way (gateway.http.direct) ------------------------------------------------

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """The request's headers by lower-case name."""
        return self.head.fields

    @property
    def is_behind(self) -> bool:
        """Whether the client reads more slowly than the answer is written."""
        return self.connection.catching_up is not None

    def take_body(self) -> bytes | None:
        """The whole body if it is here, and None otherwise; `receive` gives nothing after it."""
        if not self.complete or self.disconnected:
            return None
        body, self.body = self.body, b""
        self.has_news = False
        if self.connection.read_paused:
            self.connection.resume_reading()  # or no disconnect would be noticed
        return bytes(body)

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer in one write; False, and nothing done, when that cannot be.

        The headers have names in lower case and a Content-Length, and no Connection. They are not
        checked: nothing that a client has written may be among them.
        """
        connection = self.connection
        if (
            self.started
            or self.disconnected
            or connection.catching_up is not None
            or connection.is_closing()
            or self.head.method == "HEAD"
        ):
            return False
        lines = head_lines(status, (*connection.default_headers, *headers))
        if not self._stays_open():
            lines.append(CLOSE)
        lines += (b"", body)
        self.started = True
        connection.write(NEW_LINE.join(lines))
        self._finish()
        return True

    def abort(self) -> None:
        """Drop the connection at once."""
        self.connection.flushed().abort()

    # --- ASGI -------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next part of the body, or `http.disconnect` once there is nobody to answer."""
        connection = self.connection
        if self.head.expects_continue and not (
            self._has_continued or self.complete or self.started or self.disconnected
        ):
            self._has_continued = True
            if not connection.is_closing():
                connection.write(CONTINUE)
        while not (self.has_news or self.disconnected or self.answered):
            connection.resume_reading()
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            await self._news.wait()
        if self.disconnected or self.answered:
            return {"type": "http.disconnect"}
        self.has_news = False
        body, self.body = self.body, b""
        connection.resume_reading()  # also after the last part, or no disconnect would be noticed
        return {"type": "http.request", "body": bytes(body), "more_body": not self.complete}

    async def send(self, message: Message) -> None:
        """Send the head of the answer, or a part of its body, as fast as the client reads."""
        connection = self.connection
        if connection.catching_up is not None and not self.disconnected:
            await connection.catching_up.wait()
        if self.disconnected or connection.is_closing():
            raise ClientDisconnected
        kind = message["type"]
        if not self.started and kind == "http.response.start":
            self._send_head(message["status"], [*message.get("headers", ())])
        elif self.started and not self.answered and kind == "http.response.body":
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"an answer cannot go on with {kind}")

    def _send_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        fields = []
        length = None
        chunked = False
        for name, value in headers:
            check_header(name, value)
            name = name.lower()
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                chunked = value.lower() == b"chunked"
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            fields.append((name, value))
        lines = head_lines(status, (*self.connection.default_headers, *fields))
        if self.head.method == "HEAD" or status in BODILESS:
            length = 0
        elif chunked:
            length = None
        elif length is None and self.head.http_version == "1.0":
            self._ends_with_connection = True
            self.keep_alive = False
        elif length is None:
            lines.append(b"transfer-encoding: chunked")
        if not self._stays_open():
            lines.append(CLOSE)
        self._length_left = length
        self.started = True
        self.connection.write(NEW_LINE.join(lines) + NEW_LINE * 2)

    def _send_body(self, data: bytes, *, more: bool) -> None:
        if self.head.method == "HEAD":
            data = b""
        if self._length_left is not None:
            self._length_left -= len(data)
            if self._length_left < 0 or (self._length_left and not more):
                raise RuntimeError("the body of an answer is not as long as its Content-Length")
        elif not self._ends_with_connection:
            parts = [b"%x\r\n" % len(data), data, b"\r\n"] if data else []
            if not more:
                parts.append(b"0\r\n\r\n")
            data = b"".join(parts)
        if more:  # at once: the next part is not made while the client reads too slowly
            self.connection.flushed().write(data)
        else:
            self.connection.write(data)
            self._finish()

    def _stays_open(self) -> bool:
        """Whether there may be another request. To be asked once, for the head of the answer.

        Not behind a body of which a part is missing: it may never come (RFC 9110 section 10.1.1),
        or never end, and nobody wants it any more (RFC 9112 section 9.3).
        """
        if self.connection.is_ending or not self.complete:
            self.keep_alive = False
        return self.keep_alive

    def _finish(self) -> None:
        self.answered = True
        self.body = b""
        self._notify()
        self.connection.on_answered(self)
