"""What a stop looks like to clients, load balancers and whoever sent the signal."""

import asyncio
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.certificates import pair, trusting
from tests.support.commands import OPENCUE
from tests.support.patience import PATIENCE
from tests.support.processes import GET_SHOWS, Answer, Instance, Wire, instance, until
from tests.support.servers import gateway_for, head
from tests.support.wire import wire_on

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"
pytestmark = [pytest.mark.slow]  # each of them starts a process


@pytest.fixture
def cuebot(cuebot_process: str) -> str:
    return cuebot_process


def begin(wire: Wire) -> None:
    """A request of which the last byte of the body has not come."""
    wire.send(head(GET_SHOWS, "Content-Length: 2", "Expect: 100-continue") + b"{")
    # With 100 the gateway waits for the body, so the request is in flight.
    assert wire.more().startswith(b"HTTP/1.1 100 ")


def stop(gateway: Instance) -> None:
    gateway.send_signal(signal.SIGTERM)
    until(gateway.refuses, "the port is closed")


def assert_last(wire: Wire, answer: Answer, status: int = 200) -> None:
    assert (answer.status, answer.last) == (status, True)
    wire.ends()


def test_readyz_is_first(cuebot: str) -> None:
    """During SHUTDOWN_DELAY only /readyz has changed; whoever connects is served."""
    with instance(cuebot, SHUTDOWN_DELAY="3s") as gateway, gateway.wire() as old:
        assert old.ask().status == 200
        gateway.send_signal(signal.SIGTERM)
        gateway.event("stopping")
        ready = gateway.get("/readyz")
        assert (ready.status, ready.json["status"]) == (503, "stopping")
        assert ready.headers["content-type"] == "application/json"
        assert gateway.get("/healthz").status == 200
        moment = ready.headers["date"]
        until(lambda: gateway.get("/healthz").headers["date"] != moment, "time goes on")
        answers = [old.ask(), old.ask(), gateway.ask()]
        assert [(answer.status, answer.last) for answer in answers] == [(200, False)] * 3
        until(gateway.refuses, "the port is closed")
        assert_last(old, old.ask())
        assert gateway.ended() == 0


def test_an_idle_connection_has_a_last_request(cuebot: str) -> None:
    with instance(cuebot) as gateway, gateway.wire() as used, gateway.wire() as unused:
        assert used.ask().status == 200
        stop(gateway)
        for wire in (used, unused):
            assert_last(wire, wire.ask())
        assert gateway.ended() == 0


def test_half_a_head_is_waited_for(cuebot: str) -> None:
    with instance(cuebot) as gateway, gateway.wire() as idle, gateway.wire() as wire:
        whole = head(GET_SHOWS, "Content-Length: 2") + b"{}"
        wire.send(whole[:30])
        stop(gateway)
        idle.ends()
        wire.send(whole[30:])
        assert_last(wire, wire.answer())
        assert gateway.ended() == 0


def test_pipelined_requests_are_all_answered_or_end_at_a_boundary(cuebot: str) -> None:
    whole = head(GET_SHOWS, "Content-Length: 2") + b"{}"
    with instance(cuebot) as gateway, gateway.wire() as wire:
        begin(wire)
        stop(gateway)
        wire.send(b"}" + whole + whole)
        answers = [wire.answer()]
        while not answers[-1].last:
            answers.append(wire.answer())
        assert {answer.status for answer in answers} == {200}
        assert gateway.ended() == 0


@pytest.mark.anyio
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("sent", [HEALTHZ, b""], ids=["a request", "silence"])
async def test_the_accept_queue_is_served(tmp_path: Path, secure: bool, sent: bytes) -> None:
    """They wait no longer for a request than others do."""
    given: dict[str, Any] = {"descriptor_source": OPENCUE}
    given |= {"shutdown_timeout": PATIENCE * 10, "http_timeout": PATIENCE * 10}
    given |= pair(tmp_path).settings if secure else {}
    tls: dict[str, Any] = {"ssl": trusting(), "server_hostname": "127.0.0.1"} if secure else {}

    async def all_of(plain: socket.socket) -> bytes:
        """What comes on this connection until it ends."""
        async with wire_on(sock=plain, **tls) as one:
            await one.send(sent)
            return await one.reader.read()

    async with gateway_for("127.0.0.1:1", **given) as gateway:
        gateway.server.should_exit = True
        waiting = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(20)]
        # While this holds the loop, the server's pause ends. It goes on before the loop looks at
        # its sockets again.
        time.sleep(0.2)  # noqa: ASYNC251 - as it says
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*map(all_of, waiting))
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 ") == bool(sent)
        assert (b"connection: close" in answer) == bool(sent)


def test_a_handshake_is_waited_for(cuebot: str, tmp_path: Path) -> None:
    with (
        instance(cuebot, pair(tmp_path).environ, tls=trusting()) as gateway,
        Wire(gateway.port) as plain,
    ):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        plain.send(hello[:20])
        assert gateway.ask().status == 200  # so it has been accepted
        stop(gateway)
        plain.send(hello[20:])
        while True:
            incoming.write(plain.more())
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        tls.write(head(GET_SHOWS, "Content-Length: 2") + b"{}")
        plain.send(outgoing.read())
        received = b""
        while b"\r\n\r\n" not in received:
            incoming.write(plain.more())
            with suppress(ssl.SSLWantReadError):
                received += tls.read()
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in received
        assert gateway.ended() == 0


def test_a_handshake_that_was_given_up_delays_nothing(cuebot: str, tmp_path: Path) -> None:
    more = pair(tmp_path).environ | {"SHUTDOWN_TIMEOUT": "1h", "HTTP_TIMEOUT": "1h"}
    with instance(cuebot, more, tls=trusting()) as gateway:
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
            with Wire(gateway.port) as plain:
                plain.send(sent)
        assert gateway.ask().status == 200
        gateway.stops()


def test_a_tls_client_that_does_not_listen_delays_nothing(cuebot: str, tmp_path: Path) -> None:
    more = pair(tmp_path).environ | {"SHUTDOWN_TIMEOUT": "1h"}
    with instance(cuebot, more, tls=trusting()) as gateway, gateway.wire() as pooled:
        assert pooled.ask().status == 200
        gateway.stops()
        pooled.ends()
        assert not gateway.events("cut off")


@pytest.fixture
def silent() -> Iterator[str]:
    """The endpoint of a Cuebot that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_what_takes_too_long_is_cut_off(silent: str) -> None:
    with (
        instance(silent, ready=False, SHUTDOWN_TIMEOUT="1s", GRPC_TIMEOUT="1h") as gateway,
        gateway.wire() as wire,
        gateway.wire() as half,
    ):
        wire.send(head(GET_SHOWS, "Content-Length: 2") + b"{}")
        begin(half)
        gateway.send_signal(signal.SIGTERM)
        for cut in (wire, half):
            answer = cut.answer()
            said = {"error": "UNAVAILABLE", "code": 14, "message": "the gateway is stopping"}
            assert (answer.headers["content-type"], answer.json) == ("application/json", said)
            assert answer.headers["retry-after"] == "1"
            assert_last(cut, answer, 503)
        assert gateway.ended() == 0
        assert [e for e in gateway.events('"level":"warning"') if "cut off" in e["event"]]


@pytest.mark.parametrize(("second", "delay"), [(signal.SIGTERM, "1h"), (signal.SIGINT, "0s")])
def test_a_second_signal_ends_at_once(silent: str, second: signal.Signals, delay: str) -> None:
    """Whoever asks twice does not wait, not for SHUTDOWN_DELAY nor for what is in flight."""
    environ = {"SHUTDOWN_TIMEOUT": "1h", "GRPC_TIMEOUT": "1h", "SHUTDOWN_DELAY": delay}
    with instance(silent, environ, ready=False) as gateway, gateway.wire() as wire:
        wire.send(head(GET_SHOWS, "Content-Length: 2") + b"{}")
        gateway.send_signal(signal.SIGTERM)
        gateway.event("stopping")
        gateway.send_signal(second)
        assert gateway.ended() == 0


# --- under load -------------------------------------------------------------------------------
class Client:
    """Somebody who calls in a loop, and writes down how each connection ended."""

    def __init__(self, port: int, keep: bool) -> None:
        self.port, self.keep = port, keep
        self.calls = self.refused = self.resets = 0
        self.problems: list[str] = []
        self.stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def ends(self) -> None:
        self.stop.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self.stop.is_set() and not self.problems:
            try:
                wire = Wire(self.port)
            except (ConnectionRefusedError, ConnectionResetError):  # the port is closed, or closing
                self.refused += 1
                time.sleep(0.005)
                continue
            except OSError as problem:
                self.problems.append(f"connecting: {problem!r}")
                return
            with wire:
                self._use(wire)

    def _use(self, wire: Wire) -> None:
        used = 0
        lines = () if self.keep else ("Connection: close",)
        try:
            while not self.stop.is_set():
                answer = wire.ask(GET_SHOWS, *lines)
                used += 1
                if answer.status != 200:
                    self.problems.append(f"{answer.status} {answer.body!r}")
                self.calls += 1
                if answer.last:
                    wire.ends()
                    return
        except Exception as problem:  # all are written down
            if not used and isinstance(problem, ConnectionResetError):
                self.resets += 1
                return
            self.problems.append(f"after {used} calls: {problem!r}")


def test_clients_do_not_notice_a_restart(cuebot: str) -> None:
    """Clients call all the time while one instance is stopped and the next is started."""

    def calls() -> int:
        return sum(client.calls for client in clients)

    def have_called() -> bool:
        return calls() >= before + 80 or any(client.problems for client in clients)

    with instance(cuebot, WORKERS="2") as first:
        clients = [Client(first.port, keep) for keep in (True, False) for _ in range(6)]
        try:
            before = 0
            until(have_called, "they call")
            first.stops()
            with instance(cuebot, port=first.port, WORKERS="2"):
                before = calls()
                until(have_called, "they call again")
                for client in clients:
                    client.ends()
        finally:
            for client in clients:
                client.ends()
    assert [problem for client in clients for problem in client.problems] == []
    # The kernel may connect one more client between the last look at the port and its end.
    assert sum(client.resets for client in clients) <= 1
