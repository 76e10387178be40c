"""What may be asked of Cuebot to explain an error, or an empty answer, to whoever gets it."""

from collections.abc import Callable, Container
from typing import NamedTuple

from gateway.core.calls.invoke import Call, calls_within
from gateway.core.principal import PRINCIPAL, SHARED
from gateway.core.upstream.interface import Metadata, Upstream, takes_all

LONGEST_SUGGESTION_SECONDS = 1.0
LARGEST_LIST_BYTES = 2**20
LARGEST_EMPTY_BYTES = 64
"""Of an answer without rows."""


class Questions(NamedTuple):
    """How Cuebot may be asked about a call that has been made: for short answers, and not long."""

    upstream: Upstream
    metadata: Metadata
    """The call's."""
    left: float
    """Seconds until the request's deadline."""
    allowed: Container[str]
    """Paths of the methods that the caller may call: no others are asked."""

    def for_caller(self) -> Call:
        within = max(min(self.left, LONGEST_SUGGESTION_SECONDS), 0)
        return calls_within(within, self.upstream, self.metadata, takes_short)

    def for_all(self) -> Call:
        """Calls whose answers are shared, and so are their deadlines."""
        metadata = (*((k, v) for k, v in self.metadata if k != PRINCIPAL), (PRINCIPAL, SHARED))
        return calls_within(LONGEST_SUGGESTION_SECONDS, self.upstream, metadata, takes_short)


def takes_short(size: int, go_on: Callable[[], None]) -> bool:
    """See `Expects`: a longer list is not received."""
    return size <= LARGEST_LIST_BYTES and takes_all(size, go_on)
