"""`POST /batch` with `Accept: text/event-stream`: many event streams in one."""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import grpc
import orjson
import pytest

from gateway.features.batch.batch import WATCHED_ITEMS
from gateway.features.tokens import Tokens
from gateway.features.tokens.revocation import Revocations
from gateway.features.watch import Watch
from tests.features.watch.test_watch import HOSTS, LIMITS, QUICK, farm, names, quick
from tests.support.audit import KILL, killing
from tests.support.events import EVENTS, Event, Stream, watching
from tests.support.needs import needs
from tests.support.opencue import hosts, jobs
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    gateway_for,
    http_client,
    plain_uvicorn,
)

__all__ = ["farm", "quick"]

pytestmark = [pytest.mark.anyio, needs("access", "admission", "batch", "metrics", "tokens")]

BATCH = "/batch"
GET_JOBS = "/job.JobInterface/GetJobs"
BOTH: list[dict[str, Any]] = [
    {"id": "hosts", "method": HOSTS, "view": {"_fields": "name"}},
    {"id": "jobs", "method": GET_JOBS, "view": {"_fields": "name"}},
]


async def firsts(stream: Stream, count: int) -> dict[Any, Event]:
    """The next events, by item."""
    found = {}
    for _ in range(count):
        event = await stream.next()
        found[event.data["id"]] = event
    return found


async def test_events_have_the_ids_of_their_items(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.answers(HOSTS, hosts("a", "b"))
    cuebot.answers(GET_JOBS, jobs(2))
    async with watching(farm, BATCH, BOTH) as stream:
        headers = stream.answer.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["x-accel-buffering"] == "no"
        assert await stream.block() == ["retry: 2000"]
        found = await firsts(stream, 2)
        for id_, path in (("hosts", HOSTS), ("jobs", GET_JOBS)):
            alone = await farm.client.get(f"{path}?_fields=name")
            assert (found[id_].kind, found[id_].id) == ("snapshot", "")
            assert found[id_].data == {"id": id_, "data": alone.json()}
        cuebot.answers(HOSTS, hosts("a", "c"))
        event = await stream.next()
        changed = {"added": [{"name": "c"}], "changed": [], "removed": ["id of b"]}
        assert (event.kind, event.data) == ("change", {"id": "hosts", "data": changed})


async def test_a_batch_and_a_stream_of_the_same_share_their_calls(
    cuebot: ScriptedCuebot, farm: Gateway
) -> None:
    every = "_every=60m"
    items: list[object] = [{"method": HOSTS, "view": {"_every": "60m"}}] * 2
    async with watching(farm, f"{HOSTS}?{every}") as alone:
        await alone.next()
        seen = len(cuebot.seen)
        async with watching(farm, BATCH, items) as stream:
            assert [*await firsts(stream, 2)] == [0, 1]
            assert farm.app.feature(Watch).places.taken == 3
        assert len(cuebot.seen) - seen <= 2
    await until(lambda: not farm.app.feature(Watch).places.taken)


async def test_a_stream_ends_with_its_last_item(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """Each tells by itself how it ended."""
    cuebot.answers(HOSTS, hosts("a", b=1))
    items = [
        {"id": "done", "method": HOSTS, "view": {"_fields": "name", "_until": "name!=x"}},
        {"id": "changes", "method": KILL, "request": killing(1)},
        {"id": "unknown", "method": "/host.HostInterface/GetHost5"},
        {"id": "nothing"},
        {"id": "nested", "method": BATCH},
    ]
    async with watching(farm, BATCH, items) as stream:
        events = [(each.kind, each.data) for each in await stream.rest()]
    statuses = {data["id"]: data["status"] for kind, data in events if kind == "answer"}
    assert statuses == {"changes": 406, "unknown": 404, "nothing": 400, "nested": 400}
    own = [kind for kind, data in events if data["id"] == "done"]
    assert own == ["snapshot", "done"]
    assert KILL not in {path for path, _, _ in cuebot.seen}


async def test_an_error_is_its_items(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    cuebot.fails(GET_JOBS, grpc.StatusCode.FAILED_PRECONDITION, "no")
    async with watching(farm, BATCH, BOTH) as stream:
        found = await firsts(stream, 2)
        assert found["hosts"].kind == "snapshot"
        alone = await farm.client.get(GET_JOBS)
        answer = {"id": "jobs", "status": 400, "error": alone.json()}
        assert (found["jobs"].kind, found["jobs"].data) == ("answer", answer)
        cuebot.fails(HOSTS, grpc.StatusCode.INTERNAL, "away")
        event = await stream.next()
        assert (event.kind, event.data["id"]) == ("error", "hosts")
        assert event.data["data"]["message"] == "away"


async def test_what_is_reported_of_an_item(cuebot: ScriptedCuebot) -> None:
    items = [{"id": 7, "method": HOSTS, "request": {"what": 1}}]
    async with (
        gateway_for(cuebot.endpoint, unknown_fields="ignore") as gateway,
        watching(gateway, BATCH, items) as stream,
    ):
        first = await stream.next()
        assert first.data["headers"] == {"X-Ignored-Fields": "what"}
        cuebot.answers(HOSTS, hosts("a"))
        assert (await stream.next()).data.keys() == {"id", "data"}


async def test_each_item_has_its_own_rights(cuebot: ScriptedCuebot) -> None:
    access = [rule("hosts", {"role": "a"}, "host.HostInterface/*"), rule("all", {}, "all")]
    headers = signed("board", role="a")
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        async with watching(gateway, BATCH, BOTH, **headers) as stream:
            found = await firsts(stream, 2)
            assert found["hosts"].kind == "snapshot"
            assert found["jobs"].data["status"] == 403
            revoked = Revocations(subjects=frozenset(("board",)))
            gateway.app.feature(Tokens).authenticator.deny(revoked)
            (end,) = await stream.rest()
        told = {"id": "hosts", "data": {"reason": "token revoked"}}
        assert (end.kind, end.data) == ("end", told)


async def test_another_server(cuebot: ScriptedCuebot) -> None:
    async with (
        plain_uvicorn(cuebot.endpoint) as (port, app),
        http_client(f"http://127.0.0.1:{port}") as client,
    ):
        headers = {**EVENTS, **bearer()}
        async with client.stream("POST", BATCH, headers=headers, json=BOTH) as answer:
            assert [*await firsts(Stream(answer, answer.aiter_lines()), 2)]
            assert app.feature(Watch).places.taken == 2
        await until(lambda: not app.feature(Watch).places.taken)


async def test_no_place_for_one_of_them(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, replace(QUICK, watchers=1))
    async with (
        gateway_for(cuebot.endpoint) as gateway,
        watching(gateway, BATCH, BOTH) as stream,
    ):
        found = await firsts(stream, 2)
        kinds = sorted(each.kind for each in found.values())
        assert kinds == ["answer", "snapshot"]
        (refused,) = (each.data for each in found.values() if each.kind == "answer")
        assert (refused["status"], refused["headers"]) == (503, {"Retry-After": "1"})


async def test_streams_take_no_places_of_batches(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.batch.batch.BATCHES_AT_ONCE", 2)
    items = [{"method": HOSTS, "view": {"_every": "60m"}}]
    open_: list[Stream] = []
    async with gateway_for(cuebot.endpoint) as gateway, AsyncExitStack() as streams:
        while len(open_) <= 2:
            open_.append(await streams.enter_async_context(watching(gateway, BATCH, items)))
            await open_[-1].next()
            assert gateway.app.feature(Watch).places.taken == len(open_)
        assert (await gateway.post(BATCH, [{"method": HOSTS}])).json()[0]["status"] == 200


@pytest.mark.parametrize(
    ("path", "items", "problem"),
    [
        (BATCH, [{"id": n, "method": HOSTS} for n in range(WATCHED_ITEMS + 1)], "more than 64"),
        (BATCH, [{"id": 1, "method": HOSTS}] * 2, "two items have the id 1"),
        (f"{BATCH}?stopOnError=true", BOTH, "do not wait for one another"),
        (f"{BATCH}?x=1", BOTH, "a batch has only"),
    ],
)
async def test_what_is_refused(farm: Gateway, path: str, items: object, problem: str) -> None:
    answer = await farm.post(path, items, headers=EVENTS)
    assert (answer.status_code, problem in answer.json()["message"]) == (400, True)


@needs("dry_run")
async def test_a_dry_run_only_shows(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    async with watching(farm, BATCH, BOTH, **{"X-Dry-Run": "1"}) as stream:
        events = await stream.rest()
    assert [each.kind for each in events] == ["answer"] * 2
    assert {each.data["answer"]["method"] for each in events} == {HOSTS, GET_JOBS}
    assert cuebot.seen == []


async def test_a_long_body_has_its_memory_until_its_items_have_begun(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as long as the stream."""
    monkeypatch.setattr("gateway.core.pipeline.request.LARGEST_BODIES_AT_ONCE", 1)
    padded = b" " * 200_000
    item = {"method": HOSTS, "view": {"_every": "60m"}}
    async with gateway_for(cuebot.endpoint, max_body_mb=0.25) as gateway:
        headers = {**EVENTS, "Content-Type": "application/json"}
        body, url = orjson.dumps([item]) + padded, gateway.url + BATCH
        async with gateway.client.stream("POST", url, headers=headers, content=body) as answer:
            assert (await Stream(answer, answer.aiter_lines()).next()).kind == "snapshot"
            another = await gateway.post(HOSTS, content=b"{}" + padded)
            assert another.status_code == 200, another.text


async def test_silence_is_broken(cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, replace(QUICK, comment_seconds=0.05))
    items = [{"method": HOSTS, "view": {"_every": "60m"}}]
    async with gateway_for(cuebot.endpoint) as gateway, watching(gateway, BATCH, items) as stream:
        await stream.next()
        assert await stream.block() == [":"]


async def test_whoever_does_not_read_is_disconnected(cuebot: ScriptedCuebot) -> None:
    """Also the items that have nothing to write."""
    items = [{"id": 1, "method": HOSTS}, {"id": 2, "method": GET_JOBS, "view": {"_every": "60m"}}]
    async with gateway_for(cuebot.endpoint, http_timeout=0.3) as gateway:
        app, loop = gateway.app, asyncio.get_running_loop()
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.setblocking(False)
            await loop.sock_connect(one, ("127.0.0.1", gateway.port))
            body, token = orjson.dumps(items), bearer()["Authorization"].encode()
            await loop.sock_sendall(
                one,
                b"POST /batch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                b"Authorization: %s\r\nContent-Length: %d\r\n\r\n%s" % (token, len(body), body),
            )
            read = b""
            while read.count(b"event: snapshot") < 2:
                read += await loop.sock_recv(one, 1024)
            cuebot.answers(HOSTS, hosts(*(f"{number:0200}" for number in range(20_000))))
            await until(lambda: not app.feature(Watch).places.taken)


async def test_a_slow_item_does_not_stop_the_others(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """A question that Cuebot does not answer is the problem of its own panel alone."""
    called, _ = cuebot.hangs(GET_JOBS)
    async with watching(farm, BATCH, BOTH) as stream:
        first = await stream.next()
        assert first.data["id"] == "hosts"
        async with asyncio.timeout(PATIENCE):
            await called.wait()
        cuebot.answers(HOSTS, hosts("x"))
        assert names((await stream.next()).data["data"]["added"]) == ["x"]


async def test_events_are_whole_one_after_the_other(cuebot: ScriptedCuebot, farm: Gateway) -> None:
    """Also those that are too long for the connection's buffers."""
    many = [f"{number:0200}" for number in range(4000)]
    cuebot.answers(HOSTS, hosts(*many))
    items = [{"id": n, "method": HOSTS, "view": {"_every": "60m"}} for n in range(3)]
    async with watching(farm, BATCH, items) as stream:
        found = await firsts(stream, 3)
        assert sorted(found) == [0, 1, 2]
        for each in found.values():
            assert names(each.data["data"]["hosts"]["hosts"]) == many
