"""The handler of methods: one request, one answer."""

from time import monotonic

from starlette.types import Receive, Scope, Send

from gateway.calls.preview import preview
from gateway.errors import Code, GatewayError
from gateway.http.call_maker import CallMaker, form_of, note_cut
from gateway.http.conditional import ConditionalReads
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.exchange import Exchange, exchange_of
from gateway.http.request import CallRequest, RequestReader
from gateway.http.respond import Responder, form_for


class UnaryHandler:
    """The ASGI app behind the guard: every path that is a method's, or could be."""

    def __init__(
        self,
        requests: RequestReader,
        calls: CallMaker,
        responder: Responder,
        reads: ConditionalReads,
    ) -> None:
        self.requests = requests
        self.calls = calls
        self.responder = responder
        self._reads = reads
        """For GET and HEAD."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(exchange_of(scope), receive, send)

    async def handle(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Read a request and answer it. Raises GatewayError and ClientGone."""
        try:
            await self._handle(exchange, receive, send)
        except GatewayError as error:
            await self.requests.tell_denied(exchange, error, receive)
            raise

    async def _handle(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        request = await self.requests.read(exchange, receive)
        if exchange.dry_run:
            exchange.code = Code.OK
            form = form_for(exchange, preview(request.plan))
            with CancelOnDisconnect(exchange, receive):
                await self.responder.send(exchange, form, send, within=request.timeout)
        elif exchange.http_method == "POST":
            await self.answer(exchange, request, receive, send)
        else:
            await self._reads.answer(exchange, request, receive, send)

    async def answer(
        self, exchange: Exchange, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        """Answer a request that has been read. Raises GatewayError and ClientGone."""
        began = monotonic()
        with CancelOnDisconnect(exchange, receive):
            answer = await self.calls.call(exchange, request)
            await note_cut(exchange, request, answer)
            form = form_of(exchange, request, answer)
            del answer  # what has been sent of it is not needed any more
            within = max(request.timeout - (monotonic() - began), 0)
            await self.responder.send(exchange, form, send, within=within)
