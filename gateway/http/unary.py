"""The handler of methods: one request, one answer."""

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
from gateway.http.respond import LARGE_ANSWER, Responder
from gateway.upstream.interface import Upstream


class CallMaker:
    """Makes the calls of a request, for any handler."""

    def __init__(self, upstream: Upstream, in_flight: InFlight) -> None:
        self._upstream = upstream
        self._in_flight = in_flight

    async def call(self, exchange: Exchange, request: CallRequest) -> bytes:
        """Cuebot's answer. Raises GatewayError; too many requests in flight are UNAVAILABLE."""
        self._in_flight.take()
        metadata = caller_metadata(exchange.request_id, exchange.client, exchange.subject)
        began = monotonic()
        try:
            answer = await invoke(
                request.plan, self._upstream, timeout=request.timeout, metadata=metadata
            )
        finally:
            exchange.with_cuebot += monotonic() - began
            self._in_flight.give_back()
        exchange.code = Code.OK
        return answer


class UnaryHandler:
    """The ASGI app behind the guard: every path that is a method's, or could be."""

    def __init__(self, requests: RequestReader, calls: CallMaker, responder: Responder) -> None:
        self._requests = requests
        self._calls = calls
        self._responder = responder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        request = await self._requests.read(exchange, scope, receive)
        began = monotonic()
        if exchange.dry_run:
            exchange.code = Code.OK
            # A few bytes may stand for a large message of defaults: the client chooses its size.
            await self._responder.send(
                exchange,
                preview(request.plan),
                scope,
                send,
                turn_within=request.timeout if request.large else None,
            )
            return
        with CancelOnDisconnect(receive, exchange.direct):
            answer = await self._calls.call(exchange, request)
            turn_within = None
            if len(answer) > LARGE_ANSWER:
                turn_within = max(request.timeout - (monotonic() - began), 0)
            pieces = request.plan.method.encode(answer)
            await self._responder.send(exchange, pieces, scope, send, turn_within=turn_within)
