"""`why`, dependencies, `follow` and `launch`."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Mapping
from io import StringIO
from pathlib import Path

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.frame_actions import eat_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.state import by_name
from cuebot_simulator.world.studio import build_farm
from cuectl.following import Screen, bars_of, end_of
from cuectl.verbs import waiting
from cuectl.why import GUESSES, MAY_START
from gateway_client.terminal.exits import FAILED, GAVE_UP, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.simulator.specs import job_xml, layer_xml, spec_xml
from tests.support.farms import NOW, running_farm
from tests.support.patience import until
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LENA, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
PAUSED, LIGHT = "demo-sh020-marco_smoke_v001", "demo-sh010-artist1_light_v012"
LENA_ID = "25764fb1-43a3-586d-835b-8b0c29407386"
NO_ID = LENA_ID.replace("2", "0")
PRIYA = "northwind-ep02_030-priya_comp_v002"
ENOUGH = "no open host with tag general has enough cores"


async def changed(gateway: Gateway, *calls: tuple[str, Mapping[str, object]]) -> None:
    for method, request in calls:
        answer = await gateway.post(f"/{method}", request)
        assert answer.status_code == 200, answer.text


def limit(name: str, most: int) -> tuple[str, Mapping[str, object]]:
    return "limit.LimitInterface/SetMaxValue", {"name": name, "maxValue": most}


def of_layer(method: str, layer: str, **more: object) -> tuple[str, Mapping[str, object]]:
    return f"job.LayerInterface/{method}", {"job": LENA, "layer": layer, **more}


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW)


@pytest.fixture
async def cuebot(clock: StoppedClock) -> AsyncIterator[SimulatedCuebot]:
    async with running_farm(build_farm(read_messages(), clock=clock)) as cuebot:
        yield cuebot


# --- why ------------------------------------------------------------------------------------------


async def test_why_jobs_wait(cuectl: Cuectl, gateway: Gateway) -> None:
    await changed(
        gateway,
        ("job.JobInterface/Pause", {"job": LENA}),
        ("job.JobInterface/SetMaxCores", {"job": DYING, "val": 1}),
    )
    ran = await cuectl("why", LENA, DYING, LIGHT, "-o", "csv", "--no-headers")
    found = {row[0]: row[-1] for row in csv.reader(StringIO(ran.text))}
    assert found[LENA] == "paused: cuectl resume JOB"
    assert found[DYING].startswith("has the most cores that it may, ")
    assert found[LIGHT] == MAY_START


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (limit("nuke_render", 5), "limit nuke_render is full: 5/5"),
        (limit("nuke_render", 6), MAY_START),
        (
            ("show.ShowInterface/EnableBooking", {"show": "demo", "enabled": False}),
            "booking of show demo is off: cuectl booking demo yes",
        ),
        (
            ("subscription.SubscriptionInterface/SetBurst",
             {"subscription": "local.general.demo", "burst": 2200}),
            "show demo has all cores that it may in local.general: 22/22",
        ),
        (
            of_layer("SetTags", "comp", tags=["night", "dusk"]),
            "no host with tag night,dusk is in an allocation of show demo",
        ),
        # render-node-06 has as much, but is locked, and render-node-07 is down
        (
            of_layer("SetMinMemory", "comp", memory=100 << 20),
            f"{ENOUGH} (2) and memory (100G) free, not even an idle one: 5 without memory;"
            " others: 1 LOCKED, 1 DOWN",
        ),
        (of_layer("SetMinMemory", "preview", memory=100 << 20), MAY_START),  # nothing of it waits
        (
            of_layer("SetMinGpus", "comp", minGpus=1),
            f"{ENOUGH} (2), GPUs (1) and memory (8G) free: 5 without GPUs;"
            " others: 1 LOCKED, 1 DOWN",
        ),
    ],
)  # fmt: skip
async def test_what_holds_a_job_back(
    cuectl: Cuectl, gateway: Gateway, change: tuple[str, Mapping[str, object]], why: str
) -> None:
    await changed(gateway, change)
    ran = await cuectl("why", LENA, "-o", "ndjson")
    assert json.loads(ran.text)["why"] == why


async def test_each_of_several_jobs_is_held_back_by_something_else(
    cuectl: Cuectl, gateway: Gateway
) -> None:
    await changed(gateway, limit("arnold", 9))
    ran = await cuectl("why", LENA, DYING, PRIYA, "-o", "csv", "--no-headers")
    whys = {row[0]: row[-1] for row in csv.reader(StringIO(ran.text))}
    assert whys == {LENA: MAY_START, DYING: "limit arnold is full: 9/9", PRIYA: MAY_START}


async def test_a_job_waits_for_another_by_name(cuectl: Cuectl, clock: StoppedClock) -> None:
    """As long as it does; other frames of it still wait for its layer."""
    assert (await cuectl("depend", LENA, "--on", DYING, "--yes")).status == 0
    assert f"wait for job {DYING}" in (await cuectl("why", LENA)).text
    await cuectl("drop-depends", LENA, "--target", "EXTERNAL", "--yes")
    clock.advance(0.5)
    assert DYING not in (await cuectl("why", LENA)).text


async def test_the_layer_that_is_held_back_is_named(cuectl: Cuectl, gateway: Gateway) -> None:
    spec = spec_xml(job_xml(layer_xml("first"), layer_xml("second"), layer_xml("third")))
    (name,) = (await cuectl("launch", "-", given=spec)).text.split()
    assert MAY_START in (await cuectl("why", name)).text
    request = {"job": name, "layer": "second", "memory": 100 << 20}
    await changed(gateway, ("job.LayerInterface/SetMinMemory", request))
    assert f"layer second: {ENOUGH} (1) and memory (100G) free" in (await cuectl("why", name)).text


@pytest.mark.parametrize(
    ("access", "left_out"),
    [
        (rule("without limits", {"role": "artist"}, "all", "!limit.*/*"), ("limits",)),
        (
            rule("some", {"role": "artist"}, "all", see="show = harbor or host = desk-201"),
            ("limits", "hosts"),
        ),
    ],
    ids=["forbidden", "hidden"],
)
async def test_what_may_not_be_read_is_told_and_not_taken_for_absent(
    cuebot: SimulatedCuebot, tmp_path: Path, access: dict[str, object], left_out: tuple[str, ...]
) -> None:
    async with gateway_for(cuebot.endpoint, access=[access]) as gateway:
        kim = Cuectl(gateway, tmp_path)
        kim.environ["TOKEN"] = signed("kim", role="artist")["Authorization"].removeprefix("Bearer ")
        ran = await kim("why", DYING, "-o", "ndjson")
        assert json.loads(ran.text)["why"] == (
            f"{MAY_START}; could not look at all of: {', '.join(left_out)}"
        )


async def test_what_holds_jobs_back_is_looked_for_of_few(
    cuectl: Cuectl, cuebot: SimulatedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_EXPLAINED", 1)
    both = await cuectl("why", LENA, LIGHT, PAUSED)
    assert (both.text.count(GUESSES), both.text.count(MAY_START)) == (1, 1)
    monkeypatch.undo()
    cuebot.calls.clear()
    await cuectl("why")
    asked = [path.rpartition("/")[2] for path, *_ in cuebot.calls]
    assert asked.count("GetHosts") == 1


async def test_the_dead_frames_of_a_job_that_was_killed(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    finish_job(cuebot.farm, by_name(cuebot.farm.jobs, DYING))
    ran = await cuectl("why", DYING)
    assert (ran.status, "  finished\n" in ran.text, "\n1006-beauty  DEAD" in ran.text) == (
        0, True, True,
    )  # fmt: skip
    assert (await cuectl("why", DYING, "1006")).text.startswith("FRAME     1006-beauty\n")


async def test_a_dead_frame(reading: Cuectl) -> None:
    whole = await reading("why", DYING)
    assert "1006-beauty  DEAD   exit status 1: the command failed, or a signal" in whole.text
    assert " left" in whole.text.splitlines()[3]
    ran = await reading("why", DYING, "1006-beauty", "1007", "-o", "ndjson")
    first, second = map(json.loads, ran.text.splitlines())
    assert (first["host"], second["name"]) == ("render-node-03", "1007-beauty")
    assert first["log"].endswith(f"/{DYING}.1006-beauty.rqlog")
    assert first["reserved"] > 0
    id_ = (await reading("jobs", DYING, "--fields", "id", "--no-headers")).text.strip()
    by_id = await reading("why", id_, "1006-beauty", "1007", "-o", "ndjson")
    assert by_id.text == ran.text
    both = await reading("why", LENA_ID, id_, "-q")  # no frame, though it begins with a number
    assert (both.status, sorted(both.text.split())) == (0, [LENA, DYING])


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        (f"why {DYING} 1006-nothing", NOT_FOUND, "no frame 1006-nothing"),
        (f"why {LENA} {DYING} 1006-beauty", WRONG_USAGE, "one job, please"),
        ("why demo-typo 1006-beauty", NOT_FOUND, "no job 'demo-typo'"),
        (f"why {LENA} {LENA.replace('003', '033')}", NOT_FOUND, f"did you mean {LENA}"),
        ("why --watch", WRONG_USAGE, "--watch shows no reasons"),
        (f"depend {LENA}", WRONG_USAGE, "--on JOB"),
        (f"depend {LENA} --on {LENA} --yes", WRONG_USAGE, "cannot wait for itself"),
        (f"depend {LENA_ID} --on {LENA} --yes", WRONG_USAGE, "cannot wait for itself"),
        (f"depend {DYING} {LENA.upper()} --on {LENA_ID} --yes", WRONG_USAGE, "wait for itself"),
        (f"depend {NO_ID} --on {LENA} --yes", NOT_FOUND, f"no pending job '{NO_ID}'\n"),
        (f"depend {LENA} --on {NO_ID} --yes", NOT_FOUND, f"no pending job '{NO_ID}'\n"),
        (f"comments {LENA} {NO_ID} -o name", NOT_FOUND, f"no job '{NO_ID}' (1 of 2 names"),
        (
            f"depend {LENA} --on harbor-* --yes",
            WRONG_USAGE,
            "'harbor-*' is a pattern: one job, please",
        ),
        ("redirect render-node-01 --to harbor-* --yes", WRONG_USAGE, "'harbor-*' is a pattern"),
        ("min-memory harbor-* comp 8GB", WRONG_USAGE, "'harbor-*' is a pattern: one job, please"),
        ("reorder * 1001 first", WRONG_USAGE, "'*' is a pattern: one job, please"),
        (f"depend {LENA} --on demo-typo --yes", NOT_FOUND, "no pending job 'demo-typo'"),
        (f"depend {LENA} {DYING}", FAILED, f"Let {LENA} wait for {DYING}? "),
        ("launch", WRONG_USAGE, "Missing argument 'FILE'"),
    ],
)
async def test_what_cannot_be_done(reading: Cuectl, line: str, status: int, told: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, told in ran.err) == (status, True), ran.err


async def test_all_are_those_that_are_pending(reading: Cuectl) -> None:
    asked, pending = await reading("why", "--all", "-q"), await reading("jobs", "-q")
    assert asked.text == pending.text != ""


async def test_columns_are_chosen(reading: Cuectl) -> None:
    ran = await reading("why", PAUSED, "--fields", "user", "-o", "csv")
    assert ran.text == '"user","why"\n"marco","paused: cuectl resume JOB"\n'
    ran = await reading("why", "--count-by", "user", "--where", "user=marco", "--no-headers")
    assert ran.text == "marco      1\n" or ran.text.split() == ["marco", "1"]


# --- dependencies ---------------------------------------------------------------------------------


async def test_a_dependency_is_made_shown_and_dropped(cuectl: Cuectl, clock: StoppedClock) -> None:
    for words in (("--on", DYING), (DYING,)):  # the last name, as in older versions
        ran = await cuectl("depend", LENA, LIGHT, *words, "--yes")
        assert (ran.status, ran.err) == (0, f"cuectl: depend: 2 jobs -> {DYING}\n")
        ran = await cuectl("depends", LENA, LIGHT, "--where", f"dependOnJob={DYING}", "-o", "csv")
        assert [row[0] for row in csv.reader(StringIO(ran.text))][1:] == [LIGHT, LENA]
        ran = await cuectl("dependents", DYING, "--fields", "name", "--no-headers")
        assert ran.text.split() == [LIGHT, LENA]
        ran = await cuectl("drop-depends", LENA, LIGHT, "--target", "external", "--yes")
        assert ran.status == 0
        clock.advance(0.5)  # Cuebot answers before it is done
        assert (await cuectl("dependents", DYING, "-o", "name")).text == ""


# --- follow ---------------------------------------------------------------------------------------


@pytest.fixture
def short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.features.watch.options.LEAST_PERIOD_SECONDS", 0.01)
    monkeypatch.setattr("gateway_client.gateway.LEAST_PERIOD_SECONDS", 0.01)
    monkeypatch.setattr("cuectl.watching.EVERY_SECONDS", 0.01)


@pytest.mark.usefixtures("short_periods")
async def test_the_exit_status_says_how_it_ended(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    following = asyncio.create_task(cuectl("follow", LENA))
    await until(lambda: len(cuebot.calls) > 4)
    assert not following.done()
    finish_job(cuebot.farm, by_name(cuebot.farm.jobs, LENA))
    ran = await following
    assert ran.status == FAILED
    assert ran.err.splitlines()[-1] == f"cuectl: {LENA} was killed"
    assert ran.err.startswith(f"{LENA}  PENDING  0 dead  ")


@pytest.mark.usefixtures("short_periods")
async def test_jobs_that_are_done_without_some_frames_say_how_many(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    following = asyncio.create_task(cuectl("follow", LENA, PRIYA, "--fail-fast"))
    await until(lambda: len(cuebot.calls) > 2)
    counts = {}
    for name in (LENA, PRIYA):
        frames = cuebot.farm.frames_of(by_name(cuebot.farm.jobs, name))
        left = [each for each in frames if state_of(each) != "SUCCEEDED"]
        counts[name] = len(left)
        eat_frames(cuebot.farm, left)
    ran = await following
    assert ran.status == 0, ran.err
    told = ran.err.splitlines()
    assert told[-1] in (f"{name} is done, {count} eaten" for name, count in counts.items())
    assert sum(" is done, " in line for line in told) == 2
    again = await cuectl("follow", LENA)  # which is done
    assert (again.status, again.err.splitlines()[-1].startswith(f"{LENA} is done")) == (0, True)


async def test_the_first_dead_frame_of_any_job_ends_it(cuectl: Cuectl) -> None:
    """Other frames still run."""
    ran = await cuectl("follow", LENA, DYING, "--fail-fast")
    assert ran.status == FAILED
    assert ran.err.splitlines()[-1] == f"cuectl: {DYING} has dead frames"


async def test_giving_up(cuectl: Cuectl) -> None:
    ran = await cuectl("follow", LENA, "--timeout", "300ms")
    assert ran.status == GAVE_UP
    assert ran.err.endswith(f"cuectl: gave up: not done within 0.3 s: {LENA}\n")


async def test_a_paused_job_is_told_to_be_paused(cuectl: Cuectl) -> None:
    id_ = (await cuectl("jobs", PAUSED, "--fields", "id", "--no-headers")).text.strip()
    ran = await cuectl("follow", id_, "--timeout", "300ms")
    assert ran.err.count(f"{PAUSED} is paused: cuectl resume {PAUSED}\n") == 1


@pytest.mark.parametrize(
    "names", [("demo-typo",), (LENA, "demo-typo"), (LENA.replace("003", "033"),)]
)
async def test_a_wrong_name_is_told_at_once(newcomer: Cuectl, names: tuple[str, ...]) -> None:
    ran = await newcomer("follow", *names)
    assert ran.status == NOT_FOUND
    assert f"no job {names[-1]!r}" in ran.err
    assert ("did you mean" in ran.err) == names[-1].startswith("demo-sh010")


ENDS = [
    ("FINISHED", {"succeededFrames": 3, "eatenFrames": 1}, (True, "")),
    ("FINISHED", {"dependFrames": 1}, (True, "was killed")),
    ("PENDING", {"runningFrames": 1, "deadFrames": 1}, (False, "")),
    ("PENDING", {"dependFrames": 1, "deadFrames": 1}, (True, "cannot go on: it has dead frames")),
]


@pytest.mark.parametrize(("state", "counts", "end"), ENDS)
def test_the_end_of_a_job(state: str, counts: dict[str, int], end: tuple[bool, str]) -> None:
    assert end_of({"state": state, "jobStats": counts}) == end


def test_bars() -> None:
    counts = {"succeededFrames": 8, "eatenFrames": "2", "runningFrames": 5, "totalFrames": 20}
    line, empty = bars_of([("comp", {**counts, "deadFrames": 1}), ("preview", {})])
    assert line == f"  comp    {'█' * 15}{'▒' * 8}{'░' * 7} 10/20  1 dead  5 run"
    assert empty == f"  preview {'░' * 30} 0/0  0 dead  0 run"


def test_elsewhere_than_on_a_terminal_only_news_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    for head in ("a", "a", "b\x1b[2J"):
        screen.show(head, ["bar"])
    assert capsys.readouterr().err == "a\nb\\u001b[2J\n"


# --- launch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [(), ("-f",)], ids=["file", "-f"])
async def test_a_launch_prints_names(
    cuectl: Cuectl, cuebot: SimulatedCuebot, tmp_path: Path, option: tuple[str, ...]
) -> None:
    file = tmp_path / "job.xml"
    file.write_text(spec_xml(), encoding="utf-8")
    ran = await cuectl("launch", *option, str(file))
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
    assert ran.err.splitlines()[-1] == f"cuectl: {name} was killed"
    assert ran.status == FAILED


async def test_what_cannot_be_launched_is_told(cuectl: Cuectl) -> None:
    ran = await cuectl("launch", "-", given=spec_xml(facility="nowhere"))
    assert ran.status != 0
    assert "Failed to launch and add job" in ran.err
