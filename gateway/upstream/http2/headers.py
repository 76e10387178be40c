"""Header blocks (HPACK, RFC 7541), without a state that both sides have to share.

Requests are literals. Answers come without the dynamic table, since we announce that ours has no
room: equal blocks mean equal headers then, and those of nearly all answers are the same few.
"""

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from gateway.upstream.http2.frames import BrokenConnection, Reason

LARGEST_HEADERS = 64 * 1024
"""Bytes of headers in one answer, or of trailers."""
SMALLER_TABLE = b"\x20"
"""The dynamic table has no room from here on (RFC 7541, section 6.3)."""
REMEMBERED = 256
LONGEST_REMEMBERED = 1024


def literal(name: bytes, value: bytes) -> bytes:
    """A header field that neither side keeps (section 6.2.2)."""
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
    """What gRPC wants to know of headers or trailers."""

    status: str | None
    """`:status`, the HTTP status."""
    content_type: str
    grpc_status: str | None
    grpc_message: str
    others: tuple[tuple[str, str | bytes], ...]
    """Metadata; values of names that end in `-bin` are bytes."""


class BlockReader:
    """Decodes the blocks of one connection."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=LARGEST_HEADERS)
        self._decoder.header_table_size = 0
        self._decoder.max_allowed_table_size = 0
        self._known: dict[bytes, Block] = {}

    def read(self, block: bytes) -> Block | None:
        """The headers of a whole block; None if they are too large. Raises BrokenConnection."""
        known = self._known.get(block)
        if known is not None:
            return known
        if len(block) > LARGEST_HEADERS:
            return None
        if block.startswith(SMALLER_TABLE * 3):  # two are allowed; thousands would take a while
            raise BrokenConnection(Reason.COMPRESSION_ERROR, "headers of nothing")
        try:
            fields = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError:
            return None
        except (HPACKError, IndexError) as error:
            raise BrokenConnection(
                Reason.COMPRESSION_ERROR, f"headers that are not HPACK: {error}"
            ) from None
        found = block_of(fields)
        if len(block) <= LONGEST_REMEMBERED:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[block] = found
        return found


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> Block:
    """What these fields say to gRPC; of a name that is there twice, the latter."""
    named = {":status": "", "content-type": "", "grpc-status": "", "grpc-message": ""}
    others: list[tuple[str, str | bytes]] = []
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in named:
            named[name] = value
        elif name.endswith("-bin"):
            others += [(name, binary(part)) for part in value.split(",")]
        else:
            others.append((name, value))
    return Block(
        status=named[":status"] or None,
        content_type=named["content-type"],
        grpc_status=named["grpc-status"] or None,
        grpc_message=unquote(named["grpc-message"], errors="replace"),
        others=tuple(others),
    )


def binary(text: str) -> bytes:
    """The bytes of a `-bin` value: base64, with or without padding. What is none is empty."""
    try:
        return b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)
    except ValueError:
        return b""
