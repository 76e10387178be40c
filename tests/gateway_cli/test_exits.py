"""How commands end when output fails, the reader goes away or the user presses Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.commands import OPENCUE
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, clean_environment

pytestmark = pytest.mark.slow  # each of them starts a process

ENVIRON = {"CUEBOT_ENDPOINT": "127.0.0.1:1", "DESCRIPTOR_SOURCE": OPENCUE, "JWT_SECRET": SECRET}
PRINTING = ("routes", "snapshot -", "token --sub me")
EACH = """
import os, sys
from gateway_cli import main
from gateway_cli.exits import PROGRAM

for line in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        main(args=line.split(), prog_name=PROGRAM)
    _, status = os.waitpid(child, 0)
    os.write(2, f"{line}: {os.waitstatus_to_exitcode(status)}\\n".encode())
"""
"""A program that runs each command of its arguments in a process that has imported all there is."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def ended(command: list[str], redirected: str, out: int = subprocess.PIPE) -> tuple[int, str]:
    """Exit status and standard error of a command in a shell, with this redirection."""
    done = subprocess.run(  # noqa: S603 - it is our own command
        ["/bin/sh", "-c", f'"$@" {redirected}', "-", *command],
        env=clean_environment(**ENVIRON),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stderr


def assert_each(
    commands: Sequence[str], redirected: str, status: int, said: str, out: int = subprocess.PIPE
) -> None:
    """With this redirection, each command says this and has this status."""
    expected = "".join(f"{said}{line}: {status}\n" for line in commands)
    assert ended([sys.executable, "-c", EACH, *commands], redirected, out) == (0, expected)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk() -> None:
    problem = "cuebot-gateway: cannot read or write: No space left on device\n"
    assert_each(PRINTING, ">/dev/full", 1, problem)


def test_a_reader_that_has_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert_each(PRINTING, "", 141, "", writing)
    os.close(writing)


@pytest.mark.parametrize(("redirected", "name"), [(">&-", "output"), ("<&-", "input")])
def test_closed_streams(redirected: str, name: str) -> None:
    problem = f"cuebot-gateway: standard {name} is closed; redirect it to /dev/null instead\n"
    assert_each(["routes", "call Job/GetJobs", "serve"], redirected, 1, problem)


def test_standard_error_may_be_closed() -> None:
    assert ended(command("routes", "Job/GetJobs"), "2>&-") == (0, "")
    assert ended(command("routes", "nothing"), "2>&-") == (1, "")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children react to SIGINT, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        with subprocess.Popen(  # noqa: S603 - it is our own command
            command("routes"),
            env=clean_environment(
                CUEBOT_ENDPOINT=f"127.0.0.1:{silent.getsockname()[1]}", JWT_SECRET=SECRET
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            connection.close()
    assert (process.returncode, out, err) == (130, b"", b"")
