"""The bytes of a long answer, which can be kept compressed while its client does not read on."""

from gateway.codec.zstd import zstd

BLOCK = 256 * 1024
"""Bytes that are compressed together. Reading a part decompresses the blocks that it is in: some
0.2 ms each."""
LEVEL = 2
"""Of zstd: 12 to 15 ms for 5 MB of jobs, of which 1.1 MB are left."""
WORTH_IT = 0.75
"""What is left more than this part of is kept as it is."""


class Payload:
    """A message on the wire. What `read` returns is to be used and dropped, or it stays whole."""

    def __init__(self, message: bytes) -> None:
        self._message: bytes | None = message
        self._blocks: list[bytes] = []
        self.size = len(message)
        """In bytes of the message, whatever they take."""

    def read(self, start: int, end: int) -> memoryview:
        """The bytes from one position to another."""
        message = self._message
        if message is not None:
            return memoryview(message)[start:end]
        first = start // BLOCK
        blocks = [zstd.decompress(block) for block in self._blocks[first : (end - 1) // BLOCK + 1]]
        whole = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        return memoryview(whole)[start - first * BLOCK : end - first * BLOCK]

    def compress(self) -> int:
        """Keep it compressed from now on; returns the bytes that it takes.

        To be called in a thread, and only once; others may read meanwhile.
        """
        message = memoryview(self._message or b"")
        blocks = [
            zstd.compress(message[start : start + BLOCK], LEVEL)
            for start in range(0, self.size, BLOCK)
        ]
        taken = sum(map(len, blocks))
        if taken > self.size * WORTH_IT:
            return self.size
        self._blocks = blocks
        self._message = None
        return taken
