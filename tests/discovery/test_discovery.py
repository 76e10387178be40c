"""Discovery at startup as clients see it: when calls are 503, and what readiness says."""

import asyncio
from typing import Any

import pytest

from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    ScriptedCuebot,
    gateway_for,
    running_cuebot,
    running_gateway,
    settings_for,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SHOWS = "/show.ShowInterface/GetShows"


async def ready_state(gateway: Any) -> tuple[int, dict[str, str]]:
    answer = await gateway.client.get("/readyz", headers={"Authorization": ""})
    return answer.status_code, answer.json()


async def test_an_absent_cuebot_is_503_until_it_comes() -> None:
    """The gateway starts alone, says 503, and is ready by itself within 5 s of Cuebot's coming."""
    async with running_cuebot(ScriptedCuebot()) as placeholder:
        port = int(placeholder.endpoint.rpartition(":")[2])
    async with gateway_for(f"127.0.0.1:{port}", ready=False) as gateway:
        assert (await gateway.client.get("/healthz")).json() == {"status": "ok"}
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        status, state = await ready_state(gateway)
        assert status == 503
        assert state == {
            "status": "unavailable",
            "cuebot": "unreachable",
            "reason": "Connection refused",
            "schema": "none",
        }
        cuebot = ScriptedCuebot(opencue().files)
        cuebot.answers(SHOWS, b"")
        async with running_cuebot(cuebot, port):
            async with asyncio.timeout(PATIENCE):
                await gateway.app.parts.live.wait()
            assert (await ready_state(gateway))[0] == 200
            assert (await gateway.post(SHOWS, {})).status_code == 200


async def test_a_lost_cuebot_is_not_ready_and_comes_back() -> None:
    """When Cuebot goes, calls are 503 and readiness too; when it returns, so do they."""
    first = ScriptedCuebot(opencue().files)
    async with running_cuebot(first) as cuebot:
        port = int(cuebot.endpoint.rpartition(":")[2])
        context = gateway_for(cuebot.endpoint)
        gateway = await context.__aenter__()
    try:
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        assert "Cuebot cannot be reached" in answer.json()["message"]
        status, state = await ready_state(gateway)
        assert (status, state["cuebot"], state["schema"]) == (503, "unreachable", "confirmed")
        again = ScriptedCuebot(opencue().files)
        again.answers(SHOWS, b"")
        async with running_cuebot(again, port), asyncio.timeout(PATIENCE):
            while (await ready_state(gateway))[0] != 200:
                pass
            assert (await gateway.post(SHOWS, {})).status_code == 200
    finally:
        await context.__aexit__(None, None, None)


async def test_a_stock_cuebot_is_served_as_assumed() -> None:
    """Without reflection the installed package serves, and readiness says that it is assumed."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
    ):
        cuebot.answers(SHOWS, b"")
        assert (await gateway.post(SHOWS, {})).status_code == 200
        assert (await ready_state(gateway))[1]["schema"] == "assumed"


async def test_demanded_reflection_that_is_not_there() -> None:
    """DESCRIPTOR_SOURCE=reflection does not fall back; the problem names the ways out."""
    async with running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot:
        settings = settings_for(cuebot.endpoint, descriptor_source="reflection")
        async with running_gateway(settings, ready=False) as gateway:
            live = gateway.app.parts.live
            async with asyncio.timeout(PATIENCE):
                while "turn on server reflection" not in live.problem:
                    await gateway.client.get("/healthz")
            assert (await gateway.post(SHOWS, {})).status_code == 503


async def test_health_needs_no_token_and_other_verbs_are_405() -> None:
    """Health is open to load balancers, and answers in the one shape when it is misused."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files)) as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
    ):
        for path in ("/healthz", "/readyz"):
            answer = await gateway.client.get(path, headers={"Authorization": ""})
            assert answer.status_code == 200
            wrong = await gateway.client.post(path)
            assert wrong.status_code == 405
            assert wrong.json()["code"] == 12
            assert "GET" in wrong.headers["allow"]
