"""Room for connections among the files that the process may have open."""

import resource
from contextlib import suppress

import structlog

OTHERS = 128
"""Files beside the connections: logs, channels to Cuebot, and clients that are turned away."""

log = structlog.stdlib.get_logger("gateway")


def make_room(connections: int) -> None:
    """Raise the limit on open files, as far as it goes, until so many connections fit.

    Warns when they do not: those beyond the limit would be dropped without an answer.
    """
    wanted = connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if reaches(soft, wanted):
        return
    possible = wanted if reaches(hard, wanted) else hard
    with suppress(OSError, ValueError):  # macOS has a limit below the one that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
        soft = possible
    if not reaches(soft, wanted):
        log.warning(
            "MAX_CONNECTIONS does not fit into the limit on open files; raise that (ulimit -n)",
            max_connections=connections,
            open_files=soft,
        )


def reaches(limit: int, wanted: int) -> bool:
    """Whether a limit lets as many files be open."""
    return limit == resource.RLIM_INFINITY or limit >= wanted
