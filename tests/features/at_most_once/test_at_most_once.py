"""Idempotency-Key: a change is made once, and a repetition gets what became of it."""

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import httpx
import orjson
import pytest
from structlog.testing import capture_logs

from gateway.app import Gateway as App
from gateway.core.calls.failures import TELLS_NOTHING, error_for
from gateway.core.calls.plan import Found
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.core.shared_store import (
    WRITE_CHECK_KEYS,
    Link,
    LinkTiming,
    RedisStore,
    Script,
    StoreFailed,
    StoreRefused,
    Value,
)
from gateway.core.upstream.interface import (
    CallFailed,
    lost,
    no_memory,
    not_connected,
    not_grpc,
    refused,
    too_late,
)
from gateway.features.at_most_once import AtMostOnce, key_records
from gateway.features.at_most_once import exchange as at_most_once
from gateway.features.at_most_once.exchange import Attempt, KeptAnswer, key_of
from gateway.features.at_most_once.key_records import (
    CLAIM,
    FINISH,
    LATE_RECORDS,
    RECORD_BYTES,
    REMEMBERED_SECONDS,
    MemoryRecords,
    Owned,
    Record,
    StoreRecords,
    keys_of,
)
from gateway.features.catalog import build_catalog, load_profile
from tests.support.audit import outcomes
from tests.support.clocks import HandClock
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.owned_farm import BOS, answer, script
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    gateway_for,
    http_client,
    plain_uvicorn,
    settings_for,
)
from tests.support.stores import SERVER, StoreServer, store_server
from tests.support.wire import request, wire, wire_to

pytestmark = pytest.mark.anyio

METHODS = build_catalog(opencue(), Selection(), load_profile("opencue")).methods
PAUSE, KILL = "/job.JobInterface/Pause", "/job.JobInterface/Kill"
FIND_JOB = "/job.JobInterface/FindJob"
JOB = {"job": {"id": "11111111-2222-3333-4444-555555555555"}}
OTHER = {"job": {"id": "11111111-2222-3333-4444-666666666666"}}
LAUNCH, SPEC = "/job.JobInterface/LaunchSpecAndWait", {"spec": "<spec/>"}
REPLAYED = "idempotent-replayed"
ITEMS_AT_ONCE = 16
"""Of one batch."""
LOST_AFTER = 40
"""Seconds until the outcome of a call without an end is unknown: GRPC_TIMEOUT and 10."""


def keyed(key: str = '"k1"', **headers: str) -> dict[str, str]:
    return {"Idempotency-Key": key, **headers}


def told(answer: httpx.Response) -> tuple[int, bool]:
    """The status, and whether it is that of an earlier call."""
    return answer.status_code, answer.headers.get(REPLAYED) == "true"


def launched(count: int) -> bytes:
    jobs = [{"id": f"id-{n}", "name": f"naïve-{n}"} for n in range(count)]
    return answer("job.JobLaunchSpecAndWaitResponse", jobs={"jobs": jobs})


def in_flight(app: App) -> int:
    """Calls that hold their slots."""
    admission = pytest.importorskip("gateway.features.admission")
    taken: int = app.feature(admission.Admission).slots.taken
    return taken


def calls(cuebot: ScriptedCuebot, path: str = PAUSE) -> int:
    return sum(each == path for each, _, _ in cuebot.seen)


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    if SERVER is None:
        pytest.skip("no redis-server and no valkey-server")
    with store_server() as running:
        yield running


@pytest.fixture
async def store(server: StoreServer) -> StoreServer:
    """An empty one."""
    await operate(server, "FLUSHALL")
    return server


@pytest.fixture(params=["memory", "store"])
async def gateway(request: pytest.FixtureRequest, cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    """With each place that remembers keys."""
    if request.param == "memory":
        async with gateway_for(cuebot.endpoint) as running:
            yield running
        return
    server: StoreServer = request.getfixturevalue("server")
    await operate(server, "FLUSHALL")
    async with storing(cuebot, server) as running:
        yield running


@asynccontextmanager
async def storing(
    cuebot: ScriptedCuebot, store: StoreServer, **more: Any
) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint, state=store.url, **more) as gateway:
        make_patient(gateway)
        yield gateway


def make_patient(gateway: Gateway) -> None:
    """A busy machine makes no store be away."""
    assert gateway.app.parts.store is not None
    gateway.app.parts.store.timing = LinkTiming(answer=20)


COMPACT: dict[str, Any] = {"content": orjson.dumps(JOB)}
"""The bytes that a raw request and an item of a batch have; httpx may write spaces."""


async def answered(client: httpx.AsyncClient, key: str = "k1", **sent: Any) -> httpx.Response:
    """The answer to a repetition, once there is one."""
    sent = sent or {"json": JOB}
    async with asyncio.timeout(PATIENCE):
        while True:
            again = await client.post(PAUSE, headers=keyed(key), **sent)
            if not again.is_error:
                return again
            assert again.status_code in (409, 503)
            assert "unknown" not in again.text
            await asyncio.sleep(0.01)


async def operate(server: StoreServer, *command: object) -> Any:
    from redis.asyncio import Redis

    operator: Any = Redis(port=server.port)
    try:
        return await operator.execute_command(*command)
    finally:
        await operator.aclose()


# --- A repetition ---------------------------------------------------------------------------


@needs("names", "reference")
async def test_a_repetition_gets_the_first_answer(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """With what was reported, however the path and the key are spelled."""
    cuebot.answers(FIND_JOB, answer("job.JobFindJobResponse", job={"id": "j"}))
    first = await gateway.post(KILL, {"job": "comp"}, headers=keyed())
    assert told(first) == (200, False)
    assert first.headers["x-defaulted-fields"]
    cuebot.fails(FIND_JOB, grpc.StatusCode.NOT_FOUND, "there is no such pending job")
    seen = len(cuebot.seen)
    for path, key in ((KILL, '"k1"'), (f"/{KILL}", "k1")):
        again = await gateway.post(path, {"job": "comp"}, headers=keyed(key))
        assert (told(again), again.content) == ((200, True), first.content)
        assert again.headers["x-defaulted-fields"] == first.headers["x-defaulted-fields"]
    assert len(cuebot.seen) == seen


@needs("views", "compression")
async def test_an_answer_is_kept_as_it_was(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Compressed for whoever wants that, and in the form that was asked for first."""
    cuebot.answers(LAUNCH, launched(60))
    for key, form, kind in (("a", {}, "json"), ("b", {"Accept": "text/csv"}, "csv")):
        first = await gateway.post(LAUNCH, SPEC, headers=keyed(key, **form))
        again = await gateway.post(LAUNCH, SPEC, headers=keyed(key))
        plain = keyed(key, **{"Accept-Encoding": "identity"})
        once_more = await gateway.post(LAUNCH, SPEC, headers=plain)
        assert first.content == again.content == once_more.content
        assert "naïve-59" in again.text
        assert "content-encoding" in again.headers
        assert "content-encoding" not in once_more.headers
        types = {each.headers["content-type"] for each in (first, again, once_more)}
        assert len(types) == 1
        assert kind in types.pop()
    assert calls(cuebot, LAUNCH) == 2


async def test_cuebots_own_error_is_an_answer(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(PAUSE, grpc.StatusCode.INTERNAL, "so not")
    first = await gateway.post(PAUSE, JOB, headers=keyed())
    again = await gateway.post(PAUSE, JOB, headers=keyed())
    assert (told(first), told(again)) == ((500, False), (500, True))
    assert (again.content, calls(cuebot)) == (first.content, 1)


async def test_another_body_is_422(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    await gateway.post(PAUSE, JOB, headers=keyed())
    other = await gateway.post(PAUSE, OTHER, headers=keyed())
    assert (other.status_code, other.json()["error"]) == (422, "INVALID_ARGUMENT")
    assert "another body" in other.json()["message"]
    assert calls(cuebot) == 1


@needs("tokens")
async def test_a_key_is_of_a_principal_and_a_method(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    for path, subject in ((PAUSE, "lena"), (PAUSE, "marco"), (KILL, "lena")):
        answer = await gateway.post(path, JOB, headers=keyed() | bearer(subject))
        assert told(answer) == (200, False)
    assert (calls(cuebot), calls(cuebot, KILL)) == (2, 1)


@pytest.mark.parametrize(
    "more",
    [{}, pytest.param({"X-Dry-Run": "1"}, marks=needs("dry_run"))],
    ids=["read", "dry run"],
)
async def test_what_changes_nothing_ignores_it(
    gateway: Gateway, cuebot: ScriptedCuebot, more: dict[str, str]
) -> None:
    path = PAUSE if more else "/job.JobInterface/GetJob"
    asked = JOB if more else {"id": "x"}
    for _ in range(2):
        answer = await gateway.post(path, asked, headers=keyed("", **more))
        assert told(answer) == (200, False)


# --- Not known (yet) ------------------------------------------------------------------------


async def test_one_under_way_is_409(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """However many come at once, there is one call."""
    called, release = cuebot.holds(PAUSE)
    began = monotonic()
    asked = [asyncio.create_task(gateway.post(PAUSE, JOB, headers=keyed())) for _ in range(40)]
    await called.wait()
    await until(lambda: sum(each.done() for each in asked) == len(asked) - 1)
    for turned_away in [each.result() for each in asked if each.done()]:
        assert (turned_away.status_code, turned_away.json()["error"]) == (409, "ABORTED")
        assert_waits(turned_away, LOST_AFTER, began)
        assert "is being called" in turned_away.json()["message"]
    release.set()
    assert [(await each).status_code for each in asked].count(200) == 1
    assert told(await gateway.post(PAUSE, JOB, headers=keyed())) == (200, True)
    assert calls(cuebot) == 1


def assert_waits(turned_away: httpx.Response, seconds: int, began: float) -> None:
    """That a repetition is to wait for so many seconds, less those since `began` at most."""
    told = int(turned_away.headers["retry-after"])
    assert seconds - (monotonic() - began) <= told <= seconds


async def test_a_status_that_says_nothing_is_unknown(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    cuebot.fails(PAUSE, grpc.StatusCode.UNAVAILABLE, "who knows")
    await gateway.post(PAUSE, JOB, headers=keyed())
    await unknown(gateway, cuebot, "UNAVAILABLE: who knows")


async def unknown(
    gateway: Gateway, cuebot: ScriptedCuebot, said: str, item: str | None = None
) -> None:
    """`item` is the key of a batch's item, whose body has no spaces."""
    cuebot.answers(PAUSE, b"")
    for _ in range(2):
        if item is None:
            again = await gateway.post(PAUSE, JOB, headers=keyed())
        else:
            again = await gateway.post(PAUSE, headers=keyed(item), **COMPACT)
        assert (again.status_code, again.json()["error"]) == (409, "FAILED_PRECONDITION")
        message = again.json()["message"]
        assert re.match(
            rf"outcome unknown: {PAUSE} was called .* at 20[-0-9]+T[:0-9]+Z \(", message
        )
        assert said in message
        assert "retry-after" not in again.headers
    assert calls(cuebot) == 1


NOT_MADE = GatewayError(Code.UNAVAILABLE, "no connection")
FAILED = GatewayError(Code.INTERNAL, "no")
FAILED.fate = "answered"
LOST = GatewayError(Code.UNAVAILABLE, "lost")
LOST.fate = "unknown"


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([NOT_MADE], None),
        ([None, NOT_MADE], "failed"),
        ([None, FAILED], "failed"),
        ([FAILED], "failed"),
        ([None, LOST], "unknown"),
        ([LOST], "unknown"),
    ],
    ids=str,
)
async def test_what_becomes_of_several_calls(
    steps: list[GatewayError | None], state: str | None
) -> None:
    records, context = MemoryRecords(lambda principal: 1.0), context_of(PAUSE)
    attempt = Attempt(records, owned(1), RECORD, context.call)
    (change,) = (method for method in METHODS if method.path == PAUSE)

    async def call(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        record = await records.read(owned(1))
        assert record is not None
        assert record.state == "pending"
        if (error := steps.pop(0)) is not None:
            raise error
        return b""

    try:
        while True:
            await attempt.around(call)(change, b"")
    except GatewayError as error:
        await attempt.fail(context, error)
    record = await records.read(owned(1))
    assert (None if record is None else record.state) == state


@pytest.mark.parametrize(
    ("failed", "fate"),
    [
        (CallFailed(Code.INTERNAL, "x"), "answered"),
        (CallFailed(Code.UNIMPLEMENTED, "x"), "answered"),
        (CallFailed(Code.UNIMPLEMENTED, "Method not found: job.JobInterface/Pause"), "not sent"),
        *((CallFailed(code, "x"), "unknown") for code in TELLS_NOTHING),
        (not_connected("x"), "not sent"),
        (refused("x"), "not sent"),
        (too_late(may_have_reached_server=False), "not sent"),
        *((each, "unknown") for each in (too_late(), lost("x"), not_grpc("x"), no_memory(1))),
    ],
    ids=repr,
)
def test_what_is_known_of_a_failed_call(failed: CallFailed, fate: str) -> None:
    assert error_for(failed).fate == fate


@needs("names", "tokens")
async def test_what_is_refused_before_the_call_leaves_no_key(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    cuebot.fails(FIND_JOB, grpc.StatusCode.NOT_FOUND, "there is no such pending job")
    nobody = {"Authorization": ""}
    for body, more, status in (
        ({"jb": 1}, {}, 400),
        ({"job": "comp"}, {}, 404),
        (JOB, nobody, 401),
    ):
        answer = await gateway.post(PAUSE, body, headers=keyed() | more)
        assert (answer.status_code, calls(cuebot)) == (status, 0)
    assert told(await gateway.post(PAUSE, JOB, headers=keyed())) == (200, False)


@pytest.mark.parametrize(
    ("fails", "error", "says"),
    [
        (False, "ALREADY_EXISTS", "and succeeded; its answer was too large to be kept"),
        (True, "FAILED_PRECONDITION", "and failed; its error was too large to be kept"),
    ],
)
async def test_an_outcome_too_large_to_keep(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,
    error: str,
    says: str,
) -> None:
    monkeypatch.setattr(at_most_once, "LARGEST_KEPT_BYTES", 100)
    cuebot.answers(LAUNCH, launched(10))
    if fails:
        cuebot.fails(LAUNCH, grpc.StatusCode.INTERNAL, "no" * 100)
    first = await gateway.post(LAUNCH, SPEC, headers=keyed())
    assert first.status_code == (500 if fails else 200)
    again = await gateway.post(LAUNCH, SPEC, headers=keyed())
    assert (again.status_code, again.json()["error"]) == (409, error)
    assert says in again.json()["message"]
    assert calls(cuebot, LAUNCH) == 1


CREATE, SET_MIN = "/show.ShowInterface/CreateShow", "/show.ShowInterface/SetDefaultMinCores"


@pytest.mark.parametrize(
    ("code", "status"), [("FAILED_PRECONDITION", 400), ("UNAVAILABLE", 409), ("OK", 404)]
)
@needs("reference")
async def test_calls_of_several_steps_are_one(
    gateway: Gateway, cuebot: ScriptedCuebot, code: str, status: int
) -> None:
    """When a later one fails, the error says what has been done, and nothing is done again."""
    cuebot.fails("/show.ShowInterface/FindShow", grpc.StatusCode.NOT_FOUND, "no such show")
    cuebot.answers(CREATE, answer("show.ShowCreateShowResponse", show={"id": "s"}))
    if code != "OK":
        cuebot.fails(SET_MIN, grpc.StatusCode[code], "not now")
    body = {"name": "new", "defaultMinCores": 1}
    first = await gateway.post(CREATE, body, headers=keyed())
    again = await gateway.post(CREATE, body, headers=keyed())
    assert again.status_code == status
    if status == 409:
        assert (
            "CreateShow succeeded, then SetDefaultMinCores failed: not now"
            in again.json()["message"]
        )
    else:
        assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    assert (calls(cuebot, CREATE), calls(cuebot, SET_MIN)) == (1, 1)


# --- A client that leaves -------------------------------------------------------------------


@needs("admission")
async def test_a_call_goes_on_without_its_client(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    await goes_on(gateway.port, cuebot)
    assert in_flight(gateway.app) == 0


async def goes_on(port: int, cuebot: ScriptedCuebot) -> None:
    called, release = cuebot.holds(PAUSE)
    body = orjson.dumps(JOB)
    async with wire_to(port) as one:
        await one.send(request(PAUSE, body, "Idempotency-Key: k1"))
        await called.wait()
    async with http_client(f"http://127.0.0.1:{port}", headers=bearer()) as client:
        waiting = await client.post(PAUSE, headers=keyed(), **COMPACT)
        assert waiting.status_code == 409
        release.set()
        again = await answered(client, **COMPACT)
    assert told(again) == (200, True)
    assert calls(cuebot) == 1


@needs("admission", "batch")
async def test_items_of_a_batch_go_on_without_its_client(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Those that are being called; the others do not begin."""
    release = cuebot.holds(PAUSE)[1]
    items = [{"id": n, "method": PAUSE, "request": JOB} for n in range(ITEMS_AT_ONCE + 1)]
    async with wire(gateway) as one:
        await one.send(request("/batch", orjson.dumps(items), "Idempotency-Key: b"))
        await until(lambda: calls(cuebot) == ITEMS_AT_ONCE)
    await until(lambda: len(gateway.server.connections) == 0)
    waiting = await gateway.post(PAUSE, headers=keyed("b/0"), **COMPACT)
    assert waiting.status_code == 409
    release.set()
    await until(lambda: in_flight(gateway.app) == 0)
    assert (await answered(gateway.client, "b/0", **COMPACT)).headers[REPLAYED] == "true"
    again = await gateway.post("/batch", items, headers=keyed("b"))
    replayed = [each.get("headers", {}).get("Idempotent-Replayed") for each in again.json()]
    assert [each["status"] for each in again.json()] == [200] * len(items)
    assert replayed == ["true"] * ITEMS_AT_ONCE + [None]
    assert calls(cuebot) == len(items)


@needs("server")
async def test_a_stop_that_cuts_off_the_call_is_unknown(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    _, cancelled = cuebot.hangs(PAUSE)
    first = asyncio.create_task(gateway.post(PAUSE, JOB, headers=keyed()))
    await until(lambda: calls(cuebot) == 1)
    (task,) = gateway.server.server_state.tasks
    task.cancel()
    assert (await first).status_code == 503
    await cancelled.wait()
    await unknown(gateway, cuebot, "the gateway stopped")


@needs("admission", "batch")
async def test_a_stop_that_cuts_off_a_batch_without_its_client(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    _, cancelled = cuebot.hangs(PAUSE)
    async with wire(gateway) as one:
        items = [{"id": 1, "method": PAUSE, "request": JOB}]
        await one.send(request("/batch", orjson.dumps(items), "Idempotency-Key: k1"))
        await until(lambda: calls(cuebot) == 1)
    await until(lambda: not gateway.server.connections)
    (task,) = gateway.server.server_state.tasks
    task.cancel()
    await cancelled.wait()
    await until(lambda: in_flight(gateway.app) == 0)
    await unknown(gateway, cuebot, "the gateway stopped", "k1/1")


async def test_a_bug_after_the_call_is_unknown(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_most_once, "pieces_of", lambda request, answer: 1 / 0)
    assert (await gateway.post(PAUSE, JOB, headers=keyed())).status_code == 500
    await unknown(gateway, cuebot, "the gateway failed")


@needs("admission", "server")
async def test_a_client_that_is_gone_before_the_call(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, gone = asyncio.Event(), asyncio.Event()

    async def read(owned: Owned) -> None:
        reading.set()
        await gone.wait()

    monkeypatch.setattr(gateway.app.feature(AtMostOnce).records, "read", read)
    async with wire(gateway) as one:
        await one.send(request(PAUSE, orjson.dumps(JOB), "Idempotency-Key: k1"))
        await reading.wait()
    await until(lambda: not gateway.server.connections)
    gone.set()
    await until(lambda: in_flight(gateway.app) == 0)
    assert calls(cuebot) == 0


@pytest.mark.slow
@needs("admission")
async def test_plain_uvicorn_does_the_same(cuebot: ScriptedCuebot) -> None:
    async with plain_uvicorn(cuebot.endpoint) as (port, app):
        await goes_on(port, cuebot)
        await until(lambda: in_flight(app) == 0)


# --- Rights ---------------------------------------------------------------------------------


OWN = rule("artists", {"role": "artist"}, "all", only="user = $sub")
ANY = rule("artists", {"role": "artist"}, "all")
READS = rule("artists", {"role": "artist"}, "reads")
SHOW = rule("artists", {"role": "artist"}, "all", only="show in $shows")
LENAS_JOB = {"job": "lena-job"}


def now_ruled(gateway: Gateway, now: dict[str, object]) -> None:
    """From now on this rule holds, as after a reload."""
    settings = settings_for("localhost:1", access=[now], access_default="deny")
    access = next(each for each in gateway.app.reloadable if each.follows("access"))
    access.prepare(settings)()


@pytest.fixture
async def ruled(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    """Has a call of lena's behind it, under a rule with a condition that her job fits."""
    script(cuebot, METHODS)
    async with gateway_for(cuebot.endpoint, access=[OWN], access_default="deny") as gateway:
        answer = await gateway.post(PAUSE, LENAS_JOB, headers=keyed() | LENA)
        assert answer.status_code == 200
        yield gateway


LENA = signed("lena", role="artist", shows=["demo"])


@needs("access", "object_rights", "tokens")
async def test_the_same_conditions_judge_nothing_anew(
    ruled: Gateway, cuebot: ScriptedCuebot
) -> None:
    """What a call was about may be gone by then."""
    seen = len(cuebot.seen)
    again = await ruled.post(PAUSE, LENAS_JOB, headers=keyed() | signed("lena", role="artist", x=1))
    assert told(again) == (200, True)
    assert len(cuebot.seen) == seen


@needs("access", "object_rights", "tokens")
async def test_other_claims_are_judged_before_a_replay(
    ruled: Gateway, cuebot: ScriptedCuebot
) -> None:
    now_ruled(ruled, SHOW)
    found = []
    for shows in (["demo"], ["demo"], ["other"], ["other", "demo"]):
        who = signed("lena", role="artist", shows=shows)
        answer = await ruled.post(PAUSE, LENAS_JOB, headers=keyed("k2") | who)
        found.append(told(answer))
    assert found == [(200, False), (200, True), (403, False), (200, True)]
    assert calls(cuebot) == 2


@pytest.mark.parametrize(
    ("now", "claims", "status"),
    [
        (ANY, {}, 200),
        (SHOW, {"shows": ["demo"]}, 200),
        (SHOW, {"shows": ["other"]}, 403),
        (rule("artists", {"role": "artist"}, "all", only="user = marco"), {}, 403),
        (READS, {}, 403),
    ],
)
@needs("access", "object_rights", "tokens")
async def test_other_rules_are_judged_before_a_replay(
    ruled: Gateway,
    cuebot: ScriptedCuebot,
    now: dict[str, object],
    claims: dict[str, object],
    status: int,
) -> None:
    now_ruled(ruled, now)
    who = signed("lena", role="artist", **claims)
    again = await ruled.post(PAUSE, LENAS_JOB, headers=keyed() | who)
    assert told(again) == (status, status == 200)
    assert calls(cuebot) == 1


@needs("access", "object_rights", "tokens")
async def test_a_right_that_is_lost_while_keys_are_read(
    ruled: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(owned: Owned) -> None:
        now_ruled(ruled, READS)

    monkeypatch.setattr(ruled.app.feature(AtMostOnce).records, "read", read)
    answer = await ruled.post(PAUSE, LENAS_JOB, headers=keyed("k2") | LENA)
    assert (answer.status_code, calls(cuebot)) == (403, 1)


@needs("access", "object_rights", "tokens")
async def test_a_change_without_the_right_leaves_no_key(
    ruled: Gateway, cuebot: ScriptedCuebot
) -> None:
    headers = keyed("k2") | LENA
    assert (await ruled.post(PAUSE, {"job": {"id": BOS}}, headers=headers)).status_code == 403
    again = await ruled.post(PAUSE, LENAS_JOB, headers=headers)
    assert told(again) == (200, False)
    assert calls(cuebot) == 2


@needs("access", "audit", "object_rights", "tokens")
async def test_a_replay_is_not_in_the_audit_log(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """It has a line for each change, and a replay is none; nor is a rehearsal for one."""
    script(cuebot, METHODS)
    log = tmp_path / "audit"
    more: dict[str, Any] = {"access": [OWN], "access_default": "deny"}
    async with gateway_for(cuebot.endpoint, audit_log=str(log), **more) as gateway:
        await gateway.post(PAUSE, LENAS_JOB, headers=keyed() | LENA)
        now_ruled(gateway, SHOW)
        again = await gateway.post(PAUSE, LENAS_JOB, headers=keyed() | LENA)
        assert told(again) == (200, True)
        now_ruled(gateway, READS)
        await gateway.post(PAUSE, LENAS_JOB, headers=keyed() | LENA)
    assert [line["status"] for line in outcomes(log)] == [200, 403]


@pytest.mark.parametrize("synced", [False, True])
@needs("audit")
async def test_what_is_not_called_for_its_key(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    """The audit log says of no change that was not made that it was called."""
    log = tmp_path / "audit"
    async with gateway_for(cuebot.endpoint, audit_log=str(log), audit_sync=synced) as gateway:

        async def faster(owned: Owned, record: Record) -> Record:
            return Record(record.fingerprint)

        async def away(owned: Owned, record: Record) -> Record:
            raise GatewayError(Code.UNAVAILABLE, "away")

        for claim, status in ((faster, 409), (away, 503)):
            monkeypatch.setattr(gateway.app.feature(AtMostOnce).records, "claim", claim)
            answer = await gateway.post(PAUSE, JOB, headers=keyed())
            assert answer.status_code == status
    assert calls(cuebot) == 0
    found = [(line["status"], line.get("called")) for line in outcomes(log)]
    assert found == ([(409, False), (503, False)] if synced else [])


# --- Where keys are remembered --------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b'"a b"', b"a b"),
        (b"a b", b"a b"),
        (rb'"a\"b\\"', b'a"b\\'),
        (b"k" * 255, b"k" * 255),
        (b'"' + b"k" * 255 + b'"', b"k" * 255),
        *((each, None) for each in (b"", b'""', b'"', b'"a', b'"a"b"', b'"a", "b"', b'"a";b=1')),
        *((each, None) for each in (b"k" * 256, b'"' + b"k" * 256 + b'"', b"\xc3\xa9", b"a\tb")),
        (rb'"a\b"', None),
    ],
)
def test_what_is_a_key(header: bytes, key: bytes | None) -> None:
    if key is not None:
        assert key_of(header) == key
        return
    with pytest.raises(GatewayError, match="nothing was called") as refused:
        key_of(header)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PAUSE, JOB),
        pytest.param(
            "/batch", [{"id": "a", "method": PAUSE, "request": JOB}], marks=needs("batch")
        ),
    ],
)
async def test_a_bad_key_calls_nothing(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object
) -> None:
    """As that of a script whose variable is empty: all that it sends would have the same key."""
    answer = await gateway.post(path, body, headers=keyed(""))
    assert (answer.status_code, calls(cuebot)) == (400, 0)
    assert "nothing was called" in answer.json()["message"]


BATCH_OF_ONE = orjson.dumps([{"id": "a", "method": PAUSE, "request": JOB}])
TWICE = {
    "a change": ("POST", PAUSE, orjson.dumps(JOB), {}),
    "a dry run": ("POST", PAUSE, orjson.dumps(JOB), {"X-Dry-Run": "1"}),
    "a read": ("POST", FIND_JOB, b'{"name": "shot"}', {}),
    "a GET": ("GET", f"{FIND_JOB}?name=shot", b"", {}),
    "an event stream": ("GET", f"{FIND_JOB}?name=shot", b"", {"Accept": "text/event-stream"}),
    "a batch": ("POST", "/batch", BATCH_OF_ONE, {}),
    "no method": ("POST", "/job.JobInterface/Paus", b"{}", {}),
}
TWO_KEYS = [("k1", "k2"), ("k1", "k1"), ('"k1"', '"k2"'), ('"k1', 'k2"'), ("", "k2")]


async def refuses_two_keys(port: int, cuebot: ScriptedCuebot) -> None:
    for what, (verb, path, body, headers) in TWICE.items():
        for keys in TWO_KEYS:
            lines = [f"Idempotency-Key: {key}" for key in keys]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            async with wire_to(port) as one:
                await one.send(request(path, body, *lines).replace(b"POST", verb.encode(), 1))
                refused = await one.answer()
            assert b"more than one Idempotency-Key in one request" in refused.body, (what, keys)
            assert refused.status == 400, (what, keys)
    assert not cuebot.seen


async def test_two_keys_in_one_request_are_400(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Whatever is asked for, and also where the two would be one key when joined by a comma."""
    await refuses_two_keys(gateway.port, cuebot)


@pytest.mark.slow
async def test_two_keys_are_400_under_plain_uvicorn(cuebot: ScriptedCuebot) -> None:
    async with plain_uvicorn(cuebot.endpoint) as (port, _):
        await refuses_two_keys(port, cuebot)


@pytest.mark.parametrize("key", ["k1, k2", '"k1, k2"'])
async def test_a_key_may_have_a_comma(gateway: Gateway, cuebot: ScriptedCuebot, key: str) -> None:
    found = [await gateway.post(PAUSE, JOB, headers=keyed(key)) for _ in range(2)]
    assert [told(each) for each in found] == [(200, False), (200, True)]


async def test_workers_without_a_store_are_501(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, workers=2) as gateway:
        answer = await gateway.post(PAUSE, JOB, headers=keyed())
        assert (answer.status_code, calls(cuebot)) == (501, 0)
        assert "WORKERS" in answer.json()["message"]
        assert "STATE" in answer.json()["message"]
        assert (await gateway.post(PAUSE, JOB)).status_code == 200


RECORD = Record("f", kept=b"0123456789abcdef")


def owned(number: int, principal: str = "lena") -> Owned:
    return Owned(principal, f"{principal} {number}")


async def fill(records: MemoryRecords, principal: str) -> int:
    """How many records this principal may have."""
    for number in range(10**6):
        try:
            assert await records.claim(owned(number, principal), RECORD) is None
        except GatewayError as full:
            return number if (full.status, full.cause) == (503, "keys") else -1
    raise AssertionError


async def test_memory_is_bounded_and_shared() -> None:
    clock = HandClock(1000)
    records = MemoryRecords(lambda principal: 1.0, size=100 * RECORD_BYTES, clock=clock)
    assert await fill(records, "lena") == 100
    assert await records.claim(owned(1), RECORD) is not None  # what is pending stays
    await records.finish(owned(0), RECORD, None)
    assert await records.claim(owned(1000), RECORD) is None
    assert await fill(records, "marco") > 0
    clock.now += REMEMBERED_SECONDS
    assert await records.read(owned(1)) is None
    assert await fill(records, "lena") == 100


async def test_what_is_kept_counts() -> None:
    clock = HandClock(1000)
    records = MemoryRecords(lambda principal: 1.0, size=4 * RECORD_BYTES, clock=clock)
    for number, kept in enumerate((2 * RECORD_BYTES, 2 * RECORD_BYTES)):
        assert await records.claim(owned(number), RECORD) is None
        await records.finish(owned(number), RECORD, Record("f", "", "done", b"x" * kept))
    known = [await records.read(owned(number)) for number in range(2)]
    assert [each and len(each.kept) for each in known] == [2 * RECORD_BYTES, 0]
    clock.now += REMEMBERED_SECONDS
    assert await fill(records, "lena") == 4


async def test_a_record_takes_no_more_memory_than_it_counts() -> None:
    records, number = MemoryRecords(lambda principal: 1.0), 500
    headers = [(b"content-type", b"application/json")]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for each in range(number):
            of = owned(each)._replace(name=f"{each:064}")
            digests = Record(f"{each:064}", f"{each:064}", kept=b"%016d" % each)
            await records.claim(of, digests)
            done = KeptAnswer(200, headers, b'{"n":%d}' % each).dump()
            await records.finish(of, digests, replace(digests, state="done", kept=done))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / number < RECORD_BYTES


async def test_a_store_that_is_away_is_503(store: StoreServer, cuebot: ScriptedCuebot) -> None:
    async with storing(cuebot, store) as gateway:
        await gateway.post(PAUSE, JOB, headers=keyed("away"))
        link = gateway.app.parts.store
        assert link is not None
        async with full(store):
            refused = await gateway.post(PAUSE, JOB, headers=keyed("full"))
        assert refused.status_code == 503
        assert "cannot remember it now; nothing was called" in refused.json()["message"]
        assert (await gateway.post(PAUSE, JOB)).status_code == 200
        await until(lambda: link.up)
        again = await answered(gateway.client, "full")
        assert REPLAYED not in again.headers
        assert calls(cuebot) == 3


class Losing(RedisStore):
    """Loses the connection once: before it runs this script, or after that."""

    def __init__(self, store: StoreServer, loses: Script, *, after: bool) -> None:
        super().__init__(settings_for("cuebot:1", state=store.url))
        self.loses: Script | None = loses
        self.after = after

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        if script is not self.loses:
            return await super().run(script, keys, values)
        self.loses = None
        if self.after:
            await super().run(script, keys, values)
        raise StoreFailed("the connection is gone")


@asynccontextmanager
async def losing(store: StoreServer, loses: Script, *, after: bool) -> AsyncIterator[StoreRecords]:
    link = Link(Losing(store, loses, after=after), "…", LinkTiming(answer=20))
    records = StoreRecords(link)
    running = asyncio.gather(link.keep(), records.run())
    await link.first_look()
    try:
        yield records
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def becomes(records: StoreRecords, number: int, state: str) -> None:
    """Wait until this is known of the key; "": nothing."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(GatewayError):  # the store may be away
                record = await records.read(owned(number))
                if ("" if record is None else record.state) == state:
                    return
            await asyncio.sleep(0.01)


async def test_a_claim_whose_answer_is_lost_is_taken_back(store: StoreServer) -> None:
    """Nothing is called then, so the key must not look as if it were."""
    async with losing(store, CLAIM, after=True) as records:
        with pytest.raises(GatewayError, match="nothing was called"):
            await records.claim(owned(1), RECORD)
        assert len(await expiries(store)) == 2
        await becomes(records, 1, "")
        assert await expiries(store) == []


async def test_a_claim_that_is_cut_off_is_taken_back(store: StoreServer) -> None:
    async with losing(store, Script(""), after=False) as records:
        written = asyncio.Event()

        async def stuck(answer: Awaitable[object], patience: float = 0.0) -> None:
            await answer
            written.set()
            await asyncio.Event().wait()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records._link, "in_time", stuck)
            claiming = asyncio.create_task(records.claim(owned(1), RECORD))
            await written.wait()
        claiming.cancel()
        await becomes(records, 1, "")


async def test_an_outcome_that_could_not_be_told_is_told_later(store: StoreServer) -> None:
    async with losing(store, FINISH, after=False) as records:
        await records.claim(owned(1), RECORD)
        await records.finish(owned(1), RECORD, Record("f", "", "done", b"x"))
        await becomes(records, 1, "done")


@asynccontextmanager
async def full(store: StoreServer) -> AsyncIterator[None]:
    await operate(store, "CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        await operate(store, "CONFIG", "SET", "maxmemory", "0")


async def test_a_full_store_is_told_later(store: StoreServer) -> None:
    """However many keys it has refused; until then, it can still remove what is pending."""
    async with losing(store, Script(""), after=False) as records:
        await records.claim(owned(0), RECORD)
        async with full(store):
            for number in range(1, LATE_RECORDS + 1):
                with pytest.raises(GatewayError, match="nothing was called"):
                    await records.claim(owned(number), RECORD)
            await records.finish(owned(0), RECORD, Record("f", "", "done", b"x"))
            assert await operate(store, "ZCARD", "cuebot-gateway:pending-keys") == 1
        await becomes(records, 0, "done")


async def test_refusals_are_logged_once(store: StoreServer) -> None:
    """Whatever is read in between."""
    async with losing(store, Script(""), after=False) as records:
        with capture_logs() as logs:
            async with full(store):
                for number in range(3):
                    await records.read(owned(number))
                    with pytest.raises(GatewayError):
                        await records.claim(owned(number), RECORD)
        assert [each["event"] for each in logs] == ["the shared store refuses keys"]


async def test_a_claim_that_is_refused_leaves_nothing(store: StoreServer) -> None:
    """Whichever command the permissions lack."""
    may = "+@connection +eval +evalsha +info +time +get +del"
    writes = ("+set", "+zadd", "+zrangebyscore")
    for lacking in writes:
        given = f"{may} ~cuebot-gateway:* {' '.join(each for each in writes if each != lacking)}"
        await operate(store, "ACL", "SETUSER", "some", "reset", "on", ">word", *given.split())
        url = store.url.replace("//", "//some:word@")
        client = RedisStore(settings_for("cuebot:1", state=url))
        with pytest.raises(StoreRefused):
            await client.run(CLAIM, keys_of(owned(1)), [1000, RECORD.dump()])
        await client.close()
        assert await operate(store, "KEYS", "cuebot-gateway:key:*") == []


async def test_what_waits_is_told_at_a_stop(
    store: StoreServer, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_records, "LATE_PAUSE_SECONDS", PATIENCE)
    async with storing(cuebot, store) as gateway:
        called, release = cuebot.holds(PAUSE)
        first = asyncio.create_task(gateway.post(PAUSE, JOB, headers=keyed()))
        await called.wait()
        async with full(store):
            release.set()
            assert (await first).status_code == 200
    async with storing(cuebot, store) as gateway:
        again = await gateway.post(PAUSE, JOB, headers=keyed())
        assert told(again) == (200, True)
    assert calls(cuebot) == 1


async def test_a_store_that_has_become_a_replica(store: StoreServer) -> None:
    """The link looks for the primary again, which may have taken over the name."""
    async with losing(store, Script(""), after=False) as records:
        try:
            await operate(store, "REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(GatewayError, match="nothing was called"):
                await records.claim(owned(1), RECORD)
        finally:
            await operate(store, "REPLICAOF", "NO", "ONE")
        assert records._link.losses == 1
        await becomes(records, 1, "")


class Slow(RedisStore):
    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        if script in (CLAIM, FINISH):
            await asyncio.sleep(0.02)
        return await super().run(script, keys, values)


async def test_keys_wait_longer_for_the_store_than_limits(store: StoreServer) -> None:
    slow = Slow(settings_for("cuebot:1", state=store.url))
    link = Link(slow, "…", LinkTiming(answer=20))
    keeping = asyncio.create_task(link.keep())
    await link.first_look()
    link.timing = LinkTiming(answer=0.001, grace=0)
    try:
        assert await StoreRecords(link).claim(owned(1), RECORD) is None
        assert link.up
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_nobody_ends_anothers_claim(store: StoreServer) -> None:
    async with losing(store, Script(""), after=False) as records:
        await records.claim(owned(1), RECORD)
        for outcome in (None, Record("f", "", "done", b"x")):
            await records.finish(owned(1), Record("f", kept=b"another's"), outcome)
            await becomes(records, 1, "pending")


async def test_a_store_that_may_forget_is_501(store: StoreServer, cuebot: ScriptedCuebot) -> None:
    policy = ("CONFIG", "SET", "maxmemory-policy")
    await operate(store, "CONFIG", "SET", "maxmemory", "1gb")
    try:
        for name, status in (("allkeys-lru", 501), ("volatile-lru", 200)):
            await operate(store, *policy, name)
            async with storing(cuebot, store) as gateway:
                answer = await gateway.post(PAUSE, JOB, headers=keyed(name))
                assert answer.status_code == status
                assert (name in answer.text) is (status == 501)
    finally:
        await operate(store, *policy, "noeviction")
        await operate(store, "CONFIG", "SET", "maxmemory", "0")


async def test_gateways_share_keys_and_pending_ones_do_not_expire(
    store: StoreServer, cuebot: ScriptedCuebot
) -> None:
    called, release = cuebot.holds(PAUSE)
    async with storing(cuebot, store, workers=2) as one, storing(cuebot, store) as other:
        first = asyncio.create_task(one.post(PAUSE, JOB, headers=keyed()))
        await called.wait()
        assert (await other.post(PAUSE, JOB, headers=keyed())).status_code == 409
        assert set(await expiries(store)) == {-1}
        release.set()
        await first
        assert (await other.post(PAUSE, JOB, headers=keyed())).headers[REPLAYED] == "true"
        (left,) = await expiries(store)
        assert 0.99 < left / 1000 / REMEMBERED_SECONDS <= 1


OTHER_KEYS = (b"cuebot-gateway:rate:", WRITE_CHECK_KEYS[0].encode())


async def expiries(store: StoreServer) -> list[int]:
    """The milliseconds that each key has left; -1 for ever."""
    names = await operate(store, "KEYS", "cuebot-gateway:*")
    # `look` is there for 1 ms, when a link connects.
    others = [name for name in names if not name.startswith(OTHER_KEYS)]
    return [await operate(store, "PTTL", name) for name in others]


async def test_a_pending_key_of_a_gateway_that_is_gone(
    store: StoreServer, cuebot: ScriptedCuebot
) -> None:
    """Under way as long as a call could take, unknown for a day, then as if it were not there."""
    called, release = cuebot.holds(PAUSE)
    began = monotonic()
    async with storing(cuebot, store, grpc_timeout=1000) as gateway:
        first = asyncio.create_task(gateway.post(PAUSE, JOB, headers=keyed()))
        await called.wait()
        (name,) = await operate(store, "KEYS", "cuebot-gateway:key:*")
        record = await operate(store, "GET", name)
        release.set()
        await first
        since, _, rest = record.partition(b" ")

        async def older(seconds: float) -> httpx.Response:
            began = b"%d" % (int(since) - round(seconds * 1000))
            await operate(store, "SET", name, began + b" " + rest)
            await operate(store, "ZADD", "cuebot-gateway:pending-keys", began, name)
            return await gateway.post(PAUSE, JOB, headers=keyed())

        under_way = await older(900)
        assert "is being called" in under_way.json()["message"]
        assert_waits(under_way, 110, began)
        lost = await older(1010)
        assert "retry-after" not in lost.headers
        assert (lost.status_code, lost.json()["error"]) == (409, "FAILED_PRECONDITION")
        assert "the gateway has not seen its end" in lost.json()["message"]
        assert calls(cuebot) == 1
        forgotten = await older(REMEMBERED_SECONDS + 1)
        assert told(forgotten) == (200, False)
        forgotten = await older(REMEMBERED_SECONDS + 1)
        began = int(since) - 2 * REMEMBERED_SECONDS * 1000
        await operate(store, "SET", name, b"%d " % began + rest)
        await operate(store, "ZADD", "cuebot-gateway:pending-keys", began, name)
        await gateway.post(PAUSE, JOB, headers=keyed("another"))
        assert await operate(store, "EXISTS", name, "cuebot-gateway:pending-keys") == 0


async def test_a_store_that_refuses_keys_counts_requests(
    store: StoreServer, cuebot: ScriptedCuebot
) -> None:
    """As with the permissions that were enough for limits."""
    may = "+@connection +eval +evalsha +get +set +time ~cuebot-gateway:*"
    await operate(store, "ACL", "SETUSER", "limits", "on", ">word", *may.split())
    url = store.url.replace("//", "//limits:word@")
    async with gateway_for(cuebot.endpoint, state=url) as gateway:
        make_patient(gateway)
        answer = await gateway.post(PAUSE, JOB, headers=keyed())
        assert (answer.status_code, calls(cuebot)) == (503, 0)
        link = gateway.app.parts.store
        assert link is not None
        assert (link.up, link.losses) == (True, 0)
