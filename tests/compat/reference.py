"""The calls of OpenCue's published API reference, and what each of them does to a farm.

Paths, bodies and answers are the document's own, with its example names and ids replaced by those
of the farm.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.state import by_name
from cuebot_simulator.world.studio import build_farm
from tests.support.servers import Gateway

NOTHING_FOUND = "Incorrect result size: expected 1, actual 0"
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

    async def one(self, path: str, **body: Any) -> Any:
        """The only field of an answer."""
        (found,) = (await self.ask(path, body)).values()
        return found

    async def job(self) -> Any:
        """The document's job; likewise for the others."""
        return await self.one("/job.JobInterface/GetJob", id="job-id-123")

    async def frame(self, key: str = "frame-id-456") -> Any:
        return await self.one("/frame.FrameInterface/GetFrame", id=key)

    async def frames(self, *states: str) -> Any:
        wanted = {"limit": 500, "states": {"frameStates": states}}
        found = await self.one("/job.JobInterface/GetFrames", **JOB_BODY, req=wanted)
        return found["frames"]

    async def group(self) -> Any:
        return await self.one("/group.GroupInterface/GetGroup", id="group-id-def")

    async def host(self) -> Any:
        return await self.one("/host.HostInterface/GetHost", id="host-id-abc")

    async def layer(self) -> Any:
        return await self.one("/layer.LayerInterface/GetLayer", id="layer-id-789")

    async def listed(self) -> dict[str, Json]:
        """All pending jobs by id."""
        found = await self.one("/job.JobInterface/GetJobs")
        return {job["id"]: job for job in found["jobs"]}

    async def deeds(self) -> Any:
        """What the document's owner has."""
        return (await self.one("/owner.OwnerInterface/GetDeeds", owner={"id": "owner-id"}))["deeds"]

    async def procs(self) -> Any:
        """The procs on the document's host."""
        return (await self.one("/host.HostInterface/GetProcs", **HOST_BODY))["procs"]

    def everything(self) -> list[bytes]:
        """All that the farm holds, to be compared."""
        farm = self.cuebot.farm
        kinds = (farm.shows, farm.groups, farm.jobs, farm.layers, farm.frames, farm.procs)
        others = (farm.hosts, farm.owners, farm.deeds)
        return [thing.SerializeToString() for kind in (*kinds, *others) for thing in kind.values()]


def new_studio(gateway: Gateway, cuebot: SimulatedCuebot) -> Studio:
    """A gateway in front of a new farm in the place of the old one."""
    clock = StoppedClock(START)
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
        "artist1": owner.name,
        "render-node-01": host.name,
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


TEXT, NUMBER, FLAG = "", 0, True


def having(kind: object, names: str) -> Json:
    """Fields of one kind."""
    return dict.fromkeys(names.split(), kind)


FRAMES = "runningFrames deadFrames pendingFrames"
SHOW = (
    having(TEXT, "id name") | having(NUMBER, "defaultMinCores defaultMaxCores") | {"active": FLAG}
)
SHOWS = (
    SHOW
    | having(NUMBER, "defaultMinGpus defaultMaxGpus")
    | having(FLAG, "bookingEnabled dispatchEnabled")
    | {"commentEmail": TEXT, "showStats": having(NUMBER, f"{FRAMES} pendingJobs")}
)
JOB_STATS = having(NUMBER, f"{FRAMES} succeededFrames totalFrames")
JOB = (
    having(TEXT, "id name state shot show user group facility")
    | having(NUMBER, "priority minCores maxCores startTime stopTime")
    | having(FLAG, "isPaused hasComment")
    | {"jobStats": JOB_STATS}
)
FRAME = having(TEXT, "id name layerName state lastResource maxRss usedMemory") | having(
    NUMBER, "number retryCount exitStatus startTime stopTime totalCoreTime"
)
LAYER = (
    having(TEXT, "id name type")
    | having(NUMBER, "minimumCores maximumCores minimumMemory")
    | {"isEnabled": FLAG, "layerStats": JOB_STATS}
)
HOST = (
    having(TEXT, "id name lockState os")
    | having(NUMBER, "bootTime pingTime totalCores idleCores totalMemory freeMemory")
    | having(NUMBER, "totalGpus freeGpus")
    | {"hostStats": having(NUMBER, "totalFrames runningFrames")}
)
DEEDS_HOST = {key: HOST[key] for key in ("id", "name", "lockState", "totalCores", "idleCores")}
GROUP = (
    having(TEXT, "id name department")
    | having(NUMBER, "defaultJobPriority defaultJobMinCores defaultJobMaxCores")
    | {"groupStats": having(NUMBER, f"{FRAMES} pendingJobs")}
)
OWNER = (
    {"name": TEXT}
    | having(NUMBER, "maxCores minCores maxGpus minGpus")
    | {"ownerStats": having(NUMBER, "runningFrames maxFrames")}
)
PROC = (
    having(TEXT, "id name logPath")
    | having(FLAG, "unbooked reserved")
    | having(NUMBER, "bookedCores virtualMemory usedMemory bookedGpus usedGpuMemory")
)
"""The documented fields: names and kinds count, not values."""

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

NATIVE_SERVICES = dict.fromkeys(("frame", "layer", "group"), "job") | dict.fromkeys(
    ("owner", "proc", "deed"), "host"
)
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


async def shows_are_all_there(studio: Studio, ask: Ask) -> None:
    shows = (await ask())["shows"]["shows"]
    assert [show["name"] for show in shows] == ["demo", "harbor", "northwind"]
    found = await studio.ask("/show.ShowInterface/FindShow", {"name": "myshow"})
    assert found["show"] in shows


async def show_is_found(studio: Studio, ask: Ask) -> None:
    show = (await ask())["show"]
    farms = by_name(studio.cuebot.farm.shows, "demo")
    assert (show["id"], show["name"], show["active"]) == (farms.id, "demo", True)


async def show_is_created_as_asked(studio: Studio, ask: Ask) -> None:
    show = (await ask())["show"]
    assert (show["defaultMinCores"], show["defaultMaxCores"]) == (1, 50)
    assert (show["name"], show["active"]) == ("newshow", True)
    found = (await studio.ask("/show.ShowInterface/FindShow", {"name": "newshow"}))["show"]
    assert found == show
    shows = (await studio.ask("/show.ShowInterface/GetShows"))["shows"]["shows"]
    assert [each["name"] for each in shows] == ["demo", "harbor", "northwind", "newshow"]


async def jobs_are_those_of_the_show(studio: Studio, ask: Ask) -> None:
    jobs = {job["id"]: job for job in (await ask())["jobs"]["jobs"]}
    listed = await studio.listed()
    assert jobs == {key: job for key, job in listed.items() if job["show"] == "demo"}
    assert 0 < len(jobs) < len(listed)


async def job_is_found(studio: Studio, ask: Ask) -> None:
    job = (await ask())["job"]
    assert job == await studio.job() == (await studio.listed())[job["id"]]
    assert (job["show"], job["group"]) == ("demo", "comp")


async def frames_are_the_jobs(studio: Studio, ask: Ask) -> None:
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
    assert not await is_paused(studio)
    before = studio.everything()
    assert await ask() == {}
    assert await is_paused(studio)
    assert sum(now != then for now, then in zip(studio.everything(), before, strict=True)) == 1


async def job_is_resumed(studio: Studio, ask: Ask) -> None:
    before = studio.everything()
    await studio.ask("/job.JobInterface/Pause", JOB_BODY)
    assert await is_paused(studio)
    assert await ask() == {}
    assert not await is_paused(studio)
    assert studio.everything() == before


async def job_is_killed(studio: Studio, ask: Ask) -> None:
    """Cuebot lets a job live that is killed without a reason."""
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
    frame = (await ask())["frame"]
    assert frame["id"] == studio.names["frame-id-456"]
    assert frame in await studio.frames("RUNNING")
    assert frame["layerName"] == (await studio.layer())["name"]


async def frame_is_retried(studio: Studio, ask: Ask) -> None:
    before = (await studio.job())["jobStats"]
    studio.names["frame-id-456"] = (await studio.frames("SUCCEEDED"))[0]["id"]
    assert await ask() == {}
    assert (await studio.frame())["state"] == "WAITING"
    moved = {"waitingFrames": 1, "pendingFrames": 1, "succeededFrames": -1}
    assert changed(before, (await studio.job())["jobStats"]) == moved


async def frame_is_killed(studio: Studio, ask: Ask) -> None:
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
    before = (await studio.job())["jobStats"]
    assert await ask() == {}
    assert (await studio.frame())["state"] == "EATEN"
    moved = {"runningFrames": -1, "eatenFrames": 1}
    assert changed(before, (await studio.job())["jobStats"]) == moved


async def layer_is_found(studio: Studio, ask: Ask) -> None:
    layer = (await ask())["layer"]
    assert layer == await studio.layer()
    assert (layer["name"], layer["parentId"]) == ("comp", studio.names["job-id-123"])
    for documented, native in (("minimum", "min"), ("maximum", "max")):
        assert layer[f"{documented}Cores"] == layer[f"{native}Cores"]
    assert layer["minimumMemory"] == layer["minMemory"] != "0"


async def frames_are_the_layers(studio: Studio, ask: Ask) -> None:
    frames = (await ask())["frames"]["frames"]
    assert frames == [each for each in await studio.frames() if each["layerName"] == "comp"]
    assert len(frames) == (await studio.layer())["layerStats"]["totalFrames"] > 0


async def layers_frames_are_killed(studio: Studio, ask: Ask) -> None:
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
    give_gpus(studio)
    hosts = (await ask())["hosts"]["hosts"]
    assert {host["id"] for host in hosts} == set(studio.cuebot.farm.hosts)
    for host in hosts:
        assert_documented_host(host)
    assert await studio.host() in hosts


async def host_is_found(studio: Studio, ask: Ask) -> None:
    give_gpus(studio)
    host = (await ask())["host"]
    assert host["id"] == studio.names["host-id-abc"]
    assert host == await studio.host()
    assert_documented_host(host)
    used = sum(proc["bookedCores"] for proc in await studio.procs())
    assert host["totalCores"] - host["idleCores"] == used > 0


async def host_is_locked(studio: Studio, ask: Ask) -> None:
    procs = await studio.procs()
    assert (await studio.host())["lockState"] == "OPEN"
    assert await ask() == {}
    assert (await studio.host())["lockState"] == "LOCKED"
    hosts = (await studio.ask("/host.HostInterface/GetHosts"))["hosts"]["hosts"]
    locked = {host["name"] for host in hosts if host["lockState"] == "LOCKED"}
    assert locked == {"render-node-01", "render-node-06"}
    assert await studio.procs() == procs


async def host_is_unlocked(studio: Studio, ask: Ask) -> None:
    await studio.ask("/host.HostInterface/Lock", HOST_BODY)
    assert (await studio.host())["lockState"] == "LOCKED"
    assert await ask() == {}
    assert (await studio.host())["lockState"] == "OPEN"


async def group_is_found(studio: Studio, ask: Ask) -> None:
    group = (await ask())["group"]
    assert (group["id"], group["name"]) == (studio.names["group-id-def"], "comp")
    assert group == await studio.group()


def group_has(limit: str, cores: float) -> Callable[[Studio, Ask], Awaitable[None]]:
    async def effect(studio: Studio, ask: Ask) -> None:
        before = await studio.group()
        assert before[limit] != cores
        assert await ask() == {}
        assert await studio.group() == before | {limit: cores}

    return effect


async def owner_is_found(studio: Studio, ask: Ask) -> None:
    owner = (await ask())["owner"]
    assert (owner["id"], owner["name"]) == (studio.names["owner-id"], "artist1")
    assert owner["hostCount"] == len(await studio.deeds()) > 0


async def host_is_taken(studio: Studio, ask: Ask) -> None:
    hosts = {deed["host"] for deed in await studio.deeds()}
    assert await ask() == {}
    deeds = {deed["host"]: deed for deed in await studio.deeds()}
    assert set(deeds) - hosts == {"desk-203"}
    body = {"deed": deeds["desk-203"]}
    owner = (await studio.ask("/deed.DeedInterface/GetOwner", body))["owner"]
    assert (owner["id"], owner["hostCount"]) == (studio.names["owner-id"], len(deeds))


async def host_is_the_deeds(studio: Studio, ask: Ask) -> None:
    host = (await ask())["host"]
    (deed,) = [each for each in await studio.deeds() if each["id"] == studio.names["deed-id-jkl"]]
    found = await studio.ask("/host.HostInterface/FindHost", {"name": deed["host"]})
    assert host == found["host"]


async def proc_is_found(studio: Studio, ask: Ask) -> None:
    proc = (await ask())["proc"]
    assert proc["id"] == studio.names["proc-id-ghi"]
    assert proc in await studio.procs()


async def proc_is_killed(studio: Studio, ask: Ask) -> None:
    before, procs = await studio.host(), await studio.procs()
    assert await ask() == {}
    after = await studio.host()
    assert after["idleCores"] == before["idleCores"] + 2
    assert int(after["idleMemory"]) > int(before["idleMemory"])
    left = {proc["id"] for proc in await studio.procs()}
    assert left == {proc["id"] for proc in procs} - {studio.names["proc-id-ghi"]}
    assert (await studio.frame())["state"] == "WAITING"


async def proc_is_unbooked(studio: Studio, ask: Ask) -> None:
    before = await studio.host()
    assert await ask() == {}
    unbooked = [proc["id"] for proc in await studio.procs() if proc["unbooked"]]
    assert unbooked == [studio.names["proc-id-ghi"]]
    assert await studio.host() == before
    assert (await studio.frame())["state"] == "RUNNING"


@dataclass(frozen=True)
class Call:
    path: str
    effect: Callable[[Studio, Ask], Awaitable[None]]
    """Makes the call, and checks what it promises."""
    body: Json = field(default_factory=dict)
    answer: Json = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    """Documented fields of the answer that no version of the protos has."""
    native: Json | None = None
    """The body that the protos have, where the document's is another."""
    means: dict[str, str] = field(default_factory=dict)
    """Which names of the farm its examples stand for, where they are not the usual ones."""
    steps: tuple[str, ...] = ()
    """What Cuebot is asked, where it is more or other than the call itself."""

    async def check(self, studio: Studio, ask: Ask) -> None:
        studio.names |= {name: studio.names[other] for name, other in self.means.items()}
        await self.effect(studio, ask)


FIND_SHOW, CREATE_SHOW = "/show.ShowInterface/FindShow", "/show.ShowInterface/CreateShow"
GROUP_BODY: Json = {"group": {"id": "group-id-def"}}
LAYER_ID: Json = {"id": "layer-id-789"}
ARTIST: Json = {"name": "artist1"}
CALLS = (
    Call("/show.ShowInterface/GetShows", shows_are_all_there, {}, {"shows": {"shows": [SHOWS]}}),
    Call(FIND_SHOW, show_is_found, {"name": "myshow"}, {"show": SHOW}),
    Call(
        CREATE_SHOW,
        show_is_created_as_asked,
        {"name": "newshow", "defaultMinCores": 1, "defaultMaxCores": 50},
        {"show": SHOW},
        steps=(
            *(FIND_SHOW, CREATE_SHOW, "/show.ShowInterface/SetDefaultMinCores"),
            *("/show.ShowInterface/SetDefaultMaxCores", FIND_SHOW),
        ),
    ),
    Call(
        "/job.JobInterface/GetJobs",
        jobs_are_those_of_the_show,
        {"r": {"show": {"name": "myshow"}, "includeFinished": False, "maxResults": 100}},
        {"jobs": {"jobs": [JOB]}},
        native={"r": {"shows": ["myshow"], "includeFinished": False}},
    ),
    Call("/job.JobInterface/FindJob", job_is_found, {"name": "myshow-shot001-comp"}, {"job": JOB}),
    Call(
        "/job.JobInterface/GetFrames",
        frames_are_the_jobs,
        JOB_BODY | {"req": {"includeFinished": True, "page": 1, "limit": 100}},
        {"frames": {"frames": [FRAME]}},
    ),
    Call("/job.JobInterface/Pause", job_is_paused, JOB_BODY),
    Call("/job.JobInterface/Resume", job_is_resumed, JOB_BODY),
    Call("/job.JobInterface/Kill", job_is_killed, JOB_BODY),
    Call("/frame.FrameInterface/GetFrame", frame_is_found, FRAME_BODY["frame"], {"frame": FRAME}),
    Call("/frame.FrameInterface/Retry", frame_is_retried, FRAME_BODY),
    Call("/frame.FrameInterface/Kill", frame_is_killed, FRAME_BODY),
    Call("/frame.FrameInterface/Eat", frame_is_eaten, FRAME_BODY),
    Call("/layer.LayerInterface/GetLayer", layer_is_found, LAYER_ID, {"layer": LAYER}),
    Call(
        "/layer.LayerInterface/FindLayer",
        layer_is_found,
        JOB_BODY | {"layer": "comp_layer"},
        {"layer": LAYER},
        native={"job": "myshow-shot001-comp", "layer": "comp_layer"},
        steps=("/job.JobInterface/GetJob", "/job.LayerInterface/FindLayer"),
    ),
    Call(
        "/layer.LayerInterface/GetFrames",
        frames_are_the_layers,
        {"layer": LAYER_ID, "req": {"page": 1, "limit": 100}},
        {"frames": {"frames": [FRAME]}},
        native={"layer": LAYER_ID, "s": {"page": 1, "limit": 100}},
    ),
    Call(
        "/host.HostInterface/GetHosts",
        hosts_are_all_there,
        {},
        {"hosts": {"hosts": [HOST]}},
        NO_HOST,
    ),
    Call(
        "/host.HostInterface/FindHost",
        host_is_found,
        {"name": "render-node-01"},
        {"host": HOST},
        NO_HOST,
    ),
    Call("/host.HostInterface/GetHost", host_is_found, HOST_BODY["host"], {"host": HOST}, NO_HOST),
    Call("/host.HostInterface/Lock", host_is_locked, HOST_BODY),
    Call("/host.HostInterface/Unlock", host_is_unlocked, HOST_BODY),
    Call(
        "/group.GroupInterface/FindGroup",
        group_is_found,
        {"show": {"name": "myshow"}, "name": "comp"},
        {"group": GROUP},
        native={"show": "myshow", "name": "comp"},
    ),
    Call("/group.GroupInterface/GetGroup", group_is_found, GROUP_BODY["group"], {"group": GROUP}),
    Call("/group.GroupInterface/SetMinCores", group_has("minCores", 4), GROUP_BODY | {"cores": 4}),
    Call(
        "/group.GroupInterface/SetMaxCores", group_has("maxCores", 16), GROUP_BODY | {"cores": 16}
    ),
    Call("/owner.OwnerInterface/GetOwner", owner_is_found, ARTIST, {"owner": OWNER}, NO_OWNER),
    Call(
        "/owner.OwnerInterface/TakeOwnership",
        host_is_taken,
        HOST_BODY | {"owner": ARTIST},
        means={"host-id-abc": "desk-id"},  # only hosts with NIMBY can be taken
        steps=(
            *("/host.HostInterface/GetHost", "/host.OwnerInterface/GetOwner"),
            "/host.OwnerInterface/TakeOwnership",
        ),
    ),
    Call(
        "/layer.LayerInterface/Kill",
        layers_frames_are_killed,
        {"layer": LAYER_ID},
        steps=("/job.LayerInterface/KillFrames",),
    ),
    Call(
        "/proc.ProcInterface/GetProc",
        proc_is_found,
        PROC_BODY["proc"],
        {"proc": PROC},
        NO_PROC,
        steps=("/host.ProcInterface/GetProcs",),
    ),
    Call("/proc.ProcInterface/Kill", proc_is_killed, PROC_BODY),
    Call("/proc.ProcInterface/Unbook", proc_is_unbooked, PROC_BODY),
    Call("/deed.DeedInterface/GetOwner", owner_is_found, DEED_BODY, {"owner": OWNER}, NO_OWNER),
    Call(
        "/deed.DeedInterface/GetHost",
        host_is_the_deeds,
        DEED_BODY,
        {"host": DEEDS_HOST},
        steps=(
            *("/host.DeedInterface/GetHost", "/host.DeedInterface/GetOwner"),
            *("/host.OwnerInterface/GetDeeds", "/host.HostInterface/FindHost"),
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
