"""How Cuebot rounds the numbers of cores it is given."""

import math

NO_LIMIT = -1.0
LEAST_INT, MOST_INT = -(2**31), 2**31 - 1


def java_int(number: float) -> int:
    """Cut to a Java int, as Java does: NaN is 0, and numbers beyond the range are its ends."""
    if math.isnan(number):
        return 0
    return math.trunc(min(max(number, LEAST_INT), MOST_INT))


def whole_cores(cores: float) -> float:
    """Cut to whole cores. -1, no limit, stays."""
    return NO_LIMIT if cores == NO_LIMIT else float(java_int(cores + 0.005))


def hundredths(cores: float) -> float:
    """Cut to hundredths of a core, Cuebot's unit."""
    return java_int(round(cores * 100, 2)) / 100
