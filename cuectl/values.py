"""Values on the command line, as people write them: types of Click's arguments and options."""

import re
from collections.abc import Callable

import click

NUMBER = re.compile(r"\d+(\.\d+)?")
WHOLE = re.compile(r"\d+")
SWITCHES = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


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
        units = round(number(value) * per)
        if not units and float(value):
            raise click.BadParameter(f"{value} is too little: it would be 0")
        return units

    return number_of_units


def matched(value: str, pattern: re.Pattern[str], kind: str, example: str) -> str:
    if value[:1] in ("+", "-"):
        raise click.BadParameter(f"{value!r} is a change: write the new value")
    if not pattern.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no {kind}; write it like {example}")
    return value
