"""How many connections there may be at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

QUIET = 60.0
"""Seconds between two warnings."""

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
