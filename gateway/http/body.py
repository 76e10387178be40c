"""What an HTTP request has to look like before its body is worth reading, and the body."""

import asyncio
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from starlette.types import Receive

from gateway.codec.unknown import REPORTED, Reject
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.hints import SHOWN
from gateway.http.decompression import READERS, SUPPORTED, body_in
from gateway.http.exchange import CLOSE, ClientGone, Exchange, content_length

UNLABELLED = (b"application/x-www-form-urlencoded", b"text/plain", b"application/octet-stream")
"""What curl, fetch and others call a body whose type they were not told."""
JSON_MEDIA = re.compile(rb"(?:[\w.+-]+/)?(?:(?!grpc)[\w.+-]+[+-])?json")
UNICODE = re.compile(rb"""charset\s*=\s*"?(?:utf-?8|us-ascii)"?\s*(?:;|$)""")

GRPC_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
UNIT_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def check_headers(headers: Mapping[bytes, bytes], max_body: int) -> None:
    """Raise GatewayError for a request whose body cannot be JSON or cannot be read."""
    media = headers.get(b"content-type")
    if media is not None and not can_be_json(media):
        raise unsupported(f"a body of type {shown(media)} cannot be JSON; use application/json")
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() not in (b"identity", *READERS):
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"a body encoded as {shown(encoding)} is not supported; use one of: {SUPPORTED}",
            status=415,
            headers={**CLOSE, "Accept-Encoding": SUPPORTED},
        )
    if (content_length(headers) or 0) > max_body:
        raise too_large(max_body)


@lru_cache(maxsize=256)
def can_be_json(content_type: bytes) -> bool:
    """Whether a Content-Type may label JSON: it says so, or it is what unlabelled bodies get."""
    media, _, parameters = content_type.lower().partition(b";")
    media = media.strip()
    if b"charset" in parameters and not UNICODE.search(parameters):
        return False
    return not media or media in UNLABELLED or JSON_MEDIA.fullmatch(media) is not None


def unread_query(query: bytes, reject: Reject) -> tuple[str, ...]:
    """`?name` for each of the first parameters of a query string: methods read their body only.

    Raises GatewayError (INVALID_ARGUMENT) where nothing may be ignored.
    """
    if not query:
        return ()
    parts = query.split(b"&", REPORTED)[:REPORTED]
    names = [unquote_to_bytes(part.partition(b"=")[0]).decode("utf-8", "replace") for part in parts]
    if reject is Reject.EVERYTHING:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"{names[0][:SHOWN]!r} is in the query string, which is not read; send it in the body",
        )
    return tuple(f"?{name}" for name in names)


def asked_timeout(headers: Mapping[bytes, bytes]) -> float:
    """Seconds in a `Grpc-Timeout` header, as gRPC writes them (`5S`, `100m`); else infinity.

    https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. Raises GatewayError
    (INVALID_ARGUMENT) for another form.
    """
    text = headers.get(b"grpc-timeout")
    if text is None:
        return math.inf
    found = GRPC_TIMEOUT.fullmatch(text.strip())
    if found is None:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            "Grpc-Timeout: expected digits and a unit (H, M, S, m, u, n), such as 5S or 100m",
        )
    return int(found[1]) * UNIT_SECONDS[found[2]]


class BodyReader:
    """Reads bodies of at most `max_body` bytes within `patience` seconds each.

    All bodies that have been read and not forgotten may have `room` bytes together. What counts
    is what a compressed body stands for. It also needs up to as much again while it is read (the
    window of zstd), which is what joining the parts of any body takes.
    """

    def __init__(self, *, max_body: int, patience: float, room: int) -> None:
        self._max_body = max_body
        self._patience = patience
        self._room = room

    async def read(self, exchange: Exchange, receive: Receive) -> bytes:
        """The whole body, decompressed. Whoever is done with it calls `forget`.

        Raises GatewayError when it is too large, too slow or not in its Content-Encoding, or when
        there is no room; ClientGone when the client hangs up.
        """
        coded = body_in(exchange.headers.get(b"content-encoding"))
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    exchange.body_read = not message.get("more_body", False)
                    for part in coded.feed(message.get("body", b"")):
                        if not part:
                            await asyncio.sleep(0)
                            continue
                        parts.append(part)
                        size += len(part)
                        self._room -= len(part)
                        self._check(size)
                    if exchange.body_read:
                        break
                coded.finish()
        except TimeoutError:
            exchange.body_read = True  # there is no use in waiting for more
            self._room += size
            raise too_slow(self._patience) from None
        except BaseException:
            self._room += size
            raise
        del coded  # and its window, before there is a copy
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def take(self, exchange: Exchange, receive: Receive) -> bytes:
        """As `read`, for a body that is plain and that the server has: one message, no waiting."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        exchange.body_read = True
        body: bytes = message.get("body", b"")
        self._room -= len(body)
        try:
            self._check(len(body))
        except GatewayError:
            self.forget(body)
            raise
        return body

    def forget(self, body: bytes) -> None:
        """The body needs no room any more."""
        self._room += len(body)

    def _check(self, size: int) -> None:
        if size > self._max_body:
            raise too_large(self._max_body)
        if self._room < 0:
            raise GatewayError(
                Code.UNAVAILABLE,
                "too many large bodies are being read",
                headers=RETRY_SOON,
            )


def too_slow(patience: float) -> GatewayError:
    return GatewayError(
        Code.DEADLINE_EXCEEDED,
        f"the body did not arrive within {patience:g} s",
        status=408,
        headers=CLOSE,
    )


def too_large(max_body: int) -> GatewayError:
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"the body is larger than MAX_BODY_MB ({max_body / 2**20:g} MB)",
        status=413,
        headers=CLOSE,
    )


def unsupported(problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, problem, status=415, headers=CLOSE)


def shown(value: bytes) -> str:
    """A header's value, short and printable."""
    return value[:SHOWN].decode("ascii", "replace")
