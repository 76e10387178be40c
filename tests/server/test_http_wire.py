"""What of HTTP/1.1 is served and what is refused, byte by byte (RFC 9112, RFC 9110)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from gateway.server.http1.heads import TARGET_MAX_BYTES
from tests.server.samples import (
    CHUNKED,
    LENGTH,
    OTHERS,
    REFUSED,
    SERVED,
    SHOWS,
    raw,
    to,
)
from tests.support.needs import needs
from tests.support.servers import Gateway, ScriptedCuebot, head
from tests.support.wire import assert_refused, request, wire

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5, http_timeout=3600)]

KILL = "/job.JobInterface/Kill"
JOB: dict[str, object] = {"job": {"id": "j1"}}


SOME = ("two lengths", "no Host", "a size with 0x", "a length as a trailer", "no HTTP", *OTHERS)
"""The parser's tests have all of them."""


@pytest.mark.parametrize("name", SOME)
async def test_refused(gateway: Gateway, cuebot: ScriptedCuebot, name: str) -> None:
    """It is refused in the one shape, the connection ends, and nothing after it is a request."""
    sent, status, code = REFUSED[name]
    async with wire(gateway) as one:
        await one.send(sent, request(SHOWS, b"{}"))
        assert_refused(await one.answer(), status, code)
        assert await one.rest() == b""
    assert cuebot.seen == []


@pytest.mark.parametrize("sent", SERVED.values(), ids=SERVED)
async def test_served(gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes) -> None:
    """It is a request, and so is what follows it on the connection."""
    async with wire(gateway) as one:
        await one.send(sent)
        assert (await one.answer()).status == 200
        if b"HTTP/1.0" not in sent:
            await one.send(request(SHOWS, b"{}"))
            assert (await one.answer()).status == 200
        else:
            assert await one.rest() == b""
    assert {path for path, _, _ in cuebot.seen} == {SHOWS}


@pytest.mark.parametrize("start", [b"SETUP %b RTSP/1.1", b"SOURCE %b ICE/1.1"])
async def test_foreign_methods(gateway: Gateway, cuebot: ScriptedCuebot, start: bytes) -> None:
    """They are methods that nothing has, and their bodies end where HTTP's do."""
    async with wire(gateway) as one:
        await one.send(to(SHOWS.encode(), start=start), request(SHOWS, b"{}"))
        assert ((await one.answer()).status, (await one.answer()).status) == (405, 200)
    assert len(cuebot.seen) == 1


@pytest.mark.parametrize(
    "target",
    [
        *(b"/x/.." + SHOWS.encode(), b"/show.ShowInterface/../show.ShowInterface/GetShows"),
        *(b"/./show.ShowInterface/GetShows", b"/show.ShowInterface//GetShows", b"///"),
        *(SHOWS.encode() + b"/", SHOWS.encode() + b"%00", b"/%zz", b"/%ff%fe"),
        *(b"/" + b"x" * (TARGET_MAX_BYTES - 1), b"http://other", b"http://other?x"),
    ],
    ids=lambda target: target[:40].decode(),
)
async def test_paths_as_they_are(gateway: Gateway, cuebot: ScriptedCuebot, target: bytes) -> None:
    """Nothing is resolved or guessed in a path: what is no method's is 404."""
    async with wire(gateway) as one:
        await one.send(to(target))
        answer = await one.answer()
    assert (answer.status, answer.code, cuebot.seen) == (404, 5, [])


async def test_a_refusal_says_what_is_wrong(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        await one.send(raw(host=None))
        assert b"there is no Host header" in (await one.answer()).body
    async with wire(gateway) as one:
        await one.send(raw(LENGTH, LENGTH))
        assert b"Content-Length" in (await one.answer()).body


# --- Expect -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "lines", "status", "more"),
    [
        pytest.param(SHOWS, (), 401, {"subject": None}, marks=needs("tokens")),
        (SHOWS, ("Content-Type: image/png",), 415, {}),
        (SHOWS, ("Content-Length: 900000",), 413, {}),
        (SHOWS, ("Grpc-Timeout: soon",), 400, {}),
        pytest.param("/healthz", (), 200, {"start": "GET"}, marks=needs("health")),
    ],
)
async def test_a_body_that_is_not_asked_for(
    gateway: Gateway, path: str, lines: Sequence[str], status: int, more: dict[str, Any]
) -> None:
    """The answer comes instead of a 100, and ends the connection: a body may follow or not."""
    length = () if "Content-Length" in str(lines) else ("Content-Length: 10",)
    async with wire(gateway) as one:
        await one.send(head(path, "Expect: 100-continue", *length, *lines, **more))
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        with suppress(ConnectionError):
            await one.send(request(SHOWS, b"{}"))
        assert await one.rest() == b""


async def test_an_expectation_that_was_met_keeps_the_connection(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Expect: 100-continue", "Content-Length: 2"))
        assert (await one.answer()).status == 100
        await one.send(b"{}")
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        await one.send(request(SHOWS, b"{}", "Expect: 100-Continue"))
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        await one.send(request(SHOWS, b"{}", "Expect: 100-continue", "Connection: close"))
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_http_1_0_expects_nothing(gateway: Gateway) -> None:
    """A client of HTTP/1.0 knows no 100 and gets none (RFC 9110 section 10.1.1)."""
    async with wire(gateway) as one:
        start = head(SHOWS, "Expect: 100-continue", "Content-Length: 2", version="1.0")
        await one.send(start)
        await asyncio.sleep(0.05)  # for a 100 that must not come
        await one.send(b"{}")
        assert (await one.answer()).status == 200


# --- bodies that break ------------------------------------------------------------------------
async def test_a_body_that_breaks_is_logged_as_refused(gateway: Gateway) -> None:
    lines = gateway.access_lines()
    async with wire(gateway) as one:
        await one.send(raw(CHUNKED, b"X-Request-ID: broken"))
        await one.send(b"2\r\n{}\r\n")
        await asyncio.sleep(0.01)  # until the app waits for more
        await one.send(b"x\r\n")
        assert_refused(await one.answer(), 400, 3)
        assert await one.rest() == b""
    (line,) = [line for line in lines if line["request_id"] == "broken"]
    assert (line["status"], line["code"]) == (400, "INVALID_ARGUMENT")
