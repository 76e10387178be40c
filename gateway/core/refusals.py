"""What the gateway has turned away, and why: since its start, and in the last minute."""

from collections import Counter, deque
from time import monotonic

from gateway.core.errors import Cause, GatewayError
from gateway.core.pipeline.interceptors import Interceptor

RECENT_SECONDS = 60


class Refusals(Interceptor):
    def __init__(self) -> None:
        self.since_start: Counter[Cause] = Counter()
        self._seconds: deque[tuple[int, Counter[Cause]]] = deque(maxlen=RECENT_SECONDS)
        """The counts of the last seconds in which there were any."""

    def refused(self, cause: Cause) -> None:
        self.since_start[cause] += 1
        second = int(monotonic())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][cause] += 1

    def turned_away(self, error: GatewayError) -> None:
        """Count a connection without a place."""
        if error.cause is not None:
            self.refused(error.cause)

    def recent(self) -> Counter[Cause]:
        first = int(monotonic()) - RECENT_SECONDS
        found: Counter[Cause] = Counter()
        for second, counts in self._seconds:
            if second > first:
                found.update(counts)
        return found
