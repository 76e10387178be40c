"""OpenCue's schema for tests, from the installed package's files."""

from functools import cache
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.discovery.package import read_package
from gateway.schema.description import Schema
from gateway.schema.pool import build_pool


@cache
def opencue() -> Schema:
    """The schema of the installed opencue-proto."""
    return read_package("opencue_proto")


def jobs(count: int) -> bytes:
    """An answer of GetJobs with so many jobs, of some 64 bytes each."""
    answer = message_class("job.JobGetJobsResponse")()
    for number in range(count):
        answer.jobs.jobs.add(id=f"{number:036}", name=f"demo-sh{number:04}-lena_comp")
    payload: bytes = answer.SerializeToString()
    return payload


@cache
def message_class(name: str) -> Any:
    """The class of an OpenCue message, by full name."""
    pool, _ = build_pool(opencue().files)
    return GetMessageClass(pool.FindMessageTypeByName(name))
