"""Names that somebody may have meant, behind one that is not found."""

import asyncio

import grpc
import pytest

from gateway.features.names import kept_names
from tests.support.needs import missing, needs
from tests.support.opencue import message_class
from tests.support.owned_farm import answer
from tests.support.rights import rule, signed
from tests.support.servers import Context, Gateway, ScriptedCuebot

ACCESS = [
    rule("readers", {"role": "reader"}, "reads"),
    rule("finders", {"role": "finder"}, "show.ShowInterface/FindShow", "job.*/FindLayer"),
    rule("listers", {"role": "lister"}, "job.*/FindLayer", "job.JobInterface/GetLayers"),
    *(
        [rule("some", {"role": "some"}, "reads", see="show in $shows")]
        if not missing(["object_rights"])
        else []
    ),
]
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(access=ACCESS)]

FIND_SHOW, GET_SHOWS = "/show.ShowInterface/FindShow", "/show.ShowInterface/GetShows"
FIND_JOB, GET_JOB_NAMES = "/job.JobInterface/FindJob", "/job.JobInterface/GetJobNames"
FIND_LAYER, GET_LAYERS = "/job.LayerInterface/FindLayer", "/job.JobInterface/GetLayers"
FIND_FRAME, GET_FRAMES = "/job.FrameInterface/FindFrame", "/job.JobInterface/GetFrames"
FIND_GROUP, GET_GROUPS = "/job.GroupInterface/FindGroup", "/show.ShowInterface/GetGroups"
JOB, NO_JOB = "demo-sh010-lena_comp_v003", "demo-sh010-lena_comp_v004"
NOT_THERE = "Incorrect result size: expected 1, actual 0"


def listed(message: str, kind: str, *names: str) -> bytes:
    """An answer with a list of things that have these names."""
    return answer(message, **{kind: {kind: [{"name": name} for name in names]}})


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Finds nothing, and lists shows and names of jobs."""
    for path in (FIND_SHOW, FIND_JOB):
        cuebot.fails(path, grpc.StatusCode.NOT_FOUND, NOT_THERE)
    cuebot.answers(GET_SHOWS, listed("show.ShowGetShowsResponse", "shows", "demo", "harbor"))
    cuebot.answers(GET_JOB_NAMES, answer("job.JobGetJobNamesResponse", names=[JOB]))
    return cuebot


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (FIND_SHOW, {"name": "dmeo"}, "no show 'dmeo'; did you mean 'demo'?"),
        (
            "/show.ShowInterface/GetJobs",
            {"show": "harbr"},
            "no show 'harbr'; did you mean 'harbor'?",
        ),
        (FIND_JOB, {"name": NO_JOB}, f"no pending job '{NO_JOB}'; did you mean '{JOB}'?"),
        (
            FIND_SHOW,
            {"name": "de*.x*"},
            "no show 'de*.x*'; one name is expected here; what fits is listed by"
            " show.ShowInterface/GetShows?_where=name~'^de.*\\.x.*$'&_fields=name",
        ),
        (
            FIND_JOB,
            {"name": "demo-*"},
            "no pending job 'demo-*'; one name is expected here; what fits is listed by"
            " job.JobInterface/GetJobs?_where=name~'^demo-.*$'&_fields=name",
        ),
        (FIND_JOB, {"name": "lena_comp"}, f"no pending job 'lena_comp'; did you mean '{JOB}'?"),
    ],
)
async def test_the_nearest_name_is_told(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object, message: str
) -> None:
    answer = await gateway.post(path, body, headers=signed(f"{path}{body}", role="reader"))
    assert (answer.status_code, answer.json()["message"]) == (404, message)
    assert answer.json()["cuebot"] == NOT_THERE


@pytest.fixture
def job(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Finds one job and one show, and lists their layers, frames and groups, but finds none."""

    async def find_job(payload: bytes, context: Context) -> bytes:
        if message_class("job.JobFindJobRequest").FromString(payload).name != JOB:
            await context.abort(grpc.StatusCode.NOT_FOUND, NOT_THERE)
        return answer("job.JobFindJobResponse", job={"id": "j"})

    cuebot.handlers[FIND_JOB] = find_job
    show = {"id": "s", "name": "demo"}
    cuebot.answers(FIND_SHOW, answer("show.ShowFindShowResponse", show=show))
    for path in (FIND_LAYER, FIND_FRAME, FIND_GROUP):
        cuebot.fails(path, grpc.StatusCode.NOT_FOUND, NOT_THERE)
    for path, message, kind, names in (
        (GET_LAYERS, "job.JobGetLayersResponse", "layers", ("sim", "render", "comp")),
        (GET_FRAMES, "job.JobGetFramesResponse", "frames", ("0007-sim", "0007-comp")),
        (GET_GROUPS, "show.ShowGetGroupsResponse", "groups", ("demo", "lighting")),
    ):
        cuebot.answers(path, listed(message, kind, *names))
    return cuebot


COMP = {"job": JOB, "layer": "cmop"}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (FIND_LAYER, COMP, f"no layer 'cmop' in pending job '{JOB}'; did you mean 'comp'?"),
        (
            "/job.LayerInterface/GetFrames",
            COMP,
            f"no layer 'cmop' in pending job '{JOB}'; did you mean 'comp'?",
        ),
        (
            FIND_FRAME,
            COMP | {"frame": 7},
            f"no frame '0007-cmop' in pending job '{JOB}'; did you mean '0007-comp'?",
        ),
        (
            "/job.FrameInterface/GetWhatThisDependsOn",
            {"frame": "7-cmop", "job": JOB},
            f"no frame '0007-cmop' in pending job '{JOB}'; did you mean '0007-comp'?",
        ),
        (
            FIND_GROUP,
            {"show": "demo", "name": "lihgting"},
            "no group 'lihgting' in show 'demo'; did you mean 'lighting'?",
        ),
        (
            "/job.LayerInterface/GetFrames",
            {"job": NO_JOB, "layer": "comp"},
            f"no pending job '{NO_JOB}'; did you mean '{JOB}'?",
        ),
    ],
)
async def test_the_nearest_name_in_a_job_or_a_show_is_told(
    gateway: Gateway, job: ScriptedCuebot, path: str, body: object, message: str
) -> None:
    """If the job is not there either, the nearest job."""
    answer = await gateway.post(path, body, headers=signed(f"{path}{body}", role="reader"))
    assert (answer.status_code, answer.json()["message"]) == (404, message)
    assert answer.json()["cuebot"] == NOT_THERE


async def test_frames_are_looked_for_among_those_of_the_same_number(
    gateway: Gateway, job: ScriptedCuebot
) -> None:
    await gateway.post(FIND_FRAME, COMP | {"frame": 7}, headers=signed("n", role="reader"))
    (request,) = [payload for path, payload, _ in job.seen if path == GET_FRAMES]
    asked = message_class("job.JobGetFramesRequest").FromString(request)
    assert (asked.job.id, asked.req.frame_range, asked.req.limit) == ("j", "7", 1000)


async def test_a_name_that_is_in_the_list_is_not_suggested(
    gateway: Gateway, job: ScriptedCuebot
) -> None:
    """Of a finished job, Cuebot lists layers that it does not find."""
    body = {"job": JOB, "layer": "comp"}
    answer = await gateway.post(FIND_LAYER, body, headers=signed("done", role="reader"))
    assert answer.json()["message"] == f"no layer 'comp' in pending job '{JOB}'"


@pytest.mark.parametrize(("role", "name"), [("finder", JOB), ("lister", NO_JOB)])
@needs("tokens", "access")
async def test_only_lists_that_the_caller_may_have_are_asked_for(
    gateway: Gateway, job: ScriptedCuebot, role: str, name: str
) -> None:
    """Not the layers; or the layers, and not the names of jobs."""
    body = {"job": name, "layer": "cmop"}
    answer = await gateway.post(FIND_LAYER, body, headers=signed(role, role=role))
    assert answer.json()["message"] == f"no layer 'cmop' in pending job '{name}'"
    assert not {GET_LAYERS, GET_JOB_NAMES}.intersection(path for path, _, _ in job.seen)


async def test_names_of_jobs_are_looked_for_by_their_first_half(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    await gateway.post(FIND_JOB, {"name": "demo-sh0"}, headers=signed("half", role="reader"))
    (request,) = [payload for path, payload, _ in cuebot.seen if path == GET_JOB_NAMES]
    asked = message_class("job.JobGetJobNamesRequest").FromString(request)
    assert list(asked.r.substr) == ["demo"]


@pytest.mark.parametrize(
    ("role", "claims"),
    [
        ("finder", {}),
        pytest.param("some", {"shows": ["demo", "harbor"]}, marks=needs("object_rights")),
    ],
)
@needs("tokens", "access")
async def test_nobody_is_told_what_is_not_theirs(
    gateway: Gateway, cuebot: ScriptedCuebot, role: str, claims: dict[str, object]
) -> None:
    """Who may not list shows; and under `see`, where the look-up would tell by being made."""
    who = signed("lena", role=role, **claims)
    answer = await gateway.post(FIND_SHOW, {"name": "dmeo"}, headers=who)
    assert answer.status_code == 404
    assert "did you mean" not in answer.json()["message"]
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW]


@needs("dry_run")
async def test_a_dry_run_looks_names_up(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """It ends as the call would."""
    who = signed("dry", role="reader") | {"X-Dry-Run": "1"}
    answer = await gateway.post("/show.ShowInterface/GetJobs", {"show": "harbr"}, headers=who)
    assert (answer.status_code, answer.headers["x-dry-run"]) == (404, "1")
    assert "no show 'harbr'; did you mean 'harbor'?" in answer.json()["message"]
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW, GET_SHOWS]


async def test_nothing_near_and_long_lists_change_nothing(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = await gateway.post(FIND_SHOW, {"name": "zzzzzz"}, headers=signed("far", role="reader"))
    assert answer.json()["message"] == "no show 'zzzzzz'"
    cuebot.answers(GET_JOB_NAMES, b"\n\x0cdemo-sh010-l" * 100_000)
    answer = await gateway.post(FIND_JOB, {"name": "demo-sh"}, headers=signed("x", role="reader"))
    assert answer.json()["message"] == "no pending job 'demo-sh'"


async def test_one_list_serves_all_who_may_read_it(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And Cuebot is not told that it is for one of them."""
    monkeypatch.setattr(kept_names, "KEPT_SECONDS", 60.0)
    names = ["dmeo", "demmo", "harbr", "dmo"]

    async def ask(number: int) -> str:
        who = signed(f"one {number % 3}", role="reader")
        answer = await gateway.post(FIND_SHOW, {"name": names[number % 4]}, headers=who)
        message: str = answer.json()["message"]
        return message

    told = await asyncio.gather(*(ask(number) for number in range(20)))
    assert all("did you mean" in each for each in told)
    read = [dict(metadata) for path, _, metadata in cuebot.seen if path == GET_SHOWS]
    assert [each["x-gateway-principal"] for each in read] == ["shared"]
