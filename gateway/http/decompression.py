"""Compressed request bodies, decompressed a step at a time.

A few bytes can stand for a thousand times as many, so no step yields more than STEP bytes, and the
caller can stop after any of them.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gateway.codec.zstd import zstd
from gateway.errors import Code, GatewayError

STEP = 64 * 1024
"""How many bytes come out at once, at most: less than 1 ms of work."""
INPUT = 16 * 1024
"""How many bytes go in at once, at most: some input yields no output."""
WINDOW_LOG = 23
"""zstd's largest window: 8 MB, as RFC 9659 allows for HTTP."""


class Gunzip:
    """zlib's gzip decompressor, with the interface of the standard library's others.

    Not the faster library that compresses the answers: this input is untrusted, and zlib is the
    most tested.
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
        zstd.ZstdDecompressor, options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    ),
}
"""By content coding (RFC 9110 section 8.4.1, whose x-gzip is gzip; RFC 8878)."""
SUPPORTED = "gzip, zstd"


class CompressedDecoder:
    """Decodes a body in one of the codings while it is received.

    It is one stream, with nothing after it, or has no bytes at all.
    """

    def __init__(self, coding: bytes) -> None:
        self._coding = coding.decode("ascii")
        self._reader = READERS[coding]()
        self._begun = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """What the next bytes from the connection stand for. Empty pieces are only pauses.

        Raises GatewayError (INVALID_ARGUMENT) for what the coding does not allow.
        """
        for start in range(0, len(part), INPUT):
            if start:
                yield b""
            yield from self._read(part[start : start + INPUT])

    def _read(self, data: bytes) -> Iterator[bytes]:
        reader = self._reader
        self._begun = True
        while not reader.eof:
            try:
                content = reader.decompress(data, STEP)
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
        """To be called at the end of the body. Raises GatewayError if it is incomplete."""
        if self._begun and not self._reader.eof:
            raise self._broken("ends too early")

    def _broken(self, problem: str) -> GatewayError:
        return GatewayError(Code.INVALID_ARGUMENT, f"the {self._coding} of the body {problem}")


def decoder_for(coding: bytes | None) -> CompressedDecoder | None:
    """The decoder for a Content-Encoding: one of READERS; None for `identity` or none."""
    coding = b"identity" if coding is None else coding.lower()
    return None if coding == b"identity" else CompressedDecoder(coding)
