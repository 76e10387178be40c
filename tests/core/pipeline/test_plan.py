"""Calls that take several: look-ups before them, follow-ups after them, through a gateway."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest

from gateway.core.calls.plan import MAX_QUICK_BYTES
from tests.core.pipeline.conversation import filled, heard, problem, request
from tests.support.needs import needs
from tests.support.opencue import NO_ID, jobs, message_class
from tests.support.patience import PATIENCE
from tests.support.servers import Context, Gateway, ScriptedCuebot, SharedGateway, gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_JOB = "/job.JobInterface/GetJob"
FIND_LAYER = "/job.LayerInterface/FindLayer"
GET_HOST = "/host.HostInterface/GetHost"
GET_OWNER = "/host.OwnerInterface/GetOwner"
TAKE = "/host.OwnerInterface/TakeOwnership"
LOCK = "/host.HostInterface/Lock"
CREATE = "/show.ShowInterface/CreateShow"
SET_MIN = "/show.ShowInterface/SetDefaultMinCores"
SET_MAX = "/show.ShowInterface/SetDefaultMaxCores"
FIND_SHOW = "/show.ShowInterface/FindShow"
FIND_GROUP = "/job.GroupInterface/FindGroup"
ADD_LIMIT = "/job.LayerInterface/AddLimit"

LAYER_BODY = {"job": {"id": "job-1"}, "layer": "comp"}
TAKE_BODY: dict[str, Any] = {"host": {"id": "host-1"}, "owner": {"name": "artist1"}}
SHOW_BODY = {"name": "new", "defaultMinCores": 1, "defaultMaxCores": 50}


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """A Cuebot that finds what look-ups ask for."""
    show = {"id": "show-1", "name": "new"}
    answers = cuebot.answers
    answers(GET_JOB, filled("job.JobGetJobResponse", job={"name": "demo-job"}))
    layer = {"id": "layer-1", "parent_id": "job-1"}
    answers(FIND_LAYER, filled("job.LayerFindLayerResponse", layer=layer))
    answers(GET_HOST, filled("host.HostGetHostResponse", host={"id": "host-1", "name": "node-1"}))
    answers(GET_OWNER, filled("host.OwnerGetOwnerResponse", owner={"id": "owner-1"}))
    answers(CREATE, filled("show.ShowCreateShowResponse", show=show))
    changed = show | {"default_min_cores": 1, "default_max_cores": 50}
    found = filled("show.ShowFindShowResponse", show=changed)

    async def find_show(request: bytes, context: Context) -> bytes:
        if CREATE not in heard(cuebot):
            await context.abort(grpc.StatusCode.NOT_FOUND, "expected 1, actual 0")
        return found

    cuebot.handlers[FIND_SHOW] = find_show
    return cuebot


# --- Look-ups -------------------------------------------------------------------------------
async def test_look_ups_come_first_in_order(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    assert (await gateway.post(TAKE, TAKE_BODY)).json() == {}
    assert heard(cuebot) == [GET_HOST, GET_OWNER, TAKE]
    assert request(cuebot, GET_HOST, "host.HostGetHostRequest").id == "host-1"
    assert request(cuebot, GET_OWNER, "host.OwnerGetOwnerRequest").name == "artist1"
    sent = request(cuebot, TAKE, "host.OwnerTakeOwnershipRequest")
    assert (sent.host, sent.owner.id, sent.owner.name) == ("node-1", "owner-1", "artist1")


async def test_every_step_is_made_for_the_caller(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    await gateway.post(TAKE, TAKE_BODY, headers={"X-Request-ID": "r-1"})
    told = {(each["x-request-id"], each["x-gateway-principal"]) for _, _, each in cuebot.seen}
    assert told == {("r-1", "tester")}


def named(path: str) -> str:
    """A method's name, which messages have without its path."""
    return path.rpartition("/")[2]


NOT_FOUND, INTERNAL = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INTERNAL
DENIED = grpc.StatusCode.PERMISSION_DENIED
UNREADABLE = "it could not be looked up: Cuebot's answer cannot be read"


@pytest.mark.parametrize(
    ("path", "body", "steps", "answer", "status", "message"),
    [
        (FIND_LAYER, LAYER_BODY, [GET_JOB], b"", 404, "job.id: nothing is found for id 'job-1'"),
        (
            FIND_LAYER,
            LAYER_BODY,
            [GET_JOB],
            (NOT_FOUND, "no such"),
            404,
            "job.id: nothing is found for id 'job-1'",
        ),
        (
            *(TAKE, TAKE_BODY, [GET_HOST, GET_OWNER], (NOT_FOUND, "nobody"), 404),
            "no owner 'artist1'",
        ),
        (
            TAKE,
            TAKE_BODY,
            [GET_HOST],
            (INTERNAL, "no database"),
            500,
            "host.id: it could not be looked up: no database",
        ),
        (
            TAKE,
            TAKE_BODY,
            [GET_HOST],
            (DENIED, ""),
            403,
            "host.id: it could not be looked up: PERMISSION_DENIED",
        ),
        (TAKE, TAKE_BODY, [GET_HOST], b"\xff", 500, f"host.id: {UNREADABLE}"),
    ],
    ids=["empty", "not found", "the second", "fails", "without a word", "unreadable"],
)
async def test_look_ups_that_fail(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    path: str,
    body: object,
    steps: list[str],
    answer: Any,
    status: int,
    message: str,
) -> None:
    """The call is not made, and nobody takes the look-up's status for the call's."""
    if isinstance(answer, bytes):
        cuebot.answers(steps[-1], answer)
    else:
        cuebot.fails(steps[-1], *answer)
    failed = await gateway.post(path, body)
    assert (failed.status_code, heard(cuebot)) == (status, steps)
    assert failed.json()["message"].startswith(message)
    assert status != 404 or failed.json().get("cuebot") == (answer[1] if answer else None)


@pytest.mark.parametrize(
    ("path", "body", "steps"),
    [
        (FIND_LAYER, {"job": "demo-job", "layer": "comp"}, [FIND_LAYER]),
        (TAKE, {"host": "node-2", "owner": {"id": "owner-2"}}, [TAKE]),
        (TAKE, {"host": "node-2", "owner": {"name": "artist1"}}, [GET_OWNER, TAKE]),
        (TAKE, {"host": "node-2", "owner": {"name": "artist1", "id": "owner-2"}}, [TAKE]),
        (TAKE, {"host": {"id": "host-1"}, "owner": {"id": "owner-2"}}, [GET_HOST, TAKE]),
        (TAKE, {"host": {"id": None}, "owner": {"name": None}}, []),
        (TAKE, {}, []),
        (CREATE, {"name": "new", "defaultMinCores": None}, [FIND_SHOW, CREATE]),
        (CREATE, {"name": "new", "default_min_cores": 2}, [FIND_SHOW, CREATE, SET_MIN, FIND_SHOW]),
        (CREATE, {"name": None}, [CREATE]),
    ],
)
async def test_only_what_is_needed_is_done(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: dict[str, Any], steps: list[str]
) -> None:
    answer = await gateway.post(path, body)
    assert (answer.status_code, heard(cuebot)) == (200 if steps else 400, steps)
    if path == TAKE and body.get("host") == "node-2":
        sent = request(cuebot, TAKE, "host.OwnerTakeOwnershipRequest")
        assert (sent.host, sent.owner.id) == ("node-2", body["owner"].get("id", "owner-1"))


@pytest.mark.parametrize(
    ("path", "body", "documented", "sent"),
    [
        (
            *(ADD_LIMIT, {"layer": {"id": "1"}, "limit": {"name": "x"}, "limitId": NO_ID}, "limit"),
            filled("job.LayerAddLimitRequest", layer={"id": "1"}, limit_id=NO_ID),
        ),
        (
            *(FIND_GROUP, {"job": {"id": "job-1"}, "show": "demo", "name": "comp"}, "job"),
            filled("job.GroupFindGroupRequest", show="demo", name="comp"),
        ),
    ],
    ids=["limitId", "show"],
)
async def test_cuebots_own_field_comes_before_a_look_up(
    cuebot: ScriptedCuebot,
    shared_gateway: SharedGateway,
    path: str,
    body: Any,
    documented: str,
    sent: bytes,
) -> None:
    lenient = await shared_gateway(cuebot.endpoint, unknown_fields="ignore")
    answer = await lenient.post(path, body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, documented)
    assert [(called, payload) for called, payload, _ in cuebot.seen] == [(path, sent)]
    strict = await shared_gateway(cuebot.endpoint, unknown_fields="reject")
    refused = problem(await strict.post(path, body), 400, "INVALID_ARGUMENT")
    assert f"unknown field `{documented}`" in refused
    assert heard(cuebot) == [path]


# --- Names that must be new -----------------------------------------------------------------

FACILITY, LIMIT = "/facility.FacilityInterface", "/limit.LimitInterface"
NEW = {
    CREATE: (FIND_SHOW, "show.ShowFindShowResponse", "show"),
    f"{FACILITY}/Create": (f"{FACILITY}/Get", "facility.FacilityGetResponse", "facility"),
    f"{LIMIT}/Create": (f"{LIMIT}/Find", "limit.LimitFindResponse", "limit"),
}
"""By method: what looks for a thing of that name, with its answer and where that has the thing."""


@pytest.mark.parametrize("path", NEW)
@pytest.mark.parametrize("found", ["comp", "Comp", "compositing", ""])
async def test_only_the_same_name_is_taken(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, found: str
) -> None:
    """Nothing is created, since a second one would make both unusable."""
    find, answer, thing = NEW[path]
    cuebot.answers(find, filled(answer, **{thing: {"name": found}}))
    created = await gateway.post(path, {"name": "comp"})
    if found == "comp":
        message = problem(created, 409, "ALREADY_EXISTS")
        assert message == "name: 'comp' exists already"
    assert heard(cuebot) == ([find] if found == "comp" else [find, path])


SPRINGS = "org.springframework.dao.EmptyResultDataAccessException: expected 1, actual 0"
TWICE = "org.springframework.dao.IncorrectResultSizeDataAccessException: expected 1, actual 2"


@pytest.mark.parametrize("path", NEW)
@pytest.mark.parametrize(
    ("code", "text", "is_new"),
    [
        (NOT_FOUND, "expected 1, actual 0", True),
        (INTERNAL, SPRINGS, True),
        (INTERNAL, TWICE, False),
        (INTERNAL, f"no database: {SPRINGS}", False),
        (grpc.StatusCode.UNAVAILABLE, "restarting", False),
    ],
)
async def test_only_not_found_means_that_a_name_is_new(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, code: Any, text: str, is_new: bool
) -> None:
    find, _, _ = NEW[path]
    cuebot.fails(find, code, text)
    answer = await gateway.post(path, {"name": "comp"})
    assert (answer.status_code == 200, path in heard(cuebot)) == (is_new, is_new)
    if not is_new:
        assert "name: it could not be looked up: " in answer.json()["message"]
        assert text in "{message} {cuebot}".format_map({"cuebot": ""} | answer.json())


# --- Follow-ups -----------------------------------------------------------------------------
async def test_follow_ups_come_last_in_order(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = await gateway.post(CREATE, SHOW_BODY)
    assert heard(cuebot) == [FIND_SHOW, CREATE, SET_MIN, SET_MAX, FIND_SHOW]
    assert request(cuebot, CREATE, "show.ShowCreateShowRequest").name == "new"
    least = request(cuebot, SET_MIN, "show.ShowSetDefaultMinCoresRequest")
    most = request(cuebot, SET_MAX, "show.ShowSetDefaultMaxCoresRequest")
    assert (least.show.id, least.min_cores) == ("show-1", 1)
    assert (most.show.id, most.max_cores) == ("show-1", 50)
    again = message_class("show.ShowFindShowRequest").FromString(cuebot.seen[-1][1])
    assert again.name == "new"
    show = answer.json()["show"]
    assert (show["id"], show["defaultMinCores"], show["defaultMaxCores"]) == ("show-1", 1, 50)


async def test_nothing_follows_a_call_that_fails(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(CREATE, grpc.StatusCode.ALREADY_EXISTS, "taken")
    assert problem(await gateway.post(CREATE, SHOW_BODY), 409, "ALREADY_EXISTS") == "taken"
    assert heard(cuebot) == [FIND_SHOW, CREATE]


@pytest.mark.parametrize(
    ("failing", "before"),
    [(SET_MIN, [CREATE]), (SET_MAX, [CREATE, SET_MIN]), (FIND_SHOW, [CREATE, SET_MIN, SET_MAX])],
)
async def test_a_follow_up_that_fails_says_what_has_happened(
    gateway: Gateway, cuebot: ScriptedCuebot, failing: str, before: list[str]
) -> None:
    works = cuebot.handlers[failing]

    async def fail_afterwards(request: bytes, context: Context) -> bytes:
        if CREATE in heard(cuebot):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")
        return await works(request, context)

    cuebot.handlers[failing] = fail_afterwards
    message = problem(await gateway.post(CREATE, SHOW_BODY), 400, "FAILED_PRECONDITION")
    assert (
        message
        == f"{', '.join(map(named, before))} succeeded, then {named(failing)} failed: not now"
    )
    assert heard(cuebot) == [FIND_SHOW, *before, failing]


async def test_half_done_has_no_retry_after(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(SET_MIN, grpc.StatusCode.UNAVAILABLE, "restarting")
    answer = await gateway.post(CREATE, SHOW_BODY)
    assert "CreateShow succeeded, then SetDefaultMinCores failed" in problem(
        answer, 503, "UNAVAILABLE"
    )
    assert "retry-after" not in answer.headers


async def test_nothing_follows_an_unreadable_answer(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    cuebot.answers(CREATE, b"\xff")
    message = problem(await gateway.post(CREATE, SHOW_BODY), 500, "INTERNAL")
    assert message.startswith("CreateShow was called, but: Cuebot's answer cannot be read")
    assert heard(cuebot) == [FIND_SHOW, CREATE]


# --- One deadline ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "body", "slow", "then"),
    [(FIND_LAYER, LAYER_BODY, GET_JOB, FIND_LAYER), (CREATE, SHOW_BODY, CREATE, SET_MIN)],
)
async def test_steps_share_the_deadline(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: dict[str, Any], slow: str, then: str
) -> None:
    """What one step has used, the next one does not have."""
    answers = {each: cuebot.handlers[each] for each in (slow, then)}
    left: dict[str, float] = {}

    async def use_some(request: bytes, context: Context) -> bytes:
        await asyncio.sleep(context.time_remaining() - 7.3)  # time itself is what it is about
        left[slow] = context.time_remaining()
        return await answers[slow](request, context)

    async def look(request: bytes, context: Context) -> bytes:
        left[then] = context.time_remaining()
        return await answers[then](request, context)

    cuebot.handlers |= {slow: use_some, then: look}
    answer = await gateway.post(path, body, headers={"Grpc-Timeout": "8S"})
    assert answer.status_code == 200
    assert left[then] < (left[slow] + 8) / 2  # gRPC rounds deadlines up, by some percent


async def test_a_deadline_passes_in_a_look_up(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    _, cancelled = cuebot.hangs(GET_JOB)
    answer = await gateway.post(FIND_LAYER, LAYER_BODY, headers={"Grpc-Timeout": "1S"})
    message = problem(answer, 504, "DEADLINE_EXCEEDED")
    assert message.startswith("job.id: it could not be looked up: ")
    await cancelled.wait()
    assert heard(cuebot) == [GET_JOB]


@pytest.mark.gateway(grpc_timeout=3600)  # or the deadline would cancel it as well
async def test_clients_that_hang_up_end_the_step(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    begun, cancelled = cuebot.hangs(GET_HOST)
    asking = asyncio.create_task(gateway.post(TAKE, TAKE_BODY))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        asking.cancel()
        await cancelled.wait()
    assert heard(cuebot) == [GET_HOST]


# --- Before the first call ------------------------------------------------------------------
@needs("dry_run")
async def test_dry_runs_only_look_things_up(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """They show the steps with their requests, as far as those are known."""

    async def dry(path: str, body: object) -> Any:
        return (await gateway.post(path, body, headers={"X-Dry-Run": "1"})).json()

    shown = await dry(TAKE, TAKE_BODY)
    assert shown["before"] == [
        {"method": GET_HOST, "request": {"id": "host-1"}},
        {"method": GET_OWNER, "request": {"name": "artist1"}},
    ]
    assert (shown["method"], shown["after"]) == (TAKE, [])
    assert (shown["request"]["host"], shown["request"]["owner"]["name"]) == ("", "artist1")

    shown = await dry(CREATE, SHOW_BODY)
    assert shown["before"] == [{"method": FIND_SHOW, "request": {"name": "new"}}]
    assert shown["request"] == {"name": "new"}
    assert [step["method"] for step in shown["after"]] == [SET_MIN, SET_MAX, FIND_SHOW]
    assert shown["after"][1]["request"]["maxCores"] == 50
    assert heard(cuebot) == [GET_HOST, GET_OWNER, FIND_SHOW]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (CREATE, SHOW_BODY | {"defaultMaxCores": "many"}, "defaultMaxCores: expected a number"),
        (CREATE, SHOW_BODY | {"defaultMinCores": {}}, "defaultMinCores: expected a number"),
        (CREATE, SHOW_BODY | {"name": 7}, "name: expected a string"),
        (CREATE, SHOW_BODY | {"colour": 7}, "unknown field `colour`"),
        (CREATE, {"name": "x", "defaultMinCores": 1, "default_min_cores": 2}, "unknown field"),
        (TAKE, TAKE_BODY | {"host": {"id": 7}}, "host.id: expected a string"),
        (TAKE, TAKE_BODY | {"host": {"name": "node-1"}}, "host: expected a string"),
        (TAKE, TAKE_BODY | {"owner": 7}, "owner: expected an object, got a number; its fields are"),
        (TAKE, TAKE_BODY | {"owner": {"name": "artist1", "hostCount": "x"}}, "owner.hostCount: "),
        (FIND_LAYER, {"job": {"id": []}, "layer": "comp"}, "job.id: expected a string"),
        (FIND_LAYER, LAYER_BODY | {"layer": 1}, "layer: expected a string"),
        (FIND_LAYER, [LAYER_BODY], "the body: expected an object"),
        (FIND_LAYER, "job", "the body: expected an object"),
    ],
)
async def test_what_is_wrong_is_refused_before_the_first_call(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object, message: str
) -> None:
    assert problem(await gateway.post(path, body), 400, "INVALID_ARGUMENT").startswith(message)
    assert cuebot.seen == []


@pytest.mark.parametrize(
    ("excluded", "path", "body"),
    [
        (GET_HOST, TAKE, TAKE_BODY),
        (GET_JOB, FIND_LAYER, LAYER_BODY),
        (SET_MAX, CREATE, SHOW_BODY),
        (FIND_SHOW, CREATE, SHOW_BODY),
    ],
)
async def test_excluded_methods_are_not_called_for_clients(
    cuebot: ScriptedCuebot, excluded: str, path: str, body: dict[str, Any]
) -> None:
    """A call that would need one is a 400, as without a profile."""
    async with gateway_for(cuebot.endpoint, exclude_services=[excluded[1:]]) as gateway:
        problem(await gateway.post(path, body), 400, "INVALID_ARGUMENT")
        probe = gateway.catalog.probe  # a slow machine looks as if Cuebot hung
    assert set(heard(cuebot)) <= {probe}


async def test_large_bodies_take_the_same_steps(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    body = {"host": {"id": "host-1", "tags": ["t"] * 50_000}, "owner": {"name": "artist1"}}
    assert (await gateway.post(TAKE, body)).status_code == 200
    assert heard(cuebot) == [GET_HOST, GET_OWNER, TAKE]
    assert request(cuebot, TAKE, "host.OwnerTakeOwnershipRequest").host == "node-1"
    space = b" " * (MAX_QUICK_BYTES + 1)
    await gateway.post(CREATE, content=orjson.dumps(SHOW_BODY) + space)
    assert request(cuebot, CREATE, "show.ShowCreateShowRequest").name == SHOW_BODY["name"]
    wrong = orjson.dumps(SHOW_BODY | {"defaultMinCores": "x"})
    refused = await gateway.post(CREATE, content=wrong + space)
    assert problem(refused, 400, "INVALID_ARGUMENT").startswith("defaultMinCores: ")


# --- Moved fields ---------------------------------------------------------------------------

JOBS = "/job.JobInterface/GetJobs"


@pytest.mark.parametrize(
    ("criteria", "shows", "users"),
    [
        ({"show": "demo"}, ["demo"], []),
        ({"show": {"name": "demo"}}, ["demo"], []),
        ({"show": {"name": "demo", "id": "s"}, "user": "lena"}, ["demo"], ["lena"]),
        ({"show": None, "user": None}, [], []),
        ({"shows": ["demo", "harbor"]}, ["demo", "harbor"], []),
        ({"show": ["demo", "harbor"]}, ["demo", "harbor"], []),
    ],
)
async def test_a_show_may_be_an_object_or_a_name(
    gateway: Gateway, cuebot: ScriptedCuebot, criteria: object, shows: list[str], users: list[str]
) -> None:
    cuebot.answers(JOBS, jobs(1))
    assert (await gateway.post(JOBS, {"r": criteria})).status_code == 200
    sent = request(cuebot, JOBS, "job.JobGetJobsRequest").r
    assert (list(sent.shows), list(sent.users)) == (shows, users)


@pytest.mark.parametrize("show", [{"id": "s"}, {}, 7, [7]])
async def test_a_show_without_a_name(
    gateway: Gateway, cuebot: ScriptedCuebot, show: object
) -> None:
    """A criterion that cannot be sent is an error, since without it all jobs would be listed."""
    message = problem(await gateway.post(JOBS, {"r": {"show": show}}), 400, "INVALID_ARGUMENT")
    assert message.startswith(("r.show: expected a string", "r.show[0]: expected a string"))
    assert cuebot.seen == []


# --- Unknown fields -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "body", "ignored"),
    [
        (TAKE, TAKE_BODY | {"owner": {"name": "artist1", "colour": "red"}}, "owner.colour"),
        (TAKE, TAKE_BODY | {"host": {"id": "host-1", "bogus": 1}}, "host.bogus"),
        (FIND_LAYER, LAYER_BODY | {"job": {"id": "job-1", "bogus": 1}}, "job.bogus"),
    ],
)
async def test_fields_that_no_step_knows(
    cuebot: ScriptedCuebot, shared_gateway: SharedGateway, path: str, body: object, ignored: str
) -> None:
    answer = await (await shared_gateway(cuebot.endpoint)).post(path, body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, ignored)
    strict = await shared_gateway(cuebot.endpoint, unknown_fields="reject")
    refused = problem(await strict.post(path, body), 400, "INVALID_ARGUMENT")
    assert f"unknown field `{ignored.removeprefix('owner.')}`" in refused


@pytest.mark.gateway(unknown_fields="reject")
async def test_rejecting_unknown_fields(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """The fields of steps are known."""
    jobs = {"r": {"show": {"name": "demo"}, "mostResults": 100}}
    message = problem(await gateway.post(JOBS, jobs), 400, "INVALID_ARGUMENT")
    assert message.startswith("r: unknown field `mostResults`")
    assert cuebot.seen == []
    for path, known in ((TAKE, TAKE_BODY), (CREATE, SHOW_BODY), (FIND_LAYER, LAYER_BODY)):
        assert (await gateway.post(path, known)).status_code == 200


@pytest.mark.gateway(unknown_fields="reject")
async def test_echoed_objects_with_documented_names(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    host = (await gateway.post(GET_HOST, {"id": "host-1"})).json()["host"]
    assert {"totalCores", "totalGpus", "freeGpus"} < host.keys()
    answer = await gateway.post(LOCK, {"host": host | {"totalCores": 16}})
    assert answer.status_code == 200
    assert "x-ignored-fields" not in answer.headers
    sent = request(cuebot, LOCK, "host.HostLockRequest").host
    assert (sent.name, sent.cores) == ("node-1", 0)
    assert (await gateway.post(LOCK, {"host": host | {"allCores": 16}})).status_code == 400
    answer = await gateway.post(LOCK, {"host": {"id": "host-1", "totalCores": 64}})
    assert "`totalCores`" in problem(answer, 400, "INVALID_ARGUMENT")


async def test_looking_up_a_field_of_its_own(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        f'''
        [[before]]
        method = "{TAKE[1:]}"
        given = "hostId"
        call = "{GET_HOST[1:]}"
        send = "id"
        take = "host.name"
        put = "host"
        '''
    )
    async with gateway_for(cuebot.endpoint, compat_profile=str(profile)) as own:
        answer = await own.post(TAKE, {"hostId": "host-1", "owner": {"id": "owner-1"}})
    assert (answer.status_code, "x-ignored-fields" in answer.headers) == (200, False)
    assert heard(cuebot) == [GET_HOST, TAKE]
    assert request(cuebot, TAKE, "host.OwnerTakeOwnershipRequest").host == "node-1"


async def test_errors_name_fields_as_they_were_written(gateway: Gateway) -> None:
    group = "/group.GroupInterface/SetMinCores"
    body: dict[str, Any] = {"group": {"id": "g"}, "cores": "abc"}
    message = problem(await gateway.post(group, body), 400, "INVALID_ARGUMENT")
    assert message.startswith("cores: expected a number")
    frames = "/layer.LayerInterface/GetFrames"
    body = {"layer": {"id": "l"}, "req": {"page": "a"}}
    message = problem(await gateway.post(frames, body), 400, "INVALID_ARGUMENT")
    assert message.startswith("req.page: ")
