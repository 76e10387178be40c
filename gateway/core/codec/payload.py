"""The bytes of a long answer, which can be compressed while its client is slow; and zstd."""

import sys

# Python has zstd from 3.14 on (PEP 784).
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Payload", "zstd"]

BLOCK_BYTES = 256 * 1024
"""A block is compressed as a whole; reading from it decompresses it in some 0.2 ms."""
ZSTD_LEVEL = 2
"""12 to 15 ms for 5 MB of jobs, of which 1.1 MB are left."""
WORTHWHILE_RATIO = 0.75
"""Compressed bytes to bytes, above which the message stays as it is."""


class Payload:
    """A message on the wire. What `read` returns must be dropped soon: it keeps all of it alive."""

    def __init__(self, message: bytes) -> None:
        self._message: bytes | None = message
        self._blocks: list[bytes] = []
        self.size = len(message)

    def read(self, start: int, end: int) -> memoryview:
        message = self._message
        if message is not None:
            return memoryview(message)[start:end]
        first = start // BLOCK_BYTES
        blocks = [
            zstd.decompress(block) for block in self._blocks[first : (end - 1) // BLOCK_BYTES + 1]
        ]
        whole = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        return memoryview(whole)[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def compress(self) -> int:
        """Compress the message if that is worthwhile; its size then.

        To be called once, in a thread; others may read meanwhile.
        """
        message = memoryview(self._message or b"")
        blocks = [
            zstd.compress(message[start : start + BLOCK_BYTES], ZSTD_LEVEL)
            for start in range(0, self.size, BLOCK_BYTES)
        ]
        taken = sum(map(len, blocks))
        if taken > self.size * WORTHWHILE_RATIO:
            return self.size
        self._blocks = blocks
        self._message = None
        return taken
