"""Rules for request heads, beyond those of the parser (llhttp), and a cache of parsed heads.

llhttp refuses request smuggling: two lengths, a length with chunks, bare line feeds, folded lines,
white space before a colon, control characters. This module checks what remains of RFC 9112 and
9110.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import httptools

from gateway.core.direct_connection import headers_of
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.request_headers import content_length, no_upgrade

TARGET_MAX_BYTES = 8 * 1024
"""RFC 9112 section 3 asks for at least 8000."""
MAX_HEADERS = 100
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""`uri-host [":" port]` (RFC 9110 section 7.2), or empty."""
is_host = lru_cache(maxsize=64)(HOST.fullmatch)
OWN_SCHEMES = (b"http", b"https")
CHECKED_HEADERS = frozenset((b"host", b"transfer-encoding", b"expect"))
MAX_CACHED_HEADS = 1024
CACHED_HEAD_MAX_BYTES = 2048
CACHED_HEAD_MAX_HEADERS = 32
"""As objects, headers take ten times their size on the wire."""


@dataclass(eq=False, repr=False)
class ReceivedHead:
    """Depends on the head's bytes alone, so that equal heads can share one object."""

    method: str
    target: bytes
    """Origin form (`/path?query`), or `*`."""
    http_version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    expects_continue: bool
    """Whether the client waits for a 100 before sending the body."""

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        return headers_of(self.headers)

    @cached_property
    def body_length(self) -> int:
        """Bytes of the body, unless chunked."""
        return content_length(self.fields) or 0


def malformed(problem: str) -> GatewayError:
    return GatewayError(
        Code.INVALID_ARGUMENT, f"this is not a valid HTTP/1.1 request: {problem}", status=400
    )


def too_large(problem: str, *, status: int) -> GatewayError:
    """414 for the target, 431 for headers."""
    return GatewayError(Code.RESOURCE_EXHAUSTED, problem, status=status)


def check_head(version: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client waits for a 100. `headers`: the CHECKED_HEADERS. Raises GatewayError."""
    check_version(version)
    has_host = is_chunked = expects_continue = False
    for name, value in headers:
        if name == b"host":
            if has_host:
                raise malformed("there are two Host headers")
            if not is_host(value):
                raise malformed("the Host header is not a host and a port")
            has_host = True
        elif name == b"expect":
            check_expectation(value)
            expects_continue = True
        else:
            check_coding(value)
            is_chunked = True
    if version == "1.1":
        if not has_host:
            raise malformed("there is no Host header")
        return expects_continue
    if is_chunked:
        raise malformed("HTTP/1.0 has no Transfer-Encoding")
    return False  # HTTP/1.0 has no 100 (RFC 9110 section 10.1.1)


def check_version(version: str) -> None:
    if version not in ("1.0", "1.1"):
        raise GatewayError(
            Code.UNIMPLEMENTED, f"HTTP/{version} is not served here; use HTTP/1.1", status=505
        )


def check_expectation(value: bytes) -> None:
    """Raise GatewayError for an unknown expectation (RFC 9110 section 10.1.1)."""
    if value.lower() != b"100-continue":
        raise GatewayError(
            Code.INVALID_ARGUMENT, "Expect: nothing but 100-continue can be met", status=417
        )


def check_coding(value: bytes) -> None:
    """Raise GatewayError unless it is `chunked`: an unknown coding allows request smuggling."""
    if value.lower() != b"chunked":
        raise malformed("Transfer-Encoding: nothing but chunked is understood")


def no_other_protocol(method: bytes) -> GatewayError:
    """The error for CONNECT or an upgrade, which would make llhttp drop the body."""
    if method == b"CONNECT":
        return GatewayError(Code.UNIMPLEMENTED, "this is no proxy: there is no CONNECT")
    return no_upgrade()


def origin_form(target: bytes, method: bytes) -> bytes:
    """The target as `/path?query` (RFC 9112 section 3.2).

    Takes targets in other forms: the path of `http://host/path`, sent to proxies; `*` stays for
    OPTIONS. Raises GatewayError for other targets.
    """
    if b"#" in target:
        raise malformed("the target has a fragment (#)")
    if target == b"*" and method == b"OPTIONS":
        return target
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise malformed("the target is no path") from None
    if url.schema is None or url.schema.lower() not in OWN_SCHEMES or not url.host:
        raise malformed("the target is no path")
    if url.userinfo:
        raise malformed("the target has a user name")
    path: bytes = url.path or b"/"
    return path + b"?" + url.query if url.query else path


class HeadMemory:
    """Parsed heads that arrived more than once on any connection, by their bytes.

    Parsing depends on the bytes alone. A head is cached from its second arrival on, so that unique
    heads evict nothing. A full cache is cleared: heads in use come back.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, ReceivedHead] = {}
        self._once: set[int] = set()
        self._before: set[int] = set()
        """The previous generation of `_once`: sets do not keep an order for eviction."""

    def find(self, raw: bytes) -> ReceivedHead | None:
        return self._heads.get(raw)

    def note(self, raw: bytes, head: ReceivedHead) -> None:
        """Offer a parsed head. Heads with a chunked body or a doubtful length are not cached."""
        key = hash(raw)
        if key not in self._once and key not in self._before:
            self._once.add(key)
            if len(self._once) >= MAX_CACHED_HEADS:
                self._once, self._before = set(), self._once
            return
        if (
            len(raw) > CACHED_HEAD_MAX_BYTES
            or len(head.headers) > CACHED_HEAD_MAX_HEADERS
            or head.expects_continue
        ):
            return
        fields = head.fields
        if b"transfer-encoding" in fields or not fields.get(b"content-length", b"0").isdigit():
            return
        if len(self._heads) >= MAX_CACHED_HEADS:
            self._heads.clear()
        self._heads[raw] = head
