"""Names that somebody may have meant, behind one that is not found."""

import asyncio
from time import monotonic

import grpc
import pytest

from tests.support.opencue import message_class
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot

ACCESS = [
    rule("readers", {"role": "reader"}, "reads"),
    rule("finders", {"role": "finder"}, "show.ShowInterface/FindShow"),
    rule("some", {"role": "some"}, "reads", see="show in $shows"),
]
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(access=ACCESS)]

FIND_SHOW, GET_SHOWS = "/show.ShowInterface/FindShow", "/show.ShowInterface/GetShows"
FIND_JOB, GET_JOB_NAMES = "/job.JobInterface/FindJob", "/job.JobInterface/GetJobNames"
NOT_THERE = "Incorrect result size: expected 1, actual 0"


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Finds nothing, and lists shows and names of jobs."""
    for path in (FIND_SHOW, FIND_JOB):
        cuebot.fails(path, grpc.StatusCode.NOT_FOUND, NOT_THERE)
    shows = {"shows": [{"name": name} for name in ("demo", "harbor")]}
    listed = message_class("show.ShowGetShowsResponse")(shows=shows)
    cuebot.answers(GET_SHOWS, listed.SerializeToString())
    names = message_class("job.JobGetJobNamesResponse")(names=["demo-sh010-lena_comp_v003"])
    cuebot.answers(GET_JOB_NAMES, names.SerializeToString())
    return cuebot


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (FIND_SHOW, {"name": "dmeo"}, "no show 'dmeo'; did you mean 'demo'?"),
        (
            "/show.ShowInterface/GetJobs",
            {"show": "harbr"},
            "show: no show 'harbr'; did you mean 'harbor'?",
        ),
        (
            FIND_JOB,
            {"name": "demo-sh010-lena_comp_v004"},
            "no job 'demo-sh010-lena_comp_v004'; did you mean 'demo-sh010-lena_comp_v003'?",
        ),
    ],
)
async def test_the_nearest_name_is_told(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object, message: str
) -> None:
    who = signed(f"{path}{body}", role="reader")
    answer = await gateway.post(path, body, headers=who)
    assert (answer.status_code, answer.json()["message"]) == (
        404,
        f"{message} (Cuebot: {NOT_THERE})",
    )


async def test_names_of_jobs_are_looked_for_by_their_first_half(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    await gateway.post(FIND_JOB, {"name": "demo-sh0"}, headers=signed("half", role="reader"))
    (request,) = [payload for path, payload, _ in cuebot.seen if path == GET_JOB_NAMES]
    asked = message_class("job.JobGetJobNamesRequest").FromString(request)
    assert list(asked.r.substr) == ["demo"]


@pytest.mark.parametrize(
    ("role", "claims"), [("finder", {}), ("some", {"shows": ["demo", "harbor"]})]
)
async def test_nobody_is_told_what_is_not_theirs(
    gateway: Gateway, cuebot: ScriptedCuebot, role: str, claims: dict[str, object]
) -> None:
    """Who may not list shows; and under `see`, where the look-up would tell by being made."""
    who = signed("lena", role=role, **claims)
    answer = await gateway.post(FIND_SHOW, {"name": "dmeo"}, headers=who)
    assert answer.status_code == 404
    assert "did you mean" not in answer.json()["message"]
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW]


async def test_nothing_near_and_long_lists_change_nothing(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = await gateway.post(FIND_SHOW, {"name": "zzzzzz"}, headers=signed("far", role="reader"))
    assert answer.json()["message"] == NOT_THERE
    cuebot.answers(GET_JOB_NAMES, b"\n\x0cdemo-sh010-l" * 100_000)
    answer = await gateway.post(FIND_JOB, {"name": "demo-sh"}, headers=signed("x", role="reader"))
    assert answer.json()["message"] == NOT_THERE


async def test_a_principal_looks_once_a_second(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    began, who = monotonic(), signed("greedy", role="reader")
    calls = (gateway.post(FIND_SHOW, {"name": "dmeo"}, headers=who) for _ in range(20))
    answers = await asyncio.gather(*calls)
    looked = [path for path, _, _ in cuebot.seen].count(GET_SHOWS)
    assert 1 <= looked <= monotonic() - began + 1
    told = sum("did you mean" in answer.json()["message"] for answer in answers)
    assert told == looked
