"""Heads of answers as bytes, and whole last answers."""

import re
from http import HTTPStatus

from gateway.errors import GatewayError
from gateway.http.context import JSON_TYPE, NO_STORE, NOSNIFF
from gateway.http.direct_connection import Headers

PHRASES = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES = {
    status: f"HTTP/1.1 {status} {PHRASES.get(status, '')}".encode() for status in range(100, 600)
}
NEW_LINE = b"\r\n"
CONTINUE = STATUS_LINES[100] + NEW_LINE * 2
CLOSE = b"connection: close"
NOT_IN_A_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\\"/\[\]?={}]')
NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def head_lines(status: int, headers: Headers) -> list[bytes]:
    """Without line ends, and without the final empty line."""
    return [STATUS_LINES[status], *map(b": ".join, headers)]


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
    own = (JSON_TYPE, length, NOSNIFF, NO_STORE, *error.raw_headers())
    lines = head_lines(error.status, (*more, *own))
    return NEW_LINE.join((*lines, CLOSE, b"", body))
