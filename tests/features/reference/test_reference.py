"""Every call of OpenCue's published API reference, through a gateway to the simulated Cuebot.

Cuebot is as strict as ever; what it has otherwise than the document says is the business of the
compatibility profile, which is the built-in one here.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.features.reference.documented import (
    ABSENT,
    CALLS,
    CREATE_SHOW,
    FIND_SHOW,
    HOST_BODY,
    IMPOSSIBLE,
    JOB_BODY,
    NO_PROC,
    NOTHING_FOUND,
    PROC,
    Call,
    Json,
    Studio,
    assert_documented,
    native_path,
    new_studio,
    refused,
)
from tests.support.needs import needs
from tests.support.servers import SECRET, Gateway, SharedGateway, http_client, token

pytestmark = pytest.mark.anyio

DEFAULT_REASON = "none given (through cuebot-gateway)"
ABOUT_NOTHING = (CREATE_SHOW, "/job.JobInterface/GetJobs")
"""Calls that are right although what they name is not there."""


@pytest.fixture
async def studio(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Studio:
    """A new farm, and a gateway that found its schema by reflection."""
    endpoint = simulated_cuebot.endpoint
    gateway = await shared_gateway(endpoint, descriptor_source="reflection")
    return new_studio(gateway, simulated_cuebot)


def path_of(call: Call) -> str:
    return call.path.removeprefix("/")


def test_the_tables_are_the_document() -> None:
    paths = [*(call.path for call in CALLS), *(path for path, _, _ in ABSENT)]
    assert len(paths) == len(set(paths)) == 34
    assert len({path.rpartition("/")[0] for path in paths}) == 9


@pytest.mark.parametrize("call", CALLS, ids=path_of)
async def test_documented_calls_do_what_the_document_says(studio: Studio, call: Call) -> None:
    """And answer so, by the calls that are meant."""

    async def ask() -> Json:
        studio.cuebot.calls.clear()
        given = await studio.ask(call.path, call.body)
        assert_documented(call.answer, given, call.lacks)
        if not call.answer:
            assert given == {}
        heard = call.steps or (native_path(call.path),)
        assert tuple(path for path, _ in studio.cuebot.calls) == heard
        return given

    await call.check(studio, ask)


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


SAME = {
    "layer": {"minimumCores": "minCores", "maximumCores": "maxCores", "minimumMemory": "minMemory"},
    "host": {"totalCores": "cores", "totalGpus": "gpus", "freeGpus": "idleGpus"},
    "proc": {"bookedCores": "reservedCores", "bookedGpus": "reservedGpus"},
}


@pytest.mark.parametrize("kind", SAME)
async def test_documented_fields_have_the_values_of_cuebots(studio: Studio, kind: str) -> None:
    for host in studio.cuebot.farm.hosts.values():
        host.gpus, host.idle_gpus = 2, 1
    thing = await studio.thing(kind)
    assert [thing[name] for name in SAME[kind]] == [thing[name] for name in SAME[kind].values()]


async def test_procs_have_their_documented_fields(studio: Studio) -> None:
    assert_documented([PROC], await studio.procs(), NO_PROC)


@pytest.mark.parametrize(("message", "names"), IMPOSSIBLE, ids=[name for name, _ in IMPOSSIBLE])
def test_what_is_impossible_is_in_the_docs(message: str, names: frozenset[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference.md").read_text(encoding="utf-8")
    impossible = page.partition("\n## Impossible\n")[2]
    rows = [line for line in impossible.splitlines() if line.startswith(f"| `{message}` ")]
    assert len(rows) == 1
    assert names <= set(re.findall(r"`(\w+)`", rows[0]))


@pytest.mark.parametrize("path", [*map(path_of, CALLS), *(path[1:] for path, _, _ in ABSENT)])
def test_every_documented_call_is_in_the_docs(path: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\| `{re.escape(path)}` ", page, re.MULTILINE)) == 1


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


async def test_create_show_with_and_without_cores(studio: Studio) -> None:
    plain = (await studio.ask(CREATE_SHOW, {"name": "newshow"}))["show"]
    assert [path for path, _ in studio.cuebot.calls] == [FIND_SHOW, CREATE_SHOW]
    assert (await studio.ask(FIND_SHOW, {"name": "newshow"}))["show"] == plain
    least, most = plain["defaultMinCores"], plain["defaultMaxCores"]
    for name, body, cores in (
        ("other", {"default_min_cores": 0}, (0, most)),
        ("third", {"defaultMinCores": least + 1, "defaultMaxCores": 50}, (least + 1, 50)),
    ):
        show = (await studio.ask(CREATE_SHOW, {"name": name, **body}))["show"]
        assert (show["defaultMinCores"], show["defaultMaxCores"]) == cores != (least, most)
        assert (await studio.ask(FIND_SHOW, {"name": name}))["show"] == show


@pytest.mark.parametrize(
    ("name", "error", "calls"),
    [
        ("myshow", (409, "ALREADY_EXISTS", 6), [FIND_SHOW]),
        ("my", (500, "INTERNAL", 13), [FIND_SHOW, CREATE_SHOW]),
    ],
)
async def test_nothing_follows_a_show_that_is_not_created(
    studio: Studio, name: str, error: tuple[int, str, int], calls: list[str]
) -> None:
    """One that is there is found, and then there is no call that would change anything."""
    before = studio.everything()
    refused(await studio.post(CREATE_SHOW, {"name": name, "defaultMinCores": 7}), *error)
    assert [path for path, _ in studio.cuebot.calls] == calls
    assert studio.everything() == before


@needs("dry_run")
async def test_a_reason_of_ones_own_is_kept(studio: Studio) -> None:
    for reason, sent in (("wrong plate", "wrong plate"), ("", DEFAULT_REASON)):
        answer = await studio.gateway.post(
            "/job.JobInterface/Kill",
            studio.translated(JOB_BODY | {"reason": reason}),
            headers={"X-Dry-Run": "1"},
        )
        assert answer.json()["request"]["reason"] == sent


@pytest.mark.parametrize("limit", ["minCores", "maxCores"])
@pytest.mark.parametrize("snake", [False, True], ids=["camelCase", "snake_case"])
async def test_limit_a_groups_cores(studio: Studio, limit: str, snake: bool) -> None:
    before = await studio.thing("group")
    path = f"/group.GroupInterface/Set{limit[0].upper()}{limit[1:]}"
    name = limit.replace("C", "_c") if snake else limit
    assert await studio.ask(path, {"group": {"id": "group-id-def"}, name: 7}) == {}
    assert await studio.thing("group") == before | {limit: 7}


@pytest.mark.parametrize(
    ("kind", "path", "more", "changed"),
    [
        ("group", "/group.GroupInterface/SetMinCores", {"cores": 2}, {"minCores": 2}),
        ("job", "/job.JobInterface/Pause", {}, {"isPaused": True}),
        ("layer", "/layer.LayerInterface/GetFrames", {"req": {"page": 1, "limit": 1}}, {}),
        ("frame", "/frame.FrameInterface/Eat", {}, {"state": "EATEN"}),
        ("host", "/host.HostInterface/Lock", {}, {"lockState": "LOCKED"}),
        ("proc", "/proc.ProcInterface/Unbook", {}, {"unbooked": True}),
    ],
)
async def test_whole_objects_may_be_echoed(
    studio: Studio, kind: str, path: str, more: Json, changed: Json
) -> None:
    await studio.ask(path, {kind: await studio.thing(kind), **more})
    assert (await studio.thing(kind)).items() >= changed.items()


async def test_whole_objects_stand_for_their_names(studio: Studio) -> None:
    async def whole(path: str, body: Json, ignored: str) -> Json:
        studio.clock.advance(0.25)
        answer = await studio.post(path, body)
        assert answer.status_code == 200, answer.text
        assert ignored in answer.headers["x-ignored-fields"]
        content: Json = answer.json()
        return content

    show = (await studio.ask(FIND_SHOW, {"name": "myshow"}))["show"]
    body = {"show": show, "name": "comp"}
    found = (await whole("/group.GroupInterface/FindGroup", body, "show.id"))["group"]
    assert found == await studio.thing("group")
    body = {"job": await studio.thing("job"), "layer": "comp_layer"}
    found = (await whole("/layer.LayerInterface/FindLayer", body, "job.priority"))["layer"]
    assert found == await studio.thing("layer")
    owner = (await studio.ask("/owner.OwnerInterface/GetOwner", {"name": "artist1"}))["owner"]
    host = (await studio.ask("/host.HostInterface/FindHost", {"name": "desk-203"}))["host"]
    body = {"owner": owner, "host": host}
    assert await whole("/owner.OwnerInterface/TakeOwnership", body, "host.cores") == {}
    assert (await studio.thing("owner"))["hostCount"] == owner["hostCount"] + 1


NOWHERE: list[tuple[str, Json]] = [
    *((call.path, call.body) for call in CALLS if call.body and call.path not in ABOUT_NOTHING),
    ("/job.LayerInterface/FindLayer", {"job": "myshow-shot001-comp", "layer": "zzz"}),
    ("/job.GroupInterface/FindGroup", {"show": "demo", "name": "zzz"}),
    ("/host.OwnerInterface/TakeOwnership", {"owner": {"id": "owner-id"}, "host": "zzz"}),
]
"""Calls that are about something: all of the document, of which no name and no id is there."""
SAID = r"Job not found|.*'zzz'.*"


@pytest.mark.parametrize(("path", "body"), NOWHERE, ids=[path[1:] for path, _ in NOWHERE])
async def test_what_is_not_there_is_404(studio: Studio, path: str, body: Json) -> None:
    if "zzz" not in f"{body}":
        studio.names = dict.fromkeys(studio.names, "zzz")
    answer = await studio.post(path, body)
    assert re.fullmatch(SAID, refused(answer, 404, "NOT_FOUND", 5), re.DOTALL)


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


@pytest.fixture
async def limited(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway with the default limits, and one subject that has two requests and no more."""
    hasty = {"subjects": ["hasty"], "rps": 0.01, "burst": 2}
    endpoint = simulated_cuebot.endpoint
    return await shared_gateway(endpoint, rate_limit_rps=100, rate_limit_overrides=[hasty])


def authorization(subject: str, seconds: float = 3600, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(subject, seconds, secret)}"}


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
        assert refused(answer, 404, "NOT_FOUND", 5) == "no pending job 'nothing'"
        assert answer.json()["cuebot"] == NOTHING_FOUND
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
