"""Our own server answers as plain uvicorn does, with the same app: header line by header line.

What differs is the servers' own: dates and durations, ids of requests that have none, and how the
end of a connection is announced.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import grpc
import orjson
import pytest
import uvicorn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.observe.access_log import fields_of
from gateway_cli.serving.listen import listen
from tests.support.opencue import jobs, message_class, opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    ScriptedCuebot,
    gateway_for,
    running_cuebot,
    settings_for,
    token,
)
from tests.support.wire import Answer, request, wire_to

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_FILTERS, NAMED = "/show.ShowInterface/GetFilters", b'{"show": {"name": "demo"}}'
GET_FRAMES, LAYER = "/layer.LayerInterface/GetFrames", b'{"layer": {"id": "x"}}'
SET_CORES = "/job.GroupInterface/SetMinCores"
PAGE = "https://cueweb.studio.com"
VARYING = ("date", "server-timing", "x-request-id", "x-ratelimit-reset")
"""Headers that may differ: of the id, only whether it is the client's."""
OF_THE_CONNECTION = ("connection", "transfer-encoding")
"""Those that are the server's to write."""


class Served:
    """A gateway's port, the access lines that it writes, and the Cuebot behind it."""

    def __init__(self, port: int, cuebot: ScriptedCuebot, lines: list[dict[str, object]]) -> None:
        self.port = port
        self.cuebot = cuebot
        self.lines = lines


async def find_show(payload: bytes, context: Context) -> bytes:
    """A show's name says what comes of it."""
    name = message_class("show.ShowFindShowRequest").FromString(payload).name
    if name == "missing":
        await context.abort(grpc.StatusCode.NOT_FOUND, "expected 1, actual 0\nit says")
    if name == "broken":
        return b"\xff"
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.id = answer.show.name = name
    whole: bytes = answer.SerializeToString()
    return whole


@asynccontextmanager
async def farm() -> AsyncIterator[ScriptedCuebot]:
    """A Cuebot whose answers are short and long, right and wrong."""
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        cuebot.start_over()
        cuebot.handlers[FIND_SHOW] = find_show
        cuebot.answers(GET_JOBS, jobs(3_000))
        yield cuebot


@asynccontextmanager
async def plain_uvicorn(endpoint: str, **options: Any) -> AsyncIterator[tuple[int, Any]]:
    """The port of uvicorn with a protocol of its own, and the app that it serves."""
    app = create_app(settings_for(endpoint, **options))
    config = uvicorn.Config(
        app, log_config=None, proxy_headers=False, ws="none", server_header=False
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server._serve(sockets=[listener]))  # signals are pytest's
        try:
            async with asyncio.timeout(PATIENCE):
                await app.parts.live.wait()
                while not server.started:  # noqa: ASYNC110 - nobody announces that
                    await asyncio.sleep(0.001)
            yield listener.getsockname()[1], app
        finally:
            server.should_exit = True
            await serving


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[tuple[Served, Served]]:
    options: dict[str, Any] = {"cors_origins": PAGE, "rate_limit_rps": 1e6, "max_body_mb": 0.25}
    async with (
        farm() as first,
        farm() as second,
        gateway_for(first.endpoint, **options) as ours,
        plain_uvicorn(second.endpoint, **options) as (port, app),
    ):
        lines: list[dict[str, object]] = []
        app.parts.reporters.append(lambda exchange: lines.append(fields_of(exchange)))
        yield Served(ours.port, first, ours.access_lines()), Served(port, second, lines)


async def exchanged(served: Served, parts: list[bytes], *, head: bool) -> tuple[object, ...]:
    """What an answer says, what Cuebot got and what the log tells, of a request in these parts."""
    served.cuebot.seen.clear()
    served.lines.clear()
    async with wire_to(served.port) as one:
        for part in parts:
            with suppress(ConnectionError):  # the answer may end the connection before that
                await one.send(part)
            await asyncio.sleep(0)
        answer = await one.answer(bodiless=head, timeout=PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while not served.lines:  # noqa: ASYNC110 - the line of an answer comes right after it
                await asyncio.sleep(0.001)
    lines = logged(served.lines)
    if "content-encoding" in answer.headers:  # where it is cut depends on how long it takes
        lines = [line | {"bytes": None} for line in lines]
    return (*comparable(answer), seen_by(served.cuebot), lines)


def comparable(answer: Answer) -> tuple[object, ...]:
    """An answer without what may differ: the headers are compared as they came."""
    given = answer.headers.get("x-request-id", "")
    named = [(line.partition(":")[0].lower(), line) for line in answer.lines]
    lines = [
        f"{name}: …" if name in VARYING else line
        for name, line in named
        if name not in OF_THE_CONNECTION
    ]
    body = answer.body
    if answer.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return answer.status, answer.reason, given[:5] == "mine-", lines, body


def seen_by(cuebot: ScriptedCuebot) -> list[Any]:
    kept = ("x-forwarded-for", "x-gateway-principal")
    return [
        (path, payload, {name: metadata.get(name) for name in kept})
        for path, payload, metadata in cuebot.seen
    ]


def logged(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{k: v for k, v in each.items() if k not in ("ms", "request_id")} for each in lines]


NAMES = st.sampled_from(["demo", "missing", "broken", "Ω"]) | st.text(max_size=8)
BODIES = st.one_of(
    NAMES.map(lambda name: orjson.dumps({"name": name.encode(errors="replace").decode()})),
    st.sampled_from(
        [
            *(b"", b"{", b"[]", b"null", b'{"nam": 1}', b'{"name": 4}', b"\xff"),
            *(
                b'{"r": {"shows": 7}}',
                b'{"show": {"name": "demo"}}',
                b'{"show": {"name": "broken"}}',
            ),
            *(b'{"show": {}}', b'{"show": {"id": "x"}}', b'{"layer": {"id": "x"}}'),
            *(b'{"layer": {"id": "x"}, "req": {}}', b'{"layer": {"name": "x"}, "job": "y"}'),
        ]
    ),
    st.integers(60_000, 70_000).map(lambda size: b'{"name": "%s"}' % (b"x" * size)),
    # A body that is too large may lose its answer; test_lingering.py has it.
)
PATHS = st.sampled_from(
    [
        *(FIND_SHOW, GET_JOBS, SET_CORES, "/show.ShowInterface/Nothing", "/", "/healthz"),
        *("/frame.FrameInterface/GetFrame", "/" + FIND_SHOW, FIND_SHOW + "?a=b", "/show%2E/X"),
        *(GET_JOBS + "?_fields=name&_limit=3", FIND_SHOW + "?name=demo"),
        *("/group.GroupInterface/SetMinCores", "/show.ShowInterface/CreateShow"),
        *(GET_FILTERS, GET_FRAMES),
    ]
)
LINES = st.lists(
    st.sampled_from(
        [
            *("Content-Type: application/json", "Content-Type: image/png"),
            *("Accept-Encoding: gzip", "Accept-Encoding: identity;q=0, zstd;q=0"),
            *("X-Request-ID: mine-1", "X-Request-ID: ü", "X-Dry-Run: 1", "X-Dry-Run: perhaps"),
            *("Grpc-Timeout: 5S", "Grpc-Timeout: soon", "Connection: close", "Origin: " + PAGE),
            *("Origin: https://elsewhere.com", "X-Forwarded-For: 192.0.2.1", "Accept: text/html"),
            *("Accept: text/csv", "Accept: application/x-ndjson", "Accept: \t text/csv \t"),
        ]
    ),
    max_size=3,
)
AUTHORIZATIONS = st.sampled_from(
    [
        f"Authorization: Bearer {token()}",
        f"Authorization: bearer  {token('lena müller')}",
        f"Authorization: Bearer {token(seconds=-5)}",
        "Authorization: Bearer a.b.c",
        "Authorization: Basic eDp5",
        "X-None: 1",
    ]
)


@given(
    path=PATHS,
    verb=st.sampled_from(["POST"] * 6 + ["GET", "HEAD", "PUT", "OPTIONS"]),
    body=BODIES,
    lines=LINES,
    authorization=st.just(f"Authorization: Bearer {token()}") | AUTHORIZATIONS,
    cuts=st.lists(st.floats(0, 1), max_size=3),
)
@example(FIND_SHOW, "POST", b'{"name": "demo"}', [], f"Authorization: Bearer {token()}", [])
@example(GET_FILTERS, "POST", NAMED, [], f"Authorization: Bearer {token()}", [])
@example(GET_FRAMES, "POST", LAYER, [], f"Authorization: Bearer {token()}", [])
@example(GET_JOBS, "POST", b"{}", ["Accept-Encoding: gzip"], f"Authorization: Bearer {token()}", [])
@example(GET_JOBS, "POST", b"{}", ["Accept: text/csv"], f"Authorization: Bearer {token()}", [])
@settings(max_examples=250, suppress_health_check=list(HealthCheck))
async def test_both_servers_answer_the_same(
    servers: tuple[Served, Served],
    path: str,
    verb: str,
    body: bytes,
    lines: list[str],
    authorization: str,
    cuts: list[float],
) -> None:
    """Status, headers, body, what reached Cuebot and the access line, however it is cut.

    Three times, since our server remembers a head that has come twice.
    """
    whole = request(path, body, authorization, *lines, subject=None)
    whole = whole.replace(b"POST", verb.encode(), 1)
    places = sorted({0, len(whole), *(int(cut * len(whole)) for cut in cuts)})
    parts = [whole[start:end] for start, end in pairwise(places)]
    head = verb == "HEAD"
    ours, plain = [[await exchanged(each, parts, head=head) for _ in range(3)] for each in servers]
    for mine, its in zip(ours, plain, strict=True):
        assert mine == its
