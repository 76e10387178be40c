"""Forms of lists, and what reaches a terminal."""

import json

import pytest
import yaml

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from tests.cuectl.calls import Cuectl
from tests.cuectl.test_watching import running
from tests.support.commands import Terminal

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

JOB = "demo-sh010-lena_comp_v003"


async def test_json_has_the_rows_of_the_gateway(reading: Cuectl) -> None:
    """With Cuebot's names, whole, and with what a list computes beside them."""
    (row,) = json.loads((await reading("jobs", JOB, "-o", "json")).text)
    assert (row["name"], row["jobStats"]["totalFrames"], row["isPaused"]) == (JOB, 25, False)
    assert isinstance(row["coreHours"], float)
    assert "uid" in row
    assert yaml.safe_load((await reading("jobs", JOB, "-o", "yaml")).text) == [row]
    ran = await reading("jobs", JOB, "-o", "ndjson", "--fields", "name,done")
    assert json.loads(ran.text) == {"name": JOB, "jobStats": {"succeededFrames": 8}}


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("--mine --fields name,DEAD", ["NAME                       DEAD", f"{JOB}     0"]),
        ("--mine --fields name --no-headers", [JOB]),
        ("--mine -o name", [JOB]),
        ("--mine --fields name,done -o csv", ['"name","done"', f'"{JOB}",8']),
        ("--show demo --sort wait --limit 1 -q", [JOB]),
        ("--show demo --sort name --desc --limit 1 -q", ["demo-sh020-marco_smoke_v001"]),
        ("--count-by show --sum run", None),
        ("--count-by user --sort count --limit 1 --no-headers", ["artist1  2"]),
        ("--sum dead", ["COUNT  DEAD", "    7     5"]),
        ("--match nothing-is-called-so", []),
    ],
)
async def test_rows(reading: Cuectl, line: str, printed: list[str] | None) -> None:
    ran = await reading("jobs", *line.split())
    assert ran.status == 0
    if printed is None:
        assert ran.text.split()[:6] == ["SHOW", "COUNT", "RUN", "demo", "3", "7"]
    else:
        assert ran.text.splitlines() == printed
        assert ran.err == ("" if printed else "cuectl: there are none\n")


@pytest.mark.parametrize("form", ["table", "wide", "csv", "json", "yaml", "ndjson", "name"])
async def test_what_others_write_steers_no_terminal(
    cuectl: Cuectl, cuebot: SimulatedCuebot, form: str
) -> None:
    """Neither escape sequences nor marks that turn the direction; in a pipe, texts are whole."""
    evil = "x\x1b[2J\u202ey\x9b0m"
    job = by_name(cuebot.farm.jobs, JOB)
    job.name = job.shot = evil
    line = f"jobs --mine -o {form}"
    terminal = Terminal(lines=24)
    async with running(cuectl, line, stdout=terminal.theirs) as command:
        assert (await command.end()).status == 0
    await terminal.read_until("x.*y")
    terminal.close()
    shown = terminal.written.replace("\x1b[0m", "").replace("\x1b[31m", "")
    assert not any(mark in shown for mark in ("\x1b", "\u202e", "\x9b"))
    piped = (await cuectl(*line.split())).text
    if form in ("csv", "name"):
        assert evil in piped
    if form == "json":
        assert json.loads(piped)[0]["name"] == evil
