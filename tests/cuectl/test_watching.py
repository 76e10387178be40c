"""`--watch` of verbs."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from cuectl.watching import Changes, Lines, watch
from gateway_client.errors import CallError
from gateway_client.terminal.exits import INTERRUPTED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.support.commands import Running, Terminal, started
from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

JOB = "demo-sh010-lena_comp_v003"
FIRST_ROW = rf"NAME[^\n]*\n{JOB}"
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"


@asynccontextmanager
async def running(cuectl: Cuectl, line: str, **streams: int) -> AsyncIterator[Running]:
    folder = cuectl.folder
    environ = {
        **cuectl.environ,
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TERM": "xterm",
    }
    async with started(*line.split(), program="cuectl", environ=environ, **streams) as command:
        yield command


def set_priority(cuebot: SimulatedCuebot, value: int) -> None:
    by_name(cuebot.farm.jobs, JOB).priority = value


@pytest.mark.parametrize("form", ["table", "csv", "ndjson", "json"])
async def test_a_pipe_gets_what_changes(cuectl: Cuectl, cuebot: SimulatedCuebot, form: str) -> None:
    """And Ctrl-C has its exit status."""
    async with running(cuectl, f"jobs --mine --where isPaused=false -w -o {form}") as command:
        first = await command.print_until(JOB)
        assert "777" not in first.string
        set_priority(cuebot, 777)
        await command.print_until(f"{JOB}.*777")
        ran = await command.stop(signal.SIGINT)
    assert (ran.status, ran.err) == (INTERRUPTED, "")
    lines = command.printed.splitlines()
    assert len(lines) == (3 if form in ("table", "csv") else 2)
    if form == "ndjson":
        assert [json.loads(line)["name"] for line in lines] == [JOB, JOB]


async def test_rows_that_are_gone_are_told(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    async with running(cuectl, "jobs --mine --where priority<700 -w -o name") as command:
        await command.print_until(JOB)
        set_priority(cuebot, 777)
        assert command.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            told = (await command.process.stderr.readline()).decode()
        await command.stop(signal.SIGINT)
    assert told == f"cuectl: {JOB} is gone\n"


async def test_a_terminal_gets_the_table_again(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """On a screen of its own; the last table stays on the usual one."""
    terminal = Terminal(lines=7)
    async with running(cuectl, "jobs -w", stdout=terminal.theirs) as command:
        await terminal.read_until(r"(?s)NAME.*more")
        first = terminal.written.partition(ENTERED)[2]
        set_priority(cuebot, 777)
        await terminal.read_until(FIRST_ROW)
        command.process.send_signal(signal.SIGINT)
        await terminal.read_until(re.escape(LEFT) + r"(?s:.*)NAME(?s:.*)\n")
        assert (await command.end()).status == INTERRUPTED
    terminal.close()
    title, empty, *rest = re.sub(r"\x1b\[[\d?;]*[A-Za-z]", "", first).split("\r\n")[:6]
    assert title.startswith("cuectl jobs: every 2 s, ")
    assert (empty, rest[0].split()[0]) == ("", "NAME")
    assert rest[-1] == "… 5 more"
    left = terminal.written.partition(LEFT)[2]
    assert re.search(FIRST_ROW, left)
    assert "more" not in left


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("jobs --where foo", WRONG_USAGE, "cuectl: --where: job.Job has no field 'foo'"),
        ("frames demo-sh010-lena_comp_v033", NOT_FOUND, f"did you mean '{JOB}'?"),
    ],
)
async def test_what_is_wrong_ends(cuectl: Cuectl, line: str, status: int, problem: str) -> None:
    ran = await cuectl(*line.split(), "--watch")
    assert ran.status == status
    assert problem in ran.err


async def test_what_passes_is_told_once_and_what_does_not_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answers() -> AsyncIterator[CallError]:
        for _ in range(2):
            yield CallError("UNAVAILABLE", "gone for a while")
        yield CallError("NOT_FOUND", "no such job")

    changes = Changes("cuectl", lambda _content, _is_first: Lines((), (), frozenset()))
    with pytest.raises(CallError, match="no such job"):
        async with asyncio.timeout(10):
            await watch(answers(), changes)
    assert capsys.readouterr().err == "cuectl: UNAVAILABLE: gone for a while\n"
