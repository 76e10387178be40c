"""Parts of `serve`: sockets, the workers' folder, memory settings, a part of a reload."""

import asyncio
import os
import platform
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway_cli.serving import workers
from gateway_cli.serving.listen import bound_url, listen, listen_together, url_of
from gateway_cli.serving.reload import Reload
from gateway_cli.serving.workers import shared_folder
from tests.support.certificates import pair
from tests.support.patience import PATIENCE, until
from tests.support.processes import instance

ALL = "0.0.0.0"  # noqa: S104 - what this is about
NOBODY = "127.0.0.1:1"


def has_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")


def test_sockets_on_one_port_share_it_with_nobody_else() -> None:
    together = listen_together("127.0.0.1", 0, 3)
    try:
        ports = {each.getsockname()[1] for each in together}
        assert len(ports) == 1
        with pytest.raises(ConfigurationError, match="is in use"):
            listen_together("127.0.0.1", ports.pop(), 2)
    finally:
        for each in together:
            each.close()


@pytest.mark.parametrize(
    ("host", "bound", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        (ALL, ALL, "127.0.0.1"),
        pytest.param("::", "[::]", "[::1]", marks=needs_ipv6),
        pytest.param("::1", "[::1]", "[::1]", marks=needs_ipv6),
    ],
)
def test_a_socket_is_bound_to_one_url_and_reached_by_another(
    host: str, bound: str, reached: str
) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert bound_url(listener) == f"http://{bound}:{port}"
        assert bound_url(listener, tls=True) == f"https://{bound}:{port}"
        assert url_of(listener) == f"http://{reached}:{port}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "bound"),
    [
        pytest.param({"REST_HOST": ALL, "WORKERS": "2"}, f"http://{ALL}", id="workers"),
        pytest.param({"REST_HOST": ALL, "TLS": "1"}, f"https://{ALL}", id="TLS"),
    ],
)
def test_the_log_says_what_is_bound(environ: Mapping[str, str], bound: str, tmp_path: Path) -> None:
    given = dict(environ)
    if given.pop("TLS", ""):
        given |= pair(tmp_path).environ
    with instance(NOBODY, given, ready=False, started=False) as gateway:
        for count in range(int(given.get("WORKERS", "1"))):
            assert gateway.event('"listening"', count + 1)["url"] == f"{bound}:{gateway.port}"


def test_what_killed_gateways_have_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MEMORY_FOLDER", str(tmp_path))
    left, used, foreign = (
        tmp_path / name for name in ("cuebot-gateway-1-x", "cuebot-gateway-2-x", "cuebot-gateway-x")
    )
    for folder in (left, used, foreign):
        folder.mkdir()
        Path(folder, "0.json").touch()
    for folder in (left, foreign):
        os.utime(folder, (0, 0))
    with shared_folder() as own:
        assert {*tmp_path.iterdir()} == {used, foreign, Path(own)}
    assert {*tmp_path.iterdir()} == {used, foreign}


HEAPS_OF_THREADS = """
import ctypes, os, tempfile
from threading import Barrier, Thread
from gateway_cli.serving.process import give_back_memory

give_back_memory()
barrier = Barrier(4)

def work():
    block = bytes(100_000)  # too large for Python's own allocator
    barrier.wait()

threads = [Thread(target=work) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(os.fsencode(file.name), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap "))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_threads_have_no_heaps_of_their_own() -> None:
    ran = subprocess.run(  # noqa: S603 - it is our own command
        [sys.executable, "-c", HEAPS_OF_THREADS], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) == 1


class Hanging:
    """A part whose disk hangs."""

    def __init__(self) -> None:
        self.asked, self.used = 0, 0
        self.works = threading.Event()

    def prepare(self, settings: Settings) -> Commit:
        self.asked += 1
        assert self.works.wait(PATIENCE)
        return self.use

    def use(self) -> None:
        self.used += 1


@pytest.fixture
def unresponsive() -> Iterator[Hanging]:
    part = Hanging()
    yield part
    part.works.set()


@pytest.mark.anyio
async def test_a_disk_that_hangs(unresponsive: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_cli.serving.reload.PREPARING_TIMEOUT_SECONDS", 0.2)
    followed: list[str] = []
    parts = [
        Reloadable("those of the disk", (), unresponsive.prepare),
        Reloadable("the others", (), lambda _: lambda: followed.append("part")),
    ]
    reload = Reload(Settings(), parts, Settings, lambda: followed.append("end"))
    with capture_logs() as lines:
        async with asyncio.timeout(PATIENCE):
            first = asyncio.create_task(reload.run())
            await until(lambda: followed)
            assert followed == ["part"]
            await first
            await reload.run()
    assert followed == ["part", "end"] * 2
    assert [line["event"] for line in lines] == ["reload: those of the disk stay as they were"] * 2
    assert "cannot be read" in lines[0]["problem"]
    assert (unresponsive.asked, unresponsive.used) == (1, 0)
    unresponsive.works.set()
    monkeypatch.undo()
    async with asyncio.timeout(PATIENCE):
        while not unresponsive.used:
            await reload.run()
