"""`cuebot-gateway call`, both ways: through a real gateway, and straight to a simulated Cuebot."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, StringIO

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from cuebot_simulator.server import SimulatedCuebot
from gateway.access.tokens import Authenticator, TokenRules
from gateway.cli.client import gateway as over_http
from gateway.cli.client.caller import Caller, WrongCall, parse_name
from gateway.cli.client.cuebot import calling_cuebot, find_method
from gateway.cli.client.gateway import calling_gateway
from gateway.cli.client.token_source import token_source
from gateway.cli.commands.call import NOT_FOUND, UNREACHABLE, Order, carry_out
from gateway.cli.commands.completion import spellings
from gateway.cli.terminal.failures import FAILED, WRONG
from gateway.cli.terminal.output import Output
from gateway.compat.build import build_catalog
from gateway.errors import ConfigurationError
from gateway.schema.catalog import Catalog
from gateway.schema.description import Schema
from gateway.schema.selection import Selection
from tests.support.opencue import jobs, opencue
from tests.support.servers import (
    SECRET,
    Context,
    ScriptedCuebot,
    running_cuebot,
    running_gateway,
    settings_for,
    token,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE = 20.0
GET_JOBS = "/job.JobInterface/GetJobs"
GET_SHOWS = "/show.ShowInterface/GetShows"
NOWHERE = "127.0.0.1:1"

Way = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As curl does, the command would use the proxies of this machine."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
async def cuebot() -> AsyncIterator[SimulatedCuebot]:
    """A stock Cuebot, which does not describe itself."""
    simulated = SimulatedCuebot(reflection=False)
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture(scope="module")
async def gateway_url(cuebot: SimulatedCuebot) -> AsyncIterator[str]:
    async with running_gateway(settings_for(cuebot.endpoint)) as gateway:
        yield gateway.url


@pytest.fixture(params=["gateway", "direct"])
def way(request: pytest.FixtureRequest, cuebot: SimulatedCuebot, gateway_url: str) -> Way:
    """Each test that asks for it runs over both ways."""

    def open_way(timeout: float = 10) -> AbstractAsyncContextManager[Caller]:
        if request.param == "gateway":
            return calling_gateway(gateway_url, token, timeout)
        return calling_cuebot(settings_for(cuebot.endpoint, jwt_secret=None), timeout)

    return open_way


@dataclass
class Done:
    """What has come of a call."""

    status: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line of standard error; nothing else was printed."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("cuebot-gateway: ")
        return line.removeprefix("cuebot-gateway: ")


async def perform(
    way: AbstractAsyncContextManager[Caller],
    name: str,
    body: str = "{}",
    *,
    dry_run: bool = False,
    fields: tuple[str, ...] = (),
) -> Done:
    out, err = BytesIO(), StringIO()
    order = Order(name=name, body=body.encode(), dry_run=dry_run)
    async with asyncio.timeout(PATIENCE):
        status = await carry_out(order, way, Output(out=out, err=err, fields=fields))
    return Done(status, out.getvalue().decode(), err.getvalue())


async def test_ignored_fields_are_told_when_the_call_fails_too(way: Way) -> None:
    """A misspelled field is the likeliest reason for what was not found."""
    done = await perform(way(), "Job/FindJob", '{"nme": "x"}')
    assert done.status == 3
    assert done.out == ""
    failure, warning = done.err.splitlines()
    assert "NOT_FOUND" in failure
    assert warning == "cuebot-gateway: warning: fields ignored: nme"


# --- Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "show.ShowInterface/GetShows",
        "/show.ShowInterface/GetShows",
        "//show.ShowInterface/GetShows",
        "ShowInterface/GetShows",
        "Show/GetShows",
        "show.ShowInterface.GetShows",
        "ShowInterface.GetShows",
    ],
)
async def test_a_method_is_called_by_any_of_its_names(
    way: Way, name: str, cuebot: SimulatedCuebot
) -> None:
    """With or without its slash, its package and the word Interface."""
    done = await perform(way(), name)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    shows = {show["name"] for show in json.loads(done.out)["shows"]["shows"]}
    assert shows == {show.name for show in cuebot.farm.shows.values()}


@pytest.mark.parametrize("name", ["frame.FrameInterface/GetFrame", "Frame/GetFrame"])
async def test_aliases_are_names(way: Way, name: str, cuebot: SimulatedCuebot) -> None:
    """The packages of OpenCue's reference work, and short names of what they hold."""
    cuebot.calls.clear()
    done = await perform(way(), name, '{"id": "nothing"}')
    assert done.status == NOT_FOUND
    assert cuebot.calls[-1][0] == "/job.FrameInterface/GetFrame"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Show/GetSows", "did you mean GetShows?"),
        ("Shows/GetShows", "did you mean show.ShowInterface?"),
        ("Foo/Bar", "Foo/Bar: nothing is served at '/foo.FooInterface/Bar'"),
        ("job.JobInterface", "'job.JobInterface' is not of the form"),
        ("grpc.health.v1.Health/Check", "nothing is served"),
        ("report.RqdReportInterface/ReportStatus", "not served here"),
        ("GetShows", "INTERFACE/METHOD"),
        ("Show/Get/Shows", "INTERFACE/METHOD"),
        ("../healthz", "INTERFACE/METHOD"),
        ("Show/GetShows?x=1", "INTERFACE/METHOD"),
    ],
)
async def test_a_wrong_name_is_wrong_usage(way: Way, name: str, word: str) -> None:
    """Status 2 with what is near, and not that of something which Cuebot does not find."""
    done = await perform(way(), name)
    assert done.status == WRONG
    assert word in done.problem


def catalog_of(*methods: str) -> Catalog:
    """A catalog of these methods, such as `one.TwinInterface/Get`, each with a file of its own."""
    files, services = [], []
    for name in methods:
        service, _, method = name.partition("/")
        package, _, last = service.partition(".")
        file = FileDescriptorProto(name=f"{service}.proto", package=package, syntax="proto3")
        kind = f"{last}Nothing"
        file.message_type.add(name=kind)
        kind = f".{package}.{kind}"
        file.service.add(name=last).method.add(name=method, input_type=kind, output_type=kind)
        files.append(file)
        services.append(service)
    schema = Schema(files=tuple(files), services=tuple(services), origin="test", confirmed=True)
    return build_catalog(schema, Selection())


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("T/Ok", "/a.T/Ok"),
        ("T/Other", "/b.TInterface/Other"),
        ("TInterface/Other", "/b.TInterface/Other"),
    ],
)
def test_a_short_name_is_first_taken_as_it_is_written(written: str, path: str) -> None:
    """And then with Interface behind it."""
    catalog = catalog_of("a.T/Ok", "b.TInterface/Other")
    assert find_method(*parse_name(written), catalog).path == path


def test_every_spelling_of_completion_can_be_called() -> None:
    """In OpenCue, also of what is not served by default and has no Interface in its name."""
    selection = Selection(include=("*", "rqd.RunningFrame"))
    catalog = build_catalog(opencue(), selection)
    names = [name for style in spellings(catalog) for name in style]
    assert {"RunningFrame/Kill", "Job/GetJobs", "JobInterface/GetJobs"} <= set(names)
    natives = {name: find_method(*parse_name(name), catalog).path for name in names}
    assert set(natives.values()) == {method.path for method in catalog.methods}


def test_a_short_name_of_two_is_refused() -> None:
    """The full names are told; each of them works."""
    catalog = catalog_of("one.TwinInterface/Get", "two.TwinInterface/Get")
    assert find_method("two.TwinInterface", "Get", catalog).path == "/two.TwinInterface/Get"
    with pytest.raises(WrongCall, match=r"one\.TwinInterface or two\.TwinInterface"):
        find_method("Twin", "Get", catalog)


# --- Answers and failures -------------------------------------------------------------------


async def test_fields_make_a_table(way: Way) -> None:
    """One line for each thing in the answer's list."""
    done = await perform(way(), "Job/GetJobs", fields=("name", "jobStats.totalFrames"))
    head, *lines = done.out.splitlines()
    assert head.split() == ["name", "jobStats.totalFrames"]
    whole = json.loads((await perform(way(), "Job/GetJobs")).out)
    assert [line.split()[0] for line in lines] == [job["name"] for job in whole["jobs"]["jobs"]]


async def test_a_wrong_field_is_wrong_usage(way: Way) -> None:
    """Status 2, and the nearest one."""
    done = await perform(way(), "Show/GetShows", fields=("nmae",))
    assert done.status == WRONG
    assert "did you mean name?" in done.problem


async def test_what_cuebot_does_not_find(way: Way) -> None:
    """Has a status of its own."""
    done = await perform(way(), "Job/FindJob", '{"name": "nothing"}')
    assert done.status == NOT_FOUND
    assert done.problem == "NOT_FOUND: Incorrect result size: expected 1, actual 0"


async def test_other_failures_are_one_line(way: Way) -> None:
    """Also those that Cuebot tells in two."""
    done = await perform(way(), "Host/Lock", '{"host": {"id": "nothing"}}')
    assert done.status == FAILED
    assert done.problem.startswith("INTERNAL: org.springframework.dao.EmptyResultData")


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("Job/FindJob", '{"name', "not valid JSON"),
        ("Job/FindJob", "{'name': 'x'}", "JSON has double quotes"),
        ("Job/FindJob", '{"name": 1}', "name: expected a string, got a number"),
        ("Group/SetMinCores", '{"coers": 4}', "unknown field `coers`; did you mean `minCores`?"),
    ],
)
async def test_a_bad_body_is_told_as_the_gateway_does(
    way: Way, name: str, body: str, problem: str
) -> None:
    """The same rules and words, whichever way."""
    done = await perform(way(), name, body)
    assert done.status == FAILED
    assert done.problem.startswith("INVALID_ARGUMENT: ")
    assert problem in done.problem


async def test_fields_that_reading_ignores_are_warned_about(way: Way) -> None:
    """On standard error, in plain text; the call works."""
    done = await perform(way(), "Job/GetJobs", '{"r": {"shöw": "x"}}')
    assert done.status == 0
    assert json.loads(done.out)["jobs"]["jobs"]
    assert done.err == "cuebot-gateway: warning: fields ignored: r.shöw\n"


@pytest.mark.parametrize("source", ["auto", "package:opencue_proto"])
async def test_an_absent_cuebot_has_a_status_of_its_own(source: str) -> None:
    """Whether the schema or the answer is what cannot be had."""
    settings = settings_for(NOWHERE, descriptor_source=source)
    done = await perform(calling_cuebot(settings, 5), "Show/GetShows")
    assert done.status == UNREACHABLE
    assert done.problem.count("UNAVAILABLE") == 1
    assert "CUEBOT_ENDPOINT" in done.problem
    assert "GATEWAY_URL (or --url)" in done.problem


async def test_an_absent_gateway_has_the_same_status() -> None:
    """With its URL."""
    done = await perform(calling_gateway(f"http://{NOWHERE}", token, 5), "Show/GetShows")
    assert done.status == UNREACHABLE
    assert f"http://{NOWHERE} cannot be reached, is it running?" in done.problem


async def test_a_proxy_on_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its password; not when the host needs none."""
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:2/")
    done = await perform(calling_gateway("http://gateway:8448", token, 5), "Show/GetShows")
    assert done.status == UNREACHABLE
    assert "cannot be reached through the proxy 127.0.0.1:2 of http_proxy" in done.problem
    assert "secret" not in done.problem
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    done = await perform(calling_gateway(f"http://{NOWHERE}", token, 5), "Show/GetShows")
    assert "proxy" not in done.problem


async def test_a_schema_that_cannot_be_had_is_a_failure() -> None:
    """A stock Cuebot has no reflection to insist on; the line says what to do."""
    async with running_cuebot(ScriptedCuebot(reflection=())) as cuebot:
        settings = settings_for(cuebot.endpoint, descriptor_source="reflection")
        done = await perform(calling_cuebot(settings, 5), "Show/GetShows")
    assert done.status == FAILED
    assert "DESCRIPTOR_SOURCE=auto" in done.problem


async def test_unknown_fields_follow_the_settings(cuebot: SimulatedCuebot) -> None:
    """UNKNOWN_FIELDS=reject refuses what reading would ignore."""
    settings = settings_for(cuebot.endpoint, unknown_fields="reject")
    done = await perform(calling_cuebot(settings, 5), "Job/GetJobs", '{"x": 1}')
    assert done.status == FAILED
    assert "unknown field `x`" in done.problem


# --- Both ways to a scripted Cuebot ---------------------------------------------------------


@pytest.fixture(scope="module")
async def scripted() -> AsyncIterator[ScriptedCuebot]:
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        yield cuebot


@pytest.fixture(scope="module")
async def scripted_url(scripted: ScriptedCuebot) -> AsyncIterator[str]:
    async with running_gateway(settings_for(scripted.endpoint)) as gateway:
        yield gateway.url


@pytest.fixture(params=["gateway", "direct"])
def scripted_way(
    request: pytest.FixtureRequest, scripted: ScriptedCuebot, scripted_url: str
) -> Way:
    scripted.handlers.clear()
    scripted.seen.clear()

    def open_way(timeout: float = 10) -> AbstractAsyncContextManager[Caller]:
        if request.param == "gateway":
            return calling_gateway(scripted_url, token, timeout)
        return calling_cuebot(settings_for(scripted.endpoint), timeout)

    return open_way


async def test_the_timeout_ends_a_call(scripted_way: Way, scripted: ScriptedCuebot) -> None:
    """Cuebot has that long, and the line says so."""
    released = asyncio.Event()

    async def wait(request: bytes, context: Context) -> bytes:
        await released.wait()
        return b""

    scripted.handlers[GET_SHOWS] = wait
    try:
        done = await perform(scripted_way(timeout=0.3), "Show/GetShows")
    finally:
        released.set()
    assert done.status == FAILED
    assert done.problem.startswith("DEADLINE_EXCEEDED")
    assert "the gateway" not in done.problem  # Cuebot's time was over first


async def test_large_answers_are_whole(scripted_way: Way, scripted: ScriptedCuebot) -> None:
    """20,000 jobs, as JSON and as a table."""
    scripted.answers(GET_JOBS, jobs(20_000))
    whole = await perform(scripted_way(), "Job/GetJobs")
    assert len(json.loads(whole.out)["jobs"]["jobs"]) == 20_000
    table = await perform(scripted_way(), "Job/GetJobs", fields=("id", "priority"))
    assert table.out.count("\n") == 20_001


async def test_watching_goes_on_after_a_failure(
    scripted_way: Way, scripted: ScriptedCuebot
) -> None:
    """The failure is shown; in a pipe each answer is a line."""
    calls = 0
    enough = asyncio.Event()

    async def third_fails(request: bytes, context: Context) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 3:
            await context.abort(grpc.StatusCode.INTERNAL, "no more room")
        if calls == 6:  # then the fifth has been shown
            enough.set()
            await asyncio.Event().wait()
        return b""

    scripted.handlers[GET_SHOWS] = third_fails
    out, err = BytesIO(), StringIO()
    order = Order(name="Show/GetShows", body=b"", pause=0.01)
    watching = asyncio.create_task(carry_out(order, scripted_way(), Output(out=out, err=err)))
    async with asyncio.timeout(PATIENCE):
        await enough.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert out.getvalue() == b'{"shows":null}\n' * 4
    assert err.getvalue() == "cuebot-gateway: INTERNAL: no more room\n"


async def test_watching_what_does_not_exist_ends(way: Way) -> None:
    """There is no use in asking again for a method that nobody has."""
    out, err = BytesIO(), StringIO()
    order = Order(name="Show/GetSows", body=b"", pause=60)
    async with asyncio.timeout(PATIENCE):
        assert await carry_out(order, way(), Output(out=out, err=err)) == WRONG


# --- Dry runs -------------------------------------------------------------------------------


async def test_a_dry_run_straight_to_cuebot_shows_the_request(cuebot: SimulatedCuebot) -> None:
    """The whole message as JSON with its size; Cuebot gets nothing."""
    cuebot.calls.clear()
    way = calling_cuebot(settings_for(cuebot.endpoint), 5)
    done = await perform(way, "Show/SetActive", '{"value": true, "show": null}', dry_run=True)
    assert json.loads(done.out) == {
        "dryRun": True,
        "method": "/show.ShowInterface/SetActive",
        "ignoredFields": [],
        "requestBytes": 2,
        "request": {"show": None, "value": True},
    }
    assert not cuebot.calls


async def test_a_dry_run_finds_what_is_wrong(cuebot: SimulatedCuebot) -> None:
    """By the rules of a real one."""
    way = calling_cuebot(settings_for(cuebot.endpoint), 5)
    done = await perform(way, "Show/SetActive", '{"valu": true}', dry_run=True)
    assert "did you mean `value`?" in done.problem


# --- Servers that are not quite a gateway ---------------------------------------------------

Reply = tuple[str, dict[str, str], bytes]


@dataclass
class StandIn:
    """An HTTP server with canned replies, by verb."""

    replies: dict[str, Reply]
    seen: list[tuple[str, str, dict[str, str], bytes]]
    """Verb, path, headers (lower-case names) and body of each request."""
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        verb, path, _ = head[0].split()
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.seen.append((verb, path, headers, body))
        status, more, content = self.replies[verb]
        lines = {"Content-Length": str(len(content)), "Connection": "close"} | more
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status}\r\n{text}\r\n".encode() + content)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def stand_in(**replies: Reply) -> AsyncIterator[StandIn]:
    server = StandIn(replies, [])
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server


JSON = {"Content-Type": "application/json"}
NO_GET: Reply = ("405 Method Not Allowed", JSON, b'{"code": 12, "message": "use POST"}')


async def test_a_dry_run_through_a_gateway_asks_for_it() -> None:
    """With the header; the answer is shown as it is."""
    knows = {"X-Dry-Run": "1"} | JSON
    async with stand_in(GET=(NO_GET[0], knows, NO_GET[2]), POST=("200 OK", knows, b"{}")) as server:
        done = await perform(
            calling_gateway(server.url, token, 5), "Job/Kill", '{"a": 1}', dry_run=True
        )
    assert (done.status, done.out) == (0, "{}\n")
    verb, path, headers, body = server.seen[-1]
    assert (verb, path, body) == ("POST", "/job.JobInterface/Kill", b'{"a": 1}')
    assert headers["x-dry-run"] == "1"


async def test_an_answer_that_is_no_dry_run_is_an_alarm() -> None:
    """Behind a load balancer, another gateway than the one that was asked may have answered."""
    knows = {"X-Dry-Run": "1"} | JSON
    async with stand_in(GET=(NO_GET[0], knows, NO_GET[2]), POST=("200 OK", JSON, b"{}")) as server:
        done = await perform(calling_gateway(server.url, token, 5), "Job/Kill", dry_run=True)
    assert (done.status, done.out) == (FAILED, "")
    assert "MAY HAVE BEEN MADE" in done.problem


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        ("401 Unauthorized", 16, "UNAUTHENTICATED: why"),
        ("403 Forbidden", 7, "PERMISSION_DENIED: why"),
        ("429 Too Many Requests", 8, "RESOURCE_EXHAUSTED: why"),
    ],
)
async def test_a_dry_run_tells_what_has_refused_it(status: str, code: int, shown: str) -> None:
    """What refuses a call before its path is looked at does not know of dry runs."""
    refusal: Reply = (status, JSON, b'{"code": %d, "message": "why"}' % code)
    async with stand_in(GET=refusal) as server:
        done = await perform(calling_gateway(server.url, token, 5), "Job/Kill", dry_run=True)
    assert (done.status, done.problem) == (FAILED, shown)


async def test_a_gateway_without_dry_runs_is_not_called() -> None:
    """It would make the call: nothing is posted to it."""
    async with stand_in(GET=NO_GET, POST=("200 OK", JSON, b"{}")) as server:
        done = await perform(calling_gateway(server.url, token, 5), "Job/Kill", dry_run=True)
    assert done.status == FAILED
    assert "dry run" in done.problem
    assert [verb for verb, *_ in server.seen] == ["GET"]


async def test_a_gateway_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not waited for longer than the call may take, and a while."""
    monkeypatch.setattr(over_http, "GRACE", 0.1)
    over = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        done = await perform(calling_gateway(url, token, 0.1), "Job/GetJobs")
        over.set()
    assert done.status == FAILED
    assert done.problem == f"DEADLINE_EXCEEDED: the gateway at {url} did not answer within 0.2 s"


HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("reply", "status", "word"),
    [
        pytest.param(("502 Bad Gateway", HTML, b"<p>"), UNREACHABLE, "502 Bad", id="a proxy's 502"),
        pytest.param(("200 OK", HTML, b"<p>"), FAILED, "not JSON", id="another server"),
        pytest.param(
            ("302 Found", {"Location": "http://127.0.0.1:1/"}, b""), FAILED, "302", id="redirect"
        ),
        pytest.param(
            ("404 Not Found", JSON, b'{"code": 5, "message": "no job", "details": []}'),
            NOT_FOUND,
            "NOT_FOUND: no job",
            id="the Go gateway's errors",
        ),
        pytest.param(
            ("500 Oops", JSON, b'{"code": 99, "message": 1}'), FAILED, "500 Oops", id="other JSON"
        ),
        pytest.param(
            ("500 Oops", JSON, b'{"code": 13, "message": "why", "details": "x"}'),
            FAILED,
            "HTTP 500 Oops",
            id="details that are no list",
        ),
        pytest.param(
            ("500 Oops", JSON, b'{"code": 0, "message": "why"}'), FAILED, "HTTP 500 Oops", id="OK"
        ),
        pytest.param(("200 OK", JSON, b'{"a":'), FAILED, 'broken: {"a":', id="broken JSON"),
        pytest.param(
            ("200 OK", JSON | {"Content-Length": "99"}, b'{"jobs"'),
            UNREACHABLE,
            "failed",
            id="half an answer",
        ),
    ],
)
async def test_what_is_no_answer_of_a_gateway_is_a_failure(
    reply: Reply, status: int, word: str
) -> None:
    """One line, whatever came, and no redirect gets the token."""
    async with stand_in(POST=reply, GET=NO_GET) as server:
        done = await perform(calling_gateway(f"{server.url}/", token, 5), "Job/GetJobs")
    assert done.status == status
    assert word in done.problem


@pytest.mark.parametrize(
    "url", ["localhost:8448", "ftp://host", "http://", "http://me:secret@host", "http://h:x", "x y"]
)
async def test_what_is_no_url_of_a_gateway(url: str) -> None:
    """Wrong settings, and a password in it is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        await perform(calling_gateway(url, token, 5), "Job/GetJobs")
    assert "secret" not in str(caught.value)


# --- Tokens ---------------------------------------------------------------------------------


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without a token."""
    monkeypatch.delenv("TOKEN", raising=False)
    return monkeypatch


def subject_of(token: str) -> str:
    return (
        Authenticator([SECRET.encode()], TokenRules())
        .authenticate(f"Bearer {token}".encode())
        .subject
    )


def test_a_token_is_given_or_signed(environ: pytest.MonkeyPatch) -> None:
    """--token, --sub, TOKEN and the user's name, in this order."""
    settings = settings_for("cuebot:8443")
    environ.setenv("LOGNAME", "lena")
    assert subject_of(token_source(settings, None, None)()) == "lena"
    environ.setenv("TOKEN", "of-the-environment\n")
    assert token_source(settings, None, None)() == "of-the-environment"
    assert subject_of(token_source(settings, None, "robot")()) == "robot"
    assert token_source(settings, "given", None)() == "given"


@pytest.mark.parametrize(
    ("secret", "given", "sub", "word"),
    [
        pytest.param(SECRET, "a-secret b", None, "characters", id="a space"),
        pytest.param(SECRET, "a-secret\nx: y", None, "characters", id="a line end"),
        pytest.param(SECRET, "a-secret-é", None, "characters", id="not ASCII"),
        pytest.param(SECRET, "", None, "characters", id="empty"),
        pytest.param(SECRET, "a-secret", "me", "--sub", id="both"),
        pytest.param(None, None, None, "TOKEN", id="nothing"),
        pytest.param(None, None, "me", "JWT_SECRET", id="nothing to sign with"),
        pytest.param(SECRET, None, "", "subject", id="no subject"),
    ],
)
@pytest.mark.usefixtures("environ")
def test_what_makes_no_token(
    secret: str | None, given: str | None, sub: str | None, word: str
) -> None:
    """Is a wrong setting, told without the token."""
    settings = settings_for("cuebot:8443", jwt_secret=secret)
    with pytest.raises(ConfigurationError, match=word) as caught:
        token_source(settings, given, sub)
    assert "secret" not in str(caught.value).replace("JWT_SECRET", "")


async def test_a_refused_token_is_not_repeated(gateway_url: str) -> None:
    """The line has the gateway's reason and nothing of the token."""
    wrong = token(seconds=-5)
    done = await perform(calling_gateway(gateway_url, lambda: wrong, 5), "Show/GetShows")
    assert done.status == FAILED
    assert done.problem == "PERMISSION_DENIED: the token has expired"
