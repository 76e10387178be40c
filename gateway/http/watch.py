"""Event streams: reads that are watched (https://html.spec.whatwg.org/multipage/server-sent-events.html).

A stream begins with the whole answer, or where the client has been, and goes on with what changes.
It holds neither a slot in flight nor answer memory.
"""

import asyncio
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import orjson
from google.protobuf.message_factory import GetMessageClass
from starlette.types import Receive, Send

from gateway.access.fair_quota import FairQuota, Weight, equal_weight
from gateway.calls.plan import Plan
from gateway.calls.plan import plan as make_plan
from gateway.calls.rows import keeping_rows
from gateway.codec.body import UnknownFieldPolicy
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import Code, GatewayError, stopping, unavailable
from gateway.http.call_maker import CallMaker
from gateway.http.conditional import Stopping
from gateway.http.context import ClientGone, RequestContext
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.interceptors import Interceptors
from gateway.http.request import CallRequest, RequestReader
from gateway.http.routing import send_nothing
from gateway.http.slow_reader import write_pieces
from gateway.http.watched_question import Event, Parts, Question, Watching
from gateway.long_work import CHECKS, FOREGROUND, Pace
from gateway.schema.catalog import Catalog
from gateway.views.compiled_view import EVENT_STREAM

RETRY = b"retry: 2000\n\n"
"""When a client comes back, in ms."""
COMMENT = b":\n\n"
HEADERS = ((b"content-type", EVENT_STREAM.encode()), (b"x-accel-buffering", b"no"))
"""nginx buffers answers unless they say this."""
OF_ONE_TOKEN = ("exp", "iat", "nbf", "jti")
"""Claims that differ between two tokens for the same."""
LATE_MESSAGE = "the first answer was not ready in time; ask for fewer rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    watchers: int = 4000
    """Of a single principal; of all, a quarter more."""
    questions: int = 1000
    """The same: each is a call a period."""
    memory: int = 128 * 2**20
    """Bytes for what is known of answers, and for events that are being sent."""
    tick_seconds: float = 0.1
    check_seconds: float = 0.5
    """Between two checks of the rights of all watchers, and the time for the end of a stream."""
    comment_seconds: float = 15.0
    """Longer silence might end a connection on its way."""
    linger_seconds: float = 30.0
    """How long a question without watchers is remembered, so that a client can come back."""


class Watcher:
    """One client's stream."""

    __slots__ = (
        "_question",
        "_reader_timeout",
        "_woken",
        "context",
        "ending",
        "error",
        "every",
        "first",
        "is_silent",
        "last_event",
        "request",
        "seen",
        "terms",
        "wants_whole",
        "wrote_at",
    )

    def __init__(
        self, context: RequestContext, request: CallRequest, reader_timeout: float
    ) -> None:
        assert request.watch is not None
        assert context.caller is not None
        self.context = context
        self.request = request
        self.every = request.watch.every
        self.terms = context.caller.rule.terms
        self.seen = 0
        """The version that the client has."""
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
    def question(self) -> Question:
        assert self._question is not None
        return self._question

    def watch(self, question: Question, last_event_id: str = "") -> None:
        """Watch this question from now on."""
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
            self.ending = reason, monotonic(), error
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
        """The next event for the client, if there is one."""
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
        began, context = monotonic(), self.context
        is_cut_off = False
        try:
            with CancelOnDisconnect(context, receive):
                try:
                    await self._send_all(send)
                except ClientGone:  # by a write, and perhaps before the server knows
                    is_cut_off = context.direct is None or not context.direct.disconnected
                    raise
        except ClientGone:
            if is_cut_off:
                raise
            # Otherwise the client has left, which is the usual end.
        finally:
            context.wait_as_asked(monotonic() - began)

    async def _send_all(self, send: Send) -> None:
        headers = [*HEADERS, *self.question.headers]
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
        """Raises ClientGone for a client that reads too slowly."""
        await write_pieces(self.context, send, self._reader_timeout, pieces)
        self.wrote_at, self.is_silent = monotonic(), False


class Rights(Protocol):
    """What decides who may go on watching."""

    @property
    def generation(self) -> int:
        """Changes with the keys, the rules and the deny list."""


class Watches:
    """Answers reads that ask for an event stream."""

    def __init__(
        self,
        live: LiveCatalog,
        requests: RequestReader,
        calls: CallMaker,
        interceptors: Interceptors,
        *,
        places: FairQuota,
        limits: WatchLimits,
        rights: Rights,
        readiness: Stopping,
        http_timeout: float,
        weight: Weight = equal_weight,
    ) -> None:
        """`places` are of `limits.watchers`."""
        self._live = live
        self._requests = requests
        self._calls = calls
        self._places = places
        self._limits = limits
        self._rights = rights
        self._checked = rights.generation
        """The rights that all watchers were last checked for."""
        self._readiness = readiness
        self._http_timeout = http_timeout
        self._numbers = FairQuota(limits.questions, weight)
        self._parts = Parts(
            calls=calls,
            interceptors=interceptors,
            memory=FairQuota(limits.memory, weight),
            may_go_on=self._may_go_on,
        )
        self._questions: dict[Hashable, Question] = {}
        self._watchers: dict[Watcher, None] = {}
        self._checking: asyncio.Task[None] | None = None

    async def answer(
        self, context: RequestContext, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        """Stream until the end. Raises ClientGone, and, before the first answer, GatewayError."""
        if context.request.method == "HEAD":
            context.leave()
            context.response.code = Code.OK
            await send_nothing(send, *HEADERS, status=200)
            return
        watcher = await self.begin(context, request, receive)
        del request  # the watcher has its own, which it shares with those who ask the same
        try:
            await watcher.stream(receive, send)
        finally:
            self.end(watcher)

    async def begin(
        self, context: RequestContext, request: CallRequest, receive: Receive
    ) -> Watcher:
        """A watcher with its first answer, which `end` takes. Raises GatewayError, ClientGone."""
        if self._readiness.stopping:
            raise stopping()
        if not self._places.take(context.principal):
            raise unavailable("too many event streams are open", "watchers")
        watcher = Watcher(context, request, self._http_timeout)
        try:
            with CancelOnDisconnect(context, receive):
                request = await self._calls.look_up(context, request)
                context.call.close(context.principal)
                context.give_back_body_room()
                watcher.request = waited_for(request)
                self._watchers[watcher] = None
                if self._checking is None:
                    self._checking = asyncio.create_task(self._check_on())
                given = context.request.headers.get(b"last-event-id", b"").decode("latin-1")
                self._watch(watcher, given)
                async with asyncio.timeout(request.timeout):
                    await watcher.begin()
        except TimeoutError:
            self.end(watcher)
            raise GatewayError(Code.DEADLINE_EXCEEDED, LATE_MESSAGE) from None
        except BaseException:
            self.end(watcher)
            raise
        return watcher

    def end(self, watcher: Watcher) -> None:
        """Give back what the watcher has."""
        watcher.leave()
        self._watchers.pop(watcher, None)
        self._places.give_back(watcher.context.principal)
        if not self._watchers and self._checking is not None:
            self._checking.cancel()
            self._checking = None

    # --- questions ------------------------------------------------------------------------------

    def _watch(self, watcher: Watcher, last_event_id: str = "") -> None:
        """Raises GatewayError (UNAVAILABLE) without room for its question."""
        question, own = self._question_of(watcher), watcher.request
        watch, same = own.watch, question.request
        assert watch is not None
        assert same.watch is not None
        # What is equal is kept once, however many watch.
        watch = watch._replace(goal=same.watch.goal, asked=same.watch.asked)
        watch = same.watch if watch == same.watch else watch
        own = own._replace(plan=same.plan, view=same.view, watch=watch)
        watcher.request = same if own == same else own
        watcher.watch(question, last_event_id)

    def _question_of(self, watcher: Watcher) -> Question:
        """The question that the watcher asks. Raises GatewayError (UNAVAILABLE) without room."""
        key = key_of(watcher)
        question = self._questions.get(key)
        if question is None:
            principal = watcher.context.principal
            if not self._numbers.take(principal):
                raise unavailable("too many different questions are being watched", "watchers")
            try:
                question = self._questions[key] = Question(key, watcher, self._parts)
            except GatewayError:
                self._numbers.give_back(principal)
                raise
            self._forget_later(question, self._limits.linger_seconds)
        return question

    def _forget_later(self, question: Question, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._forget, question)

    def _forget(self, question: Question) -> None:
        """Forget a question that nobody has watched for `linger_seconds`."""
        linger = self._limits.linger_seconds
        left = linger if question.watchers else question.left_at + linger - monotonic()
        if left > 0:
            self._forget_later(question, left)
            return
        del self._questions[question.key]
        question.close()
        self._numbers.give_back(question.principal)

    # --- checks ---------------------------------------------------------------------------------

    async def _check_on(self) -> None:
        """Look after all watchers, as long as there are any."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._limits.check_seconds
        while True:
            await asyncio.sleep(self._limits.tick_seconds)
            if self._readiness.stopping:
                for watcher in [*self._watchers]:
                    watcher.end("the gateway stops")
            if loop.time() >= due:
                due = loop.time() + self._limits.check_seconds
                await self._check_all()

    async def _check_all(self) -> None:
        begun_with = self._rights.generation
        await self._pace().wait()
        for watcher in [*self._watchers]:
            if watcher in self._watchers:
                self._check(watcher)
            pace = self._pace()
            if pace.step.is_over():
                await pace.wait()
        self._checked = begun_with

    def _pace(self) -> Pace:
        """That of checks: whoever may have lost a right is to be told no more."""
        return CHECKS if self._rights.generation == self._checked else FOREGROUND

    def _check(self, watcher: Watcher) -> None:
        now = monotonic()
        if watcher.ending is not None:
            direct = watcher.context.direct
            if direct is not None and now - watcher.ending[1] >= self._limits.check_seconds:
                direct.abort()  # it does not read
            return
        if not self._may_go_on(watcher):
            return
        catalog = self._live.current
        if catalog is not None and catalog is not watcher.request.catalog:
            self._move(watcher, catalog)
        if now - watcher.wrote_at >= self._limits.comment_seconds:
            watcher.is_silent = True
            watcher.wake()

    def _may_go_on(self, watcher: Watching) -> bool:
        """Whether a watcher still has its rights; otherwise, end its stream."""
        assert isinstance(watcher, Watcher)
        context = watcher.context
        try:
            self._requests.reauthorize(context)
        except GatewayError as error:
            watcher.end(reason_of(context, error), error)
            return False
        assert context.caller is not None
        if context.caller.rule.terms != watcher.terms:
            watcher.end("rights changed")
            return False
        return watcher.ending is None

    def _move(self, watcher: Watcher, catalog: Catalog) -> None:
        """Go on with another schema: the same request, without what its look-ups were."""
        try:
            watcher.request = moved(watcher.context.request.path, watcher.request, catalog)
            self._watch(watcher)
        except GatewayError as error:
            watcher.end(error.message, error)


def waited_for(request: CallRequest) -> CallRequest:
    """With a goal, what the request names stays in the answer."""
    assert request.watch is not None
    if request.watch.goal is None:
        return request
    return request._replace(plan=keeping_rows(request.plan))


def key_of(watcher: Watcher) -> Hashable:
    """Watchers with the same key get the same events."""
    request, plan, context = watcher.request, watcher.request.plan, watcher.context
    assert request.view is not None
    assert request.watch is not None
    payload = plan.payload if plan.looked_up is None else plan.looked_up.payload
    return (
        plan.method.path,
        payload,
        request.view.key,
        request.watch.until if request.watch.goal is not None else None,
        id(request.catalog),
        seen_by(context, plan, request.catalog),
    )


def seen_by(context: RequestContext, plan: Plan, catalog: Catalog) -> Hashable:
    """Who may see what the caller sees; None if that is everything."""
    caller = context.caller
    assert caller is not None, "no method is called without a token"
    if caller.rule.visibility(plan.method, catalog) is None:
        return None
    claims = {name: value for name, value in caller.claims.items() if name not in OF_ONE_TOKEN}
    return caller.rule.terms, orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)


def moved(path: str, request: CallRequest, catalog: Catalog) -> CallRequest:
    """The request with another schema, by the names of its fields.

    Raises GatewayError if it cannot be asked there.
    """
    method, plan, watch = catalog.routes.get(path), request.plan, request.watch
    polled = catalog.routes.get(plan.method.path)
    assert watch is not None
    if method is None or polled is None:
        raise GatewayError(Code.NOT_FOUND, f"{path} is not there any more")
    view = method.views.of_events(watch.asked)
    if plan.most_rows is not None:
        limited = method.views.limited(watch.asked, EVENT_STREAM.encode(), plan.most_rows)
        assert limited is not None
        view = limited
    goal = None if watch.goal is None else method.views.goal(watch.until, view)
    old, kind = plan.method, plan.method.descriptor.input_type
    payload = plan.payload if plan.looked_up is None else plan.looked_up.payload
    json = old.encoders.to_json_of_given(kind)(GetMessageClass(kind).FromString(payload))
    planned = make_plan(polled, orjson.dumps(json), UnknownFieldPolicy.NOTHING)
    return request._replace(
        plan=planned._replace(most_rows=plan.most_rows),
        view=view,
        catalog=catalog,
        watch=watch._replace(goal=goal),
    )


def reason_of(context: RequestContext, error: GatewayError) -> str:
    if context.call.denied is not None:
        context.call.denied = None  # a stream that ends is no call that is denied
        return "a right was lost"
    if error.cause == "expired":
        return "token expired"
    if error.code in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED):
        return "token revoked"
    return error.message
