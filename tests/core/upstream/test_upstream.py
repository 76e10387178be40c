"""Calls to Cuebot over each transport: failures, limits, cancelled calls, absent servers."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from gateway.core.calls.failures import error_for
from gateway.core.errors import Code
from gateway.core.upstream.cuebot import Cuebot, open_upstream
from gateway.core.upstream.grpcio import ADDRESS
from gateway.core.upstream.interface import CallFailed, Reason, UpstreamCall
from tests.support.followers import Follower
from tests.support.http2_server import HEADERS, Peer, http2_server
from tests.support.patience import PATIENCE, until
from tests.support.servers import (
    ON_EACH_TRANSPORT,
    Context,
    ScriptedCuebot,
    free_port,
    running_cuebot,
    settings_for,
)

pytestmark = [pytest.mark.anyio, *ON_EACH_TRANSPORT]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"


@asynccontextmanager
async def upstream_to(endpoint: str, **more: object) -> AsyncIterator[Cuebot]:
    """An upstream of its own."""
    upstream = open_upstream(settings_for(endpoint, **more))
    try:
        yield upstream
    finally:
        await upstream.close()


# --- calls ----------------------------------------------------------------------------------


async def test_a_cancelled_call_is_cancelled_at_the_server() -> None:
    cuebot = ScriptedCuebot()
    called, cancelled = cuebot.hangs(SHOWS)
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        call = asyncio.create_task(upstream.call(UpstreamCall(SHOWS, b"", 10 * PATIENCE)))
        async with asyncio.timeout(PATIENCE):
            await called.wait()
            call.cancel()
            await cancelled.wait()
        assert call.cancelled()


async def test_a_call_that_is_cancelled_early_does_not_run_on() -> None:
    """However early the caller is cancelled, nothing is left running at the server.

    `call.cancel` in the `finally` is there because grpc.aio has lost cancellations that came while
    a call was being started (grpc #43462); versions that do not lose them pass without it.
    """
    begun = ended = 0

    async def handler(request: bytes, context: Context) -> bytes:
        nonlocal begun, ended
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        raise AssertionError

    cuebot = ScriptedCuebot(handlers={SHOWS: handler})
    cuebot.answers(FIND_SHOW, b"")
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        await upstream.call(UpstreamCall(FIND_SHOW, b"", PATIENCE))  # or there is no connection yet
        for turns in range(60):
            call = asyncio.create_task(upstream.call(UpstreamCall(SHOWS, b"", PATIENCE)))
            for _ in range(turns % 12):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await upstream.call(UpstreamCall(FIND_SHOW, b"", PATIENCE))  # whatever was sent has arrived
        await until(lambda: ended >= begun)


async def test_a_cuebot_that_is_away_says_when_to_come_again() -> None:
    cuebot = ScriptedCuebot()
    cuebot.fails(SHOWS, grpc.StatusCode.UNAVAILABLE, "restarting")
    async with running_cuebot(cuebot):
        scripted = await failure(cuebot.endpoint)
    unreached = await failure(f"127.0.0.1:{free_port()}")
    assert (scripted.code, scripted.reason) == (Code.UNAVAILABLE, Reason.STATUS)
    assert (unreached.code, unreached.reason) == (Code.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert (scripted.may_have_reached_server, unreached.may_have_reached_server) == (True, False)
    for each in (scripted, unreached):
        assert error_for(each).headers == {"Retry-After": "1"}
    assert error_for(scripted).message == "restarting"
    assert error_for(unreached).message.startswith("Cuebot cannot be reached: ")
    assert "127.0.0.1" not in error_for(unreached).message


def test_grpcs_words_do_not_tell_callers_where_cuebot_is() -> None:
    """Those of grpc.aio have the address that was called."""
    said = "failed to connect to all addresses; last error: UNAVAILABLE: ipv4:10.0.0.5:8443: reset"
    told = "failed to connect to all addresses; last error: UNAVAILABLE: Cuebot: reset"
    assert ADDRESS.sub("Cuebot:", said) == told
    assert ADDRESS.sub("Cuebot:", "ipv6:%5Bfe80::1%5D:8443: x") == "Cuebot: x"
    assert (
        ADDRESS.sub("Cuebot:", "a job named demo:ipv4 is away") == "a job named demo:ipv4 is away"
    )


async def failure(endpoint: str, payload: bytes = b"", **more: object) -> CallFailed:
    """How a call fails there."""
    async with upstream_to(endpoint, **more) as upstream:
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(SHOWS, payload, PATIENCE))
    return caught.value


# --- limits ---------------------------------------------------------------------------------
async def test_a_request_over_cuebots_limit_is_cuebots_refusal() -> None:
    """5 MB, of which grpcio's server takes 4: its RESOURCE_EXHAUSTED, in its own words."""
    cuebot = ScriptedCuebot()
    cuebot.answers(SHOWS, b"")
    async with running_cuebot(cuebot):
        failed = await failure(cuebot.endpoint, bytes(5_000_000))
    assert (failed.code, failed.reason) == (Code.RESOURCE_EXHAUSTED, Reason.STATUS)
    assert "5000000 vs. 4194304" in failed.details
    error = error_for(failed)
    assert error.status == 429
    assert "GRPC_MAX_RECV_MSG_MB" not in error.message
    assert cuebot.seen == []


@pytest.mark.parametrize("larger", [1, 2**20], ids=["by a byte", "by half"])
async def test_an_answer_over_our_limit_is_refused(larger: int) -> None:
    cuebot = ScriptedCuebot()
    cuebot.answers(SHOWS, bytes(2 * 2**20 + larger))
    async with running_cuebot(cuebot):
        failed = await failure(cuebot.endpoint, grpc_max_recv_msg_mb=2)
        async with upstream_to(cuebot.endpoint, grpc_max_recv_msg_mb=4) as upstream:
            assert await upstream.call(UpstreamCall(SHOWS, b"", PATIENCE))
    assert (failed.code, failed.reason) == (Code.RESOURCE_EXHAUSTED, Reason.TOO_LARGE)
    assert failed.may_have_reached_server
    error = error_for(failed)
    assert error.status == 502
    assert "GRPC_MAX_RECV_MSG_MB" in error.message
    assert "the limit is 2 MB" in error.message


# --- what is repeated, and what is not ------------------------------------------------------


HUGE = "9" * 5000
UNREADABLE = Code.INTERNAL
"""What grpc.aio makes of trailers that it cannot read."""


async def failure_with(*trailers: tuple[str, str]) -> CallFailed:
    """How a call fails that is answered with these, and made once."""
    seen: list[int] = []

    def answer(peer: Peer, stream: int) -> None:
        seen.append(stream)
        peer.h2.send_headers(stream, [*HEADERS, *trailers], end_stream=True)

    async with http2_server(answer) as server:
        failed = await failure(server.endpoint)
    assert (failed.may_have_reached_server, len(seen)) == (True, 1)
    return failed


@pytest.mark.parametrize("status", ["-1", "17", "-0", HUGE, "1.5", "0x5", "OK"])
async def test_an_unknown_status_is_unknown(status: str) -> None:
    assert (await failure_with(("grpc-status", status))).code in (Code.UNKNOWN, UNREADABLE)


@pytest.mark.parametrize("details", ["", "!", "A" * 6000, "/////w", "CAU=" * 3])
async def test_a_message_and_details_may_be_of_any_kind(details: str) -> None:
    failed = await failure_with(
        ("grpc-status", "5"),
        ("grpc-message", "%zz%00" * 300),
        ("grpc-status-details-bin", details),
    )
    assert failed.code in (Code.NOT_FOUND, UNREADABLE)
    assert len(failed.details) <= 1800
    assert len(failed.status_details) <= len(details)


async def test_a_call_that_is_always_refused_is_given_up(each_transport: str) -> None:
    seen: list[int] = []

    def refuse(peer: Peer, stream: int) -> None:
        seen.append(stream)
        peer.h2.reset_stream(stream, 7)

    async with http2_server(refuse) as server, upstream_to(server.endpoint) as upstream:
        assert await upstream.usable(PATIENCE)
        with pytest.raises(CallFailed) as caught:
            await upstream.call(UpstreamCall(SHOWS, b"", 1.0))
    if each_transport == "http2":
        assert (caught.value.reason, len(seen)) == (Reason.REFUSED, 5)
        assert error_for(caught.value).message == "Cuebot refused the call (REFUSED_STREAM)"
    else:
        assert caught.value.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


# --- connecting -----------------------------------------------------------------------------


async def test_the_log_tells_when_cuebot_goes_and_comes() -> None:
    port = free_port()
    endpoint = f"127.0.0.1:{port}"

    def lines() -> list[MutableMapping[str, object]]:
        """Without that of a server which says goodbye: it does if a probe is under way."""
        return [line for line in logs if line["event"] != "Cuebot closes the connection"]

    async def told(count: int) -> None:
        await until(lambda: len(lines()) >= count)

    returns: list[int] = []
    with capture_logs() as logs:
        async with upstream_to(endpoint) as upstream:
            follower = Follower(lambda: returns.append(len(lines())))
            watching = asyncio.create_task(upstream.watch(follower))
            await told(1)
            async with running_cuebot(ScriptedCuebot(), port):
                await told(2)
            await told(3)
            async with running_cuebot(ScriptedCuebot(), port):
                await told(4)
                watching.cancel()  # before the server goes, which would be a line more
                with suppress(asyncio.CancelledError):
                    await watching
    for line in lines()[::2]:
        assert "Connection refused" in str(line.pop("reason"))
    gone = {"event": "Cuebot cannot be reached", "log_level": "warning", "endpoint": endpoint}
    back = {"event": "Cuebot is connected", "log_level": "info", "endpoint": endpoint}
    assert lines() == [gone, back, gone, back]
    assert returns == [3]  # the first connection is no return


# --- why there is no connection -------------------------------------------------------------

ALERT = bytes.fromhex("15030300020246")
"""What a TLS server says to what is no TLS: a fatal alert, in the record's own seven bytes."""
GUESS = "if it expects TLS, set CUEBOT_TLS=true"
CERTAIN = "it expects TLS; set CUEBOT_TLS=true"


@asynccontextmanager
async def door(words: bytes, port: int = 0, *, reset: bool = False) -> AsyncIterator[str]:
    """The endpoint of a server that says so to what it hears, and closes or resets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        if reset:
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def trouble(upstream: Cuebot) -> str:
    """What is said of the only endpoint, which cannot be connected to."""
    (endpoint,) = upstream.endpoints
    async with asyncio.timeout(PATIENCE):
        while not (told := await endpoint.trouble()):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
    return told


@pytest.mark.parametrize(
    ("words", "reset", "told"),
    [(b"", False, GUESS), (b"", True, GUESS), (ALERT, False, CERTAIN), (ALERT * 9, True, CERTAIN)],
    ids=["closed", "reset", "alert", "more than an alert"],
)
async def test_tls_is_thought_of_where_nothing_was_heard(
    words: bytes, reset: bool, told: str
) -> None:
    async with door(words, reset=reset) as endpoint, upstream_to(endpoint) as upstream:
        assert told in await trouble(upstream)
        failed = await failure(endpoint)
    assert told in failed.details


@pytest.mark.parametrize(
    ("words", "reset", "wants_tls"), [(b"", False, False), (b"", True, False), (ALERT, False, True)]
)
async def test_a_cuebot_that_has_worked_may_come_to_want_tls(
    words: bytes, reset: bool, wants_tls: bool
) -> None:
    """An alert tells it; a connection that is refused, closed or reset is just that."""
    cuebot = ScriptedCuebot()
    cuebot.answers(SHOWS, b"")
    async with AsyncExitStack() as stack:
        async with running_cuebot(cuebot):
            upstream = await stack.enter_async_context(upstream_to(cuebot.endpoint))
            await upstream.call(UpstreamCall(SHOWS, b"", PATIENCE))
        assert await trouble(upstream) == "Connection refused"
        port = int(cuebot.endpoint.rpartition(":")[2])
        async with door(words, port, reset=reset), asyncio.timeout(PATIENCE):
            told = "Connection refused"
            while told == "Connection refused" or (wants_tls and CERTAIN not in told):
                await asyncio.sleep(0.05)
                told = await trouble(upstream)
    assert told
    assert ("TLS" in told) == wants_tls


# --- constructing ---------------------------------------------------------------------------
@pytest.fixture
def made_early(each_transport: str) -> Cuebot:
    """Two absent endpoints, opened while no event loop runs."""
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    return open_upstream(settings_for(f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"))


async def test_an_upstream_is_made_without_a_loop(made_early: Cuebot) -> None:
    assert await made_early.usable(PATIENCE) == 0
    await made_early.close()
