"""Lists of names, kept some seconds and shared by all who may read them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from difflib import get_close_matches
from time import monotonic

from gateway.core.errors import GatewayError
from gateway.core.long_work import let_others_run
from gateway.core.rates import MemoryLimiter, Rate
from gateway.core.suggestions import MAX_COMPARED_NAMES, did_you_mean, is_part

KEPT_SECONDS = 5.0
MOST_KEPT = 64
"""Lists of at most `MAX_COMPARED_NAMES` names."""
MOST_HINTS = 64
"""Kept for each list."""
MOST_READ_AT_ONCE = 8
READS = Rate(rps=5, burst=40)
"""Of lists that are not kept, for each principal."""
NAMES_PER_STEP = 25
COMPARISONS = Rate(rps=100, burst=1600)
"""Steps of comparisons for each principal: long names take some 70 µs each."""


class NameList:
    """Names, and what they were compared with."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names[:MAX_COMPARED_NAMES]
        self._all = frozenset(self.names)
        self.hints: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._all


class KeptNames:
    """The lists. A list that could not be read is kept as well: its error is raised again.

    Who may read a list is for the caller to decide, who never asks for those under `see`.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, NameList | GatewayError]] = OrderedDict()
        self._reading: dict[Hashable, asyncio.Task[NameList | GatewayError]] = {}
        self._limiter = MemoryLimiter(clock)

    async def list(
        self, key: Hashable, principal: str, read: Callable[[], Awaitable[Sequence[str]]]
    ) -> NameList | None:
        """The list of that key: kept, or as `read` finds it, once for all who ask meanwhile.

        None if the principal, or everybody together, reads too many. Raises GatewayError if the
        list cannot be read.
        """
        now = self._clock()
        while self._kept and next(iter(self._kept.values()))[0] <= now:
            self._kept.popitem(last=False)
        if key in self._kept:
            found = self._kept[key][1]
        else:
            task = self._reading.get(key)
            if task is None:
                if len(self._reading) >= MOST_READ_AT_ONCE:
                    return None
                if not self._limiter.hit(f"reads {principal}", READS).allowed:
                    return None
                task = asyncio.create_task(self._read(key, read))
                self._reading[key] = task
            found = await asyncio.shield(task)  # others may wait for it, too
        if isinstance(found, GatewayError):
            raise found.again()
        return found

    async def _read(
        self, key: Hashable, read: Callable[[], Awaitable[Sequence[str]]]
    ) -> NameList | GatewayError:
        found: NameList | GatewayError
        try:
            found = NameList(await read())
        except GatewayError as error:
            found = error.again()
        finally:
            del self._reading[key]
        self._kept[key] = (self._clock() + KEPT_SECONDS, found)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def hint(self, listed: NameList, name: str, principal: str) -> str:
        """`; did you mean 'demo'?`: the nearest name of the list. Empty without one, and if the
        principal has had too many names compared.
        """
        found = listed.hints.get(name)
        if found is None:
            near = await self._alike(name, listed.names, principal)
            if near is None:
                return ""
            found = did_you_mean(name, near, "'")
            if len(listed.hints) < MOST_HINTS:
                listed.hints[name] = found
        return found

    async def _alike(self, name: str, names: Sequence[str], principal: str) -> Sequence[str] | None:
        sought, found = name.lower(), list[str]()
        for start in range(0, len(names), NAMES_PER_STEP):
            if not self._limiter.hit(f"compared {principal}", COMPARISONS).allowed:
                return None
            await let_others_run()
            some = {each.lower(): each for each in names[start : start + NAMES_PER_STEP]}
            found += [some[each] for each in get_close_matches(sought, some, n=3)]
            found += [
                each
                for lower, each in some.items()
                if lower.startswith(sought) or is_part(sought, each)
            ]
        return found
