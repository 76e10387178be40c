"""A request in the audit log: whole if it is short, and without what must not be read there."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.unknown import Reject
from gateway.observe import audit_request
from gateway.observe.audit_request import CUT, HIDDEN, LONGEST, hidden_names, shown_request
from gateway.observe.beginning import beginning
from tests.support.protos import TestSchema, examples, messages, opencue, trial

DEFAULT = ("*password*", "*secret*", "*token*")
TYPES = (
    "trial.Scalars",
    "trial.Maps",
    "trial.Tree",
    "trial.wellknown.Singular",
    "trial.two.Extendable",
)
UNLIKE_ITSELF = re.compile(rb'"NaN"|[:\[]-0[,}\]]')
"""Numbers that are not equal to what is read again."""


def shown(schema: TestSchema, message: Any, *hidden: str) -> bytes:
    """The JSON of a request like this."""
    payload = message.SerializePartialToString()
    kind = schema.message_type(message.DESCRIPTOR.full_name)
    return shown_request(schema.encoders, kind, payload, hidden_names(hidden))


def of_trial(kind: str, *hidden: str, **fields: Any) -> Any:
    message = trial().message_class(kind)(**fields)
    return orjson.loads(shown(trial(), message, *hidden))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.slow
def test_a_short_request_is_whole(name: str) -> None:
    """Read as a body, it is the same request again. A long one says that it is not whole."""
    decode = trial().decoders.decoder(trial().message_type(name))

    @given(message=messages(trial(), name))
    @examples(60)
    def check(message: Any) -> None:
        text = shown(trial(), message)
        assert len(text) < 8 * LONGEST
        if CUT not in orjson.loads(text):
            again = type(message).FromString(decode(text, Reject.EVERYTHING).payload)
            assert again == message or UNLIKE_ITSELF.search(text)

    check()


def test_only_what_is_set() -> None:
    """Defaults would fill the line."""
    kill = opencue().message_class("job.JobKillRequest")(username="lena")
    assert orjson.loads(shown(opencue(), kill)) == {"username": "lena"}


@given(names=st.lists(st.sampled_from(["password", "dbPassword", "API_TOKEN", "name"])))
def test_keys_are_hidden(names: list[str]) -> None:
    """In maps, wherever they are, by globs that know no case."""
    found = of_trial(
        "trial.Tree", *DEFAULT, named={"child": {"named": {name: {"name": "x"} for name in names}}}
    )
    inside = found["named"]["child"].get("named", {})
    assert inside == {name: {"name": "x"} if name == "name" else HIDDEN for name in names}


def test_fields_are_hidden() -> None:
    """By either of a field's names, with all that is in it, lists included."""
    tree = {"name": "a", "child": {"name": "b"}, "children": [{"name": "c"}]}
    assert of_trial("trial.Tree", "CHILD*", **tree) == {
        "name": "a",
        "child": HIDDEN,
        "children": HIDDEN,
    }
    assert of_trial("trial.Names", "foo_1_bar", foo_1_bar="x") == {"foo1Bar": HIDDEN}
    assert of_trial("trial.Tree", name="a") == {"name": "a"}


def test_keys_of_a_struct_are_hidden() -> None:
    """Types with a JSON form of their own are searched, too."""
    message = trial().message_class("trial.wellknown.Singular")()
    message.struct.update({"a": {"token": "x", "list": [{"secret": 1}]}})
    found = orjson.loads(shown(trial(), message, *DEFAULT))
    assert found == {"struct": {"a": {"token": HIDDEN, "list": [{"secret": HIDDEN}]}}}


def test_long_ones_are_cut() -> None:
    """A long text keeps its beginning, a long list its first items; the size is told."""
    found = of_trial("trial.Tree", name="spec " * 10_000)
    assert found["name"].startswith("spec spec")
    assert found["name"].endswith(CUT)
    assert len(found["name"]) <= LONGEST
    assert found[CUT] == "cut; it has 50004 bytes"
    many = of_trial("trial.Forest", trees=[{"name": f"tree {n}"} for n in range(10_000)])
    assert many["trees"][0] == {"name": "tree 0"}
    assert len(orjson.dumps(many)) < 2 * LONGEST
    assert "bytes" in many[CUT]


def test_what_cannot_be_shown() -> None:
    """A line without its request is better than none."""
    kind = trial().message_type("trial.Tree")
    text = shown_request(trial().encoders, kind, b"\xff", hidden_names(()))
    assert orjson.loads(text) == {CUT: "cannot be shown; it has 1 bytes"}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.slow
def test_a_beginning_is_a_message(name: str) -> None:
    """Wherever a request is cut, what is left can be read, and is no longer than there is room."""
    kind = trial().message_type(name)

    @given(message=messages(trial(), name), room=st.integers(1, 200))
    @examples(200)
    def check(message: Any, room: int) -> None:
        payload = message.SerializePartialToString()
        cut = beginning(kind, memoryview(payload), room)
        assert len(cut) <= room + 100  # of tags, lengths and single numbers
        type(message).FromString(cut)
        if len(payload) <= room:
            assert cut == payload

    check()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("trial.Tree", {"name": "spec €" * 20_000}),
        ("trial.Forest", {"trees": [{"name": f"tree {n}"} for n in range(10_000)]}),
        ("trial.Tree", {"child": {"children": [{}] * 50_000}}),
    ],
)
def test_very_long_ones_are_not_parsed_whole(
    monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, Any]
) -> None:
    """That would take the event loop up to 50 ms for each MB. What is shown is the same."""
    lengths: list[int] = []

    def measured(kind: Any, payload: memoryview, room: int) -> bytes:
        cut = beginning(kind, payload, room)
        lengths.append(len(cut))
        return cut

    monkeypatch.setattr(audit_request, "beginning", measured)
    cut = of_trial(kind, **fields)
    assert [length <= 3 * LONGEST for length in lengths] == [True]
    monkeypatch.setattr(audit_request, "LARGEST_PARSED", 10**9)
    assert of_trial(kind, **fields) == cut
    assert len(lengths) == 1
