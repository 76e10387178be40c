"""A request in the audit log: whole if it is short, and without what must not be read there."""

import re
from collections.abc import Generator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.features.audit import audit_request
from gateway.features.audit.audit_request import (
    CUT,
    HIDDEN,
    RECORDS_PER_TURN,
    SHOWN_MAX_CHARACTERS,
    UNVERIFIED,
    Excerpt,
    hidden_names,
    shown_in_steps,
    shown_request,
)
from tests.support.decoding import decoder
from tests.support.protos import TestSchema, canonical, examples, messages, opencue, trial

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
    """An excerpt of one is a message, and a line that is not cut can be read again."""
    kind = trial().message_type(name)
    decode = decoder(trial().decoders, kind)

    @given(message=messages(trial(), name), length=st.integers(1, 200))
    @examples(60)
    def check(message: Any, length: int) -> None:
        payload, cut = message.SerializePartialToString(), Excerpt(length)
        found, _ = whole(cut.of(kind, memoryview(payload)))
        type(message).FromString(found)
        assert cut.cut or found == payload
        text = shown(trial(), message)
        assert len(text) < 8 * SHOWN_MAX_CHARACTERS
        if CUT not in orjson.loads(text):
            again = type(message).FromString(decode(text, UnknownFieldPolicy.EVERYTHING).payload)
            same = canonical(trial(), again) == canonical(trial(), message)
            assert same or UNLIKE_ITSELF.search(text)

    check()


def test_only_what_is_set() -> None:
    kill = opencue().message_class("job.JobKillRequest")(username="lena")
    assert orjson.loads(shown(opencue(), kill)) == {"username": "lena"}


def test_messages_come_before_lists() -> None:
    found = of_trial("trial.Tree", named={"a": {}}, children=[{}], forest={}, name="x")
    assert list(found)[:2] == ["name", "forest"]


@given(names=st.lists(st.sampled_from(["password", "dbPassword", "API_TOKEN", "name"])))
def test_keys_are_hidden(names: list[str]) -> None:
    """In maps at any depth, by globs in any case."""
    found = of_trial(
        "trial.Tree", *DEFAULT, named={"child": {"named": {name: {"name": "x"} for name in names}}}
    )
    inside = found["named"]["child"].get("named", {})
    assert inside == {name: {"name": "x"} if name == "name" else HIDDEN for name in names}


def test_fields_are_hidden() -> None:
    """By either name, with all that is in them; and keys of a struct."""
    tree = {"name": "a", "child": {"name": "b"}, "children": [{"name": "c"}]}
    hidden = {"name": "a", "child": HIDDEN, "children": HIDDEN}
    assert of_trial("trial.Tree", "CHILD*", **tree) == hidden
    assert of_trial("trial.Names", "foo_1_bar", foo_1_bar="x") == {"foo1Bar": HIDDEN}
    assert of_trial("trial.Tree", name="a") == {"name": "a"}
    message = trial().message_class("trial.wellknown.Singular")()
    message.struct.update({"a": {"token": "x", "list": [{"secret": 1}]}})
    found = orjson.loads(shown(trial(), message, *DEFAULT))
    assert found == {"struct": {"a": {"token": HIDDEN, "list": [{"secret": HIDDEN}]}}}


def test_long_ones_are_cut() -> None:
    """To the beginning of a text, and the first items of a list, with the size."""
    found = of_trial("trial.Tree", name="spec " * 10_000)
    assert found["name"].startswith("spec spec")
    assert found["name"].endswith(CUT)
    assert len(found["name"]) <= SHOWN_MAX_CHARACTERS
    assert found[CUT] == "cut; it has 50004 bytes"
    many = of_trial("trial.Forest", trees=[{"name": f"tree {n}"} for n in range(10_000)])
    assert many["trees"][0] == {"name": "tree 0"}
    assert len(orjson.dumps(many)) < 2 * SHOWN_MAX_CHARACTERS
    assert "bytes" in many[CUT]


def test_what_cannot_be_shown() -> None:
    """A line without its request is better than none."""
    kind = trial().message_type("trial.Tree")
    text = shown_request(trial().encoders, kind, b"\xff", hidden_names(()))
    assert orjson.loads(text) == {CUT: "cannot be shown; it has 1 bytes"}


def test_a_value_that_cannot_be_shown_hides_no_other() -> None:
    message = trial().message_class("trial.wellknown.Singular")()
    message.timestamp.seconds = 10**15
    message.struct.update({"a": 1})
    found = orjson.loads(shown(trial(), message))
    assert (found["timestamp"], found["struct"]) == ("(cannot be shown)", {"a": 1})
    assert CUT in found


def whole(steps: Generator[None, None, bytes]) -> tuple[bytes, int]:
    """The result of steps, and their number."""
    result = b""

    def stepping() -> Generator[None, None, None]:
        nonlocal result
        result = yield from steps

    turns = sum(1 for _ in stepping())
    return result, turns


FILLERS: list[dict[str, Any]] = [
    {"name": "x" * 3000},
    {"name": "x" * 200_000},
    {"child": {"name": "x" * 3000, "child": {"name": "y" * 3000}}},
    {"child": {"children": [{"name": "x" * 100}] * 2000}},
    {"children": [{"name": f"junk {n}"} for n in range(1000)]},
    {"children": [{}] * 100_000},
    {"children": [{"children": [{}] * 100}] * 1000},
    {"named": {f"{n} {'k' * 1000}": {"name": "x"} for n in range(1000)}},
    {"named": {"k" * 200_000: {"name": "x" * 200_000}}},
]


def deep(levels: int) -> Any:
    """Messages in messages."""
    tree: dict[str, Any] = {"name": "bottom"}
    for _ in range(levels):
        tree = {"name": "x" * 3000, "child": tree, "children": [{"name": "y" * 300}] * 20}
    return tree


@pytest.mark.parametrize("filler", [*FILLERS, {"child": deep(40)}], ids=range(len(FILLERS) + 1))
def test_nothing_pushes_a_value_out(filler: dict[str, Any]) -> None:
    """A bounded line has the request's own values and those of its messages, and says so."""
    own = {"value": "what matters", "number": 7, "subject": {"id": "25764fb1-43a3-586d-835b"}}
    tree = trial().message_class("trial.Tree")(**filler)
    request = trial().message_class("trial.Attacked")(filler=tree, **own)
    payload = request.SerializeToString()
    text, _ = whole(shown_in_steps(trial().encoders, request.DESCRIPTOR, payload, hidden_names(())))
    found, at_once = orjson.loads(text), orjson.loads(shown(trial(), request))
    assert {name: found[name] for name in own} == own
    assert (at_once["value"], at_once["subject"]) == (own["value"], own["subject"])
    assert CUT in found
    assert len(text) < 2 * SHOWN_MAX_CHARACTERS


def test_each_text_is_cut_by_itself() -> None:
    fields = {f"text_{n}": f"{n} " + "x" * 3000 for n in range(6)} | {"value": "short"}
    found = of_trial("trial.Attacked", **fields)
    assert found["value"] == "short"
    for n in range(6):
        assert found[f"text{n}"].startswith(f"{n} x")
        assert found[f"text{n}"].endswith(CUT)
        assert len(found[f"text{n}"]) == len(f"{CUT}") + 200
    assert len(orjson.dumps(found)) < 2 * SHOWN_MAX_CHARACTERS
    assert found[CUT].startswith("cut; it has 18")


def test_lists_are_cut_before_ids() -> None:
    """Which stay whole; a cut list ends with a mark."""
    texts = {f"text_{n}": "x" * 3000 for n in range(6)}
    found = of_trial(
        "trial.Attacked", subject={"id": "i" * 36}, filler={"name": "x" * 3000}, **texts
    )
    assert found["subject"] == {"id": "i" * 36}
    keys = {f"{n}": {"id": f"{n:036}"} for n in range(10)}
    junk = [{"name": f"junk {n}"} for n in range(1000)]
    found = of_trial("trial.Attacked", subjects=junk, by_key=keys)
    assert (found["byKey"], found["subjects"][-1]) == (keys, CUT)
    found = of_trial("trial.Attacked", subjects=[{"id": f"{n:036}"} for n in range(200)])
    *ids, mark = found["subjects"]
    assert (mark, found[CUT], len(ids)) == (CUT, "cut; it has 8000 bytes", 60)
    keys = {f"{n:03}": {"id": f"{n:036}"} for n in range(200)}
    by_key = of_trial("trial.Attacked", by_key=keys)["byKey"]
    assert int(by_key.pop(CUT).removesuffix(" more")) == 200 - len(by_key)


def test_what_is_said_beside_an_id_is_unverified() -> None:
    """In lists and maps as well, and at any depth."""
    thing = {"id": "true", "name": "false", "size": 3, "inner": {"id": "x", "name": "y"}}
    beside = {"size": "3", "name": "false", "inner": {"id": "x", "name": "y"}}
    others, own = [{"name": "no id"}, {"id": "alone"}], "of the request, which is no object"
    found = of_trial(
        "trial.Attacked", subject=thing, subjects=[thing, *others], by_key={"k": thing}, id=own
    )
    expected = {"id": "true", UNVERIFIED: beside}
    assert found.pop("subjects") == [expected, *others]
    assert found == {"id": own, "subject": expected, "byKey": {"k": expected}}


def test_ids_come_before_what_is_said_beside_them() -> None:
    many = [{"id": f"{n:036}", "name": "x" * 3000} for n in range(1000)]
    found = of_trial("trial.Attacked", subjects=many, subject={"id": "1", "name": "z" * 3000})
    assert found["subject"][UNVERIFIED]["name"] == "z" * 40 + CUT
    ids = found["subjects"]
    assert ids == [{"id": f"{n:036}"} for n in range(len(ids))]
    assert len(ids) > 20
    assert CUT in found


@pytest.mark.parametrize("size", [40, 200, 3000])
def test_all_ids_of_a_few_are_shown(size: int) -> None:
    """Whole jobs, as a script sends them back that has listed them."""
    request = opencue().message_class("job.GroupReparentJobsRequest")()
    for number in range(10):
        job = request.jobs.jobs.add(id=f"{number:036}")
        for field in job.DESCRIPTOR.fields:
            if field.type == field.TYPE_STRING and field.name != "id":
                setattr(job, field.name, "x" * size)
    # Beyond PARSED_MAX_BYTES only the first are parsed.
    few = 10 if size < 3000 else 8
    found = orjson.loads(shown(opencue(), request))["jobs"]["jobs"]
    assert [each["id"] for each in found if each != CUT][:few] == [f"{n:036}" for n in range(few)]


def test_what_is_shown_in_full_is_not_called_cut() -> None:
    kill = opencue().message_class("job.JobKillRequest")(reason="r" * 300, username="lena")
    assert orjson.loads(shown(opencue(), kill)) == {"username": "lena", "reason": "r" * 300}


def test_many_long_texts_keep_within_the_room() -> None:
    kill = opencue().message_class("job.JobKillRequest")(
        **dict.fromkeys(("username", "pid", "host_kill", "reason"), "x" * 3000)
    )
    assert len(shown(opencue(), kill)) < SHOWN_MAX_CHARACTERS + 400


def test_what_was_looked_up_is_not_unverified() -> None:
    message = trial().message_class("trial.Attacked")(
        subject={"id": "1", "name": "found by it", "size": 3}
    )
    kind = trial().message_type("trial.Attacked")
    payload, told = message.SerializeToString(), {"1": {"found by it"}}
    text = shown_request(trial().encoders, kind, payload, hidden_names(()), told)
    assert orjson.loads(text) == {"subject": {"id": "1", UNVERIFIED: {"size": "3"}}}


@pytest.mark.parametrize("key", [CUT, UNVERIFIED])
def test_keys_do_not_pose_as_marks(key: str) -> None:
    assert of_trial("trial.Tree", named={key: {"name": "x"}}) == {
        "named": {f"[{key}]": {"name": "x"}}
    }
    message = trial().message_class("trial.wellknown.Singular")()
    message.struct.update({key: 1})
    assert orjson.loads(shown(trial(), message)) == {"struct": {f"[{key}]": 1}}


def test_keys_with_one_beginning() -> None:
    """The second is counted, and does not replace the first."""
    names = ["k" * 2000 + "a", "k" * 2000 + "b"]
    found = of_trial("trial.Tree", named={name: {"name": "x"} for name in names})
    assert found["named"] == {"k" * 1000 + CUT: {"name": "x"}, CUT: "1 more"}
    assert CUT in found


def test_a_large_request_is_read_in_turns() -> None:
    tree = trial().message_class("trial.Tree")(children=[{"name": f"{n}"} for n in range(50_000)])
    request = trial().message_class("trial.Attacked")(filler=tree, value="what matters")
    kind, payload = trial().message_type("trial.Attacked"), request.SerializeToString()
    steps = shown_in_steps(trial().encoders, kind, payload, hidden_names(()))
    text, turns = whole(steps)
    assert 50_000 // (RECORDS_PER_TURN + 128) <= turns <= 50_000 // RECORDS_PER_TURN
    assert orjson.loads(text)["value"] == "what matters"
    at_once = orjson.loads(shown_request(trial().encoders, kind, payload, hidden_names(())))
    assert CUT in at_once


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
    """That takes 50 ms per MB. The result is the same."""
    lengths: list[int] = []

    class Measured(Excerpt):
        def of(self, *arguments: Any) -> Generator[None, None, bytes]:
            cut = yield from super().of(*arguments)
            lengths.append(len(cut))
            return cut

    monkeypatch.setattr(audit_request, "Excerpt", Measured)
    cut = of_trial(kind, **fields)
    assert max(lengths) <= 5 * SHOWN_MAX_CHARACTERS
    monkeypatch.setattr(audit_request, "PARSED_MAX_BYTES", 10**9)
    measured = len(lengths)
    again = of_trial(kind, **fields)
    assert len(lengths) == measured
    assert again == cut
