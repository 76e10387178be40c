"""Header blocks (HPACK, RFC 7541) without a dynamic table.

Our table size is 0, so equal blocks mean equal headers; nearly all answers have the same few
blocks.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from gateway.upstream.http2.wire import ErrorCode, ProtocolError

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
        self._cache: dict[bytes, Block] = {}

    def known(self, block: bytes) -> Block | None:
        return self._cache.get(block)

    def read(self, block: bytes) -> Block | None:
        """The headers of a whole block; None if they are too large. Raises ProtocolError."""
        known = self._cache.get(block)
        if known is not None:
            return known
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
            if len(self._cache) >= MAX_CACHED_BLOCKS:
                self._cache.clear()
            self._cache[block] = found
        return found


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> Block:
    """The last field of a name counts."""
    named = {name: value.decode("latin-1") for name, value in fields}
    return Block(
        status=named.get(b":status", ""),
        content_type=named.get(b"content-type", ""),
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
