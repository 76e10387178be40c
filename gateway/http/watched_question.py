"""A question that is watched: one call to Cuebot a period, whoever and however many watch it.

Between two calls it keeps digests of the rows and a few events, no answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import NamedTuple, Protocol
from weakref import finalize

from google.protobuf.message import DecodeError

from gateway.access.fair_quota import FairQuota
from gateway.errors import GatewayError, unavailable
from gateway.http.call_maker import CallMaker, note_cut
from gateway.http.conditional import finding_of, of_this_moment
from gateway.http.context import RequestContext, Response
from gateway.http.error_answer import as_gateway_error
from gateway.http.interceptors import Interceptors
from gateway.http.request import CallRequest
from gateway.long_work import BACKGROUND, FOREGROUND, Pace, in_turns
from gateway.views.changes import Compare, Difference, Joined, Known, comparison
from gateway.views.compiled_view import CompiledView

BYTES_PER_ROW = 256
"""Memory for the id and the digest of a row, about."""
BYTES_PER_QUESTION = 4096
JSON_FACTOR = 3
"""How many times as long as Cuebot's bytes their JSON is, about."""
RECENT_EVENTS = 16
RECENT_BYTES = 64 * 1024
"""Events that are kept for watchers who come back, or are a little behind."""
PAUSE_FACTOR = 2
"""Minimum time between the beginnings of two calls, as a multiple of Cuebot's time for the last."""
WOKEN_AT_ONCE = {FOREGROUND: 32, BACKGROUND: 8}
"""Watchers that write in one turn of the event loop: 1 ms, 0.3 ms."""
TOO_MUCH = "too much is being watched; ask for fewer rows (_where, _limit), or fields (_fields)"


class Memory(NamedTuple):
    """The part of the memory for what is watched that one principal pays for."""

    quota: FairQuota
    principal: str

    def take(self, size: int) -> None:
        """Raises GatewayError (UNAVAILABLE)."""
        if size and not self.quota.take(self.principal, size):
            raise unavailable(TOO_MUCH, "watchers")

    def give_back(self, size: int) -> None:
        if size:
            self.quota.give_back(self.principal, size)


class Event:
    """An event, encoded once for all. Its memory is given back when nobody holds it any more."""

    __slots__ = ("__weakref__", "pieces", "size")

    def __init__(self, kind: str, id_: str, data: Iterable[bytes], memory: Memory) -> None:
        """Raises GatewayError (UNAVAILABLE) without the memory."""
        joined = Joined(f"id: {id_}\nevent: {kind}\ndata: ".encode())
        for piece in data:
            joined.add(piece)
        self.pieces = joined.end(b"\n\n")
        self.size = sum(map(len, self.pieces))
        memory.take(self.size)
        finalize(self, memory.give_back, self.size).atexit = False


class Watching(Protocol):
    """A watcher, as its question sees it."""

    context: RequestContext
    request: CallRequest
    every: float
    wants_whole: bool
    """Whether a whole answer is to be made for it."""

    def wake(self) -> None:
        """There is something new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What questions are made of."""

    calls: CallMaker
    interceptors: Interceptors
    memory: FairQuota
    """Bytes, for all questions and events."""
    may_go_on: Callable[[Watching], bool]
    """Whether a watcher still has its rights; otherwise, its end has begun."""


class Question:
    def __init__(self, key: Hashable, first: Watching, parts: Parts) -> None:
        """Raises GatewayError (UNAVAILABLE) without memory. `close` gives it back."""
        self.key = key
        self.principal = first.context.principal
        self.watchers: dict[Watching, None] = {}
        self.left_at = monotonic()
        """When the last watcher has left."""
        self.version = 0
        """The number of answers that differed so far."""
        self.snapshot: Event | None = None
        """The whole answer of this version, while watchers are told."""
        self.failure: GatewayError | None = None
        """The error of the last call, if it failed."""
        self.error: Event | None = None
        """The event with that error."""
        self.is_done = False
        """Whether the last answer fits the goal."""
        self.begun = self.ended = 0
        """The numbers of the last call that has begun, and of the last that has ended."""
        self._awaited = 0
        """The number of the last call that begins while a client waits for its first answer."""
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        """Headers that the last answer would have."""
        self._parts = parts
        self._memory = Memory(parts.memory, self.principal)
        self.request = first.request
        self._nonce = token_hex(6)
        self._compare: Compare | None = None
        self._known: Known | None = None
        """Used up by a comparison, and lost with one that fails."""
        self._fingerprint = b""
        self._recent: deque[tuple[int, Event]] = deque()
        self._wanted = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._held = 0
        self._hold(BYTES_PER_QUESTION + len(self.request.plan.payload))
        self._base = self._held

    # --- its watchers' side ---------------------------------------------------------------------

    def join(self, watcher: Watching) -> int:
        """Watch from now on. Returns the number of the first call that begins after this."""
        self.watchers[watcher] = None
        self._wanted.set()
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll_on())
        self._awaited = self.begun + 1
        return self._awaited

    def leave(self, watcher: Watching) -> None:
        """The last one who leaves ends the call that is under way."""
        self.watchers.pop(watcher, None)
        if not self.watchers and self._polling is not None:
            self._polling.cancel()
            self._polling = self.snapshot = None
            self.left_at = monotonic()

    def close(self) -> None:
        self._recent.clear()
        self._known = None
        self._hold(0)

    def id_of(self, version: int) -> str:
        return f"{self._nonce}-{version}"

    def version_of(self, id_: str) -> int | None:
        """The version of an event's id, if a watcher who has it can go on from there."""
        nonce, _, number = id_.rpartition("-")
        if nonce != self._nonce or not (number.isascii() and number.isdigit()):
            return None
        version = int(number[:20])
        return version if version == self.version or self.after(version) else None

    def after(self, version: int) -> Event | None:
        """The event that leads from a version to the next, if it is still there."""
        if not self._recent:
            return None
        place = version + 1 - self._recent[0][0]
        return self._recent[place][1] if 0 <= place < len(self._recent) else None

    # --- calls ----------------------------------------------------------------------------------

    async def _poll_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            began = loop.time()
            took = await self._poll()
            period = min((each.every for each in self.watchers), default=0)
            timer = loop.call_at(began + max(period, took * PAUSE_FACTOR), self._wanted.set)
            try:
                await self._wanted.wait()
            finally:
                timer.cancel()

    async def _poll(self) -> float:
        """Call Cuebot, and tell the watchers. Returns the seconds that Cuebot took."""
        self.begun += 1
        lead = next(filter(self._parts.may_go_on, [*self.watchers]), None)
        if lead is None:
            return 0.0
        context = self._context(lead)
        try:
            self._parts.interceptors.enter(context)
            timeout = max(each.request.timeout for each in self.watchers)
            request = of_this_moment(self.request)._replace(timeout=timeout)
            answer = await self._parts.calls.call(context, request)
            await self._look_at(context, request, answer, self._pace())
            del answer
        except Exception as error:
            self._fail(as_gateway_error(error, context).again())
        else:
            self.failure = self.error = None
        finally:
            context.close()
        self.ended = self.begun
        await self._tell(self._pace())
        return context.call.with_cuebot

    def _pace(self) -> Pace:
        """A client may wait for the first answer of this call, or for its end."""
        return FOREGROUND if self.begun <= self._awaited else BACKGROUND

    def _context(self, lead: Watching) -> RequestContext:
        """A request of the lead's, for one call."""
        asked = lead.context
        context = RequestContext(asked.request._replace(started=monotonic()), Response([]))
        context.subject, context.caller = asked.subject, asked.caller
        context.is_shared = any(each.context.principal != asked.principal for each in self.watchers)
        context.call.rpc, context.call.named = asked.call.rpc, asked.call.named
        return context

    async def _look_at(
        self, context: RequestContext, request: CallRequest, answer: bytes, pace: Pace
    ) -> None:
        """Compare the answer with the one before. Raises GatewayError."""
        method, view, watch = request.plan.method, request.view, request.watch
        assert view is not None
        assert watch is not None
        wants_whole = any(each.wants_whole for each in self.watchers)
        await pace.wait()
        if view.renewed is None and (watch.goal is None or watch.goal.renewed is None):
            found = await fingerprint_of(request, answer, pace)
            before, self._fingerprint = self._fingerprint, found
            is_same = self._fingerprint == before and self._known is not None
            if is_same and self.failure is None and not wants_whole:
                return
        await note_cut(context, request, answer)
        self.headers = tuple(context.response.headers)
        goal = watch.goal
        if goal is not None and goal.renewed is not None:
            goal = goal.renewed()
        compare = self._compare
        if compare is None or view.renewed is not None:
            assert isinstance(view, CompiledView), "event streams are plain JSON"
            compare = self._compare = comparison(view, method.encoders)
        known, self._known = self._known, None
        is_back = self.failure is not None and bool(self.version)
        room = JSON_FACTOR * len(answer)
        self._memory.take(room)
        try:
            compared = await in_turns(
                compare(answer, known, wants_whole, goal, pace.step), pace.wait
            )
            if is_back and compared.change is None and compared.whole is None:
                again = compare(answer, compared.known, True, goal, pace.step)
                compared = await in_turns(again, pace.wait)
        finally:
            self._memory.give_back(room)
        self._hold(self._base + BYTES_PER_ROW * len(compared.known.rows or ()))
        self._publish(compared, is_news=is_back or not compared.is_equal)
        self._known, self.is_done = compared.known, compared.is_done

    def _publish(self, compared: Difference, *, is_news: bool) -> None:
        """Make the events. Raises GatewayError (UNAVAILABLE) without memory for them."""
        version = self.version + is_news
        id_ = self.id_of(version)
        if compared.whole is not None:
            self.snapshot = Event("snapshot", id_, compared.whole, self._memory)
        if not is_news:
            return
        event = self.snapshot
        if compared.change is not None:
            event = Event("change", id_, compared.change, self._memory)
        assert event is not None, "what has changed otherwise than by rows is sent whole"
        self._recent.append((version, event))
        self.version = version

    def _fail(self, error: GatewayError) -> None:
        self._fingerprint = b""
        before, self.failure = self.failure, error
        if before is None or before.body() != error.body():
            try:
                self.error = Event("error", self.id_of(self.version), [error.body()], self._memory)
            except GatewayError:
                self.error = None

    async def _tell(self, pace: Pace) -> None:
        """Wake the watchers, some at a time. What they do not take now is not kept."""
        for number, watcher in enumerate([*self.watchers], 1):
            watcher.wake()
            if number % WOKEN_AT_ONCE[pace] == 0:
                await pace.wait()
        await pace.wait()
        self.snapshot = None
        size = sum(event.size for _, event in self._recent)
        while self._recent and (len(self._recent) > RECENT_EVENTS or size > RECENT_BYTES):
            size -= self._recent.popleft()[1].size

    def _hold(self, size: int) -> None:
        """Hold so much memory from now on. Raises GatewayError (UNAVAILABLE), and holds less."""
        if size > self._held:
            self._memory.take(size - self._held)
        else:
            self._memory.give_back(self._held - size)
        self._held = size


async def fingerprint_of(request: CallRequest, answer: bytes, pace: Pace) -> bytes:
    """A digest of Cuebot's bytes: most answers are those of a period ago."""
    try:
        return await in_turns(finding_of(request, answer, pace.step), pace.wait)
    except DecodeError:  # reported where the answer is read
        return b""
