"""Rights by what a change is about (`only`), over all changes of OpenCue's published schema."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.calls.invoke import Found
from gateway.codec.fields import message_of
from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.errors import GatewayError
from gateway.http.object_rights import ObjectRights
from gateway.schema.method import Method
from gateway.schema.selection import Selection
from gateway_cli.commands.audit import Criteria
from tests.support.audit import outcomes
from tests.support.contexts import context_of
from tests.support.opencue import message_class, opencue
from tests.support.rights import rule, signed
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    running_gateway,
    settings_for,
)

ONLY_OWN = "user = $sub"
COSTLY = " or ".join(f"job ~ '{each}[a-y]{{1,900}}z'" for each in "abcdefgh")
ACCESS = [
    rule("artists", {"role": "artist"}, "all", only=ONLY_OWN),
    rule("leads", {"role": "lead"}, "all", only="user = $sub or show in $supervises"),
    rule("grouped", {"role": "grouped"}, "all", only="group = fx"),
    rule("killers", {"role": "killer"}, "job.JobInterface/Kill", only=ONLY_OWN),
    rule("costly", {"role": "costly"}, "all", only=COSTLY),
    {
        "name": "submitters",
        "who": {"role": "submitter"},
        "may": ["all"],
        "only": ONLY_OWN,
        "always": ["job.JobInterface/LaunchSpec*"],
    },
]
pytestmark = [pytest.mark.anyio, pytest.mark.gateway(access=ACCESS, access_default="deny")]

LENA = signed("lena", role="artist")
ID = "00000000-0000-0000-0000-0000000000"
LENAS, BOS, NOBODYS = f"{ID}01", f"{ID}02", f"{ID}09"
JOBS = {LENAS: ("lena-job", "lena", "demo"), BOS: ("bo-job", "bo", "other")}
"""By id: the name, user and show of a job. Its layer and proc have the same id."""
SUBSCRIPTIONS = "/subscription.SubscriptionInterface/"
PAUSE, KILL = "/job.JobInterface/Pause", "/job.JobInterface/Kill"
GET_JOB, GET_LAYER = "/job.JobInterface/GetJob", "/job.LayerInterface/GetLayer"
FACTS = {
    GET_JOB,
    GET_LAYER,
    "/job.JobInterface/FindJob",
    "/job.FrameInterface/FindFrame",
    "/host.ProcInterface/GetJob",
    "/subscription.SubscriptionInterface/Get",
}
CHANGES = [
    method
    for method in build_catalog(opencue(), Selection(), load_profile("opencue")).methods
    if not method.reads_only
]
JUDGED = [method for method in CHANGES if method.subjects]


def a_job(id_: str) -> dict[str, str]:
    name, user, show = JOBS[id_]
    group = "fx" if id_ == LENAS else "comp"
    return {"id": id_, "name": name, "user": user, "show": show, "group": group}


def answer(name: str, **content: object) -> bytes:
    found: bytes = message_class(name)(**content).SerializeToString()
    return found


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Knows the jobs, as Cuebot would."""

    async def get_job(request: bytes, context: Context) -> bytes:
        asked = message_class("job.JobGetJobRequest").FromString(request)
        if asked.id not in JOBS:
            await not_there(context)
        return answer("job.JobGetJobResponse", job=a_job(asked.id))

    async def find_job(request: bytes, context: Context) -> bytes:
        asked = message_class("job.JobFindJobRequest").FromString(request)
        found = [id_ for id_, (name, *_) in JOBS.items() if name == asked.name]
        if not found:
            await not_there(context)
        return answer("job.JobFindJobResponse", job=a_job(found[0]))

    async def get_layer(request: bytes, context: Context) -> bytes:
        asked = message_class("job.LayerGetLayerRequest").FromString(request)
        if asked.id not in JOBS:
            await not_there(context)
        layer = {"id": asked.id, "parent_id": asked.id}
        return answer("job.LayerGetLayerResponse", layer=layer)

    async def find_frame(request: bytes, context: Context) -> bytes:
        asked = message_class("job.FrameFindFrameRequest").FromString(request)
        frame = {"id": f"frame-of-{asked.job}"}
        return answer("job.FrameFindFrameResponse", frame=frame)

    async def job_of_proc(request: bytes, context: Context) -> bytes:
        asked = message_class("host.ProcGetJobRequest").FromString(request)
        if asked.proc.id not in JOBS:
            await not_there(context)
        return answer("host.ProcGetJobResponse", job=a_job(asked.proc.id))

    cuebot.handlers |= {
        GET_JOB: get_job,
        "/job.JobInterface/FindJob": find_job,
        GET_LAYER: get_layer,
        "/job.FrameInterface/FindFrame": find_frame,
        "/host.ProcInterface/GetJob": job_of_proc,
    }
    return cuebot


async def not_there(context: Context) -> None:
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")


def body_for(method: Method, id_: str, *, lie: bool = False) -> dict[str, Any]:
    """A request of a change about these objects. With `lie`, they say that they are lena's."""
    body: dict[str, Any] = {}
    for subject in method.subjects:
        kind = subject.about.kind
        if kind == "frame":
            job, *_ = JOBS.get(id_, ("no-job",))
            thing: Any = {"job": job, "layerName": "comp", "number": 1}
        elif subject.is_text:
            thing = id_
        else:
            thing = {"id": id_} | (lies_of(method, subject.place) if lie else {})
        body[subject.name] = thing
    return body


def lies_of(method: Method, place: tuple[str, ...]) -> dict[str, str]:
    at: Descriptor = method.descriptor.input_type
    for name in place:
        at = message_of(at.fields_by_name[name])
    said = {
        "user": "lena",
        "show": "demo",
        "name": "lena-job",
        "parentId": LENAS,
        "jobName": "lena-job",
    }
    return {
        field.json_name: said.get(field.json_name, "lena")
        for field in at.fields
        if field.type == FieldDescriptor.TYPE_STRING
        and field.name != "id"
        and not field.is_repeated
    }


async def call(
    gateway: Gateway, cuebot: ScriptedCuebot, method: str, who: dict[str, str], body: object
) -> tuple[int, str, bool]:
    """Status, message, and whether the change has reached Cuebot."""
    cuebot.seen.clear()
    answer = await gateway.post(method, body, headers=who)
    made = method in [path for path, _, _ in cuebot.seen]
    message = answer.json().get("message", "")
    return answer.status_code, message, made


def ids(methods: list[Method]) -> list[str]:
    return [method.path[1:] for method in methods]


@pytest.mark.parametrize("method", JUDGED, ids=ids(JUDGED))
async def test_every_change_with_subjects(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method
) -> None:
    """Of one's own it is made; of another's or of nobody's not, whatever the request says."""
    if method.path.startswith(SUBSCRIPTIONS):  # a show has no user
        status, _, made = await call(
            gateway, cuebot, method.path, LENA, {"subscription": {"id": "1"}}
        )
        assert (status, made) == (403, False)
        return
    assert (await call(gateway, cuebot, method.path, LENA, body_for(method, LENAS)))[::2] == (
        200,
        True,
    )
    for body in (body_for(method, BOS), body_for(method, BOS, lie=True)):
        status, message, made = await call(gateway, cuebot, method.path, LENA, body)
        assert (status, made) == (403, False)
        assert "access rule 'artists'" in message
    status, _, made = await call(gateway, cuebot, method.path, LENA, body_for(method, NOBODYS))
    assert (status in (403, 404), made) == (True, False)
    status, _, made = await call(gateway, cuebot, method.path, LENA, {})
    assert (status in (400, 403), made) == (True, False)


@pytest.mark.parametrize(
    "method",
    [each for each in JUDGED if len(each.subjects) > 1],
    ids=ids([each for each in JUDGED if len(each.subjects) > 1]),
)
async def test_all_objects_have_to_fit(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method
) -> None:
    own, others = body_for(method, LENAS), body_for(method, BOS)
    for subject in method.subjects:
        body = own | {subject.name: others[subject.name]}
        status, message, made = await call(gateway, cuebot, method.path, LENA, body)
        assert (status, made) == (403, False)
        assert subject.name in message


NOT_JUDGED = [method for method in CHANGES if not method.subjects]


async def test_what_cannot_be_judged_is_refused(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """All the other changes, before anything is asked of Cuebot."""
    for method in NOT_JUDGED:
        status, message, made = await call(gateway, cuebot, method.path, LENA, {})
        assert (status, made, cuebot.seen) == (403, False, []), method.path
        assert "only = 'user = $sub'" in message


async def test_always_and_reads_are_not_judged(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    submitter = signed("lena", role="submitter")
    spec = {"spec": "<spec/>"}
    for who, path, body, expected in (
        (submitter, "/job.JobInterface/LaunchSpec", spec, 200),
        (LENA, "/job.JobInterface/LaunchSpec", spec, 403),
        (submitter, KILL, {"job": {"id": BOS}}, 403),
        (LENA, GET_JOB, {"id": BOS}, 200),
    ):
        status, _, made = await call(gateway, cuebot, path, who, body)
        assert (status, made) == (expected, expected == 200)


@pytest.mark.parametrize(
    ("claims", "id_", "allowed"),
    [
        ({"supervises": ["other", "demo"]}, BOS, True),
        ({"supervises": "other"}, BOS, True),
        ({"supervises": "oth"}, BOS, False),
        ({"supervises": []}, BOS, False),
        ({"supervises": {"show": "other"}}, BOS, False),
        ({}, BOS, False),
        ({}, LENAS, True),
    ],
)
async def test_conditions_with_claims(
    gateway: Gateway, cuebot: ScriptedCuebot, claims: dict[str, object], id_: str, allowed: bool
) -> None:
    who = signed("lena", role="lead", **claims)
    status, _, made = await call(gateway, cuebot, PAUSE, who, {"job": {"id": id_}})
    assert (status, made) == ((200, True) if allowed else (403, False))


async def test_what_does_not_change_is_asked_once(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    layer = {"layer": {"id": LENAS}}
    await call(gateway, cuebot, "/job.LayerInterface/KillFrames", LENA, layer)
    await call(gateway, cuebot, "/job.LayerInterface/RetryFrames", LENA, layer)
    assert [path for path, _, _ in cuebot.seen] == ["/job.LayerInterface/RetryFrames"]


async def test_what_may_change_is_asked_each_time(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    who = signed("lena", role="grouped")
    for _ in range(2):
        assert (await call(gateway, cuebot, PAUSE, who, {"job": {"id": LENAS}}))[0] == 200
        assert [path for path, _, _ in cuebot.seen] == [GET_JOB, PAUSE]


async def test_a_name_is_judged_by_what_it_stands_for_now(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame by its names, of a job whose name another job has later."""
    retry = "/job.FrameInterface/Retry"
    body = {"frame": {"job": "lena-job", "layerName": "comp", "number": 1}}
    assert (await call(gateway, cuebot, retry, LENA, body))[0] == 200
    monkeypatch.setitem(JOBS, LENAS, ("lena-job", "bo", "demo"))
    assert (await call(gateway, cuebot, retry, LENA, body))[0] == 403


async def test_the_refusal_says_why(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    _, message, _ = await call(gateway, cuebot, KILL, LENA, {"job": {"id": BOS}})
    assert message == (
        "'lena' may not call /job.JobInterface/Kill: job has user 'bo'"
        " (access rule 'artists': only = 'user = $sub')"
    )
    _, message, _ = await call(
        gateway, cuebot, "/job.FrameInterface/Kill", LENA, {"frame": {"id": "7"}}
    )
    assert "send job, layerName, number instead of the id" in message


async def test_the_audit_log_says_what_it_was_about(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    settings = settings_for(
        cuebot.endpoint, audit_log=str(log), access=ACCESS, access_default="deny"
    )
    async with running_gateway(settings) as gateway:
        both = {"job": {"id": LENAS}, "onJob": {"id": LENAS}}
        for path, body in (
            (KILL, {"job": {"id": LENAS}}),
            (KILL, {"job": {"id": BOS}}),
            ("/job.JobInterface/CreateDependencyOnJob", both),
        ):
            await gateway.post(path, body, headers=LENA)
    about = {"job": "lena-job", "show": "demo", "user": "lena"}
    killed, denied, depends = outcomes(log)
    assert (killed["about"], "also_about" in killed) == (about, False)
    assert (denied["denied"], denied["status"], "about" in denied) == ("artists", 403, False)
    assert denied["request"]["job"]["id"] == BOS
    assert (depends["about"], depends["also_about"]) == (about, [about])
    assert Criteria(job="lena-job").fits(killed)


async def test_a_dry_run_of_a_read_calls_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.seen.clear()
    answer = await gateway.post(GET_JOB, {"id": BOS}, headers=LENA | {"X-Dry-Run": "1"})
    assert (answer.status_code, cuebot.seen) == (200, [])


@pytest.mark.parametrize(
    ("role", "path", "body", "problem"),
    [
        ("artist", f"{SUBSCRIPTIONS}Delete", {"subscription": {"id": BOS}}, "does not say what"),
        ("killer", KILL, {"job": {"id": BOS}}, "Kill: job does not fit (access rule"),
        ("costly", KILL, {"job": {"id": f"{ID}66"}}, "job: a row has"),
    ],
)
async def test_a_refusal_neither_misleads_nor_tells(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    path: str,
    body: object,
    problem: str,
) -> None:
    """Facts are named only to who may read them, and a name only where it helps."""
    monkeypatch.setitem(JOBS, f"{ID}66", ("q" * 500, "lena", "demo"))
    status, message, made = await call(gateway, cuebot, path, signed("lena", role=role), body)
    assert (status, made) == (403, False)
    assert problem in message


async def test_a_failed_look_up_says_that_nothing_was_changed(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    cuebot.fails(GET_JOB, grpc.StatusCode.INTERNAL, "boom")
    body = {"job": {"id": f"{ID}77"}}
    status, message, made = await call(gateway, cuebot, KILL, LENA, body)
    assert (status, made) == (500, False)
    assert message == f"{GET_JOB}, which tells whose it is, failed: boom; nothing was changed"


async def test_what_is_not_all_known_is_asked_again(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, body = f"{ID}88", {"job": {"id": f"{ID}88"}}
    monkeypatch.setitem(JOBS, other, ("a-job", "", "demo"))
    assert (await call(gateway, cuebot, KILL, LENA, body))[0] == 403
    monkeypatch.setitem(JOBS, other, ("a-job", "lena", "demo"))
    assert (await call(gateway, cuebot, KILL, LENA, body))[0] == 200


async def test_a_read_that_has_become_a_change_is_judged(gateway: Gateway) -> None:
    """While its body arrived, a reload has corrected a profile that called it a read."""
    live, context = gateway.app.parts.live, context_of(KILL)
    assert live.current is not None
    before = replace(live.current.routes[KILL], profile_read=True, subjects=())
    token = LENA["Authorization"].encode()
    context.caller = gateway.app.parts.authenticator.authenticate(token)
    called: list[str] = []

    async def call_cuebot(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        called.append(method.path)
        return answer("job.JobGetJobResponse", job=a_job(BOS))

    payload = message_class("job.JobKillRequest")(job={"id": BOS}).SerializeToString()
    with pytest.raises(GatewayError, match="job has user 'bo'"):
        await ObjectRights(live).around(context, call_cuebot)(before, payload)
    assert called == [GET_JOB]


@pytest.mark.parametrize(("id_", "status"), [(LENAS, 200), (BOS, 403), (NOBODYS, 404)])
async def test_a_dry_run_shows_the_decision(
    gateway: Gateway, cuebot: ScriptedCuebot, id_: str, status: int
) -> None:
    cuebot.seen.clear()
    body = {"job": {"id": id_}}
    answer = await gateway.post(KILL, body, headers=LENA | {"X-Dry-Run": "1"})
    assert answer.status_code == status
    assert KILL not in [path for path, _, _ in cuebot.seen]
    assert answer.headers["x-dry-run"] == "1"
