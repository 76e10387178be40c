"""gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md), unary, with protobuf.

A message is a frame: flags, a length of four bytes, and the message. Answers end with a frame of
trailers. The text variant is all of that in base64. Answers may be compressed as any other
(`Accept-Encoding`), and short messages in their frame (`grpc-accept-encoding`).
"""

import re
from binascii import Error as InvalidBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from isal import isal_zlib

from gateway.core.calls.query import Query
from gateway.core.codec.encode import Encode, Slices, forwarded
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, Step, let_others_run
from gateway.core.pipeline.request_headers import (
    asked_timeout,
    check_length,
    check_upgrade,
)
from gateway.core.pipeline.surface import Asked, ErrorForm, Expand, Head, Header, HeadRules
from gateway.core.schema.method import Method
from gateway.features.connect.messages import (
    NO_CALL_STATUSES,
    MessageForm,
    code_of,
    cuebots_text,
    read_post_query,
    unsupported_coding,
    unsupported_media,
)

NAME = "grpc-web"
MEDIA, TEXT_MEDIA = b"application/grpc-web", b"application/grpc-web-text"
SUPPORTED_MEDIA = tuple(f"{each.decode()}+proto" for each in (MEDIA, TEXT_MEDIA))
COMPRESSED_BYTES = range(1024, 64 * 1024 + 1)
"""Sizes of messages that are compressed: others are not worth it, or take too long in one step."""
STEP_BYTES = 16 * 1024
"""Of base64, decoded in one step."""
HEAD_BYTES = 5
COMPRESSED, TRAILERS = 0x01, 0x80
PRINTABLE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What grpc-message has as it is, beside letters and digits; `%` is not there."""
PIECE = re.compile(rb"[^=]{0,%d}={0,2}" % STEP_BYTES)
"""A whole segment of base64, or the beginning of a long one."""
MOST_SEGMENTS = 10_000
"""Of one text of base64; clients send one or a few."""
PADDING_MAX_BYTES = 4 * MOST_SEGMENTS
"""By which segments make a text longer, at most."""


def frame(flags: int, size: int) -> bytes:
    return bytes((flags,)) + size.to_bytes(HEAD_BYTES - 1)


def trailers_frame(*lines: tuple[str, str]) -> bytes:
    block = "".join(f"{name}: {value}\r\n" for name, value in lines).encode("ascii")
    return frame(TRAILERS, len(block)) + block


SUCCESS = trailers_frame(("grpc-status", "0"))


def framed(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
    """The answer of a successful call."""
    pieces = forwarded(payload, step)
    head = frame(0, len(payload))
    if isinstance(pieces, Slices):
        length = len(head) + len(payload) + len(SUCCESS)
        return Slices(pieces.payload, around(head, pieces.pieces), length)
    return (b"".join((head, payload, SUCCESS)),)


def compressed_frame(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
    """The same with a message in gzip, if it is worthwhile and takes one step."""
    if len(payload) not in COMPRESSED_BYTES:
        return framed(payload, step)
    message = isal_zlib.compress(payload, level=1, wbits=31)
    return (b"".join((frame(COMPRESSED, len(message)), message, SUCCESS)),)


def around(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head + next(pieces)
    yield from pieces
    yield SUCCESS


def as_text(encode: Encode, payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
    """The same in base64, in one text."""
    pieces = encode(payload, step)
    if isinstance(pieces, Slices):
        length = None if pieces.length is None else (pieces.length + 2) // 3 * 4
        return Slices(pieces.payload, base64_of(pieces.pieces), length)
    return (b2a_base64(b"".join(pieces), newline=False),)


def base64_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        piece = rest + piece
        whole = len(piece) // 3 * 3
        rest = piece[whole:]
        yield b2a_base64(memoryview(piece)[:whole], newline=False)
    yield b2a_base64(rest, newline=False)


def form(media: bytes, encode: Encode, key: str) -> MessageForm:
    return MessageForm(encode, (b"content-type", media + b"+proto"), key)


FORMS = {
    (False, False): form(MEDIA, framed, "grpc-web"),
    (False, True): form(MEDIA, compressed_frame, "grpc-web gzip"),
    (True, False): form(TEXT_MEDIA, partial(as_text, framed), "grpc-web-text"),
    (True, True): form(TEXT_MEDIA, partial(as_text, compressed_frame), "grpc-web-text gzip"),
}
"""By whether they are text, and whether messages are compressed."""


class BadFrame(GatewayError):
    """400 for a body without exactly one message. `said` is the code for clients, which is gRPC's
    for a unary call without a message or with several (UNIMPLEMENTED), and for a compressed one
    without its coding (INTERNAL).
    """

    def __init__(self, problem: str, said: Code = Code.INVALID_ARGUMENT) -> None:
        super().__init__(Code.INVALID_ARGUMENT, f"the body is no gRPC-Web message: {problem}")
        self.said = said


@dataclass(frozen=True, slots=True)
class GrpcWeb:
    media: bytes
    """Of the request."""
    is_text: bool
    """Whether the request is base64."""
    answers_in_text: bool
    name: str = NAME
    is_binary: bool = True

    def read_head(
        self,
        head: Head,
        method: Method,
        rules: HeadRules,
    ) -> Asked:
        """Raises GatewayError for an invalid head."""
        headers = head.headers
        if head.method != "POST":
            problem = f"{head.method} cannot call a method with gRPC-Web; use POST"
            allow = {"Allow": "POST, OPTIONS"}
            raise GatewayError(Code.UNIMPLEMENTED, problem, status=405, headers=allow)
        check_upgrade(headers)
        if self.media not in (MEDIA, TEXT_MEDIA, MEDIA + b"+proto", TEXT_MEDIA + b"+proto"):
            raise unsupported_media(self.media, SUPPORTED_MEDIA)
        codings, max_body = rules.codings, rules.max_body
        whole = headers.get(b"content-encoding")
        if whole is not None and whole.lower() not in codings.readable:
            raise unsupported_coding(whole, codings.supported, "Accept-Encoding")
        coding = coding_of(head)
        if coding is not None and coding not in codings.readable:
            supported = "identity, gzip" if b"gzip" in codings.readable else "identity"
            raise unsupported_coding(coding, supported, "grpc-accept-encoding")
        check_length(headers, max_body, self.overhead(max_body))
        asked = headers.get(b"grpc-timeout")
        timeout = None if asked is None else asked_timeout(asked)
        # Unless the whole body is to be.
        is_compressed = not rules.answers.name and takes_gzip(head)
        answers = FORMS[self.answers_in_text, is_compressed]
        unread = read_post_query(head.query, rules.policy, "gRPC-Web", rules.options)
        coded = ((b"grpc-encoding", b"gzip"),) if is_compressed else ()
        return Asked(Query(answers, unread=unread), timeout, coded)

    def overhead(self, max_body: int) -> int:
        if not self.is_text:
            return HEAD_BYTES
        return (max_body + HEAD_BYTES + 2) // 3 * 4 + PADDING_MAX_BYTES - max_body

    def is_wrapped(self, head: Head) -> bool:
        return self.is_text or coding_of(head) is not None

    def message(self, body: bytes) -> bytes:
        """The message in a frame. Raises BadFrame."""
        flags, message = unframed(body)
        if flags & COMPRESSED:
            problem = "its message is compressed, but there is no grpc-encoding"
            raise BadFrame(problem, Code.INTERNAL)
        return message

    async def unwrap(self, head: Head, body: bytes, expand: Expand) -> bytes:
        if self.is_text:
            body = await from_base64(body)
        flags, message = unframed(body)
        if not flags & COMPRESSED:
            return message
        coding = coding_of(head)
        if coding is None:
            return self.message(body)
        return await expand(coding, message)

    def error_form(self, error: GatewayError) -> ErrorForm:
        """All is said in the trailers. Only what is no gRPC-Web at all has another status."""
        code = error.said if isinstance(error, BadFrame) else code_of(error)
        lines = [("grpc-status", str(int(code)))]
        if error.message:
            lines.append(("grpc-message", quote(error.message, safe=PRINTABLE)))
        if error.details.packed:
            packed = b2a_base64(error.details.packed, newline=False).rstrip(b"=").decode()
            lines.append(("grpc-status-details-bin", packed))
        lines += [(name.decode(), value.decode()) for name, value in cuebots_text(error)]
        body = trailers_frame(*lines)
        if self.answers_in_text:
            body = b2a_base64(body, newline=False)
        media = FORMS[self.answers_in_text, False].content_type
        headers: tuple[Header, ...] = (media, *error.raw_headers())
        status = error.status if error.status in NO_CALL_STATUSES else 200
        return ErrorForm(status, headers, body)


def is_media(media: bytes) -> bool:
    return media.startswith(MEDIA) and media[len(MEDIA) : len(MEDIA) + 1] in (b"", b"+", b"-")


def surface_for(media: bytes, accept: bytes) -> GrpcWeb:
    is_text = media.startswith(TEXT_MEDIA)
    return GrpcWeb(media, is_text, is_text or accept.strip().startswith(TEXT_MEDIA))


def coding_of(head: Head) -> bytes | None:
    """The coding of compressed messages; None for identity."""
    coding = head.headers.get(b"grpc-encoding", b"identity").strip().lower()
    return None if coding == b"identity" else coding


def takes_gzip(head: Head) -> bool:
    """Whether messages may be compressed."""
    accepted = head.headers.get(b"grpc-accept-encoding", b"").lower()
    return b"gzip" in [each.strip() for each in accepted.split(b",")]


def unframed(body: bytes) -> tuple[int, bytes]:
    """The flags of the only frame, and what is in it. Raises BadFrame."""
    if not body:
        raise BadFrame("it has no frame; a unary call has one message", Code.UNIMPLEMENTED)
    if len(body) < HEAD_BYTES:
        raise BadFrame("it has no whole frame")
    flags, size, there = body[0], int.from_bytes(body[1:HEAD_BYTES]), len(body) - HEAD_BYTES
    if flags & ~COMPRESSED:
        raise BadFrame(f"its flags are {flags}, and a message has 0 or 1")
    if size > there:
        raise BadFrame(f"its frame has {size} bytes, and {there} are there")
    if size < there:
        problem = f"{there - size} bytes follow its frame; a unary call has one message"
        raise BadFrame(problem, Code.UNIMPLEMENTED)
    return flags, body[HEAD_BYTES:]


async def from_base64(text: bytes) -> bytes:
    """One text of base64, or several that end in padding each. Raises BadFrame."""
    parts: list[bytes] = []
    position = paddings = 0
    while position < len(text):
        if parts and STEP.is_over():
            await let_others_run()
        found = PIECE.match(text, position)
        assert found is not None
        try:
            parts.append(a2b_base64(found[0], strict_mode=True))
        except InvalidBase64 as error:
            raise BadFrame(f"it is not base64: {error}") from None
        position = found.end()
        paddings += found[0].endswith(b"=") and position < len(text)
        if paddings >= MOST_SEGMENTS:
            raise BadFrame(f"it is base64 in more than {MOST_SEGMENTS} pieces")
    return b"".join(parts)
