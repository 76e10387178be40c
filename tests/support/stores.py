"""A real Redis or Valkey on loopback, which can be killed, stopped and started again."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import Pair
from tests.support.servers import free_port

SERVER = shutil.which("valkey-server") or shutil.which("redis-server")
NEEDS_STORE = pytest.mark.skipif(SERVER is None, reason="no redis-server and no valkey-server")


class StoreServer:
    """The server's process. It keeps nothing on disk: a kill loses everything."""

    def __init__(self, folder: Path, pair: Pair | None, password: str) -> None:
        self.port = free_port()
        self.scheme = "redis" if pair is None else "rediss"
        port = f"--port {self.port}"
        if pair is not None:
            port = (
                f"--port 0 --tls-port {self.port} --tls-auth-clients no"
                f" --tls-cert-file {pair.certificate} --tls-key-file {pair.key}"
            )
        self._command = [
            str(SERVER),
            *f"--bind 127.0.0.1 --appendonly no --dir {folder} {port}".split(),
            *("--save", ""),
            *(("--requirepass", password) if password else ()),
        ]
        self.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the server that this machine has
            self._command, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "eady to accept connections" in line:
                return
        raise AssertionError("the store has not started")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stand_still(self) -> None:
        """It keeps its connections and answers nothing until it goes on."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def store_server(pair: Pair | None = None, password: str = "") -> Iterator[StoreServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = StoreServer(Path(folder), pair, password)
        try:
            yield server
        finally:
            server.kill()
