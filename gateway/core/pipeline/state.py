"""A feature's state of a request: a slot that is numbered at startup, and filled when needed.

The module that makes a slot owns it: others read it by that module's functions.
"""

from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

from gateway.core.pipeline.context import RequestContext

State = TypeVar("State")
NUMBERS = count()


class Slot(Generic[State]):
    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._number = next(NUMBERS)

    def of(self, context: RequestContext) -> State:
        """The state of the request, made when it is first asked for."""
        states = context.states
        found: State | None = states.get(self._number)
        if found is None:
            if not states:
                states = context.states = {}
            found = states[self._number] = self._make()
        return found

    def peek(self, context: RequestContext) -> State | None:
        """The state of the request, if anything has asked for it."""
        found: State | None = context.states.get(self._number)
        return found
