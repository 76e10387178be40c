"""Header blocks (HPACK, RFC 7541) without a dynamic table, and the failures that peers report.

Our table size is 0, so equal blocks mean equal headers; nearly all answers have the same few
blocks.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from gateway.core.errors import Code
from gateway.core.upstream.http2.wire import ERROR_CODES, ErrorCode, ProtocolError
from gateway.core.upstream.interface import CallFailed, Reason, not_grpc, refused, too_late

HEADERS_MAX_BYTES = 32 * 1024
"""Limit on an answer's headers or trailers: twice that of gRPC's own clients. Decoding them takes
up to 5 ms."""
BLOCK_MAX_BYTES = 2**20
"""Larger headers end the connection, not only their call."""
MAX_CONTINUATIONS = 64
EMPTY_TABLE = b"\x20"
"""Sets the dynamic table size to 0 (RFC 7541 section 6.3)."""
MAX_CACHED_BLOCKS = 256
CACHED_BLOCK_MAX_BYTES = 1024
CODES = {str(code.value): code for code in Code}
"""By `grpc-status`, without leading zeros."""
RESET_CODES = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}
"""From PROTOCOL-HTTP2.md, where all other codes are INTERNAL."""
FAREWELL_MAX_CHARS = 200


def literal(name: bytes, value: bytes) -> bytes:
    """A literal field without indexing (RFC 7541 section 6.2.2)."""
    length, size = len(name), len(value)
    if length < 127 and size < 127:  # nearly always: `sized`, inlined
        return b"\x00%c%b%c%b" % (length, name, size, value)
    return b"\x00" + sized(name) + sized(value)


def sized(text: bytes) -> bytes:
    """A string literal without Huffman coding (RFC 7541 section 5.2)."""
    length = len(text)
    if length < 127:
        return b"%c%b" % (length, text)
    prefix, length = bytearray(b"\x7f"), length - 127
    while length > 127:
        prefix.append(length & 127 | 128)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + text


@dataclass(frozen=True, slots=True)
class Block:
    """The fields of headers or trailers that gRPC reads. Absent fields are empty."""

    status: str
    """`:status`, the HTTP status."""
    content_type: str
    is_grpc: bool
    """Whether these can be the headers of a gRPC answer."""
    grpc_status: str
    grpc_message: str
    status_details: bytes
    """A serialized google.rpc.Status."""


@dataclass(slots=True)
class BlockParts:
    number: int
    flags: int
    """The first frame's."""
    parts: list[bytes]
    size: int

    def add(self, number: int, payload: bytes) -> None:
        if number != self.number:
            raise ProtocolError("a header block is interrupted")
        self.parts.append(payload)
        self.size += len(payload)
        if self.size > BLOCK_MAX_BYTES or len(self.parts) > MAX_CONTINUATIONS:
            raise ProtocolError("a header block that does not end", ErrorCode.ENHANCE_YOUR_CALM)


class BlockReader:
    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=HEADERS_MAX_BYTES)
        self._decoder.header_table_size = 0
        self._decoder.max_allowed_table_size = 0
        self.known: dict[bytes, Block] = {}
        """Blocks that have been read."""

    def read(self, block: bytes) -> Block | None:
        """The headers of a whole block; None if they are too large. Raises ProtocolError."""
        if len(block) > HEADERS_MAX_BYTES:
            return None
        if block.startswith(EMPTY_TABLE * 3):  # two are allowed; thousands would be slow
            raise ProtocolError(
                "a header block of nothing but table sizes", ErrorCode.COMPRESSION_ERROR
            )
        try:
            fields = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError:
            return None
        except (HPACKError, IndexError):  # the text may contain a memory address
            raise ProtocolError("headers that are not HPACK", ErrorCode.COMPRESSION_ERROR) from None
        found = block_of(fields)
        if len(block) <= CACHED_BLOCK_MAX_BYTES:
            if len(self.known) >= MAX_CACHED_BLOCKS:
                self.known.clear()
            self.known[block] = found
        return found


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> Block:
    """The last field of a name counts."""
    named = {name: value.decode("latin-1") for name, value in fields}
    status, content_type = named.get(b":status", ""), named.get(b"content-type", "")
    return Block(
        status=status,
        content_type=content_type,
        is_grpc=status == "200" and content_type.startswith("application/grpc"),
        grpc_status=named.get(b"grpc-status", ""),
        grpc_message=unquote(named.get(b"grpc-message", ""), errors="replace"),
        status_details=binary(named.get(b"grpc-status-details-bin", "")),
    )


def binary(text: str) -> bytes:
    """The bytes of a `-bin` value: base64, with or without padding. Empty if invalid."""
    try:
        return b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)
    except ValueError:
        return b""


def failure_of_headers(block: Block) -> CallFailed | None:
    """Why these are not a gRPC answer's headers; None if they are.

    An HTTP status is a web server's, not Cuebot's, so it becomes UNAVAILABLE, unlike in
    https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md.
    """
    if block.is_grpc:
        return None
    problem = f"a web server answers in Cuebot's place: HTTP status {block.status[:20]}"
    if block.status == "200":
        problem += f" and content type {block.content_type[:100] or 'unknown'}"
    return not_grpc(problem, Code.UNAVAILABLE)


def failure_of_trailers(block: Block) -> CallFailed | None:
    if block.grpc_status == "0":
        return None
    if not block.grpc_status:
        if block.status and (failure := failure_of_headers(block)) is not None:
            return failure
        return not_grpc("the answer has no status", Code.UNKNOWN)
    code = CODES.get(block.grpc_status, Code.UNKNOWN)
    return CallFailed(code, block.grpc_message, status_details=block.status_details)


def name_of(number: int) -> str:
    return ERROR_CODES[number].name if number in ERROR_CODES else f"error {number}"


def farewell(number: int, words: bytes) -> str:
    """Code and text of a GOAWAY, as far as present."""
    said = words[:FAREWELL_MAX_CHARS].decode("ascii", "replace")
    quoted = ": ".join(filter(None, (name_of(number), said)))
    plain = "Cuebot is closing the connection"
    return f"{plain} ({quoted})" if said or number != ErrorCode.NO_ERROR else plain


def failure_of_reset(number: int, *, begun: bool, late: bool) -> CallFailed:
    """A stream reset by the peer.

    REFUSED_STREAM means that nothing was done, unless the answer has `begun`. The peer enforces
    the deadline as well, and may cancel first: `late` is whether the deadline has passed.
    """
    code = ERROR_CODES.get(number)
    if code is ErrorCode.REFUSED_STREAM and not begun:
        return refused(f"Cuebot refused the call ({code.name})")
    if code is ErrorCode.CANCEL and late:
        return too_late()
    status = Code.INTERNAL if code is None else RESET_CODES.get(code, Code.INTERNAL)
    return CallFailed(status, f"Cuebot reset the call: {name_of(number)}", Reason.CANCELLED)
