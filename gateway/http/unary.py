"""The handler of methods: one request, one answer."""

from collections.abc import Callable
from time import monotonic

from starlette.types import Receive, Scope, Send

from gateway.access.admission import InFlight
from gateway.calls.invoke import invoke
from gateway.calls.metadata import caller_metadata
from gateway.calls.preview import preview
from gateway.errors import Code
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.exchange import Exchange, exchange_of
from gateway.http.request import CallRequest, RequestReader
from gateway.http.respond import LARGE_ANSWER, Responder, form_for
from gateway.upstream.interface import Metadata, Sink, Upstream


class CallMaker:
    """Makes the calls of a request, for any handler."""

    def __init__(self, upstream: Upstream, in_flight: InFlight) -> None:
        self._upstream = upstream
        self._in_flight = in_flight

    async def call(self, exchange: Exchange, request: CallRequest) -> bytes:
        """Cuebot's answer. Raises GatewayError; too many requests in flight are UNAVAILABLE."""
        self._in_flight.take()
        began = monotonic()
        try:
            answer = await invoke(
                request.plan,
                self._upstream,
                timeout=request.timeout,
                metadata=metadata_of(exchange),
            )
        finally:
            self.finish(exchange, began)
        exchange.code = Code.OK
        return answer

    def start(
        self, exchange: Exchange, request: CallRequest, sink: Sink
    ) -> Callable[[], None] | None:
        """Make the one call of a plan and tell `sink` the outcome; the function that cancels it.

        Whoever is told the outcome, or cancels, calls `finish`. None, and nothing is done, if the
        call has to wait for a connection. Raises GatewayError as `call` does.
        """
        self._in_flight.take()
        cancel = self._upstream.start(
            request.plan.method.path,
            request.plan.payload,
            request.timeout,
            metadata_of(exchange),
            sink,
        )
        if cancel is None:
            self._in_flight.give_back()
        return cancel

    def finish(self, exchange: Exchange, began: float) -> None:
        """The calls that began at this time (monotonic seconds) are over."""
        exchange.with_cuebot += monotonic() - began
        self._in_flight.give_back()


def metadata_of(exchange: Exchange) -> Metadata:
    """What Cuebot is told about the caller."""
    return caller_metadata(exchange.request_id, exchange.client, exchange.subject)


class UnaryHandler:
    """The ASGI app behind the guard: every path that is a method's, or could be."""

    def __init__(self, requests: RequestReader, calls: CallMaker, responder: Responder) -> None:
        self.requests = requests
        self.calls = calls
        self.responder = responder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(exchange_of(scope), receive, send)

    async def handle(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Read a request and answer it. Raises GatewayError and ClientGone."""
        request = await self.requests.read(exchange, receive)
        if exchange.dry_run:
            exchange.code = Code.OK
            # A few bytes may stand for a large message of defaults: the client chooses its size.
            turn_within = request.timeout if request.large else None
            form = form_for(exchange, preview(request.plan))
            await self.responder.send(exchange, form, send, turn_within=turn_within)
        else:
            await self.answer(exchange, request, receive, send)

    async def answer(
        self, exchange: Exchange, request: CallRequest, receive: Receive, send: Send
    ) -> None:
        """Answer a request that has been read. Raises GatewayError and ClientGone."""
        began = monotonic()
        with CancelOnDisconnect(receive, exchange.direct):
            answer = await self.calls.call(exchange, request)
            turn_within = None
            if len(answer) > LARGE_ANSWER:
                turn_within = max(request.timeout - (monotonic() - began), 0)
            form = form_for(exchange, request.plan.method.encode(answer))
            await self.responder.send(exchange, form, send, turn_within=turn_within)
