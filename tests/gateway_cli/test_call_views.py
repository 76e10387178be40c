"""`call` with --fields, --where, --sort, --limit and -o, and with arguments, both ways."""

import csv
import json
from collections.abc import AsyncIterator

import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.calling.views import OutputOptions
from gateway_cli.client.cuebot import cuebot_client
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, WRONG_USAGE
from tests.gateway_cli.calls import JSON, NO_PUT, Done, Opening, perform, stand_in
from tests.support.farms import running_farm, still_farm
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.servers import ScriptedCuebot, SharedGateway, settings_for, token

pytestmark = [needs("views"), pytest.mark.anyio, pytest.mark.slow]

FIELDS = ("name", "jobStats.totalFrames")


@pytest.fixture(scope="module")
async def cuebot() -> AsyncIterator[SimulatedCuebot]:
    """The demo's farm, which stands still."""
    async with running_farm(still_farm()) as simulated:
        yield simulated


async def whole(opening: Opening) -> list[dict[str, object]]:
    """All jobs."""
    answer = json.loads((await perform(opening(), "Job/GetJobs")).out)
    jobs: list[dict[str, object]] = answer["jobs"]["jobs"]
    return jobs


async def test_columns_of_what_rows_belong_to(opening: Opening) -> None:
    options = OutputOptions(form="csv", fields=("job", "user"), where="user!=''", limit=1)
    done = await perform(opening(), "Proc/GetProcs", options=options)
    assert (done.status, done.err) == (0, "")
    header, row = csv.reader(done.out.splitlines())
    assert header == ["job", "user"]
    jobs = {str(job["name"]): job["user"] for job in await whole(opening)}
    assert jobs[row[0]] == row[1]


async def test_rows_in_each_format(opening: Opening) -> None:
    jobs = await whole(opening)
    names = [str(job["name"]) for job in jobs]

    async def lines(options: OutputOptions) -> list[str]:
        done = await perform(opening(), "Job/GetJobs", options=options)
        assert (done.status, done.err) == (0, "")
        return done.out.splitlines()

    rows = [json.loads(line) for line in await lines(OutputOptions(form="ndjson", fields=FIELDS))]
    assert [row["name"] for row in rows] == names
    table = list(csv.reader(await lines(OutputOptions(form="csv", fields=FIELDS))))
    assert [table[0], *(row[0] for row in table[1:])] == [list(FIELDS), *names]
    head, *shown = await lines(OutputOptions(form="table", fields=FIELDS, sort="name"))
    assert head.split() == ["name", "totalFrames"]
    assert [line.split()[0] for line in shown] == sorted(names)
    assert await lines(OutputOptions(form="name")) == names
    assert await lines(OutputOptions(form="name", where="name=nobody")) == []


async def test_pages(opening: Opening) -> None:
    names = sorted(str(job["name"]) for job in await whole(opening))
    options = OutputOptions(form="name", sort="name", offset=1, limit=2)
    done = await perform(opening(), "Job/GetJobs", options=options)
    assert (done.status, done.out.splitlines()) == (0, names[1:3])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (OutputOptions(fields=("nmae",)), "--fields: job.Job has no field 'nmae'; did you mean"),
        (OutputOptions(where="dead>1"), "--where: job.Job has no field 'dead'"),
        (OutputOptions(sort="jobStats"), "--sort: jobStats is not a single value"),
        (OutputOptions(group="shw"), "--group: job.Job has no field 'shw'; did you mean show?"),
        (OutputOptions(sum="name"), "--sum: name is no number"),
        (OutputOptions(count=True, offset=2), "--offset: without _group, one answer is about all"),
    ],
)
async def test_a_view_that_cannot_be(
    opening: Opening, options: OutputOptions, problem: str
) -> None:
    done = await perform(opening(), "Job/GetJobs", options=options)
    assert done.status == WRONG_USAGE
    assert problem in done.problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (OutputOptions(form="name"), "-o name: job.JobPauseResponse is not one list: it has no"),
        (OutputOptions(limit=1), "--limit: job.JobPauseResponse is not one list"),
    ],
)
async def test_what_has_no_rows_is_refused_before_it_is_called(
    opening: Opening, cuebot: SimulatedCuebot, options: OutputOptions, problem: str
) -> None:
    job = (await whole(opening))[0]
    cuebot.calls.clear()
    done = await perform(opening(), "Job/Pause", f"job.id={job['id']}", options=options)
    assert done.status == WRONG_USAGE
    assert done.problem.startswith(problem)
    assert not cuebot.calls


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "gateway"])
async def test_rows_without_a_name_are_named_by_their_ids(
    scripted_cuebot: ScriptedCuebot, shared_gateway: SharedGateway, direct: bool
) -> None:
    comments = message_class("job.JobGetCommentsResponse")()
    comments.comments.comments.add(id="c1", subject="x")
    comments.comments.comments.add(id="c2")
    scripted_cuebot.start_over()
    scripted_cuebot.answers("/job.JobInterface/GetComments", comments.SerializeToString())
    url = (await shared_gateway(scripted_cuebot.endpoint)).url

    async def names(method: str) -> Done:
        settings = settings_for(scripted_cuebot.endpoint)
        client = cuebot_client(settings, 5) if direct else gateway_client(url, token, 5)
        words = ("job.id=j",) if method.startswith("Job") else ()
        return await perform(client, method, *words, options=OutputOptions(form="name"))

    done = await names("Job/GetComments")
    assert (done.status, done.out, done.err) == (0, "c1\nc2\n", "")
    done = await names("Limit/GetHolds")
    assert done.status == WRONG_USAGE
    assert "neither a name nor an id" in done.problem


ROWS = b'{"jobs":{"jobs":[{"name":"a","jobStats":{"dead":2}},{"name":"b","jobStats":{"dead":1}}]}}'
OLD = JSON | {"X-Schema": "1", "X-Ignored-Fields": "%3F_fields, r.x"}


@pytest.mark.parametrize("headers", [JSON, OLD], ids=["OpenCue's gateway", "an older one"])
async def test_a_table_of_fields_needs_no_views(headers: dict[str, str]) -> None:
    no_document = ("404 Not Found", JSON, b'{"code": 5, "message": "nothing is served"}')
    async with stand_in(POST=("200 OK", headers, ROWS), GET=no_document) as server:
        client = gateway_client(server.url, token, 5)
        done = await perform(client, "Job/GetJobs", fields=("name", "jobStats.dead"))
    assert (done.status, done.out) == (0, "name  dead\na        2\nb        1\n")
    assert ("r.x" in done.err, "_fields" in done.err) == ("X-Schema" in headers, False)
    assert server.seen[0][1] == "/job.JobInterface/GetJobs?_fields=name%2CjobStats.dead"


@pytest.mark.parametrize("headers", [JSON, OLD], ids=["OpenCue's gateway", "an older one"])
@pytest.mark.parametrize(
    "options",
    [
        *(OutputOptions(form="name"), OutputOptions(form="csv"), OutputOptions(limit=1)),
        *(OutputOptions(fields=("n",)), OutputOptions(form="table", fields=("n",), where="x=1")),
    ],
    ids=["names", "csv", "limit", "fields", "where"],
)
async def test_rows_that_nobody_has_chosen_are_not_shown(
    headers: dict[str, str], options: OutputOptions
) -> None:
    """`-o name | xargs` would else act on all of them."""
    async with stand_in(POST=("200 OK", headers, ROWS)) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/GetJobs", options=options)
    assert (done.status, done.out) == (FAILED, "")
    assert "UNIMPLEMENTED: the call was made, but this gateway does not know" in done.err
    assert "--direct" in done.err


async def test_arguments_have_the_types_of_the_schema(
    opening: Opening, cuebot: SimulatedCuebot
) -> None:
    done = await perform(opening(), "Job/GetJobs", "r.shows=demo", "r.includeFinished=true")
    assert (done.status, done.err) == (0, "")
    assert {job["show"] for job in json.loads(done.out)["jobs"]["jobs"]} == {"demo"}
    done = await perform(opening(), "Frame/GetFrame", "id=nothing", dry_run=True)
    assert json.loads(done.out)["request"] == {"id": "nothing"}
    done = await perform(opening(), "Job/SetPriority", "val=high", dry_run=True)
    assert "val: expected" in done.problem
    done = await perform(opening(), "Job/GetJobs", "r.usrs=x")
    assert "r: unknown field `usrs`; did you mean `users`?" in done.problem
    done = await perform(opening(), "Show/GetSows", "name=x")
    assert (done.status, "did you mean GetShows?" in done.problem) == (WRONG_USAGE, True)


async def test_a_gateway_that_tells_no_types(
    cuebot: SimulatedCuebot, shared_gateway: SharedGateway
) -> None:
    url = (await shared_gateway(cuebot.endpoint, docs="off")).url

    async def jobs(*words: str) -> str:
        done = await perform(gateway_client(url, token, 5), "Job/GetJobs", *words)
        return done.out or done.problem

    assert '"show":"demo"' in await jobs('r.shows:=["demo"]', "r.includeFinished=true")
    assert '"show":"demo"' in await jobs("r.shows=demo")
    problem = await jobs("r.shows=demo,harbor")
    assert "r.shows: expected" in problem
    assert "(DOCS=off), so lists" in problem
    assert "key:=JSON" in problem


async def test_without_arguments_of_a_type_nothing_is_asked() -> None:
    async with stand_in(POST=("200 OK", JSON, b"{}"), PUT=NO_PUT) as server:
        client = gateway_client(server.url, token, 5)
        await perform(client, "Job/Kill", '{"a": 1}', "b:=2")
    ((verb, path, _, body),) = server.seen
    assert (verb, path, json.loads(body)) == ("POST", "/job.JobInterface/Kill", {"a": 1, "b": 2})
