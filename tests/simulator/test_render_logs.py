"""What simulated frames write to their logs."""

import os
from pathlib import Path
from typing import Any

import pytest

from cuebot_simulator.log_files import MOST_FRAMES, LogFiles
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.dispatch import Dispatcher
from cuebot_simulator.world.failures import CAUSES, OTHERS
from cuebot_simulator.world.frame_actions import kill_frames, retry_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.messages import Messages, fill
from cuebot_simulator.world.render_log import log_text
from cuebot_simulator.world.studio import build_farm
from cuebot_simulator.world.tries import Fate
from tests.simulator.conftest import NOW
from tests.simulator.in_process import COMP, HARBOR, Cuebot

SHOTS = "/shots/"


@pytest.fixture
def logs(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path)


def frames_in_state(cuebot: Cuebot, job: str, state: str) -> list[Any]:
    frames = cuebot.farm.frames_of(cuebot.farm.pending[job])
    return [frame for frame in frames if state_of(frame) == state]


def asked(cuebot: Cuebot, logs: LogFiles, frame: Any) -> Path:
    """The log of a frame of which Cuebot was asked: where Cuebot tells, below another folder."""
    logs.keep_for(cuebot.farm, "GetFrame", cuebot("FrameInterface/GetFrame", id=frame.id))
    return path_of(cuebot, logs, frame)


def path_of(cuebot: Cuebot, logs: LogFiles, frame: Any) -> Path:
    job = cuebot.farm.job_of(frame)
    assert job.log_dir.startswith(SHOTS)
    folder: str = job.log_dir.removeprefix(SHOTS)
    return logs.folder / folder / f"{job.name}.{frame.name}.rqlog"


def test_a_log_grows_while_its_frame_runs_and_tells_of_progress(
    cuebot: Cuebot, logs: LogFiles
) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    log = asked(cuebot, logs, frame)
    first = log.read_bytes()
    assert b"RenderQ JobSpec" in first
    cuebot.wait(30)
    logs.grow(cuebot.farm)
    second = log.read_bytes()
    assert second.startswith(first)
    assert b"% done\n" in second[len(first) :]


def test_the_log_of_a_dead_frame_ends_with_the_reason(cuebot: Cuebot, logs: LogFiles) -> None:
    for frame in frames_in_state(cuebot, HARBOR, "DEAD"):
        log = asked(cuebot, logs, frame)
        last = log.read_text().splitlines()[-10:]
        assert any(line.startswith("ERROR") for line in last)
        assert f"exitStatus          {frame.exit_status}" in last
        assert log.stat().st_mtime == frame.stop_time
        earlier = log.with_name(f"{log.name}.1").read_text()
        assert "ERROR" in earlier


def test_the_exit_status_is_that_of_the_reason(cuebot: Cuebot, logs: LogFiles) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    log = asked(cuebot, logs, frame)
    for cause in (each for causes in (*CAUSES.values(), OTHERS) for each in causes):
        frame.exit_status, frame.stop_time = cause.exit_status, NOW + 60
        cuebot.farm.fates[frame.id] = Fate(60, cause)
        (attempt,) = cuebot.farm.tries_of(frame)
        text = log_text(cuebot.farm, frame, attempt, NOW)
        reason = cause.lines[0].format(show="demo", shot="sh010", frame=frame.number, memory=0)
        assert reason.partition(":")[0] in text
        assert f"exitStatus          {cause.exit_status}\n" in text
    assert log.exists()


def test_a_killed_frame_says_so_and_its_next_try_has_a_log_of_its_own(
    cuebot: Cuebot, logs: LogFiles
) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    log = asked(cuebot, logs, frame)
    cuebot.wait(10)
    kill_frames(cuebot.farm, [frame])
    retry_frames(cuebot.farm, [frame])
    logs.grow(cuebot.farm)
    killed = log.read_text()
    assert "killMessage" in killed
    host = next(each for each in cuebot.farm.hosts.values() if each.idle_cores >= 2)
    cuebot.wait(10)
    if state_of(frame) == "WAITING":
        cuebot.farm.dispatcher.run(frame, host)
    asked(cuebot, logs, frame)
    assert log.with_name(f"{log.name}.1").read_text() == killed
    assert "killMessage" not in log.read_text()
    assert sorted(os.listdir(log.parent)) == [log.name, f"{log.name}.1"]


def test_only_frames_that_have_run_and_were_asked_for_have_logs(
    cuebot: Cuebot, logs: LogFiles
) -> None:
    waiting = frames_in_state(cuebot, COMP, "WAITING")[0]
    assert not asked(cuebot, logs, waiting).exists()
    logs.grow(cuebot.farm)
    assert [*logs.folder.iterdir()] == []


def test_logs_are_bounded(messages: Messages, logs: LogFiles) -> None:
    clock = StoppedClock(NOW)
    cuebot = Cuebot(build_farm(messages, jobs=40, clock=clock), clock)
    dispatcher = Dispatcher(cuebot.farm)
    host = next(iter(cuebot.farm.hosts.values()))
    fill(host, cores=1e6, idle_cores=1e6, memory=10**12, idle_memory=10**12)
    frames = [each for job in cuebot.farm.jobs.values() for each in cuebot.farm.frames_of(job)]
    for frame in frames:
        if state_of(frame) == "WAITING":
            dispatcher.run(frame, host)
        logs.keep(cuebot.farm, frame.id)
    assert len(frames) > MOST_FRAMES
    assert len([*logs.folder.rglob("*.rqlog")]) == MOST_FRAMES


def test_the_longest_log_is_bounded(cuebot: Cuebot) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    cuebot.farm.fates[frame.id] = Fate(7 * 86400)
    (attempt,) = cuebot.farm.tries_of(frame)
    text = log_text(cuebot.farm, frame, attempt, NOW + 7 * 86400)
    assert len(text) < 130_000


@pytest.mark.parametrize("log_dir", ["/shots/../../etc", "/shots//x", "/shots/a/./b", "/shots/"])
def test_nothing_is_written_outside_the_folder(
    cuebot: Cuebot, logs: LogFiles, log_dir: str
) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    cuebot.farm.job_of(frame).log_dir = log_dir
    logs.keep(cuebot.farm, frame.id)
    assert [*logs.folder.rglob("*")] == []


def test_a_log_that_grew_is_the_one_that_is_written_at_once(
    cuebot: Cuebot, logs: LogFiles, tmp_path: Path
) -> None:
    frame = frames_in_state(cuebot, COMP, "RUNNING")[0]
    log = asked(cuebot, logs, frame)
    for seconds in (1, 3, 2, 7, 40):
        cuebot.wait(seconds)
        logs.grow(cuebot.farm)
    kill_frames(cuebot.farm, [frame])
    logs.grow(cuebot.farm)
    at_once = asked(cuebot, LogFiles(tmp_path / "other"), frame)
    assert log.read_text() == at_once.read_text()
