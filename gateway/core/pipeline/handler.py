"""The handler of methods, with all steps of a request in order."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from weakref import ref

from starlette.types import Receive, Scope, Send

from gateway.core.calls.failures import NotServed
from gateway.core.calls.plan import ALWAYS_QUICK_BYTES
from gateway.core.errors import GatewayError
from gateway.core.pipeline.call_maker import CallMaker, note_cut
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.form import form_of
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import CallRequest, RequestHead, RequestReader, takes_long
from gateway.core.pipeline.respond import Responder, answer_at_once
from gateway.core.pipeline.waiting import Patience
from gateway.core.schema.catalog import Catalog


class UnaryHandler:
    def __init__(
        self,
        interceptors: Interceptors,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        leave_out: Callable[[str], object],
        exchanges: Iterable[Exchange] = (),
    ) -> None:
        """`leave_out` is told the path of each method that Cuebot does not serve."""
        self._interceptors = interceptors
        self._requests = requests
        self._calls = calls
        self._responder = responder
        self._leave_out = leave_out
        self.serve(exchanges)

    def serve(self, exchanges: Iterable[Exchange]) -> None:
        """Of several that a request asks for, the first one wins."""
        self.exchanges = tuple(exchanges)
        self._serving = Serving(self.exchanges)
        self._triggers = self._serving.headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context: RequestContext = scope["context"]
        requests = self._requests
        waiting = self._interceptors.admit(context)
        if waiting is not None:
            await waiting
        try:
            has_trigger = not self._triggers.isdisjoint(context.request.headers)
            if has_trigger:
                self._serving.read_head(context)
            head = requests.read_head(context)
            body = requests.bodies.take(context)
            if (
                body is None
                or len(body) > ALWAYS_QUICK_BYTES
                or not head.is_plain
                or context.waiting.patience is not None
            ):
                request, body = await self._take_in(context, head, body, receive)
            else:
                request = requests.plan(context, head, body)
            may_ask = has_trigger or request.asked is not None or context.request.method != "POST"
            if may_ask and (exchange := self._serving.asked_for(context, request)) is not None:
                answering = exchange.answer(context, request, body, receive, send)
                del head, body, request  # an exchange may be long
                await answering
                return
            began = monotonic()
            with CancelOnDisconnect(context, receive):
                if request.form is not None and request.form.second_call is not None:
                    request, answer = await self._calls.answer(context, request)
                else:
                    answer = await self._calls.call(context, request)
                if request.cut_at:
                    await note_cut(context, request, answer)
                form = form_of(context, request, answer)
                del answer  # sent parts can be freed
                if not answer_at_once(context, form):  # as most do, without another coroutine
                    within = max(request.timeout - (monotonic() - began), 0)
                    await self._responder.send_in_parts(context, form, send, within=within)
        except GatewayError as error:
            if isinstance(error, NotServed) or context.call.denied is not None:
                await self._tell_of(context, error, receive)
            raise

    async def _tell_of(
        self, context: RequestContext, error: GatewayError, receive: Receive
    ) -> None:
        if isinstance(error, NotServed):
            self._leave_out(error.path)
        if context.call.denied is not None:
            context.leave()  # the rest of the request may take a while
            await self._requests.tell_of_denial(context, error, receive)

    async def _take_in(
        self, context: RequestContext, head: RequestHead, body: bytes | None, receive: Receive
    ) -> tuple[CallRequest, bytes]:
        """A request that may have to wait: for its body, for a place, or for another process that
        plans it. `body` is what has arrived, if it is whole.
        """
        requests, is_late = self._requests, body is None
        if is_late:
            context.leave()  # who sends slowly holds no place meanwhile
        body = await requests.message_in(context, head, body, receive)
        if (patience := context.waiting.patience) is not None:
            await self._enter_later(context, patience)
        elif is_late:
            self._interceptors.enter(context)
        if takes_long(head, body):
            return await requests.plan_offloaded(context, head, body, receive), body
        return requests.plan(context, head, body), body

    async def _enter_later(self, context: RequestContext, patience: Patience) -> None:
        began = monotonic()
        try:
            await patience.enter(partial(self._interceptors.enter, context))
        finally:
            context.note_wait(monotonic() - began)


class Serving:
    """The exchanges that serve each method of the current catalog."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exchanges = exchanges
        self.headers = frozenset[bytes]().union(*(each.headers for each in self._exchanges))
        self._catalog: ref[Catalog] | None = None
        self._of_methods: dict[str, tuple[Exchange, ...]] = {}

    def read_head(self, context: RequestContext) -> None:
        """Raises GatewayError."""
        for each in self._exchanges:
            each.read_head(context)

    def asked_for(self, context: RequestContext, request: CallRequest) -> Exchange | None:
        """The first one that a request asks for which has a trigger; None for a plain call."""
        if self._catalog is None or self._catalog() is not request.catalog:
            self._compose(request.catalog)
        for each in self._of_methods[request.plan.method.path]:
            if each.is_asked(context, request):
                return each
        return None

    def _compose(self, catalog: Catalog) -> None:
        self._catalog = ref(catalog)
        self._of_methods = {
            method.path: tuple(each for each in self._exchanges if each.serves(method))
            for method in catalog.methods
        }
