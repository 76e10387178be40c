"""Conditional GET and HEAD (RFC 9110 section 13), and long polling with `Prefer: wait`.

The ETag is weak: a hash of Cuebot's bytes, before JSON, and of all that decides their format. Each
request calls Cuebot, so a caller who has lost access gets no 304.
"""

import asyncio
import re
from hashlib import blake2b
from random import uniform
from time import monotonic
from typing import NamedTuple

from google.protobuf.message import DecodeError
from starlette.types import Receive, Send

from gateway.core.errors import Code, GatewayError, OwnCause, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.long_work import begin_at_once, let_others_run
from gateway.core.pipeline.call_maker import CallMaker, note_cut
from gateway.core.pipeline.content import matches
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.form import form_of
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest, RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.pipeline.routing import send_nothing
from gateway.core.readiness import Readiness
from gateway.core.schema.method import Method
from gateway.features.conditional.version import AnswersVersion
from gateway.features.views.asked_again import finding_of, of_this_moment

WAITS = OwnCause("waits")
WAIT_PREFERENCE = re.compile(
    rb"(?:^|,)[ \t]*wait[ \t]*=[ \t]*\"?([0-9]{1,9})\"?[ \t]*(?:$|[,;])", re.I
)
"""The `wait` preference (RFC 7240 section 4.3), in seconds."""
MAX_WAIT_SECONDS = 60
"""Longer waits are shortened, and the answer says so: proxies seldom allow more."""
POLL_INTERVAL_SECONDS = 1.0
"""Minimum interval between two polls for a waiting request."""
POLL_JITTER_FACTOR = 1.25
"""Random jitter, so that waiting requests do not poll together."""
POLL_PAUSE_FACTOR = 10
"""Minimum interval between two polls, as a multiple of the last poll's duration."""
NO_CACHE = (b"cache-control", b"private, no-cache")
"""Only the client may cache the answer, and has to revalidate it each time."""
VARY = (b"vary", b"Authorization, Accept")
ETAG_LATE_MESSAGE = (
    "the answer's ETag was not ready in time; ask for fewer rows, or use POST, which has none"
)


class Condition(NamedTuple):
    known: str
    wait: int
    """Seconds to wait for a different answer."""

    @staticmethod
    def of(context: RequestContext) -> "Condition":
        """`known` is empty for a request without a condition."""
        known = context.request.headers.get(b"if-none-match", b"").decode("latin-1")
        found = WAIT_PREFERENCE.search(context.request.headers.get(b"prefer", b""))
        return Condition(known, min(int(found[1]), MAX_WAIT_SECONDS) if known and found else 0)


class ConditionalReads(Exchange):
    """Answers GET and HEAD for methods that only read."""

    def __init__(
        self,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        interceptors: Interceptors,
        *,
        waiting: FairQuota,
        readiness: Readiness,
    ) -> None:
        self._requests = requests
        self._calls = calls
        self._responder = responder
        self._interceptors = interceptors
        self._waiting = waiting
        self._readiness = readiness

    def serves(self, method: Method) -> bool:
        return method.reads_only

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        return context.request.method != "POST"

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        condition = Condition.of(context)
        with CancelOnDisconnect(context, receive):
            began = monotonic()
            request, answer = await self._calls.answer(context, request)
            etag = await etag_of(request, answer, began + request.timeout)
            if condition.wait and matches(condition.known, etag):
                del answer  # it may be large, and the wait long
                request, answer, etag, began = await self._another(
                    context, request, condition, etag
                )
            await note_cut(context, request, answer)
            headers = [(b"etag", etag.encode()), VARY]
            if condition.wait:
                headers.append((b"preference-applied", b"wait=%d" % condition.wait))
            before = context.response.headers
            context.response.may_be_kept(NO_CACHE)
            if matches(condition.known, etag):
                context.leave()
                await send_nothing(send, *headers, *context.response.coding.vary, status=304)
            elif context.request.method == "HEAD":
                context.leave()
                head = (*headers, *context.response.coding.vary, request.content_type)
                await send_nothing(send, *head, status=200)
            else:
                within = max(request.timeout - (monotonic() - began), 0)
                try:
                    pieces, more = form_of(context, request, answer)
                    del answer  # sent parts can be freed
                    form = pieces, (*headers, *more)
                    await self._responder.send(context, form, send, within=within)
                except GatewayError:
                    context.response.headers = before
                    raise

    async def _another(
        self, context: RequestContext, request: CallRequest, condition: Condition, etag: str
    ) -> tuple[CallRequest, bytes, str, float]:
        """Wait until the answer changes or the time is over.

        Returns the request of the latest moment, the answer (empty if unchanged), its ETag, and its
        call's start time. Meanwhile the request holds no slot in flight and no answer memory.
        """
        end = monotonic() + condition.wait
        began, took = monotonic(), 0.0
        if not self._waiting.take(context.principal):
            raise unavailable("too many requests wait for another answer", WAITS)
        try:
            while matches(condition.known, etag):
                answer = b""  # the client has it
                left = end - monotonic()
                if left <= 0 or self._readiness.stopping:
                    break
                context.leave()
                if context.call.lease is not None:
                    context.call.lease.close()
                began = monotonic()
                spread = uniform(1, POLL_JITTER_FACTOR)  # noqa: S311 - no secret
                pause = max(POLL_INTERVAL_SECONDS, took * POLL_PAUSE_FACTOR) * spread
                try:
                    await self._pause(min(began + pause, end))
                finally:
                    context.note_wait(monotonic() - began, as_asked=True)
                self._requests.reauthorize(context)
                try:
                    self._interceptors.enter(context)
                except GatewayError:  # no slot is free: wait for the next poll
                    continue
                began, before = monotonic(), context.call.with_cuebot
                request = of_this_moment(request)
                request, answer = await self._calls.answer(context, request)
                took = monotonic() - began
                etag = await etag_of(request, answer, began + request.timeout)
                if matches(condition.known, etag):  # many short polls are not a slow call
                    context.call.with_cuebot = before
                    context.note_wait(monotonic() - began, as_asked=True)
        finally:
            self._waiting.give_back(context.principal)
        return request, answer, etag, began

    async def _pause(self, end: float) -> None:
        while (  # noqa: ASYNC110 - there is no event for a stop
            left := end - monotonic()
        ) > 0 and not self._readiness.stopping:
            await asyncio.sleep(min(left, POLL_INTERVAL_SECONDS))


async def etag_of(request: CallRequest, answer: bytes, deadline: float) -> str:
    """Raises DEADLINE_EXCEEDED after `deadline` (monotonic)."""
    form = request.form
    digest = blake2b(AnswersVersion.of(request.catalog).digest, digest_size=16)
    digest.update((form.key if form is not None else "").encode())
    begin_at_once()
    finding = finding_of(request, answer)
    while True:
        try:
            next(finding)
        except StopIteration as found:
            digest.update(found.value)
            break
        except DecodeError:  # reported by the encoder
            digest.update(answer)
            break
        if monotonic() > deadline:
            raise GatewayError(Code.DEADLINE_EXCEEDED, ETAG_LATE_MESSAGE)
        await let_others_run()
    return f'W/"{digest.hexdigest()}"'
