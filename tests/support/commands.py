"""Commands of the command line, run in this process or as children, in a clean environment."""

import asyncio
import fcntl
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from gateway_cli import main
from tests.support.patience import PATIENCE
from tests.support.servers import clean_environment

PROGRAM = Path(sys.executable).parent / "cuebot-gateway"
OPENCUE = "package:opencue_proto"  # a DESCRIPTOR_SOURCE for which no Cuebot has to be there


@dataclass(frozen=True)
class Ran:
    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def in_process(*arguments: str, given: str = "", **environ: str) -> Ran:
    """Run a command that calls nobody, or with which nothing else runs in this process."""
    changed: dict[str, str | None] = dict.fromkeys(os.environ.keys() - clean_environment().keys())
    changed.update(environ)
    with logging_restored():
        result = CliRunner(env=changed).invoke(
            main, arguments, input=given, prog_name="cuebot-gateway"
        )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout_bytes, result.stderr)


@contextmanager
def logging_restored() -> Iterator[None]:
    """Afterwards logs go where they went before. Loggers remember nothing of the time between."""
    root, configure, before = logging.getLogger(), structlog.configure, structlog.get_config()
    handlers, level = root.handlers[:], root.level

    def without_memory(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", without_memory)
        yield
    configure(**before)
    root.handlers = handlers
    root.setLevel(level)


def child(*arguments: str, **environ: str) -> Ran:
    done = subprocess.run(  # noqa: S603 - it is our own command
        [sys.executable, "-m", "gateway", *arguments],
        env=clean_environment(**environ),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


@dataclass
class Running:
    process: Process
    printed: str = ""

    async def print_until(self, pattern: str) -> re.Match[str]:
        """Read its standard output up to a line that fits the pattern; the match."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.printed += line
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"no {pattern!r} in {self.printed}{(await self.end()).err}")

    async def end(self, given: bytes = b"") -> Ran:
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate(given or None)
        self.printed += (out or b"").decode()
        assert self.process.returncode is not None
        return Ran(self.process.returncode, out or b"", err.decode())

    async def stop(self, number: signal.Signals) -> Ran:
        self.process.send_signal(number)
        return await self.end()


class Terminal:
    def __init__(self, lines: int = 24) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))
        self.written = ""

    async def read_until(self, pattern: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not re.search(pattern, self.written):
                self.written += (await asyncio.to_thread(os.read, self._ours, 65536)).decode()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@asynccontextmanager
async def started(
    *arguments: str,
    program: str = "gateway",
    environ: Mapping[str, str] = MappingProxyType({}),
    **streams: int,
) -> AsyncIterator[Running]:
    """`program` is the package that is run."""
    given: dict[str, Any] = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE} | streams
    command = (sys.executable, "-m", program, *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env=clean_environment(**environ), **given
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run_beside(*arguments: str, given: str = "", **environ: str) -> Ran:
    """Run a command in a thread of this process, beside servers that run in it.

    What they log meanwhile is not what the command prints.
    """
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stdout))
    try:
        return await asyncio.to_thread(in_process, *arguments, given=given, **environ)
    finally:
        structlog.configure(**before)


async def run(*arguments: str, given: str = "", **environ: str) -> Ran:
    """Run a command in a process of its own, beside servers that run in this one."""
    async with started(*arguments, environ=environ, stdin=PIPE) as command:
        return await command.end(given.encode())


async def tool(
    *command: str, folder: Path, environ: Mapping[str, str], timeout: float = PATIENCE
) -> tuple[int | None, str]:
    """The exit status of another program, run in this folder, and all that it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=clean_environment(**environ), stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(timeout):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, printed.decode()


@contextmanager
def cuebot_process(*arguments: str) -> Iterator[str]:
    with running_simulator(*arguments) as (endpoint, _):
        yield endpoint


@contextmanager
def running_simulator(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with subprocess.Popen(  # noqa: S603 - it is our own command
        [sys.executable, "-m", "gateway", "demo", "--cuebot-only", "--port", "0", *arguments],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().partition("listens on ")[2].split()[0], process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


def assert_one_line(ran: Ran, *words: str) -> None:
    """Standard error is one line of ours with these words."""
    assert ran.err.startswith("cuebot-gateway: "), ran.err
    assert len(ran.err.splitlines()) == 1, ran.err
    for word in words:
        assert word in ran.err
