"""`cuectl logs`, and the reasons that `cuectl why` finds in logs."""

import asyncio
import json
import sys
from io import StringIO
from os import terminal_size
from pathlib import Path
from typing import Any

import pytest

import cuectl.logs as reading_logs
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.frame_actions import kill_frames
from cuectl.logs import reason_lines, told_lines
from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from gateway_client.terminal.text import printable_log
from tests.cuectl.calls import Cuectl
from tests.support.needs import needs
from tests.support.patience import until

pytestmark = [pytest.mark.anyio, needs("logs")]

DYING, LENA = "harbor-hb110-tomas_light_v004", "demo-sh010-lena_comp_v003"
ASKED = 3
"""Cuebot is asked for frames by cuectl twice and by the gateway once before a log is followed."""
ENDING = ["", "=" * 59, "RenderQ Job Complete", "", "exitStatus          1", "=" * 59]


def frame_of(cuebot: SimulatedCuebot, job: str, name: str) -> Any:
    frames = cuebot.farm.frames_of(cuebot.farm.pending[job])
    return next(each for each in frames if each.name == name)


def log_of(cuebot: SimulatedCuebot, job: str, name: str) -> Path:
    assert cuebot.logs is not None
    cuebot.logs.keep(cuebot.farm, frame_of(cuebot, job, name).id)
    (found,) = cuebot.logs.folder.rglob(f"{job}.{name}.rqlog")
    return found


@pytest.mark.slow
async def test_a_log_is_printed_as_it_is(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    log = log_of(cuebot, DYING, "1006-beauty")
    ran = await cuectl("logs", DYING, "1006-beauty")
    assert (ran.status, ran.err, ran.text) == (0, "", log.read_text())
    lines = log.read_text().splitlines()
    assert (await cuectl("logs", DYING, "1006", "-n", "4")).text.splitlines() == lines[-4:]
    earlier = log.with_name(f"{log.name}.1").read_text()
    assert (await cuectl("logs", DYING, "1006-beauty", "--attempt", "1")).text == earlier


@pytest.mark.slow
async def test_a_long_log_is_read_in_pieces(
    cuectl: Cuectl, cuebot: SimulatedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No character is cut in two, also in a line that is longer than a piece."""
    log = log_of(cuebot, DYING, "1006-beauty")
    text = "".join(f"{number} größer {'ü' * (number % 40)}\n" for number in range(300))
    log.write_text(text)
    monkeypatch.setattr(reading_logs, "PIECE_BYTES", 100)
    assert (await cuectl("logs", DYING, "1006-beauty")).text == text
    log.write_bytes(b"")
    assert (await cuectl("logs", DYING, "1006-beauty")).text == ""


@pytest.mark.slow
async def test_a_job_alone_shows_how_its_dead_frames_ended(
    cuectl: Cuectl,
    cuebot: SimulatedCuebot,
) -> None:
    ran = await cuectl("logs", DYING)
    assert (ran.status, ran.err) == (0, "")
    parts = ran.text.rstrip("\n").split("\n\n")
    assert len(parts) == 3
    for name, part in zip(("1006-beauty", "1007-beauty", "1008-beauty"), parts, strict=True):
        heading, *lines = part.splitlines()
        assert heading.startswith(f"==> {name}: exit status 1")
        assert len(lines) == 10
        assert lines[-1].startswith("ERROR")
    chosen = await cuectl("logs", "--show", "harbor", "-n", "1")
    assert chosen.text.startswith("==> 1006-beauty")
    assert len(chosen.text.splitlines()) == 8


@pytest.mark.slow
async def test_a_running_frame_is_followed_to_its_end(
    cuectl: Cuectl,
    cuebot: SimulatedCuebot,
) -> None:
    frame = frame_of(cuebot, LENA, "1009-comp")
    log = log_of(cuebot, LENA, "1009-comp")
    last = log.read_text().splitlines()[-1]
    following = asyncio.create_task(cuectl("logs", LENA, "1009-comp", "-f", "-n", "1"))
    await until(lambda: sum(path.endswith("/GetFrames") for path, _ in cuebot.calls) > ASKED)
    with log.open("a") as file:
        file.write("written meanwhile\n")
    frame.retry_count = 9
    kill_frames(cuebot.farm, [frame])
    ran = await following
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith(f"{last}\nwritten meanwhile\n")
    assert "killMessage" in ran.text


@pytest.mark.slow
async def test_a_frame_that_waits_is_followed_from_its_first_line(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    frame = frame_of(cuebot, DYING, "1020-beauty")
    log = log_of(cuebot, DYING, "1006-beauty").with_name(f"{DYING}.1020-beauty.rqlog")
    following = asyncio.create_task(cuectl("logs", DYING, "1020", "-f", "-n", "1"))
    await until(lambda: sum(path.endswith("/GetFrames") for path, _ in cuebot.calls) > ASKED)
    log.write_text("one\ntwo\n")
    frame.state = 3  # SUCCEEDED
    ran = await following
    assert (ran.status, ran.text) == (0, "one\ntwo\n")
    assert "the log is not there yet: frame 1020-beauty is WAITING" in ran.err


@pytest.mark.slow
async def test_a_lost_connection_is_made_again_also_to_the_log_of_another_attempt(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    frame, log = frame_of(cuebot, LENA, "1009-comp"), log_of(cuebot, LENA, "1009-comp")
    log.write_text("one\ntwo\n")
    following = asyncio.create_task(cuectl("logs", LENA, "1009-comp", "-f", "-n", "1"))
    await until(lambda: sum(path.endswith("/GetFrames") for path, _ in cuebot.calls) > ASKED)
    for each in [*cuectl.gateway.server.connections]:
        each.flushed().abort()
    log.rename(f"{log}.1")
    log.write_text("four\n")
    frame.state = 3  # SUCCEEDED
    ran = await following
    assert (ran.status, ran.text) == (0, "two\nfour\n")
    assert "this is another log, from its beginning" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("logs", WRONG_USAGE, "which jobs?"),
        (f"logs {DYING} 1006-beauty --attempt 7", NOT_FOUND, "attempt 7 has no log"),
        (f"logs {DYING} 1006-beauty -f --attempt 1", WRONG_USAGE, "-f goes without --attempt"),
        (f"logs {DYING} -f", WRONG_USAGE, "-f is for one frame, and these are 3"),
        (f"logs {DYING} --attempt 1", WRONG_USAGE, "--attempt is for one frame"),
        (f"logs {DYING} 1999", NOT_FOUND, "no frame 1999"),
        (f"logs {DYING} 1020-beauty", NOT_FOUND, "have a log"),
        (f"logs {LENA}", 0, f"no DEAD frames of {LENA} have a log"),
    ],
)
async def test_what_cannot_be_shown(cuectl: Cuectl, line: str, status: int, problem: str) -> None:
    ran = await cuectl(*line.split())
    assert ran.status == status
    assert problem in ran.err


@pytest.mark.slow
async def test_without_roots_the_path_is_told_and_what_would_help(reading: Cuectl) -> None:
    ran = await reading("logs", DYING, "1006-beauty")
    assert ran.status == NOT_FOUND
    assert "LOG_ROOTS" in ran.err
    assert ran.err.count(f"/{DYING}.1006-beauty.rqlog") == 1
    assert "LOG_ROOTS" in (await reading("logs", DYING)).err


@pytest.mark.slow
async def test_a_gateway_without_logs_is_told_from_a_frame_without_one(
    reading: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_logs, "FOLDER", "/no-such-page/")
    ran = await reading("logs", DYING, "1006-beauty")
    assert ran.status == FAILED
    assert "a newer one does" in ran.err
    assert f"/{DYING}.1006-beauty.rqlog" in ran.err
    assert (await reading("why", DYING, "1006-beauty")).status == 0


@pytest.mark.slow
async def test_why_ends_with_what_looks_like_a_reason(
    cuectl: Cuectl,
    cuebot: SimulatedCuebot,
) -> None:
    ran = await cuectl("why", DYING, "1006-beauty")
    assert "ERROR" in ran.text.splitlines()[-1]
    (found,) = json.loads((await cuectl("why", DYING, "1006-beauty", "-o", "json")).text)
    assert found["reason"][-1].startswith("ERROR")
    last = (await cuectl("why", DYING)).text.rstrip("\n").split("\n\n")[-1]
    assert last.startswith("1008-beauty:\n")
    assert "ERROR" in last


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\tb\n", "a\tb\n"),
        ("\x1b[33mWARNING\x1b[0m \x1b[38:2:1:2:3m", "\x1b[33mWARNING\x1b[0m \x1b[38:2:1:2:3m"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("\x1b[33", "\\u001b[33"),
        ("\x1b[3\x1b[2Jm", "\\u001b[3\\u001b[2Jm"),
        ("\x9b31m\x85", "\\u009b31m\\u0085"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_of_escape_sequences_a_terminal_gets_colours_alone(text: str, safe: str) -> None:
    assert printable_log(text) == safe


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_pager_for_what_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    paged: list[str] = []
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: terminal_size((80, 24)))
    monkeypatch.setattr("click.echo_via_pager", lambda texts: paged.append("".join(texts)))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    reading_logs.show(["one \x1b[31mred\x1b[2J\n"])
    assert terminal.getvalue() == "one \x1b[31mred\\u001b[2J\n\x1b[0m"
    assert paged == []
    reading_logs.show(f"{number}\x07\n" for number in range(100))
    assert paged == ["".join(f"{number}\\u0007\n" for number in range(100))]
    monkeypatch.setenv("NO_COLOR", "1")
    reading_logs.show(["\x1b[31mred\x1b[0m\n"])
    assert terminal.getvalue().endswith("\x1b[0mred\n")


def test_the_statistics_of_rqd_are_no_last_lines() -> None:
    lines = [f"line {number}" for number in range(30)]
    assert told_lines([*lines, *ENDING], 3) == lines[-3:]
    assert told_lines(lines, 3) == lines[-3:]
    assert told_lines([], 3) == []
    assert told_lines(["RenderQ Job Complete"], 3) == ["RenderQ Job Complete"]


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (
            ["RenderQ JobSpec      Thu Dec  3 05:28:42 2026 ", "", "env                  A=error"],
            59,
        ),
        (["RenderQ JobSpec     ", "-" * 100, "Environment Variables:", "LICENSE=4101@error"], 100),
    ],
    ids=["python", "rust"],
)
def test_what_rqd_writes_before_the_command_is_no_reason(header: list[str], rule: int) -> None:
    log = ["", "=" * rule, *header, "=" * rule, "=" * 9, "ERROR a", *ENDING]
    assert told_lines(log, 10) == ["=" * 9, "ERROR a"]
    assert reason_lines(log) == ["ERROR a"]
    assert told_lines(log[:4], 10) == []


@pytest.mark.parametrize(
    "statistics",
    [
        ["RenderQ Job Complete", "", *["\tblender  9", "\tstart_time  0:01", "\tcmdline  x"] * 20],
        ["Render Frame Completed", "exitStatus  1", "Processes:", *["_" * 100, "cmdline  x"] * 40],
    ],
    ids=["python", "rust"],
)
def test_the_statistics_of_both_kinds_of_rqd_may_be_long(statistics: list[str]) -> None:
    """There are lines for each process that the frame has had."""
    rule = "=" * (100 if "Completed" in statistics[0] else 59)
    log = ["done nearly", "ERROR out of memory", "", rule, *statistics, rule]
    assert told_lines(log, 2) == log[:2]
    assert reason_lines(log) == log[1:2]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["ok", "ERROR a", "5 % done", *ENDING], ["ERROR a"]),
        (["WARNING: file not found", "0 errors", "done"], []),
        (["\x1b[31mFatal\x1b[0m: b", "x"], ["Fatal: b"]),
        ([f"Error {number}" for number in range(9)], ["Error 6", "Error 7", "Error 8"]),
        ([], []),
    ],
)
def test_lines_that_look_like_a_reason(lines: list[str], found: list[str]) -> None:
    assert reason_lines(lines) == found
