"""What a rule shows (`see`), over all reads and changes of OpenCue's published schema."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from gateway.core.calls.instead import Instead
from gateway.core.calls.plan import Found
from gateway.core.codec.fields import is_map, is_message
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Method
from gateway.features.object_rights.aspect import Objects
from gateway.features.object_rights.conditions import read_condition
from gateway.features.object_rights.interceptor import ObjectControl
from gateway.features.object_rights.visibility import Visibility, visibility_of
from gateway.features.tokens import Tokens
from tests.features.names.ids import with_ids
from tests.features.object_rights.test_object_rights import JUDGED, KILL, METHODS, UNBOOK, body_for
from tests.support.audit import outcomes
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.owned_farm import BOS, ID, JOBS, LENAS, NOBODYS, answer, script
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

SEE = "show in $shows"
OWN = (
    "user = $sub or show = demo or host = lena-host or allocation = lena.general"
    " or facility = lena-facility"
)
ACCESS = [
    rule("freelancers", {"role": "freelance"}, "all", see=SEE),
    rule("owners", {"role": "owner"}, "all", see=OWN),
    rule("mine", {"role": "mine"}, "all", see="user = $sub or job : $sub"),
    rule("its", {"role": "its"}, "all", see="host = $sub"),
    rule("both", {"role": "both"}, "all", see=SEE, only="user = $sub"),
    {
        "name": "hosts",
        "who": {"role": "hosts"},
        "may": ["all"],
        "see": SEE,
        "always": ["host.HostInterface/GetHosts", "host.HostInterface/FindHost"],
    },
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(access=ACCESS, access_default="deny"),
    needs("audit", "tokens"),
]

LENA = signed("lena", role="freelance", shows=["demo"])
OWNER = signed("lena", role="owner")
SUBSCRIPTIONS, GET_JOB = "/subscription.SubscriptionInterface/", "/job.JobInterface/GetJob"
GET_JOBS, GET_JOB_NAMES = "/job.JobInterface/GetJobs", "/job.JobInterface/GetJobNames"
READS = [method for method in METHODS if method.reads_only]


def visibility(method: Method) -> Visibility:
    return visibility_of(method, read_condition(SEE))


def ids(methods: list[Method]) -> list[str]:
    return [method.path[1:] for method in methods]


NEVER = [each for each in READS if not visibility(each).is_judged]
BY_ROWS = [each for each in READS if visibility(each).rows and not visibility(each).by_request]


WITHIN_OTHERS = ("GetHostWhiteboard", "GetJobWhiteboard")
"""Rows within hosts and groups, which are shown (`test_visibility.py`)."""
BY_ROWS = [
    each
    for each in BY_ROWS
    if not each.path.endswith(WITHIN_OTHERS)
    and (Instead not in each.aspects or each.aspects[Instead].is_native)
]


async def asked(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object, who: dict[str, str] = LENA
) -> tuple[Any, list[str]]:
    """The answer, and the paths of the calls that Cuebot has got for it."""
    cuebot.seen.clear()
    answered = await gateway.post(path, body, headers=who)
    return answered, [called for called, _, _ in cuebot.seen]


def filled(message: Any, text: str, depth: int = 5) -> Any:
    """The message with this text in all texts, and two objects in each list."""
    for field in message.DESCRIPTOR.fields:
        there = getattr(message, field.name)
        if is_message(field) and not is_map(field) and depth:
            for _ in range(2 if field.is_repeated else 1):
                filled(there.add() if field.is_repeated else there, text, depth - 1)
        elif field.type == FieldDescriptor.TYPE_STRING and field.is_repeated:
            there.append(text)
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, text)
    return message


@pytest.mark.parametrize("method", BY_ROWS, ids=ids(BY_ROWS))
async def test_every_read_by_rows(gateway: Gateway, cuebot: ScriptedCuebot, method: Method) -> None:
    listed = Objects.of(method).named_rows
    called = method if listed is None else listed.method
    kind = message_class(called.descriptor.output_type.full_name)
    for text in ("secret", "demo"):
        cuebot.answers(called.path, filled(kind(), text).SerializeToString())
        answered, calls = await asked(gateway, cuebot, method.path, with_ids(method))
        assert (answered.headers["x-filtered"], calls) == ("access", [called.path])
        if text == "secret":
            assert answered.status_code in (200, 404)
            assert "secret" not in answered.text
        else:
            assert answered.status_code == 200
            assert "demo" in answered.text


async def test_what_cannot_be_judged_is_refused(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """All reads of which neither the request nor the answer has a show."""
    for method in NEVER:
        answered, calls = await asked(gateway, cuebot, method.path, {})
        assert (answered.status_code, calls) == (403, []), method.path
        assert answered.json()["message"].endswith("(access rule 'freelancers')")
        assert "x-filtered" not in answered.headers


async def test_always_is_not_judged(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    hosts = "/host.HostInterface/GetHosts"
    who = signed("lena", role="hosts", shows=["demo"])
    cuebot.answers(hosts, answer("host.HostGetHostsResponse", hosts={"hosts": [{"name": "h1"}]}))
    answered, _ = await asked(gateway, cuebot, hosts, {}, who)
    assert answered.json()["hosts"]["hosts"][0]["name"] == "h1"
    assert "x-filtered" not in answered.headers


# --- what may not be seen is not there ------------------------------------------------------

REFERENCES = [each for each in READS if visibility(each).by_request]


def names_in(text: str, id_: str) -> str:
    """The text without the id, and the names of what has that id."""
    job, user, show = JOBS.get(id_, ("no-job", "nobody", "no-show"))
    for name in (id_, job, f"{user}-host", f"{user}-facility", show, "none"):
        text = text.replace(f"'{name}'", "NAME")
    return text


def told(answered: Any, id_: str) -> tuple[int, dict[str, str], str]:
    """All that a client can tell of an answer but its time."""
    headers = dict(answered.headers)
    for name in ("x-request-id", "date", "content-length"):
        headers.pop(name, None)
    timing = headers.pop("server-timing")
    headers["server-timing"] = ",".join(each.split(";")[0] for each in timing.split(","))
    return answered.status_code, headers, names_in(answered.text, id_)


@pytest.fixture
def farm(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    script(cuebot, METHODS)
    return cuebot


ABOUT_OBJECTS = [
    each
    for each in (*READS, *JUDGED)
    if Objects.of(each).subjects and visibility_of(each, read_condition(OWN)).by_request
]


def requests_about(method: Method, id_: str) -> Iterator[dict[str, Any]]:
    """By id, and by name where that will do; what lies in something also in another's."""
    body = body_for(method, id_)
    yield body
    if isinstance(job := body.get("job"), dict) and "id" in job:
        yield body | {"job": {"name": JOBS.get(id_, ("no-job",))[0]}}
    if (within := body_for(method, id_, within=LENAS)) != body:
        yield within


@pytest.mark.parametrize("method", ABOUT_OBJECTS, ids=ids(ABOUT_OBJECTS))
async def test_what_is_hidden_is_not_there(
    gateway: Gateway, farm: ScriptedCuebot, method: Method
) -> None:
    """The same answer and the same calls, also when the object has been asked for before."""
    for hidden, missing in zip(
        requests_about(method, BOS), requests_about(method, NOBODYS), strict=True
    ):
        for _ in range(2):
            answered, calls = await asked(gateway, farm, method.path, hidden, OWNER)
            other, other_calls = await asked(gateway, farm, method.path, missing, OWNER)
            assert answered.status_code == 404, answered.text
            assert "''" not in answered.text  # it names what was asked for
            assert told(answered, BOS) == told(other, NOBODYS)
            assert calls == other_calls
            assert method.reads_only or method.path not in calls
    answered, _ = await asked(gateway, farm, method.path, body_for(method, LENAS), OWNER)
    assert answered.status_code == 200, answered.text


@pytest.mark.parametrize(
    ("criteria", "what"),
    [
        ({"jobs": ["lena-job", "bo-job"]}, "job 'bo-job'"),
        ({"shows": ["other"]}, "show 'other'"),
        ({"jobs": ["none"], "shows": ["demo"]}, "job 'none'"),
    ],
)
async def test_procs_of_what_is_hidden(
    gateway: Gateway, farm: ScriptedCuebot, criteria: dict[str, list[str]], what: str
) -> None:
    answered, calls = await asked(gateway, farm, UNBOOK, {"r": criteria})
    assert (answered.status_code, UNBOOK in calls) == (404, False)
    assert answered.json()["message"] == f"r: there is no {what} that you may see"


WITHIN = [
    ("mine", path)
    for path in (
        "/show.ShowInterface/GetJobs",
        "/show.ShowInterface/GetJobWhiteboard",
        "/job.GroupInterface/GetJobs",
        "/host.HostInterface/GetProcs",
    )
] + [
    ("its", path)
    for path in (
        "/facility.AllocationInterface/GetHosts",
        "/host.OwnerInterface/GetHosts",
    )
]


@pytest.mark.parametrize(("role", "path"), WITHIN)
async def test_what_has_nothing_in_sight_is_not_there(
    gateway: Gateway, cuebot: ScriptedCuebot, role: str, path: str
) -> None:
    """The rule does not ask about a show, but about its jobs: one without is as none."""
    (method,) = (each for each in METHODS if each.path == path)
    kind, who = message_class(method.descriptor.output_type.full_name), signed("lena", role=role)
    body, answers = body_for(method, BOS), []
    for text in ("bo", "lena"):
        cuebot.answers(path, filled(kind(), text).SerializeToString())
        answers.append((await asked(gateway, cuebot, path, body, who))[0])
    cuebot.answers(path, b"")
    answers.append((await asked(gateway, cuebot, path, body, who))[0])
    cuebot.fails(path, grpc.StatusCode.NOT_FOUND, "no such thing")
    answers.append((await asked(gateway, cuebot, path, body, who))[0])
    hidden, seen, empty, missing = answers
    assert hidden.status_code == 404
    assert told(hidden, BOS) == told(empty, BOS) == told(missing, BOS)
    assert (seen.status_code, "lena" in seen.text, "x-filtered" in seen.headers) == (
        200,
        True,
        True,
    )


async def test_what_lies_in_a_host_that_everybody_sees_may_be_nothing(
    gateway: Gateway, farm: ScriptedCuebot
) -> None:
    """The rule always shows hosts."""
    path, who = "/host.HostInterface/GetProcs", signed("lena", role="hosts", shows=["demo"])
    proc = {"id": "1", "show_name": "secret"}
    farm.answers(path, answer("host.HostGetProcsResponse", procs={"procs": [proc]}))
    answered, _ = await asked(gateway, farm, path, {"host": {"id": BOS}}, who)
    assert (answered.status_code, answered.json()) == (200, {"procs": {"procs": []}})
    freelancer, _ = await asked(gateway, farm, path, {"host": {"id": BOS}})
    assert freelancer.status_code == 404


async def test_a_list_of_all_may_be_empty(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    rows = [{"id": BOS, "name": "bo-job", "user": "bo"}]
    for content in (rows, []):
        cuebot.answers(GET_JOBS, answer("job.JobGetJobsResponse", jobs={"jobs": content}))
        for body in ({}, {"r": {"ids": [BOS]}}):
            who = signed("lena", role="mine")
            answered, _ = await asked(gateway, cuebot, GET_JOBS, body, who)
            assert (answered.status_code, answered.json()) == (200, {"jobs": {"jobs": []}})


ONE_OBJECT = [
    (GET_JOB, "id", True),
    ("/job.JobInterface/FindJob", "name", False),
    ("/job.LayerInterface/GetLayer", "id", True),
    (f"{SUBSCRIPTIONS}Get", "id", True),
]


@pytest.mark.parametrize(("path", "field", "by_id"), ONE_OBJECT)
async def test_an_answer_with_a_hidden_object(
    gateway: Gateway, farm: ScriptedCuebot, path: str, field: str, by_id: bool
) -> None:
    hidden, missing = (BOS, NOBODYS) if by_id else (JOBS[BOS][0], "no-job")
    for _ in range(2):
        answered, calls = await asked(gateway, farm, path, {field: hidden})
        other, other_calls = await asked(gateway, farm, path, {field: missing})
        assert answered.status_code == 404
        assert told(answered, BOS) == told(other, NOBODYS)
        assert calls == other_calls
    own = LENAS if by_id else JOBS[LENAS][0]
    answered, _ = await asked(gateway, farm, path, {field: own})
    assert answered.status_code == 200


async def test_seen_and_not_to_be_changed(gateway: Gateway, farm: ScriptedCuebot) -> None:
    who = signed("bo", role="both", shows=["demo"])
    for id_, status in ((LENAS, 403), (BOS, 404), (NOBODYS, 404)):
        answered, calls = await asked(gateway, farm, KILL, {"job": {"id": id_}}, who)
        assert (answered.status_code, KILL in calls) == (status, False)


@pytest.mark.parametrize(
    ("path", "body"), [(KILL, {}), ("/job.FrameInterface/Kill", {"frame": {"id": LENAS}})]
)
async def test_a_change_of_what_cannot_be_judged(
    gateway: Gateway, farm: ScriptedCuebot, path: str, body: object
) -> None:
    answered, calls = await asked(gateway, farm, path, body)
    assert (answered.status_code in (400, 403), path in calls) == (True, False)


def jobs_of(*shows: str) -> bytes:
    rows = [
        {"id": f"{ID}{number}", "name": f"{show}-{number}", "show": show}
        for number, show in enumerate(shows)
    ]
    return answer("job.JobGetJobsResponse", jobs={"jobs": rows})


async def test_views_know_nothing_of_hidden_rows(gateway: Gateway, farm: ScriptedCuebot) -> None:
    farm.answers(GET_JOBS, jobs_of("secret", "demo", "secret", "demo"))
    for query, expected in (
        ("_fields=name&_format=csv", '"name"\n"demo-1"\n"demo-3"\n'),
        ("_fields=name&_limit=1&_format=ndjson", '{"name":"demo-1"}\n'),
        ("_fields=name&_where=show=secret&_format=csv", '"name"\n'),
    ):
        answered = await gateway.client.get(f"{GET_JOBS}?{query}", headers=LENA)
        assert answered.text.replace("\r", "") == expected


@needs("conditional")
async def test_etags_know_nothing_of_hidden_rows(gateway: Gateway, farm: ScriptedCuebot) -> None:
    farm.answers(GET_JOBS, jobs_of("secret", "demo", "secret", "demo"))
    before = await gateway.client.get(GET_JOBS, headers=LENA)
    farm.answers(GET_JOBS, jobs_of("demo", "demo"))
    after = await gateway.client.get(GET_JOBS, headers=LENA)
    assert before.headers["etag"] != after.headers["etag"]
    farm.answers(GET_JOBS, jobs_of("other", "demo", "other", "demo", "other"))
    again = await gateway.client.get(GET_JOBS, headers=LENA)
    assert (before.headers["etag"], before.text) == (again.headers["etag"], again.text)


async def test_cuebot_is_asked_for_what_may_be_seen(gateway: Gateway, farm: ScriptedCuebot) -> None:
    rows = [{"name": f"{show}-1", "show": show} for show in ("demo", "secret")]
    farm.answers(GET_JOBS, answer("job.JobGetJobsResponse", jobs={"jobs": rows}))
    answered, calls = await asked(gateway, farm, GET_JOB_NAMES, {"r": {"includeFinished": True}})
    assert (answered.json(), calls) == ({"names": ["demo-1"]}, [GET_JOBS])
    request = message_class("job.JobGetJobsRequest").FromString(farm.seen[0][1])
    assert json_format.MessageToDict(request) == {"r": {"shows": ["demo"]}}


async def test_a_dry_run_of_a_read_shows_the_decision(
    gateway: Gateway, farm: ScriptedCuebot
) -> None:
    layers, dry = "/job.JobInterface/GetLayers", LENA | {"X-Dry-Run": "1"}
    for id_, status in ((LENAS, 200), (BOS, 404), (NOBODYS, 404)):
        answered, _ = await asked(gateway, farm, layers, {"job": {"id": id_}}, dry)
        assert answered.status_code == status


async def test_a_frame_by_its_id_is_not_judged(gateway: Gateway, farm: ScriptedCuebot) -> None:
    path = "/job.FrameInterface/GetWhatThisDependsOn"
    answered, calls = await asked(gateway, farm, path, {"frame": {"id": BOS}})
    assert (answered.status_code, calls) == (403, [])
    assert (
        'send "job" beside "frame", or job, layerName, number instead of the id'
        in answered.json()["message"]
    )


async def test_totals_are_shown_only_of_what_may_be_seen(
    gateway: Gateway, farm: ScriptedCuebot
) -> None:
    path = "/monitoring.MonitoringInterface/GetFrameHistory"
    rows = [{"id": "1", "show": "demo"}, {"id": "2", "show": "secret"}]
    content = {"frames": rows, "pagination": {"total_records": 2}}
    farm.answers(path, answer("monitoring.GetFrameHistoryResponse", **content))
    for body, total in (({"jobName": "any"}, None), ({"jobId": LENAS}, "2")):
        answered, _ = await asked(gateway, farm, path, body)
        assert [row["id"] for row in answered.json()["frames"]] == ["1"]
        assert (answered.json()["pagination"] or {}).get("totalRecords") == total


DEPENDS = "/job.JobInterface/GetWhatThisDependsOn"


async def test_depends_name_only_what_may_be_seen(gateway: Gateway, farm: ScriptedCuebot) -> None:
    own, hidden = JOBS[LENAS][0], JOBS[BOS][0]
    rows = [
        {"id": "1", "depend_er_job": own, "depend_on_job": hidden},
        {"id": "2", "depend_er_job": own, "depend_on_job": own},
        {"id": "3", "depend_er_job": own},
    ]
    content = {"depends": {"depends": rows}}
    farm.answers(DEPENDS, answer("job.JobGetWhatThisDependsOnResponse", **content))
    answered, _ = await asked(gateway, farm, DEPENDS, {"job": {"id": LENAS}})
    assert [row["id"] for row in answered.json()["depends"]["depends"]] == ["2", "3"]
    assert hidden not in answered.text


async def test_procs_do_not_say_whose_they_will_be(gateway: Gateway, farm: ScriptedCuebot) -> None:
    proc = {"id": "1", "show_name": "demo", "redirect_target": "secret-job"}
    path = "/host.ProcInterface/GetProcs"
    farm.answers(path, answer("host.ProcGetProcsResponse", procs={"procs": [proc]}))
    answered, _ = await asked(gateway, farm, path, {})
    (row,) = answered.json()["procs"]["procs"]
    assert (row["id"], row["redirectTarget"]) == ("1", "")
    answered, calls = await asked(gateway, farm, path, {"r": {"maxResults": [1]}})
    assert (answered.status_code, calls) == (403, [])
    assert "r.max_results would count what may not be seen" in answered.json()["message"]


@pytest.mark.parametrize("path", ["/job.JobInterface/IsJobPending", "/job.JobInterface/FindJob"])
async def test_an_ambiguous_name_is_not_told_apart(
    gateway: Gateway, farm: ScriptedCuebot, path: str
) -> None:
    several = "Incorrect result size: expected 1, actual 2"
    spring = "org.springframework.dao.IncorrectResultSizeDataAccessException"
    farm.fails("/job.JobInterface/FindJob", grpc.StatusCode.INTERNAL, f"{spring}: {several}")
    answered, _ = await asked(gateway, farm, path, {"name": "dup"})
    assert answered.status_code == 404, answered.text


async def test_a_look_up_that_cannot_be_judged_is_refused(
    gateway: Gateway, farm: ScriptedCuebot
) -> None:
    """It would tell whether there is something of that name."""
    path, body = "/host.HostInterface/GetProcs", {"host": {"name": "lena-host"}}
    answered, calls = await asked(gateway, farm, path, body)
    assert (answered.status_code, calls) == (403, [])
    assert "/host.HostInterface/FindHost" in answered.json()["message"]


async def test_a_read_that_a_reload_takes_away_shows_nothing(gateway: Gateway) -> None:
    """While its body arrived, a reload has taken the method away."""
    live, context = gateway.app.parts.live, context_of(GET_JOBS)
    assert live.current is not None
    gone = replace(live.current.routes[GET_JOBS], path="/job.JobInterface/Gone")
    token = LENA["Authorization"].encode()
    context.caller = gateway.app.feature(Tokens).authenticator.authenticate(token)

    async def call_cuebot(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        raise AssertionError(method.path)

    with pytest.raises(GatewayError, match="may not call"):
        await ObjectControl(live).around(context, call_cuebot)(gone, b"")


async def test_each_object_is_asked_about_once(gateway: Gateway, farm: ScriptedCuebot) -> None:
    path = "/job.JobInterface/GetUpdatedFrames"
    body = {"job": {"id": LENAS}, "layerFilter": {"layers": [{"id": LENAS}] * 90}}
    _, calls = await asked(gateway, farm, path, body)
    assert len(calls) <= 4
    body["layerFilter"] = {"layers": [{"id": LENAS}] * 200}
    answered, calls = await asked(gateway, farm, path, body)
    assert (answered.status_code, calls) == (400, [])


@needs("audit")
async def test_a_hidden_change_is_in_the_audit_log(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    script(cuebot, METHODS)
    log = tmp_path / "audit.jsonl"
    rights: dict[str, Any] = {"access": ACCESS, "access_default": "deny"}
    async with gateway_for(cuebot.endpoint, audit_log=str(log), **rights) as gateway:
        for id_ in (BOS, NOBODYS):
            answered = await gateway.post(KILL, {"job": {"id": id_}}, headers=LENA)
            assert answered.status_code == 404
    (line,) = outcomes(log)
    assert (line["denied"], line["status"]) == ("freelancers", 404)
    assert line["about"]["show"] == "other"
