"""Several Cuebots: who gets a call, what happens when one goes, and what is never sent twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import grpc
import pytest
from structlog.testing import capture_logs

from gateway.core.errors import Code
from gateway.core.upstream.cuebot import Balancer, open_upstream
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.interface import CallFailed, Reason, UpstreamCall
from tests.support.followers import Follower
from tests.support.http2_frames import NOTHING_DONE, LeavingServer, leaving_server, silent_server
from tests.support.patience import PATIENCE
from tests.support.servers import (
    ON_EACH_TRANSPORT,
    Context,
    ScriptedCuebot,
    free_port,
    running_cuebot,
    settings_for,
)

pytestmark = [pytest.mark.anyio, *ON_EACH_TRANSPORT]

SHORT_TIMEOUT = 3.0
"""Seconds: less than one try to connect may take."""
EXACT = 9.0
"""Seconds. What is longer is rounded up on its way."""
SHOWS = "/show.ShowInterface/GetShows"


@asynccontextmanager
async def balanced_over(*endpoints: str) -> AsyncIterator[Balancer]:
    """An upstream of these endpoints."""
    upstream = open_upstream(settings_for(",".join(endpoints)))
    assert isinstance(upstream, Balancer)
    try:
        async with asyncio.timeout(PATIENCE):
            yield upstream
    finally:
        await upstream.close()


@asynccontextmanager
async def connected_to(*cuebots: ScriptedCuebot | LeavingServer) -> AsyncIterator[Balancer]:
    """An upstream of these, which run and are connected."""
    async with AsyncExitStack() as stack:
        for each in cuebots:
            if isinstance(each, ScriptedCuebot):
                await stack.enter_async_context(running_cuebot(each))
        endpoints = [each.endpoint for each in cuebots]
        upstream = await stack.enter_async_context(balanced_over(*endpoints))
        for endpoint in upstream.endpoints:
            assert await endpoint.usable(PATIENCE)
        yield upstream


def named(name: bytes) -> ScriptedCuebot:
    """A Cuebot that answers with its name."""
    cuebot = ScriptedCuebot()
    cuebot.answers(SHOWS, name)
    return cuebot


async def answers(upstream: Balancer, times: int = 1) -> Counter[bytes]:
    """How often whose answer came."""
    return Counter([await upstream.call(UpstreamCall(SHOWS, b"", PATIENCE)) for _ in range(times)])


async def test_one_endpoint_has_nothing_around_it() -> None:
    upstream = open_upstream(settings_for("127.0.0.1:1"))
    assert isinstance(upstream, Endpoint)
    await upstream.close()


async def test_calls_go_in_turn() -> None:
    """Each of two gets every other call."""
    async with connected_to(named(b"one"), named(b"two")) as upstream:
        assert await answers(upstream, 10) == {b"one": 5, b"two": 5}
        assert await upstream.usable(PATIENCE) == 2


@pytest.mark.parametrize("hangs", [False, True])
async def test_one_that_is_absent_or_hangs_is_left_out(hangs: bool) -> None:
    """All calls go to the one that is there, the first one too, and they are called once."""
    cuebot = named(b"here")
    async with silent_server() as silent, running_cuebot(cuebot):
        other = silent if hangs else f"127.0.0.1:{free_port()}"
        async with balanced_over(other, cuebot.endpoint) as upstream:
            first = await upstream.call(UpstreamCall(SHOWS, b"", SHORT_TIMEOUT))
            assert Counter([first]) + await answers(upstream, 4) == {b"here": 5}
            assert hangs or await upstream.usable(PATIENCE) == 1
    assert len(cuebot.seen) == 5


@pytest.mark.parametrize("other", ["absent", "silent"])
async def test_a_method_that_the_only_usable_one_lacks(other: str) -> None:
    lacking = ScriptedCuebot()
    lacks = "/show.ShowInterface/Unknown"
    async with silent_server() as silent, running_cuebot(lacking):
        second = silent if other == "silent" else f"127.0.0.1:{free_port()}"
        async with balanced_over(lacking.endpoint, second) as upstream:
            assert await upstream.endpoints[0].usable(PATIENCE)
            with pytest.raises(CallFailed) as caught:
                await upstream.call(UpstreamCall(lacks, b"", PATIENCE * 100))
    assert (caught.value.code, caught.value.reason) == (Code.UNIMPLEMENTED, Reason.STATUS)


async def test_one_that_comes_back_gets_calls_again() -> None:
    one, two, port = named(b"one"), named(b"two"), free_port()
    async with running_cuebot(two), balanced_over(f"127.0.0.1:{port}", two.endpoint) as upstream:
        watching = asyncio.create_task(upstream.watch(Follower()))
        assert await answers(upstream, 4) == {b"two": 4}
        async with running_cuebot(one, port):
            while await upstream.usable(PATIENCE) < 2:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            assert await answers(upstream, 4) == {b"one": 2, b"two": 2}
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def test_when_all_are_away_it_is_said_at_once() -> None:
    async with balanced_over(*(f"127.0.0.1:{free_port()}" for _ in range(2))) as upstream:
        assert await upstream.usable(PATIENCE) == 0
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(SHOWS, b"", PATIENCE * 100))
    assert (caught.value.code, caught.value.may_have_reached_server) == (Code.UNAVAILABLE, False)
    assert caught.value.reason is Reason.NOT_CONNECTED


async def test_a_second_try_has_what_is_left_of_the_time(each_transport: str) -> None:
    if each_transport == "grpcio":
        pytest.skip("what a leaving server has not looked at is lost there")

    async def left(request: bytes, context: Context) -> bytes:
        return str(context.time_remaining()).encode()

    cuebot = ScriptedCuebot(handlers={SHOWS: left})
    async with (
        leaving_server(NOTHING_DONE, after=0.3) as leaving,
        connected_to(leaving, cuebot) as upstream,
    ):
        while leaving.calls == 0:
            remaining = float(await upstream.call(UpstreamCall(SHOWS, b"", EXACT)))
    assert remaining < EXACT - 0.25


async def test_endpoints_that_hang_share_the_deadline() -> None:
    async with AsyncExitStack() as stack:
        endpoints = [await stack.enter_async_context(silent_server()) for _ in range(3)]
        upstream = await stack.enter_async_context(balanced_over(*endpoints))
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(SHOWS, b"", 0.2))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


async def test_a_deadline_that_has_passed_reaches_no_server() -> None:
    cuebots = [named(b"one"), named(b"other")]
    async with connected_to(*cuebots) as upstream:
        for _ in range(20):
            with pytest.raises(CallFailed) as caught:
                await upstream.call(UpstreamCall(SHOWS, b"", 0.0))
            failure = caught.value
            assert (failure.code, failure.reason) == (Code.DEADLINE_EXCEEDED, Reason.DEADLINE)
            assert not failure.may_have_reached_server
    assert [each.seen for each in cuebots] == [[], []]


# --- what is repeated, and what is not ------------------------------------------------------
async def test_what_a_server_has_not_looked_at_goes_to_another(each_transport: str) -> None:
    """A server that leaves says that it has not begun a call; so that is made elsewhere, once.

    grpc.aio tells that in words only: over it the call counts as one that may have been made.
    """
    cuebot = named(b"here")
    async with (
        leaving_server(NOTHING_DONE) as leaving,
        connected_to(leaving, cuebot) as upstream,
    ):
        if each_transport == "grpcio":
            with pytest.raises(CallFailed) as caught:
                await answers(upstream, 2)
            assert (caught.value.reason, caught.value.may_have_reached_server) == (
                Reason.LOST,
                True,
            )
            cuebot.seen.clear()
        assert await answers(upstream, 6) == {b"here": 6}
    assert leaving.calls == 1
    assert len(cuebot.seen) == 6


async def test_what_a_server_may_have_got_is_not_repeated() -> None:
    cuebot = named(b"here")
    async with leaving_server(b"") as leaving, connected_to(leaving, cuebot) as upstream:
        outcomes = await asyncio.gather(
            *(upstream.call(UpstreamCall(SHOWS, b"", PATIENCE)) for _ in range(2)),
            return_exceptions=True,
        )
        assert leaving.calls == 1
        assert len(cuebot.seen) == 1
        (failure,) = [each for each in outcomes if isinstance(each, CallFailed)]
        assert (failure.code, failure.reason) == (Code.UNAVAILABLE, Reason.LOST)
        assert failure.may_have_reached_server
        assert await answers(upstream, 4) == {b"here": 4}


async def test_the_words_of_a_server_are_no_reason_to_repeat() -> None:
    words = "failed to connect to all addresses; last error: ipv4:10.0.0.1:8444: Socket closed"
    cuebots = [ScriptedCuebot(), ScriptedCuebot()]
    for cuebot in cuebots:
        cuebot.fails(SHOWS, grpc.StatusCode.UNAVAILABLE, words)
    async with connected_to(*cuebots) as upstream:
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(SHOWS, b"", PATIENCE))
    assert (caught.value.reason, caught.value.may_have_reached_server) == (Reason.STATUS, True)
    assert caught.value.details in (words, words.replace("ipv4:10.0.0.1:8444", "Cuebot"))
    assert sum(len(cuebot.seen) for cuebot in cuebots) == 1


# --- the log --------------------------------------------------------------------------------
async def test_each_endpoint_is_told_of_and_every_change_counts() -> None:
    one, two = named(b"one"), named(b"two")
    changes: asyncio.Queue[int] = asyncio.Queue()
    with capture_logs() as logs:
        async with running_cuebot(two), AsyncExitStack() as stack:
            await stack.enter_async_context(running_cuebot(one))
            async with balanced_over(one.endpoint, two.endpoint) as upstream:
                watching = asyncio.create_task(
                    upstream.watch(Follower(lambda: changes.put_nowait(1)))
                )
                for _ in range(2):
                    await changes.get()
                await stack.aclose()
                await changes.get()
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
    told = [(line["event"], line["endpoint"]) for line in logs]
    assert sorted(told[:2]) == sorted(
        ("Cuebot is connected", each) for each in (one.endpoint, two.endpoint)
    )
    assert told[2] == ("Cuebot cannot be reached", one.endpoint)
