"""Load shedding: a limit on calls with long answers, which adapts to how well the gateway keeps up.

Small calls cost next to nothing, and MAX_IN_FLIGHT bounds their number. Long lists are the load.
They queue to be encoded, and the time in that queue and the delay of the event loop are bounded.
CoDel (RFC 8289) would drop requests from the queue, which have cost Cuebot work already. Instead,
new calls of methods with long answers are refused, as by a gradient limiter: the limit shrinks in
proportion to the excess delay, and grows slowly.
"""

from gateway.core.fair_quota import FairQuota, Weight, equal_weight
from gateway.core.pipeline.encoding_turn import LongAnswers

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
    """A quota of calls with long answers, `most` in flight."""

    def __init__(self, most: int, answers: LongAnswers, weight: Weight = equal_weight) -> None:
        self.slots = FairQuota(most, weight)
        self.long_until = answers.until
        self._turns = answers.turns
        self._limit = AdaptiveLimit(most)

    def observe(self, lag: float) -> None:
        """Adapt the limit. Called periodically, with the seconds that the event loop is behind."""
        limit = self._limit.observe(lag, self._turns.longest_wait(), self.slots.taken)
        if limit != self.slots.total:
            self.slots.resize(limit)
