"""What an HTTP request has to look like before its body is worth reading, and the body."""

import asyncio
import math
import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Receive

from gateway.errors import Code, GatewayError
from gateway.exchange import ClientGone

UNLABELLED = (b"application/x-www-form-urlencoded", b"text/plain", b"application/octet-stream")
"""What curl, fetch and others call a body whose type they were not told."""
JSON_MEDIA = re.compile(rb"(?:[\w.+-]+/)?(?:(?!grpc)[\w.+-]+[+-])?json")
UNICODE = re.compile(rb"""charset\s*=\s*"?(?:utf-?8|us-ascii)"?\s*(?:;|$)""")

GRPC_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
UNIT_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

CLOSE = {"Connection": "close"}
"""For answers to requests whose body will not be read."""


def check_headers(headers: Mapping[bytes, bytes], max_body: int) -> None:
    """Raise GatewayError for a request whose body cannot be JSON or cannot be read."""
    media = headers.get(b"content-type")
    if media is not None and not can_be_json(media):
        raise unsupported(f"a body of type {shown(media)} cannot be JSON; use application/json")
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise unsupported(f"a body encoded as {shown(encoding)} is not supported; send it plain")
    if b"upgrade" in headers:
        # The HTTP parser takes what follows for the new protocol: the body would be lost.
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            "the Upgrade header is not supported; send plain HTTP/1.1 (curl --http1.1)",
            headers=CLOSE,
        )
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > max_body:
        raise too_large(max_body)


@lru_cache(maxsize=256)
def can_be_json(content_type: bytes) -> bool:
    """Whether a Content-Type may label JSON: it says so, or it is what unlabelled bodies get."""
    media, _, parameters = content_type.lower().partition(b";")
    media = media.strip()
    if b"charset" in parameters and not UNICODE.search(parameters):
        return False
    return not media or media in UNLABELLED or JSON_MEDIA.fullmatch(media) is not None


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


async def read_body(receive: Receive, max_body: int, patience: float) -> bytes:
    """The whole body.

    Raises GatewayError when it is larger than `max_body` bytes or takes more than `patience`
    seconds, ClientGone when the client hangs up.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(patience):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                size += len(part)
                if size > max_body:
                    raise too_large(max_body)
                parts.append(part)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise GatewayError(
            Code.DEADLINE_EXCEEDED,
            f"the body did not arrive within {patience:g} s",
            status=408,
            headers=CLOSE,
        ) from None


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
    return value[:80].decode("ascii", "replace")
