"""Arguments in the words of people, and those that have to be there."""

from typing import Any

import orjson
import pytest
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.plan import plan, plan_message
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from tests.support.opencue import catalog, planned

JOBS, HOSTS = "/job.JobInterface", "/host.HostInterface"
KILL_FRAMES = "/job.JobInterface/KillFrames"
JOB = {"job": {"id": "j"}}


def test_what_is_ignored_is_no_field_by_its_path() -> None:
    """A change would be of more than was said."""
    method = catalog().routes[KILL_FRAMES]
    body = JOB | {"req.layers": ["comp"], "nonsense": 1}
    ignoring = plan(method, orjson.dumps(body), UnknownFieldPolicy.NOTHING)
    assert ignoring.payload == planned(KILL_FRAMES, JOB | {"req": {"layers": ["comp"]}})
    assert ignoring.ignored == ("nonsense",)
    nested = orjson.dumps(JOB | {"req": {"nonsense": 1}})
    with pytest.raises(GatewayError, match="which frames"):
        plan(method, nested, UnknownFieldPolicy.NOTHING)


@pytest.mark.parametrize(
    ("path", "body", "meant"),
    [
        (f"{JOBS}/SetPriority", JOB | {"priority": 7}, JOB | {"val": 7}),
        (f"{JOBS}/SetMaxCores", JOB | {"cores": 7}, JOB | {"val": 7}),
        (f"{JOBS}/SetMinCores", JOB | {"minCores": 7}, JOB | {"val": 7}),
        (f"{JOBS}/AddComment", JOB | {"comment": "x"}, JOB | {"newComment": {"message": "x"}}),
        (f"{JOBS}/AddComment", JOB | {"text": "x"}, JOB | {"newComment": {"message": "x"}}),
        (
            f"{JOBS}/EatFrames",
            JOB | {"state": ["DEAD"], "layer": "a", "range": "1-2"},
            JOB | {"req": {"states": {"frameStates": "DEAD"}, "layers": "a", "frameRange": "1-2"}},
        ),
        (
            f"{HOSTS}/SetAllocation",
            {"host": {"id": "h"}, "allocation": "a"},
            {"host": {"id": "h"}, "allocationId": "a"},
        ),
    ],
)
def test_changes_take_the_words_of_people(path: str, body: Any, meant: Any) -> None:
    """Those of the profile: nothing is guessed."""
    assert planned(path, body) == planned(path, meant)


NO_CRITERIA: list[dict[str, Any]] = [
    {},
    {"req": None},
    {"range": ""},
    {"req": {}, "range": ""},
    {"req": {"frameRange": ""}},
    {"req": {"frame_range": ""}},
    {"req": {"frameRange": None}},
    {"req": {"layers": []}},
    {"req": {"page": 0}},
    {"req": {"states": {}}},
    {"req": {"states": {"frameStates": []}}},
    {"req.layers": []},
    {"req.states": []},
    {"req.frameRange": ""},
    {"req": {}, "req.layers": []},
]
"""Of a script whose variables are empty."""


@pytest.mark.parametrize("name", ["EatFrames", "KillFrames", "MarkDoneFrames", "RetryFrames"])
def test_a_change_of_all_frames_says_so(name: str) -> None:
    path = f"{JOBS}/{name}"
    for some in NO_CRITERIA:
        with pytest.raises(GatewayError) as refused:
            planned(path, JOB | some)
        assert refused.value.code is Code.INVALID_ARGUMENT
        assert refused.value.message.startswith("which frames? Send ")
    assert planned(path, JOB | {"req": {}}) != b""
    assert planned(path, JOB | {"range": "1-3"}) == planned(path, JOB | {"req.frameRange": "1-3"})


@pytest.mark.parametrize("tag", [{}, {"tag": ""}, {"tag": " "}, {"tag": None}])
def test_a_pool_needs_the_tag_of_its_hosts(tag: Any) -> None:
    path = "/facility.AllocationInterface/Create"
    with pytest.raises(GatewayError, match=r"^which tag do its hosts get\? .* Send tag=NAME$"):
        planned(path, {"name": "night"} | tag)
    assert planned(path, {"name": "night", "tag": "night"}) != b""


def test_all_frames_are_meant_in_protobuf_as_well() -> None:
    method = catalog().routes[KILL_FRAMES]
    kind: Any = GetMessageClass(method.descriptor.input_type)
    everything = kind(job={"id": "j"}, req={}).SerializeToString()
    assert plan_message(method, everything, UnknownFieldPolicy.ARGUMENTS).payload == everything
    for nothing in (kind(job={"id": "j"}), kind(job={"id": "j"}, req={"states": {}})):
        with pytest.raises(GatewayError, match="which frames"):
            plan_message(method, nothing.SerializeToString(), UnknownFieldPolicy.NOTHING)
