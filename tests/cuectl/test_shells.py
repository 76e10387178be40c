"""Completion from the caches, help, and exit statuses."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cuectl as package
from cuectl import completion
from cuectl.session import Session
from gateway import __version__
from gateway_client.terminal.exits import MEANINGS
from tests.cuectl.calls import Cuectl, in_process
from tests.support.servers import clean_environment

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "cuectl.md"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of names that are asked for in the background."""
    found: list[str] = []
    monkeypatch.setattr(completion, "ask_in_background", lambda session, kind: found.append(kind))
    return found


async def completed(cuectl: Cuectl, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    ran = await cuectl(
        _CUECTL_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
    )
    return [each.partition(",")[2] for each in ran.text.split()]


@pytest.mark.slow
async def test_completion(cuectl: Cuectl, asked: list[str]) -> None:
    await cuectl("call", "GetShows")
    lines = cuectl.gateway.access_lines()
    assert await completed(cuectl, "cuectl pri") == ["priority"]
    assert await completed(cuectl, "cuectl call show/getsh") == ["Show/GetShows"]
    assert "GetShows" in await completed(cuectl, "cuectl call getsh")
    assert "r.shows=" in await completed(cuectl, "cuectl call Job/GetJobs r.sh")
    assert await completed(cuectl, "cuectl call Job/GetJobs --fields name,prio") == [
        "name,priority"
    ]
    assert lines == []  # nobody waits for a gateway while typing


@pytest.mark.slow
async def test_names_are_completed(cuectl: Cuectl, asked: list[str]) -> None:
    """Those of the last time, while they are asked for again."""
    await cuectl("call", "GetShows")
    assert await completed(cuectl, "cuectl job demo") == []
    assert asked == ["jobs"]
    environ = {
        **clean_environment(**cuectl.environ),
        "XDG_CACHE_HOME": str(cuectl.folder / "cache"),
        "XDG_CONFIG_HOME": str(cuectl.folder / "config"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cuectl.names", "jobs", env=environ
    )
    assert await process.wait() == 0
    assert "demo-sh010-lena_comp_v003" in await completed(cuectl, "cuectl job demo")
    assert asked == ["jobs"]
    assert "r.jobs=demo-sh010-lena_comp_v003" in await completed(
        cuectl, "cuectl call Job/GetJobs r.jobs=demo-sh010-l"
    )


HOSTILE = ["zu$(touch${IFS}x)", "a;b", "`b`", "c d", "e'f", "g*", "h\n", "~i", "-n&", "ok-1.2@x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_what_a_shell_might_run_is_not_offered(
    cuectl: Cuectl, asked: list[str], shell: str
) -> None:
    """Anybody may call a user or a job as they like."""
    session = Session(url=cuectl.environ["GATEWAY_URL"], token=cuectl.environ["TOKEN"])
    folder = cuectl.folder / "cache"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(folder))
        session.cache.keep("users", "\n".join(HOSTILE).encode())
    ran = await cuectl(
        _CUECTL_COMPLETE=f"{shell}_complete",
        COMP_WORDS="cuectl jobs --user " if shell != "fish" else "cuectl jobs --user",
        COMP_CWORD="3" if shell != "fish" else "",
    )
    assert "ok-1.2@x" in ran.text
    assert not re.search(r"[$;`'*~&]", ran.text)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(tmp_path: Path, shell: str) -> None:
    ran = in_process("completion", shell, folder=tmp_path)
    assert ran.status == 0
    assert "_CUECTL_COMPLETE" in ran.text


def test_help_and_the_page_tell_all_exit_statuses(tmp_path: Path) -> None:
    words = " ".join(in_process("--help", folder=tmp_path).text.split())
    page = PAGE.read_text(encoding="utf-8")
    for number, meaning in MEANINGS.items():
        assert f"{number} {meaning}" in words
        assert f"\n| {number} | " in page


def test_the_version_is_that_of_the_gateway(tmp_path: Path) -> None:
    assert package.__version__ == __version__
    assert __version__ in in_process("--version", folder=tmp_path).text


def test_a_command_imports_what_it_needs() -> None:
    """Importing httpx takes longer than all else."""
    code = "import sys, cuectl.program; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - it is our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    slow = re.compile(
        r"httpx|asyncio|yaml|google|grpc|gateway(_cli)?$|gateway(_cli)?\.|importlib\.metadata"
    )
    assert [name for name in done.stdout.split() if slow.match(name)] == []
