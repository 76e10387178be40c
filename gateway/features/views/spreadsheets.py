"""Numbers as spreadsheets take them: times as ISO 8601, sizes in bytes."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from gateway.features.views.units import BYTES_IN, Unit

LAST_MOMENT = 253_402_300_799
"""The end of the year 9999, behind which ISO 8601 has no four digits for a year."""


def for_spreadsheets(unit: Unit | None) -> Callable[[int | float], object] | None:
    """What makes a number in this unit one that a spreadsheet takes; None if each is one already.

    Durations stay seconds.
    """
    if unit == "time":
        return time_with_zone
    factor = 1 if unit is None else BYTES_IN.get(unit, 1)
    return None if factor == 1 else partial(multiplied, factor)


def time_with_zone(seconds: float) -> str | int | float | None:
    """`2026-12-02T03:20:32Z` for seconds since 1970; None for 0, a time that has not come.

    What is no time of these millenia stays a number.
    """
    if not seconds:
        return None
    if not 0 < seconds <= LAST_MOMENT:
        return seconds
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def multiplied(factor: int, number: float) -> int | float:
    return number * factor
