"""What is made of a shared answer once, without HTTP."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.errors import Code, GatewayError
from gateway.core.fair_quota import FairSemaphore
from gateway.core.pipeline.context import RequestContext
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.shared_reads.shared_answer import (
    SharedAnswer,
    SharedPieces,
    in_common,
    shared_answer,
    shared_form,
)
from gateway.features.shared_reads.shared_lease import SharedLease
from gateway.features.shared_reads.shared_turn import SharedTurn
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import jobs, opencue
from tests.support.patience import PATIENCE, until

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"


def answer_of(content: bytes = b"content", memory: FairSemaphore | None = None) -> SharedAnswer:
    return shared_answer(content, SharedLease(memory or FairSemaphore(10**9, 1), "shared"))


class Counted:
    """A source of pieces that counts what it makes."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.made = 0
        self._pieces = pieces

    def __call__(self) -> Iterator[bytes]:
        for each in self._pieces:
            self.made += 1
            if isinstance(each, Exception):
                raise each
            yield each


def pieces_of(
    source: Counted, answer: SharedAnswer, most: int = 100, *, can_begin_again: bool = True
) -> SharedPieces:
    again = source if can_begin_again else None
    return SharedPieces(answer, "key", (), source(), None, again, most)


async def test_each_piece_is_made_once_by_whoever_comes_first() -> None:
    source, answer = Counted(b"a", b"", b"b", b"c"), answer_of()
    pieces = pieces_of(source, answer)
    first, second = iter(pieces), iter(pieces)
    assert [next(first), next(first)] == [b"a", b""]
    assert source.made == 2
    assert [next(second), next(second)] == [b"a", b"b"]
    assert b"".join(first) == b"bc"
    assert b"".join(second) == b"c"
    assert source.made == 4
    assert answer.made["key"] == ((b"a", b"b", b"c"), ())
    assert b"".join(pieces) == b"abc"


async def test_who_is_too_far_behind_makes_the_rest() -> None:
    source, answer = Counted(b"ab", b"cd", b"ef", b"gh"), answer_of()
    pieces = pieces_of(source, answer, most=4)
    slow, fast = iter(pieces), iter(pieces)
    assert next(slow) == b"ab"
    assert b"".join(fast) == b"abcdefgh"
    assert source.made == 4
    assert b"".join(slow) == b"cdefgh"
    assert source.made == 8
    assert "key" not in answer.made


async def test_what_cannot_be_made_again_is_kept() -> None:
    source = Counted(b"ab", b"cd", b"ef")
    pieces = pieces_of(source, answer_of(), most=2, can_begin_again=False)
    slow = iter(pieces)
    assert next(slow) == b"ab"
    assert b"".join(pieces) == b"abcdef"
    assert b"".join(slow) == b"cdef"


async def test_each_has_the_error_of_the_pieces() -> None:
    source = Counted(b"a", GatewayError(Code.INTERNAL, "unreadable"))
    pieces = pieces_of(source, answer_of())
    errors = []
    for reader in (iter(pieces), iter(pieces)):
        assert next(reader) == b"a"
        with pytest.raises(GatewayError, match="unreadable") as error:
            next(reader)
        errors.append(error.value)
    assert errors[0] is not errors[1]
    assert source.made == 2


async def test_a_bug_completes_nobodys_answer() -> None:
    pieces = pieces_of(Counted(b"a", ZeroDivisionError()), answer := answer_of())
    for error in (ZeroDivisionError, GatewayError):  # which is logged once
        reader = iter(pieces)
        assert next(reader) == b"a"
        with pytest.raises(error):
            next(reader)
    assert not answer.made


# --- turns --------------------------------------------------------------------------------------
async def test_a_shared_turn_is_asked_for_once() -> None:
    turns = FairSemaphore(1, 4)
    assert await turns.take("other", 1, None)
    turn = SharedTurn(turns, "other")
    waiting = [asyncio.ensure_future(turn.take()) for _ in range(3)]
    await asyncio.sleep(0)
    assert turns.is_awaited
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    assert not waiting[1].done()
    turns.give_back("other", 1)
    assert [await waiting[1], await waiting[2]] == [True, True]
    assert turns.held == {"other": 1}
    turn.give_back()
    turn.give_back()
    assert not turns.held


async def test_a_turn_does_not_come_in_time_for_anybody() -> None:
    turns = FairSemaphore(1, 4)
    assert await turns.take("other", 1, None)
    turn = SharedTurn(turns, "other")
    assert await asyncio.gather(*(turn.take(0.001) for _ in range(3))) == [False] * 3
    assert not turns.is_awaited


async def test_nobody_waits_longer_because_another_one_does() -> None:
    turns = FairSemaphore(1, 4)
    assert await turns.take("other", 1, None)
    turn = SharedTurn(turns, "other")
    patient = asyncio.ensure_future(turn.take())
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        assert not await turn.take(0.001)
    assert not patient.done()
    turns.give_back("other", 1)
    assert await patient


async def test_nobody_needs_a_turn_for_pieces_that_are_made() -> None:
    turns = FairSemaphore(1, 4)
    pieces = pieces_of(Counted(b"a"), answer_of())
    turn = pieces.turn_among(turns)
    assert await turn.take()
    assert b"".join(pieces) == b"a"
    assert not turns.held
    assert await turns.take("other", 1, None)
    assert await pieces.turn_among(turns).take(0)
    turn.give_back()
    turn.note_step()
    assert turn.is_held
    assert turns.held == {"other": 1}


async def test_a_turn_that_comes_when_all_is_made_is_given_back() -> None:
    turns = FairSemaphore(1, 4)
    assert await turns.take("other", 1, None)
    pieces = pieces_of(Counted(b"a"), answer_of())
    waiting = asyncio.ensure_future(pieces.turn_among(turns).take())
    await asyncio.sleep(0)
    assert b"".join(pieces) == b"a"
    turns.give_back("other", 1)
    assert await waiting
    assert not turns.held


# --- forms --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def catalogs() -> tuple[Catalog, Catalog]:
    """With the profile, which adds fields to answers, and without."""
    with_profile = build_catalog(opencue(), Selection(), load_profile("opencue"))
    return with_profile, build_catalog(opencue(), Selection())


def whole(form: Any) -> bytes:
    return b"".join(form[0])


def forms(
    answer: SharedAnswer, method: Method, count: int = 2, coding: bytes | None = None
) -> list[Any]:
    return [shared_form(asking(coding), method, None, answer) for _ in range(count)]


def asking(coding: bytes | None) -> RequestContext:
    context = context_of(GET_JOBS)
    if coding is not None:
        coding_of = pytest.importorskip("gateway.features.compression.coding")
        context.response.coding = coding_of.choose(coding)
    return context


@needs("compression")
@pytest.mark.parametrize("count", [1, 5000])
async def test_a_form_is_made_once_for_each_schema_and_coding(
    catalogs: tuple[Catalog, Catalog], count: int
) -> None:
    answer = answer_of(jobs(count))
    made = []
    for catalog in catalogs:
        method = catalog.routes[GET_JOBS]
        for coding in (b"identity", b"gzip", b"zstd"):
            one, other = forms(answer, method, coding=coding)
            assert one[0] is other[0]
            made.append(one[0])
        plain = forms(answer, method)
        assert whole(plain[0]) == whole(plain[1]) == b"".join(method.encode(jobs(count)))
    assert len(set(map(id, made))) == len(made)


async def test_a_large_answer_is_encoded_by_each(
    catalogs: tuple[Catalog, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gateway.features.shared_reads.shared_answer.LARGEST_ANSWER_BYTES", len(jobs(5000)) - 1
    )
    answer, context = answer_of(jobs(5000)), context_of(GET_JOBS)
    one, other = forms(answer, catalogs[0].routes[GET_JOBS])
    assert one[0] is not other[0]
    assert whole(one) == whole(other)
    shared_form(context, catalogs[0].routes[GET_JOBS], None, answer)
    assert context.call.payload is None, "compressing it would make another copy"


async def test_only_so_many_forms_are_kept(
    catalogs: tuple[Catalog, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.shared_reads.shared_answer.MOST_MADE", 1)
    answer, method = answer_of(jobs(1)), catalogs[0].routes[GET_JOBS]
    one, other = forms(answer, method)
    assert one[0] is other[0]
    assert forms(answer, catalogs[1].routes[GET_JOBS])
    assert len(answer.made) == 1


async def test_the_memory_of_forms_is_that_of_the_answer(
    catalogs: tuple[Catalog, Catalog],
) -> None:
    size = len(jobs(5000))
    memory = FairSemaphore(10 * size, 1)
    answer = answer_of(jobs(5000), memory)
    assert answer.lease.ask(size, lambda: None)
    form, _ = forms(answer, catalogs[0].routes[GET_JOBS])
    assert memory.held == {"shared": 5 * size}
    reader = iter(form[0])
    while not next(reader):  # a pause
        pass
    del answer, form, _
    await asyncio.sleep(0.01)
    assert memory.held
    del reader
    await until(lambda: not memory.held)


@needs("compression")
async def test_long_forms_of_small_answers_have_memory(
    catalogs: tuple[Catalog, Catalog],
) -> None:
    """A slow reader of one of them holds the others as well."""
    size = len(jobs(3000))
    memory = FairSemaphore(10 * size, 1)
    answer, context = answer_of(jobs(3000), memory), context_of(GET_JOBS)
    assert not answer.is_large
    form: Any = shared_form(context, catalogs[0].routes[GET_JOBS], None, answer)
    assert isinstance(form[0], SharedPieces)
    assert memory.held == {"shared": 4 * size}
    lease = context.call.lease
    assert lease is answer.lease
    zipped = forms(answer, catalogs[0].routes[GET_JOBS], coding=b"gzip")
    assert memory.held == {"shared": 5 * size}
    context.close()
    del answer, form, zipped, lease
    await until(lambda: not memory.held)


async def test_steps_in_common_have_one_result() -> None:
    steps = 0

    def work() -> Any:
        nonlocal steps
        for _ in range(4):
            steps += 1
            yield b""
        return b"found"

    answer = answer_of()
    both = [in_common(answer, "key", work) for _ in range(2)]
    found = []
    while both:
        for each in [*both]:
            try:
                next(each)
            except StopIteration as end:
                found.append(end.value)
                both.remove(each)
    assert (found, steps) == ([b"found", b"found"], 4)


async def test_steps_in_common_have_one_error() -> None:
    def work() -> Any:
        yield from Counted(GatewayError(Code.INTERNAL, "no"))()

    answer = answer_of()
    for _ in range(2):
        with pytest.raises(GatewayError, match="no"):
            next(in_common(answer, "key", work))
