"""Units of numbers, for sizes, durations and times in conditions: `16GB`, `10m`, `now-1h`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.short_names import Sizes
from gateway.core.codec.fields import is_message, message_of
from gateway.features.views.columns import SECONDS

Unit = Literal["bytes", "kB", "MB", "seconds", "time"]
"""`time` is in seconds since 1970."""
Units = Mapping[str, Unit]
"""By full name of a field: `job.Frame.max_rss`."""
NO_UNITS: Units = MappingProxyType({})

SECONDS_IN = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
BYTES_IN = {"bytes": 1, "kB": 2**10, "MB": 2**20}
POWERS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
"""A GB is 1024 MB, as in OpenCue."""
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
AMOUNT = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?"
SIZE = re.compile(rf"({AMOUNT})(?:([kmgtp])(?:i?b)?|b)", re.ASCII | re.IGNORECASE)
DURATION = re.compile(rf"({AMOUNT})([smhdw])", re.ASCII)
NOW = "now"
MOMENT = re.compile(rf"{NOW}(?:\s*([+-])\s*([0-9]{{1,9}})([smhdw]))?", re.ASCII)

MOST_LEVELS = 3
"""How deep in a row numbers are whose units are listed."""
WRITTEN: Mapping[str, str] = {
    **dict.fromkeys(BYTES_IN, "a size such as 16GB"),
    "seconds": "a number of seconds, or a duration such as 10m",
    "time": "seconds since 1970, a time such as now-1h, or, with < and >, an age such as 1h",
}
NO_UNIT = "a number"
SECONDS_SINCE_1970 = re.compile(r"[0-9]{10}(?:\.[0-9]*)?", re.ASCII)
"""Of a time between 2001 and 2286."""


def unit_of(field: FieldDescriptor, units: Units) -> Unit | None:
    if field is SECONDS:
        return "seconds"
    return units.get(field.full_name) if units else None


def units_in(
    message: Descriptor, units: Units, prefix: str = "", levels: int = MOST_LEVELS
) -> Iterator[tuple[str, Unit]]:
    """The paths of numbers with a unit in a message and its single messages, in JSON names."""
    for field in message.fields:
        path = f"{prefix}{field.json_name}"
        if (unit := units.get(field.full_name)) is not None:
            yield path, unit
        elif levels > 1 and is_message(field) and not field.is_repeated:
            yield from units_in(message_of(field), units, f"{path}.", levels - 1)


def in_unit(text: str, unit: Unit | None) -> int | float | None:
    """None for a text that is neither a size nor a duration."""
    if unit in BYTES_IN and (size := SIZE.fullmatch(text)) is not None:
        amount = Fraction(size[1]) * POWERS[(size[2] or "").lower()] / BYTES_IN[unit]
    elif unit == "seconds" and (duration := DURATION.fullmatch(text)) is not None:
        amount = Fraction(duration[1]) * SECONDS_IN[duration[2]]
    else:
        return None
    return amount.numerator if amount.denominator == 1 else float(amount)


def moment(text: str, now: int) -> int | None:
    """`now`, `now-1h` or `now+2d`; None for another text."""
    found = MOMENT.fullmatch(text)
    if found is None:
        return None
    sign, count, unit = found.groups()
    if sign is None:
        return now
    seconds = int(count) * SECONDS_IN[unit]
    return now - seconds if sign == "-" else now + seconds


def moment_of_age(text: str, now: int) -> int | None:
    """How long ago `2h` is; None for another text."""
    found = DURATION.fullmatch(text)
    return None if found is None else now - int(Fraction(found[1]) * SECONDS_IN[found[2]])


def bare_number(name: str, text: str, unit: Unit | None) -> str:
    """Why a number alone, beside this name, is neither a size nor a time, and the ways to write it.

    Empty if it is as in answers: 0, a time of ten digits, and what is neither (a duration is in
    seconds).
    """
    if unit == "time":
        if not float(text) or SECONDS_SINCE_1970.fullmatch(text):
            return ""
        return (
            f"{name}: {text} alone is no time; {name}>{text}s is more than {text} s ago (1m, 2h,"
            f" 3d), {name}<{text}s less; or write now-1h, or seconds since 1970 (ten digits)"
        )
    if unit not in BYTES_IN or not float(text):
        return ""
    units = dict.fromkeys(("GB", "MB", unit if unit != "bytes" else "B"))
    ways = ", ".join(f"{text}{each}" for each in units)
    return f"{name}: {text} alone is no size; write {ways}"


def looks_like_one(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in (SIZE, DURATION, MOMENT))


@dataclass(frozen=True, slots=True)
class SizeIn:
    """A size that is a number in this unit (`core.pipeline.short_names.Size`)."""

    unit: Unit

    def number(self, text: str) -> int | None:
        found = in_unit(text, self.unit)
        return found if isinstance(found, int) else None

    def problem(self, name: str, text: str) -> str:
        return bare_number(name, text, self.unit) if NUMBER.fullmatch(text) else ""


def sizes_of(request: Descriptor, units: Units) -> Sizes:
    fields = ((each, unit_of(each, units)) for each in request.fields)
    sizes = [(each, SizeIn(unit)) for each, unit in fields if unit is not None and unit in BYTES_IN]
    return Sizes({name: size for each, size in sizes for name in (each.name, each.json_name)})
