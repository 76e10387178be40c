"""Names that are too long to be looked up."""

from typing import Any

import grpc
import pytest

from gateway.core.calls.ids import LONGEST_NAME
from tests.support.needs import needs
from tests.support.rights import ALL, ALL_SEE_ONLY, ONLY, SEE, signed
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(access=ALL_SEE_ONLY, access_default="deny"),
    needs("tokens"),
]

PAUSE, GET_JOB, FIND_JOB = (f"/job.JobInterface/{name}" for name in ("Pause", "GetJob", "FindJob"))
REPARENT, KILL_FRAMES = "/job.GroupInterface/ReparentJobs", "/job.JobInterface/KillFrames"
ADD_COMMENT, GET_JOB_NAMES = "/job.JobInterface/AddComment", "/job.JobInterface/GetJobNames"
GET_FRAMES, CREATE = "/job.LayerInterface/GetFrames", "/show.ShowInterface/CreateShow"
UNBOOK = "/host.ProcInterface/UnbookProcs"
ID = "00000000-0000-0000-0000-000000000001"
LONG = "x" * LONGEST_NAME
TOO_LONG = LONG + "x"


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    for path in cuebot.handlers:
        cuebot.fails(path, grpc.StatusCode.NOT_FOUND, "Incorrect result size: expected 1, actual 0")
    return cuebot


def with_object_rights(*values: object) -> Any:
    """A case whose rule says which objects: what they are is looked up."""
    return pytest.param(*values, marks=needs("object_rights"))


@pytest.mark.parametrize(
    ("path", "body", "headers", "place"),
    [
        (PAUSE, lambda name: {"job": name}, ALL, "job.name"),
        (PAUSE, lambda name: {"job": {"name": name}}, ALL, "job.name"),
        (PAUSE, lambda name: {"job": name}, ALL | {"X-Dry-Run": "1"}, "job.name"),
        (
            REPARENT,
            lambda name: {"group": {"id": ID}, "jobs": {"jobs": [{"name": name}]}},
            ALL,
            "jobs.jobs[0].name",
        ),
        (GET_FRAMES, lambda name: {"layer": "comp", "job": name}, ALL, "job"),
        with_object_rights(PAUSE, lambda name: {"job": {"id": name}}, SEE, "job"),
        with_object_rights(PAUSE, lambda name: {"job": {"id": name}}, ONLY, "job"),
        with_object_rights(UNBOOK, lambda name: {"r": {"jobs": [name]}}, ONLY, "r.jobs"),
    ],
)
async def test_a_name_that_is_too_long_is_not_looked_up(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    path: str,
    body: Any,
    headers: dict[str, str],
    place: str,
) -> None:
    answer = await gateway.post(path, body(TOO_LONG), headers=headers)
    said = f"{place}: a name of more than {LONGEST_NAME} characters: '{'x' * 80}…'"
    assert (answer.status_code, answer.json()["message"]) == (400, said)
    assert not cuebot.seen
    answer = await gateway.post(path, body(LONG), headers=headers)
    assert answer.status_code != 400
    assert cuebot.seen


async def test_a_name_that_is_too_long_is_not_searched_for_its_parts(gateway: Gateway) -> None:
    """A pattern takes 20 ms for 250 KB of digits."""
    for frame in ("0" * 1001, {"name": "0" * 1001}):
        answer = await gateway.post("/job.FrameInterface/Retry", {"frame": frame}, headers=ALL)
        said = "frame.name: a name of more than 1000 characters"
        assert (answer.status_code, answer.json()["message"].startswith(said)) == (400, True)


@needs("reference")
async def test_a_name_in_the_place_of_an_id_is_told_to_cuebot_alone(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = await gateway.post(GET_JOB, {"id": TOO_LONG}, headers=ALL)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("id: a name of more than ")
    assert [path for path, _, _ in cuebot.seen] == [GET_JOB]


async def test_nothing_near_is_sought_for_a_name_that_is_too_long(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    for name, is_sought in ((LONG, True), (LONG * 10, False)):
        cuebot.seen.clear()
        headers = signed(f"who asks for {len(name)}", role="all")
        answer = await gateway.post(FIND_JOB, {"name": name}, headers=headers)
        assert answer.status_code == 404
        assert (GET_JOB_NAMES in [path for path, _, _ in cuebot.seen]) == is_sought


async def test_a_text_is_no_name(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(ADD_COMMENT, b"")
    body = {"job": {"id": ID}, "newComment": {"subject": TOO_LONG, "message": TOO_LONG}}
    answer = await gateway.post(ADD_COMMENT, body, headers=ALL)
    assert answer.status_code == 200, answer.text
