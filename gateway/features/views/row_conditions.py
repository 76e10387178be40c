"""Conditions on the rows of answers: fields, and what stands beside them.

The language is that of `filter_expressions`. A number may stand beside a size, a duration or a time
in its field's unit, and any field beside another one of its kind.
"""

import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.codec.fields import INT32, INT64, UINT32, UINT64, enum_of, is_enum
from gateway.core.codec.scalars import listed
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean
from gateway.features.views.filter_expressions import BadCondition, Fits, Patterns, Test, Token
from gateway.features.views.paths import INTEGER, FieldPath
from gateway.features.views.units import (
    NO_UNIT,
    NUMBER,
    WRITTEN,
    Unit,
    Units,
    bare_number,
    in_unit,
    looks_like_one,
    moment,
    moment_of_age,
    unit_of,
)

INTEGERS = frozenset((*INT32, *UINT32, *INT64, *UINT64))
NUMBERS = INTEGERS | {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}
NAME = re.compile(r"\.?[^\W\d][^\s.]*(?:\.[^\s.]+)*")
"""A field beside a number: `jobStats.totalFrames`, perhaps with a dot in front."""
FIELD = re.compile(r"\.[^\W\d][^\s.]*(?:\.[^\s.]+)*")
"""A field beside anything else: `.group`."""
COMPARISONS: dict[str, Callable[[Any, Any], object]] = {
    "=": eq,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
OF_AGES = {"<": gt, "<=": ge, ">": lt, ">=": le}
"""What is older began earlier."""
FLOAT = struct.Struct("f")


@dataclass(slots=True)
class Reading:
    """How the names and values of one condition on rows are read."""

    find: Callable[[str], FieldPath]
    units: Units
    now: int
    """In seconds since 1970."""
    uses_now: bool = False
    """Whether the condition so far depends on the time."""

    def field(self, name: str) -> "Field":
        """Raises LookupError, also for a path to an object."""
        path = self.find(name)
        if not path.is_value:
            raise LookupError(f"{path.text} is an object; name one of its fields")
        return Field(path, self)

    def moment(self, path: FieldPath, text: str) -> int | None:
        """A time that depends on the present one, if the field is a time."""
        found = moment(text, self.now) if unit_of(path.leaf, self.units) == "time" else None
        self.uses_now = self.uses_now or found is not None
        return found

    def moment_of_age(self, path: FieldPath, text: str) -> int | None:
        """The time that is so long ago, if the field is a time."""
        is_time = unit_of(path.leaf, self.units) == "time"
        found = moment_of_age(text, self.now) if is_time else None
        self.uses_now = self.uses_now or found is not None
        return found


@dataclass(frozen=True, slots=True)
class Field:
    path: FieldPath
    reading: Reading

    @property
    def is_flag(self) -> bool:
        return self.path.leaf.type == FieldDescriptor.TYPE_BOOL

    def compare(
        self, operator: str, values: Sequence[Token], patterns: Patterns, *, negated: bool
    ) -> Test:
        path, value = self.path, values[0]
        if operator == "in":
            among = frozenset(self.listed(value) for value in values)
            test = any_fits(path, partial(contained, among))
        elif operator != "~":
            other = self.other(operator, value)
            if other is not None:
                test = beside(path, comparison(operator, path), other)
            else:
                test = any_fits(path, self.comparing(operator, value))
        elif path.leaf.type != FieldDescriptor.TYPE_STRING:
            raise BadCondition(f"{path.text} is no text; compare it with =")
        else:
            test = any_fits(path, patterns.matching(path.text, value))
        return (lambda row: not test(row)) if negated else test

    def comparing(self, operator: str, token: Token) -> Fits:
        """The comparison of one value. Raises BadCondition if the field has no such comparison."""
        path = self.path
        if operator == ":":
            return self.containing(token)
        compares_age = OF_AGES.get(operator)
        began = self.reading.moment_of_age(path, token.text) if compares_age is not None else None
        if compares_age is not None and began is not None:
            return lambda found: bool(found and compares_age(found, began))  # 0 is no time
        wanted = self.operand(token)
        compares = comparison(operator, path)
        if self.reading.moment(path, token.text) is not None:
            return lambda found: bool(found and compares(found, wanted))  # 0 is no time
        return lambda found: bool(compares(found, wanted))

    def containing(self, token: Token) -> Fits:
        path, text = self.path, token.text
        if path.leaf.type != FieldDescriptor.TYPE_STRING:
            if not path.is_list:
                raise BadCondition(f"{path.text} is no text; compare it with =")
            value = self.operand(token)
            return lambda found: bool(found == value)
        self.check_no_wildcard(token)
        return lambda found: text in found

    def check_no_wildcard(self, token: Token) -> None:
        """Raises BadCondition for `*comp*`, which would find nothing. In quotes, it is a text."""
        if token.kind == "word" and "*" in token.text:
            name, part = self.path.text, token.text.replace("*", "")[:QUOTED_CHARS]
            raise BadCondition(
                f"{name}: there are no wildcards ({token.text[:QUOTED_CHARS]!r} at {token.at});"
                f" {name}:{part} is contains, {name}~'^{part}' begins with"
            )

    def listed(self, token: Token) -> object:
        """One of the values of `in`."""
        if token.kind == "word" and FIELD.fullmatch(token.text):
            raise BadCondition(
                f"{self.path.text}: a list has no fields; compare with each ({token.text!r} at"
                f" {token.at}), or write a text in quotes"
            )
        return self.operand(token)

    def operand(self, token: Token) -> object:
        """A value in the type of the field. Raises BadCondition."""
        path, text = self.path, token.text
        self.check_no_wildcard(token)
        if path.leaf.type not in NUMBERS:
            return operand(path, text)
        if NUMBER.fullmatch(text):
            if problem := bare_number(path.heading, text, self.unit):
                raise BadCondition(problem)
            return operand(path, text)
        found = self.reading.moment(path, text)
        value = in_unit(text, self.unit) if found is None else found
        if value is None:
            raise self.no_number(token)
        return nearest_float(value) if path.leaf.type == path.leaf.TYPE_FLOAT else value

    def other(self, operator: str, token: Token) -> FieldPath | None:
        """The field on the right, if there is one. Raises BadCondition if it does not fit."""
        path, name = self.path, self.name_of_other(operator, token)
        if name is None:
            return None
        try:
            other = self.reading.field(name).path
        except LookupError as error:
            if path.leaf.type in NUMBERS:
                raise self.no_number(token, str(error)) from None
            raise BadCondition(
                f"{path.text}: {error} ({token.text[:QUOTED_CHARS]!r} at {token.at} is a field; a"
                " text with a dot in front is in quotes)"
            ) from None
        if other.is_list:
            raise BadCondition(f"{other.text} at {token.at} has several values, not one")
        if kind_of(path) != kind_of(other):
            raise BadCondition(
                f"{path.text} is {kind_of(path)}, and {other.text} at {token.at} is"
                f" {kind_of(other)}: compare fields of one kind"
            )
        if path.leaf.type == FieldDescriptor.TYPE_BYTES:
            raise BadCondition(f"{path.text} is binary and cannot be compared")
        return other

    def name_of_other(self, operator: str, token: Token) -> str | None:
        """The name of a field on the right: beside a number any name, beside a time not `now`."""
        path, text = self.path, token.text
        if token.kind != "word" or operator == ":":
            return None
        if path.leaf.type not in NUMBERS:
            return text[1:] if FIELD.fullmatch(text) else None
        if NUMBER.fullmatch(text) or not NAME.fullmatch(text):
            return None
        return None if self.reading.moment(path, text) is not None else text.removeprefix(".")

    @property
    def unit(self) -> Unit | None:
        return unit_of(self.path.leaf, self.reading.units)

    def no_number(self, token: Token, no_field: str = "") -> BadCondition:
        """`no_field` is why it is no field either."""
        shown = token.text[:QUOTED_CHARS]
        expected = WRITTEN[self.unit] if self.unit is not None else NO_UNIT
        hint = no_field
        if self.unit is None and looks_like_one(token.text):
            hint = "no unit is known for it: write the number alone"
        return BadCondition(
            f"{self.path.text}: expected {expected}, got {shown!r} at {token.at}"
            + (f"; {hint}" if hint else "")
        )


def kind_of(path: FieldPath) -> str:
    """The kind of value that two fields in a comparison have to share."""
    field = path.leaf
    if is_enum(field):
        return f"a {enum_of(field).full_name}"
    if field.type in NUMBERS:
        return "a number"
    if field.type == field.TYPE_BOOL:
        return "true or false"
    return "binary" if field.type == field.TYPE_BYTES else "a text"


def beside(path: FieldPath, compares: Callable[[Any, Any], object], other: FieldPath) -> Test:
    """An unset field fits nothing."""
    get_other = other.value
    if path.is_list:
        values = path.values

        def test_list(row: Any) -> bool:
            wanted = get_other(row)
            return wanted is not None and any(compares(value, wanted) for value in values(row))

        return test_list
    get = path.value

    def test(row: Any) -> bool:
        value, wanted = get(row), get_other(row)
        return value is not None and wanted is not None and bool(compares(value, wanted))

    return test


def any_fits(path: FieldPath, fits: Fits) -> Test:
    """An unset field has no value that fits."""
    if path.is_list:
        values = path.values
        return lambda row: any(fits(value) for value in values(row))
    get = path.value
    return lambda row: (value := get(row)) is not None and fits(value)


def contained(values: frozenset[object], value: object) -> bool:
    return value in values


def comparison(operator: str, path: FieldPath) -> Callable[[Any, Any], object]:
    """Raises BadCondition if the field has no such comparison."""
    field = path.leaf
    if operator != "=" and field.type not in NUMBERS and field.type != field.TYPE_STRING:
        raise BadCondition(f"{path.text} has no order; compare it with = or !=")
    return COMPARISONS[operator]


def operand(path: FieldPath, text: str) -> object:
    """A value in the type of the path's field, of a number as it is written alone.

    Raises BadCondition.
    """
    field = path.leaf
    if is_enum(field):
        numbers = {each.name: each.number for each in enum_of(field).values}
        if (value := numbers.get(text, numbers.get(text.upper()))) is not None:
            return value
        if INTEGER.fullmatch(text):
            return int(text)
        raise BadCondition(
            f"{path.text}: no {enum_of(field).full_name} is called {text[:QUOTED_CHARS]!r}"
            + (did_you_mean(text, numbers) or f"; there are {listed(numbers)}")
        )
    if field.type == field.TYPE_BOOL:
        if text not in ("true", "false"):
            raise BadCondition(f"{path.text}: expected true or false, got {text[:QUOTED_CHARS]!r}")
        return text == "true"
    if field.type in NUMBERS:
        number = int(text) if text.lstrip("-").isdigit() else float(text)
        return nearest_float(number) if field.type == field.TYPE_FLOAT else number
    if field.type == field.TYPE_BYTES:
        raise BadCondition(f"{path.text} is binary and cannot be compared")
    return text


def nearest_float(number: float) -> float:
    """The nearest 32-bit float, which for 0.1 is another number than the double."""
    try:
        found: float = FLOAT.unpack(FLOAT.pack(number))[0]
    except (OverflowError, struct.error):  # the latter for integers of many digits
        return math.inf if number > 0 else -math.inf
    return found
