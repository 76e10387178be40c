"""`follow` and `launch`."""

import asyncio
from pathlib import Path

import pytest
from cuectl.following import Screen, bar_of

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.frame_actions import eat_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.state import by_name
from cuectl.terminal.exits import FAILED, GAVE_UP, NOT_FOUND
from tests.cuectl.calls import Cuectl
from tests.simulator.specs import spec_xml
from tests.support.patience import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAUSED = "demo-sh020-marco_smoke_v001"
JOB, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"


@pytest.fixture
def short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.calls.query.LEAST_PERIOD_SECONDS", 0.01)
    monkeypatch.setattr("cuectl.client.gateway.LEAST_PERIOD_SECONDS", 0.01)
    monkeypatch.setattr("cuectl.following.EVERY_SECONDS", 0.01)


@pytest.mark.usefixtures("short_periods")
async def test_the_exit_status_says_how_it_ended(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    await cuectl("shows")
    calls = len(cuebot.calls)
    following = asyncio.create_task(cuectl("follow", JOB))
    await until(lambda: len(cuebot.calls) > calls + 4)
    assert not following.done()
    finish_job(cuebot.farm, by_name(cuebot.farm.jobs, JOB))
    ran = await following
    assert ran.status == FAILED
    assert ran.err.splitlines()[-1] == f"cuectl: {JOB} was killed"
    assert ran.err.startswith(f"{JOB}  PENDING  0 dead  ")


@pytest.mark.usefixtures("short_periods")
async def test_a_job_that_is_done_without_some_frames_says_how_many(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    await cuectl("shows")
    calls = len(cuebot.calls)
    following = asyncio.create_task(cuectl("follow", JOB, "--fail-fast"))
    await until(lambda: len(cuebot.calls) > calls + 2)
    job = by_name(cuebot.farm.jobs, JOB)
    waiting = [each for each in cuebot.farm.frames_of(job) if state_of(each) != "SUCCEEDED"]
    eat_frames(cuebot.farm, waiting)
    ran = await following
    assert ran.status == 0
    assert ran.err.splitlines()[-1] == f"{JOB} is done, {len(waiting)} eaten"


async def test_the_first_dead_frame_ends_it(cuectl: Cuectl) -> None:
    """The others of the job still run."""
    ran = await cuectl("follow", DYING, "--fail-fast")
    assert ran.status == FAILED
    assert ran.err.splitlines()[-1] == f"cuectl: {DYING} has dead frames"


async def test_giving_up(cuectl: Cuectl) -> None:
    await cuectl("shows")
    ran = await cuectl("follow", JOB, "--timeout", "300ms")
    assert ran.status == GAVE_UP
    assert ran.err.endswith(f"cuectl: gave up: not done within 0.3 s: {JOB}\n")


async def test_a_paused_job_is_told_to_be_paused(cuectl: Cuectl) -> None:
    ran = await cuectl("follow", PAUSED, "--timeout", "300ms")
    assert ran.err.count(f"{PAUSED} is paused: cuectl resume JOB\n") == 1


async def test_nothing_to_follow(cuectl: Cuectl) -> None:
    """The nearest name is told each time: the gateway tells one a second."""
    assert (await cuectl("follow", "demo-typo")).status == NOT_FOUND
    for _ in range(2):
        ran = await cuectl("follow", JOB.replace("003", "033"))
        assert ran.status == NOT_FOUND
        assert JOB in ran.err


async def test_the_name_that_is_wrong_is_told(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """The one before it is finished by then, which is no mistake."""
    job = by_name(cuebot.farm.jobs, JOB)
    eat_frames(cuebot.farm, cuebot.farm.frames_of(job))
    ran = await cuectl("follow", JOB, "10")
    assert ran.status == NOT_FOUND
    assert "cuectl: NOT_FOUND: '10' is not among the pending jobs" in ran.err


async def test_a_launch_prints_names(
    cuectl: Cuectl, cuebot: SimulatedCuebot, tmp_path: Path
) -> None:
    file = tmp_path / "job.xml"
    file.write_text(spec_xml(), encoding="utf-8")
    ran = await cuectl("launch", str(file))
    assert (ran.status, ran.err) == (0, "")
    (name,) = ran.text.split()
    assert by_name(cuebot.farm.jobs, name).name == name


async def test_a_launch_waits(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    before = {job.name for job in cuebot.farm.jobs.values()}
    launching = asyncio.create_task(cuectl("launch", "-", "--wait", given=spec_xml()))
    await until(lambda: len(cuebot.farm.jobs) > len(before))
    (name,) = {job.name for job in cuebot.farm.jobs.values()} - before
    finish_job(cuebot.farm, by_name(cuebot.farm.jobs, name))
    ran = await launching
    assert ran.text == f"{name}\n"
    assert ran.status in (0, FAILED)  # a job whose frames have not run was killed


async def test_what_cannot_be_launched_is_told(cuectl: Cuectl) -> None:
    ran = await cuectl("launch", "-", given=spec_xml(facility="nowhere"))
    assert ran.status != 0
    assert "Failed to launch and add job" in ran.err


def test_a_bar() -> None:
    about = {
        "columns": [{"path": "name", "title": "NAME"}, {"path": "dead", "title": "DEAD"}],
        "bar": {"done": ["ok", "eaten"], "of": "all", "running": "run"},
    }
    row = {"name": "comp", "ok": 8, "eaten": "2", "run": 5, "all": 20, "dead": 1}
    line = bar_of(row, about)
    assert line.split() == ["comp", "█" * 15 + "▒" * 8 + "░" * 7, "10/20", "1", "dead"]
    assert "░" * 30 in bar_of({"name": "empty"}, about)


def test_elsewhere_than_on_a_terminal_only_news_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    for head in ("a", "a", "b"):
        screen.show(head, ["bar"])
    assert capsys.readouterr().err == "a\nb\n"
