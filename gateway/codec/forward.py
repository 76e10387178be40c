"""Answers that go on as the bytes that came from Cuebot."""

from collections.abc import Iterable, Iterator

from gateway.codec.encode import Slices
from gateway.codec.payload import BLOCK_BYTES, Payload
from gateway.codec.slices import LARGEST_WHOLE
from gateway.long_work import STEP, Step


def forwarded(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
    """The message itself: an `Encode` for clients that read protobuf."""
    if len(payload) <= LARGEST_WHOLE:
        return (payload,)
    kept = Payload(payload)
    return Slices(kept, blocks(kept), kept.size)


def blocks(payload: Payload) -> Iterator[bytes]:
    """The message in pieces, which hold nothing else of it."""
    for start in range(0, payload.size, BLOCK_BYTES):
        yield bytes(payload.read(start, min(start + BLOCK_BYTES, payload.size)))
