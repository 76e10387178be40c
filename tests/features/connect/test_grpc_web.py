"""gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md)."""

import asyncio
import gzip
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import unquote

import grpc
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec.payload import zstd
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import Request
from gateway.features.connect.grpc_web import from_base64, surface_for
from tests.features.connect.messages import asked, cases, found
from tests.support.details import DETAILED, detailed
from tests.support.needs import needs
from tests.support.opencue import jobs
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    head,
)
from tests.support.wire import wire

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5)]

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
WEB = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
TEXT = {"Content-Type": "application/grpc-web-text", "X-Grpc-Web": "1"}


def framed(message: bytes, flags: int = 0) -> bytes:
    return bytes((flags,)) + len(message).to_bytes(4) + message


def frames(body: bytes) -> list[tuple[int, bytes]]:
    """The flags and contents of all frames; nothing may be left."""
    found = []
    while body:
        size = int.from_bytes(body[1:5])
        assert len(body) >= 5 + size
        found.append((body[0], body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def trailers(block: bytes) -> dict[str, str]:
    assert block.endswith(b"\r\n")
    lines = (line.split(": ", 1) for line in block[:-2].decode("ascii").split("\r\n"))
    return dict(lines)


def outcome(answer: httpx.Response) -> tuple[bytes | None, dict[str, str]]:
    """The message, if there is one, and the trailers."""
    assert answer.status_code == 200
    body = answer.content
    if answer.headers["content-type"] == "application/grpc-web-text+proto":
        body = b64decode(body, validate=True)
    else:
        assert answer.headers["content-type"] == "application/grpc-web+proto"
    *messages, (flags, block) = frames(body)
    assert flags == 0x80
    if not messages:
        return None, trailers(block)
    ((flags, message),) = messages
    if flags == 1:
        assert answer.headers["grpc-encoding"] == "gzip"
        message = gzip.decompress(message)
    return message, trailers(block)


def body_of(message: bytes, headers: dict[str, str], flags: int = 0) -> bytes:
    """The message as a request with these headers has it."""
    body = framed(message, flags)
    return b64encode(body) if headers is TEXT else body


OK = {"grpc-status": "0"}


def failure(answer: httpx.Response, code: Code) -> dict[str, str]:
    message, found = outcome(answer)
    assert (message, found["grpc-status"]) == (None, str(int(code)))
    return found


# --- requests and answers -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "media", ["application/grpc-web", "application/grpc-web+proto", "APPLICATION/grpc-web; x=y"]
)
async def test_a_message_goes_through(gateway: Gateway, cuebot: ScriptedCuebot, media: str) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    headers = {"Content-Type": media}
    answer = await gateway.post(FIND_SHOW, content=framed(asked("demo")), headers=headers)
    assert outcome(answer) == (found("demo"), OK)
    assert cuebot.seen[0][1] == asked("demo")


def segments(data: bytes, *sizes: int) -> bytes:
    """Base64 in pieces of these sizes, each with its own padding."""
    text = b""
    for size in sizes:
        text += b64encode(data[:size])
        data = data[size:]
    return text + b64encode(data)


@pytest.mark.parametrize("sizes", [(), (1, 5)])
async def test_text_in_one_or_more_segments(
    gateway: Gateway, cuebot: ScriptedCuebot, sizes: tuple[int, ...]
) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    body = segments(framed(asked("demo")), *sizes)
    answer = await gateway.post(FIND_SHOW, content=body, headers=TEXT)
    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    assert outcome(answer) == (found("demo"), OK)
    assert cuebot.seen[0][1] == asked("demo")


async def test_segments_do_not_hold_the_loop() -> None:
    """Others have turns between them, however long each is."""
    text = b64encode(bytes(12 * 1024 - 2)) * 256  # each ends in padding
    decoding, turns = asyncio.ensure_future(from_base64(text)), 0
    while not decoding.done():
        await asyncio.sleep(0)
        turns += 1
    assert await decoding == bytes((12 * 1024 - 2) * 256)
    assert turns > 4  # two without a pause


async def test_text_may_be_asked_for_alone(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    headers = WEB | {"Accept": "application/grpc-web-text"}
    answer = await gateway.post(FIND_SHOW, content=framed(b""), headers=headers)
    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    assert outcome(answer) == (b"", OK)


@needs("compression")
@pytest.mark.parametrize("headers", [WEB, TEXT], ids=["binary", "text"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_messages_may_be_compressed(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str], coding: str
) -> None:
    packed = gzip.compress(asked("demo")) if coding == "gzip" else zstd.compress(asked("demo"))
    body = body_of(packed, headers, flags=1)
    headers = headers | {"Grpc-Encoding": coding}
    answer = await gateway.post(FIND_SHOW, content=body, headers=headers)
    assert (outcome(answer)[1], cuebot.seen[0][1]) == (OK, asked("demo"))


@needs("compression")
async def test_a_message_need_not_be(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    headers = WEB | {"Grpc-Encoding": "gzip"}
    await gateway.post(FIND_SHOW, content=framed(asked("demo")), headers=headers)
    assert cuebot.seen[0][1] == asked("demo")


@pytest.mark.parametrize("headers", [WEB, TEXT], ids=["binary", "text"])
@pytest.mark.parametrize(("count", "flags"), [(1, 0), (100, 1), (20_000, 0)])
async def test_short_messages_are_compressed_if_asked(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    headers: dict[str, str],
    count: int,
    flags: int,
) -> None:
    cuebot.answers(GET_JOBS, jobs(count))
    answer = await gateway.post(
        GET_JOBS,
        content=body_of(b"", headers),
        headers=headers | {"Grpc-Accept-Encoding": "br, gzip", "Accept-Encoding": ""},
    )
    content = b64decode(answer.content) if headers is TEXT else answer.content
    assert content[0] == flags
    assert outcome(answer) == (jobs(count), OK)


@needs("compression")
async def test_the_whole_body_is_compressed_instead(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """As browsers ask for and undo by themselves."""
    cuebot.answers(GET_JOBS, jobs(100))
    headers = WEB | {"Grpc-Accept-Encoding": "gzip", "Accept-Encoding": "gzip"}
    answer = await gateway.post(GET_JOBS, content=framed(b""), headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    assert "grpc-encoding" not in answer.headers
    assert outcome(answer) == (jobs(100), OK)


async def test_the_deadline(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.hangs(FIND_SHOW)
    headers = WEB | {"Grpc-Timeout": "50m"}
    answer = await gateway.post(FIND_SHOW, content=framed(b""), headers=headers)
    failure(answer, Code.DEADLINE_EXCEEDED)


# --- errors ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", [WEB, TEXT], ids=["binary", "text"])
async def test_what_cuebot_says(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str]
) -> None:
    cuebot.handlers[FIND_SHOW] = detailed
    answer = await gateway.post(FIND_SHOW, content=body_of(b"", headers), headers=headers)
    found = failure(answer, Code.FAILED_PRECONDITION)
    assert unquote(found["grpc-message"]) == "Cuebot's own"
    packed = found["grpc-status-details-bin"]
    assert "=" not in packed
    assert b64decode(packed + "=" * (-len(packed) % 4), validate=True) == DETAILED


async def test_messages_are_percent_encoded(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Nothing in them begins another trailer."""
    text = "100 % größer:\r\ngrpc-status: 0\x7f"
    cuebot.fails(FIND_SHOW, grpc.StatusCode.ABORTED, text)
    answer = await gateway.post(FIND_SHOW, content=framed(b""), headers=WEB)
    found = failure(answer, Code.ABORTED)
    assert found["grpc-message"] == "100 %25 gr%C3%B6%C3%9Fer:%0D%0Agrpc-status: 0%7F"
    assert unquote(found["grpc-message"]) == text


@dataclass(frozen=True)
class Refused:
    """A request that never comes to Cuebot."""

    code: Code
    body: bytes = framed(b"")
    headers: dict[str, str] = field(default_factory=dict)
    path: str = FIND_SHOW
    verb: str = "POST"
    status: int = 200
    answered: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""


INVALID = Code.INVALID_ARGUMENT
GZIP = {"Grpc-Encoding": "gzip"}
REFUSED = {
    "no token": Refused(Code.UNAUTHENTICATED, headers={"Authorization": "Bearer x"}),
    "no method": Refused(Code.UNIMPLEMENTED, path="/show.ShowInterface/FindShwo"),
    "a GET": Refused(Code.UNIMPLEMENTED, b"", verb="GET", status=405),
    "another codec": Refused(
        INVALID,
        headers={"Content-Type": "application/grpc-web+json"},
        status=415,
        answered={"accept-post": "application/grpc-web+proto, application/grpc-web-text+proto"},
    ),
    "another coding": Refused(
        Code.UNIMPLEMENTED,
        headers={"Grpc-Encoding": "snappy"},
        answered={"grpc-accept-encoding": "identity, gzip"},
    ),
    "another coding of the body": Refused(Code.UNIMPLEMENTED, headers={"Content-Encoding": "br"}),
    "no frame in text": Refused(Code.UNIMPLEMENTED, b"", TEXT),
    "no frame": Refused(Code.UNIMPLEMENTED, b""),
    "half a frame": Refused(INVALID, b"\0\0\0\0"),
    "half a message": Refused(INVALID, framed(asked("demo"))[:-1]),
    "more than it says": Refused(Code.UNIMPLEMENTED, framed(asked("demo")) + b"x"),
    "two messages": Refused(Code.UNIMPLEMENTED, framed(b"") * 2),
    "two messages in text": Refused(Code.UNIMPLEMENTED, b64encode(framed(b"")) * 2, TEXT),
    "trailers": Refused(INVALID, framed(b"grpc-status: 0\r\n", 0x80)),
    "a message and trailers": Refused(Code.UNIMPLEMENTED, framed(b"") + framed(b"", 0x80)),
    "an unknown flag": Refused(INVALID, framed(b"", 2)),
    "compressed by nothing": Refused(Code.INTERNAL, framed(gzip.compress(b""), 1)),
    "compressed by identity": Refused(
        Code.INTERNAL, framed(gzip.compress(b""), 1), {"Grpc-Encoding": "identity"}
    ),
    "compressed text by nothing": Refused(
        Code.INTERNAL, b64encode(framed(gzip.compress(b""), 1)), TEXT
    ),
    "no gzip": Refused(INVALID, framed(b"x", 1), GZIP),
    "half a gzip": Refused(INVALID, framed(gzip.compress(b"x")[:-9], 1), GZIP),
    "two gzips": Refused(INVALID, framed(gzip.compress(b"") * 2, 1), GZIP),
    "no protobuf": Refused(INVALID, framed(b"\xff")),
    "a bomb": Refused(Code.RESOURCE_EXHAUSTED, framed(gzip.compress(bytes(2**20)), 1), GZIP),
    "too long": Refused(Code.RESOURCE_EXHAUSTED, framed(bytes(2**19 + 1))),
    "too long in text": Refused(Code.RESOURCE_EXHAUSTED, b64encode(framed(bytes(2**19 + 1))), TEXT),
    "a lie about its size": Refused(INVALID, b"\0\xff\xff\xff\xff" + asked("demo")),
    "no base64": Refused(INVALID, b"AAAA!AA=", TEXT),
    "half of base64": Refused(INVALID, b"AAAAAAA", TEXT),
    "padding alone": Refused(INVALID, b"====", TEXT),
    "too many segments": Refused(INVALID, b"AA==" * 10_001, TEXT),
    "a bad deadline": Refused(INVALID, headers={"Grpc-Timeout": "5"}),
    "a dry run": Refused(INVALID, headers={"X-Dry-Run": "1"}),
    "a view": Refused(INVALID, path=f"{FIND_SHOW}?_fields=show.name"),
}


OF_COMPRESSION = ("another coding", "no gzip", "half a gzip", "two gzips", "a bomb")


@pytest.mark.parametrize("case", cases(REFUSED, OF_COMPRESSION))
async def test_every_refusal_is_in_trailers(
    gateway: Gateway, cuebot: ScriptedCuebot, case: Refused
) -> None:
    answer = await gateway.client.request(
        case.verb, gateway.url + case.path, headers=WEB | case.headers, content=case.body
    )
    assert answer.status_code == case.status
    assert case.answered.items() <= answer.headers.items()
    answer.status_code = 200
    assert failure(answer, case.code)["grpc-message"]
    assert cuebot.seen == []


# --- how long -------------------------------------------------------------------------------------
LONGEST = asked("x" * (2**19 - 4))
"""A message of MAX_BODY_MB."""
LONG_BODIES = {
    "binary": (WEB, framed(LONGEST)),
    "text": (TEXT, b64encode(framed(LONGEST))),
    "text in segments": (TEXT, segments(framed(LONGEST), *(1,) * 9_999)),
    "compressed": (WEB | GZIP, framed(gzip.compress(LONGEST), 1)),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize("sent", cases(LONG_BODIES, ("compressed",)))
async def test_max_body_mb_is_of_the_message(
    gateway: Gateway, cuebot: ScriptedCuebot, sent: tuple[dict[str, str], bytes], chunked: bool
) -> None:
    """Its frame and its base64 may be more."""

    headers, body = sent

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    assert len(LONGEST) == 2**19
    content = pieces() if chunked else body
    answer = await gateway.post(FIND_SHOW, content=content, headers=headers)
    assert outcome(answer) == (b"", OK)
    assert cuebot.seen[0][1] == LONGEST


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("media", "size"),
    [("application/grpc-web", 2**19 + 6), ("application/grpc-web-text", 2**20)],
    ids=["binary", "text"],
)
async def test_bodies_are_bounded_before_they_are_there(
    gateway: Gateway, cuebot: ScriptedCuebot, media: str, size: int, announced: bool
) -> None:
    """The refusal comes before the rest of a body that is too long, or of all of it."""
    length = f"Content-Length: {size}" if announced else "Transfer-Encoding: chunked"
    begun = head(FIND_SHOW, f"Content-Type: {media}", "Expect: 100-continue", length)
    async with wire(gateway) as one:
        await one.send(begun)
        if not announced:
            assert (await one.answer()).status == 100
            await one.send(b"%x\r\n" % size, b"A" * size)
        answer = await one.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    body = b64decode(answer.body) if "text" in media else answer.body
    ((_, block),) = frames(body)
    assert trailers(block)["grpc-status"] == "8"
    assert "MAX_BODY_MB (0.5 MB)" in trailers(block)["grpc-message"]
    assert cuebot.seen == []


@needs("cors")
async def test_browsers_may_send_and_read_its_headers(
    cuebot: ScriptedCuebot, shared_gateway: SharedGateway
) -> None:
    page = "https://cueweb.example.com"
    gateway = await shared_gateway(cuebot.endpoint, cors_origins=[page])
    headers = {
        "Origin": page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,grpc-timeout,x-grpc-web,x-user-agent"
        ",connect-protocol-version,connect-timeout-ms",
    }
    asked = await gateway.client.options(gateway.url + FIND_SHOW, headers=headers)
    assert asked.status_code == 204
    headers = WEB | {"Origin": page}
    answer = await gateway.post(FIND_SHOW, content=framed(b""), headers=headers)
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"grpc-status", "grpc-message", "grpc-status-details-bin"} <= set(exposed)
    assert outcome(answer) == (b"", OK)


# --- whatever arrives -----------------------------------------------------------------------------
FRAMES = st.builds(
    lambda flags, size, content: bytes((flags,)) + size.to_bytes(4) + content,
    st.sampled_from([0, 1, 2, 0x80, 0xFF]),
    st.integers(0, 40) | st.just(2**32 - 1),
    st.binary(max_size=40) | st.binary(max_size=20).map(gzip.compress),
)
BODIES = st.binary(max_size=40) | st.lists(FRAMES, max_size=3).map(b"".join)


@given(body=BODIES | BODIES.map(b64encode), text=st.booleans(), coding=st.booleans())
async def test_any_bytes_are_read_or_refused(body: bytes, text: bool, coding: bool) -> None:
    """As the only frame has it, or with INVALID_ARGUMENT."""
    surface = surface_for(b"application/grpc-web-text" if text else b"application/grpc-web", b"")
    headers = {b"grpc-encoding": b"gzip"} if coding else {}
    try:
        message = await surface.unwrap(a_head(headers), body, as_gzip)
    except GatewayError as error:
        refused = error.code
    else:
        raw = b"".join(b64decode(part) for part in SEGMENTS.findall(body)) if text else body
        assert raw == framed(raw[5:], raw[0])
        assert message == (gzip.decompress(raw[5:]) if raw[0] and raw[5:] else raw[5:])
        return
    assert refused is Code.INVALID_ARGUMENT


@given(
    message=st.binary(max_size=60_000),
    cuts=st.lists(st.integers(0, 60_000), max_size=9),
    packs=st.booleans(),
)
async def test_any_message_in_any_segments(message: bytes, cuts: list[int], packs: bool) -> None:
    body = framed(gzip.compress(message), 1) if packs else framed(message)
    sizes = [later - cut for cut, later in pairwise(sorted((0, *cuts)))]
    surface = surface_for(b"application/grpc-web-text+proto", b"")
    headers = {b"grpc-encoding": b"gzip"}
    assert await surface.unwrap(a_head(headers), segments(body, *sizes), as_gzip) == message


SEGMENTS = re.compile(rb"[^=]*=*")


async def as_gzip(coding: bytes, data: bytes) -> bytes:
    assert coding == b"gzip"
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise GatewayError(Code.INVALID_ARGUMENT, str(error)) from None


def a_head(headers: dict[bytes, bytes]) -> Request:
    return Request("", "", "POST", FIND_SHOW, headers, 0.0)
