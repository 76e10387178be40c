"""A field of the rows that is taken for an argument."""

from typing import Any

import pytest

from gateway.core.errors import GatewayError
from tests.support.needs import needs
from tests.support.opencue import planned

GET_JOBS, GET_FRAMES = "/job.JobInterface/GetJobs", "/job.JobInterface/GetFrames"
KILL_FRAMES = "/job.JobInterface/KillFrames"
JOB = {"job": {"id": "j"}}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (GET_JOBS, {"priority": 100}, "; rows have it: add _where=priority=… to the query string"),
        (GET_JOBS, {"user": "lena", "priority": 1}, "; rows have it: add _where=priority=…"),
        pytest.param(
            *(GET_FRAMES, {"job": "demo", "name": "1-a"}, "; rows have it: add _where=name=…"),
            marks=needs("names"),
        ),
        (GET_JOBS, {"colour": "red"}, ""),
        (GET_JOBS, {"r": {"priority": 100}}, ""),
        (KILL_FRAMES, JOB | {"name": "1-a"}, ""),
    ],
    ids=["alone", "beside one that is known", "within a text", "no field", "within", "a change"],
)
def test_a_field_of_the_rows_is_a_condition(path: str, body: Any, told: str) -> None:
    with pytest.raises(GatewayError) as refused:
        planned(path, body)
    assert (told in refused.value.message) if told else ("_where" not in refused.value.message)
