"""The states of a connection: those that may follow each other do, and no others."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from gateway.core.errors import Code, GatewayError
from gateway.server.http1.protocol import LINGER_MAX_BYTES
from gateway.server.http1.state import (
    ANSWERING,
    CLOSED,
    CLOSING,
    IDLE,
    LINGERING,
    OPENING,
    READING_HEAD,
    State,
)
from tests.server.test_lingering import BEGUN
from tests.server.test_writes import POST, Connected, Counted, Held, connected, reply
from tests.support.patience import until

pytestmark = pytest.mark.anyio

NEXT: Mapping[State, tuple[State, ...]] = {
    OPENING: (READING_HEAD,),
    READING_HEAD: (ANSWERING, LINGERING, CLOSING, CLOSED),
    IDLE: (READING_HEAD, ANSWERING, LINGERING, CLOSING, CLOSED),
    ANSWERING: (ANSWERING, IDLE, LINGERING, CLOSING, CLOSED),
    LINGERING: (CLOSING, CLOSED),
    CLOSING: (CLOSING, CLOSED),
    CLOSED: (),
}
"""Allowed transitions.

ANSWERING is re-entered for each queued request, CLOSING (with its full time) when the last request
ends or too much input arrives.
"""
BAD = b"no request\r\n\r\n"
UNREAD = b"x" * 2_000_000
"""More than fits between a server and a client that does not read."""


class Watched(Counted):
    """A connection that notes its states."""

    def __init__(self, *given: Any) -> None:
        self.states = [self.state]
        super().__init__(*given)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "state":
            self.states.append(value)
        super().__setattr__(name, value)


def answer(one: Connected, held: Held, body: bytes = b"ok") -> None:
    assert reply(held.requests.pop(0), body)


def answer_at_length(one: Connected, held: Held) -> None:
    answer(one, held, UNREAD)


def fail(one: Connected, held: Held) -> None:
    held.requests.pop(0).fail(GatewayError(Code.UNAVAILABLE, "never mind"))


def end(one: Connected, held: Held) -> None:
    one.client.writer.write_eof()


def cut_off(one: Connected, held: Held) -> None:
    one.protocol.cut_off()


def abort(one: Connected, held: Held) -> None:
    one.protocol.flushed().abort()


Step = bytes | Callable[[Connected, Held], None]
"""What the client sends, or something else that happens."""
SERVED: list[tuple[Step, list[State]]] = [(POST, [ANSWERING]), (answer, [IDLE])]
LIVES: dict[str, list[tuple[Step, list[State]]]] = {
    "no request": [(end, [CLOSING, CLOSED])],
    "cut off": [(cut_off, [CLOSED])],
    "refused": [(BAD, [LINGERING]), (end, [CLOSED])],
    "cut off while it is served": [(POST, [ANSWERING]), (cut_off, [CLOSED])],
    "ended while it is served": [(POST, [ANSWERING]), (end, [CLOSING, CLOSED])],
    "a body refused": [(BEGUN, [ANSWERING]), (BAD, [LINGERING]), (end, [CLOSED])],
    "idle": [*SERVED, (end, [CLOSING, CLOSED])],
    "idle and cut off": [*SERVED, (cut_off, [CLOSED])],
    "one request after the other": [*SERVED, *SERVED, (end, [CLOSING, CLOSED])],
    "in two parts": [
        *SERVED,
        (POST[:20], [READING_HEAD]),
        (POST[20:], [ANSWERING]),
        (answer, [IDLE]),
        (cut_off, [CLOSED]),
    ],
    "two at once": [
        (POST * 2, [ANSWERING]),
        (answer, [ANSWERING]),
        (answer, [IDLE]),
        (cut_off, [CLOSED]),
    ],
    "sending on": [*SERVED, (BAD, [LINGERING]), (b"x" * (LINGER_MAX_BYTES + 1), [CLOSING, CLOSED])],
    "closing twice": [
        (POST * 2, [ANSWERING]),
        (answer_at_length, [ANSWERING]),
        (end, [CLOSING]),
        (fail, [CLOSING]),
        (abort, [CLOSED]),
    ],
}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
async def test_a_life_of_a_connection(life: list[tuple[Step, list[State]]]) -> None:
    expected = [OPENING, READING_HEAD]
    held = Held()
    async with connected(held, kind=Watched) as one:
        assert isinstance(one.protocol, Watched)
        states = one.protocol.states
        for step, then in life:
            assert states == expected
            if isinstance(step, bytes):
                await one.client.send(step)
            else:
                step(one, held)
            expected.extend(then)
            await until(lambda: len(states) >= len(expected))
            await asyncio.sleep(0)  # the task of a request that is served now begins
        assert states == expected


def test_these_are_all_the_ways_from_state_to_state() -> None:
    taken = {(OPENING, READING_HEAD)}
    for life in LIVES.values():
        taken |= {*pairwise([READING_HEAD, *(state for _, then in life for state in then)])}
    assert taken == {(state, following) for state in NEXT for following in NEXT[state]}
