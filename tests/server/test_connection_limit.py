"""How many connections there may be: in all, from one address, and with few open files."""

import asyncio
import resource
import socket
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.listening import (
    RESERVED_FILES,
    WARNING_INTERVAL_SECONDS,
    ConnectionLimit,
    Warnings,
)
from gateway_cli.serving.listen import make_room
from tests.server.samples import SHOWS
from tests.server.test_http_limits import asks
from tests.support.certificates import pair, trusting
from tests.support.commands import cuebot_process as cuebot_at
from tests.support.patience import PATIENCE, until
from tests.support.processes import GET_SHOWS, instance
from tests.support.processes import Wire as BlockingWire
from tests.support.processes import until as until_outside
from tests.support.servers import (
    ScriptedCuebot,
    free_port,
    gateway_for,
    head,
)
from tests.support.wire import Answer, assert_refused, request, wire

MOST_LINGERING = RESERVED_FILES // 2

pytestmark = pytest.mark.anyio


# --- all of them ------------------------------------------------------------------------------
@pytest.mark.parametrize("one_address", [False, True], ids=["in all", "from one address"])
async def test_connections_are_bounded(cuebot: ScriptedCuebot, one_address: bool) -> None:
    """Beyond the limit a client is told to come again, and those who are in stay."""
    setting = "max_connections_per_address" if one_address else "max_connections"
    limits: dict[str, Any] = {"max_connections_per_address": 0} | {setting: 2}
    async with gateway_for(cuebot.endpoint, **limits) as gateway, AsyncExitStack() as stack:
        await gateway.client.aclose()
        first, second = [await stack.enter_async_context(wire(gateway)) for _ in range(2)]
        assert [await asks(first), await asks(second)] == [200, 200]
        with capture_logs() as lines:
            for _ in range(3):
                async with wire(gateway) as third:
                    answer = await third.answer()
                    assert_refused(answer, 503, 14)
                    assert setting.upper().encode() in answer.body
                    assert answer.headers["retry-after"] == "1"
                    assert await third.rest() == b""
        (warning,) = [line for line in lines if line["log_level"] == "warning"]
        assert warning.get("address") == ("127.0.0.1" if one_address else None)
        if one_address:
            async with wire(gateway, local_addr=("127.0.0.2", 0)) as other:
                assert await asks(other) == 200
        assert [await asks(first), await asks(second)] == [200, 200]
        first.writer.close()
        await until(lambda: len(gateway.server.connections) == 1)
        third = await stack.enter_async_context(wire(gateway))
        assert await asks(third) == 200


async def test_who_is_turned_away_takes_no_place(cuebot: ScriptedCuebot) -> None:
    """Clients that do not leave by themselves neither keep anybody out nor stay."""
    async with gateway_for(cuebot.endpoint, max_connections=1) as gateway:
        await gateway.client.aclose()
        async with AsyncExitStack() as stack:
            async with wire(gateway) as first:
                assert await asks(first) == 200
                for _ in range(MOST_LINGERING + 20):
                    one = await stack.enter_async_context(wire(gateway))
                    assert_refused(await one.answer(), 503, 14)
                assert len(gateway.server.connections) <= 1 + MOST_LINGERING
            async with asyncio.timeout(PATIENCE):
                status = 503
                while status != 200:
                    async with wire(gateway) as one:
                        status = await asks(one)
        await until(lambda: not gateway.server.connections)


# --- TLS handshakes ---------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["close", "garbage", "timeout"])
async def test_tls_handshakes_count(cuebot: ScriptedCuebot, tmp_path: Path, end: str) -> None:
    """Who opens connections and shakes no hands takes places, until they fail or time out."""
    more: dict[str, Any] = {"max_connections": 2, "max_connections_per_address": 0}
    more |= {**pair(tmp_path).settings, "http_timeout": 1 if end == "timeout" else 60}
    async with gateway_for(cuebot.endpoint, **more) as gateway, AsyncExitStack() as stack:

        async def first_answer() -> Answer:
            async with wire(gateway, ssl=trusting()) as one:
                with suppress(ConnectionError):
                    await one.send(request(SHOWS, b"{}"))
                return await one.answer()

        await gateway.client.aclose()
        silent = [await stack.enter_async_context(wire(gateway)) for _ in range(2)]
        refused = await first_answer()
        assert (refused.status, b"MAX_CONNECTIONS" in refused.body) == (503, True)
        for one in silent:
            if end == "garbage":
                await one.send(b"GET / HTTP/1.1\r\n\r\n")
            elif end == "close":
                one.writer.close()
        async with asyncio.timeout(PATIENCE):
            while (await first_answer()).status != 200:
                pass


async def test_too_many_handshakes_are_closed(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    more: dict[str, Any] = {**pair(tmp_path).settings}
    async with (
        gateway_for(cuebot.endpoint, max_connections=1, **more) as gateway,
        AsyncExitStack() as stack,
    ):
        await gateway.client.aclose()
        for _ in range(1 + MOST_LINGERING):
            await stack.enter_async_context(wire(gateway))
        for _ in range(3):
            async with wire(gateway) as one:
                assert await one.rest() == b""
        assert len(gateway.server.server_state.tasks) == 1 + MOST_LINGERING


# --- from one address -------------------------------------------------------------------------


def test_one_address_has_half_of_the_places_by_default() -> None:
    trusted = "192.0.2.9"
    for most, half in ((4096, 2048), (5, 3), (1, 1)):
        limit = ConnectionLimit(most, None, trusted=lambda address: address == trusted)
        given = [limit.enter("192.0.2.1") is None for _ in range(most)]
        assert given == [True] * half + [False] * (most - half)
        if most > half:
            assert limit.enter("192.0.2.2") is None
            limit.leave("192.0.2.2")
        for _ in range(half):
            limit.leave("192.0.2.1")
        assert all(limit.enter(trusted) is None for _ in range(most))
    limit = ConnectionLimit(4096, None)
    assert limit.fit(1024)
    assert sum(limit.enter("192.0.2.1") is None for _ in range(4096)) == (limit.most + 1) // 2


def test_an_ipv6_network_is_one_address() -> None:
    limit = ConnectionLimit(10, 1)
    assert limit.enter("2001:db8::1") is None
    refusal = limit.enter("2001:db8::2")
    assert refusal is not None
    assert refusal.status == 503
    assert limit.enter("2001:db8:0:1::1") is None
    limit.leave("2001:db8::1")
    assert limit.enter("2001:db8::2") is None


def test_the_limit_is_warned_of_once_in_a_while() -> None:
    now = 0.0
    limit = ConnectionLimit(2, 1, warnings=Warnings(lambda: now))
    with capture_logs() as lines:
        taken = [limit.enter(address) is None for address in ("a", "a", "b", "b", "c")]
        assert taken == [True, False, True, False, False]
        assert len(lines) == 2
        now = WARNING_INTERVAL_SECONDS
        assert limit.enter("c") is not None
        assert len(lines) == 3


# --- open files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "then", "most"),
    [
        (300, 1000, 100, 300, 100),
        (300, 1000, 400, 400 + RESERVED_FILES, 400),
        (300, 1000, 900, 1000, 1000 - RESERVED_FILES),
        (64, 64, 100, 64, 32),
        (64, 64, 20, 64, 20),
    ],
)
def test_open_files_make_room(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, then: int, most: int
) -> None:
    """Their limit is raised as far as needed, or that of connections is lowered with a warning."""
    files, limit = [(soft, hard)], ConnectionLimit(wanted)
    monkeypatch.setattr(resource, "getrlimit", lambda which: files[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: files.append(limits))
    with capture_logs() as lines:
        make_room(limit)
    assert (files[-1], limit.most, len(lines)) == ((then, hard), most, most < wanted)


@pytest.mark.slow
def test_with_few_open_files_cuebot_is_reached(tmp_path: Path) -> None:
    port = free_port()
    more: dict[str, Any] = {"HTTP_TIMEOUT": "1h", "MAX_CONNECTIONS_PER_ADDRESS": "0"}
    with (
        instance(f"127.0.0.1:{port}", ready=False, open_files=64, **more) as gateway,
        ExitStack() as stack,
    ):
        warning = gateway.event("does not fit")
        assert (warning["open_files"], warning["effective"]) == (64, 32)
        wires = [stack.enter_context(gateway.wire()) for _ in range(32)]
        assert {each.get("/healthz").status for each in wires} == {200}
        for _ in range(30):
            assert stack.enter_context(gateway.wire()).answer().status == 503
        assert "ulimit -n" in gateway.event("as many connections")["event"]
        stack.enter_context(cuebot_at("--port", str(port)))
        until_outside(lambda: wires[0].ask().status == 200, "Cuebot is there")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="there is no prlimit")
def test_who_cannot_be_accepted_waits(cuebot_process: str) -> None:
    with instance(cuebot_process) as gateway, ExitStack() as stack:
        kept = stack.enter_context(gateway.wire())
        assert kept.ask().status == 200
        pid = gateway.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
        waiting = stack.enter_context(BlockingWire(gateway.port))
        waiting.send(head(GET_SHOWS, "Content-Length: 0"))
        assert gateway.event("no connections can be accepted")["reason"] == "Too many open files"
        assert kept.ask().status == 200
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert waiting.answer().status == 200
        assert len(gateway.events("no connections can be accepted")) == 1


async def test_connections_send_at_once(cuebot: ScriptedCuebot) -> None:
    """Small answers do not wait for others (TCP_NODELAY)."""
    async with gateway_for(cuebot.endpoint) as gateway, wire(gateway) as one:
        assert await asks(one) == 200
        for connection in gateway.server.connections:
            ours = connection.flushed().get_extra_info("socket")
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
