"""Logs: one line per request, what is in it and what never is; the request id.

The gateway runs as a child process, so that what is tested is what an operator would see.
"""

import json
import re
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from secrets import token_hex
from threading import Thread
from typing import Any, Literal

import grpc
import httpx
import pytest

from gateway.http.context import RequestContext
from tests.support.contexts import context_of
from tests.support.patience import PATIENCE
from tests.support.servers import (
    SECRET,
    ScriptedCuebot,
    bearer,
    clean_environment,
    http_client,
    token,
)

REPOSITORY = Path(__file__).parents[2]
SHOWS = "/show.ShowInterface/GetShows"
GET_FRAME = "/job.FrameInterface/GetFrame"


@dataclass
class Child:
    """A gateway in a process of its own, and what it prints."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)
    _coming: Queue[str] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line.rstrip("\n"))

    def line(self, text: str, timeout: float = PATIENCE) -> str:
        """The first line with this text, waiting until it is printed."""
        deadline = time.monotonic() + timeout
        for line in self.lines:
            if text in line:
                return line
        while True:
            try:
                line = self._coming.get(timeout=max(deadline - time.monotonic(), 0.001))
            except Empty:
                raise AssertionError(f"no line with {text!r} in {self.lines}") from None
            self.lines.append(line)
            if text in line:
                return line

    def event(self, text: str) -> dict[str, Any]:
        """The same line as JSON."""
        event: dict[str, Any] = json.loads(self.line(text))
        return event


def start(endpoint: str, **environ: str) -> Iterator[Child]:
    """A child on a port of its own, once it has its catalog (which needs nobody's answer)."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env=clean_environment(
            PYTHONUNBUFFERED="1",
            JWT_SECRET=SECRET,
            CUEBOT_ENDPOINT=endpoint,
            REST_HOST="127.0.0.1",
            REST_PORT=str(port),
            SHUTDOWN_TIMEOUT="1s",
            DESCRIPTOR_SOURCE="package:opencue_proto",
            **environ,
        ),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        child = Child(process, f"http://127.0.0.1:{port}")
        try:
            child.line("schema loaded", PATIENCE)
            yield child
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as client:
        yield client


@pytest.fixture(scope="module")
def child(scripted_cuebot: ScriptedCuebot) -> Iterator[Child]:
    yield from start(scripted_cuebot.endpoint)


@pytest.fixture(scope="module")
def console(scripted_cuebot: ScriptedCuebot) -> Iterator[Child]:
    yield from start(scripted_cuebot.endpoint, LOG_FORMAT="console", LOG_LEVEL="debug")


@pytest.fixture(params=["child", "console"])
def either(request: pytest.FixtureRequest, child: Child, console: Child) -> Child:
    """Each test that asks for it looks at both."""
    return child if request.param == "child" else console


def request_id(name: str, **headers: str) -> dict[str, str]:
    """Headers of a caller with a token, and with a request id to find the line by."""
    return bearer("lena") | {"X-Request-ID": name} | headers


# --- The access line ------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        pytest.param(
            SHOWS, b"{}", {"status": 200, "code": "OK", "rpc": SHOWS, "path": SHOWS}, id="success"
        ),
        pytest.param(
            "/frame.FrameInterface/GetFrame",
            b"",
            {
                "status": 200,
                "code": "OK",
                "rpc": GET_FRAME,
                "path": "/frame.FrameInterface/GetFrame",
            },
            id="alias",
        ),
        pytest.param(
            SHOWS, b"{", {"status": 400, "code": "INVALID_ARGUMENT", "rpc": SHOWS}, id="bad body"
        ),
        pytest.param(
            "/no.Such/Method",
            b"{}",
            {"status": 404, "code": "NOT_FOUND", "rpc": None, "path": "/no.Such/Method"},
            id="unknown path",
        ),
        pytest.param(
            "/job.JobInterface/GetJobs",
            b"{}",
            {"status": 501, "code": "UNIMPLEMENTED", "rpc": "/job.JobInterface/GetJobs"},
            id="Cuebot's error",
        ),
    ],
)
async def test_a_request_is_one_json_line(
    child: Child,
    client: httpx.AsyncClient,
    cuebot: ScriptedCuebot,
    request: pytest.FixtureRequest,
    path: str,
    body: bytes,
    expected: dict[str, object],
) -> None:
    """The line says who called what, by its native name, how it went and how long it took."""
    cuebot.fails("/job.JobInterface/GetJobs", grpc.StatusCode.UNIMPLEMENTED, "no such method")
    name = f"line-{request.node.callspec.id.replace(' ', '-').replace(chr(39), '')}"
    answer = await client.post(child.url + path, content=body, headers=request_id(name))
    event = child.event(name)
    assert event.items() >= expected.items()
    assert event["request_id"] == name
    assert event["subject"] == "lena"
    assert event["method"] == "POST"
    assert event["client"] == "127.0.0.1"
    assert event["bytes"] == len(answer.content)
    assert event["status"] == answer.status_code
    assert 0 < event["ms"] < PATIENCE * 1000
    assert event["level"] == "info"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event["timestamp"])
    await client.post(child.url + SHOWS, headers=request_id(f"after-{name}"))
    child.line(f"after-{name}")
    assert sum(f'"{name}"' in line for line in child.lines) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(None, 401, id="none"),
        pytest.param(f"Bearer {token()}x.y", 401, id="no JWT"),
        pytest.param(f"Bearer {token()[:-4]}AAAA", 403, id="forged"),
    ],
)
async def test_a_refused_caller_has_no_subject(
    child: Child, client: httpx.AsyncClient, authorization: str | None, status: int
) -> None:
    """A subject in the log has been verified: a refused token's is not there."""
    name = f"refused-{status}-{authorization is None}"
    headers = {"X-Request-ID": name} | ({"Authorization": authorization} if authorization else {})
    await client.post(child.url + SHOWS, headers=headers)
    event = child.event(name)
    assert (event["status"], event["subject"], event["rpc"]) == (status, None, None)


@pytest.mark.anyio
async def test_every_line_is_json(child: Child, client: httpx.AsyncClient) -> None:
    """From its first line on, what the gateway prints can be read by a machine."""
    await client.post(child.url + SHOWS, headers=request_id("all-json"))
    child.line("all-json")
    for line in child.lines:
        assert json.loads(line).keys() >= {"event", "level", "logger", "timestamp"}


@pytest.mark.anyio
async def test_health_checks_do_not_fill_the_log(child: Child, client: httpx.AsyncClient) -> None:
    """A probe every second is nothing that anybody wants to read at level info."""
    for path in ("/healthz", "/readyz"):
        await client.get(child.url + path, headers={"X-Request-ID": f"probe{path}"})
    await client.post(child.url + SHOWS, headers=request_id("after-probes"))
    child.line("after-probes")
    assert not any("probe/" in line for line in child.lines)


@pytest.mark.anyio
async def test_no_token_no_body_no_query(
    either: Child, client: httpx.AsyncClient, cuebot: ScriptedCuebot
) -> None:
    """What callers and Cuebot say, and what callers know, is in no line, at no level."""
    good, forged, expired = token("lena"), token("lena")[:-4] + "AAAA", token("lena", -5)
    cuebot.answers(SHOWS, b"\x0a\x0c\x0a\x0a\x12\x08hushshow")
    odd = {"Cookie": "hush=1", "X-Hush": "hush", "User-Agent": "hush", "Referer": "http://hush/"}
    bodies = (b'{"hush": "hush"}', b'"hush', b"hush", b"{}", b'{"show": {"id": "hush"}}')
    for sent in (good, forged, expired, "hush", "hush.hush.hush"):
        for body in bodies:
            for path in (SHOWS, "/job.JobInterface/Pause", "/no.Such/Method"):
                headers = {"Authorization": f"Bearer {sent}"} | odd
                url = f"{either.url}{path}?access_token=hush&hush"
                await client.post(url, content=body, headers=headers)
        if sent in (good, forged, expired):
            await client.post(f"{either.url}/show/{sent}/x", headers={"X-Request-ID": sent[:128]})
    await client.post(either.url + SHOWS, headers=request_id("after-all-that"))
    either.line("after-all-that")
    everything = "\n".join(either.lines)
    assert "hush" not in everything
    assert SECRET not in everything
    for sent in (good, forged, expired):
        for segment in sent.split(".")[1:]:
            assert segment not in everything


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/a%0Aforged%20line",
        "/a%0D%0Aforged%20line",
        "/a%1B%5B31mred",
        "/%FF%FE",
        "/%ED%A0%80",
        "/%00",
        "/%E2%80%A8x%E2%80%A9",
        "/%7F",
        "/a%C2%85forged%C2%9B31m",
        "/%E2%80%AEtxt%E2%81%A6x%E2%80%8Fx",
        "/%F3%A0%80%81",
        "/" + "x" * 5000,
    ],
    ids=[
        "LF",
        "CRLF",
        "escape",
        "not UTF-8",
        "surrogate",
        "NUL",
        "line separators",
        "DEL",
        "C1",
        "bidi",
        "tags",
        "long",
    ],
)
async def test_paths_cannot_forge_lines(
    either: Child, child: Child, path: str, client: httpx.AsyncClient
) -> None:
    """Whatever is in a path, it is one line, of bounded length, without control characters."""
    name = f"forge-{token_hex(8)}"
    await client.post(either.url + path, headers=request_id(f"before-{name}"))
    await client.post(either.url + path, headers=request_id(name))
    await client.post(either.url + SHOWS, headers=request_id(f"after-{name}"))
    either.line(f"after-{name}")
    whole = [line for line in either.lines if name in line]
    assert len(whole) == 3
    assert not any(line.startswith("forged") for line in either.lines)
    assert all(len(line) < 2000 for line in whole)
    if either is child:
        assert json.loads(whole[1])["status"] == 404
    assert whole[1].isprintable()


@pytest.mark.anyio
async def test_subjects_cannot_forge_lines(either: Child, client: httpx.AsyncClient) -> None:
    """Nor can whoever mints tokens; letters of any script are no harm."""
    name = f"forging-{token_hex(8)}"
    subject = "Łéna\nforged subject \x85\u2028\u202e"
    await client.post(either.url + SHOWS, headers=bearer(subject) | {"X-Request-ID": name})
    await client.post(either.url + SHOWS, headers=request_id(f"after-{name}"))
    either.line(f"after-{name}")
    assert not any(line.startswith("forged") for line in either.lines)
    line = either.line(name)
    assert line.isprintable()
    if line.startswith("{"):
        assert "Łéna" in line
        assert json.loads(line)["subject"] == subject


PARTS = ('{"a":1}', '{ "a":1}', '{\n  "a":1}', '{\r\n"a":1}', '{\t"a":1}', '{"é":1}', '{"1":1}')


@pytest.mark.parametrize("claims", [*PARTS, "", ' {"a":1}'], ids=repr)
@pytest.mark.parametrize("header", PARTS, ids=repr)
def test_nothing_that_looks_like_a_token_is_logged(header: str, claims: str) -> None:
    """However a JWT's JSON is written, neither a path nor a request id keeps any of it."""
    first, second = (urlsafe_b64encode(part.encode()).decode() for part in (header, claims))
    pasted = f"{first.rstrip('=')}.{second.rstrip('=')}.c2lnbmF0dXJl-_"
    context = opened(f"/show/{pasted}/x", pasted)
    assert context.request.logged_path == "/show/…/x"
    assert re.fullmatch(r"[0-9a-f]{32}", context.request.id)


@pytest.mark.parametrize(
    "harmless", ["/money.eyes", "/key.eyJ", "/frame.FrameInterface/Kill", "/eye.IS.they.eyed"]
)
def test_what_does_not_look_like_a_token_is_logged(harmless: str) -> None:
    """Paths and ids that happen to have its letters are kept."""
    context = opened(harmless, harmless)
    assert (context.request.logged_path, context.request.id) == (harmless, harmless)


def opened(path: str, request_id: str) -> RequestContext:
    return context_of(path, headers={b"x-request-id": request_id.encode()})


@pytest.mark.thorough
@pytest.mark.parametrize("style", ["json", "console"])
def test_tracebacks_cannot_steer_the_terminal(style: Literal["json", "console"]) -> None:
    """What a client wrote may be in the text of an exception."""
    script = "import sys, structlog; from gateway.observe.logs import configure_logging\n"
    script += f"configure_logging('info', '{style}'); log = structlog.stdlib.get_logger('x')\n"
    script += "try: raise ValueError('a\\x9b31m\\u202eb')\nexcept ValueError: log.exception('it')"
    done = subprocess.run(  # noqa: S603 - it is the script above
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "ValueError: a" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


# --- What the HTTP server refuses -----------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            "POST /{}/x?token=hush HTTP/1.1\r\nX-Request-ID: {}\r\n\r\n",
            {"status": 400, "code": "INVALID_ARGUMENT", "method": "POST", "path": "/{}/x"},
            id="no Host",
        ),
        pytest.param(
            "GET http://user:hush@h/{} HTTP/1.1\r\nHost: h\r\nX-Request-ID: {}\r\n\r\n",
            {"status": 400, "code": "INVALID_ARGUMENT", "method": "GET", "path": "/{}"},
            id="a password in the target",
        ),
        pytest.param(
            "POST /{} HTTP/1.1\r\nHost: h\r\nX-Request-ID: {}\r\nA: b\r\nBad Header: hush\r\n\r\n",
            {"status": 400, "code": "INVALID_ARGUMENT", "method": "POST", "path": "/{}"},
            id="a malformed header",
        ),
        pytest.param(
            "GET /{}/" + 9000 * "x" + " HTTP/1.1\r\n\r\n",
            {"status": 414, "code": "RESOURCE_EXHAUSTED", "method": "GET"},
            id="a long target",
        ),
        pytest.param(
            "GET /{} HTTP/1.1\r\nHost: h\r\nX-Request-ID: {}\r\n" + 101 * "A: b\r\n" + "\r\n",
            {"status": 431, "code": "RESOURCE_EXHAUSTED", "method": "GET", "path": "/{}"},
            id="many headers",
        ),
        pytest.param(
            "POST /{} HTTP/1.1\r\nHost: h\r\nX-Request-ID: {}\r\nTransfer-Encoding: chunked"
            "\r\n\r\nhush\r\n",
            {"status": 400, "code": "INVALID_ARGUMENT", "method": "POST", "path": "/{}"},
            id="no chunk",
        ),
        pytest.param(
            "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /{} HTTP/1.1\r\nX-Request-ID: {}\r\n\r\n",
            {"status": 400, "code": "INVALID_ARGUMENT", "method": "GET", "path": "/{}"},
            id="behind another",
        ),
    ],
)
def test_refusals_have_their_line(either: Child, sent: str, expected: dict[str, Any]) -> None:
    """One access line has what is known of what is no request; no query, password or body."""
    name = f"refused-{token_hex(8)}"
    refuse(either, sent.replace("{}", name))
    fields = {key: str(value).replace("{}", name) for key, value in expected.items()}
    line = either.line(name)
    assert "hush" not in line
    assert len([each for each in either.lines if name in each]) == 1
    if line.startswith("{"):
        event = json.loads(line)
        assert {key: str(event[key]) for key in fields} == fields
        assert (event["event"], event["level"], event["client"]) == ("request", "info", "127.0.0.1")
        assert 0 <= event["ms"] < 10_000
        assert event["bytes"] > 0
        if "X-Request-ID" in sent:
            assert event["request_id"] == name
    else:
        assert all(f"{key}={value}" in line for key, value in fields.items())


def test_what_is_nothing_of_http_has_a_line(child: Child) -> None:
    """Nothing is made up where neither a method nor a path has come."""
    refuse(child, "\x16\x03\x01\x02\x00 hush")
    event = child.event('"method":null')
    assert (event["status"], event["path"], event["client"]) == (400, None, "127.0.0.1")


def refuse(gateway: Child, sent: str) -> None:
    """Send this, and read until the connection ends."""
    port = int(gateway.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
        wire.sendall(sent.encode("latin-1"))
        answer = b""
        while more := wire.recv(65536):
            answer += more
        assert b"connection: close" in answer.lower()


# --- The request id -------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    "given",
    [
        "abc",
        "0",
        "a.b_c-d",
        "5f0c2a4e-2f0b-4c0e-9a55-0d8c1a2b3c4d",
        "Root=1-67891233-abc",
        "x" * 128,
    ],
    ids=["word", "digit", "marks", "uuid", "aws", "128"],
)
async def test_a_sane_request_id_is_taken(
    child: Child, client: httpx.AsyncClient, cuebot: ScriptedCuebot, given: str
) -> None:
    """The caller's id is in the answer, in the log, and goes on to Cuebot."""
    cuebot.seen.clear()
    answer = await client.post(child.url + SHOWS, headers=request_id(given))
    assert answer.headers["x-request-id"] == given
    assert child.event(f'"{given}"')["request_id"] == given
    assert cuebot.seen[-1][2]["x-request-id"] == given


@pytest.mark.anyio
@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"x" * 129,
        b"x" * 5000,
        b"odd id",
        b"odd\tid",
        b'odd"id',
        b"odd\\id",
        b"odd{id}",
        b"<odd>",
        b"odd\xc3\xa9",
        b"odd\xff",
        b"odd%0aid",
        b"odd;id",
    ],
    ids=repr,
)
async def test_another_request_id_is_replaced(
    child: Child, client: httpx.AsyncClient, given: bytes
) -> None:
    """An id that is too long, or has odd characters, is replaced by one of ours."""
    headers = [
        (b"Authorization", bearer("lena")["Authorization"].encode()),
        (b"X-Request-ID", given),
    ]
    answer = await client.post(child.url + SHOWS, headers=headers)
    assert answer.status_code == 200
    made = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{32,36}", made)
    assert child.event(made)["status"] == 200
    assert not any("odd" in line for line in child.lines)


@pytest.mark.anyio
async def test_made_request_ids_differ(child: Child, client: httpx.AsyncClient) -> None:
    """Each request without an id gets its own."""
    answers = [await client.post(child.url + SHOWS, headers=bearer("lena")) for _ in range(20)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 20


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "authorized", "status"),
    [
        ("POST", SHOWS, False, 401),
        ("POST", "/no.Such/Method", True, 404),
        ("PUT", SHOWS, True, 405),
        ("GET", "/healthz", False, 200),
        ("POST", "/healthz", False, 405),
        ("GET", "/", False, 401),
    ],
)
async def test_every_answer_has_the_request_id(
    child: Child, client: httpx.AsyncClient, method: str, path: str, authorized: bool, status: int
) -> None:
    """The id is returned on errors too, exactly once."""
    headers = request_id("every-answer")
    if not authorized:
        del headers["Authorization"]
    answer = await client.request(method, child.url + path, headers=headers)
    assert answer.status_code == status
    assert answer.headers.get_list("x-request-id") == ["every-answer"]


# --- For people -----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_the_console_format_has_the_same_things(
    console: Child, client: httpx.AsyncClient
) -> None:
    """LOG_FORMAT=console prints plain lines, without colours where there is no terminal."""
    await client.post(console.url + SHOWS, headers=request_id("for-people"))
    line = console.line("for-people")
    assert not line.startswith("{")
    assert "\x1b" not in line
    for part in ("info", "request", "status=200", "subject=lena", f"rpc={SHOWS}"):
        assert part in line


@pytest.mark.anyio
async def test_health_checks_are_there_for_debugging(
    console: Child, client: httpx.AsyncClient
) -> None:
    """With LOG_LEVEL=debug they have their line."""
    await client.get(console.url + "/healthz", headers={"X-Request-ID": "probing"})
    assert "debug" in console.line("probing")


# --- What nobody expected -------------------------------------------------------------------

UNEXPECTED = """
import asyncio, logging, sys
import httpx
from gateway.http.interceptors import Interceptors
from gateway.http.middleware import ContextMiddleware
from gateway.http.proxies import TrustedProxies
from gateway.observe.request_logs import AccessLog
from gateway.observe.logs import configure_logging

async def fails(scope, receive, send):
    local = "hush-" * 3
    raise RuntimeError("the cause and its details")

async def main():
    configure_logging("info", sys.argv[1])
    logging.getLogger("httpx").disabled = True
    proxies, interceptors = TrustedProxies(()), Interceptors([AccessLog(None)])
    app = ContextMiddleware(fails, proxies=proxies, interceptors=interceptors)
    transport = httpx.ASGITransport(app)
    headers = {"X-Request-ID": "unexpected-1", "Authorization": "Bearer hush"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.post("/a.B/C?q=hush", headers=headers)
    print(answer.status_code, answer.headers["x-request-id"], answer.text, file=sys.stderr)

asyncio.run(main())
"""


@pytest.mark.thorough
@pytest.mark.parametrize("style", ["json", "console"])
def test_an_unexpected_error_is_a_generic_500(style: str) -> None:
    """The client hears that the gateway failed and nothing else; the log has the traceback."""
    done = subprocess.run(  # noqa: S603 - it is the script above
        [sys.executable, "-c", UNEXPECTED, style],
        env=clean_environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    status, name, body = done.stderr.split(maxsplit=2)
    assert (status, name) == ("500", "unexpected-1")
    answer = json.loads(body)
    assert answer.keys() == {"error", "code", "message"}
    assert (answer["error"], answer["code"]) == ("INTERNAL", 13)
    for word in ("RuntimeError", "details", "Traceback", "fails", ".py"):
        assert word not in body
    for word in ("RuntimeError: the cause and its details", "Traceback", "fails", "unexpected-1"):
        assert word in done.stdout
    assert "hush" not in done.stdout
    if style == "json":
        events = [json.loads(line) for line in done.stdout.splitlines()]
        access = [event for event in events if event["event"] == "request"]
        assert [(event["status"], event["code"]) for event in access] == [(500, "INTERNAL")]
