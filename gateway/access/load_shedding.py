"""Load shedding: a limit on calls with long answers, which adapts to how well the gateway keeps up.

Small calls cost next to nothing, and MAX_IN_FLIGHT bounds their number. Long lists are the load.
They queue to be encoded, and the time in that queue and the delay of the event loop are bounded.
CoDel (RFC 8289) would drop requests from the queue, which have cost Cuebot work already. Instead,
new calls of methods with long answers are refused, as by a gradient limiter: the limit shrinks in
proportion to the excess delay, and grows slowly.
"""

from time import monotonic

from gateway.core.fair_quota import FairQuota, FairSemaphore, Weight, equal_weight, reserve_of

ENCODED_AT_ONCE = 2
"""Long answers of one principal, with room for one of another. With more of them, small requests
would wait for pieces of each."""
QUEUE_WAIT_SECONDS = 0.25
"""How long a long answer may wait to be encoded."""
LOOP_LAG_SECONDS = 0.25
LATE_OBSERVATIONS = 2
"""Late observations in a row until the limit shrinks. A single one is a pause, such as a garbage
collection."""
STEEPEST_SHRINKING = 0.5
"""Smallest factor from one observation to the next."""
GROWTH = 0.05
SMALLEST_LIMIT = 16
LONG_ANSWER_SECONDS = 10.0
"""How long a method counts as one with long answers, after such an answer."""


class AdaptiveLimit:
    """A limit of `most`, and less while the gateway is behind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._late = 0
        """Observations in a row in which the gateway was behind."""
        self.limit = most

    def observe(self, lag: float, wait: float, in_flight: int) -> int:
        """The new limit, by the delay of the event loop and the longest wait, in seconds."""
        excess = max(lag / LOOP_LAG_SECONDS, wait / QUEUE_WAIT_SECONDS)
        if excess <= 1:
            self._late = 0
            self.limit = min(self._most, self.limit + max(1, int(self.limit * GROWTH)))
            return self.limit
        self._late += 1
        if self._late >= LATE_OBSERVATIONS:
            part = max(1 / excess, STEEPEST_SHRINKING)
            shrunk = int(min(self.limit, in_flight) * part)
            self.limit = max(shrunk, min(SMALLEST_LIMIT, self._most))
        return self.limit


class LoadShedder:
    """Quotas of calls with long answers: `most` in flight, and a few being encoded."""

    def __init__(self, most: int, weight: Weight = equal_weight) -> None:
        self.slots = FairQuota(most, weight)
        self.turns = FairSemaphore(ENCODED_AT_ONCE, most + reserve_of(most), weight)
        """For answers to be encoded."""
        self._limit = AdaptiveLimit(most)
        self._latest: dict[str, float] = {}
        """By method: when it last had a long answer (monotonic seconds)."""

    def note(self, method: str) -> None:
        """The method has had a long answer."""
        self._latest[method] = monotonic()

    def includes(self, method: str, now: float) -> bool:
        """Whether the method's answer is likely to be long."""
        latest = self._latest.get(method)
        return latest is not None and now - latest < LONG_ANSWER_SECONDS

    def observe(self, lag: float) -> None:
        """Adapt the limit. Called periodically, with the seconds that the event loop is behind."""
        limit = self._limit.observe(lag, self.turns.longest_wait(), self.slots.taken)
        if limit != self.slots.total:
            self.slots.resize(limit)
