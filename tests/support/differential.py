"""Requests of all kinds, and what came of each: for tests that compare two ways to serve them."""

import asyncio
import gzip
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import grpc
import orjson
from hypothesis import strategies as st

from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.servers import Context, ScriptedCuebot, token
from tests.support.wire import Answer, wire_to

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
GET_FILTERS, NAMED = "/show.ShowInterface/GetFilters", b'{"show": {"name": "demo"}}'
GET_FRAMES, LAYER = "/layer.LayerInterface/GetFrames", b'{"layer": {"id": "x"}}'
SET_CORES = "/job.GroupInterface/SetMinCores"
BATCH = "/batch?stopOnError=true"
ITEMS = (
    b'[{"method": "/show.ShowInterface/FindShow", "request": {"name": "demo"}, "id": "a"},'
    b' {"method": "/job.JobInterface/GetJobs", "view": {"_fields": "name", "_limit": 2}},'
    b' {"method": "/show.ShowInterface/FindShow", "request": {"name": "broken"}}, {"id": 7}]'
)
PAGE = "https://cueweb.studio.com"
VARYING = ("date", "server-timing", "x-request-id", "x-ratelimit-reset")
"""Headers that may differ: of the id, only whether it is the client's."""


@dataclass
class Served:
    """A gateway's port, the Cuebot behind it, and the access lines that it writes."""

    port: int
    cuebot: ScriptedCuebot
    lines: list[dict[str, object]]
    apart: Collection[str] = ()  # names of headers that are not compared


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


def cut_up(whole: bytes, verb: str, cuts: Iterable[float]) -> list[bytes]:
    """A request with another verb than POST, in parts that end at these shares of it."""
    whole = whole.replace(b"POST", verb.encode(), 1)
    places = sorted({0, len(whole), *(int(cut * len(whole)) for cut in cuts)})
    return [whole[start:end] for start, end in pairwise(places)]


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
            while all(is_of_an_item(line) for line in served.lines):  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the line of an answer comes right after it
    lines = logged(served.lines)
    if "content-encoding" in answer.headers:  # where it is cut depends on how long it takes
        lines = [line | {"bytes": None} for line in lines]
    return (*comparable(answer, served.apart), seen_by(served.cuebot), lines)


def comparable(answer: Answer, apart: Collection[str] = ()) -> tuple[object, ...]:
    """An answer without what may differ: the headers are compared as they came."""
    given = answer.headers.get("x-request-id", "")
    named = [(line.partition(":")[0], line) for line in answer.lines]
    kept = [each for each in named if each[0].lower() not in apart]
    lines = [name if name.lower() in VARYING else line for name, line in kept]
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


def is_of_an_item(line: dict[str, object]) -> bool:
    """Whether a line is that of an item of a batch."""
    return "/" in str(line["request_id"])


def logged(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{k: v for k, v in each.items() if k not in ("ms", "request_id")} for each in lines]


NAMES = st.sampled_from(["demo", "missing", "broken", "Ω"]) | st.text(max_size=8)
BODIES = st.one_of(
    NAMES.map(lambda name: orjson.dumps({"name": name.encode(errors="replace").decode()})),
    st.sampled_from(
        [
            *(b"", b"{", b"[]", b"null", b'{"nam": 1}', b'{"name": 4}', b"\xff"),
            *(b'{"r": {"shows": 7}}', b'{"show": {"name": "demo"}}'),
            *(b'{"show": {"name": "broken"}}', b'{"show": {}}', b'{"show": {"id": "x"}}', LAYER),
            *(ITEMS, ITEMS[1:-1].replace(b"},", b"}\n")),
            *(b'{"layer": {"id": "x"}, "req": {}}', b'{"layer": {"name": "x"}, "job": "y"}'),
        ]
    ),
    st.integers(60_000, 65_000).map(lambda size: b'{"name": "%s"}' % (b"x" * size)),
    # Whoever sends more than 32 MB behind an answer may lose it; test_lingering.py has that.
)
PATHS = st.sampled_from(
    [
        *(FIND_SHOW, GET_JOBS, SET_CORES, "/show.ShowInterface/Nothing", "/", "/healthz"),
        *("/frame.FrameInterface/GetFrame", "/" + FIND_SHOW, FIND_SHOW + "?a=b", "/show%2E/X"),
        *(GET_JOBS + "?_fields=name&_limit=3", FIND_SHOW + "?name=demo"),
        *("/group.GroupInterface/SetMinCores", "/show.ShowInterface/CreateShow"),
        *(GET_FILTERS, GET_FRAMES, BATCH),
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
