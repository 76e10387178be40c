"""Counting requests together with other gateways: the bucket of a client is in a shared store.

All requests that have come since the last answer are counted with one script. While the store is
away, each process counts by itself, from what it knew of each client.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import structlog

from gateway.core.errors import unavailable
from gateway.core.findings import Findings
from gateway.core.rates import REMEMBERED_CLIENTS, MemoryLimiter, Rate, Verdict
from gateway.core.shared_store import Link, RedisStore, Script, StoreFailed, Value

log = structlog.stdlib.get_logger("gateway.state")

KEY_PREFIX = "cuebot-gateway:rate:"
LARGEST_BATCH = 256
"""Requests that one script counts; the store does nothing else meanwhile."""
COUNT = Script("""
-- Counts requests as MemoryLimiter does, by the clock of this server. Each key has three numbers of
-- nanoseconds: from one request to the next, until an empty bucket is full, and the longest wait.
-- The answer has two for each: whether the request may pass (1 or 0), and the nanoseconds until the
-- bucket is full. A bucket is the time of the last request (microseconds) and how long it took from
-- then on until it was full (nanoseconds), since a number in Lua has only 53 bits.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}
for number, key in ipairs(KEYS) do
  local at = 3 * (number - 1)
  local interval, capacity = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local longest = tonumber(ARGV[at + 3])
  local debt, is_behind = 0, false
  local since, owed = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  -- Longer numbers are from elsewhere, and no answer could hold them.
  if since and #since <= 18 and #owed <= 18 then
    -- After a failover, this clock may be behind the one that wrote: then no time has passed, and
    -- the bucket fills from now on.
    is_behind = now < tonumber(since)
    debt = math.max(0, owed - math.max(0, now - since) * 1000)
  end
  local allowed = debt + interval - capacity <= longest
  if allowed then
    debt = debt + interval
  end
  if allowed or is_behind then
    local until_full = string.format('%.0f', math.ceil(debt / 1000000) + 1)
    redis.call('SET', key, string.format('%.0f %.0f', now, debt), 'PX', until_full)
  end
  answers[#answers + 1] = allowed and 1 or 0
  answers[#answers + 1] = debt
end
return answers
""")


class Question(NamedTuple):
    client: str
    rate: Rate
    verdict: "asyncio.Future[Verdict]"


class SharedLimiter:
    """A `Limiter` whose buckets are in a shared store.

    While the store is away, each process counts its share of each rate by itself; or, with
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
        """`processes` are this gateway's, among which rates are divided without the store."""
        self.link = link
        self._closed = closed
        self._alone = MemoryLimiter(clock, remembered=remembered)
        self._share = lru_cache(maxsize=256)(lambda rate: rate.among(processes))
        self._questions: list[Question] = []
        self._asked = asyncio.Event()
        self.without = 0
        """Requests that were counted, or refused, without the store."""

    def hit(self, client: str, rate: Rate) -> Verdict | Awaitable[Verdict]:
        if not self.link.up:
            return self._hit_without(client, rate)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._questions.append(Question(client, rate, verdict))
        self._asked.set()
        return verdict

    async def run(self) -> None:
        """Have the store count requests, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._questions:
                batch = self._questions[:LARGEST_BATCH]
                del self._questions[:LARGEST_BATCH]
                try:
                    await self._ask(batch)
                except StoreFailed:
                    pass
                except Exception:  # or no request would be answered any more
                    log.exception("requests are counted without the shared store")
                finally:
                    for each in batch:
                        self._answer_without(each)

    async def _ask(self, batch: list[Question]) -> None:
        numbers: list[int] = []
        for each in batch:
            numbers += (each.rate.interval, each.rate.capacity, int(each.rate.longest_wait))
        keys = [KEY_PREFIX + each.rate.bucket(each.client) for each in batch]
        answers = await self.link.run(COUNT, keys, numbers, partial(check_answers, batch))
        for number, each in enumerate(batch):
            allowed, debt = answers[2 * number : 2 * number + 2]
            assert isinstance(debt, int), "checked"
            # Whoever writes more into the store must not have a client refused for days.
            debt = min(debt, most_debt(each.rate) + each.rate.interval)
            # To go on from, should the store be lost.
            self._alone.owe(each.client, self._share(each.rate), debt)
            if not each.verdict.done():
                early = debt - each.rate.capacity + (0 if allowed else each.rate.interval)
                each.verdict.set_result(Verdict(allowed == 1, early, debt))

    def _hit_without(self, client: str, rate: Rate) -> Verdict:
        self.without += 1
        if self._closed:
            problem = "requests cannot be counted: the gateway's shared store is away"
            raise unavailable(problem, "store")
        return self._alone.hit(client, self._share(rate))

    def _answer_without(self, question: Question) -> None:
        if question.verdict.done():
            return
        try:
            question.verdict.set_result(self._hit_without(question.client, question.rate))
        except Exception as error:
            question.verdict.set_exception(error)
            question.verdict.exception()  # retrieved: the client may be gone


def check_answers(batch: Sequence[Question], answers: Sequence[Value]) -> None:
    """Raise StoreFailed for an answer that the script cannot give about these clients.

    Requests wait for as long as an answer says.
    """
    if len(answers) != 2 * len(batch):
        raise StoreFailed("its answer does not have two numbers for each client")
    for number, each in enumerate(batch):
        allowed, debt = answers[2 * number : 2 * number + 2]
        if not isinstance(debt, int) or not (
            0 <= debt <= most_debt(each.rate) if allowed == 1 else allowed == 0 <= debt
        ):
            raise StoreFailed("its answer is none that there could be")


def most_debt(rate: Rate) -> int:
    """Nanoseconds until the bucket of an allowed request is full, at most."""
    return rate.capacity + int(rate.longest_wait)


async def check_store(store: RedisStore, found: Findings, *, closed: bool) -> None:
    """Count once in the store. Its absence is a problem only if it fails `closed`."""
    link = Link(store, "")
    try:
        await link.connect()
        began = time.monotonic()
        await link.in_time(store.run(COUNT, [KEY_PREFIX + "check"], [1, 1, 0]))
    except StoreFailed as failure:
        state = f"{store.name} does not answer"
        (found.problems if closed else found.warnings).append(f"STATE: {store.name}: {failure}")
    else:
        state = f"{store.name} answers within {(time.monotonic() - began) * 1000:.1f} ms"
    finally:
        await store.close()
    found.facts["state"] = state
    found.tell("State", state)
