"""JSON to messages: every spelling the oracle writes or reads, and whatever else clients send."""

import json
import re
from random import Random
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.body import UnknownFieldPolicy
from gateway.errors import Code, GatewayError
from tests.support.decoding import decoded, decoder, refusal
from tests.support.protos import (
    TestSchema,
    canonical,
    damaged,
    examples,
    messages,
    opencue,
    oracle,
    respelled,
    trial,
    trial_types,
    well_known_types,
)

OPENCUE_FILES = [file.name for file in opencue().files]
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


def check_type(schema: TestSchema, name: str, number: int) -> None:
    @given(message=messages(schema, name), seed=SEEDS)
    @examples(number)
    def check(message: Any, seed: int) -> None:
        body = respelled(schema, message, oracle(schema, message), Random(seed))  # noqa: S311
        found = decoded(schema, name, body)
        assert canonical(schema, found) == canonical(schema, message), (body, found)

    check()


@pytest.mark.parametrize("file", OPENCUE_FILES)
@pytest.mark.slow
def test_every_opencue_type(file: str) -> None:
    """A message of OpenCue comes back from its JSON, whichever way that is written."""
    for descriptor in opencue().types_of(file):
        check_type(opencue(), descriptor.full_name, 6)


@pytest.mark.thorough
@pytest.mark.parametrize("name", trial_types())
def test_every_trial_type(name: str) -> None:
    """What OpenCue lacks comes back from its JSON, whichever way that is written."""
    check_type(trial(), name, 30)


@pytest.mark.parametrize("name", well_known_types())
def test_well_known_type_as_a_request(name: str) -> None:
    """A well-known type that is a method's whole request comes back from its JSON."""
    check_type(trial(), name, 30)


@pytest.mark.parametrize("name", [*trial_types(), *well_known_types(), "job.Job", "host.Host"])
@pytest.mark.slow
def test_damaged_body(name: str) -> None:
    """What json_format takes is taken the same way; the rest is a 400 and never a crash."""
    schema = opencue() if name.startswith(("job.", "host.")) else trial()

    @given(message=messages(schema, name), seed=SEEDS, times=st.integers(0, 3))
    @examples(40)
    def check(message: Any, seed: int, times: int) -> None:
        random = Random(seed)  # noqa: S311
        body = oracle(schema, message)
        for _ in range(times):
            body = damaged(body, random)
        expected = schema.message_class(name)()
        try:
            json_format.ParseDict(
                json.loads(json.dumps(body)), expected, descriptor_pool=schema.pool
            )
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
                assert canonical(schema, found) == canonical(schema, expected), (body, found)

    check()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["trial.Scalars", "trial.Tree", "trial.wellknown.Singular"])
def test_any_body_at_all(name: str) -> None:
    """Whatever the bytes are, there is a message or a 400."""
    keys = [field.json_name for field in trial().message_type(name).fields]
    values = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.one_of(st.sampled_from(keys), st.text(max_size=3)), inner, max_size=4
            ),
        ),
        max_leaves=8,
    )

    @given(
        body=st.one_of(
            st.binary(max_size=20),
            values.map(lambda value: json.dumps(value).encode()),
            st.text(alphabet='{}[]":,\\ud80-+.eE0123nulltrue' + "\ufeff", max_size=20).map(
                lambda text: text.encode()
            ),
        ),
        policy=st.sampled_from(UnknownFieldPolicy),
    )
    @examples(200)
    def check(body: bytes, policy: UnknownFieldPolicy) -> None:
        try:
            decoded(trial(), name, body, policy)
        except GatewayError as error:
            assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - success is fine too

    check()


# Bodies


@pytest.mark.parametrize(
    "body", [b"", b" ", b"\r\n\t ", b"{}", b" {} \n", b"\xef\xbb\xbf{}"], ids=repr
)
def test_empty_body(body: bytes) -> None:
    """No body, white space, and a byte order mark are all an empty message."""
    assert decoded(trial(), "trial.Scalars", body) == trial().message_class("trial.Scalars")()


def test_byte_order_mark() -> None:
    """Windows' byte order mark before the body is skipped."""
    body = b'\xef\xbb\xbf{"name": "x"}'
    assert decoded(trial(), "trial.Leaf", body).name == "x"


@pytest.mark.parametrize(
    ("body", "got"),
    [
        *((b"[]", "a list"), (b"null", "null"), (b"1", "a number"), (b'"x"', "a string")),
        *((b"true", "true or false"), (b"[{}]", "a list")),
    ],
    ids=repr,
)
def test_body_that_is_no_object(body: bytes, got: str) -> None:
    """A body of another kind is refused by that name."""
    assert refusal("trial.Leaf", body) == f"the body: expected an object, got {got}"


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"{]", b'{"name": "x",}', b"{'name': 1}", b"{}{}", b"{} x", b'{"name" "x"}'),
        *(b"nul", b'{"name": "\x01"}', b"// x\n{}", b"[" * 5000, b'{"name":' * 5000),
        b"\xff\xfe{\x00}\x00",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_body_that_is_no_json(body: bytes) -> None:
    """What is not JSON is refused with the place."""
    assert "not valid JSON" in refusal("trial.Leaf", body)


def test_last_of_duplicate_keys_wins() -> None:
    """A key twice is not an error: the last one counts, as in other JSON parsers."""
    assert decoded(trial(), "trial.Leaf", b'{"name": "x", "name": "y"}').name == "y"
    tree = decoded(trial(), "trial.Tree", b'{"child": {"name": "x"}, "child": {}}')
    assert tree.HasField("child")
    assert tree.child.name == ""


def test_field_under_both_names() -> None:
    """A field under its original and its JSON name at once is refused, whatever the values."""
    assert "send one" in refusal("trial.Scalars", {"anInt32": 1, "an_int32": 1})
    assert "send one" in refusal("trial.Scalars", {"an_int32": 1, "anInt32": None})


def test_null_means_not_set() -> None:
    """Null is taken for every field and leaves it unset."""
    for name in ("trial.Scalars", "trial.Repeated", "trial.Optional", "trial.OneOfs", "trial.Maps"):
        fields = trial().message_type(name).fields
        message = decoded(trial(), name, {field.json_name: None for field in fields})
        assert message.ListFields() == []


def test_zero_is_not_set_where_that_is_the_same() -> None:
    """Defaults, as answers write them, set fields with presence, and no others."""
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
def test_zero_of_another_type(keys: str, zero: object) -> None:
    """The default of another type is a mistake."""
    for key in keys.split():
        assert refusal("trial.Scalars", {key: zero}).startswith(f"{key}: ")


def test_null_that_is_a_value() -> None:
    """A Value and a NullValue take null as the value that it is."""
    message = decoded(trial(), "trial.wellknown.Singular", {"value": None})
    assert message.value.WhichOneof("kind") == "null_value"
    chosen = decoded(trial(), "trial.wellknown.Chosen", {"nullValue": None})
    assert chosen.WhichOneof("choice") == "null_value"
    chosen = decoded(trial(), "trial.wellknown.Chosen", {"value": None})
    assert chosen.WhichOneof("choice") == "value"
    many = decoded(trial(), "trial.wellknown.Repeated", {"value": [None], "nullValue": [None]})
    assert many.value[0].WhichOneof("kind") == "null_value"
    assert list(many.null_value) == [0]
    assert decoded(trial(), "google.protobuf.Value", b"null").WhichOneof("kind") == "null_value"
    mapped = decoded(trial(), "trial.wellknown.Mapped", {"value": {"x": None}})
    assert mapped.value["x"].WhichOneof("kind") == "null_value"


def test_oneof() -> None:
    """Of a oneof one member is set; a null one does not count."""
    message = decoded(trial(), "trial.OneOfs", {"text": None, "number": 0, "leaf": None})
    assert message.WhichOneof("choice") == "number"
    assert "choice takes one of them" in refusal("trial.OneOfs", {"text": "", "number": 0})
    assert refusal("trial.OneOfs", {"inner": {"text": "x", "inner": {}}}).startswith("inner.inner")
    both = decoded(trial(), "trial.OneOfs", {"text": "x", "alone": "y"})
    assert (both.text, both.alone) == ("x", "y")


def test_names_of_fields() -> None:
    """Every field answers to its JSON name and to its original one, odd as they may be."""
    for field in trial().message_type("trial.Names").fields:
        for name in {field.json_name, field.name}:
            value: Any = ["x"] if field.is_repeated else {} if field.message_type else "x"
            message = decoded(trial(), "trial.Names", {name: value})
            assert [found.name for found, _ in message.ListFields()] == [field.name]


def test_json_name_comes_before_original_name() -> None:
    """When a field's JSON name is another's original name, it is the JSON name that counts."""
    message = decoded(trial(), "trial.two.Swapped", {"second": "x", "first": 7})
    assert (message.first, message.second) == ("x", 7)


def test_fields_named_like_methods() -> None:
    """Names that Python's message classes use for their methods are ordinary field names."""
    body = {"one": {"HasField": "a", "SetInParent": "b"}, "many": [{"SerializeToString": "c"}]}
    message = decoded(trial(), "trial.HasMethodNames", body)
    assert getattr(message.one, "SetInParent") == "b"  # noqa: B009 - a field here
    assert getattr(message.many[0], "SerializeToString") == "c"  # noqa: B009 - as above
    direct = decoder(trial().decoders, trial().message_type("trial.MethodNames"))
    assert (
        direct(b'{"SerializeToString": "x"}', UnknownFieldPolicy.EVERYTHING).payload == b"\x1a\x01x"
    )


def test_groups() -> None:
    """proto2 groups and delimited fields are messages like any other."""
    message = decoded(trial(), "trial.two.Groups", {"single": {"name": "x"}, "several": [{}]})
    assert message.single.name == "x"
    assert len(message.several) == 1
    assert decoded(trial(), "trial.editions.Delimited", {"one": {"name": "y"}}).one.name == "y"


def test_extensions() -> None:
    """Extensions are taken under the name they are written with."""
    body = {"[trial.two.extra_number]": "7", "[trial.two.extra_leaf]": {"name": "x"}}
    message = decoded(trial(), "trial.two.Extendable", body)
    assert [field.full_name for field, _ in message.ListFields()] == [
        "trial.two.extra_number",
        "trial.two.extra_leaf",
    ]


def test_required_fields() -> None:
    """A proto2 message without its required fields is refused by their names."""
    assert refusal("trial.two.Required", {"name": "x"}) == "the body: missing: number"
    message = refusal("trial.two.Required", {"name": "x", "number": 1, "list": [{"number": 1}]})
    assert message == "the body: missing: list[0].name"
    assert refusal("trial.two.Required", b"") == "the body: missing: name, number"
    assert "requiredNumber" in refusal("trial.editions.Presence", {}) or (
        "required_number" in refusal("trial.editions.Presence", {})
    )


SINGULAR, REPEATED = "trial.wellknown.Singular", "trial.wellknown.Repeated"
PLACES: list[tuple[str, Any, str]] = [
    ("trial.Leaf", {"name": 1}, "name: expected a string, got a number"),
    ("trial.Scalars", {"a_bool": 1}, "a_bool: expected true or false"),
    ("trial.Repeated", {"strings": ["a", "b", 3]}, "strings[2]: expected a string, got a number"),
    ("trial.Repeated", {"strings": ["a", None]}, "strings[1]: expected a string, got null"),
    ("trial.Repeated", {"messages": [None]}, "messages[0]: expected an object, got null"),
    ("trial.Repeated", {"strings": {}}, "strings: expected a list, got an object"),
    ("trial.Repeated", {"strings": "x"}, "strings: expected a list, got a string"),
    ("trial.Repeated", {"int32s": 1}, "int32s: expected a list, got a number"),
    (
        "trial.Tree",
        {"child": {"children": [{}, {"name": True}]}},
        "child.children[1].name: expected",
    ),
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
def test_place_of_the_problem(name: str, body: Any, start: str) -> None:
    """An error names the place by the client's own words, and what was expected there."""
    assert refusal(name, body).startswith(start)


GOOD_TEXTS = {
    "Timestamp": [
        *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00"),
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"),
    ],
    "Duration": ["-1.5s", "315576000000s"],
    "FieldMask": ["name,showStats.x", ""],
}
BAD_TEXTS = {
    "Timestamp": [
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"),
        *("2026-01-31T12:00:00", "2026-01-31", "2026-01-31T12:00:00.0123456789Z", "", "Z"),
        *("2026-01-31T12:00:00+0x:00", "2026-01-31T12:00:00+99:99"),
    ],
    "Duration": [
        *("315576000001s", "1", "s", "", "1_0s", "+1s", " 1s", "1e3s", "1.2.3s", "1" * 5000 + "s")
    ],
    "FieldMask": ["show_stats"],
}


@pytest.mark.parametrize("name", GOOD_TEXTS)
def test_well_known_text(name: str) -> None:
    """Times, durations and masks are taken in their own grammar, within their own range."""
    for text in GOOD_TEXTS[name]:
        decoded(trial(), "google.protobuf." + name, json.dumps(text).encode())
    for text in BAD_TEXTS[name]:
        problem = refusal("google.protobuf." + name, json.dumps(text).encode())
        assert problem.startswith("the body: expected "), text


@pytest.mark.thorough
@pytest.mark.parametrize("levels", [20, 40, 90, 110, 300, 1500, 20000])
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
def test_deep_body(
    levels: int, name: str, opening: bytes, innermost: bytes, closing: bytes
) -> None:
    """What is nested deeper than a hundred levels is a 400; what protobuf can hold is taken."""
    body = opening * levels + innermost + closing * levels
    if levels == 20:
        decoded(trial(), name, body, UnknownFieldPolicy.NOTHING)
    elif levels > 100 and name != "trial.Leaf":
        refusal(name, body, UnknownFieldPolicy.NOTHING)
    else:
        try:
            decoded(trial(), name, body, UnknownFieldPolicy.NOTHING)
        except GatewayError as error:
            assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017 - success is fine too


@pytest.mark.parametrize("key", ["children", "named"])
def test_deep_enough(key: str) -> None:
    """What protobuf itself can nest, through lists and maps too, is taken."""
    levels = 90 if key == "children" else 45  # each entry of a map is a message of its own
    leaf: dict[str, Any] = {}
    for _ in range(levels):
        leaf = {key: [leaf] if key == "children" else {"x": leaf}}
    expected = json_format.ParseDict(
        leaf, trial().message_class("trial.Tree")(), max_recursion_depth=1000
    )
    assert decoded(trial(), "trial.Tree", leaf) == expected
