"""Who may pass: the token and the rate limit, in front of methods and protected pages."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.limits import Count, RateLimits
from gateway.access.tokens import Authenticator
from gateway.errors import GatewayError
from gateway.http.exchange import Exchange, exchange_of


class Guard:
    """Lets a request pass to `app` as its principal, within its principal's rate.

    Requests without a valid token are refused, and count against their address. With `public`,
    they pass as nobody's. Without an authenticator, everybody passes within their address's rate.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: RateLimits,
        authenticator: Authenticator | None,
        public: bool = False,
    ) -> None:
        self._app = app
        self._limits = limits
        self._authenticator = authenticator
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        refusal = None
        if self._authenticator is not None:
            refusal = identify(exchange, self._authenticator)
            if refusal is not None and self._public:
                refusal, exchange.caller = None, self._authenticator.nobody()
        count = await self._limits.admit(exchange.subject, exchange.client)
        admit(exchange, count, refusal)
        await self._app(scope, receive, send)


def identify(exchange: Exchange, authenticator: Authenticator) -> GatewayError | None:
    """Note whose token the request has, or return why it has none."""
    try:
        caller = authenticator.authenticate(exchange.headers.get(b"authorization"))
    except GatewayError as error:
        return error
    exchange.caller = caller
    exchange.subject = caller.subject
    return None


def admit(exchange: Exchange, count: Count, refusal: GatewayError | None) -> None:
    """Note how a request was counted, and raise why it may not pass: over its limit, no token."""
    exchange.headers_out += count.headers
    exchange.waited += count.wait
    if count.refusal is not None:
        raise count.refusal
    if refusal is not None:
        raise refusal
