"""Every call of OpenCue's published API reference, through a gateway to the simulated Cuebot.

Paths, bodies and answers are the document's own, with its example names and ids replaced by
those of the farm. Cuebot is as strict as ever; what it has otherwise than the document says is the
business of the compatibility profile, which is the built-in one here.
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.state import by_name
from cuebot_simulator.world.studio import build_farm
from gateway.access.tokens import TokenRules
from gateway_cli.tokens import mint_token
from tests.support.servers import SECRET, Gateway, SharedGateway, http_client

pytestmark = pytest.mark.anyio

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
UNCAUGHT = (
    f"org.springframework.dao.EmptyResultDataAccessException: {NOTHING_FOUND}\n{NOTHING_FOUND}"
)
START = 1_790_000_000
DEFAULT_REASON = "none given (through cuebot-gateway)"

Json = dict[str, Any]


@dataclass
class Studio:
    """A gateway in front of a farm, both fresh as far as a test can tell."""

    gateway: Gateway
    cuebot: SimulatedCuebot
    clock: StoppedClock
    names: dict[str, str]
    """The document's example names and ids, and the farm's in their place."""

    async def ask(self, path: str, body: Json | None = None) -> Json:
        """The JSON of a call that succeeds, and has ignored nothing."""
        self.clock.advance(0.25)  # what was ordered before is done by now
        answer = await self.post(path, body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert "x-ignored-fields" not in answer.headers
        content: Json = answer.json()
        return content

    async def post(self, path: str, body: Json | None = None) -> httpx.Response:
        """The answer to a call whose body may have the document's names in it."""
        return await self.gateway.post(path, self.translated(body or {}))

    def translated(self, value: Any) -> Any:
        """The value with the farm's names and ids in the place of the document's."""
        match value:
            case dict():
                return {name: self.translated(each) for name, each in value.items()}
            case list():
                return [self.translated(each) for each in value]
            case str():
                return self.names.get(value, value)
        return value

    async def job(self) -> Json:
        """The document's job, as `GetJob` tells."""
        job: Json = (await self.ask("/job.JobInterface/GetJob", {"id": "job-id-123"}))["job"]
        return job

    async def frame(self, key: str = "frame-id-456") -> Json:
        """A frame by id: without one, the document's, which runs."""
        frame: Json = (await self.ask("/frame.FrameInterface/GetFrame", {"id": key}))["frame"]
        return frame

    async def frames(self, *states: str) -> list[Json]:
        """The frames of the document's job that are in one of these states."""
        answer = await self.ask(
            "/job.JobInterface/GetFrames",
            {"job": {"id": "job-id-123"}, "req": {"limit": 500, "states": {"frameStates": states}}},
        )
        frames: list[Json] = answer["frames"]["frames"]
        return frames

    async def group(self) -> Json:
        """The document's group."""
        answer = await self.ask("/group.GroupInterface/GetGroup", {"id": "group-id-def"})
        group: Json = answer["group"]
        return group

    async def host(self) -> Json:
        """The document's host."""
        host: Json = (await self.ask("/host.HostInterface/GetHost", {"id": "host-id-abc"}))["host"]
        return host

    async def layer(self) -> Json:
        """The document's layer."""
        answer = await self.ask("/layer.LayerInterface/GetLayer", {"id": "layer-id-789"})
        layer: Json = answer["layer"]
        return layer

    async def listed(self) -> dict[str, Json]:
        """All pending jobs by id."""
        answer = await self.ask("/job.JobInterface/GetJobs")
        return {job["id"]: job for job in answer["jobs"]["jobs"]}

    async def deeds(self) -> list[Json]:
        """What the document's owner has."""
        answer = await self.ask("/owner.OwnerInterface/GetDeeds", {"owner": {"id": "owner-id"}})
        deeds: list[Json] = answer["deeds"]["deeds"]
        return deeds

    async def procs(self) -> list[Json]:
        """The procs on the document's host."""
        answer = await self.ask("/host.HostInterface/GetProcs", {"host": {"id": "host-id-abc"}})
        procs: list[Json] = answer["procs"]["procs"]
        return procs

    def everything(self) -> list[bytes]:
        """All that the farm holds, to be compared."""
        farm = self.cuebot.farm
        kinds = (farm.shows, farm.groups, farm.jobs, farm.layers, farm.frames, farm.procs)
        others = (farm.hosts, farm.owners, farm.deeds)
        return [thing.SerializeToString() for kind in (*kinds, *others) for thing in kind.values()]


@pytest.fixture
async def studio(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Studio:
    """A new farm, and a gateway that found its schema by reflection."""
    cuebot, clock = simulated_cuebot, StoppedClock(START)
    gateway = await shared_gateway(cuebot.endpoint, descriptor_source="reflection")
    cuebot.farm = farm = build_farm(cuebot.farm.messages, clock=clock)
    cuebot.calls.clear()
    return Studio(gateway, cuebot, clock, example_names(farm))


def example_names(farm: Any) -> dict[str, str]:
    """What stands in this farm for the names and ids of the document's examples."""
    job = by_name(farm.jobs, "demo-sh010-lena_comp_v003")
    layer = next(layer for layer in farm.layers_of(job) if layer.name == "comp")
    host = by_name(farm.hosts, "render-node-01")
    proc = next(
        proc for proc in farm.procs_of(farm.frames_of(layer)) if farm.host_of[proc.id] == host.id
    )
    owner = by_name(farm.owners, "artist1")
    return {
        "myshow": "demo",
        "myshow-shot001-comp": job.name,
        "comp_layer": layer.name,
        "job-id-123": job.id,
        "frame-id-456": farm.parent_of[proc.id],
        "layer-id-789": layer.id,
        "host-id-abc": host.id,
        "group-id-def": farm.parent_of[job.id],
        "proc-id-ghi": proc.id,
        "deed-id-jkl": next(deed.id for deed in farm.deeds.values() if deed.owner == owner.name),
        "owner-id": owner.id,
        "desk-id": by_name(farm.hosts, "desk-203").id,
    }


# --- The document ---------------------------------------------------------------------------

SHOW: Json = {"id": "", "name": "", "defaultMinCores": 1, "defaultMaxCores": 100, "active": True}
JOB_STATS: Json = {
    "runningFrames": 0,
    "deadFrames": 0,
    "pendingFrames": 25,
    "succeededFrames": 0,
    "totalFrames": 25,
}
JOB: Json = {
    "id": "",
    "name": "",
    "state": "PENDING",
    "shot": "",
    "show": "",
    "user": "",
    "group": "",
    "facility": "",
    "priority": 100,
    "minCores": 1,
    "maxCores": 10,
    "isPaused": False,
    "hasComment": False,
    "startTime": 1694000000,
    "stopTime": 0,
    "jobStats": JOB_STATS,
}
FRAME: Json = {
    "id": "",
    "name": "",
    "layerName": "",
    "number": 1,
    "state": "WAITING",
    "retryCount": 0,
    "exitStatus": -1,
    "startTime": 0,
    "stopTime": 0,
    "maxRss": "0",
    "usedMemory": "0",
    "lastResource": "",
    "totalCoreTime": 300,
}
LAYER: Json = {
    "id": "",
    "name": "",
    "type": "Render",
    "isEnabled": True,
    "minimumCores": 1,
    "maximumCores": 4,
    "minimumMemory": 2147483648,
    "layerStats": JOB_STATS,
}
HOST: Json = {
    "id": "",
    "name": "",
    "lockState": "OPEN",
    "bootTime": 1694000000,
    "pingTime": 1694001000,
    "os": "",
    "totalCores": 16,
    "idleCores": 12,
    "totalMemory": 68719476736,
    "freeMemory": 34359738368,
    "totalGpus": 2,
    "freeGpus": 2,
    "hostStats": {"totalFrames": 4, "runningFrames": 4},
}
GROUP: Json = {
    "id": "",
    "name": "",
    "department": "",
    "defaultJobPriority": 100,
    "defaultJobMinCores": 1,
    "defaultJobMaxCores": 8,
    "groupStats": {"runningFrames": 5, "deadFrames": 0, "pendingFrames": 20, "pendingJobs": 3},
}
OWNER: Json = {
    "name": "",
    "maxCores": 20,
    "minCores": 2,
    "maxGpus": 4,
    "minGpus": 0,
    "ownerStats": {"runningFrames": 8, "maxFrames": 50},
}


DEEDS_HOST = ("id", "name", "lockState", "totalCores", "idleCores")
PROC: Json = {
    "id": "",
    "name": "",
    "logPath": "",
    "unbooked": False,
    "reserved": True,
    "bookedCores": 4,
    "virtualMemory": 8589934592,
    "usedMemory": 4294967296,
    "bookedGpus": 1,
    "usedGpuMemory": 2147483648,
}

NO_HOST = frozenset({"hostStats"})
NO_OWNER = frozenset({"maxCores", "minCores", "maxGpus", "minGpus", "ownerStats"})
NO_PROC = frozenset({"reserved", "virtualMemory"})
IMPOSSIBLE = (("host.Host", NO_HOST), ("host.Owner", NO_OWNER), ("host.Proc", NO_PROC))
"""Documented fields that no version of the protos has, under any name."""

JOB_BODY: Json = {"job": {"id": "job-id-123"}}
FRAME_BODY: Json = {"frame": {"id": "frame-id-456"}}
HOST_BODY: Json = {"host": {"id": "host-id-abc"}}
PROC_BODY: Json = {"proc": {"id": "proc-id-ghi"}}
DEED_BODY: Json = {"deed": {"id": "deed-id-jkl"}}

NATIVE_SERVICES = {
    "frame": "job",
    "layer": "job",
    "group": "job",
    "owner": "host",
    "proc": "host",
    "deed": "host",
}
"""The documented packages that OpenCue does not have, and those that are meant."""


def native_path(path: str) -> str:
    """OpenCue's own path of a documented one."""
    package, _, rest = path.removeprefix("/").partition(".")
    return f"/{NATIVE_SERVICES.get(package, package)}.{rest}"


def assert_documented(documented: Any, given: Any, lacks: frozenset[str], at: str = "") -> None:
    """Whether an answer has the documented fields, each with a value of the documented kind."""
    match documented:
        case dict():
            assert isinstance(given, dict), at
            for name, value in documented.items():
                if name in lacks:
                    assert name not in given, f"{at}.{name} exists; lack it no longer"
                else:
                    assert name in given, f"{at}.{name} is missing"
                    assert_documented(value, given[name], lacks, f"{at}.{name}")
        case list():
            assert isinstance(given, list), at
            assert given, f"{at} is empty"
            for number, each in enumerate(given):
                assert_documented(documented[0], each, lacks, f"{at}[{number}]")
        case bool() | str():
            assert type(given) is type(documented), f"{at}: {given!r}"
        case _:  # The document writes 64-bit integers as numbers; JSON has them as strings.
            assert isinstance(given, int | float | str), at
            assert not isinstance(given, bool), at
            assert not isinstance(given, str) or given.isdecimal(), f"{at}: {given!r}"


def refused(answer: httpx.Response, status: int, name: str, code: int) -> str:
    """Check an answer for the documented error format, and give its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert list(content) == ["error", "code", "message"]
    assert (content["error"], content["code"]) == (name, code)
    assert isinstance(content["message"], str)
    assert content["message"]
    message: str = content["message"]
    return message


Ask = Callable[[], Awaitable[Json]]
"""Makes the documented call, and gives its answer."""


# --- What the calls do ----------------------------------------------------------------------


async def shows_are_all_there(studio: Studio, ask: Ask) -> None:
    """All shows of the farm, each as it is found by name."""
    shows = (await ask())["shows"]["shows"]
    assert [show["name"] for show in shows] == ["demo", "harbor", "northwind"]
    found = await studio.ask("/show.ShowInterface/FindShow", {"name": "myshow"})
    assert found["show"] in shows


async def show_is_found(studio: Studio, ask: Ask) -> None:
    """The show of that name and no other."""
    show = (await ask())["show"]
    farms = by_name(studio.cuebot.farm.shows, "demo")
    assert (show["id"], show["name"], show["active"]) == (farms.id, "demo", True)


async def show_is_created_as_asked(studio: Studio, ask: Ask) -> None:
    """The new show has the cores asked for, in the answer and in the farm."""
    show = (await ask())["show"]
    assert (show["defaultMinCores"], show["defaultMaxCores"]) == (1, 50)
    assert (show["name"], show["active"]) == ("newshow", True)
    found = (await studio.ask("/show.ShowInterface/FindShow", {"name": "newshow"}))["show"]
    assert found == show
    shows = (await studio.ask("/show.ShowInterface/GetShows"))["shows"]["shows"]
    assert [each["name"] for each in shows] == ["demo", "harbor", "northwind", "newshow"]


async def jobs_are_those_of_the_show(studio: Studio, ask: Ask) -> None:
    """All pending jobs of the show, and none of another one."""
    jobs = {job["id"]: job for job in (await ask())["jobs"]["jobs"]}
    listed = await studio.listed()
    assert jobs == {key: job for key, job in listed.items() if job["show"] == "demo"}
    assert 0 < len(jobs) < len(listed)


async def job_is_found(studio: Studio, ask: Ask) -> None:
    """The job of that name, as it is listed and had by id."""
    job = (await ask())["job"]
    assert job == await studio.job() == (await studio.listed())[job["id"]]
    assert (job["show"], job["group"]) == ("demo", "comp")


async def frames_are_the_jobs(studio: Studio, ask: Ask) -> None:
    """All frames of the job, since they fit on the first page."""
    frames = (await ask())["frames"]["frames"]
    assert frames == await studio.frames()
    assert len(frames) == (await studio.job())["jobStats"]["totalFrames"]


async def is_paused(studio: Studio) -> bool:
    """Whether the document's job is paused, which every way to it says alike."""
    found = await studio.ask("/job.JobInterface/FindJob", {"name": "myshow-shot001-comp"})
    job = await studio.job()
    assert job == found["job"] == (await studio.listed())[job["id"]]
    paused: bool = job["isPaused"]
    return paused


async def job_is_paused(studio: Studio, ask: Ask) -> None:
    """A job that was not paused is, and nothing else changes."""
    assert not await is_paused(studio)
    before = studio.everything()
    assert await ask() == {}
    assert await is_paused(studio)
    assert sum(now != then for now, then in zip(studio.everything(), before, strict=True)) == 1


async def job_is_resumed(studio: Studio, ask: Ask) -> None:
    """A paused job is as it was before it was paused."""
    before = studio.everything()
    await studio.ask("/job.JobInterface/Pause", JOB_BODY)
    assert await is_paused(studio)
    assert await ask() == {}
    assert not await is_paused(studio)
    assert studio.everything() == before


async def job_is_killed(studio: Studio, ask: Ask) -> None:
    """It is no longer listed or found by name; by id it is finished, and nothing runs.

    Cuebot lets a job live that is killed without a reason.
    """
    idle = (await studio.host())["idleCores"]
    studio.clock.advance(2)
    assert await ask() == {}
    assert studio.names["job-id-123"] not in await studio.listed()
    answer = await studio.post("/job.JobInterface/FindJob", {"name": "myshow-shot001-comp"})
    assert refused(answer, 404, "NOT_FOUND", 5) == NOTHING_FOUND
    job = await studio.job()
    assert job["state"] == "FINISHED"
    assert START + 2 <= job["stopTime"] <= studio.clock()
    assert job["jobStats"]["runningFrames"] == 0
    assert await studio.frames("RUNNING") == []
    assert (await studio.host())["idleCores"] > idle


def changed(before: Json, after: Json) -> Json:
    """By how much the frame counts differ, where they do."""
    return {
        name: after[name] - count
        for name, count in before.items()
        if name.endswith("Frames") and after[name] != count
    }


async def frame_is_found(studio: Studio, ask: Ask) -> None:
    """The frame of that id, as it is among its job's."""
    frame = (await ask())["frame"]
    assert frame["id"] == studio.names["frame-id-456"]
    assert frame in await studio.frames("RUNNING")
    assert frame["layerName"] == (await studio.layer())["name"]


async def frame_is_retried(studio: Studio, ask: Ask) -> None:
    """A frame that is done waits again."""
    before = (await studio.job())["jobStats"]
    studio.names["frame-id-456"] = (await studio.frames("SUCCEEDED"))[0]["id"]
    assert await ask() == {}
    assert (await studio.frame())["state"] == "WAITING"
    moved = {"waitingFrames": 1, "pendingFrames": 1, "succeededFrames": -1}
    assert changed(before, (await studio.job())["jobStats"]) == moved


async def frame_is_killed(studio: Studio, ask: Ask) -> None:
    """It leaves its host and waits for its next try; the job's counts follow."""
    before, host = (await studio.job())["jobStats"], await studio.host()
    assert (await studio.frame())["state"] == "RUNNING"
    studio.clock.advance(2)
    assert await ask() == {}
    frame = await studio.frame()
    assert (frame["state"], frame["exitStatus"]) == ("WAITING", 1)
    assert START + 2 <= frame["stopTime"] <= studio.clock()
    assert frame["usedMemory"] == "0"
    moved = {"runningFrames": -1, "waitingFrames": 1, "pendingFrames": 1}
    assert changed(before, (await studio.job())["jobStats"]) == moved
    assert (await studio.host())["idleCores"] == host["idleCores"] + 2


async def frame_is_eaten(studio: Studio, ask: Ask) -> None:
    """It counts as done."""
    before = (await studio.job())["jobStats"]
    assert await ask() == {}
    assert (await studio.frame())["state"] == "EATEN"
    moved = {"runningFrames": -1, "eatenFrames": 1}
    assert changed(before, (await studio.job())["jobStats"]) == moved


async def layer_is_found(studio: Studio, ask: Ask) -> None:
    """The layer of the job, whose documented names have the values of Cuebot's."""
    layer = (await ask())["layer"]
    assert layer == await studio.layer()
    assert (layer["name"], layer["parentId"]) == ("comp", studio.names["job-id-123"])
    for documented, native in (("minimum", "min"), ("maximum", "max")):
        assert layer[f"{documented}Cores"] == layer[f"{native}Cores"]
    assert layer["minimumMemory"] == layer["minMemory"] != "0"


async def frames_are_the_layers(studio: Studio, ask: Ask) -> None:
    """All frames of the layer, since they fit on the first page."""
    frames = (await ask())["frames"]["frames"]
    assert frames == [each for each in await studio.frames() if each["layerName"] == "comp"]
    assert len(frames) == (await studio.layer())["layerStats"]["totalFrames"] > 0


async def layers_frames_are_killed(studio: Studio, ask: Ask) -> None:
    """What ran of the layer waits."""
    assert (await studio.layer())["layerStats"]["runningFrames"] == 3
    assert await ask() == {}
    stats = (await studio.layer())["layerStats"]
    assert (stats["runningFrames"], stats["waitingFrames"]) == (0, 16)
    assert await studio.frames("RUNNING") == []


def give_gpus(studio: Studio) -> None:
    """Let the farm's hosts have GPUs, of which one is free."""
    for host in studio.cuebot.farm.hosts.values():
        host.gpus, host.idle_gpus = 2, 1


def assert_documented_host(host: Json) -> None:
    """The documented names of a host have the values of Cuebot's."""
    assert host["totalCores"] == host["cores"] > 0
    assert (host["totalGpus"], host["freeGpus"]) == (host["gpus"], host["idleGpus"]) == (2, 1)


async def hosts_are_all_there(studio: Studio, ask: Ask) -> None:
    """All hosts of the farm, under the documented names too."""
    give_gpus(studio)
    hosts = (await ask())["hosts"]["hosts"]
    assert {host["id"] for host in hosts} == set(studio.cuebot.farm.hosts)
    for host in hosts:
        assert_documented_host(host)
    assert await studio.host() in hosts


async def host_is_found(studio: Studio, ask: Ask) -> None:
    """The host of that name or id, whose cores are with its procs or idle."""
    give_gpus(studio)
    host = (await ask())["host"]
    assert host["id"] == studio.names["host-id-abc"]
    assert host == await studio.host()
    assert_documented_host(host)
    used = sum(proc["bookedCores"] for proc in await studio.procs())
    assert host["totalCores"] - host["idleCores"] == used > 0


async def host_is_locked(studio: Studio, ask: Ask) -> None:
    """It says so wherever it is read; what runs there runs on."""
    procs = await studio.procs()
    assert (await studio.host())["lockState"] == "OPEN"
    assert await ask() == {}
    assert (await studio.host())["lockState"] == "LOCKED"
    hosts = (await studio.ask("/host.HostInterface/GetHosts"))["hosts"]["hosts"]
    locked = {host["name"] for host in hosts if host["lockState"] == "LOCKED"}
    assert locked == {"render-node-01", "render-node-06"}
    assert await studio.procs() == procs


async def host_is_unlocked(studio: Studio, ask: Ask) -> None:
    """A locked host is open again."""
    await studio.ask("/host.HostInterface/Lock", HOST_BODY)
    assert (await studio.host())["lockState"] == "LOCKED"
    assert await ask() == {}
    assert (await studio.host())["lockState"] == "OPEN"


async def group_is_found(studio: Studio, ask: Ask) -> None:
    """The group of that name in that show, or of that id."""
    group = (await ask())["group"]
    assert (group["id"], group["name"]) == (studio.names["group-id-def"], "comp")
    assert group == await studio.group()


async def group_has_at_least(studio: Studio, ask: Ask) -> None:
    """The group's least cores are what was asked for, and nothing else changes."""
    before = await studio.group()
    assert before["minCores"] != 4
    assert await ask() == {}
    assert await studio.group() == before | {"minCores": 4}


async def group_has_at_most(studio: Studio, ask: Ask) -> None:
    """The group's most cores are what was asked for, and nothing else changes."""
    before = await studio.group()
    assert before["maxCores"] != 16
    assert await ask() == {}
    assert await studio.group() == before | {"maxCores": 16}


async def owner_is_found(studio: Studio, ask: Ask) -> None:
    """The owner, and how many hosts are theirs."""
    owner = (await ask())["owner"]
    assert (owner["id"], owner["name"]) == (studio.names["owner-id"], "artist1")
    assert owner["hostCount"] == len(await studio.deeds()) > 0


async def host_is_taken(studio: Studio, ask: Ask) -> None:
    """The host has its new owner, by its deed and by the owner's hosts."""
    hosts = {deed["host"] for deed in await studio.deeds()}
    assert await ask() == {}
    deeds = {deed["host"]: deed for deed in await studio.deeds()}
    assert set(deeds) - hosts == {"desk-203"}
    body = {"deed": deeds["desk-203"]}
    owner = (await studio.ask("/deed.DeedInterface/GetOwner", body))["owner"]
    assert (owner["id"], owner["hostCount"]) == (studio.names["owner-id"], len(deeds))


async def host_is_the_deeds(studio: Studio, ask: Ask) -> None:
    """The host that the deed names, as it is found by that name."""
    host = (await ask())["host"]
    (deed,) = [each for each in await studio.deeds() if each["id"] == studio.names["deed-id-jkl"]]
    found = await studio.ask("/host.HostInterface/FindHost", {"name": deed["host"]})
    assert host == found["host"]


async def proc_is_found(studio: Studio, ask: Ask) -> None:
    """The proc of that id, as it is among its host's."""
    proc = (await ask())["proc"]
    assert proc["id"] == studio.names["proc-id-ghi"]
    assert proc in await studio.procs()


async def proc_is_killed(studio: Studio, ask: Ask) -> None:
    """It gives its cores and memory back, and its frame waits."""
    before, procs = await studio.host(), await studio.procs()
    assert await ask() == {}
    after = await studio.host()
    assert after["idleCores"] == before["idleCores"] + 2
    assert int(after["idleMemory"]) > int(before["idleMemory"])
    left = {proc["id"] for proc in await studio.procs()}
    assert left == {proc["id"] for proc in procs} - {studio.names["proc-id-ghi"]}
    assert (await studio.frame())["state"] == "WAITING"


async def proc_is_unbooked(studio: Studio, ask: Ask) -> None:
    """It keeps its cores until its frame ends, and gets no other one."""
    before = await studio.host()
    assert await ask() == {}
    unbooked = [proc["id"] for proc in await studio.procs() if proc["unbooked"]]
    assert unbooked == [studio.names["proc-id-ghi"]]
    assert await studio.host() == before
    assert (await studio.frame())["state"] == "RUNNING"


# --- The calls ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the document."""

    path: str
    body: Json = field(default_factory=dict)
    effect: Callable[[Studio, Ask], Awaitable[None]]
    """Makes the call, and checks what it promises."""
    answer: Json = field(default_factory=dict)
    """The documented answer: its field names and JSON types count, not its values."""
    lacks: frozenset[str] = frozenset()
    """Documented fields of the answer that no version of the protos has."""
    native: Json | None = None
    """The body that the protos have, where the document's is another."""
    means: dict[str, str] = field(default_factory=dict)
    """Which names of the farm its examples stand for, where they are not the usual ones."""
    steps: tuple[str, ...] = ()
    """What Cuebot is asked, where it is more or other than the call itself."""


CALLS = (
    Call(
        path="/show.ShowInterface/GetShows",
        effect=shows_are_all_there,
        answer={
            "shows": {
                "shows": [
                    SHOW
                    | {
                        "commentEmail": "",
                        "bookingEnabled": True,
                        "dispatchEnabled": True,
                        "showStats": {
                            "runningFrames": 5,
                            "deadFrames": 0,
                            "pendingFrames": 10,
                            "pendingJobs": 2,
                        },
                        "defaultMinGpus": 0,
                        "defaultMaxGpus": 10,
                    }
                ]
            }
        },
    ),
    Call(
        path="/show.ShowInterface/FindShow",
        effect=show_is_found,
        body={"name": "myshow"},
        answer={"show": SHOW},
    ),
    Call(
        path="/show.ShowInterface/CreateShow",
        effect=show_is_created_as_asked,
        body={"name": "newshow", "defaultMinCores": 1, "defaultMaxCores": 50},
        steps=(
            "/show.ShowInterface/FindShow",
            "/show.ShowInterface/CreateShow",
            "/show.ShowInterface/SetDefaultMinCores",
            "/show.ShowInterface/SetDefaultMaxCores",
            "/show.ShowInterface/FindShow",
        ),
        answer={"show": SHOW},
    ),
    Call(
        path="/job.JobInterface/GetJobs",
        effect=jobs_are_those_of_the_show,
        body={"r": {"show": {"name": "myshow"}, "includeFinished": False, "maxResults": 100}},
        native={"r": {"shows": ["myshow"], "includeFinished": False}},
        answer={"jobs": {"jobs": [JOB]}},
    ),
    Call(
        path="/job.JobInterface/FindJob",
        effect=job_is_found,
        body={"name": "myshow-shot001-comp"},
        answer={"job": JOB},
    ),
    Call(
        path="/job.JobInterface/GetFrames",
        effect=frames_are_the_jobs,
        body=JOB_BODY | {"req": {"includeFinished": True, "page": 1, "limit": 100}},
        answer={"frames": {"frames": [FRAME]}},
    ),
    Call(path="/job.JobInterface/Pause", effect=job_is_paused, body=JOB_BODY),
    Call(path="/job.JobInterface/Resume", effect=job_is_resumed, body=JOB_BODY),
    Call(path="/job.JobInterface/Kill", effect=job_is_killed, body=JOB_BODY),
    Call(
        path="/frame.FrameInterface/GetFrame",
        effect=frame_is_found,
        body={"id": "frame-id-456"},
        answer={"frame": FRAME},
    ),
    Call(path="/frame.FrameInterface/Retry", effect=frame_is_retried, body=FRAME_BODY),
    Call(path="/frame.FrameInterface/Kill", effect=frame_is_killed, body=FRAME_BODY),
    Call(path="/frame.FrameInterface/Eat", effect=frame_is_eaten, body=FRAME_BODY),
    Call(
        path="/layer.LayerInterface/GetLayer",
        effect=layer_is_found,
        body={"id": "layer-id-789"},
        answer={"layer": LAYER},
    ),
    Call(
        path="/layer.LayerInterface/FindLayer",
        effect=layer_is_found,
        body={"job": {"id": "job-id-123"}, "layer": "comp_layer"},
        native={"job": "myshow-shot001-comp", "layer": "comp_layer"},
        steps=("/job.JobInterface/GetJob", "/job.LayerInterface/FindLayer"),
        answer={"layer": LAYER},
    ),
    Call(
        path="/layer.LayerInterface/GetFrames",
        effect=frames_are_the_layers,
        body={"layer": {"id": "layer-id-789"}, "req": {"page": 1, "limit": 100}},
        native={"layer": {"id": "layer-id-789"}, "s": {"page": 1, "limit": 100}},
        answer={"frames": {"frames": [FRAME]}},
    ),
    Call(
        path="/host.HostInterface/GetHosts",
        effect=hosts_are_all_there,
        answer={"hosts": {"hosts": [HOST]}},
        lacks=NO_HOST,
    ),
    Call(
        path="/host.HostInterface/FindHost",
        effect=host_is_found,
        body={"name": "render-node-01"},
        answer={"host": HOST},
        lacks=NO_HOST,
    ),
    Call(
        path="/host.HostInterface/GetHost",
        effect=host_is_found,
        body={"id": "host-id-abc"},
        answer={"host": HOST},
        lacks=NO_HOST,
    ),
    Call(path="/host.HostInterface/Lock", effect=host_is_locked, body=HOST_BODY),
    Call(path="/host.HostInterface/Unlock", effect=host_is_unlocked, body=HOST_BODY),
    Call(
        path="/group.GroupInterface/FindGroup",
        effect=group_is_found,
        body={"show": {"name": "myshow"}, "name": "comp"},
        native={"show": "myshow", "name": "comp"},
        answer={"group": GROUP},
    ),
    Call(
        path="/group.GroupInterface/GetGroup",
        effect=group_is_found,
        body={"id": "group-id-def"},
        answer={"group": GROUP},
    ),
    Call(
        path="/group.GroupInterface/SetMinCores",
        effect=group_has_at_least,
        body={"group": {"id": "group-id-def"}, "cores": 4},
    ),
    Call(
        path="/group.GroupInterface/SetMaxCores",
        effect=group_has_at_most,
        body={"group": {"id": "group-id-def"}, "cores": 16},
    ),
    Call(
        path="/owner.OwnerInterface/GetOwner",
        effect=owner_is_found,
        body={"name": "artist1"},
        answer={"owner": OWNER},
        lacks=NO_OWNER,
    ),
    Call(
        path="/owner.OwnerInterface/TakeOwnership",
        effect=host_is_taken,
        means={"host-id-abc": "desk-id"},  # only hosts with NIMBY can be taken
        body={"host": {"id": "host-id-abc"}, "owner": {"name": "artist1"}},
        steps=(
            "/host.HostInterface/GetHost",
            "/host.OwnerInterface/GetOwner",
            "/host.OwnerInterface/TakeOwnership",
        ),
    ),
    Call(
        path="/layer.LayerInterface/Kill",
        effect=layers_frames_are_killed,
        body={"layer": {"id": "layer-id-789"}},
        steps=("/job.LayerInterface/KillFrames",),
    ),
    Call(
        path="/proc.ProcInterface/GetProc",
        effect=proc_is_found,
        body={"id": "proc-id-ghi"},
        answer={"proc": PROC},
        lacks=NO_PROC,
        steps=("/host.ProcInterface/GetProcs",),
    ),
    Call(path="/proc.ProcInterface/Kill", effect=proc_is_killed, body=PROC_BODY),
    Call(path="/proc.ProcInterface/Unbook", effect=proc_is_unbooked, body=PROC_BODY),
    Call(
        path="/deed.DeedInterface/GetOwner",
        effect=owner_is_found,
        body=DEED_BODY,
        answer={"owner": OWNER},
        lacks=NO_OWNER,
    ),
    Call(
        path="/deed.DeedInterface/GetHost",
        effect=host_is_the_deeds,
        body=DEED_BODY,
        answer={"host": {key: HOST[key] for key in DEEDS_HOST}},
        steps=(
            "/host.DeedInterface/GetHost",
            "/host.DeedInterface/GetOwner",
            "/host.OwnerInterface/GetDeeds",
            "/host.HostInterface/FindHost",
        ),
    ),
)
"""The documented calls that a Cuebot can serve, with the gateway's help."""

ABSENT = (
    (
        "/owner.OwnerInterface/SetMaxCores",
        {"owner": {"name": "artist1"}, "cores": 32},
        {"OwnerInterface/TakeOwnership", "JobInterface/SetMaxCores", "GroupInterface/SetMaxCores"},
    ),
)
"""The documented calls that no Cuebot can serve, and methods that the 404 names."""


def path_of(call: Call) -> str:
    return call.path.removeprefix("/")


def test_the_tables_are_the_document() -> None:
    paths = [*(call.path for call in CALLS), *(path for path, _, _ in ABSENT)]
    assert len(paths) == len(set(paths)) == 34
    assert len({path.rpartition("/")[0] for path in paths}) == 9


@pytest.mark.parametrize("call", CALLS, ids=path_of)
async def test_documented_calls_do_what_the_document_says(studio: Studio, call: Call) -> None:
    async def ask() -> Json:
        return await studio.ask(call.path, call.body)

    studio.names |= {name: studio.names[other] for name, other in call.means.items()}
    await call.effect(studio, ask)


@pytest.mark.parametrize("call", CALLS, ids=path_of)
async def test_documented_calls_answer(studio: Studio, call: Call) -> None:
    studio.names |= {name: studio.names[other] for name, other in call.means.items()}
    given = await studio.ask(call.path, call.body)
    assert_documented(call.answer, given, call.lacks)
    if not call.answer:
        assert given == {}
    heard = call.steps or (native_path(call.path),)
    assert tuple(path for path, _ in studio.cuebot.calls) == heard


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS if call.answer and not call.path.endswith("/CreateShow")],
    ids=path_of,
)
async def test_native_calls_answer_alike(studio: Studio, call: Call) -> None:
    body = call.body if call.native is None else call.native
    documented = await studio.ask(call.path, call.body)
    assert await studio.ask(call.path, body) == documented
    assert await studio.ask(native_path(call.path), body) == documented
    assert await studio.ask(native_path(call.path), call.body) == documented


@pytest.mark.parametrize(
    ("path", "body", "nearest"), ABSENT, ids=[path[1:] for path, _, _ in ABSENT]
)
async def test_documented_methods_that_no_cuebot_has(
    studio: Studio, path: str, body: Json, nearest: set[str]
) -> None:
    for each in (path, native_path(path)):
        message = refused(await studio.post(each, body), 404, "NOT_FOUND", 5)
        assert message.startswith(f"no Cuebot has {each[1:]}: ")
        named = set(re.findall(r"\w+Interface/\w+", message.partition(": ")[2]))
        assert named >= nearest
        services = studio.cuebot.farm.messages.services
        for name in named:
            service, _, method = name.partition("/")
            owner = next(full for full in services if full.endswith(f".{service}"))
            found = studio.cuebot.farm.messages.pool.FindServiceByName(owner)
            assert method in found.methods_by_name, name
    assert not studio.cuebot.calls


async def test_procs_have_their_documented_fields(studio: Studio) -> None:
    procs = await studio.procs()
    assert_documented([PROC], procs, NO_PROC)
    for proc in procs:
        assert proc["bookedCores"] == proc["reservedCores"] > 0
        assert proc["bookedGpus"] == proc["reservedGpus"]


@pytest.mark.parametrize(("message", "names"), IMPOSSIBLE, ids=[name for name, _ in IMPOSSIBLE])
def test_what_is_impossible_is_in_the_docs(message: str, names: frozenset[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
    impossible = page.partition("\n## Impossible\n")[2]
    rows = [line for line in impossible.splitlines() if line.startswith(f"| `{message}` ")]
    assert len(rows) == 1
    assert names <= set(re.findall(r"`(\w+)`", rows[0]))


@pytest.mark.parametrize("path", [*map(path_of, CALLS), *(path[1:] for path, _, _ in ABSENT)])
def test_every_documented_call_is_in_the_docs(path: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\| `{re.escape(path)}` ", page, re.MULTILINE)) == 1


# --- What the farm says, beyond the document ------------------------------------------------


async def test_jobs_of_a_show(studio: Studio) -> None:
    async def names(**criteria: Any) -> set[tuple[str, str]]:
        jobs = (await studio.ask("/job.JobInterface/GetJobs", {"r": criteria}))["jobs"]["jobs"]
        return {(job["show"], job["state"]) for job in jobs}

    assert {show for show, _ in await names()} == {"demo", "harbor", "northwind"}
    assert await names(shows=["myshow"]) == {("demo", "PENDING")}
    everything = await names(shows=["myshow"], includeFinished=True)
    assert everything == {("demo", "PENDING"), ("demo", "FINISHED")}
    assert await names(show={"name": "myshow"}, includeFinished=True) == everything
    assert await names(shows=["nothing"]) == await names(show={"name": "nothing"}) == set()


async def test_frames_come_in_pages(studio: Studio) -> None:
    async def numbers(**criteria: Any) -> list[str]:
        body = JOB_BODY | {"req": criteria}
        frames = (await studio.ask("/job.JobInterface/GetFrames", body))["frames"]["frames"]
        return [frame["name"] for frame in frames]

    everything = await numbers(page=1, limit=100)
    assert await numbers(page=1, limit=10) == everything[:10]
    assert await numbers(page=3, limit=10) == everything[20:]
    assert await numbers(page=4, limit=10) == []
    assert await numbers(page=1) == await numbers() == everything
    assert await numbers(page=1, limit=0) == []


async def test_create_show_without_cores(studio: Studio) -> None:
    show = (await studio.ask("/show.ShowInterface/CreateShow", {"name": "newshow"}))["show"]
    assert [path for path, _ in studio.cuebot.calls] == [
        "/show.ShowInterface/FindShow",
        "/show.ShowInterface/CreateShow",
    ]
    found = (await studio.ask("/show.ShowInterface/FindShow", {"name": "newshow"}))["show"]
    assert found == show


async def test_create_show_with_one_of_the_cores(studio: Studio) -> None:
    plain = (await studio.ask("/show.ShowInterface/CreateShow", {"name": "newshow"}))["show"]
    body = {"name": "other", "default_min_cores": 0}
    show = (await studio.ask("/show.ShowInterface/CreateShow", body))["show"]
    assert show["defaultMinCores"] == 0 != plain["defaultMinCores"]
    assert show["defaultMaxCores"] == plain["defaultMaxCores"]


async def test_a_show_that_is_there_is_not_changed(studio: Studio) -> None:
    """It is found, and then there is no call that would change anything."""
    before = studio.everything()
    body = {"name": "myshow", "defaultMinCores": 7}
    answer = await studio.post("/show.ShowInterface/CreateShow", body)
    refused(answer, 409, "ALREADY_EXISTS", 6)
    assert [path for path, _ in studio.cuebot.calls] == ["/show.ShowInterface/FindShow"]
    assert studio.everything() == before


async def test_nothing_follows_a_show_that_is_not_created(studio: Studio) -> None:
    before = studio.everything()
    body = {"name": "my", "defaultMinCores": 7}
    answer = await studio.post("/show.ShowInterface/CreateShow", body)
    refused(answer, 500, "INTERNAL", 13)
    made = [path for path, _ in studio.cuebot.calls]
    assert made == ["/show.ShowInterface/FindShow", "/show.ShowInterface/CreateShow"]
    assert studio.everything() == before


async def test_a_reason_of_ones_own_is_kept(studio: Studio) -> None:
    for reason, sent in (("wrong plate", "wrong plate"), ("", DEFAULT_REASON)):
        answer = await studio.gateway.post(
            "/job.JobInterface/Kill",
            studio.translated(JOB_BODY | {"reason": reason}),
            headers={"X-Dry-Run": "1"},
        )
        assert answer.json()["request"]["reason"] == sent


async def test_retry_a_dead_frame(studio: Studio) -> None:
    name = "demo-sh010-artist1_light_v012"
    studio.names["job-id-123"] = by_name(studio.cuebot.farm.jobs, name).id
    before, dead = (await studio.job())["jobStats"], await studio.frames("DEAD")
    assert len(dead) == before["deadFrames"] == 2
    await studio.ask("/frame.FrameInterface/Retry", {"frame": {"id": dead[0]["id"]}})
    after = (await studio.job())["jobStats"]
    assert changed(before, after) == {"waitingFrames": 1, "pendingFrames": 1, "deadFrames": -1}


async def test_eat_a_waiting_frame(studio: Studio) -> None:
    before = (await studio.job())["jobStats"]
    waiting = (await studio.frames("WAITING"))[0]["id"]
    assert await studio.ask("/frame.FrameInterface/Eat", {"frame": {"id": waiting}}) == {}
    assert (await studio.frame(waiting))["state"] == "EATEN"
    moved = {"waitingFrames": -1, "pendingFrames": -1, "eatenFrames": 1}
    assert changed(before, (await studio.job())["jobStats"]) == moved


@pytest.mark.parametrize("limit", ["minCores", "maxCores"])
@pytest.mark.parametrize("snake", [False, True], ids=["camelCase", "snake_case"])
async def test_limit_a_groups_cores(studio: Studio, limit: str, snake: bool) -> None:
    before = await studio.group()
    path = f"/group.GroupInterface/Set{limit[0].upper()}{limit[1:]}"
    name = limit.replace("C", "_c") if snake else limit
    assert await studio.ask(path, {"group": {"id": "group-id-def"}, name: 7}) == {}
    assert await studio.group() == before | {limit: 7}


async def test_whole_objects_may_be_echoed(studio: Studio) -> None:
    group = await studio.group()
    body = {"group": group, "cores": 2}
    assert await studio.ask("/group.GroupInterface/SetMinCores", body) == {}
    assert await studio.group() == group | {"minCores": 2}
    assert await studio.ask("/job.JobInterface/Pause", {"job": await studio.job()}) == {}
    assert (await studio.job())["isPaused"] is True
    body = {"layer": await studio.layer(), "req": {"page": 1, "limit": 1}}
    frames = (await studio.ask("/layer.LayerInterface/GetFrames", body))["frames"]["frames"]
    assert len(frames) == 1
    assert await studio.ask("/frame.FrameInterface/Eat", {"frame": await studio.frame()}) == {}
    assert (await studio.frame())["state"] == "EATEN"
    assert await studio.ask("/host.HostInterface/Lock", {"host": await studio.host()}) == {}
    assert (await studio.host())["lockState"] == "LOCKED"
    procs = {proc["id"]: proc for proc in await studio.procs()}
    proc = next(iter(procs.values()))
    assert await studio.ask("/proc.ProcInterface/Kill", {"proc": proc}) == {}
    assert proc["id"] not in {each["id"] for each in await studio.procs()}


async def test_whole_objects_stand_for_their_names(studio: Studio) -> None:
    async def whole(path: str, body: Json, ignored: str) -> Json:
        studio.clock.advance(0.25)
        answer = await studio.post(path, body)
        assert answer.status_code == 200, answer.text
        assert ignored in answer.headers["x-ignored-fields"]
        content: Json = answer.json()
        return content

    show = (await studio.ask("/show.ShowInterface/FindShow", {"name": "myshow"}))["show"]
    body = {"show": show, "name": "comp"}
    found = (await whole("/group.GroupInterface/FindGroup", body, "show.id"))["group"]
    assert found == await studio.group()
    body = {"job": await studio.job(), "layer": "comp_layer"}
    found = (await whole("/layer.LayerInterface/FindLayer", body, "job.priority"))["layer"]
    assert found == await studio.layer()
    owner = (await studio.ask("/owner.OwnerInterface/GetOwner", {"name": "artist1"}))["owner"]
    host = (await studio.ask("/host.HostInterface/FindHost", {"name": "desk-203"}))["host"]
    body = {"owner": owner, "host": host}
    assert await whole("/owner.OwnerInterface/TakeOwnership", body, "host.cores") == {}
    assert "desk-203" in {deed["host"] for deed in await studio.deeds()}


async def test_unbook_and_kill_a_proc(studio: Studio) -> None:
    before = await studio.host()
    assert await studio.ask("/proc.ProcInterface/Unbook", PROC_BODY | {"kill": True}) == {}
    assert (await studio.host())["idleCores"] == before["idleCores"] + 2
    assert [proc for proc in await studio.procs() if proc["unbooked"]] == []


# --- Failures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/show.ShowInterface/FindShow", {"name": "nothing"}),
        ("/job.JobInterface/FindJob", {"name": "nothing"}),
        ("/frame.FrameInterface/GetFrame", {"id": "nothing"}),
        ("/layer.LayerInterface/GetLayer", {"id": "nothing"}),
        ("/layer.LayerInterface/FindLayer", {"job": "nothing", "layer": "comp"}),
        ("/layer.LayerInterface/FindLayer", {"job": "myshow-shot001-comp", "layer": "nothing"}),
        ("/host.HostInterface/FindHost", {"name": "nothing"}),
        ("/host.HostInterface/GetHost", {"id": "nothing"}),
        ("/group.GroupInterface/FindGroup", {"show": "nothing", "name": "comp"}),
        ("/group.GroupInterface/FindGroup", {"show": "myshow", "name": "nothing"}),
        ("/group.GroupInterface/GetGroup", {"id": "nothing"}),
        ("/owner.OwnerInterface/GetOwner", {"name": "nothing"}),
    ],
)
async def test_what_is_not_there_is_404(studio: Studio, path: str, body: Json) -> None:
    answer = await studio.post(path, body)
    assert refused(answer, 404, "NOT_FOUND", 5) == NOTHING_FOUND


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/job.JobInterface/GetFrames", {"job": {"id": "nothing"}, "req": {"limit": 1}}),
        ("/job.JobInterface/Pause", {"job": {"id": "nothing"}}),
        ("/job.JobInterface/Resume", {"job": {"id": "nothing"}}),
        ("/job.JobInterface/Kill", {"job": {"id": "nothing"}}),
    ],
)
async def test_a_job_that_is_not_there_is_404(studio: Studio, path: str, body: Json) -> None:
    answer = await studio.post(path, body)
    assert refused(answer, 404, "NOT_FOUND", 5) == "Job not found"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/frame.FrameInterface/Retry", {"frame": {"id": "nothing"}}),
        ("/frame.FrameInterface/Kill", {"frame": {"id": "nothing"}}),
        ("/frame.FrameInterface/Eat", {"frame": {"id": "nothing"}}),
        ("/layer.LayerInterface/GetFrames", {"layer": {"id": "nothing"}, "s": {"limit": 1}}),
        ("/layer.LayerInterface/KillFrames", {"layer": {"id": "nothing"}}),
        ("/host.HostInterface/Lock", {"host": {"id": "nothing"}}),
        ("/host.HostInterface/Unlock", {"host": {"id": "nothing"}}),
        ("/group.GroupInterface/SetMinCores", {"group": {"id": "nothing"}, "minCores": 4}),
        ("/group.GroupInterface/SetMaxCores", {"group": {"id": "nothing"}, "maxCores": 4}),
        ("/owner.OwnerInterface/TakeOwnership", {"owner": {"id": "nothing"}, "host": "desk-203"}),
        ("/owner.OwnerInterface/TakeOwnership", {"owner": {"id": "owner-id"}, "host": "nothing"}),
        ("/proc.ProcInterface/Kill", {"proc": {"id": "nothing"}}),
        ("/proc.ProcInterface/Unbook", {"proc": {"id": "nothing"}}),
        ("/deed.DeedInterface/GetOwner", {"deed": {"id": "nothing"}}),
        ("/deed.DeedInterface/GetHost", {"deed": {"id": "nothing"}}),
    ],
)
async def test_what_cuebot_does_not_catch_is_404_too(studio: Studio, path: str, body: Json) -> None:
    answer = await studio.post(path, body)
    message = refused(answer, 404, "NOT_FOUND", 5)
    assert "'nothing' is not there" in message or "'nothing' or " in message
    assert message.endswith(f"(Cuebot: {UNCAUGHT})")


@pytest.mark.parametrize("path", ["/job.JobInterface/Kill", "/host.HostInterface/Lock"])
async def test_nothing_given_is_400(studio: Studio, path: str) -> None:
    bodies: tuple[Json, ...] = ({}, {path[1:].partition(".")[0]: {}})
    for body in bodies:
        message = refused(await studio.post(path, body), 400, "INVALID_ARGUMENT", 3)
        assert "expected its id, or name to find it by; there is no name" in message


async def test_cuebots_refusals_pass_as_they_are(studio: Studio) -> None:
    body = {"group": {"id": "group-id-def"}, "maxCores": 0.5}
    answer = await studio.post("/group.GroupInterface/SetMaxCores", body)
    message = refused(answer, 500, "INTERNAL", 13)
    java_class, _, twice = message.partition(": ")
    assert java_class == "java.lang.IllegalArgumentException"
    assert twice.partition("\n")[0] == twice.partition("\n")[2] != ""


async def test_a_method_that_is_not_simulated_is_501(studio: Studio) -> None:
    answer = await studio.post("/host.HostInterface/RestartRqdNow", HOST_BODY)
    assert "host.HostInterface/RestartRqdNow" in refused(answer, 501, "UNIMPLEMENTED", 12)


# --- The document's promises, in one go -----------------------------------------------------


@pytest.fixture
async def limited(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway with the default limits, and one subject that has two requests and no more."""
    hasty = {"subjects": ["hasty"], "rps": 0.01, "burst": 2}
    endpoint = simulated_cuebot.endpoint
    return await shared_gateway(endpoint, rate_limit_rps=100, rate_limit_overrides=[hasty])


def authorization(subject: str, seconds: float = 3600, secret: str = SECRET) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {mint_token(secret.encode(), TokenRules(), subject, seconds)}"
    }


async def test_the_document_is_kept(limited: Gateway) -> None:
    async with http_client(limited.url) as client:

        async def post(path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
            content = {"content": body} if isinstance(body, str) else {"json": body}
            return await client.post(path, headers=headers, **content)

        lena, now = authorization("lena"), time.time()
        answer = await post("/show.ShowInterface/GetShows", {}, lena)
        assert answer.status_code == 200
        shows = answer.json()["shows"]["shows"]
        assert [show["name"] for show in shows] == ["demo", "harbor", "northwind"]
        assert answer.headers["x-ratelimit-limit"] == "100"
        assert answer.headers["x-ratelimit-remaining"] == "99"
        assert now <= int(answer.headers["x-ratelimit-reset"]) <= time.time() + 2
        assert answer.headers["x-request-id"]

        job = (await post("/job.JobInterface/GetJobs", {}, lena)).json()["jobs"]["jobs"][0]
        assert job["isPaused"] is False
        answer = await post("/job.JobInterface/Pause", {"job": {"id": job["id"]}}, lena)
        assert (answer.status_code, answer.json()) == (200, {})
        answer = await post("/job.JobInterface/FindJob", {"name": job["name"]}, lena)
        assert answer.json()["job"] == job | {"isPaused": True}

        answer = await post("/job.JobInterface/FindJob", {"name": "nothing"}, lena)
        assert refused(answer, 404, "NOT_FOUND", 5) == NOTHING_FOUND
        answer = await post("/job.JobInterface/Nothing", {}, lena)
        assert "Nothing" in refused(answer, 404, "NOT_FOUND", 5)
        for body, place in (("{", "JSON"), ({"r": {"shows": ["demo", 7]}}, "r.shows[1]: ")):
            answer = await post("/job.JobInterface/GetJobs", body, lena)
            assert place in refused(answer, 400, "INVALID_ARGUMENT", 3)

        for headers in no_tokens():
            answer = await post("/job.JobInterface/GetJobs", {}, headers)
            refused(answer, 401, "UNAUTHENTICATED", 16)
            assert answer.headers["www-authenticate"].split()[0] == "Bearer"
        for headers in wrong_tokens():
            answer = await post("/job.JobInterface/GetJobs", {}, headers)
            refused(answer, 403, "PERMISSION_DENIED", 7)
            assert "x-ratelimit-limit" in answer.headers

        hasty = authorization("hasty")
        for remaining in ("1", "0"):
            answer = await post("/show.ShowInterface/GetShows", {}, hasty)
            assert answer.status_code == 200
            assert answer.headers["x-ratelimit-limit"] == "2"
            assert answer.headers["x-ratelimit-remaining"] == remaining
        answer = await post("/show.ShowInterface/GetShows", {}, hasty)
        refused(answer, 429, "RESOURCE_EXHAUSTED", 8)
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert 1 <= int(answer.headers["retry-after"]) <= 100
        assert int(answer.headers["x-ratelimit-reset"]) > time.time()
        answer = await post("/show.ShowInterface/GetShows", {}, lena)
        assert answer.status_code == 200, "others are not limited with them"


def no_tokens() -> Iterator[dict[str, str]]:
    """Headers without a token in them."""
    yield {}
    yield {"Authorization": "Basic bGVuYTpzZWNyZXQ="}
    yield {"Authorization": "Bearer nothing"}


def wrong_tokens() -> Iterator[dict[str, str]]:
    """Headers with a token that is not good enough."""
    yield authorization("lena", seconds=-1)
    yield authorization("lena", secret="another secret of more than 32 bytes")
