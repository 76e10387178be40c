"""Every call of OpenCue's published API reference, through a gateway to the simulated Cuebot.

Paths, bodies and answers are the document's own, with its example names and ids replaced by
those of the farm. Where the document is wrong about a body, the call is made with the body that
the protos have, and what happens to the documented one has a test of its own.
"""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.auth import Rules, mint_token
from gateway.demo.cuebot import SimulatedCuebot
from gateway.demo.farm.clock import StoppedClock
from gateway.demo.farm.messages import read_messages
from gateway.demo.farm.state import by_name
from gateway.demo.farm.studio import build_farm
from tests.servers import SECRET, Gateway, running_gateway, settings_for

pytestmark = pytest.mark.anyio

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
UNCAUGHT = (
    f"org.springframework.dao.EmptyResultDataAccessException: {NOTHING_FOUND}\n{NOTHING_FOUND}"
)
START = 1_790_000_000

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
        """The JSON of a call that succeeds."""
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


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Gateway, SimulatedCuebot]]:
    """One gateway and one Cuebot for the tests of this file, found by reflection."""
    cuebot = SimulatedCuebot()
    await cuebot.start()
    try:
        settings = settings_for(cuebot.endpoint, descriptor_source="reflection", rate_limit_rps=0)
        async with running_gateway(settings) as gateway:
            yield gateway, cuebot
    finally:
        await cuebot.stop()


@pytest.fixture
def studio(shared: tuple[Gateway, SimulatedCuebot]) -> Studio:
    """The shared servers with a new farm in them."""
    gateway, cuebot = shared
    clock, farm = StoppedClock(START), cuebot.farm
    cuebot.farm = farm = build_farm(farm.messages, clock=clock)
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


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the document."""

    path: str
    body: Json = field(default_factory=dict)
    native: Json | None = None
    """The body that the protos have, where the document's is wrong."""
    answer: Json = field(default_factory=dict)
    """The documented answer: its field names and JSON types count, not its values."""
    lacks: frozenset[str] = frozenset()
    """Documented fields of the answer that no version of the protos has."""


NO_LAYER = frozenset({"isEnabled", "minimumCores", "maximumCores", "minimumMemory"})
NO_HOST = frozenset({"totalCores", "totalGpus", "freeGpus", "hostStats"})
NO_GROUP = frozenset({"pendingFrames"})
NO_OWNER = frozenset({"maxCores", "minCores", "maxGpus", "minGpus", "ownerStats"})

JOB_BODY: Json = {"job": {"id": "job-id-123"}}
FRAME_BODY: Json = {"frame": {"id": "frame-id-456"}}
HOST_BODY: Json = {"host": {"id": "host-id-abc"}}
PROC_BODY: Json = {"proc": {"id": "proc-id-ghi"}}
DEED_BODY: Json = {"deed": {"id": "deed-id-jkl"}}

CALLS = (
    Call(
        path="/show.ShowInterface/GetShows",
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
    Call(path="/show.ShowInterface/FindShow", body={"name": "myshow"}, answer={"show": SHOW}),
    Call(
        path="/show.ShowInterface/CreateShow",
        body={"name": "newshow", "defaultMinCores": 1, "defaultMaxCores": 50},
        native={"name": "newshow"},
        answer={"show": SHOW},
    ),
    Call(
        path="/job.JobInterface/GetJobs",
        body={"r": {"show": {"name": "myshow"}, "includeFinished": False, "maxResults": 100}},
        native={"r": {"shows": ["myshow"], "includeFinished": False}},
        answer={"jobs": {"jobs": [JOB]}},
    ),
    Call(
        path="/job.JobInterface/FindJob",
        body={"name": "myshow-shot001-comp"},
        answer={"job": JOB},
    ),
    Call(
        path="/job.JobInterface/GetFrames",
        body=JOB_BODY | {"req": {"includeFinished": True, "page": 1, "limit": 100}},
        answer={"frames": {"frames": [FRAME]}},
    ),
    Call(path="/job.JobInterface/Pause", body=JOB_BODY),
    Call(path="/job.JobInterface/Resume", body=JOB_BODY),
    Call(path="/job.JobInterface/Kill", body=JOB_BODY),
    Call(
        path="/frame.FrameInterface/GetFrame",
        body={"id": "frame-id-456"},
        answer={"frame": FRAME},
    ),
    Call(path="/frame.FrameInterface/Retry", body=FRAME_BODY),
    Call(path="/frame.FrameInterface/Kill", body=FRAME_BODY),
    Call(path="/frame.FrameInterface/Eat", body=FRAME_BODY),
    Call(
        path="/layer.LayerInterface/GetLayer",
        body={"id": "layer-id-789"},
        answer={"layer": LAYER},
        lacks=NO_LAYER,
    ),
    Call(
        path="/layer.LayerInterface/FindLayer",
        body={"job": {"id": "job-id-123"}, "layer": "comp_layer"},
        native={"job": "myshow-shot001-comp", "layer": "comp_layer"},
        answer={"layer": LAYER},
        lacks=NO_LAYER,
    ),
    Call(
        path="/layer.LayerInterface/GetFrames",
        body={"layer": {"id": "layer-id-789"}, "req": {"page": 1, "limit": 100}},
        native={"layer": {"id": "layer-id-789"}, "s": {"page": 1, "limit": 100}},
        answer={"frames": {"frames": [FRAME]}},
    ),
    Call(
        path="/host.HostInterface/GetHosts",
        answer={"hosts": {"hosts": [HOST]}},
        lacks=NO_HOST,
    ),
    Call(
        path="/host.HostInterface/FindHost",
        body={"name": "render-node-01"},
        answer={"host": HOST},
        lacks=NO_HOST,
    ),
    Call(
        path="/host.HostInterface/GetHost",
        body={"id": "host-id-abc"},
        answer={"host": HOST},
        lacks=NO_HOST,
    ),
    Call(path="/host.HostInterface/Lock", body=HOST_BODY),
    Call(path="/host.HostInterface/Unlock", body=HOST_BODY),
    Call(
        path="/group.GroupInterface/FindGroup",
        body={"show": {"name": "myshow"}, "name": "comp"},
        native={"show": "myshow", "name": "comp"},
        answer={"group": GROUP},
        lacks=NO_GROUP,
    ),
    Call(
        path="/group.GroupInterface/GetGroup",
        body={"id": "group-id-def"},
        answer={"group": GROUP},
        lacks=NO_GROUP,
    ),
    Call(
        path="/group.GroupInterface/SetMinCores",
        body={"group": {"id": "group-id-def"}, "cores": 4},
        native={"group": {"id": "group-id-def"}, "minCores": 4},
    ),
    Call(
        path="/group.GroupInterface/SetMaxCores",
        body={"group": {"id": "group-id-def"}, "cores": 16},
        native={"group": {"id": "group-id-def"}, "maxCores": 16},
    ),
    Call(
        path="/owner.OwnerInterface/GetOwner",
        body={"name": "artist1"},
        answer={"owner": OWNER},
        lacks=NO_OWNER,
    ),
    Call(
        path="/owner.OwnerInterface/TakeOwnership",
        body={"host": {"id": "host-id-abc"}, "owner": {"name": "artist1"}},
        native={"host": "desk-203", "owner": {"id": "owner-id"}},
    ),
    Call(path="/proc.ProcInterface/Kill", body=PROC_BODY),
    Call(path="/proc.ProcInterface/Unbook", body=PROC_BODY),
    Call(
        path="/deed.DeedInterface/GetOwner",
        body=DEED_BODY,
        answer={"owner": OWNER},
        lacks=NO_OWNER,
    ),
    Call(
        path="/deed.DeedInterface/GetHost",
        body=DEED_BODY,
        answer={"host": HOST},
        lacks=NO_HOST,
    ),
)
"""The documented calls of methods that exist."""

ABSENT = (
    ("/layer.LayerInterface/Kill", {"layer": {"id": "layer-id-789"}}, ""),
    ("/owner.OwnerInterface/SetMaxCores", {"owner": {"name": "artist1"}, "cores": 32}, ""),
    ("/proc.ProcInterface/GetProc", {"id": "proc-id-ghi"}, "did you mean GetProcs?"),
)
"""The others, and what the 404 says beside that there is no such method."""

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


def path_of(call: Call) -> str:
    return call.path.removeprefix("/")


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


# --- Paths and answers ----------------------------------------------------------------------


def test_the_tables_are_the_document() -> None:
    """All 34 calls of the document's nine interfaces are here."""
    paths = [call.path for call in CALLS] + [path for path, _, _ in ABSENT]
    assert len(paths) == len(set(paths)) == 34
    assert len({path.rpartition("/")[0] for path in paths}) == 9


@pytest.mark.parametrize("call", CALLS, ids=path_of)
async def test_documented_calls_answer(studio: Studio, call: Call) -> None:
    """Under the documented path there are the documented fields, and `{}` where there is none."""
    body = call.body if call.native is None else call.native
    given = await studio.ask(call.path, body)
    assert_documented(call.answer, given, call.lacks)
    if not call.answer:
        assert given == {}
    assert [path for path, _ in studio.cuebot.calls] == [native_path(call.path)]


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS if call.answer and not call.path.endswith("/CreateShow")],
    ids=path_of,
)
async def test_native_paths_answer_alike(studio: Studio, call: Call) -> None:
    """A read under OpenCue's own path answers what it does under the documented one."""
    body = call.body if call.native is None else call.native
    assert await studio.ask(call.path, body) == await studio.ask(native_path(call.path), body)


@pytest.mark.parametrize(("path", "body", "hint"), ABSENT, ids=[path[1:] for path, _, _ in ABSENT])
async def test_documented_methods_that_no_cuebot_has(
    studio: Studio, path: str, body: Json, hint: str
) -> None:
    """A documented method that does not exist is a 404 that names it, and the nearest one."""
    answer = await studio.post(path, body)
    service, _, method = path[1:].partition("/")
    refused(answer, 404, "NOT_FOUND", 5)
    assert answer.json()["message"].startswith(f"{service} has no method '{method}'")
    assert answer.json()["message"].endswith(hint)
    assert not studio.cuebot.calls


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


# --- What the farm says ---------------------------------------------------------------------


async def test_reads_agree_with_each_other(studio: Studio) -> None:
    """The same job, layer, frame, host and group come from every documented way to them."""
    job = (await studio.ask("/job.JobInterface/FindJob", {"name": "myshow-shot001-comp"}))["job"]
    assert job == await studio.job()
    assert job in (await studio.ask("/job.JobInterface/GetJobs"))["jobs"]["jobs"]
    assert (job["show"], job["group"]) == ("demo", "comp")

    layer = (await studio.ask("/layer.LayerInterface/GetLayer", {"id": "layer-id-789"}))["layer"]
    found = {"job": "myshow-shot001-comp", "layer": "comp_layer"}
    assert layer == (await studio.ask("/layer.LayerInterface/FindLayer", found))["layer"]
    assert layer["parentId"] == job["id"]

    frame = await studio.frame()
    assert frame in await studio.frames("RUNNING")
    assert frame["layerName"] == layer["name"]
    assert len(await studio.frames()) == job["jobStats"]["totalFrames"]

    host = (await studio.ask("/host.HostInterface/FindHost", {"name": "render-node-01"}))["host"]
    assert host == await studio.host()
    assert host in (await studio.ask("/host.HostInterface/GetHosts"))["hosts"]["hosts"]
    used = sum(proc["reservedCores"] for proc in await studio.procs())
    assert host["cores"] - host["idleCores"] == used > 0

    found = {"show": "myshow", "name": "comp"}
    group = (await studio.ask("/group.GroupInterface/FindGroup", found))["group"]
    assert group == await studio.group()


async def test_jobs_of_a_show(studio: Studio) -> None:
    """`shows` narrows the search, finished jobs come when asked for, and no fit is no error."""

    async def names(**criteria: Any) -> set[tuple[str, str]]:
        jobs = (await studio.ask("/job.JobInterface/GetJobs", {"r": criteria}))["jobs"]["jobs"]
        return {(job["show"], job["state"]) for job in jobs}

    assert {show for show, _ in await names()} == {"demo", "harbor", "northwind"}
    assert await names(shows=["myshow"]) == {("demo", "PENDING")}
    everything = await names(shows=["myshow"], includeFinished=True)
    assert everything == {("demo", "PENDING"), ("demo", "FINISHED")}
    assert await names(shows=["nothing"]) == set()


async def test_frames_come_in_pages(studio: Studio) -> None:
    """Pages of a limit follow each other, and without a limit there are no frames."""

    async def numbers(**criteria: Any) -> list[str]:
        body = JOB_BODY | {"req": criteria}
        frames = (await studio.ask("/job.JobInterface/GetFrames", body))["frames"]["frames"]
        return [frame["name"] for frame in frames]

    everything = await numbers(page=1, limit=100)
    assert await numbers(page=1, limit=10) == everything[:10]
    assert await numbers(page=3, limit=10) == everything[20:]
    assert await numbers(page=4, limit=10) == []
    assert await numbers(page=1) == []


# --- Changes --------------------------------------------------------------------------------


async def test_create_show(studio: Studio) -> None:
    """A new show can be found, and is among all shows."""
    show = (await studio.ask("/show.ShowInterface/CreateShow", {"name": "newshow"}))["show"]
    assert show["name"] == "newshow"
    found = (await studio.ask("/show.ShowInterface/FindShow", {"name": "newshow"}))["show"]
    assert found == show
    shows = (await studio.ask("/show.ShowInterface/GetShows"))["shows"]["shows"]
    assert [each["name"] for each in shows] == ["demo", "harbor", "northwind", "newshow"]


async def test_pause_and_resume_a_job(studio: Studio) -> None:
    """A paused job says so wherever it is read, until it is resumed."""

    async def is_paused() -> set[bool]:
        found = await studio.ask("/job.JobInterface/FindJob", {"name": "myshow-shot001-comp"})
        jobs = await studio.ask("/job.JobInterface/GetJobs", {"r": {"ids": ["job-id-123"]}})
        listed = jobs["jobs"]["jobs"][0]
        return {job["isPaused"] for job in (found["job"], listed, await studio.job())}

    before = studio.everything()
    assert await is_paused() == {False}
    assert await studio.ask("/job.JobInterface/Pause", JOB_BODY) == {}
    assert await is_paused() == {True}
    assert await studio.ask("/job.JobInterface/Resume", JOB_BODY) == {}
    assert await is_paused() == {False}
    assert studio.everything() == before


async def test_kill_a_job(studio: Studio) -> None:
    """A killed job is no longer listed or found by name; by id it is finished, and nothing runs."""
    idle = (await studio.host())["idleCores"]
    studio.clock.advance(2)
    body = {**JOB_BODY, "reason": "not needed"}  # without one, Cuebot lets the job live
    assert await studio.ask("/job.JobInterface/Kill", body) == {}
    listed = await studio.ask("/job.JobInterface/GetJobs", {"r": {"shows": ["myshow"]}})
    assert studio.names["job-id-123"] not in [job["id"] for job in listed["jobs"]["jobs"]]
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


async def test_kill_a_frame(studio: Studio) -> None:
    """A killed frame leaves its host and waits for its next try; the job's counts follow."""
    before, host = await studio.job(), await studio.host()
    assert (await studio.frame())["state"] == "RUNNING"
    studio.clock.advance(2)
    assert await studio.ask("/frame.FrameInterface/Kill", FRAME_BODY) == {}
    frame = await studio.frame()
    assert (frame["state"], frame["exitStatus"]) == ("WAITING", 1)
    assert START + 2 <= frame["stopTime"] <= studio.clock()
    assert frame["usedMemory"] == "0"
    after = (await studio.job())["jobStats"]
    moved = {"runningFrames": -1, "waitingFrames": 1, "pendingFrames": 1}
    assert changed(before["jobStats"], after) == moved
    assert (await studio.host())["idleCores"] == host["idleCores"] + 2


async def test_eat_a_frame(studio: Studio) -> None:
    """An eaten frame counts as done, whether it ran or waited."""
    before = (await studio.job())["jobStats"]
    waiting = (await studio.frames("WAITING"))[0]["id"]
    assert await studio.ask("/frame.FrameInterface/Eat", FRAME_BODY) == {}
    assert await studio.ask("/frame.FrameInterface/Eat", {"frame": {"id": waiting}}) == {}
    assert (await studio.frame())["state"] == "EATEN"
    assert (await studio.frame(waiting))["state"] == "EATEN"
    after = (await studio.job())["jobStats"]
    moved = {"runningFrames": -1, "waitingFrames": -1, "pendingFrames": -1, "eatenFrames": 2}
    assert changed(before, after) == moved


async def test_retry_a_frame(studio: Studio) -> None:
    """A frame that is done or dead waits again."""
    before = (await studio.job())["jobStats"]
    done = (await studio.frames("SUCCEEDED"))[0]["id"]
    assert await studio.ask("/frame.FrameInterface/Retry", {"frame": {"id": done}}) == {}
    assert (await studio.frame(done))["state"] == "WAITING"
    after = (await studio.job())["jobStats"]
    moved = {"waitingFrames": 1, "pendingFrames": 1, "succeededFrames": -1}
    assert changed(before, after) == moved

    name = "demo-sh010-artist1_light_v012"
    studio.names["job-id-123"] = by_name(studio.cuebot.farm.jobs, name).id
    before, dead = (await studio.job())["jobStats"], await studio.frames("DEAD")
    assert len(dead) == before["deadFrames"] == 2
    await studio.ask("/frame.FrameInterface/Retry", {"frame": {"id": dead[0]["id"]}})
    after = (await studio.job())["jobStats"]
    assert changed(before, after) == {"waitingFrames": 1, "pendingFrames": 1, "deadFrames": -1}


async def test_kill_a_layers_frames(studio: Studio) -> None:
    """What the document calls `Kill` for layers exists as `KillFrames`, also under its alias."""
    assert len(await studio.frames("RUNNING")) == 3
    body = {"layer": {"id": "layer-id-789"}}
    assert await studio.ask("/layer.LayerInterface/KillFrames", body) == {}
    assert await studio.frames("RUNNING") == []
    layer = (await studio.ask("/layer.LayerInterface/GetLayer", {"id": "layer-id-789"}))["layer"]
    assert (layer["layerStats"]["runningFrames"], layer["layerStats"]["waitingFrames"]) == (0, 16)


async def test_lock_and_unlock_a_host(studio: Studio) -> None:
    """A locked host says so until it is unlocked; what runs there runs on."""
    procs = await studio.procs()
    assert (await studio.host())["lockState"] == "OPEN"
    assert await studio.ask("/host.HostInterface/Lock", HOST_BODY) == {}
    assert (await studio.host())["lockState"] == "LOCKED"
    hosts = (await studio.ask("/host.HostInterface/GetHosts"))["hosts"]["hosts"]
    locked = {host["name"] for host in hosts if host["lockState"] == "LOCKED"}
    assert locked == {"render-node-01", "render-node-06"}
    assert await studio.procs() == procs
    assert await studio.ask("/host.HostInterface/Unlock", HOST_BODY) == {}
    assert (await studio.host())["lockState"] == "OPEN"


@pytest.mark.parametrize("limit", ["minCores", "maxCores"])
@pytest.mark.parametrize("snake", [False, True], ids=["camelCase", "snake_case"])
async def test_limit_a_groups_cores(studio: Studio, limit: str, snake: bool) -> None:
    """A group's least and most cores are what was set, by either of the field's names."""
    before = await studio.group()
    path = f"/group.GroupInterface/Set{limit[0].upper()}{limit[1:]}"
    name = limit.replace("C", "_c") if snake else limit
    assert await studio.ask(path, {"group": {"id": "group-id-def"}, name: 7}) == {}
    assert await studio.group() == before | {limit: 7}


async def test_whole_objects_may_be_echoed(studio: Studio) -> None:
    """What a read gave can be sent back as it is, as CueWeb does."""
    group = await studio.group()
    body = {"group": group, "minCores": 2}
    assert await studio.ask("/group.GroupInterface/SetMinCores", body) == {}
    assert await studio.group() == group | {"minCores": 2}
    assert await studio.ask("/job.JobInterface/Pause", {"job": await studio.job()}) == {}
    assert (await studio.job())["isPaused"] is True
    assert await studio.ask("/frame.FrameInterface/Eat", {"frame": await studio.frame()}) == {}
    assert (await studio.frame())["state"] == "EATEN"
    assert await studio.ask("/host.HostInterface/Lock", {"host": await studio.host()}) == {}
    assert (await studio.host())["lockState"] == "LOCKED"
    procs = {proc["id"]: proc for proc in await studio.procs()}
    proc = next(iter(procs.values()))
    assert await studio.ask("/proc.ProcInterface/Kill", {"proc": proc}) == {}
    assert proc["id"] not in {each["id"] for each in await studio.procs()}


async def test_take_ownership(studio: Studio) -> None:
    """A host that is taken has its new owner, by its deed and by the owner's hosts."""
    owner = (await studio.ask("/owner.OwnerInterface/GetOwner", {"name": "artist1"}))["owner"]
    body = {"owner": {"id": "owner-id"}, "host": "desk-203"}
    assert await studio.ask("/owner.OwnerInterface/TakeOwnership", body) == {}
    deeds = await studio.ask("/owner.OwnerInterface/GetDeeds", {"owner": {"id": "owner-id"}})
    deed = next(deed for deed in deeds["deeds"]["deeds"] if deed["host"] == "desk-203")
    found = (await studio.ask("/deed.DeedInterface/GetOwner", {"deed": deed}))["owner"]
    assert found == owner | {"hostCount": owner["hostCount"] + 1}
    host = (await studio.ask("/deed.DeedInterface/GetHost", {"deed": deed}))["host"]
    assert host["name"] == "desk-203"


async def test_kill_a_proc(studio: Studio) -> None:
    """A killed proc gives its cores and memory back, and its frame waits."""
    before, procs = await studio.host(), await studio.procs()
    assert await studio.ask("/proc.ProcInterface/Kill", PROC_BODY) == {}
    after = await studio.host()
    assert after["idleCores"] == before["idleCores"] + 2
    assert int(after["idleMemory"]) > int(before["idleMemory"])
    assert len(await studio.procs()) == len(procs) - 1
    assert (await studio.frame())["state"] == "WAITING"


async def test_unbook_a_proc(studio: Studio) -> None:
    """An unbooked proc keeps its cores until its frame ends, or with `kill` gives them back."""
    before = await studio.host()
    assert await studio.ask("/proc.ProcInterface/Unbook", PROC_BODY) == {}
    unbooked = [proc["id"] for proc in await studio.procs() if proc["unbooked"]]
    assert unbooked == [studio.names["proc-id-ghi"]]
    assert await studio.host() == before
    assert (await studio.frame())["state"] == "RUNNING"
    assert await studio.ask("/proc.ProcInterface/Unbook", PROC_BODY | {"kill": True}) == {}
    assert (await studio.host())["idleCores"] == before["idleCores"] + 2
    assert [proc for proc in await studio.procs() if proc["unbooked"]] == []


# --- Documented bodies that the protos do not have ------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/group.GroupInterface/SetMinCores", "unknown field `cores`; did you mean `minCores`?"),
        ("/group.GroupInterface/SetMaxCores", "unknown field `cores`; did you mean `maxCores`?"),
        ("/show.ShowInterface/CreateShow", "unknown field `defaultMinCores`"),
        ("/owner.OwnerInterface/TakeOwnership", "host: expected a string, got an object"),
        ("/layer.LayerInterface/FindLayer", "job: expected a string, got an object"),
        ("/group.GroupInterface/FindGroup", "show: expected a string, got an object"),
    ],
    ids=["SetMinCores", "SetMaxCores", "CreateShow", "TakeOwnership", "FindLayer", "FindGroup"],
)
async def test_wrong_documented_bodies_change_nothing(
    studio: Studio, path: str, message: str
) -> None:
    """A documented body that means something else to Cuebot is a 400 and does not reach it."""
    before = studio.everything()
    answer = await studio.post(path, documented(path).body)
    assert refused(answer, 400, "INVALID_ARGUMENT", 3).startswith(message)
    assert not studio.cuebot.calls
    assert studio.everything() == before


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("/job.JobInterface/GetJobs", "r.show, r.maxResults"),
        ("/layer.LayerInterface/GetFrames", "req"),
    ],
    ids=["GetJobs", "GetFrames"],
)
async def test_wrong_documented_reads_say_what_they_ignored(
    studio: Studio, path: str, ignored: str
) -> None:
    """A documented criterion that does not exist is named in the answer's X-Ignored-Fields."""
    answer = await studio.post(path, documented(path).body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, ignored)
    if path.endswith("GetJobs"):
        assert {job["show"] for job in answer.json()["jobs"]["jobs"]} > {"demo"}
    else:
        assert answer.json() == {"frames": {"frames": []}}


def documented(path: str) -> Call:
    return next(call for call in CALLS if call.path == path)


# --- Failures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/show.ShowInterface/FindShow", {"name": "nothing"}),
        ("/job.JobInterface/FindJob", {"name": "nothing"}),
        ("/job.JobInterface/GetFrames", {"job": {"id": "nothing"}, "req": {"limit": 1}}),
        ("/job.JobInterface/Pause", {"job": {"id": "nothing"}}),
        ("/job.JobInterface/Resume", {"job": {"id": "nothing"}}),
        ("/job.JobInterface/Kill", {"job": {"id": "nothing"}}),
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
        ("/job.JobInterface/Kill", {}),
    ],
)
async def test_what_is_not_there_is_404(studio: Studio, path: str, body: Json) -> None:
    """Where Cuebot says NOT_FOUND it is a 404, in Cuebot's words."""
    answer = await studio.post(path, body)
    assert refused(answer, 404, "NOT_FOUND", 5) == NOTHING_FOUND


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
        ("/host.HostInterface/Lock", {}),
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
async def test_what_cuebot_does_not_catch_is_500(studio: Studio, path: str, body: Json) -> None:
    """Where Cuebot's exception escapes it is a 500 with its class and its text twice."""
    answer = await studio.post(path, body)
    assert refused(answer, 500, "INTERNAL", 13) == UNCAUGHT


async def test_cuebots_refusals_pass_as_they_are(studio: Studio) -> None:
    """What Cuebot will not do is a 500 with its reason."""
    body = {"group": {"id": "group-id-def"}, "maxCores": 0.5}
    answer = await studio.post("/group.GroupInterface/SetMaxCores", body)
    message = refused(answer, 500, "INTERNAL", 13)
    java_class, _, twice = message.partition(": ")
    assert java_class == "java.lang.IllegalArgumentException"
    assert twice.partition("\n")[0] == twice.partition("\n")[2] != ""


async def test_a_method_that_is_not_simulated_is_501(studio: Studio) -> None:
    """The simulated Cuebot's UNIMPLEMENTED is a 501, not a 404."""
    answer = await studio.post("/host.HostInterface/RestartRqdNow", HOST_BODY)
    assert "/host.HostInterface/RestartRqdNow" in refused(answer, 501, "UNIMPLEMENTED", 12)


# --- The document's promises, in one go -----------------------------------------------------


@pytest.fixture(scope="module")
async def limited() -> AsyncIterator[Gateway]:
    """A gateway with the default limits, and one subject that has two requests and no more."""
    cuebot = SimulatedCuebot(farm=build_farm(read_messages()))
    await cuebot.start()
    try:
        hasty = {"subjects": ["hasty"], "rps": 0.01, "burst": 2}
        settings = settings_for(cuebot.endpoint, rate_limit_overrides=[hasty])
        async with running_gateway(settings) as gateway:
            yield gateway
    finally:
        await cuebot.stop()


def authorization(subject: str, seconds: float = 3600, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint_token(secret.encode(), Rules(), subject, seconds)}"}


async def test_the_document_is_kept(limited: Gateway) -> None:
    """A token gets the shows and pauses a job; everything else gets its documented error."""
    async with httpx.AsyncClient(base_url=limited.url, trust_env=False, timeout=30) as client:

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
