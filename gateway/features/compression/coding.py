"""Content codings (RFC 9110 section 8.4): compressed answers and compressed request bodies.

Answers are streams of pieces in gzip or zstd, and the caller may yield to other tasks between two
of them. A truncated answer is also incomplete in its content coding. Of a body, a few bytes can
expand a thousandfold: each step yields at most OUTPUT_STEP_BYTES, and the caller can stop after
any step.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from isal import isal_zlib

from gateway.core.codec.payload import zstd
from gateway.core.errors import Code, GatewayError

MIN_COMPRESSED_BYTES = 1024
"""A shorter answer fits into one packet with its headers, compressed or not."""
COMPRESSION_STEP_BYTES = 64 * 1024
"""Compressed in one step, which takes 30 to 300 µs."""
COMPRESSION_LEVEL = 1
"""Higher levels cost more (zstd's 3 by half, isal's 3 three times as much) and hardly shrink the
JSON of long lists."""
GZIP_WINDOW_BITS = 31
ACCEPT_ENCODING_MAX_BYTES = 256
"""With a longer Accept-Encoding, the answer is not compressed."""

VARY = (b"vary", b"Accept-Encoding")
OFFER = re.compile(
    rb"[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?",
    re.IGNORECASE,
)


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: Any = ..., /) -> bytes: ...


Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Coding:
    header: tuple[bytes, bytes]
    whole: Callable[[bytes], bytes]
    start: Callable[[], Compressor]
    so_far: int
    """The mode in which `flush` returns pending output without ending the stream."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Of a client: a `gateway.core.pipeline.content_coding.Coding`."""

    coding: Coding | None
    least: int = MIN_COMPRESSED_BYTES
    name: str = ""
    vary: Headers = (VARY,)

    def coded(self, pieces: Iterable[bytes], /) -> tuple[Iterable[bytes], Headers]:
        """A short answer in one piece stays in one piece; any other becomes a stream, in which
        empty pieces are only pauses.
        """
        coding = self.coding
        if coding is None:
            return pieces, self.vary
        if isinstance(pieces, Sequence):
            size = sum(map(len, pieces))
            if size < self.least:
                return pieces, self.vary
            if size <= COMPRESSION_STEP_BYTES:
                return (coding.whole(b"".join(pieces)),), (VARY, coding.header)
        return stream(pieces, coding), (VARY, coding.header)


ZSTD = Coding(
    header=(b"content-encoding", b"zstd"),
    # Reused, since making a compressor costs 10 µs.
    whole=partial(
        zstd.ZstdCompressor(COMPRESSION_LEVEL).compress, mode=zstd.ZstdCompressor.FLUSH_FRAME
    ),
    start=partial(zstd.ZstdCompressor, COMPRESSION_LEVEL),
    so_far=zstd.ZstdCompressor.FLUSH_BLOCK,
)
GZIP = Coding(
    header=(b"content-encoding", b"gzip"),
    whole=partial(isal_zlib.compress, level=COMPRESSION_LEVEL, wbits=GZIP_WINDOW_BITS),
    start=partial(isal_zlib.compressobj, COMPRESSION_LEVEL, isal_zlib.DEFLATED, GZIP_WINDOW_BITS),
    so_far=isal_zlib.Z_SYNC_FLUSH,
)
CODINGS = {b"zstd": ZSTD, b"gzip": GZIP}
"""By name; the first one wins among equal weights."""
PLAIN = Choice(None)


def stream(pieces: Iterable[bytes], coding: Coding) -> Iterator[bytes]:
    compressor = coding.start()
    taken = 0
    for piece in pieces:
        if not piece:
            yield b""
        for start in range(0, len(piece), COMPRESSION_STEP_BYTES):
            part = piece[start : start + COMPRESSION_STEP_BYTES]
            done = compressor.compress(part)
            if taken < MIN_COMPRESSED_BYTES <= taken + len(part):
                done += compressor.flush(coding.so_far)
            taken += len(part)
            yield done
    yield compressor.flush()


@lru_cache(maxsize=256)
def choose(accept_encoding: bytes | None) -> Choice:
    """Without Accept-Encoding nothing is compressed, although the RFC permits it: clients without
    the header often cannot decompress.

    A client that refuses all codings gets a plain answer, as the RFC permits: the call has been
    made.
    """
    if accept_encoding is None or len(accept_encoding) > ACCEPT_ENCODING_MAX_BYTES:
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
    least = 0 if plain == 0 else MIN_COMPRESSED_BYTES
    return Choice(coding, least, coding.header[1].decode())


OUTPUT_STEP_BYTES = 64 * 1024
"""Maximum output of one step: less than 1 ms of work."""
INPUT_STEP_BYTES = 16 * 1024
"""Maximum input of one step, since some input yields no output."""
ZSTD_WINDOW_LOG = 23
"""zstd's largest window: 8 MB, as RFC 9659 allows for HTTP."""


class Gunzip:
    """gzip with the interface of the standard library's decompressors.

    zlib and not isal, which compresses answers: for untrusted input, zlib is the better tested.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        stream = self._stream
        content = stream.decompress(stream.unconsumed_tail + data, max_length)
        self.needs_input = not (stream.eof or stream.unconsumed_tail)
        return content


Decompressor = Gunzip | zstd.ZstdDecompressor

READERS: Mapping[bytes, Callable[[], Decompressor]] = {
    b"gzip": Gunzip,
    b"x-gzip": Gunzip,
    b"zstd": partial(
        zstd.ZstdDecompressor, options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    ),
}
"""By content coding (RFC 9110 section 8.4.1, where x-gzip is gzip; RFC 8878)."""
SUPPORTED = "gzip, zstd"


class CompressedDecoder:
    """Decodes a body while it arrives: one stream with nothing after it, or no bytes at all."""

    def __init__(self, coding: bytes) -> None:
        self._coding = coding.decode("ascii")
        self._reader = READERS[coding]()
        self._begun = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Empty pieces are pauses. Raises GatewayError (INVALID_ARGUMENT) for invalid input."""
        for start in range(0, len(part), INPUT_STEP_BYTES):
            if start:
                yield b""
            yield from self._read(part[start : start + INPUT_STEP_BYTES])

    def _read(self, data: bytes) -> Iterator[bytes]:
        reader = self._reader
        self._begun = True
        while not reader.eof:
            try:
                content = reader.decompress(data, OUTPUT_STEP_BYTES)
            except (zlib.error, zstd.ZstdError) as error:
                raise self._broken(f"is not valid: {error}") from None
            data = b""
            yield content
            if reader.needs_input:
                return
            yield b""
        if data or reader.unused_data:
            raise self._broken("goes on after its end")

    def finish(self) -> None:
        """Call at the end of the body. Raises GatewayError if the stream is incomplete."""
        if self._begun and not self._reader.eof:
            raise self._broken("ends too early")

    def _broken(self, problem: str) -> GatewayError:
        return GatewayError(Code.INVALID_ARGUMENT, f"the {self._coding} of the body {problem}")
