"""The process's limit on open files (RLIMIT_NOFILE)."""

import resource
from contextlib import suppress


def room_for(wanted: int) -> int:
    """How many files may be open: `wanted` or more, or fewer. Raises the limit as far as that
    helps.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if reaches(soft, wanted):
        return max(soft, wanted)
    possible = wanted if reaches(hard, wanted) else hard
    with suppress(OSError, ValueError):  # macOS has a limit below the one that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
        soft = possible
    return soft


def reaches(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
