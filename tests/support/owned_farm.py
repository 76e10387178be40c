"""A Cuebot that says whose its objects are: one of each type for each job, with the job's id."""

from collections.abc import Callable, Iterable
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.schema.method import Method
from tests.support.opencue import message_class
from tests.support.servers import Context, ScriptedCuebot

ID = "00000000-0000-0000-0000-0000000000"
LENAS, BOS, NOBODYS = f"{ID}01", f"{ID}02", f"{ID}09"
JOBS = {LENAS: ("lena-job", "lena", "demo"), BOS: ("bo-job", "bo", "other")}
"""By id: the name, user and show of a job. Shows, hosts and all else have the same ids."""
Answer = Callable[[Any], object]
"""From a request to what the answer's field has; None if there is no such object."""


def answer(name: str, **content: object) -> bytes:
    found: bytes = message_class(name)(**content).SerializeToString()
    return found


def a_job(id_: str) -> dict[str, str]:
    name, user, show = JOBS[id_]
    group = "fx" if id_ == LENAS else "comp"
    return {"id": id_, "name": name, "user": user, "show": show, "group": group}


def a_host(id_: str) -> dict[str, str]:
    user = JOBS[id_][1]
    return {"id": id_, "name": f"{user}-host", "alloc_name": f"{user}.general"}


def one(make: Callable[[str], Any], id_: str) -> object:
    return make(id_) if id_ in JOBS else None


def named(name: str, make: Callable[[str], Any]) -> object:
    return next((it for it in map(make, JOBS) if it["name"] == name), None)


def a_show(id_: str) -> dict[str, str]:
    return {"id": id_, "name": JOBS[id_][2]}


def a_facility(id_: str) -> dict[str, str]:
    return {"id": id_, "name": f"{JOBS[id_][1]}-facility"}


def an_owner(id_: str) -> dict[str, str]:
    return {"id": id_, "name": JOBS[id_][1], "show": JOBS[id_][2]}


def rows(*path: str, ids: Iterable[str], **content: str) -> object:
    """A list in a message: `path` are the names of fields within the answer's own field."""
    found: object = [{"id": id_, **content} for id_ in ids if id_ in JOBS]
    for name in reversed(path):
        found = {name: found}
    return found


ANSWERS: dict[str, Answer] = {
    "job.JobInterface/GetJob": lambda asked: one(a_job, asked.id),
    "job.JobInterface/FindJob": lambda asked: named(asked.name, a_job),
    "job.JobInterface/GetJobs": lambda asked: {
        "jobs": [a_job(id_) for id_, (name, *_) in JOBS.items() if name in asked.r.jobs]
    },
    "job.LayerInterface/GetLayer": lambda asked: one(
        lambda id_: {"id": id_, "parent_id": id_}, asked.id
    ),
    "job.FrameInterface/FindFrame": lambda asked: {"id": f"frame-of-{asked.job}"},
    "job.JobInterface/GetFrames": lambda asked: rows(
        "frames", ids={asked.job.id}.intersection(asked.req.ids)
    ),
    "job.JobInterface/GetComments": lambda asked: rows("comments", ids=[asked.job.id]),
    "host.ProcInterface/GetJob": lambda asked: one(a_job, asked.proc.id),
    "depend.DependInterface/GetDepend": lambda asked: one(
        lambda id_: {"id": id_, "depend_er_job": JOBS[id_][0], "depend_on_job": JOBS[id_][0]},
        asked.id,
    ),
    "show.ShowInterface/GetShows": lambda asked: {"shows": [a_show(id_) for id_ in JOBS]},
    "show.ShowInterface/FindShow": lambda asked: named(asked.name, a_show),
    "show.ShowInterface/GetGroups": lambda asked: rows("groups", ids=[asked.show.id], name="fx"),
    "show.ShowInterface/GetFilters": lambda asked: rows("filters", ids=[asked.show.id]),
    "show.ShowInterface/GetDepartments": lambda asked: rows("departments", ids=[asked.show.id]),
    "show.ShowInterface/GetServiceOverrides": lambda asked: rows(
        "service_overrides", ids=[asked.show.id]
    ),
    "subscription.SubscriptionInterface/Get": lambda asked: one(
        lambda id_: {"id": id_, "show_name": JOBS[id_][2]}, asked.id
    ),
    "host.OwnerInterface/GetOwner": lambda asked: one(an_owner, asked.name),
    "host.DeedInterface/GetOwner": lambda asked: one(an_owner, asked.deed.id),
    "host.HostInterface/GetHost": lambda asked: one(a_host, asked.id),
    "host.HostInterface/FindHost": lambda asked: named(asked.name, a_host),
    "host.HostInterface/GetComments": lambda asked: rows("comments", ids=[asked.host.id]),
    "host.HostInterface/GetRenderPartitions": lambda asked: {
        "render_partitions": [
            {"id": id_, "job": name} for id_, (name, *_) in JOBS.items() if id_ == asked.host.id
        ]
    },
    "facility.AllocationInterface/GetAll": lambda asked: {
        "allocations": [
            {"id": id_, "name": f"{user}.general", "facility": f"{user}-facility"}
            for id_, (_, user, _) in JOBS.items()
        ]
    },
    "facility.FacilityInterface/Get": lambda asked: named(asked.name, a_facility),
    "filter.MatcherInterface/GetParentFilter": lambda asked: one(
        lambda id_: {"id": id_}, asked.matcher.id
    ),
    "filter.FilterInterface/GetActions": lambda asked: rows("actions", ids=[asked.filter.id]),
    "department.DepartmentInterface/GetTasks": lambda asked: rows(
        "tasks", ids=[asked.department.id]
    ),
}


def script(cuebot: ScriptedCuebot, methods: Iterable[Method]) -> None:
    """Let it answer as ANSWERS say, in the first field of each answer."""
    for method in methods:
        make = ANSWERS.get(method.path[1:])
        if make is not None:
            cuebot.handlers[method.path] = handler(method.descriptor, make)


def handler(descriptor: MethodDescriptor, make: Answer) -> Any:
    async def answered(request: bytes, context: Context) -> bytes:
        asked = GetMessageClass(descriptor.input_type).FromString(request)
        content = make(asked)
        if content is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        field = descriptor.output_type.fields[0].name
        whole: bytes = GetMessageClass(descriptor.output_type)(
            **{field: content}
        ).SerializeToString()
        return whole

    return answered
