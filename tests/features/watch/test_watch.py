"""Event streams: reads that are watched."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, cast

import grpc
import pytest

from gateway.core.long_work import BACKGROUND_STEP, STEP, STEP_SECONDS, let_others_run
from gateway.features.admission import Admission
from gateway.features.tokens import Tokens
from gateway.features.tokens.revocation import Revocations
from gateway.features.tokens.tokens import TokenRules
from gateway.features.watch import Watch
from gateway.features.watch.watches import WatchLimits
from tests.features.access.rules import access_rules
from tests.support.clocks import LookClock
from tests.support.events import EVENTS, Event, Stream, watching
from tests.support.needs import needs
from tests.support.opencue import hosts, message_class
from tests.support.owned_farm import BOS, LENAS, answer, script
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    gateway_for,
    head,
    http_client,
    plain_uvicorn,
    running_cuebot,
    settings_for,
    token,
)
from tests.support.two_versions import ECHO, LIST, MANY, NEW, OLD, ChangingCuebot, own_word
from tests.support.wire import request, wire, wire_on, wire_to

pytestmark = [pytest.mark.anyio, needs("access", "admission", "metrics", "tokens")]

PLAIN = {"Accept": "application/json"}
HOSTS = "/host.HostInterface/GetHosts"
FIND_JOB = "/job.JobInterface/FindJob"
GET_JOB = "/job.JobInterface/GetJob"
GET_JOBS = "/job.JobInterface/GetJobs"
IS_PENDING = "/job.JobInterface/IsJobPending"
JOB_ID = "00000000-0000-0000-0000-000000000001"
TESTER = Revocations(subjects=frozenset(("tester",)))
LIMITS = "gateway.features.watch.feature.WATCH_LIMITS"
QUICK = WatchLimits(tick_seconds=0.01, check_seconds=0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks may follow one another at once."""
    monkeypatch.setattr("gateway.features.watch.options.LEAST_PERIOD_SECONDS", 0.001)
    monkeypatch.setattr("gateway.features.watch.options.USUAL_PERIOD_SECONDS", 0.02)
    monkeypatch.setattr(LIMITS, QUICK)


@pytest.fixture
async def farm(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint) as gateway:
        yield gateway


def names(rows: Any) -> list[str]:
    return [row["name"] for row in rows]


def all_of(event: Event) -> list[str]:
    assert event.kind == "snapshot"
    return names(event.data["hosts"]["hosts"])


@pytest.mark.parametrize("body", [None, {}])
async def test_what_changes_is_sent(cuebot: ScriptedCuebot, farm: Gateway, body: object) -> None:
    cuebot.answers(HOSTS, hosts("a", "b"))
    async with watching(farm, HOSTS, body) as stream:
        headers = stream.answer.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in headers
        assert await stream.block() == ["retry: 2000"]
        first = await stream.next()
        assert first.data == (await farm.post(HOSTS, {})).json()
        cuebot.answers(HOSTS, hosts("c", b=1))
        second = await stream.next()
        assert (second.kind, names(second.data["added"])) == ("change", ["c"])
        assert second.data["changed"] == [
            {**second.data["added"][0], "id": "id of b", "name": "b", "state": "DOWN"}
        ]
        assert second.data["removed"] == ["id of a"]
        assert first.id != second.id
        cuebot.answers(HOSTS, hosts("c"))
        third = await stream.next()
        assert third.data == {"added": [], "changed": [], "removed": ["id of b"]}


async def looked(cuebot: ScriptedCuebot, times: int) -> None:
    """Wait for so many looks that begin after this, and the answers to all but the last."""
    before = len(cuebot.seen)
    await until(lambda: len(cuebot.seen) > before + times)


async def test_a_view_of_groups_is_sent_whole(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    view = "_group=state&_count=true"
    cuebot.answers(HOSTS, hosts("a", "b"))
    async with watching(farm, f"{HOSTS}?{view}") as stream:
        for names in ("ab", "abc"):
            cuebot.answers(HOSTS, hosts(*names))
            event = await stream.next()
            assert event.kind == "snapshot"
            assert event.data == (await farm.client.get(f"{HOSTS}?{view}")).json()


async def test_an_answer_without_rows_is_sent_whole(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.answers(GET_JOB, job(state=0))
    async with watching(farm, GET_JOB, {"id": JOB_ID}) as stream:
        assert (await stream.next()).data["job"]["state"] == "PENDING"
        cuebot.answers(GET_JOB, job(state=1))
        event = await stream.next()
        assert (event.kind, event.data["job"]["state"]) == ("snapshot", "FINISHED")


def job(state: int, name: str = "shot", id_: str = JOB_ID) -> bytes:
    """An answer of GetJob or FindJob."""
    return answer("job.JobGetJobResponse", job={"id": id_, "name": name, "state": state})


def jobs(**states: int) -> bytes:
    rows = [{"id": f"id of {name}", "name": name, "state": state} for name, state in states.items()]
    return answer("job.JobGetJobsResponse", jobs={"jobs": rows})


@pytest.mark.parametrize("accept", ["*/*", "text/*;q=0.5"])
async def test_its_parameters_ask_for_a_stream_where_any_form_will_do(
    cuebot: ScriptedCuebot, farm: Gateway, accept: str
) -> None:
    """curl takes any."""
    cuebot.answers(GET_JOB, job(state=1))
    target = f"{GET_JOB}?id={JOB_ID}&_until=state=FINISHED"
    answer = await farm.client.get(target, headers={"accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("event: done\ndata: {}")


@pytest.mark.parametrize("lines", [(), ("Accept:",)])
@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_its_parameters_ask_for_a_stream_without_an_accept_header(
    cuebot: ScriptedCuebot, farm: Gateway, verb: str, lines: tuple[str, ...]
) -> None:
    """Which is `*/*` (RFC 9110 section 12.5.1): http.client of Python sends none."""
    await streams_without_accept(cuebot, farm.port, verb, lines)


@pytest.mark.slow
async def test_no_accept_header_under_plain_uvicorn(cuebot: ScriptedCuebot) -> None:
    async with plain_uvicorn(cuebot.endpoint) as (port, _):
        await streams_without_accept(cuebot, port, "GET")


async def streams_without_accept(
    cuebot: ScriptedCuebot, port: int, verb: str, lines: tuple[str, ...] = ()
) -> None:
    cuebot.answers(GET_JOB, job(state=1))
    target = f"{GET_JOB}?_until=state=FINISHED&_every=1s"
    body = b'{"id": "%s"}' % JOB_ID.encode()
    if verb == "GET":
        target, body = f"{target}&id={JOB_ID}", b""
    asked = request(target, body, *lines).replace(b"POST", verb.encode(), 1)
    assert b"accept: " not in asked.lower()
    async with wire_to(port) as one:
        await one.send(asked)
        answer = await one.answer()
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.body
    assert answer.body.rstrip().endswith(b"event: done\ndata: {}")


@needs("batch")
async def test_no_item_of_a_plain_batch_is_a_stream(farm: Gateway) -> None:
    """Its answer is one of many."""
    item = {"id": "a", "method": HOSTS, "request": {}, "view": {"_every": "2s"}}
    answer = await farm.post("/batch", [item])
    assert answer.json()[0]["status"] == 400
    assert "it is for event streams" in answer.json()[0]["error"]["message"]


# --- Requests -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("target", "headers", "status", "says"),
    [
        (f"{HOSTS}?_every=2s", PLAIN, 400, "for event streams; send Accept: text/event-stream"),
        (f"{HOSTS}?_until=state=UP", PLAIN, 400, "_until: it is for event streams"),
        (f"{HOSTS}?_every=0s", EVENTS, 400, "_every: expected 1s to 60m, such as 2s, got '0s'"),
        (f"{HOSTS}?_every=soon", EVENTS, 400, "got 'soon'"),
        (f"{HOSTS}?_until=stat=UP", EVENTS, 400, "_until: host.Host has no field 'stat'"),
        (f"{HOSTS}?_until=state=UP&_count=true", EVENTS, 400, "leave _group out"),
        (f"{HOSTS}?_watch=1", {}, 400, "; to watch, send Accept: text/event-stream"),
        (f"{HOSTS}?_unti=state=UP", EVENTS, 400, "did you mean _until?"),
        (f"{HOSTS}?_format=csv", EVENTS, 400, "_format: an event stream is JSON, not csv"),
        (f"{IS_PENDING}?_until=value=true", EVENTS, 400, "neither one list nor one object"),
        ("/job.JobInterface/Pause", EVENTS, 405, "use POST"),
        ("/job.JobInterface/GetUpdatedFrames", EVENTS, 406, "watch GetFrames"),
    ],
)
async def test_what_cannot_be_watched(
    farm: Gateway, target: str, headers: dict[str, str], status: int, says: str
) -> None:
    answer = await farm.client.get(target, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert says in answer.json()["message"]


@pytest.mark.parametrize(
    ("accept", "status"), [("text/event-stream", 406), ("text/event-stream, application/json", 200)]
)
async def test_a_change_is_no_stream(
    cuebot: ScriptedCuebot, farm: Gateway, accept: str, status: int
) -> None:
    answer = await farm.post(
        "/job.JobInterface/Pause", {"job": {"id": JOB_ID}}, headers={"Accept": accept}
    )
    assert (answer.status_code, len(cuebot.seen)) == (status, status == 200)


@pytest.mark.parametrize(
    "accept", ["application/json, text/event-stream", "text/event-stream;q=0.5, */*", "*/*"]
)
async def test_who_prefers_json_gets_it(farm: Gateway, accept: str) -> None:
    answer = await farm.client.get(HOSTS, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


async def test_a_head_has_the_headers(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    answer = await farm.client.head(HOSTS, headers=EVENTS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream"
    assert cuebot.seen == []


@needs("dry_run")
async def test_a_dry_run_is_no_stream(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    answer = await farm.client.get(f"{HOSTS}?_every=5s", headers={**EVENTS, "X-Dry-Run": "1"})
    assert (answer.status_code, answer.json()["dryRun"], cuebot.seen) == (200, True, [])


# --- Calls --------------------------------------------------------------------------------------
async def test_one_call_for_all(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """Who comes during a call gets the answer of the next one, which all of them share."""
    target, places = f"{HOSTS}?_every=60m", farm.app.feature(Watch).places
    cuebot.answers(HOSTS, hosts("a"))
    async with watching(farm, target) as one:
        assert all_of(await one.next()) == ["a"]
        assert cuebot.seen[-1][2]["x-gateway-principal"] == "tester"
        called, release = held(cuebot, hosts("a"))
        first = asyncio.create_task(first_of(farm, target))
        await called.wait()
        late = [asyncio.create_task(first_of(farm, target)) for _ in range(5)]
        await until(lambda: places.taken == 7)
        cuebot.answers(HOSTS, hosts("a", "b"))
        release.set()
        assert all_of(await first) == ["a"]
        assert [all_of(each) for each in await asyncio.gather(*late)] == [["a", "b"]] * 5
        assert len(cuebot.seen) == 3
        assert names((await one.next()).data["added"]) == ["b"]


def held(
    cuebot: ScriptedCuebot, payload: bytes, path: str = HOSTS
) -> tuple[asyncio.Event, asyncio.Event]:
    called, release = asyncio.Event(), asyncio.Event()

    async def handler(request: bytes, context: Any) -> bytes:
        called.set()
        await release.wait()
        return payload

    cuebot.handlers[path] = handler
    return called, release


async def first_of(gateway: Gateway, target: str, **who: str) -> Event:
    async with watching(gateway, target, **who) as stream:
        return await stream.next()


async def test_looks_hold_up_nobody(
    cuebot: ScriptedCuebot, farm: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long work for a client does not queue behind the looks at many answers of many rows."""
    cuebot.answers(HOSTS, hosts(*(f"host {number}" for number in range(100))))
    turns, waits, streams = 0, list[int](), list[Stream]()

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        for number in range(8):
            body = {"r": {"hosts": [f"host {number}"]}}
            streams.append(await stack.enter_async_context(watching(farm, HOSTS, body)))
            await streams[-1].next()
        for step in (STEP, BACKGROUND_STEP):  # over after a few rows
            monkeypatch.setattr(step, "clock", LookClock(STEP_SECONDS / 3))
        await looked(cuebot, 8)
        counting = asyncio.create_task(count())
        for _ in range(100):
            before = turns
            await let_others_run()
            waits.append(turns - before)
        counting.cancel()
    assert max(waits) <= 3


async def test_a_first_answer_is_no_background_work(
    cuebot: ScriptedCuebot, farm: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while what nobody waits for gets no turn at all."""
    monkeypatch.setattr("gateway.core.long_work.TURNS_FOR_OTHERS", 10**9)
    cuebot.answers(HOSTS, hosts("a"))
    async with watching(farm, HOSTS) as stream:
        assert all_of(await stream.next()) == ["a"]


async def test_a_call_for_several_is_nobodys(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    async with watching(farm, HOSTS) as one, watching(farm, HOSTS, **bearer("other")) as two:
        await one.next()
        await two.next()
        await until(lambda: cuebot.seen[-1][2]["x-gateway-principal"] == "shared")
    await until(lambda: not farm.app.feature(Watch).places.taken)
    seen = len(cuebot.seen)
    await farm.post(HOSTS)
    assert len(cuebot.seen) == seen + 1  # nobody watches any more


async def test_the_last_who_leaves_ends_the_call(cuebot: ScriptedCuebot) -> None:
    """Long before its deadline."""
    async with gateway_for(cuebot.endpoint, grpc_timeout=3600) as gateway:
        async with watching(gateway, HOSTS) as stream:
            await stream.next()
            called, cancelled = cuebot.hangs(HOSTS)
            await called.wait()
        async with asyncio.timeout(PATIENCE):
            await cancelled.wait()


async def test_watchers_have_no_place(cuebot: ScriptedCuebot) -> None:
    async with (
        gateway_for(cuebot.endpoint, max_in_flight=1) as gateway,
        watching(gateway, f"{HOSTS}?_every=60m") as stream,
    ):
        await stream.next()
        assert gateway.app.feature(Admission).slots.taken == 0
        assert gateway.app.parts.answers.held == {}
        assert (await gateway.post(HOSTS)).status_code == 200


async def test_a_look_needs_a_place(cuebot: ScriptedCuebot) -> None:
    """As any call does."""
    shows = "/show.ShowInterface/GetShows"
    async with (
        gateway_for(cuebot.endpoint, max_in_flight=1) as gateway,
        watching(gateway, HOSTS) as stream,
    ):
        await stream.next()
        called, release = cuebot.holds(shows)
        other = asyncio.create_task(ask_until_called(gateway, shows, called))
        event = await stream.next()
        assert event.kind == "error"
        assert event.data["message"] == "too many requests are being served"
        release.set()
        assert (await stream.next()).kind == "change"
        await other


async def ask_until_called(gateway: Gateway, path: str, called: asyncio.Event) -> None:
    """A look may have the only place at the moment."""
    while not called.is_set():
        await gateway.post(path)


async def test_too_many_watchers(cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, replace(QUICK, watchers=3, questions=2))
    async with gateway_for(cuebot.endpoint) as gateway:
        async with watching(gateway, HOSTS), watching(gateway, f"{HOSTS}?_fields=id"):
            refused = await gateway.client.get(f"{HOSTS}?_fields=name", headers=EVENTS)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert "too many different questions" in refused.json()["message"]
            async with watching(gateway, HOSTS):
                refused = await gateway.client.get(HOSTS, headers=EVENTS)
                assert "too many event streams" in refused.json()["message"]
        await until(lambda: not gateway.app.feature(Watch).places.taken)
        async with watching(gateway, HOSTS) as stream:
            await stream.next()


async def test_too_much_to_remember(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, replace(QUICK, memory=200_000))
    async with gateway_for(cuebot.endpoint) as gateway:
        cuebot.answers(HOSTS, hosts(*map(str, range(1000))))
        refused = await gateway.client.get(HOSTS, headers=EVENTS)
        assert (refused.status_code, "ask for fewer rows" in refused.text) == (503, True)
        async with watching(gateway, f"{HOSTS}?_limit=2") as stream:
            assert len(all_of(await stream.next())) == 2


# --- Errors -------------------------------------------------------------------------------------
async def test_an_error_before_the_first_answer(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.fails(HOSTS, grpc.StatusCode.FAILED_PRECONDITION, "no")
    answer = await farm.client.get(HOSTS, headers=EVENTS)
    assert (answer.status_code, answer.json()["message"]) == (400, "no")
    assert answer.headers["content-type"] == "application/json"


async def test_a_stream_outlives_errors(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """Each is told once; what comes next tells that it is over."""
    cuebot.answers(HOSTS, hosts("a"))
    async with watching(farm, HOSTS) as stream:
        await stream.next()
        for text in ("one", "two"):
            cuebot.fails(HOSTS, grpc.StatusCode.INTERNAL, text)
            event = await stream.next()
            assert (event.kind, event.data["message"]) == ("error", text)
            await looked(cuebot, 2)
        cuebot.answers(HOSTS, hosts("a"))
        event = await stream.next()
        assert (event.kind, event.data) == ("change", {"added": [], "changed": [], "removed": []})
        cuebot.answers(HOSTS, hosts("a", "b"))
        assert names((await stream.next()).data["added"]) == ["b"]


async def test_a_first_answer_that_never_comes(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.hangs(HOSTS)
    answer = await farm.client.get(HOSTS, headers={**EVENTS, "Grpc-Timeout": "50m"})
    assert answer.status_code == 504


# --- The end ------------------------------------------------------------------------------------
async def test_waiting_for_a_goal(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.answers(GET_JOBS, jobs(a=0, b=1))
    async with watching(farm, f"{GET_JOBS}?_until=state=FINISHED") as stream:
        assert (await stream.next()).kind == "snapshot"
        await looked(cuebot, 2)
        cuebot.answers(GET_JOBS, jobs(a=1, b=1))
        assert (await stream.next()).kind == "change"
        *_, last = await stream.rest()
        assert (last.kind, last.data) == ("done", {})


@pytest.mark.parametrize(
    ("criteria", "included"), [({"jobs": ["a"]}, True), ({"shows": ["x"]}, False)]
)
@pytest.mark.parametrize("waits", [True, False])
async def test_what_is_waited_for_stays_in_the_answer(
    cuebot: ScriptedCuebot, farm: Gateway, criteria: dict[str, Any], included: bool, waits: bool
) -> None:
    target = f"{GET_JOBS}?_until=state=FINISHED" if waits else GET_JOBS
    async with watching(farm, target, {"r": criteria}) as stream:
        await stream.next()
    request = message_class("job.JobGetJobsRequest").FromString(cuebot.seen[-1][1])
    assert request.r.include_finished == (included and waits)


@needs("reference")
async def test_a_goal_is_of_all_rows_that_there_are(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """Not of the first thousand, which are the default."""
    frames, request = "/job.JobInterface/GetFrames", message_class("job.JobGetFramesRequest")
    asked = []
    for target in (frames, f"{frames}?_until=state=SUCCEEDED"):
        async with watching(farm, target, {"job": {"id": JOB_ID}}) as stream:
            await stream.next()
        asked.append(request.FromString(cuebot.seen[-1][1]).req.limit)
    assert asked == [1000, 1_000_000]


async def test_a_job_that_was_found_by_its_name_goes_on_by_its_id(
    cuebot: ScriptedCuebot, farm: Gateway
) -> None:
    cuebot.answers(FIND_JOB, job(state=0))
    cuebot.answers(GET_JOB, job(state=0))
    async with watching(farm, f"{FIND_JOB}?_until=state=FINISHED", {"name": "shot"}) as stream:
        assert (await stream.next()).data["job"]["state"] == "PENDING"
        cuebot.fails(FIND_JOB, grpc.StatusCode.NOT_FOUND, "it is finished")
        cuebot.answers(GET_JOB, job(state=1))
        assert (await stream.next()).data["job"]["state"] == "FINISHED"
        assert (await stream.next()).kind == "done"
    assert [path for path, *_ in cuebot.seen].count(FIND_JOB) == 1
    request = message_class("job.JobGetJobRequest").FromString(cuebot.seen[-1][1])
    assert request.id == JOB_ID


@needs("names")
async def test_look_ups_are_made_once(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.answers(FIND_JOB, job(state=0))
    layers = "/job.JobInterface/GetLayers"
    async with watching(farm, layers, {"job": {"name": "shot"}}) as stream:
        await stream.next()
        await until(lambda: len(cuebot.seen) > 4)
    assert [path for path, *_ in cuebot.seen].count(FIND_JOB) == 1


# --- Rights -------------------------------------------------------------------------------------
READERS = rule("readers", {"sub": "*"}, "reads")
FINDERS = rule("readers", {"sub": "*"}, "host.*/Find*")
OTHERS = rule("others", {"sub": "nobody"}, "all")


async def end_of(stream: Stream) -> str:
    *_, last = await stream.rest()
    assert last.kind == "end"
    reason: str = last.data["reason"]
    return reason


def follow(gateway: Gateway, *rules: object) -> None:
    """A reload of the access rules."""
    settings = settings_for(gateway.app.parts.upstream.endpoints[0].endpoint, access=rules)
    gateway.app.feature(Tokens).authenticator.follow(access_rules(settings).rule_for)


ENDS: dict[str, tuple[str, Callable[[Gateway], object]]] = {
    "denied": (
        "token revoked",
        lambda gateway: gateway.app.feature(Tokens).authenticator.deny(TESTER),
    ),
    "another key": (
        "token revoked",
        lambda gateway: gateway.app.feature(Tokens).authenticator.trust(
            (b"another" * 9,), TokenRules()
        ),
    ),
    "less": ("a right was lost", lambda gateway: follow(gateway, FINDERS)),
    "more": ("rights changed", lambda gateway: follow(gateway, {**READERS, "may": ["all"]})),
    "renamed": ("rights changed", lambda gateway: follow(gateway, {**READERS, "name": "others"})),
}


@needs("metrics")
@pytest.mark.parametrize(("reason", "change"), ENDS.values(), ids=ENDS)
async def test_why_a_stream_ends(
    cuebot: ScriptedCuebot, reason: str, change: Callable[[Gateway], object]
) -> None:
    async with gateway_for(cuebot.endpoint, access=[READERS], metrics="public") as gateway:
        lines = gateway.access_lines()
        async with watching(gateway, f"{HOSTS}?_every=60m") as stream:
            assert (await stream.next()).kind == "snapshot"
            change(gateway)
            assert await end_of(stream) == reason
        await until(lambda: lines)
        assert (lines[-1]["status"], gateway.app.feature(Watch).places.taken) == (200, 0)
        assert "denied_total" not in (await gateway.client.get("/metrics")).text


async def test_the_end_of_a_right_is_no_background_work(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All streams end while what nobody waits for gets no turn at all."""
    async with gateway_for(cuebot.endpoint, access=[READERS]) as gateway, AsyncExitStack() as stack:
        streams = []
        for _ in range(3):
            target = f"{HOSTS}?_every=60m"
            streams.append(await stack.enter_async_context(watching(gateway, target)))
            await streams[-1].next()
        for step in (STEP, BACKGROUND_STEP):  # over after each check
            monkeypatch.setattr(step, "clock", LookClock(STEP_SECONDS, monotonic()))
        monkeypatch.setattr("gateway.core.long_work.TURNS_FOR_OTHERS", 10**9)
        follow(gateway, FINDERS)
        async with asyncio.timeout(PATIENCE):
            assert {await end_of(stream) for stream in streams} == {"a right was lost"}


async def test_a_stream_ends_with_its_token(farm: Gateway) -> None:
    short = {"Authorization": f"Bearer {token(seconds=2)}"}
    async with watching(farm, f"{HOSTS}?_every=60m", **short) as stream:
        assert await end_of(stream) == "token expired"


async def test_a_reload_that_changes_nothing(cuebot: ScriptedCuebot) -> None:
    async with (
        gateway_for(cuebot.endpoint, access=[READERS]) as gateway,
        watching(gateway, HOSTS) as stream,
    ):
        await stream.next()
        follow(gateway, READERS, OTHERS)
        await looked(cuebot, 5)
        cuebot.answers(HOSTS, hosts("a"))
        assert names((await stream.next()).data["added"]) == ["a"]


async def test_no_stream_begins_during_a_stop(farm: Gateway) -> None:
    farm.app.parts.readiness.stopping = True
    assert (await farm.client.get(HOSTS, headers=EVENTS)).status_code == 503


async def test_a_stop_ends_streams(cuebot: ScriptedCuebot) -> None:
    """Long before SHUTDOWN_TIMEOUT."""
    async with (
        gateway_for(cuebot.endpoint, shutdown_timeout=PATIENCE) as gateway,
        watching(gateway, f"{HOSTS}?_every=60m") as stream,
    ):
        await stream.next()
        gateway.server.should_exit = True
        assert await end_of(stream) == "the gateway stops"


@needs("object_rights")
async def test_who_sees_less_is_not_told_more(cuebot: ScriptedCuebot) -> None:
    """Streams are shared among those who see the same."""
    rows = [{"id": f"id of {name}", "name": name, "user": name} for name in ("ann", "bob")]
    cuebot.answers(GET_JOBS, answer("job.JobGetJobsResponse", jobs={"jobs": rows}))
    own = rule("own", {"role": "artist"}, "all", see="user = $sub")
    async with gateway_for(cuebot.endpoint, access=[own]) as gateway, AsyncExitStack() as stack:
        streams = list[Stream]()
        for who in (signed("ann", role="artist"), signed("bob", role="artist"), bearer("chief")):
            streams.append(await stack.enter_async_context(watching(gateway, GET_JOBS, **who)))
        shown = [names((await each.next()).data["jobs"]["jobs"]) for each in streams]
        assert shown == [["ann"], ["bob"], ["ann", "bob"]]
        filtered = [each.answer.headers.get("x-filtered") for each in streams]
        assert filtered == ["access", "access", None]


SHOWS = rule("freelancers", {"role": "freelance"}, "all", see="show in $studio.shows")
ARTISTS = rule("artists", {"role": "artist"}, "all", see="show in $studio.shows")


def seeing(sub: str, *shows: str, role: str = "freelance", **claims: object) -> dict[str, str]:
    """A token with claims that no two tokens of a provider have in common."""
    studio = {"shows": shows, "desk": f"desk of {sub}"}
    return signed(sub, role=role, studio=studio, email=f"{sub}@studio", sid=sub, **claims)


def rows_of_shows(*shows: str) -> bytes:
    rows = [{"id": f"id of {show}", "name": show, "show": show} for show in shows]
    return answer("job.JobGetJobsResponse", jobs={"jobs": rows})


async def questions_of(
    gateway: Gateway, stack: AsyncExitStack, target: str, *tokens: dict[str, str]
) -> list[str]:
    """What the ids of a question's events have in common, for the stream of each token."""
    found, streams = [], list[Stream]()
    stack.callback(streams.clear)  # a stream that nobody holds is closed
    for who in tokens:
        streams.append(await stack.enter_async_context(watching(gateway, target, **who)))
        found.append((await streams[-1].next()).id.partition("-")[0])
    return found


@needs("object_rights")
async def test_who_sees_the_same_shares_one_call(cuebot: ScriptedCuebot) -> None:
    """Whatever else their tokens say, and in whatever order; their rules may have other names."""
    cuebot.answers(GET_JOBS, rows_of_shows("demo", "other", "secret"))
    crowd = [seeing(f"artist-{number}", "demo", "other") for number in range(5)]
    crowd += [seeing("back", "other", "demo"), seeing("ann", "demo", "other", role="artist")]
    async with (
        gateway_for(cuebot.endpoint, access=[SHOWS, ARTISTS], shared_reads="off") as gateway,
        AsyncExitStack() as stack,
    ):
        target = f"{GET_JOBS}?_every=60m"
        found = await questions_of(gateway, stack, target, *crowd)
        assert len({*found}) == 1
        called, release = held(cuebot, rows_of_shows("demo", "secret"), GET_JOBS)
        before = len(cuebot.seen)
        first = asyncio.create_task(first_of(gateway, target, **seeing("one", "demo", "other")))
        await called.wait()
        late = [
            asyncio.create_task(first_of(gateway, target, **seeing(f"n-{number}", "demo", "other")))
            for number in range(5)
        ]
        await until(lambda: gateway.app.feature(Watch).places.taken == len(crowd) + 6)
        release.set()
        for each in await asyncio.gather(first, *late):
            assert names(each.data["jobs"]["jobs"]) == ["demo"]
        assert len(cuebot.seen) == before + 2


@needs("object_rights")
async def test_who_sees_something_else_shares_nothing(cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, rows_of_shows("demo", "other", "secret"))
    own = rule("own", {"role": "owner"}, "all", see="show in $studio.shows or user = $sub")
    tokens = [
        seeing("ann", "demo"),
        seeing("ann", "demo", "other"),
        seeing("ann"),
        signed("ann", role="freelance", shows=["demo"]),
        signed("ann", role="freelance", studio={"shows": "demo,other"}),
        seeing("ann", "demo", role="owner"),
        seeing("bob", "demo", role="owner"),
        bearer("chief"),
    ]
    async with (
        gateway_for(cuebot.endpoint, access=[SHOWS, own]) as gateway,
        AsyncExitStack() as stack,
    ):
        found = await questions_of(gateway, stack, GET_JOBS, *tokens)
        assert len({*found}) == len(tokens)


@needs("object_rights")
async def test_who_sees_the_same_is_told_of_nobody_else(cuebot: ScriptedCuebot) -> None:
    """Neither whose call it was that was refused, nor by which rule."""
    target, body = "/job.LayerInterface/GetWhatThisDependsOn", {"layer": {"id": LENAS}}
    lost = answer("job.LayerGetLayerResponse", layer={"id": LENAS})
    called, release = held(cuebot, lost, "/job.LayerInterface/GetLayer")
    async with gateway_for(cuebot.endpoint, access=[SHOWS, ARTISTS]) as gateway:

        async def refused(**who: str) -> str:
            refusal = await gateway.post(target, body, headers=EVENTS | who)
            assert refusal.status_code == 403, refusal.text
            return str(refusal.json()["message"])

        first = asyncio.create_task(refused(**seeing("ann", "demo")))
        await called.wait()
        late = [
            asyncio.create_task(refused(**seeing(sub, "demo", role=role)))
            for sub, role in (("bob", "freelance"), ("cat", "artist"))
        ]
        await until(lambda: gateway.app.feature(Watch).places.taken == 3)
        release.set()
        problem = "Cuebot does not say what layer belongs to"
        assert await first == f"'ann' may not call {target}: {problem} (access rule 'freelancers')"
        for each in late:
            assert await each == f"you may not call {target}: {problem} (by your access rule)"


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ({"frame": {"id": LENAS}, "job": {"id": LENAS}}, {"frame": {"id": LENAS}}),
        ({"frame": {"id": LENAS}, "job": {"id": LENAS}}, {"frame": {"id": LENAS}, "job": BOS}),
    ],
)
@needs("object_rights")
async def test_where_an_object_is_said_to_lie_is_part_of_a_question(
    cuebot: ScriptedCuebot, told: dict[str, Any], other: dict[str, Any]
) -> None:
    """Rights depend on it, and Cuebot's request does not have it."""
    target = "/job.FrameInterface/GetWhatThisDependsOn"
    async with gateway_for(cuebot.endpoint, access=[SHOWS]) as gateway:
        script(cuebot, gateway.catalog.methods)
        async with watching(gateway, target, told, **seeing("ann", "demo")) as good:
            assert (await good.next()).kind == "snapshot"
            who = EVENTS | seeing("bo", "demo")
            async with gateway.client.stream("POST", target, headers=who, json=other) as refused:
                assert refused.status_code in (403, 404)


@needs("object_rights")
async def test_what_a_rule_always_shows_is_part_of_a_question(cuebot: ScriptedCuebot) -> None:
    """A host without a proc in sight is there for those who see hosts, and not for others."""
    target, body = "/host.HostInterface/GetProcs", {"host": {"id": BOS}}
    all_hosts = ARTISTS | {"always": ["host.HostInterface/FindHost"]}
    async with gateway_for(cuebot.endpoint, access=[SHOWS, all_hosts]) as gateway:
        artist = seeing("ann", "demo", role="artist")
        async with watching(gateway, target, body, **artist) as stream:
            assert (await stream.next()).data == {"procs": {"procs": []}}
            who = EVENTS | seeing("bo", "demo")
            async with gateway.client.stream("POST", target, headers=who, json=body) as refused:
                assert refused.status_code == 404


@pytest.mark.parametrize(("mode", "questions"), [("on", 1), ("principal", 2)])
@pytest.mark.parametrize("path", [GET_JOBS, HOSTS])
@needs("shared_reads", "object_rights")
async def test_a_cuebot_that_answers_each_differently_is_asked_for_each(
    cuebot: ScriptedCuebot, mode: str, questions: int, path: str
) -> None:
    """SHARED_READS says so, also of streams."""
    access = [SHOWS | {"always": ["host.HostInterface/GetHosts"]}]
    cuebot.answers(HOSTS, hosts("a"))
    cuebot.answers(GET_JOBS, rows_of_shows("demo"))
    async with (
        gateway_for(cuebot.endpoint, access=access, shared_reads=mode) as gateway,
        AsyncExitStack() as stack,
    ):
        who = [seeing("ann", "demo"), seeing("bob", "demo"), seeing("bob", "demo", jti="2")]
        found = await questions_of(gateway, stack, path, *who)
        assert len({*found}) == questions
        if mode == "principal":
            assert all(seen["x-gateway-principal"] != "shared" for _, _, seen in cuebot.seen)


# --- Coming back --------------------------------------------------------------------------------
async def test_a_client_that_comes_back_goes_on(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.answers(HOSTS, hosts("a"))
    async with watching(farm, HOSTS) as stream:
        first = await stream.next()
        cuebot.answers(HOSTS, hosts("a", "b"))
        second = await stream.next()
    cuebot.answers(HOSTS, hosts("a", "b", "c"))
    for known, added in ((first, ["b", "c"]), (second, ["c"])):
        async with watching(farm, HOSTS, **{"Last-Event-ID": known.id}) as stream:
            for name in added:
                event = await stream.next()
                assert (event.kind, names(event.data["added"])) == ("change", [name])


async def test_an_id_that_is_not_known(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    target = f"{HOSTS}?_every=60m"
    cuebot.answers(HOSTS, hosts("a"))
    async with watching(farm, target) as stream:
        nonce, _, _ = (await stream.next()).id.rpartition("-")
        own = (f"{nonce}-", f"{nonce}-0", f"{nonce}-7")
        for each in ("", "x", "0-1", "a-b-c", "9" * 1000, *own):
            async with watching(farm, target, **{"Last-Event-ID": each}) as other:
                assert all_of(await other.next()) == ["a"]


async def test_a_question_is_forgotten(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        LIMITS,
        replace(QUICK, questions=1, linger_seconds=0.01),
    )
    async with gateway_for(cuebot.endpoint) as gateway, asyncio.timeout(PATIENCE):
        for view in ("id", "name", "state"):
            status = 503
            while status == 503:
                async with gateway.client.stream(
                    "GET", f"{HOSTS}?_fields={view}", headers=EVENTS
                ) as answer:
                    status = answer.status_code
            assert status == 200


# --- Silence and slowness -----------------------------------------------------------------------
async def test_a_comment_breaks_the_silence(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, replace(QUICK, comment_seconds=0.1))
    async with (
        gateway_for(cuebot.endpoint) as gateway,
        watching(gateway, f"{HOSTS}?_every=60m") as stream,
    ):
        await stream.next()
        assert await stream.block() == [":"]
        assert await stream.block() == [":"]


@pytest.fixture
def changing(cuebot: ScriptedCuebot) -> list[int]:
    """A list of which all rows change with each look, 1 MB of JSON; the number of looks."""
    looks = [0]

    async def handler(request: bytes, context: Any) -> bytes:
        looks[0] += 1
        rows = [
            {"id": str(host), "name": str(looks[0]), "tags": ["x" * 1000]} for host in range(1000)
        ]
        return answer("host.HostGetHostsResponse", hosts={"hosts": rows})

    cuebot.handlers[HOSTS] = handler
    return looks


STALLS = head(HOSTS, "Accept: text/event-stream", start="GET") + b"\r\n"
KIND = re.compile(rb"event: (\w+)")
NUMBER = re.compile(rb'"name":"(\d+)"')


@pytest.mark.slow
async def test_a_slow_reader_gets_the_latest(changing: list[int], farm: Gateway) -> None:
    """In place of what it has missed; others are not kept waiting."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", farm.port))
    client.setblocking(False)
    async with wire_on(sock=client) as slow:
        await slow.send(STALLS)
        async with watching(farm, HOSTS) as quick:
            await quick.next()
            while changing[0] < 12:
                assert len((await quick.next()).data["changed"]) == 1000
        read, latest, known = b"", 0, changing[0]
        async with asyncio.timeout(PATIENCE):
            while latest < known:
                part = await slow.reader.read(2**16)
                assert part
                read += part
                latest = max([latest, *map(int, NUMBER.findall(part))])
    kinds = KIND.findall(read)
    assert (kinds[0], b"snapshot" in kinds[1:]) == (b"snapshot", True)
    assert len(kinds) < changing[0]


@pytest.mark.usefixtures("changing")
async def test_who_does_not_read_is_let_go(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, http_timeout=1) as gateway, wire(gateway) as client:
        await client.send(STALLS)
        await until(lambda: gateway.app.feature(Watch).places.taken)
        await until(lambda: not gateway.app.feature(Watch).places.taken)


# --- Another schema -----------------------------------------------------------------------------
async def test_a_new_schema_is_a_new_snapshot(tmp_path: Path) -> None:
    """The request goes on by the names of its fields."""
    profile = tmp_path / "profile.toml"
    profile.write_text('reads = ["trial.*/Get*"]')
    settings: dict[str, Any] = {"reflection_refresh": 0, "compat_profile": str(profile)}
    cuebot = ChangingCuebot()
    async with running_cuebot(cuebot), AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(gateway_for(cuebot.endpoint, **settings))
        async with (
            watching(gateway, f"{ECHO}?_every=60m", {"word": "x"}) as one,
            watching(gateway, f"{LIST}?_every=60m&_count=true") as two,
            watching(gateway, f"{OLD.own_path}?_every=60m") as gone,
        ):
            assert (await one.next()).data == own_word("x", OLD)
            assert (await two.next()).data == {"count": MANY}
            cuebot.now = NEW
            gateway.app.parts.live.request_refresh()
            event = await one.next()
            assert (event.kind, event.data) == ("snapshot", own_word("x", NEW))
            assert (await two.next()).data == {"count": MANY}
            assert "may" not in await end_of(gone)


# --- Other servers ------------------------------------------------------------------------------
async def test_any_server_streams(cuebot: ScriptedCuebot) -> None:
    """By ASGI's messages alone."""
    cuebot.answers(HOSTS, hosts("a"))
    async with plain_uvicorn(cuebot.endpoint) as (port, app):
        url = f"http://127.0.0.1:{port}"
        async with http_client(url, headers=bearer()) as client:
            gateway = Gateway(url, app, cast(Any, None), client)
            async with watching(gateway, HOSTS) as stream:
                assert all_of(await stream.next()) == ["a"]
                cuebot.answers(HOSTS, hosts("a", "b"))
                assert names((await stream.next()).data["added"]) == ["b"]
            await until(lambda: not app.feature(Watch).places.taken)
            async with watching(gateway, HOSTS) as stream:
                await stream.next()
                app.parts.readiness.stopping = True
                assert await end_of(stream) == "the gateway stops"
