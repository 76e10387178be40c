"""Bodies of requests in gzip and zstd: the same as plain ones, within the same bounds."""

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.codec.payload import zstd as zstandard
from gateway.core.pipeline.request import LARGEST_BODIES_AT_ONCE
from gateway.features.compression.coding import (
    INPUT_STEP_BYTES,
    OUTPUT_STEP_BYTES,
    CompressedDecoder,
)
from tests.support.needs import needs
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, ScriptedCuebot, bearer, gateway_for, head
from tests.support.wire import wire

FIND_SHOW = "/show.ShowInterface/FindShow"
MEGABYTE = 2**20
LIMIT = MEGABYTE // 4
"""The largest body of these tests' gateway."""
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=LIMIT / MEGABYTE)]


def zstd(content: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor()
    return compressor.compress(content) + compressor.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd}
CODINGS = list(PACK)


# --- steps ----------------------------------------------------------------------------------
@pytest.mark.parametrize("coding", CODINGS)
@given(
    unit=st.binary(max_size=40),
    count=st.integers(0, 20_000),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
)
@example(unit=b"", count=0, cuts=[])
@example(unit=b"x", count=OUTPUT_STEP_BYTES, cuts=[])
@example(unit=b"x", count=3 * OUTPUT_STEP_BYTES, cuts=[1, 1, 1])
@example(unit=os.urandom(40), count=1000, cuts=[])
def test_any_parts_are_the_body(coding: str, unit: bytes, count: int, cuts: list[int]) -> None:
    content = unit * count
    packed = PACK[coding](content)
    body = CompressedDecoder(coding.encode())
    found = b""
    for size in (*cuts, len(packed)):
        part, packed = packed[:size], packed[size:]
        for piece in body.feed(part):
            assert len(piece) <= OUTPUT_STEP_BYTES
            found += piece
    body.finish()
    assert found == content


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "content", [b"x" * (4 * MEGABYTE), os.urandom(MEGABYTE)], ids=["bomb", "noise"]
)
def test_no_step_is_long(coding: str, content: bytes) -> None:
    """Of one part of any size little comes out at once, with a breath after each full step."""
    body = CompressedDecoder(coding.encode())
    since = found = 0
    for piece in body.feed(PACK[coding](content)):
        assert len(piece) <= OUTPUT_STEP_BYTES
        since = since + len(piece) if piece else 0
        assert since <= 2 * OUTPUT_STEP_BYTES
        found += len(piece)
    assert found == len(content)


def test_much_that_stands_for_nothing_makes_breaths() -> None:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    empty = compressor.flush(zlib.Z_FULL_FLUSH)
    packed = empty + compressor.flush(zlib.Z_FULL_FLUSH)
    block = b"\x00\x00\x00\xff\xff"
    body = CompressedDecoder(b"gzip")
    pieces = list(body.feed(packed + block * 20_000))
    assert b"".join(pieces) == b""
    assert len(pieces) >= 20_000 * len(block) // INPUT_STEP_BYTES


# --- over HTTP --------------------------------------------------------------------------------
async def send(gateway: Gateway, content: bytes, coding: str) -> httpx.Response:
    return await gateway.post(FIND_SHOW, content=content, headers={"Content-Encoding": coding})


def asking(size: int) -> bytes:
    name = b"x" * (size - len(b'{"name":""}'))
    return b'{"name":"%s"}' % name


@pytest.mark.parametrize("size", [20, 40_000, LIMIT])
@pytest.mark.parametrize("coding", [*CODINGS, "x-gzip", "GZIP"])
async def test_compressed(gateway: Gateway, cuebot: ScriptedCuebot, coding: str, size: int) -> None:
    """x-gzip is gzip, and case does not matter (RFC 9110 section 8.4.1). No body is one, too."""
    plain, pack = asking(size), PACK["zstd" if coding == "zstd" else "gzip"]
    for content in (b"", pack(b""), pack(plain)):
        assert (await send(gateway, content, coding)).status_code == 200
    assert cuebot.seen[-1][1].endswith(orjson.loads(plain)["name"].encode())


@pytest.mark.parametrize("coding", CODINGS)
async def test_the_limit_is_on_what_it_stands_for(
    gateway: Gateway, cuebot: ScriptedCuebot, coding: str
) -> None:
    packed = PACK[coding](b" " * (LIMIT + 1))
    assert len(packed) < LIMIT
    answer = await send(gateway, packed, coding)
    assert (answer.status_code, answer.json()["code"]) == (413, 8)
    assert "MAX_BODY_MB" in answer.json()["message"]
    assert cuebot.seen == []


@pytest.mark.parametrize("coding", CODINGS)
async def test_bombs_leave_room(gateway: Gateway, coding: str) -> None:
    """However many bodies have been refused, for whichever reason, others are read."""
    good, bomb = PACK[coding](asking(LIMIT)), PACK[coding](b" " * LIMIT * 2)
    for _ in range(2 * LARGEST_BODIES_AT_ONCE):
        assert (await send(gateway, bomb, coding)).status_code == 413
        assert (await send(gateway, good[:-1], coding)).status_code == 400
        assert (await send(gateway, good + b"x", coding)).status_code == 400
    assert (await send(gateway, good, coding)).status_code == 200


@needs("server", "tokens")
async def test_room_is_for_what_bodies_stand_for(cuebot: ScriptedCuebot) -> None:
    most = gzip.compress(asking(LIMIT))[:-8]
    start = head(FIND_SHOW, f"Content-Length: {len(most) + 8}", "Content-Encoding: gzip")
    async with (
        gateway_for(cuebot.endpoint, max_body_mb=LIMIT / MEGABYTE) as gateway,
        AsyncExitStack() as stack,
    ):
        waiting = []
        for _ in range(LARGEST_BODIES_AT_ONCE + 1):
            one = await stack.enter_async_context(wire(gateway))
            await one.send(start, most)
            waiting.append(asyncio.create_task(one.answer()))
        done, _ = await asyncio.wait(waiting, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        assert (refused.result().status, refused.result().code) == (503, 14)
        other = bearer("other") | {"Content-Encoding": "gzip"}
        body = gzip.compress(asking(LIMIT))
        answer = await gateway.post(FIND_SHOW, content=body, headers=other)
        assert answer.status_code == 200
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_bytes_that_stand_for_nothing_count(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    compressor = zlib.compressobj(wbits=31)
    empty = compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"

    async def parts() -> AsyncIterator[bytes]:
        yield empty
        for _ in range(LIMIT // 1000):
            yield block * 300

    headers = {"Content-Encoding": "gzip"}
    try:
        answer = await gateway.post(FIND_SHOW, content=parts(), headers=headers)
    except httpx.TransportError:  # it went on sending, and the connection is closed for that
        return
    assert (answer.status_code, answer.json()["code"]) == (413, 8)
    assert cuebot.seen == []


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda packed: packed[:-1], "ends too early"),
        (lambda packed: packed[:5], "ends too early"),
        (lambda packed: packed + b"\0", "goes on after its end"),
        (lambda packed: packed + packed, "goes on after its end"),
        (lambda packed: packed + b"{}" * INPUT_STEP_BYTES, "goes on after its end"),
        (lambda packed: b"{}" + packed, "is not valid"),
        (lambda packed: asking(20), "is not valid"),
        (lambda packed: packed[:10] + b"\xff" * 20 + packed[30:], "is not valid"),
    ],
    ids=["cut", "begun", "zero", "twice", "behind", "before", "plain", "broken"],
)
async def test_a_broken_body_is_400(
    gateway: Gateway, cuebot: ScriptedCuebot, coding: str, spoil: Any, words: str
) -> None:
    packed = PACK[coding](asking(20) + bytes(range(256)) * 4)
    answer = await send(gateway, spoil(packed), coding)
    assert (answer.status_code, answer.json()["code"], cuebot.seen) == (400, 3, [])
    assert answer.json()["message"].startswith(f"the {coding} of the body {words}")


async def test_a_large_window_is_400(gateway: Gateway) -> None:
    """zstd that needs more memory than HTTP allows (RFC 9659) is refused before it is taken."""
    compressor = zstandard.ZstdCompressor(options={zstandard.CompressionParameter.window_log: 27})
    packed = compressor.compress(asking(20)) + compressor.flush()
    answer = await send(gateway, packed, "zstd")
    assert answer.status_code == 400
    assert "memory" in answer.json()["message"]


@pytest.mark.parametrize(
    "coding", ["br", "deflate", "gzip, gzip", "identity, gzip", "", "compress"]
)
async def test_other_codings_are_415(gateway: Gateway, cuebot: ScriptedCuebot, coding: str) -> None:
    """Others are refused, with what could be sent instead (RFC 9110 section 15.5.16)."""
    answer = await send(gateway, gzip.compress(asking(20)), coding)
    assert (answer.status_code, answer.json()["code"], cuebot.seen) == (415, 3, [])
    assert answer.headers["accept-encoding"] == "gzip, zstd"
    wrong_type = {"Content-Type": "image/png"}
    answer = await gateway.post(FIND_SHOW, content=b"x", headers=wrong_type)
    assert (answer.status_code, "accept-encoding" in answer.headers) == (415, False)


@needs("access", "audit")
async def test_what_is_denied_in_another_coding_is_denied(
    cuebot: ScriptedCuebot, tmp_path: Path
) -> None:
    """Its body is not read for the audit log."""
    log = tmp_path / "audit.log"
    async with gateway_for(cuebot.endpoint, access_default="deny", audit_log=str(log)) as gateway:
        answer = await send(gateway, b"{}", "br")
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert FIND_SHOW in log.read_text()
