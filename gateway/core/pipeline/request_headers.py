"""Request headers, checked before the body is read."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from gateway.core.calls.xml_body import XmlField
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.body import body_too_large
from gateway.core.pipeline.content_coding import Codings
from gateway.core.pipeline.context import CLOSE
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS

UNLABELLED = (b"application/x-www-form-urlencoded", b"text/plain", b"application/octet-stream")
"""Default types of curl, fetch and others for a body without a type."""
JSON_MEDIA = re.compile(rb"(?:[\w.+-]+/)?(?:(?!grpc)[\w.+-]+[+-])?json")
XML_MEDIA = re.compile(rb"(?:application|text)/(?:[\w.-]+\+)?xml")
UNICODE_CHARSET = re.compile(rb"""charset\s*=\s*"?(?:utf-?8|us-ascii)"?\s*(?:;|$)""")

GRPC_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
UNIT_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

MAX_IGNORED_NAMES = 20
IGNORED_HEADER_MAX_BYTES = 1024


def check_headers(
    headers: Mapping[bytes, bytes], max_body: int, method: Method | None, codings: Codings
) -> None:
    """`method` is the one that is called, if the body is the request of one."""
    if b"upgrade" in headers:
        check_upgrade(headers)
    media = headers.get(b"content-type")
    if media is not None and not (can_be_json(media) or takes_xml(method, media)):
        problem = f"a body of type {shown(media)} cannot be JSON; use application/json"
        if media.lower().startswith(b"multipart/"):
            problem += " (curl: -d NAME=TEXT or --data-urlencode NAME@FILE, not -F)"
        raise GatewayError(Code.INVALID_ARGUMENT, problem, status=415, headers=CLOSE)
    if b"content-encoding" in headers:
        codings.check(headers[b"content-encoding"])
    if (content_length(headers) or 0) > max_body:
        raise body_too_large(max_body)


def check_upgrade(headers: Mapping[bytes, bytes]) -> None:
    if b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower():
        raise no_upgrade()  # plain uvicorn loses its body


def check_length(headers: Mapping[bytes, bytes], max_body: int, overhead: int = 0) -> None:
    """413 for a body longer than one of `max_body` bytes and what a surface adds to it."""
    if (content_length(headers) or 0) > max_body + overhead:
        raise body_too_large(max_body)


def no_upgrade() -> GatewayError:
    return GatewayError(
        Code.INVALID_ARGUMENT,
        "the Upgrade header is not supported; send plain HTTP/1.1 (curl --http1.1)",
        headers=CLOSE,
    )


@lru_cache(maxsize=256)
def can_be_json(content_type: bytes) -> bool:
    """Whether a Content-Type is JSON, or a default for bodies without a type."""
    media, _, parameters = content_type.lower().partition(b";")
    media = media.strip()
    if b"charset" in parameters and not UNICODE_CHARSET.search(parameters):
        return False
    return not media or media in UNLABELLED or JSON_MEDIA.fullmatch(media) is not None


def takes_xml(method: Method | None, content_type: bytes) -> bool:
    """Whether a Content-Type is XML, which is a field of the method's requests."""
    media, _, parameters = content_type.lower().partition(b";")
    if method is None or XmlField not in method.aspects or not XML_MEDIA.fullmatch(media.strip()):
        return False
    return b"charset" not in parameters or UNICODE_CHARSET.search(parameters) is not None


def asked_timeout(text: bytes) -> float:
    """Seconds in `5S` or `100m` (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

    Raises GatewayError (INVALID_ARGUMENT).
    """
    found = GRPC_TIMEOUT.fullmatch(text.strip())
    if found is None:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            "Grpc-Timeout: expected digits and a unit (H, M, S, m, u, n), such as 5S or 100m",
        )
    return int(found[1]) * UNIT_SECONDS[found[2]]


def shown(value: bytes) -> str:
    return value[:QUOTED_CHARS].decode("ascii", "replace")


def listed_paths(paths: tuple[str, ...]) -> bytes:
    """Percent-encoded paths, for `X-Ignored-Fields` and others. `...` replaces the rest."""
    names = [quote(path, safe="[]") for path in paths]
    listed: list[str] = []
    room = IGNORED_HEADER_MAX_BYTES - len("...")
    for name in names[:MAX_IGNORED_NAMES]:
        room -= len(name) + len(", ")
        if room < 0:
            break
        listed.append(name)
    if len(listed) < len(names):
        listed.append("...")
    return ", ".join(listed).encode("ascii")


def content_length(headers: Mapping[bytes, bytes]) -> int | None:
    """Too many digits are read as a very large number."""
    digits = headers.get(b"content-length", b"")
    if not digits.isdigit():
        return None
    if len(digits) > 18:
        digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= 18 else 10**18
