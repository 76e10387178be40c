"""Requests through a real gateway to a real gRPC server whose answers are scripted."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar
from urllib.parse import quote

import grpc
import httpx
import pytest
from google.protobuf import wrappers_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from starlette.types import Message

from gateway.core.pipeline.context import ClientGone
from gateway.core.pipeline.encoding_turn import LongAnswers
from gateway.core.pipeline.form import Form
from gateway.core.pipeline.respond import Responder, send_pieces
from gateway.core.pipeline.slow_reader import SlowReader
from gateway.feature import Feature
from tests.support.contexts import context_of
from tests.support.details import detailed
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.owned_farm import answer
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    bearer,
    gateway_for,
    head,
    running_cuebot,
    running_gateway,
    settings_for,
)
from tests.support.wire import wire

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5)]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_GROUPS = "/job.GroupInterface/GetGroups"
PAUSE = "/job.JobInterface/Pause"
SET_MIN_CORES = "/job.GroupInterface/SetMinCores"
GET_FRAMES, KILL_FRAMES = "/job.JobInterface/GetFrames", "/job.JobInterface/KillFrames"
JOB = {"id": "j"}
FORM = "application/x-www-form-urlencoded"


def shows(*names: str) -> bytes:
    rows = [{"name": name, "default_min_cores": 0.1} for name in names]
    return answer("show.ShowGetShowsResponse", shows={"shows": rows})


# --- routes ---------------------------------------------------------------------------------
async def test_answer_is_protojson_with_defaults(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(SHOWS, shows("demo"))
    answer = await gateway.post(SHOWS, {})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    (show,) = answer.json()["shows"]["shows"]
    assert (show["name"], show["defaultMinCores"]) == ("demo", 0.1)
    assert show["active"] is False
    assert show["showStats"] is None


@pytest.mark.parametrize("prefix", ["/job", "/group", "//group"])
async def test_every_name_reaches_it(gateway: Gateway, cuebot: ScriptedCuebot, prefix: str) -> None:
    path = f"{prefix}.GroupInterface/SetMinCores"
    answer = await gateway.post(path, {"group": {"id": "g"}, "minCores": 4})
    assert (answer.status_code, answer.json()) == (200, {})
    assert [call[0] for call in cuebot.seen] == [SET_MIN_CORES]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/Job/getjobs", "did you mean /job.JobInterface/GetJobs?"),
        ("/JobInterface/GetJobs", "did you mean /job.JobInterface/GetJobs?"),
        ("/job.JobInterface/GetJbos", "did you mean GetJobs?"),
        ("/frame.FrameInterface/GetFram", "did you mean GetFrame or GetFrames?"),
        pytest.param(
            "/nope",
            "/package.Interface/Method; /openapi.json has all methods, and /docs shows",
            marks=needs("openapi", "pages"),
        ),
        ("/job.JobInterface/FindJob/demo-sh010", "did you mean FindJob?"),
        ("/GetOutputPaths", "; did you mean /job.LayerInterface/GetOutputPaths?"),
        ("/findjob", "did you mean /job.JobInterface/FindJob?"),
        ("/show.ShowInterface/Qqq", "has no method 'Qqq'; "),
        ("/host.HostInterface/MoveHost", "did you mean /host.HostInterface/SetAllocation or "),
        (
            "/facility.AllocationInterface/CreateAllocation",
            "did you mean /facility.AllocationInterface/Create or ",
        ),
        (
            "/subscription.SubscriptionInterface/GetSubscriptions",
            "did you mean /show.ShowInterface/GetSubscriptions or "
            "/facility.AllocationInterface/GetSubscriptions or ",
        ),
        ("/MoveHost", "did you mean /host.HostInterface/SetAllocation or "),
        ("/show.ShowInterface/KillQqq", "has no method 'KillQqq'; "),
        ("/job.jobinterface/GetJobs", "did you mean job.JobInterface?"),
        ("/layer.LayerInterface/KillFrame", "did you mean KillFrames?"),
        ("/host.HostInterface", "needs a method: "),
        ("/report.RqdReportInterface/ReportStatus", "is not served here"),
        ("/rqdReport.RqdReportInterface/ReportStatus", "is not served here"),
        ("/rqd.RqdInterface/GetRunFrame", "is not served here"),
        ("/", "methods are at /package.Interface/Method; "),
        ("/job.JobInterface/GetJobs/", "did you mean GetJobs?"),
    ],
)
async def test_unknown_paths_are_404_with_a_hint(gateway: Gateway, path: str, hint: str) -> None:
    answer = await gateway.post(path, {})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    assert answer.json()["code"] == 5
    assert hint in answer.json()["message"]


class Lists(Feature):
    name = "lists"
    shows: ClassVar[Mapping[str, str]] = {
        "/methods": "has some",
        "/more": "",
        "/rest": "has others",
    }


@pytest.mark.parametrize(
    ("docs", "hint"),
    [
        ("token", "/package.Interface/Method; /methods has some, and /rest has others"),
        ("off", "/package.Interface/Method; cuebot-gateway routes finds methods by words"),
    ],
)
async def test_unknown_paths_lead_to_what_features_show(
    cuebot: ScriptedCuebot, docs: str, hint: str
) -> None:
    settings = settings_for(cuebot.endpoint, open_to_all=True, docs=docs)
    async with running_gateway(settings, features=(Lists,)) as gateway:
        assert (await gateway.post("/nope", {})).json()["message"].endswith(hint)


async def test_a_streaming_method_is_501() -> None:
    file = FileDescriptorProto(name="s.proto", package="s", syntax="proto3")
    file.message_type.add(name="M")
    watch = file.service.add(name="Streams").method.add(name="Watch", server_streaming=True)
    watch.input_type = watch.output_type = ".s.M"
    cuebot = ScriptedCuebot((file,))
    async with running_cuebot(cuebot), gateway_for(cuebot.endpoint) as gateway:
        answer = await gateway.post("/s.Streams/Watch", {})
    assert (answer.status_code, answer.json()["code"]) == (501, 12)


# --- bodies ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "media",
    [
        *(None, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON"),
        *("application/vnd.api+json", "text/json", "text/plain;charset=UTF-8"),
        *("application/x-www-form-urlencoded", "application/octet-stream"),
    ],
)
async def test_what_is_json(gateway: Gateway, cuebot: ScriptedCuebot, media: str | None) -> None:
    """JSON under its own label, or the one that clients give to what is not labelled."""
    headers = {} if media is None else {"Content-Type": media}
    answer = await gateway.post(FIND_SHOW, content=b'{"name": "demo"}', headers=headers)
    assert answer.status_code == 200
    assert cuebot.seen[0][1] == b"\x0a\x04demo"


@pytest.mark.parametrize(
    "media",
    [
        *("multipart/form-data; boundary=x", "application/grpc", "application/grpc+json"),
        *("application/grpc+proto", "application/x-protobuf", "application/protobuf"),
        *("application/xml", "image/png", "application/json; charset=latin-1"),
    ],
)
async def test_what_cannot_be_json_is_415(gateway: Gateway, media: str) -> None:
    answer = await gateway.post(FIND_SHOW, content=b"{}", headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["code"]) == (415, 3)
    assert "application/json" in answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"], ids=["empty", "blank", "object"])
async def test_empty_bodies_are_objects(
    gateway: Gateway, cuebot: ScriptedCuebot, body: bytes
) -> None:
    answer = await gateway.post("/cue.CueInterface/GetSystemStats", content=body)
    assert (answer.status_code, answer.json()) == (200, {"stats": None})
    assert cuebot.seen[0][1] == b""


async def test_bad_bodies_name_the_place(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = await gateway.post(GET_JOBS, {"r": {"shows": ["a", "b", 3]}})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "INVALID_ARGUMENT",
        "code": 3,
        "message": "r.shows[2]: expected a string, got a number",
    }
    assert cuebot.seen == []


CHUNK = b"%x\r\n%s\r\n" % (300_000, b" " * 300_000)


@pytest.mark.gateway(http_timeout=1)
@pytest.mark.parametrize(
    ("lines", "sent", "status", "code"),
    [
        (["Content-Length: 600000"], b"", 413, 8),
        (["Content-Length: 600000", "Grpc-Timeout: soon"], b"", 413, 8),  # or it would be read
        (["Transfer-Encoding: chunked"], CHUNK * 2, 413, 8),
        (["Content-Length: 10"], b"{", 408, 4),
    ],
)
async def test_bodies_that_are_too_large_or_slow(
    gateway: Gateway, lines: list[str], sent: bytes, status: int, code: int
) -> None:
    async with wire(gateway) as one:
        await one.send(head(SHOWS, *lines), sent)
        answer = await one.answer()
    assert (answer.status, answer.code) == (status, code)
    assert status == 408 or b"MAX_BODY_MB" in answer.body


async def test_a_form_is_read_as_a_query_string(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """As `curl -d` sends it. Under another label, it is no JSON."""
    form = {"Content-Type": f"{FORM}; charset=utf-8"}
    answer = await gateway.post(KILL_FRAMES, content=b"job.id=j&req.states=DEAD", headers=form)
    assert answer.status_code == 200
    sent = message_class("job.JobKillFramesRequest").FromString(cuebot.seen[-1][1])
    assert (sent.job.id, list(sent.req.states.frame_states)) == ("j", [5])
    for content, media in ((b"job.id=j", "application/json"), (b"job", FORM), (b"{job=j}", FORM)):
        answer = await gateway.post(KILL_FRAMES, content=content, headers={"Content-Type": media})
        assert (answer.status_code, "not valid JSON" in answer.text) == (400, True)
        assert (f"a form has the type {FORM}" in answer.text) == (media != FORM)
    assert len(cuebot.seen) == 1


# --- unknown fields -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "body", "ignored"),
    [
        (GET_FRAMES, {"job": JOB | {"naïve": 2, "x, y": 3}}, "job.na%C3%AFve, job.x%2C%20y"),
        (f"{SET_MIN_CORES}?x=y", {"group": {"id": "g", "later": 1}}, "%3Fx, group.later"),
    ],
)
async def test_ignored_fields_are_named(
    gateway: Gateway, path: str, body: object, ignored: str
) -> None:
    answer = await gateway.post(path, body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, ignored)


async def test_ignored_fields_are_bounded(gateway: Gateway) -> None:
    """At most 20 names and 1 KB leave, and the cut is visible."""
    short, long = {f"f{n:02}": 1 for n in range(30)}, {"é" * 60 + str(n): 1 for n in range(10)}
    found = [
        (await gateway.post(GET_GROUPS, {"group": {"id": "g"} | more})).headers["x-ignored-fields"]
        for more in (short, long)
    ]
    assert found[0].split(", ") == [*(f"group.f{number:02}" for number in range(20)), "..."]
    assert len(found[1]) <= 1024
    assert found[1].endswith("...")


@pytest.mark.parametrize(("policy", "status"), [("reject", 400), ("ignore", 200)])
async def test_unknown_fields_policy(
    shared_gateway: SharedGateway, cuebot: ScriptedCuebot, policy: str, status: int
) -> None:
    gateway = await shared_gateway(cuebot.endpoint, unknown_fields=policy)
    for path, body in ((GET_JOBS, {}), (SET_MIN_CORES, {"group": {"id": "g"}})):
        assert (await gateway.post(path, body | {"whatever": 1})).status_code == status
        assert (await gateway.post(f"{path}?user=1", body)).status_code == status


# --- calls ----------------------------------------------------------------------------------
async def test_an_error_has_cuebots_own_text(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    text = "java.lang.Oops: naïve\nsecond line"
    cuebot.fails(FIND_SHOW, grpc.StatusCode.ABORTED, text)
    answer = await gateway.post(FIND_SHOW, {"name": "x"})
    assert answer.status_code == 409
    assert answer.json() == {"error": "ABORTED", "code": 10, "message": text}


async def test_error_details_are_kept(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """google.rpc.Status details reach the client as JSON."""
    cuebot.handlers[FIND_SHOW] = detailed
    known, *_, unknown = (await gateway.post(FIND_SHOW, {})).json()["details"]
    assert known.pop("@type") == "type.googleapis.com/google.rpc.ErrorInfo"
    assert known == {"reason": "R", "domain": "d", "metadata": {}}
    assert unknown == {"@type": "type.googleapis.com/studio.Unknown", "value": "/w=="}


@needs("tokens")
async def test_metadata_to_cuebot(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Cuebot learns the request id, the peer and the principal, and never the token."""
    headers = {**bearer("zoë / 1"), "X-Request-ID": "req-1", "X-Forwarded-For": "6.6.6.6"}
    answer = await gateway.post(SHOWS, {}, headers=headers)
    assert answer.headers["x-request-id"] == "req-1"
    metadata = cuebot.seen[0][2]
    assert (metadata["x-request-id"], metadata["x-forwarded-for"]) == ("req-1", "127.0.0.1")
    assert metadata["x-gateway-principal"] == quote("zoë / 1", safe="")
    assert "authorization" not in metadata


async def deadline_seen(gateway: Gateway, cuebot: ScriptedCuebot, **headers: str) -> float:
    given: list[float] = []

    async def handler(request: bytes, context: Context) -> bytes:
        given.append(context.time_remaining() or 0.0)
        return b""

    cuebot.handlers[SHOWS] = handler
    answer = await gateway.post(SHOWS, {}, headers=headers)
    assert answer.status_code == 200
    return given[0]


async def test_calls_have_a_deadline(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Cuebot is told GRPC_TIMEOUT; a request can shorten that, and not lengthen it."""
    assert 20 < await deadline_seen(gateway, cuebot) <= 31
    assert 5 < await deadline_seen(gateway, cuebot, **{"Grpc-Timeout": "10S"}) <= 11
    assert 20 < await deadline_seen(gateway, cuebot, **{"Grpc-Timeout": "2H"}) <= 31
    assert 20 < await deadline_seen(gateway, cuebot, **{"Grpc-Timeout": "25000m"}) <= 26


@pytest.mark.parametrize("text", ["5", "S", "5s", "-1S", "1.5S", "123456789S", ""])
async def test_bad_timeouts_are_400(gateway: Gateway, text: str) -> None:
    answer = await gateway.post(SHOWS, {}, headers={"Grpc-Timeout": text})
    assert answer.status_code == 400
    assert "Grpc-Timeout" in answer.json()["message"]


# --- answers --------------------------------------------------------------------------------
async def test_malformed_answers_are_500(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Bytes that are no such message are an INTERNAL error, not a traceback."""
    cuebot.answers(SHOWS, b"\x0a\x05abc")
    answer = await gateway.post(SHOWS, {})
    assert (answer.status_code, answer.json()["code"]) == (500, 13)
    assert "show.ShowGetShowsResponse" in answer.json()["message"]


async def test_broken_long_answers_look_incomplete(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    job = message_class("job.Job")(name="x" * 100).SerializeToString()
    bad = b"\x1a\x02\xff\xff"  # a name that is not UTF-8
    records = b"".join(b"\x0a" + bytes([len(part)]) + part for part in [job] * 5000 + [bad])
    length = len(records)
    varint = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    cuebot.answers(GET_JOBS, b"\x0a" + varint + records)
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.post(GET_JOBS, {})


async def test_wrapped_answers() -> None:
    """A method whose request and answer are well-known types speaks their JSON."""
    wrapper = ".google.protobuf.Int64Value"
    file = FileDescriptorProto(name="w.proto", package="w", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    file.service.add(name="Wraps").method.add(name="Echo", input_type=wrapper, output_type=wrapper)
    wraps, large = ScriptedCuebot((file,)), wrappers_pb2.Int64Value(value=2**53)
    wraps.answers("/w.Wraps/Echo", large.SerializeToString())
    async with running_cuebot(wraps), gateway_for(wraps.endpoint) as gateway:
        answer = await gateway.post("/w.Wraps/Echo", content=b'"7"')
    assert answer.json() == str(2**53)
    assert wraps.seen[0][1] == wrappers_pb2.Int64Value(value=7).SerializeToString()


async def sent(message: Message) -> None:
    """A client that reads everything, after a moment."""
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "pieces", [[b"a"], [b"a", b"b"], iter([b"a", b"b"])], ids=["one", "two", "stream"]
)
async def test_no_part_of_an_answer_is_waited_for_without_end(pieces: Iterable[bytes]) -> None:
    async def send(message: Message) -> None:
        if not message.get("more_body", message["type"] == "http.response.start"):
            await asyncio.Event().wait()

    context = context_of(SHOWS)
    with pytest.raises(ClientGone):
        async with asyncio.timeout(PATIENCE):
            await send_pieces(context, pieces, (), send, 0.01)


async def test_a_client_that_is_behind_holds_no_turn() -> None:
    long_answers = LongAnswers(8)
    responder = Responder(http_timeout=3600, long_answers=long_answers)
    held: list[int] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        held.append(long_answers.turns.held.get("ip ", 0))

    context = context_of(SHOWS)
    form: Form = iter([b"a", b"b"]), ()
    await responder.send(context, form, send, within=1)
    assert held == [0, 0, 0, 0]
    assert not long_answers.turns.held


async def test_the_gateways_own_waits_are_not_the_clients() -> None:
    reader = SlowReader(context_of(SHOWS), sent, 0.2, None)
    await reader.excuse(asyncio.sleep(0.3))
    await reader.send({"type": "http.response.body", "body": b"a"}, 1)
