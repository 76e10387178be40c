"""JSON to messages: every spelling the oracle writes or reads, and whatever else clients send."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from tests.support import protos
from tests.support.decoding import decoded, decoder, refusal
from tests.support.protos import TestSchema, each_of, every_type, examples, messages, opencue, trial

SINGULAR, REPEATED = "trial.wellknown.Singular", "trial.wellknown.Repeated"
CHOSEN, MAPPED = "trial.wellknown.Chosen", "trial.wellknown.Mapped"
SEEDS = st.integers(0, 2**32)

STRICTER = re.compile(
    "also given as"  # a field under both names
    "|expected base64"  # base64 junk
    "|got the string"  # "1_0", "+1", " 1"
    "|expected an object, got (a list|a string)"  # json_format takes "" and [] for messages
    "|expected a number, got true or false"
    "|expected a name or number of"  # 1.5 and true for enums
    "|is called '[ +0-9_-]"  # "1_0" for enums
    "|write large integers as strings"
    "|out of range for a (32-bit )?number"  # "1e999" as infinity
    "|takes one of them"  # null for a Value or NullValue in a oneof counts
    "|missing: "  # json_format does not look for required fields
    "|expected @type"
)
"""What is refused on purpose although json_format takes it (fact 7 and the like)."""


def check_types(schema: TestSchema, names: list[str], number: int) -> None:
    @given(sent=each_of(schema, names), seed=SEEDS)
    @examples(number)
    def check(sent: tuple[Any, ...], seed: int) -> None:
        random = Random(seed)  # noqa: S311
        for name, message in zip(names, sent, strict=True):
            body = protos.respelled(schema, message, protos.oracle(schema, message), random)
            found, expected = decoded(schema, name, body), protos.canonical(schema, message)
            assert protos.canonical(schema, found) == expected, (body, found)

    check()


@pytest.mark.parametrize(("schema", "groups", "number"), every_type())
def test_a_message_comes_back_from_its_json_however_that_is_written(
    schema: TestSchema, groups: list[list[str]], number: int
) -> None:
    for names in groups:
        check_types(schema, names, number)


@pytest.mark.parametrize("name", [*protos.own_types(), "job.Job", "host.Host"])
@pytest.mark.slow
def test_a_damaged_body_means_what_json_format_makes_of_it_or_is_400(name: str) -> None:
    schema = opencue() if name.startswith(("job.", "host.")) else trial()

    @given(message=messages(schema, name), seed=SEEDS, times=st.integers(0, 3))
    @examples(40)
    def check(message: Any, seed: int, times: int) -> None:
        random = Random(seed)  # noqa: S311
        body = protos.oracle(schema, message)
        for _ in range(times):
            body = protos.damaged(body, random)
        expected = schema.message_class(name)()
        try:
            json_format.Parse(json.dumps(body), expected, descriptor_pool=schema.pool)
        except (json_format.ParseError, AttributeError, TypeError, ValueError, KeyError):
            expected = None
        for policy in UnknownFieldPolicy:
            problem: str | None = None
            try:
                found = decoded(schema, name, body, policy)
            except GatewayError as error:
                assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - or success
                problem = error.message
            if expected is not None and problem is not None:
                assert STRICTER.search(problem), (body, problem)
            elif expected is not None:
                same = (protos.canonical(schema, each) for each in (found, expected))
                assert len({*same}) == 1, (body, found)

    check()


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t ", b"{}", b" {} \n", b"\xef\xbb\xbf{}"])
def test_white_space_and_a_byte_order_mark_are_an_empty_message(body: bytes) -> None:
    assert decoded(trial(), "trial.Scalars", body) == trial().message_class("trial.Scalars")()


@pytest.mark.parametrize(
    ("body", "got"),
    [
        *((b"[]", "a list"), (b"null", "null"), (b"1", "a number"), (b'"x"', "a string")),
        *((b"true", "true or false"), (b"[{}]", "a list")),
    ],
    ids=repr,
)
def test_a_body_of_another_kind_is_refused_by_that_name(body: bytes, got: str) -> None:
    expected = f"the body: expected an object, got {got}; its fields are name"
    assert refusal("trial.Leaf", body) == expected


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"{]", b'{"name": "x",}', b"{'name': 1}", b"{}{}", b"{} x", b'{"name" "x"}'),
        *(b"nul", b'{"name": "\x01"}', b"// x\n{}", b"[" * 5000, b'{"name":' * 5000),
        b"\xff\xfe{\x00}\x00",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert "not valid JSON" in refusal("trial.Leaf", body)


def test_the_last_of_duplicate_keys_wins() -> None:
    assert decoded(trial(), "trial.Leaf", b'{"name": "x", "name": "y"}').name == "y"
    tree = decoded(trial(), "trial.Tree", b'{"child": {"name": "x"}, "child": {}}')
    assert tree.HasField("child")
    assert tree.child.name == ""


def test_a_field_under_both_names_at_once_is_refused() -> None:
    assert "send one" in refusal("trial.Scalars", {"anInt32": 1, "an_int32": 1})
    assert "send one" in refusal("trial.Scalars", {"an_int32": 1, "anInt32": None})


def test_null_means_not_set() -> None:
    for name in ("trial.Scalars", "trial.Repeated", "trial.Optional", "trial.OneOfs", "trial.Maps"):
        fields = trial().message_type(name).fields
        message = decoded(trial(), name, {field.json_name: None for field in fields})
        assert message.ListFields() == []


def test_zero_is_not_set_where_that_is_the_same() -> None:
    zeros = {"anInt32": 0, "anInt64": "0", "aString": "", "aBool": False}
    zeros["colour"] = "COLOUR_UNKNOWN"
    assert decoded(trial(), "trial.Scalars", zeros).ListFields() == []
    assert len(decoded(trial(), "trial.Optional", zeros).ListFields()) == 5


@pytest.mark.parametrize(
    ("keys", "zero"),
    [
        ("aBool aBytes aString", 0),
        ("aBool aBytes", "0"),
        ("aBytes aString anInt32 anInt64 aDouble colour", False),
        ("anInt32 anInt64 aDouble colour", ""),
    ],
)
def test_the_default_of_another_type_is_refused(keys: str, zero: object) -> None:
    for key in keys.split():
        assert refusal("trial.Scalars", {key: zero}).startswith(f"{key}: ")


def test_null_is_a_value_where_a_field_can_hold_it() -> None:
    places: tuple[tuple[str, Any, Callable[[Any], str]], ...] = (
        (SINGULAR, {"value": None}, lambda found: found.value.WhichOneof("kind")),
        (CHOSEN, {"nullValue": None}, lambda found: found.WhichOneof("choice")),
        (REPEATED, {"value": [None]}, lambda found: found.value[0].WhichOneof("kind")),
        ("google.protobuf.Value", b"null", lambda found: found.WhichOneof("kind")),
        (MAPPED, {"value": {"x": None}}, lambda found: found.value["x"].WhichOneof("kind")),
    )
    for name, body, find in places:
        assert find(decoded(trial(), name, body)) == "null_value", name
    assert decoded(trial(), CHOSEN, {"value": None}).WhichOneof("choice") == "value"
    assert list(decoded(trial(), REPEATED, {"nullValue": [None]}).null_value) == [0]


def test_one_member_of_a_oneof_is_set_and_null_does_not_count() -> None:
    message = decoded(trial(), "trial.OneOfs", {"text": None, "number": 0, "leaf": None})
    assert message.WhichOneof("choice") == "number"
    assert "choice takes one of them" in refusal("trial.OneOfs", {"text": "", "number": 0})
    assert refusal("trial.OneOfs", {"inner": {"text": "x", "inner": {}}}).startswith("inner.inner")
    both = decoded(trial(), "trial.OneOfs", {"text": "x", "alone": "y"})
    assert (both.text, both.alone) == ("x", "y")


def test_a_field_answers_to_its_json_name_and_its_original_one() -> None:
    for field in trial().message_type("trial.Names").fields:
        for name in {field.json_name, field.name}:
            value: Any = ["x"] if field.is_repeated else {} if field.message_type else "x"
            message = decoded(trial(), "trial.Names", {name: value})
            assert [found.name for found, _ in message.ListFields()] == [field.name]


def test_a_json_name_comes_before_an_original_name() -> None:
    message = decoded(trial(), "trial.two.Swapped", {"second": "x", "first": 7})
    assert (message.first, message.second) == ("x", 7)


def test_names_of_pythons_methods_are_ordinary_names_of_fields() -> None:
    body = {"one": {"HasField": "a", "SetInParent": "b"}, "many": [{"SerializeToString": "c"}]}
    message = decoded(trial(), "trial.HasMethodNames", body)
    assert getattr(message.one, "SetInParent") == "b"  # noqa: B009 - a field here
    assert getattr(message.many[0], "SerializeToString") == "c"  # noqa: B009 - as above
    direct = decoder(trial().decoders, trial().message_type("trial.MethodNames"))
    found = direct(b'{"SerializeToString": "x"}', UnknownFieldPolicy.EVERYTHING)
    assert found.payload == b"\x1a\x01x"


def test_groups_are_messages_like_any_other() -> None:
    message = decoded(trial(), "trial.two.Groups", {"single": {"name": "x"}, "several": [{}]})
    assert message.single.name == "x"
    assert len(message.several) == 1
    assert decoded(trial(), "trial.editions.Delimited", {"one": {"name": "y"}}).one.name == "y"


def test_extensions_are_taken_under_the_name_they_are_written_with() -> None:
    body = {"[trial.two.extra_number]": "7", "[trial.two.extra_leaf]": {"name": "x"}}
    message = decoded(trial(), "trial.two.Extendable", body)
    assert [field.full_name for field, _ in message.ListFields()] == [
        "trial.two.extra_number",
        "trial.two.extra_leaf",
    ]


def test_required_fields_that_are_missing_are_named() -> None:
    assert refusal("trial.two.Required", {"name": "x"}) == "the body: missing: number"
    message = refusal("trial.two.Required", {"name": "x", "number": 1, "list": [{"number": 1}]})
    assert message == "the body: missing: list[0].name"
    assert refusal("trial.two.Required", b"") == "the body: missing: name, number"
    assert "required" in refusal("trial.editions.Presence", {})


def test_a_text_is_a_list_of_one() -> None:
    assert list(decoded(trial(), "trial.Repeated", {"strings": "x"}).strings) == ["x"]
    assert list(decoded(trial(), "trial.Repeated", {"int32s": "5"}).int32s) == [5]


PLACES: list[tuple[str, Any, str]] = [
    ("trial.Leaf", {"name": 1}, "name: expected a string, got a number"),
    ("trial.Scalars", {"a_bool": 1}, "a_bool: expected true or false"),
    ("trial.Repeated", {"strings": ["a", "b", 3]}, "strings[2]: expected a string, got a number"),
    ("trial.Repeated", {"strings": ["a", None]}, "strings[1]: expected a string, got null"),
    ("trial.Repeated", {"messages": [None]}, "messages[0]: expected an object, got null"),
    ("trial.Repeated", {"strings": {}}, "strings: expected a list, got an object"),
    ("trial.Repeated", {"strings": ""}, "strings: expected a list, got a string"),
    ("trial.Repeated", {"strings": "a,b"}, "strings: expected a list, got a string with commas"),
    ("trial.Repeated", {"messages": "x"}, "messages: expected a list, got a string"),
    ("trial.Repeated", {"int32s": 1}, "int32s: expected a list, got a number"),
    ("trial.Tree", {"child": {"children": [{}, {"name": 1}]}}, "child.children[1].name: expected"),
    ("trial.Tree", {"named": {"a.b": {"name": []}}}, "named.a.b.name: expected a string, got a l"),
    ("trial.Maps", {"byInt32": {"x": ""}}, "byInt32.x: expected an integer as the key"),
    ("trial.Maps", {"byInt32": {"1": None}}, "byInt32.1: expected a string, got null"),
    ("trial.Maps", {"leafByName": {"x": None}}, "leafByName.x: expected an object, got null"),
    ("trial.Maps", {"byBool": {"True": {}}}, "byBool.True: expected the key true or"),
    ("trial.Maps", {"byBool": []}, "byBool: expected an object, got a list"),
    ("trial.Tree", {"forest": {"oldest": 3}}, "forest.oldest: expected an object, got a number"),
    (SINGULAR, {"timestamp": 3}, "timestamp: expected an RFC 3339 time"),
    (REPEATED, {"duration": ["x"]}, "duration[0]: expected a duration"),
    (REPEATED, {"int32Value": [None]}, "int32Value[0]"),
    (SINGULAR, {"fieldMask": []}, "fieldMask: expected field names"),
    (SINGULAR, {"struct": []}, "struct: expected an object, got a list"),
    (SINGULAR, {"listValue": {}}, "listValue: expected a list"),
    (SINGULAR, {"int32Value": "x"}, "int32Value: expected a 32-bit"),
    (SINGULAR, {"any": {"x": 1}}, "any: expected @type"),
    (SINGULAR, {"any": {"@type": "x/not.There"}}, "any.@type: unknown type 'x/not.There'"),
    (SINGULAR, {"any": {"@type": "x/trial.Leaf", "name": 1}}, "any.name: expected a string, got"),
]


@pytest.mark.parametrize(("name", "body", "start"), PLACES)
def test_an_error_names_the_place_in_the_clients_words(name: str, body: Any, start: str) -> None:
    assert refusal(name, body).startswith(start)


GOOD_TEXTS = {
    "Timestamp": "2026-01-31T12:00:00Z 2026-01-31T12:00:00.5+02:00 0001-01-01T00:00:00Z"
    " 9999-12-31T23:59:59.999999999Z",
    "Duration": "-1.5s 315576000000s",
    "FieldMask": "name,showStats.x ",
}
BAD_TEXTS = {
    "Timestamp": "0000-01-01T00:00:00Z 0001-01-01T00:00:00+10:00 9999-12-31T23:59:59-10:00"
    " 2026-01-31T12:00:00 2026-01-31 2026-01-31T12:00:00.0123456789Z  Z"
    " 2026-01-31T12:00:00+0x:00 2026-01-31T12:00:00+99:99",
    "Duration": f"315576000001s 1 s  1_0s +1s \t1s 1e3s 1.2.3s {'1' * 5000}s",
    "FieldMask": "show_stats",
}
"""Separated by spaces; one is empty."""


@pytest.mark.parametrize("name", GOOD_TEXTS)
def test_times_durations_and_masks_have_a_grammar_and_a_range(name: str) -> None:
    for text in GOOD_TEXTS[name].split(" "):
        decoded(trial(), "google.protobuf." + name, json.dumps(text).encode())
    for text in BAD_TEXTS[name].split(" "):
        problem = refusal("google.protobuf." + name, json.dumps(text).encode())
        assert problem.startswith("the body: expected "), text


@pytest.mark.thorough
@pytest.mark.parametrize("levels", [20, 90, 110, 1500, 20000])
@pytest.mark.parametrize(
    ("name", "opening", "innermost", "closing"),
    [
        ("trial.Tree", b'{"child":', b"{}", b"}"),
        ("trial.Tree", b'{"children":[', b"{}", b"]}"),
        ("trial.Tree", b'{"named":{"":', b"{}", b"}}"),
        ("trial.two.Groups", b'{"single":{"groups":', b"{}", b"}}"),
        ("google.protobuf.Struct", b'{"":', b"{}", b"}"),
        ("google.protobuf.ListValue", b"[", b"[]", b"]"),
        ("google.protobuf.Any", b'{"@type":"x/google.protobuf.Any","value":', b"{}", b"}"),
        ("trial.Leaf", b'{"unknown":', b"{}", b"}"),
    ],
    ids=["message", "list", "map", "group", "Struct", "ListValue", "Any", "unknown"],
)
def test_what_is_nested_deeper_than_a_hundred_levels_is_400(
    levels: int, name: str, opening: bytes, innermost: bytes, closing: bytes
) -> None:
    body = opening * levels + innermost + closing * levels
    try:
        decoded(trial(), name, body, UnknownFieldPolicy.NOTHING)
        assert levels < 100 or name == "trial.Leaf"
    except GatewayError as error:
        assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - success is fine too
        assert levels > 20


@pytest.mark.parametrize("key", ["children", "named"])
def test_what_protobuf_itself_can_nest_is_taken(key: str) -> None:
    levels = 90 if key == "children" else 45  # each entry of a map is a message of its own
    leaf: dict[str, Any] = {}
    for _ in range(levels):
        leaf = {key: [leaf] if key == "children" else {"x": leaf}}
    tree = trial().message_class("trial.Tree")()
    expected = json_format.ParseDict(leaf, tree, max_recursion_depth=1000)
    assert decoded(trial(), "trial.Tree", leaf) == expected
