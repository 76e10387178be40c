"""Unfinished requests share so much memory, and nobody who sends a request in one go notices."""

import asyncio
from collections.abc import Hashable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import pytest

from gateway.core.errors import GatewayError
from gateway.server.http1.sharing import (
    FREE_BYTES_PER_CONNECTION,
    UNFINISHED_MAX_BYTES,
    UnfinishedMemory,
    too_much,
)
from tests.server.samples import SHOWS, acceptor_of
from tests.server.test_writes import Held, connected, reply
from tests.support.patience import until
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, head
from tests.support.wire import Wire, assert_refused, request, wire

KB = 1024


@dataclass(eq=False)
class One:
    """A connection that has been told to give up, or not."""

    sharer: Hashable
    errors: list[GatewayError] = field(default_factory=list)

    def give_up(self, error: GatewayError) -> None:
        self.errors.append(error)


def noted(memory: UnfinishedMemory, sharer: Hashable, *sizes: int) -> list[One]:
    """Connections with so much, one after the other."""
    found = [One(sharer) for _ in sizes]
    for one, size in zip(found, sizes, strict=True):
        memory.note(one, size)
    return found


def refused(connections: list[One]) -> list[bool]:
    return [bool(each.errors) for each in connections]


def test_what_is_short_does_not_count() -> None:
    memory = UnfinishedMemory(10 * KB)
    one = One("a")
    for _ in range(100):
        assert not memory.note(one, FREE_BYTES_PER_CONNECTION)
    noted(memory, "b", *[FREE_BYTES_PER_CONNECTION] * 1000)
    assert memory.total == 0


def test_room_is_made_where_most_is() -> None:
    memory = UnfinishedMemory(100 * KB)
    modest = noted(memory, "modest", 20 * KB, 20 * KB)
    greedy = noted(memory, "greedy", *[34 * KB] * 3)
    assert refused(modest) == [False, False]
    assert refused(greedy) == [True, False, False]
    assert memory.total == 2 * 16 * KB + 2 * 30 * KB
    memory.note(greedy[2], 44 * KB)  # it grows
    assert refused(greedy) == [True, True, False]
    (error,) = greedy[0].errors
    assert (error.status, error.cause, error.headers) == (503, "unfinished", {"Retry-After": "1"})


def test_one_that_goes_on_is_refused_when_it_is_the_one_with_most() -> None:
    memory = UnfinishedMemory(100 * KB)
    others = [noted(memory, number, 24 * KB)[0] for number in range(4)]
    (greedy,) = noted(memory, "greedy", 20 * KB)
    assert not greedy.errors
    memory.note(greedy, 28 * KB)
    assert greedy.errors
    assert not any(refused(others))


def test_room_is_given_back() -> None:
    """When a request is complete, or its connection is gone."""
    memory = UnfinishedMemory(100 * KB)
    for _ in range(50):
        connections = noted(memory, "a", 40 * KB, 40 * KB)
        for each in connections:
            assert not memory.note(each, 0)
        assert not any(refused(connections))
    assert memory.total == 0


def test_much_that_has_become_free_is_told() -> None:
    told: list[bool] = []
    memory = UnfinishedMemory(400 * KB, lambda: told.append(True))
    for _ in range(100):
        memory.note(noted(memory, "a", FREE_BYTES_PER_CONNECTION)[0], 0)
    assert not told
    for expected in (0, 0, 1, 1, 1, 2):
        memory.note(noted(memory, "a", FREE_BYTES_PER_CONNECTION + 34 * KB)[0], 0)
        assert len(told) == expected


# --- in connections ---------------------------------------------------------------------------


POST = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.anyio
async def test_a_body_counts_until_somebody_reads_it() -> None:
    held = Held()
    async with connected(held, POST % 2 + b"{}" + POST % 10**6) as one:
        memory = one.protocol.context.unfinished
        await held.wait()
        await one.client.send(b"x" * 50 * KB)
        await until(lambda: memory.total == 50 * KB - FREE_BYTES_PER_CONNECTION)
        assert reply(held.requests[0])
        await held.wait(2)
        await until(lambda: memory.total == 0)
        sending = asyncio.create_task(one.client.send(b"x" * 300 * KB))
        await until(lambda: one.protocol.read_paused)
        assert memory.total == 0
        sending.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("read", [False, True])
async def test_who_gives_up_is_told_so(read: bool) -> None:
    held, error = Held(), too_much(UNFINISHED_MAX_BYTES)
    async with connected(held, POST % 2 + b"{}" + POST % 10**6) as one:
        await held.wait()
        await one.client.send(b"x" * 50 * KB)
        if read:
            assert reply(held.requests[0])
            await held.wait(2)
        one.protocol.give_up(error)
        if not read:
            assert reply(held.requests[0])
        assert (await one.client.answer()).status == 200
        assert_refused(await one.client.answer(), 503, 14)
        assert await one.client.rest() == b""
        assert [each.disconnected for each in held.requests] == [False, True][: 1 + read]


# --- in a gateway -----------------------------------------------------------------------------


LONG = head(SHOWS)[:-2] + b"X-Long: " + b"x" * 60 * KB
MANY = UNFINISHED_MAX_BYTES // (56 * KB) + 40


async def begin(stack: AsyncExitStack, gateway: Gateway, sent: bytes, **how: object) -> Wire:
    """A connection on which so much is sent."""
    one = await stack.enter_async_context(wire(gateway, **how))
    with suppress(ConnectionError):
        await one.send(sent)
    return one


@pytest.mark.anyio
@pytest.mark.slow
async def test_long_heads_that_do_not_end_make_way(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint) as gateway, AsyncExitStack() as stack:
        await gateway.client.aclose()
        lines = gateway.access_lines()
        other = await begin(stack, gateway, LONG, local_addr=("127.0.0.2", 0))
        whole = request(SHOWS, b"{}")
        short = await begin(stack, gateway, whole[:-10])
        many = [await begin(stack, gateway, LONG) for _ in range(MANY)]
        memory = acceptor_of(gateway).context.unfinished
        await until(lambda: len(lines) >= 40 - 2)
        assert memory.total <= UNFINISHED_MAX_BYTES
        answer = await many[0].answer()
        assert_refused(answer, 503, 14)
        assert b"unfinished" in answer.body
        await short.send(whole[-10:])
        assert (await short.answer()).status == 200
        for one in (other, many[-1]):
            await one.send(b"\r\nContent-Length: 2\r\n\r\n{}")
            assert (await one.answer()).status == 200
        assert {line["status"] for line in lines} == {503, 200}
        for one in many:
            one.writer.transport.abort()
        await until(lambda: memory.total == 0)
