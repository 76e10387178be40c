"""How much is parsed in a turn of the event loop, for all connections together."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Protocol

LONGEST_PARSING = 0.002
"""Seconds in one turn of the event loop. What comes then is left over for later turns."""
LONGEST_FOR_LEFTOVERS = 0.001
"""Seconds of them in which what is left over has its turn: as much is kept for what comes."""
LONGEST_IN_A_ROW = 0.00025
"""Seconds after which one connection leaves the rest for a later turn."""


class Leftover(Protocol):
    """A connection of which something is left over."""

    @property
    def sharer(self) -> Hashable:
        """With whom it shares its turns: the connections from one address have one share."""

    def go_on(self) -> None:
        """Go on with some of it, for LONGEST_IN_A_ROW or so; wait for another turn if need be."""


class Line:
    """The connections that share their turns.

    Who comes for the first time gets every other turn, so that one with little to do
    does not wait for all those that always have more.
    """

    __slots__ = ("_again", "_first", "_is_first")

    def __init__(self) -> None:
        self._first: deque[Leftover] = deque()
        self._again: deque[Leftover] = deque()
        self._is_first = True
        """Whether it is the turn of one that has come for the first time."""

    def add(self, one: Leftover, *, again: bool) -> None:
        """It waits for its turn."""
        (self._again if again else self._first).append(one)

    def pop(self) -> Leftover:
        """Whose turn it is."""
        chosen = self._again
        if self._first and (self._is_first or not chosen):
            chosen = self._first
        self._is_first = chosen is not self._first
        return chosen.popleft()

    def __bool__(self) -> bool:
        return bool(self._first or self._again)


class ParsingTurns:
    """Shared by the connections of one event loop.

    What comes is parsed at once, until LONGEST_PARSING has been spent in a turn of the event loop
    (`is_over`). Whatever is left over waits for a later turn, where addresses are served in
    rotation: one from which much comes keeps those at other addresses waiting no longer than
    their own leftovers take.
    """

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        call_soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`call_soon` calls something in the next turn: by default that of the running loop."""
        self.clock = clock
        self._call_soon = call_soon
        self.is_over = False
        """Whether nothing more is to be parsed in this turn."""
        self._spent = 0.0
        """Seconds since a turn began: the current one, if they are more than a few."""
        self._is_next = False
        """Whether the next turn will be noticed."""
        self._lines: dict[Hashable, Line] = {}
        """By sharer, in the order in which they are served."""
        self._came_again: list[Leftover] = []
        """Those that have had their turn and wait for the next one."""
        self._is_serving = False

    def spend(self, seconds: float) -> None:
        """So much has been spent on parsing."""
        self._spent += seconds
        if self._spent > LONGEST_PARSING / 2 and not self._is_next:
            self._call_next()
        self.is_over = self._spent > LONGEST_PARSING

    def wait(self, one: Leftover) -> None:
        """Have `go_on` called in a later turn. A connection waits once at a time."""
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
        """A turn begins: what is left over goes on, each connection once at most."""
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
                    self._lines[sharer] = line  # behind all others
                one.go_on()
                if self.clock() - began > LONGEST_FOR_LEFTOVERS:
                    break
        finally:
            self._is_serving = False
            for one in self._came_again:
                self._add(one, again=True)
            self._came_again.clear()
            if self._lines and not self._is_next:
                self._call_next()
        self.is_over = self._spent > LONGEST_PARSING
