"""A Cuebot that takes calls and does not answer: noticed, told at /readyz, left out, seen again."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from h2.events import PingReceived
from structlog.testing import capture_logs

from gateway.core.errors import Code
from gateway.core.upstream.endpoint import HEALTH_CHECK_PATH, Endpoint, Health
from gateway.core.upstream.interface import CallFailed, Reason, State, UpstreamCall
from tests.core.upstream.http2 import frames
from tests.features.openapi.documents import document, validator
from tests.support.commands import running_simulator
from tests.support.followers import Follower
from tests.support.http2_server import (
    ECHO,
    HEADERS,
    Http2Server,
    Peer,
    framed,
    http2_server,
)
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    gateway_for,
    paths_of,
    running_cuebot,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow, needs("health", "http2", "openapi")]

SHOWS = "/show.ShowInterface/GetShows"
UPDATES = "/job.JobInterface/GetUpdatedFrames"
JOB: dict[str, object] = {"job": {"id": "j1"}}
DEADLINE = 2.0
"""Seconds that calls have. Probes have half of it."""
EACH_WAY = pytest.mark.parametrize(
    "way", [{"cuebot_transport": "http2"}, {"cuebot_transport": "grpcio"}], ids=["http2", "grpcio"]
)


def opencue_cuebot() -> ScriptedCuebot:
    """A Cuebot whose methods all answer."""
    cuebot = ScriptedCuebot(opencue().files)
    cuebot.start_over()
    return cuebot


async def never(request: bytes, context: Context) -> bytes:
    """The handler of a method that does not answer."""
    await asyncio.Event().wait()
    raise AssertionError


def hang(cuebot: ScriptedCuebot) -> None:
    """No method answers from now on, as without a database. The connection is fine."""
    cuebot.handlers = dict.fromkeys(paths_of(cuebot.files), never)


async def ready_state(gateway: Gateway, met: Callable[[int, Any], bool]) -> Any:
    """What /readyz says as soon as it is so (of its status and its content)."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await gateway.client.get("/readyz")
            if met(answer.status_code, answer.json()):
                reference = {"$ref": "#/components/schemas/gateway-Readiness"}
                schemas = document()["components"]["schemas"]
                validator(reference, schemas).validate(answer.json())
                return answer.json()


def is_ready(status: int, state: Any) -> bool:
    return status == 200


def is_not_ready(status: int, state: Any) -> bool:
    return status == 503


async def statuses(gateway: Gateway, times: int, path: str = SHOWS) -> Counter[int]:
    """How often which status comes, one call after the other."""
    body = JOB if path == UPDATES else {}
    return Counter([(await gateway.post(path, body)).status_code for _ in range(times)])


# --- One Cuebot -----------------------------------------------------------------------------
@EACH_WAY
async def test_a_cuebot_that_answers_no_call_is_not_ready_until_it_does(way: Any) -> None:
    """/readyz and the log say so, calls are still tried, and the first answer mends it."""
    async with in_front_of(**way) as (cuebot, gateway):
        assert await statuses(gateway, 1) == {200: 1}
        with capture_logs() as logs:
            hang(cuebot)
            assert await statuses(gateway, 1) == {504: 1}
            state = await ready_state(gateway, is_not_ready)
            cuebot.seen.clear()
            assert await statuses(gateway, 1) == {504: 1}
            assert SHOWS in {path for path, *_ in cuebot.seen}
            cuebot.start_over()
            again = await ready_state(gateway, is_ready)
        assert await statuses(gateway, 1) == {200: 1}
    why = "a call that only reads had no answer in 1 s"
    confirmed = {"schema": "confirmed"}
    assert state == confirmed | {"status": "unavailable", "cuebot": "hanging", "reason": why}
    assert again == confirmed | {"status": "ok", "cuebot": "reachable"}
    told = [(each["event"], each["endpoint"]) for each in logs if "endpoint" in each]
    assert told == [("Cuebot hangs", cuebot.endpoint), ("Cuebot answers again", cuebot.endpoint)]


@asynccontextmanager
async def in_front_of(**more: Any) -> AsyncIterator[tuple[ScriptedCuebot, Gateway]]:
    """A Cuebot whose methods all answer, and a gateway that gives calls little time."""
    cuebot = opencue_cuebot()
    async with (
        running_cuebot(cuebot),
        gateway_for(cuebot.endpoint, grpc_timeout=DEADLINE, **more) as gateway,
    ):
        yield cuebot, gateway


@EACH_WAY
async def test_a_method_that_never_answers_condemns_nobody(way: Any) -> None:
    """Although nothing else is called: another call shows that Cuebot answers."""
    async with in_front_of(**way) as (cuebot, gateway):
        cuebot.handlers[UPDATES] = never
        with capture_logs() as logs:
            assert await statuses(gateway, 3, UPDATES) == {504: 3}
            await ready_state(gateway, lambda *_: cuebot.probes > 0)
            assert (await gateway.client.get("/readyz")).status_code == 200
        assert "Cuebot hangs" not in {each["event"] for each in logs}


async def test_where_other_calls_are_answered_nothing_is_probed() -> None:
    async with in_front_of() as (cuebot, gateway):
        cuebot.handlers[UPDATES] = never
        slow = asyncio.create_task(gateway.post(UPDATES, JOB))
        while not slow.done():
            assert await statuses(gateway, 1) == {200: 1}
        assert slow.result().status_code == 504
    assert cuebot.probes == 0


async def test_without_a_read_in_the_profile_any_word_counts_as_an_answer() -> None:
    """A server that says that it has no health check is not known to hang."""
    async with in_front_of(compat_profile="none") as (cuebot, gateway):
        hang(cuebot)
        with capture_logs() as logs:
            assert await statuses(gateway, 2) == {504: 2}
        assert (await gateway.client.get("/readyz")).status_code == 200
        assert "Cuebot hangs" not in {each["event"] for each in logs}


async def test_a_stopped_process_is_not_ready_until_it_goes_on() -> None:
    with running_simulator() as (endpoint, process):
        async with gateway_for(endpoint, grpc_timeout=DEADLINE) as gateway:
            assert await statuses(gateway, 1) == {200: 1}
            process.send_signal(signal.SIGSTOP)
            assert await statuses(gateway, 1) == {504: 1}
            state = await ready_state(gateway, lambda _, state: "ping" in state.get("reason", ""))
            assert (state["status"], state["cuebot"]) == ("unavailable", "unreachable")
            state = await ready_state(gateway, lambda _, state: "in time" in state["reason"])
            assert await statuses(gateway, 1) == {503: 1}
            process.send_signal(signal.SIGCONT)
            await ready_state(gateway, is_ready)
            assert await statuses(gateway, 1) == {200: 1}


# --- Several Cuebots ------------------------------------------------------------------------
def usable(number: int) -> Callable[[int, Any], bool]:
    return lambda _, state: bool(state["endpoints"]["usable"] == number)


@EACH_WAY
async def test_some_or_all_of_several_hang(way: Any) -> None:
    """Some calls wait in vain for one that hangs until it is found out; then it is left out. When
    all of them hang none is ready, and yet no call fails without having been tried, in turn."""
    one, two = opencue_cuebot(), opencue_cuebot()
    async with running_cuebot(one), running_cuebot(two):
        both = f"{one.endpoint},{two.endpoint}"
        async with gateway_for(both, grpc_timeout=DEADLINE, **way) as gateway:
            await ready_state(gateway, usable(2))
            hang(one)
            outcomes = await statuses(gateway, 8)
            assert outcomes[200] + outcomes[504] == 8
            assert 0 < outcomes[504] < 8  # three, unless the machine is busy
            state = await ready_state(gateway, usable(1))
            assert (state["status"], state["cuebot"]) == ("ok", "reachable")
            one.seen.clear()
            assert await statuses(gateway, 6) == {200: 6}
            assert SHOWS not in {path for path, *_ in one.seen}
            one.start_over()
            await ready_state(gateway, usable(2))
            assert await statuses(gateway, 2) == {200: 2}
            assert SHOWS in {path for path, *_ in one.seen}
            hang(one)
            hang(two)
            async with asyncio.timeout(PATIENCE):  # until each has had a call in vain
                while (await gateway.client.get("/readyz")).status_code == 200:
                    await asyncio.gather(statuses(gateway, 1), statuses(gateway, 1))
            state = await ready_state(gateway, is_not_ready)
            assert (state["cuebot"], state["endpoints"]) == ("hanging", {"usable": 0, "of": 2})
            one.seen.clear()
            two.seen.clear()
            assert await statuses(gateway, 2) == {504: 2}
            for cuebot in (one, two):
                assert [path for path, *_ in cuebot.seen].count(SHOWS) == 1


# --- Probes ---------------------------------------------------------------------------------
@asynccontextmanager
async def probed(
    on_call: Callable[[Peer, int], None], patience: float = 0.2
) -> AsyncIterator[tuple[Http2Server, Endpoint]]:
    """A server, and an endpoint of so little patience (seconds) that keeps watch over it."""
    async with http2_server(on_call, patience=patience) as server:
        endpoint = Endpoint(server.endpoint, server.channel, probe_timeout=patience)
        watching = asyncio.create_task(endpoint.watch(Follower()))
        try:
            async with asyncio.timeout(PATIENCE):
                yield server, endpoint
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def called(server: Http2Server, path: str) -> int:
    """How often this method has been called."""
    every = [headers for peer in server.peers for headers in peer.headers.values()]
    return sum(headers[":path"] == path for headers in every)


def pings(server: Http2Server) -> int:
    events = [event for peer in server.peers for event in peer.events]
    return sum(isinstance(event, PingReceived) for event in events)


async def failed(endpoint: Endpoint, timeout: float = PATIENCE) -> CallFailed:
    """How a call fails."""
    with pytest.raises(CallFailed) as raised:
        await endpoint.call(UpstreamCall(ECHO, b"", timeout))
    return raised.value


async def test_one_silence_is_one_ping() -> None:
    async with probed(lambda peer, stream: None) as (server, endpoint):
        call = asyncio.create_task(failed(endpoint))
        await server.until(lambda: called(server, HEALTH_CHECK_PATH) >= 5)
        assert endpoint.unresponsive
        assert pings(server) == 1
        assert await endpoint.usable(PATIENCE) == 0
        server.peer.transport.abort()
        assert (await call).reason is Reason.LOST


async def test_a_new_connection_that_is_dead_as_well_is_replaced_too() -> None:
    def deaf_twice(peer: Peer, stream: int) -> None:
        if len(server.peers) > 2:
            peer.answer(stream, framed(b""))
        else:
            peer.transport.pause_reading()

    async with probed(deaf_twice) as (server, endpoint):
        assert (await failed(endpoint)).reason is Reason.LOST
        await server.until(lambda: len(server.peers) > 2)
        assert await endpoint.call(UpstreamCall(ECHO, b"", PATIENCE)) == b""


async def test_only_a_peer_that_says_nothing_at_all_is_given_up() -> None:
    for words in (frames.window_update(0, 1), b""):
        async with http2_server() as server, asyncio.timeout(PATIENCE):
            assert await server.upstream.usable(PATIENCE)
            server.peer.transport.pause_reading()
            await asyncio.sleep(0.01)  # the loop's clock counts milliseconds
            server.channel.ping(0.1)
            server.peer.transport.write(words)
            given_up = asyncio.create_task(server.channel.wait_for_state_change(State.READY))
            if words:
                await asyncio.wait((given_up,), timeout=0.3)
                assert not given_up.done()
                given_up.cancel()
            else:
                await given_up
                assert str(await server.channel.problem()) == "a ping was not answered"


async def test_a_probe_that_is_answered_needs_no_ping() -> None:
    def answer_health(peer: Peer, stream: int) -> None:
        if peer.headers[stream][":path"] == HEALTH_CHECK_PATH:
            peer.answer(stream, framed(b""))

    # A machine that stands still for as long as the patience lasts makes a silence of it.
    async with probed(answer_health, patience=1.0) as (server, endpoint):
        call = asyncio.create_task(failed(endpoint))
        await server.until(lambda: called(server, HEALTH_CHECK_PATH) >= 3)
        assert (pings(server), endpoint.unresponsive, await endpoint.usable(PATIENCE)) == (
            0,
            False,
            1,
        )
        server.peer.transport.abort()
        assert (await call).reason is Reason.LOST


async def test_calls_that_end_before_patience_does_show_silence_together() -> None:
    silent = probed(lambda peer, stream: None)
    async with silent as (server, endpoint), asyncio.timeout(PATIENCE):
        while not called(server, HEALTH_CHECK_PATH):
            assert (await failed(endpoint, 0.01)).code is Code.DEADLINE_EXCEEDED


async def test_a_probe_without_an_answer_proves_nothing_while_others_are_answered() -> None:
    def answer_echo(peer: Peer, stream: int) -> None:
        if peer.headers[stream][":path"] == ECHO:
            peer.answer(stream, framed(b""))

    async with probed(answer_echo) as (server, endpoint):
        slow = asyncio.create_task(endpoint.call(UpstreamCall("/a.B/Slow", b"", PATIENCE)))
        await server.until(lambda: called(server, HEALTH_CHECK_PATH) >= 1)
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.5
        while loop.time() < until:
            await endpoint.call(UpstreamCall(ECHO, b"", PATIENCE))
            assert not endpoint.unresponsive
        slow.cancel()


async def test_a_server_that_only_keeps_the_deadline_does_not_answer() -> None:
    def too_late(peer: Peer, stream: int) -> None:
        trailers = [*HEADERS, ("grpc-status", str(Code.DEADLINE_EXCEEDED.value))]
        peer.h2.send_headers(stream, trailers, end_stream=True)

    async with probed(too_late) as (_, endpoint):
        while not endpoint.unresponsive:
            assert (await failed(endpoint)).reason is Reason.STATUS


async def test_an_answer_that_takes_long_to_arrive_is_no_silence() -> None:
    def begin(peer: Peer, stream: int) -> None:
        peer.h2.send_headers(stream, HEADERS)
        peer.h2.send_data(stream, framed(b"half")[:7])

    async with probed(begin) as (server, endpoint):
        assert await endpoint.usable(PATIENCE)
        assert (await failed(endpoint, 0.5)).code is Code.DEADLINE_EXCEEDED
        assert called(server, HEALTH_CHECK_PATH) == 0


def test_two_failures_in_a_row_are_needed_and_one_answer_mends() -> None:
    health = Health()
    assert (health.fail("slow"), health.unresponsive, health.mend()) == (False, False, False)
    assert [health.fail("slow") for _ in range(3)] == [False, True, False]
    assert (health.unresponsive, health.reason) == (True, "slow")
    assert (health.mend(), health.unresponsive, health.reason) == (True, False, "")
