"""GET and HEAD for methods that only read."""

import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.support.needs import needs
from tests.support.servers import Gateway, gateway_for, problem

pytestmark = pytest.mark.anyio

JOBS = "/job.JobInterface/GetJobs"
FIND = "/job.JobInterface/FindJob"


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


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
        pytest.param("_feilds=name", ("_feilds", "did you mean _fields?"), marks=needs("views")),
        pytest.param("_where=nam=lena", ("_where", "did you mean name?"), marks=needs("views")),
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
        pytest.param(
            "/job.LayerInterface/KillFrames?job=x", "(curl: -d 'job=x')", marks=needs("names")
        ),
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
