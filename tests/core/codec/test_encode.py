"""Messages to JSON: equal to the oracle for every type there is, and the exact texts."""

import math
from typing import Any

import pytest
from hypothesis import given

from gateway.core.codec.scalars import MINUS_ZERO, FloatTable
from gateway.core.codec.slices import varint
from gateway.core.errors import Code, GatewayError
from tests.support import protos
from tests.support.protos import TestSchema, each_of, examples, messages, opencue, parsed, trial


def encoded(schema: TestSchema, name: str, payload: bytes) -> bytes:
    return b"".join(schema.encoders.encoder(schema.message_type(name))(payload))


def encoded_message(name: str, **fields: Any) -> bytes:
    message = trial().message_class(name)(**fields)
    return encoded(trial(), name, message.SerializeToString())


def check_types(schema: TestSchema, names: list[str], number: int) -> None:
    @given(each_of(schema, names))
    @examples(number)
    def check(found: tuple[Any, ...]) -> None:
        for name, message in zip(names, found, strict=True):
            text = encoded(schema, name, message.SerializePartialToString())
            assert protos.exact(parsed(text)) == protos.exact(protos.oracle(schema, message))

    check()


def test_no_type_of_either_schema_is_left_out() -> None:
    assert sum(len(opencue().types_of(file.name)) for file in opencue().files) >= 744
    assert opencue().broken == trial().broken == {}


@pytest.mark.parametrize(("schema", "groups", "number"), protos.every_type())
def test_json_is_that_of_the_oracle(
    schema: TestSchema, groups: list[list[str]], number: int
) -> None:
    for names in groups:
        check_types(schema, names, number)


DOUBLES = [
    *((0.1, b"0.1"), (4.0, b"4"), (-4.0, b"-4"), (0.0, b"0"), (-0.0, b"-0")),
    *((math.nan, b'"NaN"'), (math.inf, b'"Infinity"'), (-math.inf, b'"-Infinity"')),
    *((2.0**53 - 1, b"9007199254740991"), (0.1 + 0.2, b"0.30000000000000004")),
    *((5e-324, b"5e-324"), (1.7976931348623157e308, b"1.7976931348623157e308")),
]


@pytest.mark.parametrize(("value", "text"), DOUBLES)
def test_a_double_is_written_at_its_shortest(value: float, text: bytes) -> None:
    json = encoded_message("trial.Optional", a_double=value)
    assert json.replace(b"e+", b"e") == b'{"aDouble":' + text + b"}"


FLOATS = [
    *((0.1, b"0.1"), (4.0, b"4"), (-0.0, b"-0"), (1234.56, b"1234.56")),
    *((math.nan, b'"NaN"'), (math.inf, b'"Infinity"'), (-math.inf, b'"-Infinity"')),
    *((16777217.0, b"16777216"), (1 / 3, b"0.33333334")),
]


@pytest.mark.parametrize(("value", "text"), FLOATS)
@pytest.mark.parametrize("again", [1, 3], ids=["once", "remembered"])
def test_a_float_is_written_with_its_fewest_digits_however_often_it_comes(
    value: float, text: bytes, again: int
) -> None:
    json = encoded_message("trial.Repeated", floats=[value] * again)
    assert b'"floats":[' + b",".join([text] * again) + b"]" in json


def test_nan_and_zeros_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.codec.scalars.REMEMBERED_FLOATS", 2)
    table = FloatTable()
    assert [table[value] for value in (0.5, 1.0, 0.5)] == [0.5, 1, 0.5]
    assert [table[value] for value in (math.nan, 0.0)] == ["NaN", 0]
    assert table[-0.0] == MINUS_ZERO
    assert list(table) == [0.5, 1.0]
    assert table[2.0] == 2
    assert list(table) == [2.0]


EXTREMES = [
    *((3.4028234663852886e38, 3.4028235e38), (-3.4028234663852886e38, -3.4028235e38)),
    *((1.1754943508222875e-38, 1.1754944e-38), (1e21, 1e21)),
]


@pytest.mark.parametrize(("value", "short"), EXTREMES)
def test_the_extremes_of_a_float_have_no_digits_of_a_double(value: float, short: float) -> None:
    number = int(short) if short.is_integer() else short
    assert parsed(encoded_message("trial.Optional", a_float=value)) == {"aFloat": number}


@pytest.mark.parametrize("value", [2.0**53, -(2.0**53), 9.1e15, 1e16, 1e20, 1e21, 1e22, 1e300])
def test_a_large_whole_number_has_no_fraction(value: float) -> None:
    text = encoded_message("trial.Optional", a_double=value)
    assert b"." not in text
    assert parsed(text) == {"aDouble": int(value)}


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("int64s", -(2**63), b'"-9223372036854775808"'),
        ("int64s", 2**63 - 1, b'"9223372036854775807"'),
        ("uint64s", 2**64 - 1, b'"18446744073709551615"'),
        ("sint64s", -1, b'"-1"'),
        ("fixed64s", 0, b'"0"'),
        ("sfixed64s", -5, b'"-5"'),
        ("int32s", -(2**31), b"-2147483648"),
        ("uint32s", 2**32 - 1, b"4294967295"),
        ("fixed32s", 7, b"7"),
        ("bools", True, b"true"),
        ("strings", 'a"\\é\u2028\x01', '"a\\"\\\\é\u2028\\u0001"'.encode()),
        ("bytes_s", b"\xfb\xff", b'"+/8="'),
        ("bytes_s", b"", b'""'),
        ("colours", 1, b'"RED"'),
        ("colours", -2, b'"BLUE"'),
        ("colours", 77, b"77"),
        ("colours", -77, b"-77"),
    ],
)
def test_integers_of_64_bits_are_strings_bytes_base64_and_enums_names_or_numbers(
    field: str, value: object, text: bytes
) -> None:
    json = encoded_message("trial.Repeated", **{field: [value]})
    assert b":[" + text + b"]" in json


def test_defaults_are_written_presence_is_null_and_members_of_a_oneof_are_absent() -> None:
    tree = b'{"name":"","child":null,"children":[],"named":{},"forest":null}'
    assert encoded(trial(), "trial.Tree", b"") == tree
    assert encoded(trial(), "trial.OneOfs", b"") == b'{"before":"","between":"","after":null}'
    assert encoded(trial(), "trial.Optional", b"") == b"{}"
    assert encoded(trial(), "trial.two.Defaults", b"") == (
        b'{"aDouble":null,"aFloat":null,"anInt32":null,"aUint64":null,"aBool":null,'
        b'"aString":null,"aBytes":null,"closed":null,"open":null,"first":null}'
    )
    assert encoded(trial(), "trial.editions.Presence", b"") == (
        b'{"explicitText":null,"explicitNumber":null,"implicitText":"","implicitNumber":0,'
        b'"implicitOpen":"OPEN_ZERO","explicitOpen":null,"explicitClosed":null,'
        b'"requiredNumber":null,"explicitBytes":null,"expanded":[],"closedMany":[],'
        b'"closedNamed":{}}'
    )
    assert encoded(trial(), "trial.Nothing", b"") == b"{}"
    assert encoded(trial(), "google.protobuf.Empty", b"") == b"{}"


def test_a_field_set_to_its_default_is_written() -> None:
    set_to_it = encoded_message("trial.Optional", a_double=0.0, a_string="")
    assert set_to_it == b'{"aDouble":0,"aString":""}'
    chosen = b'{"before":"","number":"0","between":"","after":null}'
    assert encoded_message("trial.OneOfs", number=0) == chosen


def test_maps_are_sorted_by_the_values_of_their_keys() -> None:
    text = encoded_message("trial.Maps", by_int32={10: "c", 9: "b", -1: "a"})
    assert b'"byInt32":{"-1":"a","9":"b","10":"c"}' in text
    text = encoded_message("trial.Maps", by_bool={True: {}, False: {}})
    assert list(parsed(text)["byBool"]) == ["false", "true"]


def test_unknown_fields_of_an_answer_are_left_out() -> None:
    newer = trial().message_class("trial.Scalars")(a_double=1.5, a_string="x")
    assert encoded(trial(), "trial.Nothing", newer.SerializeToString()) == b"{}"


def test_an_unknown_number_of_a_closed_enum_is_left_out() -> None:
    text = encoded(trial(), "trial.two.ClosedEnums", b"\x08\x07")
    assert parsed(text) == {"one": None, "many": [], "packed": [], "named": {}}


def test_names_of_pythons_methods_are_ordinary_names_of_fields() -> None:
    text = encoded(trial(), "trial.MethodNames", b"\x0a\x01a\x12\x01b\x3a\x01c\x4a\x00")
    names = ["SerializeToString", "FromString", "ListFields", "WhichOneof", "add"]
    given = {"HasField": "a", "SetInParent": "b", "DESCRIPTOR": "c", "leaf": {"name": ""}}
    assert parsed(text) == dict.fromkeys(names, "") | given
    assert parsed(encoded(trial(), "trial.HasMethodNames", b"\x12\x00"))["one"] is None


def test_names_go_out_as_protoc_made_them() -> None:
    assert list(parsed(encoded_message("trial.Names", **{"in": "x", "lambda": ""}))) == [
        *("class", "from", "None", "True", "import", "foo1Bar", "X", "Dunder", "x"),
        *("Capital", "camelCase", "UPPERCASE", "something else", "@type.2", 'имя"\\', "v0"),
        *("json", "message", "get", "f23d", "lambda", "in"),
    ]


def test_an_any_of_an_unknown_type_keeps_its_type_and_its_bytes() -> None:
    content = {"type_url": "type.googleapis.com/not.There", "value": b"\x08\x01"}
    json = b'{"@type":"type.googleapis.com/not.There","value":"CAE="}'
    assert encoded_message("google.protobuf.Any", **content) == json


UNREADABLE = [
    ("trial.Leaf", b"\x0a\x05ab"),  # truncated
    ("trial.Leaf", b"\x0f"),  # wrong wire type at the end
    ("trial.Leaf", b"\x0c"),  # end of a group
    ("trial.Leaf", b"\x0a\x01\xff"),  # string that is not UTF-8
    ("trial.two.LooseStrings", b"\x0a\x01\xff"),
    ("trial.two.LooseStrings", b"\x12\x01\xff"),  # in a list
    ("trial.two.LooseStrings", b"\x1a\x03\x0a\x01\xff"),  # as the key of a map
    ("trial.two.LooseStrings", b"\x1a\x03\x12\x01\xff"),  # as its value
    ("trial.editions.Unchecked", b"\x12\x03\x0a\x01\xff"),
    ("google.protobuf.Timestamp", b"\x08\x80\xdc\xd9\xba\xbf\x07"),  # year 10000
    ("google.protobuf.Value", b"\x11" + b"\x00" * 6 + b"\xf8\x7f"),  # NaN
    ("google.protobuf.Any", b"\x0a\x0fx/trial.Scalars\x12\x01\x0f"),  # broken content
]


@pytest.mark.parametrize(("name", "payload"), UNREADABLE)
def test_bytes_that_are_no_such_message_are_internal(name: str, payload: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        encoded(trial(), name, payload)
    assert caught.value.code is Code.INTERNAL


def any_in_any(levels: int) -> bytes:
    any_ = trial().message_class("google.protobuf.Any")
    data = b""
    for _ in range(levels):
        data = any_(type_url="x/google.protobuf.Any", value=data).SerializeToString()
    return data


@pytest.mark.parametrize("levels", [90, 150, 300, 3000])
def test_an_answer_nested_too_deep_is_internal_and_no_crash(levels: int) -> None:
    tree = b""
    for _ in range(levels):
        tree = b"\x12" + varint(len(tree)) + tree
    for name, payload in (("trial.Tree", tree), ("google.protobuf.Any", any_in_any(levels))):
        try:
            parsed(encoded(trial(), name, payload))
            assert levels < 1000
        except GatewayError as error:
            assert error.code is Code.INTERNAL  # noqa: PT017 - success is fine too
            assert levels > 99


@pytest.mark.parametrize("name", [*protos.own_types(), "job.Job", "show.ShowSeq"])
@pytest.mark.slow
def test_any_bytes_are_json_or_internal(name: str) -> None:
    schema = opencue() if name.startswith(("job.", "show.")) else trial()

    @given(messages(schema, name), protos.any_messages(), protos.JUNK, protos.CUTS)
    @examples(12)
    def check(good: Any, other: Any, junk: bytes, cut: int) -> None:
        data = good.SerializePartialToString()
        stranger = other.SerializePartialToString()
        for payload in (junk, data[:cut] + junk + data[cut:], data[:-1], data + stranger):
            try:
                parsed(encoded(schema, name, payload))
            except GatewayError as error:
                assert error.code is Code.INTERNAL  # noqa: PT017 - success is fine too

    check()
