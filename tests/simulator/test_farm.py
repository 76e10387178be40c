"""The simulated Cuebot, called over gRPC: it answers, changes and fails as the real one does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message_factory import GetMessageClass

from cuebot_simulator.answers import SERVICES
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import enum_name, read_messages
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm
from gateway.discovery.reflection import PATH, ReflectionSource
from gateway.errors import ConfigurationError
from gateway.schema.description import NoReflection

pytestmark = pytest.mark.anyio

NOTHING = "Incorrect result size: expected 1, actual 0"
UNCAUGHT = f"org.springframework.dao.EmptyResultDataAccessException: {NOTHING}\n{NOTHING}"
NOW = 1_790_000_000
COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"
OLD_SPELLINGS = {"SetMangedCores"}
"""Names of methods that only protos have which are older than the installed ones."""


class Client:
    """Calls methods by `Interface/Method` with fields, over bytes."""

    def __init__(
        self, cuebot: SimulatedCuebot, clock: StoppedClock, channel: grpc.aio.Channel
    ) -> None:
        self.farm = cuebot.farm
        self.clock = clock
        self.channel = channel
        pool = cuebot.farm.messages.pool
        self.methods = {
            f"{service.rpartition('.')[2]}/{method.name}": method
            for service in cuebot.farm.messages.services
            for method in pool.FindServiceByName(service).methods
        }

    async def __call__(self, name: str, /, **values: Any) -> Any:
        self.clock.advance(0.25)  # what was ordered before is done by now
        method = self.methods[name]
        path = f"/{method.containing_service.full_name}/{method.name}"
        request = GetMessageClass(method.input_type)(**values)
        ask: Any = self.channel.unary_unary(path)
        metadata = (("x-request-id", "r1"),)
        answer = await ask(request.SerializeToString(), metadata=metadata, timeout=10)
        return GetMessageClass(method.output_type).FromString(answer)

    async def failure(self, name: str, /, **values: Any) -> tuple[str, str | None]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self(name, **values)
        return caught.value.code().name, caught.value.details()

    async def job(self, name: str = COMP) -> Any:
        jobs = (
            await self("JobInterface/GetJobs", r={"jobs": [name], "include_finished": True})
        ).jobs
        return jobs.jobs[0]

    async def frames(self, state: str, job: str = COMP) -> list[Any]:
        answer = await self(
            "JobInterface/GetFrames",
            job={"id": (await self.job(job)).id},
            req={"limit": 500, "states": {"frame_states": [state]}},
        )
        return list(answer.frames.frames)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def cuebot(clock: StoppedClock) -> AsyncIterator[SimulatedCuebot]:
    simulated = SimulatedCuebot(farm=build_farm(read_messages(), clock=clock))
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def call(cuebot: SimulatedCuebot, clock: StoppedClock) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        yield Client(cuebot, clock, channel)


def assert_sums(farm: Farm) -> None:
    """Every statistic is what counting gives, and every proc's cores are missing on its host."""
    farm.catch_up()
    for job in farm.jobs.values():
        layers = farm.layers_of(job)
        for field in job.job_stats.DESCRIPTOR.fields_by_name:
            if field.endswith("_frames") or field in ("reserved_cores", "total_core_sec"):
                total = sum(getattr(layer.layer_stats, field) for layer in layers)
                assert getattr(job.job_stats, field) == total, (job.name, field)
        states = [enum_name(frame, "state") for frame in farm.frames_of(job)]
        assert job.job_stats.total_frames == len(states)
        assert job.job_stats.running_frames == states.count("RUNNING")
        assert job.job_stats.pending_frames == states.count("WAITING") + states.count("DEPEND")
    for show in farm.shows.values():
        groups = [group.group_stats for group in farm.groups_of(show)]
        for field in ("running_frames", "dead_frames", "pending_jobs", "reserved_cores"):
            assert getattr(show.show_stats, field) == sum(getattr(each, field) for each in groups)
    for host in farm.hosts.values():
        procs = [proc for proc in farm.procs.values() if farm.host_of[proc.id] == host.id]
        assert host.cores - host.idle_cores == sum(proc.reserved_cores for proc in procs)
        assert host.memory - host.idle_memory == sum(proc.reserved_memory for proc in procs)
    running = {frame.id for frame in farm.frames.values() if enum_name(frame, "state") == "RUNNING"}
    assert {farm.parent_of[proc] for proc in farm.procs} == running


# The farm.


def test_the_same_seed_gives_the_same_farm() -> None:
    """Ids and everything else depend on the seed and the clock only."""
    one, two, other = (
        build_farm(read_messages(), seed=seed, clock=lambda: NOW) for seed in (1, 1, 2)
    )
    for kind in ("shows", "jobs", "layers", "frames", "hosts", "procs", "deeds"):
        first, second = getattr(one, kind), getattr(two, kind)
        assert [x.SerializeToString() for x in first.values()] == [
            x.SerializeToString() for x in second.values()
        ]
        assert set(first).isdisjoint(getattr(other, kind))


def test_the_statistics_of_a_new_farm_add_up() -> None:
    """Layers, jobs, groups, shows and hosts agree with frames and procs from the start."""
    farm = build_farm(read_messages(), clock=StoppedClock(NOW))
    assert farm.procs
    assert_sums(farm)


def test_every_simulated_method_exists() -> None:
    """No handler waits for a method that the protos do not have."""
    pool = read_messages().pool
    for service, methods in SERVICES.items():
        known = set(pool.FindServiceByName(service).methods_by_name)
        assert set(methods) - OLD_SPELLINGS <= known, service


# Errors.

NO_ID: dict[str, Any] = {"id": "nobody"}


async def test_things_happen_while_nobody_calls() -> None:
    """The server lets the farm live, so that it need not catch up with hours at a call."""
    farm = build_farm(read_messages(), clock=StoppedClock(NOW))
    happened = asyncio.Event()
    farm.agenda.after(0, happened.set)
    simulated = SimulatedCuebot(farm=farm)
    await simulated.start()
    try:
        async with asyncio.timeout(20):
            await happened.wait()
    finally:
        await simulated.stop()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(name, values, id=name)
        for name, values in [
            ("ShowInterface/FindShow", {"name": "x"}),
            ("JobInterface/FindJob", {"name": "x"}),
            ("JobInterface/GetJob", NO_ID),
            ("JobInterface/Pause", {"job": NO_ID}),
            ("JobInterface/Kill", {"job": NO_ID}),
            ("JobInterface/GetFrames", {"job": NO_ID}),
            ("JobInterface/GetLayers", {}),
            ("LayerInterface/GetLayer", NO_ID),
            ("LayerInterface/FindLayer", {"job": COMP, "layer": "x"}),
            ("FrameInterface/GetFrame", NO_ID),
            ("FrameInterface/FindFrame", {"job": COMP, "layer": "comp", "frame": 1}),
            ("GroupInterface/GetGroup", NO_ID),
            ("GroupInterface/FindGroup", {"show": "demo", "name": "x"}),
            ("HostInterface/GetHost", NO_ID),
            ("HostInterface/FindHost", {"name": "x"}),
            ("OwnerInterface/GetOwner", {"name": "x"}),
            ("AllocationInterface/Find", {"name": "x"}),
            ("ServiceInterface/GetService", {"name": "x"}),
        ]
    ],
)
async def test_a_thing_that_is_not_there_is_not_found(
    call: Client, name: str, values: dict[str, Any]
) -> None:
    """Get and Find by key, and all of JobInterface, answer NOT_FOUND with Spring's text."""
    assert await call.failure(name, **values) == ("NOT_FOUND", NOTHING)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(name, values, id=name)
        for name, values in [
            ("HostInterface/Lock", {"host": NO_ID}),
            ("HostInterface/GetProcs", {"host": NO_ID}),
            ("FrameInterface/Kill", {"frame": NO_ID}),
            ("FrameInterface/GetFrames", {"job": "x"}),
            ("LayerInterface/GetFrames", {"layer": NO_ID}),
            ("LayerInterface/KillFrames", {"layer": NO_ID}),
            ("GroupInterface/SetMinCores", {"group": NO_ID}),
            ("GroupInterface/GetJobs", {"group": NO_ID}),
            ("OwnerInterface/TakeOwnership", {"owner": NO_ID}),
            ("ProcInterface/Kill", {"proc": NO_ID}),
            ("ProcInterface/GetHost", {"proc": NO_ID}),
            ("DeedInterface/GetOwner", {"deed": NO_ID}),
            ("ShowInterface/GetGroups", {"show": NO_ID}),
            ("SubscriptionInterface/Get", NO_ID),
        ]
    ],
)
async def test_an_exception_that_no_servant_catches_is_internal(
    call: Client, name: str, values: dict[str, Any]
) -> None:
    """Everything else ends in Cuebot's interceptor: class and text, newline, text again."""
    assert await call.failure(name, **values) == ("INTERNAL", UNCAUGHT)


async def test_a_method_that_is_not_simulated_is_unimplemented(call: Client) -> None:
    """What this Cuebot cannot do it says by name."""
    assert await call.failure("RqdReportInterface/ReportStatus") == (
        "UNIMPLEMENTED",
        "not simulated: /report.RqdReportInterface/ReportStatus",
    )


# Reads.


async def test_shows_are_read_found_and_made(call: Client) -> None:
    """A new show takes a name only and starts with Cuebot's defaults and a root group."""
    shows = (await call("ShowInterface/GetShows")).shows.shows
    assert [show.name for show in shows] == ["demo", "harbor", "northwind"]
    assert (await call("ShowInterface/FindShow", name="demo")).show == shows[0]

    made = (await call("ShowInterface/CreateShow", name="tidal")).show
    assert (made.default_min_cores, made.default_max_cores, made.active) == (1, 100, True)
    assert (await call("ShowInterface/GetRootGroup", show={"id": made.id})).group.name == "tidal"
    assert (await call("ShowInterface/GetActiveShows")).shows.shows[-1] == made
    code, text = await call.failure("ShowInterface/CreateShow", name="tidal")
    assert code == "INTERNAL"
    assert text is not None
    assert text.startswith("Show could not be created.")


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"shows": ["demo"]}, 3),
        ({"shows": ["demo"], "include_finished": True}, 4),
        ({"jobs": [COMP, LIGHT]}, 2),
        ({"substr": ["_comp_", "roto"]}, 3),
        ({"regex": ["^harbor-hb1[12]0"]}, 2),
        ({"users": ["artist1"], "shots": ["sh010"]}, 1),
        ({"shows": ["demo"], "users": ["tomas"]}, 0),
        ({"ids": ["nobody"]}, 0),
        ({}, 7),
    ],
    ids=str,
)
async def test_criteria_narrow_a_job_search(
    call: Client, criteria: dict[str, Any], expected: int
) -> None:
    """Any value of a criterion fits, all criteria must, and finished jobs need asking for."""
    jobs = (await call("JobInterface/GetJobs", r=criteria)).jobs.jobs
    assert len(jobs) == expected
    assert [job.name for job in jobs] == sorted(job.name for job in jobs)


async def test_job_names_are_those_of_pending_jobs(call: Client) -> None:
    """GetJobNames leaves finished jobs out even with include_finished."""
    names = (await call("JobInterface/GetJobNames", r={"include_finished": True})).names
    assert len(names) == 7


async def test_a_broken_regex_is_internal(call: Client) -> None:
    """The database refuses it, and nobody catches that."""
    code, _ = await call.failure("JobInterface/GetJobs", r={"regex": ["("]})
    assert code == "INTERNAL"


async def test_a_job_is_found_by_name_in_any_case_while_it_is_pending(call: Client) -> None:
    """FindJob lowers the name, and does not see finished jobs."""
    assert (await call("JobInterface/FindJob", name=COMP.upper())).job == await call.job()
    finished = "demo-sh020-priya_comp_v007"
    assert await call.failure("JobInterface/FindJob", name=finished) == ("NOT_FOUND", NOTHING)
    assert (await call("JobInterface/IsJobPending", name=COMP)).value
    assert not (await call("JobInterface/IsJobPending", name=finished)).value


async def test_frames_come_only_with_a_limit(call: Client) -> None:
    """Without a limit there are none, with one there are pages, and a large one is not cut."""
    job = {"id": (await call.job()).id}

    async def numbers(**criteria: Any) -> list[int]:
        answer = await call("JobInterface/GetFrames", job=job, req=criteria)
        return [frame.number for frame in answer.frames.frames]

    assert await numbers() == []
    assert await numbers(page=1) == []
    assert len(await numbers(limit=5000)) == 25
    assert await numbers(limit=3, layers=["comp"]) == [1001, 1002, 1003]
    assert await numbers(limit=3, page=2, layers=["comp"]) == [1004, 1005, 1006]
    assert await numbers(limit=9, frame_range="1002-1006x2", layers=["comp"]) == [1002, 1004, 1006]
    assert await numbers(limit=9, frame_range="1003", layers=["comp"]) == [1003]
    assert len(await numbers(limit=99, states={"frame_states": ["RUNNING", "DEPEND"]})) == 4
    layer = (await call("JobInterface/GetLayers", job=job)).layers.layers[0]
    assert not (await call("LayerInterface/GetFrames", layer={"id": layer.id})).frames.frames
    paged = await call("LayerInterface/GetFrames", layer={"id": layer.id}, s={"limit": 5})
    assert len(paged.frames.frames) == 5
    by_name = await call("FrameInterface/GetFrames", job=COMP, r={"limit": 5})
    assert len(by_name.frames.frames) == 5


async def test_layers_and_frames_are_found_by_the_name_of_a_pending_job(call: Client) -> None:
    """FindLayer and FindFrame take names, not ids, and do not look into finished jobs."""
    layer = (await call("LayerInterface/FindLayer", job=COMP, layer="comp")).layer
    assert (await call("LayerInterface/GetLayer", id=layer.id)).layer == layer
    found = await call("FrameInterface/FindFrame", job=COMP, layer="comp", frame=1002)
    assert found.frame.name == "1002-comp"
    for job in ((await call.job()).id, "demo-sh020-priya_comp_v007"):
        assert await call.failure("LayerInterface/FindLayer", job=job, layer="comp") == (
            "NOT_FOUND",
            NOTHING,
        )


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, 10),
        ({"hosts": ["render-node-01"]}, 1),
        ({"substr": ["desk-"]}, 3),
        ({"regex": ["node-0[1-3]$"]}, 3),
        ({"allocs": ["local.desktop"]}, 3),
        ({"states": {"state": ["DOWN"]}}, 1),
        ({"lock_states": {"state": ["LOCKED", "NIMBY_LOCKED"]}}, 2),
        ({"hosts": ["nobody"]}, 0),
    ],
    ids=str,
)
async def test_criteria_narrow_a_host_search(
    call: Client, criteria: dict[str, Any], expected: int
) -> None:
    """Hosts can be searched by name, allocation and state."""
    assert len((await call("HostInterface/GetHosts", r=criteria)).hosts.hosts) == expected


async def test_a_proc_leads_to_what_it_runs_and_where(call: Client) -> None:
    """The frame, layer, job and host of a proc are those that name it."""
    procs = (await call("ProcInterface/GetProcs", r={"jobs": [COMP]})).procs.procs
    assert len(procs) == 3
    proc = {"id": procs[0].id}
    host = (await call("ProcInterface/GetHost", proc=proc)).host
    assert procs[0].name.startswith(host.name)
    assert procs[0] in (await call("HostInterface/GetProcs", host={"id": host.id})).procs.procs
    frame = (await call("ProcInterface/GetFrame", proc=proc)).frame
    assert (frame.name, frame.last_resource) == (procs[0].frame_name, procs[0].name)
    assert (await call("ProcInterface/GetLayer", proc=proc)).layer.name == "comp"
    assert (await call("ProcInterface/GetJob", proc=proc)).job.name == COMP
    first = await call("ProcInterface/GetProcs", r={"max_results": [2], "shows": ["demo"]})
    assert len(first.procs.procs) == 2


async def test_allocations_and_subscriptions_count_what_is_reserved(call: Client) -> None:
    """Allocation statistics are those of their hosts, subscriptions count hundredths of cores."""
    allocations = (await call("AllocationInterface/GetAll")).allocations.allocations
    assert [each.name for each in allocations] == ["local.desktop", "local.general"]
    procs = (await call("ProcInterface/GetProcs")).procs.procs
    running = sum(each.stats.running_cores for each in allocations)
    assert running == sum(proc.reserved_cores for proc in procs)
    show = (await call("ShowInterface/FindShow", name="demo")).show
    answer = await call("ShowInterface/GetSubscriptions", show={"id": show.id})
    reserved = sum(each.reserved_cores for each in answer.subscriptions.subscriptions)
    assert reserved == show.show_stats.reserved_cores * 100


# Changes.


async def test_a_job_is_paused_and_resumed(call: Client) -> None:
    """What was changed is what is read then."""
    job = await call.job()
    assert not job.is_paused
    await call("JobInterface/Pause", job={"id": job.id})
    assert (await call("JobInterface/GetJob", id=job.id)).job.is_paused
    await call("JobInterface/Resume", job={"id": job.id})
    assert not (await call("JobInterface/GetJob", id=job.id)).job.is_paused


async def test_job_settings_change_by_id_alone(call: Client) -> None:
    """Cores are cut to whole ones, and the rest of the job in the request does not matter."""
    job = {"id": (await call.job()).id, "name": "ignored", "priority": 1}
    await call("JobInterface/SetPriority", job=job, val=250)
    await call("JobInterface/SetMinCores", job=job, val=2.7)
    await call("JobInterface/SetMaxCores", job=job, val=-1)
    await call("JobInterface/SetAutoEat", job=job, value=True)
    now = await call.job()
    assert (now.priority, now.min_cores, now.max_cores, now.auto_eat) == (250, 2, -1, True)


async def test_a_killed_job_is_finished_and_gone_from_the_list(call: Client) -> None:
    """Its running frames stop and wait, and their hosts have their cores back."""
    job = await call.job()
    await call("JobInterface/Kill", job={"id": job.id}, reason="not needed")
    assert not (await call("JobInterface/GetJobs", r={"jobs": [COMP]})).jobs.jobs
    killed = await call.job()
    assert enum_name(killed, "state") == "FINISHED"
    assert killed.stop_time == NOW
    assert killed.job_stats.running_frames == 0
    assert killed.job_stats.waiting_frames == job.job_stats.waiting_frames + 3
    assert not (await call("ProcInterface/GetProcs", r={"jobs": [COMP]})).procs.procs
    assert_sums(call.farm)


async def test_a_killed_frame_fails_and_leaves_its_host(call: Client) -> None:
    """It waits for its next try; a frame that does not run is left alone."""
    frame = (await call.frames("RUNNING"))[0]
    host_name = frame.last_resource.partition("/")[0]
    before = (await call("HostInterface/FindHost", name=host_name)).host
    await call("FrameInterface/Kill", frame={"id": frame.id})
    now = (await call("FrameInterface/GetFrame", id=frame.id)).frame
    assert (enum_name(now, "state"), now.exit_status, now.stop_time) == (
        "WAITING",
        1,
        int(call.clock()),
    )
    after = (await call("HostInterface/FindHost", name=host_name)).host
    assert after.idle_cores == before.idle_cores + 2
    assert_sums(call.farm)

    done = (await call.frames("SUCCEEDED"))[0]
    await call("FrameInterface/Kill", frame={"id": done.id})
    assert (await call("FrameInterface/GetFrame", id=done.id)).frame == done


async def test_a_killed_frame_without_tries_left_is_dead_or_eaten(call: Client) -> None:
    """A job that eats its dead eats it."""
    frames = await call.frames("RUNNING")
    for frame in frames[:2]:
        call.farm.frames[frame.id].retry_count = 1
    await call("FrameInterface/Kill", frame={"id": frames[0].id})
    assert [frame.id for frame in await call.frames("DEAD")] == [frames[0].id]
    await call("JobInterface/SetAutoEat", job={"id": (await call.job()).id}, value=True)
    await call("FrameInterface/Kill", frame={"id": frames[1].id})
    assert [frame.id for frame in await call.frames("EATEN")] == [frames[1].id]


async def test_eating_counts_frames_as_done(call: Client) -> None:
    """Dead, waiting and running frames are eaten, succeeded ones stay succeeded."""
    job = await call.job(LIGHT)
    await call("JobInterface/EatFrames", job={"id": job.id}, req={"states": {"frame_states": [5]}})
    stats = (await call.job(LIGHT)).job_stats
    assert (stats.dead_frames, stats.eaten_frames) == (0, 2)
    layer = (await call("LayerInterface/FindLayer", job=LIGHT, layer="shadow")).layer
    await call("LayerInterface/EatFrames", layer={"id": layer.id})
    assert (await call("LayerInterface/GetLayer", id=layer.id)).layer == layer
    running = (await call.frames("RUNNING", LIGHT))[0]
    await call("FrameInterface/Eat", frame={"id": running.id})
    eaten = (await call("FrameInterface/GetFrame", id=running.id)).frame
    assert (enum_name(eaten, "state"), eaten.exit_status) == ("EATEN", 506)
    assert_sums(call.farm)


async def test_a_job_with_nothing_left_to_do_is_finished(call: Client) -> None:
    """Eating without criteria, and without a limit, takes every frame of the job."""
    job = await call.job()
    await call("JobInterface/EatFrames", job={"id": job.id})
    now = await call.job()
    assert enum_name(now, "state") == "FINISHED"
    assert (now.job_stats.eaten_frames, now.job_stats.succeeded_frames) == (17, 8)
    assert_sums(call.farm)


async def test_retrying_makes_frames_wait_and_their_job_pending(call: Client) -> None:
    """Running and dead frames wait again; one that depends on others goes on doing so."""
    job = await call.job(LIGHT)
    dead = (await call.frames("DEAD", LIGHT))[0]
    await call("FrameInterface/Retry", frame={"id": dead.id})
    running = (await call.frames("RUNNING", LIGHT))[0]
    await call("FrameInterface/Retry", frame={"id": running.id})
    assert (await call("FrameInterface/GetFrame", id=running.id)).frame.exit_status == 500
    stats = (await call.job(LIGHT)).job_stats
    assert (stats.waiting_frames, stats.dead_frames, stats.running_frames) == (6, 1, 3)

    depending = (await call.frames("DEPEND"))[0]
    await call("FrameInterface/Retry", frame={"id": depending.id})
    assert (await call.frames("DEPEND"))[0].id == depending.id

    await call("JobInterface/Kill", job={"id": job.id})
    await call("JobInterface/RetryFrames", job={"id": job.id}, req={"layers": ["shadow"]})
    again = await call.job(LIGHT)
    assert enum_name(again, "state") == "PENDING"
    assert again.job_stats.succeeded_frames == 10
    assert_sums(call.farm)


async def test_layer_settings_change(call: Client) -> None:
    """Cores keep their hundredths, and too few of them mean the default, one."""
    layer = (await call("LayerInterface/FindLayer", job=COMP, layer="comp")).layer
    await call("LayerInterface/SetMinCores", layer={"id": layer.id}, cores=1.55)
    await call("LayerInterface/SetMaxCores", layer={"id": layer.id}, cores=6)
    await call("LayerInterface/SetTags", layer={"id": layer.id}, tags=["gpu", "general", "gpu"])
    now = (await call("LayerInterface/GetLayer", id=layer.id)).layer
    assert (round(now.min_cores, 2), now.max_cores) == (1.55, 6)
    assert list(now.tags) == ["gpu", "general"]
    await call("LayerInterface/SetMinCores", layer={"id": layer.id}, cores=0)
    assert (await call("LayerInterface/GetLayer", id=layer.id)).layer.min_cores == 1


async def test_a_host_is_locked_and_unlocked(call: Client) -> None:
    """Locking leaves alone what runs there."""
    host = (await call("HostInterface/FindHost", name="render-node-01")).host
    await call("HostInterface/Lock", host={"id": host.id})
    locked = (await call("HostInterface/GetHost", id=host.id)).host
    assert (enum_name(locked, "lock_state"), locked.idle_cores) == ("LOCKED", host.idle_cores)
    await call("HostInterface/Unlock", host={"id": host.id})
    assert (await call("HostInterface/GetHost", id=host.id)).host == host


async def test_group_core_limits_change(call: Client) -> None:
    """Without `min_cores` the minimum is 0, and a maximum below one core is refused."""
    group = (await call("GroupInterface/FindGroup", show="demo", name="comp")).group
    await call("GroupInterface/SetMinCores", group={"id": group.id}, min_cores=4)
    await call("GroupInterface/SetMaxCores", group={"id": group.id}, max_cores=16)
    now = (await call("GroupInterface/GetGroup", id=group.id)).group
    assert (now.min_cores, now.max_cores) == (4, 16)
    await call("GroupInterface/SetMinCores", group={"id": group.id})
    assert (await call("GroupInterface/GetGroup", id=group.id)).group.min_cores == 0
    code, text = await call.failure("GroupInterface/SetMaxCores", group={"id": group.id})
    assert code == "INTERNAL"
    assert text is not None
    assert text.startswith("java.lang.IllegalArgumentException: ")


async def test_group_defaults_reach_the_jobs_that_are_there(call: Client) -> None:
    """The defaults for jobs also change the group's present jobs."""
    group = (await call("GroupInterface/FindGroup", show="demo", name="comp")).group
    await call("GroupInterface/SetDefaultJobMinCores", group={"id": group.id}, min_cores=3)
    await call("GroupInterface/SetDefaultJobMaxCores", group={"id": group.id}, max_cores=30)
    await call("GroupInterface/SetDefaultJobPriority", group={"id": group.id}, priority=77)
    now = (await call("GroupInterface/GetGroup", id=group.id)).group
    assert (now.default_job_min_cores, now.default_job_max_cores) == (3, 30)
    job = (await call("GroupInterface/GetJobs", group={"id": group.id})).jobs.jobs[0]
    assert (job.min_cores, job.max_cores, job.priority) == (3, 30, 77)


async def test_groups_are_a_tree(call: Client) -> None:
    """A show's root group has the others below it."""
    show = (await call("ShowInterface/FindShow", name="demo")).show
    root = (await call("ShowInterface/GetRootGroup", show={"id": show.id})).group
    below = (await call("GroupInterface/GetGroups", group={"id": root.id})).groups.groups
    assert [group.name for group in below] == ["comp", "fx", "light"]
    groups = (await call("ShowInterface/GetGroups", show={"id": show.id})).groups.groups
    assert list(groups) == [root, *below]


async def test_a_host_changes_hands(call: Client) -> None:
    """TakeOwnership takes the owner by id and the host by name, and only NIMBY hosts."""
    owner = (await call("OwnerInterface/GetOwner", name="artist1")).owner
    by_id = {"id": owner.id}
    await call("OwnerInterface/TakeOwnership", owner=by_id, host="desk-202")
    assert (await call("OwnerInterface/GetOwner", name=owner.id)).owner.host_count == 2
    assert (await call("OwnerInterface/GetOwner", name="artist2")).owner.host_count == 0
    hosts = (await call("OwnerInterface/GetHosts", owner=by_id)).hosts.hosts
    assert [host.name for host in hosts] == ["desk-201", "desk-202"]
    deed = (await call("HostInterface/GetDeed", host={"id": hosts[1].id})).deed
    assert deed in (await call("OwnerInterface/GetDeeds", owner=by_id)).deeds.deeds
    assert (await call("DeedInterface/GetOwner", deed={"id": deed.id})).owner.name == "artist1"
    assert (await call("DeedInterface/GetHost", deed={"id": deed.id})).host == hosts[1]
    assert (await call("HostInterface/GetOwner", host={"id": hosts[1].id})).owner.id == owner.id
    code, _ = await call.failure("OwnerInterface/TakeOwnership", owner=by_id, host="render-node-01")
    assert code == "INTERNAL"


async def test_a_proc_is_unbooked_or_killed(call: Client) -> None:
    """Unbooking lets the frame end, killing ends it."""
    procs = (await call("ProcInterface/GetProcs", r={"jobs": [COMP]})).procs.procs
    await call("ProcInterface/Unbook", proc={"id": procs[0].id})
    now = (await call("ProcInterface/GetProcs", r={"jobs": [COMP]})).procs.procs
    assert [proc.unbooked for proc in now].count(True) == 1
    await call("ProcInterface/Kill", proc={"id": procs[0].id})
    await call("ProcInterface/Unbook", proc={"id": procs[1].id}, kill=True)
    left = (await call("ProcInterface/GetProcs", r={"jobs": [COMP]})).procs.procs
    assert [proc.id for proc in left] == [procs[2].id]
    assert (await call.job()).job_stats.running_frames == 1
    assert_sums(call.farm)


# The server.


async def test_calls_are_remembered_with_their_metadata(
    call: Client, cuebot: SimulatedCuebot
) -> None:
    """Tests can see what arrived."""
    await call("ShowInterface/GetShows")
    path, metadata = cuebot.calls[-1]
    assert path == "/show.ShowInterface/GetShows"
    assert metadata["x-request-id"] == "r1"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_without_reflection_it_is_as_the_stock_cuebot(version: str) -> None:
    """Neither version of the reflection service is there, but the methods are."""
    cuebot = SimulatedCuebot(reflection=False)
    await cuebot.start()
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        ask: Any = channel.stream_stream(PATH.format(version=version))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(iter([b""])).read()
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(NoReflection):
            await ReflectionSource(channel, endpoint=cuebot.endpoint).fetch()
        assert (
            len(
                (
                    await Client(cuebot, StoppedClock(NOW), channel)("ShowInterface/GetShows")
                ).shows.shows
            )
            == 3
        )
    await cuebot.stop()


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_it_describes_itself_in_both_versions(call: Client, version: str) -> None:
    """Each version answers with the services of the schema."""
    list_services = b"\x3a\x00"
    ask: Any = call.channel.stream_stream(PATH.format(version=version))
    answer = await ask(iter([list_services])).read()
    for service in call.farm.messages.services:
        assert service.encode() in answer


async def test_reflection_gives_the_whole_schema(call: Client, cuebot: SimulatedCuebot) -> None:
    """The gateway's own reflection client finds every service and can use all of them."""
    schema = await ReflectionSource(call.channel, endpoint=cuebot.endpoint).fetch()
    assert sorted(schema.services) == sorted(cuebot.farm.messages.services)
    assert schema.skipped == ()


async def test_a_port_in_use_is_one_clear_line(cuebot: SimulatedCuebot) -> None:
    """Two servers never share a port in silence."""
    with pytest.raises(ConfigurationError, match=rf"port {cuebot.port} is in use") as caught:
        await SimulatedCuebot(port=cuebot.port, farm=cuebot.farm).start()
    assert "\n" not in str(caught.value)


async def test_it_starts_again_on_its_port(cuebot: SimulatedCuebot) -> None:
    """A Cuebot that was away comes back where it was, with its farm."""
    port = cuebot.port
    await cuebot.stop()
    assert await cuebot.start() == port
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        assert (await Client(cuebot, StoppedClock(NOW), channel).job()).name == COMP
