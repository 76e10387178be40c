"""Logs: one line per request, its fields, and what is never in it; slow calls; the request id.

Most gateways here are child processes, so that the tests see what an operator would.
"""

import asyncio
import json
import logging
import re
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import grpc
import httpx
import pytest
from structlog.testing import capture_logs

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.waiting import Waiting
from gateway.features.access_log.request_logs import SlowCalls
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.patience import PATIENCE
from tests.support.processes import Instance, instance
from tests.support.servers import (
    SECRET,
    Context,
    Gateway,
    Handler,
    ScriptedCuebot,
    bearer,
    clean_environment,
    gateway_for,
    http_client,
    running_gateway,
    settings_for,
    token,
)

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[3]
SHOWS = "/show.ShowInterface/GetShows"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_FRAME = "/job.FrameInterface/GetFrame"
ALIAS = "/frame.FrameInterface/GetFrame"


@dataclass
class Child:
    """A gateway in a process of its own, and a client."""

    gateway: Instance
    client: httpx.AsyncClient

    @property
    def lines(self) -> list[str]:
        return self.gateway.lines

    async def ask(
        self, path: str, request_id: str = "", verb: str = "POST", **options: Any
    ) -> httpx.Response:
        """The answer to a request with lena's token, unless `headers` are given."""
        options.setdefault("headers", bearer("lena"))
        if request_id:
            options["headers"] = options["headers"] | {"X-Request-ID": request_id}
        return await self.client.request(verb, path, **options)

    async def all_lines(self) -> list[str]:
        """All that is logged of the requests so far."""
        name = f"last-{token_hex(8)}"
        await self.ask(SHOWS, name)
        self.gateway.line(name)
        return list(self.lines)

    def refused(self, sent: str) -> None:
        """Send what is refused, and read until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as wire:
            wire.sendall(sent.encode("latin-1"))
            answer = b""
            while more := wire.recv(65536):
                answer += more
        assert b"connection: close" in answer.lower()


async def running(cuebot: ScriptedCuebot, **environ: str) -> AsyncIterator[Child]:
    # Not until it is ready: this Cuebot cannot answer while the fixture waits.
    with instance(cuebot.endpoint, environ, ready=False) as gateway:
        async with http_client(f"http://127.0.0.1:{gateway.port}") as client:
            yield Child(gateway, client)


@pytest.fixture(scope="module")
async def child(scripted_cuebot: ScriptedCuebot) -> AsyncIterator[Child]:
    async for each in running(scripted_cuebot):
        yield each


@pytest.fixture(scope="module")
async def console(scripted_cuebot: ScriptedCuebot) -> AsyncIterator[Child]:
    async for each in running(scripted_cuebot, LOG_FORMAT="console", LOG_LEVEL="debug"):
        yield each


@pytest.fixture(params=["child", "console"])
def either(request: pytest.FixtureRequest, child: Child, console: Child) -> Child:
    return child if request.param == "child" else console


# --- The access line ------------------------------------------------------------------------
@needs("tokens")
@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (SHOWS, b"{}", {"status": 200, "code": "OK", "rpc": SHOWS}),
        (ALIAS, b"", {"status": 200, "code": "OK", "rpc": GET_FRAME}),
        (SHOWS, b"{", {"status": 400, "code": "INVALID_ARGUMENT", "rpc": SHOWS}),
        ("/no.Such/Method", b"{}", {"status": 404, "code": "NOT_FOUND", "rpc": None}),
        (GET_JOBS, b"{}", {"status": 501, "code": "UNIMPLEMENTED", "rpc": GET_JOBS}),
    ],
)
async def test_a_request_is_one_json_line(
    child: Child, cuebot: ScriptedCuebot, path: str, body: bytes, expected: dict[str, object]
) -> None:
    cuebot.fails(GET_JOBS, grpc.StatusCode.UNIMPLEMENTED, "no such method")
    name = f"line-{token_hex(8)}"
    answer = await child.ask(path, name, content=body)
    event = child.gateway.event(name)
    expected |= {"request_id": name, "subject": "lena", "method": "POST", "path": path}
    expected |= {"client": "127.0.0.1", "bytes": len(answer.content), "level": "info"}
    assert event.items() >= expected.items()
    assert 0 < event["ms"] < PATIENCE * 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event["timestamp"])
    assert sum(f'"{name}"' in line for line in await child.all_lines()) == 1


@needs("tokens")
async def test_refused_without_a_subject(child: Child) -> None:
    """Subjects in the log are verified."""
    for authorization, status in (("", 401), (f"{token()}x.y", 401), (f"{token()[:-4]}AAAA", 403)):
        name = f"refused-{token_hex(8)}"
        headers = {"Authorization": f"Bearer {authorization}"} if authorization else {}
        await child.ask(SHOWS, name, headers=headers)
        event = child.gateway.event(name)
        assert (event["status"], event["subject"], event["rpc"]) == (status, None, None)


async def test_every_line_is_json(child: Child) -> None:
    """From the first line of the process on."""
    for line in await child.all_lines():
        assert json.loads(line).keys() >= {"event", "level", "logger", "timestamp"}


@needs("health")
async def test_health_checks_are_for_debugging(child: Child, console: Child) -> None:
    for path in ("/healthz", "/readyz"):
        for each in (child, console):
            await each.ask(path, f"probe{path}", "GET")
    assert not any("probe/" in line for line in await child.all_lines())
    await console.all_lines()
    assert all("debug" in console.gateway.line(f"probe{path}") for path in ("/healthz", "/readyz"))


@needs("tokens")
async def test_console_lines(console: Child) -> None:
    """LOG_FORMAT=console has the same fields, without colours outside of a terminal."""
    await console.ask(SHOWS, "for-people")
    line = console.gateway.line("for-people")
    assert not line.startswith("{")
    assert "\x1b" not in line
    for part in ("info", "request", "status=200", "subject=lena", f"rpc={SHOWS}"):
        assert part in line


# --- What is never logged -------------------------------------------------------------------
async def test_no_token_no_body_no_query(either: Child, cuebot: ScriptedCuebot) -> None:
    good, forged, expired = token("lena"), token("lena")[:-4] + "AAAA", token("lena", -5)
    cuebot.answers(SHOWS, b"\x0a\x0c\x0a\x0a\x12\x08hushshow")
    odd = {"Cookie": "hush=1", "X-Hush": "hush", "User-Agent": "hush", "Referer": "http://hush/"}
    bodies = (b'{"hush": "hush"}', b'"hush', b"hush", b"{}", b'{"show": {"id": "hush"}}')
    for sent in (good, forged, expired, "hush", "hush.hush.hush"):
        for body in bodies:
            for path in (SHOWS, "/job.JobInterface/Pause", "/no.Such/Method"):
                headers = {"Authorization": f"Bearer {sent}"} | odd
                query = "?access_token=hush&hush"
                await either.ask(path + query, content=body, headers=headers)
        if sent in (good, forged, expired):
            await either.ask(f"/show/{sent}/x", sent[:128], headers={})
    everything = "\n".join(await either.all_lines())
    assert "hush" not in everything
    assert SECRET not in everything
    for sent in (good, forged, expired):
        for segment in sent.split(".")[1:]:
            assert segment not in everything


PATHS = {
    "LF": "/a%0Aforged%20line",
    "CRLF": "/a%0D%0Aforged%20line",
    "escape": "/a%1B%5B31mred",
    "not UTF-8": "/%FF%FE",
    "surrogate": "/%ED%A0%80",
    "NUL": "/%00",
    "DEL": "/%7F",
    "line separators": "/%E2%80%A8x%E2%80%A9",
    "C1": "/a%C2%85forged%C2%9B31m",
    "bidi": "/%E2%80%AEtxt%E2%81%A6x%E2%80%8Fx",
    "tags": "/%F3%A0%80%81",
    "long": "/" + "x" * 5000,
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_paths_cannot_forge_lines(either: Child, path: str) -> None:
    """Each is one line, of bounded length, without control characters."""
    name = f"forge-{token_hex(8)}"
    await either.ask(path, name)
    lines = await either.all_lines()
    (line,) = [each for each in lines if name in each]
    assert not any(each.startswith("forged") for each in lines)
    assert len(line) < 2000
    assert line.isprintable()
    assert json.loads(line)["status"] == 404 if line.startswith("{") else "status=404" in line


@needs("tokens")
async def test_subjects_cannot_forge_lines(either: Child) -> None:
    """Letters of any script are kept."""
    name, subject = f"forging-{token_hex(8)}", "Łéna\nforged subject \x85\u2028\u202e"
    await either.ask(SHOWS, name, headers=bearer(subject))
    assert not any(line.startswith("forged") for line in await either.all_lines())
    line = either.gateway.line(name)
    assert line.isprintable()
    if line.startswith("{"):
        assert "Łéna" in line
        assert json.loads(line)["subject"] == subject


PARTS = ('{"a":1}', '{ "a":1}', '{\n  "a":1}', '{\r\n"a":1}', '{\t"a":1}', '{"é":1}', '{"1":1}')


def opened(path: str, request_id: str) -> RequestContext:
    return context_of(path, headers={b"x-request-id": request_id.encode()})


@pytest.mark.parametrize("claims", [*PARTS, "", ' {"a":1}'], ids=repr)
@pytest.mark.parametrize("header", PARTS, ids=repr)
def test_nothing_that_looks_like_a_token_is_logged(header: str, claims: str) -> None:
    first, second = (urlsafe_b64encode(part.encode()).decode() for part in (header, claims))
    pasted = f"{first.rstrip('=')}.{second.rstrip('=')}.c2lnbmF0dXJl-_"
    context = opened(f"/show/{pasted}/x", pasted)
    assert context.request.logged_path == "/show/…/x"
    assert re.fullmatch(r"[0-9a-f]{32}", context.request.id)


@pytest.mark.parametrize(
    "harmless", ["/money.eyes", "/key.eyJ", "/frame.FrameInterface/Kill", "/eye.IS.they.eyed"]
)
def test_what_does_not_look_like_a_token_is_logged(harmless: str) -> None:
    context = opened(harmless, harmless)
    assert (context.request.logged_path, context.request.id) == (harmless, harmless)


# --- What the HTTP server refuses -----------------------------------------------------------


HOST = "HTTP/1.1\r\nHost: h\r\nX-Request-ID: {}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\nhush\r\n"
PROBE = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
REFUSALS = {
    "no Host": ("POST /{}/x?token=hush HTTP/1.1\r\nX-Request-ID: {}\r\n\r\n", 400, "/{}/x"),
    "a password in the target": ("GET http://user:hush@h/{} " + HOST + "\r\n", 400, "/{}"),
    "a malformed header": ("POST /{} " + HOST + "A: b\r\nBad Header: hush\r\n\r\n", 400, "/{}"),
    "a long target": ("GET /{}/" + 9000 * "x" + " HTTP/1.1\r\n\r\n", 414, ""),
    "many headers": ("GET /{} " + HOST + 101 * "A: b\r\n" + "\r\n", 431, "/{}"),
    "no chunk": ("POST /{} " + HOST + CHUNKED, 400, "/{}"),
    "behind another": (PROBE + "GET /{} HTTP/1.1\r\nX-Request-ID: {}\r\n\r\n", 400, "/{}"),
}
"""Bytes that are no request, and the status and path that are logged. `{}` finds the line."""


@pytest.mark.parametrize(("sent", "status", "path"), REFUSALS.values(), ids=REFUSALS)
@needs("server")
def test_refusals_have_their_line(either: Child, sent: str, status: int, path: str) -> None:
    """One access line has what is known; no query, password or body."""
    name = f"refused-{token_hex(8)}"
    either.refused(sent.replace("{}", name))
    code = "INVALID_ARGUMENT" if status == 400 else "RESOURCE_EXHAUSTED"
    method = "POST" if sent.startswith("POST") else "GET"
    expected: dict[str, object] = {"status": status, "code": code, "method": method}
    if path:
        expected["path"] = path.replace("{}", name)
    line = either.gateway.line(name)
    assert "hush" not in line
    assert len([each for each in either.lines if name in each]) == 1
    if not line.startswith("{"):
        assert all(f"{key}={value}" in line for key, value in expected.items())
        return
    event = json.loads(line)
    expected |= {"event": "request", "level": "info", "client": "127.0.0.1"}
    if "X-Request-ID" in sent:
        expected["request_id"] = name
    assert event.items() >= expected.items()
    assert 0 <= event["ms"] < 10_000
    assert event["bytes"] > 0


@needs("server")
def test_what_is_nothing_of_http_has_a_line(child: Child) -> None:
    child.refused("\x16\x03\x01\x02\x00 hush")
    event = child.gateway.event('"method":null')
    assert (event["status"], event["path"], event["client"]) == (400, None, "127.0.0.1")


# --- The request id -------------------------------------------------------------------------


SANE = (
    *("abc", "0", "a.b_c-d", "5f0c2a4e-2f0b-4c0e-9a55-0d8c1a2b3c4d"),
    *("Root=1-67891233-abc", "x" * 128),
)
ODD = (
    *(b"", b"x" * 129, b"x" * 5000, b"odd id", b"odd\tid", b'odd"id', b"odd\\id", b"odd{id}"),
    *(b"<odd>", b"odd\xc3\xa9", b"odd\xff", b"odd%0aid", b"odd;id"),
)


def test_a_sane_request_id_is_taken_and_another_one_replaced() -> None:
    for given in SANE:
        assert opened(SHOWS, given).request.id == given
    for odd in ODD:
        made = context_of(SHOWS, headers={b"x-request-id": odd}).request.id
        assert re.fullmatch(r"[0-9a-f-]{32,36}", made), odd


# --- Errors ---------------------------------------------------------------------------------
UNEXPECTED = """
import asyncio, logging, sys
import httpx
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.middleware import ContextMiddleware
from gateway.features.access_log.request_logs import AccessLines
from gateway.core.logs import configure_logging

async def fails(scope, receive, send):
    local = "hush-" * 3
    raise RuntimeError("the cause and its details\\x9b31m\\u202e")

async def main():
    configure_logging("info", sys.argv[1])
    logging.getLogger("httpx").disabled = True
    app = ContextMiddleware(fails, interceptors=Interceptors([AccessLines(None)]))
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
    """The log has its traceback, which controls no terminal."""
    done = subprocess.run(  # noqa: S603 - the script above
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
    assert all(line.isprintable() for line in done.stdout.split("\n"))
    if style == "json":
        events = [json.loads(line) for line in done.stdout.splitlines()]
        access = [event for event in events if event["event"] == "request"]
        assert [(event["status"], event["code"]) for event in access] == [(500, "INTERNAL")]


# --- Slow calls -----------------------------------------------------------------------------

LIMIT = 0.1


def taking(seconds: float) -> Handler:
    """The handler of a method that takes so long."""

    async def handler(request: bytes, context: Context) -> bytes:
        await asyncio.sleep(seconds)
        return b""

    return handler


async def slow_lines(gateway: Gateway, **headers: str) -> list[Any]:
    """The warnings about a call."""
    with capture_logs() as lines:
        answer = await gateway.post(SHOWS, {}, headers={"X-Request-ID": "mine", **headers})
        assert answer.status_code in (200, 504)
    return [line for line in lines if line["event"] == "slow call"]


@needs("tokens")
async def test_a_slow_call_has_a_line_with_its_parts(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, slow_call=LIMIT) as gateway:
        cuebot.handlers[SHOWS] = taking(2 * LIMIT)
        (line,) = await slow_lines(gateway)
        cuebot.handlers[SHOWS] = taking(20 * LIMIT)
        (late,) = await slow_lines(gateway, **{"Grpc-Timeout": "150m"})
    expected = {"request_id": "mine", "rpc": SHOWS, "subject": "tester", "status": 200}
    assert line.items() >= (expected | {"log_level": "warning"}).items()
    assert all(line[f"{part}_ms"] >= 0 for part in ("cuebot", "gateway", "wait", "sending"))
    assert line["ms"] >= line["cuebot_ms"] >= 2 * LIMIT * 1000 * 0.9
    assert line["bytes"]
    assert late["status"] == 504


@pytest.mark.parametrize(("slow_call", "seconds"), [(60, 0.0), (0, LIMIT)])
async def test_faster_calls_are_not_logged(
    cuebot: ScriptedCuebot, slow_call: float, seconds: float
) -> None:
    """A faster one, and any without SLOW_CALL."""
    cuebot.handlers[SHOWS] = taking(seconds)
    async with gateway_for(cuebot.endpoint, slow_call=slow_call) as gateway:
        assert await slow_lines(gateway) == []


@pytest.mark.parametrize(
    ("waited", "rpc", "lines"), [(90.0, SHOWS, 0), (10.0, SHOWS, 1), (0, None, 0)]
)
def test_waiting_is_not_slow(waited: float, rpc: str | None, lines: int) -> None:
    """Of 100 s, only those without waiting count; and a request without a call is none."""
    context = context_of(SHOWS, seconds=100)
    context.waiting, context.call.rpc = Waiting(waited), rpc
    with capture_logs() as captured:
        SlowCalls(60).end(context)
    assert len(captured) == lines


async def test_the_access_log_follows_the_level_of_logs(
    cuebot: ScriptedCuebot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.access")
    quiet = settings_for(cuebot.endpoint, log_level="warning", log_format="console")
    async with running_gateway(quiet) as gateway:
        (part,) = (each for each in gateway.app.reloadable if each.follows("log_level"))
        for level, lines in (("warning", 0), ("info", 1), ("error", 0)):
            part.prepare(quiet.model_copy(update={"log_level": level}))()
            with capture_logs() as captured:
                assert (await gateway.post(SHOWS, {})).status_code == 200
            assert [each["event"] for each in captured].count("request") == lines
