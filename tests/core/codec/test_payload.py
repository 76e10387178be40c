"""A long answer's bytes are the same, compressed or not."""

import os
import tracemalloc
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec import payload
from gateway.core.codec.payload import Payload


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "BLOCK_BYTES", 16)


@pytest.mark.usefixtures("small_blocks")
def test_any_part_is_the_same_after_it_has_been_compressed() -> None:
    @given(text=st.text("ab", max_size=50), start=st.integers(0, 90), size=st.integers(0, 90))
    def check(text: str, start: int, size: int) -> None:
        message = text.encode() * 20
        kept = Payload(message)
        assert kept.read(start, start + size) == message[start : start + size]
        kept.compress()
        assert kept.read(start, start + size) == message[start : start + size]

    check()


def test_what_repeats_itself_takes_less() -> None:
    message = b"".join(b"demo-sh%05d-lena_comp" % number for number in range(50_000))
    kept = Payload(message)
    assert kept.size == len(message)
    assert 0 < kept.compress() < len(message) / 4
    assert kept.read(0, kept.size) == message


def test_the_original_is_not_kept_besides() -> None:
    tracemalloc.start()
    try:
        kept = Payload(b"".join(b"demo-sh%05d-lena_comp" % number for number in range(50_000)))
        taken = kept.compress()
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now < taken + 10_000


def test_what_hardly_gets_smaller_stays_as_it_is() -> None:
    message = b64encode(os.urandom(payload.BLOCK_BYTES))
    kept = Payload(message)
    assert kept.compress() == len(message)
    assert kept.read(0, kept.size).obj is message
