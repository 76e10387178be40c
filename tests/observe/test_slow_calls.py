"""SLOW_CALL: which calls have a line of their own, and what it says."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from gateway.observe.request_logs import SlowCalls
from tests.support.contexts import context_of
from tests.support.servers import (
    Context,
    Gateway,
    Handler,
    ScriptedCuebot,
    gateway_for,
)

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
LIMIT = 0.1


@pytest.fixture
async def gateway(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint, slow_call=LIMIT) as gateway:
        yield gateway


def taking(seconds: float) -> Handler:
    """The handler of a method that takes so long."""

    async def handler(request: bytes, context: Context) -> bytes:
        await asyncio.sleep(seconds)
        return b""

    return handler


async def slow_lines(gateway: Gateway, **headers: str) -> list[dict[str, object]]:
    """The lines about a call that ends meanwhile."""
    with capture_logs() as lines:
        answer = await gateway.post(SHOWS, {}, headers={"X-Request-ID": "mine", **headers})
        assert answer.status_code in (200, 504)
    return [dict(line) for line in lines if line["event"] == "slow call"]


async def test_a_slow_call_has_a_line_with_its_parts(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """It says which call that was, whose, and that its time was spent with Cuebot."""
    cuebot.handlers[SHOWS] = taking(2 * LIMIT)
    (line,) = await slow_lines(gateway)
    said = {"request_id": "mine", "rpc": SHOWS, "subject": "tester", "status": 200}
    assert line | said == line
    assert line["log_level"] == "warning"
    parts = [line[f"{part}_ms"] for part in ("cuebot", "gateway", "wait", "sending")]
    assert all(isinstance(part, float) and part >= 0 for part in parts)
    total, with_cuebot = line["ms"], line["cuebot_ms"]
    assert isinstance(total, float)
    assert isinstance(with_cuebot, float)
    assert total >= with_cuebot >= 2 * LIMIT * 1000 * 0.9
    assert line["bytes"]


async def test_a_slow_call_that_fails_has_one_too(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """One that ends with its deadline is slow as well."""
    cuebot.handlers[SHOWS] = taking(20 * LIMIT)
    (line,) = await slow_lines(gateway, **{"Grpc-Timeout": "150m"})
    assert line["status"] == 504


async def test_other_calls_have_none(cuebot: ScriptedCuebot) -> None:
    """A call that is faster than SLOW_CALL has no such line, nor has any without the setting."""
    async with gateway_for(cuebot.endpoint, slow_call=60) as gateway:
        assert await slow_lines(gateway) == []
    cuebot.handlers[SHOWS] = taking(LIMIT)
    async with gateway_for(cuebot.endpoint) as gateway:
        assert await slow_lines(gateway) == []


@pytest.mark.parametrize(
    ("waited", "rpc", "lines"), [(90.0, SHOWS, 0), (10.0, SHOWS, 1), (0, None, 0)]
)
async def test_waiting_is_not_slow(waited: float, rpc: str | None, lines: int) -> None:
    """Of 100 s only those count in which a call has not waited; and what is no call is none."""
    context = context_of(SHOWS, seconds=100)
    context.waited, context.call.rpc = waited, rpc
    with capture_logs() as captured:
        SlowCalls(60).end(context)
    assert len(captured) == lines
