"""The memory of incomplete requests, limited over all connections."""

from collections.abc import Callable, Hashable
from typing import Protocol

from gateway.errors import GatewayError, unavailable

UNFINISHED_MAX_BYTES = 16 * 2**20
FREE_BYTES_PER_CONNECTION = 4096
"""Bytes that do not count on any connection: most heads are shorter."""


class Unfinished(Protocol):
    @property
    def sharer(self) -> Hashable:
        """The unit of fairness: connections from one address count together."""

    def give_up(self, error: GatewayError) -> None:
        """Refuse the incomplete request and end. Must not call `UnfinishedMemory`."""


class UnfinishedMemory:
    """Counts bytes beyond FREE_BYTES_PER_CONNECTION on each connection.

    Above the limit, the address with the most bytes gives up the connection that has exceeded
    FREE_BYTES_PER_CONNECTION for longest. Clients that send a request without pausing are not
    affected.
    """

    def __init__(
        self, most: int = UNFINISHED_MAX_BYTES, on_freed: Callable[[], object] = lambda: None
    ) -> None:
        """`on_freed` is called whenever a quarter of `most` has become free."""
        self._most = most
        self._on_freed = on_freed
        self._freed = 0
        self.total = 0
        self._of: dict[Hashable, dict[Unfinished, int]] = {}
        """By sharer: connections that count, the oldest first."""
        self._totals: dict[Hashable, int] = {}

    def note(self, connection: Unfinished, size: int) -> bool:
        """Whether bytes of the connection count. May make this or other connections give up."""
        size = max(0, size - FREE_BYTES_PER_CONNECTION)
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
    return unavailable(
        f"there are too many unfinished requests (more than {most // 2**20} MB in all):"
        f" headers of up to {FREE_BYTES_PER_CONNECTION // 1024} KB are always received",
        "unfinished",
    )
