"""Frames of HTTP/2 as a server writes them (RFC 9113, section 6)."""

from gateway.core.upstream.http2.headers import literal
from tests.support.http2_server import framed, raw_frame

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
END_STREAM = ACK = 1
END_HEADERS, PADDED = 4, 8
BEGINNING = literal(b":status", b"200") + literal(b"content-type", b"application/grpc")
END = literal(b"grpc-status", b"0")
INTERIM = literal(b":status", b"103")
HELLO = raw_frame(SETTINGS, 0, 0)
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
REFUSED, CANCEL = 7, 8


def number(value: int) -> bytes:
    return value.to_bytes(4)


def headers(stream: int, block: bytes = BEGINNING) -> bytes:
    return raw_frame(HEADERS, END_HEADERS, stream, block)


def data(stream: int, content: bytes = b"", flags: int = 0) -> bytes:
    return raw_frame(DATA, flags, stream, content)


def trailers(stream: int, block: bytes = END) -> bytes:
    return raw_frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


def answer(stream: int, message: bytes) -> bytes:
    """A whole answer."""
    return headers(stream) + data(stream, framed(message)) + trailers(stream)


def reset(stream: int, code: int) -> bytes:
    return raw_frame(RST_STREAM, 0, stream, number(code))


def setting(name: int, value: int) -> bytes:
    return raw_frame(SETTINGS, 0, 0, name.to_bytes(2) + number(value))


def ping(content: bytes = bytes(8)) -> bytes:
    return raw_frame(PING, 0, 0, content)


def goaway(last: int, code: int = 0, words: bytes = b"") -> bytes:
    return raw_frame(GOAWAY, 0, 0, number(last) + number(code) + words)


def window_update(stream: int, more: int) -> bytes:
    return raw_frame(WINDOW_UPDATE, 0, stream, number(more))
