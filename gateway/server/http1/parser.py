"""The HTTP/1.1 parser of one connection: bytes to requests, with limits and without I/O.

The result does not depend on packet boundaries, with two exceptions: the limits on whole heads and
on chunk framing are exact only to SLICE_BYTES, and for an error directly after one header too
many, the client may see either error.
"""

from typing import Protocol

import httptools
import structlog

from gateway.core.direct_connection import Refused, headers_of
from gateway.core.errors import Code, GatewayError
from gateway.server.http1.heads import (
    MAX_HEADERS,
    PLAIN_HEAD_MAX_BYTES,
    TARGET_MAX_BYTES,
    ReceivedHead,
    check_head,
    malformed,
    no_other_protocol,
    origin_form,
    plain_head,
    too_large,
)
from gateway.server.http1.sharing import CONNECTION_STEP_SECONDS, ParsingTurns

HEAD_MAX_BYTES = 64 * 1024
"""Limit on bytes without a completed head, part of a body, or message."""
SLICE_BYTES = 4096
"""Bytes parsed at once. A request has at least 18 bytes, so at most 227 requests can wait for
earlier answers on their connection."""

PARSED_AT_ONCE_BYTES = 32 * 1024
"""Bytes parsed in a row before other connections, within CONNECTION_STEP_SECONDS. The most
expensive input takes that time for SLICE_BYTES."""

FRAMING_FREE_BYTES = 64 * 1024
"""Framed bytes below which a chunked body is not checked."""
FRAMING_MAX_RATIO = 4
"""Maximum ratio of framed bytes to content, beyond FRAMING_FREE_BYTES. Chunks of one byte, which
cost a call from the C parser each, have five."""

END_OF_HEAD = b"\r\n\r\n"

log = structlog.stdlib.get_logger("gateway")


class RequestSink(Protocol):
    """Receives parsed requests in order. Its methods must not call the parser."""

    def on_request(self, head: ReceivedHead, body: bytes) -> None:
        """A whole request with a plain head. Others come by the next three methods."""

    def on_head(self, head: ReceivedHead) -> None:
        """The head of a request."""

    def on_body(self, data: bytes) -> None:
        """A part of the latest request's body."""

    def on_end(self) -> None:
        """The latest request is complete."""

    def on_refusal(self, error: GatewayError, in_body: bool) -> None:
        """The last call: invalid bytes of a request or, if `in_body`, of the latest body."""


class RequestParser:
    """Parses the requests of one connection.

    With two unanswered requests, or after much parsing, further bytes are held back. They are to be
    fed again, in another turn of the event loop, whenever it `can_go_on`.
    """

    def __init__(self, sink: RequestSink, turns: ParsingTurns) -> None:
        self._sink = sink
        self._turns = turns
        self._body_left = 0
        """Missing bytes of the body after a plain head."""
        self._parser = httptools.HttpRequestParser(self)
        self.in_head = False
        self._in_body = False
        self._stopped = False
        self.unanswered = 0
        """Requests with a head and without a complete answer: the sink's owner counts down."""
        self.held_back = bytearray()
        """Bytes that await a turn."""
        self._progress = False
        """Whether the latest slice completed a head, part of a body, or a message."""
        self.without_progress = 0
        """Bytes that await more bytes."""
        self._pieces: list[bytes] = []
        """Parts of a body in the current slice, given to the sink together."""
        self._is_chunked = self._in_chunks = False
        """Whether the body is chunked, and whether all of the current slice is the body's."""
        self._content = self._framing = 0
        """Bytes of content, and of content with framing."""
        self._keep_alive = True
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        """The headers of the head; later, the trailers."""

    def refused(
        self, error: GatewayError, head: ReceivedHead | None, *, peer: str, seconds: float
    ) -> Refused:
        method, target, headers = "", b"", self._headers[:0]
        if head is not None:
            method, target, headers = head.method, head.target, head.headers
        elif self.in_head and self._target:  # without a target, the method is unknown as well
            method = self._parser.get_method().decode("ascii")
            target, headers = self._target, self._headers
        return Refused(
            peer=peer, method=method, target=target, headers=headers, error=error, seconds=seconds
        )

    @property
    def can_go_on(self) -> bool:
        return self.unanswered < 2 and bool(self.held_back)

    def take_held_back(self) -> bytes:
        """What can be fed again, in another turn of the event loop."""
        data = bytes(self.held_back)
        self.held_back.clear()
        return data

    def feed(self, data: bytes) -> None:
        """Parse new bytes, possibly holding some back. The sink receives errors."""
        if self.held_back:
            self.held_back += data
            return
        if self._body_left:
            data = self._take_body(data)
        elif not (self.in_head or self._in_body or self._stopped or self.unanswered > 1):
            end = data.find(END_OF_HEAD, 0, PLAIN_HEAD_MAX_BYTES)
            head = plain_head(data[:end]) if end > 0 else None
            if head is not None:
                self._keep_alive = True
                self.without_progress = 0
                self.unanswered += 1
                start = end + len(END_OF_HEAD)
                end = start + int(head.fields.get(b"content-length", 0))
                if end <= len(data):
                    self._sink.on_request(head, data[start:end])
                    data = data[end:]
                else:
                    self._in_body = True
                    self._body_left = end - start
                    self._sink.on_head(head)
                    data = self._take_body(data[start:])
        if data and not self._stopped:
            self._parse_in_turn(data)

    def _parse_in_turn(self, data: bytes) -> None:
        turns, at = self._turns, 0
        if turns.is_over or self.unanswered > 1:
            self.held_back += data
            return
        began = now = turns.clock()
        while True:
            self._parse(data[at : at + SLICE_BYTES] if len(data) > SLICE_BYTES else data)
            at += SLICE_BYTES
            now = turns.clock()
            if at >= len(data) or self._stopped:
                break
            if (
                self.unanswered > 1
                or at >= PARSED_AT_ONCE_BYTES
                or now - began > CONNECTION_STEP_SECONDS
            ):
                self.held_back += data[at:]
                break
        turns.spend(now - began)

    def _take_body(self, data: bytes) -> bytes:
        """Take the body of a request with a plain head; return the remaining bytes."""
        left = self._body_left
        if data:
            self._sink.on_body(data if len(data) <= left else data[:left])
        if len(data) < left:
            self._body_left = left - len(data)
            return b""
        self._body_left = 0
        self.on_message_complete()
        return data[left:]

    def stop(self) -> None:
        self._stopped = True
        self._body_left = 0
        self.held_back.clear()

    def forget(self) -> None:
        """Stop, and drop all bytes. Must not be called by the sink."""
        self.stop()
        self._parser = httptools.HttpRequestParser(self)
        self._headers, self._target = [], b""
        self.without_progress = 0
        self.in_head = False

    def close(self) -> None:
        """Stop, and break reference cycles. Must be the last call."""
        self.stop()
        del self._parser, self._sink

    def _parse(self, data: bytes) -> None:
        self._progress = False
        in_chunks, content = self._in_chunks, self._content
        try:
            self._parser.feed_data(data)
            if self._pieces:
                self._hand_over()
            if in_chunks and self._in_chunks:
                self._framing += len(data) - (self._content - content)
            self._in_chunks = self._in_body and self._is_chunked
            if self._progress:
                self.without_progress = 0
                if self._framing > FRAMING_FREE_BYTES:
                    self._check_framing()
            else:
                self._check_unfinished(len(data))
        except httptools.HttpParserError as error:
            if not self._stopped:
                self._refuse(problem_of(error))
        except GatewayError as error:
            self._refuse(error)

    def _hand_over(self) -> None:
        pieces, self._pieces = self._pieces, []
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._content += len(data)
        self._sink.on_body(data)

    def _check_framing(self) -> None:
        if self._framing > FRAMING_MAX_RATIO * self._content:
            raise GatewayError(
                Code.INVALID_ARGUMENT,
                f"the body's chunks are too small: {self._content} bytes came in"
                f" {self._framing} bytes of framing; send larger chunks, or a Content-Length",
            )

    def _check_unfinished(self, more: int) -> None:
        self.without_progress += more
        if self.without_progress > HEAD_MAX_BYTES:
            what = "trailers, or a chunk's extensions, are" if self._in_body else "headers are"
            raise too_large(f"the {what} larger than {HEAD_MAX_BYTES // 1024} KB", status=431)

    def _refuse(self, error: GatewayError) -> None:
        if self._pieces:
            self._hand_over()
        self.stop()
        self._sink.on_refusal(error, self._in_body)

    # --- what httptools calls ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._stopped:
            raise GatewayError(Code.INVALID_ARGUMENT, "")  # for httptools, which drops the text
        self.in_head = True
        self._target = b""
        self._headers = []

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > TARGET_MAX_BYTES:
            problem = f"the request target is longer than {TARGET_MAX_BYTES // 1024} KB"
            raise too_large(problem, status=414)

    def on_header(self, name: bytes, value: bytes) -> None:
        # llhttp strips only leading blanks.
        self._headers.append((name.lower(), value.rstrip(b" \t")))
        if len(self._headers) > MAX_HEADERS:
            raise too_large(f"there are more than {MAX_HEADERS} headers", status=431)

    def on_headers_complete(self) -> None:
        parser = self._parser
        version: str = parser.get_http_version()
        expects_continue = check_head(version, self._headers)
        method: bytes = parser.get_method()
        if parser.should_upgrade():
            raise no_other_protocol(method)
        target, fields = self._target, headers_of(self._headers)
        if target[:1] != b"/" or b"#" in target:
            target = origin_form(target, method)
        self._keep_alive = version == "1.1" and parser.should_keep_alive()
        self._is_chunked = b"transfer-encoding" in fields
        self._content = self._framing = 0
        self.in_head = self._in_chunks = False
        self._in_body = self._progress = True
        self.unanswered += 1
        head = ReceivedHead(
            method.decode("ascii"),
            target,
            version,
            self._headers,
            fields,
            self._keep_alive,
            expects_continue,
        )
        self._sink.on_head(head)
        # Trailers must not join the app's headers: a token in a trailer would count (forbidden
        # by RFC 9110 section 6.5.1).
        self._headers = []

    def on_body(self, data: bytes) -> None:
        self._progress = True
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._pieces:
            self._hand_over()
        self._in_body = self._in_chunks = False
        self._progress = True
        self._sink.on_end()
        if not self._keep_alive:
            self.stop()


def problem_of(error: httptools.HttpParserError) -> GatewayError:
    """The error for the client: llhttp's, or the one that a callback raised."""
    cause = error.__context__
    if isinstance(cause, GatewayError):
        return cause
    if cause is None or isinstance(cause, httptools.HttpParserError):
        return malformed(str(cause or error))
    log.error("unexpected error", exc_info=cause)
    return GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause")
