"""Values on the command line, as people write them: types of Click's arguments and options."""

import re
from collections.abc import Callable, Iterable

import click

from gateway_client.durations import DURATION, UNIT_SECONDS
from gateway_client.paths import split_names

NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) *([kmgt])i?b?", re.IGNORECASE | re.ASCII)
KB = {"k": 1, "m": 2**10, "g": 2**20, "t": 2**30}
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
SWITCHES = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


def each_of(values: Iterable[str]) -> list[str]:
    """The names in several values, each of which may have a few: `a,b`."""
    return [name for value in values for name in split_names(value)]


def switch(value: str) -> bool:
    """`on` or `off`. Raises BadParameter."""
    found = SWITCHES.get(value.lower())
    if found is None:
        raise click.BadParameter(f"{value!r} is neither on nor off")
    return found


def number(value: str) -> float:
    """A number of 0 or more. Raises BadParameter, also for `+5`."""
    return float(matched(value, NUMBER, "number", "12 or 1.5"))


def whole(value: str) -> int:
    """A whole number of 0 or more. Raises BadParameter, also for `+5`."""
    return int(matched(value, WHOLE, "whole number", "12"))


def in_units(per: int) -> Callable[[str], int]:
    """The type of a number that becomes an integer of Cuebot's units: `per` of them are one."""

    def number_of_units(value: str) -> int:
        return not_nothing(value, round(number(value) * per))

    return number_of_units


def size_in_kb(value: str) -> int:
    """A size with a unit, in kB (of 1024). Raises BadParameter."""
    found = SIZE.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no size with a unit; write it like 16GB")
    return not_nothing(value, round(float(found[1]) * KB[found[2].lower()]))


def minutes_of(value: str) -> int:
    """A time with a unit, in whole minutes; 0 for `off`. Raises BadParameter."""
    if value.strip() in ("off", "0"):
        return 0
    found = DURATION.fullmatch(value.strip())
    if found is None or not found[2]:
        raise click.BadParameter(f"{value!r} is no time with a unit; write it like 2h, 90m, or off")
    minutes = float(found[1]) * UNIT_SECONDS[found[2]] / 60
    if not minutes or not minutes.is_integer():
        raise click.BadParameter(f"{value} is not in whole minutes")
    return int(minutes)


def not_nothing(value: str, units: int) -> int:
    """Raises BadParameter for a value that is not 0, and would become 0."""
    if not units and value.strip(" 0.").strip():
        raise click.BadParameter(f"{value} is too little: it would be 0")
    return units


def matched(value: str, pattern: re.Pattern[str], kind: str, example: str) -> str:
    if value[:1] in ("+", "-"):
        raise click.BadParameter(f"{value!r} is a change: write the new value")
    if not pattern.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no {kind}; write it like {example}")
    return value
