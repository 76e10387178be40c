"""The Connect protocol for unary calls (https://connectrpc.com/docs/protocol).

Its JSON is that of plain JSON. Streams are not served.
"""

import re
from binascii import Error as InvalidBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import parse_qsl

import orjson
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from gateway.core.calls.query import Query, bad, parsed
from gateway.core.codec.encode import forwarded
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.content_coding import Codings
from gateway.core.pipeline.request_headers import (
    UNICODE_CHARSET,
    check_length,
    check_upgrade,
    shown,
)
from gateway.core.pipeline.surface import Asked, ErrorForm, Expand, Head, HeadRules
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.connect.messages import (
    NO_CALL_STATUSES,
    MessageForm,
    check_query,
    code_of,
    cuebots_text,
    read_post_query,
    unsupported_coding,
    unsupported_media,
)

NAME = "connect"
VERSION_HEADER = b"connect-protocol-version"
TIMEOUT_HEADER = b"connect-timeout-ms"
GET_MARK = b"connect=v1"
PROTO, JSON = b"application/proto", b"application/json"
STREAMS = b"application/connect+"
SUPPORTED_MEDIA = (PROTO.decode(), JSON.decode())
TIMEOUT = re.compile(rb"[0-9]{1,10}")
OWN_PARAMETERS = ("connect", "encoding", "message", "base64", "compression")
MESSAGES = MessageForm(forwarded, (b"content-type", PROTO), "application/proto")
ALLOWED_CHANGES, ALLOWED_READS = "POST, OPTIONS", "GET, POST, OPTIONS"
CODE_NAMES = {code: code.name.lower() for code in Code} | {Code.CANCELLED: "canceled"}
JSON_HEADERS = ((b"content-type", JSON),)


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect with one of its codecs, or with one that is not there."""

    media: bytes
    """The media type of messages; that of a GET is made of its `encoding`."""
    is_get: bool = False
    name: str = NAME

    @property
    def is_binary(self) -> bool:
        return self.media == PROTO

    def read_head(
        self,
        head: Head,
        method: Method,
        rules: HeadRules,
    ) -> Asked:
        """Raises GatewayError for an invalid head."""
        headers = head.headers
        if head.method not in ("GET", "POST") or (head.method == "GET") > method.reads_only:
            raise wrong_verb(head.method, method)
        check_upgrade(headers)
        check_version(headers.get(VERSION_HEADER))
        if head.method == "GET" and not self.is_get:
            raise bad("connect", "a GET has connect=v1, an encoding and a message")
        if self.media not in (PROTO, JSON):
            raise self._unsupported()
        form = MESSAGES if self.is_binary else None
        timeout = timeout_in(headers.get(TIMEOUT_HEADER))
        if head.method == "GET":
            message = read_get(head.query, rules.options)
            check_coding(coding_of_get(head.query), rules.codings)
            return Asked(Query(form, message), timeout)
        check_charset(headers.get(b"content-type", b""))
        check_coding(headers.get(b"content-encoding"), rules.codings)
        check_length(headers, rules.max_body)
        unread = read_post_query(head.query, rules.policy, "Connect", rules.options)
        return Asked(Query(form, unread=unread), timeout)

    def overhead(self, max_body: int) -> int:
        return 0

    def is_wrapped(self, head: Head) -> bool:
        return self.is_get and b"compression=" in head.query

    def message(self, body: bytes) -> bytes:
        return body

    async def unwrap(self, head: Head, body: bytes, expand: Expand) -> bytes:
        if not self.is_get:
            return body
        coding = coding_of_get(head.query)
        return body if coding is None else await expand(coding, body)

    def error_form(self, error: GatewayError) -> ErrorForm:
        code = Code.UNKNOWN if error.status in NO_CALL_STATUSES else code_of(error)
        shape: dict[str, object] = {"code": CODE_NAMES[code], "message": error.message}
        if details := details_of(error.details.packed):
            shape["details"] = details
        headers = (*JSON_HEADERS, *error.raw_headers(), *cuebots_text(error))
        return ErrorForm(error.status, headers, orjson.dumps(shape))

    def _unsupported(self) -> GatewayError:
        if self.media.startswith(STREAMS):
            problem = "is for streams, which are not served"
            return unsupported_media(self.media, SUPPORTED_MEDIA, problem)
        if self.is_get:
            encoding = shown(self.media.removeprefix(b"application/"))
            problem = f"?encoding: {encoding!r} is not supported; use proto or json"
            return GatewayError(Code.INVALID_ARGUMENT, problem, status=415)
        return unsupported_media(self.media, SUPPORTED_MEDIA)


IN_JSON, IN_PROTO = Connect(JSON), Connect(PROTO)
GET_IN_JSON, GET_IN_PROTO = Connect(JSON, is_get=True), Connect(PROTO, is_get=True)


def is_media(media: bytes) -> bool:
    """Whether a media type is Connect's alone."""
    return media == PROTO or media.startswith(STREAMS)


def surface_for(media: bytes) -> Connect:
    if media == JSON:
        return IN_JSON
    return IN_PROTO if media == PROTO else Connect(media)


def is_get(query: bytes) -> bool:
    return GET_MARK in query.split(b"&")


def surface_for_get(query: bytes) -> Connect:
    encoding = first(query, "encoding")
    if encoding == "json":
        return GET_IN_JSON
    if encoding == "proto":
        return GET_IN_PROTO
    media = b"application/" + encoding[:QUOTED_CHARS].encode() if encoding else b""
    return Connect(media, is_get=True)


def first(query: bytes, name: str) -> str:
    """The first value of a parameter in any query string; empty without one."""
    prefix = f"{name}=".encode()
    for each in query.split(b"&"):
        if each.startswith(prefix):
            (value,) = parse_qsl(each.decode(errors="replace"), keep_blank_values=True)[:1]
            return value[1]
    return ""


def coding_of_get(query: bytes) -> bytes | None:
    return first(query, "compression").encode() or None


def read_get(query: bytes, options: Container[str]) -> bytes:
    """The message in a query string, as it was sent. Raises GatewayError (INVALID_ARGUMENT)."""
    parameters = parsed(query, strict=True)
    check_query(parameters, "Connect", options)
    own: dict[str, str] = {}
    for name, value in parameters:
        if name in own:
            raise bad(name, "it is there twice")
        if name in OWN_PARAMETERS:
            own[name] = value
    if "message" not in own:
        raise bad("message", "it is missing; without fields, it is empty: message=")
    if own.get("base64") != "1":
        return own["message"].encode()
    try:
        return from_url_base64(own["message"])
    except InvalidBase64 as error:
        raise bad("message", f"it is not base64: {error}") from None


def from_url_base64(text: str) -> bytes:
    """RFC 4648 section 5, padded or not. Raises InvalidBase64."""
    data = text.encode().replace(b"-", b"+").replace(b"_", b"/")
    if not data.endswith(b"="):
        data += b"=" * (-len(data) % 4)
    return a2b_base64(data, strict_mode=True)


def check_version(version: bytes | None) -> None:
    if version is not None and version.strip() != b"1":
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"Connect-Protocol-Version: expected 1, got {shown(version)!r}",
        )


def check_charset(content_type: bytes) -> None:
    parameters = content_type.lower().partition(b";")[2]
    if b"charset" in parameters and not UNICODE_CHARSET.search(parameters):
        raise unsupported_media(content_type, SUPPORTED_MEDIA)


def check_coding(coding: bytes | None, codings: Codings) -> None:
    if coding is not None and coding.lower() not in codings.readable:
        raise unsupported_coding(coding, codings.supported, "Accept-Encoding")


def timeout_in(text: bytes | None) -> float | None:
    """Seconds. Raises GatewayError (INVALID_ARGUMENT)."""
    if text is None:
        return None
    if TIMEOUT.fullmatch(text.strip()) is None:
        raise GatewayError(
            Code.INVALID_ARGUMENT, "Connect-Timeout-Ms: expected up to ten digits, such as 5000"
        )
    return int(text) / 1000


def details_of(status_details: bytes) -> list[dict[str, str]]:
    """The details of a serialized `google.rpc.Status`; unreadable ones are left out."""
    if not status_details:
        return []
    try:
        status = status_pb2.Status.FromString(status_details)
    except DecodeError:
        return []
    return [
        {
            "type": each.type_url.rpartition("/")[2],
            "value": b2a_base64(each.value, newline=False).rstrip(b"=").decode(),
        }
        for each in status.details
    ]


def wrong_verb(verb: str, method: Method) -> GatewayError:
    allow = ALLOWED_READS if method.reads_only else ALLOWED_CHANGES
    problem = f"{verb} cannot call a method with Connect; use POST"
    if verb == "GET":
        problem = (
            f"GET is for methods that only read, and {method.path} may change something; use POST"
        )
    return GatewayError(Code.UNIMPLEMENTED, problem, status=405, headers={"Allow": allow})
