"""One request and its answer, as ASGI messages and as a `DirectConnection`."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

from starlette.types import Message
from uvicorn.server import ServerState

from gateway.core.direct_connection import Headers
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import JSON_TYPE, NO_STORE, NOSNIFF
from gateway.server.http1.heads import ReceivedHead

PHRASES = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES = {
    status: f"HTTP/1.1 {status} {PHRASES.get(status, '')}".encode() for status in range(100, 600)
}
NEW_LINE = b"\r\n"
CONTINUE = STATUS_LINES[100] + NEW_LINE * 2
CLOSE = b"connection: close"
NOT_IN_A_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\"/\[\]?={}]')
NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
LINGER_NONE = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset, dropping unsent data (socket(7))."""
BODILESS_STATUSES = (204, 304)
"""Statuses whose answers have neither body nor length (RFC 9112 section 6.3)."""


def check_header(name: bytes, value: bytes) -> None:
    """Raise RuntimeError for header injection (RFC 9110 section 5)."""
    if NOT_IN_A_NAME.search(name) or not name:
        raise RuntimeError(f"not the name of a header: {name!r}")
    if NOT_IN_A_VALUE.search(value):
        raise RuntimeError(f"not the value of a header: {value!r}")


def last_answer(error: GatewayError, more: Headers) -> bytes:
    """A whole error answer that closes the connection. `more` are further headers."""
    body = error.body()
    length = (b"content-length", b"%d" % len(body))
    headers = (*more, JSON_TYPE, length, NOSNIFF, NO_STORE, *error.raw_headers())
    return NEW_LINE.join((STATUS_LINES[error.status], *map(b": ".join, headers), CLOSE, b"", body))


def reset(transport: asyncio.Transport) -> None:
    """Reset the connection, so that the client sees an error and not a complete answer."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
    transport.abort()


class ClientDisconnected(ConnectionError):
    """The client is gone."""


class Server(Protocol):
    """A request's view of what connections share."""

    state: ServerState
    is_ending: bool


class Connection(Protocol):
    """A request's view of its connection."""

    @property
    def context(self) -> Server: ...

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    read_paused: bool
    catching_up: asyncio.Event | None
    """Set when the client has caught up; None unless it reads too slowly."""

    def flushed(self) -> asyncio.Transport:
        """The transport, after flushing the write buffer."""

    def resume_reading(self) -> None:
        """The request's buffer has room, or its body has been taken."""

    def on_answered(self, request: "RequestCycle") -> None:
        """The answer is complete. The connection ends unless it is kept alive."""


class RequestCycle:
    """A request and its answer.

    `receive` and `send` follow ASGI (https://asgi.readthedocs.io/en/latest/specs/www.html); `send`
    raises ClientDisconnected when the client is gone. The rest is a `DirectConnection`. Its initial
    state is the class's.
    """

    complete: bool = False
    body: bytes | bytearray = b""
    """Received and not yet taken."""
    has_news: bool = False
    disconnected: bool = False
    started: bool = False
    answered: bool = False
    refusal: GatewayError | None = None
    task: "asyncio.Task[None] | None" = None
    on_disconnect: Callable[[], object] | None = None
    _news: asyncio.Event | None = None
    """Set with `has_news`; made when `receive` first waits."""
    _length_left: int | None = None
    """Missing bytes of the answer's body; None for an unknown length."""
    _ends_with_connection: bool = False
    """Whether the answer ends with the connection, as in HTTP/1.0 (RFC 9112 section 6.3)."""
    _has_continued: bool = False

    def __init__(
        self, connection: Connection, head: ReceivedHead, body: bytes | None = None
    ) -> None:
        """Without a body, it is still to come."""
        self.connection = connection
        self.head = head
        self.fields: Mapping[bytes, bytes] = head.fields
        self.keep_alive = head.keep_alive
        if body is not None:
            self.body = body
            self.complete = self.has_news = True

    # --- the connection's side --------------------------------------------------------------

    def feed(self, data: bytes) -> None:
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
        self.complete = True
        self._notify()

    def disconnect(self, refusal: GatewayError | None = None) -> None:
        if self.disconnected or self.answered:
            return
        self.refusal = refusal
        self.disconnected = True
        self._notify()
        if self.on_disconnect is not None:
            self.on_disconnect()

    def fail(self, error: GatewayError) -> None:
        """Answer with an error if no answer has begun, else break the answer off."""
        if self.answered or self.disconnected:
            return
        connection = self.connection
        if not (self.started or connection.is_closing()):
            connection.write(last_answer(error, connection.context.state.default_headers))
        elif self._ends_with_connection:
            reset(connection.flushed())
        self.started = True
        self.keep_alive = False
        self._finish()

    def _notify(self) -> None:
        self.has_news = True
        if self._news is not None:
            self._news.set()

    # --- the direct connection --------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        return self.connection.catching_up is not None

    def take_body(self) -> bytes | None:
        if not self.complete or self.disconnected:
            return None
        body, self.body = self.body, b""
        self.has_news = False
        if self.connection.read_paused:
            self.connection.resume_reading()  # to notice a disconnect
        return bytes(body)

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """See `DirectConnection`.

        `headers` have lower-case names, a Content-Length and no Connection. They are not checked:
        none may contain text from the client.
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
        connection.write(self._begin(status, headers) + body)
        self._finish()
        return True

    def abort(self) -> None:
        self.connection.flushed().abort()

    # --- ASGI -------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next part of the body, or `http.disconnect` when the client is gone."""
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
        connection.resume_reading()  # even after the last part, to notice a disconnect
        return {"type": "http.request", "body": bytes(body), "more_body": not self.complete}

    async def send(self, message: Message) -> None:
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
        if self.head.method == "HEAD" or status in BODILESS_STATUSES:
            length = 0
        elif chunked:
            length = None
        elif length is None and self.head.http_version == "1.0":
            self._ends_with_connection = True
            self.keep_alive = False
        elif length is None:
            fields.append((b"transfer-encoding", b"chunked"))
        self._length_left = length
        self.connection.write(self._begin(status, fields))

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
        if more:  # at once: no further part is made while the client is behind
            self.connection.flushed().write(data)
        else:
            self.connection.write(data)
            self._finish()

    def _begin(self, status: int, headers: Headers) -> bytes:
        """The head of the answer.

        The connection does not stay open after an incomplete body: it may never come (RFC 9110
        section 10.1.1) or never end (RFC 9112 section 9.3).
        """
        server = self.connection.context
        lines = map(b": ".join, (*server.state.default_headers, *headers))
        self.keep_alive = self.keep_alive and self.complete and not server.is_ending
        ends = (b"", b"") if self.keep_alive else (CLOSE, b"", b"")
        self.started = True
        return NEW_LINE.join((STATUS_LINES[status], *lines, *ends))

    def _finish(self) -> None:
        self.answered = True
        self.body = b""
        if self._news is not None:
            self._news.set()
        self.connection.on_answered(self)
