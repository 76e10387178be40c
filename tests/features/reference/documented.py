"""The calls of OpenCue's published API reference, and what each of them does to a farm.

Paths, bodies and answers are the document's own, with its example names and ids replaced by those
of the farm.
"""

from collections.abc import Awaitable, Callable, Iterable
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
SUCCEEDED = 3

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

    async def thing(self, kind: str) -> Any:
        """The document's only object of a kind."""
        path, body = THINGS[kind]
        return (await self.ask(path, body))[kind]

    async def procs(self) -> Any:
        """The procs on the document's host."""
        return (await self.ask("/host.HostInterface/GetProcs", HOST_BODY))["procs"]["procs"]

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
    deed = next(deed for deed in farm.deeds.values() if deed.owner == owner.name)
    return {
        "artist1": owner.name,
        "render-node-01": host.name,
        "myshow": "demo",
        "show-id": by_name(farm.shows, "demo").id,
        "myshow-shot001-comp": job.name,
        "comp_layer": layer.name,
        "job-id-123": job.id,
        "frame-id-456": farm.parent_of[proc.id],
        "layer-id-789": layer.id,
        "host-id-abc": host.id,
        "group-id-def": farm.parent_of[job.id],
        "proc-id-ghi": proc.id,
        "deed-id-jkl": deed.id,
        "deeds-host-id": by_name(farm.hosts, deed.host).id,
        "owner-id": owner.id,
        "desk-id": by_name(farm.hosts, "desk-203").id,
        "done-frame-id": next(e.id for e in farm.frames_of(job) if e.state == SUCCEEDED),
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
ARTIST: Json = {"name": "artist1"}
THINGS: dict[str, tuple[str, Json]] = {
    "job": ("/job.JobInterface/GetJob", JOB_BODY["job"]),
    "frame": ("/frame.FrameInterface/GetFrame", FRAME_BODY["frame"]),
    "layer": ("/layer.LayerInterface/GetLayer", {"id": "layer-id-789"}),
    "group": ("/group.GroupInterface/GetGroup", {"id": "group-id-def"}),
    "host": ("/host.HostInterface/GetHost", HOST_BODY["host"]),
    "owner": ("/owner.OwnerInterface/GetOwner", ARTIST),
    "proc": ("/proc.ProcInterface/GetProc", PROC_BODY["proc"]),
}
"""How the document finds its objects."""

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
    """Check an answer for the documented error format, and give its message.

    Beside it, `cuebot` is Cuebot's own text, where the message says it in plainer words.
    """
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert [key for key in content if key != "cuebot"] == ["error", "code", "message"]
    assert (content["error"], content["code"]) == (name, code)
    assert isinstance(content["message"], str)
    assert content["message"]
    message: str = content["message"]
    return message


Ask = Callable[[], Awaitable[Json]]
"""Makes the documented call, and gives its answer."""
Rows = Callable[[Any], Iterable[Any]]
"""What of a farm is in an answer, in any order."""


def rows_in(answer: Json) -> list[Json]:
    """The objects in an answer, which has one or a list."""
    ((name, found),) = answer.items()
    return [found] if "id" in found else found[name]


@dataclass(frozen=True)
class Call:
    path: str
    body: Json = field(default_factory=dict)
    answer: Json = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    """Documented fields of the answer that no version of the protos has."""
    finds: str = ""
    """The id of what is in the answer, as the document calls it."""
    lists: Rows | None = None
    changes: dict[str, Json] = field(default_factory=dict)
    """By kind of object: the fields that are others afterwards, and what they are then."""
    after: str = ""
    """The path of a call with this body, without which this one would change nothing."""
    native: Json | None = None
    """The body that the protos have, where the document's is another."""
    means: dict[str, str] = field(default_factory=dict)
    """Which names of the farm its examples stand for, where they are not the usual ones."""
    steps: tuple[str, ...] = ()
    """What Cuebot is asked, where it is more or other than the call itself."""

    async def check(self, studio: Studio, ask: Ask) -> None:
        """Make the call, and check what it promises."""
        studio.names |= {name: studio.names[other] for name, other in self.means.items()}
        if self.after:
            await studio.ask(self.after, self.body)
        before = {kind: await studio.thing(kind) for kind in self.changes}
        answer = await ask()
        if self.finds:
            assert [row["id"] for row in rows_in(answer)] == [studio.names[self.finds]]
        if self.lists is not None:
            wanted = [row.id for row in self.lists(studio.cuebot.farm)]
            assert sorted(row["id"] for row in rows_in(answer)) == sorted(wanted) != []
        for kind, fields in self.changes.items():
            now = await studio.thing(kind)
            for name, value in fields.items():
                assert now[name] == value != before[kind][name], (kind, name)


def pending_in_demo(farm: Any) -> Iterable[Any]:
    return [job for job in farm.pending.values() if job.show == "demo"]


def all_frames(farm: Any) -> Any:
    return farm.frames_of(by_name(farm.jobs, "demo-sh010-lena_comp_v003"))


FIND_SHOW, CREATE_SHOW = "/show.ShowInterface/FindShow", "/show.ShowInterface/CreateShow"
GROUP_BODY: Json = {"group": {"id": "group-id-def"}}
LAYER_ID: Json = {"id": "layer-id-789"}
CALLS = (
    Call(
        "/show.ShowInterface/GetShows",
        answer={"shows": {"shows": [SHOWS]}},
        lists=lambda farm: farm.shows.values(),
    ),
    Call(FIND_SHOW, {"name": "myshow"}, {"show": SHOW}, finds="show-id"),
    Call(
        CREATE_SHOW,
        {"name": "newshow", "defaultMinCores": 1, "defaultMaxCores": 50},
        {"show": SHOW},
        steps=(
            *(FIND_SHOW, CREATE_SHOW, "/show.ShowInterface/SetDefaultMinCores"),
            *("/show.ShowInterface/SetDefaultMaxCores", FIND_SHOW),
        ),
    ),
    Call(
        "/job.JobInterface/GetJobs",
        {"r": {"show": {"name": "myshow"}, "includeFinished": False, "maxResults": 100}},
        {"jobs": {"jobs": [JOB]}},
        lists=pending_in_demo,
        native={"r": {"shows": ["myshow"], "includeFinished": False}},
    ),
    Call(
        "/job.JobInterface/FindJob",
        {"name": "myshow-shot001-comp"},
        {"job": JOB},
        finds="job-id-123",
    ),
    Call(
        "/job.JobInterface/GetFrames",
        JOB_BODY | {"req": {"includeFinished": True, "page": 1, "limit": 100}},
        {"frames": {"frames": [FRAME]}},
        lists=all_frames,
    ),
    Call("/job.JobInterface/Pause", JOB_BODY, changes={"job": {"isPaused": True}}),
    Call(
        "/job.JobInterface/Resume",
        JOB_BODY,
        changes={"job": {"isPaused": False}},
        after="/job.JobInterface/Pause",
    ),
    # Cuebot lets a job live that is killed without a reason.
    Call("/job.JobInterface/Kill", JOB_BODY, changes={"job": {"state": "FINISHED"}}),
    Call(*THINGS["frame"], {"frame": FRAME}, finds="frame-id-456"),
    Call(
        "/frame.FrameInterface/Retry",
        FRAME_BODY,
        changes={"frame": {"state": "WAITING"}},
        means={"frame-id-456": "done-frame-id"},
    ),
    Call("/frame.FrameInterface/Kill", FRAME_BODY, changes={"frame": {"state": "WAITING"}}),
    Call("/frame.FrameInterface/Eat", FRAME_BODY, changes={"frame": {"state": "EATEN"}}),
    Call(*THINGS["layer"], {"layer": LAYER}, finds="layer-id-789"),
    Call(
        "/layer.LayerInterface/FindLayer",
        JOB_BODY | {"layer": "comp_layer"},
        {"layer": LAYER},
        finds="layer-id-789",
        native={"job": "myshow-shot001-comp", "layer": "comp_layer"},
        steps=("/job.JobInterface/GetJob", "/job.LayerInterface/FindLayer"),
    ),
    Call(
        "/layer.LayerInterface/GetFrames",
        {"layer": LAYER_ID, "req": {"page": 1, "limit": 100}},
        {"frames": {"frames": [FRAME]}},
        lists=lambda farm: [e for e in all_frames(farm) if e.layer_name == "comp"],
        native={"layer": LAYER_ID, "s": {"page": 1, "limit": 100}},
    ),
    Call(
        "/host.HostInterface/GetHosts",
        {},
        {"hosts": {"hosts": [HOST]}},
        NO_HOST,
        lists=lambda farm: farm.hosts.values(),
    ),
    Call(
        "/host.HostInterface/FindHost",
        {"name": "render-node-01"},
        {"host": HOST},
        NO_HOST,
        finds="host-id-abc",
    ),
    Call(*THINGS["host"], {"host": HOST}, NO_HOST, finds="host-id-abc"),
    Call("/host.HostInterface/Lock", HOST_BODY, changes={"host": {"lockState": "LOCKED"}}),
    Call(
        "/host.HostInterface/Unlock",
        HOST_BODY,
        changes={"host": {"lockState": "OPEN"}},
        after="/host.HostInterface/Lock",
    ),
    Call(
        "/group.GroupInterface/FindGroup",
        {"show": {"name": "myshow"}, "name": "comp"},
        {"group": GROUP},
        finds="group-id-def",
        native={"show": "myshow", "name": "comp"},
    ),
    Call(*THINGS["group"], {"group": GROUP}, finds="group-id-def"),
    Call(
        "/group.GroupInterface/SetMinCores",
        GROUP_BODY | {"cores": 4},
        changes={"group": {"minCores": 4}},
    ),
    Call(
        "/group.GroupInterface/SetMaxCores",
        GROUP_BODY | {"cores": 16},
        changes={"group": {"maxCores": 16}},
    ),
    Call(*THINGS["owner"], {"owner": OWNER}, NO_OWNER, finds="owner-id"),
    Call(
        "/owner.OwnerInterface/TakeOwnership",
        HOST_BODY | {"owner": ARTIST},
        changes={"owner": {"hostCount": 2}},
        means={"host-id-abc": "desk-id"},  # only hosts with NIMBY can be taken
        steps=(
            *("/host.HostInterface/GetHost", "/host.OwnerInterface/GetOwner"),
            "/host.OwnerInterface/TakeOwnership",
        ),
    ),
    Call(
        "/layer.LayerInterface/Kill",
        {"layer": LAYER_ID},
        changes={"frame": {"state": "WAITING"}},
        steps=("/job.LayerInterface/KillFrames",),
    ),
    Call(
        *THINGS["proc"],
        {"proc": PROC},
        NO_PROC,
        finds="proc-id-ghi",
        steps=("/host.ProcInterface/GetProcs",),
    ),
    Call("/proc.ProcInterface/Kill", PROC_BODY, changes={"frame": {"state": "WAITING"}}),
    Call("/proc.ProcInterface/Unbook", PROC_BODY, changes={"proc": {"unbooked": True}}),
    Call("/deed.DeedInterface/GetOwner", DEED_BODY, {"owner": OWNER}, NO_OWNER, finds="owner-id"),
    Call(
        "/deed.DeedInterface/GetHost",
        DEED_BODY,
        {"host": DEEDS_HOST},
        finds="deeds-host-id",
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
