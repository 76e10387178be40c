"""Commands of the command line, run in this process or as children, in a clean environment."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from gateway.cli import main
from tests.support.servers import clean_environment

PATIENCE = 30
"""Seconds that a command may take before it counts as stuck."""
OPENCUE = "package:opencue_proto"
"""A DESCRIPTOR_SOURCE for which no Cuebot has to be there."""


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def in_process(*arguments: str, **environ: str) -> Ran:
    """Run a command that calls nobody, or with which nothing else runs in this process."""
    changed: dict[str, str | None] = dict.fromkeys(os.environ.keys() - clean_environment().keys())
    changed.update(environ)
    with logging_restored():
        result = CliRunner(env=changed).invoke(main, arguments)
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
    """Run a command in a process of its own."""
    done = subprocess.run(  # noqa: S603 - it is our own command
        [sys.executable, "-m", "gateway", *arguments],
        env=clean_environment(**environ),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


@contextmanager
def cuebot_process(*arguments: str) -> Iterator[str]:
    """The endpoint of a simulated Cuebot in a child process."""
    with subprocess.Popen(  # noqa: S603 - it is our own command
        [sys.executable, "-m", "gateway", "demo", "--cuebot-only", "--port", "0", *arguments],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().partition("listens on ")[2].split()[0]
        finally:
            process.terminate()


simulated_cuebot = cuebot_process  # until all its users have the new name


def assert_one_line(ran: Ran, *words: str) -> None:
    """Standard error is one line of ours with these words."""
    assert ran.err.startswith("cuebot-gateway: "), ran.err
    assert len(ran.err.splitlines()) == 1, ran.err
    for word in words:
        assert word in ran.err
