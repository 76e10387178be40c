"""Columns of views over HTTP: what Cuebot is asked for them, and what nobody else is told."""

from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from gateway.features.views import row_owners
from tests.support.events import watching
from tests.support.farms import running_farm, still_farm
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    running_gateway,
    settings_for,
)

ACCESS = [
    rule("all", {"role": "all"}, "all"),
    rule("see", {"role": "see"}, "all", see="user = $sub"),
    rule("shows", {"role": "shows"}, "all", see="show in $shows"),
    rule("only", {"role": "only"}, "all", only="user = $sub"),
    rule("frames", {"role": "frames"}, "job.JobInterface/GetFrames", "host.ProcInterface/GetProcs"),
    {
        "name": "procs",
        "who": {"role": "procs"},
        "may": ["all"],
        "see": "user = $sub",
        "always": ["host.ProcInterface/GetProcs"],
    },
]
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(access=ACCESS, access_default="deny")]

ALL = signed("lena", role="all")
GET_PROCS, GET_JOBS = "/host.ProcInterface/GetProcs", "/job.JobInterface/GetJobs"
GET_FRAMES = "/job.JobInterface/GetFrames"
JOB = "00000000-0000-0000-0000-000000000001"
JOBS = [
    {"id": JOB, "name": "lena-job", "user": "lena", "show": "demo"},
    {"id": "2", "name": "bo-job", "user": "bo", "show": "other"},
]


def procs_of(*jobs: str) -> bytes:
    rows = [
        {"id": f"proc {number}", "name": f"node/{number}", "job_name": job, "show_name": "demo"}
        for number, job in enumerate(jobs)
    ]
    found: bytes = message_class("host.ProcGetProcsResponse")(
        procs={"procs": rows}
    ).SerializeToString()
    return found


@pytest.fixture(autouse=True)
def farm(cuebot: ScriptedCuebot) -> None:
    """A Cuebot with these two jobs, which have three procs; the frames are those of any job."""
    asked, answer = message_class("job.JobGetJobsRequest"), message_class("job.JobGetJobsResponse")

    async def jobs(request: bytes, _: Any) -> bytes:
        r = asked.FromString(request).r
        rows = [each for each in JOBS if each["name"] in r.jobs or each["id"] in r.ids]
        found: bytes = answer(jobs={"jobs": rows}).SerializeToString()
        return found

    cuebot.handlers[GET_JOBS] = jobs
    cuebot.answers(GET_PROCS, procs_of("lena-job", "bo-job", "lena-job"))
    frames = message_class("job.JobGetFramesResponse")(frames={"frames": [{"name": "0001-a"}]})
    cuebot.answers(GET_FRAMES, frames.SerializeToString())
    one = message_class("job.JobGetJobResponse")(job=JOBS[0])
    cuebot.answers("/job.JobInterface/GetJob", one.SerializeToString())


def asked_for(cuebot: ScriptedCuebot, path: str = GET_JOBS) -> list[Any]:
    kind = message_class("job.JobGetJobsRequest")
    return [kind.FromString(request).r for called, request, _ in cuebot.seen if called == path]


async def rows(
    gateway: Gateway, path: str, body: object, who: dict[str, str] = ALL, /, **asked: str
) -> list[dict[str, Any]]:
    view = {f"_{name}": text for name, text in asked.items()}
    answer = await gateway.post(path, body, params=view, headers=who)
    assert answer.status_code == 200, answer.text
    ((found,),) = [each.values() for each in answer.json().values()]
    return list(found)


async def test_one_call_finds_the_jobs_of_all_procs(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    found = await rows(gateway, GET_PROCS, {}, fields="job,user")
    assert [each["user"] for each in found] == ["lena", "bo", "lena"]
    (asked,) = asked_for(cuebot)
    assert [*asked.jobs] == ["bo-job", "lena-job"]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ({"where": "user=lena", "fields": "name"}, ["node/0", "node/2"]),
        ({"where": "user!=lena", "fields": "name"}, ["node/1"]),
        ({"sort": "user,-name", "fields": "name"}, ["node/1", "node/2", "node/0"]),
    ],
)
async def test_rows_are_chosen_and_sorted_by_what_their_job_has(
    gateway: Gateway, view: dict[str, str], expected: Sequence[str]
) -> None:
    assert [each["name"] for each in await rows(gateway, GET_PROCS, {}, **view)] == expected


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_groups_by_what_their_job_has(gateway: Gateway, verb: str) -> None:
    target = f"{GET_PROCS}?_count=user&_format=csv"
    answer = await gateway.client.request(verb, gateway.url + target, headers=ALL)
    assert answer.text == '"user","count"\r\n"bo",1\r\n"lena",2\r\n'


async def test_no_other_view_asks_for_jobs(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    views: list[dict[str, str]] = [{"fields": "job,show,runtime"}, {"where": "job=lena-job"}]
    for view in views:
        await rows(gateway, GET_PROCS, {}, **view)
    assert asked_for(cuebot) == []


async def test_no_rows_are_of_no_job(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_PROCS, procs_of(""))
    assert await rows(gateway, GET_PROCS, {}, fields="user") == [{"user": None}]
    cuebot.answers(GET_PROCS, b"")
    answer = await gateway.post(f"{GET_PROCS}?_fields=user", {}, headers=ALL)
    assert answer.status_code == 200
    assert asked_for(cuebot) == []


async def test_what_is_not_found_is_not_set(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_PROCS, procs_of("gone", "lena-job"))
    found = await rows(gateway, GET_PROCS, {}, fields="user")
    assert found == [{"user": None}, {"user": "lena"}]


async def test_frames_have_what_the_job_of_the_request_has(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    body = {"job": {"id": JOB}}
    found = await rows(gateway, GET_FRAMES, body, fields="name,job,show,user")
    assert found == [{"name": "0001-a", "job": "lena-job", "show": "demo", "user": "lena"}]
    (asked,) = asked_for(cuebot)
    assert ([*asked.ids], asked.include_finished) == ([JOB], True)


async def test_another_job_in_the_list_is_not_theirs(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """As of a Cuebot that leaves a criterion out."""
    every = message_class("job.JobGetJobsResponse")(jobs={"jobs": JOBS[::-1]})
    cuebot.answers(GET_JOBS, every.SerializeToString())
    found = await rows(gateway, GET_FRAMES, {"job": {"id": JOB}}, fields="user")
    assert found == [{"user": "lena"}]


async def test_rows_of_too_many_jobs(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_owners, "MOST_OWNERS", 1)
    answer = await gateway.post(f"{GET_PROCS}?_fields=user", {}, headers=ALL)
    assert answer.status_code == 400
    assert "the rows are of 2 jobs, of which 1 can be asked for at once" in answer.text
    assert asked_for(cuebot) == []


async def test_an_error_of_the_look_up_is_the_answer(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    cuebot.fails(GET_JOBS, grpc.StatusCode.UNAVAILABLE, "away")
    answer = await gateway.post(f"{GET_PROCS}?_fields=user", {}, headers=ALL)
    assert answer.status_code == 503


# --- rights -------------------------------------------------------------------------------------


async def test_a_rule_shows_no_more_than_what_is_in_sight(gateway: Gateway) -> None:
    """Also where it always shows the rows."""
    procs = signed("lena", role="procs")
    found = await rows(gateway, GET_PROCS, {}, procs, fields="name,user")
    assert [each["user"] for each in found] == ["lena", None, "lena"]
    assert await rows(gateway, GET_PROCS, {}, procs, fields="name", where="user=bo") == []


async def test_a_rule_with_a_condition_has_columns(gateway: Gateway) -> None:
    seen = {
        "only": ["lena", "bo", "lena"],
        "shows": ["lena", None, "lena"],
    }
    for role, users in seen.items():
        who = signed("lena", role=role, shows=["demo"])
        found = await rows(gateway, GET_PROCS, {}, who, fields="user")
        assert [each["user"] for each in found] == users, role
    who = signed("lena", role="see")
    found = await rows(gateway, GET_FRAMES, {"job": {"id": JOB}}, who, fields="user,show")
    assert found == [{"user": "lena", "show": "demo"}]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_who_may_not_list_jobs_has_no_such_columns(
    gateway: Gateway, cuebot: ScriptedCuebot, accept: str
) -> None:
    who = signed("lena", role="frames")
    assert await rows(gateway, GET_PROCS, {}, who, fields="runtime")
    cuebot.seen.clear()
    answer = await gateway.post(f"{GET_PROCS}?_fields=user", {}, headers=who | {"Accept": accept})
    assert answer.status_code == 403
    assert "may not call /job.JobInterface/GetJobs, which 'user' asks for" in answer.text
    assert cuebot.seen == []


# --- watching -----------------------------------------------------------------------------------


@needs("watch")
async def test_rows_are_watched_with_what_their_job_has(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.watch.options.LEAST_PERIOD_SECONDS", 0.001)
    path = f"{GET_PROCS}?_fields=name,user&_where=user=lena&_every=0.01"
    async with watching(gateway, path, {}, **ALL) as stream:
        await stream.block()
        first = await stream.next()
        assert first.data == {
            "procs": {
                "procs": [{"name": "node/0", "user": "lena"}, {"name": "node/2", "user": "lena"}]
            }
        }
        cuebot.answers(GET_PROCS, procs_of("lena-job", "lena-job", "bo-job"))
        second = await stream.next()
        assert second.data["added"] == [{"name": "node/1", "user": "lena"}]
        assert second.data["removed"] == ["proc 2"]


@needs("watch")
async def test_a_goal_may_be_about_what_their_job_has(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.watch.options.LEAST_PERIOD_SECONDS", 0.001)
    path = f"{GET_PROCS}?_fields=name&_until=user=lena&_every=0.01"
    async with watching(gateway, path, {}, **ALL) as stream:
        await stream.block()
        assert (await stream.next()).kind == "snapshot"
        cuebot.answers(GET_PROCS, procs_of("lena-job"))
        assert (await stream.next()).kind == "change"
        assert (await stream.next()).kind == "done"


@needs("watch")
async def test_streams_are_not_shared_by_those_who_see_other_jobs(gateway: Gateway) -> None:
    path = f"{GET_PROCS}?_fields=user"
    lena, bo = (signed(name, role="procs") for name in ("lena", "bo"))
    async with (
        watching(gateway, path, {}, **lena) as hers,
        watching(gateway, path, {}, **bo) as his,
    ):
        for stream, users in ((hers, ["lena", None, "lena"]), (his, [None, "bo", None])):
            await stream.block()
            rows_there = (await stream.next()).data["procs"]["procs"]
            assert [each["user"] for each in rows_there] == users


# --- a farm -------------------------------------------------------------------------------------


@needs("reference")
async def test_what_people_ask_a_farm() -> None:
    async with running_farm(still_farm()) as cuebot:
        settings = settings_for(cuebot.endpoint, access=ACCESS, access_default="deny")
        async with running_gateway(settings) as farm:

            async def get(method: str, **asked: str) -> list[str]:
                answer = await farm.client.get(f"{farm.url}/{method}", params=asked, headers=ALL)
                assert answer.status_code == 200, answer.text
                lines: list[str] = answer.text.splitlines()
                return lines

            csv = {"_format": "csv"}
            for state in ("PENDING", "FINISHED"):
                jobs = await get(
                    "job.JobInterface/GetJobs",
                    includeFinished="true", _where=f"state={state}",
                    _fields="name,user,show", **csv,
                )  # fmt: skip
                name, user, show = (each.strip('"') for each in jobs[1].split(","))
                longest = await get(
                    "job.JobInterface/GetFrames",
                    job=name, _sort="-runtime", _fields="runtime,user,show,job", _limit="1", **csv,
                )  # fmt: skip
                assert len(longest) == 2
                assert longest[1].endswith(f',"{user}","{show}","{name}"')
                assert int(longest[1].split(",")[0]) > 0
            hours = await get(
                "job.JobInterface/GetJobs",
                _group="show,user", _count="", _sum="succeededFrames,coreHours", **csv,
            )  # fmt: skip
            assert hours[0].endswith('"sum(succeededFrames)","sum(coreHours)"')
            assert float(hours[1].split(",")[-1]) > 0
            procs = await get("host.ProcInterface/GetProcs", _fields="host,user", **csv)
            host = procs[1].split(",")[0].strip('"')
            on_host = await get(
                "host.ProcInterface/GetProcs",
                host=host, _fields="job,frame,user,runtime,memoryUsed", **csv,
            )  # fmt: skip
            assert all(len(line.split(",")) == 5 and '""' not in line for line in on_host)
            wait = {"_where": "waiting>10m", "_fields": "waiting"}
            for line in (await get("job.JobInterface/GetJobs", **wait, **csv))[1:]:
                assert int(line) > 600
