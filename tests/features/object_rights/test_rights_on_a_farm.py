"""Rights by what a change is about, with the answers of the simulated farm."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.farms import running_farm, still_farm
from tests.support.needs import needs
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, running_gateway, settings_for

pytestmark = pytest.mark.anyio

ANYBODY = signed(role="admin")
ACCESS = [
    rule("admins", {"role": "admin"}, "all"),
    rule("shows", {"role": "show"}, "all", only="show in $shows"),
    rule("owners", {"role": "owner"}, "all", only="user = $sub"),
    rule("users", {"role": "users"}, "all", only="user in $users"),
    rule("hosts", {"role": "host"}, "all", only="host = $host or allocation = $host"),
]


@pytest.fixture
async def farm() -> AsyncIterator[Gateway]:
    async with running_farm(still_farm()) as cuebot:
        settings = settings_for(cuebot.endpoint, access=ACCESS, access_default="deny")
        async with running_gateway(settings) as gateway:
            yield gateway


async def made(farm: Gateway, method: str, body: object) -> Any:
    """What a call answers that anybody may make."""
    answer = await farm.post(f"/{method}", body, headers=ANYBODY)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(farm: Gateway, method: str, body: object) -> list[Any]:
    """The rows of a list that anybody may have."""
    (rows,) = (await made(farm, method, body)).values()
    (found,) = rows.values()
    return list(found)


async def judged(farm: Gateway, method: str, body: object, own: Any, other: Any) -> list[int]:
    """What a dry run answers to these two."""
    found = []
    for who in (own, other):
        answer = await farm.post(f"/{method}", body, headers=who | {"X-Dry-Run": "1"})
        found.append(answer.status_code)
    return found


async def nimby_host_of(farm: Gateway, owner: Any) -> Any:
    """A locked host that the owner takes."""
    hosts = await listed(farm, "host.HostInterface/GetHosts", {"r": {}})
    host = next(each for each in hosts if each["nimbyEnabled"])
    await made(farm, "host.OwnerInterface/TakeOwnership", {"owner": owner, "host": host["name"]})
    await made(farm, "host.HostInterface/Lock", {"host": host})
    return host


@needs("dry_run")
async def test_objects_of_shows(farm: Gateway) -> None:
    shows = await listed(farm, "show.ShowInterface/GetShows", {})
    show = shows[0]
    own, other = (signed(role="show", shows=[each["name"]]) for each in shows[:2])
    by_show = {"show": {"id": show["id"]}}
    group = (await listed(farm, "show.ShowInterface/GetGroups", by_show))[0]
    created = await made(farm, "show.ShowInterface/CreateFilter", by_show | {"name": "a_filter"})
    a_filter = created["filter"]
    matcher = await made(
        farm,
        "filter.FilterInterface/CreateMatcher",
        {"filter": a_filter, "data": {"subject": "SHOT", "type": "IS", "input": "x"}},
    )
    action = await made(
        farm,
        "filter.FilterInterface/CreateAction",
        {"filter": a_filter, "data": {"type": "PAUSE_JOB", "valueType": "BOOLEAN_TYPE"}},
    )
    owner = await made(farm, "show.ShowInterface/CreateOwner", by_show | {"name": "an_owner"})
    override = await made(
        farm,
        "show.ShowInterface/CreateServiceOverride",
        by_show | {"service": {"name": "arnold", "minCores": 100}},
    )
    department = (await listed(farm, "show.ShowInterface/GetDepartments", by_show))[0]
    subscription = (await listed(farm, "show.ShowInterface/GetSubscriptions", by_show))[0]
    add = {"department": department, "shot": "sh010", "minCores": 1}
    # The answer is an error, since Cuebot gives tasks no name.
    await farm.post("/department.DepartmentInterface/AddTask", add, headers=ANYBODY)
    by_department = {"department": department}
    tasks = await listed(farm, "department.DepartmentInterface/GetTasks", by_department)
    task = {"id": tasks[0]["id"], "name": tasks[0]["id"]}
    await nimby_host_of(farm, owner["owner"])
    deed = (await listed(farm, "show.ShowInterface/GetDeeds", by_show))[0]
    where = {"show": show["name"]}
    for method, body in (
        ("show.ShowInterface/SetActive", by_show | {"value": True}),
        ("job.GroupInterface/SetMinCores", {"group": group, "minCores": 1, **where}),
        ("job.GroupInterface/SetMinCores", {"group": {"name": group["name"], **where}}),
        ("filter.FilterInterface/SetName", {"filter": a_filter, "name": "x", **where}),
        ("filter.MatcherInterface/Delete", {**matcher, **where}),
        ("filter.ActionInterface/Delete", {**action, "filter": a_filter, **where}),
        ("host.OwnerInterface/Delete", owner),
        ("host.DeedInterface/Delete", {"deed": deed}),
        ("task.TaskInterface/Delete", {"task": task, "department": department["id"], **where}),
        ("subscription.SubscriptionInterface/SetBurst", {"subscription": subscription}),
        ("department.DepartmentInterface/ClearTasks", {"department": department, **where}),
        (
            "service.ServiceOverrideInterface/Delete",
            {"service": override["serviceOverride"]["data"], **where},
        ),
    ):
        assert await judged(farm, method, body, own, other) == [200, 403], method


@needs("dry_run")
async def test_objects_of_users(farm: Gateway) -> None:
    jobs = await listed(farm, "job.JobInterface/GetJobs", {"r": {}})
    job = jobs[0]
    another = next(each for each in jobs if each["user"] != job["user"])
    own, other = (signed(each["user"], role="owner") for each in (job, another))
    by_job = {"job": {"id": job["id"]}}
    some = by_job | {"req": {"limit": 5}}
    frame = (await listed(farm, "job.JobInterface/GetFrames", some))[-1]
    said = {"newComment": {"subject": "a", "message": "b"}}
    await made(farm, "job.JobInterface/AddComment", by_job | said)
    comment = (await listed(farm, "job.JobInterface/GetComments", by_job))[0]
    on_job = {"onJob": {"id": another["id"]}}
    await made(farm, "job.JobInterface/CreateDependencyOnJob", by_job | on_job)
    depends = await listed(farm, "job.JobInterface/GetWhatThisDependsOn", by_job)
    depend = {"depend": depends[-1]}
    both = signed(role="users", users=[job["user"], another["user"]])
    satisfy = "depend.DependInterface/Satisfy"
    assert await judged(farm, satisfy, depend, own, other) == [403, 403]
    assert await judged(farm, satisfy, depend, both, other) == [200, 403]
    created = await made(
        farm, "show.ShowInterface/CreateOwner", {"show": {"name": job["show"]}, "name": "an_owner"}
    )
    host = await nimby_host_of(farm, created["owner"])
    add = {**by_job, "host": host["name"], "username": "an_owner", "threads": 1, "maxCores": 1}
    await farm.post("/job.JobInterface/AddRenderPartition", add, headers=ANYBODY)
    partitions = await listed(farm, "host.HostInterface/GetRenderPartitions", {"host": host})
    spec = f"<spec><show>{job['show']}</show><user>{job['user']}</user></spec>"
    for method, body in (
        ("job.FrameInterface/Retry", {"frame": frame, "job": job["name"]}),
        ("job.FrameInterface/Retry", {"frame": frame, "job": job["id"]}),
        ("comment.CommentInterface/Delete", {"comment": comment, "job": job["id"]}),
        ("renderPartition.RenderPartitionInterface/Delete", {"renderPartition": partitions[0]}),
        ("host.ProcInterface/UnbookProcs", {"r": {"jobs": [job["name"]]}}),
        ("job.JobInterface/LaunchSpec", {"spec": spec}),
    ):
        assert await judged(farm, method, body, own, other) == [200, 403], method


@needs("dry_run")
async def test_hosts(farm: Gateway) -> None:
    hosts = await listed(farm, "host.HostInterface/GetHosts", {"r": {}})
    own, other = (signed(role="host", host=each["name"]) for each in hosts[:2])
    allocation = signed(role="host", host=hosts[0]["allocName"])
    body = {"host": {"id": hosts[0]["id"]}}
    assert await judged(farm, "host.HostInterface/Lock", body, own, other) == [200, 403]
    assert await judged(farm, "host.HostInterface/Lock", body, allocation, other) == [200, 403]
    allocations = await listed(farm, "facility.AllocationInterface/GetAll", {})
    named = next(each for each in allocations if each["name"] == hosts[0]["allocName"])
    move = body | {"allocationId": named["id"]}
    found = await judged(farm, "host.HostInterface/SetAllocation", move, allocation, other)
    assert found == [200, 403]
