"""`cuectl call`: names in any case, arguments as documented, help of methods."""

import asyncio
import re

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.jobs import finish_job
from gateway_client.terminal.exits import GAVE_UP, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.support.patience import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

JOB = "demo-sh010-lena_comp_v003"


@pytest.mark.parametrize(
    "name",
    [
        *("show.ShowInterface/GetShows", "/show.ShowInterface/GetShows", "Show/GetShows"),
        *("show/getshows", "SHOWINTERFACE/GETSHOWS", "show.showinterface.getshows"),
        *("getshows", "GetShows"),
    ],
)
async def test_names(reading: Cuectl, name: str) -> None:
    ran = await reading("call", name, "-o", "name")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.split() == ["demo", "harbor", "northwind"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("getjobs", "'getjobs' is ambiguous: Group/GetJobs, Job/GetJobs, Show/GetJobs"),
        ("GetShoes", "there is no method 'GetShoes'; did you mean GetShows?"),
        ("Job/GetJbs", "there is no method 'Job/GetJbs'; did you mean Job/GetJobs or Job/GetJob?"),
    ],
)
async def test_what_is_no_name(reading: Cuectl, name: str, problem: str) -> None:
    ran = await reading("call", name)
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert problem in ran.err


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("FindLayer job=demo-sh010-lena_comp_v003 layer=comp", 0),
        ("FindLayer job.id=nothing layer=comp", NOT_FOUND),
        ("Group/FindGroup show.name=demo name=demo", 0),
        ("Owner/TakeOwnership owner.name=nobody host=desk-201", NOT_FOUND),
    ],
)
async def test_documented_objects_are_arguments(reading: Cuectl, line: str, status: int) -> None:
    ran = await reading("call", *line.split())
    assert ran.status == status, ran.err


async def test_help_of_a_method_has_its_fields(reading: Cuectl) -> None:
    ran = await reading("call", "job/getjobs", "--help")
    assert ran.status == 0
    assert ran.text.startswith("Job/GetJobs\n")
    assert "  r.shows" in ran.text
    assert "boolean" in ran.text


@pytest.mark.parametrize(
    ("method", "fields", "example"),
    [
        ("Job/SetMaxCores", "job job.id job.name val", "job=NAME val=…"),
        (
            "Layer/SetMinMemory",
            "layer layer.id layer.name memory job",
            "layer=NAME job=NAME memory=…",
        ),
        (
            "Frame/Kill",
            "frame frame.id frame.layerName frame.number username pid hostKill reason job",
            "frame=NAME job=NAME",
        ),
        (
            "Host/SetAllocation",
            "host host.id host.name allocationId",
            "host=NAME allocationId=NAME",
        ),
        ("Allocation/Create", "name tag facility facility.id facility.name", None),
    ],
)
async def test_objects_for_which_a_name_will_do_are_told_as_names(
    reading: Cuectl, method: str, fields: str, example: str | None
) -> None:
    """All fields of a job would hide the one that is set."""
    ran = await reading("call", method, "--help")
    told, _, rest = ran.text.partition("Fields:\n")[2].partition("\n\n")
    assert [line.split()[0] for line in told.splitlines()] == fields.split()
    assert ("Example:" in rest) == (example is not None)
    if example is not None:
        assert f"\n  cuectl call {method} {example}\n" in rest


async def test_an_example_of_help_works(cuectl: Cuectl) -> None:
    job = "demo-sh010-lena_comp_v003"
    for line in (f"Job/SetMaxCores job={job} val=7", f"SetMinMemory layer=comp job={job} memory=9"):
        ran = await cuectl("call", *line.split())
        assert (ran.status, ran.err) == (0, "")


async def test_the_examples_of_help_run(
    cuectl: Cuectl, cuebot: SimulatedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits for the end of a job."""
    for module in ("gateway.features.watch.options", "gateway_client.gateway"):
        monkeypatch.setattr(f"{module}.LEAST_PERIOD_SECONDS", 0.01)
    told = (await cuectl("call", "--help")).text.partition("Example:\n")[2]
    first, waiting = re.findall(r"\n? +cuectl (.*)", told.partition("\n\n")[0])
    ran = await cuectl(*first.split())
    assert (ran.status, ran.err, ran.text.count("\n")) == (0, "", 4)
    words, calls = waiting.replace("NAME", JOB).split(), len(cuebot.calls)
    ending = asyncio.create_task(cuectl(*words))
    await until(lambda: len(cuebot.calls) > calls + 1)
    finish_job(cuebot.farm, cuebot.farm.pending[JOB])
    assert (await ending).status == 0


@pytest.mark.parametrize(
    "line", ["--count-by show --sort-by -count,show", "--count-by show --sort -count,show"]
)
async def test_options_are_those_of_lists(reading: Cuectl, line: str) -> None:
    ran = await reading("call", "Job/GetJobs", *line.split(), "-o", "csv")
    assert ran.text.split()[1:] == ['"demo",3', '"harbor",2', '"northwind",2']


async def test_views_and_until(reading: Cuectl) -> None:
    ran = await reading("call", "Job/GetJobs", "--count-by", "show", "--sort", "show")
    assert ran.text.split() == ["SHOW", "COUNT", *["demo", "3", "harbor", "2", "northwind", "2"]]
    ran = await reading("call", "Show/GetShows", "--until", "active", "-o", "name")
    assert ran.text.split() == ["demo", "harbor", "northwind"]


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("FindShow name=demo --fields name,active", "NAME  ACTIVE\ndemo  yes\n"),
        ("GetJobs r.users=lena --fields name,deadframes -o csv --no-headers", f'"{JOB}",0\n'),
        ("GetJobs --where deadFrames>2 -q", "harbor-hb110-tomas_light_v004\n"),
        ("Host/GetHosts r.hosts=render-node-02 --fields memory --no-headers", "63G\n"),
        ("Job/Pause job=demo-sh020-marco_smoke_v001", "{}\n"),
    ],
)
async def test_rows_are_printed_as_lists_are(cuectl: Cuectl, line: str, printed: str) -> None:
    ran = await cuectl("call", *line.replace("GetJobs", "Job/GetJobs").split())
    assert (ran.status, ran.err, ran.text) == (0, "", printed)


async def test_tables_begin_with_names(reading: Cuectl) -> None:
    ran = await reading("call", "Show/GetShows", "-o", "table")
    head, first, *_ = ran.text.splitlines()
    assert (head.split()[0], first.split()[0]) == ("NAME", "demo")


async def test_without_options_the_answer_is_as_it_is(reading: Cuectl) -> None:
    ran = await reading("call", "Job/GetJobs", "--where", "user=lena")
    (row,) = ran.json["jobs"]["jobs"]
    assert (row["name"], row["jobStats"]["totalFrames"]) == (JOB, 25)


async def test_what_is_wrong_is_told(reading: Cuectl) -> None:
    ran = await reading("call", "Job/GetLayers", f"job.name={JOB}", "job.nope=1", "-q")
    assert (ran.status, ran.err) == (0, "cuectl: warning: fields ignored: job.nope\n")
    ran = await reading("call", "Job/GetJobs", "--until", "nope=1")
    assert (ran.status, "--until: job.Job has no field 'nope'" in ran.err) == (WRONG_USAGE, True)
    ran = await reading("call", "Job/GetJobs", "r.shows=dem", "-q")
    assert ran.err.startswith("cuectl: nothing is called so: r.shows=dem")
    ran = await reading("call", "GetJobs/", "{'a': 1}")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    ran = await reading("call", "Job/GetJobs", "--until", "isPaused", "--timeout", "200ms")
    assert (ran.status, ran.err) == (GAVE_UP, "cuectl: gave up: no 'isPaused' within 0.2 s\n")
    ran = await reading("call", "Job/Kill", f"job={JOB}", "--dry-run")
    assert ran.text.startswith("would call job.JobInterface/Kill {")
