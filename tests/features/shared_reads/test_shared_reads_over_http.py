"""Requests that share calls, over HTTP."""

import asyncio
import gc
import gzip
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway.core.codec.payload import zstd
from gateway.features.shared_reads import SharedReads
from gateway.features.shared_reads.shared_answer import SharedAnswer
from tests.support.needs import needs
from tests.support.opencue import jobs, message_class
from tests.support.owned_farm import BOS, LENAS, script
from tests.support.patience import until
from tests.support.rights import rule, signed
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    bearer,
    gateway_for,
)

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
SHOWS = "/show.ShowInterface/GetShows"
PROCS = "/host.ProcInterface/GetProcs"
PAUSE = "/job.JobInterface/Pause"
FEW, LONG = 3, 5_000
"""Jobs in an answer: of one piece, and of many; the latter asks for memory."""
SHARED = "cuebot_gateway_shared_reads_total"
MEDIA = {
    "application/proto": b"",
    "application/grpc-web+proto": bytes(5),
    "application/grpc-web-text": b"AAAAAAA=",
}
"""The empty message in surfaces other than JSON."""

Ask = Callable[[], Awaitable[httpx.Response]]


class Turnstile:
    """A method that answers one call each time that the test lets it."""

    def __init__(self, cuebot: ScriptedCuebot, path: str, answer: bytes) -> None:
        self.answer: bytes = answer
        self.left: list[Context] = []
        self._cuebot = cuebot
        self._path = path
        self._open = asyncio.Semaphore(0)
        cuebot.handlers[path] = self._handle

    async def _handle(self, request: bytes, context: Context) -> bytes:
        try:
            await self._open.acquire()
        except asyncio.CancelledError:
            self.left.append(context)
            raise
        return self.answer

    @property
    def calls(self) -> int:
        return len(self.metadata)

    @property
    def metadata(self) -> list[dict[str, str]]:
        return [metadata for path, _, metadata in self._cuebot.seen if path == self._path]

    def let_through(self, number: int = 1) -> None:
        for _ in range(number):
            self._open.release()


async def sharing(
    gateway: Gateway, turnstile: Turnstile, *asks: Ask
) -> list["asyncio.Task[httpx.Response]"]:
    """Those who ask while a call is under way, which ends then; theirs is under way now."""
    before = turnstile.calls
    first = asyncio.ensure_future(gateway.post(GET_JOBS))
    await until(lambda: turnstile.calls == before + 1)
    tasks = [asyncio.ensure_future(ask()) for ask in asks]
    await until(lambda: waiting_in(gateway) == len(asks))
    turnstile.let_through()
    assert (await first).status_code == 200
    await until(lambda: turnstile.calls == before + 2)
    return tasks


def waiting_in(gateway: Gateway) -> int:
    """How many wait for a call that has not started."""
    reads = gateway.app.feature(SharedReads).upstream
    assert reads is not None
    groups = [group for following in reads._newest.values() for group in following]
    return sum(len(group.waiters) for group in groups)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gateway.features.shared_reads.shared_upstream.LONGEST_WAIT_SECONDS", 3600.0
    )


@needs("compression", "connect", "views")
@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("count", [FEW, LONG])
async def test_all_have_the_whole_answer_in_their_form(
    cuebot: ScriptedCuebot, gateway: Gateway, count: int
) -> None:
    """Whatever coding, view and verb: what they would have had by themselves.

    It is gone with the last of them, and its memory free, without the garbage collector.
    """
    protocols = [
        ("POST", "", {"Content-Type": media, "Accept-Encoding": coding})
        for media in MEDIA
        for coding in ("identity", "gzip", "zstd")
    ]
    forms: list[tuple[str, str, dict[str, str]]] = protocols + [
        (verb, query, {"Accept-Encoding": coding})
        for verb in ("POST", "GET")
        for query in (
            "",
            "?_fields=name",
            "?_format=csv&_fields=id,name",
            "?_where=name~comp",
            "?_limit=2",
        )
        for coding in ("identity", "gzip", "zstd")
    ]
    asks: list[Ask] = [
        lambda form=form: raw(gateway, *form)  # type: ignore[misc]
        for form in forms * 2
    ]
    total = shared_total(gateway)
    cuebot.answers(GET_JOBS, jobs(count))
    alone = [await ask() for ask in asks[: len(forms)]] * 2
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(count))
    tasks = await sharing(gateway, turnstile, *asks)
    before = turnstile.calls
    turnstile.let_through()
    together = [await task for task in tasks]
    assert turnstile.calls == before
    for one, other in zip(alone, together, strict=True):
        assert (one.status_code, unpacked(one)) == (other.status_code, unpacked(other))
        names = ["etag", "content-type", "vary", "cache-control"]
        names += ["content-encoding"] if count == LONG else []  # short ones depend on the moment
        for name in names:
            assert one.headers.get(name) == other.headers.get(name), name
    ids = {each.headers["x-request-id"] for each in together}
    assert len(ids) == len(together)
    assert shared_total(gateway) == total + len(together)
    await until(lambda: not gateway.app.parts.answers.held)
    await until(lambda: not any(type(each) is SharedAnswer for each in gc.get_objects()))


@pytest.fixture
def without_collector() -> Iterator[None]:
    """What waits for the garbage collector waits for ever."""
    gc.collect()  # what other tests have left
    gc.disable()
    yield
    gc.enable()


async def raw(gateway: Gateway, verb: str, query: str, headers: dict[str, str]) -> httpx.Response:
    """The answer as it came, not decompressed."""
    body = None if verb == "GET" else MEDIA.get(headers.get("Content-Type", ""), b"{}")
    request = gateway.client.build_request(verb, GET_JOBS + query, headers=headers, content=body)
    answer = await gateway.client.send(request, stream=True)
    setattr(answer, "raw", b"".join([part async for part in answer.aiter_raw()]))  # noqa: B010
    await answer.aclose()
    return answer


def unpacked(answer: Any) -> bytes:
    coding = answer.headers.get("content-encoding")
    read = {"gzip": gzip.decompress, "zstd": unzstd}.get(coding, bytes)
    return read(answer.raw)


def unzstd(data: bytes) -> bytes:
    return zstd.ZstdDecompressor().decompress(data)


def shared_total(gateway: Gateway) -> int:
    reads = gateway.app.feature(SharedReads).upstream
    assert reads is not None
    return reads.answered


@needs("metrics")
async def test_the_metric(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, metrics="public") as gateway:
        turnstile = Turnstile(cuebot, GET_JOBS, jobs(FEW))
        tasks = await sharing(gateway, turnstile, *[lambda: gateway.post(GET_JOBS)] * 3)
        turnstile.let_through()
        await asyncio.gather(*tasks)
        page = (await gateway.client.get("/metrics")).text
    assert re.search(rf"^{SHARED} 3\.0$", page, re.MULTILINE)


@pytest.mark.parametrize(
    ("mode", "calls"), [("on", 2), pytest.param("principal", 3, marks=needs("tokens")), ("off", 5)]
)
async def test_who_shares_is_a_setting(cuebot: ScriptedCuebot, mode: str, calls: int) -> None:
    """Four of one subject and one of another; without any sharing, five calls at once."""
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(FEW))
    async with gateway_for(cuebot.endpoint, shared_reads=mode) as gateway:
        first = asyncio.ensure_future(gateway.post(GET_JOBS))
        await until(lambda: turnstile.calls == 1)
        others = [asyncio.ensure_future(gateway.post(GET_JOBS)) for _ in range(3)]
        others.append(asyncio.ensure_future(gateway.post(GET_JOBS, headers=bearer("bob"))))
        at_once = {"on": 1, "principal": 2, "off": 5}[mode]
        await until(lambda: turnstile.calls == at_once)
        if mode != "off":
            await until(lambda: waiting_in(gateway) == 5 - at_once)
        turnstile.let_through(5)
        assert {(await each).status_code for each in (first, *others)} == {200}
        assert turnstile.calls == calls


async def test_many_viewers_are_not_turned_away(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """The answer to all of them is encoded in one turn."""
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(LONG))
    turns = gateway.app.parts.long_answers.turns
    # Fewer than are ever shed: the machine may be slow.
    tasks = await sharing(gateway, turnstile, *[lambda: gateway.post(GET_JOBS)] * 10)
    turnstile.let_through()
    gathered = asyncio.gather(*tasks)
    while not gathered.done():
        assert turns.held.get("shared", 0) <= 1
        assert not turns.is_awaited
        await asyncio.sleep(0)
    assert {each.status_code for each in gathered.result()} == {200}


# --- what may be seen ---------------------------------------------------------------------------
SEE = [
    rule("lenas", {"role": "lena"}, "all", see="job : 'lena'"),
    rule("bos", {"role": "bo"}, "all", see="job : 'bo'"),
]


@pytest.mark.gateway(access=SEE)
@needs("access", "object_rights", "tokens")
async def test_everybody_sees_what_they_may(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """They share the call and not what is left of its answer."""
    script(cuebot, gateway.catalog.methods)
    answer = message_class("job.JobGetJobsResponse")()
    for user, id_ in (("lena", LENAS), ("bo", BOS)):
        answer.jobs.jobs.add(id=id_, name=f"{user}-job", user=user, show="demo")
    turnstile = Turnstile(cuebot, GET_JOBS, answer.SerializeToString())
    who = [signed("lena", role="lena"), signed("bo", role="bo"), bearer("tester")] * 2
    asks: list[Ask] = [
        lambda each=each: gateway.post(GET_JOBS, headers=each)  # type: ignore[misc]
        for each in who
    ]
    tasks = await sharing(gateway, turnstile, *asks)
    turnstile.let_through()
    seen = [[job["user"] for job in (await task).json()["jobs"]["jobs"]] for task in tasks]
    assert seen == [["lena"], ["bo"], ["lena", "bo"]] * 2
    assert turnstile.calls == 2


@pytest.mark.gateway(access=[rule("crew", {"role": "crew"}, "all", see="show in $shows")])
@needs("access", "object_rights")
async def test_who_sees_the_same_asks_the_same(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    """Cuebot is asked for the shows of a token, which may name them in any order."""
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(FEW))
    orders = [["demo", "other"], ["other", "demo"], ["demo", "other", "demo"]]
    asks: list[Ask] = [
        lambda sub=sub, shows=shows: gateway.post(  # type: ignore[misc]
            GET_JOBS, headers=signed(sub, role="crew", shows=shows, email=f"{sub}@studio")
        )
        for sub in ("lena", "bo")
        for shows in orders
    ]
    tasks = [asyncio.ensure_future(asks[0]())]
    await until(lambda: turnstile.calls == 1)
    tasks += [asyncio.ensure_future(ask()) for ask in asks[1:]]
    await until(lambda: waiting_in(gateway) == len(asks) - 1)
    turnstile.let_through(2)
    assert {(await task).status_code for task in tasks} == {200}
    assert turnstile.calls == 2


@pytest.mark.gateway(access=SEE)
@needs("access", "object_rights", "tokens")
async def test_who_sees_a_part_pays_for_it(cuebot: ScriptedCuebot, gateway: Gateway) -> None:
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(LONG))
    held, seen = gateway.app.parts.answers.held, set[str]()
    lena = signed("lena", role="lena")
    tasks = await sharing(gateway, turnstile, *[lambda: gateway.post(GET_JOBS, headers=lena)] * 3)
    turnstile.let_through()
    gathered = asyncio.gather(*tasks)
    while not gathered.done():
        seen |= held.keys()
        await asyncio.sleep(0)
    assert {len(each.json()["jobs"]["jobs"]) for each in gathered.result()} == {LONG}
    assert "lena" in seen
    assert turnstile.calls == 2
    await until(lambda: not held)


# --- memory -------------------------------------------------------------------------------------
@needs("views")
async def test_a_view_of_the_moment_is_that_of_each(
    cuebot: ScriptedCuebot, gateway: Gateway
) -> None:
    """`now` may be another one for each request, although they have the same answer."""
    answer = message_class("job.JobGetJobsResponse")()
    for name, started in (("old", 1), ("new", 2**31 - 1)):
        answer.jobs.jobs.add(name=name, start_time=started)
    turnstile = Turnstile(cuebot, GET_JOBS, answer.SerializeToString())
    asks: list[Ask] = [
        lambda sign=sign: gateway.client.get(  # type: ignore[misc]
            GET_JOBS, params={"_where": f"startTime{sign}now-1h", "_fields": "name"}
        )
        for sign in "<<>>"
    ]
    tasks = await sharing(gateway, turnstile, *asks)
    turnstile.let_through()
    seen = [[job["name"] for job in (await task).json()["jobs"]["jobs"]] for task in tasks]
    assert seen == [["old"], ["old"], ["new"], ["new"]]


async def test_without_memory_for_the_form_each_encodes_for_itself(
    cuebot: ScriptedCuebot,
) -> None:
    turnstile = Turnstile(cuebot, GET_JOBS, jobs(LONG))
    async with gateway_for(cuebot.endpoint, max_answer_memory="1MB") as gateway:
        tasks = await sharing(gateway, turnstile, *[lambda: gateway.post(GET_JOBS)] * 5)
        turnstile.let_through()
        for task in tasks:
            assert len((await task).json()["jobs"]["jobs"]) == LONG
        await until(lambda: not gateway.app.parts.answers.held)


@needs("views")
async def test_columns_of_jobs_are_looked_up_together(
    cuebot: ScriptedCuebot, gateway: Gateway
) -> None:
    procs = message_class("host.ProcGetProcsResponse")(procs={"procs": [{"job_name": "job 1"}]})
    cuebot.answers(PROCS, procs.SerializeToString())
    found = message_class("job.JobGetJobsResponse")(
        jobs={"jobs": [{"name": "job 1", "user": "lena"}]}
    )
    turnstile = Turnstile(cuebot, GET_JOBS, found.SerializeToString())

    def ask() -> "asyncio.Task[httpx.Response]":
        return asyncio.ensure_future(gateway.post(f"{PROCS}?_fields=user", {}))

    asks = [ask()]
    await until(lambda: turnstile.calls == 1)
    for number in range(1, 4):
        asks.append(ask())
        await until(lambda number=number: waiting_in(gateway) == number)  # type: ignore[misc]
    turnstile.let_through(2)
    for answer in await asyncio.gather(*asks):
        assert answer.json() == {"procs": {"procs": [{"user": "lena"}]}}
    assert turnstile.calls == 2
