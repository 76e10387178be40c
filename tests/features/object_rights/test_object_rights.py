"""Rights by what a change is about (`only`), over all changes of OpenCue's published schema."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.plan import Found
from gateway.core.calls.steps import Steps
from gateway.core.codec.fields import message_of
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.names.aspect import RequestNames
from gateway.features.object_rights.aspect import Objects, Subject
from gateway.features.object_rights.interceptor import ObjectControl
from gateway.features.tokens import Tokens
from tests.support.audit import outcomes
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import message_class, opencue
from tests.support.owned_farm import BOS, ID, JOBS, LENAS, NOBODYS, a_job, answer, script
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

ONLY_OWN = "user = $sub"
COSTLY = " or ".join(f"job ~ '{each}[a-y]{{1,900}}z'" for each in "abcdefgh")
ACCESS = [
    rule("artists", {"role": "artist"}, "all", only=ONLY_OWN),
    rule("grouped", {"role": "grouped"}, "all", only="group = fx"),
    rule("killers", {"role": "killer"}, "job.*/Kill", only=ONLY_OWN),
    rule(
        "owners",
        {"role": "owner"},
        "all",
        only="user = $sub or show = demo or host = lena-host or allocation = lena.general"
        " or facility = lena-facility",
    ),
    rule("costly", {"role": "costly"}, "all", only=COSTLY),
    {
        "name": "submitters",
        "who": {"role": "submitter"},
        "may": ["all"],
        "only": ONLY_OWN,
        "always": ["job.JobInterface/LaunchSpec*"],
    },
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(access=ACCESS, access_default="deny"),
    needs("audit", "tokens"),
]

LENA = signed("lena", role="artist")
OWNER = signed("lena", role="owner")
DELETE = "/subscription.SubscriptionInterface/Delete"
PAUSE, KILL = "/job.JobInterface/Pause", "/job.JobInterface/Kill"
KILL_FRAME = "/job.FrameInterface/Kill"
GET_JOB = "/job.JobInterface/GetJob"
METHODS = build_catalog(opencue(), Selection(), load_profile("opencue")).methods
CHANGES = [method for method in METHODS if not method.reads_only]
JUDGED = [method for method in CHANGES if Objects.of(method).subjects]
WITH_USER = {
    "comment",
    "depend",
    "frame",
    "job",
    "layer",
    "proc",
    "proc search criteria",
    "render partition",
    "spec",
}
"""What has a user. Everything else has a show, a host, an allocation or a facility."""
NAMES = {
    "job": lambda id_: JOBS[id_][0],
    "show": lambda id_: JOBS[id_][2],
    "host": lambda id_: f"{JOBS[id_][1]}-host",
    "facility": lambda id_: f"{JOBS[id_][1]}-facility",
}


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    script(cuebot, METHODS)
    return cuebot


def who_may(method: Method) -> dict[str, str]:
    """Whoever may do this to objects of lena's: by the user, if they have one."""
    return LENA if {each.about.kind for each in Objects.of(method).subjects} <= WITH_USER else OWNER


def body_for(
    method: Method, id_: str, *, lie: bool = False, within: str | None = None
) -> dict[str, Any]:
    """A request of a change about these objects, which are said to lie in those with the id
    `within`: by default in their own. With `lie`, they say that they are lena's. What is merely
    named is another's."""
    subjects = {each.name for each in Objects.of(method).subjects}
    body: dict[str, Any] = {
        str(each.place): {"id": BOS}
        for each in RequestNames.of(method).references
        if str(each.place) not in subjects and not (each.is_text or each.listed)
    }
    for subject in Objects.of(method).subjects:
        set_in(body, *place_and_content(subject, method, id_, lie=lie))
        for argument in arguments_of(subject, method):
            set_in(body, argument, within or id_)
    return body | {each.field: "x" if each.is_text else {} for each in Steps.of(method).needed}


def thing_for(subject: Subject, id_: str, lies_in: Method | None = None) -> object:
    kind = subject.about.kind
    job, user, show = JOBS.get(id_, ("no-job", "nobody", "no-show"))
    if subject.spec is not None:
        return f"<spec><show>{show}</show><user>{user}</user><job name='x'/></spec>"
    if kind == "proc search criteria":
        return {"jobs": [job]}
    if subject.by_name or kind == "facility":
        name = NAMES[kind](id_) if id_ in JOBS else "none"
        return name if subject.by_name else {"name": name}
    if subject.is_text:
        return id_
    return {"id": id_} | (lies_of(lies_in, subject) if lies_in is not None else {})


def arguments_of(subject: Subject, method: Method) -> list[str]:
    """Where the request says what an object lies in: beside it, if the method takes that there.

    Of several lists, the first one has it.
    """
    first = next(iter(subject.about.lies_in), None)
    return [
        str(places[-1].path)
        for name, places in subject.arguments.items()
        if places and (first is None or subject.about.kind != "comment" or name == first.argument)
    ]


def place_and_content(
    subject: Subject, method: Method, id_: str, *, lie: bool = False
) -> tuple[str, object]:
    """Where a request has an object or a list with it, and that."""
    thing = thing_for(subject, id_, method if lie else None)
    message = method.descriptor.input_type
    for number, name in enumerate(subject.place):
        field = message.fields_by_name[name]
        if field.is_repeated:
            inside = subject.place[number]
            return f"{subject.name}.{inside}" if number else subject.name, [thing]
        if number + 1 < len(subject.place):
            message = message_of(field)
    return subject.name, thing


def set_in(body: dict[str, Any], path: str, content: object) -> None:
    *names, last = path.split(".")
    for name in names:
        body = body.setdefault(name, {})
    body[last] = content | body.get(last, {}) if isinstance(content, dict) else content


def lies_of(method: Method, subject: Subject) -> dict[str, str]:
    at: Descriptor = method.descriptor.input_type
    for name in subject.place:
        at = message_of(at.fields_by_name[name])
    said = {
        "user": "lena",
        "show": "demo",
        "name": "lena-job",
        "parentId": LENAS,
        "jobName": "lena-job",
        "dependErJob": "lena-job",
        "dependOnJob": "lena-job",
        "job": "lena-job",
        "host": "lena-host",
        "allocName": "lena.general",
        "groupValue": LENAS,
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
    who = who_may(method)
    assert await call(gateway, cuebot, method.path, who, body_for(method, LENAS)) == (200, "", True)
    for body in (body_for(method, BOS), body_for(method, BOS, lie=True)):
        status, message, made = await call(gateway, cuebot, method.path, who, body)
        assert (status, made) == (403, False)
        assert f"access rule '{'artists' if who is LENA else 'owners'}'" in message
    status, _, made = await call(gateway, cuebot, method.path, who, body_for(method, NOBODYS))
    assert (status in (403, 404), made) == (True, False)
    status, _, made = await call(gateway, cuebot, method.path, who, {})
    assert (status in (400, 403), made) == (True, False)


LYING = [each for each in JUDGED if any(subject.arguments for subject in Objects.of(each).subjects)]


@pytest.mark.parametrize("method", LYING, ids=ids(LYING))
async def test_what_an_object_lies_in_is_verified(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method
) -> None:
    """It is named in the object or beside it, and Cuebot does not get it."""
    who = who_may(method)
    body = body_for(method, BOS, within=LENAS)
    status, _, made = await call(gateway, cuebot, method.path, who, body)
    assert (status, made) == (403, False)
    own: dict[str, Any] = {}
    for subject in Objects.of(method).subjects:
        if not subject.optional:
            set_in(own, *place_and_content(subject, method, LENAS))
    status, message, made = await call(gateway, cuebot, method.path, who, own)
    assert (status, made) == (403, False)
    assert ': Cuebot does not say whose it is by its id alone; send "' in message
    answer = await gateway.post(method.path, body_for(method, LENAS), headers=who)
    assert (answer.status_code, "x-ignored-fields" in answer.headers) == (200, False)


MANY = [each for each in JUDGED if len(Objects.of(each).subjects) > 1]


@pytest.mark.parametrize("method", MANY, ids=ids(MANY))
async def test_all_objects_have_to_fit(
    gateway: Gateway, cuebot: ScriptedCuebot, method: Method
) -> None:
    own, others = body_for(method, LENAS), body_for(method, BOS)
    for subject in Objects.of(method).subjects:
        body = deepcopy(own)
        place = subject.name.split(".")
        (theirs, last), mine = (others, place[-1]), body
        for name in place[:-1]:
            theirs, mine = theirs[name], mine[name]
        mine[last] = theirs[last]
        status, message, made = await call(gateway, cuebot, method.path, who_may(method), body)
        assert (status, made) == (403, False)
        assert subject.name in message


RETRY, SATISFY = "/job.FrameInterface/Retry", "/depend.DependInterface/Satisfy"
UNBOOK, LAUNCH = "/host.ProcInterface/UnbookProcs", "/job.JobInterface/LaunchSpec"
DELETE_COMMENT, SET_GROUP = "/comment.CommentInterface/Delete", "/job.GroupInterface/SetName"
COMMENT = {"comment": {"id": LENAS}}
CLEAR_TASK = "/task.TaskInterface/ClearAdjustments"
TASK = {"department": {"id": LENAS}, "show": "demo"}
CREATE_ACTION = "/filter.FilterInterface/CreateAction"
MOVE = {"filter": {"id": LENAS}, "show": "demo"}
GET_GROUPS = "/show.ShowInterface/GetGroups"
LONG = {"reason": "x" * 300_000}


@pytest.mark.parametrize(
    ("who", "path", "body", "allowed"),
    [
        # Where an object lies, by id or name, in it or beside it.
        (LENA, RETRY, {"frame": {"id": LENAS, "job": "lena-job"}}, True),
        (LENA, RETRY, {"frame": {"id": LENAS, "job": {"id": LENAS}}}, True),
        (LENA, RETRY, {"frame": {"id": LENAS}, "job": {"name": "lena-job"}}, True),
        (LENA, RETRY, {"frame": {"id": LENAS, "job": "bo-job"}, "job": "lena-job"}, False),
        (LENA, RETRY, {"frame": {"id": BOS}, "job": {"id": LENAS, "name": "bo-job"}}, False),
        (LENA, RETRY, {"frame": {"id": LENAS}, "job": 5}, False),
        (OWNER, DELETE_COMMENT, COMMENT | {"host": "lena-host"}, True),
        (OWNER, DELETE_COMMENT, COMMENT | {"host": "bo-host"}, False),
        (LENA, DELETE_COMMENT, COMMENT | {"host": "lena-host"}, False),
        (OWNER, SET_GROUP, {"group": {"id": LENAS, "show": "demo"}, "name": "x"}, True),
        (OWNER, SET_GROUP, {"group": {"id": BOS, "show": "demo"}, "name": "x"}, False),
        # Planned in another process.
        (LENA, KILL_FRAME, {"frame": {"id": LENAS}, "job": LENAS, **LONG}, True),
        (LENA, KILL_FRAME, {"frame": {"id": BOS}, "job": LENAS, **LONG}, False),
        # Cuebot looks for the task whose id is the name.
        (OWNER, CLEAR_TASK, TASK | {"task": {"id": LENAS, "name": LENAS}}, True),
        (OWNER, CLEAR_TASK, TASK | {"task": {"id": LENAS, "name": BOS}}, False),
        (OWNER, CLEAR_TASK, TASK | {"task": {"id": LENAS, "name": "a task"}}, False),
        (OWNER, CLEAR_TASK, TASK | {"task": {"id": LENAS}, "department": "a name"}, False),
        # An action may move jobs to a group.
        (OWNER, CREATE_ACTION, MOVE | {"data": {"type": "PAUSE_JOB"}}, True),
        (OWNER, CREATE_ACTION, MOVE | {"data": {"groupValue": LENAS}}, True),
        (OWNER, CREATE_ACTION, MOVE | {"data": {"groupValue": BOS}}, False),
        (OWNER, CREATE_ACTION, MOVE | {"data": {"groupValue": "fx"}}, False),
        # Criteria are judged by all that they list.
        (LENA, UNBOOK, {"r": {}}, False),
        (LENA, UNBOOK, {"r": {"hosts": ["lena-host"]}}, False),
        (LENA, UNBOOK, {"r": {"jobs": ["lena-job"], "shows": ["other"]}}, True),
        (LENA, UNBOOK, {"r": {"jobs": ["lena-job", "bo-job"]}}, False),
        (LENA, UNBOOK, {"r": {"jobs": ["bo-job", "lena-job"]}}, False),
        (LENA, UNBOOK, {"r": {"jobs": ["lena-job", ""]}}, False),
        (LENA, UNBOOK, {"r": {"shows": ["demo"]}}, False),
        (OWNER, UNBOOK, {"r": {"shows": ["demo"]}}, True),
        (OWNER, UNBOOK, {"r": {"shows": ["demo", "other"]}}, False),
        # A spec has one show and one user.
        (LENA, LAUNCH, {"spec": "<spec><user>lena</user><show> demo\n</show></spec>"}, True),
        (LENA, LAUNCH, {"spec": "<spec><user>lena</user></spec>"}, False),
        (LENA, LAUNCH, {"spec": "<spec><user>lena</user><show>none</show></spec>"}, False),
        (LENA, LAUNCH, {"spec": "<spec><show>demo</show></spec>"}, False),
        (
            LENA,
            LAUNCH,
            {"spec": "<spec><user>lena</user><user>bo</user><show>demo</show></spec>"},
            False,
        ),
        (LENA, LAUNCH, {"spec": "<spec><user>lena<x/></user><show>demo</show></spec>"}, False),
        (LENA, LAUNCH, {"spec": "lena"}, False),
    ],
)
async def test_what_requests_say(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    who: dict[str, str],
    path: str,
    body: object,
    allowed: bool,
) -> None:
    status, _, made = await call(gateway, cuebot, path, who, body)
    assert (status == 200, made) == (allowed, allowed)
    assert status in (200, 400, 403, 404)


async def test_all_jobs_of_a_name_have_to_fit(
    gateway: Gateway, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both jobs of a depend, of criteria, and of a render partition."""
    partition = "/renderPartition.RenderPartitionInterface/Delete"
    requests = (
        (SATISFY, {"depend": {"id": LENAS}}),
        (UNBOOK, {"r": {"jobs": ["lena-job"]}}),
        (partition, {"renderPartition": {"id": LENAS, "host": "lena-host"}}),
    )
    for path, body in requests:
        assert (await call(gateway, cuebot, path, LENA, body))[0] == 200
    monkeypatch.setitem(JOBS, f"{ID}03", ("lena-job", "bo", "demo"))
    for path, body in requests:
        assert (await call(gateway, cuebot, path, LENA, body))[::2] == (403, False)


@pytest.mark.parametrize(
    ("id_", "er", "on"),
    [(f"{ID}31", LENAS, BOS), (f"{ID}32", BOS, LENAS), (f"{ID}33", LENAS, NOBODYS)],
)
async def test_both_jobs_of_a_depend_have_to_fit(
    gateway: Gateway, cuebot: ScriptedCuebot, id_: str, er: str, on: str
) -> None:
    er_name, on_name = (JOBS.get(each, ("gone",))[0] for each in (er, on))
    depend = {"id": id_, "depend_er_job": er_name, "depend_on_job": on_name}
    cuebot.answers(
        "/depend.DependInterface/GetDepend", answer("depend.DependGetDependResponse", depend=depend)
    )
    body = {"depend": {"id": id_}}
    assert (await call(gateway, cuebot, SATISFY, LENA, body))[::2] == (403, False)


async def test_an_alias_of_a_show_is_no_name(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    show = {"id": LENAS, "name": "demo"}
    cuebot.answers("/show.ShowInterface/FindShow", answer("show.ShowFindShowResponse", show=show))
    owner = {"owner": {"id": LENAS}}
    set_show = "/host.OwnerInterface/SetShow"
    assert (await call(gateway, cuebot, set_show, OWNER, owner | {"show": "demo"}))[0] == 200
    assert (await call(gateway, cuebot, set_show, OWNER, owner | {"show": "alias"}))[0] == 403


@pytest.mark.parametrize(
    ("who", "path", "body", "again"),
    [
        (LENA, RETRY, {"frame": {"id": LENAS}, "job": LENAS}, []),
        (OWNER, SET_GROUP, {"group": {"id": LENAS}, "show": LENAS, "name": "x"}, [GET_GROUPS]),
        (LENA, "/job.LayerInterface/KillFrames", {"layer": {"id": LENAS}}, []),
        (signed("lena", role="grouped"), PAUSE, {"job": {"id": LENAS}}, [GET_JOB]),
    ],
)
async def test_what_is_asked_again(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    who: dict[str, str],
    path: str,
    body: object,
    again: list[str],
) -> None:
    """What does not change is asked for once: a frame's job, a show's name. A job's group and a
    group's show are asked for each time.
    """
    for _ in range(2):
        assert (await call(gateway, cuebot, path, who, body))[0] == 200
    assert [path for path, _, _ in cuebot.seen] == [*again, path]


async def test_a_frame_is_looked_for_alone(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    another = f"{ID}41"
    body = {"frame": {"id": another}, "job": LENAS}
    await call(gateway, cuebot, RETRY, LENA, body)
    asked = [request for path, request, _ in cuebot.seen if path.endswith("/GetFrames")]
    sent = message_class("job.JobGetFramesRequest").FromString(asked[0])
    assert (list(sent.req.ids), sent.req.limit, sent.job.id) == ([another], 1, LENAS)


async def test_objects_are_bounded(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    body = {"r": {"jobs": ["lena-job"] * 200}}
    status, message, made = await call(gateway, cuebot, UNBOOK, LENA, body)
    assert (status, made) == (400, False)
    assert "more than 100 objects" in message


NOT_JUDGED = [method for method in CHANGES if not Objects.of(method).subjects]
NOBODYS_METHODS = {
    "department.DepartmentInterface": {"AddDepartmentName", "RemoveDepartmentName"},
    "facility.AllocationInterface": {"Delete", "SetBillable", "SetDefault", "SetName", "SetTag"},
    "facility.FacilityInterface": {"Create"},
    "limit.LimitInterface": {
        "ClearBindings",
        "Create",
        "Delete",
        "Rename",
        "ReportUsage",
        "SetEnforcement",
        "SetFailureRule",
        "SetMaxValue",
        "SetReportTtl",
        "SetSoftValue",
        "SetType",
    },
    "service.ServiceInterface": {"CreateService", "Delete", "Update"},
    "show.ShowInterface": {"CreateShow"},
}
"""What belongs to nobody, is not there yet, or is found by what may be that of another."""


def test_all_other_changes_are_judged() -> None:
    assert {each.path[1:] for each in NOT_JUDGED} == {
        f"{service}/{name}" for service, names in NOBODYS_METHODS.items() for name in names
    }


async def test_what_cannot_be_judged_is_refused(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """All the other changes, before anything is asked of Cuebot."""
    for method in NOT_JUDGED:
        status, message, made = await call(gateway, cuebot, method.path, LENA, {})
        assert (status, made, cuebot.seen) == (403, False, []), method.path
        assert message.endswith("(access rule 'artists')")


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        ("<a>" * 101, "elements nested more than 100 levels deep"),
        (f"<a>{'<b/>' * 100_000}", "more than 100000 elements"),
    ],
)
async def test_a_spec_beyond_the_bounds_is_not_judged(
    gateway: Gateway, cuebot: ScriptedCuebot, xml: str, problem: str
) -> None:
    launch, body = "/job.JobInterface/LaunchSpec", {"spec": xml}
    assert await call(gateway, cuebot, launch, LENA, body) == (
        400,
        f"spec: line 1 has {problem}",
        False,
    )
    assert not cuebot.seen


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
        "'lena' may not call /job.JobInterface/Kill: job has user 'bo' (access rule 'artists')"
    )
    _, message, _ = await call(
        gateway, cuebot, "/job.FrameInterface/Kill", LENA, {"frame": {"id": "7"}}
    )
    assert message.startswith(
        "'lena' may not call /job.FrameInterface/Kill: frame: Cuebot does not say whose it is"
        ' by its id alone; send "job" beside "frame", or job, layerName, number instead of the id ('
    )


@needs("audit")
async def test_the_audit_log_says_what_it_was_about(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    from gateway.features.audit.commands import Criteria

    log = tmp_path / "audit.jsonl"
    rights: dict[str, Any] = {"access": ACCESS, "access_default": "deny"}
    async with gateway_for(cuebot.endpoint, audit_log=str(log), **rights) as gateway:
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
    assert (denied["denied"], denied["status"]) == ("artists", 403)
    assert denied["about"] == {"job": "bo-job", "show": "other", "user": "bo"}
    assert denied["request"]["job"]["id"] == BOS
    assert (depends["about"], depends["also_about"]) == (about, [about])
    assert Criteria(job="lena-job").fits(killed)


@pytest.mark.parametrize(
    ("role", "path", "body", "problem"),
    [
        ("artist", DELETE, {"subscription": {"id": BOS}}, "does not say what"),
        ("killer", KILL, {"job": {"id": BOS}}, "Kill: job does not fit (access rule"),
        ("killer", KILL_FRAME, {"frame": {"id": BOS}, "job": BOS}, "Kill: frame does not fit ("),
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
    assert message == "whose it is could not be asked: boom; nothing was changed"


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
    before = replace(live.current.routes[KILL], reads_only=True).with_aspect(Objects())
    token = LENA["Authorization"].encode()
    context.caller = gateway.app.feature(Tokens).authenticator.authenticate(token)
    called: list[str] = []

    async def call_cuebot(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        called.append(method.path)
        return answer("job.JobGetJobResponse", job=a_job(BOS))

    payload = message_class("job.JobKillRequest")(job={"id": BOS}).SerializeToString()
    with pytest.raises(GatewayError, match="job has user 'bo'"):
        await ObjectControl(live).around(context, call_cuebot)(before, payload)
    assert called == [GET_JOB]


@pytest.mark.parametrize(("id_", "status"), [(LENAS, 200), (BOS, 403), (NOBODYS, 404)])
@needs("dry_run")
async def test_a_dry_run_shows_the_decision(
    gateway: Gateway, cuebot: ScriptedCuebot, id_: str, status: int
) -> None:
    cuebot.seen.clear()
    body = {"job": {"id": id_}}
    answer = await gateway.post(KILL, body, headers=LENA | {"X-Dry-Run": "1"})
    assert answer.status_code == status
    assert KILL not in [path for path, _, _ in cuebot.seen]
    assert answer.headers["x-dry-run"] == "1"
