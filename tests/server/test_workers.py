"""WORKERS=n: so many processes, which live, stop and change together."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.test_lifecycle import assert_last, begin
from tests.support.commands import assert_one_line, child
from tests.support.processes import Instance, Wire, instance, until
from tests.support.servers import SECRET

pytestmark = pytest.mark.slow  # each of them starts processes


@pytest.fixture
def cuebot(cuebot_process: str) -> str:
    return cuebot_process


def inode(port: int, wire: Wire) -> str:
    """The kernel's number of the server's end of a connection, from /proc/net/tcp."""
    there = wire.socket.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, *_, number = line.split()[:10]
        if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (port, there):
            return number
    raise AssertionError("the connection is not there")


def server_of(gateway: Instance, wire: Wire) -> int:
    """The process that serves a connection."""
    wanted = f"socket:[{inode(gateway.port, wire)}]"
    for pid in gateway.workers():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.readlink(descriptor) == wanted:
                    return pid
    raise AssertionError("nobody serves it")


def wire_to(gateway: Instance, pid: int) -> Wire:
    """A connection that this worker serves, which is looked for with calls."""
    for _ in range(100):
        wire = gateway.wire()
        assert wire.ask().status == 200
        if server_of(gateway, wire) == pid:
            return wire
        wire.socket.close()
    raise AssertionError(f"{pid} serves none of 100 connections")


def test_a_port_in_use_is_one_line() -> None:
    """Also that of another gateway with workers, with which the kernel would share it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = child("serve", WORKERS="2", REST_HOST="127.0.0.1", REST_PORT=port, JWT_SECRET=SECRET)
    assert ran.status == 2
    assert_one_line(ran, f"port {port} is in use")


def test_workers_without_a_supervisor_stop(cuebot: str) -> None:
    """When the first process is killed, they finish what they have and end."""

    def alive(pid: int) -> bool:
        with suppress(FileNotFoundError):
            return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
        return False

    with instance(cuebot, WORKERS="2") as gateway:
        workers = gateway.workers()
        wires = [wire_to(gateway, pid) for pid in workers]
        gateway.send_signal(signal.SIGKILL)
        for wire in wires:
            while not (answer := wire.ask()).last:
                assert answer.status == 200
            assert_last(wire, answer)
            wire.socket.close()
        until(lambda: not any(alive(pid) for pid in workers), "they have ended")
        assert gateway.refuses()


def test_a_signal_to_all_at_once_still_drains(cuebot: str) -> None:
    """systemd signals every process of a service, and a terminal every one of its group."""
    with instance(cuebot, WORKERS="2") as gateway:
        workers = gateway.workers()
        wires = [wire_to(gateway, pid) for pid in workers]
        for wire in wires:
            begin(wire)
        for pid in (*workers, gateway.process.pid):
            os.kill(pid, signal.SIGINT)
        gateway.event('"stopping"', 2)
        until(gateway.refuses, "the port is closed")
        for wire in wires:
            wire.send(b"}")
            assert_last(wire, wire.answer())
            wire.socket.close()
        assert gateway.ended() == 0


def test_a_second_signal_ends_all(cuebot: str) -> None:
    with instance(cuebot, WORKERS="2", SHUTDOWN_TIMEOUT="1h") as gateway:
        wires = [wire_to(gateway, pid) for pid in gateway.workers()]
        for wire in wires:
            begin(wire)
        gateway.send_signal(signal.SIGTERM)
        gateway.event('"stopping"', 2)
        gateway.send_signal(signal.SIGTERM)
        for wire in wires:
            assert wire.answer().status == 503
            wire.socket.close()
        assert gateway.ended() == 0


def test_a_stop_while_they_start(cuebot: str) -> None:
    with instance(cuebot, WORKERS="2", ready=False, started=False) as gateway:
        gateway.event('"listening"')
        gateway.stops()


def test_sighup_reaches_those_that_are_starting(cuebot: str) -> None:
    with instance(cuebot, WORKERS="2", ready=False, started=False) as gateway:
        gateway.event('"listening"')
        while len(gateway.events('"listening"')) < 2:
            gateway.send_signal(signal.SIGHUP)
            with suppress(AssertionError):
                until(lambda: False, "", timeout=0.02)
        until(gateway.ready, "it is ready")
        assert not gateway.events("has died")
        gateway.stops()


def test_a_dead_worker_is_replaced(cuebot: str, tmp_path: Path) -> None:
    """Others go on, and its successor has its share of the limits that a SIGHUP has brought."""
    config = tmp_path / "gateway.toml"
    config.write_text("rate_limit_rps = 1000\nrate_limit_burst = 100\n")
    environ = {"GATEWAY_CONFIG": str(config), "RATE_LIMIT_RPS": "", "WORKERS": "2"}
    with instance(cuebot, environ) as gateway:

        def limits() -> set[str]:
            return {gateway.ask().headers["x-ratelimit-limit"] for _ in range(10)}

        assert limits() == {"50"}
        shared = gateway.event("share the limits")
        assert (shared["workers"], shared["rate_limit_rps"], shared["each"]) == (2, 1000, 500)
        config.write_text("rate_limit_rps = 1000\nrate_limit_burst = 200\n")
        gateway.send_signal(signal.SIGHUP)
        gateway.event("SIGHUP", 2)
        until(lambda: limits() == {"100"}, "both follow")
        dead, other = gateway.workers()
        with wire_to(gateway, other) as kept:
            os.kill(dead, signal.SIGKILL)
            assert gateway.event("a worker has died")["exitcode"] == -signal.SIGKILL
            assert kept.ask().status == 200
            # Those that the dead one's socket holds wait for its successor.
            assert {gateway.ask().status for _ in range(20)} == {200}
            until(lambda: len(gateway.workers()) == 2, "there are two again")
            (successor,) = gateway.workers() - {other}
            with wire_to(gateway, successor) as served:
                assert served.ask().headers["x-ratelimit-limit"] == "100"
            assert kept.ask().status == 200
        gateway.stops()
