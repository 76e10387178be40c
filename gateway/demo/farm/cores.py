"""How Cuebot rounds the numbers of cores it is given."""

import math

NO_LIMIT = -1.0


def whole_cores(cores: float) -> float:
    """Cut to whole cores. -1, which means no limit, stays."""
    return NO_LIMIT if cores == NO_LIMIT else float(math.trunc(cores + 0.005))


def hundredths(cores: float) -> float:
    """Cut to hundredths of a core, Cuebot's unit."""
    return math.trunc(round(cores * 100, 2)) / 100
