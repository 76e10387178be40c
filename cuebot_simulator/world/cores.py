"""How Cuebot rounds the numbers of cores it is given."""

import math

NO_LIMIT = -1.0
LEAST, MOST = -(2**31), 2**31 - 1
"""What fits into a Java int."""


def java_int(number: float) -> int:
    """Cut to an integer of 32 bits. Too large ones are the largest, and what is no number is 0."""
    if math.isnan(number):
        return 0
    return math.trunc(min(max(number, LEAST), MOST))


def whole_cores(cores: float) -> float:
    """Cut to whole cores. -1, which means no limit, stays."""
    return NO_LIMIT if cores == NO_LIMIT else float(java_int(cores + 0.005))


def hundredths(cores: float) -> float:
    """Cut to hundredths of a core, Cuebot's unit, of which so many fit into 32 bits."""
    return java_int(round(cores * 100, 2)) / 100
