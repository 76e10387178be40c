"""Compressed bodies of requests: what they stand for, a step at a time.

A few bytes can stand for a thousand times as many, so no step gives more than STEP, and whoever
takes the steps can stop at any of them.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from gateway.errors import Code, GatewayError
from gateway.http.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

STEP = 64 * 1024
"""How many bytes come out at once, at most: less than 1 ms of work."""
INPUT = 16 * 1024
"""How many bytes go in at once, at most. There are bytes that stand for nothing."""
WINDOW_LOG = 23
"""Of zstd: 8 MB, which is what everybody may use in HTTP (RFC 9659)."""


class Decompressor(Protocol):
    """One compressed stream, as the libraries read it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Gunzip:
    """zlib's reader of gzip, with the interface of all the others of the standard library.

    Not the faster one that writes the answers: what it reads is anybody's, and zlib has read
    more of that than any other.
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


def unzstd() -> Decompressor:
    """A reader of one frame of zstd (RFC 8878)."""
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: WINDOW_LOG})


READERS: Mapping[bytes, Callable[[], Decompressor]] = {
    b"gzip": Gunzip,
    b"x-gzip": Gunzip,
    b"zstd": unzstd,
}
"""By content coding (RFC 9110 section 8.4.1, whose x-gzip is gzip)."""
SUPPORTED = "gzip, zstd"


class BodyDecoder(Protocol):
    """A body that is being received."""

    def feed(self, part: bytes) -> Iterable[bytes]:
        """What the next bytes from the connection stand for. An empty piece is a breath."""
        ...

    def finish(self) -> None:
        """There are no more bytes. Raises GatewayError when there should be."""
        ...


class PlainBody:
    """A body that stands for itself."""

    def feed(self, part: bytes) -> Iterable[bytes]:
        return (part,) if part else ()

    def finish(self) -> None:
        pass


class CompressedBody:
    """A body in one of the codings: one stream, with nothing behind it. No bytes are no body."""

    def __init__(self, coding: bytes) -> None:
        self._coding = coding.decode("ascii")
        self._reader = READERS[coding]()
        self._begun = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Raises GatewayError (INVALID_ARGUMENT) for what the coding does not allow."""
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
            except (zlib.error, ZstdError) as error:
                raise self._broken(f"is not valid: {error}") from None
            data = b""
            yield content
            if reader.needs_input:
                return
            yield b""
        if data or reader.unused_data:
            raise self._broken("goes on after its end")

    def finish(self) -> None:
        if self._begun and not self._reader.eof:
            raise self._broken("ends too early")

    def _broken(self, problem: str) -> GatewayError:
        return GatewayError(Code.INVALID_ARGUMENT, f"the {self._coding} of the body {problem}")


def decoder_for(coding: bytes | None) -> BodyDecoder:
    """A body with this Content-Encoding, which has to be one of READERS, `identity` or none."""
    coding = b"identity" if coding is None else coding.lower()
    return PlainBody() if coding == b"identity" else CompressedBody(coding)
