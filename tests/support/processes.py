"""Gateways in processes of their own, for what signals do, and clients that miss nothing.

The clients are blocking sockets, since what matters here is how a connection ends: at a message
boundary or in the middle, with FIN or with RST, and in TLS with close_notify or without.
"""

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from types import MappingProxyType
from typing import Any

from tests.support.commands import OPENCUE
from tests.support.patience import PATIENCE
from tests.support.servers import ALSO, SECRET, clean_environment, free_port, head
from tests.support.wire import Answer as Answer

HERE, GET_SHOWS = "127.0.0.1", "/show.ShowInterface/GetShows"


def until(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Wait for something outside of this process that nobody announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.01)


class CutOff(AssertionError):
    """A connection ended in the middle of an answer."""


class Wire:
    def __init__(self, port: int, tls: ssl.SSLContext | None = None, host: str = HERE) -> None:
        plain = socket.create_connection((host, port), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = plain
        if tls is not None:
            # An end without close_notify is an error, as it could be somebody else's doing.
            self.socket = tls.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False)
        self._read = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, sent: bytes) -> None:
        self.socket.sendall(sent)

    def ask(self, path: str = GET_SHOWS, *lines: str, body: bytes = b"{}") -> Answer:
        self.send(head(path, *lines, f"Content-Length: {len(body)}") + body)
        return self.answer()

    def get(self, path: str) -> Answer:
        self.send(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
        return self.answer()

    def more(self) -> bytes:
        return self.socket.recv(65536)

    def answer(self) -> Answer:
        start, self._read = self._until(b"\r\n\r\n")
        first, *lines = start.decode("latin-1").split("\r\n")
        parts = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in parts}
        if headers.get("transfer-encoding") == "chunked":
            return Answer(int(first.split()[1]), headers, b"".join(self._chunks()))
        return Answer(int(first.split()[1]), headers, self._exactly(int(headers["content-length"])))

    def ends(self) -> None:
        """Nothing more comes: a clean end at a message boundary."""
        rest = self._read or self.more()
        assert rest == b"", rest

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size, self._read = self._until(b"\r\n")
            piece = self._exactly(int(size, 16) + 2)[:-2]
            if not piece:
                return
            yield piece

    def _until(self, mark: bytes) -> tuple[bytes, bytes]:
        while mark not in self._read:
            self._fill()
        found, _, rest = self._read.partition(mark)
        return found, rest

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._fill()
        found, self._read = self._read[:size], self._read[size:]
        return found

    def _fill(self) -> None:
        came = self.more()
        if not came:
            raise CutOff(f"the connection ended after {self._read[-200:]!r}")
        self._read += came


@dataclass
class Instance:
    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    _changed: Condition = field(default_factory=Condition)
    _ended: bool = False

    def __post_init__(self) -> None:
        self._reader = Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def events(self, text: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self.lines) if text in line]

    def line(self, text: str, count: int = 1) -> str:
        """The so-manieth line with this text, once it is there."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self._ended, timeout=PATIENCE)
            assert len(found()) >= count, f"no {text!r} in {self.lines}"
            return found()[count - 1]

    def event(self, text: str, count: int = 1) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.line(text, count))
        return event

    def wire(self) -> Wire:
        return Wire(self.port, self.tls)

    def ask(self, path: str = GET_SHOWS, *lines: str) -> Answer:
        with self.wire() as wire:
            return wire.ask(path, *lines)

    def get(self, path: str) -> Answer:
        with self.wire() as wire:
            return wire.get(path)

    def ready(self) -> bool:
        with suppress(ConnectionRefusedError, ConnectionResetError):
            return self.get("/readyz").status == 200
        return False

    def refuses(self) -> bool:
        """Whether nobody listens at the port. Not yet, if a connection to it is reset."""
        try:
            with suppress(ConnectionResetError), self.wire():
                return False
        except ConnectionRefusedError:
            return True
        return False

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """The exit status, when it has ended, and its last words are read."""
        status = self.process.wait(PATIENCE)
        with self._changed:
            self._changed.wait_for(lambda: self._ended, timeout=PATIENCE)
        return status

    def stops(self) -> None:
        """A SIGTERM ends it, and all is well."""
        self.send_signal(signal.SIGTERM)
        assert self.ended() == 0

    def workers(self) -> set[int]:
        pid = self.process.pid
        children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
        return {child for child, line in lines.items() if b"spawn_main" in line}

    def kill(self) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            for pid in (self.process.pid, *self.workers()):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def no_traceback(self) -> None:
        for line in list(self.lines):
            assert line.startswith("{"), self.lines
            assert "Traceback" not in line, self.lines


@contextmanager
def instance(
    endpoint: str,
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    ready: bool = True,
    started: bool = True,
    open_files: int | None = None,
    **environ: str,
) -> Iterator[Instance]:
    """A gateway in front of this Cuebot, `ready` or at least `started`, gone at the end."""
    environ.update(more)
    port = port or free_port()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files or 0, open_files or 0))

    given = {
        "REST_HOST": "127.0.0.1",
        "REST_PORT": str(port),
        "JWT_SECRET": SECRET,
        "CUEBOT_ENDPOINT": endpoint,
        "DESCRIPTOR_SOURCE": OPENCUE,
        "RATE_LIMIT_RPS": "0",
        "PYTHONUNBUFFERED": "1",
    }
    also = {name.upper(): str(value) for name, value in ALSO.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env=clean_environment(**given | also | environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=None if open_files is None else limit,
    ) as process:
        made = Instance(process, port, tls=tls)
        try:
            if started:
                made.line("schema loaded", int(environ.get("WORKERS", "1")))
            if ready:
                until(made.ready, "it is ready")
            yield made
            if environ.get("LOG_FORMAT") != "console":
                made.no_traceback()
        finally:
            made.kill()
