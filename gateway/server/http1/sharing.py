"""Fair shares of parsing time, and of memory for incomplete requests, between connections."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Protocol

from gateway.core.errors import GatewayError, unavailable

PARSING_PER_TURN_SECONDS = 0.002
"""Limit per turn of the event loop. Further input waits for later turns."""
LEFTOVERS_PER_TURN_SECONDS = 0.001
"""The part for leftovers; the rest is kept for new input."""
CONNECTION_STEP_SECONDS = 0.00025
"""Limit for one connection in a row."""
UNFINISHED_MAX_BYTES = 16 * 2**20
FREE_BYTES_PER_CONNECTION = 4096
"""Bytes that do not count on any connection: most heads are shorter."""


class Leftover(Protocol):
    """A connection with unparsed bytes."""

    @property
    def sharer(self) -> Hashable:
        """The unit of fairness: connections from one address share turns."""

    def go_on(self) -> None:
        """Parse for about CONNECTION_STEP_SECONDS, and wait again if bytes are left."""


class Line:
    """One sharer's connections. New ones get every other turn, ahead of large requests."""

    __slots__ = ("_again", "_first", "_is_first")

    def __init__(self) -> None:
        self._first: deque[Leftover] = deque()
        self._again: deque[Leftover] = deque()
        self._is_first = True

    def add(self, one: Leftover, *, again: bool) -> None:
        (self._again if again else self._first).append(one)

    def pop(self) -> Leftover:
        chosen = self._again
        if self._first and (self._is_first or not chosen):
            chosen = self._first
        self._is_first = chosen is not self._first
        return chosen.popleft()

    def __bool__(self) -> bool:
        return bool(self._first or self._again)


class ParsingTurns:
    """Shares the parsing time of one event loop.

    Input is parsed on arrival until PARSING_PER_TURN_SECONDS are spent in this turn (`is_over`).
    Leftovers wait for a later turn, round-robin by address: heavy traffic from one address does
    not delay others by more than their own leftovers.
    """

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        call_soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`call_soon` calls a function in the next turn; by default, the running loop's."""
        self.clock = clock
        self._call_soon = call_soon
        self.is_over = False
        self._spent = 0.0
        """Seconds spent since a turn began, if more than a few."""
        self._is_next = False
        self._lines: dict[Hashable, Line] = {}
        self._came_again: list[Leftover] = []
        self._is_serving = False

    def spend(self, seconds: float) -> None:
        self._spent += seconds
        if self._spent > PARSING_PER_TURN_SECONDS / 2 and not self._is_next:
            self._call_next()
        self.is_over = self._spent > PARSING_PER_TURN_SECONDS

    def wait(self, one: Leftover) -> None:
        """Schedule `go_on` in a later turn. Each connection may wait once at a time."""
        if self._is_serving:
            self._came_again.append(one)
            return
        self._add(one, again=False)
        if not self._is_next:
            self._call_next()

    def _add(self, one: Leftover, *, again: bool) -> None:
        line = self._lines.get(one.sharer)
        if line is None:
            line = self._lines[one.sharer] = Line()
        line.add(one, again=again)

    def _call_next(self) -> None:
        self._is_next = True
        call_soon = self._call_soon or asyncio.get_running_loop().call_soon
        call_soon(self._next)

    def _next(self) -> None:
        self._is_next = self.is_over = False
        self._spent = 0.0
        if not self._lines:
            return
        began = self.clock()
        self._is_serving = True
        try:
            while self._lines:
                sharer = next(iter(self._lines))
                line = self._lines.pop(sharer)
                one = line.pop()
                if line:
                    self._lines[sharer] = line  # last in order
                one.go_on()
                if self.clock() - began > LEFTOVERS_PER_TURN_SECONDS:
                    break
        finally:
            self._is_serving = False
            for one in self._came_again:
                self._add(one, again=True)
            self._came_again.clear()
            if self._lines and not self._is_next:
                self._call_next()
        self.is_over = self._spent > PARSING_PER_TURN_SECONDS


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
