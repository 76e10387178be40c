"""Rules for request heads: those for plain ones, and those for others beyond the parser's (llhttp).

A plain head has been received as a whole, and nothing in it is unusual. It is read line by line,
and most of its lines have been read before, in other heads. All others are llhttp's, which refuses
request smuggling: two lengths, a length with chunks, bare line feeds, folded lines, white space
before a colon, control characters. For those, this module checks what remains of RFC 9112 and 9110.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import httptools

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.request_headers import no_upgrade

TARGET_MAX_BYTES = 8 * 1024
"""RFC 9112 section 3 asks for at least 8000."""
MAX_HEADERS = 100
HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""`uri-host [":" port]` (RFC 9110 section 7.2), or empty."""
is_host = lru_cache(maxsize=64)(HOST.fullmatch)
OWN_SCHEMES = (b"http", b"https")
PLAIN_HEAD_MAX_BYTES = 4096
PLAIN_MAX_HEADERS = 32
KNOWN_HEADS = 512
KNOWN_LINES = 1024
"""Kept as long as they keep coming: a client's heads differ in few lines, if at all."""
PLAIN_START = re.compile(rb"(GET|HEAD|POST) (/[!\x22$-~]*) HTTP/1\.1")
PLAIN_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([ -~\x80-\xff]*)")
PLAIN_VALUES: Mapping[bytes, re.Pattern[bytes] | None] = {
    b"host": HOST,
    b"content-length": re.compile(rb"[0-9]{1,18}"),
    b"connection": re.compile(rb"(?i:keep-alive)"),
    b"proxy-connection": None,
    b"expect": None,
    b"transfer-encoding": None,
}
"""Of the headers by which requests are read: the values with which heads are plain, if any."""


class ReceivedHead(NamedTuple):
    method: str
    target: bytes
    """Origin form (`/path?query`), or `*`."""
    http_version: str
    headers: list[tuple[bytes, bytes]]
    """With lower-case names, in the order in which they have come."""
    fields: Mapping[bytes, bytes]
    """The same, as `headers_of` has them."""
    keep_alive: bool = True
    expects_continue: bool = False
    """Whether the client waits for a 100 before sending the body."""


@lru_cache(KNOWN_HEADS)
def plain_head(raw: bytes) -> ReceivedHead | None:
    """From a head without its last two line ends; None for one that llhttp has to read."""
    start, *lines = raw.split(b"\r\n")
    asked = plain_start(start)
    if asked is None or len(lines) > PLAIN_MAX_HEADERS:
        return None
    headers = [*filter(None, map(plain_field, lines))]
    fields = dict(headers)
    if len(fields) < len(lines) or b"host" not in fields:  # a line is not plain, or a name repeated
        return None
    return ReceivedHead(*asked, "1.1", headers, fields)


@lru_cache(KNOWN_LINES)
def plain_start(line: bytes) -> tuple[str, bytes] | None:
    """The method and the target."""
    found = PLAIN_START.fullmatch(line)
    return (found[1].decode("ascii"), found[2]) if found else None


@lru_cache(KNOWN_LINES)
def plain_field(line: bytes) -> tuple[bytes, bytes] | None:
    """A header's name in lower case and its value."""
    found = PLAIN_FIELD.fullmatch(line)
    if found is None:
        return None
    name, value = found[1].lower(), found[2].rstrip(b" ")
    if name in PLAIN_VALUES:
        plain = PLAIN_VALUES[name]
        if plain is None or plain.fullmatch(value) is None:
            return None
    return name, value


def malformed(problem: str) -> GatewayError:
    return GatewayError(
        Code.INVALID_ARGUMENT, f"this is not a valid HTTP/1.1 request: {problem}", status=400
    )


def too_large(problem: str, *, status: int) -> GatewayError:
    """414 for the target, 431 for headers."""
    return GatewayError(Code.RESOURCE_EXHAUSTED, problem, status=status)


def check_head(version: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the client waits for a 100. Raises GatewayError."""
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
        elif name == b"transfer-encoding":
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
