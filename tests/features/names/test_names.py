"""Names where Cuebot wants ids, and defaults that keep from nothing, on the simulated farm."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.state import Farm, by_name
from cuebot_simulator.world.studio import build_farm
from tests.support.needs import needs
from tests.support.rights import signed
from tests.support.servers import Gateway, SharedGateway

pytestmark = pytest.mark.anyio

START = 1_790_000_000
PENDING = 0
JOB, OTHER = "demo-sh010-lena_comp_v003", "demo-sh010-artist1_light_v012"

Json = dict[str, Any]


def thing(farm: Farm, kind: str, name: str) -> str:
    """The id of a thing of which no two have one name."""
    key: str = by_name(getattr(farm, kind), name).id
    return key


def job(farm: Farm, name: str = JOB) -> str:
    return thing(farm, "jobs", name)


def layer(farm: Farm, name: str = "comp", of: str = JOB) -> str:
    layers = {each.id: each for each in farm.layers_of(farm.jobs[job(farm, of)])}
    key: str = by_name(layers, name).id
    return key


def frame(farm: Farm, number: int) -> str:
    frames = farm.frames_of(farm.jobs[job(farm)])
    key: str = next(e.id for e in frames if (e.layer_name, e.number) == ("comp", number))
    return key


def group(farm: Farm, name: str = "comp") -> str:
    groups = {each.id: each for each in farm.groups_of(by_name(farm.shows, "demo"))}
    key: str = by_name(groups, name).id
    return key


SUBSCRIPTION = "local.general.demo"
KEYS: dict[str, Callable[[Farm], str]] = {
    "<job>": job,
    "<other>": lambda farm: job(farm, OTHER),
    "<comp>": layer,
    "<beauty>": lambda farm: layer(farm, "beauty", OTHER),
    "<1001>": lambda farm: frame(farm, 1001),
    "<1002>": lambda farm: frame(farm, 1002),
    "<group>": group,
    "<light>": lambda farm: group(farm, "light"),
    "<fx>": lambda farm: group(farm, "fx"),
    "<demo>": lambda farm: thing(farm, "shows", "demo"),
    "<arnold>": lambda farm: thing(farm, "limits", "arnold"),
    "<dailies>": lambda farm: thing(farm, "filters", "dailies"),
    "<node>": lambda farm: thing(farm, "hosts", "render-node-01"),
    "<node 7>": lambda farm: thing(farm, "hosts", "render-node-07"),
    "<general>": lambda farm: thing(farm, "allocations", "local.general"),
    "<desktop>": lambda farm: thing(farm, "allocations", "local.desktop"),
    "<artist1>": lambda farm: thing(farm, "owners", "artist1"),
    "<houdini>": lambda farm: thing(farm, "services", "houdini"),
    "<subscription>": lambda farm: thing(farm, "subscriptions", SUBSCRIPTION),
    "<lighting>": lambda farm: thing(farm, "departments", "demo.Lighting"),
}


def with_ids(body: Json, farm: Farm) -> Json:
    """The request with the ids of this farm."""
    text = json.dumps(body)
    for name, key in KEYS.items():
        if name in text:
            text = text.replace(name, key(farm))
    found: Json = json.loads(text)
    return found


BY_NAME, BY_ID = {"job": {"name": JOB}}, {"job": {"id": "<job>"}}
LAYER, LAYER_ID = {"layer": {"name": "comp"}, "job": JOB}, {"layer": {"id": "<comp>"}}
GROUP, GROUP_ID = {"group": {"name": "comp"}, "show": "demo"}, {"group": {"id": "<group>"}}
FRAME = {"frame": {"layerName": "comp", "number": 1001}, "job": JOB}
FILTER, FILTER_ID = {"filter": {"name": "dailies"}, "show": "demo"}, {"filter": {"id": "<dailies>"}}
SHOW, SHOW_ID = {"show": {"name": "demo"}}, {"show": {"id": "<demo>"}}
HOST, HOST_ID = {"host": {"name": "render-node-01"}}, {"host": {"id": "<node>"}}
BEAUTY = {"name": "beauty", "job": OTHER}

CALLS: dict[str, tuple[Json, Json]] = {
    "job.JobInterface/Pause": (BY_NAME, BY_ID),
    "job.JobInterface/Kill": (BY_NAME, BY_ID),
    "job.JobInterface/GetLayers": (BY_NAME, BY_ID),
    "job.JobInterface/CreateDependencyOnJob": (
        BY_NAME | {"onJob": {"name": OTHER}},
        BY_ID | {"onJob": {"id": "<other>"}},
    ),
    "job.JobInterface/CreateDependencyOnLayer": (
        BY_NAME | {"layer": BEAUTY},
        BY_ID | {"layer": {"id": "<beauty>"}},
    ),
    "job.LayerInterface/SetMinCores": (LAYER | {"cores": 2}, LAYER_ID | {"cores": 2}),
    "job.LayerInterface/GetFrames": (LAYER | {"s": {"limit": 3}}, LAYER_ID | {"s": {"limit": 3}}),
    "job.LayerInterface/CreateDependencyOnLayer": (
        LAYER | {"dependOnLayer": BEAUTY},
        LAYER_ID | {"dependOnLayer": {"id": "<beauty>"}},
    ),
    "job.LayerInterface/AddLimit": (
        LAYER | {"limit": {"name": "arnold"}},
        LAYER_ID | {"limitId": "<arnold>"},
    ),
    "job.FrameInterface/Eat": (FRAME, {"frame": {"id": "<1001>"}}),
    "job.FrameInterface/CreateDependencyOnFrame": (
        FRAME | {"dependOnFrame": {"layerName": "comp", "number": 1002}},
        {"frame": {"id": "<1001>"}, "dependOnFrame": {"id": "<1002>"}},
    ),
    "job.GroupInterface/SetMaxCores": (GROUP | {"maxCores": 50}, GROUP_ID | {"maxCores": 50}),
    "job.GroupInterface/ReparentGroups": (
        GROUP | {"groups": {"groups": [{"name": "light"}, {"name": "fx"}]}},
        GROUP_ID | {"groups": {"groups": [{"id": "<light>"}, {"id": "<fx>"}]}},
    ),
    "job.GroupInterface/ReparentJobs": (
        GROUP | {"group": {"name": "fx"}, "jobs": {"jobs": [{"name": JOB}, {"name": OTHER}]}},
        {"group": {"id": "<fx>"}, "jobs": {"jobs": [{"id": "<job>"}, {"id": "<other>"}]}},
    ),
    "filter.FilterInterface/GetMatchers": (FILTER, FILTER_ID),
    "filter.FilterInterface/RunFilterOnGroup": (FILTER | GROUP, FILTER_ID | GROUP_ID),
    "show.ShowInterface/SetDefaultMaxCores": (SHOW | {"maxCores": 7}, SHOW_ID | {"maxCores": 7}),
    "show.ShowInterface/FindFilter": (SHOW | {"name": "dailies"}, SHOW_ID | {"name": "dailies"}),
    "host.HostInterface/Lock": (HOST, HOST_ID),
    "facility.AllocationInterface/ReparentHosts": (
        {"allocation": {"name": "local.desktop"}, "hosts": {"hosts": [{"name": "render-node-01"}]}},
        {"allocation": {"id": "<desktop>"}, "hosts": {"hosts": [{"id": "<node>"}]}},
    ),
    "host.HostInterface/SetAllocation": (
        {"host": {"name": "render-node-07"}, "allocationId": "local.desktop"},
        {"host": {"id": "<node 7>"}, "allocationId": "<desktop>"},
    ),
    "job.JobInterface/SetGroup": (BY_NAME | {"groupId": "fx"}, BY_ID | {"groupId": "<fx>"}),
    "host.HostInterface/RedirectToJob": (
        HOST | {"procNames": [], "jobId": JOB},
        HOST_ID | {"procNames": [], "jobId": "<job>"},
    ),
    "limit.LimitInterface/GetBindings": (
        {"limitName": "arnold", "layerIds": ["beauty"], "job": OTHER},
        {"limitName": "arnold", "layerIds": ["<beauty>"]},
    ),
    "job.JobInterface/GetJobNames": (
        {"r": {"ids": [JOB, OTHER]}},
        {"r": {"ids": ["<job>", "<other>"]}},
    ),
    "host.HostInterface/GetHosts": ({"r": {"ids": ["render-node-01"]}}, {"r": {"ids": ["<node>"]}}),
    "facility.AllocationInterface/GetSubscriptions": (
        {"allocation": {"name": "local.general"}},
        {"allocation": {"id": "<general>"}},
    ),
    "host.OwnerInterface/SetShow": (
        {"owner": {"name": "artist1"}, "show": "harbor"},
        {"owner": {"id": "<artist1>"}, "show": "harbor"},
    ),
    "service.ServiceInterface/Delete": (
        {"service": {"name": "houdini"}},
        {"service": {"id": "<houdini>"}},
    ),
    "subscription.SubscriptionInterface/SetSize": (
        {"subscription": {"name": SUBSCRIPTION}, "newSize": 300},
        {"subscription": {"id": "<subscription>"}, "newSize": 300},
    ),
    "department.DepartmentInterface/EnableTiManaged": (
        {"department": {"name": "Lighting"}, "show": "demo", "tiTask": "t", "managedCores": 9},
        {"department": {"id": "<lighting>"}, "tiTask": "t", "managedCores": 9},
    ),
}
"""By method: a request with names, and the same with ids, as KEYS names them."""
WITH_REFERENCE = {"job.LayerInterface/AddLimit", "job.JobInterface/SetGroup"}
"""Those whose request uses fields of the documented reference."""


def everything(farm: Farm) -> list[object]:
    """All that a farm holds, to be compared; subscriptions count themselves when they are read."""
    kinds = (farm.shows, farm.groups, farm.jobs, farm.layers, farm.frames, farm.hosts, farm.owners)
    others = (farm.services, farm.departments, farm.depends, farm.filters)
    return [
        *(each.SerializeToString() for kind in (*kinds, *others) for each in kind.values()),
        *((each.id, each.size, each.burst) for each in farm.subscriptions.values()),
    ]


@pytest.fixture(autouse=True)
def same_farm_for_all(simulated_cuebot: SimulatedCuebot) -> Iterator[None]:
    """Tests that change a farm make one of their own; the next test has the first one again."""
    farm = simulated_cuebot.farm
    yield
    simulated_cuebot.farm = farm


@pytest.fixture
async def gateway(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    return await shared_gateway(simulated_cuebot.endpoint)


async def done(
    gateway: Gateway, cuebot: SimulatedCuebot, path: str, body: Json
) -> tuple[httpx.Response, list[object]]:
    """What a call answers, and what has become of a new farm a second later."""
    clock = StoppedClock(START)
    cuebot.farm = farm = build_farm(cuebot.farm.messages, clock=clock)
    answer = await gateway.post(f"/{path}", with_ids(body, farm))
    clock.advance(1)
    await gateway.post("/show.ShowInterface/GetShows")  # and the farm catches up
    return answer, everything(farm)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=needs("reference") if path in WITH_REFERENCE else ())
        for path in CALLS
    ],
)
async def test_a_call_by_name_does_what_it_does_with_the_id(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, path: str
) -> None:
    named, keyed = CALLS[path]
    found, farm = await done(gateway, simulated_cuebot, path, named)
    wanted, expected = await done(gateway, simulated_cuebot, path, keyed)
    assert wanted.status_code == 200, wanted.text
    assert (found.status_code, found.json()) == (200, wanted.json())
    assert farm == expected
    assert "x-ignored-fields" not in found.headers


async def test_the_override_of_a_service_is_found_by_its_show(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot
) -> None:
    show, maya = {"show": {"name": "demo"}}, {"service": {"name": "maya"}}
    created = await gateway.post("/show.ShowInterface/CreateServiceOverride", show | maya)
    assert created.status_code == 200, created.text
    path = "/service.ServiceOverrideInterface/Delete"
    assert (await gateway.post(path, maya)).status_code == 400
    assert (await gateway.post(path, maya | {"show": "demo"})).status_code == 200
    left = await gateway.post("/show.ShowInterface/GetServiceOverrides", show)
    assert left.json()["serviceOverrides"]["serviceOverrides"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("job.JobInterface/Pause", {"job": {"name": "demo-sh010-lena_kamp"}}),
        ("job.LayerInterface/KillFrames", {"layer": {"name": "kamp"}, "job": JOB}),
        pytest.param(
            *("job.LayerInterface/AddLimit", {"limit": {"name": "none"}} | LAYER),
            marks=needs("reference"),
        ),
        ("job.FrameInterface/Retry", {"frame": {"layerName": "comp", "number": 1}, "job": JOB}),
        ("job.GroupInterface/GetJobs", {"group": {"name": "kamp"}, "show": "demo"}),
        pytest.param(
            *("job.JobInterface/SetGroup", {"groupId": "kamp", "job": {"name": JOB}}),
            marks=needs("reference"),
        ),
        ("filter.FilterInterface/Delete", {"filter": {"name": "x"}, "show": "demo"}),
        ("show.ShowInterface/GetFilters", {"show": {"name": "dmo"}}),
        ("host.HostInterface/Lock", {"host": {"name": "render-node-99"}}),
        ("host.OwnerInterface/GetDeeds", {"owner": {"name": "nobody"}}),
        ("service.ServiceInterface/Delete", {"service": {"name": "none"}}),
        ("service.ServiceOverrideInterface/Delete", {"service": {"name": "nuke"}, "show": "demo"}),
        ("subscription.SubscriptionInterface/Delete", {"subscription": {"name": "local.x.dmo"}}),
        ("facility.AllocationInterface/GetHosts", {"allocation": {"name": "local.none"}}),
        ("department.DepartmentInterface/GetTasks", {"department": {"name": "x"}, "show": "demo"}),
    ],
)
async def test_what_is_not_there_is_404(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, path: str, body: Json
) -> None:
    """The message begins with the place of the name, if there are others that names stand for."""
    found, farm = await done(gateway, simulated_cuebot, path, body)
    _, untouched = await done(gateway, simulated_cuebot, "show.ShowInterface/GetShows", {})
    assert (found.status_code, found.json()["error"]) == (404, "NOT_FOUND"), found.text
    said = found.json()["message"]
    assert re.match(r"([\w.]+: )?no (pending )?\w+ '[^']+'( in [\w ]+ '[^']+')?(; did you|$)", said)
    assert re.search("Incorrect result size|was not found", found.json()["cuebot"])
    assert farm == untouched


NOBODY = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("job.JobInterface/GetJob", {"id": NOBODY}),
        ("job.JobInterface/GetJob", {}),
        ("host.HostInterface/GetHost", {"id": NOBODY}),
        ("limit.LimitInterface/Get", {"id": NOBODY}),
        ("subscription.SubscriptionInterface/Get", {"id": NOBODY}),
        ("subscription.SubscriptionInterface/Get", {"id": "no-name-of-a-subscription"}),
    ],
)
async def test_an_id_of_nothing_is_a_404_of_cuebots(
    gateway: Gateway, path: str, asked: Json
) -> None:
    """It is not tried as a name, which would be an error of another kind."""
    answer = await gateway.post(f"/{path}", asked)
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND"), answer.text
    assert "actual 0" in answer.text


@needs("reference")
@pytest.mark.parametrize("path", ["job.LayerInterface/GetFrames", "job.LayerInterface/SetTags"])
async def test_a_layer_that_a_job_of_this_id_has_not_is_404(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, path: str
) -> None:
    body = {"layer": {"name": "kamp", "job": {"id": job(simulated_cuebot.farm)}}}
    answer = await gateway.post(f"/{path}", body)
    assert answer.status_code == 404
    assert answer.json()["message"] == f"no layer 'kamp' in pending job '{JOB}'"


FINISHED_READS: dict[str, Json] = {
    "/job.JobInterface/GetFrames": {"job": {"name": JOB}, "req": {"limit": 3}},
    "/job.JobInterface/GetLayers": {"job": {"name": JOB}},
    "/job.JobInterface/GetComments": {"job": {"name": JOB}},
    "/job.JobInterface/GetJob": {"id": JOB},
    "/job.LayerInterface/GetFrames": LAYER | {"s": {"limit": 3}},
    "/job.FrameInterface/GetWhatThisDependsOn": FRAME,
    "/job.JobInterface/GetJobs": {"r": {"ids": [JOB], "includeFinished": True}},
    "/limit.LimitInterface/GetBindings": {
        "limitName": "nuke_render",
        "layerIds": ["comp"],
        "job": JOB,
    },
}
FINISHED_CHANGES: dict[str, tuple[Json, str]] = {
    "/job.JobInterface/Pause": ({"job": {"name": JOB}}, f"job '{JOB}' is finished"),
    "/job.LayerInterface/KillFrames": (LAYER, f"layer 'comp', job '{JOB}' belongs "),
    "/job.FrameInterface/Retry": (FRAME, f"job '{JOB}', layer 'comp', frame 1001 belongs "),
}


@pytest.fixture
async def farm(gateway: Gateway, simulated_cuebot: SimulatedCuebot) -> Farm:
    """A new farm, whose job is killed."""
    clock = StoppedClock(START)
    simulated_cuebot.farm = farm = build_farm(simulated_cuebot.farm.messages, clock=clock)
    killed = await gateway.post("/job.JobInterface/Kill", {"job": {"name": JOB}})
    assert killed.status_code == 200
    clock.advance(5)
    await gateway.post("/show.ShowInterface/GetShows")
    assert (await gateway.post("/job.JobInterface/FindJob", {"name": JOB})).status_code == 404
    return farm


@needs("reference")
@pytest.mark.parametrize("path", FINISHED_READS)
async def test_reads_find_a_finished_job_by_its_name(
    gateway: Gateway, farm: Farm, path: str
) -> None:
    """In any case."""
    for body in (FINISHED_READS[path], in_capitals(FINISHED_READS[path])):
        answer = await gateway.post(path, body)
        assert answer.status_code == 200, answer.text
        assert f"job={job(farm)}" in answer.headers["x-resolved"]
        if "Frames" in path:
            frames = answer.json()["frames"]["frames"]
            assert len(frames) == 3
            assert {farm.parent_of[each["id"]] for each in frames} <= {
                each.id for each in farm.layers_of(farm.jobs[job(farm)])
            }


@pytest.mark.slow
async def test_a_read_that_waits_for_news_says_once_which_job_it_was(
    gateway: Gateway, farm: Farm
) -> None:
    url = f"{gateway.url}/job.JobInterface/GetLayers?job.name={JOB}"
    etag = (await gateway.client.get(url)).headers["etag"]
    waited = await gateway.client.get(url, headers={"If-None-Match": etag, "Prefer": "wait=3"})
    assert waited.status_code == 304
    assert waited.headers.get_list("x-resolved") == [f"job={job(farm)}"]


@needs("reference")
@pytest.mark.parametrize("path", FINISHED_CHANGES)
async def test_changes_say_that_a_job_is_finished(gateway: Gateway, farm: Farm, path: str) -> None:
    before = everything(farm)
    body, expected = FINISHED_CHANGES[path]
    answer = await gateway.post(path, body)
    assert answer.status_code == 404
    message = answer.json()["message"]
    assert message.startswith(expected)
    assert "finished" in message
    assert everything(farm) == before


@needs("reference")
async def test_of_several_finished_jobs_the_newest_is_read(gateway: Gateway, farm: Farm) -> None:
    """Its id, which is Cuebot's, cannot end the header."""
    old = farm.jobs[job(farm)]
    for key, later in (("1\r\nSet-Cookie: evil=1", 60), ("2", 10)):
        another = copy_of(old)
        another.id, another.start_time = key, old.start_time + later
        farm.jobs[another.id] = another
        farm.parent_of[another.id] = farm.parent_of[old.id]
    answer = await gateway.post("/job.JobInterface/GetComments", {"job": {"name": JOB}})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-resolved"] == "job=1%0D%0ASet-Cookie%3A%20evil%3D1; newest of 3"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "job.JobInterface/Pause",
        "job.LayerInterface/SetMinCores",
        "job.LayerInterface/GetFrames",
        "job.FrameInterface/Eat",
        pytest.param("job.JobInterface/SetGroup", marks=needs("reference")),
    ],
)
async def test_a_pending_jobs_name_is_in_any_case(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, path: str
) -> None:
    named = CALLS[path][0]
    found, farm = await done(gateway, simulated_cuebot, path, in_capitals(named))
    _, expected = await done(gateway, simulated_cuebot, path, named)
    assert found.status_code == 200, found.text
    assert "x-resolved" not in found.headers
    assert farm == expected


def copy_of(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def in_capitals(body: Json) -> Json:
    """The same request with the job's name in capitals."""
    whole: Json = json.loads(json.dumps(body).replace(JOB, JOB.upper()))
    return whole


@needs("reference")
@pytest.mark.parametrize("more", [{}, {"includeFinished": False}])
async def test_finished_jobs_are_among_criteria_that_ask_for_them(
    gateway: Gateway, farm: Farm, more: Json
) -> None:
    """Without, Cuebot would leave out the job that was found, and the answer would be empty."""
    path, criteria = "/job.JobInterface/GetJobs", {"ids": [OTHER, JOB]}
    answer = await gateway.post(path, {"r": criteria | more})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    said = f"job '{JOB}' is finished; send r.includeFinished (job id '{job(farm)}')"
    assert answer.json()["message"] == said
    answer = await gateway.post(path, {"r": criteria | {"includeFinished": True}})
    assert [each["name"] for each in answer.json()["jobs"]["jobs"]] == [OTHER, JOB]
    assert answer.headers["x-resolved"] == f"job={job(farm)}"


@needs("reference")
async def test_names_of_jobs_are_those_of_pending_ones(gateway: Gateway, farm: Farm) -> None:
    path, criteria = "/job.JobInterface/GetJobNames", {"ids": [JOB], "includeFinished": True}
    answer = await gateway.post(path, {"r": criteria})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    assert answer.json()["message"] == f"no pending job '{JOB}'"


def launched_again(farm: Farm) -> tuple[str, str]:
    """Let there be a pending job with the name of the finished one; its id, and its layer's."""
    old = farm.jobs[job(farm)]
    old_layer = farm.layers[layer(farm)]
    new, new_layer = copy_of(old), copy_of(old_layer)
    new.id, new.state = f"11111111{old.id[8:]}", PENDING
    new_layer.id, new_layer.parent_id = f"22222222{old_layer.id[8:]}", new.id
    farm.jobs[new.id] = farm.pending[new.name] = new
    farm.layers[new_layer.id] = new_layer
    farm.parent_of |= {new.id: farm.parent_of[old.id], new_layer.id: new.id}
    farm.children_of[new.id].append(new_layer.id)
    return new.id, new_layer.id


@needs("reference")
async def test_a_layer_by_its_jobs_id_is_that_jobs(gateway: Gateway, farm: Farm) -> None:
    """And not one of the pending job that has the same name by now, whose layer would be changed.

    Reads find it although the job is finished; changes say that.
    """
    old, old_layer = job(farm), layer(farm)
    new, new_layer = launched_again(farm)
    for by in ({"id": old}, {"id": new}):
        own = old_layer if by["id"] == old else new_layer
        body: Json = {"layer": {"name": "comp"}, "job": by}
        answer = await gateway.post("/job.LayerInterface/GetFrames", body | {"s": {"limit": 3}})
        assert answer.status_code == 200, answer.text
        resolved = answer.headers.get("x-resolved")
        assert resolved == (f"layer={old_layer}" if own == old_layer else None)
        inside = {"layer": {"name": "comp", "job": by}}
        for path, given in (
            ("/job.LayerInterface/KillFrames", body),
            ("/job.LayerInterface/SetMinCores", inside | {"cores": 7}),
        ):
            before = everything(farm)
            answer = await gateway.post(path, given)
            if own == new_layer:
                assert answer.status_code == 200, answer.text
                continue
            message = answer.json()["message"]
            assert answer.status_code == 404
            said = f"layer 'comp', job '{JOB}' (job.id '{old}') belongs to a finished job"
            assert message == f"{said} (layer id '{own}')"
            assert everything(farm) == before
    assert farm.layers[new_layer].min_cores == 7
    assert farm.layers[old_layer].min_cores != 7


@needs("reference")
async def test_the_documented_find_layer_keeps_to_the_job(gateway: Gateway, farm: Farm) -> None:
    old, (new, new_layer) = job(farm), launched_again(farm)
    path, body = "/layer.LayerInterface/FindLayer", {"layer": "comp"}
    found = await gateway.post(path, body | {"job": {"id": new}})
    assert found.json()["layer"]["id"] == new_layer
    answer = await gateway.post(path, body | {"job": {"id": old}})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    message = answer.json()["message"]
    assert message == (f"job.id: what was found is not of '{old}', but of another of that name")


@needs("reference")
async def test_a_layer_that_neither_has_is_not_found(gateway: Gateway, farm: Farm) -> None:
    for by in (job(farm), launched_again(farm)[0]):
        body = {"layer": {"name": "kamp"}, "job": {"id": by}}
        for path in ("/job.LayerInterface/GetFrames", "/job.LayerInterface/RetryFrames"):
            answer = await gateway.post(path, body)
            message = answer.json()["message"]
            assert answer.status_code == 404
            assert message == f"no layer 'kamp' in pending job '{JOB}'"


@pytest.mark.parametrize(
    ("kind", "name", "path", "body"),
    [
        ("shows", "demo", "/show.ShowInterface/FindShow", {"name": "demo"}),
        ("shows", "demo", "/show.ShowInterface/GetFilters", {"show": {"name": "demo"}}),
        ("limits", "arnold", "/limit.LimitInterface/Find", {"name": "arnold"}),
        pytest.param(
            *("limits", "arnold", "/limit.LimitInterface/Get", {"id": "arnold"}),
            marks=needs("reference"),
        ),
        ("limits", "arnold", "/job.LayerInterface/AddLimit", LAYER | {"limitId": "arnold"}),
        pytest.param(
            *(
                "limits",
                "arnold",
                "/job.LayerInterface/AddLimit",
                LAYER | {"limit": {"name": "arnold"}},
            ),
            marks=needs("reference"),
        ),
        ("groups", "comp", "/job.GroupInterface/FindGroup", {"name": "comp", "show": "demo"}),
        pytest.param(
            *("groups", "comp", "/job.GroupInterface/SetMinCores", GROUP | {"cores": 1}),
            marks=needs("reference"),
        ),
        pytest.param(
            *("groups", "comp", "/job.JobInterface/SetGroup", BY_NAME | {"groupId": "comp"}),
            marks=needs("reference"),
        ),
    ],
)
async def test_several_of_one_name_are_a_409_with_their_ids(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, kind: str, name: str, path: str, body: Json
) -> None:
    simulated_cuebot.farm = farm = build_farm(simulated_cuebot.farm.messages)
    things = getattr(farm, kind)
    first = farm.groups[group(farm)] if kind == "groups" else by_name(things, name)
    second = copy_of(first)
    second.id = "11111111" + first.id[8:]
    things[second.id] = second
    if kind == "groups":
        farm.parent_of[second.id] = farm.parent_of[first.id]
        farm.children_of[farm.parent_of[first.id]].append(second.id)
    answer = await gateway.post(path, body)
    assert answer.status_code == 409, answer.text
    message = answer.json()["message"]
    found = f"{kind} called '{name}'" + (" in show 'demo'" if kind == "groups" else "")
    assert f"there are 2 {found}: send the id of one " in message
    assert {first.id, second.id} <= set(re.findall(r"[0-9a-f-]{36}", message))
    assert "expected 1, actual 2" in answer.json()["cuebot"]


async def test_a_malformed_name_is_400(gateway: Gateway) -> None:
    path = "/subscription.SubscriptionInterface/SetSize"
    answer = await gateway.post(path, {"subscription": {"name": "bad"}, "newSize": 1})
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")
    assert "bad" in answer.json()["message"]


@needs("reference")
@pytest.mark.parametrize("facility", ["local", {"name": "local"}])
async def test_a_facility_goes_by_its_name(
    gateway: Gateway, simulated_cuebot: SimulatedCuebot, farm: Farm, facility: object
) -> None:
    """Without a look-up."""
    before = len(simulated_cuebot.calls)
    path, made = "/facility.AllocationInterface/Create", {"name": "new", "tag": "new"}
    answer = await gateway.post(path, made | {"facility": facility})
    assert answer.status_code == 200, answer.text
    assert answer.json()["allocation"]["name"] == "local.new"
    assert [called for called, _ in [*simulated_cuebot.calls][before:]] == [path]


async def test_a_facility_that_is_not_there(gateway: Gateway) -> None:
    """It is not its allocation that is missing."""
    path = "/facility.AllocationInterface/Create"
    body = {"name": "new", "facility": "nope", "tag": "new"}
    answer = await gateway.post(path, body)
    assert answer.status_code == 404
    assert "facility 'nope' is not there" in answer.json()["message"]


@needs("reference")
async def test_a_job_that_is_not_found_is_told_to_be_finished(gateway: Gateway, farm: Farm) -> None:
    who = signed("seeker of jobs")
    answer = await gateway.post("/job.JobInterface/FindJob", {"name": JOB}, headers=who)
    assert answer.status_code == 404
    said = answer.json()["message"]
    assert said.startswith(f"job '{JOB}' is finished: GetJob finds it by its name")
    assert f"(job id '{job(farm)}')" in said
    found = await gateway.post("/job.JobInterface/GetJob", {"id": JOB})
    assert found.json()["job"]["id"] == job(farm)


async def test_an_allocation_without_its_facility_is_suggested(gateway: Gateway) -> None:
    path, who = "/facility.AllocationInterface/Find", signed("seeker of allocations")
    answer = await gateway.post(path, {"name": "general"}, headers=who)
    assert "did you mean 'local.general'?" in answer.json()["message"]
