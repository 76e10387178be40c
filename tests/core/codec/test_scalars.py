"""Numbers, enums, texts and bytes in requests: which spellings are taken, and which refused."""

import pytest

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from tests.support.decoding import decoded, refusal
from tests.support.protos import trial

NUMBERS: list[tuple[str, str, float]] = [
    ("anInt32", "-2147483648", -(2**31)),
    ("anInt32", "2147483647", 2**31 - 1),
    ("aUint32", "4294967295", 2**32 - 1),
    ("anInt64", "-9223372036854775808", -(2**63)),
    ("anInt64", "9223372036854775807", 2**63 - 1),
    ("aUint64", "18446744073709551615", 2**64 - 1),
    ("aSint64", "-9223372036854775808", -(2**63)),
    ("aFixed64", "18446744073709551615", 2**64 - 1),
    ("aSfixed32", "-2147483648", -(2**31)),
    *(("anInt64", "0", 0), ("anInt64", "-0", 0)),
    *(("anInt32", "5.0", 5), ("anInt32", "1e3", 1000), ("anInt64", "1E+3", 1000)),
    *(("anInt64", "1000e-3", 1), ("anInt64", "1.5e1", 15)),
    ("anInt64", "9007199254740991.0", 2**53 - 1),
    *(("aDouble", "0.1", 0.1), ("aDouble", "5e-324", 5e-324), ("aDouble", "1e-999", 0.0)),
    ("aDouble", "1.7976931348623157e308", 1.7976931348623157e308),
    ("aDouble", "1" + "0" * 30, 1e30),
    ("aDouble", "12345678901234567890", 12345678901234567890.0),
    ("aFloat", "3.4028234663852886e38", 3.4028234663852886e38),
    ("aFloat", "3.4028235e38", 3.4028234663852886e38),
    ("aFloat", "-3.4028235e38", -3.4028234663852886e38),
    ("aFloat", "16777217", 16777216.0),
    ("aFloat", "1e-45", 1.401298464324817e-45),
    ("aFloat", "1e-60", 0.0),
]


@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
@pytest.mark.parametrize(("field", "text", "value"), NUMBERS)
def test_a_number_may_be_a_string_and_is_rounded_to_its_type(
    field: str, text: str, value: float, quote: str
) -> None:
    message = decoded(trial(), "trial.Scalars", f'{{"{field}": {quote}{text}{quote}}}'.encode())
    assert [content for _, content in message.ListFields()] == ([value] if value else [])


OUT_OF_RANGE = {
    "anInt32": ("-2147483649", "2147483648", "1.5", "1e-9"),
    "aUint32": ("4294967296", "-1"),
    "anInt64": (
        *("-9223372036854775809", "9223372036854775808", "9223372036854775807.5", "1" + "0" * 30),
        *("1e30", "1e999999999", "1e99999999999999999999"),
    ),
    "aUint64": ("18446744073709551616", "-1", "1" * 5000),
    "aFloat": ("3.4028236e38", "-3.4028236e38", "3.4028235677973366e38", "1e39", "-1e400"),
    "aDouble": ("1e999", "1e999999999", "1e99999999999999999999", "1" * 400),
}
TINY = "1e-99999999999999999999"  # in JSON that is 0; in a string a fraction
TEXTS_FOR_NO_NUMBER = [
    *("1_0", "+1", "01", "-007", " 1", "1 ", "1\n", ".5", "1.", "1e", "0x1", "", "-", "ten", "1,5"),
    *("\u0661", "\uff11", "nan", "inf", "infinity", "+Infinity"),
]


@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
@pytest.mark.parametrize("field", OUT_OF_RANGE)
def test_what_a_field_cannot_hold_is_refused(field: str, quote: str) -> None:
    is_integer = field not in ("aFloat", "aDouble")
    for text in (*OUT_OF_RANGE[field], *([TINY] if quote and is_integer else ())):
        message = refusal("trial.Scalars", f'{{"{field}": {quote}{text}{quote}}}'.encode())
        assert message.startswith(f"{field}: ") or "not valid JSON" in message
        assert len(message) < 300


@pytest.mark.parametrize("field", ["anInt32", "aUint64", "aDouble", "aFloat"])
@pytest.mark.parametrize("text", TEXTS_FOR_NO_NUMBER, ids=ascii)
def test_a_string_is_a_number_only_in_the_grammar_of_json(field: str, text: str) -> None:
    assert refusal("trial.Scalars", {field: text}).startswith(f"{field}: expected a")


@pytest.mark.parametrize("field", ["anInt32", "anInt64", "aUint32", "aUint64", "aDouble", "aFloat"])
@pytest.mark.parametrize("value", [True, [], {}, [1]], ids=repr)
def test_other_kinds_of_values_are_no_numbers(field: str, value: object) -> None:
    message = refusal("trial.Scalars", {field: value})
    assert message.startswith(f"{field}: expected")
    kinds = {bool: "true or false", list: "a list", dict: "an object"}
    assert message.endswith(f"got {kinds[type(value)]}")


@pytest.mark.parametrize(
    "text", ["9007199254740993.0", "9007199254740993e0", "-9007199254740993.0"]
)
def test_a_number_that_a_double_cannot_hold_is_not_rounded_in_silence(text: str) -> None:
    assert refusal("trial.Scalars", f'{{"anInt64": {text}}}'.encode()).startswith("anInt64: ")
    quoted = decoded(trial(), "trial.Scalars", f'{{"anInt64": "{text}"}}'.encode())
    assert abs(quoted.an_int64) == 2**53 + 1


@pytest.mark.parametrize("field", ["aDouble", "aFloat"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_the_infinities_are_strings(field: str, text: str) -> None:
    message = decoded(trial(), "trial.Scalars", {field: text})
    assert str(message.a_double or message.a_float) == str(float(text))
    assert "not valid JSON" in refusal("trial.Scalars", f'{{"{field}": {text}}}'.encode())


ENUMS: list[tuple[object, int]] = [
    *(("RED", 1), ("red", 1), ("SCARLET", 1), (-2, -2), ("-2", -2), (1.0, 1), (12345, 12345)),
    *((2147483647, 2147483647), ("LOWEST", -2147483648)),
]


@pytest.mark.parametrize(("value", "number"), ENUMS)
def test_an_enum_takes_its_names_aliases_and_any_number(value: object, number: int) -> None:
    assert decoded(trial(), "trial.Scalars", {"colour": value}).colour == number


NOT_ENUMS: list[tuple[object, str]] = [
    ("GREEN", "no trial.Colour is called 'GREEN'; there are "),
    ("CRIMSONS", "did you mean `CRIMSON`?"),
    ("rad", "did you mean `RED`?"),
    ("", "no trial.Colour is called ''"),
    *(("1_0", "no trial.Colour is called"), ("+1", "no trial.Colour is called")),
    *((2147483648, "trial.Colour"), (1.5, "trial.Colour"), (True, "got true or false")),
    *((["RED"], "got a list"), ({}, "got an object")),
]


@pytest.mark.parametrize(("value", "problem"), NOT_ENUMS)
def test_an_unknown_name_of_an_enum_is_told_the_nearest_one(value: object, problem: str) -> None:
    message = refusal("trial.Scalars", {"colour": value})
    assert message.startswith("colour: ")
    assert problem in message


@pytest.mark.parametrize("field", ["one", "chosen"])
def test_a_closed_enum_takes_its_own_numbers_only(field: str) -> None:
    assert getattr(decoded(trial(), "trial.two.ClosedEnums", {field: 5}), field) == 5
    assert "no trial.two.Closed has the number 4" in refusal("trial.two.ClosedEnums", {field: 4})
    assert refusal("trial.two.ClosedEnums", {"many": [3, 0]}).startswith("many[1]: ")
    assert refusal("trial.two.ClosedEnums", {"named": {"x": 9}}).startswith("named.x: ")


BASE64 = [
    *(("+/8=", b"\xfb\xff"), ("-_8=", b"\xfb\xff"), ("+/8", b"\xfb\xff"), ("-_8", b"\xfb\xff")),
    *(("", b""), ("QQ==", b"A"), ("QUJD", b"ABC")),
]
NOT_BASE64 = [
    *("%%%", "A", "A===", "QUJDR", "QU JD", "QUJD\n", "QQ==QQ==", "====", "=", "QQ==="),
    *("QQ======", "QUJD====", "QQ=", "é", "𝄞"),
]


@pytest.mark.parametrize(("text", "data"), BASE64)
def test_bytes_are_base64_of_either_alphabet_padded_or_not(text: str, data: bytes) -> None:
    assert decoded(trial(), "trial.Scalars", {"aBytes": text}).a_bytes == data


@pytest.mark.parametrize("text", NOT_BASE64, ids=ascii)
def test_what_is_no_base64_is_refused_and_nothing_skipped(text: str) -> None:
    assert refusal("trial.Scalars", {"aBytes": text}).startswith("aBytes: expected base64")


@pytest.mark.parametrize("value", [1, True, [], {}, [65]], ids=repr)
@pytest.mark.parametrize("field", ["aBytes", "aString"])
def test_only_strings_are_strings(field: str, value: object) -> None:
    assert refusal("trial.Scalars", {field: value}).startswith(f"{field}: expected ")


@pytest.mark.parametrize("value", ["true", "false", "", 0, 1, [], {}], ids=repr)
def test_only_true_and_false_are_booleans(value: object) -> None:
    assert refusal("trial.Scalars", {"aBool": value}).startswith("aBool: expected true or false")


@pytest.mark.parametrize("text", ["", "é𝄞", "\x00", "\u2028", '"\\', "NaN", "null"], ids=ascii)
def test_a_string_is_taken_as_it_is(text: str) -> None:
    assert decoded(trial(), "trial.Scalars", {"aString": text}).a_string == text


@pytest.mark.parametrize(
    "body",
    [
        *(b'{"aString": "\\ud800"}', b'{"aString": "\\udc00x"}', b'{"\\ud800": 1}'),
        *(b'{"aString": "\xed\xa0\x80"}', b'{"aString": "\xff"}'),
    ],
    ids=["high", "low", "key", "encoded", "not UTF-8"],
)
def test_half_a_surrogate_pair_and_broken_utf8_are_no_text(body: bytes) -> None:
    refusal("trial.Scalars", body, UnknownFieldPolicy.NOTHING)
