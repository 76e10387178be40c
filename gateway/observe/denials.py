"""Denied calls in the audit log: each has a line, unless somebody makes them in a loop."""

import asyncio
from collections import Counter
from collections.abc import Callable

from gateway.http.context import RequestContext

MOST = 60
"""Lines of a subject in one period. Without a bound, a token without rights could fill the disk."""
PERIOD = 60.0
"""Seconds."""


class Denials:
    """Counts denied calls by subject."""

    def __init__(self, tell: Callable[[RequestContext, int], object]) -> None:
        """At the end of a period, `tell` is told of the calls of each subject that had no line: of
        the last one, and how many there were."""
        self._tell = tell
        self._lines: Counter[str] = Counter()
        self._others: dict[str, tuple[RequestContext, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admits(self, context: RequestContext, *, room: bool) -> bool:
        """Whether a denied call is to have a line now. There must be `room` for one."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self.end_period)
        subject = context.principal
        if room and self._lines[subject] < MOST:
            self._lines[subject] += 1
            return True
        _, others = self._others.get(subject, (context, 0))
        self._others[subject] = context, others + 1
        return False

    def end_period(self) -> None:
        """Tell of the calls that had no line, and begin anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        others, self._others = self._others, {}
        self._lines.clear()
        for context, number in others.values():
            self._tell(context, number)
