"""`X-Dry-Run`: a call is shown as Cuebot would get it, and not made."""

from typing import Any

import httpx
import pytest
from google.protobuf import json_format

from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import until
from tests.support.servers import Gateway, ScriptedCuebot, bearer, gateway_for

pytestmark = pytest.mark.anyio

KILL_FRAMES = "/job.JobInterface/KillFrames"
GET_FRAME = "/frame.FrameInterface/GetFrame"
DRY = {"X-Dry-Run": "1"}
BODY = {
    "job": {"id": "j1", "name": "show-shot-me_job"},
    "req": {"states": {"frame_states": ["RUNNING", 5]}, "limit": "500"},
    "reason": "wrong camera",
}


async def dry(gateway: Gateway, path: str, body: object, value: str = "1") -> httpx.Response:
    return await gateway.post(path, body, headers={"X-Dry-Run": value})


async def test_it_shows_the_message_that_the_call_would_send_and_calls_nothing(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = await dry(gateway, KILL_FRAMES, BODY)
    assert (answer.status_code, answer.headers["x-dry-run"]) == (200, "1")
    assert cuebot.seen == []
    await gateway.post(KILL_FRAMES, BODY)
    ((path, sent, _),) = cuebot.seen
    shown = answer.json()
    request = message_class("job.JobKillFramesRequest")()
    json_format.ParseDict(shown["request"], request)
    assert (shown["method"], shown["requestBytes"]) == (path, len(sent))
    assert request == type(request).FromString(sent)
    assert shown["ignoredFields"] == []


async def test_a_value_that_is_left_out_is_shown(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Cuebot sets 0, false or the first name: what is seen beside the object in the request."""
    for path, name, value in (
        ("/job.JobInterface/SetAutoEat", "value", False),
        ("/job.JobInterface/SetMinCores", "val", 0.0),
        ("/host.HostInterface/SetHardwareState", "state", "UP"),
    ):
        answer = await dry(gateway, path, {path.split(".")[0][1:]: {"id": "x"}})
        assert answer.json()["request"][name] == value
    assert cuebot.seen == []


async def test_a_misspelt_criterion_is_named(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Fields that would be ignored are named, and are not in the message."""
    answer = await dry(gateway, KILL_FRAMES, BODY | {"job": {"id": "j1", "colour": "red"}})
    assert answer.json()["ignoredFields"] == ["job.colour"]
    assert "colour" not in answer.json()["request"]["job"]
    assert answer.headers["x-ignored-fields"] == "job.colour"
    assert cuebot.seen == []


async def test_what_would_be_refused_is_refused(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    for path, body in (
        (KILL_FRAMES, {"job": {"id": "j1"}, "req": {"frame": ["0001-a"]}}),
        (KILL_FRAMES, {"job": 3}),
        ("/job.JobInterface/KillFrame", {}),
    ):
        refused, real = await dry(gateway, path, body), await gateway.post(path, body)
        assert refused.status_code in (400, 404)
        assert refused.json() == real.json()
    assert cuebot.seen == []


@pytest.mark.gateway(rate_limit_rps=100)
@needs("tokens", "rate_limits")
async def test_it_needs_a_token_and_is_counted(gateway: Gateway) -> None:
    bare = await gateway.client.post(KILL_FRAMES, json={}, headers={"Authorization": "", **DRY})
    assert bare.status_code == 401
    counted = await gateway.post(KILL_FRAMES, {}, headers=bearer("somebody else") | DRY)
    assert int(counted.headers["x-ratelimit-remaining"]) == 99


async def test_the_log_tells_it_from_a_call(gateway: Gateway) -> None:
    lines = gateway.access_lines()
    for headers in (DRY, {}):
        await gateway.post(KILL_FRAMES, {}, headers=headers)
    await until(lambda: len(lines) == 2)
    assert [line.get("dry_run") for line in lines] == [True, None]


async def test_an_alias_shows_its_native_method(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """The method is the one that Cuebot would be asked for."""
    answer = await dry(gateway, GET_FRAME, {"id": "f1"}, "true")
    assert answer.json() == {
        "dryRun": True,
        "method": "/job.FrameInterface/GetFrame",
        "ignoredFields": [],
        "requestBytes": 4,
        "request": {"id": "f1"},
    }
    assert cuebot.seen == []


@pytest.mark.parametrize("value", ["yes", "", "2", "1, 1", "on"])
async def test_other_values_are_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, value: str
) -> None:
    answer = await dry(gateway, KILL_FRAMES, BODY, value)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")
    assert "x-dry-run" not in answer.headers
    assert cuebot.seen == []


async def test_a_gateway_says_that_it_knows_it(gateway: Gateway) -> None:
    asked = await gateway.client.get(KILL_FRAMES, headers=DRY)
    assert (asked.status_code, asked.headers["x-dry-run"]) == (405, "1")
    refused = await dry(gateway, KILL_FRAMES, {"nothing": 1})
    assert (refused.status_code, refused.headers["x-dry-run"]) == (400, "1")


@pytest.mark.parametrize("value", ["0", "False"])
async def test_off_is_off(gateway: Gateway, cuebot: ScriptedCuebot, value: str) -> None:
    """`0` and `false` make the call."""
    answer = await dry(gateway, KILL_FRAMES, BODY, value)
    assert (answer.status_code, answer.json()) == (200, {})
    assert "x-dry-run" not in answer.headers
    assert len(cuebot.seen) == 1


async def test_a_large_message_is_shown_whole(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    ids = [f"{number:036}" for number in range(20_000)]
    answer = await dry(gateway, KILL_FRAMES, BODY | {"req": {"ids": ids}})
    shown: dict[str, Any] = answer.json()
    assert shown["request"]["req"]["ids"] == ids
    assert cuebot.seen == []


async def test_it_works_while_cuebot_is_away() -> None:
    """It asks Cuebot nothing, so that it does not need it, once the schema is known."""
    async with gateway_for("127.0.0.1:1", descriptor_source="package:opencue_proto") as gateway:
        assert (await dry(gateway, KILL_FRAMES, BODY)).status_code == 200


@pytest.mark.parametrize("policy", ["ignore", "reject"])
async def test_a_dry_run_asked_for_in_another_way_calls_nothing(
    cuebot: ScriptedCuebot, policy: str
) -> None:
    """The client thinks that nothing will be changed; the header is named instead."""
    async with gateway_for(cuebot.endpoint, unknown_fields=policy) as gateway:
        for query in ("dryRun=1", "dry_run", "x=1&dry-run=true"):
            answer = await gateway.post(f"/job.JobInterface/Kill?{query}", {"job": {"id": "1"}})
            assert (answer.status_code, "X-Dry-Run: 1" in answer.text) == (400, True)
        for header in ("Dry-Run", "X-DryRun", "DryRun"):
            answer = await gateway.post(
                "/job.JobInterface/Kill", {"job": {"id": "1"}}, headers={header: "1"}
            )
            assert (answer.status_code, "X-Dry-Run: 1" in answer.text) == (400, True)
    assert cuebot.seen == []


@needs("batch")
@pytest.mark.parametrize("header", ["Dry-Run", "X-DryRun", "DryRun"])
async def test_a_misspelled_dry_run_of_a_batch(
    gateway: Gateway, cuebot: ScriptedCuebot, header: str
) -> None:
    answer = await gateway.post("/batch", {"job": {"id": "1"}}, headers={header: "1"})
    assert (answer.status_code, "X-Dry-Run: 1" in answer.text, cuebot.seen) == (400, True, [])


@pytest.mark.parametrize(
    ("path", "field", "there"),
    [("SetPriority", "dryRun", "(there are: job, val)"), ("Kill", "dry_run", "(there are: ")],
)
async def test_a_field_for_a_dry_run_is_told_the_header(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, field: str, there: str
) -> None:
    answer = await gateway.post(f"/job.JobInterface/{path}", {field: True})
    assert (answer.status_code, cuebot.seen) == (400, [])
    way = "for a dry run, send the header X-Dry-Run: 1, or use call --dry-run"
    assert f"unknown field `{field}`; {way} {there}" in answer.json()["message"]
