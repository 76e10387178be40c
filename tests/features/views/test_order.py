"""Keys of rows: their bytes sort as the values of the fields do, one after the other."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.features.views import order
from gateway.features.views.order import order_by, sorted_by, upside_down
from gateway.features.views.paths import find_path
from tests.support.protos import messages, trial

TRIAL = trial()
OPTIONAL = TRIAL.message_type("trial.Optional")
SCALARS = TRIAL.message_type("trial.Scalars")
FIELDS = [field.name for field in SCALARS.fields]


def comes_first(one: Any, other: Any, fields: list[tuple[str, bool]]) -> int:
    """-1 if one row comes before the other, 1 if behind it, 0 if neither."""
    for name, descending in fields:
        optional = one.DESCRIPTOR.fields_by_name[name].has_presence
        rows = ((row, optional and not row.HasField(name)) for row in (one, other))
        values: list[Any] = [None if unset else getattr(row, name) for row, unset in rows]
        absent = [value is None or value != value for value in values]
        if absent[0] != absent[1]:
            return 1 if absent[0] else -1
        if not any(absent) and values[0] != values[1]:
            return 1 if (values[0] > values[1]) != descending else -1
    return 0


def check(one: Any, other: Any, fields: list[tuple[str, bool]]) -> None:
    chosen = order_by((find_path(one.DESCRIPTOR, name), down) for name, down in fields)
    first, second = chosen.key(one, b""), chosen.key(other, b"")
    assert (first > second) - (first < second) == comes_first(one, other, fields)
    before = chosen.key(one, b"\0") < chosen.key(other, b"\xff")
    assert before == (comes_first(one, other, fields) <= 0)


CHOSEN = st.lists(st.tuples(st.sampled_from(FIELDS), st.booleans()), min_size=1, max_size=3)


@given(messages(TRIAL, "trial.Scalars"), messages(TRIAL, "trial.Scalars"), CHOSEN)
def test_every_type(one: Any, other: Any, fields: list[tuple[str, bool]]) -> None:
    """Of both directions; rows that are alike in all fields are told apart by what is behind."""
    check(one, other, fields)
    check(one, one, fields)


@given(messages(TRIAL, "trial.Optional"), messages(TRIAL, "trial.Optional"), st.booleans())
def test_what_is_not_set_comes_last(one: Any, other: Any, down: bool) -> None:
    scalars = [each for each in OPTIONAL.fields if not (each.message_type or each.is_repeated)]
    check(one, other, [(field.name, down) for field in scalars])


CLOSE = st.text(st.sampled_from("a\0\1b\x7f\x80ÿ\ud7ff\U0001f600"), max_size=3)
NUMBERS = st.sampled_from([0.0, -0.0, 1.5, -1.5, 5e-324, -5e-324, float("inf"), float("nan")])


ROWS = st.tuples(CLOSE, st.binary(max_size=2), NUMBERS)


@given(ROWS, ROWS, CHOSEN)
@example(("a", b"", 0.0), ("a", b"", -0.0), [("a_double", False)])
@example(("a", b"", 0.0), ("a\0", b"\0", -0.0), [("a_string", True), ("a_bytes", False)])
def test_values_that_are_close(one: Any, other: Any, fields: list[tuple[str, bool]]) -> None:
    """Beginnings of one another, NUL, the two zeros, and what is not a number."""
    names = ("a_string", "a_bytes", "a_double")
    make = TRIAL.message_class("trial.Scalars")
    one, other = (make(**dict(zip(names, values, strict=True))) for values in (one, other))
    check(one, other, fields)
    for first, second in (("a_string", "a_bytes"), ("a_bytes", "a_double")):
        for down in (False, True):
            check(one, other, [(first, down), (second, not down)])


@given(st.text(max_size=4), st.text(max_size=4))
def test_texts_upside_down_sort_the_other_way(one: str, other: str) -> None:
    assert (one < other) == (upside_down(one) > upside_down(other))


@pytest.mark.parametrize(
    ("text", "name", "descending"),
    [
        ("frames", "frames", False),
        ("-frames", "frames", True),
        ("--frames", "-frames", True),
        ("-", "-", False),
        ("frames desc", "frames", True),
        ("frames   DESC", "frames", True),
        ("frames:desc", "frames", True),
        ("frames: Asc", "frames", False),
        ("frames : desc", "frames", True),
        ("frames asc", "frames", False),
        ("frames desc desc", "frames desc", True),
        ("desc", "desc", False),
        (":desc", ":desc", False),
        ("framesdesc", "framesdesc", False),
        ("a\nb desc", "a\nb", True),
        ("-desc", "desc", True),
        ("sum(frames) desc", "sum(frames)", True),
    ],
)
def test_a_name_and_its_direction(text: str, name: str, descending: bool) -> None:
    assert sorted_by(text) == (name, descending)


@pytest.mark.parametrize("text", ["-frames desc", "-frames:asc", "- frames DESC"])
def test_a_direction_is_written_once(text: str) -> None:
    with pytest.raises(GatewayError, match=r"_sort: .*; write one of them"):
        sorted_by(text)


def test_no_pattern_looks_for_the_direction() -> None:
    """One did, from each of thousands of blanks to the last, and held the event loop for a second.
    A million blanks would take it hours.
    """
    name = f"a{' ' * 1_000_000}b"
    assert sorted_by(name) == (name, False)
    assert not [each for each in vars(order).values() if isinstance(each, re.Pattern)]
