"""Bodies from query strings: what parameters stand for."""

import orjson
import pytest
from google.protobuf.descriptor import Descriptor

from gateway.core.calls.plan import plan
from gateway.core.calls.query import body_of, form_as_json
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.opencue import message_class

CATALOG = build_catalog(read_package(OPENCUE_PACKAGE), Selection(), load_profile("opencue"))
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
REQUEST: Descriptor = GET_JOBS.descriptor.input_type


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([], {}),
        ([("r.shows", "demo")], {"r": {"shows": ["demo"]}}),
        ([("r.shows", "a"), ("r.shows", "b")], {"r": {"shows": ["a", "b"]}}),
        ([("r.includeFinished", "true")], {"r": {"includeFinished": True}}),
        ([("r.regex", "^a{1,2}$")], {"r": {"regex": ["^a{1,2}$"]}}),
        ([("r.include_finished", "false")], {"r": {"include_finished": False}}),
        ([("r.show", "demo"), ("nobody", "1")], {"r": {"show": "demo"}, "nobody": "1"}),
        ([("r", "{}")], {"r": {}}),
        ([("r", '{"shows": ["a", {}]}')], {"r": {"shows": ["a", {}]}}),
        ([("x.y", "1"), ("x.y", "2"), ("x.z", "3")], {"x": {"y": ["1", "2"], "z": "3"}}),
    ],
)
def test_query_to_fields(parameters: list[tuple[str, str]], expected: dict[str, object]) -> None:
    """Dots lead down, repeated ones are lists, and unknown names stay for the reader to find."""
    assert orjson.loads(body_of(REQUEST, parameters)) == expected


def test_the_plan_is_that_of_the_body() -> None:
    body = body_of(REQUEST, [("r.shows", "demo"), ("r.includeFinished", "true")])
    expected = message_class("job.JobGetJobsRequest")(
        r={"shows": ["demo"], "include_finished": True}
    )
    assert (
        plan(GET_JOBS, body, UnknownFieldPolicy.EVERYTHING).payload == expected.SerializeToString()
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([("r", "x")], "by path, or send it as JSON; its fields are ids, jobs, "),
        ([("r", "x{")], "?r: is an object; name its fields by path, or send it as JSON; its f"),
        ([("r", "{x")], "?r: not valid JSON: "),
        ([("r", "{}"), ("r.users", "x")], "?r.users: r is given as a whole, too"),
        ([("r.users", "x"), ("r", "{}")], "?r: fields of it are given, too; send one or the other"),
        ([("r", "{}"), ("r", "{}")], "?r: it is there twice"),
        ([("r.users", "a,b-1,c")], "?r.users: it is a list; several values are several parameters"),
        ([("r.users", "a,b-1,c")], "parameters: r.users=a&r.users=b-1"),
        ([("r.includeFinished", "true"), ("r.includeFinished", "true")], "it is there twice"),
        ([("r.shows.x", "1")], "?r.shows.x: shows cannot be set in parts"),
        ([(".".join("a" * 40), "1")], "more than 32 parts"),
        ([("nobody", "1"), ("nobody.x", "2")], "nobody is given as a whole"),
        ([("a", "1")] * 1001, "more than 1000 parameters"),
    ],
)
def test_what_has_no_form(parameters: list[tuple[str, str]], words: str) -> None:
    """A 400 that names the parameter and says what to do."""
    with pytest.raises(GatewayError) as refused:
        body_of(REQUEST, parameters)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"r.shows=a&r.shows=b+c%26", {"r": {"shows": ["a", "b c&"]}}),
        (b"nobody=", {"nobody": ""}),
        *((content, None) for content in (b"", b'{"r": 1}', b"=x", b"-a=1", b"r", b"r <x>=1")),
    ],
)
def test_a_form_says_what_a_query_string_says(content: bytes, expected: object) -> None:
    body = form_as_json(GET_JOBS, content)
    assert expected == (None if body is None else orjson.loads(body))


@pytest.mark.parametrize("depth", [200, 900, 2000])
def test_json_in_a_form_has_the_bounds_of_a_body(depth: int) -> None:
    deep = b'{"r":' * depth + b"1" + b"}" * depth
    with pytest.raises(GatewayError) as refused:
        plan(GET_JOBS, form_as_json(GET_JOBS, b"r=" + deep) or b"", UnknownFieldPolicy.EVERYTHING)
    assert refused.value.code is Code.INVALID_ARGUMENT
    with pytest.raises(GatewayError, match="more than 100000 objects and lists"):
        form_as_json(GET_JOBS, b'r={"a":[' + b"[]," * 100_000 + b"1]}")


def test_an_object_that_got_a_text_is_shown_with_its_name() -> None:
    """In a form, which is no query string."""
    method = CATALOG.routes["/facility.AllocationInterface/SetTag"]
    with pytest.raises(GatewayError) as refused:
        form_as_json(method, b"allocation=local.n22&tag=x")
    assert refused.value.message.startswith(
        "allocation: is an object; name its fields by path: write allocation.name=local.n22, or"
    )


def test_an_empty_text_of_a_change_is_refused() -> None:
    with pytest.raises(GatewayError) as refused:
        form_as_json(CATALOG.routes["/job.JobInterface/Pause"], b"job=")
    assert refused.value.message == "job: it is empty; leave it out, or send JSON"
