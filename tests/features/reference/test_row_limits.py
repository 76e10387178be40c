"""A view never chooses from a part of the rows in silence, and `maxResults` is a number of rows."""

from typing import Any

import httpx
import pytest

from tests.support.needs import needs
from tests.support.opencue import jobs, message_class
from tests.support.servers import Context, Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio

GET_FRAMES, GET_JOBS = "/job.JobInterface/GetFrames", "/job.JobInterface/GetJobs"
GET_HOSTS, GET_LAYERS = "/host.HostInterface/GetHosts", "/job.JobInterface/GetLayers"
JOB = {"job": {"id": "j"}}
EATEN, SUCCEEDED = 6, 3


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """A Cuebot with 1,101 frames, of which the last 101 are eaten, and five jobs."""

    async def frames(payload: bytes, context: Context) -> bytes:
        asked = message_class("job.JobGetFramesRequest").FromString(payload)
        answer = message_class("job.JobGetFramesResponse")()
        before = max(asked.req.page - 1, 0) * asked.req.limit
        for number in range(before, min(1101, before + asked.req.limit)):
            answer.frames.frames.add(number=number, state=SUCCEEDED if number < 1000 else EATEN)
        found: bytes = answer.SerializeToString()
        return found

    cuebot.handlers[GET_FRAMES] = frames
    cuebot.answers(GET_JOBS, jobs(5))
    return cuebot


def limit_of(cuebot: ScriptedCuebot) -> int:
    """The limit that Cuebot was asked for last."""
    asked: Any = message_class("job.JobGetFramesRequest").FromString(cuebot.seen[-1][1])
    limit: int = asked.req.limit
    return limit


def with_views(*values: object) -> Any:
    return pytest.param(*values, marks=needs("views"))


@pytest.mark.parametrize(
    ("view", "body", "count", "truncated", "defaulted"),
    [
        ("", {}, 1000, "1000", "req.limit"),
        ("", {"req": {"limit": 10}}, 10, None, None),
        with_views("?_fields=number", {}, 1000, "1000", "req.limit"),
        with_views("?_where=state=EATEN", {}, 101, None, None),
        with_views("?_where=state=EATEN", {"req": {"limit": 500}}, 0, "500", None),
        with_views("?_where=state=EATEN", {"req": {"limit": 5000}}, 101, None, None),
        with_views("?_sort=-number", {}, 1101, None, None),
        with_views("?_limit=1050", {}, 1050, None, None),
        with_views("?_offset=1000", {}, 101, None, None),
        with_views("?_offset=1000&_limit=50", {}, 50, None, None),
        with_views("?_where=state=EATEN", {"req": {"page": 2}}, 101, None, "req.limit"),
        with_views("?_where=state=EATEN", {"req": {"page": 1}}, 101, None, None),
        with_views("?_sort=number", {"req": {"page": 2, "limit": 50}}, 50, "50", None),
        with_views("?_where=state=EATEN", {"req": {"limit": -1}}, 0, None, None),
    ],
)
async def test_views_choose_among_all_rows_or_say_that_they_do_not(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    view: str,
    body: dict[str, Any],
    count: int,
    truncated: str | None,
    defaulted: str | None,
) -> None:
    for verb in ("POST", "GET"):
        if verb == "POST":
            answer = await gateway.post(GET_FRAMES + view, JOB | body)
        else:
            more = "".join(f"&req.{name}={value}" for name, value in body.get("req", {}).items())
            url = f"{gateway.url}{GET_FRAMES}{view or '?'}&job.id=j{more}"
            answer = await gateway.client.get(url.replace("?&", "?"))
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["frames"]["frames"]) == count
        assert answer.headers.get("x-truncated") == truncated
        assert answer.headers.get("x-defaulted-fields") == defaulted


@needs("views")
async def test_groups_are_of_all_rows_or_say_that_they_are_not(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = await gateway.post(f"{GET_FRAMES}?_group=state&_count=true", JOB)
    assert "x-truncated" not in answer.headers
    assert answer.json()["groups"] == [
        {"state": "SUCCEEDED", "count": 1000},
        {"state": "EATEN", "count": 101},
    ]
    answer = await gateway.post(f"{GET_FRAMES}?_count=true", JOB | {"req": {"limit": 500}})
    assert (answer.json(), answer.headers["x-truncated"]) == ({"count": 500}, "500")


@needs("views")
async def test_a_number_of_rows_and_groups_of_all_exclude_each_other(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    for view in ("_count=true", "_group=show", "_min=priority"):
        answer = await gateway.post(f"{GET_JOBS}?{view}", {"r": {"maxResults": 2}})
        assert answer.status_code == 400
        assert answer.json()["message"] == (
            f"{view.partition('=')[0]}: it is about all rows; leave out the number of rows in the"
            " request"
        )


@needs("views")
async def test_a_limit_of_ones_own_is_sent_as_it_is(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    await gateway.post(f"{GET_FRAMES}?_where=number>1", JOB | {"req": {"limit": 7}})
    assert limit_of(cuebot) == 7
    await gateway.post(f"{GET_FRAMES}?_where=number>1", JOB)
    assert limit_of(cuebot) == 1_000_000


@pytest.mark.parametrize(
    ("asked", "view", "count"),
    [
        with_views(2, "", 2),
        with_views("3", "", 3),
        (100, "", 5),
        (0, "", 5),
        (None, "", 5),
        with_views(4, "?_limit=1", 1),
        with_views(1, "?_limit=4", 1),
        with_views(2, "?_offset=1", 2),
        with_views(2, "?_offset=4", 1),
        with_views(2, "?_where=name~sh0", 2),
    ],
)
async def test_max_results_is_a_number_of_rows(
    gateway: Gateway, cuebot: ScriptedCuebot, asked: object, view: str, count: int
) -> None:
    answer = await gateway.post(GET_JOBS + view, {"r": {"maxResults": asked}})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["jobs"]["jobs"]) == count
    assert "x-ignored-fields" not in answer.headers
    assert cuebot.seen[-1][1] in (b"", b"\n\x00")  # nothing, or empty criteria


@pytest.mark.parametrize("asked", [-1, "many", 1.5, [2], 2**31])
async def test_what_is_no_number_of_rows_is_400(gateway: Gateway, asked: object) -> None:
    answer = await gateway.post(GET_JOBS, {"r": {"maxResults": asked}})
    assert answer.status_code == 400
    assert answer.json()["message"] == "r.maxResults: expected a number of rows"


@needs("views")
async def test_documented_fields_of_answers_can_be_asked_for(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    hosts = message_class("host.HostGetHostsResponse")()
    for cores in (8, 16):
        hosts.hosts.hosts.add(name=f"node-{cores}", cores=cores)
    cuebot.answers(GET_HOSTS, hosts.SerializeToString())

    async def answer(view: str) -> httpx.Response:
        return await gateway.client.get(f"{gateway.url}{GET_HOSTS}?{view}")

    found = await answer("_fields=totalCores,cores&_where=totalCores>8")
    assert found.json()["hosts"]["hosts"] == [{"cores": 16, "totalCores": 16}]
    found = await answer("_fields=name,totalCores&_sort=-totalCores&_format=csv")
    assert found.text.splitlines() == ['"name","totalCores"', '"node-16",16', '"node-8",8']
    cuebot.answers(GET_LAYERS, b"")
    refused = await gateway.client.get(f"{gateway.url}{GET_LAYERS}?job.id=j&_fields=isEnabled")
    assert refused.status_code == 400
    assert refused.json()["message"] == "_fields: 'isEnabled' is derived: it is always true"
