"""Metrics: what is counted of requests and parts, and who gets to see it."""

import asyncio
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from gzip import compress as gzip
from pathlib import Path
from typing import Any, get_args

import grpc
import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway import __version__
from gateway.app import create_app
from gateway.core.calls.failures import error_for
from gateway.core.errors import Code, ConfigurationError, Shed
from gateway.core.families import FAMILIES
from gateway.core.processes import Worker
from gateway.core.upstream.interface import CallFailed, Reason
from gateway.features import FEATURES
from gateway.features.metrics import Metrics, metrics
from gateway.features.metrics.metrics import (
    BOUNDS,
    PREFIX,
    Numbers,
    WorkerMetrics,
    merged,
)
from gateway.features.settings import load_settings
from gateway_cli.checks import run_checks
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.rights import rule, signed
from tests.support.scraping import Scrape, scrape, scrape_of
from tests.support.servers import (
    SECRET,
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    bearer,
    free_port,
    gateway_for,
    head,
    http_client,
    settings_for,
    token,
)
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
KILL = "/job.FrameInterface/Kill"
FRAME = {"frame": {"id": "f1"}}
GET_JOBS = "/job.JobInterface/GetJobs"
GET_FRAME = "/job.FrameInterface/GetFrame"
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
ITSELF = ("OK", "other", "json", "200")
"""How the answer that came before is counted."""


@pytest.fixture
async def public(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    access = [rule("artists", {"role": "artist"}, "reads")]
    return await shared_gateway(cuebot.endpoint, metrics="public", access=access)


async def metrics_of(gateway: Gateway) -> Scrape:
    return await scrape(gateway.metrics_url or f"{gateway.url}/metrics")


async def metrics_with(gateway: Gateway, condition: Callable[[Scrape], object]) -> Scrape:
    """The metrics, once they are so."""
    async with asyncio.timeout(PATIENCE):
        while not condition(found := await metrics_of(gateway)):  # noqa: ASYNC110 - as Prometheus
            await asyncio.sleep(0.01)
    return found


# --- Requests -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """A request, what it counts as (its code, method and status), and calls of Cuebot."""

    verb: str
    path: str
    counted: tuple[str, str, str]
    calls: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    read: bool = True
    """Whether the body is read."""
    protocol: str = "json"
    sent: str = ""
    """The status of the answer, if it is another one."""
    needs: str = ""
    """A feature."""

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        need = "compression" if self.headers is GZIPPED else self.needs
        if self.protocol != "json":
            need = "connect"
        return (needs(*need.split()),) if need else ()


FIND = "/frame.FrameInterface/GetFrame"
OK = ("OK", SHOWS, "200")
ARTIST, UNKNOWN = signed(role="artist"), ("UNAUTHENTICATED", SHOWS, "401")
GZIPPED, WRONG_TOKEN = {"Content-Encoding": "gzip"}, {"Authorization": "x"}
DENIED, NOT_FOUND = ("PERMISSION_DENIED", KILL, "403"), ("NOT_FOUND", "other", "404")
BAD, WRONG_VERB = ("INVALID_ARGUMENT", SHOWS, "400"), ("UNIMPLEMENTED", KILL, "405")
PROTO = {"Content-Type": "application/proto"}
WEB = {"Content-Type": "application/grpc-web+proto"}
CASES = {
    "a call": Case("POST", SHOWS, OK, 1, b"{}"),
    "a GET": Case("GET", SHOWS, OK, 1),
    "a HEAD": Case("HEAD", SHOWS, OK, 1),
    "an alias": Case("POST", FIND, ("OK", GET_FRAME, "200"), 1),
    "a bad body": Case("POST", SHOWS, BAD, 0, b"{"),
    "a compressed body": Case("POST", SHOWS, OK, 1, gzip(b"{}"), GZIPPED),
    "a dry run": Case("POST", SHOWS, OK, 0, b"{}", {"X-Dry-Run": "1"}, needs="dry_run"),
    "an error": Case("POST", GET_JOBS, ("FAILED_PRECONDITION", GET_JOBS, "400"), 1, b"{}"),
    "denied": Case(
        "POST", KILL, DENIED, 0, b"{}", signed(role="artist"), read=False, needs="access tokens"
    ),
    "a wrong verb": Case("GET", KILL, WRONG_VERB),
    "no token": Case(
        "POST",
        SHOWS,
        ("UNAUTHENTICATED", SHOWS, "401"),
        0,
        b"{}",
        WRONG_TOKEN,
        False,
        needs="tokens",
    ),
    "no method": Case("POST", "/no.Such/Method", NOT_FOUND, 0, b"{}", read=False),
    "a page": Case("GET", "/openapi.json", ("OK", "other", "200"), needs="openapi"),
    "a probe": Case("GET", "/healthz", ("OK", "other", "200"), needs="health"),
    "OPTIONS": Case("OPTIONS", SHOWS, ("OK", SHOWS, "204"), needs="cors"),
    "Connect": Case("POST", SHOWS, OK, 1, b"", PROTO, protocol="connect"),
    "an error of Connect": Case("GET", f"{KILL}?connect=v1", WRONG_VERB, protocol="connect"),
    "gRPC-Web": Case("POST", SHOWS, OK, 1, bytes(5), WEB, protocol="grpc-web"),
    "an error of gRPC-Web": Case("POST", SHOWS, BAD, 0, b"", WEB, protocol="grpc-web", sent="200"),
    "no method in Connect": Case(
        "POST", "/no.Such/Method", NOT_FOUND, 0, b"", PROTO, protocol="connect"
    ),
    "a wrong verb for nothing": Case("PUT", "/x", NOT_FOUND),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=case.marks) for name, case in CASES.items()],
)
async def test_requests_are_counted(public: Gateway, cuebot: ScriptedCuebot, case: Case) -> None:
    cuebot.fails(GET_JOBS, grpc.StatusCode.FAILED_PRECONDITION, "no")
    before = await metrics_of(public)
    answer = await public.client.request(
        case.verb, case.path, content=case.body, headers=case.headers
    )
    assert str(answer.status_code) == (case.sent or case.counted[2])
    after = await metrics_of(public)
    code, method, status = case.counted
    counted = Counter([ITSELF, (code, method, case.protocol, status)])
    assert after.since(before, "requests_total") == counted
    for name in ("request_duration_seconds_count", "queue_duration_seconds_count"):
        assert after.since(before, name) == {(): 2}
    assert after.since(before, "upstream_duration_seconds_count") == (
        {(): case.calls} if case.calls else {}
    )
    read = len(case.body) * case.read
    assert after.since(before, "request_bytes_total") == ({(): read} if read else {})


@needs("compression")
async def test_the_bytes_of_answers(public: Gateway) -> None:
    """As they were sent, compressed or not."""
    plain = await public.client.get("/metrics", headers={"Accept-Encoding": "identity"})
    packed = await public.client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    sent = len(plain.content) + int(packed.headers["content-length"])
    gained = (await metrics_of(public)).since(scrape_of(plain.text), "response_bytes_total")
    assert gained == {(): sent}
    assert len(packed.content) > int(packed.headers["content-length"])


@needs("server")
async def test_what_is_no_http_is_counted(public: Gateway) -> None:
    before = await metrics_of(public)
    async with wire(public) as connection:
        await connection.send(b"NONSENSE\r\n\r\n")
        assert (await connection.answer()).status == 400
    after = await metrics_of(public)
    assert after.since(before, "requests_total")["INVALID_ARGUMENT", "other", "json", "400"] == 1


async def test_whatever_clients_send_there_are_no_more_series(public: Gateway) -> None:
    await metrics_of(public)  # which is a request as well, and has a series from then on
    before = await metrics_of(public)
    for number in range(20):
        path, name = f"/made.Up{number}/Path", f"user{number}"
        await public.post(path, headers=bearer(name))
        await public.client.request(f"VERB{number}", path)
        await public.post(SHOWS, headers={"Authorization": f"Bearer {number}.x.y"})
    after = await metrics_of(public)
    assert len(after) <= len(before) + 3
    labels = {value for _, pairs in after for _, value in pairs}
    assert not [each for each in labels if "made" in each or "user" in each or "VERB" in each]


async def test_durations(public: Gateway, cuebot: ScriptedCuebot) -> None:
    """A slow call is in a later bucket, and its time is Cuebot's."""

    async def slow(request: bytes, context: object) -> bytes:
        await asyncio.sleep(0.11)
        return b""

    cuebot.handlers[SHOWS] = slow
    before = await metrics_of(public)
    await public.post(SHOWS)
    after = await metrics_of(public)
    for name in ("request_duration_seconds", "upstream_duration_seconds"):
        gained = after.since(before, f"{name}_bucket")
        assert "0.1" not in {le for (le,) in gained} or gained["0.1",] < gained["+Inf",]
        assert gained["30.0",] == gained["+Inf",]
        assert after.since(before, f"{name}_sum")[()] > 0.1  # a timer may end a little early


@needs("rate_limits")
async def test_waiting_is_counted(cuebot: ScriptedCuebot) -> None:
    """For the rate limit."""
    limits: dict[str, Any] = {"rate_limit_rps": 2, "rate_limit_burst": 1, "rate_limit_max_wait": 5}
    async with gateway_for(cuebot.endpoint, metrics="public", metrics_port=0, **limits) as gateway:
        for answer in await asyncio.gather(*(gateway.post(SHOWS) for _ in range(2))):
            assert answer.status_code == 200
        found = await metrics_of(gateway)
        assert found.of("queue_duration_seconds_sum") > 0.05
        assert found.of("queue_duration_seconds_count") == 2
        assert found.of("queue_duration_seconds_bucket", le="0.01") == 1


@needs("conditional")
async def test_waiting_as_asked_is_no_delay(public: Gateway) -> None:
    known = (await public.client.get(SHOWS)).headers["etag"]
    before, began = await metrics_of(public), time.monotonic()
    headers = {"If-None-Match": known, "Prefer": "wait=1"}
    assert (await public.client.get(SHOWS, headers=headers)).status_code == 304
    took, after = time.monotonic() - began, await metrics_of(public)
    for name in ("request_duration_seconds", "queue_duration_seconds"):
        assert after.since(before, f"{name}_sum").get((), 0.0) < max(1, took - 0.5), name
        assert after.since(before, f"{name}_count") == {(): 2}


async def test_the_turn_of_a_long_answer(public: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = message_class("job.JobGetJobsResponse")()
    for _ in range(5000):
        answer.jobs.jobs.add(id="i" * 36, name="demo-sh0001-lena_comp")
    cuebot.answers(GET_JOBS, answer.SerializeToString())
    turns = public.app.parts.long_answers.turns
    for number in range(turns.total):
        assert await turns.take(f"other {number}", 1, None)
    spare = 0
    while await turns.take(f"more {spare}", 1, 0.01):
        spare += 1
    before = await metrics_of(public)
    asking = asyncio.create_task(public.post(GET_JOBS, {}))
    async with asyncio.timeout(PATIENCE):
        while not turns.is_awaited:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    for number in range(turns.total):
        turns.give_back(f"other {number}", 1)
    for number in range(spare):
        turns.give_back(f"more {number}", 1)
    assert (await asking).status_code == 200
    assert (await metrics_of(public)).since(before, "queue_duration_seconds_sum")[()] >= 0.1


# --- Refusals -------------------------------------------------------------------------------
async def test_every_reason_is_there_from_the_start(public: Gateway) -> None:
    found = await metrics_of(public)
    reasons = {dict(labels)["reason"] for name, labels in found if name == f"{PREFIX}shed_total"}
    assert reasons == {*get_args(Shed), *(each for one in FEATURES for each in one.refusals)}
    assert len(reasons) == len(get_args(Shed)) + sum(len(each.refusals) for each in FEATURES)


@needs("tokens")
async def test_every_reason_against_a_token_is_there_from_the_start(public: Gateway) -> None:
    found = await metrics_of(public)
    name = f"{PREFIX}auth_failures_total"
    reasons = {dict(labels)["reason"] for each, labels in found if each == name}
    (declared,) = (each.other_refusals for each in FEATURES if each.name == "tokens")
    assert reasons == {*declared}


@needs("tokens")
@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        *(("", "no_token"), ("Basic x", "malformed"), ("Bearer x.y", "malformed")),
        (f"Bearer {token()[:-4]}AAAA", "signature"),
        (f"Bearer {token(seconds=-5)}", "expired"),
        (signed(nbf=9999999999)["Authorization"], "not_yet_valid"),
        (signed(sub="")["Authorization"], "claims"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.", "algorithm"),
    ],
    ids=range(8),
)
async def test_bad_tokens(public: Gateway, authorization: str, reason: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    before = await metrics_of(public)
    async with http_client() as client:
        answer = await client.post(public.url + SHOWS, headers=headers)
    assert answer.status_code in (401, 403)
    assert (await metrics_of(public)).since(before, "auth_failures_total") == {(reason,): 1}


@needs("access", "tokens")
async def test_who_is_denied(public: Gateway, cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """By an access rule, with a good token; by the deny list, with a bad one."""
    before = await metrics_of(public)
    assert (await public.post(KILL, headers=signed(role="artist"))).status_code == 403
    after = await metrics_of(public)
    assert after.since(before, "denied_total") == {("artists",): 1}
    assert after.since(before, "auth_failures_total") == {}
    denied = tmp_path / "denied"
    denied.write_text("sub:tester\n")
    async with gateway_for(
        cuebot.endpoint, metrics="public", jwt_deny_file=denied, descriptor_source="auto"
    ) as gateway:
        assert (await gateway.post(SHOWS)).status_code == 403
        found = await metrics_of(gateway)
    assert found.of("auth_failures_total", reason="denied") == 1


@needs("rate_limits")
async def test_over_the_rate_limit(cuebot: ScriptedCuebot) -> None:
    """The gateway's 429, and not Cuebot's."""
    limits: dict[str, Any] = {"rate_limit_rps": 0.01, "rate_limit_burst": 2}
    async with gateway_for(cuebot.endpoint, metrics="public", **limits) as gateway:
        cuebot.fails(SHOWS, grpc.StatusCode.RESOURCE_EXHAUSTED, "Cuebot's own")
        assert [(await gateway.post(SHOWS)).status_code for _ in range(4)] == [429] * 4
        found = await metrics_of(gateway)
        assert found.of("rate_limited_total") == 2
        labels = {"method": SHOWS, "status": "429", "code": "RESOURCE_EXHAUSTED"}
        assert found.of("requests_total", protocol="json", **labels) == 4


@needs("admission")
async def test_no_place_for_a_request(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, metrics="public", max_in_flight=1) as gateway:
        called, release = cuebot.holds(SHOWS)
        asking = asyncio.create_task(gateway.post(SHOWS))
        await called.wait()
        assert (await metrics_of(gateway)).of("requests_in_flight") == 1
        assert (await gateway.post(SHOWS)).status_code == 503
        release.set()
        await asking
        found = await metrics_of(gateway)
        assert found.of("requests_in_flight") == 0
        assert found.of("shed_total", reason="places") == found.total("shed_total") == 1


@needs("admission")
async def test_no_place_for_a_body(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, metrics="public", max_body_mb=0.1) as gateway:
        async with AsyncExitStack() as stack:
            for _ in range(20):
                one = await stack.enter_async_context(wire(gateway))
                await one.send(head(SHOWS, "Content-Length: 100000"), b" " * 90_000)
            found = await metrics_with(gateway, lambda now: now.of("shed_total", reason="bodies"))
        assert found.total("shed_total") == found.of("shed_total", reason="bodies")


@needs("server")
async def test_no_place_for_a_connection(cuebot: ScriptedCuebot) -> None:
    """METRICS_PORT answers when the other port is full."""
    more: dict[str, Any] = {"metrics": "public", "metrics_port": 0, "max_connections": 1}
    async with (
        gateway_for(cuebot.endpoint, **more) as gateway,
        wire(gateway),
        wire(gateway) as second,
    ):
        assert (await second.answer()).status == 503
        found = await metrics_of(gateway)
    assert found.of("shed_total", reason="connections") == found.total("shed_total") == 1


async def test_no_schema_yet() -> None:
    """Calls are refused, and attempts to read the schema fail."""
    async with gateway_for(
        f"127.0.0.1:{free_port()}", metrics="public", descriptor_source="reflection", ready=False
    ) as gateway:
        await metrics_with(gateway, lambda now: now.of("schema_refreshes_total", result="failed"))
        assert (await gateway.post(SHOWS)).status_code == 503
        found = await metrics_of(gateway)
        assert found.of("shed_total", reason="no_schema") == 1
        assert found.of("catalog_generation") == 0
        assert (PREFIX + "upstream_up", frozenset({("endpoint", "1")})) in found
        assert found.total("upstream_up") == found.total("upstream_connections") == 0


@needs("server")
async def test_a_stop_that_takes_too_long(cuebot: ScriptedCuebot) -> None:
    called, release = cuebot.holds(SHOWS)
    async with gateway_for(cuebot.endpoint, metrics="public", shutdown_timeout=0) as gateway:
        asking = asyncio.create_task(gateway.post(SHOWS))
        await called.wait()
        gateway.server.should_exit = True
        assert (await asking).status_code == 503
        metrics = gateway.app.feature(Metrics).all
        assert metrics is not None
        assert metrics.all()["shed_total", "stopping"] == 1
    release.set()


def test_no_memory_for_an_answer() -> None:
    refused = CallFailed(Code.UNAVAILABLE, "no room", Reason.NO_MEMORY)
    assert error_for(refused).cause == "answer_memory"
    assert error_for(CallFailed(Code.UNAVAILABLE, "Cuebot's")).cause is None


# --- The parts ------------------------------------------------------------------------------
async def test_cuebot_and_the_schema(cuebot: ScriptedCuebot) -> None:
    """By endpoint, which has no name where everybody can read it; and attempts by result."""
    async with gateway_for(cuebot.endpoint, metrics="public", metrics_port=0) as gateway:
        found = await metrics_of(gateway)
        assert found.of("upstream_up", endpoint=cuebot.endpoint) == 1
    async with gateway_for(cuebot.endpoint, metrics="public") as gateway:
        await gateway.post(SHOWS)
        found = await metrics_of(gateway)
        names = ("upstream_up", "upstream_connections", "upstream_hanging")
        assert [found.of(name, endpoint="1") for name in names] == [1, 1, 0]
        assert found.of("catalog_generation") == 1
        assert found.of("schema_refreshes_total", result="changed") == 1
        same = found.of("schema_refreshes_total", result="same")
        gateway.app.parts.live.request_refresh()
        found = await metrics_with(
            gateway, lambda now: now.of("schema_refreshes_total", result="same") > same
        )
        assert found.of("catalog_generation") == 1


async def test_the_process(public: Gateway) -> None:
    found = await metrics_of(public)
    assert 2**20 < found.of("resident_memory_bytes") < 2**34
    assert 3 < found.of("open_descriptors") < 10_000
    assert found.of("gc_collections_total", generation="2") > 0
    assert (found.of("build_info", version=__version__), found.of("workers")) == (1, 1)
    assert found.of("start_time_seconds") > 1.7e9
    await metrics_with(public, lambda now: now.of("loop_lag_seconds_count") > 3)


@needs("audit")
@pytest.mark.parametrize(("fail", "status"), [("open", 200), ("closed", 503)])
async def test_late_audit(cuebot: ScriptedCuebot, tmp_path: Path, fail: str, status: int) -> None:
    """Lines that cannot be written are the lag, and with AUDIT_FAIL=closed the reason to refuse."""

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    audit: dict[str, Any] = {"audit_log": str(tmp_path / "audit.log"), "audit_fail": fail}
    async with gateway_for(cuebot.endpoint, metrics="public", **audit) as gateway:
        found = await metrics_of(gateway)
        assert (PREFIX + "audit_lag_seconds", frozenset()) in found
        assert found.of("audit_lag_seconds") == found.of("audit_dropped_total") == 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.features.audit.audit_writer.AuditFile.append", no_space)
            assert (await gateway.post(KILL, FRAME)).status_code == 200
            await metrics_with(gateway, lambda now: now.of("audit_lag_seconds") > 0)
            assert (await gateway.post(KILL, FRAME)).status_code == status
            found = await metrics_of(gateway)
            assert found.of("shed_total", reason="audit_log") == (status == 503)
        await metrics_with(gateway, lambda now: now.of("audit_lag_seconds") == 0)


# --- Who sees it, and where -----------------------------------------------------------------
async def test_off(gateway: Gateway) -> None:
    """By default there is no page, and nothing is counted."""
    answer = await gateway.client.get("/metrics")
    assert answer.status_code == 404
    assert gateway.app.feature(Metrics).all is None


@needs("tokens")
async def test_with_a_token(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> None:
    gateway = await shared_gateway(cuebot.endpoint, metrics="token")
    async with http_client(gateway.url) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=bearer("prometheus"))).status_code == 200
        expired = {"Authorization": f"Bearer {token(seconds=-5)}"}
        assert (await client.get("/metrics", headers=expired)).status_code == 403
        refused = await client.post("/metrics", headers=bearer())
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@needs("access", "tokens")
@pytest.mark.parametrize("port", [None, 0])
async def test_a_token_needs_a_rule_with_status(cuebot: ScriptedCuebot, port: int | None) -> None:
    access = [
        rule("monitoring", {"sub": "prometheus"}, "status"),
        rule("admins", {"sub": "ada"}, "all"),
        rule("but", {"sub": "but"}, "all", "!status"),
        rule("dashboards", {"sub": "board"}, "reads", "changes"),
    ]
    more: dict[str, Any] = {"access": access, "access_default": "deny", "metrics_port": port}
    async with gateway_for(cuebot.endpoint, metrics="token", **more) as gateway:
        there = gateway.url if port is None else gateway.metrics_url.removesuffix("/metrics")
        async with http_client(there) as client:
            for sub, status in (("prometheus", 200), ("ada", 200), ("board", 403), ("but", 403)):
                answer = await client.get("/metrics", headers=bearer(sub))
                assert answer.status_code == status
            assert "the access rule 'but' has no \"status\" in `may`" in answer.json()["message"]
        assert (await gateway.post(SHOWS, headers=bearer("prometheus"))).status_code == 403


@needs("tokens")
async def test_a_port_of_its_own(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, metrics="token", metrics_port=0) as gateway:
        there = gateway.metrics_url.removesuffix("/metrics")
        assert there.startswith("http://127.0.0.1:")
        async with http_client(there) as client:
            assert (await client.get("/metrics")).status_code == 401
            client.headers.update(bearer())
            assert scrape_of((await client.get("/metrics")).text).of("workers") == 1
            for path in ("/", SHOWS, "/healthz", "/docs", "/metrics/"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
            assert (await client.post("/metrics")).status_code == 405
        assert (await gateway.client.get("/metrics")).status_code == 404


async def test_a_stop_is_not_held_up_by_the_other_port(cuebot: ScriptedCuebot) -> None:
    more: dict[str, Any] = {"metrics": "public", "metrics_port": 0, "shutdown_timeout": 20}
    async with http_client() as client:
        async with gateway_for(cuebot.endpoint, **more) as gateway:
            await client.get(gateway.metrics_url)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 15
        with pytest.raises(httpx.HTTPError):
            await client.get(gateway.metrics_url)


async def test_a_port_without_metrics_is_a_mistake() -> None:
    settings = load_settings({"OPEN_TO_ALL": "true", "JWT_SECRET": SECRET, "METRICS_PORT": "9100"})
    with pytest.raises(ConfigurationError, match=r"^METRICS_PORT: .*METRICS="):
        create_app(settings)
    report = await run_checks(settings_for("127.0.0.1:1", metrics_port=9100))
    assert [each for each in report.problems if each.startswith("METRICS_PORT: ")]


# --- The format -----------------------------------------------------------------------------
async def test_openmetrics_is_served_to_who_asks(public: Gateway) -> None:
    await public.post(SHOWS)
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    answer = await public.client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert f"{PREFIX}requests" in names
    assert "Accept" in answer.headers.get_list("vary")


async def everything(gateway: Gateway) -> str:
    await gateway.post(SHOWS)
    await gateway.post(KILL, headers=signed(role="artist"))
    return (await gateway.client.get("/metrics")).text


@pytest.fixture
async def full(cuebot: ScriptedCuebot, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with every family."""
    options: dict[str, Any] = {
        "audit_log": str(tmp_path / "audit.log"),
        "state": "redis://127.0.0.1:1",
    }
    options["access"] = [rule("artists", {"role": "artist"}, "reads")]
    async with gateway_for(cuebot.endpoint, metrics="public", **options) as gateway:
        yield gateway


@needs("audit")
async def test_promtool_finds_nothing_wrong(full: Gateway) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool (on Debian: apt-get install prometheus)")
    text = await everything(full)
    ran = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@needs("access", "admission", "audit", "object_rights", "shared_reads", "watch", "logs", "tokens")
@needs("rate_limits", "conditional", "at_most_once")
async def test_the_page_has_every_metric(full: Gateway) -> None:
    text = await everything(full)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    labels: dict[str, list[str]] = {name: [] for name in kinds}
    for name, inside in re.findall(r"^(\w+)\{([^}]*)\}", text, re.MULTILINE):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        names = [each for each in re.findall(r'(\w+)="', inside) if each != "le"]
        labels[family if family in kinds else name] = sorted(names)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    assert {
        PREFIX + name: (kind, sorted(re.findall(r"\w+", given))) for name, kind, given in rows
    } == {name: (kind, labels[name]) for name, kind in kinds.items()}
    reasons = set(re.findall(r'\breason="(\w+)"', text))
    assert [each for each in reasons if f"`{each}`" not in PAGE.read_text()] == []


# --- Several workers ------------------------------------------------------------------------
@needs("admission")
def test_numbers_of_workers_together() -> None:
    """Counters and histograms add up; gauges as their family has it."""
    empty = [0.0] * len(BOUNDS)
    both: list[tuple[tuple[str, ...], Any, Any, Any]] = [
        (("requests_total", "m", "200", "OK", "json"), 2, 3, 5),
        (("requests_total", "n", "200", "OK", "json"), None, 1, 1),
        (("request_duration_seconds",), [1, *empty, 0.5], [1, *empty, 0.25], [2, *empty, 0.75]),
        (("upstream_up", "a:1"), 1, 0, 0),
        (("upstream_hanging", "a:1"), 0, 1, 1),
        (("requests_in_flight",), 3, 4, 7),
    ]
    one: Numbers = {series: value for series, value, *_ in both if value is not None}
    other: Numbers = {series: value for series, _, value, _ in both}
    assert merged((one, other)) == {series: sum_ for series, *_, sum_ in both}


@needs("rate_limits")
def test_a_worker_that_shows_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: Numbers = {("rate_limited_total",): 3, ("workers",): 1}
    WorkerMetrics(Worker(str(tmp_path), 0, 0.0)).put(numbers)
    other, successor = (WorkerMetrics(Worker(str(tmp_path), slot, 0.0)) for slot in (1, 0))
    assert [*other.others()] == [numbers]
    assert [*successor.others()] == []
    assert successor.before() == {("rate_limited_total",): 3}
    assert other.before() == {}
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    assert [*other.others()] == [{("rate_limited_total",): 3}]


def test_numbers_that_cannot_be_written_are_logged_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker_metrics = WorkerMetrics(Worker(str(tmp_path / "gone"), 0, 0.0))
    for _ in range(3):
        worker_metrics.put({("workers",): 1})
    assert capsys.readouterr().out.count("cannot show its numbers") == 1
    assert [*worker_metrics.others()] == []


def test_every_family_has_a_text() -> None:
    for family in FAMILIES.values():
        assert re.fullmatch(r"[A-Z][^.]+\.", family.help), family.help
