"""Fair quotas of what clients share: requests in flight, bytes of bodies, bytes of answers.

The rule is that of dynamic thresholds in network switches (Choudhury and Hahne, 1998): no principal
may hold more than a multiple of what is still free. A single one may hold everything; the more
there are, the less each of them gets; and something is always left for newcomers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

RESERVE_DIVISOR = 4
"""This part of the total is kept beyond it, for others when one principal holds all of it."""
LONGEST_WAIT_SECONDS = 1.0
"""After this, a waiter that asks for more than is free is served before all others."""
MODEST_PART = 1 / 8
"""The part of the total that a principal may keep for as long as it likes."""

Weight = Callable[[str], float]
"""A principal's weight in fair quotas: 1 for most."""


def reserve_of(total: int) -> int:
    """Units beyond the total, for others than the principal that holds it."""
    return max(1, total // RESERVE_DIVISOR)


def equal_weight(principal: str) -> float:
    return 1.0


class FairQuota:
    """Units of which a single principal may hold `total`, and all together a quarter more."""

    def __init__(self, total: int, weight: Weight = equal_weight) -> None:
        self._weight = weight
        self.held: dict[str, int] = {}
        self.taken = 0
        """Units that all principals hold."""
        self._most = total + reserve_of(total)
        self.resize(total)

    def resize(self, total: int) -> None:
        """Set a total of at most the first one. Units that are held stay held.

        Newcomers still get units, out of the first total.
        """
        self.total = total
        reserve = reserve_of(total)
        self._shared = total + reserve
        self._factor = total / reserve

    def take(self, principal: str, amount: int = 1) -> bool:
        """Take units; False, and nothing is taken, if they are more than the principal's share."""
        before = self.held.get(principal, 0)
        after, taken = before + amount, self.taken + amount
        if taken > self._most or after > self.total:
            return False
        if before:
            weight = self._weight(principal)
            if after > weight and after > self._factor * (self._shared - taken) * weight:
                return False
        self.held[principal] = after
        self.taken = taken
        return True

    def force(self, principal: str, amount: int) -> None:
        """Take units beyond the principal's share."""
        self.held[principal] = self.held.get(principal, 0) + amount
        self.taken += amount

    def give_back(self, principal: str, amount: int = 1) -> None:
        left = self.held[principal] - amount
        self.taken -= amount
        if left:
            self.held[principal] = left
        else:
            del self.held[principal]


class Waiter(NamedTuple):
    """A wait for units, since a time on the monotonic clock."""

    amount: int
    grant: Callable[[], None]
    since: float


class FairSemaphore:
    """A fair quota with a queue. Principals that hold the least are served first.

    The places in the queue, `most_waiting`, are a fair quota, too. After LONGEST_WAIT_SECONDS, a
    waiter is served before all others. A request for more than the total is granted once the others
    hold no more than the reserve.
    """

    def __init__(self, total: int, most_waiting: int, weight: Weight = equal_weight) -> None:
        self._shares = FairQuota(total, weight)
        self._weight = weight
        self._slots = FairQuota(most_waiting, weight)
        self._waiting: dict[str, deque[Waiter]] = {}

    @property
    def total(self) -> int:
        return self._shares.total

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiting)

    def is_awaited_by_others(self, principal: str) -> bool:
        return len(self._waiting) > (principal in self._waiting)

    def longest_wait(self) -> float:
        since = (waiter[0].since for waiter in self._waiting.values())
        return monotonic() - min(since) if self._waiting else 0.0

    @property
    def held(self) -> dict[str, int]:
        return self._shares.held

    def over_quota(self, principal: str) -> float:
        """How many times MODEST_PART of the total a principal holds, by its weight; at least 1."""
        return max(1.0, self._part(principal) / (self.total * MODEST_PART))

    def ask(self, principal: str, amount: int, grant: Callable[[], None]) -> Waiter | None:
        """Call `grant`, at once or later, when the units are taken.

        Returns the wait, which `cancel` ends; None, and `grant` is never called, if the queue is
        full.
        """
        waiter = Waiter(amount, grant, monotonic())
        if self.take_at_once(principal, amount):
            grant()
        elif self._slots.take(principal):
            self._waiting.setdefault(principal, deque()).append(waiter)
        else:
            return None
        return waiter

    def take_at_once(self, principal: str, amount: int) -> bool:
        """Take units if they are free and nobody else has to be served first."""
        is_free = principal not in self._waiting and self.longest_wait() < LONGEST_WAIT_SECONDS
        return is_free and self._take(principal, amount)

    def cancel(self, principal: str, waiter: Waiter) -> bool:
        """End a wait; False if its units have been granted."""
        waiting = self._waiting.get(principal, ())
        if not any(each is waiter for each in waiting):
            return False
        self._dequeue(principal, waiter)
        self._grant_waiters()
        return True

    def give_back(self, principal: str, amount: int) -> None:
        """Give units back, which go to waiters."""
        self._shares.give_back(principal, amount)
        if self._waiting:
            self._grant_waiters()

    async def take(self, principal: str, amount: int, timeout: float | None) -> bool:
        """Wait at most `timeout` seconds; False without the units, or if the queue is full."""
        granted = asyncio.Event()
        waiter = self.ask(principal, amount, granted.set)
        if waiter is None or granted.is_set():
            return waiter is not None
        try:
            async with asyncio.timeout(timeout):
                await granted.wait()
        except BaseException as error:
            if not self.cancel(principal, waiter):
                self.give_back(principal, amount)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def _take(self, principal: str, amount: int) -> bool:
        if self._shares.take(principal, amount):
            return True
        if amount <= self.total or self._shares.taken > reserve_of(self.total):
            return False
        self._shares.force(principal, amount)
        return True

    def _grant_waiters(self) -> None:
        while (found := next(self._grantable(), None)) is not None:
            principal, waiter = found
            self._dequeue(principal, waiter)
            waiter.grant()

    def _grantable(self) -> Iterator[tuple[str, Waiter]]:
        """Waits that are over, with their units taken."""
        if self.longest_wait() >= LONGEST_WAIT_SECONDS:
            oldest = min(self._waiting, key=lambda each: self._waiting[each][0].since)
            if self._take(oldest, self._waiting[oldest][0].amount):
                yield oldest, self._waiting[oldest][0]
            return
        for principal in sorted(self._waiting, key=self._part):
            for waiter in self._waiting[principal]:
                if self._take(principal, waiter.amount):
                    yield principal, waiter

    def _part(self, principal: str) -> float:
        """The principal's units by its weight."""
        return self._shares.held.get(principal, 0) / self._weight(principal)

    def _dequeue(self, principal: str, waiter: Waiter) -> None:
        self._slots.give_back(principal)
        waiting = self._waiting[principal]
        left = deque(each for each in waiting if each is not waiter)
        if left:
            self._waiting[principal] = left
        else:
            del self._waiting[principal]


class MemoryLease:
    """The memory of one request's large answers, out of that of all."""

    __slots__ = ("_held", "_principal", "_turns", "_waiter")

    def __init__(self, turns: FairSemaphore, principal: str) -> None:
        self._turns = turns
        self._principal = principal
        self._held = 0
        self._waiter: Waiter | None = None

    @property
    def is_wanted(self) -> bool:
        return self._turns.is_awaited

    @property
    def over_quota(self) -> float:
        return self._turns.over_quota(self._principal)

    def ask(self, size: int, go_on: Callable[[], None]) -> bool:
        """Ask for bytes; `go_on` is called, at once or later, when they are granted.

        False if they never will be. The bytes of the request's previous answer are given back: it
        has been read by then, and to wait while holding them could be a deadlock.
        """
        self.end()

        def granted() -> None:
            self._waiter = None
            self._held += size
            go_on()

        waiter = self._turns.ask(self._principal, size, granted)
        if not self._held:
            self._waiter = waiter
        return waiter is not None

    def shrink(self, size: int) -> None:
        """Give back all but so many bytes."""
        if self._held > size:
            held, self._held = self._held, size
            self._turns.give_back(self._principal, held - size)

    def close(self) -> None:
        """The request is over, or needs its answer no more."""
        self.end()

    def end(self) -> None:
        """Give back everything, and end the wait."""
        if self._waiter is not None:
            self._turns.cancel(self._principal, self._waiter)
            self._waiter = None
        if self._held:
            held, self._held = self._held, 0
            self._turns.give_back(self._principal, held)
