"""What people call columns, on the simulated farm."""

import json
from typing import Any

import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.support.needs import needs
from tests.support.servers import Gateway

pytestmark = [pytest.mark.anyio, needs("names")]

JOB = "demo-sh010-artist1_light_v012"

Json = dict[str, Any]


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


# --- What people call things ----------------------------------------------------------------
async def rows(gateway: Gateway, target: str) -> list[Json]:
    answer = await gateway.client.get(f"{target}&_format=ndjson")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("name", ["host", "hostName", "hostname", "host_name"])
async def test_procs_and_frames_have_a_host(gateway: Gateway, name: str) -> None:
    hosts = {
        each["name"] for each in await rows(gateway, "/host.HostInterface/GetHosts?_fields=name")
    }
    procs = await rows(gateway, f"/host.ProcInterface/GetProcs?_fields={name},name")
    assert procs
    assert {each[name] for each in procs} <= hosts
    one = procs[0][name]
    there = [each for each in procs if each[name] == one]
    assert (
        await rows(gateway, f"/host.ProcInterface/GetProcs?_fields={name},name&_where={name}={one}")
        == there
    )
    frames = f"/job.JobInterface/GetFrames?job={JOB}&_where=state=RUNNING&_fields={name}"
    assert {each[name] for each in await rows(gateway, frames)} <= hosts


async def test_cores_of_subscriptions_are_in_use(gateway: Gateway) -> None:
    target = "/show.ShowInterface/GetSubscriptions?show=demo&_fields=inUse,reservedCores"
    found = await rows(gateway, target)
    assert found
    assert all(each["inUse"] == each["reservedCores"] for each in found)


@pytest.mark.parametrize("name", ["log", "logPath", "log_path", "logDir"])
async def test_where_a_frames_log_is_is_told(gateway: Gateway, name: str) -> None:
    answer = await gateway.client.get(f"/job.JobInterface/GetFrames?job={JOB}&_fields={name}")
    assert (answer.status_code, "/JOB.FRAME.rqlog" in answer.json()["message"]) == (400, True)
