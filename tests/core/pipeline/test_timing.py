"""Server-Timing: where the time went, on every answer."""

import asyncio
import re
import time

import grpc
import httpx
import pytest

from tests.support.servers import Context, Gateway, ScriptedCuebot, head
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
METRIC = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+);dur=([0-9]+(?:\.[0-9]+)?)")
"""One metric with a duration, of https://www.w3.org/TR/server-timing/ (a token is RFC 9110's)."""


def timing(value: str) -> dict[str, float]:
    """The header's metrics, in milliseconds."""
    parts = [METRIC.fullmatch(part.strip()) for part in value.split(",")]
    assert all(parts), value
    found = {part[1]: float(part[2]) for part in parts if part}
    assert list(found) == ["cuebot", "gateway", "wait"]
    return found


def of(answer: httpx.Response) -> dict[str, float]:
    assert len(answer.headers.get_list("server-timing")) == 1
    return timing(answer.headers["server-timing"])


async def test_cuebot_is_the_time_of_the_call(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    took = 0.0

    async def handler(request: bytes, context: Context) -> bytes:
        nonlocal took
        begun = time.monotonic()
        await asyncio.sleep(0.05)
        took = time.monotonic() - begun
        return b""

    cuebot.handlers[SHOWS] = handler
    begun = time.monotonic()
    parts = of(await gateway.post(SHOWS, {}))
    seen = time.monotonic() - begun
    assert took * 1000 - 1 <= parts["cuebot"] <= seen * 1000
    assert sum(parts.values()) <= seen * 1000 + 1


async def test_a_failing_call_counts(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Also when Cuebot refuses, or takes longer than the deadline."""

    async def refuses(request: bytes, context: Context) -> bytes:
        await asyncio.sleep(0.05)
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such show")
        raise AssertionError

    cuebot.handlers[SHOWS] = refuses
    answer = await gateway.post(SHOWS, {})
    assert (answer.status_code, of(answer)["cuebot"] >= 49) == (404, True)
    cuebot.hangs(SHOWS)
    answer = await gateway.post(SHOWS, {}, headers={"Grpc-Timeout": "60m"})
    assert (answer.status_code, of(answer)["cuebot"] >= 55) == (504, True)


async def test_waiting_for_the_body_is_wait(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        sent = time.monotonic()
        await one.send(head(SHOWS, "Content-Length: 2", "Expect: 100-continue"))
        assert (await one.answer()).status == 100  # so the body is waited for
        begun = time.monotonic()
        await asyncio.sleep(0.05)
        waited = time.monotonic() - begun
        await one.send(b"{}")
        parts = timing((await one.answer()).headers["server-timing"])
        seen = time.monotonic() - sent
    assert parts["wait"] >= waited * 1000 - 5
    assert sum(parts.values()) <= seen * 1000 + 1


@pytest.mark.gateway(http_timeout=1)
async def test_a_body_that_never_comes_is_wait(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Content-Length: 2"))
        answer = await one.answer()
    assert answer.status == 408
    assert timing(answer.headers["server-timing"])["wait"] >= 999
