"""The handler of methods, with all steps of a request in order."""

from functools import partial
from time import monotonic

from starlette.types import Receive, Scope, Send

from gateway.calls.preview import preview
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.call_maker import CallMaker, note_cut
from gateway.core.pipeline.context import RequestContext, context_of
from gateway.core.pipeline.direct_connection import KEY_HEADER
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.form import form_for, form_of
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest, RequestReader, takes_long
from gateway.core.pipeline.respond import Responder, answer_at_once
from gateway.features.watch.watches import Watches
from gateway.http.at_most_once import AtMostOnce
from gateway.http.batch_queue import BatchQueue
from gateway.http.conditional import ConditionalReads


class UnaryHandler:
    def __init__(
        self,
        interceptors: Interceptors,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        reads: ConditionalReads,
        once: AtMostOnce,
        watches: Watches,
    ) -> None:
        self._interceptors = interceptors
        self._requests = requests
        self._calls = calls
        self._responder = responder
        self._reads = reads
        self._once = once
        self._watches = watches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context, requests = context_of(scope), self._requests
        waiting = self._interceptors.admit(context)
        if waiting is not None:
            await waiting
        try:
            head = requests.read_head(context)
            body = requests.body_if_here(context, head)
            if body is None:
                body = await requests.wait_for_body(context, head, receive)
            if context.queue is None:
                self._interceptors.enter(context)
            else:
                await self._enter_later(context, context.queue)
            if takes_long(head, body):
                request = await requests.plan_offloaded(context, head, body, receive)
            else:
                request = requests.plan(context, head, body)
            if context.dry_run:
                await self._show(context, request, receive, send)
            elif request.watch is not None:
                del head, body  # a stream may be long
                await self._watches.answer(context, request, receive, send)
            elif context.request.method != "POST":
                await self._reads.answer(context, request, receive, send)
            elif KEY_HEADER in context.request.headers and not request.plan.method.reads_only:
                await self._once.answer(context, request, body, receive, send)
            else:
                await self._call(context, request, receive, send)
        except GatewayError as error:
            await requests.audit_denial(context, error, receive)
            raise

    async def _enter_later(self, context: RequestContext, queue: BatchQueue) -> None:
        began = monotonic()
        try:
            await queue.enter(partial(self._interceptors.enter, context))
        finally:
            context.waited += monotonic() - began

    async def _show(
        self, context: RequestContext, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        form = form_for(context, preview(request.plan, defaults=request.defaults))
        with CancelOnDisconnect(context, receive):
            await self._calls.try_out(context, request)
            context.response.code = Code.OK
            await self._responder.send(context, form, send, within=request.timeout)

    async def _call(
        self, context: RequestContext, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        began = monotonic()
        with CancelOnDisconnect(context, receive):
            if request.view is not None and request.view.owned is not None:
                request, answer = await self._calls.call_for_view(context, request)
            else:
                answer = await self._calls.call(context, request)
            if request.cut_at:
                await note_cut(context, request, answer)
            form = form_of(context, request, answer)
            del answer  # sent parts can be freed
            if not answer_at_once(context, form):  # as most do, without another coroutine
                within = max(request.timeout - (monotonic() - began), 0)
                await self._responder.send_in_parts(context, form, send, within=within)
