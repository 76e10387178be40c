"""What takes over where our own server was taken out."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import pair, trusting
from tests.support.patience import PATIENCE, until
from tests.support.servers import ScriptedCuebot, bearer, gateway_for, http_client

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_uvicorn_takes_over(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secure: bool
) -> None:
    """It answers, and a stop waits for a call and closes what is idle."""
    monkeypatch.setattr("gateway_cli.serving.engines.HAS_OURS", False)
    called, release = cuebot.holds(SHOWS)
    more: dict[str, Any] = dict(pair(tmp_path).settings) if secure else {}
    tls: ssl.SSLContext | None = trusting() if secure else None
    async with gateway_for(cuebot.endpoint, shutdown_timeout=PATIENCE, **more) as gateway:
        url = f"{'https' if secure else 'http'}://127.0.0.1:{gateway.port}"
        options = {} if tls is None else {"verify": tls}
        async with http_client(url, headers=bearer(), **options) as client:
            assert (await client.get("/no/page")).status_code == 404
            running = asyncio.create_task(client.post(SHOWS, json={}))
            async with asyncio.timeout(PATIENCE):
                await called.wait()
            gateway.server.should_exit = True
            await until(lambda: gateway.app.parts.readiness.stopping)
            release.set()
            answer = await running
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            await until(lambda: not gateway.server.connections)


async def test_calls_that_last_are_cut_off(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_cli.serving.engines.HAS_OURS", False)
    called, cancelled = cuebot.hangs(SHOWS)
    async with gateway_for(cuebot.endpoint, shutdown_timeout=0) as gateway:
        running = asyncio.create_task(gateway.post(SHOWS, {}))
        async with asyncio.timeout(PATIENCE):
            await called.wait()
            gateway.server.should_exit = True
            await cancelled.wait()
            await asyncio.wait([running])
        running.exception()
    assert not gateway.server.connections
