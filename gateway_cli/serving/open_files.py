"""Room for all connections among the open files of a process."""

import resource
from contextlib import suppress

import structlog

from gateway.server.connection_limit import OTHERS, ConnectionLimit

log = structlog.stdlib.get_logger("gateway")


def make_room(limit: ConnectionLimit) -> None:
    """Raise the limit on open files, as far as it goes, until the connections fit.

    If they do not, it warns, and lowers their limit instead: those for whom there is no file would
    be dropped without an answer, and with no file left Cuebot could not be reached again.
    """
    connections = limit.most
    wanted = connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if reaches(soft, wanted):
        return
    possible = wanted if reaches(hard, wanted) else hard
    with suppress(OSError, ValueError):  # macOS has a limit below the one that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
        soft = possible
    if not reaches(soft, wanted) and limit.fit(soft):
        log.warning(
            "MAX_CONNECTIONS does not fit into the limit on open files; raise that (ulimit -n)",
            max_connections=connections,
            open_files=soft,
            effective=limit.most,
        )


def reaches(limit: int, wanted: int) -> bool:
    """Whether a limit lets as many files be open."""
    return limit == resource.RLIM_INFINITY or limit >= wanted
