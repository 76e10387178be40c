"""The Connect protocol (https://connectrpc.com/docs/protocol), with protobuf's own messages as the
oracle."""

from typing import Any

import grpc
import httpx
import pytest

from gateway.errors import Code
from tests.support.opencue import jobs, message_class
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5)]

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
PAUSE = "/job.JobInterface/Pause"
PROTO = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
JSON = {"Content-Type": "application/json", "Connect-Protocol-Version": "1"}


def asked(name: str) -> bytes:
    payload: bytes = message_class("show.ShowFindShowRequest")(name=name).SerializeToString()
    return payload


def found(name: str) -> bytes:
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.name = name
    answer.show.default_min_cores = 0.1
    payload: bytes = answer.SerializeToString()
    return payload


def error_of(answer: httpx.Response, code: Code) -> dict[str, Any]:
    """The error of an answer, which has to be of this code."""
    assert answer.headers["content-type"] == "application/json"
    shape: dict[str, Any] = answer.json()
    assert shape["code"] == ("canceled" if code is Code.CANCELLED else code.name.lower())
    return shape


# --- requests and answers ---------------------------------------------------------------------
async def test_protobuf_goes_through(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    answer = await gateway.post(FIND_SHOW, content=asked("demo"), headers=PROTO)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/proto")
    assert answer.content == found("demo")
    assert cuebot.seen[0][1] == asked("demo")


async def test_the_media_type_alone_is_enough(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    headers = {"Content-Type": "Application/Proto"}
    answer = await gateway.post(FIND_SHOW, content=asked("demo"), headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_its_json_is_plain_json(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    plain = await gateway.post(FIND_SHOW, {"name": "demo"})
    answer = await gateway.post(FIND_SHOW, {"name": "demo"}, headers=JSON)
    assert (answer.status_code, answer.content) == (200, plain.content)
    assert answer.headers["content-type"] == "application/json"


async def test_long_answers_arrive_whole(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(20_000))
    answer = await gateway.post(GET_JOBS, content=b"", headers=PROTO)
    assert (answer.status_code, answer.content) == (200, jobs(20_000))


async def test_errors(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(FIND_SHOW, grpc.StatusCode.DATA_LOSS, "lost")
    answer = await gateway.post(FIND_SHOW, content=asked("demo"), headers=PROTO)
    assert answer.status_code == 500
    assert error_of(answer, Code.DATA_LOSS) == {"code": "data_loss", "message": "lost"}
