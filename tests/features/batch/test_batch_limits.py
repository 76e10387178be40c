"""Batches among other requests: rights, the audit log, rate limits, slots, and their ends."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from gateway.core.direct_connection import LARGE_BODY_BYTES
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.rates import MemoryLimiter, Rate, Verdict
from gateway.features.admission import Admission
from gateway.features.batch import batch as batches
from gateway.features.tokens import Tokens
from tests.features.batch.test_batch import (
    BATCH,
    FIND_SHOW,
    SHOWS,
    asked,
    batch,
    finding,
    finds_shows,
    ndjson,
)
from tests.support.audit import KILL, killing, outcomes
from tests.support.needs import needs
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule, signed
from tests.support.servers import Context, Gateway, ScriptedCuebot, bearer, gateway_for
from tests.support.wire import request, wire

pytestmark = [
    needs("access", "admission", "audit", "rate_limits", "tokens"),
    pytest.mark.anyio,
    pytest.mark.gateway(shared_reads="off"),  # equal items would share their calls
]
GET_JOBS = "/job.JobInterface/GetJobs"
ACCESS = [rule("readers", {"scope": "read"}, "reads"), rule("all", {}, "all")]
READER = signed("board", scope="read")


def kills(count: int) -> list[dict[str, Any]]:
    return [{"id": f"k{n}", "method": KILL, "request": killing(n)} for n in range(count)]


# --- rights and the audit log -----------------------------------------------------------------
async def test_nobody_without_a_token_is_read(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """The answer comes before the body."""
    async with wire(gateway) as one:
        lines = (f"POST {BATCH} HTTP/1.1", "Host: x", "Content-Length: 1000000", "", "")
        await one.send("\r\n".join(lines).encode())
        answer = await one.answer()
    assert (answer.status, answer.code) == (401, 16)
    assert cuebot.seen == []


@needs("audit")
async def test_each_item_has_its_own_rights_and_audit_line(
    cuebot: ScriptedCuebot, tmp_path: Path
) -> None:
    log = tmp_path / "audit.log"
    async with gateway_for(cuebot.endpoint, access=ACCESS, audit_log=str(log)) as gateway:
        mixed = [*kills(1), {"id": "read", "method": SHOWS}]
        denied, read = await batch(gateway, mixed, headers=READER)
        alone = await gateway.post(KILL, killing(0), headers=READER)
        assert (denied["status"], read["status"]) == (403, 200)
        assert denied["error"] == alone.json()
        assert asked(cuebot) == [SHOWS]
        done = await batch(gateway, kills(3), headers={"X-Request-ID": "night"})
        assert [each["status"] for each in done] == [200] * 3
    first, _, *others = outcomes(log)
    assert (first["code"], first["subject"]) == ("PERMISSION_DENIED", "board")
    assert first["request"]["job"]["id"] == "job-0"
    assert sorted(line["id"] for line in others) == ["night/0", "night/1", "night/2"]
    assert sorted(line["request"]["job"]["id"] for line in others) == ["job-0", "job-1", "job-2"]


async def test_rights_that_end_meanwhile_end_for_the_rest(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, release = cuebot.holds(SHOWS)
    options = {"params": {"stopOnError": "true"}}
    asking = asyncio.create_task(batch(gateway, [{"method": SHOWS}, *kills(2)], **options))
    async with asyncio.timeout(PATIENCE):
        await called.wait()
        monkeypatch.setattr(gateway.app.feature(Tokens).authenticator, "authenticate", refusing)
        release.set()
        found = await asking
    assert [each["status"] for each in found] == [200, 401, 499]
    assert asked(cuebot) == [SHOWS]


def refusing(header: bytes | None) -> None:
    from gateway.core.errors import Code, GatewayError

    raise GatewayError(Code.UNAUTHENTICATED, "no")


@needs("at_most_once")
async def test_a_key_is_made_for_each_item(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    seen: dict[str, bytes | None] = {}

    class Keys(Interceptor):
        def end(self, context: RequestContext) -> None:
            key = context.request.headers.get(b"idempotency-key")
            seen[context.request.path + str(len(seen))] = key

    gateway.app.parts.pipeline.interceptors.append(Keys())
    items = [{"id": "a b", "method": SHOWS}, {"method": SHOWS}]
    for given, made in ((b'"k"', (b'"k/a%20b"', b'"k/1"')), (b"k", (b"k/a%20b", b"k/1"))):
        seen.clear()
        await batch(gateway, items, headers={"Idempotency-Key": given.decode()})
        await until(lambda: len(seen) == 3)
        assert set(seen.values()) == {given, *made}
    twice = [{"id": 1, "method": SHOWS}, {"method": SHOWS}]
    answer = await gateway.post(BATCH, twice, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert "two items have the id 1" in answer.json()["message"]
    assert [each["status"] for each in await batch(gateway, twice)] == [200, 200]


async def test_a_deadline_is_that_of_each_item(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    left: list[float] = []

    async def note(request: bytes, context: Context) -> bytes:
        left.append(context.time_remaining())
        return b""

    cuebot.handlers[SHOWS] = note
    await batch(gateway, [{"method": SHOWS}] * 2, headers={"Grpc-Timeout": "5S"})
    assert len(left) == 2
    assert max(left) < 5.1


async def test_durations_are_those_of_items(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """The batch's own has no time with its items: a slow batch is no slow request."""
    ended: dict[str, float] = {}

    class Durations(Interceptor):
        def end(self, context: RequestContext) -> None:
            ended[context.request.path] = context.waiting.as_asked

    gateway.app.parts.pipeline.interceptors.append(Durations())
    await batch(gateway, [{"method": SHOWS}])
    await until(lambda: BATCH in ended)
    assert ended[SHOWS] == 0 < ended[BATCH]


# --- one after the other ----------------------------------------------------------------------
async def test_stop_on_error(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    finds_shows(cuebot)
    items = finding("a", "missing", "b", "c")
    found = await batch(gateway, items, params={"stopOnError": "true"})
    assert [each["status"] for each in found] == [200, 404, 499, 499]
    assert found[2]["error"]["error"] == "CANCELLED"
    assert "item 'missing' has failed" in found[2]["error"]["message"]
    assert asked(cuebot).count(FIND_SHOW) == 2
    wrong = [*finding("a"), {"id": "wrong"}, *finding("b")]
    found = await batch(gateway, wrong, params={"stopOnError": "true"})
    assert [each["status"] for each in found] == [200, 400, 499]


async def test_stop_on_error_is_one_after_the_other(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    finds_shows(cuebot)
    called, release = cuebot.holds(SHOWS)
    items = [{"method": SHOWS}, *finding("later")]
    asking = asyncio.create_task(batch(gateway, items, params={"stopOnError": "true"}))
    async with asyncio.timeout(PATIENCE):
        await called.wait()
        await gateway.post(FIND_SHOW, {"name": "between"})
        assert asked(cuebot) == [SHOWS, FIND_SHOW]
        release.set()
        assert [each["status"] for each in await asking] == [200, 200]


# --- the rate limit and slots -----------------------------------------------------------------
async def test_a_batch_costs_no_more_than_its_items(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=5) as gateway:
        assert len(await batch(gateway, [{"method": SHOWS}] * 4)) == 4
        last = await gateway.post(SHOWS, {})
        assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (200, "0")
        assert (await gateway.post(SHOWS, {})).status_code == 429
        other = await batch(gateway, [{"method": SHOWS}] * 5, headers=bearer("other"))
        assert [each["status"] for each in other] == [200] * 5


async def test_nothing_is_free(cuebot: ScriptedCuebot) -> None:
    """A batch that is empty or wrong costs a token, and so does one without a valid token."""
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=2) as gateway:
        assert await batch(gateway, []) == []
        assert (await gateway.post(BATCH, content=b"{")).status_code == 400
        assert (await gateway.post(SHOWS, {})).status_code == 429
        nobody = {"Authorization": "Bearer a.b.c"}
        statuses = [(await gateway.post(BATCH, [], headers=nobody)).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]


async def test_a_batch_of_a_thousand_slows_nobody_else(cuebot: ScriptedCuebot) -> None:
    called = asyncio.Semaphore(0)
    release = asyncio.Event()

    async def hold(request: bytes, context: Context) -> bytes:
        called.release()
        await release.wait()
        return b""

    cuebot.handlers[SHOWS] = hold
    async with gateway_for(cuebot.endpoint, max_in_flight=32, shared_reads="off") as gateway:
        asking = asyncio.create_task(batch(gateway, [{"method": SHOWS}] * 1000))
        async with asyncio.timeout(PATIENCE):
            for _ in range(8):
                await called.acquire()
            for subject in ("other", "third", "tester"):
                answers = [gateway.post(FIND_SHOW, {}, headers=bearer(subject)) for _ in range(8)]
                statuses = [each.status_code for each in await asyncio.gather(*answers)]
                assert statuses == [200] * 8
            assert asked(cuebot).count(SHOWS) == 8, "a quarter of the places"
            release.set()
            assert {each["status"] for each in await asking} == {200}


async def test_items_wait_for_a_slot(cuebot: ScriptedCuebot) -> None:
    called, release = cuebot.holds(SHOWS)
    async with gateway_for(cuebot.endpoint, max_in_flight=1) as gateway:
        holding = asyncio.create_task(gateway.post(SHOWS, {}))
        async with asyncio.timeout(PATIENCE):
            await called.wait()
            assert (await gateway.post(FIND_SHOW, {})).status_code == 503
            lines = gateway.access_lines()
            asking = asyncio.create_task(batch(gateway, finding("a", "b")))
            while (await gateway.post(FIND_SHOW, {}, headers=bearer("other"))).status_code != 200:
                pass
            assert [line["path"] for line in lines if line["subject"] == "tester"] == []
            release.set()
            assert [each["status"] for each in await asking] == [200, 200]
            assert (await holding).status_code == 200


async def test_batches_are_bounded(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    release = cuebot.holds(SHOWS)[1]
    most = batches.BATCHES_AT_ONCE
    asking = [asyncio.create_task(batch(gateway, [{"method": SHOWS}])) for _ in range(most)]
    async with asyncio.timeout(PATIENCE):
        await until(lambda: len(cuebot.seen) == most)
        refused = await gateway.post(BATCH, [])
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert await batch(gateway, [], headers=bearer("other")) == []
        release.set()
        assert all(each[0]["status"] == 200 for each in await asyncio.gather(*asking))
        assert await batch(gateway, []) == []


@needs("server")
async def test_batches_that_wait_for_their_first_token_are_bounded(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCHES_AT_ONCE", 3)
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=1) as gateway:
        lines = gateway.access_lines()
        assert (await gateway.post(SHOWS, {})).status_code == 200
        waiting = [asyncio.create_task(gateway.post(BATCH, [])) for _ in range(4)]
        async with asyncio.timeout(PATIENCE):
            done, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert [each.result().status_code for each in done] == [503]
            assert await batch(gateway, [], headers=bearer("other")) == []
            for each in left:
                each.cancel()
            await asyncio.wait(left)
            await until(lambda: [line["status"] for line in lines].count(499) == 3)


async def test_each_token_is_for_one_of_all_batches(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not all ask the limiter again when there is one."""
    hit, hits = MemoryLimiter.hit, list[str]()

    def counted(limiter: MemoryLimiter, client: str, rate: Rate) -> Verdict:
        hits.append(client)
        return hit(limiter, client, rate)

    monkeypatch.setattr(MemoryLimiter, "hit", counted)
    async with gateway_for(cuebot.endpoint, rate_limit_rps=20, rate_limit_burst=1) as gateway:
        asking = [batch(gateway, [{"method": SHOWS}] * 2) for _ in range(8)]
        found = await asyncio.gather(*asking, batch(gateway, [], headers=bearer("other")))
    assert [each["status"] for items in found for each in items] == [200] * 16
    assert hits.count("sub tester") < 3 * 16


# --- memory -----------------------------------------------------------------------------------
async def test_an_answer_that_is_too_long_is_an_error(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuebot.answers(GET_JOBS, jobs(3000))
    finds_shows(cuebot)
    items = [{"method": GET_JOBS}, *finding("a")]
    long, short = await batch(gateway, items)
    assert (long["status"], len(long["answer"]["jobs"]["jobs"])) == (200, 3000)
    monkeypatch.setattr("gateway.features.batch.item_connection.MAX_ANSWER_BYTES", 2**20)
    long, short = await batch(gateway, items)
    assert (long["status"], short["status"]) == (502, 200)
    assert "larger than 1 MB, the most in a batch; ask for it alone" in long["error"]["message"]


async def test_long_answers_are_sent_in_pieces(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A client has HTTP_TIMEOUT for each of them, and may be slow."""
    cuebot.answers(GET_JOBS, jobs(3000))
    headers = [(name.lower().encode(), value.encode()) for name, value in bearer().items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": BATCH,
        "query_string": b"",
        "http_version": "1.1",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }
    unread = [{"type": "http.request", "body": orjson.dumps([{"method": GET_JOBS}] * 2)}]
    pieces: list[bytes] = []

    async def receive() -> Any:
        return unread.pop() if unread else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        pieces.append(message.get("body", b""))

    await gateway.app(scope, receive, send)
    one, other = orjson.loads(b"".join(pieces))
    assert one["status"] == other["status"] == 200
    assert len(one["answer"]["jobs"]["jobs"]) == 3000
    assert max(map(len, pieces)) <= batches.PIECE_BYTES


async def test_long_answers_share_a_memory(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first item takes its time, and long answers wait behind it."""
    cuebot.answers(GET_JOBS, jobs(300))
    release = cuebot.holds(SHOWS)[1]
    size = len((await gateway.post(GET_JOBS, {})).content)
    assert LARGE_BODY_BYTES < size < batches.MAX_WAITING_BYTES / 5
    lines = gateway.access_lines()
    handler = handler_of(gateway)
    monkeypatch.setattr(handler, "long_answers", FairQuota(size * 3))
    items = [{"method": SHOWS}, *[{"method": GET_JOBS}] * 5]
    asking = asyncio.create_task(batch(gateway, items))
    async with asyncio.timeout(PATIENCE):
        await until(lambda: len(lines) == 5)
        release.set()
        found = await asking
    assert sorted(each["status"] for each in found) == [200, 200, 200, 200, 503, 503]
    assert handler.long_answers.held == {}


def handler_of(gateway: Gateway) -> batches.Batches:
    (route,) = (each for each in gateway.app.routes if getattr(each, "path", "") == BATCH)
    handler: batches.Batches = route.app  # type: ignore[attr-defined]
    return handler


async def test_no_item_begins_while_much_waits(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first item takes its time; the others would fill the memory behind it."""
    monkeypatch.setattr(batches, "MAX_WAITING_BYTES", 2000)
    finds_shows(cuebot)
    release = cuebot.holds(SHOWS)[1]
    names = [f"{number:0200}" for number in range(200)]
    asking = asyncio.create_task(batch(gateway, [{"method": SHOWS}, *finding(*names)]))
    async with asyncio.timeout(PATIENCE):
        await until(lambda: len(cuebot.seen) > 4)
        for _ in range(20):
            await gateway.post(FIND_SHOW, {"name": "other"})
        assert asked(cuebot).count(FIND_SHOW) < 20 + 2 * batches.ITEMS_AT_ONCE
        release.set()
        found = await asking
    assert [each["id"] for each in found[1:]] == names


# --- ends -------------------------------------------------------------------------------------
async def test_who_leaves_ends_what_has_not_begun(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    lines = gateway.access_lines()
    _, cancelled = cuebot.hangs(SHOWS)
    async with wire(gateway) as one:
        await one.send(request(BATCH, orjson.dumps([{"method": SHOWS}] * 100)))
        await until(lambda: len(cuebot.seen) == batches.ITEMS_AT_ONCE)
    async with asyncio.timeout(PATIENCE):
        await cancelled.wait()
    await until(lambda: len(lines) == batches.ITEMS_AT_ONCE + 1)
    assert {(line["status"], line["code"]) for line in lines} == {(499, "CANCELLED")}
    await gateway.post(FIND_SHOW, {})
    assert asked(cuebot) == [SHOWS] * batches.ITEMS_AT_ONCE + [FIND_SHOW]
    assert gateway.app.feature(Admission).slots.held == {}


async def test_who_leaves_while_items_wait_for_tokens(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=2) as gateway:
        lines = gateway.access_lines()
        async with wire(gateway) as one:
            await one.send(request(BATCH, orjson.dumps([{"method": SHOWS}] * 5)))
            await until(lambda: len(cuebot.seen) == 2)
        await until(lambda: any(line["path"] == BATCH for line in lines))
        ended = [(line["path"], line["status"]) for line in lines]
        assert sorted(ended) == sorted([(SHOWS, 200)] * 2 + [(SHOWS, 499)] * 3 + [(BATCH, 499)])


async def test_who_does_not_read_stops_the_batch(cuebot: ScriptedCuebot) -> None:
    """Items go on as far as there is room for their answers, and end with the client."""
    cuebot.answers(GET_JOBS, jobs(1000))
    async with gateway_for(cuebot.endpoint, http_timeout=1) as gateway, wire(gateway) as one:
        lines = gateway.access_lines()
        items = [{"method": GET_JOBS}] * 1000
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await one.send(request(BATCH, ndjson(items), "Content-Type: application/x-ndjson"))
        await until(lambda: any(line["path"] == BATCH for line in lines))
        assert len(cuebot.seen) < 200
        assert handler_of(gateway).long_answers.held == {}


async def test_a_stop_ends_the_rest(cuebot: ScriptedCuebot) -> None:
    release = cuebot.holds(SHOWS)[1]
    async with gateway_for(cuebot.endpoint, shared_reads="off") as gateway:
        items = [{"method": SHOWS}] * 30
        asking = asyncio.create_task(batch(gateway, items))
        async with asyncio.timeout(PATIENCE):
            await until(lambda: len(cuebot.seen) == batches.ITEMS_AT_ONCE)
            gateway.app.parts.readiness.stopping = True
            release.set()
            found = await asking
            statuses = [each["status"] for each in found]
            assert statuses == [200] * batches.ITEMS_AT_ONCE + [503] * 14
            assert found[-1]["error"]["message"] == "the gateway is stopping"
            assert found[-1]["headers"] == {"Retry-After": "1"}
            assert (await gateway.post(BATCH, items)).status_code == 503
    assert len(cuebot.seen) == batches.ITEMS_AT_ONCE


async def test_a_stop_ends_items_that_wait(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=2) as gateway:
        asking = asyncio.create_task(batch(gateway, [{"method": SHOWS}] * 5))
        async with asyncio.timeout(PATIENCE):
            await until(lambda: len(cuebot.seen) == 2)
            gateway.app.parts.readiness.stopping = True
            assert [each["status"] for each in await asking] == [200, 200, 503, 503, 503]


async def test_a_stop_that_does_not_wait_cuts_it_off(cuebot: ScriptedCuebot) -> None:
    _, cancelled = cuebot.hangs(SHOWS)
    async with gateway_for(cuebot.endpoint, shutdown_timeout=0) as gateway:
        lines = gateway.access_lines()
        asking = asyncio.create_task(gateway.post(BATCH, [{"method": SHOWS}] * 2))
        await until(lambda: len(cuebot.seen) == 2)
        gateway.server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            with suppress(httpx.HTTPError):
                await asking
            await cancelled.wait()
    ended = {(line["path"], line["status"], line["code"]) for line in lines}
    assert (SHOWS, 503, "UNAVAILABLE") in ended
