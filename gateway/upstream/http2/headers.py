"""Header blocks (HPACK, RFC 7541) without a dynamic table.

Requests are literals. So are answers, since we announce a table of no size: equal blocks mean equal
headers then, and nearly all answers have the same few.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from gateway.upstream.http2.wire import ErrorCode, ProtocolError

MAX_HEADERS = 32 * 1024
"""Bytes of headers, or of trailers, in one answer: twice what gRPC's own clients take. Decoding
them takes up to 5 ms in one go."""
MAX_BLOCK = 2**20
"""Bytes of headers that are too large, but end no more than one call."""
MAX_CONTINUATIONS = 64
"""Frames that one block of headers may come in."""
EMPTY_TABLE = b"\x20"
"""The dynamic table has no room from here on (RFC 7541, section 6.3)."""
CACHED_BLOCKS = 256
LONGEST_CACHED_BLOCK = 1024


def literal(name: bytes, value: bytes) -> bytes:
    """A header field that neither side keeps (section 6.2.2)."""
    length, size = len(name), len(value)
    if length < 127 and size < 127:  # as nearly all are: `sized`, without its calls
        return b"\x00%c%b%c%b" % (length, name, size, value)
    return b"\x00" + sized(name) + sized(value)


def sized(text: bytes) -> bytes:
    """A string literal without Huffman coding (section 5.2)."""
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
    """What gRPC needs of an answer's headers or trailers. A field that did not come is empty."""

    status: str
    """`:status`, the HTTP status."""
    content_type: str
    grpc_status: str
    grpc_message: str
    status_details: bytes
    """A serialized google.rpc.Status."""


@dataclass(slots=True)
class BlockParts:
    """A block that comes in several frames: HEADERS, and CONTINUATION up to its end."""

    number: int
    """The stream's."""
    flags: int
    """Those of the first frame."""
    parts: list[bytes]
    size: int

    def add(self, number: int, payload: bytes) -> None:
        """The next CONTINUATION. Raises ProtocolError."""
        if number != self.number:
            raise ProtocolError("a header block is interrupted")
        self.parts.append(payload)
        self.size += len(payload)
        if self.size > MAX_BLOCK or len(self.parts) > MAX_CONTINUATIONS:
            raise ProtocolError("a header block that does not end", ErrorCode.ENHANCE_YOUR_CALM)


class BlockReader:
    """Decodes the blocks of one connection."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_HEADERS)
        self._decoder.header_table_size = 0
        self._decoder.max_allowed_table_size = 0
        self._cache: dict[bytes, Block] = {}

    def known(self, block: bytes) -> Block | None:
        """The headers of a block that has been read before, if it is remembered."""
        return self._cache.get(block)

    def read(self, block: bytes) -> Block | None:
        """The headers of a whole block; None if they are too large. Raises ProtocolError."""
        known = self._cache.get(block)
        if known is not None:
            return known
        if len(block) > MAX_HEADERS:
            return None
        if block.startswith(EMPTY_TABLE * 3):  # two are allowed; thousands would take a while
            raise ProtocolError(
                "a header block of nothing but table sizes", ErrorCode.COMPRESSION_ERROR
            )
        try:
            fields = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError:
            return None
        except (HPACKError, IndexError):  # whose words may name a place in memory
            raise ProtocolError("headers that are not HPACK", ErrorCode.COMPRESSION_ERROR) from None
        found = block_of(fields)
        if len(block) <= LONGEST_CACHED_BLOCK:
            if len(self._cache) >= CACHED_BLOCKS:
                self._cache.clear()
            self._cache[block] = found
        return found


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> Block:
    """What these fields say to gRPC. Of a name that occurs twice, the last counts."""
    named = {name: value.decode("latin-1") for name, value in fields}
    return Block(
        status=named.get(b":status", ""),
        content_type=named.get(b"content-type", ""),
        grpc_status=named.get(b"grpc-status", ""),
        grpc_message=unquote(named.get(b"grpc-message", ""), errors="replace"),
        status_details=binary(named.get(b"grpc-status-details-bin", "")),
    )


def binary(text: str) -> bytes:
    """The bytes of a `-bin` value: base64, with or without padding. Anything else is empty."""
    try:
        return b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)
    except ValueError:
        return b""
