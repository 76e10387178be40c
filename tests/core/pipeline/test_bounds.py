"""What one client may take up: slots, turns, room for bodies, and the time of the event loop."""

import asyncio
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from functools import partial
from subprocess import Popen
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from starlette.types import Message

from gateway.core import long_work
from gateway.core.fair_quota import FairSemaphore
from gateway.core.long_work import STEP, STEP_SECONDS
from gateway.core.pipeline import respond
from gateway.core.pipeline.encoding_turn import ENCODED_AT_ONCE, STEPS_PER_TURN, EncodingTurn
from gateway.core.pipeline.request import LARGEST_BODIES_AT_ONCE
from gateway.core.pipeline.respond import send_pieces
from gateway.core.upstream.interface import SMALL_ANSWER_BYTES
from gateway.core.write_buffer import WriteBuffer
from gateway.features.admission import Admission
from gateway.features.admission.load_shedding import SMALLEST_LIMIT
from tests.support.clocks import HandClock, LookClock
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE, until
from tests.support.servers import Context, Gateway, ScriptedCuebot, bearer, gateway_for
from tests.support.wire import request, wire

pytestmark = [pytest.mark.anyio, pytest.mark.slow, needs("admission")]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
REPARENT = "/job.GroupInterface/ReparentJobs"
EACH_CALLS = "off"
"""SHARED_READS for bounds of many calls, which the same request makes many times."""
LARGE = 15_000
"""So many jobs are an answer that asks for memory."""


def jobs(count: int) -> bytes:
    """An answer of GetJobs with as many jobs, of some 80 bytes (380 in JSON) each."""
    answer = message_class("job.JobGetJobsResponse")()
    answer.jobs.jobs.add(id="i" * 36, name="demo-sh0001-lena_comp" * 2)
    one = answer.jobs.SerializeToString()
    answer.jobs.MergeFromString(one * (count - 1))
    payload: bytes = answer.SerializeToString()
    return payload


def raw_client(gateway: Gateway, receive_buffer: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", gateway.port))
    client.setblocking(False)
    return client


@asynccontextmanager
async def stalled(gateway: Gateway, *sent: bytes) -> AsyncIterator[None]:
    """Clients that send these and never read, each of them with more to be sent to it."""
    connections: Any = gateway.server.server_state.connections
    with ExitStack() as stack:
        for each in sent:
            client = stack.enter_context(raw_client(gateway, 4096))
            await asyncio.get_running_loop().sock_sendall(client, each)
        await until(lambda: sum(it.catching_up is not None for it in connections) == len(sent))
        yield


# --- slots and turns ------------------------------------------------------------------------
async def test_calls_beyond_max_in_flight_are_503(cuebot: ScriptedCuebot) -> None:
    """Those of the subject that has all places; others are let in."""
    release, most = cuebot.holds(SHOWS)[1], 32
    async with gateway_for(cuebot.endpoint, max_in_flight=most, shared_reads=EACH_CALLS) as gateway:
        calls = [asyncio.create_task(gateway.post(SHOWS, {})) for _ in range(most)]
        await until(lambda: len(cuebot.seen) == most)
        refused = await gateway.post(FIND_SHOW, {})
        assert (refused.status_code, refused.json()["code"]) == (503, 14)
        assert refused.headers["retry-after"] == "1"
        others = [gateway.post(FIND_SHOW, {}, headers=bearer(f"other{n}")) for n in range(5)]
        assert [each.status_code for each in await asyncio.gather(*others)] == [200] * 5
        calls[0].cancel()
        with suppress(asyncio.CancelledError):
            await calls[0]
        async with asyncio.timeout(PATIENCE):
            while (await gateway.post(FIND_SHOW, {})).status_code != 200:
                pass
        release.set()
        assert {(await call).status_code for call in calls[1:]} == {200}
        again = [gateway.post(FIND_SHOW, {}) for _ in range(most)]
        assert {answer.status_code for answer in await asyncio.gather(*again)} == {200}


async def test_answers_that_nobody_reads_keep_no_slot(cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(500))  # 40 of them are more than the system's 4 MB on their way
    sent = [request(GET_JOBS, b"{}") * 40] * 2
    async with (
        gateway_for(cuebot.endpoint, max_in_flight=2) as gateway,
        stalled(gateway, *sent),
    ):
        for _ in range(30):  # whoever is to get stuck is stuck by then
            await gateway.post(FIND_SHOW, {})
        others = [await gateway.post(FIND_SHOW, {}) for _ in range(10)]
        assert [answer.status_code for answer in others] == [200] * 10
        assert sum(path == GET_JOBS for path, _, _ in cuebot.seen) < 80


async def test_stalled_readers_make_way_for_others(cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(LARGE))
    assert len(jobs(LARGE)) > SMALL_ANSWER_BYTES
    async with (
        gateway_for(cuebot.endpoint, http_timeout=3600, max_answer_memory="4MB") as gateway,
        stalled(gateway, *[request(GET_JOBS, b"{}")] * 3),
    ):
        for subject in ("tester", "other"):
            answer = await gateway.post(GET_JOBS, {}, headers=bearer(subject))
            assert (answer.status_code, len(answer.json()["jobs"]["jobs"])) == (200, LARGE)


async def test_what_stalled_readers_keep_is_compressed_before_anybody_is_let_go(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.BEHIND_SECONDS", 3600.0)
    cuebot.answers(GET_JOBS, jobs(LARGE))
    gateway_with = partial(gateway_for, http_timeout=3600, shared_reads=EACH_CALLS)
    sent = [request(GET_JOBS, b"{}", subject=f"slow{number}") for number in range(12)]
    async with (
        gateway_with(cuebot.endpoint, max_answer_memory="4MB") as gateway,
        stalled(gateway, *sent),
    ):
        held = gateway.app.parts.answers.held
        answer = await gateway.post(GET_JOBS, {})
        assert len(answer.json()["jobs"]["jobs"]) == LARGE
        assert len(held) == 12
        assert sum(held.values()) < 5 * 2**20 < 12 * len(jobs(LARGE))


async def test_who_reads_on_gets_the_rest_of_a_compressed_answer(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.BEHIND_SECONDS", 3600.0)
    monkeypatch.setattr("gateway.core.fair_quota.MemoryLease.is_wanted", True)
    cuebot.answers(GET_JOBS, jobs(2 * LARGE))  # 11 MB: more than the system's 4 MB on their way
    async with gateway_for(cuebot.endpoint, http_timeout=3600) as gateway:
        held, whole = gateway.app.parts.answers.held, await gateway.post(GET_JOBS, {})
        async with wire(gateway) as client:
            await client.send(request(GET_JOBS, b"{}"))
            await client.reply_begins()
            await until(lambda: 0 < sum(held.values()) < len(jobs(2 * LARGE)) / 4)
            assert (await client.answer()).body == whole.content


class Behind:
    """A connection whose client has to read before there is more to do."""

    is_behind = True
    waited = 0.0


async def test_no_piece_is_made_for_a_client_that_has_not_read_the_one_before() -> None:
    """It would wait in memory."""
    made, waits, has_read = list[int](), asyncio.Event(), asyncio.Event()
    context = context_of(GET_JOBS, direct=Behind())

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"piece"

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and not message["body"]:
            waits.set()
            await has_read.wait()

    sending = asyncio.create_task(send_pieces(context, pieces(), (), send, PATIENCE))
    await asyncio.wait_for(waits.wait(), PATIENCE)
    assert made == [0]
    has_read.set()
    await asyncio.wait_for(sending, PATIENCE)
    assert made == [0, 1, 2]


@asynccontextmanager
async def reading(gateway: Gateway, piece: int, pause: float) -> AsyncIterator[asyncio.Task[bytes]]:
    """A client that asks for jobs and reads so many bytes at a time, with pauses; what it gets."""
    loop = asyncio.get_running_loop()

    async def read(client: socket.socket) -> bytes:
        found = bytearray()
        with suppress(ConnectionError):
            while part := await loop.sock_recv(client, piece):
                found += part
                await asyncio.sleep(pause)
        return bytes(found)

    with raw_client(gateway, piece) as client:
        await loop.sock_sendall(client, request(GET_JOBS, b"{}", "Connection: close"))
        task = asyncio.create_task(read(client))
        yield task
        task.cancel()


async def test_who_reads_slowly_but_steadily_gets_the_whole_answer_while_nobody_waits(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.MIN_CONTENDED_BYTES_PER_SECOND", 10**9)
    cuebot.answers(GET_JOBS, jobs(2 * LARGE))  # 11 MB: more than the system's 4 MB on their way
    async with gateway_for(cuebot.endpoint, http_timeout=2) as gateway:
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE), reading(gateway, 256 * 1024, 0.08) as answer:
            assert (await answer).endswith(b"0\r\n\r\n")
        assert time.monotonic() - began > 3


@pytest.mark.parametrize(("memory", "is_whole"), [("64MB", True), ("1MB", False)])
async def test_who_has_much_of_the_memory_that_others_want_has_to_read_faster(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch, memory: str, is_whole: bool
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.MIN_CONTENDED_BYTES_PER_SECOND", 2**18)
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.BEHIND_SECONDS", 2.0)
    monkeypatch.setattr("gateway.core.fair_quota.MemoryLease.is_wanted", True)
    monkeypatch.setattr(
        "gateway.core.codec.payload.WORTHWHILE_RATIO", 0
    )  # it stays as large as it is
    cuebot.answers(GET_JOBS, jobs(2 * LARGE))
    async with (
        asyncio.timeout(PATIENCE),
        gateway_for(cuebot.endpoint, max_answer_memory=memory) as gateway,
        reading(gateway, 128 * 1024, 0.08) as answer,
    ):
        assert (await answer).endswith(b"0\r\n\r\n") == is_whole


async def test_who_reads_more_slowly_than_anybody_should_is_let_go_although_nobody_waits(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.MIN_BYTES_PER_SECOND", 10**9)
    cuebot.answers(GET_JOBS, jobs(2 * LARGE))
    async with (
        asyncio.timeout(PATIENCE),
        gateway_for(cuebot.endpoint, http_timeout=1) as gateway,
        reading(gateway, 256 * 1024, 0.08) as answer,
    ):
        assert not (await answer).endswith(b"0\r\n\r\n")


async def test_large_answers_have_a_bound_while_they_are_received(cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(LARGE))
    async with gateway_for(
        cuebot.endpoint, max_answer_memory="2MB", shared_reads=EACH_CALLS
    ) as gateway:
        memory, most = gateway.app.parts.answers, 0
        asking = asyncio.gather(*(gateway.post(GET_JOBS, {}) for _ in range(6)))
        while not asking.done():
            most = max(most, sum(memory.held.values()))
            await asyncio.sleep(0)
        assert {len(each.json()["jobs"]["jobs"]) for each in await asking} == {LARGE}
        assert SMALL_ANSWER_BYTES < most <= 2 * 2**20
        await until(lambda: not memory.held)


async def test_too_many_large_answers(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.codec.payload.WORTHWHILE_RATIO", 0)  # none makes room
    monkeypatch.setattr("gateway.core.pipeline.slow_reader.BEHIND_SECONDS", 3600)  # nor is let go
    cuebot.answers(GET_JOBS, jobs(LARGE))
    gateway_with = partial(gateway_for, http_timeout=3600, shared_reads=EACH_CALLS)
    async with (
        gateway_with(cuebot.endpoint, max_answer_memory="1MB") as gateway,
        stalled(gateway, request(GET_JOBS, b"{}")),
    ):
        asking = [asyncio.create_task(gateway.post(GET_JOBS, {})) for _ in range(60)]
        async with asyncio.timeout(PATIENCE):
            refused, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        for answer in (each.result() for each in refused):
            assert answer.status_code == 503
            assert "MAX_ANSWER_MEMORY" in answer.json()["message"]
            assert answer.headers["retry-after"] == "1"


async def test_too_many_long_answers_are_503_and_nothing_else_is(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.loop_lag.LAG_TICK_SECONDS", 3600)  # only the test observes
    release = asyncio.Event()

    async def handler(request: bytes, context: Context) -> bytes:
        if len(cuebot.seen) > 1:
            await release.wait()
        return jobs(2000)

    cuebot.handlers[GET_JOBS] = handler
    async with gateway_for(cuebot.endpoint, shared_reads=EACH_CALLS) as gateway:
        assert (await gateway.post(GET_JOBS, {})).status_code == 200  # it is known as long by now
        for _ in range(20):
            gateway.app.feature(Admission).load_shedder.observe(lag=10)
        calls = [asyncio.create_task(gateway.post(GET_JOBS, {})) for _ in range(SMALLEST_LIMIT)]
        await until(lambda: len(cuebot.seen) == 1 + SMALLEST_LIMIT)
        refused = await gateway.post(GET_JOBS, {})
        assert (refused.status_code, refused.json()["code"]) == (503, 14)
        assert refused.headers["retry-after"] == "1"
        assert (await gateway.post(FIND_SHOW, {})).status_code == 200
        other = asyncio.create_task(gateway.post(GET_JOBS, {}, headers=bearer("other")))
        await until(lambda: len(cuebot.seen) == 3 + SMALLEST_LIMIT)
        release.set()
        assert {(await call).status_code for call in (*calls, other)} == {200}


async def test_small_requests_do_not_wait_for_many_long_answers(cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(LARGE))
    async with gateway_for(
        cuebot.endpoint, max_answer_memory="1GB", shared_reads=EACH_CALLS
    ) as gateway:
        turns, most = gateway.app.parts.long_answers.turns, 0
        asking = asyncio.gather(*(gateway.post(GET_JOBS, {}) for _ in range(8)))
        while not asking.done():
            most = max(most, sum(turns.held.values()))
            await asyncio.sleep(0)
        assert {each.status_code for each in await asking} == {200}
        assert 1 < most <= ENCODED_AT_ONCE + 1
        assert not turns.held


async def test_a_turn_goes_round_after_some_steps() -> None:
    turns = FairSemaphore(1, 4)
    turn, same, other, reserve = (EncodingTurn(turns, name) for name in "aabc")
    assert await turn.take()
    assert await reserve.take()
    waiting = {asyncio.create_task(same.take())}
    await asyncio.sleep(0)
    for _ in range(2 * STEPS_PER_TURN):
        turn.note_step()
    assert turns.held == {"a": 1, "c": 1}
    waiting.add(asyncio.create_task(other.take()))
    await asyncio.sleep(0)
    turn.note_step()
    assert not turn.is_held
    for _ in range(2):
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in (same, other):
            each.give_back()
    assert not waiting


async def test_others_run_after_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    made = 0
    clock = HandClock()
    monkeypatch.setattr(STEP, "clock", clock)

    def pieces() -> Iterator[bytes]:
        nonlocal made
        for made in range(1, 13):
            clock.now += STEP_SECONDS / (4 if made <= 8 else 1)
            yield b"piece"

    async def send(message: Message) -> None:
        pass

    async def look() -> None:
        while True:
            looks.append(made)
            await asyncio.sleep(0)

    context = context_of(GET_JOBS, direct=SimpleNamespace(is_behind=False))
    turn = EncodingTurn(FairSemaphore(1, 4), "a")
    assert await turn.take()
    looking = asyncio.create_task(look())
    await send_pieces(context, pieces(), (), send, PATIENCE, turn)
    looking.cancel()
    assert list(dict.fromkeys(looks)) == [0, 4, 8, 9, 10, 11, 12]


async def test_small_answers_are_sent_before_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock()
    monkeypatch.setattr(STEP, "clock", clock)
    handed: list[bytes] = []
    transport: Any = SimpleNamespace(write=handed.append, is_closing=lambda: False)
    buffer = WriteBuffer(transport, asyncio.get_running_loop())
    turns = FairSemaphore(1, 4)
    turn, other = EncodingTurn(turns, "a"), EncodingTurn(turns, "b")
    written = 0

    def write() -> None:
        nonlocal written
        written += 1
        buffer.write(b"small")

    def pieces() -> Iterator[bytes]:
        for _ in range(2 * STEPS_PER_TURN):
            assert len(b"".join(handed)) == written * len(b"small")
            clock.now += STEP_SECONDS
            yield b"piece"

    async def send(message: Message) -> None:
        pass

    async def take_a_turn() -> None:
        assert await other.take()
        for _ in range(3):  # until it is waited for
            await asyncio.sleep(0)
        other.give_back()
        write()

    async def go_on_writing() -> None:
        while True:
            write()
            await asyncio.sleep(0)

    assert await EncodingTurn(turns, "c").take()  # what is kept for others
    for others in (go_on_writing, take_a_turn):
        context = context_of(GET_JOBS, direct=SimpleNamespace(is_behind=False))
        assert await turn.take()
        task = asyncio.create_task(others())
        await asyncio.sleep(0)
        await send_pieces(context, pieces(), (), send, PATIENCE, turn)
        task.cancel()
    assert written > STEPS_PER_TURN


# --- bodies ---------------------------------------------------------------------------------


End = Callable[..., Awaitable[int]]
BODY_MB = 0.1
BODY = b'{"name": "' + b"x" * 100_000 + b'"}'
"""Almost as large as a body may be: there is room for so many of them and not for one more."""


@asynccontextmanager
async def sending(gateway: Gateway) -> AsyncIterator[End]:
    """A client that has sent all of BODY but its end; a function that sends that (or something
    else) and returns the status of the answer.
    """
    async with wire(gateway) as one:

        async def end(last: bytes = BODY[-1:]) -> int:
            await one.send(last)
            return (await one.answer()).status

        await one.send(request(FIND_SHOW, BODY)[:-1])
        yield end


async def many_sending(stack: AsyncExitStack, gateway: Gateway) -> list[End]:
    return [
        await stack.enter_async_context(sending(gateway)) for _ in range(LARGEST_BODIES_AT_ONCE)
    ]


async def until_full(gateway: Gateway) -> httpx.Response:
    """Wait until another body is refused; its answer."""
    lone = {"Connection": "close"}
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await gateway.post(FIND_SHOW, content=BODY, headers=lone)
            if answer.status_code != 200:
                return answer


async def test_room_for_bodies_is_bounded_and_given_back(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, max_body_mb=BODY_MB) as gateway:
        for last in (BODY[-1:], b"!", None):  # finished, failed, hung up
            async with AsyncExitStack() as stack:
                many = await many_sending(stack, gateway)
                refused = await until_full(gateway)
                assert (refused.status_code, refused.json()["code"]) == (503, 14)
                assert refused.headers["retry-after"] == "1"
                assert (await gateway.post(SHOWS)).status_code == 200  # has no body
                if last is not None:
                    expected = 200 if last == BODY[-1:] else 400
                    assert {await end(last) for end in many} == {expected}
            # Room that was lost would not be enough for as many again.
            async with AsyncExitStack() as stack:
                await until(lambda: len(gateway.server.server_state.connections) <= 1)
                many = await many_sending(stack, gateway)
                assert set(await asyncio.gather(*(end() for end in many))) == {200}


async def test_bodies_of_calls_under_way_take_their_room(cuebot: ScriptedCuebot) -> None:
    _, release = cuebot.holds(FIND_SHOW)
    async with gateway_for(cuebot.endpoint, max_body_mb=BODY_MB) as gateway:
        many = (gateway.post(FIND_SHOW, content=BODY) for _ in range(LARGEST_BODIES_AT_ONCE))
        calls = [asyncio.create_task(call) for call in many]
        await until(lambda: len(cuebot.seen) == LARGEST_BODIES_AT_ONCE)
        refused = await gateway.post(FIND_SHOW, content=BODY)
        assert (refused.status_code, refused.json()["code"]) == (503, 14)
        release.set()
        assert {(await call).status_code for call in calls} == {200}
        assert (await gateway.post(FIND_SHOW, content=BODY)).status_code == 200


async def test_a_client_that_leaves_before_its_body_is_planned_makes_no_call(
    cuebot: ScriptedCuebot, started: list[Popen[bytes]]
) -> None:
    """Nobody would get the answer."""
    large = orjson.dumps({"name": "x" * 300_000})
    async with gateway_for(cuebot.endpoint) as gateway:
        assert (await gateway.post(FIND_SHOW, content=large)).status_code == 200
        (process,) = started
        process.send_signal(signal.SIGSTOP)
        async with AsyncExitStack() as stack:
            for _ in range(4):
                one = await stack.enter_async_context(wire(gateway))
                await one.send(request(FIND_SHOW, large))
            await until(lambda: sum(gateway.app.feature(Admission).slots.held.values()) == 4)
        await until(lambda: len(gateway.server.server_state.connections) <= 1)
        process.send_signal(signal.SIGCONT)
        assert (await gateway.post(FIND_SHOW, content=large)).status_code == 200
        await until(lambda: not gateway.app.feature(Admission).slots.held)
        assert len(cuebot.seen) == 2


async def test_room_of_refused_bodies_is_given_back(cuebot: ScriptedCuebot) -> None:
    """Bodies that came too slowly, or turned out too large, take no room afterwards."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * 200_000

    async with gateway_for(cuebot.endpoint, max_body_mb=BODY_MB, http_timeout=1) as gateway:
        for _ in range(2):
            async with AsyncExitStack() as stack:
                slow = await many_sending(stack, gateway)
                assert {await end(b"") for end in slow} == {408}
            for _ in range(LARGEST_BODIES_AT_ONCE):
                assert (await gateway.post(FIND_SHOW, content=chunks())).status_code == 413


def many_lists(item: bytes, count: int) -> bytes:
    return b'{"job": {"id": "j", "unknown": [' + b",".join([item] * (count - 3)) + b"]}}"


MANY_UNKNOWN = {f"unknown{number}": 0 for number in range(999)}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (orjson.dumps({"job": {"id": "j", "a": 1} | MANY_UNKNOWN}), ""),
        (orjson.dumps({"job": {"id": "j", "a": 1, "b": 2} | MANY_UNKNOWN}), "1000 unknown fields"),
        *((many_lists(item, 100_000), "") for item in (b"[]", b"{}")),
        *((many_lists(item, 100_001), "100000 objects and lists") for item in (b"[]", b"{}")),
    ],
    ids=range(6),
)
async def test_fields_objects_and_lists_are_bounded(
    gateway: Gateway, cuebot: ScriptedCuebot, body: bytes, problem: str
) -> None:
    answer = await gateway.post("/job.JobInterface/GetFrames", content=body)
    assert (answer.status_code, len(cuebot.seen)) == ((400, 0) if problem else (200, 1))
    assert not problem or f"more than {problem}" in answer.json()["message"]


# --- views and their time -------------------------------------------------------------------


VIEWED = f"{GET_JOBS}?_where=name~'nothing'%20and%20priority%3D1&_sort=name"


@pytest.fixture
def dear_rows(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    """A look at the clock ends a step, and each step takes a second of a request's time."""
    clock = HandClock()
    let_run = long_work.let_others_run

    async def after_a_second() -> None:
        clock.now += 1
        await let_run()

    monkeypatch.setattr(STEP, "clock", LookClock(STEP_SECONDS))
    monkeypatch.setattr(respond, "monotonic", clock)
    monkeypatch.setattr(respond, "let_others_run", after_a_second)
    return clock


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
async def test_a_view_ends_at_the_deadline(
    cuebot: ScriptedCuebot, gateway: Gateway, dear_rows: HandClock, coding: str
) -> None:
    """With a 504 that says how far it has come, and what would help. It does not go on."""
    cuebot.answers(GET_JOBS, jobs(500))
    began = dear_rows.now
    headers = {"Grpc-Timeout": "20S", "Accept-Encoding": coding}
    answer = await gateway.client.post(VIEWED, json={}, headers=headers)
    assert answer.status_code == 504
    message = answer.json()["message"]
    looked_at = re.search(r"in time: (\d+) of 500 rows had been looked at", message)
    assert looked_at
    assert 5 < int(looked_at[1]) < 25
    assert "ask for fewer rows" in message
    assert "before `~`" in message
    assert dear_rows.now - began < 25


async def test_a_view_that_has_begun_breaks_off_at_the_deadline(
    cuebot: ScriptedCuebot, gateway: Gateway, dear_rows: HandClock
) -> None:
    cuebot.answers(GET_JOBS, jobs(500))
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.client.post(
            f"{GET_JOBS}?_format=csv", json={}, headers={"Grpc-Timeout": "20S"}
        )
    assert dear_rows.now < 60


async def test_an_answer_without_a_view_has_no_deadline_for_its_work(
    cuebot: ScriptedCuebot, gateway: Gateway, dear_rows: HandClock
) -> None:
    cuebot.answers(GET_JOBS, jobs(5000))
    answer = await gateway.client.post(GET_JOBS, json={}, headers={"Grpc-Timeout": "1S"})
    assert len(answer.json()["jobs"]["jobs"]) == 5000
    assert dear_rows.now > 5
