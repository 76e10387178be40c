"""Calls that several callers share, before a Cuebot that answers when the test says so."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Code
from gateway.core.fair_quota import FairSemaphore, MemoryLease
from gateway.core.long_work import let_others_run
from gateway.core.upstream.interface import (
    SMALL_ANSWER_BYTES,
    CallFailed,
    Expects,
    Metadata,
    Reason,
    UpstreamCall,
    takes_all,
)
from gateway.features.shared_reads import shared_upstream
from gateway.features.shared_reads.shared_upstream import (
    LARGEST_REQUEST_BYTES,
    OwnMemory,
    SharedUpstream,
)
from tests.support.patience import until

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
KILL = "/job.JobInterface/Kill"
PROMISED_SECONDS = shared_upstream.LONGEST_WAIT_SECONDS
LARGE = bytes(SMALL_ANSWER_BYTES + 1)


@dataclass
class Asked:
    path: str
    payload: bytes
    timeout: float
    metadata: Metadata
    expects: Expects
    answer: "asyncio.Future[bytes]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass
class Cuebot:
    asked: list[Asked] = field(default_factory=list)

    async def call(self, call: UpstreamCall) -> bytes:
        asked = Asked(*call)
        self.asked.append(asked)
        return await asked.answer

    async def usable(self, timeout: float) -> int:
        return 1

    async def answer(self, call: int, message: bytes | Exception) -> None:
        """Answer that call, or let it fail, and all do what they can then."""
        if isinstance(message, bytes):
            self.asked[call].answer.set_result(message)
        else:
            self.asked[call].answer.set_exception(message)
        await turns()


@pytest.fixture
async def cuebot() -> AsyncIterator[Cuebot]:
    cuebot = Cuebot()
    yield cuebot
    while under_way := [each for each in cuebot.asked if not each.answer.done()]:
        for each in under_way:
            each.answer.cancel()
        await turns()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is tired of waiting, however busy the machine is."""
    monkeypatch.setattr(shared_upstream, "LONGEST_WAIT_SECONDS", 3600.0)


def shared(cuebot: Cuebot, total: int = 10 * len(LARGE), **options: Any) -> SharedUpstream:
    memory = FairSemaphore(total, most_waiting=4)
    return SharedUpstream(cuebot, lambda path: path == GET_JOBS, memory, **options)


def of(name: str, number: int = 0) -> Metadata:
    return (
        ("x-request-id", f"{name}-{number}"),
        ("traceparent", f"trace of {name}"),
        ("x-forwarded-for", f"address of {name}"),
        ("x-gateway-principal", name),
    )


async def ask(
    reads: SharedUpstream | OwnMemory,
    name: str = "ann",
    *,
    path: str = GET_JOBS,
    payload: bytes = b"q",
    timeout: float = 60.0,
    expects: Expects = takes_all,
) -> "asyncio.Task[bytes]":
    """A caller, who has asked and waits."""
    asking: Coroutine[Any, Any, bytes] = reads.call(
        UpstreamCall(path, payload, timeout, of(name), expects)
    )
    task = asyncio.create_task(asking)
    await turns()
    return task


async def shared_call(
    reads: SharedUpstream, cuebot: Cuebot, *names: str
) -> list["asyncio.Task[bytes]"]:
    """Callers whose call has begun, after another one's."""
    await ask(reads)
    waiting = [await ask(reads, name) for name in names or ("a", "b")]
    await cuebot.answer(-1, b"1")
    return waiting


async def turns() -> None:
    """Let all do what they can without waiting."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_caller_alone_makes_its_call_itself(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    task = await ask(reads, timeout=7.0, expects=(expects := MemoryLease(reads._memory, "ann").ask))
    (asked,) = cuebot.asked
    assert (asked.path, asked.payload, asked.timeout) == (GET_JOBS, b"q", 7.0)
    assert (asked.metadata, asked.expects) == (of("ann"), expects)
    asked.answer.set_result(b"a")
    assert type(await task) is bytes
    assert reads.answered == 0


async def test_who_comes_during_a_call_shares_the_next_one(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    first = await ask(reads, "first")
    others = [await ask(reads, name, timeout=50.0 + n) for n, name in enumerate("abc")]
    assert len(cuebot.asked) == 1
    await cuebot.answer(0, b"old")
    assert await first == b"old"
    assert not any(each.done() for each in others)
    _, together = cuebot.asked
    assert together.metadata == (
        ("x-request-id", "a-0"),
        ("traceparent", "trace of a"),
        ("x-gateway-principal", "shared"),
    )
    assert 51.0 < together.timeout < 52.1
    together.answer.set_result(b"new")
    assert [await each for each in others] == [b"new"] * 3
    assert reads.answered == 3


async def test_who_comes_during_a_shared_call_waits_for_another(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    tasks = [await ask(reads) for _ in range(3)]
    await cuebot.answer(0, b"1")
    late = [await ask(reads, "late") for _ in range(2)]
    assert len(cuebot.asked) == 2
    await cuebot.answer(1, b"2")
    assert [await each for each in tasks] == [b"1", b"2", b"2"]
    await cuebot.answer(2, b"3")
    assert [await each for each in late] == [b"3", b"3"]


async def test_the_only_one_who_waits_makes_its_own_call(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    await ask(reads, "first")
    expects = MemoryLease(reads._memory, "ann").ask
    second = await ask(reads, "second", timeout=50.0, expects=expects)
    await cuebot.answer(0, b"1")
    own = cuebot.asked[1]
    assert (own.metadata, own.expects) == (of("second"), expects)
    assert 49.0 < own.timeout < 50.1
    third = await ask(reads, "third")
    await cuebot.answer(1, b"2")
    assert type(await second) is bytes
    await cuebot.answer(2, b"3")
    assert await third == b"3"
    assert reads.answered == 0


async def test_the_next_call_begins_after_the_work_that_is_there(cuebot: Cuebot) -> None:
    """So that a gateway that is behind asks less often, for more callers."""
    reads = shared(cuebot)
    await ask(reads)
    for _ in range(2):
        await ask(reads)
    work = [asyncio.create_task(let_others_run()) for _ in range(20)]
    cuebot.asked[0].answer.set_result(b"1")
    while len(cuebot.asked) < 2:  # noqa: ASYNC110 - turn by turn
        await asyncio.sleep(0)
    assert all(each.done() for each in work)


async def test_a_failure_also_ends_the_wait(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    first, second = await ask(reads), await ask(reads)
    await cuebot.answer(0, CallFailed(Code.INTERNAL, "first"))
    with pytest.raises(CallFailed, match="first"):
        await first
    await cuebot.answer(1, b"2")
    assert await second == b"2"


async def test_a_call_that_hangs_does_not_hold_up_others(
    cuebot: Cuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PROMISED_SECONDS == 1.0
    monkeypatch.setattr(shared_upstream, "LONGEST_WAIT_SECONDS", 0.001)
    reads = shared(cuebot)
    hung = await ask(reads, "hung")
    second = await ask(reads, "second")
    await until(lambda: len(cuebot.asked) == 2)
    assert cuebot.asked[1].metadata == of("second")
    monkeypatch.setattr(shared_upstream, "LONGEST_WAIT_SECONDS", 3600.0)
    third, fourth = await ask(reads, "third"), await ask(reads, "fourth")
    await cuebot.answer(0, b"1")  # not what they wait for
    assert await hung == b"1"
    assert len(cuebot.asked) == 2
    await cuebot.answer(1, b"2")
    assert await second == b"2"
    await cuebot.answer(2, b"3")
    assert [await third, await fourth] == [b"3", b"3"]


# --- who leaves, and when ---------------------------------------------------------------------
def left(cuebot: Cuebot) -> list[bool]:
    """Of each call, whether nobody waits for it any more."""
    return [each.answer.cancelled() for each in cuebot.asked]


async def leave(task: "asyncio.Task[bytes]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()


async def test_a_call_goes_on_until_the_last_one_has_left(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    waiting = await shared_call(reads, cuebot, "a", "b", "c")
    await leave(waiting[0])
    await leave(waiting[1])
    assert left(cuebot) == [False, False]
    await leave(waiting[2])
    assert left(cuebot) == [False, True]
    again = await ask(reads)
    await cuebot.answer(2, b"3")
    assert await again == b"3"


async def test_who_leaves_a_shared_call_takes_nothing_from_others(cuebot: Cuebot) -> None:
    gone, stays = await shared_call(shared(cuebot), cuebot, "gone", "stays")
    await leave(gone)
    await cuebot.answer(1, b"2")
    assert await stays == b"2"


async def test_no_call_is_made_for_those_who_have_left(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    await ask(reads)
    for waiting in [await ask(reads), await ask(reads)]:
        await leave(waiting)
    second = await ask(reads)
    await cuebot.answer(0, b"1")
    assert len(cuebot.asked) == 2
    await leave(second)
    await ask(reads)
    assert len(cuebot.asked) == 3


async def test_all_leave_before_their_call_has_begun(cuebot: Cuebot) -> None:
    """At once: the call's task has not run yet."""
    reads = shared(cuebot)
    first = await ask(reads)
    waiting = [await ask(reads), await ask(reads)]
    first.cancel()
    await asyncio.sleep(0)
    for each in waiting:
        each.cancel()
    await asyncio.gather(first, *waiting, return_exceptions=True)
    await turns()
    again = await ask(reads)
    await cuebot.answer(-1, b"a")
    assert await again == b"a"


async def test_the_only_one_leaves_as_its_call_begins(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    first, second = await ask(reads), await ask(reads)
    cuebot.asked[0].answer.set_result(b"1")
    assert await first == b"1"
    await leave(second)
    again = await ask(reads)
    await cuebot.answer(-1, b"a")
    assert await again == b"a"


async def test_each_keeps_its_deadline(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    await ask(reads)
    hasty, patient = await ask(reads, timeout=0.001), await ask(reads, timeout=3600.0)
    with pytest.raises(CallFailed) as early:
        await hasty
    assert (early.value.code, early.value.reason) == (Code.DEADLINE_EXCEEDED, Reason.DEADLINE)
    hasty, third = await ask(reads, timeout=0.05), await ask(reads)
    await cuebot.answer(0, b"1")
    with pytest.raises(CallFailed, match="deadline"):
        await hasty
    await cuebot.answer(1, b"2")
    assert [await patient, await third] == [b"2", b"2"]


async def test_nobody_waits_for_a_call_after_all_deadlines(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    await ask(reads)
    for hasty in [await ask(reads, timeout=0.001) for _ in range(2)]:
        with pytest.raises(CallFailed, match="deadline"):
            await hasty
    await cuebot.answer(0, b"1")
    assert len(cuebot.asked) == 1


# --- errors -----------------------------------------------------------------------------------
async def test_each_has_the_error_for_itself(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    waiting = await shared_call(reads, cuebot, "a", "b", "c")
    failure = CallFailed(
        Code.NOT_FOUND,
        "no such job",
        Reason.CANCELLED,
        may_have_reached_server=False,
        status_details=b"details",
    )
    await cuebot.answer(1, failure)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(set(map(id, errors))) == 3
    for each in errors:
        assert isinstance(each, CallFailed)
        assert vars(each) == vars(failure)
    assert reads.answered == 0


async def test_errors_leave_with_those_who_have_them(cuebot: Cuebot) -> None:
    """Without the garbage collector, which runs seldom."""
    reads = shared(cuebot)
    waiting = await shared_call(reads, cuebot)
    await cuebot.answer(-1, CallFailed(Code.INTERNAL, "failed"))
    gc.disable()
    try:
        await asyncio.wait(waiting)
        errors = [ref(each.exception()) for each in waiting]
        waiting.clear()
        assert [each() for each in errors] == [None, None]
    finally:
        gc.enable()


async def test_a_bug_reaches_all_and_the_next_call_is_made(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    waiting = await shared_call(reads, cuebot)
    await cuebot.answer(1, ZeroDivisionError())
    for each in waiting:
        with pytest.raises(ZeroDivisionError):
            await each
    await ask(reads)
    assert len(cuebot.asked) == 3


# --- what is the same -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "payloads"),
    [
        (KILL, [b"q", b"q"]),
        (GET_JOBS, [b"q", b"r"]),
        (GET_JOBS, [bytes(LARGEST_REQUEST_BYTES + 1)] * 2),
    ],
    ids=["changes", "other requests", "large requests"],
)
async def test_nobody_waits_for_other_calls(
    cuebot: Cuebot, path: str, payloads: list[bytes]
) -> None:
    reads = shared(cuebot)
    for payload in payloads:
        await ask(reads, path=path, payload=payload)
    assert [each.payload for each in cuebot.asked] == payloads


async def test_within_a_principal_nobody_waits_for_others(cuebot: Cuebot) -> None:
    reads = shared(cuebot, within_principal=True)
    ann, bob = await ask(reads, "ann"), await ask(reads, "bob")
    assert len(cuebot.asked) == 2
    more = [await ask(reads, "ann") for _ in range(2)]
    await cuebot.answer(0, b"1")
    await ann
    await turns()
    assert len(cuebot.asked) == 3
    assert dict(cuebot.asked[2].metadata)["x-gateway-principal"] == "ann"
    assert "x-forwarded-for" not in dict(cuebot.asked[2].metadata)
    await cuebot.answer(1, b"of bob")
    await cuebot.answer(2, b"of ann")
    assert [await each for each in (bob, *more)] == [b"of bob", b"of ann", b"of ann"]


async def test_without_a_name_the_address_is_the_principal(cuebot: Cuebot) -> None:
    reads = shared(cuebot, within_principal=True)

    def metadata(address: str) -> Metadata:
        return (("x-forwarded-for", address), ("x-gateway-principal", ""))

    tasks = [
        asyncio.ensure_future(reads.call(UpstreamCall(GET_JOBS, b"q", 60.0, metadata(address))))
        for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1")
    ]
    await turns()
    assert len(cuebot.asked) == 2
    for each in tasks:
        await leave(each)


# --- memory -----------------------------------------------------------------------------------
async def test_a_shared_answer_is_paid_for_once_until_nobody_has_it(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    held = reads._memory.held
    waiting = await shared_call(reads, cuebot)
    taken = asyncio.Event()
    assert cuebot.asked[-1].expects(len(LARGE), taken.set)
    assert taken.is_set()
    assert held == {"shared": len(LARGE)}
    await cuebot.answer(-1, LARGE)
    answers = [await each for each in waiting]
    waiting.clear()
    cuebot.asked.clear()
    assert answers == [LARGE, LARGE]
    answers.pop()
    await turns()
    assert held == {"shared": len(LARGE)}
    answers.clear()
    await until(lambda: not held)


@pytest.mark.parametrize("ends", ["failure", "leaving"])
async def test_the_memory_of_a_call_without_an_answer_is_given_back(
    cuebot: Cuebot, ends: str
) -> None:
    reads = shared(cuebot)
    waiting = await shared_call(reads, cuebot)
    assert cuebot.asked[-1].expects(len(LARGE), lambda: None)
    if ends == "failure":
        await cuebot.answer(-1, CallFailed(Code.UNAVAILABLE, "lost"))
    else:
        for each in waiting:
            each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await turns()
    assert not reads._memory.held


async def test_a_call_that_waits_for_memory_waits_no_more_when_all_have_left(
    cuebot: Cuebot,
) -> None:
    reads = shared(cuebot, total=len(LARGE))
    memory = reads._memory
    assert memory.take_at_once("greedy", len(LARGE))
    waiting = await shared_call(reads, cuebot)
    assert cuebot.asked[-1].expects(len(LARGE), lambda: None)
    assert memory.is_awaited
    for each in waiting:
        await leave(each)
    assert not memory.is_awaited


async def test_who_makes_a_copy_of_its_own_pays_for_it(cuebot: Cuebot) -> None:
    reads = shared(cuebot)
    own = MemoryLease(reads._memory, "partial")
    await ask(reads)
    partial_one = await ask(OwnMemory(reads), expects=own.ask)
    whole = await ask(reads)
    await cuebot.answer(0, b"1")
    cuebot.asked[1].expects(len(LARGE), lambda: None)
    await cuebot.answer(1, LARGE)
    assert await partial_one == await whole == LARGE
    assert reads._memory.held == {"shared": len(LARGE), "partial": len(LARGE)}
    assert len(cuebot.asked) == 2


async def test_who_has_no_memory_for_a_copy_calls_again_and_holds_nothing(
    cuebot: Cuebot,
) -> None:
    reads = shared(cuebot, total=len(LARGE))
    own = MemoryLease(reads._memory, "partial")
    await ask(reads)
    waiting = [await ask(OwnMemory(reads), "partial", expects=own.ask) for _ in range(2)]
    await cuebot.answer(0, b"1")
    cuebot.asked[1].expects(len(LARGE), lambda: None)
    await cuebot.answer(1, LARGE)
    await until(lambda: len(cuebot.asked) == 4)
    assert [each.metadata for each in cuebot.asked[2:]] == [of("partial")] * 2
    again = cuebot.asked[2:]
    cuebot.asked.clear()
    await until(lambda: "shared" not in reads._memory.held)
    for each in again:
        each.answer.set_result(LARGE)
    assert [await each for each in waiting] == [LARGE, LARGE]


# --- any order --------------------------------------------------------------------------------
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "answer", "fail", "leave", "tire", "turn"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_no_answer_is_older_than_its_question(actions: list[tuple[str, int]]) -> None:
    """Whoever comes, leaves and is answered when: answers are by the moment of their call."""
    asyncio.run(play(actions))


async def play(actions: list[tuple[str, int]]) -> None:
    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    game = Game()
    for action, number in actions:
        getattr(game, action)(number)
        if number % 2:
            await turns()
    await turns()
    while not all(task.done() for _, task in game.askers):
        game.answer(0)
        await turns()
    answered = [each for each in game.askers if not (each[1].cancelled() or each[1].exception())]
    assert all(int(task.result()) >= calls for calls, task in answered)
    assert not game.reads._newest
    del game, answered
    assert not problems


class Game:
    def __init__(self) -> None:
        self.cuebot = Cuebot()
        self.reads = shared(self.cuebot)
        self.askers: list[tuple[int, asyncio.Task[bytes]]] = []
        """With the number of calls that had begun before."""

    def ask(self, number: int) -> None:
        asking = self.reads.call(UpstreamCall(GET_JOBS, b"q", 60.0, of("ann")))
        self.askers.append((len(self.cuebot.asked), asyncio.create_task(asking)))

    def answer(self, number: int) -> None:
        """Each answer is the number of its call."""
        under_way = [each for each in self.cuebot.asked if not each.answer.done()]
        if under_way:
            asked = under_way[number % len(under_way)]
            asked.answer.set_result(b"%d" % self.cuebot.asked.index(asked))

    def fail(self, number: int) -> None:
        under_way = [each for each in self.cuebot.asked if not each.answer.done()]
        if under_way:
            under_way[number % len(under_way)].answer.set_exception(CallFailed(Code.INTERNAL, ""))

    def leave(self, number: int) -> None:
        if self.askers:
            self.askers[number % len(self.askers)][1].cancel()

    def tire(self, number: int) -> None:
        """The longest wait is over."""
        for following in [*self.reads._newest.values()]:
            for group in [*following]:
                self.reads._start(group)

    def turn(self, number: int) -> None:
        """Nothing happens."""
