"""Plans made in another process: the same plans and errors, and no trouble when it ends."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from subprocess import Popen
from typing import Any
from xml.parsers.expat import XMLParserType

import orjson
import pytest

from gateway.core.calls.for_caller import Caller, ForCaller, PlanForCaller
from gateway.core.calls.plan import (
    ALWAYS_QUICK_BYTES,
    MAX_QUICK_BYTES,
    MAX_QUICK_PARTS,
    Plan,
    holds_the_loop,
    plan,
)
from gateway.core.calls.steps import Steps
from gateway.core.codec.body import parse
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.codec.xml_text import TextReader
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import Code, GatewayError
from gateway.core.offload import process as offload_process
from gateway.core.offload.planner import Planner
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.garbage import collected
from tests.support.patience import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

INTERN = Caller("force", "intern")
GET_JOBS, LAUNCH = "/job.JobInterface/GetJobs", "/job.JobInterface/LaunchSpec"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """OpenCue's schema with its profile."""
    return build_catalog(read_package(OPENCUE_PACKAGE), Selection(), load_profile("opencue"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (LAUNCH, {"spec": "<spec><user>intern</user></spec>"}),
        (LAUNCH, {"spec": "<spec><user>lena</user></spec>"}),
        (LAUNCH, {"spec": "<a>" * 1000}),
        (LAUNCH, {"spec": "<a>"}),
        (GET_JOBS, {"nonsense": 1}),
        (GET_JOBS, {"r": 1}),
        ("/job.JobInterface/Pause", {"job": "x" * 2000}),
    ],
)
def test_a_job_leaves_nothing_for_the_garbage_collector(
    catalog: Catalog, path: str, body: object
) -> None:
    """The process would grow until that comes."""
    job = offload_process.Job(None, path, orjson.dumps(body), UnknownFieldPolicy.EVERYTHING, INTERN)
    with collected(GatewayError, Plan, TextReader, XMLParserType) as left:
        offload_process.outcome_of(partial(offload_process.planned, job, catalog))
    assert not left


@asynccontextmanager
async def planning(idle: float = 60.0) -> AsyncIterator[Planner]:
    """A planner, closed at the end."""
    planner = Planner(idle=idle)
    try:
        yield planner
    finally:
        await planner.close()


async def planned(
    planner: Planner,
    catalog: Catalog,
    path: str = GET_JOBS,
    body: bytes = b"{}",
    policy: UnknownFieldPolicy = UnknownFieldPolicy.NOTHING,
    principal: str = "a",
    timeout: float = PATIENCE,
) -> Any:
    """What the planner makes of this body."""
    method = catalog.routes[path]
    return await planner.plan(principal, catalog, method, body, policy, timeout, INTERN)


BODIES = [
    (GET_JOBS, {"r": {"shows": ["a"], "users": ["b"]}}),
    (GET_JOBS, {"r": {"nonsense": 1, "shows": ["a"]}}),
    (GET_JOBS, {"r": {"shows": 5}}),
    (GET_JOBS, []),
    ("/show.ShowInterface/CreateShow", {"name": "new"}),
    ("/job.JobInterface/Kill", {"job": {"name": "demo-sh010"}, "username": "lena"}),
    ("/host.HostInterface/AddTags", {"host": {"name": "h"}, "tags": ["t"]}),
    ("/department.DepartmentInterface/GetTasks", {"department": {"name": "d"}, "show": "s"}),
    ("/job.GroupInterface/ReparentJobs", {"jobs": {"jobs": [{"name": "a"}, {"name": "b"}]}}),
    ("/job.JobInterface/Pause", {"job": {}}),
    ("/layer.LayerInterface/GetFrames", {"layer": {"name": "l", "job": "j"}, "req": {"page": 1}}),
    ("/subscription.SubscriptionInterface/SetSize", {"subscription": {"name": "x"}, "newSize": 3}),
]


def outcome_of(catalog: Catalog, path: str, body: bytes) -> object:
    """What the plan is, or what is wrong."""
    try:
        method = catalog.routes[path]
        planned = plan(method, body, UnknownFieldPolicy.EVERYTHING)
        each: ForCaller | None = method.aspects.get(ForCaller)
        done = PlanForCaller(planned, INTERN)
        return done if each is None else each.change(planned, INTERN)
    except GatewayError as error:
        return error.code, error.message


async def test_plans_and_errors_are_the_same(catalog: Catalog, started: list[Popen[bytes]]) -> None:
    """Calls, look-ups, ignored fields and errors are those that this process would have made."""
    with_steps = [each for each in catalog.methods if Steps in each.aspects]
    assert with_steps
    bodies = [(path, orjson.dumps(body)) for path, body in BODIES if path in catalog.routes]
    bodies += [
        (each.path, orjson.dumps({step.given.json[0]: "x"}))
        for each in with_steps
        for step in (*Steps.of(each).before, *Steps.of(each).after)
    ]
    bodies += [(GET_JOBS, b"{"), (GET_JOBS, b"")]
    found, steps = set(), 0
    async with planning() as planner:
        for path, body in bodies:
            expected = outcome_of(catalog, path, body)
            try:
                made = await planned(planner, catalog, path, body, UnknownFieldPolicy.EVERYTHING)
                steps += len(made.plan.look_ups) + len(made.plan.follow_ups)
                got: object = made
            except GatewayError as error:
                got = error.code, error.message
            assert got == expected
            found.add(type(got))
        assert len(started) == 1
    assert len(found) == 2
    assert steps


async def test_forms_are_read_as_well(catalog: Catalog) -> None:
    policy, form = UnknownFieldPolicy.EVERYTHING, b"r.shows=a&r.users=b"
    expected = plan(catalog.routes[GET_JOBS], b'{"r":{"shows":["a"],"users":["b"]}}', policy)
    method = catalog.routes[GET_JOBS]
    async with planning() as planner:
        asked = partial(planner.plan, "a", catalog, method, form, policy, PATIENCE, INTERN)
        assert (await asked(media=b"application/x-www-form-urlencoded")).plan == expected
        with pytest.raises(GatewayError, match="a form has the type"):
            await asked(media=b"application/json")


async def test_another_catalog_is_taken(catalog: Catalog) -> None:
    """After a new schema or profile, plans are made with that."""
    body = b'{"r": {"show": "a"}}'  # the profile makes `shows` of it
    plain = build_catalog(catalog.schema, Selection())
    async with planning() as planner:
        for each in (catalog, plain, catalog):
            expected = plan(each.routes[GET_JOBS], body, UnknownFieldPolicy.NOTHING)
            assert (await planned(planner, each, body=body)).plan == expected


async def test_no_handler_of_a_fork_runs(catalog: Catalog) -> None:
    """Before it is another program, the process would run grpcio's, which crash beside its calls.

    A fork that runs them runs Python's own as well.
    """
    forks: list[None] = []
    os.register_at_fork(before=lambda: forks.append(None))
    async with planning() as planner:
        await planned(planner, catalog)
    assert not forks


async def test_a_process_that_dies_is_replaced(
    catalog: Catalog, started: list[Popen[bytes]]
) -> None:
    async with planning() as planner:
        expected = await planned(planner, catalog)
        (process,) = started
        process.send_signal(signal.SIGSTOP)
        task = asyncio.create_task(planned(planner, catalog))
        await asyncio.sleep(0.05)
        process.kill()
        with pytest.raises(GatewayError) as failed:
            await task
        assert failed.value.code is Code.UNAVAILABLE
        assert await planned(planner, catalog) == expected
        _, process = started
        process.kill()
        process.wait()
        assert await planned(planner, catalog) == expected
        assert len(started) == 3


async def test_a_process_without_work_ends(catalog: Catalog, started: list[Popen[bytes]]) -> None:
    async with planning(idle=0.2) as planner:
        await planned(planner, catalog)
        (process,) = started
        await until(lambda: process.poll() is not None)
        await planned(planner, catalog)
        assert len(started) == 2


async def test_the_planner_ends_its_processes(
    catalog: Catalog, started: list[Popen[bytes]]
) -> None:
    async with planning() as planner:
        await planned(planner, catalog)
        (process,) = started
    assert process.returncode is not None


async def test_subjects_do_not_hold_each_other_up(
    catalog: Catalog, started: list[Popen[bytes]]
) -> None:
    large = orjson.dumps({"group": {"id": "g"}, "jobs": {"jobs": [{"id": "i"}] * 45_000}})
    order: list[str] = []

    async def one(principal: str, is_large: bool) -> None:
        path, body = ("/job.GroupInterface/ReparentJobs", large) if is_large else (GET_JOBS, b"{}")
        await planned(planner, catalog, path, body, principal=principal)
        order.append(principal)

    async with planning() as planner:
        await asyncio.gather(one("a", True), one("b", False))  # until both have started
        order.clear()
        many = [asyncio.create_task(one("a", True)) for _ in range(6)]
        await asyncio.sleep(0)
        await one("b", False)
        assert order.count("a") < 6
        await asyncio.gather(*many)
        assert len(started) == 2


async def test_clients_that_leave_cost_no_process(
    catalog: Catalog, started: list[Popen[bytes]]
) -> None:
    async with planning() as planner:
        await planned(planner, catalog)
        task = asyncio.create_task(planned(planner, catalog))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await planned(planner, catalog)
        assert len(started) == 1


async def test_time_is_bounded(catalog: Catalog, started: list[Popen[bytes]]) -> None:
    """A body that takes longer than its client gives it is a 503, and costs no process."""
    async with planning() as planner:
        await planned(planner, catalog)
        for _ in range(3):
            with pytest.raises(GatewayError, match=r"in time|being decoded"):
                await planned(planner, catalog, timeout=0.0001)
        await planned(planner, catalog)
        assert len(started) == 1


async def test_a_process_that_takes_too_long_is_ended(
    catalog: Catalog, started: list[Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its client would wait; the next body has a new one."""
    async with planning() as planner:
        expected = await planned(planner, catalog)
        (process,) = started
        process.send_signal(signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr("gateway.core.offload.planner.PLANNING_TIMEOUT_SECONDS", 0.05)
            with pytest.raises(GatewayError, match="could not be decoded within"):
                await planned(planner, catalog)
        await until(lambda: process.poll() is not None)
        assert await planned(planner, catalog) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{" * ALWAYS_QUICK_BYTES, False),
        (b"{" * (ALWAYS_QUICK_BYTES + 1), True),
        (b'{"r":[' + b"[]," * 21_000 + b"1]}", True),
        (b'{"r":[' + b"{}," * 21_000 + b"1]}", True),
        (b"job=" + b"%41" * 20_000, True),
        (b"job=a&" * 6_000, True),
        (b'{"spec": "' + b"<a>" * 20_000 + b'"}', False),
        (b"x" * MAX_QUICK_BYTES, False),
        (b"x" * (MAX_QUICK_BYTES + 1), True),
        (b"[" * MAX_QUICK_PARTS + b"x" * ALWAYS_QUICK_BYTES, False),
        (b"[" * MAX_QUICK_PARTS + b"{" + b"x" * ALWAYS_QUICK_BYTES, True),
        (b"1," * MAX_QUICK_PARTS + b"x" * ALWAYS_QUICK_BYTES, False),
        (b"1," * MAX_QUICK_PARTS + b"[" + b"x" * ALWAYS_QUICK_BYTES, True),
    ],
    ids=itertools.count(),
)
def test_what_holds_the_loop(body: bytes, expected: bool) -> None:
    """Large bodies, and those of some size that have many parts, in JSON or in a form."""
    assert holds_the_loop(body) == expected


async def test_requests_of_too_many_values_are_refused_there(catalog: Catalog) -> None:
    """The event loop reads a request again, for a look-up or a rule."""
    names = [b'{"r": {"jobs": [%s]}}' % b",".join([b'""'] * each) for each in (99_990, 100_001)]
    async with planning() as planner:
        assert (await planned(planner, catalog, body=names[0])).plan.payload
        with pytest.raises(GatewayError, match="the body: more than 100000 values"):
            await planned(planner, catalog, body=names[1])
        spec = orjson.dumps({"spec": "," * 200_000})  # one value
        assert (await planned(planner, catalog, "/job.JobInterface/LaunchSpec", spec)).plan.payload


async def test_other_work_is_done_there(catalog: Catalog) -> None:
    """By a process that has no catalog yet, and by one that has."""
    async with planning() as planner:
        for _ in range(2):
            work = partial(parse, b'[{"x": [1]}]')
            assert await planner.run("tester", PATIENCE, work) == [{"x": [1]}]
            named = await planned(planner, catalog)
            assert named.plan == plan(catalog.routes[GET_JOBS], b"{}", UnknownFieldPolicy.NOTHING)
        with pytest.raises(GatewayError, match="not valid JSON"):
            await planner.run("tester", PATIENCE, partial(parse, b"["))
