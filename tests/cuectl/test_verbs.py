"""Verbs of OpenCue's profile, on the demo's farm."""

import csv
import json
import re
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
import yaml

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.jobs import finish_job
from cuectl import reasons, schema_cache, selection
from cuectl.client.batch import NOT_SERVED, BatchClient
from cuectl.errors import CallError
from cuectl.terminal.exits import FAILED, NOT_FOUND, UNAVAILABLE, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.simulator.specs import job_xml, layer_xml, spec_xml
from tests.support.rights import rule, signed
from tests.support.servers import gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

JOB_NAMES = "job.JobInterface/GetJobNames"
LENA, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
PAUSED = "demo-sh020-marco_smoke_v001"
LIGHT = "demo-sh010-artist1_light_v012"
PRIYA = "northwind-ep02_030-priya_comp_v002"
MAY_START = "nothing known holds it back: jobs with a higher priority go first"
GUESSES = "waits for free cores (cuectl hosts idle)"
FREE = '"render-node-07",136365211648,32'
TWICE = f"{LENA}  {LENA}"
IDLE = '"local.desktop",3,24'
LOGS = f"/shots/harbor/hb110/logs/{DYING}--74332233-b297-5c90-a4de-c3102e21950e"


def calls_of(cuebot: SimulatedCuebot, method: str) -> int:
    return sum(path.endswith(f"/{method}") for path, *_ in cuebot.calls)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jobs --mine -o name", LENA),
        ("jobs --failed -o name --sort-by name", f"demo-sh010-artist1_light_v012\n{DYING}"),
        ("jobs --sort-by -dead,name -o name --limit 1", DYING),
        ("jobs --sort-by DEAD,-name -o name --limit 1", "northwind-ep02_031-artist1_roto_v001"),
        ("jobs --show demo --where isPaused -o name", PAUSED),
        ("jobs --where DEAD>2 -o name", DYING),
        ("jobs --where running>2 --where user=lena --sort waiting -o name", LENA),
        (f"logs {DYING} --where stopped>1m --limit 1 -o name", "1001-beauty"),
        (
            "hosts --fields STATE,name --where state=DOWN -o csv",
            '"STATE","name"\n"DOWN","render-node-07"',
        ),
        ("hosts --down --fields idleCores -o csv --no-headers", "32"),
        ("hosts --columns load,NAME --down -o ndjson", '{"load":0,"name":"render-node-07"}'),
        (
            "jobs --fields name,DONE,pri,deadFrames --where dead>2",
            f"NAME                           DONE  PRI  DEAD\n{DYING}  5/24  100     3",
        ),
        ("jobs --show demo --show harbor --user marco -o name", PAUSED),
        ("hosts --down -o name", "render-node-07"),
        (f"job {LENA} -o name", LENA),
        (f"layers {LENA} -o name --sort-by name", "comp\npreview"),
        (f"frames {LENA} --state RUNNING -o name --limit 1", "1009-comp"),
        (f"frames {DYING} --dead --frame 1006 -o name", "1006-beauty"),
        (f"frames {DYING} --range 1007-beauty -o name", "1007-beauty"),
        ("jobs --dead --show harbor -o name", DYING),
        ("jobs --where isPaused --where user=marco -o name", PAUSED),
        ("jobs --filter user=marco -o name", PAUSED),
        ("jobs --sort user --sort -name -o name --limit 1", "northwind-ep02_031-artist1_roto_v001"),
        ("jobs --group-by show --group-by user --no-headers --limit 1", "demo  artist1  1"),
        ("shows --fields name --fields dead --no-headers --limit 1", "demo  2"),
        (f"frames {LENA} --range 1001 --frame 1003 -o name", "1001-comp\n1001-preview\n1003-comp"),
        (f"frames {LENA} --running -o name --limit 1", "1009-comp"),
        ("hosts --up --unlocked --allocation local.desktop -o name", "desk-201\ndesk-203"),
        ("shows -o name", "demo\nharbor\nnorthwind"),
        (
            "hosts --count-by ALLOC,state --sort-by allocName,state -o csv --no-headers",
            '"local.desktop","UP",3\n"local.general","UP",6\n"local.general","DOWN",1',
        ),
        (f"frames {LENA} --count-by STATE --no-headers --limit 1", "WAITING  13"),
        ("allocations -o name", "local.desktop\nlocal.general"),
        ("limits -o name", "arnold\nnuke_render"),
        ("groups demo -o name --sort-by name", "comp\ndemo\nfx\nlight"),
        ("subscriptions demo -o name --sort-by name", "local.desktop.demo\nlocal.general.demo"),
        (
            f"depends {LENA} --no-headers --where active -o csv",
            f'"{LENA}","preview","","{LENA}","comp",""',
        ),
        ("jobs --sort dead --desc -o name --limit 1", DYING),
        ("hosts --down --csv --no-headers --fields name", '"render-node-07"'),
        ("jobs -u lena -n 1 -o name", LENA),
        ("hosts --reverse --limit 1 -o name", "render-node-07"),
        (
            "hosts --columns name,free-mem,idle_cores --down -o csv --no-headers --where idle>0",
            FREE,
        ),
        # Words behind a verb that lists.
        (f"jobs {LENA} -o name", LENA),
        ("jobs light -o name --sort-by name", f"{LIGHT}\n{DYING}"),
        ("jobs *_COMP_v00? -o name --where user=lena", LENA),
        ("jobs lena marco -o name --sort-by name", f"{LENA}\n{PAUSED}"),
        ("jobs failed demo -o name", LIGHT),
        ("jobs paused -o name", PAUSED),
        ("jobs failed -o name", f"{DYING}\n{LIGHT}"),
        ("jobs failed --desc -o name", f"{LIGHT}\n{DYING}"),
        (f"frames {LENA} --done --count-by state --no-headers", "SUCCEEDED  8"),
        ("hosts down -o name", "render-node-07"),
        ("hosts rebooting up -o name --limit 1", "desk-201"),
        ("hosts desk-201 desk-203 -o name", "desk-201\ndesk-203"),
        ("shows demo harbor -o name", "demo\nharbor"),
        (f"procs {DYING} --count-by jobName --no-headers", f"{DYING}  5"),
        (f"frames {DYING} 1006-beauty -o name", "1006-beauty"),
        ("subscriptions --no-headers -o name --limit 1", "local.general.demo"),
        (
            "allocations --fields name,in-use,free --limit 1 -o csv --no-headers",
            '"local.desktop",0,16',
        ),
        ("subscriptions demo --fields size,burst --no-headers --limit 1", "160  240"),
        (f"frames {DYING} 1006 1007 -o name", "1006-beauty\n1007-beauty"),
        (f"frames {DYING} dead beauty -o name --limit 1", "1006-beauty"),
        (f"frames {DYING} beauty -o name --limit 1", "1001-beauty"),
        (f"why {PAUSED} --fields user -o csv", '"user","why"\n"marco","paused: cuectl resume JOB"'),
        ("why --count-by user --where user=marco --no-headers", "marco  1"),
        # Several objects, or those that options choose.
        (f"job {DYING} {LENA} -o name", f"{DYING}\n{LENA}"),
        (f"job {DYING} {LENA} --sort-by name --limit 1 --no-headers --fields name,job", TWICE),
        (f"frames {DYING} {LENA} --dead -o name", "1006-beauty\n1007-beauty\n1008-beauty"),
        (
            f"logs {DYING} 1006 --fields name,log -o csv --no-headers",
            f'"1006-beauty","{LOGS}/{DYING}.1006-beauty.rqlog"',
        ),
        (
            "logs dead --show harbor --limit 1 --fields log --no-headers",
            f"{LOGS}/{DYING}.1006-beauty.rqlog",
        ),
        (f"logs {DYING} 1006 -o name", "1006-beauty"),
        (
            "frames dead --count-by job,state -o csv --no-headers",
            f'"{DYING}","DEAD",3\n"{LIGHT}","DEAD",2',
        ),
        ("frames dead --count-by job -o csv --no-headers", f'"{DYING}",3\n"{LIGHT}",2'),
        ("jobs --sum RUN --where dead>2 --no-headers", "1  5"),
        (
            "jobs --sum CORES,PRI --count-by show -o csv --limit 1",
            '"show","count","sum(jobStats.reservedCores)","sum(priority)"\n"demo",3,22,300',
        ),
        (
            "hosts --sum idle --count-by alloc --sort -idle --no-headers --limit 1",
            "local.general  7  96",
        ),
        ("frames --sum retries --count-by state --sort state --no-headers --limit 1", "DEAD  5  5"),
        (
            "frames --dead --show demo --fields job,name,RETRIES -o csv --sort-by -name",
            f'"job","name","RETRIES"\n"{LIGHT}","1012-beauty",1\n"{LIGHT}","1011-beauty",1',
        ),
        (
            f"frames {DYING} --dead --fields JOB,name --no-headers --limit 1",
            f"{DYING}  1006-beauty",
        ),
        ("frames --dead --count-by STATE --no-headers", "DEAD  5"),
        ("frames --dead --sort-by -name --limit 1 -o name", "1012-beauty"),
        ("layers --sort-by -min_cores --limit 1 --fields minCores --no-headers", "8"),
        ("layers --sort-by -layerStats.totalFrames,name --limit 1 -o name", "beauty"),
        ("layers --sort-by -totalFrames,name --limit 1 -o name", "beauty"),
        ("jobs --sum reservedCores --where name=zz --no-headers -o csv", "0,0"),
        ("jobs --sum reservedCores --user lena --count-by user --no-headers", "lena  1  6"),
        ("jobs LENA -o name", LENA),
        (f"frames {DYING} BEAUTY --dead -o name --limit 1", "1006-beauty"),
        (f"frames {DYING} --host render-node-03 --dead -o name", "1006-beauty"),
        ("procs --count-by host --host render-node-02 --no-headers", "render-node-02  3"),
        (
            "job --show harbor --fields state,name -o csv --sort-by name --limit 1",
            f'"state","name"\n"PENDING","{DYING}"',
        ),
    ],
)
async def test_reads(reading: Cuectl, line: str, expected: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.rstrip("\n") == expected


@pytest.mark.parametrize(
    ("change", "read", "expected"),
    [
        (f"regroup {LENA} fx", f"job {LENA} -o wide --raw --no-headers", " fx "),
        ("create-limit maya 5", "limits --where name=maya --no-headers", "0/5"),
        ("set-limit arnold nuke_render 7", "limits --where maxValue=7 -o name", "nuke_render"),
        ("host-comment render-node-02 bad", "host-comments render-node-02 -o csv", '"Note","bad"'),
        ("set-limit arnold 0", "limits full -o name", "arnold"),
        (
            "lock --alloc local.desktop",
            "hosts --locked --count-by alloc -o csv",
            '"local.desktop",3',
        ),
        ("lock desk-203 render-node-02 --comment no", "host-comments -o csv", '02","Note","no"'),
        (f"pause {LENA} --reason wait", f"comments {LENA} -o csv", '"Note","wait"'),
        ("pause --show demo && resume --user marco && pause --user marco", "why marco", "paused: "),
        (f"min-memory {LENA} comp 1.5GB", f"layers {LENA} --fields minMemory", "1.5G"),
        (f"frame-cores {LENA} comp 3", f"layers {LENA} --fields minCores", "3"),
        (f"auto-eat {LENA} yes", f"job {LENA} -o wide --fields autoEat", "yes"),
        (f"depend {LENA} {DYING} --yes", f"depends {LENA}", DYING),
        (f"drop-depends {LENA} --yes", f"depends {LENA} -o csv", '"dependErJob"'),
        ("reboot render-node-02", "hosts --state reboot_when_idle -o name", "render-node-02"),
        ("add-tags desk-201 a,b", "hosts desk-201 --fields tags", "a,b"),
        ("add-tags desk-201 a,b", "hosts --tag b -o name", "desk-201"),
        ("remove-tags desk-201 desktop", "hosts --where tags=desktop -o name", "desk-202"),
        ("create-show new", "shows -o name", "new"),
        ("set-size local.general.demo 12.5", "subscriptions demo --where size=1250", "12.5"),
        ("set-burst demo general 20", "subscriptions demo -o csv", ",2000,"),
        ("set-burst demo local.general 20", "subscriptions demo -o csv", ",2000,"),
        (
            "set-size local.general demo local.general.harbor 7",
            "subscriptions --where size=700 -o name --sort name",
            "local.general.demo\nlocal.general.harbor",
        ),
        ("set-burst local.general.demo 20", "subscriptions -o csv", ",2000,"),
        ("create-show new && subscribe new local.desktop 3 4", "subscriptions new", "  3      4"),
        ("create-allocation night", "allocations --where tag=night -o name", "local.night"),
        ("move desk-201 general", "hosts desk-201 --fields alloc", "local.general"),
        ("create-group demo roto && booking demo no", "shows demo --fields booking", "no"),
        ("create-group demo roto", "groups demo -o name", "roto"),
        (
            "create-group demo a && create-group demo b a",
            "groups demo --where level=2 -o name",
            "b",
        ),
        ("booking demo no", "shows demo --fields booking", "no"),
        (f"layer-tags {LENA} comp a,b", f"layers {LENA} --fields tags", "a,b"),
        (f"add-layer-limit {LENA} comp arnold", f"layers {LENA} --fields limits", "arnold"),
        (
            f"drop-layer-limit {LENA} comp nuke_render",
            f"layers {LENA} -o csv --where limits=''",
            "",
        ),
        (
            "unsubscribe local.desktop.northwind -y",
            "subscriptions northwind -o name --where alloc=local.desktop",
            "",
        ),
        ("delete-limit arnold --yes", "limits -o name --no-headers", "nuke_render"),
        ("create-allocation night dark", "allocations --where tag=dark -o name", "local.night"),
        (f"depend {LENA} {DYING} --yes", f"dependents {DYING} --fields name", LENA),
        (f"kill-frames {LENA} --yes", f"frames {LENA} --count-by state", "WAITING"),
    ],
)
async def test_changes(cuectl: Cuectl, change: str, read: str, expected: str) -> None:
    for each in change.split(" && "):
        assert (await cuectl(*each.split())).status == 0
    assert expected in (await cuectl(*read.split())).text


@pytest.mark.parametrize(
    ("line", "meant", "expected"),
    [
        ("get jobs --mine -o name", "jobs --mine -o name", LENA),
        (f"describe job {LENA} -o name", f"job {LENA} -o name", LENA),
        ("show demo -o name", "shows demo -o name", "demo"),
        ("list nodes down -o name", "hosts down -o name", "render-node-07"),
        ("show jobs lena -o name", "jobs lena -o name", LENA),
        ("jobs user lena -o name", "jobs --user lena -o name", LENA),
        (
            "jobs list -o name --limit 1 --where user=lena",
            "jobs -o name --limit 1 --where user=lena",
            LENA,
        ),
        (
            "subs demo -o name --limit 1",
            "subscriptions demo -o name --limit 1",
            "local.general.demo",
        ),
    ],
)
async def test_words_of_other_programs_are_done(
    reading: Cuectl, line: str, meant: str, expected: str
) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.err, ran.text) == (0, f"as cuectl {meant}\n", f"{expected}\n")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (f"pause job {LENA}", f"pause {LENA}"),
        (f"pause jobs {LENA} {DYING}", f"pause {LENA} {DYING}"),
        (f"job pause {LENA}", f"pause {LENA}"),
        (f"pause-job {LENA}", f"pause {LENA}"),
        ("pause show harbor", "pause --show harbor"),
        ("jobs pause --show harbor", "pause --show harbor"),
        (f"retry frames {DYING}", f"retry {DYING}"),
        (f"frame kill {LENA} 1009-comp", f"kill-frames {LENA} 1009-comp"),
        (f"kill frames {LENA}", f"kill-frames {LENA}"),
        ("host comment desk-201 slow", "host-comment desk-201 slow"),
        ("comment host desk-201 slow", "host-comment desk-201 slow"),
        ("create allocation night", "create-allocation night"),
        ("limits create maya 3", "create-limit maya 3"),
        ("set limit arnold 3", "set-limit arnold 3"),
        (f"set-priority {LENA} 4", f"priority {LENA} 4"),
        (f"set {LENA} --min-cores 4", f"min-cores {LENA} 4"),
        (f"set {LENA} min-cores=4", f"min-cores {LENA} 4"),
        (f"set job {LENA} priority 4", f"priority {LENA} 4"),
        (f"edit priority {LENA} 4", f"priority {LENA} 4"),
        (f"set priority job {LENA} 4", f"priority {LENA} 4"),
        ("new show winter", "create-show winter"),
        ("remove limit arnold", "delete-limit arnold"),
        ("limits add maya 3", "create-limit maya 3"),
        (f"unpause {PAUSED}", f"resume {PAUSED}"),
        (f"comments add {LENA} slow", f"comment {LENA} slow"),
        (f"add comment {LENA} slow", f"comment {LENA} slow"),
        (f"raise priority {LENA} 4", f"priority {LENA} 4"),
    ],
)
async def test_changes_in_other_words_are_done(reading: Cuectl, line: str, meant: str) -> None:
    ran = await reading(*line.split(), "--dry-run")
    assert ran.err.splitlines()[0] == f"as cuectl {meant} --dry-run"
    assert (ran.status, ran.text.startswith("would call ")) == (0, True)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        (f"pause --job {LENA}", f"pause {LENA}"),
        (f"pause --job {LENA} --job={DYING}", f"pause {LENA} {DYING}"),
        (f"regroup --group fx --job {LENA}", f"regroup {LENA} fx"),
        (f"regroup {LENA} --to fx", f"regroup {LENA} fx"),
        (f"min-memory {LENA} --layer comp --memory 1GB", f"min-memory {LENA} comp 1GB"),
        (f"min-memory --job {LENA} comp 1GB", f"min-memory {LENA} comp 1GB"),
        (f"comment {LENA} --message slow", f"comment {LENA} slow"),
        (f"comment {LENA} -m slow", f"comment {LENA} slow"),
        ("pause harbor-*", f"pause {DYING} harbor-hb120-artist2_anim_v021"),
        ("move DESK-20? general", "move desk-201 desk-202 desk-203 local.general"),
        (f"retry {DYING} --dead", f"retry {DYING}"),
        (f"pause {LENA} --show demo", f"pause {LENA}"),
        (f"pause {LENA.upper()} --show demo", f"pause {LENA}"),
        ("lock desk-201 desk-202 --alloc local.desktop", "lock desk-201 desk-202"),
        (f"depend {LENA} --job {PAUSED} --on {DYING}", f"depend {PAUSED} {LENA} {DYING}"),
        ("pause --all", "pause --show demo --show harbor --show northwind"),
    ],
)
async def test_arguments_are_options_too(reading: Cuectl, line: str, same: str) -> None:
    found = [await reading(*each.split(), "--dry-run") for each in (line, same)]
    assert found[0] == found[1]
    assert found[0].status == 0


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("jobs dmeo", "demo"),
        ("why lenna", "lena"),
        ("jobs lenna", "lena"),
        ("shows dmeo", "demo"),
        (f"jobs {LENA.replace('003', '033')}", LENA),
    ],
)
async def test_a_misspelled_word_is_told(reading: Cuectl, line: str, near: str) -> None:
    verb, word = line.split()
    ran = await reading(*line.split(), "-o", "name")
    assert (ran.status, ran.text) == (NOT_FOUND, "")
    kind = "jobs" if verb == "why" else verb
    assert ran.err == f"cuectl: no {kind} have {word!r} in their names; did you mean {near}?\n"


async def test_the_time_that_frames_took_is_a_column(cuectl: Cuectl) -> None:
    """Of those that run, until now; what has not begun comes last."""
    line = f"frames {DYING} -o csv --raw --no-headers --fields name,runtime,stopTime,startTime"
    rows = [*csv.reader(StringIO((await cuectl(*line.split())).text))]
    ended = {name: int(span) for name, span, stop, _ in rows if stop != "0"}
    assert ended == {name: int(stop) - int(begin) for name, _, stop, begin in rows if stop != "0"}
    ran = await cuectl(*line.split(), "--sort", "-runtime")
    spans = [row[1] for row in csv.reader(StringIO(ran.text))]
    began = [int(span) for span in spans if span]
    assert began == sorted(began, reverse=True)
    assert spans == [*map(str, began), *[""] * (len(spans) - len(began))]
    assert len(began) > len(ended) > 0
    ran = await cuectl("frames", "--running", "--sort", "-runtime", "--limit", "2", "-o", "name")
    assert len(ran.text.split()) == 2
    ran = await cuectl("frames", DYING, "1006", "--fields", "name,runtime", "-o", "ndjson")
    assert (ran.json["name"], ran.json["runtime"]) == ("1006-beauty", ended["1006-beauty"])
    head = (await cuectl("job", DYING, LENA)).text.splitlines()[0]
    assert head.split()[:2] == ["NAME", "STATE"]
    head = (await cuectl("frames", DYING)).text.splitlines()[0]
    assert head.split()[4:6] == ["RUNTIME", "STARTED"]


async def test_one_object_is_shown_in_all_detail(reading: Cuectl) -> None:
    lines = (await reading("job", LENA)).text.splitlines()
    told = {each[:14].strip(): each[14:].strip() for each in lines}
    assert (told["NAME"], told["USER"], told["MIN CORES"]) == (LENA, "lena", "1")
    assert told["STARTED"].endswith(" ago")
    several = (await reading("job", LENA, DYING)).text.splitlines()
    assert (len(several), several[0].split()[:2]) == (3, ["NAME", "STATE"])
    chosen = (await reading("job", LENA, "--fields", "name,user", "--no-headers")).text
    assert chosen == f"{LENA}  lena\n"


async def test_what_is_sorted_by_is_shown(reading: Cuectl) -> None:
    ran = await reading("hosts", "--sort", "-freemem", "--limit", "1")
    assert ran.text.splitlines()[0].endswith("  FREE MEM")
    ran = await reading("hosts", "--sort", "-freemem", "--limit", "1", "--columns", "name")
    assert ran.text.splitlines()[0] == "NAME"


async def test_why_jobs_wait(cuectl: Cuectl) -> None:
    """The first reason that fits."""
    await cuectl("pause", LENA)
    assert (await cuectl("max-cores", DYING, "1")).status == 0
    ran = await cuectl("why", LENA, DYING, LIGHT, "-o", "csv", "--no-headers")
    assert {row[0]: row[-1] for row in csv.reader(StringIO(ran.text))} == {
        LENA: "paused: cuectl resume JOB",
        DYING: "has the most cores that it may: cuectl max-cores JOB CORES",
        LIGHT: MAY_START,
    }


ADVISORY = "call Limit/SetEnforcement name=nuke_render enforcement=ADVISORY"
TAGGED = "no open host with tag"


@pytest.mark.parametrize(
    ("changes", "job", "why"),
    [
        ("set-limit nuke_render 5", LENA, "limit nuke_render is full: 5/5"),
        ("set-limit nuke_render 6", LENA, MAY_START),
        ("set-limit arnold 1", LENA, MAY_START),
        (f"set-limit nuke_render 5 && {ADVISORY}", LENA, MAY_START),
        ("booking demo no", LENA, "booking of show demo is off: cuectl booking demo yes"),
        ("booking harbor no", LENA, MAY_START),
        (
            "set-burst local.general.demo 22",
            *(LENA, "show demo has all cores that it may in local.general: 22/22"),
        ),
        ("set-burst local.general.demo 23", LENA, MAY_START),
        ("set-burst local.desktop.demo 0", LENA, MAY_START),
        (f"set-burst local.general.demo 22 && layer-tags {LENA} comp desktop", LENA, MAY_START),
        (
            f"layer-tags {LENA} comp night,dusk",
            *(LENA, f"{TAGGED} night,dusk is in an allocation of show demo"),
        ),
        (f"layer-tags {LENA} comp night,general", LENA, MAY_START),
        (
            f"call Layer/SetMinGpus job={LENA} layer=comp minGpus=1",
            *(LENA, f"{TAGGED} general has enough GPUs (1) free"),
        ),
        (  # render-node-06 has as much, but is locked, and render-node-07 is down
            f"min-memory {LENA} comp 100GB",
            *(LENA, f"{TAGGED} general has enough cores (2) and memory (100G) free"),
        ),
        (f"min-memory {LENA} comp 100GB && unlock render-node-06", LENA, MAY_START),
        (
            f"frame-cores {LENA} comp 17",
            *(LENA, f"{TAGGED} general has enough cores (17) and memory (8G) free"),
        ),
        (f"min-memory {LENA} preview 100GB", LENA, MAY_START),  # nothing of that layer waits
    ],
)
async def test_what_holds_a_job_back(cuectl: Cuectl, changes: str, job: str, why: str) -> None:
    for each in changes.split(" && "):
        assert (await cuectl(*each.split())).status == 0
    ran = await cuectl("why", job, "-o", "ndjson")
    assert json.loads(ran.text)["why"] == why


async def test_each_of_several_jobs_is_held_back_by_something_else(cuectl: Cuectl) -> None:
    await cuectl("set-limit", "arnold", "9")
    await cuectl("min-memory", PRIYA, "comp", "100GB")
    ran = await cuectl("why", LENA, DYING, PRIYA, "-o", "csv", "--no-headers")
    whys = {row[0]: row[-1] for row in csv.reader(StringIO(ran.text))}
    assert whys == {
        LENA: MAY_START,
        DYING: "limit arnold is full: 9/9",
        PRIYA: f"{TAGGED} general has enough cores (2) and memory (100G) free",
    }


async def test_any_layer_may_be_held_back(cuectl: Cuectl) -> None:
    spec = spec_xml(job_xml(layer_xml("first"), layer_xml("second"), layer_xml("third")))
    (name,) = (await cuectl("launch", "-", given=spec)).text.split()
    assert MAY_START in (await cuectl("why", name)).text
    await cuectl("min-memory", name, "second", "100GB")
    assert "cores (1) and memory (100G) free" in (await cuectl("why", name)).text


async def test_a_show_without_a_subscription_gets_no_cores(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    ids = {
        each.allocation_name: id_
        for id_, each in cuebot.farm.subscriptions.items()
        if each.show_name == "northwind"
    }
    del cuebot.farm.subscriptions[ids["local.general"]]
    ran = await cuectl("why", PRIYA)
    assert f"{TAGGED} general is in an allocation of show northwind" in ran.text
    del cuebot.farm.subscriptions[ids["local.desktop"]]
    assert (
        "show northwind has no subscription: cuectl subscribe" in (await cuectl("why", PRIYA)).text
    )


@pytest.mark.parametrize(
    "access",
    [
        rule("without limits", {"role": "artist"}, "all", "!limit.*/*"),
        rule("some hosts", {"role": "artist"}, "all", see="show = harbor or host = desk-201"),
    ],
    ids=lambda access: access["name"],
)
async def test_what_may_not_be_read_is_not_taken_for_absent(
    cuebot: SimulatedCuebot, tmp_path: Path, access: dict[str, object]
) -> None:
    async with gateway_for(cuebot.endpoint, access=[access]) as gateway:
        kim = Cuectl(gateway, tmp_path)
        kim.environ["TOKEN"] = signed("kim", role="artist")["Authorization"].removeprefix("Bearer ")
        assert GUESSES in (await kim("why", DYING)).text
        assert (await kim("booking", "harbor", "no")).status == 0
        assert "booking of show harbor is off: " in (await kim("why", DYING)).text


async def test_what_holds_jobs_back_is_said_of_few(
    cuectl: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasons, "MOST_EXPLAINED", 1)
    both = await cuectl("why", LENA, PAUSED)
    assert (GUESSES in both.text, MAY_START in both.text) == (False, True)
    both = await cuectl("why", LENA, LIGHT)
    assert (both.text.count(GUESSES), MAY_START in both.text) == (2, False)


async def test_a_comment_is_deleted(cuectl: Cuectl) -> None:
    for text in ("one", "two"):
        await cuectl("comment", LENA, text)
    one, two = (
        await cuectl("comments", LENA, "--fields", "id", "-o", "csv", "--no-headers")
    ).text.split()
    assert (await cuectl("delete-comment", one.strip('"'))).status == 0
    assert (await cuectl("comments", LENA, "--fields", "message", "--no-headers")).text == "two\n"
    ran = await cuectl("delete-comment", two.replace("-", "x"))
    assert (ran.status, "Exception" in ran.err) == (NOT_FOUND, False)


async def test_what_something_new_is_called_is_told(cuectl: Cuectl) -> None:
    ran = await cuectl("create-allocation", "night")
    assert ran.err.startswith(
        "create-allocation: 1 allocation (local.night)\nnote: no show may use"
    )
    assert (await cuectl("create-show", "winter")).err == "create-show: 1 show\n"
    assert (await cuectl("create-group", "winter", "roto")).err == "create-group: 1 group\n"


async def test_what_may_undo_a_change_is_told(cuectl: Cuectl) -> None:
    ran = await cuectl("min-memory", LENA, "comp", "8GB")
    summary, note = ran.err.splitlines()
    assert (summary, ran.status) == ("min-memory: 1 layer -> 8GB", 0)
    assert note.endswith("to keep it: cuectl memory-optimizer JOB LAYER off")
    assert (await cuectl("memory-optimizer", LENA, "comp", "off")).status == 0


async def test_what_matters_comes_first(reading: Cuectl) -> None:
    ran = await reading("jobs", "--failed", "--sort-by", "name")
    head, first, second = ran.text.splitlines()
    assert head.split()[:3] == ["NAME", "USER", "DEAD"]
    assert first.split()[:3] == ["demo-sh010-artist1_light_v012", "artist1", "2"]
    assert second.split()[0] == DYING
    ran = await reading("jobs", "--failed", "--no-headers", "-o", "wide")
    assert len(ran.text.splitlines()) == 2
    assert "harbor  hb110" in ran.text


async def test_units_are_for_people_and_raw_is_for_machines(reading: Cuectl) -> None:
    people = (await reading("hosts", "--down", "--no-headers")).text
    assert "127G/127G" in people
    assert " ago" in people
    raw = (await reading("hosts", "--down", "--no-headers", "--raw")).text
    assert " ago" not in raw
    assert "G/" not in raw


async def test_forms(reading: Cuectl) -> None:
    whole = (await reading("shows", "-o", "json")).json
    assert [show["name"] for show in whole["shows"]["shows"]] == ["demo", "harbor", "northwind"]
    assert yaml.safe_load((await reading("shows", "-o", "yaml")).text) == whole
    lines = (await reading("shows", "-o", "ndjson")).text.splitlines()
    assert [*map(json.loads, lines)] == whole["shows"]["shows"]
    head, *rows = csv.reader(StringIO((await reading("shows", "-o", "csv")).text))
    assert head[:2] == ["name", "showStats.deadFrames"]
    assert [row[0] for row in rows] == ["demo", "harbor", "northwind"]


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("jobs --where foo>1", WRONG_USAGE, "cuectl: --where: job.Job has no field 'foo'"),
        ("jobs --count-by foo", WRONG_USAGE, "cuectl: --count-by: job.Job has no field 'foo'"),
        (f"priority {LENA}", WRONG_USAGE, "Missing argument 'PRIORITY'\n"),
        ("lock --why render-node-01", WRONG_USAGE, "No such option '--why'\n"),
        (f"kill {LENA} --range 1001", WRONG_USAGE, "for that: cuectl kill-frames\n"),
        ("set-size local.general.demo many", WRONG_USAGE, "'many' is not a number; write it like"),
        (f"min-memory {LENA} comp lots", WRONG_USAGE, "'lots' is no size with a unit; write it"),
        (
            f"min-memory {LENA} comp 12",
            WRONG_USAGE,
            "'12' is no size with a unit; write it like 16GB",
        ),
        ("set-burst local.general.demo +50", WRONG_USAGE, "'+50' is a change: write the new value"),
        (
            "set-burst demo 50",
            WRONG_USAGE,
            "'demo' is no subscription; write it like local.general.demo",
        ),
        (
            "set-burst local.general 50",
            WRONG_USAGE,
            "'local.general' is no subscription; write it like local.general.demo",
        ),
        (f"min-memory {LENA} cmop 4GB", NOT_FOUND, "did you mean 'comp'?"),
        ("lock --yess", WRONG_USAGE, "No such option '--yess'; did you mean --yes?\n"),
        (
            f"eat {DYING} --range 1007-beauty --layer beauty",
            WRONG_USAGE,
            "--range 1007-beauty has a layer, too: leave out --layer, or write --range 1007\n",
        ),
        ("services", WRONG_USAGE, "No such command 'services'; there is cuectl call Service/Get"),
        ("users", WRONG_USAGE, "No such command 'users'\n"),
        ("qqqq", WRONG_USAGE, "No such command 'qqqq'\n"),
        (
            f"frames {LENA} --where runtime>5m",
            WRONG_USAGE,
            "of what has not ended, write startTime>",
        ),
        ("frames --where nope>1", WRONG_USAGE, "cuectl: --where: job.Frame has no field 'nope'; "),
        (f"frames {LENA} --sort -memory", WRONG_USAGE, "no field 'memory'; did you mean MEM?\n"),
        (
            "procs --memory 4G",
            WRONG_USAGE,
            "No such option '--memory'; for that: --where, with a condition on MEM",
        ),
        (f"retry {DYING} running", NOT_FOUND, "retry: nothing was done, 1 of 2 not found"),
        (f"min-memory {LENA} comp 5B", WRONG_USAGE, "5B is too little: it would be 0"),
        ("set-size local.general.demo 0.001", WRONG_USAGE, "0.001 is too little: it would be 0"),
        (
            "unlock --all",
            FAILED,
            "not done: unlock all 1 host? (no terminal to ask on: add --yes)\n",
        ),
        ("unlock all", FAILED, "not done: unlock all 1 host? (no terminal to ask on: add --yes)\n"),
        (f"min-memory {LENA} --where name:comp 5GB", WRONG_USAGE, "No such option '--where'"),
        ("jobs --count-by nope", WRONG_USAGE, "--count-by: job.Job has no field 'nope'"),
        ("logs --count-by log", WRONG_USAGE, "log is no field of the rows"),
        ("frames --count-by runtime", WRONG_USAGE, "runtime is no field of the rows"),
        ("why --watch", WRONG_USAGE, "--watch shows no reasons"),
        (f"depends {LENA} --reverse", WRONG_USAGE, "for that: cuectl dependents\n"),
        ("jobs --sort-by foo", WRONG_USAGE, "cuectl: --sort-by: job.Job has no field 'foo'"),
        (
            "jobs --where deadFrames",
            WRONG_USAGE,
            "quote the condition, such as --where 'deadFrames > 2'\n",
        ),
        (
            "jobs --fields name,pry",
            WRONG_USAGE,
            "--fields: there is no 'pry'; did you mean PRI?\n",
        ),
        ("jobs --fields zzzz", WRONG_USAGE, "--fields: there is no 'zzzz'; there are the columns"),
        (
            "frames --fields log",
            WRONG_USAGE,
            "--fields: there is no 'log'; for that: cuectl logs\n",
        ),
        ("jobs --fields ,", WRONG_USAGE, "--fields: expected columns or fields"),
        ("jobs --fields name -o name", WRONG_USAGE, "-o name prints names only"),
        ("jobs --fields name --count-by name", WRONG_USAGE, "leave out one of them"),
        ("pause", WRONG_USAGE, "Missing argument 'JOB...' (- reads names from a pipe; --show and"),
        (
            f"pause {DYING} --show demo",
            WRONG_USAGE,
            f"{DYING}: not among the jobs that --show chooses\n",
        ),
        ("pause zzz*", NOT_FOUND, "'zzz*' is not among the pending jobs"),
        (
            "comment render-node-07 slow",
            NOT_FOUND,
            "among the hosts; did you mean cuectl host-comment render-node-07 slow?\n",
        ),
        (f"shows {LENA}", NOT_FOUND, f"for that: cuectl jobs {LENA}\n"),
        # Words that look change nothing, and what asks is only suggested.
        ("get lock desk-203", WRONG_USAGE, "did you mean cuectl lock desk-203?\n"),
        ("get launch x.xml", WRONG_USAGE, "did you mean cuectl launch x.xml?\n"),
        ("list submit x.xml", WRONG_USAGE, "did you mean cuectl launch x.xml?\n"),
        ("list reboot desk-201", WRONG_USAGE, "did you mean cuectl reboot desk-201?\n"),
        (f"describe {LENA} --kill", WRONG_USAGE, "No such command 'describe'\n"),
        (f"cancel {LENA}", WRONG_USAGE, f"did you mean cuectl kill {LENA}?\n"),
        (f"set {LENA} --kill --yes", WRONG_USAGE, "No such command 'set'"),
        ("delete --show demo --yes", WRONG_USAGE, "did you mean cuectl kill --show demo --yes?\n"),
        ("delete host desk-203 --yes", WRONG_USAGE, "No such command 'delete'"),
        # Nothing is about more than was said.
        ("kill --job --all --yes", WRONG_USAGE, "Option '--job' requires an argument.\n"),
        (
            "lock --host --alloc local.desktop",
            WRONG_USAGE,
            "Option '--host' requires an argument.\n",
        ),
        (
            f"kill {LENA} nosuch --show demo --yes",
            WRONG_USAGE,
            "nosuch: not among the jobs that --show chooses\n",
        ),
        ("kill - --show demo --yes", WRONG_USAGE, "leave out either - or --show\n"),
        (
            "pause all",
            FAILED,
            "not done: pause all 6 jobs? (no terminal to ask on: add --yes)\n",
        ),
        (
            "booking --all no",
            FAILED,
            "not done: booking all 3 shows -> no? (no terminal to ask on: add --yes)\n",
        ),
        (f"retry {DYING} --all", FAILED, "not done: Run 8 DEAD or EATEN or SUCCEEDED frames of"),
        (f"retry {DYING} --running", WRONG_USAGE, "No such option '--running'"),
        ("create-limit add", WRONG_USAGE, "Missing argument 'MOST'"),
        (
            "pause harbor",
            NOT_FOUND,
            "harbor is among the shows; for its jobs: cuectl pause --show harbor\n",
        ),
        (f"min-memory --layer comp {LENA} 1GB", WRONG_USAGE, "No such option '--layer'"),
        ("pause --job", WRONG_USAGE, "Option '--job' requires an argument.\n"),
        ("pause --show dmeo", NOT_FOUND, "'dmeo' is not among the shows; did you mean demo?"),
        ("pause --where nope=1", WRONG_USAGE, "--where: job.Job has no field 'nope'"),
        (f"frames {LENA} {DYING} --watch", WRONG_USAGE, "--watch shows one job"),
        ("priority 7", WRONG_USAGE, "Missing argument 'JOB...', before PRIORITY (- reads names"),
        ("get", WRONG_USAGE, "No such command 'get'\n"),
        (f"move {LENA} lights", NOT_FOUND, f"did you mean cuectl regroup {LENA} lights?\n"),
        (f"comment {LENA} two words", NOT_FOUND, "a text of several words needs quotes"),
        (f"comment {LENA} x --subject a --subject b", WRONG_USAGE, "--subject is given 2 times"),
        (
            f"retry {LENA} --range 1001 --range 1002-comp",
            WRONG_USAGE,
            "--range: '1001,1002-comp' does not fit; write it like 1001-1010\n",
        ),
        ("raise-limit arnold 5", WRONG_USAGE, "did you mean set-limit?\n"),
        ("jbos", WRONG_USAGE, "No such command 'jbos'; did you mean jobs?"),
        ("jobs --nothing", WRONG_USAGE, "No such option"),
        ("frames demo-typo", NOT_FOUND, "cuectl: NOT_FOUND: "),
        ("pause demo-typo", NOT_FOUND, "cuectl: NOT_FOUND: "),
        (f"priority {LENA} many", WRONG_USAGE, "'many' is not an integer; write it like 100"),
        (f"priority {LENA} 1.5", WRONG_USAGE, "'1.5' is not an integer; write it like 100"),
        (f"priority {LENA} 99999999999", WRONG_USAGE, "out of range for a 32-bit integer"),
        (f"frames {LENA} --range abc", WRONG_USAGE, "'abc' does not fit; write it like 1001-1010"),
        (f"frames {LENA} --range 1001-", WRONG_USAGE, "'--range': '1001-' does not fit"),
        (f"retry {LENA} --range 1,x", WRONG_USAGE, "'--range': '1,x' does not fit"),
        (f"frames {LENA} --state DED", WRONG_USAGE, "there is no 'DED'; did you mean DEAD?"),
        ("hosts --state awake", WRONG_USAGE, "there is no 'awake'; it is one of UP, DOWN, "),
        ("launch /dev/null", WRONG_USAGE, "/dev/null is empty"),
        ("call Job/GetJobs usr=x", WRONG_USAGE, "unknown field `usr`; did you mean `r.users`?"),
        ("pause -", WRONG_USAGE, "cuectl: there is no name on standard input\n"),
        ("--url http://127.0.0.1:1 jobs", UNAVAILABLE, "cannot be reached"),
        (
            "move render-node-07 nope",
            NOT_FOUND,
            "not among the allocations; there are local.desktop, local.general (",
        ),
    ],
)
async def test_what_is_wrong(reading: Cuectl, line: str, status: int, problem: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.out) == (status, b"")
    assert problem in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "line",
    [
        ["lock", ""],
        ["retry", LENA, "--layer", ""],
        ["jobs", "--user", " "],
        ["pause", "--show", ""],
    ],
)
async def test_what_is_empty_is_no_name(reading: Cuectl, line: list[str]) -> None:
    """A variable of a script that is not set would change everything."""
    ran = await reading(*line)
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert "it is empty" in ran.err


X = LENA.replace("003", "033")


@pytest.mark.parametrize(
    ("line", "near"),
    [
        (f"job {X}", LENA),
        (f"layers {X}", LENA),
        (f"frames {X}", LENA),
        (f"follow {X}", LENA),
        (f"retry {X}", LENA),
        (f"eat {X} --yes", LENA),
        (f"kill {X} --yes", LENA),
        (f"pause {X}", LENA),
        (f"resume {X}", LENA),
        (f"priority {X} 7", LENA),
        (f"comment {X} hello", LENA),
        ("lock render-nod-07", "render-node-07"),
        ("unlock render-nod-07", "render-node-07"),
        ("move render-nod-07 local.general", "render-node-07"),
        ("move render-node-07 local.genral", "local.general"),
        (f"retry {LENA} --layer cmop", "comp"),
        (f"call Job/GetJob id={X}", LENA),
    ],
)
async def test_a_misspelled_name_is_told(newcomer: Cuectl, line: str, near: str) -> None:
    ran = await newcomer(*line.split())
    assert (ran.status, ran.out) == (NOT_FOUND, b"")
    assert re.search(f"; did you mean '?{near}'?\\?", ran.err)


async def test_each_of_several_misspelled_names_is_told(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    """The gateway tells one a second."""
    ran = await cuectl("pause", X, DYING[:-1] + "5", "nothing-like-it")
    assert ran.status == NOT_FOUND
    assert ran.err.startswith("pause: nothing was done, 3 of 3 not found\n")
    assert ran.err.count("did you mean") == 2
    assert LENA in ran.err
    assert DYING in ran.err
    assert calls_of(cuebot, "Pause") == 0
    assert "--range" not in (await cuectl("retry", X, DYING)).err


@pytest.mark.parametrize(
    "line",
    [
        *("kill", "kill --yes", "kill --dry-run", "pause", "resume", "priority", "max-cores"),
    ],
)
async def test_nothing_is_done_if_one_of_several_names_is_wrong(
    reading: Cuectl, simulated_cuebot: SimulatedCuebot, line: str
) -> None:
    """Somebody took a frame for another argument, and would have lost the whole job."""
    verb, *options = line.split()
    value = ["77"] if verb in ("priority", "max-cores") else []
    simulated_cuebot.calls.clear()
    ran = await reading(verb, DYING, "1006-beauty", *value, *options)
    assert (ran.status, ran.out) == (NOT_FOUND, b"")
    first, second = ran.err.splitlines()
    assert first == f"{verb}: nothing was done, 1 of 2 not found"
    assert second.startswith("  '1006-beauty' is not among the ")
    calls = [path.rpartition("/")[2] for path, *_ in simulated_cuebot.calls]
    assert [each for each in calls if not each.startswith(("Get", "Find"))] == []


async def test_a_layer_beside_a_pipe_is_no_job(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """It would be ignored, and all frames of the jobs be changed."""
    ran = await cuectl("kill-frames", "-", "comp", "--yes", given=f"{LENA}\n{DYING}\n")
    assert ran.status == NOT_FOUND
    assert ran.err.startswith("kill-frames: nothing was done, 1 of 3 not found\n  'comp' is not")
    hidden = ",".join((JOB_NAMES, "job.JobInterface/GetLayers"))
    async with gateway_for(cuebot.endpoint, exclude_services=hidden) as unlisted:
        ran = await Cuectl(unlisted, cuectl.folder)("retry", DYING, "comp")
    assert ran.status == NOT_FOUND
    assert "nothing was done: comp: " in ran.err
    assert calls_of(cuebot, "KillFrames") + calls_of(cuebot, "RetryFrames") == 0


async def test_names_in_a_pipe_that_have_gone_stop_no_others(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    ran = await cuectl("pause", "-", given=f"{DYING}\ngone-since\n")
    assert ran.status == FAILED
    assert "pause: 1 of 2 jobs, 1 failed\n" in ran.err
    assert calls_of(cuebot, "Pause") == 1
    ran = await cuectl("retry", "-", given=f"{DYING}\ngone-since\n")
    assert ran.status == FAILED
    assert ran.err.startswith(
        "retry: 3 DEAD frames of 1 of 2 jobs, 1 failed\n  gone-since: NOT_FOUND"
    )


async def test_a_job_among_several_may_be_an_id_or_in_capitals(cuectl: Cuectl) -> None:
    id_ = (await cuectl("jobs", "--where", f"name={DYING}", "-o", "ndjson")).json["id"]
    ran = await cuectl("pause", LENA.upper(), id_)
    assert (ran.status, ran.err) == (0, "pause: 2 jobs\n")


HARBOR = rule("harbor", {"role": "artist"}, "all", see="show = harbor")


async def test_names_that_a_rule_hides_are_not_told(
    cuebot: SimulatedCuebot, cuectl: Cuectl, tmp_path: Path
) -> None:
    async with gateway_for(cuebot.endpoint, access=[HARBOR]) as gateway:
        kim = Cuectl(gateway, tmp_path)
        kim.environ["TOKEN"] = signed("kim", role="artist")["Authorization"].removeprefix("Bearer ")
        for line in (f"pause {X} {DYING[:-1]}5", f"job {X}", f"frames {X}"):
            ran = await kim(*line.split())
            assert ran.status != 0
            assert LENA not in ran.err
        assert "did you mean" not in ran.err
        ran = await kim("pause", f"{DYING[:-1]}5", X)
        assert DYING in ran.err


async def test_a_layer_of_one_of_several_jobs_is_no_mistake(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    ran = await cuectl("retry", LENA, DYING, "--layer", "beauty")
    assert (ran.status, ran.err) == (0, "retry: 3 DEAD frames of 1 job; 1 had none\n")


@pytest.mark.parametrize("verb", ["procs", f"frames {LENA} --state RUNNING"])
async def test_a_host_is_a_column_without_cores(reading: Cuectl, verb: str) -> None:
    ran = await reading(*verb.split(), "-o", "csv")
    rows = [*csv.DictReader(StringIO(ran.text))]
    hosts = (await reading("hosts", "-o", "name")).text.split()
    assert rows
    assert {row["host"] for row in rows} <= {*hosts}
    ran = await reading(*verb.split())
    assert "HOST" in ran.text.splitlines()[0]
    assert "/2.00" not in ran.text


async def test_who_i_am(reading: Cuectl) -> None:
    for line in ("whoami", "me", "auth status"):
        ran = await reading(*line.split())
        rows = dict(each.split(maxsplit=1) for each in ran.text.splitlines())
        assert (ran.status, rows["user"]) == (0, "lena")
        assert rows["gateway"] == f"{reading.gateway.url} (GATEWAY_URL or --url)"
        assert re.fullmatch(r"expires in \w+", rows["token"])
        assert re.match(r"29\d, ", rows["methods"])
        assert {"jobs", "kill"} <= {*rows["verbs"].split(", ")}
    ran = await reading("can-i", "kill", "fly")
    assert [*map(str.split, ran.text.splitlines())][-2:] == [["kill", "yes"], ["fly", "no"]]
    ran = await reading("whoami", "follow", "call")
    assert [*map(str.split, ran.text.splitlines())][-2:] == [["follow", "yes"], ["call", "yes"]]
    ran = await reading("whoami", TOKEN="nonsense")
    assert (ran.status, ran.out) == (FAILED, b"")
    assert "UNAUTHENTICATED" in ran.err or "PERMISSION_DENIED" in ran.err


async def test_help_of_verbs(reading: Cuectl) -> None:
    words = " ".join((await reading("pause", "--help")).text.split())
    assert "Usage: cuectl pause [OPTIONS] JOB... Pause a job" in words
    pipe = "- reads them from a pipe: cuectl jobs … -o name | cuectl pause -"
    assert f"There may be several JOBs; {pipe}" in words
    words = " ".join((await reading("frames", "--help")).text.split())
    assert "for --where, --sort-by and --fields: name, state, retryCount (RETRIES), " in words
    assert "lluTime (LAST LOG), id." in words


async def test_what_destroys_asks(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """Without a terminal the answer is no."""
    ran = await cuectl("kill", LENA, DYING, given="y\n")
    assert ran.status == FAILED
    assert ran.err.startswith(f"cuectl: not done: Kill {LENA}, {DYING}?")
    assert calls_of(cuebot, "Kill") == 0
    ran = await cuectl("kill", LENA, DYING, "--yes")
    assert (ran.status, ran.err) == (0, "kill: 2 jobs\n")
    assert calls_of(cuebot, "Kill") == 2


async def test_a_read_is_not_about_very_many(
    reading: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MOST_READ", 3)
    ran = await reading("frames", "--dead")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert (
        "there are 7 jobs or more; choose some by name, or with --show, --mine, --user" in ran.err
    )
    assert (await reading("frames", "--dead", "--show", "harbor")).status == 0


async def test_options_choose_what_is_changed(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """What is chosen is told, and asked about where that is lost."""
    ran = await cuectl("pause", "--show", "demo", "--where", "dead=0 or user=marco")
    assert (ran.status, ran.err) == (0, f"pause: 1 job ({LENA})\n")
    assert calls_of(cuebot, "Pause") == 1
    ran = await cuectl("kill", "--user", "lena")
    assert ran.status == FAILED
    assert ran.err.startswith(f"cuectl: not done: Kill {LENA}?")
    ran = await cuectl("retry", "--failed", "--layer", "beauty", "--range", "1006-1011")
    assert ran.err == f"retry: 4 DEAD frames of 2 jobs ({LIGHT}, {DYING})\n"
    ran = await cuectl("move", "--alloc", "local.desktop", "local.general")
    assert ran.err.startswith("move: 3 hosts -> local.general (desk-201, ")
    ran = await cuectl("hosts", "--alloc", "local.desktop", "-o", "name")
    assert (ran.status, ran.text) == (0, "")
    ran = await cuectl("lock", "--down", "--idle")
    assert (ran.status, ran.err[:26]) == (0, "cuectl: no rows fit all of")
    ran = await cuectl("set-limit", "--where", "name:nuke", "9")
    assert ran.err == "set-limit: 1 limit -> 9 (nuke_render)\n"


async def test_a_text_is_no_value_to_repeat(cuectl: Cuectl) -> None:
    ran = await cuectl("comment", LENA, DYING, "look at it")
    assert (ran.status, ran.err) == (0, "comment: 2 jobs\n")


async def test_why_a_job_is_killed_stays_with_it(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl("kill", LENA, "--yes", "--reason", "wrong plate")
    assert (ran.status, ran.err) == (0, "kill: 1 job, with a reason\n")
    methods = [path.rpartition("/")[2] for path, *_ in cuebot.calls]
    assert methods.index("AddComment") < methods.index("Kill")
    cuebot.calls.clear()
    ran = await cuectl("kill", X, "--yes", "--reason", "again")
    assert ran.status == NOT_FOUND
    assert calls_of(cuebot, "Kill") == 0


UNCHANGED = " that this would change"


async def test_one_change_is_told(cuectl: Cuectl) -> None:
    ran = await cuectl("pause", LENA, "--comment", "look at it", "--dry-run")
    assert (ran.status, ran.err) == (0, "pause: would be 1 job, with a comment\n")
    ran = await cuectl("pause", LENA)
    assert (ran.status, ran.out, ran.err) == (0, b"", "pause: 1 job\n")
    ran = await cuectl("pause", "--user", "lena")
    assert (ran.status, ran.out, ran.err) == (
        0,
        b"",
        "there are no such jobs that this would change\n",
    )


@pytest.mark.parametrize(
    ("line", "status", "told", "calls"),
    [
        (f"retry {DYING}", 0, "retry: 3 DEAD frames of 1 job\n", 1),
        (f"retry {DYING} --frame 1006-beauty", 0, "retry: 1 DEAD frame of 1 job\n", 1),
        (f"retry {DYING} 1006-beauty", 0, "retry: 1 DEAD frame of 1 job\n", 1),
        (f"retry {DYING} {LIGHT} beauty", 0, "retry: 5 DEAD frames of 2 jobs\n", 2),
        (f"eat {DYING} 1006 1007 --yes", 0, "eat: 2 DEAD frames of 1 job\n", 1),
        (
            f"eat 1006-beauty {DYING} --yes",
            NOT_FOUND,
            "eat: nothing was done, 1 of 2 not found\n",
            0,
        ),
        (f"retry {DYING} --range 1006-1007", 0, "retry: 2 DEAD frames of 1 job\n", 1),
        (f"retry {DYING} {LENA} {LIGHT}", 0, "retry: 5 DEAD frames of 2 jobs; 1 had none\n", 2),
        (f"retry {DYING} --dry-run", 0, "retry: would be 3 DEAD frames of 1 job\n", 0),
        (f"eat {DYING} --yes --range 1006", 0, "eat: 1 DEAD frame of 1 job\n", 1),
        (f"retry {LENA}", 0, f"cuectl: retry: nothing to do: no DEAD frames of {LENA}\n", 0),
        (
            f"retry {LENA} --state RUNNING",
            FAILED,
            f"cuectl: not done: Run 3 RUNNING frames of {LENA} again? Running ones are killed, and"
            " what is done is rendered anew (no terminal to ask on: add --yes)\n",
            0,
        ),
        (
            f"retry {DYING} --state dead,EATEN --yes",
            0,
            "retry: 3 DEAD or EATEN frames of 1 job\n",
            1,
        ),
        (f"retry {DYING} --state DEAD", 0, "retry: 3 DEAD frames of 1 job\n", 1),
        (
            f"retry {DYING} --range 1001-1006 --all --yes",
            0,
            "retry: 6 DEAD or EATEN or SUCCEEDED frames of 1 job\n",
            1,
        ),
        (
            f"eat {LENA} {PAUSED} --yes --state EATEN --state DEAD",
            0,
            f"cuectl: eat: nothing to do: no EATEN or DEAD frames of {LENA}, {PAUSED}\n",
            0,
        ),
        (
            f"eat {LENA} --layer comp --range 17",
            NOT_FOUND,
            f"cuectl: eat: nothing to do: no DEAD frames of {LENA}, layer comp, range 17\n",
            0,
        ),
        (
            f"eat {DYING} --layer beauty",
            FAILED,
            f"cuectl: not done: Eat 3 DEAD frames of {DYING}, layer beauty? They are given up"
            " (no terminal to ask on: add --yes)\n",
            0,
        ),
    ],
)
async def test_what_a_change_is_about_is_counted(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, status: int, told: str, calls: int
) -> None:
    ran = await cuectl(*line.split())
    assert (ran.status, ran.err[: len(told)]) == (status, told)
    assert calls_of(cuebot, "RetryFrames") + calls_of(cuebot, "EatFrames") == calls


async def test_what_may_not_be_counted_is_changed(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """Also if the cached document still has the read."""
    method = "job.JobInterface/GetFrames"
    async with gateway_for(cuebot.endpoint, exclude_services=method) as blind:
        cuectl = Cuectl(blind, cuectl.folder)
        assert "Eat DEAD frames of" in (await cuectl("eat", DYING)).err
        for file in (cuectl.folder / "cache").rglob("*-verbs.json"):
            whole = json.loads(file.read_text(encoding="utf-8"))
            whole["verbs"]["verbs"]["retry"]["counts"]["method"] = f"/{method}"
            file.write_text(json.dumps(whole), encoding="utf-8")
        for names in ([DYING], [DYING, LIGHT]):
            ran = await cuectl("retry", *names)
            jobs = f"{len(names)} job{'s' * (len(names) > 1)}"
            assert (ran.status, ran.err) == (0, f"retry: {jobs}\n")


async def test_a_dry_run_calls_nothing(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl("kill", LENA, "--dry-run")
    assert ran.status == 0
    assert ran.text.startswith("would call job.JobInterface/Kill {")
    assert ran.text.endswith(f'"job":{{"name":"{LENA}"}}}}\n')
    assert ran.err == "kill: would be 1 job\n"
    assert calls_of(cuebot, "Kill") == 0


async def many(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """What fails is told afterwards, where no list of names tells it before."""
    ran = await cuectl("pause", LENA, "-", "demo-typo", given=f"{DYING}\n\n{LENA}\n")
    assert ran.status == FAILED
    first, second, *_ = ran.err.splitlines()
    assert first == "pause: 2 of 3 jobs, 1 failed"
    assert second.startswith("  demo-typo: NOT_FOUND: ")
    assert calls_of(cuebot, "Pause") == 2


async def test_many_at_once(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """In one request, each name once."""
    async with gateway_for(cuebot.endpoint, exclude_services=JOB_NAMES) as unlisted:
        lines = unlisted.access_lines()
        await many(Cuectl(unlisted, cuectl.folder), cuebot)
    paths = [line.get("path") for line in lines]
    assert "/batch" in paths


async def not_served(client: BatchClient, items: Sequence[object]) -> AsyncIterator[object]:
    for item in items:
        if item is not None:
            raise CallError("UNIMPLEMENTED", NOT_SERVED)
        yield item


async def test_many_without_batches(
    cuectl: Cuectl, cuebot: SimulatedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchClient, "answers", not_served)
    async with gateway_for(cuebot.endpoint, exclude_services=JOB_NAMES) as unlisted:
        await many(Cuectl(unlisted, cuectl.folder), cuebot)


async def test_many_wait_for_the_rate_limit(
    cuebot: SimulatedCuebot, cuectl: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchClient, "answers", not_served)
    async with gateway_for(cuebot.endpoint, rate_limit_rps=2, rate_limit_burst=3) as slow:
        limited = Cuectl(slow, cuectl.folder)
        ran = await limited("pause", LENA, DYING, PAUSED, "demo-sh010-artist1_light_v012")
    assert (ran.status, ran.err) == (0, "pause: 4 jobs\n")


async def test_other_arguments_follow_those_that_repeat(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    ran = await cuectl("priority", LENA, DYING, "77")
    assert ran.status == 0
    ran = await cuectl("jobs", "--where", "priority=77", "-o", "name", "--sort-by", "name")
    assert ran.text == f"{LENA}\n{DYING}\n"


async def test_numbers_of_cores_are_set(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    assert (await cuectl("max-cores", LENA, DYING, "50")).err == "max-cores: 2 jobs -> 50\n"
    assert (await cuectl("min-cores", LENA, "2")).status == 0
    ran = await cuectl("jobs", "--where", "maxCores=50 and minCores=2", "-o", "name")
    assert ran.text == f"{LENA}\n"


async def test_the_document_is_asked_for_once(
    cuectl: Cuectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then whether it has changed; its files are nobody else's."""
    lines = cuectl.gateway.access_lines()

    def asked() -> list[object]:
        return [line["status"] for line in lines if line.get("path") == "/openapi.json"]

    for _ in range(2):
        assert (await cuectl("shows")).status == 0
    assert asked() == [200]
    monkeypatch.setattr(schema_cache, "FRESH_SECONDS", 0.0)
    assert (await cuectl("shows")).status == 0
    assert asked() == [200, 304]
    files = [*(cuectl.folder / "cache").rglob("*.json")]
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_a_token_has_the_verbs_that_it_may_use(
    cuebot: SimulatedCuebot, cuectl: Cuectl
) -> None:
    async with gateway_for(cuebot.endpoint, exclude_services="show.*") as narrow:
        ran = await Cuectl(narrow, cuectl.folder)("shows")
    assert ran.status == WRONG_USAGE
    assert "No such command 'shows'" in ran.err


async def test_without_a_document_methods_can_be_called(
    cuebot: SimulatedCuebot, cuectl: Cuectl
) -> None:
    async with gateway_for(cuebot.endpoint, docs="off") as closed:
        other = Cuectl(closed, cuectl.folder)
        assert (await other("jobs")).status == WRONG_USAGE
        ran = await other("call", "Show/GetShows", "-o", "name")
    assert (ran.status, ran.text.split()) == (0, ["demo", "harbor", "northwind"])


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        (
            "jobs --show harbour",
            NOT_FOUND,
            "'harbour' is not among the shows; did you mean harbor?",
        ),
        ("hosts --alloc general", NOT_FOUND, "'general' is not among the allocations"),
        ("procs --job nobodys --show demo", 0, "'nobodys' is not among the pending jobs"),
        (
            "jobs --user lenna",
            0,
            "'lenna' is not among the users of pending jobs; did you mean lena?",
        ),
        ("jobs --shot sh0100", 0, "'sh0100' is not among the shots of pending jobs; did"),
        (
            f"frames {LENA} --layer cmop",
            NOT_FOUND,
            "'cmop' is not among the layers; did you mean comp?",
        ),
    ],
)
async def test_a_name_that_nothing_has_is_told(
    reading: Cuectl, line: str, status: int, told: str
) -> None:
    """It is an error where all names are known: a user without a pending job may be one."""
    ran = await reading(*line.split(), "-o", "name")
    assert (ran.status, ran.text) == (status, "")
    assert ran.err.startswith(f"cuectl: {told}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "hosts --down --locked",
            "no rows fit all of --down, --locked; --where takes 'state=DOWN or load>=100'",
        ),
        ("hosts --down --locked --match zzz", "no rows fit all of --down, --locked, --match; "),
        ("hosts --locked --match zzz --idle", "no rows fit all of --locked, --idle, --match; "),
        ("procs --show demo --host render-node-07", "no rows fit all of --host, --show\n"),
        ("jobs --show northwind --paused", "no rows fit all of --show, --paused\n"),
        ("jobs --mine --paused", "nothing fits: --mine is lena\n"),
        ("hosts --match zzz", "no hosts fit"),
        ("host-comments render-node-02 -o csv", "no host-comments"),
        ("shows --no-headers -o csv --limit 0", "no shows"),
        ("jobs --finished --match zzz", "no jobs fit"),
        ("jobs --show harbour --failed --paused", "'harbour' is not among the shows; did you mean"),
        ("hosts --down --match render", ""),
    ],
)
async def test_several_options_that_no_row_fits_are_told(
    reading: Cuectl, line: str, told: str
) -> None:
    ran = await reading(*line.split())
    assert ran.status == (NOT_FOUND if "among" in told else 0)
    assert ran.err.removeprefix("cuectl: ").startswith(told)
    assert len(ran.err.splitlines()) == bool(told)


@pytest.mark.parametrize(
    ("verb", "example"),
    [
        ("jobs", "isPaused or jobStats.deadFrames>0"),
        ("hosts", "state=DOWN or load>=100"),
        (f"frames {LENA}", "state=DEAD or retryCount>2"),
        ("shows", "name:comp"),
    ],
)
async def test_help_has_a_condition_that_can_be_asked(
    reading: Cuectl, verb: str, example: str
) -> None:
    words = " ".join((await reading(*verb.split(), "--help")).text.split())
    assert f"Rows that fit, such as '{example}'." in words
    assert (await reading(*verb.split(), "--where", example)).status == 0


async def test_finished_jobs_are_told_from_others(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    finish_job(cuebot.farm, cuebot.farm.pending[LENA])
    ran = await cuectl("jobs", "--finished", "--user", "lena", "-o", "csv", "--no-headers")
    assert ran.text.startswith(f'"{LENA}","FINISHED",')
    assert '"PENDING"' not in ran.text
    head, *rows = (await cuectl("jobs", "--all")).text.splitlines()
    assert head.split()[:3] == ["NAME", "STATE", "USER"]
    assert {tuple(row.split()[:2]) for row in rows} >= {(LENA, "FINISHED"), (DYING, "PENDING")}
    assert "STATE" not in (await cuectl("jobs")).text.splitlines()[0]
    wide = (await cuectl("jobs", "--finished", "-o", "wide")).text.splitlines()[0]
    assert wide.split().count("STATE") == 1
    assert LENA in (await cuectl("jobs", "--finished", "-o", "name")).text.split()


async def test_what_the_gateway_knows_of_a_name_is_told(
    cuectl: Cuectl, cuebot: SimulatedCuebot
) -> None:
    """Another name would be a wrong advice."""
    finish_job(cuebot.farm, cuebot.farm.pending[LENA])
    ran = await cuectl("priority", LENA, "90")
    assert ran.status == NOT_FOUND
    assert ran.err.startswith(f"cuectl: NOT_FOUND: job '{LENA}' is finished, and names find")
