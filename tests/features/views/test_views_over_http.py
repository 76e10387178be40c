"""Views of answers, on GET and POST."""

import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, problem

pytestmark = pytest.mark.anyio

JOBS = "/job.JobInterface/GetJobs"
FIND = "/job.JobInterface/FindJob"


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


async def test_fields_and_rows(gateway: Gateway) -> None:
    """A view is the same by GET and by POST, and keeps the shape of the answer."""
    query = "_fields=name,jobStats.deadFrames&_where=jobStats.deadFrames>=0&_sort=-name&_limit=2"
    got, posted = await gateway.client.get(f"{JOBS}?{query}"), await gateway.post(f"{JOBS}?{query}")
    assert got.content == posted.content
    whole = (await gateway.post(JOBS)).json()["jobs"]["jobs"]
    expected = [
        {"name": job["name"], "jobStats": {"deadFrames": job["jobStats"]["deadFrames"]}}
        for job in sorted(whole, key=lambda job: job["name"], reverse=True)[:2]
    ]
    assert got.json() == {"jobs": {"jobs": expected}}


@pytest.mark.parametrize(
    ("options", "content_type"),
    [
        ({"query": "_format=csv"}, "text/csv; charset=utf-8"),
        ({"accept": "text/csv"}, "text/csv; charset=utf-8"),
        ({"accept": "text/csv;q=0.5, application/x-ndjson"}, "application/x-ndjson"),
        ({"accept": "application/x-ndjson"}, "application/x-ndjson"),
        ({"accept": "application/x-ndjson", "query": "_format=json"}, "application/json"),
        ({"accept": "text/html, */*;q=0.1"}, "application/json"),
        ({"accept": "text/csv;q=0"}, "application/json"),
        ({"accept": "text/csv;q=0.1, */*"}, "application/json"),
        ({"accept": "*/*, text/csv"}, "text/csv; charset=utf-8"),
    ],
)
async def test_formats(gateway: Gateway, options: dict[str, str], content_type: str) -> None:
    """By parameter or by Accept, on GET and POST; the parameter wins."""
    target = f"{JOBS}?{options.get('query', '')}"
    headers = {"Accept": options.get("accept", "*/*")}
    for answer in (
        await gateway.client.get(target, headers=headers),
        await gateway.post(target, headers=headers),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


async def test_an_accept_header_does_not_insist(gateway: Gateway) -> None:
    name = (await gateway.post(JOBS)).json()["jobs"]["jobs"][0]["name"]
    target = f"{FIND}?name={name}"
    answer = await gateway.client.get(target, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"
    assert "only json" in await problem(gateway, f"{target}&_format=csv")


async def test_errors_stay_json(gateway: Gateway) -> None:
    """Whatever the format that was asked for."""
    answer = await gateway.client.get(f"{FIND}?name=none&_fields=job.name")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


async def test_wrong_views_call_nothing(gateway: Gateway, cuebot: SimulatedCuebot) -> None:
    calls = len(cuebot.calls)
    answer = await gateway.post("/job.JobInterface/Kill?_fields=nonsense", {"job": {"id": "1"}})
    assert answer.status_code == 400
    assert len(cuebot.calls) == calls


async def test_a_foreign_schema_has_views(scripted_cuebot: ScriptedCuebot) -> None:
    scripted_cuebot.start_over()
    async with gateway_for(scripted_cuebot.endpoint, compat_profile="none") as gateway:
        answer = await gateway.client.get(JOBS)
        assert answer.status_code == 405  # nothing says that it only reads
        assert (await gateway.post(f"{JOBS}?_format=ndjson")).status_code == 200
