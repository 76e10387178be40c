"""Event streams, and the questions that they are about: one call to Cuebot a period for each.

A stream is text (https://html.spec.whatwg.org/multipage/server-sent-events.html): the whole answer,
or what happened since the client left off, and then what changes. Between two calls, a question
keeps digests of the rows and a few events, but no answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import NamedTuple
from weakref import finalize

import orjson
from google.protobuf.message import DecodeError
from starlette.types import Receive, Send

from gateway.core.errors import Code, GatewayError, OwnCause, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.long_work import BACKGROUND, FOREGROUND, Pace, in_turns
from gateway.core.pipeline.call_maker import CallMaker, note_cut
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.disconnect import stream_until_gone
from gateway.core.pipeline.error_answer import as_gateway_error
from gateway.core.pipeline.event_stream import COMMENT, RETRY, STREAM_HEADERS
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest
from gateway.core.pipeline.slow_reader import write_pieces
from gateway.features.views.asked_again import finding_of, of_this_moment
from gateway.features.views.changes import Compare, Difference, Joined, Known, comparison
from gateway.features.views.compiled_view import CompiledView
from gateway.features.watch.options import options_of

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
WATCHERS = OwnCause("watchers")
TOO_MUCH = "too much is being watched; ask for fewer rows (_where, _limit), or fields (_fields)"


class Memory(NamedTuple):
    """The part of the memory for what is watched that one principal pays for."""

    quota: FairQuota
    principal: str

    def take(self, size: int) -> None:
        """Raises GatewayError (UNAVAILABLE)."""
        if size and not self.quota.take(self.principal, size):
            raise unavailable(TOO_MUCH, WATCHERS)

    def give_back(self, size: int) -> None:
        if size:
            self.quota.give_back(self.principal, size)


class Event:
    """An event, encoded once for all. Its memory is given back when nobody holds it any more."""

    def __init__(self, kind: str, id_: str, data: Iterable[bytes], memory: Memory) -> None:
        joined = Joined(f"id: {id_}\nevent: {kind}\ndata: ".encode())
        for piece in data:
            joined.add(piece)
        self.pieces = joined.end(b"\n\n")
        self.size = sum(map(len, self.pieces))
        memory.take(self.size)
        finalize(self, memory.give_back, self.size).atexit = False


class Watcher:
    """One client's stream."""

    def __init__(
        self, context: RequestContext, request: CallRequest, reader_timeout: float
    ) -> None:
        assert context.caller is not None
        self.context = context
        self.request = request
        self.every = options_of(request).every
        self.terms = context.caller.rights.terms
        self.seen = 0
        self.first = 0
        """The number of the first call that counts: it has begun after the client came."""
        self.wants_whole = True
        self.last_event: Event | None = None
        """An event that is to be written next."""
        self.error: Event | None = None
        self.ending: tuple[str, float, GatewayError | None] | None = None
        """The reason for the end of the stream, when it was given, and the error behind it."""
        self.is_silent = False
        """Whether a comment is due."""
        self.wrote_at = monotonic()
        self._reader_timeout = reader_timeout
        self._woken: asyncio.Future[None] | None = None
        self._question: Question | None = None

    @property
    def question(self) -> "Question":
        assert self._question is not None
        return self._question

    def watch(self, question: "Question", last_event_id: str = "") -> None:
        if self._question is not None:
            self._question.leave(self)
        version = question.version_of(last_event_id)
        self.seen, self.wants_whole = version or 0, version is None
        self.error = None
        self._question = question
        self.first = question.join(self)

    def leave(self) -> None:
        if self._question is not None:
            self._question.leave(self)

    def wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def end(self, reason: str, error: GatewayError | None = None) -> None:
        if self.ending is None:
            self.ending = reason, monotonic(), None if error is None else error.again()
            self.wake()

    def _until_woken(self) -> asyncio.Future[None]:
        self._woken = asyncio.get_running_loop().create_future()
        return self._woken

    async def begin(self) -> None:
        """Wait for the first answer. Raises GatewayError."""
        began = monotonic()
        try:
            while self.question.ended < self.first:
                if self.ending is not None:
                    reason, _, error = self.ending
                    raise error.again() if error is not None else unavailable(reason, "stopping")
                await self._until_woken()
        finally:
            self.context.call.with_cuebot += monotonic() - began
        if self.question.failure is not None:
            raise self.question.failure.again()
        self.last_event = self._next()

    def _next(self) -> Event | None:
        question = self.question
        if question.ended < self.first:
            return None
        if self.wants_whole:
            if question.snapshot is None:
                return None
            self.wants_whole, self.seen = False, question.version
            return question.snapshot
        if self.seen != question.version:
            event = question.after(self.seen)
            self.seen += 1
            # Instead of a queue: whoever has missed too much gets the whole with the next call.
            self.wants_whole = event is None
            return self._next() if event is None else event
        if question.error is not None and self.error is not question.error:
            self.error = question.error
            return self.error
        return None

    async def stream(self, receive: Receive, send: Send) -> None:
        """Send events until the end. Raises ClientGone for a client that does not read."""
        await stream_until_gone(self.context, receive, partial(self._send_all, send))

    async def _send_all(self, send: Send) -> None:
        headers = [*STREAM_HEADERS, *self.question.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.context.response.code = Code.OK
        self.context.response.headers = []  # they are sent, and a stream may be long
        await self._write([RETRY], send)
        while True:
            event, self.last_event = self.last_event or self._next(), None
            if self.ending is not None:
                await self._write([self._last("end", {"reason": self.ending[0]})], send)
                break
            if event is not None:
                await self._write(event.pieces, send)
            elif self._is_done():
                await self._write([self._last("done", {})], send)
                break
            elif self.is_silent:
                await self._write([COMMENT], send)
            else:
                await self._until_woken()
        await send({"type": "http.response.body", "body": b""})

    def _is_done(self) -> bool:
        question = self.question
        return question.is_done and not self.wants_whole and question.ended >= self.first

    def _last(self, kind: str, data: object) -> bytes:
        id_ = self.question.id_of(self.seen)
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (
            id_.encode(),
            kind.encode(),
            orjson.dumps(data),
        )

    async def _write(self, pieces: Iterable[bytes], send: Send) -> None:
        await write_pieces(self.context, send, self._reader_timeout, pieces)
        self.wrote_at, self.is_silent = monotonic(), False


class Question:
    def __init__(
        self,
        key: Hashable,
        first: Watcher,
        *,
        calls: CallMaker,
        interceptors: Interceptors,
        memory: FairQuota,
        may_go_on: Callable[[Watcher], bool],
    ) -> None:
        """`may_go_on` begins the end of a watcher without rights. `close` gives the memory back."""
        self.key = key
        self.principal = first.context.principal
        self.watchers: dict[Watcher, None] = {}
        self.left_at = monotonic()
        self.version = 0
        """The number of answers that differed so far."""
        self.snapshot: Event | None = None
        """The whole answer of this version, while watchers are told."""
        self.failure: GatewayError | None = None
        """The error of the last call, if it failed."""
        self.error: Event | None = None
        self.is_done = False
        self.begun = self.ended = 0
        """The numbers of the last call that has begun, and of the last that has ended."""
        self._awaited = 0
        """The number of the last call that begins while a client waits for its first answer."""
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        """Headers that the last answer would have."""
        self._calls = calls
        self._interceptors = interceptors
        self._may_go_on = may_go_on
        self._memory = Memory(memory, self.principal)
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

    def join(self, watcher: Watcher) -> int:
        """Watch from now on. Returns the number of the first call that begins after this."""
        self.watchers[watcher] = None
        self._wanted.set()
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll_on())
        self._awaited = self.begun + 1
        return self._awaited

    def leave(self, watcher: Watcher) -> None:
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
        lead = next(filter(self._may_go_on, [*self.watchers]), None)
        if lead is None:
            return 0.0
        context = self._context(lead)
        try:
            self._interceptors.enter(context)
            timeout = max(each.request.timeout for each in self.watchers)
            request = of_this_moment(self.request)._replace(timeout=timeout)
            request, answer = await self._calls.answer(context, request)
            await self._compare_with_known(context, request, answer, self._pace())
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
        """In the foreground while a client may wait for the first answer of this call, or for its
        end.
        """
        return FOREGROUND if self.begun <= self._awaited else BACKGROUND

    def _context(self, lead: Watcher) -> RequestContext:
        """A request of the lead's, for one call."""
        asked = lead.context
        others = (each.context for each in self.watchers)
        another = next((each for each in others if each.principal != asked.principal), None)
        made_for = (asked,) if another is None else (asked, another)
        request = asked.request._replace(started=monotonic(), made_for=made_for)
        context = RequestContext(request, [])
        context.subject, context.caller = asked.subject, asked.caller
        context.principal = asked.principal
        context.call.rpc, context.call.kept = asked.call.rpc, asked.call.kept
        context.call.metadata = asked.call.metadata
        return context

    async def _compare_with_known(
        self, context: RequestContext, request: CallRequest, answer: bytes, pace: Pace
    ) -> None:
        """Compare the answer with the one before."""
        method, view, goal = request.plan.method, request.form, options_of(request).goal
        assert isinstance(view, CompiledView), "event streams are of views"
        wants_whole = any(each.wants_whole for each in self.watchers)
        await pace.wait()
        if view.renewed is None and (goal is None or goal.renewed is None):
            found = await fingerprint_of(request, answer, pace)
            before, self._fingerprint = self._fingerprint, found
            is_same = self._fingerprint == before and self._known is not None
            if is_same and self.failure is None and not wants_whole:
                return
        await note_cut(context, request, answer)
        self.headers = tuple(context.response.headers)
        if goal is not None and goal.renewed is not None:
            goal = goal.renewed(view.owners)
        compare = self._compare
        if compare is None or view.renewed is not None:
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
