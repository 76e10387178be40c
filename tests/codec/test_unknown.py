"""Fields of requests that the schema does not have: ignored and named, or refused."""

import json
from typing import Any

import pytest

from gateway.codec.body import UnknownFieldPolicy
from gateway.errors import GatewayError
from tests.support.decoding import decoded, decoder, refusal
from tests.support.protos import TestSchema, opencue, trial


def ignored(
    name: str, body: Any, policy: UnknownFieldPolicy, schema: TestSchema | None = None
) -> list[str]:
    """The paths that were ignored."""
    schema = schema or trial()
    decode = decoder(schema.decoders, schema.message_type(name))
    return list(decode(json.dumps(body).encode(), policy).ignored)


STRANGERS = {
    "name": "x",
    "foo": 1,
    "child": {"bar": None, "children": [{}, {}, {}, {"baz": {"deep": 1}}]},
    "named": {"k": {"qux": []}},
}


def test_nothing_is_rejected() -> None:
    """With NOTHING every unknown field is ignored, and named with its path."""
    assert sorted(ignored("trial.Tree", STRANGERS, UnknownFieldPolicy.NOTHING)) == [
        "child.bar",
        "child.children[3].baz",
        "foo",
        "named.k.qux",
    ]


def test_known_fields_beside_ignored_ones_are_kept() -> None:
    """What is ignored does not keep the rest from arriving."""
    assert decoded(trial(), "trial.Tree", STRANGERS, UnknownFieldPolicy.NOTHING).name == "x"


def test_arguments_are_rejected_at_the_top() -> None:
    """With ARGUMENTS an unknown field of the body itself is an error, one inside is ignored."""
    message = refusal("trial.Tree", STRANGERS, UnknownFieldPolicy.ARGUMENTS)
    assert "unknown field `foo`" in message
    inside = {key: value for key, value in STRANGERS.items() if key != "foo"}
    assert len(ignored("trial.Tree", inside, UnknownFieldPolicy.ARGUMENTS)) == 3


def test_everything_is_rejected() -> None:
    """With EVERYTHING an unknown field anywhere is an error that names the place."""
    message = refusal("trial.Tree", {"children": [{}, {"nmae": 1}]}, UnknownFieldPolicy.EVERYTHING)
    assert message.startswith("children[1]: unknown field `nmae`; did you mean `name`? (there are:")


def test_suggestion() -> None:
    """The documented SetMinCores body is told the field's real name (fact 5)."""
    body = {"group": {"id": "x"}, "cores": 4}
    with pytest.raises(GatewayError) as caught:
        ignored("job.GroupSetMinCoresRequest", body, UnknownFieldPolicy.ARGUMENTS, opencue())
    assert "unknown field `cores`; did you mean `minCores`?" in caught.value.message


def test_ignored_paths_in_opencue() -> None:
    """An echoed object with fields of another version is taken, with those fields named."""
    body = {"job": {"id": "x", "foo": 1}}
    assert ignored("job.JobKillRequest", body, UnknownFieldPolicy.ARGUMENTS, opencue()) == [
        "job.foo"
    ]


def test_arguments_are_rejected_at_any_depth() -> None:
    """A misspelled search criterion would widen what a change hits: it is no echoed object."""
    body = {"job": {"id": "x", "foo": 1}, "req": {"frame": ["0001-comp"]}}
    with pytest.raises(GatewayError) as caught:
        ignored("job.JobKillFramesRequest", body, UnknownFieldPolicy.ARGUMENTS, opencue())
    assert "req: unknown field `frame`; did you mean `frames`?" in caught.value.message


def test_what_documents_have_is_ignored() -> None:
    """A documented path is no error with ARGUMENTS, at that place only, and one with EVERYTHING."""
    decoders = opencue().decoders
    criteria = opencue().message_type("job.JobGetJobsRequest")

    def ignored_of(body: Any, policy: UnknownFieldPolicy) -> tuple[str, ...]:
        return decoders.value_decoder(criteria)(body, policy, ("r.maxResults",)).ignored

    body = {"r": {"maxResults": None}}
    assert ignored_of(body, UnknownFieldPolicy.ARGUMENTS) == ("r.maxResults",)
    assert ignored_of(body, UnknownFieldPolicy.NOTHING) == ("r.maxResults",)
    for wrong, policy in (
        (body, UnknownFieldPolicy.EVERYTHING),
        ({"maxResults": 1}, UnknownFieldPolicy.ARGUMENTS),
        ({"r": {"maxResults": 1, "usr": 1}}, UnknownFieldPolicy.ARGUMENTS),
    ):
        with pytest.raises(GatewayError, match="unknown field"):
            ignored_of(wrong, policy)


def test_null_for_an_unknown_field() -> None:
    """Null does not make an unknown name known."""
    assert ignored("trial.Leaf", {"foo": None}, UnknownFieldPolicy.NOTHING) == ["foo"]
    assert "foo" in refusal("trial.Leaf", {"foo": None}, UnknownFieldPolicy.ARGUMENTS)


def test_unknown_field_of_a_message_without_fields() -> None:
    """A message without fields has nothing to suggest."""
    assert "unknown field `x`" in refusal("trial.Nothing", {"x": 1}, UnknownFieldPolicy.ARGUMENTS)


def test_unknown_field_in_an_any() -> None:
    """The content of an Any follows the same rule."""
    body = {"any": {"@type": "x/trial.Leaf", "foo": 1}}
    assert ignored("trial.wellknown.Singular", body, UnknownFieldPolicy.NOTHING) == ["any.foo"]
    assert "foo" in refusal("trial.wellknown.Singular", body, UnknownFieldPolicy.EVERYTHING)


def test_long_and_odd_unknown_names() -> None:
    """Names of any length and content do not make the error long or break it."""
    for key in ("x" * 100_000, "", "a\nb", "\x00", "é𝄞"):
        assert len(refusal("trial.Leaf", {key: 1}, UnknownFieldPolicy.ARGUMENTS)) < 500
        assert len(ignored("trial.Leaf", {key: 1}, UnknownFieldPolicy.NOTHING)) == 1
