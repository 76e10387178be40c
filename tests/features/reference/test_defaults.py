"""What is sent where a request says nothing, and that the answer tells so."""

from typing import Any

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from tests.support.needs import needs
from tests.support.servers import Gateway

pytestmark = pytest.mark.anyio

START = 1_790_000_000
JOB = "demo-sh010-lena_comp_v003"

Json = dict[str, Any]


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


@pytest.fixture
def job(cuebot: SimulatedCuebot) -> str:
    found: str = by_name(cuebot.farm.jobs, JOB).id
    return found


def body_of(path: str, cuebot: SimulatedCuebot, job: str) -> Json:
    """A request that has no criteria."""
    if path == "/job.FrameInterface/GetFrames":
        return {"job": JOB}
    if path == "/job.JobInterface/GetFrames":
        return {"job": {"id": job}}
    layers = cuebot.farm.layers_of(cuebot.farm.jobs[job])
    return {"layer": {"id": next(each.id for each in layers if each.name == "comp")}}


CRITERIA = {
    "/job.JobInterface/GetFrames": "req",
    "/job.LayerInterface/GetFrames": "s",
    "/layer.LayerInterface/GetFrames": "req",
    "/job.FrameInterface/GetFrames": "r",
}


@pytest.mark.parametrize("path", CRITERIA)
async def test_frames_without_a_limit_are_there_and_the_answer_says_why(
    gateway: Gateway, cuebot: SimulatedCuebot, job: str, path: str
) -> None:
    """The field is named as the client would write it, whether the criteria are there or not.

    A limit that is given is left alone.
    """
    body, criteria = body_of(path, cuebot, job), CRITERIA[path]
    ways: tuple[Json, ...] = ({criteria: {"page": 1}}, {criteria: {"limit": None}})
    if (path, criteria) != ("/layer.LayerInterface/GetFrames", "req"):
        ways = ({}, {criteria: None}, *ways)
    for more in ways:
        answer = await gateway.post(path, body | more)
        assert answer.headers["x-defaulted-fields"] == f"{criteria}.limit"
        assert answer.json()["frames"]["frames"]
    for limit in (0, "2", 5):
        answer = await gateway.post(path, body | {criteria: {"limit": limit}})
        assert "x-defaulted-fields" not in answer.headers
        assert len(answer.json()["frames"]["frames"]) == int(limit)


@needs("dry_run")
async def test_every_default_is_told(gateway: Gateway, job: str) -> None:
    kill, updated = "/job.JobInterface/Kill", "/job.JobInterface/GetUpdatedFrames"
    headers = {"X-Dry-Run": "1"}
    dry = await gateway.post(kill, {"job": {"id": job}, "username": "lena"}, headers=headers)
    assert dry.headers["x-defaulted-fields"] == "reason"
    asked = await gateway.post(updated, {"job": {"id": job}})
    assert (asked.status_code, asked.headers["x-defaulted-fields"]) == (200, "lastCheck")
    snake = await gateway.post(updated, {"job": {"id": job}, "last_check": 0})
    assert snake.headers["x-defaulted-fields"] == "lastCheck"
    for path, more in ((kill, {"reason": "x"}), (updated, {"lastCheck": START})):
        answer = await gateway.post(path, {"job": {"id": job}, **more}, headers=headers)
        assert (answer.status_code, "x-defaulted-fields" in answer.headers) == (200, False)


async def test_an_error_of_cuebots_says_what_was_added(gateway: Gateway) -> None:
    answer = await gateway.post("/job.JobInterface/GetFrames", {"job": {"id": "none"}})
    assert (answer.status_code, answer.headers["x-defaulted-fields"]) == (404, "req.limit")


@pytest.mark.parametrize("criteria", [5, "x", [1]])
async def test_criteria_that_are_none_are_refused(
    gateway: Gateway, job: str, criteria: object
) -> None:
    body = {"job": {"id": job}, "req": criteria}
    answer = await gateway.post("/job.JobInterface/GetFrames", body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("req: expected an object")
