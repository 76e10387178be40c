"""Answers of OpenCue, and what views show of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pytest

from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, Step
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.render import compile_view
from gateway.features.views.view import View, make_view
from tests.support.opencue import message_class

PLAIN = build_catalog(read_package(OPENCUE_PACKAGE), Selection())
"""Without a profile."""
GET_JOBS = PLAIN.routes["/job.JobInterface/GetJobs"]
FIND_JOB = PLAIN.routes["/job.JobInterface/FindJob"]
GET_HOSTS = PLAIN.routes["/host.HostInterface/GetHosts"]
NOW = 1_700_000_000
LOOKS = 10
"""How many rows a step of these tests may look at: see `step_of`."""
Row = dict[str, Any]


def filled(name: str, /, **content: Any) -> bytes:
    """The bytes of a message."""
    payload: bytes = message_class(name)(**content).SerializeToString()
    return payload


def jobs(values: Iterable[Mapping[str, Any]]) -> bytes:
    return filled("job.JobGetJobsResponse", jobs={"jobs": values})


def hosts(values: Iterable[Mapping[str, Any]]) -> bytes:
    return filled("host.HostGetHostsResponse", hosts={"hosts": values})


def rows_in(pieces: Iterable[bytes]) -> list[Row]:
    """The rows of an answer's JSON, which are two levels down."""
    (inner,) = orjson.loads(b"".join(pieces)).values()
    (rows,) = inner.values()
    found: list[Row] = rows
    return found


def whole(payload: bytes, method: Method = GET_JOBS) -> list[Row]:
    """All rows, without a view."""
    return rows_in(method.encode(payload))


def view_of(method: Method = GET_JOBS, /, **asked: object) -> View:
    given = {f"_{name}": str(text) for name, text in asked.items()}
    return make_view(
        method.descriptor.output_type, given, units=AnswerViews.of(method).units, now=NOW
    )


def shown(
    payload: bytes, step: Step = STEP, method: Method = GET_JOBS, /, **asked: object
) -> Iterable[bytes]:
    """The pieces that this view shows."""
    return compile_view(view_of(method, **asked), method.encoders)(payload, step)


def seen(payload: bytes, method: Method = GET_JOBS, /, **asked: object) -> bytes:
    return b"".join(shown(payload, STEP, method, **asked))


def rows_seen(payload: bytes, method: Method = GET_JOBS, /, **asked: object) -> list[Row]:
    return rows_in(shown(payload, STEP, method, **asked))


def refusal(method: Method = GET_JOBS, /, **asked: object) -> str:
    """The message of the 400 for this view."""
    with pytest.raises(GatewayError) as refused:
        view_of(method, **asked)
    assert refused.value.code is Code.INVALID_ARGUMENT
    return refused.value.message
