"""Counting requests together with other gateways: the bucket of a client is in a shared store.

A client that is far from its limit does not wait for the store. Each process takes a few requests
out of the client's bucket ahead of time, an eighth of the burst at most, and gives them away by
itself; what it has not used within a second or two is lost. It gets them only while more than half
of the bucket is there, so that near the limit each request is counted in the store, exactly.

So in no t seconds does a client get more than `burst + rps * t` requests and those that were taken
before: an eighth of its burst for each process, and half of its burst and two seconds' worth for
all of them together.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

import structlog

from gateway.access.limits import REMEMBERED_CLIENTS, MemoryLimiter, Verdict
from gateway.access.rates import SECOND, Rate
from gateway.errors import unavailable
from gateway.settings.model import Settings
from gateway.state.link import Link
from gateway.state.redis_store import RedisStore
from gateway.state.store import Script, StoreFailed

log = structlog.stdlib.get_logger("gateway.state")

BUCKET = Script(Path(__file__).with_name("bucket.lua").read_text(encoding="utf-8"))
PREFIX = "cuebot-gateway:rate:"
PART = 8
"""Into how many parts a burst is divided, of which a gateway may have one."""
MOST = 128
"""How many requests of one client a gateway has at most, whatever the burst."""
KEPT = SECOND
"""Nanoseconds after which what has not been given away is lost."""
TOGETHER = 0.005
"""Seconds that an order for more may wait for others: it is made before there are none left."""
LARGEST_BATCH = 256
"""How many buckets are looked at in one go, during which the store does nothing else."""


class Taken:
    """What this gateway knows of a client's bucket, and has taken out of it."""

    __slots__ = ("asked", "full_at", "left", "size", "until", "used")

    def __init__(self) -> None:
        self.full_at = 0
        """When the bucket would be full, if nobody used it; nanoseconds of this clock."""
        self.left = 0
        """The requests that are still to be given away, until then: `until`."""
        self.until = 0
        self.size = 0
        """How many there were at first."""
        self.used = 0
        """Those that the client has made since."""
        self.asked = False
        """Whether more have been asked for."""


class Ask:
    """A question to the store about one client."""

    __slots__ = ("client", "rate", "verdict", "wanted")

    def __init__(
        self, client: str, rate: Rate, wanted: int, verdict: "asyncio.Future[Verdict] | None"
    ) -> None:
        self.client = client
        self.rate = rate
        self.wanted = wanted
        self.verdict = verdict
        """Who waits for the answer; nobody does if it is only about having more."""


class SharedLimiter:
    """A `Limiter` whose buckets are in a shared store.

    While the store is away, each process counts by itself, its share of each rate; or, with
    `closed`, requests are refused.
    """

    def __init__(
        self,
        link: Link,
        *,
        closed: bool,
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
        remembered: int = REMEMBERED_CLIENTS,
    ) -> None:
        """`processes` are those of this gateway, among which rates are divided then."""
        self.link = link
        self._closed = closed
        self._clock = clock
        self._remembered = remembered
        self._alone = MemoryLimiter(clock, remembered=remembered)
        self._share = lru_cache(maxsize=256)(lambda rate: rate.among(processes))
        self._taken: dict[str, Taken] = {}
        self._asks: list[Ask] = []
        self._wanted = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self.without = 0
        """Requests that were counted, or refused, without the store."""

    def hit(self, client: str, rate: Rate) -> Verdict | Awaitable[Verdict]:
        now = round(self._clock() * SECOND)
        taken = self._taken.get(client)
        if taken is not None:
            debt = taken.full_at - now
            if taken.left and now < taken.until:
                taken.left -= 1
                taken.used += 1
                if taken.left * 2 <= taken.size and self.link.up:
                    self._order(client, rate, taken)
                return verdict_of(rate, True, debt, taken.left)
            if debt + rate.interval - rate.capacity > rate.longest_wait:
                return verdict_of(rate, False, debt, 0)  # what others do can only make it worse
        if not self.link.up:
            return self._hit_without(client, rate)
        wanted = 0 if taken is None or now >= taken.until else worth_taking(taken, rate)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._asks.append(Ask(client, rate, wanted, verdict))
        self._wanted.set()
        return verdict

    async def run(self) -> None:
        """Keep up the link, and ask the store what there is to ask, until cancelled."""
        await asyncio.gather(self.link.keep(), self._ask_on())

    async def first_look(self) -> None:
        """Wait until the store has been looked for once, successfully or not."""
        await self.link.first_look()

    async def _ask_on(self) -> None:
        """All at once that has come together since the last answer."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._asks:
                batch, self._asks = self._asks[:LARGEST_BATCH], self._asks[LARGEST_BATCH:]
                try:
                    await self._ask(batch)
                except StoreFailed:
                    pass
                except Exception:  # or nobody would be answered any more
                    log.exception("requests are counted without the shared store")
                finally:
                    for each in batch:
                        self._answer_without(each)

    def _order(self, client: str, rate: Rate, taken: Taken) -> None:
        """Ask for more before there are none left."""
        wanted = worth_taking(taken, rate)
        if wanted:
            self._asks.append(Ask(client, rate, wanted, None))
            if self._soon is None:
                self._soon = asyncio.get_running_loop().call_later(TOGETHER, self._send)

    def _send(self) -> None:
        self._soon = None
        self._wanted.set()

    async def _ask(self, batch: list[Ask]) -> None:
        began = round(self._clock() * SECOND)
        numbers: list[int] = []
        for each in batch:
            rate, requests = each.rate, int(each.verdict is not None)
            numbers += (rate.interval, rate.capacity, int(rate.longest_wait), requests, each.wanted)
        keys = [PREFIX + each.client for each in batch]
        answers = await self.link.run(BUCKET, keys, numbers, partial(check_answers, batch))
        now = round(self._clock() * SECOND)
        for number, each in enumerate(batch):
            allowed, debt, more = answers[3 * number : 3 * number + 3]
            debt = min(debt, most_debt(each.rate))
            taken = self._note(each, began, more)
            taken.full_at = now + debt
            if each.verdict is not None and not each.verdict.done():
                taken.used += 1
                each.verdict.set_result(verdict_of(each.rate, allowed == 1, debt, taken.left))
        if len(self._taken) > self._remembered:  # forget those not asked about for longest
            for oldest in [*islice(self._taken, self._remembered // 64 + 1)]:
                del self._taken[oldest]

    def _note(self, ask: Ask, began: int, more: int) -> Taken:
        """What this gateway has of a client's requests after an answer."""
        taken = self._taken.pop(ask.client, None) or Taken()
        self._taken[ask.client] = taken  # as the newest
        if began >= taken.until:
            taken.left = 0
        if ask.wanted:
            taken.asked = False
        if more or not taken.left:
            taken.left += more
            taken.size, taken.used, taken.until = taken.left, 0, began + KEPT
        return taken

    # --- while the store is away --------------------------------------------------------------

    def _hit_without(self, client: str, rate: Rate) -> Verdict:
        self.without += 1
        if self._closed:
            problem = "requests cannot be counted: the gateway's shared store is away"
            raise unavailable(problem, "store")
        known = self._taken.pop(client, None)
        if known is not None:
            self._alone.owe(client, known.full_at)
        return self._alone.hit(client, self._share(rate))

    def _answer_without(self, ask: Ask) -> None:
        """Answer whom the store has not answered."""
        if ask.wanted and (taken := self._taken.get(ask.client)) is not None:
            taken.asked = False
        if ask.verdict is None or ask.verdict.done():
            return
        try:
            ask.verdict.set_result(self._hit_without(ask.client, ask.rate))
        except Exception as error:
            ask.verdict.set_exception(error)
            ask.verdict.exception()  # whoever has asked may be gone


def open_limiter(settings: Settings) -> SharedLimiter | None:
    """The limiter that counts at STATE, if it is set. Raises ConfigurationError."""
    if settings.state is None:
        return None
    closed = settings.state_fail == "closed"
    meanwhile = "requests are refused" if closed else "each process counts requests by itself"
    link = Link(RedisStore(settings), f"{meanwhile} (STATE_FAIL={settings.state_fail})")
    return SharedLimiter(link, closed=closed, processes=settings.workers)


def check_answers(batch: Sequence[Ask], answers: Sequence[int]) -> None:
    """Raise StoreFailed for what the script cannot answer about these clients.

    Requests would wait as long as it says, and clients be refused.
    """
    if len(answers) != 3 * len(batch):
        raise StoreFailed("its answer does not have three numbers for each client")
    for number, each in enumerate(batch):
        allowed, debt, more = answers[3 * number : 3 * number + 3]
        if allowed == 1:
            makes_sense = 0 <= debt <= most_debt(each.rate) and 0 <= more <= each.wanted
        else:
            makes_sense = allowed == 0 <= debt and more == 0
        if not makes_sense:
            raise StoreFailed("its answer is none that there could be")


def most_debt(rate: Rate) -> int:
    """Nanoseconds until a bucket of this rate is full, at most.

    A client that had a slower rate before may owe more. It is asked about again after that time.
    """
    return rate.capacity + int(rate.longest_wait) + rate.interval


def worth_taking(taken: Taken, rate: Rate) -> int:
    """How many to ask for, within what is allowed: four times what the client has used of the last.

    As the next are asked for when half of the last are used, they become twice as many each time,
    until they last. None are worth asking for while others are on their way.
    """
    if taken.asked:
        return 0
    wanted = max(min(4 * taken.used, rate.burst // PART, MOST) - taken.left, 0)
    taken.asked = wanted > 0
    return wanted


def verdict_of(rate: Rate, allowed: bool, debt: int, held: int) -> Verdict:
    """The verdict on a request after which the bucket is full in `debt` nanoseconds.

    Part of these are for `held` requests, which have been taken and not been given away.
    """
    debt = max(debt - held * rate.interval, rate.interval if allowed else 0)
    wait = debt - rate.capacity if allowed else debt + rate.interval - rate.capacity
    left = rate.capacity - debt
    return Verdict(
        allowed,
        rate.burst,
        left // rate.interval if allowed and left > 0 else 0,
        debt / SECOND,
        wait / SECOND if wait > 0 else 0.0,
    )
