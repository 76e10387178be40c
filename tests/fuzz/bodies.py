"""Compressed request bodies: the same content or a 400, however the bytes are cut."""

from collections.abc import Iterable
from random import Random

from gateway.core.errors import Code, GatewayError
from gateway.features.compression.coding import (
    OUTPUT_STEP_BYTES,
    READERS,
    CompressedDecoder,
)

CODINGS = sorted(READERS)
MOST = 2**20  # bytes of content that anybody waits for: an error behind them may be found or not


def one_input(data: bytes) -> None:
    """The first two bytes choose the coding and the cuts."""
    if len(data) < 2:
        return
    coding, body = CODINGS[data[0] % len(CODINGS)], data[2:]
    random = Random(data[1])  # noqa: S311 - no secret
    places = sorted(random.randrange(len(body) + 1) for _ in range(5))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
    expected = content(coding, [body])
    for cut in (pieces, [body[at : at + 1] for at in range(len(body))]):
        found = content(coding, cut)
        # libzstd compares the size that a frame declares if the frame comes whole, but not always
        # if it comes in parts and ends with an empty block.
        if coding != b"zstd" or None not in (found, expected):
            assert found == expected


def content(coding: bytes, pieces: Iterable[bytes]) -> bytes | None:
    """What these pieces stand for; None for a 400, or for more than MOST bytes."""
    decoder, found = CompressedDecoder(coding), b""
    try:
        for piece in pieces:
            for part in decoder.feed(piece):
                assert len(part) <= OUTPUT_STEP_BYTES
                found += part
                if len(found) >= MOST:
                    return None
        decoder.finish()
    except GatewayError as error:
        assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - success is fine too
        return None
    return found
