"""Making a request's calls to Cuebot."""

from collections.abc import Awaitable, Callable, Container
from functools import lru_cache, partial
from time import monotonic
from urllib.parse import quote

from gateway.core.calls.answer_form import SentRequest
from gateway.core.calls.explanations import LARGEST_EMPTY_BYTES, Questions
from gateway.core.calls.failures import NO_WORDING, Wording, error_for, may_be_explained
from gateway.core.calls.instead import Instead
from gateway.core.calls.invoke import (
    Around,
    Invocation,
    calls_within,
    rehearse,
)
from gateway.core.calls.plan import Plan
from gateway.core.calls.rows import is_cut
from gateway.core.errors import Code, GatewayError
from gateway.core.fair_quota import FairSemaphore, MemoryLease
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest
from gateway.core.principal import ADDRESS, PRINCIPAL, SHARED
from gateway.core.upstream.interface import CallFailed, Metadata, Upstream, UpstreamCall

PlanAgain = Callable[[Plan, Invocation, Container[str]], Awaitable[Plan]]
"""From a plan to another one, by calls to methods with some of these paths."""
OK, CANCELLED = Code.OK, Code.CANCELLED
"""Looking up an enum's member calls a function before Python 3.12."""


class CallMaker:
    def __init__(
        self,
        upstream: Upstream,
        for_copies: Upstream,
        answers: FairSemaphore,
        interceptors: Interceptors,
    ) -> None:
        """`for_copies`: for callers who see only a part of answers, which is made for each of them.
        `answers` is the memory for large answers, in bytes.
        """
        self._upstream = upstream
        self._for_copies = for_copies
        self._answers = answers
        self._interceptors = interceptors

    def expect(self, context: RequestContext, size: int, go_on: Callable[[], None]) -> bool:
        """Reserve memory for `size` bytes (see `Expects`). The request returns it."""
        if context.call.lease is None:
            context.call.lease = MemoryLease(self._answers, context.principal)
        return context.call.lease.ask(size, go_on)

    async def try_out(self, context: RequestContext, request: CallRequest) -> None:
        """Do all that comes before a call, without it. Raises GatewayError as `call` does."""
        began = monotonic()
        try:
            if not await self.rehearse(context, request) and request.plan.look_ups:
                await self._look_names_up(context, request)
        except GatewayError as error:
            left = request.timeout - (monotonic() - began)
            raise await self._explained(error, context, request, left) from None

    async def _look_names_up(self, context: RequestContext, request: CallRequest) -> None:
        began, upstream = monotonic(), self._upstream_of(context)
        metadata, expects = self._metadata_of(context), partial(self.expect, context)
        call = calls_within(request.timeout, upstream, metadata, expects)
        try:
            await Invocation(call).look_up(request.plan)
        finally:
            context.call.with_cuebot += monotonic() - began

    async def rehearse(self, context: RequestContext, request: CallRequest) -> bool:
        """Find out whether a call would be allowed, without making it. Raises GatewayError. False
        if the method alone decides: nothing has been looked up.
        """
        around = self._interceptors.calls.rehearsal(context, request.plan.method)
        if around is None:
            return False
        began = monotonic()
        metadata, expects = self._metadata_of(context), partial(self.expect, context)
        call = calls_within(request.timeout, self._upstream_of(context), metadata, expects)
        try:
            await rehearse(request.plan, call, around)
        finally:
            context.call.with_cuebot += monotonic() - began
        return True

    def _upstream_of(self, context: RequestContext) -> Upstream:
        is_partial = context.caller is not None and context.caller.rights.is_partial
        return self._for_copies if is_partial else self._upstream

    async def call(
        self, context: RequestContext, request: CallRequest, innermost: Around | None = None
    ) -> bytes:
        """Raises GatewayError. `innermost` wraps each call to Cuebot inside the interceptors."""
        began, code = monotonic(), CANCELLED
        resolved: list[str] = []
        plan, method, timeout = request.plan, request.plan.method, request.timeout
        wording: Wording = method.aspects.get(Wording, NO_WORDING)
        around = self._interceptors.calls.around(context, innermost)
        upstream = self._upstream_of(context)
        metadata, expects = self._metadata_of(context), partial(self.expect, context)
        is_alone = not (around or plan.look_ups or plan.follow_ups or wording.tell_apart)
        try:
            if is_alone and Instead not in method.aspects:  # one call, whatever Cuebot answers
                asked = UpstreamCall(method.path, plan.payload, timeout, metadata, expects)
                try:
                    answer = await upstream.call(asked)
                except CallFailed as failed:
                    raise error_for(failed, method, plan.payload) from None
            else:
                call = calls_within(timeout, upstream, metadata, expects)
                answer = await Invocation(around(call) if around else call, resolved).answer(plan)
            code = OK
        except GatewayError as error:
            code = error.code
            left = timeout - (monotonic() - began)
            raise await self._explained(error, context, request, left, metadata) from None
        finally:
            self._note_times(context, began, code)
        context.response.code = OK
        if resolved:  # a waiting GET calls several times
            note_resolved(context, resolved)
        if len(answer) <= LARGEST_EMPTY_BYTES and wording.explains_empty:
            ask = self._questions(context, request, timeout - (monotonic() - began), metadata)
            if ask is not None and not context.request.is_shared:
                await self._interceptors.calls.explain_empty(context, plan, answer, ask)
        return answer

    async def answer(
        self, context: RequestContext, request: CallRequest
    ) -> tuple[CallRequest, bytes]:
        """As `call`, and the second call if the form needs one. The request has the form with what
        that one found.
        """
        form = request.form
        if form is None or form.second_call is None:
            return request, await self.call(context, request)
        began, sent = monotonic(), SentRequest(request.plan.method)
        answer = await self.call(context, request, sent.around)
        left = max(request.timeout - (monotonic() - began), 0)
        metadata, expects = self._metadata_of(context), partial(self.expect, context)
        call = calls_within(left, self._upstream_of(context), metadata, expects)
        around = self._interceptors.calls.around(context)
        began, code = monotonic(), CANCELLED
        try:
            look_up = request.catalog.routes[form.second_call.call]
            form = await form.completed(sent, look_up, answer, around(call) if around else call)
            code = OK
        except GatewayError as error:
            code = error.code
            raise
        finally:
            self._note_times(context, began, code)
        return request._replace(form=form), answer

    async def planned_again(
        self, context: RequestContext, request: CallRequest, plan_again: PlanAgain
    ) -> CallRequest:
        """The request with another plan, for which calls are made. Raises GatewayError."""
        assert context.caller is not None, "no method is called without a token"
        began, code = monotonic(), CANCELLED
        resolved: list[str] = []
        metadata, expects = self._metadata_of(context), partial(self.expect, context)
        call = calls_within(request.timeout, self._upstream, metadata, expects)
        around = self._interceptors.calls.around(context)
        invocation = Invocation(around(call) if around else call, resolved)
        allowed = context.caller.rights.allowed(request.catalog)
        try:
            plan = await plan_again(request.plan, invocation, allowed)
            code = OK
        except GatewayError as error:
            code = error.code
            left = request.timeout - (monotonic() - began)
            raise await self._explained(error, context, request, left, metadata) from None
        finally:
            self._note_times(context, began, code)
        if resolved:
            note_resolved(context, resolved)
        return request._replace(plan=plan)

    async def _explained(
        self,
        error: GatewayError,
        context: RequestContext,
        request: CallRequest,
        left: float,
        metadata: Metadata | None = None,
    ) -> GatewayError:
        if not may_be_explained(error):
            return error
        metadata = self._metadata_of(context) if metadata is None else metadata
        ask = self._questions(context, request, left, metadata)
        if ask is None:
            return error
        return await self._interceptors.calls.explain(context, request.catalog, error, ask)

    def _questions(
        self, context: RequestContext, request: CallRequest, left: float, metadata: Metadata
    ) -> Questions | None:
        """None where answers are partial: time and calls would tell of what they lack."""
        caller = context.caller
        if caller is None or caller.rights.is_partial:
            return None
        return Questions(self._upstream, metadata, left, caller.rights.allowed(request.catalog))

    def _metadata_of(self, context: RequestContext) -> Metadata:
        """The request id, the caller's address and subject. The token is never sent."""
        request = context.request
        subject = SHARED if request.is_shared else context.subject or ""
        for calling in self._interceptors.calls.calling:
            calling(context)
        return (
            ("x-request-id", request.id),
            *context.call.metadata,
            *caller_metadata(request.client, subject),
        )

    def _note_times(self, context: RequestContext, began: float, code: Code) -> None:
        ended = monotonic()
        context.call.with_cuebot += ended - began
        for called in self._interceptors.calls.called:
            called(context, began, ended, code)


def note_resolved(context: RequestContext, resolved: list[str]) -> None:
    context.response.set_header(b"x-resolved", ", ".join(resolved).encode())


async def note_cut(context: RequestContext, request: CallRequest, answer: bytes) -> None:
    if request.cut_at and await is_cut(request.plan.method, answer, request.cut_at):
        context.response.headers.append((b"x-truncated", b"%d" % request.cut_at))


@lru_cache(maxsize=1024)
def caller_metadata(client: str, subject: str) -> Metadata:
    """The subject is percent-encoded, since gRPC metadata is printable ASCII."""
    return ((ADDRESS, client), (PRINCIPAL, quote(subject, safe="")))
