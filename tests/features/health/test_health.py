"""Health checks and the status: what they tell, and whom."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.features import FEATURES
from gateway.features.health import Health
from tests.support.events import EVENTS
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    free_port,
    gateway_for,
    get,
    running_cuebot,
    running_gateway,
    settings_for,
)
from tests.support.two_versions import ChangingCuebot

pytestmark = pytest.mark.anyio


@needs("tokens")
async def test_the_status_tells_what_is_connected(public: Gateway, cuebot: ScriptedCuebot) -> None:
    status = (await get(public, "/status.json", **bearer())).json()
    status["cuebot"]["states"][0].pop("latency")
    catalog = public.catalog
    assert status["cuebot"] == {
        "endpoints": [cuebot.endpoint],
        "of": 1,
        "usable": 1,
        "states": [{"endpoint": cuebot.endpoint, "state": "answers", "reason": ""}],
    }
    assert status["features"] == [each.name for each in FEATURES]
    assert status["schema"]["digest"] == catalog.schema.digest
    assert status["schema"]["source"] == catalog.schema.origin
    assert status["schema"]["confirmed"] is True
    assert status["schema"]["methods"] == len(catalog.methods)
    for name in ("lookedAt", "changedAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["schema"][name])
    assert status["problem"] == ""


@needs("openapi", "pages")
async def test_the_status_links_to_pages(public: Gateway) -> None:
    links = (await get(public, "/status.json")).json()["links"]
    assert links == ["/docs", "/openapi.json", "/openapi.yaml"]
    assert [(await get(public, path)).status_code for path in links] == [200, 200, 200]


@needs("admission", "tokens")
async def test_the_status_tells_the_load(public: Gateway) -> None:
    status = (await get(public, "/status.json", **bearer())).json()
    assert status["load"] == {"inFlight": 0, "most": 256, "long": 0, "longLimit": 256}


async def test_health_needs_no_other_feature(cuebot: ScriptedCuebot) -> None:
    settings = settings_for(cuebot.endpoint, open_to_all=True)
    async with running_gateway(settings, features=(Health,)) as gateway:
        assert (await get(gateway, "/healthz")).json() == {"status": "ok"}
        assert (await get(gateway, "/readyz")).json()["status"] == "ok"
        status = (await get(gateway, "/status.json")).json()
        nothing = await get(gateway, "/docs")
    assert (nothing.status_code, "openapi.json" in nothing.text) == (404, False)
    assert status["links"] == []
    assert status["cuebot"]["usable"] == 1


@needs("tokens")
async def test_the_status_tells_how_long_cuebot_takes(
    cuebot: ScriptedCuebot, tmp_path: Path
) -> None:
    """Of the last minute's calls, those that end with an error included."""
    path = "/show.ShowInterface/GetShows"
    file = tmp_path / "descriptors.binpb"
    file.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())

    async def latency(gateway: Gateway) -> Any:
        (state,) = (await gateway.client.get("/status.json")).json()["cuebot"]["states"]
        return state["latency"]

    async with gateway_for(cuebot.endpoint, descriptor_source=str(file)) as gateway:
        assert await latency(gateway) is None
        began = time.monotonic()
        await gateway.post(path)
        took = (time.monotonic() - began) * 1000
        first = await latency(gateway)
        assert first["calls"] == 1
        assert 0 < first["medianMs"] == first["p99Ms"] <= took + 0.1
        cuebot.hangs(path)
        await gateway.post(path, headers={"Grpc-Timeout": "300m"})
        second = await latency(gateway)
        assert second["calls"] == 2
        assert second["p99Ms"] >= 290


@needs("rate_limits", "tokens", "watch")
@pytest.mark.gateway(rate_limit_rps=0.001, rate_limit_burst=4)
async def test_the_status_tells_what_is_refused(gateway: Gateway) -> None:
    """Whether or not there are metrics."""
    nobody = {"Authorization": ""}
    for _ in range(2):
        await gateway.client.get("/show.ShowInterface/GetShows", headers=nobody)
    for _ in range(5):
        await gateway.post("/show.ShowInterface/GetShows", headers=bearer("busy"))
    gateway.app.parts.readiness.stopping = True
    await gateway.client.get("/show.ShowInterface/GetShows", headers=EVENTS)
    gateway.app.parts.readiness.stopping = False
    refused = (await gateway.client.get("/status.json")).json()["refused"]
    assert (
        refused["sinceStart"]
        == refused["lastMinute"]
        == {
            "malformed": 2,
            "rate_limit": 1,
            "stopping": 1,
        }
    )
    assert refused["words"].keys() == refused["sinceStart"].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", refused["startedAt"])


@needs("compression")
async def test_a_short_document_is_not_compressed(public: Gateway) -> None:
    answer = await get(public, "/status.json")
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.json()["version"]


async def test_readiness_names_no_methods(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(
        cuebot.endpoint,
        descriptor_source="reflection",
        exclude_services=("job.JobInterface/Kil",),
        ready=False,
    ) as gateway:
        async with asyncio.timeout(20):
            while not gateway.app.parts.live.globs.unmatched:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        ready = await get(gateway, "/readyz")
        assert "did you mean job.JobInterface/Kill?" in gateway.app.parts.live.globs.unmatched[0]
    glob = "EXCLUDE_SERVICES: job.JobInterface/Kil matches nothing that Cuebot has"
    assert (ready.status_code, ready.json()["unmatched"]) == (503, [glob])
    assert ready.json()["reason"] == glob


@pytest.mark.gateway(docs="public")
async def test_the_status_for_everybody(gateway: Gateway) -> None:
    status = (await get(gateway, "/status.json")).json()
    assert status["cuebot"] == {"of": 1, "usable": 1}
    assert "features" not in status
    assert "load" not in status
    assert "refused" not in status
    assert status["schema"].keys() == {
        *("confirmed", "digest", "lookedAt", "changedAt", "interfaces", "methods")
    }


@needs("tokens")
async def test_several_cuebots_are_shown() -> None:
    away = f"127.0.0.1:{free_port()}"
    async with (
        running_cuebot(ChangingCuebot()) as one,
        running_cuebot(ChangingCuebot()) as other,
        gateway_for(f"{one.endpoint},{other.endpoint},{away}", docs="public") as gateway,
        asyncio.timeout(PATIENCE),
    ):
        status: Any = {}
        while not status or status["cuebot"]["usable"] < 2:
            status = (await get(gateway, "/status.json", **bearer())).json()
        gateway.app.parts.readiness.stopping = True
        ready = (await get(gateway, "/readyz")).json()
    endpoints = [one.endpoint, other.endpoint, away]
    states = {each["endpoint"]: each for each in status["cuebot"].pop("states")}
    assert status["cuebot"] == {"endpoints": endpoints, "of": 3, "usable": 2}
    assert [states[each]["state"] for each in endpoints] == ["answers", "answers", "away"]
    assert [bool(states[each]["reason"]) for each in endpoints] == [False, False, True]
    assert ready["status"] == "stopping"
