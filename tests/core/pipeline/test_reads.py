"""GET and HEAD for methods that only read, and views of answers on GET and POST."""

import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio

JOBS = "/job.JobInterface/GetJobs"
FIND = "/job.JobInterface/FindJob"


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


async def problem(gateway: Gateway, target: str, status: int = 400) -> str:
    answer = await gateway.client.get(target)
    assert answer.status_code == status, answer.text
    message: str = answer.json()["message"]
    return message


# --- The request in the query string --------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {}),
        ("r.users=lena&r.users=marco", {"r": {"users": ["lena", "marco"]}}),
    ],
)
async def test_get_answers_as_post(gateway: Gateway, query: str, body: dict[str, object]) -> None:
    got, posted = await gateway.client.get(f"{JOBS}?{query}"), await gateway.post(JOBS, body)
    assert (got.status_code, posted.status_code, got.content) == (200, 200, posted.content)
    assert got.headers["content-type"] == "application/json"


async def test_numbers_and_enums_are_texts(gateway: Gateway) -> None:
    """Cuebot gets what a body would have had."""
    name = (await gateway.post(JOBS)).json()["jobs"]["jobs"][0]["name"]
    job = (await gateway.client.get(f"{FIND}?name={name}")).json()["job"]
    frames = await gateway.client.get(
        f"/job.JobInterface/GetFrames?job.id={job['id']}&req.page=1&req.limit=2"
        "&req.states.frameStates=SUCCEEDED&req.states.frameStates=DEAD"
    )
    found = frames.json()["frames"]["frames"]
    assert 0 < len(found) <= 2
    assert {frame["state"] for frame in found} <= {"SUCCEEDED", "DEAD"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("r.shws=demo", ("r: unknown field `shws`", "did you mean `shows`?")),
        ("r.includeFinished=maybe", ("r.includeFinished: expected true or false",)),
        ("r=demo", ("?r: is an object",)),
        ("r.users=%ff", ("percent-encoded UTF-8",)),
        ("_feilds=name", ("_feilds", "did you mean _fields?")),
        ("_where=nam=lena", ("_where", "did you mean name?")),
    ],
)
async def test_errors_name_parameters(gateway: Gateway, query: str, words: tuple[str, ...]) -> None:
    """And suggest what may have been meant, as for bodies."""
    message = await problem(gateway, f"{JOBS}?{query}")
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("policy", ["ignore", "reject"])
async def test_a_cache_buster_is_ignored_and_told(cuebot: SimulatedCuebot, policy: str) -> None:
    """jQuery adds it to each GET; whatever UNKNOWN_FIELDS is."""
    async with gateway_for(cuebot.endpoint, unknown_fields=policy) as gateway:
        for answer in (
            await gateway.client.get(f"{JOBS}?_=1700000000"),
            await gateway.post(f"{JOBS}?_=1700000000"),
        ):
            assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, "%3F_")


async def test_an_unknown_parameter_of_views_is_refused(gateway: Gateway) -> None:
    """On GET and POST: the answer would not be what was asked for."""
    for query, words in (("_ofset=3", "_ofset"), ("_=now", "_: "), ("_nonsense", "_nonsense: ")):
        assert words in await problem(gateway, f"{JOBS}?{query}")
        posted = await gateway.post(f"{JOBS}?{query}")
        assert (posted.status_code, words in posted.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (f"{JOBS}?r.shows=demo", "?r.shows: arguments of a POST are in its body (curl: -d 'r.sho"),
        (f"{JOBS}?user=lena", "(curl: -d 'user=lena')"),
        ("/job.JobInterface/KillFrames?frame=1-a", "(curl: -d 'frame=1-a')"),
        ("/job.LayerInterface/Kill?job=x", "(curl: -d 'job=x')"),
    ],
    ids=["a field", "a short name", "of a change", "beside an object"],
)
async def test_an_argument_in_the_query_string_of_a_post_is_refused(
    gateway: Gateway, target: str, words: str
) -> None:
    """Without it, the answer is about all jobs, and the change hits all frames."""
    answer = await gateway.post(target, {})
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


async def test_a_get_has_no_body(gateway: Gateway) -> None:
    """One that has would be answered as if it had not."""
    answer = await gateway.client.request("GET", JOBS, content=b'{"r": {}}')
    assert answer.status_code == 400
    assert "use POST" in answer.json()["message"]


# --- Views ----------------------------------------------------------------------------------
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
