"""Compressed answers: which coding a client wants (RFC 9110 section 12.5.3), and the pieces in it.

Compression turns pieces of JSON into pieces of gzip or zstd. The caller can let others run between
any two of them, and an answer that breaks off is incomplete in its coding as well.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from isal import isal_zlib

from gateway.codec.zstd import zstd

WORTH_IT = 1024
"""Bytes. A shorter answer fits into one packet with its headers, compressed or not."""
STEP = 64 * 1024
"""How many bytes are compressed at once, at most: 30 to 300 µs of work."""
LEVEL = 1
"""For either library: the next levels cost more (zstd's 3 half as much again, isal's 3 three
times as much) and hardly make the JSON of long lists shorter."""
GZIP_BITS = 31
"""What stands for gzip (RFC 1952) in zlib and its like."""
LONGEST_HEADER = 256
"""Bytes of Accept-Encoding that are parsed; with a longer one, the answer is not compressed."""

VARY = (b"vary", b"Accept-Encoding")
OFFER = re.compile(
    rb"[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?",
    re.IGNORECASE,
)
"""One coding of Accept-Encoding, and its weight."""


class Compressor(Protocol):
    """A stream in one of the codings."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: Any = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Coding:
    """A content coding, and the library that does the work."""

    header: tuple[bytes, bytes]
    whole: Callable[[bytes], bytes]
    """Compresses all there is."""
    start: Callable[[], Compressor]
    """Begins a stream."""
    so_far: int
    """The mode in which `flush` returns what the stream holds, without ending it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The coding that a client wants, and the size from which an answer is worth it."""

    coding: Coding | None
    least: int = WORTH_IT


ZSTD = Coding(
    header=(b"content-encoding", b"zstd"),
    # A compressor can be used again, and is free after each call; making one costs 10 µs.
    whole=partial(zstd.ZstdCompressor(LEVEL).compress, mode=zstd.ZstdCompressor.FLUSH_FRAME),
    start=partial(zstd.ZstdCompressor, LEVEL),
    so_far=zstd.ZstdCompressor.FLUSH_BLOCK,
)
GZIP = Coding(
    header=(b"content-encoding", b"gzip"),
    whole=partial(isal_zlib.compress, level=LEVEL, wbits=GZIP_BITS),
    start=partial(isal_zlib.compressobj, LEVEL, isal_zlib.DEFLATED, GZIP_BITS),
    so_far=isal_zlib.Z_SYNC_FLUSH,
)
CODINGS = {b"zstd": ZSTD, b"gzip": GZIP}
"""By name; of two that a client wants equally, the first one."""
PLAIN = Choice(None)


def compressed(
    pieces: Iterable[bytes], accept_encoding: bytes | None
) -> tuple[Iterable[bytes], Sequence[tuple[bytes, bytes]]]:
    """The pieces of an answer as a client wants them, and the headers that say so.

    A short answer in one piece stays in one piece; any other becomes a stream, whose empty pieces
    are only pauses. Without Accept-Encoding nothing is compressed, although the RFC permits it:
    clients that do not send it are often unable to decompress.
    """
    choice = PLAIN if accept_encoding is None else choose(accept_encoding)
    coding = choice.coding
    if coding is None:
        return pieces, (VARY,)
    if isinstance(pieces, Sequence):
        size = sum(map(len, pieces))
        if size < choice.least:
            return pieces, (VARY,)
        if size <= STEP:
            return (coding.whole(b"".join(pieces)),), (VARY, coding.header)
    return stream(pieces, coding), (VARY, coding.header)


def stream(pieces: Iterable[bytes], coding: Coding) -> Iterator[bytes]:
    """The pieces in this coding. The first bytes are flushed early."""
    compressor = coding.start()
    taken = 0
    for piece in pieces:
        if not piece:
            yield b""
        for start in range(0, len(piece), STEP):
            part = piece[start : start + STEP]
            done = compressor.compress(part)
            if taken < WORTH_IT <= taken + len(part):
                done += compressor.flush(coding.so_far)
            taken += len(part)
            yield done
    yield compressor.flush()


@lru_cache(maxsize=256)
def choose(accept_encoding: bytes) -> Choice:
    """What the value of an Accept-Encoding header asks for.

    A client that refuses every coding there is gets the answer plain, as the RFC permits: the call
    has been made by then.
    """
    if len(accept_encoding) > LONGEST_HEADER:
        return PLAIN
    weights: dict[bytes, float] = {}
    for offer in accept_encoding.lower().split(b","):
        if found := OFFER.fullmatch(offer):
            weights[found[1].removeprefix(b"x-")] = 1.0 if found[2] is None else float(found[2])
    others = weights.get(b"*")
    weight, coding = 0.0, None
    for name, one in CODINGS.items():
        wanted = weights.get(name, others or 0.0)
        if wanted > weight:
            weight, coding = wanted, one
    plain = weights.get(b"identity", others)
    if coding is None or (plain is not None and plain > weight):
        return PLAIN
    return Choice(coding, least=0 if plain == 0 else WORTH_IT)
