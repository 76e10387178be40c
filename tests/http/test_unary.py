"""Requests through a real gateway to a real gRPC server whose answers are scripted."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote

import grpc
import httpx
import pytest
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import error_details_pb2, status_pb2
from starlette.types import Message

from gateway.access.load_shedding import LoadShedder
from gateway.errors import Code
from gateway.http.context import ClientGone
from gateway.http.respond import Form, Responder, send_pieces
from gateway.http.slow_reader import SlowReader
from gateway.server.http1.request_cycle import RequestCycle
from tests.support.contexts import context_of
from tests.support.opencue import jobs, message_class
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    bearer,
    gateway_for,
    head,
    http_client,
    running_cuebot,
)

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5)]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_GROUPS = "/job.GroupInterface/GetGroups"
PAUSE = "/job.JobInterface/Pause"
SET_MIN_CORES = "/job.GroupInterface/SetMinCores"


def shows(*names: str) -> bytes:
    answer = message_class("show.ShowGetShowsResponse")()
    for name in names:
        answer.shows.shows.add(name=name, default_min_cores=0.1)
    payload: bytes = answer.SerializeToString()
    return payload


# --- routes ---------------------------------------------------------------------------------


async def test_answer_is_protojson_with_defaults(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A call returns 200 and every field of the answer, set or not."""
    cuebot.answers(SHOWS, shows("demo"))
    answer = await gateway.post(SHOWS, {})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    (show,) = answer.json()["shows"]["shows"]
    assert show["name"] == "demo"
    assert show["defaultMinCores"] == 0.1
    assert show["active"] is False
    assert show["showStats"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/job.GroupInterface/SetMinCores",
        "/group.GroupInterface/SetMinCores",
        "//group.GroupInterface/SetMinCores",
        "/group.GroupInterface/SetMinCores?x=1",
    ],
    ids=["native", "alias", "double slash", "query"],
)
async def test_every_name_of_a_method_reaches_it(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str
) -> None:
    """The native path, the documented alias and a doubled slash are one method."""
    answer = await gateway.post(path, {"group": {"id": "g"}, "minCores": 4})
    assert (answer.status_code, answer.json()) == (200, {})
    assert [call[0] for call in cuebot.seen] == [SET_MIN_CORES]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/Job/getjobs", "did you mean /job.JobInterface/GetJobs?"),
        ("/JobInterface/GetJobs", "did you mean /job.JobInterface/GetJobs?"),
        ("/job.JobInterface/GetJbos", "did you mean GetJobs?"),
        ("/frame.FrameInterface/GetFram", "did you mean GetFrame?"),
        ("/nope", "/package.Interface/Method"),
        ("/job.jobinterface/GetJobs", "did you mean job.JobInterface?"),
        ("/layer.LayerInterface/KillFrame", "did you mean KillFrames?"),
        ("/host.HostInterface", "needs a method: "),
        ("/report.RqdReportInterface/ReportStatus", "is not served here"),
        ("/rqdReport.RqdReportInterface/ReportStatus", "is not served here"),
        ("/", "/package.Interface/Method"),
        ("/job.JobInterface/GetJobs/", "did you mean GetJobs?"),
    ],
)
async def test_unknown_paths_are_404_with_a_hint(gateway: Gateway, path: str, hint: str) -> None:
    """A path that is no method's is 404/5 and says what is near."""
    answer = await gateway.post(path, {})
    assert answer.status_code == 404
    assert answer.json()["error"] == "NOT_FOUND"
    assert answer.json()["code"] == 5
    assert hint in answer.json()["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/report.RqdReportInterface/ReportStatus",
        "/rqdReport.RqdReportInterface/ReportStatus",
        "/rqd.RqdInterface/GetRunFrame",
        "/rqd.RqdInterface/ShutdownRqdNow",
    ],
)
async def test_what_is_not_for_everyone_is_not_there(gateway: Gateway, path: str) -> None:
    """The interfaces that hosts use are 404 under every name."""
    answer = await gateway.post(path, {})
    assert answer.status_code == 404


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_verbs_are_405(gateway: Gateway, verb: str) -> None:
    """The path of a method that changes something answers only POST, and says so."""
    answer = await gateway.client.request(verb, "/job.JobInterface/Kill")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    assert answer.json()["code"] == 12


async def test_a_streaming_method_is_501() -> None:
    """A method that streams is not served, and says so."""
    file = FileDescriptorProto(name="s.proto", package="s", syntax="proto3")
    file.message_type.add(name="M")
    service = file.service.add(name="Streams")
    service.method.add(name="Watch", input_type=".s.M", output_type=".s.M", server_streaming=True)
    async with (
        running_cuebot(ScriptedCuebot((file,))) as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
    ):
        answer = await gateway.post("/s.Streams/Watch", {})
        assert (answer.status_code, answer.json()["code"]) == (501, 12)


# --- bodies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media",
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "text/json",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
    ],
)
async def test_whatever_can_be_json_is_read(
    gateway: Gateway, cuebot: ScriptedCuebot, media: str | None
) -> None:
    """JSON under its own label, or the one that clients give to what is not labelled."""
    headers = {} if media is None else {"Content-Type": media}
    answer = await gateway.post(FIND_SHOW, content=b'{"name": "demo"}', headers=headers)
    assert answer.status_code == 200
    assert cuebot.seen[0][1] == b"\x0a\x04demo"


@pytest.mark.parametrize(
    "media",
    [
        "multipart/form-data; boundary=x",
        "application/grpc",
        "application/grpc+json",
        "application/grpc-web+proto",
        "application/x-protobuf",
        "application/protobuf",
        "application/xml",
        "image/png",
        "application/json; charset=latin-1",
    ],
)
async def test_what_cannot_be_json_is_415(gateway: Gateway, media: str) -> None:
    """Other types are refused before anything is read as JSON."""
    answer = await gateway.post(FIND_SHOW, content=b"{}", headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["code"]) == (415, 3)
    assert "application/json" in answer.json()["message"]


async def test_encoded_bodies_are_415(gateway: Gateway) -> None:
    """A body in a coding that is not read is refused, not misread."""
    answer = await gateway.post(FIND_SHOW, content=b"x", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"], ids=["empty", "blank", "object"])
async def test_an_empty_body_is_an_empty_object(
    gateway: Gateway, cuebot: ScriptedCuebot, body: bytes
) -> None:
    """Calls without arguments need no body."""
    answer = await gateway.post("/cue.CueInterface/GetSystemStats", content=body)
    assert (answer.status_code, answer.json()) == (200, {"stats": None})
    assert cuebot.seen[0][1] == b""


async def test_bad_bodies_name_the_place(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A 400 says where and what; Cuebot is not called."""
    answer = await gateway.post(GET_JOBS, {"r": {"shows": ["a", "b", 3]}})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "INVALID_ARGUMENT",
        "code": 3,
        "message": "r.shows[2]: expected a string, got a number",
    }
    assert cuebot.seen == []


async def raw_status(gateway: Gateway, lines: list[str], *parts: bytes) -> tuple[bytes, bytes]:
    """The status line, and the body, of the answer to a POST of SHOWS written by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head(SHOWS, *lines) + b"".join(parts))
    async with asyncio.timeout(PATIENCE):
        status, _, headers = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        length = re.search(rb"content-length: (\d+)", headers)
        assert length is not None
        body = await reader.readexactly(int(length[1]))
    writer.close()
    return status, body


async def test_announced_bodies_over_the_limit_are_413(gateway: Gateway) -> None:
    """A Content-Length over MAX_BODY_MB is refused without waiting for the body."""
    status, rest = await raw_status(gateway, ["Content-Length: 600000"])
    assert b" 413 " in status
    assert b'"code":8' in rest
    assert b"MAX_BODY_MB" in rest


async def test_a_body_over_the_limit_is_413_whatever_else_is_wrong(gateway: Gateway) -> None:
    """Another answer would let the connection live, and the whole body be read."""
    status, _ = await raw_status(gateway, ["Content-Length: 600000", "Grpc-Timeout: soon"])
    assert b" 413 " in status


async def test_unannounced_bodies_over_the_limit_are_413(gateway: Gateway) -> None:
    """A chunked body is counted while it is read: the answer comes before its end."""
    chunk = b"%x\r\n%s\r\n" % (300_000, b" " * 300_000)
    status, rest = await raw_status(gateway, ["Transfer-Encoding: chunked"], chunk, chunk)
    assert b" 413 " in status
    assert b'"code":8' in rest


@pytest.mark.gateway(http_timeout=1)
async def test_slow_bodies_are_408(gateway: Gateway) -> None:
    """A client that does not send its body in time gets an answer and is let go."""
    status, rest = await raw_status(gateway, ["Content-Length: 10"], b"{")
    assert b" 408 " in status
    assert b'"code":4' in rest


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
async def test_upgrades_are_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, protocol: str
) -> None:
    """A request whose body the parser would lose is never sent on as an empty one."""
    headers = {"Connection": "Upgrade", "Upgrade": protocol}
    answer = await gateway.post(FIND_SHOW, {"name": "demo"}, headers=headers)
    assert answer.status_code == 400
    assert "Upgrade" in answer.json()["message"]
    assert cuebot.seen == []


# --- unknown fields -------------------------------------------------------------------------


async def test_ignored_fields_are_named(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """What an echoed object has besides is in X-Ignored-Fields, percent-encoded."""
    body = {"job": {"id": "j", "naïve": 2, "x, y": 3}, "req": {"limit": 1}}
    cuebot.answers("/job.JobInterface/GetFrames", b"")
    answer = await gateway.post("/job.JobInterface/GetFrames", body)
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "job.na%C3%AFve, job.x%2C%20y"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"r": {"usr": ["lena"]}}, "r: unknown field `usr`; did you mean `users`?"),
        ({"r": {"show": "demo", "shws": None}}, "r: unknown field `shws`; did you mean `shows`?"),
        ({"R": {"users": ["lena"]}}, "unknown field `R`; did you mean `r`?"),
    ],
)
async def test_a_read_refuses_unknown_arguments(
    gateway: Gateway, cuebot: ScriptedCuebot, body: object, message: str
) -> None:
    """Without its criterion a search would find every job, for whatever a script does next."""
    answer = await gateway.post(GET_JOBS, body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert cuebot.seen == []


async def test_a_change_refuses_unknown_fields_at_its_top(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """A misspelled argument of a change is a 400 with a suggestion, and nothing is changed."""
    answer = await gateway.post(SET_MIN_CORES, {"group": {"id": "g"}, "mincores": 4})
    assert answer.status_code == 400
    assert "unknown field `mincores`; did you mean `minCores`?" in answer.json()["message"]
    assert cuebot.seen == []


async def test_a_change_refuses_unknown_search_criteria(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """`frame` for `frames` would kill every frame of the job; it kills none."""
    cuebot.answers("/job.JobInterface/KillFrames", b"")
    body = {"job": {"id": "j"}, "req": {"frame": ["0001-comp"]}}
    answer = await gateway.post("/job.JobInterface/KillFrames", body)
    assert answer.status_code == 400
    assert "req: unknown field `frame`; did you mean `frames`?" in answer.json()["message"]
    assert cuebot.seen == []


async def test_a_change_ignores_unknown_fields_inside_objects(gateway: Gateway) -> None:
    """Echoed objects may carry more than this Cuebot knows."""
    body = {"group": {"id": "g", "later": 1}, "minCores": 4}
    answer = await gateway.post(SET_MIN_CORES, body)
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "group.later"


async def test_ignored_fields_are_bounded(gateway: Gateway) -> None:
    """At most 20 names and 1 KB leave, and the cut is visible."""
    many = await gateway.post(
        GET_GROUPS, {"group": {"id": "g"} | {f"f{n:02}": 1 for n in range(30)}}
    )
    assert many.headers["x-ignored-fields"].split(", ") == [
        *(f"group.f{number:02}" for number in range(20)),
        "...",
    ]
    names = {"é" * 60 + str(n): 1 for n in range(10)}
    long = await gateway.post(GET_GROUPS, {"group": {"id": "g"} | names})
    assert len(long.headers["x-ignored-fields"]) <= 1024
    assert long.headers["x-ignored-fields"].endswith("...")


@pytest.mark.parametrize(
    ("policy", "path", "status"),
    [
        ("reject", GET_JOBS, 400),
        ("reject", SET_MIN_CORES, 400),
        ("ignore", GET_JOBS, 200),
        ("ignore", SET_MIN_CORES, 200),
    ],
)
async def test_unknown_fields_policy(
    shared_gateway: SharedGateway, cuebot: ScriptedCuebot, policy: str, path: str, status: int
) -> None:
    """UNKNOWN_FIELDS=reject refuses everywhere, ignore nowhere."""
    gateway = await shared_gateway(cuebot.endpoint, unknown_fields=policy)
    about = {"group": {"id": "g"}} if path == SET_MIN_CORES else {}
    answer = await gateway.post(path, about | {"whatever": 1})
    assert answer.status_code == status


# --- calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name != "OK"])
async def test_cuebots_errors_pass(
    gateway: Gateway, cuebot: ScriptedCuebot, code: grpc.StatusCode
) -> None:
    """Each gRPC status becomes its HTTP status, with Cuebot's own text."""
    cuebot.fails(FIND_SHOW, code, "java.lang.Oops: naïve\nsecond line")
    answer = await gateway.post(FIND_SHOW, {"name": "x"})
    number = code.value[0]
    assert answer.status_code == Code(number).http_status
    assert answer.json() == {
        "error": code.name,
        "code": number,
        "message": "java.lang.Oops: naïve\nsecond line",
    }


async def test_error_details_are_kept(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """google.rpc.Status details reach the client as JSON."""
    status = status_pb2.Status(code=3, message="no")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="QUOTA", domain="farm"))
    status.details.append(any_pb2.Any(type_url="type.googleapis.com/x.Y", value=b"\x01"))

    async def handler(request: bytes, context: Context) -> bytes:
        trailer = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no", trailer)
        raise AssertionError

    cuebot.handlers[FIND_SHOW] = handler
    answer = await gateway.post(FIND_SHOW, {})
    assert answer.json()["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "QUOTA",
            "domain": "farm",
            "metadata": {},
        },
        {"@type": "type.googleapis.com/x.Y", "value": "AQ=="},
    ]


async def test_metadata_to_cuebot(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Cuebot learns the request id, the peer and the principal, and never the token."""
    headers = {**bearer("zoë / 1"), "X-Request-ID": "req-1", "X-Forwarded-For": "6.6.6.6"}
    answer = await gateway.post(SHOWS, {}, headers=headers)
    assert answer.headers["x-request-id"] == "req-1"
    metadata = cuebot.seen[0][2]
    assert metadata["x-request-id"] == "req-1"
    assert metadata["x-forwarded-for"] == "127.0.0.1"
    assert metadata["x-gateway-principal"] == quote("zoë / 1", safe="")
    assert "authorization" not in metadata


async def deadline_seen(gateway: Gateway, cuebot: ScriptedCuebot, **headers: str) -> float:
    """How many seconds Cuebot was given."""
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
    """A Grpc-Timeout that is not gRPC's form is refused."""
    answer = await gateway.post(SHOWS, {}, headers={"Grpc-Timeout": text})
    assert answer.status_code == 400
    assert "Grpc-Timeout" in answer.json()["message"]


async def test_calls_past_the_deadline_are_504(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A call that takes too long is given up, with the documented shape."""

    async def handler(request: bytes, context: Context) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    cuebot.handlers[SHOWS] = handler
    answer = await gateway.post(SHOWS, {}, headers={"Grpc-Timeout": "50m"})
    assert (answer.status_code, answer.json()["error"]) == (504, "DEADLINE_EXCEEDED")


async def test_hanging_up_cancels_the_call(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """When the client goes away, Cuebot's work is cancelled."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: bytes, context: Context) -> bytes:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    cuebot.handlers[SHOWS] = handler
    async with http_client(gateway.url, headers=bearer()) as client:
        request = asyncio.create_task(client.post(SHOWS, json={}))
        await started.wait()
        request.cancel()
        with suppress(asyncio.CancelledError):
            await request
    async with asyncio.timeout(PATIENCE):
        await cancelled.wait()


async def test_in_flight_is_bounded(cuebot: ScriptedCuebot) -> None:
    """Beyond MAX_IN_FLIGHT a request is 503 at once; afterwards there is room again."""
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(request: bytes, context: Context) -> bytes:
        started.set()
        await release.wait()
        return b""

    cuebot.handlers[SHOWS] = handler
    async with gateway_for(cuebot.endpoint, max_in_flight=1) as gateway:
        first = asyncio.create_task(gateway.post(SHOWS, {}))
        await started.wait()
        second = await gateway.post(SHOWS, {})
        assert (second.status_code, second.json()["code"]) == (503, 14)
        assert second.headers["retry-after"] == "1"
        release.set()
        assert (await first).status_code == 200
        assert (await gateway.post(SHOWS, {})).status_code == 200


# --- answers --------------------------------------------------------------------------------


@pytest.mark.thorough
async def test_answers_over_grpcs_default_limit_pass(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """A list of more than 4 MB arrives whole and in order, though it is sent in slices."""
    cuebot.answers(GET_JOBS, jobs(70_000))
    assert len(jobs(70_000)) > 4 * 2**20
    answer = await gateway.post(GET_JOBS, {})
    assert answer.headers.get("transfer-encoding") == "chunked"
    listed = answer.json()["jobs"]["jobs"]
    assert [job["name"] for job in listed] == [f"demo-sh{n:04}-lena_comp" for n in range(70_000)]


async def test_answers_over_the_receive_limit_name_the_setting(cuebot: ScriptedCuebot) -> None:
    """An answer over GRPC_MAX_RECV_MSG_MB is an error that says which limit, not a 429."""
    cuebot.answers(GET_JOBS, jobs(2000))
    async with gateway_for(
        cuebot.endpoint, grpc_max_recv_msg_mb=0.1, descriptor_source="package:opencue_proto"
    ) as gateway:
        answer = await gateway.post(GET_JOBS, {})
    assert (answer.status_code, answer.json()["code"]) == (502, 8)
    assert "GRPC_MAX_RECV_MSG_MB" in answer.json()["message"]


async def test_malformed_answers_are_500(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Bytes that are no such message are an INTERNAL error, not a traceback."""
    cuebot.answers(SHOWS, b"\x0a\x05abc")
    answer = await gateway.post(SHOWS, {})
    assert (answer.status_code, answer.json()["code"]) == (500, 13)
    assert "show.ShowGetShowsResponse" in answer.json()["message"]


async def test_long_answers_that_break_do_not_look_complete(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """When a long answer turns out to be malformed midway, the connection ends without its end."""
    job = message_class("job.Job")(name="x" * 100).SerializeToString()
    bad = b"\x1a\x02\xff\xff"  # a name that is not UTF-8
    records = b"".join(b"\x0a" + bytes([len(part)]) + part for part in [job] * 5000 + [bad])
    length = len(records)
    varint = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    cuebot.answers(GET_JOBS, b"\x0a" + varint + records)
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.post(GET_JOBS, {})


async def test_wrapped_answers(cuebot: ScriptedCuebot) -> None:
    """A method whose request and answer are well-known types speaks their JSON."""
    file = FileDescriptorProto(name="w.proto", package="w", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    wrapper = ".google.protobuf.Int64Value"
    service = file.service.add(name="Wraps")
    service.method.add(name="Echo", input_type=wrapper, output_type=wrapper)
    wraps = ScriptedCuebot((file,))
    wraps.answers("/w.Wraps/Echo", wrappers_pb2.Int64Value(value=2**53).SerializeToString())
    async with (
        running_cuebot(wraps) as running,
        gateway_for(running.endpoint) as gateway,
    ):
        answer = await gateway.post("/w.Wraps/Echo", content=b'"7"')
        assert answer.json() == str(2**53)
        assert wraps.seen[0][1] == wrappers_pb2.Int64Value(value=7).SerializeToString()


async def test_the_longest_subject_reaches_cuebot(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Whatever subject a token may have fits into gRPC's metadata, percent-encoded."""
    subject = "\N{CLAPPER BOARD}" * 512
    answer = await gateway.post(SHOWS, {}, headers=bearer(subject))
    assert answer.status_code == 200
    assert cuebot.seen[0][2]["x-gateway-principal"] == quote(subject, safe="")


async def sent(message: Message) -> None:
    """A client that reads everything, after a moment."""
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "pieces", [[b"a"], [b"a", b"b"], iter([b"a", b"b"])], ids=["one", "two", "stream"]
)
async def test_no_part_of_an_answer_is_waited_for_without_end(pieces: Iterable[bytes]) -> None:
    """A client that does not read what is left of an answer is gone, also at its very end."""

    async def send(message: Message) -> None:
        if not message.get("more_body", message["type"] == "http.response.start"):
            await asyncio.Event().wait()

    context = context_of(SHOWS)
    with pytest.raises(ClientGone):
        async with asyncio.timeout(PATIENCE):
            await send_pieces(context, pieces, (), send, 0.01)


async def test_a_client_that_is_behind_holds_no_turn() -> None:
    """Neither while the head of its answer waits for an earlier one to be read, nor at the end."""
    load_shedder = LoadShedder(8)
    responder = Responder(http_timeout=3600, load_shedder=load_shedder)
    held: list[int] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        held.append(load_shedder.turns.held.get("ip ", 0))

    context = context_of(SHOWS)
    form: Form = iter([b"a", b"b"]), ()
    await responder.send(context, form, send, within=1)
    assert held == [0, 0, 0, 0]
    assert not load_shedder.turns.held


async def test_the_gateways_own_waits_are_not_the_clients() -> None:
    """A client is not let go for time in which the answer waited for its turn."""
    reader = SlowReader(context_of(SHOWS), sent, 0.2, None)
    await reader.excuse(asyncio.sleep(0.3))
    await reader.send({"type": "http.response.body", "body": b"a"}, 1)


async def test_an_answer_is_tried_at_once_only_once(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be sent in one write goes on to ASGI's messages."""
    tried: list[int] = []

    def cannot(request: RequestCycle, status: int, headers: object, body: bytes) -> bool:
        tried.append(status)
        return False

    monkeypatch.setattr(RequestCycle, "answer", cannot)
    for send in (gateway.post(SHOWS, {}), gateway.client.get(SHOWS, headers=bearer())):
        answer = await send
        assert (answer.status_code, answer.json()) == (200, {"shows": None})
        assert tried.pop() == 200
        assert not tried
