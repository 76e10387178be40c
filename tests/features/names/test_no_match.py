"""X-No-Match: which names in the arguments of a read are of nothing."""

import grpc
import pytest

from tests.support.needs import missing, needs
from tests.support.owned_farm import answer
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot

ACCESS = [
    rule("readers", {"role": "reader"}, "reads"),
    rule("lookers", {"role": "looker"}, "job.JobInterface/GetJobs"),
    *(
        [rule("some", {"role": "some"}, "reads", see="show in $shows")]
        if not missing(["object_rights"])
        else []
    ),
]
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(access=ACCESS)]

GET_JOBS, GET_PROCS = "/job.JobInterface/GetJobs", "/host.ProcInterface/GetProcs"
GET_HOSTS, GET_NAMES = "/host.HostInterface/GetHosts", "/job.JobInterface/GetJobNames"
GET_SHOWS = "/show.ShowInterface/GetShows"
GET_ALLOCATIONS = "/facility.AllocationInterface/GetAll"
NO_JOBS = answer("job.JobGetJobsResponse", jobs={})
READER = signed("lena", role="reader")


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Has a show and an allocation, and nothing else."""
    shows = {"shows": [{"name": "demo"}, {"name": "größe"}]}
    cuebot.answers(GET_SHOWS, answer("show.ShowGetShowsResponse", shows=shows))
    allocations = {"allocations": [{"name": "local.night"}, {"name": "local.general"}]}
    cuebot.answers(GET_ALLOCATIONS, answer("facility.AllocGetAllResponse", allocations=allocations))
    cuebot.answers(GET_JOBS, NO_JOBS)
    cuebot.answers(GET_NAMES, b"")
    cuebot.answers(GET_PROCS, answer("host.ProcGetProcsResponse", procs={}))
    cuebot.answers(GET_HOSTS, answer("host.HostGetHostsResponse", hosts={}))
    return cuebot


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{GET_JOBS}?show=dmeo", "r.shows=dmeo; did you mean 'demo'?"),
        (f"{GET_JOBS}?r.shows=zzz", "r.shows=zzz"),
        (f"{GET_JOBS}?show=demo", None),
        (f"{GET_JOBS}?show=demo&show=nope", "r.shows=nope"),
        (f"{GET_JOBS}?show=nope&user=lenna", "r.shows=nope, r.users=lenna"),
        (f"{GET_JOBS}?show=Gr%C3%B6ssse", "r.shows=Gr%C3%B6ssse; did you mean 'gr%C3%B6%C3%9Fe'?"),
        (f"{GET_JOBS}?show=a%0D%0Ab", "r.shows=a%0D%0Ab"),
        pytest.param(*(f"{GET_JOBS}?_where=show=dmeo", None), marks=needs("views")),
        (f"{GET_NAMES}?show=dmeo", "r.shows=dmeo; did you mean 'demo'?"),
        (f"{GET_PROCS}?show=dmeo", "r.shows=dmeo; did you mean 'demo'?"),
        (
            f"{GET_JOBS}?show=de*",
            "r.shows=de*; one name is expected here; what fits is listed by"
            " show.ShowInterface/GetShows?_where=name~'^de.*$'&_fields=name",
        ),
        pytest.param(
            f"{GET_HOSTS}?allocation=night",
            "r.allocs=night; did you mean 'local.night'?",
            marks=needs("reference"),
        ),
    ],
)
async def test_names_of_nothing_are_told(gateway: Gateway, path: str, told: str | None) -> None:
    response = await gateway.client.get(path, headers=READER)
    assert response.status_code == 200
    assert response.headers.get("x-no-match") == told


async def test_a_post_is_told_as_well(gateway: Gateway) -> None:
    response = await gateway.post(GET_JOBS, {"r": {"shows": ["dmeo"]}}, headers=READER)
    assert response.headers["x-no-match"] == "r.shows=dmeo; did you mean 'demo'?"


async def test_an_answer_with_rows_asks_nobody(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, answer("job.JobGetJobsResponse", jobs={"jobs": [{"name": "a"}]}))
    response = await gateway.post(GET_JOBS, {"r": {"shows": ["dmeo"]}}, headers=READER)
    assert "x-no-match" not in response.headers
    assert [path for path, _, _ in cuebot.seen] == [GET_JOBS]


@pytest.mark.parametrize(
    "who",
    [
        {"role": "looker"},
        pytest.param({"role": "some", "shows": ["demo"]}, marks=needs("object_rights")),
    ],
)
@needs("tokens", "access")
async def test_who_may_not_list_names_is_told_nothing(
    gateway: Gateway, cuebot: ScriptedCuebot, who: dict[str, object]
) -> None:
    """Nor who sees a part of them only."""
    response = await gateway.post(GET_JOBS, {"r": {"shows": ["dmeo"]}}, headers=signed("a", **who))
    assert response.status_code == 200
    assert "x-no-match" not in response.headers
    assert GET_SHOWS not in [path for path, _, _ in cuebot.seen]


async def test_a_list_that_fails_changes_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(GET_SHOWS, grpc.StatusCode.INTERNAL, "broken")
    response = await gateway.client.get(f"{GET_JOBS}?show=dmeo", headers=READER)
    assert response.status_code == 200
    assert "x-no-match" not in response.headers
