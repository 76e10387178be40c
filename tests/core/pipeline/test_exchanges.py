"""Ways of asking for a call, each two of them at once: which one wins, or that it is a 400.

With those beside them that ask for more of the same, and Connect, whose answers are no JSON.
"""

from collections.abc import AsyncIterator
from itertools import combinations
from typing import Any, NamedTuple

import pytest

from gateway.core.calls.plan import Plan
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.handler import Serving
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.contexts import context_of
from tests.support.events import EVENTS
from tests.support.needs import needs
from tests.support.opencue import hosts, opencue
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

pytestmark = [
    pytest.mark.anyio,
    needs("at_most_once", "conditional", "connect", "dry_run", "views", "watch"),
]

READ, CHANGE = "/host.HostInterface/GetHosts", "/job.JobInterface/Pause"
JOB = '{"job": {"id": "00000000-0000-0000-0000-000000000001"}}'


class Way(NamedTuple):
    """What a request has that asks for a call in this way."""

    verb: str = "POST"
    query: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - of a tuple


DRY, WATCH, EVERY, GET, KEY = "dry run", "watch", "_every", "conditional", "key"
WAYS = {
    DRY: Way(headers={"X-Dry-Run": "1"}),
    WATCH: Way(headers=EVENTS),
    EVERY: Way(query="_every=1s"),
    GET: Way("GET", headers={"If-None-Match": "*"}),
    KEY: Way(headers={"Idempotency-Key": "k1"}),
    "head": Way("HEAD"),
    "_fields": Way(query="_fields=name"),
    "_defaults": Way(query="_defaults=true"),
    "connect": Way(headers={"Connect-Protocol-Version": "1", "Content-Type": "application/json"}),
}
IN_JSON = {"Accept": "*/*", "Content-Type": "application/json"}
PLAIN, REFUSED, ONLY_POST, NO_EVENTS = "plain", "400", "405", "406"
EMPTY_STREAM, NOT_MODIFIED = "the head of a stream", "the head of an answer"

OF_READS: dict[tuple[str, ...], str] = {
    (): PLAIN,
    (DRY,): DRY,
    (WATCH,): WATCH,
    (EVERY,): WATCH,
    (GET,): GET,
    (KEY,): PLAIN,
    ("head",): NOT_MODIFIED,
    ("_fields",): PLAIN,
    ("_defaults",): REFUSED,
    ("connect",): PLAIN,
    (DRY, WATCH): DRY,
    (DRY, EVERY): DRY,
    (DRY, GET): DRY,
    (DRY, KEY): DRY,
    (DRY, "head"): DRY,
    (DRY, "_fields"): DRY,
    (DRY, "_defaults"): DRY,
    (DRY, "connect"): REFUSED,
    (WATCH, EVERY): WATCH,
    (WATCH, GET): WATCH,
    (WATCH, KEY): WATCH,
    (WATCH, "head"): EMPTY_STREAM,
    (WATCH, "_fields"): WATCH,
    (WATCH, "_defaults"): REFUSED,
    (WATCH, "connect"): PLAIN,
    (EVERY, GET): WATCH,
    (EVERY, KEY): WATCH,
    (EVERY, "head"): EMPTY_STREAM,
    (EVERY, "_fields"): WATCH,
    (EVERY, "_defaults"): REFUSED,
    (EVERY, "connect"): REFUSED,
    (GET, KEY): GET,
    (GET, "_fields"): GET,
    (GET, "_defaults"): REFUSED,
    (GET, "connect"): REFUSED,
    (KEY, "head"): NOT_MODIFIED,
    (KEY, "_fields"): PLAIN,
    (KEY, "_defaults"): REFUSED,
    (KEY, "connect"): PLAIN,
    ("head", "_fields"): NOT_MODIFIED,
    ("head", "_defaults"): REFUSED,
    ("head", "connect"): ONLY_POST,
    ("_fields", "_defaults"): REFUSED,
    ("_fields", "connect"): REFUSED,
    ("_defaults", "connect"): PLAIN,
}
OF_CHANGES: dict[tuple[str, ...], str] = {
    (): PLAIN,
    (DRY,): DRY,
    (WATCH,): NO_EVENTS,
    (EVERY,): REFUSED,
    (GET,): ONLY_POST,
    (KEY,): KEY,
    ("head",): ONLY_POST,
    (DRY, WATCH): DRY,
    (DRY, EVERY): REFUSED,
    (DRY, GET): ONLY_POST,
    (DRY, KEY): DRY,
    (DRY, "_defaults"): DRY,
    (DRY, "connect"): REFUSED,
    (WATCH, EVERY): NO_EVENTS,
    (WATCH, KEY): NO_EVENTS,
    (EVERY, KEY): REFUSED,
    (GET, KEY): ONLY_POST,
    (KEY, "_defaults"): REFUSED,
    (KEY, "connect"): KEY,
}


@pytest.fixture
async def farm(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    cuebot.answers(READ, hosts("a", "b"))
    async with gateway_for(cuebot.endpoint) as gateway:
        yield gateway


async def winner(farm: Gateway, cuebot: ScriptedCuebot, path: str, ways: tuple[str, ...]) -> str:
    """The way in which a request was answered that asks in all of these, by what only that has."""
    asked = [WAYS[each] for each in ways]
    verb = next((each.verb for each in asked if each.verb != "POST"), "POST")
    headers = IN_JSON | {name: text for each in asked for name, text in each.headers.items()}
    target = f"{farm.url}{path}?{'&'.join(each.query for each in asked if each.query)}"
    sent: dict[str, Any] = {"headers": headers}
    if verb == "POST":
        sent["content"] = JOB if path == CHANGE else "{}"
    async with farm.client.stream(verb, target.removesuffix("?"), **sent) as answer:
        status, given = answer.status_code, answer.headers
        assert ("x-dry-run" in given) == (DRY in ways), "on errors, too"
        if status not in (200, 304):
            assert cuebot.seen == []
            return str(status)
        if given["content-type" if status == 200 else "etag"].startswith("text/event-stream"):
            assert "etag" not in given
            return EMPTY_STREAM if verb == "HEAD" else WATCH
        content = await answer.aread()
    if not cuebot.seen:
        assert b'"dryRun":true' in content or verb == "HEAD"
        assert (b":null" in content) == ("_defaults" in ways)
        return DRY
    assert len(cuebot.seen) == 1
    if "etag" in given:
        assert status == (304 if GET in ways else 200)
        return NOT_MODIFIED if verb == "HEAD" else GET
    again = await farm.client.request(verb, target.removesuffix("?"), **sent)
    assert (again.status_code, len(cuebot.seen)) == (200, 1 + (len(cuebot.seen) > 1))
    return KEY if again.headers.get("idempotent-replayed") == "true" else PLAIN


@pytest.mark.parametrize("ways", OF_READS, ids=" + ".join)
async def test_reads(farm: Gateway, cuebot: ScriptedCuebot, ways: tuple[str, ...]) -> None:
    assert await winner(farm, cuebot, READ, ways) == OF_READS[ways]


@pytest.mark.parametrize("ways", OF_CHANGES, ids=" + ".join)
async def test_changes(farm: Gateway, cuebot: ScriptedCuebot, ways: tuple[str, ...]) -> None:
    assert await winner(farm, cuebot, CHANGE, ways) == OF_CHANGES[ways]


def test_each_two_ways_are_in_the_table() -> None:
    """But two verbs, which no request has."""
    verbs = {name for name, way in WAYS.items() if way.verb != "POST"}
    pairs = {each for each in combinations(WAYS, 2) if not {*each} <= verbs}
    assert {frozenset(each) for each in OF_READS if len(each) == 2} == {*map(frozenset, pairs)}


class ByHeader(Exchange):
    """One that serves the methods that only read, or the others, and is asked for by a header."""

    def __init__(self, header: bytes, *, reads: bool) -> None:
        self.header = header
        self.reads = reads
        self.looked_at = 0

    def serves(self, method: Method) -> bool:
        self.looked_at += 1
        return method.reads_only == self.reads

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        return self.header in context.request.headers


def test_those_that_serve_a_method_are_found_once_for_each_catalog() -> None:
    """The first one that is asked for wins."""
    catalogs = [build_catalog(opencue(), Selection(), load_profile("opencue")) for _ in "ab"]
    first, other = ByHeader(b"a", reads=True), ByHeader(b"b", reads=True)
    exchanges = [ByHeader(b"a", reads=False), first, other]
    serving = Serving(exchanges)
    for number, catalog in enumerate(catalogs, 1):
        plan = Plan(catalog.routes[READ], b"")
        for headers, found in (
            ({b"a": b""}, first),
            ({b"b": b""}, other),
            ({b"b": b"", b"a": b""}, first),
            ({b"c": b""}, None),
        ):
            context = context_of(READ, headers=headers)
            assert serving.asked_for(context, CallRequest(plan, 1.0, catalog)) is found
        assert [each.looked_at for each in exchanges] == [number * len(catalog.methods)] * 3
