"""How many connections there may be at once, and room for them among the open files."""

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

QUIET = 60.0
"""Seconds between two warnings."""
OTHERS = 128
"""Files beside the connections: logs, channels to Cuebot, and clients that are turned away."""

log = structlog.stdlib.get_logger("gateway")


@dataclass(slots=True)
class ConnectionLimit:
    """The limit on the connections of one server.

    `most` may be served at once. `leaving` are those that have been turned away and are not gone
    yet; they take nobody's place.
    """

    most: int
    clock: Callable[[], float] = time.monotonic
    leaving: int = 0
    _next_warning: float = 0.0

    def is_exceeded(self, connections: int) -> bool:
        """Whether the newest of so many connections, those that are leaving included, is too many.

        Warns of it, once in a while.
        """
        if connections - self.leaving <= self.most:
            return False
        now = self.clock()
        if now >= self._next_warning:
            self._next_warning = now + QUIET
            log.warning("as many connections as MAX_CONNECTIONS allows", max_connections=self.most)
        return True


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
