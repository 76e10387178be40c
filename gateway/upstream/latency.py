"""How long one Cuebot has taken for its last calls."""

from collections import deque
from time import monotonic
from typing import NamedTuple

RECENT_SECONDS = 60.0
MOST_CALLS = 512
"""That are remembered."""


class Latency(NamedTuple):
    """Of calls that ended within RECENT_SECONDS, at most the last MOST_CALLS."""

    calls: int
    median: float
    """Seconds, as `p99`."""
    p99: float


class RecentCalls:
    def __init__(self) -> None:
        self._calls: deque[tuple[float, float]] = deque(maxlen=MOST_CALLS)
        """When each ended (monotonic seconds), and how many seconds it took."""

    def note(self, began: float) -> None:
        """A call that began at this time has ended."""
        now = monotonic()
        self._calls.append((now, now - began))

    def latency(self) -> Latency | None:
        """None without a call."""
        first = monotonic() - RECENT_SECONDS
        took = sorted(seconds for ended, seconds in self._calls if ended > first)
        if not took:
            return None
        return Latency(len(took), took[len(took) // 2], took[len(took) * 99 // 100])
