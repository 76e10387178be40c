"""The express lane: plain calls, made and answered in the connection's own callbacks.

A second door of the app, for this gateway's own server. The rules are those of the ASGI way, in the
same functions, but there is no task, future, scope or message for each request. It takes a POST to
a known method with a short, plain body, for which the profile has no steps. A request that
turns out to need waiting, or an object to be looked up first, goes on in a task.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from starlette.types import Message, Send

from gateway.access.limits import Count, RateLimits, waited
from gateway.access.tokens import Authenticator
from gateway.calls.failures import error_for
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import Code, GatewayError
from gateway.http.call_maker import form_of
from gateway.http.change_log import CANCELLED
from gateway.http.cors import CorsRules
from gateway.http.direct import DirectConnection
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.error_answer import error_answer, send_error, told_of
from gateway.http.exchange import ClientGone, Exchange, Reporter, close, open_exchange
from gateway.http.guard import admit, identify
from gateway.http.middleware import conclude, note_disconnect, noting, stopping
from gateway.http.proxies import TrustedProxies
from gateway.http.received import ReceivedHead
from gateway.http.request import CallRequest
from gateway.http.respond import answer_at_once
from gateway.http.spans import Sampler
from gateway.http.unary import UnaryHandler
from gateway.upstream.interface import CallFailed

Spawn = Callable[[Any, Coroutine[Any, Any, None]], object]
"""Answers a `PlainRequest` in a task, for which the server waits when it stops."""


class PlainRequest(DirectConnection, Protocol):
    """A request as the server has parsed it."""

    head: ReceivedHead
    on_stop: Callable[[], object] | None
    """Called when the server stops and cannot wait for the answer any longer."""

    async def receive(self) -> Message: ...
    async def send(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressLane:
    """The parts of the app that plain calls go through."""

    live: LiveCatalog
    proxies: TrustedProxies
    cors: CorsRules | None
    authenticator: Authenticator
    limits: RateLimits
    handler: UnaryHandler
    reporters: list[Reporter]
    changes_wait: bool = False
    """Whether calls that change something need a task each."""
    sampler: Sampler | None = None
    """Decides which requests are traced, if some are."""

    def takes(self, request: PlainRequest) -> bool:
        """Whether a request goes this way, by its head. Nothing is done yet."""
        catalog, head = self.live.current, request.head
        if catalog is None or not head.is_plain:
            return False
        method = catalog.routes.get(head.path)
        if method is None or not method.is_plain:
            return False
        if method.identity is not None and method.identity.element:
            return False  # reading its XML may be for another process
        return method.reads_only or not self.changes_wait

    def serve(self, request: PlainRequest, peer: str, spawn: Spawn) -> None:
        """Serve a request that this lane takes and whose body has arrived. Does not raise."""
        head = request.head
        exchange = open_exchange(
            http_method=head.method,
            path=head.path,
            headers=head.fields,
            peer=peer,
            proxies=self.proxies,
            direct=request,
            sampler=self.sampler,
        )
        if self.cors is not None:
            self.cors.allow(exchange)
        call = PlainCall(self, exchange, request, spawn)
        refusal = identify(exchange, self.authenticator)
        count = self.limits.count(exchange.subject, exchange.client)
        if isinstance(count, Count) and not count.wait:
            call.begin(count, refusal)
        else:
            call.begin_later(count, refusal)


class PlainCall:
    """One request on the lane, and the sink of its call to Cuebot."""

    __slots__ = (
        "_began",
        "_cancel",
        "_exchange",
        "_lane",
        "_outcome",
        "_read",
        "_request",
        "_spawn",
        "_under_way",
    )

    def __init__(
        self, lane: ExpressLane, exchange: Exchange, request: PlainRequest, spawn: Spawn
    ) -> None:
        self._lane = lane
        self._exchange = exchange
        self._request = request
        self._spawn = spawn
        self._under_way = False
        """Whether Cuebot has been called and has not answered."""

    def begin(self, count: Count, refusal: GatewayError | None) -> None:
        """Make the call, or answer with what is wrong with the request."""
        exchange, handler = self._exchange, self._lane.handler
        try:
            admit(exchange, count, refusal)
            requests = handler.requests
            head = requests.read_plain_head(exchange, self._request.head)
            body = requests.bodies.take(exchange)
            assert body is not None
            requests.enter(exchange)
            self._read = requests.plain_request(exchange, self._request.head, head, body)
            planned = self._read.plan
            # An object has no id; or there is a new profile; or rows will have to be counted.
            if planned.look_ups or planned.follow_ups or self._read.cut_at:
                self._answer_in_task(self._read)
                return
            self._outcome = handler.calls.begin(exchange, self._read)
            self._began = monotonic()
            self._under_way = True
            cancel = handler.calls.start(exchange, self._read, self)
        except Exception as error:
            if self._under_way:  # nobody knows how far it has come
                self._end_call(Code.INTERNAL, Code.INTERNAL.http_status)
            if isinstance(error, GatewayError):
                self._refuse(error)
            else:
                self._fail(error)
            return
        if cancel is None:  # it has to wait for a connection
            self._under_way = False
            self._answer_in_task(self._read)
        elif self._under_way:  # it may have failed at once
            self._cancel = cancel
            self._request.on_disconnect = self._on_disconnect
            self._request.on_stop = self._on_stop

    def begin_later(self, counting: Count | Awaitable[Count], refusal: GatewayError | None) -> None:
        """Go on in a task, which waits as the rate limit says."""

        async def answer(send: Send) -> None:
            admit(self._exchange, await waited(counting), refusal)
            await self._lane.handler.handle(self._exchange, self._request.receive, send)

        self._go_on(answer)

    # --- the outcome of the call ------------------------------------------------------------

    def expects(self, size: int, go_on: Callable[[], None]) -> bool:
        return self._lane.handler.calls.expect(self._exchange, size, go_on)

    def answered(self, message: bytes) -> None:
        exchange, handler = self._exchange, self._lane.handler
        self._end_call(Code.OK, Code.OK.http_status)
        exchange.code = Code.OK
        try:
            form = form_of(exchange, self._read, message)
            if answer_at_once(exchange, form):
                self._report()
                return
        except Exception as error:
            self._fail(error)
            return

        within = max(self._read.timeout - (monotonic() - self._began), 0)

        async def send_it(send: Send) -> None:
            with CancelOnDisconnect(exchange, self._request.receive):
                await handler.responder.send(exchange, form, send, within=within)

        self._go_on(send_it)

    def failed(self, failure: CallFailed) -> None:
        if failure.sent:
            error = error_for(failure, self._read.plan.method, self._read.plan.payload)
            self._end_call(error.code, error.status)
            self._fail(error)
        else:  # Cuebot has not looked at it: `Upstream.call` knows where else to make it
            self._end_call()
            left = max(self._read.timeout - (monotonic() - self._began), 0)
            self._answer_in_task(self._read._replace(timeout=left))

    def _end_call(self, code: Code | None = None, status: int = 0) -> None:
        """With a code, the call has been made, or may have been."""
        self._under_way = False
        if self._outcome is not None and code is not None:
            self._outcome(code, status)
        self._request.on_disconnect = self._request.on_stop = None
        outcome = Code.UNAVAILABLE if code is None else code
        self._lane.handler.calls.finish(self._exchange, self._began, outcome)

    def _on_stop(self) -> None:
        self._cancel()
        self._end_call(*CANCELLED)
        self._fail(stopping())

    def _on_disconnect(self) -> None:
        self._cancel()
        self._end_call(*CANCELLED)
        note_disconnect(self._exchange)
        self._report()

    # --- the end ----------------------------------------------------------------------------

    def _refuse(self, error: GatewayError) -> None:
        """Answer with an error from before the call; what was denied is written down."""
        writing = self._lane.handler.requests.note_denied(self._exchange, error)
        if writing is None:
            self._fail(error)
            return

        async def refuse(send: Send) -> None:
            await writing
            raise error

        self._go_on(refuse)

    def _fail(self, problem: Exception) -> None:
        """Answer with an error; nobody has been answered yet."""
        exchange = self._exchange
        if isinstance(problem, ClientGone):
            note_disconnect(exchange)
            self._report()
            return
        error = told_of(problem, exchange)
        exchange.fail(error)
        headers, body = error_answer(error)
        try:
            if "Connection" not in error.headers and exchange.answer(error.status, headers, body):
                self._report()
                return
        except ClientGone:
            self._fail(ClientGone())
            return
        self._go_on(lambda send: send_error(exchange, error, self._request.receive, send))

    def _answer_in_task(self, request: CallRequest) -> None:
        handler, receive = self._lane.handler, self._request.receive
        self._go_on(lambda send: handler.answer(self._exchange, request, receive, send))

    def _go_on(self, answer: Callable[[Send], Coroutine[Any, Any, None]]) -> None:
        """Answer in a task, as on the ASGI way."""
        send = noting(self._exchange, self._request.send)
        receive, reporters = self._request.receive, self._lane.reporters
        self._spawn(self._request, conclude(self._exchange, answer(send), receive, send, reporters))

    def _report(self) -> None:
        close(self._exchange, self._lane.reporters)
