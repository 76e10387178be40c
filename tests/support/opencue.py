"""OpenCue's schema for tests, from the installed package's files."""

from functools import cache
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.rewrite import Body
from gateway.core.discovery.files import read_package
from gateway.core.schema.description import Schema, build_pool
from gateway.core.schema.method import Method
from gateway.features.names.aspect import RequestNames

NO_ID = "00000000-0000-0000-0000-000000000000"  # an id of nothing


@cache
def opencue() -> Schema:
    return read_package("opencue_proto")


def jobs(count: int) -> bytes:
    """An answer of GetJobs with so many jobs, of some 64 bytes each."""
    answer = message_class("job.JobGetJobsResponse")()
    for number in range(count):
        answer.jobs.jobs.add(id=f"{number:036}", name=f"demo-sh{number:04}-lena_comp")
    payload: bytes = answer.SerializeToString()
    return payload


def hosts(*names: str, **states: int) -> bytes:
    """An answer of GetHosts; hosts are UP, or in the given state."""
    answer = message_class("host.HostGetHostsResponse")()
    answer.hosts.SetInParent()
    for name in (*names, *states):
        answer.hosts.hosts.add(id=f"id of {name}", name=name, state=states.get(name, 0))
    payload: bytes = answer.SerializeToString()
    return payload


def with_ids(method: Method) -> dict[str, Any]:
    """A request that has an id for each single object that the method is about, and what else it
    needs.
    """
    value: dict[str, Any] = {}
    body = Body(value)
    for reference in RequestNames.of(method).references:
        if not (reference.listed or reference.is_text):
            body.put(reference.place, {"id": NO_ID}, reference.place)
    needed = method.steps.needed if method.steps else ()
    value |= {each.field: "x" if each.is_text else {} for each in needed}
    return value


@cache
def message_class(name: str) -> Any:
    pool, _ = build_pool(opencue().files)
    return GetMessageClass(pool.FindMessageTypeByName(name))
