"""The metrics of several workers: one answer, whichever of them gives it, that never goes back."""

import os
import signal
import socket
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.support.commands import assert_one_line, child
from tests.support.processes import GET_SHOWS, Instance, Wire, instance, until
from tests.support.scraping import Scrape, scrape_of
from tests.support.servers import SECRET

pytestmark = pytest.mark.slow  # each of them starts processes

METRICS = {"WORKERS": "2", "METRICS": "public"}
ON_A_PORT = METRICS | {"METRICS_PORT": "0"}


@pytest.fixture
def cuebot(cuebot_process: str) -> str:
    return cuebot_process


def scrape(gateway: Instance, port: int | None = None) -> Scrape:
    """The metrics as whoever takes the connection tells them."""
    with Wire(port or gateway.port) as wire:
        answer = wire.get("/metrics")
    assert answer.status == 200
    return scrape_of(answer.body.decode())


def shows(found: Scrape) -> float:
    """How often GetShows has been answered."""
    return found.of("requests_total", method=GET_SHOWS, status="200", code="OK", protocol="json")


def metrics_port(gateway: Instance) -> int:
    """The port that METRICS_PORT has found."""
    url: str = gateway.event("listening for scrapes")["url"]
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/metrics")
    return int(url.removesuffix("/metrics").rpartition(":")[2])


def test_counters_outlive_their_worker(cuebot: str) -> None:
    """A worker that dies takes nothing with it that was shown; its successor goes on.

    Even if the first process is killed, the folder of their numbers goes.
    """
    with instance(cuebot, ON_A_PORT) as gateway:
        port = metrics_port(gateway)
        until(lambda: scrape(gateway, port).of("workers") == 2, "both are there")
        for _ in range(30):
            gateway.ask()
        until(lambda: shows(scrape(gateway, port)) == 30, "all are counted")
        began = scrape(gateway, port).of("start_time_seconds")
        for number, pid in enumerate(sorted(gateway.workers()), start=1):
            os.kill(pid, signal.SIGKILL)
            gateway.event("a worker has died", number)
            assert shows(scrape(gateway, port)) == 30
            gateway.event("listening for scrapes", 2 + number)
            assert shows(scrape(gateway, port)) == 30
        gateway.ask()
        until(lambda: shows(scrape(gateway, port)) == 31, "the next one is counted")
        found = scrape(gateway, port)
        assert (found.of("workers"), found.of("start_time_seconds")) == (2, began)
        (folder,) = folders_of(gateway)
        gateway.send_signal(signal.SIGKILL)
        until(lambda: not folder.exists(), "it is gone")


def test_a_port_of_their_own_is_bound_once(cuebot: str) -> None:
    with instance(cuebot, ON_A_PORT) as gateway:
        port = metrics_port(gateway)
        assert gateway.event("listening for scrapes", 2)["url"].endswith(f":{port}/metrics")
        with Wire(gateway.port) as wire:
            assert wire.get("/metrics").status != 200
        os.kill(min(gateway.workers()), signal.SIGKILL)
        gateway.event("a worker has died")
        assert scrape(gateway, port).of("workers") >= 1
        folders = folders_of(gateway)
        assert [oct(each.stat().st_mode & 0o777) for each in folders] == ["0o700"]
        gateway.stops()
        with pytest.raises(ConnectionRefusedError):
            Wire(port)
        assert not [each for each in folders if each.exists()]


def folders_of(gateway: Instance) -> list[Path]:
    """The folders of the workers' numbers."""
    places = ("/dev/shm", gettempdir())  # noqa: S108 - only looked at
    name = f"cuebot-gateway-{gateway.process.pid}-*"
    return [each for place in places for each in Path(place).glob(name)]


def test_a_port_in_use_is_one_line() -> None:
    serve = {"JWT_SECRET": SECRET, "REST_HOST": "127.0.0.1", "REST_PORT": "0", "METRICS": "public"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            ran = child("serve", **serve, METRICS_PORT=port, WORKERS=workers)
            assert ran.status == 2
            assert_one_line(ran, "METRICS_HOST and METRICS_PORT")
