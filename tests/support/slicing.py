"""Encoding in pieces of any size: the JSON as it comes, or that the bytes are no message."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.core.codec import slices
from gateway.core.errors import Code, GatewayError
from tests.support.protos import TestSchema

CONSTANTS = ("LARGEST_WHOLE", "SLICE_BYTES", "SLICE_ITEMS", "ITEMS_PER_CLOCK")
Sizes = tuple[int, int, int, int]
SIZES = ((0, 0, 1, 1), (8, 8, 4, 4), (16, 8, 2, 2), (40, 40, 3, 3), (200, 40, 2, 3))
"""Values of the constants, all tiny."""

ONE_PIECE = (10**9, 10**9, 10**9, 10**9)


@contextmanager
def these_sizes(sizes: Sizes) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for constant, size in zip(CONSTANTS, sizes, strict=True):
            patch.setattr(slices, constant, size)
        yield


def pieces(schema: TestSchema, name: str, payload: bytes, sizes: Sizes) -> list[bytes]:
    with these_sizes(sizes):
        return list(schema.encoders.encoder(schema.message_type(name))(payload))


def whole(schema: TestSchema, name: str, payload: bytes) -> bytes:
    (piece,) = pieces(schema, name, payload, ONE_PIECE)
    return piece


def outcome(schema: TestSchema, name: str, payload: bytes, sizes: Sizes) -> bytes | None:
    """The JSON with these sizes, or None when the bytes are INTERNAL."""
    try:
        return b"".join(pieces(schema, name, payload, sizes))
    except GatewayError as error:
        assert error.code is Code.INTERNAL  # noqa: PT017 - success is fine too
        return None
