"""The handler of methods: one request, one answer. The order of a request stands here."""

from time import monotonic

from starlette.types import Receive, Scope, Send

from gateway.calls.preview import preview
from gateway.errors import Code, GatewayError
from gateway.http.call_maker import CallMaker, form_of, note_cut
from gateway.http.conditional import ConditionalReads
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.exchange import Exchange, exchange_of
from gateway.http.guard import Guard
from gateway.http.request import CallRequest, RequestReader
from gateway.http.respond import Responder, answer_at_once, form_for


class UnaryHandler:
    """The ASGI app of every path that is a method's, or could be."""

    def __init__(
        self,
        guard: Guard,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        reads: ConditionalReads,
    ) -> None:
        self._guard = guard
        self._requests = requests
        self._calls = calls
        self._responder = responder
        self._reads = reads
        """For GET and HEAD."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Raises GatewayError and ClientGone."""
        exchange, requests = exchange_of(scope), self._requests
        await self._guard.admit(exchange)
        try:
            head = requests.read_head(exchange)
            body = await requests.read_body(exchange, head, receive)
            requests.enter(exchange)
            request = await requests.plan(exchange, head, body, receive)
            if exchange.dry_run:
                await self._show(exchange, request, receive, send)
            elif exchange.http_method == "POST":
                await self._call(exchange, request, receive, send)
            else:
                await self._reads.answer(exchange, request, receive, send)
        except GatewayError as error:
            await requests.tell_denied(exchange, error, receive)
            raise

    async def _show(
        self, exchange: Exchange, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        """Answer a dry run: with the calls that would be made."""
        exchange.code = Code.OK
        form = form_for(exchange, preview(request.plan))
        with CancelOnDisconnect(exchange, receive):
            await self._responder.send(exchange, form, send, within=request.timeout)

    async def _call(
        self, exchange: Exchange, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        """Make the calls, and answer with what Cuebot says."""
        began = monotonic()
        with CancelOnDisconnect(exchange, receive):
            answer = await self._calls.call(exchange, request)
            if request.cut_at:
                await note_cut(exchange, request, answer)
            form = form_of(exchange, request, answer)
            del answer  # what has been sent of it is not needed any more
            if not answer_at_once(exchange, form):
                within = max(request.timeout - (monotonic() - began), 0)
                await self._responder.send(exchange, form, send, within=within)
