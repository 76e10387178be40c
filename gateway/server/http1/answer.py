"""Whole answers as bytes: those of the app in one write, and the last one on a connection."""

from collections.abc import Callable
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.errors import GatewayError
from gateway.http.direct import Headers
from gateway.http.exchange import JSON_TYPE, NO_STORE, NOSNIFF

PHRASES = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES = {
    status: f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\n".encode()
    for status in range(100, 600)
}
CLOSE = (b"connection", b"close")


class CycleConnection:
    """The `DirectConnection` of a request that uvicorn's cycle serves."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self.refusal: GatewayError | None = None
        self.on_disconnect: Callable[[], object] | None = None
        self._cycle = cycle
        self._taken = False

    def take_body(self) -> bytes | None:
        cycle = self._cycle
        if cycle.more_body or self._taken or cycle.disconnected:
            return None
        self._taken = True
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        return answer_at_once(self._cycle, status, headers, body)

    def abort(self) -> None:
        self._cycle.transport.abort()

    def disconnected(self) -> None:
        """The connection is lost."""
        if self.on_disconnect is not None:
            self.on_disconnect()


def answer_at_once(cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
    """What uvicorn's `send` does for a whole answer, in one write.

    False, and nothing done, when somebody might have to wait or has begun to answer, for
    HEAD, and in the last answers before a stop: all that is uvicorn's matter.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    if CLOSE in cycle.default_headers or cycle.scope["method"] == "HEAD":
        return False
    lines = head_of(status, (*cycle.default_headers, *headers))
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


def last_words(error: GatewayError, more: Headers) -> bytes:
    """A whole answer, after which the connection ends."""
    body = error.body()
    length = (b"content-length", b"%d" % len(body))
    own = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    headers = (*more, JSON_TYPE, length, NOSNIFF, NO_STORE, *own, CLOSE)
    return b"".join((*head_of(error.status, headers), b"\r\n", body))


def head_of(status: int, headers: Headers) -> list[bytes]:
    """The lines of a head, in pieces, without the empty one at its end."""
    lines = [STATUS_LINES[status]]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    return lines
