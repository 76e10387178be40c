"""Parsing has so much time in a turn of the event loop, which addresses and connections share."""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from gateway.server.http1.parser import SLICE_BYTES, RequestParser
from gateway.server.http1.request_cycle import RequestCycle
from gateway.server.http1.sharing import (
    CONNECTION_STEP_SECONDS,
    LEFTOVERS_PER_TURN_SECONDS,
    PARSING_PER_TURN_SECONDS,
    ParsingTurns,
)
from tests.server.parsing import Recorder
from tests.server.test_writes import POST, UNUSUAL, connected, reply, soon
from tests.support.patience import PATIENCE

GO = LEFTOVERS_PER_TURN_SECONDS / 4
"""Seconds for which each connection goes on in these tests: four of them in a turn, or five."""


@dataclass
class Loop:
    """An event loop in which nothing happens but what the test says, and its clock."""

    now: float = 0.0
    soon: list[Callable[[], None]] = field(default_factory=list)

    def turn(self) -> None:
        """The next turn."""
        ready, self.soon = self.soon, []
        for each in ready:
            each()


@dataclass(eq=False)
class One:
    """A connection with so much left over."""

    turns: ParsingTurns
    loop: Loop
    log: list["One"]
    sharer: Hashable
    left: float = 1e9
    """How often it goes on."""

    def go_on(self) -> None:
        self.log.append(self)
        self.loop.now += GO
        self.left -= 1
        if self.left > 0:
            self.turns.wait(self)


def crowd(count: int) -> tuple[Loop, ParsingTurns, list[One]]:
    """So many connections from one address, each with more left over than can be parsed."""
    loop = Loop()
    turns = ParsingTurns(lambda: loop.now, lambda callback: loop.soon.append(callback))
    log: list[One] = []
    for _ in range(count):
        turns.wait(One(turns, loop, log, "greedy"))
    return loop, turns, log


def test_what_comes_is_parsed_until_its_time_is_spent() -> None:
    loop, turns, _ = crowd(0)
    for _ in range(3):
        while not turns.is_over:
            turns.spend(PARSING_PER_TURN_SECONDS / 8)
        loop.turn()
        assert not turns.is_over


def test_small_requests_do_not_even_ask_for_another_turn() -> None:
    loop, turns, _ = crowd(0)
    turns.spend(0.00002)
    assert not loop.soon


def test_what_is_left_over_has_so_much_of_a_turn() -> None:
    loop, turns, log = crowd(30)
    for _ in range(16):
        before = len(log)
        loop.turn()
        assert 0 < (len(log) - before) * GO <= LEFTOVERS_PER_TURN_SECONDS + GO
        assert not turns.is_over  # there is time for what comes
    assert len({*map(id, log)}) == 30  # all have had their turns
    loop, turns, log = crowd(1)
    loop.turn()
    assert len(log) == 1


def test_each_address_has_its_share() -> None:
    loop, turns, log = crowd(200)
    loop.turn()
    other = One(turns, loop, log, "another")
    turns.wait(other)
    before = len(log)
    for _ in range(40):
        loop.turn()
    served = log[before:]
    assert served.index(other) <= 1
    # It goes on once in each turn.
    assert served.count(other) == 40


def test_who_comes_for_the_first_time_does_not_wait_for_all_from_its_address() -> None:
    loop, turns, log = crowd(200)
    for _ in range(120):  # until each of them has come again
        loop.turn()
    before = len(log)
    new = [One(turns, loop, log, "greedy", left=1) for _ in range(10)]
    for each in new:
        turns.wait(each)
    loop.turn()
    loop.turn()
    loop.turn()
    loop.turn()
    served = log[before:]
    assert served[:2].count(new[0]) == 1
    assert 0.4 < sum(each in new for each in served) / len(served) < 0.7


def test_one_that_fails_keeps_nobody_waiting() -> None:
    loop, turns, log = crowd(2)

    def fail() -> None:
        raise RuntimeError

    broken = One(turns, loop, log, "another")
    broken.go_on = fail  # type: ignore[method-assign]
    turns.wait(broken)
    with pytest.raises(RuntimeError):
        loop.turn()
    loop.turn()
    loop.turn()
    assert len({*map(id, log)}) == 2


# --- in connections ---------------------------------------------------------------------------
class Ticking:
    """A clock by which everything takes as long: `seconds` from one look to the next."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * self.seconds


CHUNKS = b"2\r\nxx\r\n" * 10_000
BEGUN = b"POST / HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize("is_plain", [False, True])
async def test_others_are_served_beside_many_busy_connections(is_plain: bool) -> None:
    clock = Ticking(CONNECTION_STEP_SECONDS * 1.1)
    turns = ParsingTurns(clock)
    served: list[RequestCycle] = []

    def answer(request: RequestCycle) -> None:
        if request.complete:
            served.append(request)
            assert reply(request)

    serve = soon(answer)

    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(connected(serve, turns=turns))
        busy = [await stack.enter_async_context(connected(serve, turns=turns)) for _ in range(30)]
        for each in busy:  # all of it is there in the next turn
            each.client.writer.write(BEGUN + CHUNKS)
        # In a turn: what comes, in steps of at most two looks for each slice and a half, and the
        # same for what is left over.
        most = 3 * PARSING_PER_TURN_SECONDS / clock.seconds
        await other.client.send(POST if is_plain else UNUSUAL)
        count = 0
        async with asyncio.timeout(PATIENCE):
            while not served:
                before = clock.looks
                await asyncio.sleep(0)
                assert clock.looks - before <= most < 2 * len(busy)
                count += 1
        # One with a plain head has no need of a turn. Another has its turn after each of them.
        assert count <= (5 if is_plain else len(busy) + 5)
        assert any(each.protocol._parser.held_back for each in busy)


def test_one_connection_parses_no_longer_than_so_long_in_a_row() -> None:
    recorder = Recorder()
    turns = ParsingTurns(Ticking(CONNECTION_STEP_SECONDS * 1.1), lambda callback: None)
    recorder.parser = RequestParser(recorder, turns)
    recorder.parser.feed(BEGUN + CHUNKS)
    assert recorder.parser.held_back
    assert 0 < len(recorder.requests[0].body) <= SLICE_BYTES
