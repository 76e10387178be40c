"""Fair shares of what all clients draw from: slots in flight, bytes of bodies, bytes of answers.

One rule, known from the buffers of network switches as dynamic thresholds (Choudhury and Hahne,
1998): nobody who has something may have more than a multiple of what is still free. Whoever is
alone may have everything; the more there are, the less each of them gets; and something is always
left for those who have nothing yet.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

RESERVE = 4
"""The total divided by this is kept, beyond the total, for others than the one who has it all."""

Weight = Callable[[str], float]
"""How many principals' worth of a share a principal has: 1 for most."""


def reserve_of(total: int) -> int:
    """What is kept for others than the one who has the total."""
    return max(1, total // RESERVE)


def alike(principal: str) -> float:
    """The weight of principals that are all the same."""
    return 1.0


class FairQuota:
    """So many units, `total` for whoever is alone and a quarter more for all together."""

    def __init__(self, total: int, weight: Weight = alike) -> None:
        self._weight = weight
        self.held: dict[str, int] = {}
        """By principal, for those that have some."""
        self._taken = 0
        self._most = total + reserve_of(total)
        self.resize(total)

    def resize(self, total: int) -> None:
        """Have a smaller total from now on, or again the first one. Nobody loses what it has.

        Those who have nothing still get something, from what there was first.
        """
        self.total = total
        reserve = reserve_of(total)
        self._shared = total + reserve
        self._factor = total / reserve

    @property
    def taken(self) -> int:
        """The units that all have together."""
        return self._taken

    def take(self, principal: str, amount: int = 1) -> bool:
        """Take so many units; False, and nothing is taken, if that is more than its share."""
        before = self.held.get(principal, 0)
        after, taken = before + amount, self._taken + amount
        if taken > self._most or after > self.total:
            return False
        if before:
            weight = self._weight(principal)
            if after > weight and after > self._factor * (self._shared - taken) * weight:
                return False
        self.held[principal] = after
        self._taken = taken
        return True

    def force(self, principal: str, amount: int) -> None:
        """Take so many units, whoever has the others."""
        self.held[principal] = self.held.get(principal, 0) + amount
        self._taken += amount

    def give_back(self, principal: str, amount: int = 1) -> None:
        """So many units are not needed any more."""
        left = self.held[principal] - amount
        self._taken -= amount
        if left:
            self.held[principal] = left
        else:
            del self.held[principal]


class Asking(NamedTuple):
    """Somebody who waits for units, since a time on the monotonic clock."""

    amount: int
    grant: Callable[[], None]
    since: float


PATIENCE = 1.0
"""Seconds for which others may be served before somebody who waits for more than there is free."""


MODEST = 1 / 8
"""The part of the total that a principal may keep for as long as anybody may."""


class FairSemaphore:
    """A fair quota whose units can be waited for. Those who have the least are the next.

    At most `most_waiting` may wait, and they are shared in the same way. Who has waited for longer
    than PATIENCE is the next before all others. Who asks for more than the total gets it once
    the others have no more than the reserve.
    """

    def __init__(self, total: int, most_waiting: int, weight: Weight = alike) -> None:
        self._shares = FairQuota(total, weight)
        self._weight = weight
        self._slots = FairQuota(most_waiting, weight)
        self._waiting: dict[str, deque[Asking]] = {}

    @property
    def total(self) -> int:
        """The units that one principal may have."""
        return self._shares.total

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def is_awaited_by_others(self, principal: str) -> bool:
        """Whether anybody else waits."""
        return len(self._waiting) > (principal in self._waiting)

    def longest_wait(self) -> float:
        """Seconds for which the first of those who wait has been waiting."""
        since = (asking[0].since for asking in self._waiting.values())
        return monotonic() - min(since) if self._waiting else 0.0

    @property
    def held(self) -> dict[str, int]:
        """What each principal has."""
        return self._shares.held

    def over_quota(self, principal: str) -> float:
        """How many times a MODEST part of the total a principal has, by its weight; 1 at least."""
        return max(1.0, self._part(principal) / (self.total * MODEST))

    def ask(self, principal: str, amount: int, grant: Callable[[], None]) -> Asking | None:
        """Call `grant`, at once or later, when the units are the principal's.

        Returns what `forget` takes as long as it has not been called; None, and `grant` will never
        be called, if too many wait already.
        """
        asking = Asking(amount, grant, monotonic())
        is_free = principal not in self._waiting and self.longest_wait() < PATIENCE
        if is_free and self._take(principal, amount):
            grant()
        elif self._slots.take(principal):
            self._waiting.setdefault(principal, deque()).append(asking)
        else:
            return None
        return asking

    def forget(self, principal: str, asking: Asking) -> bool:
        """The units are not wanted any more; False if they have been granted before."""
        waiting = self._waiting.get(principal, ())
        if not any(each is asking for each in waiting):
            return False
        self._leave(principal, asking)
        self._go_on()
        return True

    def give_back(self, principal: str, amount: int) -> None:
        """So many units are not needed any more: they go to those who wait."""
        self._shares.give_back(principal, amount)
        if self._waiting:
            self._go_on()

    async def take(self, principal: str, amount: int, timeout: float | None) -> bool:
        """Wait for units, `timeout` seconds at most; False without them, or if too many wait."""
        granted = asyncio.Event()
        asking = self.ask(principal, amount, granted.set)
        if asking is None or granted.is_set():
            return asking is not None
        try:
            async with asyncio.timeout(timeout):
                await granted.wait()
        except BaseException as error:
            if not self.forget(principal, asking):
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

    def _go_on(self) -> None:
        """Grant what can be granted now."""
        while (found := next(self._grantable(), None)) is not None:
            principal, asking = found
            self._leave(principal, asking)
            asking.grant()

    def _grantable(self) -> Iterator[tuple[str, Asking]]:
        """Whose turn it is; the units are taken."""
        if self.longest_wait() >= PATIENCE:
            oldest = min(self._waiting, key=lambda each: self._waiting[each][0].since)
            if self._take(oldest, self._waiting[oldest][0].amount):
                yield oldest, self._waiting[oldest][0]
            return
        for principal in sorted(self._waiting, key=self._part):
            for asking in self._waiting[principal]:
                if self._take(principal, asking.amount):
                    yield principal, asking

    def _part(self, principal: str) -> float:
        """How much a principal has, by its weight."""
        return self._shares.held.get(principal, 0) / self._weight(principal)

    def _leave(self, principal: str, asking: Asking) -> None:
        """Wait no longer."""
        self._slots.give_back(principal)
        waiting = self._waiting[principal]
        left = deque(each for each in waiting if each is not asking)
        if left:
            self._waiting[principal] = left
        else:
            del self._waiting[principal]
