"""Whole answers as bytes: those of the app in one write, and the last one on a connection."""

from collections.abc import Iterable
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.errors import GatewayError
from gateway.exchange import Headers

PHRASES = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES = {
    status: f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\n".encode()
    for status in range(100, 600)
}
CLOSE = (b"connection", b"close")


def answer_at_once(cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
    """What uvicorn's `send` does for a whole answer, in one write.

    False, and nothing done, when somebody might have to wait or has begun to answer, for
    HEAD, and in the last answers before a stop: all that is uvicorn's matter.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    if CLOSE in cycle.default_headers or cycle.scope["method"] == "HEAD":
        return False
    lines = [STATUS_LINES[status]]
    for name, value in (*cycle.default_headers, *headers):
        lines += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    lines += (b"\r\n", body)
    cycle.transport.write(b"".join(lines))
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def last_words(error: GatewayError, more: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole answer, after which the connection ends."""
    body = error.body()
    lines = [
        b"HTTP/1.1 %d %b" % (error.status, HTTPStatus(error.status).phrase.encode()),
        *(b"%b: %b" % header for header in more),
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"x-content-type-options: nosniff",
        b"cache-control: no-store",
        *(f"{name}: {value}".lower().encode() for name, value in error.headers.items()),
        b"connection: close",
        b"",
        body,
    ]
    return b"\r\n".join(lines)
