"""How many long answers are taken on at once, by how well the gateway keeps up with them.

Small calls cost next to nothing, and there are no more of them than MAX_IN_FLIGHT. Long lists are
the load. They wait for their turn to be encoded, and that time in the queue is what is bounded, so
that nothing has to be known of what they cost; the delay of the event loop counts as well. CoDel
(RFC 8289) would drop what is in a queue. Here that has cost work already, Cuebot's at least, so new
calls of methods whose answers are long are refused instead, in the way of gradient limiters: the
limit shrinks as the time in the queue is to the one that is wanted, and grows slowly.
"""

from time import monotonic

from gateway.access.fair_quota import FairQuota, FairSemaphore, Weight, alike, reserve_of

ENCODED_AT_ONCE = 2
"""Long answers of one principal; another finds room for one more. With more of them, small requests
would wait for pieces of each."""
WAIT = 0.25
"""Seconds that a long answer may wait for its turn."""
LAG = 0.25
"""Seconds that the event loop may be behind."""
PATIENCE = 2
"""Observations in a row that have to be worse. One alone is a pause: a garbage collection, say."""
STEEPEST = 0.5
"""The limit shrinks to this part of itself at most, from one observation to the next."""
GROWTH = 0.05
LEAST = 16
"""Long answers that are always taken on."""
REMEMBERED = 10.0
"""Seconds for which a method counts as one with long answers after it has had one."""


class AdaptiveLimit:
    """A limit of `most`, and less while the gateway is behind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._late = 0
        """Observations in a row in which it was behind."""
        self.limit = most

    def observe(self, lag: float, wait: float, in_flight: int) -> int:
        """The limit from now on.

        `lag` are the seconds that the event loop is behind, `wait` those for which the first of the
        long answers has been waiting; so many are in flight.
        """
        excess = max(lag / LAG, wait / WAIT)
        if excess <= 1:
            self._late = 0
            self.limit = min(self._most, self.limit + max(1, int(self.limit * GROWTH)))
            return self.limit
        self._late += 1
        if self._late >= PATIENCE:
            part = max(1 / excess, STEEPEST)
            shrunk = int(min(self.limit, in_flight) * part)
            self.limit = max(shrunk, min(LEAST, self._most))
        return self.limit


class LoadShedder:
    """Calls of methods with long answers: at most `most` in flight, and a few being encoded."""

    def __init__(self, most: int, weight: Weight = alike) -> None:
        self.slots = FairQuota(most, weight)
        self.turns = FairSemaphore(ENCODED_AT_ONCE, most + reserve_of(most), weight)
        """Those of answers to be encoded."""
        self._limit = AdaptiveLimit(most)
        self._latest: dict[str, float] = {}
        """By method: when it has had a long answer (monotonic seconds)."""

    def note(self, method: str) -> None:
        """The method has had a long answer."""
        self._latest[method] = monotonic()

    def includes(self, method: str, now: float) -> bool:
        """Whether the method's answer is likely to be long."""
        latest = self._latest.get(method)
        return latest is not None and now - latest < REMEMBERED

    def observe(self, lag: float) -> None:
        """Adapt the limit, again and again, to an event loop that is so many seconds behind."""
        limit = self._limit.observe(lag, self.turns.longest_wait(), self.slots.taken)
        if limit != self.slots.total:
            self.slots.resize(limit)
