"""Fields of requests that the schema does not have: ignored and named, or refused."""

import json
from typing import Any

import pytest

from gateway.core.calls.plan import plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy as Policy
from gateway.core.codec.unknown_fields import path_ending_in
from gateway.core.errors import GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.decoding import decoded, decoder, refusal
from tests.support.opencue import opencue as published
from tests.support.protos import TestSchema, opencue, trial

TRIAL = trial()


def ignored(name: str, body: Any, policy: Policy, schema: TestSchema = TRIAL) -> list[str]:
    decode = decoder(schema.decoders, schema.message_type(name))
    return list(decode(json.dumps(body).encode(), policy).ignored)


CHILD = {"bar": None, "children": [{}, {}, {}, {"baz": {"deep": 1}}]}
STRANGERS = {"name": "x", "foo": 1, "child": CHILD, "named": {"k": {"qux": []}}}


def test_with_nothing_every_unknown_field_is_ignored_and_named_with_its_path() -> None:
    found = sorted(ignored("trial.Tree", STRANGERS, Policy.NOTHING))
    assert found == ["child.bar", "child.children[3].baz", "foo", "named.k.qux"]
    assert decoded(trial(), "trial.Tree", STRANGERS, Policy.NOTHING).name == "x"


def test_with_arguments_an_unknown_field_of_the_body_itself_is_refused() -> None:
    message = refusal("trial.Tree", STRANGERS, Policy.ARGUMENTS)
    assert "unknown field `foo`" in message
    inside = {key: value for key, value in STRANGERS.items() if key != "foo"}
    assert len(ignored("trial.Tree", inside, Policy.ARGUMENTS)) == 3


def test_with_everything_an_unknown_field_anywhere_is_refused() -> None:
    message = refusal("trial.Tree", {"children": [{}, {"nmae": 1}]}, Policy.EVERYTHING)
    assert message.startswith("children[1]: unknown field `nmae`; did you mean `name`? (there are:")


def test_all_that_is_refused_is_in_one_message() -> None:
    message = refusal("trial.Tree", {"nmae": 1, "name": "x", "foo": {}}, Policy.ARGUMENTS)
    assert message.startswith("unknown field `nmae`; did you mean `name`?")
    assert message.endswith("; also unknown: `foo`")


def test_fields_of_another_version_in_an_echoed_object_are_ignored() -> None:
    body = {"job": {"id": "x", "foo": 1}}
    found = ignored("job.JobKillRequest", body, Policy.ARGUMENTS, opencue())
    assert found == ["job.foo"]


CRITERIA = {"job": {"id": "x", "foo": 1}, "req": {"frame": ["0001-comp"]}}


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("JobGetJobsRequest", {"user": "lena"}, "unknown field `user`; did you mean `r.users`?"),
        (
            "JobSetPriorityRequest",
            {"priorty": 5},
            "`priorty`; did you mean `val`? (there are: job, val)",
        ),
        ("JobPauseRequest", {"name": "x"}, "`name`; did you mean `job.name`? (there are: job)"),
        ("GroupSetMinCoresRequest", {"cores": 4}, "field `cores`; did you mean `minCores`?"),
        ("JobKillFramesRequest", CRITERIA, "req: unknown field `frame`; did you mean `frames`?"),
        ("JobKillFramesRequest", {"frame": "1-a"}, "`frame`; did you mean `req.frames`? (there"),
        ("JobFindJobRequest", {"job": "x"}, "`job`; did you mean `name`? (there are: name)"),
        ("JobGetJobsRequest", {"colour": 1}, "`colour` (there are: r.ids, r.jobs, r.regex, r.sub"),
        (
            "JobGetJobsRequest",
            {"_fields": "name"},
            "`_fields`; what begins with _ goes into",
        ),
    ],
    ids=[
        "within an object",
        "the only field that is no object",
        "an object's name",
        "a documented name (fact 5)",
        "a search criterion, which would widen what a change hits",
        "a criterion at the top",
        "the only field",
        "the only object",
        "a parameter of a view",
    ],
)
def test_inner_arguments_are_told_the_nearest_name(name: str, body: Any, problem: str) -> None:
    with pytest.raises(GatewayError) as caught:
        ignored(f"job.{name}", body, Policy.ARGUMENTS, opencue())
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("name", "paths", "found"),
    [
        ("x", ["a.x", "b.c"], "a.x"),
        ("x", ["a.xs", "b.c.x"], "a.xs"),
        ("x", ["a.x", "b.x"], None),
        ("x", ["a.x", "b.xs"], None),
        ("xs", ["a.x", "x", "a.xses"], None),
        ("x_y", ["a.xY"], "a.xY"),
        ("x", [], None),
    ],
)
def test_the_one_path_that_a_name_means(name: str, paths: list[str], found: str | None) -> None:
    assert path_ending_in(name, paths) == found


def test_what_documents_have_is_ignored() -> None:
    """A documented path is no error with ARGUMENTS, at that place only, and one with EVERYTHING."""
    decoders = opencue().decoders
    criteria = opencue().message_type("job.JobGetJobsRequest")

    def ignored_of(body: Any, policy: Policy) -> tuple[str, ...]:
        return decoders.value_decoder(criteria)(body, policy, ("r.maxResults",)).ignored

    body = {"r": {"maxResults": None}}
    assert ignored_of(body, Policy.ARGUMENTS) == ("r.maxResults",)
    assert ignored_of(body, Policy.NOTHING) == ("r.maxResults",)
    for wrong, policy in (
        (body, Policy.EVERYTHING),
        ({"maxResults": 1}, Policy.ARGUMENTS),
        ({"r": {"maxResults": 1, "usr": 1}}, Policy.ARGUMENTS),
    ):
        with pytest.raises(GatewayError, match="unknown field"):
            ignored_of(wrong, policy)


def test_null_does_not_make_an_unknown_name_known() -> None:
    assert ignored("trial.Leaf", {"foo": None}, Policy.NOTHING) == ["foo"]
    assert "foo" in refusal("trial.Leaf", {"foo": None}, Policy.ARGUMENTS)


def test_a_message_without_fields_has_nothing_to_suggest() -> None:
    assert "unknown field `x`" in refusal("trial.Nothing", {"x": 1}, Policy.ARGUMENTS)


def test_the_content_of_an_any_follows_the_same_rule() -> None:
    body = {"any": {"@type": "x/trial.Leaf", "foo": 1}}
    assert ignored("trial.wellknown.Singular", body, Policy.NOTHING) == ["any.foo"]
    assert "foo" in refusal("trial.wellknown.Singular", body, Policy.EVERYTHING)


def test_long_and_odd_names_neither_make_the_error_long_nor_break_it() -> None:
    for key in ("x" * 100_000, "", "a\nb", "\x00", "é𝄞"):
        assert len(refusal("trial.Leaf", {key: 1}, Policy.ARGUMENTS)) < 500
        assert len(ignored("trial.Leaf", {key: 1}, Policy.NOTHING)) == 1


@pytest.mark.parametrize("spelling", ["newComment", "new_comment"])
def test_what_callers_write_themselves_is_an_argument(spelling: str) -> None:
    """A comment is no echo, though answers have comments, too; the job beside it is one."""
    catalog = build_catalog(published(), Selection(), load_profile("opencue"))
    method = catalog.routes["/job.JobInterface/AddComment"]
    body = json.dumps({"job": {"id": "x", "new": 1}, spelling: {"mesage": "hello"}}).encode()
    with pytest.raises(GatewayError, match="unknown field `mesage`; did you mean `message`"):
        plan(method, body, Policy.ARGUMENTS)
    body = json.dumps({"job": {"id": "x", "new": 1}, spelling: {"message": "hello"}}).encode()
    assert plan(method, body, Policy.ARGUMENTS).ignored == ("job.new",)
