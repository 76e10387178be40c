"""`cuebot-gateway call`, both ways: through a gateway, and straight to Cuebot."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway.core.calls.direct import DirectCalls
from gateway_cli.calling.options import Watch
from gateway_cli.calling.views import OutputOptions
from gateway_cli.client.cuebot import cuebot_client
from gateway_client.terminal.exits import CUT, FAILED, NOT_FOUND, UNAVAILABLE, WRONG_USAGE
from tests.gateway_cli.calls import NOWHERE, Opening, perform
from tests.support.farms import running_farm
from tests.support.needs import needs
from tests.support.servers import ScriptedCuebot, running_cuebot, settings_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
async def cuebot() -> AsyncIterator[SimulatedCuebot]:
    """A stock Cuebot, which does not describe itself."""
    async with running_farm(reflection=False) as simulated:
        yield simulated


@pytest.mark.parametrize("name", ["frame.FrameInterface/GetFrame", "Frame/GetFrame"])
async def test_aliases_are_names(opening: Opening, name: str, cuebot: SimulatedCuebot) -> None:
    cuebot.calls.clear()
    done = await perform(opening(), name, '{"id": "nothing"}')
    assert done.status == NOT_FOUND
    assert cuebot.calls[-1][0] == "/job.FrameInterface/GetFrame"


@needs("views")
async def test_a_table_tells_the_units_of_numbers(opening: Opening) -> None:
    done = await perform(opening(), "Job/GetJobs", fields=("name", "jobStats.maxRss", "startTime"))
    assert done.out.splitlines()[0].split("  ")[-2:] == ["maxRss (KB)", "startTime (Unix time)"]


@needs("views")
async def test_an_answer_that_may_be_cut_is_warned_about(opening: Opening) -> None:
    """With a status of its own, since a script would go on with a part of the rows."""
    words = ("job.name=demo-sh010-lena_comp_v003", "req.limit=3")
    done = await perform(
        opening(), "Job/GetFrames", *words, options=OutputOptions(where="number>0")
    )
    assert len(json.loads(done.out)["frames"]["frames"]) == 3
    assert done.status == CUT
    assert "warning: there may be more than these 3 rows" in done.err
    done = await perform(opening(), "Job/GetFrames", *words)
    assert (done.status, done.err) == (0, "")


async def test_ignored_fields_are_told_when_the_call_fails_too(opening: Opening) -> None:
    done = await perform(opening(), "Job/GetFrames", '{"job": {"id": "nothing", "nmé": "x"}}')
    assert (done.status, done.out) == (NOT_FOUND, "")
    failure, warning = done.err.splitlines()
    assert "NOT_FOUND" in failure
    assert warning == "cuebot-gateway: warning: fields ignored: job.nmé"


HALF_A_CORE = '{"group": {"name": "comp"}, "show": "demo", "maxCores": 0.5}'


@pytest.mark.parametrize(
    ("name", "body", "status", "problem"),
    [
        ("Show/GetSows", "{}", WRONG_USAGE, "did you mean GetShows?"),
        ("Shows/GetShows", "{}", WRONG_USAGE, "did you mean show.ShowInterface?"),
        ("Foo/Bar", "{}", WRONG_USAGE, "Foo/Bar: nothing is served at '/foo.FooInterface/Bar'"),
        ("report.RqdReportInterface/ReportStatus", "{}", WRONG_USAGE, "not served here"),
        ("Job/FindJob", '{"name', WRONG_USAGE, "INVALID_ARGUMENT: .*not valid JSON"),
        ("Job/FindJob", "{'name': 'x'}", WRONG_USAGE, "INVALID_ARGUMENT: .*JSON has double quotes"),
        ("Job/GetJobs", '{"r": {"usr": []}}', WRONG_USAGE, "field `usr`; did you mean `users`"),
        (
            "Job/SetAutoEat",
            "job=any",
            WRONG_USAGE,
            "^SetAutoEat: value is missing; write value=true",
        ),
        ("Job/FindJob", '{"name": "x"}', NOT_FOUND, "^NOT_FOUND: no pending job "),
        (
            "Group/SetMaxCores",
            HALF_A_CORE,
            FAILED,
            "^INTERNAL: The group max cores",
        ),
    ],
)
async def test_a_failure_is_one_line_and_a_status(
    opening: Opening, name: str, body: str, status: int, problem: str
) -> None:
    done = await perform(opening(), name, body)
    assert done.status == status
    assert re.search(problem, done.problem)


@pytest.mark.parametrize("source", ["auto", "package:opencue_proto"])
async def test_an_absent_cuebot_has_a_status_of_its_own(source: str) -> None:
    settings = settings_for(NOWHERE, descriptor_source=source)
    done = await perform(cuebot_client(settings, 5), "Show/GetShows")
    assert done.status == UNAVAILABLE
    assert done.problem.count("UNAVAILABLE") == 1
    assert "set CUEBOT_ENDPOINT" in done.problem
    assert "GATEWAY_URL (or --url)" in done.problem


async def test_a_cuebot_that_is_there_is_not_looked_for_elsewhere(
    scripted_cuebot: ScriptedCuebot,
) -> None:
    scripted_cuebot.start_over()
    show_is_closed = ("/show.ShowInterface/GetShows", grpc.StatusCode.UNAVAILABLE, "come back")
    scripted_cuebot.fails(*show_is_closed)
    done = await perform(cuebot_client(settings_for(scripted_cuebot.endpoint), 5), "Show/GetShows")
    assert (done.status, done.problem) == (UNAVAILABLE, "UNAVAILABLE: come back")


async def test_a_schema_that_cannot_be_had_is_a_failure() -> None:
    async with running_cuebot(ScriptedCuebot(reflection=())) as cuebot:
        settings = settings_for(cuebot.endpoint, descriptor_source="reflection")
        done = await perform(cuebot_client(settings, 5), "Show/GetShows")
    assert done.status == FAILED
    assert "DESCRIPTOR_SOURCE=auto" in done.problem


async def test_unknown_fields_follow_the_settings(cuebot: SimulatedCuebot) -> None:
    """UNKNOWN_FIELDS=reject refuses what a read would ignore."""
    settings = settings_for(cuebot.endpoint, unknown_fields="reject")
    done = await perform(cuebot_client(settings, 5), "Job/GetJobs", '{"x": 1}')
    assert done.status == WRONG_USAGE
    assert "unknown field `x`" in done.problem


@needs("dry_run")
async def test_a_dry_run_looks_names_up(opening: Opening) -> None:
    done = await perform(opening(), "Job/Pause", "job=no-such-job", dry_run=True)
    assert (done.status, done.out) == (NOT_FOUND, "")
    assert "'no-such-job'" in done.err


@needs("dry_run")
async def test_a_dry_run_straight_to_cuebot_shows_the_request(cuebot: SimulatedCuebot) -> None:
    cuebot.calls.clear()
    client = cuebot_client(settings_for(cuebot.endpoint), 5)
    body = '{"value": true, "show": {"id": "1"}}'
    done = await perform(client, "Show/SetActive", body, dry_run=True)
    shown = json.loads(done.out)
    assert (shown["dryRun"], shown["method"]) == (True, "/show.ShowInterface/SetActive")
    assert (shown["ignoredFields"], shown["requestBytes"]) == ([], 7)
    assert (shown["request"]["show"]["id"], shown["request"]["value"]) == ("1", True)
    assert not cuebot.calls
    client = cuebot_client(settings_for(cuebot.endpoint), 5)
    done = await perform(client, "Show/SetActive", '{"valu": true}', dry_run=True)
    assert "did you mean `value`?" in done.problem


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"dry_run": True}, "this gateway does not support dry runs; nothing was sent"),
        ({"options": OutputOptions(where="number>0")}, "--where: this gateway does not have"),
        ({"watch": Watch(every=0.01, until="number>0")}, "--until: this gateway does not have"),
    ],
)
async def test_what_no_feature_offers_is_refused(
    monkeypatch: pytest.MonkeyPatch, cuebot: SimulatedCuebot, asked: dict[str, Any], problem: str
) -> None:
    monkeypatch.setattr("gateway_cli.client.cuebot.DIRECT", DirectCalls())
    cuebot.calls.clear()
    client = cuebot_client(settings_for(cuebot.endpoint), 5)
    done = await perform(client, "Show/GetShows", **asked)
    assert problem in done.problem
    assert not cuebot.calls
