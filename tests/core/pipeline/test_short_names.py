"""Fields at the top of a request that belong further down."""

from typing import Any

import orjson
import pytest
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.plan import plan, plan_message
from gateway.core.calls.query import form_as_json
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile

CATALOG = build_catalog(read_package(OPENCUE_PACKAGE), Selection(), load_profile("opencue"))
GET_JOBS, GET_FRAMES = "/job.JobInterface/GetJobs", "/job.JobInterface/GetFrames"
GET_HOSTS, KILL_FRAMES = "/host.HostInterface/GetHosts", "/job.JobInterface/KillFrames"
JOBS, HOSTS = "/job.JobInterface", "/host.HostInterface"
LAYER_FRAMES = "/job.LayerInterface/GetFrames"
ADD_COMMENT = "/job.JobInterface/AddComment"
SET_MIN_MEMORY = "/job.LayerInterface/SetMinMemory"
JOB = {"job": {"id": "j"}}


def planned(path: str, body: Any) -> bytes:
    method = CATALOG.routes[path]
    return plan(method, orjson.dumps(body), UnknownFieldPolicy.ARGUMENTS).payload


def test_what_is_ignored_is_no_field_by_its_path() -> None:
    """A change would be of more than was said."""
    method = CATALOG.routes[KILL_FRAMES]
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


def test_a_misspelled_criterion_is_told_first() -> None:
    with pytest.raises(GatewayError, match=r"unknown field `frmes`; did you mean"):
        planned(KILL_FRAMES, JOB | {"frmes": "1"})


def test_all_frames_are_meant_in_protobuf_as_well() -> None:
    method = CATALOG.routes[KILL_FRAMES]
    kind: Any = GetMessageClass(method.descriptor.input_type)
    everything = kind(job={"id": "j"}, req={}).SerializeToString()
    assert plan_message(method, everything, UnknownFieldPolicy.ARGUMENTS).payload == everything
    for nothing in (kind(job={"id": "j"}), kind(job={"id": "j"}, req={"states": {}})):
        with pytest.raises(GatewayError, match="which frames"):
            plan_message(method, nothing.SerializeToString(), UnknownFieldPolicy.NOTHING)


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
            JOB | {"subject": "late", "text": "no plate"},
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
        (GET_FRAMES, {"job": "demo", "name": "1-a"}, "unknown field `name`; did you mean"),
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


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (GET_JOBS, {"priority": 100}, "; rows have it: add _where=priority=… to the query string"),
        (GET_JOBS, {"user": "lena", "priority": 1}, "; rows have it: add _where=priority=…"),
        (GET_FRAMES, {"job": "demo", "name": "1-a"}, "; rows have it: add _where=name=…"),
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


@pytest.mark.parametrize(
    ("memory", "sent"),
    [("8GB", 8 * 2**20), ("1.5g", 3 * 2**19), ("512MB", 2**19), ("4096", 4096), (4096, 4096)],
)
def test_a_size_has_a_unit(memory: str | int, sent: int) -> None:
    meant = {"layer": {"id": "a"}, "memory": sent}
    assert planned(SET_MIN_MEMORY, meant | {"memory": memory}) == planned(SET_MIN_MEMORY, meant)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("8", "memory: 8 alone is no size; write 8GB, 8MB, 8kB"),
        ("8388608", "memory: 8388608 alone is no size; write 8388608GB, 8388608MB, 8388608kB"),
    ],
)
def test_a_size_in_a_form_has_a_unit(text: str, told: str) -> None:
    """In JSON, a number is Cuebot's own."""
    method = CATALOG.routes[SET_MIN_MEMORY]
    with pytest.raises(GatewayError) as refused:
        form_as_json(method, f"layer=a&memory={text}".encode())
    assert refused.value.message == told
    assert form_as_json(method, b"layer=a&memory=8GB") == b'{"layer":"a","memory":"8GB"}'


def test_a_misspelled_argument_of_a_change_is_told_the_nearest() -> None:
    with pytest.raises(GatewayError) as refused:
        planned(ADD_COMMENT, JOB | {"subjct": "late"})
    assert refused.value.message.startswith("unknown field `subjct`")
    assert refused.value.message.endswith("; did you mean `subject`?")


@pytest.mark.parametrize("memory", ["much", "1B", "8Gx", ""])
def test_what_is_no_size_is_refused(memory: str) -> None:
    with pytest.raises(GatewayError, match="memory: expected a 64-bit integer, got the string"):
        planned(SET_MIN_MEMORY, {"layer": {"id": "a"}, "memory": memory})


@pytest.mark.parametrize("memory", ["99999999999999GB", "9" * 40])
def test_a_size_of_no_computer_is_refused(memory: str) -> None:
    with pytest.raises(GatewayError, match=r"memory: .*64-bit"):
        planned(SET_MIN_MEMORY, {"layer": {"id": "a"}, "memory": memory})


def test_a_size_beside_what_is_nested_deep() -> None:
    """It is read no less than without the unit."""
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    body = b'{"layer":{"id":"a"},"memory":"8GB","x":' + deep + b"}"
    ignoring = plan(CATALOG.routes[SET_MIN_MEMORY], body, UnknownFieldPolicy.NOTHING)
    meant = {"layer": {"id": "a"}, "memory": 8 * 2**20}
    assert ignoring.payload == planned(SET_MIN_MEMORY, meant)


def test_a_size_beside_a_misspelled_field() -> None:
    with pytest.raises(GatewayError, match="unknown field `layr`"):
        planned(SET_MIN_MEMORY, {"layr": {"id": "a"}, "memory": "8GB"})
