"""What is remembered of calls with an Idempotency-Key: a record for each, for REMEMBERED_SECONDS.

A record is pending from right before the call until its outcome is known. A record that stays
pending is of a call whose gateway was killed.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

import structlog

from gateway.core.errors import Code, GatewayError, OwnCause, unavailable
from gateway.core.fair_quota import FairQuota, Weight
from gateway.core.shared_store import Link, Script, StoreFailed, StoreRefused, Value

log = structlog.stdlib.get_logger("gateway.state")

REMEMBERED_SECONDS = 24 * 3600
REMEMBERED_MS = REMEMBERED_SECONDS * 1000
LARGEST_KEPT_BYTES = 64 * 1024
MEMORY_BYTES = 32 * 2**20
"""For all records of a process without a store."""
RECORD_BYTES = 1024
"""Of a record in memory, without the answer."""
KEYS = OwnCause("keys")
KEY_PREFIX = "cuebot-gateway:key:"
PENDING_KEY = "cuebot-gateway:pending-keys"
MOST_AT_ONCE = 4
"""Scripts, each on a connection of its own: more would make the store slow, and so seem away."""
ANSWER_SECONDS = 1.0
"""Longest answer of the store. Limits wait less: without it, they are only less exact."""
LATE_RECORDS = 256
"""Records that may wait until the store can be written again."""
LATE_PAUSE_SECONDS = 0.5
EVICTION_LOOK_SECONDS = 60.0
REFUSAL_LOG_SECONDS = 60.0
"""Between two lines in the log."""


class Owned(NamedTuple):
    """A key of a principal's, for a method."""

    principal: str
    name: str
    """A digest of principal, method and key."""


@dataclass(frozen=True, slots=True)
class Record:
    fingerprint: str
    basis: str = ""
    """What the conditions of the caller's rule decided by (`Rule.basis`)."""
    state: Literal["pending", "done", "failed", "unknown"] = "pending"
    kept: bytes = b""
    """The answer, also an error of Cuebot's, empty if it is too large; for an unknown outcome, what
    is known; until then, who has claimed the key."""
    age: float = 0.0
    """Seconds since the call began."""

    def dump(self) -> bytes:
        head = f"{self.state} {self.fingerprint} {self.basis} "
        return head.encode() + self.kept

    @staticmethod
    def load(dumped: bytes, age: float) -> "Record":
        """Raises ValueError."""
        state, fingerprint, basis, kept = dumped.split(b" ", 3)
        for known in ("pending", "done", "failed", "unknown"):
            if state == known.encode():
                return Record(fingerprint.decode(), basis.decode(), known, kept, age)
        raise ValueError("no record of this gateway's")


class Records(Protocol):
    async def read(self, owned: Owned) -> Record | None:
        """Raises GatewayError (503, 501) if nothing can be remembered."""

    async def claim(self, owned: Owned, record: Record) -> Record | None:
        """Write a pending record, unless there is one already, which is returned.

        Raises GatewayError (503, 501): nothing is remembered.
        """

    async def finish(self, owned: Owned, pending: Record, outcome: Record | None) -> None:
        """Replace the record that was claimed, or with None forget it. Does not raise."""

    async def run(self) -> None:
        """Work in the background, until cancelled."""

    async def close(self) -> None:
        """Write what is left, if the store answers."""


class NoRecords:
    """For several processes that share nothing."""

    async def read(self, owned: Owned) -> Record | None:
        raise refused("with WORKERS above 1, it needs a store that they share: set STATE")

    async def claim(self, owned: Owned, record: Record) -> Record | None:
        return await self.read(owned)

    async def finish(self, owned: Owned, pending: Record, outcome: Record | None) -> None: ...

    async def run(self) -> None: ...

    async def close(self) -> None: ...


class MemoryRecords:
    """In this process, until it stops."""

    def __init__(
        self,
        weight: Weight,
        *,
        size: int = MEMORY_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quota = FairQuota(size, weight)
        self._clock = clock
        self._records: OrderedDict[str, tuple[Owned, Record, float]] = OrderedDict()
        """By name, with the time at which the call began; the oldest first."""

    async def read(self, owned: Owned) -> Record | None:
        self._forget_old()
        if owned.name not in self._records:
            return None
        _, record, began = self._records[owned.name]
        return replace(record, age=self._clock() - began)

    async def claim(self, owned: Owned, record: Record) -> Record | None:
        if (known := await self.read(owned)) is not None:
            return known
        if not self._quota.take(owned.principal, RECORD_BYTES):
            raise unavailable("there is no room to remember another Idempotency-Key", KEYS)
        self._records[owned.name] = owned, record, self._clock()
        return None

    async def finish(self, owned: Owned, pending: Record, outcome: Record | None) -> None:
        if outcome is None:
            self._forget(owned.name)
        elif owned.name in self._records:
            _, _, began = self._records[owned.name]
            size = len(outcome.kept)
            has_room = not size or self._quota.take(owned.principal, size)
            # A copy, since what orjson returns has 4 KB, however short it is.
            kept = bytes(memoryview(outcome.kept)) if has_room else b""
            self._records[owned.name] = owned, replace(outcome, kept=kept), began

    async def run(self) -> None: ...

    async def close(self) -> None: ...

    def _forget_old(self) -> None:
        latest = self._clock() - REMEMBERED_SECONDS
        while self._records and next(iter(self._records.values()))[2] <= latest:
            self._forget(next(iter(self._records)))

    def _forget(self, name: str) -> None:
        if name in self._records:
            owned, record, _ = self._records.pop(name)
            more = 0 if record.state == "pending" else len(record.kept)
            self._quota.give_back(owned.principal, RECORD_BYTES + more)


CLAIM = Script("""
-- Returns the milliseconds since the call and its record, if there is one, or nothing after writing
-- the record that is given, if any. A pending record does not expire, since a store may evict what
-- does; a set has all of them by time, to remove what gateways that were killed have left.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = tonumber(ARGV[1])
local known = redis.call('GET', KEYS[1])
if known then
  local since, record = string.match(known, '^(%d+) (.*)$')
  if since and now - since < kept then
    return {now - since, record}
  end
end
if ARGV[2] == '' then
  return {}
end
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - kept, 'LIMIT', 0, 10)) do
  redis.call('DEL', old)
  redis.call('ZREM', KEYS[2], old)
end
redis.call('ZADD', KEYS[2], now, KEYS[1])  -- first: if the store refuses it, there is no record
redis.call('SET', KEYS[1], string.format('%.0f ', now) .. ARGV[2])
return {}
""")
FINISH = Script("""
-- Replaces the pending record that is given first by the second, or removes it without one. Another
-- record stays: this one was never written, or is lost and somebody else has the key.
local since, pending = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
if (pending or ARGV[2]) ~= ARGV[2] then
  return {}
end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], KEYS[1])
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = tonumber(ARGV[1])
local began = tonumber(since) or now
local left = string.format('%.0f', math.max(kept - (now - began), 1))
redis.call('SET', KEYS[1], string.format('%.0f ', began) .. ARGV[3], 'PX', left)
redis.call('ZREM', KEYS[2], KEYS[1])  -- last: a full store refuses SET
return {}
""")
EVICTION = Script("""
-- The policy by which the store drops what does not expire: '' without one, '?' if it is not told.
local info = redis.pcall('INFO', 'memory')
if type(info) ~= 'string' then
  return {'?'}
end
local policy = string.match(info, 'maxmemory_policy:(allkeys[%w-]*)')
local is_bounded = tonumber(string.match(info, 'maxmemory:(%d+)') or '0') > 0
return {is_bounded and policy or ''}
""")


class StoreRecords:
    """In a store that gateways share."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._late: dict[tuple[Owned, Record], Record | None] = {}
        """What the store has not been told yet: outcomes of pending records."""
        self._is_late = asyncio.Event()
        self._looked: tuple[float, int] = (0.0, -1)
        self._eviction = ""
        self._told_refusal = -REFUSAL_LOG_SECONDS

    async def read(self, owned: Owned) -> Record | None:
        await self._check_eviction()
        try:
            return await self._ask(owned, b"")
        except StoreFailed:
            raise away() from None

    async def claim(self, owned: Owned, record: Record) -> Record | None:
        try:
            return await self._ask(owned, record.dump())
        except StoreRefused:
            raise away() from None
        except StoreFailed:
            self._tell_later(owned, record, None)  # it may have been written
            raise away() from None
        except asyncio.CancelledError:
            self._tell_later(owned, record, None)
            raise

    async def _ask(self, owned: Owned, given: bytes) -> Record | None:
        found: list[Record] = []

        def check(answer: list[Value]) -> None:
            try:
                for age, dumped in [answer] if answer else []:
                    assert isinstance(age, int)
                    assert isinstance(dumped, bytes)
                    found.append(Record.load(dumped, age / 1000))
            except (ValueError, AssertionError):
                raise StoreFailed("its answer is none that there could be") from None

        await self._run(CLAIM, keys_of(owned), [REMEMBERED_MS, given], check)
        return found[0] if found else None

    async def _check_eviction(self) -> None:
        now, losses = time.monotonic(), self._link.losses
        looked, before = self._looked
        if losses != before or now - looked > EVICTION_LOOK_SECONDS:
            try:
                (policy,) = await self._run(EVICTION, [], [])
            except (StoreFailed, ValueError):
                raise away() from None
            self._eviction = policy.decode() if isinstance(policy, bytes) else "?"
            self._looked = now, losses
            if self._eviction == "?":
                log.warning(
                    "the shared store does not say by INFO whether it drops what does not expire;"
                    " calls with an Idempotency-Key rely on it"
                )
        if self._eviction not in ("", "?"):
            raise refused(f"the store of STATE may forget it (maxmemory-policy {self._eviction})")

    async def finish(self, owned: Owned, pending: Record, outcome: Record | None) -> None:
        try:
            await self._write(owned, pending, outcome)
        except StoreFailed:
            self._tell_later(owned, pending, outcome)

    async def _write(self, owned: Owned, pending: Record, outcome: Record | None) -> None:
        given = [pending.dump(), b"" if outcome is None else outcome.dump()]
        await self._run(FINISH, keys_of(owned), [REMEMBERED_MS, *given])

    async def _run(
        self,
        script: Script,
        keys: Sequence[str],
        values: Sequence[Value],
        check: Callable[[list[Value]], None] = lambda answer: None,
    ) -> list[Value]:
        """A refusal of keys does not end the counting of requests."""
        async with self._places:
            try:
                return await self._link.run(
                    script, keys, values, check, spares=StoreRefused, patience=ANSWER_SECONDS
                )
            except StoreRefused as refusal:
                now = time.monotonic()
                if now - self._told_refusal >= REFUSAL_LOG_SECONDS:
                    self._told_refusal = now
                    log.error("the shared store refuses keys", problem=str(refusal))
                raise

    def _tell_later(self, owned: Owned, pending: Record, outcome: Record | None) -> None:
        if len(self._late) < LATE_RECORDS:
            self._late[owned, pending] = outcome
            self._is_late.set()

    async def run(self) -> None:
        """Tell the store what it could not be told at once."""
        while True:
            await self._is_late.wait()
            self._is_late.clear()
            while self._late:
                await asyncio.sleep(LATE_PAUSE_SECONDS)
                await self._tell_late()

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._tell_late()

    async def _tell_late(self) -> None:
        with suppress(StoreFailed):
            for (owned, pending), outcome in [*self._late.items()]:
                await self._write(owned, pending, outcome)
                self._late.pop((owned, pending), None)


def keys_of(owned: Owned) -> list[str]:
    return [KEY_PREFIX + owned.name, PENDING_KEY]


def away() -> GatewayError:
    problem = "Idempotency-Key: the gateway's shared store cannot remember it now"
    return unavailable(f"{problem}; nothing was called", "store")


def refused(problem: str) -> GatewayError:
    return GatewayError(
        Code.UNIMPLEMENTED, f"Idempotency-Key cannot be kept here: {problem}; nothing was called"
    )


def records_for(link: Link | None, *, processes: int, weight: Weight) -> Records:
    if link is not None:
        return StoreRecords(link)
    return MemoryRecords(weight) if processes == 1 else NoRecords()
