"""Numbers, enums, texts and bytes in requests: which spellings are taken, and which refused."""

import pytest

from gateway.codec.unknown import UnknownFieldPolicy
from tests.support.decoding import decoded, refusal
from tests.support.protos import trial

INTEGERS: dict[str, tuple[str, str, int]] = {
    "int32 low": ("anInt32", "-2147483648", -(2**31)),
    "int32 high": ("anInt32", "2147483647", 2**31 - 1),
    "uint32 high": ("aUint32", "4294967295", 2**32 - 1),
    "int64 low": ("anInt64", "-9223372036854775808", -(2**63)),
    "int64 high": ("anInt64", "9223372036854775807", 2**63 - 1),
    "uint64 high": ("aUint64", "18446744073709551615", 2**64 - 1),
    "sint64 low": ("aSint64", "-9223372036854775808", -(2**63)),
    "fixed64 high": ("aFixed64", "18446744073709551615", 2**64 - 1),
    "sfixed32 low": ("aSfixed32", "-2147483648", -(2**31)),
    "zero": ("anInt64", "0", 0),
    "minus zero": ("anInt64", "-0", 0),
    "no fraction": ("anInt32", "5.0", 5),
    "exponent": ("anInt32", "1e3", 1000),
    "capital exponent": ("anInt64", "1E+3", 1000),
    "negative exponent": ("anInt64", "1000e-3", 1),
    "fraction and exponent": ("anInt64", "1.5e1", 15),
    "largest exact double": ("anInt64", "9007199254740991.0", 2**53 - 1),
}


@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
@pytest.mark.parametrize(("field", "text", "value"), INTEGERS.values(), ids=INTEGERS)
def test_integer(field: str, text: str, value: int, quote: str) -> None:
    """Every integer type takes numbers and strings up to its limits, if they are whole."""
    body = f'{{"{field}": {quote}{text}{quote}}}'.encode()
    message = decoded(trial(), "trial.Scalars", body)
    assert [content for _, content in message.ListFields()] == ([value] if value else [])


NOT_INTEGERS = {
    "int32 below": ("anInt32", "-2147483649"),
    "int32 above": ("anInt32", "2147483648"),
    "uint32 above": ("aUint32", "4294967296"),
    "uint32 negative": ("aUint32", "-1"),
    "int64 below": ("anInt64", "-9223372036854775809"),
    "int64 above": ("anInt64", "9223372036854775808"),
    "uint64 above": ("aUint64", "18446744073709551616"),
    "uint64 negative": ("aUint64", "-1"),
    "ten to the thirtieth": ("anInt64", "1" + "0" * 30),
    "fraction": ("anInt32", "1.5"),
    "tiny": ("anInt32", "1e-9"),
    "large exponent": ("anInt64", "1e30"),
    "just not above": ("anInt64", "9223372036854775807.5"),
    "huge exponent": ("anInt64", "1e999999999"),
    "exponent beyond decimal": ("anInt64", "1e99999999999999999999"),
    "five thousand digits": ("aUint64", "1" * 5000),
}
TEXTS_FOR_NO_NUMBER = {
    "underscore": "1_0",
    "plus": "+1",
    "leading zero": "01",
    "leading zeros": "-007",
    "leading space": " 1",
    "trailing space": "1 ",
    "trailing newline": "1\n",
    "no digit before the point": ".5",
    "no digit after the point": "1.",
    "no exponent": "1e",
    "hexadecimal": "0x1",
    "empty": "",
    "minus": "-",
    "word": "ten",
    "Arabic digits": "\u0661",
    "full-width digits": "\uff11",
    "lower-case nan": "nan",
    "inf": "inf",
    "infinity": "infinity",
    "+Infinity": "+Infinity",
    "comma": "1,5",
}


@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
@pytest.mark.parametrize(("field", "text"), NOT_INTEGERS.values(), ids=NOT_INTEGERS)
def test_not_an_integer(field: str, text: str, quote: str) -> None:
    """Fractions, and what lies out of a type's range, are refused with the field's name."""
    message = refusal("trial.Scalars", f'{{"{field}": {quote}{text}{quote}}}'.encode())
    assert message.startswith(f"{field}: ") or "not valid JSON" in message
    assert len(message) < 300


def test_tiny_fraction_in_a_string() -> None:
    """A fraction stays one, however small it is."""
    message = refusal("trial.Scalars", {"anInt64": "1e-99999999999999999999"})
    assert message.startswith("anInt64: ")


@pytest.mark.parametrize("field", ["anInt32", "aUint64", "aDouble", "aFloat"])
@pytest.mark.parametrize("text", TEXTS_FOR_NO_NUMBER.values(), ids=TEXTS_FOR_NO_NUMBER)
def test_string_that_is_no_number(field: str, text: str) -> None:
    """A string stands for a number only in the grammar of JSON."""
    assert refusal("trial.Scalars", {field: text}).startswith(f"{field}: expected a")


@pytest.mark.parametrize("field", ["anInt32", "anInt64", "aUint32", "aUint64", "aDouble", "aFloat"])
@pytest.mark.parametrize(
    ("value", "got"),
    [(True, "true or false"), ([], "a list"), ({}, "an object"), ([1], "a list")],
    ids=["true", "list", "object", "list of one"],
)
def test_not_a_number(field: str, value: object, got: str) -> None:
    """Other kinds of values are no numbers, and the error says what came."""
    message = refusal("trial.Scalars", {field: value})
    assert message.startswith(f"{field}: expected")
    assert message.endswith(f"got {got}")


@pytest.mark.parametrize(
    "text", ["9007199254740993.0", "9007199254740993e0", "-9007199254740993.0"]
)
def test_number_that_lost_digits(text: str) -> None:
    """A number that a double cannot hold exactly is refused, and not rounded in silence."""
    assert refusal("trial.Scalars", f'{{"anInt64": {text}}}'.encode()).startswith("anInt64: ")
    quoted = decoded(trial(), "trial.Scalars", f'{{"anInt64": "{text}"}}'.encode())
    assert abs(quoted.an_int64) == 2**53 + 1


FLOATS = {
    "fraction": ("aDouble", "0.1", 0.1),
    "largest double": ("aDouble", "1.7976931348623157e308", 1.7976931348623157e308),
    "smallest double": ("aDouble", "5e-324", 5e-324),
    "underflow": ("aDouble", "1e-999", 0.0),
    "long integer": ("aDouble", "1" + "0" * 30, 1e30),
    "20 digits": ("aDouble", "12345678901234567890", 12345678901234567890.0),
    "largest float": ("aFloat", "3.4028234663852886e38", 3.4028234663852886e38),
    "largest float, shortest": ("aFloat", "3.4028235e38", 3.4028234663852886e38),
    "lowest float, shortest": ("aFloat", "-3.4028235e38", -3.4028234663852886e38),
    "not exact as a float": ("aFloat", "16777217", 16777216.0),
    "subnormal float": ("aFloat", "1e-45", 1.401298464324817e-45),
    "float underflow": ("aFloat", "1e-60", 0.0),
}


@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
@pytest.mark.parametrize(("field", "text", "value"), FLOATS.values(), ids=FLOATS)
def test_float(field: str, text: str, value: float, quote: str) -> None:
    """Doubles and floats take numbers and strings; 3.4028235e38 is the largest float."""
    message = decoded(trial(), "trial.Scalars", f'{{"{field}":{quote}{text}{quote}}}'.encode())
    assert (message.a_double or message.a_float) == value


@pytest.mark.parametrize("field", ["aDouble", "aFloat"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_special_float(field: str, text: str) -> None:
    """NaN and the infinities are strings."""
    message = decoded(trial(), "trial.Scalars", {field: text})
    assert str(message.a_double or message.a_float) == str(float(text))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_special_float_without_quotes(text: str) -> None:
    """Without quotes NaN and the infinities are not JSON."""
    assert "not valid JSON" in refusal("trial.Scalars", f'{{"aDouble": {text}}}'.encode())


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("aFloat", "3.4028236e38"),
        ("aFloat", "-3.4028236e38"),
        ("aFloat", "3.4028235677973366e38"),
        ("aFloat", "1e39"),
        ("aDouble", "1e999"),
        ("aDouble", "1e999999999"),
        ("aDouble", "1e99999999999999999999"),
        ("aFloat", "-1e400"),
        ("aDouble", "1" * 400),
    ],
    ids=lambda text: text[:24],
)
@pytest.mark.parametrize("quote", ["", '"'], ids=["number", "string"])
def test_float_out_of_range(field: str, text: str, quote: str) -> None:
    """A number beyond the type's range is refused, never turned into an infinity."""
    refusal("trial.Scalars", f'{{"{field}": {quote}{text}{quote}}}'.encode())


# Enums, bytes, strings, bools

ENUMS = {
    "name": ("RED", 1),
    "alias": ("SCARLET", 1),
    "number": (-2, -2),
    "number in a string": ("-2", -2),
    "whole float": (1.0, 1),
    "unknown number": (12345, 12345),
    "highest number": (2147483647, 2147483647),
    "lowest name": ("LOWEST", -2147483648),
}


@pytest.mark.parametrize(("value", "number"), ENUMS.values(), ids=ENUMS)
def test_enum(value: object, number: int) -> None:
    """An enum takes its names, aliases too, and any number when it is open."""
    assert decoded(trial(), "trial.Scalars", {"colour": value}).colour == number


NOT_ENUMS = {
    "unknown name": ("GREEN", "no trial.Colour is called 'GREEN'"),
    "near name": ("CRIMSONS", "did you mean `CRIMSON`?"),
    "lower case": ("red", "did you mean `RED`?"),
    "empty": ("", "no trial.Colour is called ''"),
    "underscore": ("1_0", "no trial.Colour is called"),
    "plus": ("+1", "no trial.Colour is called"),
    "too large": (2147483648, "trial.Colour"),
    "fraction": (1.5, "trial.Colour"),
    "bool": (True, "got true or false"),
    "list": (["RED"], "got a list"),
    "object": ({}, "got an object"),
}


@pytest.mark.parametrize(("value", "problem"), NOT_ENUMS.values(), ids=NOT_ENUMS)
def test_not_an_enum(value: object, problem: str) -> None:
    """An unknown name is refused, with the nearest one there is."""
    message = refusal("trial.Scalars", {"colour": value})
    assert message.startswith("colour: ")
    assert problem in message


@pytest.mark.parametrize("field", ["one", "chosen"])
def test_closed_enum(field: str) -> None:
    """A closed enum takes its own numbers only, since any other would be lost on the way."""
    assert getattr(decoded(trial(), "trial.two.ClosedEnums", {field: 5}), field) == 5
    assert "no trial.two.Closed has the number 4" in refusal("trial.two.ClosedEnums", {field: 4})
    assert refusal("trial.two.ClosedEnums", {"many": [3, 0]}).startswith("many[1]: ")
    assert refusal("trial.two.ClosedEnums", {"named": {"x": 9}}).startswith("named.x: ")


BASE64 = {
    "standard": ("+/8=", b"\xfb\xff"),
    "url-safe": ("-_8=", b"\xfb\xff"),
    "unpadded": ("+/8", b"\xfb\xff"),
    "url-safe and unpadded": ("-_8", b"\xfb\xff"),
    "empty": ("", b""),
    "two pads": ("QQ==", b"A"),
    "no pads needed": ("QUJD", b"ABC"),
}
NOT_BASE64 = {
    "junk": "%%%",
    "one character": "A",
    "one character and padding": "A===",
    "five characters": "QUJDR",
    "space": "QU JD",
    "newline": "QUJD\n",
    "pad in the middle": "QQ==QQ==",
    "only pads": "====",
    "one pad": "=",
    "three pads": "QQ===",
    "six pads": "QQ======",
    "pads that nothing needs": "QUJD====",
    "one pad of two": "QQ=",
    "letter beyond ASCII": "é",
    "surrogate pair": "𝄞",
}


@pytest.mark.parametrize(("text", "data"), BASE64.values(), ids=BASE64)
def test_base64(text: str, data: bytes) -> None:
    """Bytes are base64 of either alphabet, with its padding or without any."""
    assert decoded(trial(), "trial.Scalars", {"aBytes": text}).a_bytes == data


@pytest.mark.parametrize("text", NOT_BASE64.values(), ids=NOT_BASE64)
def test_not_base64(text: str) -> None:
    """Anything else is refused, and nothing is skipped in silence."""
    assert refusal("trial.Scalars", {"aBytes": text}).startswith("aBytes: expected base64")


@pytest.mark.parametrize("value", [1, True, [], {}, [65]], ids=repr)
@pytest.mark.parametrize("field", ["aBytes", "aString"])
def test_not_a_string(field: str, value: object) -> None:
    """Only strings are strings."""
    assert refusal("trial.Scalars", {field: value}).startswith(f"{field}: expected ")


@pytest.mark.parametrize("value", ["true", "false", "", 0, 1, [], {}], ids=repr)
def test_not_a_bool(value: object) -> None:
    """Only true and false are booleans."""
    assert refusal("trial.Scalars", {"aBool": value}).startswith("aBool: expected true or false")


@pytest.mark.parametrize("text", ["", "é𝄞", "\x00", "\u2028", '"\\', "NaN", "null"], ids=ascii)
def test_string(text: str) -> None:
    """A string is taken as it is."""
    assert decoded(trial(), "trial.Scalars", {"aString": text}).a_string == text


@pytest.mark.parametrize(
    "body",
    [
        *(b'{"aString": "\\ud800"}', b'{"aString": "\\udc00x"}', b'{"\\ud800": 1}'),
        *(b'{"aString": "\xed\xa0\x80"}', b'{"aString": "\xff"}'),
    ],
    ids=["high", "low", "key", "encoded", "not UTF-8"],
)
def test_lone_surrogate(body: bytes) -> None:
    """Half a surrogate pair is no text, and neither is what is not UTF-8."""
    refusal("trial.Scalars", body, UnknownFieldPolicy.NOTHING)
