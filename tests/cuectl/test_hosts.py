"""Verbs of hosts, and of what runs there, on the demo's farm."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from cuectl.verbs import hosts
from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.support.rights import rule, signed
from tests.support.servers import gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LENA, PAUSED = "demo-sh010-lena_comp_v003", "demo-sh020-marco_smoke_v001"
LENA_ID = "25764fb1-43a3-586d-835b-8b0c29407386"
DESK_ID = "3d1a3ec1-3846-5461-87af-414591cd85da"
TOMAS = "harbor-hb110-tomas_light_v004"
IDLE_JOB = "northwind-ep02_031-artist1_roto_v001"
LOCKED = "NAME,LOCK,LOCKED BY,WHY"


def calls_of(cuebot: SimulatedCuebot, method: str) -> int:
    return sum(path.endswith(f"/{method}") for path, *_ in cuebot.calls)


def lines_of(text: str) -> Iterator[list[str]]:
    return map(str.split, text.splitlines())


async def locked(cuectl: Cuectl) -> dict[str, str]:
    """Who has locked the hosts and why, by their names; a dash for nobody."""
    ran = await cuectl("hosts", "--locked", "--fields", LOCKED, "--no-headers")
    assert ran.status == 0
    rows = (line.split(maxsplit=3) for line in ran.text.splitlines())
    return {row[0]: f"{row[2]}: {row[3]}" for row in rows}


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hosts --down -q", "render-node-07"),
        ("hosts --up --unlocked --allocation local.desktop -q", "desk-201\ndesk-203"),
        ("hosts desk-203 desk-201 -q", "desk-201\ndesk-203"),
        ("hosts desk-20? render-node-06 --open -q", "desk-201\ndesk-203"),
        ("hosts --locked -q", "desk-202\nrender-node-06"),
        ("hosts --tag desktop --match 3 -q", "desk-203"),
        ("hosts --state down,repair -q", "render-node-07"),
        ("hosts --fields STATE,name --where state=DOWN -o csv --no-headers",
         '"DOWN","render-node-07"'),
        ("hosts --idle --count-by alloc --sum idle --no-headers",
         "local.desktop  2  16\nlocal.general  5  32"),
        (f"procs --count-by job --job {TOMAS} --no-headers", f"{TOMAS}  5"),
        ("procs --count-by host --host render-node-02 --no-headers", "render-node-02  3"),
        ("procs render-node-02 --count-by host --no-headers", "render-node-02  3"),
        ("procs render-node-01 *-03 --job demo-*lena* --fields host,frame -o csv --no-headers",
         '"render-node-01","1009-comp"\n"render-node-03","1011-comp"'),
        ("procs --mine --count-by user,layer --no-headers", "lena  comp  3"),
        ("procs --user artist2,lena --layer playblast --count-by user --no-headers", "artist2  2"),
        ("procs --where user=priya --fields mem --no-headers", "6G/8G\n6G/8G"),
        ("procs --alloc local.desktop -q", ""),
        ("procs --show harbor --sum cores --no-headers", "7  22"),
    ],
)  # fmt: skip
async def test_reads(reading: Cuectl, line: str, expected: str) -> None:
    ran = await reading(*line.split())
    assert (ran.status, ran.text.rstrip("\n")) == (0, expected)


async def test_load_is_in_whole_ones(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    by_name(cuebot.farm.hosts, "desk-201").load = 175
    by_name(cuebot.farm.hosts, "desk-203").load = 150
    ran = await cuectl("hosts", "--where", "load>1.5", "--fields", "name,load", "--no-headers")
    assert ran.text == "desk-201  1.75\n"


async def test_what_runs_says_for_whom_and_since_when(reading: Cuectl) -> None:
    ran = await reading("procs", "render-node-01")
    assert ran.text.split("\n")[0].split() == (
        ["HOST", "USER", "JOB", "LAYER", "FRAME", "CORES", "MEM", "STARTED"]
    )
    ran = await reading("procs", "render-node-01", "--mine", "-o", "json")
    (row,) = json.loads(ran.text)
    assert {"user": "lena", "host": "render-node-01", "layer": "comp"}.items() <= row.items()
    assert {"jobName": LENA, "usedMemory": "6291456", "memoryUsed": 0.75}.items() <= row.items()


@asynccontextmanager
async def wrangler(cuebot: SimulatedCuebot, folder: Path, *methods: str) -> AsyncIterator[Cuectl]:
    """Somebody who may only call these methods."""
    access = [rule("machines", {"role": "wrangler"}, *methods)]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        kim = Cuectl(gateway, folder)
        bearer = signed("kim", role="wrangler")["Authorization"]
        kim.environ["TOKEN"] = bearer.removeprefix("Bearer ")
        yield kim


async def test_without_a_right_to_jobs_nobody_has_users(
    cuebot: SimulatedCuebot, tmp_path: Path
) -> None:
    async with wrangler(cuebot, tmp_path, "host.*/*") as kim:
        ran = await kim("procs", "render-node-01")
        assert (ran.status, ran.text.split()[:2]) == (0, ["HOST", "JOB"])
        assert ran.err.startswith("cuectl: without USER: PERMISSION_DENIED: ")
        ran = await kim("procs", "--job", LENA, "-q")
        assert (ran.status, len(ran.text.splitlines())) == (0, 3)
        ran = await kim("procs", "--user", "lena")
        assert (ran.status, ran.out) == (FAILED, b"")


async def test_without_a_right_to_read_there_are_changes(
    cuebot: SimulatedCuebot, tmp_path: Path
) -> None:
    methods = ("host.HostInterface/GetHosts", "host.HostInterface/Lock")
    async with wrangler(cuebot, tmp_path, *methods) as kim:
        assert await locked(kim) == {
            "desk-202": "-: NIMBY: somebody works there",
            "render-node-06": "-: -",
        }
        ran = await kim("hosts", "--locked")
        assert ran.err.startswith("cuectl: without who and why of 1 host: PERMISSION_DENIED: ")
        ran = await kim("lock", "desk-201", "-m", "fan")
        assert "cuectl: lock: desk-201" in ran.err
        assert (ran.status, "PERMISSION_DENIED" in ran.err) == (FAILED, True)
    async with wrangler(cuebot, tmp_path, "host.HostInterface/Unlock") as kim:
        ran = await kim("unlock", "render-node-06")
        assert (ran.status, ran.err) == (0, "cuectl: unlock: render-node-06\n")


# --- who has locked, and why --------------------------------------------------------------------


async def test_who_has_locked_and_why(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """A comment says it, of what could be locked; a later one takes it back."""
    driver = {
        "desk-202": "-: NIMBY: somebody works there",
        "render-node-06": "wrangler: Testing the new driver",
    }
    assert await locked(cuectl) == driver
    ran = await cuectl("lock", "render-node-05", "*-06", "*-07", "--comment", "bad fan")
    assert (ran.status, ran.err) == (
        FAILED,
        "cuectl: lock: render-node-06: locked already\n"
        "cuectl: lock: 1 of 2 hosts, 1 failed with a comment\n  render-node-07: "
        "FAILED_PRECONDITION: host 'render-node-07' is DOWN and cannot be locked\n",
    )
    assert await locked(cuectl) == {**driver, "render-node-05": "lena: bad fan"}
    assert calls_of(cuebot, "AddComment") == 1
    await cuectl("host-comment", "render-node-05", "ticket 12")
    assert (await locked(cuectl))["render-node-05"] == "lena: bad fan"
    ran = await cuectl("unlock", "render-node-05", "--comment", "new fan")
    assert ran.err == "cuectl: unlock: render-node-05 with a comment\n"
    await cuectl("lock", "render-node-05")
    assert (await locked(cuectl))["render-node-05"] == "-: lena: ticket 12"


async def test_only_comments_on_locked_hosts_are_read(
    cuectl: Cuectl, cuebot: SimulatedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "MOST_COMMENTED", 2)
    await cuectl("host-comment", "desk-201", "desk-202", "slow")
    await cuectl("lock", "render-node-03", "render-node-04", "-m", "fan")
    ran = await cuectl("hosts", "--locked", "--fields", "name,why", "-o", "csv", "--no-headers")
    assert ran.err == "cuectl: who and why: only of 2 of 3 hosts\n"
    assert ran.text.splitlines()[1:] == [
        '"render-node-03","fan"',
        '"render-node-04","fan"',
        '"render-node-06",',
    ]
    assert calls_of(cuebot, "GetComments") == 2
    await cuectl("hosts")
    await cuectl("hosts", "--locked", "-q")
    assert calls_of(cuebot, "GetComments") == 2


# --- changes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told", "read", "expected"),
    [
        ("lock --alloc local.desktop", "3 hosts", "hosts --alloc local.desktop --count-by lock",
         "LOCKED  3"),
        ("unlock --locked", "render-node-06", "hosts --locked -q", "desk-202"),
        ("repair desk-201 -m disk", "desk-201 -> REPAIR with a comment",
         "hosts --state repair -q", "desk-201"),
        ("reboot render-node-02", "render-node-02", "hosts --state reboot_when_idle -q",
         "render-node-02"),
        ("add-tags desk-201 a,b", "desk-201 (a, b)", "hosts --tag b -q", "desk-201"),
        ("remove-tags desk-201 desk-203 desk-201", "2 hosts (desk-201)",
         "hosts --alloc local.desktop --fields tags", "desktop desktop,desk-202 desktop,desk-203"),
        ("move desk-201 desk-203 local.general", "2 hosts -> local.general",
         "hosts --alloc local.desktop -q", "desk-202"),
        ("host-comment desk-201 desk-203 slow", "2 hosts",
         "host-comments --fields host,subject,text", "desk-201 Note slow desk-203 Note slow "
         "render-node-06 Locked Testing the new driver"),
        ("lock desk-203 -m loud", "desk-203 with a comment",
         "host-comments desk-203 --fields name,text,user", "Locked loud lena"),
    ],
)  # fmt: skip
async def test_changes(cuectl: Cuectl, change: str, told: str, read: str, expected: str) -> None:
    verb, *rest = change.split()
    ran = await cuectl(verb, *rest)
    assert ran.status == 0
    assert ran.err.splitlines()[-1] == f"cuectl: {verb}: {told}"
    ran = await cuectl(*read.split(), "--no-headers")
    assert " ".join(ran.text.split()) == " ".join(expected.split())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lock render-node-06", "render-node-06: locked already"),
        ("unlock desk-201", "desk-201: not locked"),
        (f"unlock {DESK_ID}", "desk-201: not locked"),
        ("unlock desk-202", "desk-202: locked by NIMBY: opens once nobody works there"),
        ("repair --done desk-201", "desk-201: not in REPAIR"),
    ],
)
async def test_what_is_so_already_is_left_out(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, told: str
) -> None:
    ran = await cuectl(*line.split())
    assert (ran.status, ran.err) == (0, f"cuectl: {line.split()[0]}: {told}\n")
    assert not {"Lock", "Unlock", "SetHardwareState"} & {
        path.rpartition("/")[2] for path, *_ in cuebot.calls
    }


async def test_a_repaired_host_comes_up_with_its_next_report(cuectl: Cuectl) -> None:
    await cuectl("repair", "render-node-03", "desk-201")
    ran = await cuectl("repair", "--done", "render-node-*")
    assert ran.err.endswith("repair: render-node-03 -> DOWN until the next report\n")
    ran = await cuectl("hosts", "--where", "state!=UP", "--fields", "name,state", "--no-headers")
    assert [*lines_of(ran.text)] == [
        ["desk-201", "REPAIR"],
        ["render-node-03", "DOWN"],
        ["render-node-07", "DOWN"],
    ]


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("hosts --where seen>60", WRONG_USAGE, "pingTime>60s is more than 60 s ago"),
        ("lock --where seen>60 --yes", WRONG_USAGE, "pingTime>60s is more than 60 s ago"),
        ("hosts --state awake", WRONG_USAGE, "there are UP, DOWN, REBOOTING, "),
        ("hosts render-node-8", NOT_FOUND, "no host 'render-node-8'; did you mean render-node-0"),
        ("lock", WRONG_USAGE, "which hosts? Give names or patterns ('host*'), --alloc, --up, "),
        ("lock --alloc", WRONG_USAGE, "requires an argument"),
        ("lock --alloc= --yes", WRONG_USAGE, "--alloc has no value"),
        ("lock desk-201 desk-20 --yes", NOT_FOUND, "(1 of 2 names; nothing was done)"),
        ("lock --all", FAILED, "not done: lock all 9 hosts? (no terminal to ask on: add --yes)"),
        ("unlock --all", FAILED, "not done: unlock all 1 host? "),
        ("move desk-201 desktop", NOT_FOUND, "did you mean 'local.desktop'?"),
        ("move desk-201 desk-203 general", NOT_FOUND, "did you mean 'local.general'?"),
        ("move render-node-01 local.desktop", FAILED, "3 frames run on this host, which cannot be"),
        ("remove-tags desk-201 a,desktop", FAILED, "cuectl: desk-201: tagged so as before, by "),
        ("procs render-node-8", NOT_FOUND, "no host 'render-node-8'; did you mean render-node-0"),
        ("procs --job lena", NOT_FOUND, "no job 'lena'"),
        ("procs --show dem", NOT_FOUND, "nothing is called so: --show dem; did you mean 'demo'?"),
        ("redirect render-node-01", WRONG_USAGE, "Missing option '--to'"),
        ("redirect render-node-01 --to lena --yes", NOT_FOUND, "no pending job 'lena'"),
        (f"redirect render-node-01 --to {PAUSED} -y", FAILED, f"{PAUSED} is paused: nothing of it"),
        (f"redirect render-node-06 --to {LENA_ID} -y", FAILED, "nothing of another job runs on "),
        ("unbook", WRONG_USAGE, "which hosts? Give names or patterns ('host*'), --job, --show, "),
        ("unbook --job , --yes", WRONG_USAGE, "--job has no value"),
        ("unbook --show dem --yes", NOT_FOUND, "nothing is called so: --show dem; did you mean"),
        ("unbook --show demo --kill", FAILED, "not done: kill 7 frames and unbook their hosts?"),
        ("unbook render-node-01", FAILED, "not done: unbook the hosts of 3 frames?"),
    ],
)
async def test_what_is_refused(newcomer: Cuectl, line: str, status: int, text: str) -> None:
    ran = await newcomer(*line.split())
    assert (ran.status, ran.out) == (status, b"")
    assert text in ran.err


# --- taking what runs there ---------------------------------------------------------------------


async def test_a_host_is_redirected_to_a_job(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """What runs of other jobs is killed, after a question; what runs of the job stays, however its
    name was written.
    """
    line = ("redirect", "render-node-01", "render-node-06", "--to", LENA.upper())
    ran = await cuectl(*line)
    idle = "cuectl: redirect: render-node-06: nothing of another job runs there\n"
    question = f"kill 2 frames on 1 host, which then work for {LENA}?"
    assert ran.err == f"{idle}cuectl: not done: {question} (no terminal to ask on: add --yes)\n"
    assert (ran.status, calls_of(cuebot, "RedirectToJob")) == (FAILED, 0)
    id_ = (await cuectl("hosts", "render-node-01", "--fields", "id", "--no-headers")).text.strip()
    by_id = await cuectl("redirect", id_, "--to", LENA_ID)
    assert question in by_id.err
    ran = await cuectl(*line, "--yes")
    told = f"cuectl: redirect: 2 frames of render-node-01 killed; {LENA} comes first there\n"
    assert (ran.status, ran.err) == (0, idle + told)
    ran = await cuectl("procs", "render-node-01", "--fields", "job,redirect", "--no-headers")
    assert sum(row[1] == LENA for row in lines_of(ran.text)) == 2


async def test_procs_are_unbooked(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl("unbook", "render-node-01", "*-02", "--show", "demo", "--yes")
    assert (ran.status, ran.err) == (0, "cuectl: unbook: 4 frames when they end\n")
    ran = await cuectl("procs", "--where", "unbooked", "--count-by", "show,host", "--no-headers")
    assert [*lines_of(ran.text)] == [
        ["demo", "render-node-01", "2"],
        ["demo", "render-node-02", "2"],
    ]
    ran = await cuectl("unbook", "render-node-01", "--kill", "--yes")
    assert (ran.status, ran.err) == (0, "cuectl: unbook: 1 frame killed\n")
    ran = await cuectl("unbook", "render-node-06", "--yes")
    assert (ran.status, ran.err) == (0, "cuectl: unbook: nothing runs there that is not unbooked\n")
    assert calls_of(cuebot, "UnbookProcs") == 2


async def test_names_come_from_a_pipe(cuectl: Cuectl) -> None:
    ran = await cuectl("hosts", "-", "--fields", "name", "--no-headers", given="desk-201\n\n")
    assert (ran.status, ran.text) == (0, "desk-201\n")
    ran = await cuectl("lock", "-", given="desk-201\ndesk-203\n")
    assert (ran.status, ran.err) == (0, "cuectl: lock: 2 hosts\n")
    ran = await cuectl("lock", "-")
    assert (ran.status, ran.err) == (WRONG_USAGE, "cuectl: there is no name on standard input\n")
