"""The Connect protocol (https://connectrpc.com/docs/protocol), with protobuf's own messages as the
oracle."""

import gzip
import json
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import grpc
import httpx
import pytest

from gateway.core.codec.payload import zstd
from gateway.core.errors import Code, GatewayError
from gateway.features.connect.connect import IN_PROTO
from tests.features.connect.messages import asked, cases, found
from tests.support.details import DETAILS, detailed
from tests.support.needs import needs
from tests.support.opencue import jobs, message_class
from tests.support.servers import Context, Gateway, ScriptedCuebot

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5)]

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
PAUSE, CREATE_SHOW = "/job.JobInterface/Pause", "/show.ShowInterface/CreateShow"
LOCK, HOST = "/host.HostInterface/Lock", {"id": "a", "name": "a"}
PROTO = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
JSON = {"Content-Type": "application/json", "Connect-Protocol-Version": "1"}


def error_of(answer: httpx.Response, code: Code) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    shape: dict[str, Any] = answer.json()
    assert shape["code"] == code.name.lower()
    return shape


# --- requests and answers ---------------------------------------------------------------------
@pytest.mark.parametrize("media", ["application/proto", "Application/Proto"])
async def test_protobuf_goes_through(gateway: Gateway, cuebot: ScriptedCuebot, media: str) -> None:
    """The media type alone is enough."""
    cuebot.answers(FIND_SHOW, found("demo"))
    headers = {"Content-Type": media}
    answer = await gateway.post(FIND_SHOW, content=asked("demo"), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/proto")
    assert answer.content == found("demo")
    assert cuebot.seen[0][1] == asked("demo")


async def test_its_json_is_plain_json(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    plain = await gateway.post(FIND_SHOW, {"name": "demo"})
    answer = await gateway.post(FIND_SHOW, {"name": "demo"}, headers=JSON)
    assert (answer.status_code, answer.content) == (200, plain.content)
    assert answer.headers["content-type"] == "application/json"


@needs("compression")
@pytest.mark.parametrize("name", ["gzip", "zstd"])
async def test_both_ways_compressed(gateway: Gateway, cuebot: ScriptedCuebot, name: str) -> None:
    cuebot.answers(FIND_SHOW, found("demo" * 500))
    packed = gzip.compress(asked("demo")) if name == "gzip" else zstd.compress(asked("demo"))
    headers = PROTO | {"Content-Encoding": name, "Accept-Encoding": name}
    answer = await gateway.post(FIND_SHOW, content=packed, headers=headers)
    content = zstd.decompress(answer.content) if name == "zstd" else answer.content
    assert (answer.headers["content-encoding"], content) == (name, found("demo" * 500))
    assert cuebot.seen[0][1] == asked("demo")


async def test_nothing_is_compressed_unasked(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(5000))
    for headers in (PROTO | {"Accept-Encoding": ""}, PROTO | {"Accept-Encoding": "identity"}):
        answer = await gateway.post(GET_JOBS, content=b"", headers=headers)
        assert "content-encoding" not in answer.headers
        assert answer.content == jobs(5000)


@pytest.mark.parametrize("headers", [PROTO, JSON], ids=["proto", "json"])
async def test_the_deadline(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str]
) -> None:
    cuebot.hangs(FIND_SHOW)
    headers = headers | {"Connect-Timeout-Ms": "50"}
    answer = await gateway.post(FIND_SHOW, headers=headers)
    assert answer.status_code == 504
    error_of(answer, Code.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("given", ["-1", "1.5", "5S", "12345678901", "", "١", "1 2"])
async def test_what_is_no_deadline(gateway: Gateway, cuebot: ScriptedCuebot, given: str) -> None:
    headers = PROTO | {"Connect-Timeout-Ms": given.encode()}
    answer = await gateway.post(FIND_SHOW, headers=headers)
    assert "Connect-Timeout-Ms" in error_of(answer, Code.INVALID_ARGUMENT)["message"]
    assert (answer.status_code, cuebot.seen) == (400, [])


@pytest.mark.parametrize(
    ("given", "code"), [("0", Code.DEADLINE_EXCEEDED), ("9999999999", Code.OK)]
)
async def test_the_ends_of_deadlines(
    gateway: Gateway, cuebot: ScriptedCuebot, given: str, code: Code
) -> None:
    answer = await gateway.post(FIND_SHOW, headers=PROTO | {"Connect-Timeout-Ms": given})
    assert answer.status_code == code.http_status


# --- errors -------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_codes_have_connects_names(code: Code) -> None:
    form = IN_PROTO.error_form(GatewayError(code, "a reason", headers={"Retry-After": "1"}))
    name = "canceled" if code is Code.CANCELLED else code.name.lower()
    assert (form.status, dict(form.headers)[b"retry-after"]) == (code.http_status, b"1")
    assert json.loads(form.body) == {"code": name, "message": "a reason"}


@pytest.mark.parametrize("headers", [PROTO, JSON], ids=["proto", "json"])
async def test_details_are_passed_on(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str]
) -> None:
    """Of any type, as the bytes that came."""
    cuebot.handlers[FIND_SHOW] = detailed
    answer = await gateway.post(FIND_SHOW, headers=headers)
    shape = error_of(answer, Code.FAILED_PRECONDITION)
    assert shape["message"] == "Cuebot's own"
    *known, unknown = shape["details"]
    assert unknown == {"type": "studio.Unknown", "value": "/w"}
    for each, detail in zip(known, DETAILS, strict=True):
        padding = "=" * (-len(each["value"]) % 4)
        assert each["type"] == detail.DESCRIPTOR.full_name
        assert b64decode(each["value"] + padding, validate=True) == detail.SerializeToString()


async def test_unreadable_details_are_left_out(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    async def handler(request: bytes, context: Context) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff"),))
        await context.abort(grpc.StatusCode.ABORTED, "no")
        raise AssertionError

    cuebot.handlers[FIND_SHOW] = handler
    answer = await gateway.post(FIND_SHOW, headers=PROTO)
    assert error_of(answer, Code.ABORTED) == {"code": "aborted", "message": "no"}


@dataclass(frozen=True)
class Refused:
    """A request that never comes to Cuebot."""

    code: Code
    status: int
    path: str = FIND_SHOW
    verb: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    answered: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""


def of_type(media: str) -> dict[str, str]:
    return {"Content-Type": media}


INVALID, TOO_LONG = Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED
GET = f"{FIND_SHOW}?connect=v1&encoding="
GZIPPED = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(bytes(2**20))
TYPES = {"accept-post": "application/proto, application/json"}
REFUSED = {
    "no token": Refused(Code.UNAUTHENTICATED, 401, headers={"Authorization": "Bearer x"}),
    "no method": Refused(Code.UNIMPLEMENTED, 404, "/show.ShowInterface/FindShwo"),
    "no service": Refused(Code.UNIMPLEMENTED, 404, "/show.ShwoInterface/FindShow"),
    "a GET of no method": Refused(
        Code.UNIMPLEMENTED, 404, "/show.ShowInterface/FindShwo?connect=v1&encoding=json", "GET"
    ),
    "a GET of a change": Refused(
        Code.UNKNOWN, 405, f"{PAUSE}?connect=v1&encoding=json&message={{}}", "GET"
    ),
    "a HEAD": Refused(Code.UNKNOWN, 405, f"{GET}json&message={{}}", "HEAD"),
    "a PUT": Refused(Code.UNKNOWN, 405, verb="PUT"),
    "another version": Refused(INVALID, 400, headers={"Connect-Protocol-Version": "2"}),
    "a stream": Refused(
        Code.UNKNOWN, 415, headers=of_type("application/connect+proto"), answered=TYPES
    ),
    "another codec": Refused(
        Code.UNKNOWN, 415, headers=of_type("application/yaml"), answered=TYPES
    ),
    "no type": Refused(Code.UNKNOWN, 415, headers=of_type(""), answered=TYPES),
    "another charset": Refused(
        Code.UNKNOWN, 415, headers=of_type("application/json; charset=latin-1")
    ),
    "another coding": Refused(
        Code.UNIMPLEMENTED,
        501,
        headers={"Content-Encoding": "br"},
        answered={"accept-encoding": "gzip, zstd"},
    ),
    "bad gzip": Refused(INVALID, 400, headers=GZIPPED, body=b"x"),
    "no protobuf": Refused(INVALID, 400, body=b"\xff"),
    "half a message": Refused(INVALID, 400, body=asked("demo")[:-1]),
    "no UTF-8": Refused(INVALID, 400, body=b"\x0a\x01\xff"),
    "too long": Refused(TOO_LONG, 413, body=bytes(2**19 + 1)),
    "a bomb": Refused(TOO_LONG, 413, headers=GZIPPED, body=BOMB),
    "a dry run": Refused(INVALID, 400, headers={"X-Dry-Run": "1"}),
    "a view": Refused(INVALID, 400, f"{FIND_SHOW}?_fields=show.name"),
    "a GET without a message": Refused(INVALID, 400, f"{GET}json", "GET"),
    "a GET with a body": Refused(INVALID, 400, f"{GET}json&message={{}}", "GET", body=b"{}"),
    "a GET without an encoding": Refused(
        Code.UNKNOWN, 415, f"{FIND_SHOW}?connect=v1&message={{}}", "GET"
    ),
    "a GET in another codec": Refused(Code.UNKNOWN, 415, f"{GET}yaml&message={{}}", "GET"),
    "two messages": Refused(INVALID, 400, f"{GET}json&message={{}}&message={{}}", "GET"),
    "no base64": Refused(INVALID, 400, f"{GET}proto&message=A&base64=1", "GET"),
    "a GET in another coding": Refused(
        Code.UNIMPLEMENTED, 501, f"{GET}proto&message=AA&base64=1&compression=br", "GET"
    ),
    "a bomb in a GET": Refused(
        TOO_LONG,
        413,
        f"{GET}proto&base64=1&compression=gzip&message={urlsafe_b64encode(BOMB).decode()}",
        "GET",
    ),
    "a view of a GET": Refused(INVALID, 400, f"{GET}json&message={{}}&_where=name", "GET"),
    "a mark without a message": Refused(INVALID, 400, FIND_SHOW, "GET"),
}


OF_COMPRESSION = ("another coding", "bad gzip", "a bomb", "a bomb in a GET")


@pytest.mark.parametrize("case", cases(REFUSED, OF_COMPRESSION))
async def test_every_refusal_is_connects(
    gateway: Gateway, cuebot: ScriptedCuebot, case: Refused
) -> None:
    answer = await gateway.client.request(
        case.verb, gateway.url + case.path, headers=PROTO | case.headers, content=case.body
    )
    assert answer.status_code == case.status
    if case.verb != "HEAD":
        shape = error_of(answer, case.code)
        assert shape.keys() == {"code", "message"}
        assert shape["message"]
    assert case.answered.items() <= answer.headers.items()
    assert cuebot.seen == []


@pytest.mark.parametrize("headers", [PROTO, JSON], ids=["proto", "json"])
async def test_a_path_that_is_not_there_has_its_hint(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    """Plain JSON has its own code, and the same words."""
    path = "/show.ShowInterface/FindShwo"
    plain = (await gateway.post(path, {})).json()
    shape = error_of(await gateway.post(path, headers=headers), Code.UNIMPLEMENTED)
    assert (plain["error"], plain["message"]) == ("NOT_FOUND", shape["message"])
    assert "did you mean FindShow?" in shape["message"]


async def test_a_bug_is_an_error_as_well(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    with patch("gateway.core.pipeline.request.plan_message", side_effect=RuntimeError("a bug")):
        answer = await gateway.post(FIND_SHOW, headers=PROTO)
    assert answer.status_code == 500
    error_of(answer, Code.INTERNAL)


# --- GET ----------------------------------------------------------------------------------------
def query(message: bytes, **more: str) -> str:
    text = urlsafe_b64encode(message).decode()
    return urlencode({"connect": "v1", "encoding": "proto", "message": text, "base64": "1"} | more)


GETS = {
    "json": urlencode({"message": '{"name": "demo"}', "encoding": "json", "connect": "v1"}),
    "json in base64": query(b'{"name": "demo"}', encoding="json"),
    "proto": query(asked("demo")),
    "unpadded": query(asked("demo")).replace("%3D", ""),
    "as text": urlencode({"connect": "v1", "encoding": "proto", "message": "\n\x04demo"}),
    "in gzip": query(gzip.compress(asked("demo")), compression="gzip"),
    "in zstd": query(zstd.compress(asked("demo")), compression="zstd"),
    "in nothing": query(asked("demo"), compression="identity"),
    "with more": query(asked("demo"), other="1"),
}


@pytest.mark.parametrize("asking", cases(GETS, ("in gzip", "in zstd")))
async def test_reads_by_get(gateway: Gateway, cuebot: ScriptedCuebot, asking: str) -> None:
    cuebot.answers(FIND_SHOW, found("demo"))
    answer = await gateway.client.get(f"{gateway.url}{FIND_SHOW}?{asking}")
    assert (answer.status_code, cuebot.seen[0][1]) == (200, asked("demo"))
    if "encoding=json" in asking:
        assert answer.json()["show"]["name"] == "demo"
    else:
        assert answer.headers["content-type"] == "application/proto"
        assert answer.content == found("demo")


@needs("conditional")
async def test_get_is_conditional(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """As any GET; the ETags of the codecs differ."""
    cuebot.answers(FIND_SHOW, found("demo"))
    seen = set()
    for asking in (GETS["json"], GETS["proto"]):
        path = f"{gateway.url}{FIND_SHOW}?{asking}"
        answer = await gateway.client.get(path)
        etag = answer.headers["etag"]
        again = await gateway.client.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert answer.headers["cache-control"] == "private, no-cache"
        seen.add(etag)
    assert len(seen) == 2


async def test_without_its_mark_a_get_is_plain(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = await gateway.client.get(f"{gateway.url}{FIND_SHOW}?name=demo&message=x")
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")


# --- what else there is ---------------------------------------------------------------------------
@needs("obstacles")
async def test_a_header_has_cuebots_text(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    text = "com.imageworks.spcue.rqd.RqdClientException: failed to lock host: a"
    cuebot.fails(LOCK, grpc.StatusCode.INTERNAL, text)
    refused = await gateway.post(LOCK, {"host": HOST}, headers=JSON)
    assert refused.headers["x-cuebot"].startswith("com.imageworks.spcue.rqd.RqdClientException%3A")
    lock = message_class("host.HostLockRequest")(host=HOST).SerializeToString()
    web = b"\0" + len(lock).to_bytes(4) + lock
    media = {"Content-Type": "application/grpc-web+proto"}
    refused = await gateway.post(LOCK, content=web, headers=media)
    assert b"x-cuebot: com.imageworks" in refused.content


@needs("at_most_once")
@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{}", JSON),
        (b"", PROTO),
        (bytes(5), {"Content-Type": "application/grpc-web+proto"}),
    ],
    ids=["json", "proto", "grpc-web"],
)
async def test_two_keys_in_one_request_are_an_error(
    gateway: Gateway, cuebot: ScriptedCuebot, content: bytes, headers: dict[str, str]
) -> None:
    keys = [("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")]
    sent = [*headers.items(), *keys, *gateway.client.headers.items()]
    refused = await gateway.client.post(gateway.url + PAUSE, content=content, headers=sent)
    if "grpc" in headers["Content-Type"]:
        assert b"grpc-status: 3" in refused.content
    else:
        assert refused.status_code == 400
    assert b"more than one Idempotency-Key in one request" in refused.content
    assert not cuebot.seen


@needs("at_most_once")
async def test_a_change_is_made_once(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A replay is in its own codec; another codec is another body."""
    cuebot.answers(CREATE_SHOW, found("demo"))
    body = message_class("show.ShowCreateShowRequest")(name="demo").SerializeToString()
    key = {"Idempotency-Key": "connect-1"}
    for is_replayed in (False, True):
        answer = await gateway.post(CREATE_SHOW, content=body, headers=PROTO | key)
        assert (answer.status_code, answer.content) == (200, found("demo"))
        assert answer.headers["content-type"] == "application/proto"
        assert ("idempotent-replayed" in answer.headers) == is_replayed
    web = {"Content-Type": "application/grpc-web+proto"} | key
    framed = bytes(1) + len(body).to_bytes(4) + body
    other = await gateway.post(CREATE_SHOW, content=framed, headers=web)
    assert "idempotent-replayed" in other.headers
    assert found("demo") in other.content
    plain = await gateway.post(CREATE_SHOW, {"name": "demo"}, headers=key)
    assert plain.status_code == 422
    assert [path for path, _, _ in cuebot.seen].count(CREATE_SHOW) == 1


@pytest.mark.parametrize("headers", [PROTO, JSON], ids=["proto", "json"])
@needs("at_most_once")
async def test_a_failure_is_replayed(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str]
) -> None:
    cuebot.handlers[PAUSE] = detailed
    body = message_class("job.JobPauseRequest")(job={"id": "j"}).SerializeToString()
    content = body if headers is PROTO else b'{"job": {"id": "j"}}'
    headers = headers | {"Idempotency-Key": f"connect-3 {headers['Content-Type']}"}
    answers = [await gateway.post(PAUSE, content=content, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(answers[1].json()["details"]) == 3
    assert len(cuebot.seen) == 1


@needs("at_most_once")
async def test_empty_bodies_of_two_codecs_are_not_the_same(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    key = {"Idempotency-Key": "connect-4"}
    first = await gateway.post(CREATE_SHOW, headers=PROTO | key)
    plain = await gateway.post(CREATE_SHOW, headers=key)
    assert (first.status_code, plain.status_code) == (200, 422)


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson", "text/event-stream"])
@pytest.mark.parametrize("headers", [PROTO, JSON], ids=["proto", "json"])
async def test_accept_chooses_no_view(
    gateway: Gateway, cuebot: ScriptedCuebot, headers: dict[str, str], accept: str
) -> None:
    """The answer is a message of the request's codec, also where a number of rows is asked for."""
    cuebot.answers(GET_JOBS, jobs(3))
    for path in (GET_JOBS, f"{GET_JOBS}?other=1"):
        answer = await gateway.post(path, content=b"", headers=headers | {"Accept": accept})
        assert answer.headers["content-type"] == headers["Content-Type"]


@needs("batch")
async def test_batches_are_plain_json(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    items = [{"path": FIND_SHOW, "body": {"name": "demo"}}]
    plain = await gateway.post("/batch", items)
    marked = await gateway.post("/batch", items, headers=JSON)
    assert (marked.status_code, len(marked.json())) == (plain.status_code, 1)
    assert marked.json()[0].keys() == plain.json()[0].keys()
