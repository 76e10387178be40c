"""The memory of requests that are not complete: so much for all connections together."""

from collections.abc import Callable, Hashable
from typing import Protocol

from gateway.errors import GatewayError, unavailable

MOST_UNFINISHED = 16 * 2**20
"""Bytes of unfinished requests."""
ALWAYS_FINE = 4096
"""Bytes for which there is room on every connection: hardly a head is longer."""


class Unfinished(Protocol):
    """A connection with an unfinished request."""

    @property
    def sharer(self) -> Hashable:
        """With whom it shares memory: connections from one address count together."""

    def give_up(self, error: GatewayError) -> None:
        """Drop what is unfinished, tell the client so and end. Calls nothing here."""


class UnfinishedMemory:
    """How much each connection has, in bytes beyond ALWAYS_FINE.

    If that is too much, room is made where most of it is: at the address with the most of it, and
    there on the connection that has had more than ALWAYS_FINE for longest. A client that sends
    what it has, and does not wait, is not met.
    """

    def __init__(
        self, most: int = MOST_UNFINISHED, on_freed: Callable[[], object] = lambda: None
    ) -> None:
        """`on_freed` is called whenever a quarter of `most` has become free."""
        self._most = most
        self._on_freed = on_freed
        self._freed = 0
        self.total = 0
        self._of: dict[Hashable, dict[Unfinished, int]] = {}
        """By sharer, the connections with something that counts, the oldest first."""
        self._totals: dict[Hashable, int] = {}

    def note(self, connection: Unfinished, size: int) -> bool:
        """A connection has so many unfinished bytes now; whether some of them count.

        It, or others, may have to give up.
        """
        size = max(0, size - ALWAYS_FINE)
        sharer = connection.sharer
        sizes = self._of.get(sharer)
        if sizes is None:
            if not size:
                return False
            sizes = self._of[sharer] = {}
        self._set(sharer, sizes, connection, size)
        while self.total > self._most:
            self._make_room()
        return size > 0

    def _set(
        self, sharer: Hashable, sizes: dict[Unfinished, int], connection: Unfinished, size: int
    ) -> None:
        more = size - sizes.get(connection, 0)
        self.total += more
        if more < 0:
            self._freed -= more
            if self._freed >= self._most // 4:
                self._freed = 0
                self._on_freed()
        if size:
            sizes[connection] = size
        else:
            sizes.pop(connection, None)
        if sizes:
            self._totals[sharer] = self._totals.get(sharer, 0) + more
        else:
            del self._of[sharer]
            self._totals.pop(sharer, None)

    def _make_room(self) -> None:
        sharer = max(self._totals, key=self._totals.__getitem__)
        sizes = self._of[sharer]
        oldest = next(iter(sizes))
        self._set(sharer, sizes, oldest, 0)
        oldest.give_up(too_much(self._most))


def too_much(most: int) -> GatewayError:
    """503: what has come of a request is not kept."""
    return unavailable(
        f"there are too many unfinished requests (more than {most // 2**20} MB in all):"
        f" headers of up to {ALWAYS_FINE // 1024} KB are always received",
        "unfinished",
    )
