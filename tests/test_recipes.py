"""The recipes of docs/recipes.md are run as they stand there, and do what they say."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cuebot_simulator.log_files import LogFiles
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock as Clock
from cuebot_simulator.world.frame_actions import eat_frames
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.state import by_name
from cuebot_simulator.world.studio import build_farm
from tests.gateway_cli.calls import stand_in
from tests.simulator.specs import spec_xml
from tests.support.farms import NOW, running_farm
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, clean_environment, gateway_for
from tests.support.shell import PATH, asking, in_shell

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"
RECIPE = re.compile(r"^## (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
JOB, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
UP, DOWN, DESKTOP = "render-node-01", "render-node-07", "local.desktop"
DESK, GENERAL = "desk-203", "local.general"
FRAME = {"job": DYING, "layer": "beauty", "frame": 1006}


class Line(NamedTuple):
    title: str
    code: str
    printed: str


TEXT = PAGE.read_text(encoding="utf-8")
RECIPES = RECIPE.findall(TEXT)
LINES = [Line(title, *found) for title, text in RECIPES for found in LINE.findall(text)]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def logs(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path / "shots")


@pytest.fixture
async def cuebot(clock: Clock, logs: LogFiles) -> AsyncIterator[SimulatedCuebot]:
    async with running_farm(build_farm(read_messages(), clock=clock)) as cuebot:
        cuebot.logs = logs
        yield cuebot


@pytest.fixture
async def gateway(cuebot: SimulatedCuebot, logs: LogFiles) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint, log_roots=logs.roots) as gateway:
        yield gateway


async def run(gateway: Gateway, code: str, folder: Path) -> str:
    status, text = await ended(gateway, code, folder)
    assert status == 0, text
    return text


async def ended(gateway: Gateway, code: str, folder: Path) -> tuple[int | None, str]:
    environ = asking(gateway) | {"XDG_CACHE_HOME": str(folder)}
    status, printed = await in_shell(code, folder, **environ)
    return status, printed.replace("\r\n", "\n")


def test_each_is_a_line_of_cuectl_and_one_of_curl() -> None:
    """The table at the top has them all, in their order, with the verb."""
    titles = list(dict.fromkeys(line.title for line in LINES))
    assert len(titles) >= 20
    assert [line.title for line in LINES] == [title for title in titles for _ in range(2)]
    table = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \| `(.+)` \|$", TEXT, re.MULTILINE)
    assert [title for title, *_ in table] == titles
    for (title, anchor, shown), first, second in zip(table, LINES[::2], LINES[1::2], strict=True):
        assert anchor == title.lower().replace(" ", "-")
        assert " ".join(shown.split()[:2]) in first.code
        assert "curl -sS" in second.code
        assert first.code.count("\n") == second.code.count("\n") == 1


CHANGES = [
    ("Kill a job", "job.JobInterface/GetJob", {"id": JOB}, "job.state", "FINISHED"),
    ("Pause a job", "job.JobInterface/FindJob", {"name": JOB}, "job.isPaused", True),
    ("Pause a show", "job.JobInterface/FindJob", {"name": JOB}, "job.isPaused", True),
    ("Raise the priority of a job", "job.JobInterface/FindJob", {"name": JOB}, "job.priority", 200),
    ("Give a job more cores", "job.JobInterface/FindJob", {"name": JOB}, "job.maxCores", 200),
    ("Lock a host", "host.HostInterface/FindHost", {"name": UP}, "host.lockState", "LOCKED"),
    ("Move a host", "host.HostInterface/FindHost", {"name": DOWN}, "host.allocName", DESKTOP),
    ("Eat a frame", "job.FrameInterface/FindFrame", FRAME, "frame.state", "EATEN"),
    ("Pause the busiest jobs", "job.JobInterface/FindJob", {"name": JOB}, "job.isPaused", True),
    (
        "Lock hosts by their names",
        "host.HostInterface/FindHost",
        {"name": DESK},
        "host.lockState",
        "LOCKED",
    ),
    (
        "Move several hosts",
        "host.HostInterface/FindHost",
        {"name": DESK},
        "host.allocName",
        GENERAL,
    ),
]


@pytest.mark.parametrize("number", [0, 1], ids=["cuectl", "curl"])
@pytest.mark.parametrize("change", CHANGES, ids=[title for title, *_ in CHANGES])
async def test_a_change_is_made(
    gateway: Gateway,
    clock: Clock,
    tmp_path: Path,
    change: tuple[str, str, dict[str, str], str, object],
    number: int,
) -> None:
    title, method, asked, place, expected = change
    thing, field = place.split(".")
    assert (await gateway.post(f"/{method}", asked)).json()[thing][field] != expected
    await run(gateway, lines(title)[number], tmp_path)
    clock.advance(0.5)
    assert (await gateway.post(f"/{method}", asked)).json()[thing][field] == expected


@pytest.mark.parametrize("line", [line for line in LINES if line.printed])
async def test_reading_prints_what_is_shown(gateway: Gateway, tmp_path: Path, line: Line) -> None:
    assert await run(gateway, line.code, tmp_path) == line.printed


def lines(title: str) -> list[str]:
    return [line.code for line in LINES if line.title == title]


async def states(gateway: Gateway, clock: Clock) -> Counter[str]:
    """How many frames are in which state, of the job that has dead ones, a moment later."""
    clock.advance(0.5)
    answer = await gateway.post("/job.JobInterface/GetFrames", {"job": {"name": DYING}})
    return Counter(frame["state"] for frame in answer.json()["frames"]["frames"])


@pytest.mark.parametrize("code", lines("Eat the dead frames of a job"))
async def test_dead_frames_are_eaten(
    gateway: Gateway, clock: Clock, tmp_path: Path, code: str
) -> None:
    before = await states(gateway, clock)
    await run(gateway, code, tmp_path)
    after = await states(gateway, clock)
    assert (before["DEAD"], after["DEAD"]) == (3, 0)
    assert after["EATEN"] == before["EATEN"] + 3


@pytest.mark.parametrize("code", lines("Retry the dead frames of a job"))
async def test_dead_frames_are_tried_again(
    gateway: Gateway, clock: Clock, tmp_path: Path, code: str
) -> None:
    await run(gateway, code, tmp_path)
    after = await states(gateway, clock)
    assert (after["DEAD"], after["EATEN"]) == (0, 0)


@pytest.mark.parametrize("code", lines("Comment on a job"))
async def test_a_comment_is_that_of_the_token(gateway: Gateway, tmp_path: Path, code: str) -> None:
    await run(gateway, code, tmp_path)
    answer = await gateway.post("/job.JobInterface/GetComments", {"job": {"name": JOB}})
    (*_, last) = answer.json()["comments"]["comments"]
    assert (last["user"], last["message"]) == ("lena", "waits for a new plate")


@pytest.mark.parametrize("code", lines("Delete a comment"))
async def test_a_comment_is_deleted(gateway: Gateway, tmp_path: Path, code: str) -> None:
    async def comments() -> list[object]:
        asked = {"job": {"name": "demo-sh010-artist1_light_v012"}}
        answer = await gateway.post("/job.JobInterface/GetComments", asked)
        return list(answer.json()["comments"]["comments"])

    assert await comments()
    await run(gateway, code, tmp_path)
    assert not await comments()


@pytest.mark.parametrize("number", [0, 1], ids=["cuectl", "curl"])
async def test_a_job_waits_for_another_and_no_more(
    gateway: Gateway, clock: Clock, tmp_path: Path, number: int
) -> None:
    async def waits() -> bool:
        clock.advance(0.5)
        asked = {"job": {"name": "harbor-hb120-artist2_anim_v021"}}
        answer = await gateway.post("/job.JobInterface/GetWhatThisDependsOn", asked)
        return any(each["active"] for each in answer.json()["depends"]["depends"])

    assert not await waits()
    await run(gateway, lines("Let a job wait for another")[number], tmp_path)
    assert await waits()
    await run(gateway, lines("Let a job wait no more")[number], tmp_path)
    assert not await waits()


@pytest.mark.parametrize("code", lines("Hosts that do not answer"))
async def test_hosts_that_do_not_answer(gateway: Gateway, tmp_path: Path, code: str) -> None:
    assert DOWN in await run(gateway, code, tmp_path)


@pytest.mark.parametrize("code", lines("Submit a job"))
async def test_a_submitted_job_is_there(gateway: Gateway, tmp_path: Path, code: str) -> None:
    (tmp_path / "job.xml").write_text(spec_xml(), encoding="utf-8")
    name = (await run(gateway, code, tmp_path)).strip()
    answer = await gateway.post("/job.JobInterface/FindJob", {"name": name})
    assert answer.status_code == 200


@pytest.mark.parametrize("code", lines("Submit a job"))
async def test_what_cannot_be_launched_fails(gateway: Gateway, tmp_path: Path, code: str) -> None:
    """The line fails with Cuebot's words, also where Cuebot finds out only when it launches."""
    (tmp_path / "job.xml").write_text(spec_xml(facility="nowhere"), encoding="utf-8")
    status, printed = await ended(gateway, code, tmp_path)
    assert status != 0
    assert "Failed to launch and add job: " in printed


async def test_the_calls_to_copy_work(gateway: Gateway, tmp_path: Path) -> None:
    """Each answers, and none with an error; the program in Python as well."""
    page = PAGE.with_name("calls.md").read_text(encoding="utf-8")
    define, *calls, _ = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for call in reversed(calls):  # the one for logs before the job is killed
        printed = (await run(gateway, define + call, tmp_path)).splitlines()
        assert len(printed) == len(re.findall(r"^call ", call, re.MULTILINE))
        assert not [line for line in printed if "error" in json.loads(line)]
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    assert await run(gateway, f"{sys.executable} program.py", tmp_path) == "200 {}\n"


@pytest.mark.parametrize(
    ("page", "least"),
    [
        *(("http.md", 2), ("dry-run.md", 1), ("views.md", 4), ("conditional.md", 1)),
        *(("reference.md", 1), ("shared-reads.md", 1)),
    ],
)
async def test_what_reference_pages_show_works(
    gateway: Gateway, tmp_path: Path, page: str, least: int
) -> None:
    text = PAGE.with_name(page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= least
    for block in blocks:
        printed = await run(gateway, block, tmp_path)
        assert printed
        assert '"error"' not in printed


async def test_the_launch_to_copy_answers_with_the_job(gateway: Gateway, tmp_path: Path) -> None:
    page = PAGE.with_name("calls.md").read_text(encoding="utf-8")
    define, *_, launch = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "job.xml").write_text(spec_xml(), encoding="utf-8")
    answer = json.loads(await run(gateway, define + launch, tmp_path))
    (job,) = answer["jobs"]["jobs"]
    assert (await gateway.post("/job.JobInterface/GetJob", {"id": job["id"]})).status_code == 200


@pytest.mark.parametrize("code", lines("Retry all dead frames of a show"))
async def test_dead_frames_of_a_show_are_tried_again(
    gateway: Gateway, clock: Clock, tmp_path: Path, code: str
) -> None:
    await run(gateway, code, tmp_path)
    after = await states(gateway, clock)
    assert (after["DEAD"], after["EATEN"]) == (0, 0)


@pytest.mark.parametrize("code", lines("Wait for a job and tell a chat"))
async def test_a_chat_is_told(
    cuebot: SimulatedCuebot, gateway: Gateway, tmp_path: Path, code: str
) -> None:
    """When the job is done, and not before."""
    async with stand_in(POST=("200 OK", {}, b"ok")) as chat:
        calls = len(cuebot.calls)
        waiting = asyncio.create_task(run(gateway, f"WEBHOOK={chat.url}; {code}", tmp_path))
        async with asyncio.timeout(PATIENCE):
            while len(cuebot.calls) < calls + 2:  # noqa: ASYNC110 - it has looked
                await asyncio.sleep(0.05)
        assert chat.seen == []
        job = by_name(cuebot.farm.jobs, JOB)
        eat_frames(cuebot.farm, list(cuebot.farm.frames_of(job)))
        finish_job(cuebot.farm, job)
        assert await waiting == "ok"
    ((_, _, _, told),) = chat.seen
    assert json.loads(told) == {"text": f"{JOB} is done"}


@pytest.mark.parametrize("code", lines("A wall display"))
async def test_a_wall_shows_jobs(gateway: Gateway, tmp_path: Path, code: str) -> None:
    environ = clean_environment(PATH=PATH, **asking(gateway))
    process = await asyncio.create_subprocess_shell(
        f"exec {code}", cwd=tmp_path, env=environ, stdout=PIPE
    )
    assert process.stdout is not None
    printed = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while JOB.encode() not in printed:
                printed += await process.stdout.read(4096)
    finally:
        process.kill()
        await process.communicate()
    assert 0 <= printed.index(DYING.encode()) < printed.index(JOB.encode())
