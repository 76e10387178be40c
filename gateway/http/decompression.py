"""Compressed request bodies, decompressed in bounded steps.

A few bytes can expand a thousandfold, so each step yields at most OUTPUT_STEP_BYTES, and the
caller can stop after any step.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gateway.codec.payload import zstd
from gateway.errors import Code, GatewayError

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


def decoder_for(coding: bytes | None) -> CompressedDecoder | None:
    """The decoder of a Content-Encoding in READERS; None for `identity` or no coding."""
    coding = b"identity" if coding is None else coding.lower()
    return None if coding == b"identity" else CompressedDecoder(coding)
