"""Rights, identity and the audit log, whatever the protocol: what JSON may not do, no bytes may."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.messages import MAX_QUICK_BYTES
from gateway.core.errors import Code
from gateway.core.schema.method import Method
from tests.features.connect.test_grpc_web import framed, trailers
from tests.features.names.ids import with_ids
from tests.features.object_rights.test_object_rights import (
    ACCESS,
    JUDGED,
    LENA,
    METHODS,
    body_for,
    who_may,
)
from tests.support.audit import outcomes
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.owned_farm import BOS, LENAS, script
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

pytestmark = [pytest.mark.anyio, needs("access", "audit", "identity", "object_rights", "tokens")]

OWN = "user = $sub or show = demo or host = lena-host or allocation = lena.general"
SEEING = rule("seeing", {"role": "seeing"}, "all", see=OWN)
READING = rule("reading", {"role": "reading"}, "reads")
SEER, READER = signed("lena", role="seeing"), signed("lena", role="reading")
KILL, GET_JOBS = "/job.JobInterface/Kill", "/job.JobInterface/GetJobs"
PLAIN = {"Content-Type": "application/json"}
PROTO = {"Content-Type": "application/proto"}
JSON = {"Content-Type": "application/json", "Connect-Protocol-Version": "1"}
WEB = {"Content-Type": "application/grpc-web+proto"}
TOLD = ("x-filtered", "x-ignored-fields", "x-replaced-fields", "x-defaulted-fields", "x-resolved")
OF_ONE_LINE = ("time", "id", "call", "ms")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
async def judging(cuebot: ScriptedCuebot, log: Path) -> AsyncIterator[Gateway]:
    """A gateway with rules of every kind, forced identity and an audit log."""
    script(cuebot, METHODS)
    access = [*ACCESS, SEEING, READING]
    more: dict[str, Any] = {"access_default": "deny", "identity": "force"}
    async with gateway_for(cuebot.endpoint, access=access, audit_log=str(log), **more) as gateway:
        yield gateway


def message_of(method: Method, body: dict[str, Any]) -> Any:
    """The request that says the same; None if Cuebot has no fields for it."""
    request = GetMessageClass(method.descriptor.input_type)()
    try:
        return json_format.ParseDict(body, request)
    except json_format.ParseError:
        return None


async def said(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method, request: Any, form: dict[str, str]
) -> tuple[Any, ...]:
    """What becomes of a request in one of the protocols: code, message, calls, and headers."""
    cuebot.seen.clear()
    body = request.SerializeToString()
    if "json" in form["Content-Type"]:
        body = json_format.MessageToJson(request).encode()
    elif "grpc-web" in form["Content-Type"]:
        body = framed(body)
    answer = await gateway.post(method.path, content=body, headers=form)
    told = {name: answer.headers.get(name) for name in TOLD}
    calls = [(path, payload) for path, payload, _ in cuebot.seen]
    return *error_in(answer), calls, told


def error_in(answer: httpx.Response) -> tuple[str, str]:
    media = answer.headers["content-type"]
    if "grpc-web" in media:
        size = int.from_bytes(answer.content[1:5])
        last = answer.content[5:] if answer.content[0] else answer.content[5 + size + 5 :]
        found = trailers(last)
        code = Code(int(found["grpc-status"])).name
        return code, httpx.URL(f"http://x/?{found.get('grpc-message', '')}").query.decode()
    if answer.status_code == 200:
        return "OK", ""
    shape = answer.json()
    return shape.get("error", str(shape["code"]).upper()), shape["message"]


def requests() -> Iterator[tuple[Method, Any, dict[str, str]]]:
    for method in JUDGED:
        for body in (body_for(method, LENAS), body_for(method, BOS)):
            if (message := message_of(method, body)) is not None:
                yield method, message, who_may(method)
    for method in METHODS:
        if method.reads_only and (message := message_of(method, with_ids(method))) is not None:
            yield method, message, SEER


@pytest.mark.slow
async def test_every_method_is_judged_as_in_json(
    judging: Gateway, cuebot: ScriptedCuebot, log: Path
) -> None:
    """The same refusal in the same words, the same calls with the same bytes, the same lines."""
    made = refused = 0
    for method, message, who in requests():
        found = []
        for form in (PLAIN, PLAIN, PROTO, JSON, WEB):  # from the second on, facts are remembered
            before = size_of(log)
            outcome = await said(judging, cuebot, method, message, who | form)
            found.append((outcome, made_since(log, before)))
        _, in_json, *others, ((code, _, *calls), _) = found
        assert others == [in_json] * 2, method.path
        assert (code, *calls) == (in_json[0][0], *in_json[0][2:]), method.path
        made += code == "OK"
        refused += code == "PERMISSION_DENIED"
    assert made > 100
    assert refused > 100


def size_of(log: Path) -> int:
    return log.stat().st_size


def made_since(log: Path, before: int) -> list[dict[str, Any]]:
    """The lines of calls since the log was so long, without what differs between two calls."""
    with log.open("rb") as file:
        file.seek(before)
        lines = [json.loads(line) for line in file]
    return [
        {name: value for name, value in line.items() if name not in OF_ONE_LINE}
        for line in lines
        if "denied" not in line  # which are few a minute
    ]


def killing(**content: object) -> bytes:
    payload: bytes = message_class("job.JobKillRequest")(**content).SerializeToString()
    return payload


@needs("identity")
@pytest.mark.parametrize("reason", ["late", "x" * (MAX_QUICK_BYTES + 1)])
async def test_identity_is_forced(
    judging: Gateway, cuebot: ScriptedCuebot, log: Path, reason: str
) -> None:
    """Also in a process of its own; and the audit log shows what Cuebot was told."""
    body = killing(job={"id": LENAS}, username="boss", reason=reason)
    answer = await judging.post(KILL, content=body, headers=LENA | PROTO)
    assert (answer.status_code, answer.headers["x-replaced-fields"]) == (200, "username")
    (payload,) = (payload for path, payload, _ in cuebot.seen if path == KILL)
    assert message_class("job.JobKillRequest").FromString(payload).username == "lena"
    (line,) = outcomes(log)
    assert (line["request"]["username"], line["subject"]) == ("lena", "lena")


@pytest.mark.parametrize("form", [PROTO, WEB, JSON], ids=["proto", "web", "json"])
async def test_the_line_of_a_denied_call_has_its_request(
    judging: Gateway, log: Path, form: dict[str, str]
) -> None:
    body = killing(job={"id": BOS})
    content = {str(PROTO): body, str(WEB): framed(body)}.get(str(form))
    content = b'{"job": {"id": "%b"}}' % BOS.encode() if content is None else content
    await judging.post(KILL, content=content, headers=READER | form)
    (line,) = outcomes(log)
    assert (line["denied"], line["request"]["job"]["id"]) == ("reading", BOS)


@needs("compression")
async def test_a_bomb_in_a_denied_call_is_not_read(judging: Gateway, log: Path) -> None:
    """Its line is written without the request, which would take long to read."""
    packed = gzip.compress(killing(job={"id": BOS}, reason="x" * 500_000))
    headers = READER | WEB | {"Grpc-Encoding": "gzip"}
    await judging.post(KILL, content=framed(packed, 1), headers=headers)
    (line,) = outcomes(log)
    assert line["denied"] == "reading"
    assert "request" not in line


async def test_merged_and_repeated_fields_are_judged_as_one(
    judging: Gateway, cuebot: ScriptedCuebot
) -> None:
    """The last of several values counts, for the rule and for Cuebot."""
    mine, theirs = killing(job={"id": LENAS}), killing(job={"id": BOS})
    for body, status in ((mine + theirs, 403), (theirs + mine, 200)):
        cuebot.seen.clear()
        answer = await judging.post(KILL, content=body, headers=LENA | PROTO)
        assert answer.status_code == status
        sent = [payload for path, payload, _ in cuebot.seen if path == KILL]
        ids = [message_class("job.JobKillRequest").FromString(each).job.id for each in sent]
        assert ids == ([LENAS] if status == 200 else [])


async def test_what_is_looked_at_is_never_sent_as_it_came(
    cuebot: ScriptedCuebot, log: Path
) -> None:
    """A change goes as it came only where no audit log shows it."""
    path = "/facility.AllocationInterface/SetTag"
    kind = message_class("facility.AllocSetTagRequest")
    body = kind(tag="a").SerializeToString() + kind(tag="b").SerializeToString()
    for audit_log in (None, str(log)):
        cuebot.seen.clear()
        async with gateway_for(cuebot.endpoint, audit_log=audit_log) as gateway:
            await gateway.post(path, content=body, headers=PROTO)
        assert (cuebot.seen[0][1] == body) == (audit_log is None)
