"""Objects without an id: looked up by name before the call, through a gateway."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.steps import Steps
from gateway.core.codec.rewrite import Body, BodyPath
from gateway.core.schema.method import Method, set_at, value_at
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.names.aspect import Finder, Reference, RequestNames
from gateway.features.names.planner import MAX_REFERENCES
from tests.core.pipeline.conversation import filled, heard, last, problem
from tests.features.names.ids import with_ids
from tests.support.opencue import message_class, opencue
from tests.support.servers import Context, Gateway, ScriptedCuebot, SharedGateway, gateway_for

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FIND_JOB = "/job.JobInterface/FindJob"
FIND_LAYER = "/job.LayerInterface/FindLayer"
FIND_SHOW = "/show.ShowInterface/FindShow"
FIND_HOST = "/host.HostInterface/FindHost"
FIND_LIMIT = "/limit.LimitInterface/Find"
GET_BINDINGS = "/limit.LimitInterface/GetBindings"
GET_HOSTS = "/host.HostInterface/GetHosts"
GET_DEPARTMENT = "/show.ShowInterface/GetDepartment"
PAUSE = "/job.JobInterface/Pause"
KILL_FRAMES = "/layer.LayerInterface/KillFrames"
FIND_FRAME = "/job.FrameInterface/FindFrame"
REPARENT = "/group.GroupInterface/ReparentJobs"
ADD_LIMIT = "/job.LayerInterface/AddLimit"
GET_TASKS = "/department.DepartmentInterface/GetTasks"
DEPEND = "/layer.LayerInterface/CreateDependencyOnLayer"
DELETE_SHOW = "/show.ShowInterface/Delete"
SPRING = "org.springframework.dao"
SOME_ID = "0a5c9b2e-4f0d-4c8e-9d5b-6d1f0c3e7a21"
ANOTHER_ID = "FFFFFFFF-0000-0000-0000-999999999999"
NONE = "Incorrect result size: expected 1, actual 0"
EMPTY = f"{SPRING}.EmptyResultDataAccessException: {NONE}\n{NONE}"

Json = dict[str, Any]
ARNOLD: Json = {"limitName": "arnold", "job": "demo"}


def finds_by_name(cuebot: ScriptedCuebot, path: str, ask: str, answer: str, thing: str) -> None:
    """From now on that method finds `NAME-id` for each name, but nothing for `nobody`."""

    async def find(payload: bytes, context: Context) -> bytes:
        request = message_class(ask).FromString(payload)
        name = request.layer if thing == "layer" else request.name
        if name == "nobody":
            await context.abort(grpc.StatusCode.NOT_FOUND, "expected 1, actual 0")
        return filled(answer, **{thing: {"id": f"{name}-id"}})

    cuebot.handlers[path] = find


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """A Cuebot that finds jobs, layers, shows and hosts."""
    job, layer = "job.JobFindJob", "job.LayerFindLayer"
    finds_by_name(cuebot, FIND_JOB, f"{job}Request", f"{job}Response", "job")
    finds_by_name(cuebot, FIND_LAYER, f"{layer}Request", f"{layer}Response", "layer")
    show, host = "show.ShowFindShow", "host.HostFindHost"
    finds_by_name(cuebot, FIND_SHOW, f"{show}Request", f"{show}Response", "show")
    finds_by_name(cuebot, FIND_HOST, f"{host}Request", f"{host}Response", "host")
    return cuebot


# --- Found ----------------------------------------------------------------------------------
FOUND, GIVEN = [FIND_JOB, PAUSE], [PAUSE]


@pytest.mark.parametrize(
    ("job", "calls", "sent"),
    [
        ({"name": "demo"}, FOUND, ("demo-id", "demo")),
        ({"name": "demo", "id": ""}, FOUND, ("demo-id", "demo")),
        ({"name": "demo", "id": None}, FOUND, ("demo-id", "demo")),
        ("demo", FOUND, ("demo-id", "demo")),
        (SOME_ID, GIVEN, (SOME_ID, "")),
        ({"id": "given", "name": "demo"}, GIVEN, ("given", "demo")),
        ({"id": "no such id"}, GIVEN, ("no such id", "")),
    ],
)
async def test_a_name_stands_for_an_id_that_is_not_given(
    gateway: Gateway, cuebot: ScriptedCuebot, job: object, calls: list[str], sent: tuple[str, str]
) -> None:
    assert (await gateway.post(PAUSE, {"job": job})).json() == {}
    found = last(cuebot, "job.JobPauseRequest").job
    assert (heard(cuebot), (found.id, found.name)) == (calls, sent)


@pytest.mark.parametrize("name", ["1001-comp", "01001-comp"])
@pytest.mark.parametrize("is_text", [True, False])
async def test_a_frame_by_the_name_that_people_see(
    gateway: Gateway, cuebot: ScriptedCuebot, name: str, is_text: bool
) -> None:
    cuebot.answers(FIND_FRAME, filled("job.FrameFindFrameResponse", frame={"id": "frame-id"}))
    body: Json = {"frame": name, "job": "demo"}
    if not is_text:
        body = {"frame": {"name": name, "job": "demo"}}
    assert (await gateway.post(EAT, body)).json() == {}
    asked = message_class("job.FrameFindFrameRequest").FromString(cuebot.seen[0][1])
    assert (asked.job, asked.layer, asked.frame) == ("demo", "comp", 1001)
    assert last(cuebot, "job.FrameEatRequest").frame.id == "frame-id"


@pytest.mark.parametrize("states", ["DEAD", ["DEAD", "waiting"], {"frameStates": ["dead"]}])
async def test_a_message_that_is_a_list(
    gateway: Gateway, cuebot: ScriptedCuebot, states: object
) -> None:
    """A list will do for it, or a text, and an enum's names in any case."""
    body = {"job": SOME_ID, "req": {"states": states}}
    assert (await gateway.post("/job.JobInterface/GetFrames", body)).status_code == 200
    sent = last(cuebot, "job.JobGetFramesRequest").req.states.frame_states
    assert list(sent) == ([5, 0] if isinstance(states, list) else [5])
    target = f"/job.JobInterface/GetFrames?job={SOME_ID}&req.states=DEAD&req.states=DEPEND"
    assert (await gateway.client.get(target)).status_code == 200
    assert len(last(cuebot, "job.JobGetFramesRequest").req.states.frame_states) == 2


@pytest.mark.parametrize("name", ["fields", "where", "sort", "limit", "format", "count"])
async def test_a_view_without_its_underscore(gateway: Gateway, name: str) -> None:
    answer = await gateway.client.get(f"/job.JobInterface/GetJobs?{name}=name")
    message = problem(answer, 400, "INVALID_ARGUMENT")
    assert message.startswith(f"?{name}: did you mean _{name}?")


@pytest.mark.parametrize("inside", [False, True], ids=["beside", "inside"])
async def test_a_layers_job_is_beside_or_in_it(
    gateway: Gateway, cuebot: ScriptedCuebot, inside: bool
) -> None:
    layer = {"name": "comp", **({"job": "demo"} if inside else {})}
    answer = await gateway.post(
        KILL_FRAMES, {"layer": layer, **({} if inside else {"job": "demo"})}
    )
    assert (answer.status_code, "x-ignored-fields" in answer.headers) == (200, False)
    assert heard(cuebot) == [FIND_LAYER, "/job.LayerInterface/KillFrames"]
    asked = message_class("job.LayerFindLayerRequest").FromString(cuebot.seen[0][1])
    assert (asked.job, asked.layer) == ("demo", "comp")
    assert last(cuebot, "job.LayerKillFramesRequest").layer.id == "comp-id"


async def test_layers_of_two_jobs(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    other = {"name": "sim", "job": "other"}
    body = {"layer": {"name": "comp"}, "dependOnLayer": other, "job": "demo"}
    assert (await gateway.post(DEPEND, body)).status_code == 200
    find = message_class("job.LayerFindLayerRequest").FromString
    requests = [find(payload) for _, payload, _ in cuebot.seen]
    assert [(each.job, each.layer) for each in requests[:2]] == [("demo", "comp"), ("other", "sim")]
    sent = last(cuebot, "job.LayerCreateDependOnLayerRequest")
    assert (sent.layer.id, sent.depend_on_layer.id) == ("comp-id", "sim-id")


async def test_a_field_of_cuebots_stays(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    path = "/job.JobInterface/CreateDependencyOnLayer"
    body: Json = {"job": {"name": "demo"}, "layer": {"name": "comp"}}
    message = problem(await gateway.post(path, body), 400, "INVALID_ARGUMENT")
    assert message == "layer: expected its id, or name and job to find it by; there is no job"
    assert cuebot.seen == []
    body["layer"]["job"] = "other"
    assert (await gateway.post(path, body)).status_code == 200
    assert heard(cuebot) == [FIND_JOB, FIND_LAYER, path]


async def test_lists_have_some_of_each(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    jobs = ["demo", SOME_ID, {"name": "a"}, {"id": "1", "name": "b"}, {"id": "", "name": "c"}]
    answer = await gateway.post(REPARENT, {"group": {"id": "g"}, "jobs": {"jobs": jobs}})
    assert answer.status_code == 200
    assert heard(cuebot) == [FIND_JOB] * 3 + ["/job.GroupInterface/ReparentJobs"]
    sent = last(cuebot, "job.GroupReparentJobsRequest")
    assert [each.id for each in sent.jobs.jobs] == ["demo-id", SOME_ID, "a-id", "1", "c-id"]


async def test_lists_are_bounded(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """As many objects as that may be looked up for one request; ids are not counted."""

    async def post(count: int) -> httpx.Response:
        jobs = [{"name": f"j{number}"} for number in range(count)] + [{"id": "x"}] * 500
        return await gateway.post(REPARENT, {"group": {"id": "g"}, "jobs": {"jobs": jobs}})

    message = problem(await post(MAX_REFERENCES + 1), 400, "INVALID_ARGUMENT")
    assert message == "jobs.jobs[100]: more than 100 objects have no id; send ids, or fewer"
    assert cuebot.seen == []
    assert (await post(MAX_REFERENCES)).status_code == 200
    sent = last(cuebot, "job.GroupReparentJobsRequest").jobs.jobs
    assert [each.id for each in sent[:100]] == [f"j{number}-id" for number in range(100)]


async def test_a_look_up_may_need_one_itself(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    department = {"id": "d-1"}
    cuebot.answers(GET_DEPARTMENT, filled("show.ShowGetDepartmentResponse", department=department))
    answer = await gateway.post(GET_TASKS, {"department": {"name": "Lighting"}, "show": "demo"})
    assert answer.status_code == 200
    assert heard(cuebot) == [FIND_SHOW, GET_DEPARTMENT, GET_TASKS]
    asked = message_class("show.ShowGetDepartmentRequest").FromString(cuebot.seen[1][1])
    assert (asked.show.id, asked.department) == ("demo-id", "Lighting")
    assert last(cuebot, "department.DeptGetTasksRequest").department.id == "d-1"


async def test_a_get_can_name_them(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    target = "/job.JobInterface/GetLayers?job=demo"
    assert (await gateway.client.get(target)).status_code == 200
    assert last(cuebot, "job.JobGetLayersRequest").job.id == "demo-id"
    cuebot.seen.clear()
    target = "/job.LayerInterface/GetOutputPaths?layer.name=comp&job=demo"
    answer = await gateway.client.get(target)
    assert (answer.status_code, "x-ignored-fields" in answer.headers) == (200, False)
    again = await gateway.client.get(target, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert heard(cuebot) == [FIND_LAYER, "/job.LayerInterface/GetOutputPaths"] * 2


async def test_a_limit_may_be_named(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(FIND_LIMIT, filled("limit.LimitFindResponse", limit={"id": "l-1"}))
    layer = {"id": "x"}
    for more, steps, limit_id in (
        ({"limit": {"name": "arnold"}}, [FIND_LIMIT, ADD_LIMIT], "l-1"),
        ({"limit": {"name": "arnold", "id": SOME_ID}}, [ADD_LIMIT], SOME_ID),
        ({"limitId": SOME_ID.upper()}, [ADD_LIMIT], SOME_ID.upper()),
        ({"limitId": "arnold"}, [FIND_LIMIT, ADD_LIMIT], "l-1"),
        ({"limitId": ""}, [ADD_LIMIT], ""),
    ):
        cuebot.seen.clear()
        assert (await gateway.post(ADD_LIMIT, {"layer": layer, **more})).status_code == 200
        assert heard(cuebot) == steps
        assert last(cuebot, "job.LayerAddLimitRequest").limit_id == limit_id
    cuebot.fails(FIND_LIMIT, grpc.StatusCode.INTERNAL, EMPTY)
    refused = await gateway.post(ADD_LIMIT, {"layer": layer, "limit": {"name": "arnold"}})
    message = problem(refused, 404, "NOT_FOUND")
    assert message == "limit.name: no limit 'arnold'"
    assert refused.json()["cuebot"] == EMPTY
    refused = await gateway.post(ADD_LIMIT, {"layer": layer, "limitId": "arnold"})
    message = problem(refused, 404, "NOT_FOUND")
    assert message == "limitId: no limit 'arnold'"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["comp"], ["comp-id"]),
        ("comp", ["comp-id"]),
        (SOME_ID, [SOME_ID]),
        ([SOME_ID, "comp", ANOTHER_ID, "sim"], [SOME_ID, "comp-id", ANOTHER_ID, "sim-id"]),
        (["comp", "comp"], ["comp-id", "comp-id"]),
        ([SOME_ID, ANOTHER_ID], [SOME_ID, ANOTHER_ID]),
        (["", SOME_ID], ["", SOME_ID]),
        ([], []),
        (None, []),
    ],
)
async def test_a_list_of_ids_takes_names(
    gateway: Gateway, cuebot: ScriptedCuebot, given: list[str] | str | None, sent: list[str]
) -> None:
    answer = await gateway.post(GET_BINDINGS, ARNOLD | {"layerIds": given})
    assert answer.status_code == 200, answer.text
    listed = [given] if isinstance(given, str) else given or []
    names = [each for each in listed if each in ("comp", "sim")]
    assert answer.headers.get("x-ignored-fields") == (None if names else "job")
    assert heard(cuebot) == [FIND_LAYER] * len(names) + [GET_BINDINGS]
    finding = [message_class("job.LayerFindLayerRequest").FromString(e[1]) for e in cuebot.seen]
    assert [(e.job, e.layer) for e in finding[:-1]] == [("demo", name) for name in names]
    assert list(last(cuebot, "limit.LimitGetBindingsRequest").layer_ids) == sent


async def test_criteria_take_names_among_ids(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    for path, name, find in (
        ("/job.JobInterface/GetJobs", "job.JobGetJobsRequest", FIND_JOB),
        ("/job.JobInterface/GetJobNames", "job.JobGetJobNamesRequest", FIND_JOB),
        (GET_HOSTS, "host.HostGetHostsRequest", FIND_HOST),
        ("/facility.AllocationInterface/FindHosts", "facility.AllocFindHostsRequest", FIND_HOST),
    ):
        cuebot.seen.clear()
        body: Json = {"r": {"ids": ["a", SOME_ID]}}
        query = f"r.ids=a&r.ids={SOME_ID}"
        if path.startswith("/facility"):
            body["allocation"] = {"id": "x"}
            query += "&allocation.id=x"
        posted = await gateway.post(path, body)
        got = await gateway.client.get(f"{gateway.url}{path}?{query}")
        assert (posted.status_code, got.status_code) == (200, 200), (posted.text, got.text)
        assert heard(cuebot) == [find, path] * 2
        for _, payload, _ in cuebot.seen[1::2]:
            assert list(message_class(name).FromString(payload).r.ids) == ["a-id", SOME_ID]


async def test_lists_of_names_are_bounded(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    async def post(count: int) -> httpx.Response:
        ids = [SOME_ID] * 500 + [f"h{number}" for number in range(count)] + [ANOTHER_ID]
        return await gateway.post(GET_HOSTS, {"r": {"ids": ids}})

    message = problem(await post(MAX_REFERENCES + 1), 400, "INVALID_ARGUMENT")
    assert message == "r.ids[600]: more than 100 objects have no id; send ids, or fewer"
    assert cuebot.seen == []
    assert (await post(MAX_REFERENCES)).status_code == 200
    sent = last(cuebot, "host.HostGetHostsRequest").r.ids
    names = [f"h{number}-id" for number in range(MAX_REFERENCES)]
    assert list(sent) == [SOME_ID] * 500 + names + [ANOTHER_ID]


async def test_objects_that_are_data_stay(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    service, allocation = {"name": "maya"}, {"name": "a.b"}
    comment = {"job": {"id": "j"}, "newComment": {"subject": "s"}}
    override = {"show": {"name": "demo"}, "service": service}
    for path, body, steps in (
        ("/service.ServiceInterface/CreateService", {"data": service}, []),
        ("/show.ShowInterface/CreateServiceOverride", override, [FIND_SHOW]),
        ("/job.JobInterface/AddComment", comment, []),
        ("/filter.FilterInterface/CreateMatcher", {"filter": {"id": "f"}, "data": {}}, []),
        ("/facility.AllocationInterface/SetTag", {"allocation": allocation, "tag": "t"}, []),
        ("/facility.AllocationInterface/Delete", {"allocation": allocation}, []),
        ("/facility.FacilityInterface/Rename", {"facility": {"name": "a"}, "newName": "b"}, []),
    ):
        cuebot.seen.clear()
        assert (await gateway.post(path, body)).status_code == 200
        assert heard(cuebot) == [*steps, path]


# --- Every one of the profile for OpenCue ---------------------------------------------------
def references() -> Iterator[tuple[Method, Reference]]:
    """All that the built-in profile has next to OpenCue's schema."""
    for method in build_catalog(opencue(), Selection(), load_profile("opencue")).methods:
        for reference in RequestNames.of(method).references:
            yield method, reference


def put(path: BodyPath, content: object, body: Json) -> Json:
    Body(body).put(path, content, path)
    return body


async def test_every_object_can_be_found(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    for method, reference in references():
        for body in () if reference.finders else ({}, put(reference.place, {}, {})):
            if reference.by_name:
                continue
            message = problem(await gateway.post(method.path, body), 400, "INVALID_ARGUMENT")
            assert message == f"{reference.place}: expected its id; nothing else finds it"
        for finder in reference.finders:
            if Steps.of(finder.method) == Steps():  # else by what is looked up itself
                await check_found(gateway, cuebot, method, reference, finder)


async def check_found(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method, reference: Reference, by: Finder
) -> None:
    """A request with all that it takes to find one object makes the look-up, and has its id."""
    answer: Any = GetMessageClass(by.method.descriptor.output_type)()
    set_at(answer, by.take, "found")
    cuebot.answers(by.method.path, answer.SerializeToString())
    thing: Json = {}
    body = with_ids(method)
    Body(body).take(reference.place)
    for sent in by.sends:
        source = sent.sources[-1 if reference.is_text else 0]
        if reference.is_text and source.inside:
            thing = {"name": "7"}
        else:
            put(source.path, "7", thing if source.inside else body)
    cuebot.seen.clear()
    one = thing["name"] if reference.is_text else thing
    put(reference.place, [one] if reference.listed else one, body)
    answered = await gateway.post(method.path, body)
    assert answered.status_code == 200, (method.path, answered.text)
    assert "x-ignored-fields" not in answered.headers
    nested = [
        each.finders[0].method.path
        for each in RequestNames.of(by.method).references
        if each.finders
    ]
    assert heard(cuebot) == [*nested, by.method.path, method.path]
    request = GetMessageClass(method.descriptor.input_type).FromString(cuebot.seen[-1][1])
    found = value_at(request, reference.place.original)
    found = found[0] if reference.listed else found
    assert (found if reference.is_text else found.id) == "found"


def test_fields_that_are_not_among_them_are_data_or_take_a_name() -> None:
    known = {(method.path, reference.place.original[0]) for method, reference in references()}
    others = set()
    for method in build_catalog(opencue(), Selection()).methods:
        for field in method.descriptor.input_type.fields:
            kind = field.message_type
            has_id = kind is not None and any(
                "id" in (part.message_type or kind).fields_by_name for part in kind.fields
            )
            if has_id and (method.path, field.name) not in known:
                others.add(f"{method.path.rpartition('.')[2]}.{field.name}")
    assert others == {
        "AllocationInterface/Delete.allocation",
        *(f"AllocationInterface/{name}.allocation" for name in ("SetBillable", "SetDefault")),
        *(f"AllocationInterface/{name}.allocation" for name in ("SetName", "SetTag")),
        *("FilterInterface/CreateAction.data", "FilterInterface/CreateMatcher.data"),
        *("HostInterface/AddComment.new_comment", "JobInterface/AddComment.new_comment"),
        *("ServiceInterface/CreateService.data", "ShowInterface/CreateServiceOverride.service"),
    }


# --- Not found ------------------------------------------------------------------------------
async def test_nothing_found_is_404(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """And it says what was looked for, and what alone the look-up can find."""
    jobs = {"jobs": {"jobs": [{"name": "demo"}, {"name": "nobody"}]}}
    lighting = {"department": {"name": "Lighting"}, "show": "nobody"}
    some_layers = ARNOLD | {"layerIds": [SOME_ID, "comp", "nobody"]}
    nobody = {"name": "nobody"}
    layer = "no layer 'nobody' in pending job 'demo'"
    for path, body, expected in (
        (PAUSE, {"job": nobody}, "no pending job 'nobody'"),
        (KILL_FRAMES, {"layer": nobody, "job": "demo"}, layer),
        (DELETE_SHOW, {"show": nobody}, "no show 'nobody'"),
        (
            *(REPARENT, {"group": {"id": "g"}} | jobs),
            "jobs.jobs[1]: no pending job 'nobody'",
        ),
        (GET_BINDINGS, some_layers, layer),
        (GET_HOSTS, {"r": {"ids": ["nobody"]}}, "no host 'nobody'"),
        (GET_TASKS, lighting, "no show 'nobody'"),
    ):
        answer = await gateway.post(path, body)
        assert problem(answer, 404, "NOT_FOUND") == expected
        assert answer.json()["cuebot"] == "expected 1, actual 0"
    listed = {"/job.JobInterface/GetJobs", "/job.JobInterface/GetLayers"}
    near = {"/job.JobInterface/GetJobNames", "/show.ShowInterface/GetShows", GET_HOSTS}
    assert set(heard(cuebot)) - near == {FIND_JOB, FIND_LAYER, FIND_SHOW, FIND_HOST} | listed


async def test_a_look_up_that_fails_is_no_404(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(FIND_JOB, grpc.StatusCode.INTERNAL, f"{SPRING}.DataAccessResourceFailure: {NONE}")
    message = problem(await gateway.post(PAUSE, {"job": {"name": "x"}}), 500, "INTERNAL")
    assert message.startswith("job: it could not be looked up: org.springframework")
    cuebot.fails(GET_DEPARTMENT, grpc.StatusCode.INTERNAL, EMPTY)
    body = {"department": {"name": "x"}, "show": "demo"}
    answer = await gateway.post(GET_TASKS, body)
    message = problem(answer, 404, "NOT_FOUND")
    assert message == "no department 'x' in show 'demo'"
    assert answer.json()["cuebot"] == EMPTY
    assert heard(cuebot) == [FIND_JOB, FIND_SHOW, GET_DEPARTMENT]


DUPLICATE = f"{SPRING}.DuplicateKeyException: there is one already"
WRAPPED = f"com.imageworks.spcue.EntityCreationError: error creating group, {DUPLICATE}"
SUB_GROUP = "/job.GroupInterface/CreateSubGroup"


@pytest.mark.parametrize(
    ("path", "text", "status"),
    [
        (DEPEND, DUPLICATE, 409),
        (SUB_GROUP, WRAPPED, 409),
        (SUB_GROUP, "com.imageworks.spcue.EntityCreationError: error creating group", 500),
        (REPARENT, DUPLICATE, 500),
    ],
)
async def test_what_is_made_again_is_a_409_unless_a_part_may_have_been_made(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, text: str, status: int
) -> None:
    cuebot.fails(gateway.catalog.routes[path].path, grpc.StatusCode.INTERNAL, text)
    bodies: dict[str, Json] = {
        DEPEND: {"layer": {"id": "a"}, "dependOnLayer": {"id": "b"}},
        SUB_GROUP: {"group": {"id": "g"}, "name": "comp"},
        REPARENT: {"group": {"id": "g"}, "jobs": {"jobs": [{"id": "a"}, {"id": "b"}]}},
    }
    answer = await gateway.post(path, bodies[path])
    if status == 500:
        assert problem(answer, 500, "INTERNAL") == text
    else:
        expected = "this exists already, or its name is taken"
        assert problem(answer, 409, "ALREADY_EXISTS") == expected
        assert answer.json()["cuebot"] == text


BUSY = "com.imageworks.spcue.EntityModificationError: You cannot move it.\nYou cannot move it."
ONCE = "You cannot move it."
LAUNCHED = "Failed to launch and add job: The job demo-a is already pending"
THERE = "a job of this name is pending already: wait for it, or kill it"
GROUP = {"group": {"id": "g"}}


@pytest.mark.parametrize(
    ("path", "body", "text", "status", "message"),
    [
        ("/job.GroupInterface/SetGroup", GROUP | {"parentGroup": {"id": "p"}}, BUSY, 400, ONCE),
        ("/job.JobInterface/LaunchSpecAndWait", {"spec": "<spec/>"}, LAUNCHED, 409, THERE),
        (REPARENT, GROUP | {"jobs": {"jobs": [{"id": "a"}, {"id": "b"}]}}, BUSY, 500, BUSY),
    ],
)
async def test_what_cuebot_refuses_as_things_are_is_no_fault_of_the_server(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    path: str,
    body: Json,
    text: str,
    status: int,
    message: str,
) -> None:
    """Unless a part may have been done."""
    codes = {400: "FAILED_PRECONDITION", 409: "ALREADY_EXISTS", 500: "INTERNAL"}
    cuebot.fails(gateway.catalog.routes[path].path, grpc.StatusCode.INTERNAL, text)
    assert problem(await gateway.post(path, body), status, codes[status]) == message


EAT = "/job.FrameInterface/Eat"
NO_NAME = "expected its id, or name to find it by; there is no name"
NO_JOB = "expected its id, or name and job to find it by; there is no job"
NO_NUMBER = (
    "expected its id, or job and name, or job and layerName and number to find it by; there is no"
    " number"
)
NO_PARTS = NO_NUMBER.removesuffix("number") + "name with layerName and number"
NO_DEPT = "expected its id, or dept or name and show to find it by; there is no dept or name"
COMP = {"name": "comp"}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (PAUSE, {"job": {}}, f"job: {NO_NAME}"),
        (PAUSE, {"job": {"id": "", "user": "lena"}}, f"job: {NO_NAME}"),
        (PAUSE, {"job": {"name": 7}}, "job.name: expected a string, got a number"),
        (PAUSE, {"job": {"name": "demo", "id": 5}}, "job.id: expected a string, got a number"),
        (
            PAUSE,
            {"job": 7},
            "job: expected an object, got a number; its fields are id, state, name",
        ),
        (KILL_FRAMES, {"layer": COMP}, f"layer: {NO_JOB}"),
        (KILL_FRAMES, {"layer": COMP, "job": {}}, "job: expected a string, got an object"),
        (EAT, {"frame": {"layerName": "comp"}, "job": "demo"}, f"frame: {NO_NUMBER}"),
        (EAT, {"frame": "comp", "job": "demo"}, f"frame: {NO_PARTS}"),
        (
            *(EAT, {"frame": {"layerName": "comp", "number": "x"}, "job": "demo"}),
            "frame.number: expected a 32-bit integer, got the string 'x'",
        ),
        (GET_TASKS, {"department": {}, "show": "demo"}, f"department: {NO_DEPT}"),
        (GET_TASKS, {"department": COMP, "show": 3}, "show: expected a string, got a number"),
        (
            REPARENT,
            {"group": {"id": "g"}, "jobs": {"jobs": [{"id": "a"}, {}]}},
            f"jobs.jobs[1]: {NO_NAME}",
        ),
        (GET_BINDINGS, {"limitName": "x", "layerIds": [SOME_ID, "comp"]}, f"layerIds[1]: {NO_JOB}"),
        (
            GET_BINDINGS,
            ARNOLD | {"layerIds": ["comp"], "job": {}},
            "job: expected a string, got an o",
        ),
        (
            GET_BINDINGS,
            ARNOLD | {"layerIds": ["comp", 7]},
            "layerIds[1]: expected a string, got a n",
        ),
        (GET_BINDINGS, ARNOLD | {"layerIds": [COMP]}, "layerIds[0]: expected a string, got an obj"),
        (GET_BINDINGS, ARNOLD | {"layerIds": 7}, "layerIds: expected a list, got a number"),
    ],
    ids=range(18),
)
async def test_what_cannot_be_looked_up_is_400(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: Json, message: str
) -> None:
    assert problem(await gateway.post(path, body), 400, "INVALID_ARGUMENT").startswith(message)
    assert cuebot.seen == []


# --- Beside it all --------------------------------------------------------------------------
async def test_what_is_not_needed_to_find_it_is_ignored_and_named(
    gateway: Gateway, cuebot: ScriptedCuebot, shared_gateway: SharedGateway
) -> None:
    body = {"layer": {"id": "given", "name": "comp"}, "job": "demo"}
    answer = await gateway.post(KILL_FRAMES, body)
    assert (answer.status_code, answer.headers["x-ignored-fields"]) == (200, "job")
    assert heard(cuebot) == ["/job.LayerInterface/KillFrames"]
    strict = await shared_gateway(cuebot.endpoint, unknown_fields="reject")
    refused = problem(await strict.post(KILL_FRAMES, body), 400, "INVALID_ARGUMENT")
    assert "unknown field `job`" in refused
    body["layer"] = {"name": "comp"}
    assert (await strict.post(KILL_FRAMES, body)).status_code == 200
    misspelt = await gateway.post(KILL_FRAMES, {"layer": {"id": "given"}, "jop": "demo"})
    assert "unknown field `jop`" in problem(misspelt, 400, "INVALID_ARGUMENT")


async def test_a_dry_run_shows_the_look_ups(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    found = filled("show.ShowGetDepartmentResponse", department={"id": "department-id"})
    cuebot.answers(GET_DEPARTMENT, found)
    headers = {"X-Dry-Run": "1"}
    body = {"department": {"name": "Lighting"}, "show": "demo"}
    shown = (await gateway.post(GET_TASKS, body, headers=headers)).json()
    assert [each["method"] for each in shown["before"]] == [FIND_SHOW, GET_DEPARTMENT]
    assert shown["before"][0]["request"] == {"name": "demo"}
    assert shown["before"][1]["request"]["department"] == "Lighting"
    assert (shown["after"], shown["ignoredFields"]) == ([], [])
    assert shown["request"]["department"]["name"] == "Lighting"
    given = (await gateway.post(PAUSE, {"job": {"id": "x"}}, headers=headers)).json()
    assert "before" not in given
    assert heard(cuebot) == [FIND_SHOW, GET_DEPARTMENT]


async def test_a_method_that_is_excluded_finds_nothing(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, exclude_services="job.JobInterface/FindJob") as other:
        assert (await other.post(PAUSE, {"job": {"name": "demo"}})).status_code == 200
    assert heard(cuebot) == [PAUSE]


async def test_another_schema_can_have_them(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    profile = tmp_path / "own.toml"
    profile.write_text(
        f'''
        [[named]]
        message = "job.Job"
        fields = ["job"]
        methods = ["{PAUSE[1:]}"]
        by = {{ call = "{FIND_SHOW[1:]}", send = {{ name = "user" }}, take = "show.id" }}
        '''
    )
    async with gateway_for(cuebot.endpoint, compat_profile=str(profile)) as own:
        assert (await own.post(PAUSE, {"job": {"user": "lena"}})).status_code == 200
        assert last(cuebot, "job.JobPauseRequest").job.id == "lena-id"
        resume = await own.post("/job.JobInterface/Resume", {"job": {"name": "demo"}})
        assert resume.status_code == 200
    assert heard(cuebot) == [FIND_SHOW, PAUSE, "/job.JobInterface/Resume"]


async def test_in_a_query_string_an_object_is_its_name_or_its_id(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Also where an id alone will do."""
    satisfy = "/depend.DependInterface/Satisfy"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await gateway.post(satisfy, content=f"depend={SOME_ID}".encode(), headers=form)
    assert (answer.status_code, heard(cuebot)) == (200, [satisfy])
    assert last(cuebot, "depend.DependSatisfyRequest").depend.id == SOME_ID
    answer = await gateway.post(satisfy, content=b"depend=comp", headers=form)
    assert (
        problem(answer, 400, "INVALID_ARGUMENT") == "depend: expected its id; nothing else finds it"
    )
