"""Fields at the top of a request that belong further down."""

from typing import Any

import pytest

from gateway.core.errors import Code, GatewayError
from tests.support.needs import needs
from tests.support.opencue import planned

GET_JOBS, GET_FRAMES = "/job.JobInterface/GetJobs", "/job.JobInterface/GetFrames"
GET_HOSTS, KILL_FRAMES = "/host.HostInterface/GetHosts", "/job.JobInterface/KillFrames"
LAYER_FRAMES = "/job.LayerInterface/GetFrames"
ADD_COMMENT = "/job.JobInterface/AddComment"
JOB = {"job": {"id": "j"}}


def test_a_misspelled_criterion_is_told_first() -> None:
    with pytest.raises(GatewayError, match=r"unknown field `frmes`; did you mean"):
        planned(KILL_FRAMES, JOB | {"frmes": "1"})


@pytest.mark.parametrize(
    ("path", "body", "meant"),
    [
        (GET_JOBS, {"users": ["lena", "marco"]}, {"r": {"users": ["lena", "marco"]}}),
        (GET_JOBS, {"user": "lena", "r": {"shows": ["a"]}}, {"r": {"users": "lena", "shows": "a"}}),
        (GET_JOBS, {"include_finished": "true"}, {"r": {"includeFinished": True}}),
        (GET_JOBS, {"r.users": ["lena"]}, {"r": {"users": ["lena"]}}),
        (GET_FRAMES, JOB | {"state": "DEAD"}, JOB | {"req": {"states": {"frameStates": ["DEAD"]}}}),
        (GET_FRAMES, JOB | {"limit": 5}, JOB | {"req": {"limit": 5}}),
        (GET_FRAMES, {"job": {"id": "j"}, "layer": "comp"}, JOB | {"req": {"layers": ["comp"]}}),
        (GET_HOSTS, {"state": "DOWN"}, {"r": {"states": {"state": ["DOWN"]}}}),
        (KILL_FRAMES, JOB | {"req.frames": ["1-a"]}, JOB | {"req": {"frames": ["1-a"]}}),
        (
            *(KILL_FRAMES, JOB | {"req": {"limit": 2}, "req.states.frameStates": ["DEAD"]}),
            JOB | {"req": {"limit": 2, "states": ["DEAD"]}},
        ),
        (KILL_FRAMES, JOB | {"frame": "1-a"}, JOB | {"req": {"frames": ["1-a"]}}),
        (
            ADD_COMMENT,
            JOB | {"subject": "late", "message": "no plate"},
            JOB | {"newComment": {"subject": "late", "message": "no plate"}},
        ),
        (
            ADD_COMMENT,
            JOB | {"subject": "late", "newComment": {"message": "no plate"}},
            JOB | {"newComment": {"subject": "late", "message": "no plate"}},
        ),
        (KILL_FRAMES, {"name": "j", "req": {}}, {"job": {"name": "j"}, "req": {}}),
    ],
    ids=[
        "the name",
        "its singular, beside others",
        "a text of a query string",
        "a path",
        "the least deep one",
        "a number",
        "an object beside it",
        "one of several, less deep",
        "a change, by its path",
        "a change, by its path into an object",
        "a change",
        "within what callers write themselves",
        "beside the rest of that",
        "the name of the one object",
    ],
)
def test_a_field_is_put_where_it_belongs(path: str, body: Any, meant: Any) -> None:
    assert planned(path, body) == planned(path, meant)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (KILL_FRAMES, JOB | {"name": "1-a"}, "unknown field `name`; did you mean `job.name`?"),
        (KILL_FRAMES, JOB | {"reqs.frames": "1-a"}, "unknown field `reqs`"),
        (KILL_FRAMES, JOB | {"reason.x": "1"}, "reason: expected a string, got an object"),
        (GET_JOBS, {"user": "lena", "r": {"users": ["a"]}}, "r.users: also given as user; send "),
        (GET_JOBS, {"user": "lena", "colour": "red"}, "unknown field `colour`"),
        (GET_JOBS, {"user": "lena", "r": {"colour": "red"}}, "r: unknown field `colour`"),
        (
            LAYER_FRAMES,
            {"layer": {"id": "l"}, "s": {"layer": "a"}},
            "s: unknown field `layer`; did",
        ),
        pytest.param(
            *(GET_FRAMES, {"job": "demo", "name": "1-a"}, "unknown field `name`; did you mean"),
            marks=needs("names"),
        ),
        (GET_JOBS, {"user": {"name": "lena"}}, "r.users: expected a list, got an object"),
    ],
    ids=[
        "a name for what has an id",
        "a path that is none",
        "a path through a text",
        "it is there, too",
        "another one is unknown",
        "another one is unknown further down",
        "an unknown one further down is called like one at the top",
        "within a text",
        "another type",
    ],
)
def test_what_may_mean_something_else_is_refused(path: str, body: Any, message: str) -> None:
    with pytest.raises(GatewayError) as refused:
        planned(path, body)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert refused.value.message.startswith(message)
    assert "also unknown" not in refused.value.message


def test_a_misspelled_argument_of_a_change_is_told_the_nearest() -> None:
    with pytest.raises(GatewayError) as refused:
        planned(ADD_COMMENT, JOB | {"subjct": "late"})
    assert refused.value.message.startswith("unknown field `subjct`")
    assert refused.value.message.endswith("; did you mean `subject`?")
