"""A tour of the farm over HTTP: submit a job spec, watch it render, pause it, kill it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.studio import build_farm
from tests.contract.specs import depend
from tests.simulator.specs import job_xml, layer_xml, spec_xml
from tests.support.farms import NOW, running_farm
from tests.support.servers import Gateway, gateway_for

pytestmark = pytest.mark.anyio

JOB = "demo-sh100-lena_tour"
RENDER = layer_xml(
    more="<cores>2.0</cores><threadable>True</threadable><memory>2g</memory><tags>general</tags>"
)
MOVIE = layer_xml("movie", kind="Util", span="1", services=("ffmpeg",))
WAITS = {"depjob": "tour", "deplayer": "movie", "onjob": "tour", "onlayer": "render"}
SPEC = spec_xml(
    job_xml(RENDER, MOVIE, name="tour", more="<priority>900</priority><maxretries>2</maxretries>"),
    shot="sh100",
    depends=depend("LAYER_ON_LAYER", **WAITS),
)


@dataclass
class Visitor:
    """Somebody with a token, and a watch that can be turned."""

    gateway: Gateway
    clock: StoppedClock

    async def ask(self, path: str, body: object = None) -> Any:
        """The JSON of a call that succeeds."""
        answer = await self.gateway.post(f"/{path}", body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def job(self) -> Any:
        wanted = {"r": {"jobs": [JOB], "includeFinished": True}}
        return (await self.ask("job.JobInterface/GetJobs", wanted))["jobs"]["jobs"][0]

    async def frames(self, *states: str) -> list[Any]:
        job = {"id": (await self.job())["id"]}
        request = {"job": job, "req": {"limit": 100, "states": {"frameStates": states}}}
        return list((await self.ask("job.JobInterface/GetFrames", request))["frames"]["frames"])

    async def host_of(self, frame: Any) -> Any:
        name = frame["lastResource"].partition("/")[0]
        return (await self.ask("host.HostInterface/FindHost", {"name": name}))["host"]


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    clock = StoppedClock(NOW)
    async with (
        running_farm(build_farm(read_messages(), clock=clock)) as cuebot,
        gateway_for(cuebot.endpoint, log_level="warning") as gateway,
    ):
        yield Visitor(gateway, clock)


async def test_a_tour_of_the_farm(visitor: Visitor) -> None:
    ask, clock = visitor.ask, visitor.clock

    # A spec becomes a job whose frames wait, and whose movie waits for the render.
    launched = await ask("job.JobInterface/LaunchSpecAndWait", {"spec": SPEC})
    (job,) = launched["jobs"]["jobs"]
    assert (job["name"], job["priority"], job["state"]) == (JOB, 900, "PENDING")
    assert (job["jobStats"]["waitingFrames"], job["jobStats"]["dependFrames"]) == (10, 1)
    by_id = {"job": {"id": job["id"]}}
    layers = await ask("job.JobInterface/GetLayers", by_id)
    render, _ = layers["layers"]["layers"]
    assert (render["minCores"], render["minMemory"]) == (2, str(2 * 1024 * 1024))

    # A few seconds later the frames run, each as a proc on a host, which is busier by its cores.
    clock.advance(10)
    running = await visitor.frames("RUNNING")
    assert len(running) == 10
    host = await visitor.host_of(running[0])
    found = await ask("host.HostInterface/GetProcs", {"host": {"id": host["id"]}})
    procs = {proc["frameName"]: proc for proc in found["procs"]["procs"] if proc["jobName"] == JOB}
    assert procs[running[0]["name"]]["reservedCores"] == 2
    reserved = sum(proc["reservedCores"] for proc in found["procs"]["procs"])
    assert host["cores"] - host["idleCores"] == reserved

    # Paused, a killed frame does not start again, and its host has its cores back.
    await ask("job.JobInterface/Pause", by_id)
    await ask("job.FrameInterface/Kill", {"frame": {"id": running[0]["id"]}})
    clock.advance(0.5)
    (killed,) = await visitor.frames("WAITING")
    assert (killed["id"], killed["exitStatus"] != 0) == (running[0]["id"], True)
    assert (await visitor.host_of(killed))["idleCores"] == host["idleCores"] + 2
    clock.advance(20)
    assert [frame["id"] for frame in await visitor.frames("WAITING")] == [killed["id"]]

    # Resumed, it is tried once more, as soon as a host has room for it.
    await ask("job.JobInterface/Resume", by_id)
    again = killed
    for _ in range(60):
        if again["state"] == "RUNNING":
            break
        clock.advance(5)
        again = (await ask("job.FrameInterface/GetFrame", {"id": killed["id"]}))["frame"]
    assert (again["state"], again["retryCount"]) == ("RUNNING", 1)

    # Killed, the job is over, and nothing of it runs anywhere.
    await ask("job.JobInterface/Kill", by_id | {"reason": "wrong plate"})
    clock.advance(0.5)
    assert (await visitor.job())["state"] == "FINISHED"
    left = await ask("host.ProcInterface/GetProcs", {"r": {"jobs": [JOB]}})
    assert left["procs"]["procs"] == []
    answer = await visitor.gateway.post("/job.JobInterface/FindJob", {"name": JOB})
    assert answer.status_code == 404
