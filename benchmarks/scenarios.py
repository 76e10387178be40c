"""The scenarios: which methods are called, and with how much load."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from benchmarks.farm import CannedFarm
from benchmarks.upstream import EMPTY, Canned

NOT_FOUND = 5
MANY = 20_000
VARIED = 3000
"""More than the heads that a gateway remembers."""
ECHOED_JOBS = 4
"""Whole jobs of 50 fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request over HTTP, the message it becomes, and Cuebot's answer."""

    path: str
    body: bytes = b"{}"
    message: bytes = b""
    answer: Canned = EMPTY
    status: int = 200
    authorized: bool = True
    request_id: str = ""
    """What it is called in X-Request-Id, if it says so."""
    view: Callable[[Any], Any] | None = None
    """What the path's query string asks to see of the answer, for those who send all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A load of one kind."""

    name: str
    title: str
    calls: tuple[Call, ...]
    """One after another, whichever connection is free."""
    connections: int = 32
    counted: int | None = None
    """Requests per round, if they take too long to be cut off by the clock."""
    target: float | None = None
    """The project's target for CPU per request, as a multiple of Envoy's."""
    logged_target: float | None = None
    """The same with an access log on both sides."""
    pause_ms: int = 0
    """The longest of the random pauses that each connection makes before a request."""

    @property
    def status(self) -> int:
        """The HTTP status expected for all its calls."""
        (status,) = {call.status for call in self.calls}
        return status


def jobs_needed(only: Collection[str], *, needs_all: bool) -> int:
    """How many jobs the farm needs for these scenarios; no names means all of them."""
    return MANY if not only or any("20000" in name for name in only) or needs_all else 1000


def build_scenarios(farm: CannedFarm) -> list[Scenario]:
    """All of them, in the order of the tables."""
    pause = Call(
        path="/job.JobInterface/Pause",
        body=orjson.dumps({"job": {"id": "25764fb1-43a3-586d-835b-8b0c29407386"}}),
        message=farm.message(
            "job.JobPauseRequest",
            job=farm.messages.new("job.Job", id="25764fb1-43a3-586d-835b-8b0c29407386"),
        ),
    )
    shows = Call(path="/show.ShowInterface/GetShows", answer=Canned(farm.shows()))
    job = find_job(farm, "demo-sh010-lena_comp_v003", Canned(farm.job()))
    missing = find_job(
        farm,
        "nosuchjob",
        Canned(status=NOT_FOUND, text="Incorrect result size: expected 1, actual 0"),
        status=404,
    )
    echo = Call(
        path="/job.GroupInterface/ReparentJobs",
        body=orjson.dumps(
            {"group": {"id": "some-group"}, "jobs": {"jobs": farm.jobs_as_json(ECHOED_JOBS)}}
        ),
        message=b"the gateways may write its fields in different orders",
    )
    hundred = get_jobs(farm, 100)
    return [
        Scenario(
            name="empty",
            title="empty answer (Pause)",
            calls=(pause,),
            target=0.60,
            logged_target=0.68,
        ),
        Scenario(name="shows3", title="3 shows", calls=(shows,), target=0.60, logged_target=0.68),
        Scenario(name="job1", title="one job", calls=(job,), target=0.60, logged_target=0.66),
        Scenario(
            name="varied",
            title="one job, each request another",
            calls=tuple(varied(farm)),
            target=0.70,
        ),
        Scenario(
            name="jobs100",
            title="100 jobs",
            calls=(hundred,),
            connections=16,
            target=0.48,
            logged_target=0.50,
        ),
        Scenario(
            name="jobs1000",
            title="1000 jobs",
            calls=(get_jobs(farm, 1000),),
            connections=8,
            counted=80,
            target=0.46,
            logged_target=0.47,
        ),
        Scenario(
            name="jobs20000",
            title="20000 jobs",
            calls=(get_jobs(farm, MANY),),
            connections=2,
            counted=4,
            target=0.40,
            logged_target=0.41,
        ),
        Scenario(
            name="fields20000",
            title="3 fields of 20000 jobs",
            calls=(view(farm, "_fields=name,user,jobStats.runningFrames", some_fields),),
            connections=2,
            counted=4,
        ),
        Scenario(
            name="where20000",
            title="20 of 20000 jobs by a condition",
            calls=(
                view(farm, "_where=jobStats.deadFrames%3E0&_sort=-priority&_limit=20", some_rows),
            ),
            connections=2,
            counted=4,
        ),
        Scenario(
            name="nopath",
            title="404: no such method",
            calls=(Call(path="/job.JobInterface/Nothing", status=404),),
        ),
        Scenario(name="notfound", title="404: no such job", calls=(missing,), target=0.80),
        Scenario(
            name="notoken",
            title="401: no token",
            calls=(Call(path="/show.ShowInterface/GetShows", status=401, authorized=False),),
            target=0.75,
        ),
        Scenario(name="body200", title="a body of 200 fields", calls=(echo,), target=0.90),
        Scenario(
            name="mixed",
            title="mixed (6 of 10 small)",
            calls=(pause, shows, job, shows, pause, job, echo, hundred, shows, job),
            target=0.55,
        ),
    ]


def find_job(farm: CannedFarm, name: str, answer: Canned, status: int = 200) -> Call:
    """FindJob, which returns one job by its name."""
    return Call(
        path="/job.JobInterface/FindJob",
        body=orjson.dumps({"name": name}),
        message=farm.message("job.JobFindJobRequest", name=name),
        answer=answer,
        status=status,
    )


def varied(farm: CannedFarm) -> Iterator[Call]:
    """FindJob, no two of which are the same: another name, and another X-Request-Id."""
    for number in range(VARIED):
        call = find_job(farm, f"job{number:05}", Canned(farm.job()))
        yield replace(call, request_id=f"varied-{number:05}")


def view(farm: CannedFarm, query: str, shown: Callable[[Any], Any]) -> Call:
    """GetJobs of all jobs, of which this is to be seen."""
    call = get_jobs(farm, MANY)
    return replace(call, path=f"{call.path}?{query}", view=shown)


def some_fields(answer: Any) -> Any:
    """What `fields20000` asks for."""
    rows = [
        {
            "name": job["name"],
            "user": job["user"],
            "jobStats": {"runningFrames": job["jobStats"]["runningFrames"]},
        }
        for job in answer["jobs"]["jobs"]
    ]
    return {"jobs": {"jobs": rows}}


def some_rows(answer: Any) -> Any:
    """What `where20000` asks for."""
    rows = [job for job in answer["jobs"]["jobs"] if job["jobStats"]["deadFrames"] > 0]
    rows.sort(key=lambda job: -job["priority"])
    return {"jobs": {"jobs": rows[:20]}}


def get_jobs(farm: CannedFarm, count: int) -> Call:
    """GetJobs; the show's name tells the upstream how many."""
    criteria = farm.messages.new("job.JobSearchCriteria", shows=[f"show{count}"])
    return Call(
        path="/job.JobInterface/GetJobs",
        body=orjson.dumps({"r": {"shows": [f"show{count}"]}}),
        message=farm.message("job.JobGetJobsRequest", r=criteria),
        answer=Canned(farm.jobs(count)),
    )
