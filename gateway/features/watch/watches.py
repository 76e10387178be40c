"""Watched reads: who may watch which question, how many, and until when.

A stream holds neither a slot in flight nor answer memory. `watched_question` writes it.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from time import monotonic

import orjson
from google.protobuf.message_factory import GetMessageClass
from starlette.types import Receive, Send

from gateway.core.calls.plan import plan as make_plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError, stopping, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.gateway import Gateway
from gateway.core.long_work import CHECKS, FOREGROUND, Pace
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.event_stream import STREAM_HEADERS
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest
from gateway.core.pipeline.routing import send_nothing
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.features.views.compiled_view import AnswerViews, CompiledView
from gateway.features.watch.options import (
    WatchOptions,
    for_goal,
    options_of,
    wants_events,
    why_not_watched,
)
from gateway.features.watch.plans import is_planned_again, keeping_rows, looked_up
from gateway.features.watch.question import WATCHERS, Question, Watcher

LATE_MESSAGE = "the first answer was not ready in time; ask for fewer rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    watchers: int = 4000
    """Of a single principal; of all, a quarter more."""
    questions: int = 1000
    memory: int = 128 * 2**20
    """Bytes for what is known of answers, and for events that are being sent."""
    tick_seconds: float = 0.1
    check_seconds: float = 0.5
    """Between two checks of the rights of all watchers, and the time for the end of a stream."""
    comment_seconds: float = 15.0
    """Longer silence might end a connection on its way."""
    linger_seconds: float = 30.0
    """How long a question without watchers is remembered, so that a client can come back."""


class Watches(Exchange):
    """Answers reads that ask for an event stream."""

    def __init__(
        self, gateway: Gateway, *, places: FairQuota, limits: WatchLimits, within_principal: bool
    ) -> None:
        """`places` are of `limits.watchers`. `within_principal`: only streams of the same subject
        are shared. The gateway's pipeline is there.
        """
        self._live = gateway.live
        self._requests = gateway.pipeline.requests
        self._calls = gateway.pipeline.calls
        self._interceptors = gateway.pipeline.interceptors
        self._places = places
        self._limits = limits
        self._generation = gateway.authority.generation  # counts what may have taken rights away
        self._checked = self._generation()
        self._readiness = gateway.readiness
        self._http_timeout = gateway.settings.http_timeout
        self._within_principal = within_principal
        self._numbers = FairQuota(limits.questions, gateway.weight)
        self._new_question = partial(
            Question,
            calls=self._calls,
            interceptors=self._interceptors,
            memory=FairQuota(limits.memory, gateway.weight),
            may_go_on=self._may_go_on,
        )
        self._questions: dict[Hashable, Question] = {}
        self._watchers: dict[Watcher, None] = {}
        self._checking: asyncio.Task[None] | None = None

    def streams(self, accept: bytes) -> bool:
        return wants_events(accept)

    def serves(self, method: Method) -> bool:
        return not why_not_watched(method)

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        return isinstance(request.asked, WatchOptions)

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        """Stream until the end. Raises ClientGone, and, before the first answer, GatewayError."""
        if context.request.method == "HEAD":
            context.leave()
            context.response.code = Code.OK
            await send_nothing(send, *STREAM_HEADERS, status=200)
            return
        watcher = await self.begin(context, request, receive)
        # The watcher has its own request, which it shares with those who ask the same.
        del request, body
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
            raise unavailable("too many event streams are open", WATCHERS)
        watcher = Watcher(context, request, self._http_timeout)
        try:
            with CancelOnDisconnect(context, receive):
                if is_planned_again(request.plan):
                    request = await self._calls.planned_again(context, request, looked_up)
                context.close()
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
        watcher.leave()
        self._watchers.pop(watcher, None)
        self._places.give_back(watcher.context.principal)
        if not self._watchers and self._checking is not None:
            self._checking.cancel()
            self._checking = None

    # --- questions ------------------------------------------------------------------------------

    def _watch(self, watcher: Watcher, last_event_id: str = "") -> None:
        question, own = self._question_of(watcher), watcher.request
        same = question.request
        # What is equal is kept once, however many watch.
        watch = options_of(own)._replace(goal=options_of(same).goal)
        watch = options_of(same) if watch == same.asked else watch
        own = own._replace(plan=same.plan, form=same.form, asked=watch)
        watcher.request = same if own == same else own
        watcher.watch(question, last_event_id)

    def _question_of(self, watcher: Watcher) -> Question:
        asker = asker_of(watcher.context) if self._within_principal else None
        key = key_of(watcher, asker, self._interceptors)
        question = self._questions.get(key)
        if question is None:
            principal = watcher.context.principal
            if not self._numbers.take(principal):
                raise unavailable("too many different questions are being watched", WATCHERS)
            try:
                question = self._questions[key] = self._new_question(key, watcher)
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
        begun_with = self._generation()
        await self._pace().wait()
        for watcher in [*self._watchers]:
            if watcher in self._watchers:
                self._check(watcher)
            pace = self._pace()
            if pace.step.is_over():
                await pace.wait()
        self._checked = begun_with

    def _pace(self) -> Pace:
        """In the foreground while somebody may have lost a right: nothing more may be told."""
        return CHECKS if self._generation() == self._checked else FOREGROUND

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

    def _may_go_on(self, watcher: Watcher) -> bool:
        """Whether a watcher still has its rights; otherwise, end its stream."""
        context = watcher.context
        try:
            self._requests.reauthorize(context)
        except GatewayError as error:
            watcher.end(reason_of(context, error), error)
            return False
        assert context.caller is not None
        if context.caller.rights.terms != watcher.terms:
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
    if options_of(request).goal is None:
        return request
    return request._replace(plan=keeping_rows(request.plan))


def key_of(watcher: Watcher, asker: Hashable, interceptors: Interceptors) -> Hashable:
    """Watchers with the same key get the same events."""
    request, plan, context = watcher.request, watcher.request.plan, watcher.context
    assert request.form is not None
    catalog, watch, second = request.catalog, options_of(request), request.form.second_call
    return (
        plan.method.path,
        plan.sent,
        request.form.key,
        watch.until if watch.goal is not None else None,
        id(catalog),
        interceptors.calls.part_seen(context, plan.method, catalog),
        second and interceptors.calls.part_seen(context, catalog.routes[second.call], catalog),
        asker,
    )


def asker_of(context: RequestContext) -> Hashable:
    """Whom Cuebot is told of; without a name, the address."""
    return (context.subject, "" if context.subject else context.request.client)


def moved(path: str, request: CallRequest, catalog: Catalog) -> CallRequest:
    """The request with another schema, by the names of its fields.

    Raises GatewayError if it cannot be asked there.
    """
    method, plan = catalog.routes.get(path), request.plan
    view, watch = request.form, options_of(request)
    polled = catalog.routes.get(plan.method.path)
    assert isinstance(view, CompiledView), "event streams are of views"
    if method is None or polled is None:
        raise GatewayError(Code.NOT_FOUND, f"{path} is not there any more")
    views = AnswerViews.of(method)
    view = views.of_events(view.asked)
    if watch.goal is not None:
        goal = views.goal(watch.until, view)
        view, watch = for_goal(view, goal), watch._replace(goal=goal)
    if plan.most_rows is not None:
        view = views.limited(view, plan.most_rows)
    old, kind = plan.method, plan.method.descriptor.input_type
    json = old.encoders.to_json_of_given(kind)(GetMessageClass(kind).FromString(plan.sent))
    planned = make_plan(polled, orjson.dumps(json), UnknownFieldPolicy.NOTHING)
    return request._replace(
        plan=planned._replace(most_rows=plan.most_rows),
        form=view,
        catalog=catalog,
        asked=watch,
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
