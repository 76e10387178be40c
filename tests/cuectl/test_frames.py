"""Verbs about layers and frames."""

import csv
import json
from io import StringIO
from typing import Any

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuectl.program import SECTIONS
from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.simulator.specs import job_xml, layer_xml, spec_xml

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LENA, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
LIGHT, PAUSED = "demo-sh010-artist1_light_v012", "demo-sh020-marco_smoke_v001"
X = LENA.replace("003", "033")
LOGS = f"/shots/harbor/hb110/logs/{DYING}--74332233-b297-5c90-a4de-c3102e21950e"
NO_TERMINAL = "(no terminal to ask on: add --yes)"
CHANGES = ("RetryFrames", "EatFrames", "KillFrames", "MarkDoneFrames", "SetMinMemory")


def calls_of(cuebot: SimulatedCuebot, *methods: str) -> int:
    return sum(path.rpartition("/")[2] in methods for path, *_ in cuebot.calls)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"layers {LENA} -o name", "comp\npreview"),
        (f"layers {LENA.upper()} -o name", "comp\npreview"),
        ("layers --sort-by min_cores --limit 1 --fields minCores --no-headers", "8"),
        ("layers --mine --fields job,name -o csv --no-headers --limit 1", f'"{LENA}","comp"'),
        (f"frames {LENA} --state RUNNING -o name --limit 1", "1009-comp"),
        (f"frames {LENA} --running -o name --limit 1", "1009-comp"),
        (f"frames {LENA} 1001 1003 -o name", "1001-comp\n1001-preview\n1003-comp"),
        (f"frames {LENA} --range 1001 --frame 1003 -o name", "1001-comp\n1001-preview\n1003-comp"),
        (f"frames {LENA} 1002-comp 1001-preview -o name", "1001-preview\n1002-comp"),
        (f"frames {LENA} 1002-1005x2-comp -o name", "1002-comp\n1004-comp"),
        (f"frames {LENA} --layer comp --range 1001,1003 -o name", "1001-comp\n1003-comp"),
        (f"frames {LENA} --done --count-by state --no-headers", "SUCCEEDED  8"),
        (f"frames {DYING} --dead --fields name,exit -o csv --limit 1",
         '"name","exit"\n"1006-beauty",1'),
        (f"frames {DYING} --dead --frame 1006 -o name", "1006-beauty"),
        (f"frames {DYING} --host render-node-03 --dead -o name", "1006-beauty"),
        (f"frames {DYING} --where exit>0 -o name --limit 1", "1006-beauty"),
        (f"frames {DYING} {LENA} --dead -o name", "1006-beauty\n1007-beauty\n1008-beauty"),
        ("frames --dead --count-by job,state -o csv --no-headers",
         f'"{LIGHT}","DEAD",2\n"{DYING}","DEAD",3'),
        ("frames --sum retries --count-by state --sort state --no-headers --limit 1", "DEAD  5  5"),
        (f"frames {DYING} --dead --fields JOB,name --no-headers --limit 1",
         f"{DYING}  1006-beauty"),
        ("frames --dead --show demo --fields job,name -o csv --sort-by -name",
         f'"job","name"\n"{LIGHT}","1012-beauty"\n"{LIGHT}","1011-beauty"'),
        (f"frames {DYING} 1006 --fields name,log -o csv --no-headers",
         f'"1006-beauty","{LOGS}/{DYING}.1006-beauty.rqlog"'),
        (f"frames {DYING} 1006 --fields log --no-headers", f"{LOGS}/{DYING}.1006-beauty.rqlog"),
        ("frames --dead --show harbor --limit 1 --fields log --no-headers",
         f"{LOGS}/{DYING}.1006-beauty.rqlog"),
    ],
)  # fmt: skip
async def test_lists(reading: Cuectl, line: str, expected: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.rstrip("\n") == expected


async def rows(cuectl: Cuectl, line: str) -> list[dict[str, str]]:
    return [*csv.DictReader(StringIO((await cuectl(*line.split(), "-o", "csv")).text))]


async def test_what_runs_has_no_exit_status(reading: Cuectl) -> None:
    found = await rows(reading, f"frames {LENA} --fields state,exit")
    assert {each["exit"] for each in found if each["state"] in ("RUNNING", "WAITING")} == {""}
    assert {each["exit"] for each in found if each["state"] == "SUCCEEDED"} == {"0"}


async def test_what_has_not_run_has_no_log(reading: Cuectl) -> None:
    found = await rows(reading, f"frames {LENA} --fields name,state,log")
    begun = [each for each in found if each["state"] not in ("WAITING", "DEPEND")]
    assert 0 < len(begun) < len(found)
    assert all(each["log"].endswith(f".{each['name']}.rqlog") for each in begun)
    assert not any(each["log"] for each in found if each not in begun)


async def test_the_time_that_frames_took_is_a_column(reading: Cuectl) -> None:
    """Of those that run, until now; what has not begun comes last."""
    found = await rows(
        reading, f"frames {DYING} --raw --fields runtime,stopTime,startTime --sort-by runtime"
    )
    ended = [each for each in found if each["stopTime"] != "0"]
    assert ended
    assert all(
        int(each["runtime"]) == int(each["stopTime"]) - int(each["startTime"]) for each in ended
    )
    spans = [int(each["runtime"]) for each in found if each["runtime"]]
    assert spans == sorted(spans, reverse=True)
    assert len(found) > len(spans) > len(ended)
    assert not any(each["runtime"] for each in found[len(spans) :])


async def test_rows_of_several_jobs_say_which(reading: Cuectl) -> None:
    head = (await reading("frames", DYING)).text.splitlines()[0].split()
    assert head[:6] == ["NAME", "STATE", "RETRIES", "EXIT", "RUNTIME", "STARTED"]
    for words in ([DYING, LENA], ["--show", "harbor", "--dead"], ["*light_v004"], []):
        head = (await reading("frames", *words)).text.splitlines()[0].split()
        assert head[:3] == ["NAME", "JOB", "STATE"]
    ran = await reading("frames", DYING, LENA, "-o", "json")
    assert {each["job"] for each in ran.json} == {DYING, LENA}
    assert {each["exitStatus"] for each in ran.json if each["state"] == "RUNNING"} == {-1}


async def test_all_frames_are_listed(cuectl: Cuectl) -> None:
    """Cuebot finds none without a limit, and the gateway asks for 1000."""
    spec = spec_xml(job_xml(layer_xml("comp", span="1-1100"), name="long"))
    await cuectl("call", "Job/LaunchSpecAndWait", f"spec={spec}")
    job = (await cuectl("jobs", "*long*", "-q")).text.strip()
    assert len((await cuectl("frames", job, "-q")).text.split()) == 1100
    assert f"Eat 1100 WAITING frames of {job}" in (await cuectl("eat", job, "1-1100")).err


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        (f"frames {X}", NOT_FOUND, f"did you mean '{LENA}'?"),
        (f"frames {LENA} {X}", NOT_FOUND, f"no job '{X}'; did you mean {LENA}?"),
        (f"frames {LENA} comp", NOT_FOUND, "no job 'comp' (1 of 2 names; nothing was done);"),
        (f"frames {LENA} --layer cmop", NOT_FOUND, f"no layer 'cmop' in {LENA}; did you mean"),
        (f"frames {LENA} 1001-cmop", NOT_FOUND, f"no layer 'cmop' in {LENA}; did you mean comp?"),
        (f"frames {LENA} 9999", NOT_FOUND, f"no frame 9999 in {LENA}\n"),
        (f"frames {LENA} 1009-preview", NOT_FOUND, f"no frame 1009 in {LENA}, layer preview\n"),
        ("frames 1001", WRONG_USAGE, "1001 is no job; frames come behind their job, or as --range"),
        (f"frames {LENA} --range abc", WRONG_USAGE, "'abc' is about no frames; write 1001,"),
        (f"frames {LENA} --state DED", WRONG_USAGE, "there is no 'DED'; did you mean DEAD?"),
        (f"frames {LENA} --where nope>1", WRONG_USAGE, "--where: job.Frame has no field 'nope'"),
        (f"frames {LENA} {DYING} --watch", WRONG_USAGE, "--watch is for one job"),
        ("retry", WRONG_USAGE, "which jobs? Give names or patterns"),
        (f"retry {DYING} 1006 9999", NOT_FOUND, f"no frame 9999 in {DYING}"),
        (f"retry {DYING} --layer beauty 1006-beauty", WRONG_USAGE, "leave out --layer"),
        (f"retry {DYING} --running", WRONG_USAGE, "No such option '--running'"),
        (f"eat 1006-beauty {DYING}", WRONG_USAGE, "1006-beauty is no job"),
        (f"min-memory {LENA} cmop 4GB", NOT_FOUND, "no layer 'cmop'"),
        (f"min-memory {LENA} comp cmop 4GB", NOT_FOUND, "did you mean comp?; nothing was done"),
        (f"min-memory {LENA} comp lots", WRONG_USAGE, "'lots' is no size with a unit; write it"),
        (f"min-memory {LENA} comp 12", WRONG_USAGE, "no size with a unit; write it like 16GB"),
        (f"min-memory {LENA} comp 0.1K", WRONG_USAGE, "0.1K is too little: it would be 0"),
        (f"min-memory {LENA} 4GB", WRONG_USAGE, "Missing argument 'LAYER...'"),
        (f"timeout {LENA} comp 90", WRONG_USAGE, "no time with a unit; write it like 2h"),
        (f"timeout {LENA} comp 90s", WRONG_USAGE, "90s is not in whole minutes"),
        (f"layer-tags {LENA} comp ,", WRONG_USAGE, "an empty name"),
        (f"add-layer-limit {LENA} comp arnol", NOT_FOUND, "did you mean 'arnold'?"),
        (f"reorder {LENA} 1001-comp first", WRONG_USAGE, "write numbers alone"),
        (f"reorder {LENA} 5-6 first", NOT_FOUND, f"no frame of {LENA} is in 5-6"),
        (f"stagger {LENA} 1001-1010 1", WRONG_USAGE, "Invalid value for 'N'"),
    ],
)  # fmt: skip
async def test_what_is_wrong(
    newcomer: Cuectl, simulated_cuebot: SimulatedCuebot, line: str, status: int, problem: str
) -> None:
    simulated_cuebot.calls.clear()
    ran = await newcomer(*line.split())
    assert (ran.status, ran.out) == (status, b"")
    assert problem in ran.err
    assert calls_of(simulated_cuebot, *CHANGES, "ReorderFrames", "StaggerFrames") == 0


@pytest.mark.parametrize("option", ["--layer", "--range", "--state"])
async def test_what_is_empty_chooses_nothing(reading: Cuectl, option: str) -> None:
    """A variable of a script that is not set would change everything."""
    for verb in ("frames", "retry"):
        ran = await reading(verb, DYING, option, "")
        assert (ran.status, ran.out) == (WRONG_USAGE, b"")
        assert f"{option} has no value" in ran.err


async def test_not_very_many_jobs_are_read(
    reading: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cuectl.lists.MOST_READ", 3)
    ran = await reading("layers")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert "these are 7 jobs; choose fewer of them" in ran.err


@pytest.mark.parametrize(
    ("line", "status", "told", "calls"),
    [
        (f"retry {DYING}", 0, f"retry: 3 DEAD frames of {DYING}\n", 1),
        (f"retry {DYING} 1006-beauty", 0, f"retry: 1 DEAD frame of {DYING}\n", 1),
        (f"retry {DYING} --range 1001-1007", 0, f"retry: 2 DEAD frames of {DYING}\n", 1),
        (f"retry {DYING} {LENA} {LIGHT}", 0,
         f"retry: 5 DEAD frames of 2 jobs ({DYING}, {LIGHT})\n", 2),
        (f"retry {LENA} {DYING} --layer beauty", 0, f"retry: 3 DEAD frames of {DYING}\n", 1),
        ("retry --failed --layer beauty --range 1006-1011", 0, "retry: 4 DEAD frames of 2 jobs", 2),
        (f"retry {DYING} --dry-run", 0, f"retry: would be 3 DEAD frames of {DYING}\n", 0),
        (f"retry {DYING} 1001-1006", FAILED,
         f"not done: Run 1 DEAD and 5 SUCCEEDED frames of {DYING}, range 1001-1006 again?"
         f" What is done is rendered anew {NO_TERMINAL}\n", 0),
        (f"retry {DYING} --range 1001-1006 --all --yes", 0,
         f"retry: 1 DEAD and 5 SUCCEEDED frames of {DYING}\n", 1),
        (f"retry {LENA} --state running", FAILED,
         f"not done: Run 3 RUNNING frames of {LENA} again? Running ones are killed (", 0),
        (f"retry {DYING} --state dead,EATEN", 0, f"retry: 3 DEAD frames of {DYING}\n", 1),
        (f"retry {LENA} 1020", NOT_FOUND,
         f"retry: nothing to do: no frames of {LENA}, range 1020 that are not WAITING", 0),
        (f"retry {LENA}", 0, f"retry: nothing to do: no DEAD frames of {LENA}\n", 0),
        ("retry --user lena", 0, "there are no such jobs\n", 0),
        (f"eat {DYING} 1006 1007 --yes", 0, f"eat: 2 DEAD frames of {DYING}\n", 1),
        (f"eat {DYING} 1006 1006-beauty 1005-1007-beauty --yes", 0,
         f"eat: 2 DEAD and 1 SUCCEEDED frames of {DYING}\n", 2),
        (f"eat {LENA} 1020-comp --yes", 0, f"eat: 1 WAITING frame of {LENA}\n", 1),
        (f"eat {LENA} 1020-comp 1001-preview --yes", 0,
         f"eat: 1 WAITING and 1 DEPEND frames of {LENA}\n", 2),
        (f"eat {DYING} --layer beauty", FAILED,
         f"not done: Eat 3 DEAD frames of {DYING}, layer beauty? They are given up {NO_TERMINAL}\n",
         0),
        (f"eat {LENA} {PAUSED} --yes --state EATEN --state DEAD", 0,
         f"eat: nothing to do: no EATEN or DEAD frames of {LENA}, {PAUSED}\n", 0),
        (f"eat {LENA} --layer comp --range 1010-1012", NOT_FOUND,
         f"eat: nothing to do: no DEAD frames of {LENA}, layer comp, range 1010-1012\n", 0),
        ("eat --show demo", FAILED,
         f"not done: Eat 2 DEAD frames of {LIGHT}? They are given up {NO_TERMINAL}\n", 0),
        ("eat --show demo --yes", 0, f"eat: 2 DEAD frames of {LIGHT}\n", 1),
        (f"kill-frames {LENA} --yes", 0, f"kill-frames: 3 RUNNING frames of {LENA}\n", 1),
        (f"kill-frames {LENA} 1001-1009-comp", FAILED,
         f"not done: Kill 1 RUNNING frame of {LENA}, layer comp, range 1001-1009? What they", 0),
        (f"kill-frames {LENA} 1020", NOT_FOUND,
         f"kill-frames: nothing to do: no RUNNING frames of {LENA}, range 1020\n", 0),
        (f"done {DYING} 1001,1006 --yes", 0,
         f"done: 1 DEAD and 1 SUCCEEDED frames of {DYING}\n", 1),
        (f"done {LENA}", FAILED, "not done: Let run what waits for 3 RUNNING, 13 WAITING, ", 0),
    ],
)  # fmt: skip
async def test_frames_are_counted_before_they_are_changed(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, status: int, told: str, calls: int
) -> None:
    ran = await cuectl(*line.split())
    assert (ran.status, ran.err.removeprefix("cuectl: ")[: len(told)]) == (status, told)
    assert calls_of(cuebot, *CHANGES) == calls
    assert ran.text.startswith("would call " if "--dry-run" in line else "")


async def requests(cuectl: Cuectl, line: str) -> list[dict[str, Any]]:
    """What would be called, without the job."""
    told = (await cuectl(*line.split(), "--dry-run")).text.splitlines()
    found = [json.loads(each.split(" ", 3)[3]) for each in told]
    return [{name: value for name, value in each.items() if name != "job"} for each in found]


async def test_named_frames_are_meant_in_any_state(reading: Cuectl) -> None:
    assert await requests(reading, f"eat {LENA} 1020-1022-comp 1001-preview") == [
        {"req": {"layers": ["comp"], "frameRange": "1020-1022"}},
        {"req": {"layers": ["preview"], "frameRange": "1001"}},
    ]
    dead = {"states": {"frameStates": ["DEAD"]}}
    assert await requests(reading, f"eat {DYING} --range 1006") == [
        {"req": {"frameRange": "1006", **dead}}
    ]
    assert await requests(reading, f"eat {DYING}") == [{"req": dead}]


async def test_a_frame_beside_a_pipe_is_no_job(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl(
        "retry",
        "-",
        "1006-1011",
        given=f"{DYING}\n{LIGHT}\n",
    )
    assert ran.status == FAILED
    assert "Run 4 DEAD, 3 RUNNING and 11 SUCCEEDED frames of 2 jobs" in ran.err
    ran = await cuectl("kill-frames", "-", "comp", "--yes", given=f"{LENA}\n{DYING}\n")
    assert ran.status == NOT_FOUND
    assert calls_of(cuebot, *CHANGES) == 0


@pytest.mark.parametrize(
    ("change", "told", "read", "expected"),
    [
        ("min-memory JOB comp 1.5GB", "comp of JOB -> 1.5G\n", "minMemory", "1.5G"),
        ("min-memory JOB * 16G", "2 layers of JOB -> 16G\n", "minMemory", "16G"),
        ("memory-optimizer JOB comp off", "comp of JOB -> off\n", "optimizer", "no"),
        ("frame-cores JOB comp 3", "comp of JOB -> 3\n", "minCores", "3"),
        ("gpus JOB comp preview 2", "2 layers of JOB -> 2\n", "gpus", "2"),
        ("layer-tags JOB comp a,b", "comp of JOB -> a,b\n", "tags", "a,b"),
        ("timeout JOB comp 2h", "comp of JOB -> 2h00m\n", "timeout", "120"),
        ("timeout JOB comp 1d --silent", "comp of JOB -> 1d00h without", "timeoutLlu", "1440"),
        ("timeout JOB comp off", "comp of JOB -> off\n", "timeout", "0"),
        ("add-layer-limit JOB comp arnold", "comp of JOB under arnold\n", "limits", "arnold"),
        ("drop-layer-limit JOB comp nuke_render", "comp of JOB not under", "limits", ""),
    ],
)  # fmt: skip
async def test_layers_are_changed(
    cuectl: Cuectl, change: str, told: str, read: str, expected: str
) -> None:
    ran = await cuectl(*change.replace("JOB", LENA).split())
    assert ran.status == 0
    assert f": {told.replace('JOB', LENA)}" in ran.err
    found = await cuectl("layers", LENA, "--fields", read, "--no-headers", "--limit", "1")
    assert expected in found.text


async def test_what_may_undo_a_change_is_told(cuectl: Cuectl) -> None:
    line = ("min-memory", LENA, "comp", "12GB")
    again = f"what frames use; to keep it: cuectl memory-optimizer {LENA} comp off"
    assert again in (await cuectl(*line)).err
    await cuectl("memory-optimizer", LENA, "comp", "off")
    assert again not in (await cuectl(*line)).err


@pytest.mark.parametrize(
    ("line", "sent", "told"),
    [
        ("reorder JOB 1003-1004 first", {"range": "1003-1004", "order": "FIRST"}, "4 frames"),
        ("reorder JOB 1001-1012 REVERSE", {"range": "1001-1012", "order": "REVERSE"}, "24 frames"),
        ("reorder JOB 1003-1011 last", {"range": "1001,1002,1012", "order": "FIRST"}, "18 frames"),
        ("reorder JOB 1001,1001 first", {"range": "1001,1001", "order": "FIRST"}, "2 frames"),
        ("stagger JOB 1001-1012 4", {"range": "1001-1012", "stagger": 4}, "24 frames"),
    ],
)
async def test_the_order_of_frames(
    reading: Cuectl, line: str, sent: dict[str, Any], told: str
) -> None:
    """Cuebot moves other frames than those that should be last."""
    words = line.replace("JOB", PAUSED)
    assert await requests(reading, words) == [sent]
    verb, _, _, order = words.split()
    ran = await reading(*words.split(), "--dry-run")
    assert ran.err.startswith(
        f"cuectl: {verb}: would be {told} of {PAUSED} -> {order.lower()}"[:70]
    )


@pytest.mark.parametrize(
    "command",
    [each for each in SECTIONS["Layers and frames"] if each.name != "logs"],  # see test_program.py
    ids=lambda each: str(each.name),
)
async def test_examples_work(cuectl: Cuectl, command: object) -> None:
    for line in getattr(command, "examples"):  # noqa: B009 - of a Verb
        _, *words = [each.strip("'") for each in line.split()]
        changes = words[0] not in ("layers", "frames")
        ran = await cuectl(*words, *(["--yes"] if changes else []))
        assert ran.status == 0, (line, ran.err)
