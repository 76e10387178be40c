"""Shared reads: callers who ask Cuebot the same at the same time share one call.

Whoever asks while a call is under way waits for the next one, which starts when that call ends, for
all who wait: no answer is older than the question.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, NamedTuple

from gateway.core.fair_quota import FairSemaphore
from gateway.core.long_work import let_others_run
from gateway.core.principal import ADDRESS, PRINCIPAL, SHARED
from gateway.core.upstream.interface import (
    CallFailed,
    Metadata,
    Upstream,
    UpstreamCall,
    too_late,
)
from gateway.features.shared_reads.shared_answer import SharedAnswer, shared_answer
from gateway.features.shared_reads.shared_lease import SharedLease

LONGEST_WAIT_SECONDS = 1.0
"""For a call that is under way; then the next one starts beside it."""
LARGEST_REQUEST_BYTES = 16 * 1024
"""Larger ones are seldom the same, and comparing them takes time."""

Key = tuple[object, ...]


class Waiter(NamedTuple):
    metadata: Metadata
    deadline: float
    """In the loop's time."""


Following = list["Group"]
"""Who came during a call that is under way: one group, or none. Most calls are alone."""
Outcome = asyncio.Future[bytes | BaseException | None]
"""The answer or the error; None for the only one of a group, who makes the call."""


class Group:
    """Those who wait for a call, or for its answer when it has started."""

    def __init__(self, key: Key, path: str, payload: bytes) -> None:
        self.key = key
        self.path = path
        self.payload = payload
        self.following: Following = []
        self.waiters: dict[Outcome, Waiter] = {}
        self.has_started = False
        self.timer: asyncio.TimerHandle | None = None
        self.starting: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None] | None = None
        """The call, if it is for several."""

    def begin_soon(self, start: "Callable[[Group], None]") -> None:
        """Start after the work that waits for the answer of the call before.

        The more there is to do, the more callers share the next call.
        """
        if self.has_started:
            return

        async def begin() -> None:
            await let_others_run()
            start(self)

        self.starting = asyncio.get_running_loop().create_task(begin())


class SharedUpstream:
    """An `Upstream` of which the callers share calls that only read.

    Each caller keeps its deadline. A call for several has the longest of theirs, and ends when the
    last of them has left; the memory for its answer belongs to SHARED.
    """

    def __init__(
        self,
        upstream: Upstream,
        only_reads: Callable[[str], bool],
        memory: FairSemaphore,
        *,
        within_principal: bool = False,
    ) -> None:
        """`only_reads`: by a method's path. `memory` is for large answers, in bytes."""
        self.upstream = upstream
        self.answered = 0
        """Answers that came from a call for several."""
        self._only_reads = only_reads
        self._memory = memory
        self._within_principal = within_principal
        self._newest: dict[Key, Following] = {}
        """By question, who follows the newest call that is under way."""

    def call(self, asked: UpstreamCall) -> Coroutine[Any, Any, bytes]:
        if len(asked.payload) > LARGEST_REQUEST_BYTES or not self._only_reads(asked.path):
            return self.upstream.call(asked)
        return self._share(asked)

    async def _share(self, asked: UpstreamCall) -> bytes:
        path, payload = asked.path, asked.payload
        key: Key = (path, payload)
        if self._within_principal:
            key = (path, payload, asker(asked.metadata))
        own: Following = []
        newest = self._newest.setdefault(key, own)  # which hashes the key once
        if newest is not own:
            return await self._together(newest, key, asked)
        try:
            return await self.upstream.call(asked)
        finally:
            if own:
                own[0].begin_soon(self._start)
            else:
                del self._newest[key]

    async def usable(self, timeout: float) -> int:
        return await self.upstream.usable(timeout)

    async def _together(self, newest: Following, key: Key, asked: UpstreamCall) -> bytes:
        loop = asyncio.get_running_loop()
        if newest:
            group = newest[0]
        else:
            group = Group(key, asked.path, asked.payload)
            newest.append(group)
            group.timer = loop.call_later(LONGEST_WAIT_SECONDS, self._start, group)
        outcome: Outcome = loop.create_future()
        deadline = loop.time() + asked.timeout
        group.waiters[outcome] = Waiter(asked.metadata, deadline)
        timer = loop.call_at(deadline, expire, outcome)
        try:
            found = await outcome
            if found is None:
                left = max(deadline - loop.time(), 0)
                return await self.upstream.call(asked._replace(timeout=left))
        finally:
            timer.cancel()
            self._leave(group, outcome)
        if isinstance(found, BaseException):
            try:
                raise found
            finally:
                del found, outcome  # or the error would refer to itself by its traceback
        self.answered += 1
        return found

    def _start(self, group: Group) -> None:
        """Make the call of those who wait, unless it has been made."""
        if group.has_started:
            return
        group.has_started = True
        self._newest[group.key] = group.following
        if group.timer is not None:
            group.timer.cancel()
        waiting = [each for each in group.waiters if not each.done()]
        if len(waiting) > 1:
            group.task = asyncio.get_running_loop().create_task(self._call_for(group))
        for each in waiting if len(waiting) == 1 else ():
            each.set_result(None)

    async def _call_for(self, group: Group) -> None:
        waiters = [*group.waiters.values()]
        metadata = self._metadata(waiters[0].metadata)
        longest = max(each.deadline for each in waiters) - asyncio.get_running_loop().time()
        lease = SharedLease(self._memory, SHARED)
        del waiters
        try:
            answer = await self.upstream.call(
                UpstreamCall(group.path, group.payload, max(longest, 0), metadata, lease.ask)
            )
        except BaseException as error:
            lease.end()
            self._tell(group, error)
            if not isinstance(error, Exception):  # this task has been cancelled
                raise
        else:
            shared = shared_answer(answer, lease)
            del answer
            self._tell(group, shared)

    def _tell(self, group: Group, found: bytes | BaseException) -> None:
        for each in group.waiters:
            if not each.done():
                each.set_result(found.again() if isinstance(found, CallFailed) else found)
        if group.waiters:
            self._end(group)

    def _leave(self, group: Group, outcome: Outcome) -> None:
        del group.waiters[outcome]
        if group.waiters:
            return
        if not group.has_started:
            if group.timer is not None:
                group.timer.cancel()
            if group.starting is None:
                self._newest[group.key].clear()
            else:  # the call before has ended
                group.starting.cancel()
                del self._newest[group.key]
        elif group.task is None:
            self._end(group)
        elif not group.task.done():
            group.task.cancel()
            self._end(group)

    def _end(self, group: Group) -> None:
        if group.following:
            group.following[0].begin_soon(self._start)
        else:
            del self._newest[group.key]

    def _metadata(self, first: Metadata) -> Metadata:
        """Those of a call for several: the request id and the trace of the first."""
        principal = asker(first)[-1][1] if self._within_principal else SHARED
        others = (each for each in first if each[0] not in (PRINCIPAL, ADDRESS))
        return (*others, (PRINCIPAL, principal))


class OwnMemory:
    """Shared reads for a caller who makes another answer of a large one, and has to pay for it."""

    def __init__(self, shared: SharedUpstream) -> None:
        self._shared = shared

    async def call(self, asked: UpstreamCall) -> bytes:
        """If there is no memory now, the caller makes a call of its own, which waits for it: nobody
        waits for memory while holding some.
        """
        deadline = monotonic() + asked.timeout
        answer = await self._shared.call(asked)
        if type(answer) is not SharedAnswer or not answer.is_large:
            return answer
        granted = asyncio.Event()
        if asked.expects(len(answer), granted.set) and granted.is_set():
            return answer
        del answer
        left = max(deadline - monotonic(), 0)
        return await self._shared.upstream.call(asked._replace(timeout=left))

    async def usable(self, timeout: float) -> int:
        return await self._shared.usable(timeout)


def asker(metadata: Metadata) -> Metadata:
    """The principal among a call's metadata; without a name, its address as well."""
    found = tuple(each for each in metadata if each[0] == PRINCIPAL)
    if found and found[0][1]:
        return found
    return tuple(each for each in metadata if each[0] == ADDRESS) + found


def expire(outcome: Outcome) -> None:
    if not outcome.done():
        outcome.set_result(too_late())
