"""What is read of a file: bytes and the last lines, beside the file's own bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.features.logs import log_file
from gateway.features.logs.log_file import LogFile, State
from gateway.features.logs.ranges import NEVER_SATISFIED, wanted_range
from gateway.features.logs.roots import Place, Root

PARTS = st.sampled_from(["one", "\n", "\r\n", "\r", "\x1b[31mred\x1b[0m", "€", "𝄞", "é"]).map(
    str.encode
) | st.binary(max_size=4)
CONTENT = st.lists(PARTS, max_size=40).map(b"".join)
OFFSET = st.integers(0, 200)


@contextmanager
def log_with(content: bytes) -> Iterator[LogFile]:
    with TemporaryDirectory() as folder:
        Path(folder, "x.rqlog").write_bytes(content)
        log = LogFile(Place(Root("/shots", folder), ("x.rqlog",)))
        try:
            yield log
        finally:
            log.close()


def shown(content: bytes) -> bytes:
    """By the definition, from the first byte to the last."""
    found, at = bytearray(), 0
    while at < len(content):
        for length in (1, 2, 3, 4):
            part = content[at : at + length]
            try:
                part.decode()
            except UnicodeDecodeError:
                continue
            found += part
            at += length
            break
        else:
            found += b"?"
            at += 1
    return bytes(found)


@given(CONTENT, OFFSET, OFFSET)
def test_a_part_is_that_of_the_whole(content: bytes, start: int, size: int) -> None:
    whole = shown(content)
    assert len(whole) == len(content)
    with log_with(content) as log:
        assert log.read(start, start + size) == whole[start : start + size]


def test_each_part_of_characters_and_of_pieces_of_them() -> None:
    content = "a𝄞€é𝄞".encode() + b"\xf0\x9d\x84" + "𝄞".encode()[1:] + "é𝄞".encode()
    whole = shown(content)
    with log_with(content) as log:
        for start in range(len(content)):
            for end in range(start, len(content) + 1):
                assert log.read(start, end) == whole[start:end]


@given(CONTENT, st.integers(1, 10), st.integers(1, 7))
def test_the_last_lines(content: bytes, count: int, searched: int) -> None:
    lines = [each + b"\n" for each in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    whole = lines if lines[-1] else lines[:-1]
    with pytest.MonkeyPatch.context() as patch, log_with(content) as log:
        patch.setattr(log_file, "SEARCHED_BYTES", searched)
        start = log.start_of_lines(count, len(content))
        assert content[start:] == b"".join(whole[-count:])


STATE = State(0, 0.0, '"tag"', (0, 0))


@given(st.integers(0, 20), st.integers(0, 25), st.none() | st.integers(0, 25))
def test_a_range_from_an_offset(size: int, first: int, last: int | None) -> None:
    asked = f"bytes={first}-{'' if last is None else last}".encode()
    found = wanted_range({b"range": asked}, STATE, size)
    if last is not None and last < first:
        assert found is None
    elif first >= size:
        assert found == NEVER_SATISFIED
    else:
        assert found is not None
        whole = bytes(range(size))
        assert whole[slice(*found)] == whole[first : None if last is None else last + 1]


@given(st.integers(0, 20), st.integers(0, 25))
def test_a_range_at_the_end(size: int, length: int) -> None:
    found = wanted_range({b"range": b"bytes=-%d" % length}, STATE, size)
    if not length:
        assert found == NEVER_SATISFIED
    elif not size:
        assert found is None  # all of nothing
    else:
        assert found == (max(size - length, 0), size)


@pytest.mark.parametrize(
    "asked", ["bytes", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=3-1"]
)
def test_what_is_no_range_is_all_of_it(asked: str) -> None:
    assert wanted_range({b"range": asked.encode()}, STATE, 10) is None


def test_the_end_of_a_log_without_lines_is_bounded() -> None:
    with log_with(b"") as log:
        size = log_file.LAST_LINES_BYTES + 1000
        os.truncate(f"/proc/self/fd/{log._descriptor}", size)
        assert log.start_of_lines(1, size) == 1000
