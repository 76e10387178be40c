"""Verbs of jobs and of comments on jobs."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from cuectl.tables import time_left
from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.support.rights import rule, signed
from tests.support.servers import gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LENA, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
LIGHT, PAUSED = "demo-sh010-artist1_light_v012", "demo-sh020-marco_smoke_v001"
FINISHED = "demo-sh020-priya_comp_v007"
FINISHED_ID = "cc004e6b-1f47-5cfb-9a0e-1973925c614f"
LENA_ID = "25764fb1-43a3-586d-835b-8b0c29407386"


def methods_of(cuebot: SimulatedCuebot) -> list[str]:
    return [path.rpartition("/")[2] for path, *_ in cuebot.calls]


# --- looking at jobs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("jobs --mine -q", LENA),
        ("jobs --failed -q", f"{DYING}\n{LIGHT}"),
        ("jobs --failed --asc -q", f"{LIGHT}\n{DYING}"),
        ("jobs --where isPaused -q", PAUSED),
        ("jobs --where running>2 --where user=lena -q", LENA),
        ("jobs --where user=lena --where dead>=0 -q", LENA),
        ("jobs *_COMP_v00? --where user=lena -q", LENA),
        (f"jobs {FINISHED} --fields name,state --no-headers", f"{FINISHED}  FINISHED"),
        (f"jobs {LENA_ID.upper()} -q", LENA),
        (f"jobs {FINISHED_ID} {LENA} -q --sort-by name", f"{LENA}\n{FINISHED}"),
        ("jobs --show demo,harbor --user marco -q", PAUSED),
        ("jobs --finished -q", FINISHED),
        ("jobs --all --count-by state --no-headers", "FINISHED  1\nPENDING   7"),
        (
            "jobs --all --count-by show,user --sum core-hours --show demo --user lena --no-headers",
            "demo  lena  1  2.12",
        ),
        (f"jobs {LENA} --fields time-left,waiting-for -o csv --no-headers", "2467,"),
        (f"job {LENA} -q", LENA),
        (f"job {LENA} {DYING} --fields user,dead", "USER  lena\nDEAD  0\n\nUSER  tomas\nDEAD  3"),
        (f"job {FINISHED} --fields state,done", "STATE  FINISHED\nDONE   15/16"),
        (f"job {LENA_ID} --fields core-hours", "CORE HOURS  2.12"),
        (f"job {FINISHED_ID} --fields state", "STATE  FINISHED"),
        ("job --user lena -q", LENA),
        ("comments --show demo --fields job,user --no-headers", f"{LIGHT}  artist1"),
        (f"comments {LIGHT} --where name=Note --fields user --no-headers", "artist1"),
        ("comments --fields message --no-headers", "Hold the last two for the new grass"),
    ],
)  # fmt: skip
async def test_reads(reading: Cuectl, line: str, printed: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.rstrip("\n") == printed


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [("jobs", False), ("jobs --all", True), ("jobs --finished", True), (f"jobs {LENA}", True)],
)
async def test_states_are_shown_where_they_differ(
    reading: Cuectl, line: str, is_shown: bool
) -> None:
    head, *_ = (await reading(*line.split())).text.splitlines()
    assert ("STATE" in head.split()) == is_shown


async def test_one_job_is_an_object_in_json(reading: Cuectl) -> None:
    one = json.loads((await reading("job", LENA, "-o", "json")).text)
    assert (one["name"], one["jobStats"]["totalFrames"], one["timeLeft"]) == (LENA, 25, 2467)
    assert one["coreHours"] == pytest.approx(2.1222)
    two = json.loads((await reading("job", LENA, DYING, "-o", "json")).text)
    assert {each["name"] for each in two} == {LENA, DYING}
    by_id = json.loads((await reading("job", LENA_ID, "-o", "json")).text)
    assert by_id == one


async def test_shows_without_jobs_are_counted(cuectl: Cuectl) -> None:
    """As long as all jobs are meant."""
    await cuectl("call", "show.ShowInterface/CreateShow", "name=new")
    ran = await cuectl("jobs", "--count-by", "show", "--sum", "dead", "--no-headers")
    assert ran.text.splitlines() == [
        "demo       3  2", "harbor     2  3", "new        0  0", "northwind  2  0",
    ]  # fmt: skip
    ran = await cuectl("jobs", "--count-by", "show", "--show", "harbor", "--no-headers")
    assert ran.text == "harbor  2\n"


STATS = {"runningFrames": 2, "remainingCoreSec": "300", "avgCoreSec": 100, "reservedCores": 4.0}


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        ({"jobStats": STATS}, 100),
        ({"jobStats": STATS | {"remainingCoreSec": "0"}}, 25),
        ({"jobStats": STATS | {"remainingCoreSec": "100", "runningFrames": 4}}, 100),
        ({"jobStats": STATS | {"avgCoreSec": 0}}, None),
        ({"jobStats": STATS | {"reservedCores": 0}}, None),
        ({"jobStats": STATS | {"runningFrames": 0}}, None),
        ({"jobStats": STATS, "isPaused": True}, None),
        ({}, None),
    ],
)
def test_time_left(job: Mapping[str, object], seconds: int | None) -> None:
    assert time_left(job) == seconds


# --- changing them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told", "field", "value"),
    [
        (f"pause {LENA}", LENA, "isPaused", True),
        ("pause --mine --comment slow", "1 job with a comment", "hasComment", True),
        (f"pause {LENA} --reason slow -q", "", "hasComment", True),
        (f"priority {LENA} 200", f"{LENA} -> 200", "priority", 200),
        (f"max-cores {LENA} 40", f"{LENA} -> 40", "maxCores", 40),
        (f"min-cores {LENA} 4", f"{LENA} -> 4", "minCores", 4),
        (f"auto-eat {LENA} on", f"{LENA} -> on, and max-retries -> 0", "autoEat", True),
        (f"auto-eat {LENA} off", f"{LENA} -> off, and max-retries -> 1", "autoEat", False),
        (f"regroup {LENA} FX", f"{LENA} -> FX", "group", "fx"),
        (f"regroup {LENA_ID} light", f"{LENA} -> light", "group", "light"),
        (f"comment {LENA} slow", LENA, "hasComment", True),
    ],
)
async def test_changes(cuectl: Cuectl, line: str, told: str, field: str, value: object) -> None:
    verb = line.split()[0]
    ran = await cuectl(*line.split())
    one_word = told.replace("1 job", LENA)
    assert (ran.status, ran.out) == (0, b"")
    assert ran.err == (f"cuectl: {verb}: {one_word}\n" if told else "")
    row = json.loads((await cuectl("job", LENA, "-o", "json")).text)
    assert row[field] == value


async def test_retries_are_what_is_told(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """--max-retries, and what Cuebot makes of it with auto-eat."""
    job = by_name(cuebot.farm.jobs, LENA)
    for line, retries in (("max-retries {} 3", 3), ("auto-eat {} on", 0), ("auto-eat {} off", 1)):
        assert (await cuectl(*line.format(LENA).split())).status == 0
        assert cuebot.farm.max_retries[job.id] == retries


async def test_what_is_so_already_is_left_out(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    assert (await cuectl("pause", "--show", "demo")).err == "cuectl: pause: 2 jobs\n"
    assert methods_of(cuebot).count("Pause") == 2
    assert (await cuectl("resume", "demo-*")).err == "cuectl: resume: 3 jobs\n"
    ran = await cuectl("resume", "--show", "demo")
    assert (ran.status, ran.err) == (0, "there are no such jobs that this would change\n")


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("pause", WRONG_USAGE, "which jobs? Give names or patterns ('job*'), --show, "),
        (f"pause {LENA} {FINISHED}", NOT_FOUND, f"no pending job '{FINISHED}'"),
        ("pause --all", FAILED, "not done: pause all 6 jobs?"),
        ("kill --all", FAILED, "with 16 frames running? A killed job cannot go on."),
        (f"kill {FINISHED} --yes", NOT_FOUND, f"no pending job '{FINISHED}'"),
        (f"kill {LENA} nosuch --yes", NOT_FOUND, "no pending job 'nosuch' (1 of 2 names; nothing"),
        (f"kill {LENA} nosuch --yes --reason x", NOT_FOUND, "no pending job 'nosuch'"),
        (f"kill {LENA} --show harbor --yes", WRONG_USAGE, "not among the jobs that --show harbor"),
        (f"kill {LENA} --reason  ", WRONG_USAGE, "the text is empty"),
        (f"regroup {LENA} lihgt", NOT_FOUND,
         "show demo has no group 'lihgt'; did you mean light? (there are: comp, demo, fx, light)"),
        (f"regroup {LENA} {DYING} fx", NOT_FOUND, "show harbor has no group 'fx'"),
        (f"comment {LENA} two words", NOT_FOUND, "a text of several words needs quotes"),
        (f"priority {LENA}", WRONG_USAGE, "is no whole number"),
        (f"max-cores {LENA} -3", WRONG_USAGE, "No such option"),
        (f"auto-eat {LENA} maybe", WRONG_USAGE, "on|off"),
        ("delete-comment x", WRONG_USAGE, "'x' is no id of a comment"),
        (f"delete-comment {LENA_ID}", NOT_FOUND, "is not there"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, status: int, told: str
) -> None:
    """Nothing is."""
    ran = await cuectl(*line.split(" ") if line.endswith("  ") else line.split())
    assert (ran.status, told in ran.err) == (status, True), ran.err
    done = {"Pause", "Kill", "SetGroup", "AddComment", "SetPriority", "SetMaxCores"}
    assert not done.intersection(methods_of(cuebot))


async def test_a_kill_asks_with_what_is_lost(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl("kill", LENA, DYING, given="y\n")
    assert ran.status == FAILED
    assert ran.err == (
        f"cuectl: not done: Kill {LENA}, {DYING} with 8 frames running? A killed job cannot go on."
        " (no terminal to ask on: add --yes)\n"
    )
    assert "Kill" not in methods_of(cuebot)


async def test_why_a_job_is_killed_stays_with_it(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """In Cuebot's log, and as a comment that is left once it is killed."""
    ran = await cuectl("kill", LENA, "--reason", "wrong plate", "--dry-run")
    kill, comment = ran.text.splitlines()
    assert ("AddComment" in comment, '"reason":"wrong plate"' in kill) == (True, True)
    assert LENA_ID in comment  # the name of a job that has ended finds it no more
    assert "Kill" not in methods_of(cuebot)
    ran = await cuectl("kill", LENA, "--yes", "--reason", "wrong plate")
    assert (ran.status, ran.err) == (0, f"cuectl: kill: {LENA} with a reason\n")
    methods = methods_of(cuebot)
    assert methods.index("Kill") < methods.index("AddComment")
    ran = await cuectl("call", "Job/GetComments", f"job={LENA_ID}", "-o", "json")
    (left,) = ran.json
    assert left["message"] == "wrong plate"


async def test_a_job_that_cannot_be_killed_has_no_comment(
    cuebot: SimulatedCuebot, tmp_path: Path
) -> None:
    access = [rule("no kills", {"role": "artist"}, "all", "!job.JobInterface/Kill")]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        lena = Cuectl(gateway, tmp_path)
        lena.environ["TOKEN"] = signed("lena", role="artist")["Authorization"].split()[1]
        ran = await lena("kill", LENA, "--yes", "--reason", "wrong plate")
    assert (ran.status, "PERMISSION_DENIED" in ran.err) == (FAILED, True)
    assert "AddComment" not in methods_of(cuebot)


@pytest.mark.parametrize("job", [FINISHED, FINISHED_ID, FINISHED_ID.upper()])
@pytest.mark.parametrize(
    "line",
    [
        *("pause {}", "pause {} " + LENA, "kill {} --yes", "priority {} 7", "comment {} late"),
        *("retry {}", "eat {} 1001 --yes", "min-memory {} comp 8GB", "reorder {} 1001 first"),
        *("depends {}", "depend {} --on " + LENA, "depend " + LENA + " --on {}"),
        *("redirect render-node-01 --to {} --yes", "regroup {} fx"),
    ],
)
async def test_a_finished_job_is_refused_in_one_way(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, job: str
) -> None:
    ran = await cuectl(*line.format(job).split())
    assert ran.status == NOT_FOUND
    assert f"NOT_FOUND: no pending job '{job}': it is finished" in ran.err
    assert all(method.startswith(("Get", "Find")) for method in methods_of(cuebot))


async def test_comments_are_left_listed_and_deleted(cuectl: Cuectl) -> None:
    for text in ("bad plate", "good plate"):
        assert (await cuectl("comment", LENA, text, "--subject", "Plate")).status == 0
    listed = await cuectl("comments", LENA, "-o", "csv", "--fields", "name,message,user")
    assert listed.text.splitlines() == [
        '"name","message","user"', '"Plate","bad plate","lena"', '"Plate","good plate","lena"',
    ]  # fmt: skip
    ids = (await cuectl("comments", LENA, "-q")).text
    ran = await cuectl("delete-comment", "-", given=ids)
    assert (ran.status, ran.err) == (0, "cuectl: delete-comment: 2 comments\n")
    assert (await cuectl("comments", LENA)).text == ""


async def test_own_jobs_only(cuebot: SimulatedCuebot, tmp_path: Path) -> None:
    """A rule with `only` has to know the show of a group, and the job of a comment."""
    access = [rule("own", {"role": "artist"}, "all", only="user = $sub")]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        lena = Cuectl(gateway, tmp_path)
        lena.environ["TOKEN"] = signed("lena", role="artist")["Authorization"].split()[1]
        assert (await lena("comment", LENA, "bad plate")).status == 0
        one = (await lena("comments", LENA, "--fields", "id", "--no-headers")).text.strip()
        assert (await lena("delete-comment", one, "--job", LENA)).status == 0
        ran = await lena("kill", DYING, "--yes")
        assert (ran.status, "(access rule 'own')" in ran.err) == (FAILED, True)
        access[0]["only"] = "show = demo"
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        lena.environ["GATEWAY_URL"] = gateway.url
        ran = await lena("regroup", LENA, "fx")
        assert (ran.status, ran.err) == (0, f"cuectl: regroup: {LENA} -> fx\n")
        assert (await lena("regroup", DYING, "light")).status == FAILED
