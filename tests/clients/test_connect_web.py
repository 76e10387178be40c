"""A page of another origin that calls with @connectrpc/connect-web, and Google's grpc-web for the
text variant of gRPC-Web, in Chromium.

Its schema comes from the gateway's own descriptors, at runtime (connect_web.js).
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2
from playwright.async_api import Browser, Page, Request

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.commands.snapshot import file_set
from tests.support.browser import needs_browser, running_browser, served
from tests.support.javascript import modules
from tests.support.opencue import jobs
from tests.support.opencue import opencue as opencue_schema
from tests.support.patience import PATIENCE
from tests.support.protos import opencue
from tests.support.servers import Context, Gateway, ScriptedCuebot, SharedGateway, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow, needs_browser]

PACKAGES = ("@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "grpc-web")
POSTS = ("Connect, JSON", "Connect, proto", "gRPC-Web", "gRPC-Web, text")
GETS = ("Connect, JSON, GET", "Connect, proto, GET")
MANY = 5_000
JOB = "demo-sh010-lena_comp_v003"
SOURCE = Path(__file__).with_name("connect_web.js")
each_transport = pytest.mark.parametrize("transport", POSTS + GETS)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
async def origin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a page that is not the gateway's, with the packages as they come from npm."""
    folder = tmp_path_factory.mktemp("page")
    imports = modules(folder, *PACKAGES)
    page = f'<!doctype html><title>page</title><script type="importmap">{imports}</script>'
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "cuebot.binpb").write_bytes(file_set(opencue_schema()))
    shutil.copy(SOURCE, folder)
    with served(folder) as url:
        yield url


@asynccontextmanager
async def opened(browser: Browser, origin: str) -> AsyncIterator[Page]:
    async with await browser.new_context() as context:
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        await page.goto(origin)
        yield page


@pytest.fixture(scope="module")
async def page(browser: Browser, origin: str) -> AsyncIterator[Page]:
    async with opened(browser, origin) as page:
        yield page


@pytest.fixture
async def farm(
    origin: str, simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway
) -> Gateway:
    return await shared_gateway(simulated_cuebot.endpoint, cors_origins=[origin])


async def call(
    page: Page, gateway: Gateway, transport: str, path: str, request: Any, **more: Any
) -> Any:
    """What `call` of connect_web.js returns."""
    service, _, method = path[1:].partition("/")
    given = {"transport": transport, "url": gateway.url, "token": token()} | more
    given |= {"service": service, "method": method, "request": request}
    function = "async (given) => (await import('/connect_web.js')).call(given)"
    return await page.evaluate(function, given)


@contextmanager
def requests_of(page: Page) -> Iterator[list[Request]]:
    """What the page sends meanwhile. Preflights are none of these."""
    sent: list[Request] = []

    def note(request: Request) -> None:
        sent.append(request)

    page.on("request", note)
    try:
        yield sent
    finally:
        page.remove_listener("request", note)


def message(kind: str, value: Any) -> Any:
    return json_format.ParseDict(value, opencue().message_class(kind)())


@each_transport
async def test_a_read_is_what_json_says(page: Page, farm: Gateway, transport: str) -> None:
    asked: dict[str, Any] = {"r": {}}
    with requests_of(page) as sent:
        found = await call(page, farm, transport, "/job.JobInterface/GetJobs", asked)
    plain = (await farm.post("/job.JobInterface/GetJobs", asked)).json()
    assert len(plain["jobs"]["jobs"]) > 3
    kind = "job.JobGetJobsResponse"
    assert message(kind, found["answer"]) == message(kind, plain)
    request = sent[-1]  # after the script, in the first test
    assert request.url.startswith(farm.url)
    assert request.method == ("GET" if transport in GETS else "POST")


@each_transport
async def test_a_long_list_is_whole(
    page: Page, origin: str, cuebot: ScriptedCuebot, shared_gateway: SharedGateway, transport: str
) -> None:
    """It is sent in many pieces, and compressed as the browser wishes."""
    cuebot.answers("/job.JobInterface/GetJobs", jobs(MANY))
    gateway = await shared_gateway(cuebot.endpoint, cors_origins=[origin])
    found = await call(page, gateway, transport, "/job.JobInterface/GetJobs", {"r": {}})
    whole = opencue().message_class("job.JobGetJobsResponse").FromString(jobs(MANY))
    assert message("job.JobGetJobsResponse", found["answer"]) == whole


@each_transport
async def test_a_change_is_made(page: Page, farm: Gateway, transport: str) -> None:
    job = {"job": {"name": JOB}}
    for verb, is_paused in (("Pause", True), ("Resume", False)):
        changed = await call(page, farm, transport, f"/job.JobInterface/{verb}", job)
        assert changed == {"answer": {}}
        found = await call(page, farm, transport, "/job.JobInterface/FindJob", {"name": JOB})
        assert found["answer"]["job"].get("isPaused", False) is is_paused


@each_transport
async def test_an_error_of_cuebot_has_its_code_message_and_details(
    page: Page,
    origin: str,
    cuebot: ScriptedCuebot,
    shared_gateway: SharedGateway,
    transport: str,
) -> None:
    status = status_pb2.Status(code=9, message="no “proc” is free")
    status.details.add().Pack(Duration(seconds=2))
    status.details.add(type_url="type.googleapis.com/farm.Fire", value=b"\xfb\xff")

    async def fail(request: bytes, context: Context) -> bytes:
        trailer = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, status.message, trailer)
        raise AssertionError  # abort raises

    cuebot.handlers["/job.JobInterface/FindJob"] = fail
    gateway = await shared_gateway(cuebot.endpoint, cors_origins=[origin])
    got = await call(page, gateway, transport, "/job.JobInterface/FindJob", {"name": JOB})
    assert got == {
        "code": "FailedPrecondition",
        "message": "no “proc” is free",
        "details": [
            {"type": "google.protobuf.Duration", "value": [*b"\x08\x02"]},
            {"type": "farm.Fire", "value": [*b"\xfb\xff"]},
        ],
    }


@each_transport
@pytest.mark.parametrize(
    ("path", "request_", "given", "code", "words"),
    [
        ("GetLayers", {"job": {"name": "nope"}}, {}, "NotFound", "no pending job 'nope'"),
        ("Pause", {"job": {"name": "nope"}}, {}, "NotFound", "no pending job 'nope'"),
        ("GetJobs", {}, {"token": None}, "Unauthenticated", "send a token"),
        ("GetJobs", {}, {"token": "x.y.z"}, "Unauthenticated", "not a JWT"),
    ],
)
async def test_an_error_of_the_gateway_has_its_code_and_message(
    page: Page,
    farm: Gateway,
    transport: str,
    path: str,
    request_: Any,
    given: dict[str, Any],
    code: str,
    words: str,
) -> None:
    got = await call(page, farm, transport, f"/job.JobInterface/{path}", request_, **given)
    assert got["code"] == code
    assert words in got["message"]


@each_transport
async def test_a_timeout_is_what_cuebot_is_given(
    page: Page,
    origin: str,
    cuebot: ScriptedCuebot,
    shared_gateway: SharedGateway,
    transport: str,
) -> None:
    left: list[float] = []

    async def note(request: bytes, context: Context) -> bytes:
        left.append(context.time_remaining() or 0)
        return b""

    cuebot.handlers["/job.JobInterface/FindJob"] = note
    gateway = await shared_gateway(cuebot.endpoint, cors_origins=[origin], grpc_timeout=86400)
    given = {"timeoutMs": 3_600_000}
    assert "answer" in await call(
        page, gateway, transport, "/job.JobInterface/FindJob", {"name": JOB}, **given
    )
    assert 3_600 - PATIENCE < left[0] <= 3_600


@each_transport
async def test_a_page_asks_first_whether_it_may_send(
    browser: Browser, origin: str, farm: Gateway, transport: str
) -> None:
    """A preflight: neither a token nor the headers of a protocol are what forms can send."""
    lines = farm.access_lines()
    async with opened(browser, origin) as page:  # one that remembers no preflight
        assert "answer" in await call(page, farm, transport, "/show.ShowInterface/GetShows", {})
    asked = [(line["method"], line["status"]) for line in lines]
    assert asked == [("OPTIONS", 204), ("GET" if transport in GETS else "POST", 200)]


@each_transport
async def test_a_page_of_no_listed_origin_gets_nothing(
    page: Page, cuebot: ScriptedCuebot, shared_gateway: SharedGateway, transport: str
) -> None:
    gateway = await shared_gateway(cuebot.endpoint, cors_origins=["https://cueweb.studio"])
    got = await call(page, gateway, transport, "/show.ShowInterface/GetShows", {})
    assert (got["code"], got["details"]) == ("Unknown", [])  # as browsers tell of what they refuse
    assert cuebot.seen == []
