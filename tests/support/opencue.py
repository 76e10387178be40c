"""OpenCue's schema for tests, from the installed package's files."""

from functools import cache
from typing import Any

import orjson
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.plan import plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import read_package
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema, build_pool
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile

NO_ID = "00000000-0000-0000-0000-000000000000"  # an id of nothing


@cache
def opencue() -> Schema:
    return read_package("opencue_proto")


@cache
def catalog() -> Catalog:
    """Of that schema, with the profile of OpenCue."""
    return build_catalog(opencue(), Selection(), load_profile("opencue"))


def planned(path: str, body: object) -> bytes:
    """What a method of that catalog is sent for JSON; what is no argument is refused."""
    method = catalog().routes[path]
    return plan(method, orjson.dumps(body), UnknownFieldPolicy.ARGUMENTS).payload


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


@cache
def message_class(name: str) -> Any:
    pool, _ = build_pool(opencue().files)
    return GetMessageClass(pool.FindMessageTypeByName(name))
