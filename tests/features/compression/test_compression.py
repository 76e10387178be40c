"""Compressed answers: who gets which coding, and that it is the same JSON in any slicing."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.codec.payload import zstd
from gateway.features.compression.coding import (
    ACCEPT_ENCODING_MAX_BYTES,
    CODINGS,
    COMPRESSION_STEP_BYTES,
    GZIP,
    MIN_COMPRESSED_BYTES,
    Coding,
    Compressor,
    choose,
    stream,
)
from tests.support.opencue import jobs
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
FEW, SOME, MANY = jobs(1), jobs(5), jobs(3000)
"""Answers that are not worth it, of one piece, and of many pieces."""


def plain(coding: str, content: bytes) -> bytes:
    """What the content stands for, by the library's reader of all at once."""
    return gzip.decompress(content) if coding == "gzip" else unzstd(content)


def unzstd(content: bytes) -> bytes:
    reader = zstd.ZstdDecompressor()
    found = reader.decompress(content)
    assert reader.eof
    assert not reader.unused_data
    return found


def started(coding: Coding, content: bytes) -> bytes:
    """What a reader has who has got only the beginning."""
    reader: Any = zlib.decompressobj(31) if coding is GZIP else zstd.ZstdDecompressor()
    found: bytes = reader.decompress(content)
    assert not reader.eof
    return found


# --- what a client wants ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *((header, "gzip") for header in ("gzip", "GZip", "x-gzip", "gzip, deflate, br")),
        *((header, "gzip") for header in ("gzip;q=1.0, zstd;q=0.9", "zstd;q=0, gzip")),
        *((header, "gzip") for header in ("gzip; q=0.5 ,\tzstd;q=0.001", "*;q=0.5, zstd;q=0")),
        *((header, "gzip") for header in ("zstd;q=0, *", "identity;q=0.5, gzip;q=0.5")),
        (";q=1, , zstd;q=x, gzip", "gzip"),
        *((header, "zstd") for header in ("zstd", "*", "gzip, deflate, br, zstd")),
        ("*, identity;q=0.5", "zstd"),
        *((header, None) for header in ("", "identity", "br, deflate", "gzip;q=0", "*;q=0")),
        *((header, None) for header in ("gzip;q=0.5, identity", "gzip;q=0.5, zstd;q=0.4, *")),
        *((header, None) for header in ("identity;q=0", "identity;q=0, br", "gzip;level=9")),
        *((header, None) for header in ("gzip;q=2", "gzip;q=0.1234", "gzip;q=-1", "gzip zstd")),
        ("gzip" + " " * ACCEPT_ENCODING_MAX_BYTES, None),
    ],
)
def test_what_a_client_wants(header: str, expected: str | None) -> None:
    """The coding of the greatest weight, zstd before gzip; what is no offer counts for nothing."""
    coding = choose(header.encode()).coding
    assert coding is (None if expected is None else CODINGS[expected.encode()])


NAMES = ("zstd", "gzip", "identity", "*", "br")
WEIGHTS = st.sampled_from(["0", "0.0", "0.001", "0.5", "0.50", "1", "1.000"])
Q = st.sampled_from(["q=", "Q="])
SPACE = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def wishes(draw: st.DrawFn) -> tuple[dict[str, float], str]:
    """Weights by name, and a header that says so."""
    weights = draw(st.dictionaries(st.sampled_from(NAMES), WEIGHTS))
    text = ",".join(
        draw(SPACE) + name + draw(SPACE) + ";" + draw(SPACE) + draw(Q) + weight + draw(SPACE)
        for name, weight in weights.items()
    )
    return {name: float(weight) for name, weight in weights.items()}, text


@given(wishes())
def test_no_client_gets_what_it_wants_less(wish: tuple[dict[str, float], str]) -> None:
    """Whatever the weights, nothing acceptable weighs more than what is chosen (RFC 9110)."""
    weights, header = wish

    def weight(name: str) -> float:
        silent = 0.0001 if name == "identity" else 0.0  # acceptable, and after all others
        return weights.get(name, weights.get("*", silent))

    choice = choose(header.encode())
    name = next((n for n in ("zstd", "gzip") if CODINGS[n.encode()] is choice.coding), None)
    if name is None:
        best = max(weight("zstd"), weight("gzip"))
        assert best == 0 or weight("identity") > best
    else:
        assert weight(name) > 0
        assert weight(name) == max(map(weight, ("zstd", "gzip", "identity")))
        assert name == "zstd" or weight("zstd") < weight("gzip")
        assert (choice.least == 0) == (weight("identity") == 0)


# --- pieces ---------------------------------------------------------------------------------

REPEATED = st.builds(
    lambda unit, count: unit * count, st.binary(max_size=9), st.integers(0, 30_000)
)
PIECES = st.lists(st.binary(max_size=40) | REPEATED, max_size=12)


@pytest.mark.parametrize("coding", CODINGS.values(), ids=lambda one: one.header[1].decode())
@given(pieces=PIECES)
@example(pieces=[])
@example(pieces=[b""])
@example(pieces=[b"x" * MIN_COMPRESSED_BYTES])
@example(pieces=[b"x" * COMPRESSION_STEP_BYTES, b"y"])
@example(pieces=[b"x" * (2 * COMPRESSION_STEP_BYTES + 1)])
def test_a_stream_stands_for_its_pieces(coding: Coding, pieces: list[bytes]) -> None:
    found = b"".join(stream(iter(pieces), coding))
    assert plain(coding.header[1].decode(), found) == b"".join(pieces)


@pytest.mark.parametrize("accept", [b"gzip", b"zstd"])
@given(content=REPEATED)
@example(content=b"x" * (MIN_COMPRESSED_BYTES - 1))
@example(content=b"x" * MIN_COMPRESSED_BYTES)
@example(content=b"x" * COMPRESSION_STEP_BYTES)
@example(content=b"x" * (COMPRESSION_STEP_BYTES + 1))
def test_a_whole_answer(accept: bytes, content: bytes) -> None:
    """A short answer is left alone, a middling one stays whole, a long one becomes a stream."""
    pieces, headers = choose(accept).coded((content,))
    assert isinstance(pieces, tuple) == (len(content) <= COMPRESSION_STEP_BYTES)
    if len(content) < MIN_COMPRESSED_BYTES:
        assert list(pieces) == [content]
        assert headers == ((b"vary", b"Accept-Encoding"),)
    else:
        assert plain(accept.decode(), b"".join(pieces)) == content
        assert headers[1] == (b"content-encoding", accept)


def test_nobody_has_to_be_asked_for_plain_answers() -> None:
    pieces = iter([b"x" * COMPRESSION_STEP_BYTES])
    assert choose(None).coded(pieces)[0] is pieces
    assert choose(b"br").coded(pieces)[0] is pieces


class Counting:
    """A compressor that writes down how many bytes it is given at once."""

    def __init__(self, inner: Compressor, sizes: list[int]) -> None:
        self._inner = inner
        self._sizes = sizes

    def compress(self, data: bytes, /) -> bytes:
        self._sizes.append(len(data))
        return self._inner.compress(data)

    def flush(self, mode: Any = None, /) -> bytes:
        return self._inner.flush() if mode is None else self._inner.flush(mode)


def counted(coding: Coding, fed: list[int]) -> Counting:
    return Counting(coding.start(), fed)


@pytest.mark.parametrize("coding", CODINGS.values(), ids=lambda one: one.header[1].decode())
def test_no_step_is_long(coding: Coding) -> None:
    """The loop runs after COMPRESSION_STEP_BYTES at most, and wherever the encoder paused."""
    most = COMPRESSION_STEP_BYTES
    for sizes in ([10 * most + 7], [100, most + 1, 3], [0, 0, 2 * most]):
        fed: list[int] = []
        counting = replace(coding, start=partial(counted, coding, fed))
        steps = before = 0
        for _ in stream((b"x" * size for size in sizes), counting):
            steps += 1
            assert sum(fed) - before <= most
            before = sum(fed)
        assert before == sum(sizes)
        assert steps == 1 + sum(max(1, -(-size // most)) for size in sizes)


@pytest.mark.parametrize("coding", CODINGS.values(), ids=lambda one: one.header[1].decode())
def test_the_first_bytes_leave_early(coding: Coding) -> None:
    pieces = stream(iter((b"[", b"a" * MIN_COMPRESSED_BYTES, b"b")), coding)
    beginning = next(pieces) + next(pieces)
    assert started(coding, beginning) == b"[" + b"a" * MIN_COMPRESSED_BYTES


@pytest.mark.parametrize("coding", CODINGS.values(), ids=lambda one: one.header[1].decode())
@pytest.mark.parametrize("count", [1, 3])
def test_what_breaks_off_has_no_end(coding: Coding, count: int) -> None:
    def breaking() -> Iterator[bytes]:
        for _ in range(count):
            yield b"x" * COMPRESSION_STEP_BYTES
        raise ZeroDivisionError

    found = b""
    with suppress(ZeroDivisionError):
        for piece in stream(breaking(), coding):
            found += piece
    assert found
    with pytest.raises((EOFError, zstd.ZstdError, AssertionError)):
        plain(coding.header[1].decode(), found)


# --- over HTTP --------------------------------------------------------------------------------
async def get_jobs(gateway: Gateway, accept: str | None) -> tuple[httpx.Headers, bytes]:
    """Headers and body of the answer of GetJobs, as they are on the wire."""
    headers = {"Accept-Encoding": accept or "identity", **gateway.client.headers}
    call = gateway.client.build_request("POST", GET_JOBS, content=b"{}", headers=headers)
    call.headers.pop("accept-encoding")
    if accept is not None:
        call.headers["Accept-Encoding"] = accept
    answer = await gateway.client.send(call, stream=True)
    body = b"".join([part async for part in answer.aiter_raw()])
    assert answer.status_code == 200
    return answer.headers, body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_answers_by_size(gateway: Gateway, cuebot: ScriptedCuebot, coding: str) -> None:
    """Few jobs come plain, some compressed with a length, many as a compressed stream."""
    cuebot.answers(GET_JOBS, FEW)
    headers, body = await get_jobs(gateway, coding)
    assert "content-encoding" not in headers
    assert (int(headers["content-length"]), headers["vary"]) == (len(body), "Accept-Encoding")
    for payload, streamed in ((SOME, False), (MANY, True)):
        cuebot.answers(GET_JOBS, payload)
        unasked, expected = await get_jobs(gateway, None)
        assert ("content-encoding" in unasked, unasked["vary"]) == (False, "Accept-Encoding")
        assert json.loads(expected)["jobs"]["jobs"]
        headers, body = await get_jobs(gateway, coding)
        assert (headers["content-encoding"], headers["vary"]) == (coding, "Accept-Encoding")
        assert headers["content-type"] == "application/json"
        assert plain(coding, body) == expected
        assert len(body) < len(expected) / 2
        assert ("content-length" not in headers) == streamed
        assert headers.get("transfer-encoding") == ("chunked" if streamed else None)
        assert streamed or int(headers["content-length"]) == len(body)


async def test_errors_are_plain(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """An answer that is broken from its start is a plain error, whatever was asked for."""
    headers = {"Accept-Encoding": "gzip, identity;q=0"}
    cuebot.answers(GET_JOBS, FEW)
    answer = await gateway.post(GET_JOBS, {}, headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    cuebot.answers(GET_JOBS, b"\xff")
    answer = await gateway.post(GET_JOBS, {}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (500, 13)
    assert "content-encoding" not in answer.headers
