"""Floods: frames that cost this side work and bring nothing."""

from gateway.upstream.http2.calls import Calls
from gateway.upstream.http2.frames import Reason, broken

MOST_CHATTER = 10_000
"""Frames that bring nothing, from one call to the next: no flood of them is borne for ever."""


class Chatter:
    """Bears with frames that bring nothing, but not with any number of them.

    Raises BrokenConnection when it has been enough.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._since = calls.next
        """The next call's number when the count began."""
        self._count = 0

    def bear(self) -> None:
        """A frame that brings nothing."""
        if self._since != self._calls.next:  # each call begins to count anew
            self._since = self._calls.next
            self._count = 0
        self._count += 1
        if self._count > MOST_CHATTER:
            broken("a flood of frames", Reason.ENHANCE_YOUR_CALM)

    def bear_late(self, number: int) -> None:
        """A frame may still come for a call that is over, but not for one that never was."""
        if number >= self._calls.next or number % 2 == 0:
            broken("an answer to what was not asked")
        self.bear()
